# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Arrays in shared memory, in the form of multiprocessing."""

import ctypes
import operator
import struct
import sys

from gi.repository import GLib

from . import _guarded, _kinds, _memory, _messages, _raw, _shareables, _structures, _synchronized, _views, errors
from ._calls import Mp, taking_array
from ._classes import SameType, adopt

_Base = adopt(Mp.Array)
_Base.new_from_elements = staticmethod(taking_array(_Base.new_from_elements, 0, 'elements'))

# As NumPy has them.
_ORDER = '<' if sys.byteorder == 'little' else '>'
_LETTERS = {'c': 'S', '?': 'b', 'f': 'f', 'd': 'f'}


# Letters that stand for the same bytes, if there are as many: those of ctypes and of buffers are not the same.
_ALIKE = ('bhilqn', 'BHILQN', 'fd', '?', 'cB', 'uw')
_NATIVE = ('@', '=', _ORDER)


def _read_buffer(values, ctype):
    """The bytes of elements of the same kind that lie side by side; None of anything else."""
    try:
        view = memoryview(values)
    except TypeError:
        return None
    letter = view.format[1:] if view.format[:1] in _NATIVE else view.format
    is_same = letter == ctype._type_ or any(letter in alike and ctype._type_ in alike for alike in _ALIKE)
    is_same = is_same and view.itemsize == ctypes.sizeof(ctype) and view.ndim == 1
    return view.tobytes() if is_same and len(letter) == 1 else None


def _read_items(values):
    """The items one by one, those of a buffer too that memoryview cannot read."""
    if not isinstance(values, memoryview):
        return values
    try:
        return values.tolist()
    except NotImplementedError:
        return [item for (item,) in struct.iter_unpack(values.format, values)]


class Array(_guarded.Guarded, _Base, metaclass=SameType):
    """Numbers, characters or structures side by side in memory that processes share.

    Mp.Array(typecode_or_type, size_or_initializer, *, lock=True): the type is a letter of the module array, a class
    of ctypes, or a GVariant type of more than one letter, as '(dd)'; then how many, all zero, or which.  lock=True
    makes an Mp.RLock that elements and slices acquire each time they are read or written; an Mp.Lock or Mp.RLock is
    used likewise.  lock=False gives what Mp.RawArray() does, an array of ctypes; of a GVariant type, one without a
    lock.  The constructor of GObject, Mp.Array(element_type='d', length=3), makes one without, unless one is given.

    view() is the memory itself, a memoryview; numpy.asarray(array) shares it, too.  Neither asks for the lock.

    If a process dies while it sets a slice, or raw or value, reading raises Mp.Abandoned until somebody sets all of
    the array, or looks at view() and calls mark_consistent().  A slice with steps is set one by one.
    """

    __module__ = 'gi.overrides.Mp'

    def __new__(cls, typecode_or_type=None, size_or_initializer=None, *, lock=None, **properties):
        if typecode_or_type is None:
            return super().__new__(cls)
        kind = _kinds.find_kind(typecode_or_type)
        lock = _guarded.check_lock(lock)
        if kind is not None and (lock is not False or kind.ctype is None):
            return super().__new__(cls)
        raw = _raw.RawArray(typecode_or_type, size_or_initializer, **properties)
        return raw if lock is False else _synchronized.synchronized(raw, lock)

    def __init__(self, typecode_or_type=None, size_or_initializer=None, *, lock=None, **properties):
        if typecode_or_type is None:
            _kinds.check_given(properties, 'element_type')
            super().__init__(lock=None if lock is None else _guarded.make_lock(lock), **properties)
            return
        kind = _kinds.find_kind(typecode_or_type)
        length, items = _raw.measure(size_or_initializer)
        super().__init__(element_type=kind.gvariant_type, format=kind.format, length=length,
                         lock=_guarded.make_lock(lock), **properties)
        _memory.call(_Base.get_address, self)       # tells why there is none
        if len(items):
            self._set_slice(0, items)

    _kept_kind = None

    def _get_kind(self):
        kind = self._kept_kind
        if kind is None:
            kind = self._kept_kind = _kinds.get_kind(self.get_element_type(), self.get_format())
        return kind

    # --- The memory

    def view(self):
        """The memory as a memoryview of the elements, or of bytes if they are structures; it keeps the memory."""
        kind = self._get_kind()
        whole = memoryview(self._get_bytes())
        if kind is None or kind.ctype is ctypes.c_wchar:
            return whole.cast('B')
        return whole.cast('B').cast(kind.ctype._type_)

    def _get_bytes(self):
        size = self.get_length() * self.get_element_size()
        made = (ctypes.c_ubyte * size).from_address(_views.get_address(self))
        made._mp_owner = self
        return made

    def _get_structures(self):
        """The memory as an array of structures of ctypes, which keeps it; None if that is not what elements are."""
        made = None if self._get_kind() is not None else _structures.make_class(self.get_element_type())
        return None if made is None else (made * self.get_length()).from_buffer(self._get_bytes())

    def __buffer__(self, _flags):
        """What memoryview() asks for, from Python 3.12 on: it tells the members of structures too."""
        cells = self._get_structures()
        return self.view() if cells is None else memoryview(cells)

    def __array__(self, dtype=None, copy=None):
        """What NumPy takes of structures, with the fields f0, f1 and so on."""
        import numpy
        cells = self._get_structures()
        made = numpy.frombuffer(self._get_bytes(), self._describe() if cells is None else cells._type_)
        if dtype is not None and made.dtype != dtype:
            return made.astype(dtype)
        return made.copy() if copy else made

    @property
    def __array_interface__(self):
        """What NumPy takes of anything else, which keeps this object."""
        if self._get_kind() is None and _structures.make_class(self.get_element_type()) is not None:
            raise AttributeError('the fields of structures are told by __array__()')
        data = (_views.get_address(self), False)
        return {'version': 3, 'shape': (len(self),), 'typestr': self._describe(), 'data': data}

    def _describe(self):
        kind = self._get_kind()
        if kind is None:
            return f'|V{self.get_element_size()}'
        code, size = kind.ctype._type_, ctypes.sizeof(kind.ctype)
        if code == 'u':
            return f'{_ORDER}U1'
        letter = _LETTERS.get(code) or ('i' if code in 'bhilq' else 'u')
        return f'{_ORDER if size > 1 else "|"}{letter}{size}'

    def get_obj(self):
        """The array of ctypes that this is, which asks for no lock."""
        kind = self._get_kind()
        if kind is None:
            raise TypeError(f'{self!r} is no array of ctypes')
        return _raw.place(self, kind.ctype * self.get_length())

    # --- Elements

    def __len__(self):
        return self.get_length()

    def _get_cells(self):
        """The elements as an array of ctypes that this object keeps; None for structures."""
        cells = self.__dict__.get('_cells')
        if cells is None:
            kind = self._get_kind()
            if kind is None:
                return None
            # They do not keep this object alive, which they do not outlive.
            _views.keep(self, '_state', ctypes.c_uint64.from_address(self.get_state_address()))
            made = (kind.ctype * self.get_length()).from_address(self.get_address())
            cells = _views.keep(self, '_cells', made)
        return cells

    def _check_whole(self):
        """After a look at the cells: Mp.Abandoned if a process died while it wrote there."""
        if self._state.value:
            _Base.get_slice(self, 0, 0)

    _near = None

    def _find_near(self):
        """What is at hand for each access: the guard, the cells to read, their state, and the cells to set.

        None if there is no quick way.  Those to set are a memoryview, which refuses what does not fit; there is none
        of Unicode characters.
        """
        cells, guard = self._get_cells(), self._get_quick_guard()
        if cells is None or guard is None:
            return None
        letter = self._get_kind().ctype._type_
        slots = None if letter == 'u' else memoryview(cells).cast('B').cast(letter)
        return _views.keep(self, '_near', (guard, cells, self._state, slots))

    def __getitem__(self, index):
        near = self._near or self._find_near()
        if near is not None:
            guard, cells, state, _slots = near
            try:
                if guard._at_once:
                    try:
                        found = cells[index]
                        if not state.value:
                            return found
                    finally:
                        guard._leave()
            except IndexError:
                pass        # which is told in other words
            except GLib.Error as error:
                raise errors.translate(error) from None
        with self._guard():
            return self._get_item(index)

    def _get_item(self, index):
        cells = self._get_cells()
        if cells is not None:
            found = cells[index if isinstance(index, slice) else self._check(index)]
            self._check_whole()
            return found
        if isinstance(index, slice):
            return [self._get_structure(i) for i in range(*index.indices(len(self)))]
        return self._get_structure(self._check(index))

    def __setitem__(self, index, value):
        near = self._near or self._find_near()
        if near is not None and type(index) is int:
            guard, _cells, _state, slots = near
            try:
                if slots is not None and guard._at_once:
                    try:
                        slots[index] = value
                        return
                    finally:
                        guard._leave()
            except (IndexError, TypeError, ValueError):
                pass        # which is told in other words
            except GLib.Error as error:
                raise errors.translate(error) from None
        with self._guard():
            if isinstance(index, slice):
                self._set_by_slice(index, value)
            else:
                self._set_one(index, value)

    def __iter__(self):
        for index in range(len(self)):
            yield self[index]

    def _check(self, index):
        place = operator.index(index)
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(f'there is no element {index} in an array of {len(self)}')
        return place

    def _get_structure(self, index):
        return _messages.read_variant(_Base.get_element(self, index))

    def _set_one(self, index, value):
        cells = self._get_cells()
        if cells is None:
            _Base.set_element(self, self._check(index), _structures.make_variant(self.get_element_type(), value))
            return
        try:
            cells[index] = self._get_kind().check(value)
        except IndexError:
            self._check(index)
            raise

    def _set_by_slice(self, index, values):
        values = values if hasattr(values, '__len__') else list(values)
        places = range(*index.indices(len(self)))
        if len(places) != len(values):
            raise ValueError(f'an array cannot be resized: {len(places)} elements cannot become {len(values)}')
        if places.step == 1:
            self._set_slice(places.start, values)
        else:
            for place, value in zip(places, values):
                self._set_one(place, value)

    def _set_slice(self, begin, values):
        """By one call of the library, which knows if it was not finished."""
        kind = self._get_kind()
        if kind is None:
            _Base.set_slice(self, begin, _structures.make_array(self.get_element_type(), values))
            return
        data = _read_buffer(values, kind.ctype)
        if data is None:
            data = bytes((kind.ctype * len(values))(*map(kind.check, _read_items(values))))
        _Base.write(self, begin, data)

    # --- Characters

    def _check_characters(self):
        if self.get_format() not in ('c', 'u'):
            raise AttributeError(f"{self!r} has no value as a whole: arrays of the types 'c' and 'u' have")

    @property
    def value(self):
        """The bytes or the text up to the first zero, of an array of characters."""
        self._check_characters()
        with self._guard():
            found = self._get_cells().value
            self._check_whole()
            return found

    @value.setter
    def value(self, value):
        self._check_characters()
        ctype = self._get_kind().ctype
        if not isinstance(value, bytes if ctype is ctypes.c_char else str):
            raise TypeError(f'{value!r} is not {"bytes" if ctype is ctypes.c_char else "a string"}')
        # With a zero behind, if there is room.
        made = ctypes.create_string_buffer if ctype is ctypes.c_char else ctypes.create_unicode_buffer
        self._set_characters(bytes(made(value, min(len(value) + 1, max(len(value), len(self))))), len(value))

    def _set_characters(self, data, length):
        if length > len(self):
            raise ValueError(f'{length} characters are too many for an array of {len(self)}')
        with self._guard():
            _Base.write(self, 0, data)

    @property
    def raw(self):
        """All bytes, of an array of the type 'c'."""
        if self.get_format() != 'c':
            raise AttributeError(f"{self!r} has no raw bytes: arrays of the type 'c' have, and view() of any")
        with self._guard():
            found = self._get_cells().raw
            self._check_whole()
            return found

    @raw.setter
    def raw(self, value):
        if self.get_format() != 'c':
            raise AttributeError(f"{self!r} has no raw bytes: arrays of the type 'c' have, and view() of any")
        self._set_characters(bytes(memoryview(value)), memoryview(value).nbytes)

    # --- The whole

    def copy(self):
        """Another array with the same elements, and no lock."""
        return _Base.copy(self)

    def synchronized(self, lock=None):
        """Another object for the same array, with a lock: a new Mp.RLock, unless one is given."""
        return self.synchronize(_guarded.make_lock(lock))

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__
