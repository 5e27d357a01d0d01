# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Structures and arrays of them in shared memory, with a lock: in the form of multiprocessing."""

import ctypes

from . import _guarded, _kinds, _raw


class SynchronizedBase(_guarded.Guarded):
    """An object of ctypes in shared memory and the lock that goes along with it."""

    def __init__(self, obj, lock):
        self._obj = obj
        self._lock = lock

    def __reduce__(self):
        return type(self), (self._obj, self._lock)

    @property
    def _mp_owner(self):
        """What other languages get: the library's array, with the lock."""
        owner = self.__dict__.get('_owner')
        if owner is None:
            owner = self.__dict__['_owner'] = _raw.get_owner(self._obj).synchronize(self._lock)
        return owner

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


class SynchronizedValue(SynchronizedBase):
    """A number that only ctypes has, got and set with the lock held."""

    @property
    def value(self):
        with self:
            return self._obj.value

    @value.setter
    def value(self, value):
        with self:
            self._obj.value = value


def synchronized(obj, lock=None):
    """The same memory as an object that has a lock: a new Mp.RLock, unless one is given."""
    if hasattr(obj, 'get_lock'):
        if obj.get_lock() is not None:
            raise TypeError(f'{obj!r} has a lock already: use that')
        return obj.synchronized(lock)
    owner, ctype = _raw.get_owner(obj), _raw.get_ctype(obj)
    lock = _guarded.make_lock(lock)
    if _kinds.has_letter(ctype._type_ if issubclass(ctype, ctypes.Array) else ctype):
        return owner.synchronize(lock)
    if issubclass(ctype, ctypes.Array):
        return SynchronizedArray(obj, lock)
    if issubclass(ctype, ctypes._SimpleCData):
        return SynchronizedValue(obj, lock)
    return SynchronizedStructure(obj, lock)


def copy(obj):
    """A copy in shared memory of an object of ctypes, wherever that is, or of a shared one; it has no lock."""
    if hasattr(obj, 'get_lock'):
        with obj.get_lock() or _guarded.NO_LOCK:
            return copy(obj.get_obj()) if isinstance(obj, SynchronizedBase) else obj.copy()
    if not isinstance(obj, _CDATA):
        raise TypeError(f'{obj!r} is neither a shared value or array nor an object of ctypes')
    ctype = getattr(obj, '_mp_ctype', type(obj))
    is_array = issubclass(ctype, ctypes.Array)
    made = _raw.RawArray(ctype._type_, ctype._length_) if is_array else _raw.RawValue(ctype)
    ctypes.memmove(ctypes.addressof(made), ctypes.addressof(obj), ctypes.sizeof(ctype))
    return made


_CDATA = ctypes.c_int.__mro__[-2]       # the base of all classes of ctypes
