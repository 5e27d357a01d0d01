# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Objects of ctypes that lie in shared memory."""

import ctypes
import functools

from . import _kinds, _memory, _views


def _get_classes():
    """Those of programs, which need this module themselves."""
    from . import _arrays, _values
    return _values.Value, _arrays.Array


class _Raw:
    """What tells an object of ctypes in shared memory from others: whose memory it is, and how it travels."""

    def __reduce__(self):
        return _rebuild, (self._mp_owner, *_take_apart(self._mp_ctype))

    def __reduce_ex__(self, protocol):
        return self.__reduce__()


class _RawNumber(_Raw):
    """What the library does with a single one of them."""

    def add(self, amount):
        """Adds in one step, and gives the sum; whole numbers begin again beyond their range."""
        return self._mp_owner.add(amount)

    def __repr__(self):
        return f'{type(self).__name__}({self.value!r})'


def _take_apart(ctype):
    """The class of the elements and the lengths of arrays of them, which have no names, the innermost first."""
    lengths = []
    while issubclass(ctype, ctypes.Array):
        lengths.insert(0, ctype._length_)
        ctype = ctype._type_
    return ctype, lengths


def _rebuild(owner, ctype, lengths):
    for length in lengths:
        ctype = ctype * length
    _check_room(owner, ctype)
    return place(owner, ctype)


def _check_room(owner, ctype):
    """What a peer says is not what there is."""
    size = owner.get_size() if hasattr(owner, 'get_size') else owner.get_length() * owner.get_element_size()
    if ctypes.sizeof(ctype) > size:
        raise ValueError(f'{owner!r} has no room for {ctype.__name__}')


@functools.lru_cache(maxsize=256)
def _make_class(ctype):
    # Its own methods come first, but it is the class of ctypes to everybody who asks.
    base = _RawNumber if _kinds.has_letter(ctype) else _Raw
    return type(ctype.__name__, (base, ctype), {'__module__': ctype.__module__, '_mp_ctype': ctype})


def place(owner, ctype):
    """The object of ctypes that the memory of a shared value or array is; it keeps the memory."""
    made = _make_class(ctype).from_address(_memory.call(_views.get_address, owner))
    made._mp_owner = owner
    return made


def is_raw(obj):
    return isinstance(obj, _Raw)


def get_owner(obj):
    """The shared value or array that the object lies in."""
    if is_raw(obj):
        return obj._mp_owner
    raise TypeError(f'{obj!r} does not lie in shared memory: make it with RawValue() or RawArray()')


def get_ctype(obj):
    """The class that the program knows the object by."""
    return obj._mp_ctype


def RawValue(typecode_or_type, *args):
    """An object of ctypes in shared memory, without a lock; args are what its class takes."""
    kind = _kinds.find_kind(typecode_or_type)
    ctype = _choose_class(typecode_or_type, kind, 'Value')
    value_class, _array_class = _get_classes()
    if kind is None:
        owner = _make_array(ctype, None, 1)
    else:
        owner = value_class(value_type=kind.gvariant_type, format=kind.format)
    made = place(owner, ctype)
    made.__init__(*args)
    return made


def RawArray(typecode_or_type, size_or_initializer):
    """An array of ctypes in shared memory, without a lock: so many elements, all zero, or these."""
    kind = _kinds.find_kind(typecode_or_type)
    ctype = _choose_class(typecode_or_type, kind, 'Array')
    length, items = measure(size_or_initializer)
    made = place(_make_array(ctype, kind, length), ctype * length)
    made.__init__(*items)
    return made


def _choose_class(typecode_or_type, kind, name):
    """The program's own, if it gave one."""
    ctype = kind.ctype if isinstance(typecode_or_type, str) else typecode_or_type
    if ctype is None:
        raise TypeError(f'{typecode_or_type!r} has no class of ctypes: use Mp.{name}()')
    return ctype


def _make_array(ctype, kind, length):
    """An array with elements of that type if GVariant has it, else of bytes."""
    _value_class, array_class = _get_classes()
    if kind is not None:
        return array_class(element_type=kind.gvariant_type, format=kind.format, length=length)
    described = _kinds.describe_structure(ctype)
    if described is not None:
        return array_class(element_type=described, length=length)
    return array_class(element_type='y', length=length * ctypes.sizeof(ctype))


def measure(size_or_initializer):
    """How many elements there are, and which."""
    if isinstance(size_or_initializer, int):
        if size_or_initializer < 0:
            raise ValueError(f'an array cannot have {size_or_initializer} elements')
        return size_or_initializer, ()
    if not hasattr(size_or_initializer, '__len__') and not hasattr(size_or_initializer, '__iter__'):
        given = 'nothing' if size_or_initializer is None else repr(size_or_initializer)
        raise TypeError(f'an array takes how many elements it has, all zero, or which, not {given}')
    items = size_or_initializer if hasattr(size_or_initializer, '__len__') else tuple(size_or_initializer)
    return len(items), items
