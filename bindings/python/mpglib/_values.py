# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Values in shared memory, in the form of multiprocessing."""

from gi.repository import GLib

from . import _guarded, _kinds, _messages, _raw, _shareables, _structures, _synchronized, _views, errors
from ._calls import Mp
from ._classes import SameType, adopt, settable

_Base = adopt(Mp.Value, never_waiting=('add_int64', 'add_double'))

# Whose errors are translated where they are called.
_set_int64 = _Base.set_int64.__wrapped__
_set_double = _Base.set_double.__wrapped__

_SIGN = 1 << 63


class Value(_guarded.Guarded, _Base, metaclass=SameType):
    """One number, character or structure that processes share.

    Mp.Value(typecode_or_type, *args, lock=True): the type is a letter of the module array, a class of ctypes, or
    a GVariant type of more than one letter, as '(dd)'; args are the first content.  lock=True makes an Mp.RLock
    that `value` acquires each time it is read or replaced; an Mp.Lock or Mp.RLock is used likewise.  Reading and
    replacing are whole without it, too.  What reads and replaces takes `with value.get_lock():`, or add().

    lock=False gives what Mp.RawValue() does, an object of ctypes; of a GVariant type, a value without a lock.  A
    structure of ctypes is given as what multiprocessing makes of it, with its members as attributes.  The
    constructor of GObject, Mp.Value(value_type='d'), makes a value without a lock unless one is given.
    """

    __module__ = 'gi.overrides.Mp'

    def __new__(cls, typecode_or_type=None, *args, lock=None, **properties):
        if typecode_or_type is None:
            return super().__new__(cls)
        kind = _kinds.find_kind(typecode_or_type)
        lock = _guarded.check_lock(lock)
        if kind is not None and (lock is not False or kind.ctype is None):
            return super().__new__(cls)
        raw = _raw.RawValue(typecode_or_type, *args, **properties)
        return raw if lock is False else _synchronized.synchronized(raw, lock)

    def __init__(self, typecode_or_type=None, *args, lock=None, **properties):
        if typecode_or_type is None:
            _kinds.check_given(properties, 'value_type')
            super().__init__(lock=None if lock is None else _guarded.make_lock(lock), **properties)
            return
        kind = _kinds.find_kind(typecode_or_type)
        if len(args) > 1 and kind.ctype is not None:
            raise TypeError(f'{typecode_or_type!r} takes one first content, not {len(args)}')
        super().__init__(value_type=kind.gvariant_type, format=kind.format, lock=_guarded.make_lock(lock), **properties)
        if args:
            self._set(args[0] if len(args) == 1 else args)
        elif kind.ctype is None:
            _Base.get_value(self)       # tells of a type that cannot be

    _kept_kind = None

    live = settable('live', 'Whether notify::value tells of changes by others: to be set once it is listened to.')

    def _get_kind(self):
        kind = self._kept_kind
        if kind is None:
            kind = self._kept_kind = _kinds.get_kind(self.get_value_type(), self.get_format())
        return kind

    _near = None

    def _find_near(self):
        """What is at hand for each access: the guard, the memory, what sets, and what fits.

        None if there is no quick way.
        """
        kind, guard = self._get_kind(), self._get_quick_guard()
        if kind is None or guard is None:
            return None
        classes, least, most = kind.usual
        setter = _set_double if float in classes else _set_int64
        return _views.keep(self, '_near', (guard, self._get_cell(), setter, classes, least, min(most, _SIGN - 1)
                                           if setter is _set_int64 else most))

    @property
    def value(self):
        near = self._near or self._find_near()
        if near is not None:
            guard = near[0]
            try:
                if guard._at_once:
                    try:
                        return near[1].value
                    finally:
                        guard._leave()
            except GLib.Error as error:
                raise errors.translate(error) from None
        with self._guard():
            return self._get()

    @value.setter
    def value(self, value):
        near = self._near or self._find_near()
        if near is not None:
            guard, _cell, setter, classes, least, most = near
            try:
                if type(value) in classes and least <= value <= most and guard._at_once:
                    try:
                        setter(self, value)
                        return
                    finally:
                        guard._leave()
            except GLib.Error as error:
                raise errors.translate(error) from None
        with self._guard():
            self._set(value)

    def _get_cell(self):
        """The value as an object of ctypes that this object keeps."""
        cell = self.__dict__.get('_cell')
        if cell is None:
            # It does not keep this object alive, which it does not outlive.
            cell = _views.keep(self, '_cell', self._get_kind().ctype.from_address(self.get_address()))
        return cell

    def _get(self):
        if self._get_kind() is None:
            return _messages.read_variant(_Base.get_value(self))
        return self._get_cell().value

    def _set(self, value):
        kind = self._get_kind()
        if kind is None or kind.gvariant_type == 'b':
            self._set_variant(value)
        elif kind.gvariant_type == 'd' or kind.format == 'f':
            _Base.set_double(self, value)
        else:
            _Base.set_int64(self, self._to_integer(kind, value))

    def _set_variant(self, value):
        _Base.set_value(self, _structures.make_variant(self.get_value_type(), value))

    @staticmethod
    def _to_integer(kind, value):
        if kind.format in ('c', 'u'):
            if not isinstance(value, bytes if kind.format == 'c' else str) or len(value) != 1:
                raise TypeError(f'{value!r} is not {"a byte, as bytes" if kind.format == "c" else "one character"}')
            return ord(value)
        number = kind.check(value)
        return number - 2 * _SIGN if number >= _SIGN else number

    def add(self, amount):
        """Adds in one step, without the lock, and gives the sum; whole numbers begin again beyond their range."""
        kind = self._get_kind()
        if kind is not None and (kind.gvariant_type == 'd' or kind.format == 'f'):
            return self.add_double(amount)
        if not hasattr(amount, '__index__'):
            raise TypeError(f'{amount!r} cannot be added to a whole number')
        total = self.add_int64(amount)
        return total + 2 * _SIGN if total < 0 and kind is not None and kind.gvariant_type == 't' else total

    def get_obj(self):
        """The object of ctypes that the value is, which asks for no lock; what is set there is not notified."""
        kind = self._get_kind()
        if kind is None:
            raise TypeError(f'{self!r} is no object of ctypes')
        return _raw.place(self, kind.ctype)

    def copy(self):
        """Another value with the same content, and no lock."""
        return _Base.copy(self)

    def synchronized(self, lock=None):
        """Another object for the same value, with a lock: a new Mp.RLock, unless one is given."""
        return self.synchronize(_guarded.make_lock(lock))

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__
