# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Structures and arrays of them in shared memory, with a lock: in the form of multiprocessing."""

import ctypes

from . import _guarded, _raw


class SynchronizedBase(_guarded.Guarded):
    """An object of ctypes in shared memory and the lock that goes along with it."""

    def __init__(self, obj, lock):
        self._obj = obj
        self._lock = lock

    def __reduce__(self):
        return type(self), (self._obj, self._lock)

    def get_obj(self):
        """The object itself, which asks for no lock."""
        return self._obj

    def get_lock(self):
        """The lock."""
        return self._lock

    def __repr__(self):
        return f'<Mp.{type(self).__name__.lstrip("_")} {_raw.get_ctype(self._obj).__name__} lock={self._lock}>'


class SynchronizedArray(SynchronizedBase):
    """An array whose elements and slices are got and set with the lock held."""

    def __len__(self):
        return len(self._obj)

    def __getitem__(self, index):
        with self:
            return self._obj[index]

    def __setitem__(self, index, value):
        with self:
            self._obj[index] = value


class SynchronizedStructure(SynchronizedBase):
    """A structure whose members are got and set with the lock held."""

    def __init__(self, obj, lock):
        object.__setattr__(self, '_obj', obj)
        object.__setattr__(self, '_lock', lock)

    def __getattr__(self, name):
        with self:
            return getattr(object.__getattribute__(self, '_obj'), name)

    def __setattr__(self, name, value):
        if not hasattr(type(self._obj), name):
            raise AttributeError(f'{_raw.get_ctype(self._obj).__name__} has no member {name!r}')
        with self:
            setattr(self._obj, name, value)


def synchronized(obj, lock=None):
    """The same memory as an object that has a lock: a new Mp.RLock, unless one is given."""
    owner, ctype = _raw.get_owner(obj), _raw.get_ctype(obj)
    lock = _guarded.make_lock(True if lock is None else lock)
    if issubclass(ctype, ctypes._SimpleCData):
        return owner.synchronize(lock)
    if not issubclass(ctype, ctypes.Array):
        return SynchronizedStructure(obj, lock)
    if issubclass(ctype._type_, ctypes._SimpleCData):
        return owner.synchronize(lock)
    return SynchronizedArray(obj, lock)
