# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Types of shared values and arrays: letters of the module array, classes of ctypes, and types of GVariant.

A letter means what it means in the module array, so 'b' is a signed byte and 'u' a character; 'c' is a byte as
bytes, and '?' a boolean.  A GVariant type of one letter has another meaning, and is given by keyword; longer ones,
as '(dd)', have none of their own in Python and can be given in the place of a letter.
"""

import ctypes
import math
import sys

from gi.repository import GLib

from . import errors

_SIGNED = {1: None, 2: 'n', 4: 'i', 8: 'x'}
_UNSIGNED = {1: 'y', 2: 'q', 4: 'u', 8: 't'}


class Kind:
    """How an element is stored: the GVariant type, the format where GVariant has no such type, the class of ctypes."""

    def __init__(self, ctype, gvariant_type=None, format=None):
        self.ctype = ctype
        self.gvariant_type = gvariant_type
        self.format = format
        self.range = _find_range(ctype)
        self.usual = self._find_usual()

    def _find_usual(self):
        """The classes of what is set nearly always, and from where to where it needs no other check."""
        if self.range is not None:
            return (int,), self.range[0], self.range[-1]
        if getattr(self.ctype, '_type_', '') in ('d', 'f'):
            return (float, int), -math.inf, math.inf
        return (), 0, 0

    def check(self, value):
        """The value as an element takes it; ctypes would cut off what does not fit."""
        if self.range is None:
            return value
        if not hasattr(value, '__index__'):
            raise TypeError(f'{value!r} is not a whole number')
        number = value.__index__()
        if number not in self.range:
            raise errors.OutOfRange(f'{number} does not fit: the type takes {self.range[0]} to {self.range[-1]}')
        return number


def _find_range(ctype):
    """The whole numbers that the class has, if that is what it is for."""
    letter = getattr(ctype, '_type_', '')
    if letter == '' or letter not in 'bBhHiIlLqQ':
        return None
    half = 1 << 8 * ctypes.sizeof(ctype) - 1
    return range(2 * half) if letter.isupper() else range(-half, half)


def _make_kinds():
    kinds = {
        'c': Kind(ctypes.c_char, format='c'),
        'b': Kind(ctypes.c_byte, format='b'),
        'u': Kind(ctypes.c_wchar, format='u'),
        'f': Kind(ctypes.c_float, format='f'),
        'd': Kind(ctypes.c_double, 'd'),
        '?': Kind(ctypes.c_bool, 'b'),
    }
    for code, ctype in (('h', ctypes.c_short), ('i', ctypes.c_int), ('l', ctypes.c_long), ('q', ctypes.c_longlong)):
        kinds[code] = Kind(ctype, _SIGNED[ctypes.sizeof(ctype)])
    for code, ctype in (('B', ctypes.c_ubyte), ('H', ctypes.c_ushort), ('I', ctypes.c_uint), ('L', ctypes.c_ulong),
                        ('Q', ctypes.c_ulonglong)):
        kinds[code] = Kind(ctype, _UNSIGNED[ctypes.sizeof(ctype)])
    return kinds


KINDS = _make_kinds()

_BY_FORMAT = {kind.format: kind for kind in KINDS.values() if kind.format}
_BY_TYPE = {kind.gvariant_type: kind for kind in KINDS.values() if kind.gvariant_type}

_LETTERS = ', '.join(map(repr, KINDS))


def get_kind(gvariant_type, format):
    """The kind of what came from wherever; None where ctypes has none, as of structures."""
    return _BY_FORMAT.get(format) if format else _BY_TYPE.get(gvariant_type)


def check_given(properties, name):
    """Refuses the constructor of GObject without a type."""
    if properties.get(name) is None and properties.get('format') is None:
        raise TypeError(f'no type of what is shared: give one of the letters {_LETTERS}, a class of ctypes, or {name}=')


def find_kind(typecode_or_type):
    """The kind that a program asks for; None if it is a class of ctypes that has no letter, as structures."""
    if isinstance(typecode_or_type, str):
        if typecode_or_type in KINDS:
            return KINDS[typecode_or_type]
        if len(typecode_or_type) > 1 and GLib.VariantType.string_is_valid(typecode_or_type):
            return Kind(None, typecode_or_type)
    elif isinstance(typecode_or_type, type) and issubclass(typecode_or_type, _CLASSES):
        check_class(typecode_or_type)
        if has_letter(typecode_or_type):
            return KINDS[typecode_or_type._type_]
        if issubclass(typecode_or_type, ctypes._SimpleCData) and typecode_or_type._type_ in KINDS:
            raise TypeError(f'{typecode_or_type.__name__} has its bytes in the order of another machine: only members '
                            'of structures may')
        return None
    raise TypeError(f'{typecode_or_type!r} is no type of a shared value: give one of the letters {_LETTERS}, '
                    "a class of ctypes, or a GVariant type of more than one letter, as '(dd)'")


_ADDRESSES = (ctypes._Pointer, ctypes._CFuncPtr)
_CLASSES = (ctypes._SimpleCData, ctypes.Structure, ctypes.Union, ctypes.Array, *_ADDRESSES)

# Letters of ctypes for addresses: of characters, of anything, and of objects of Python.
_ADDRESS_LETTERS = ('z', 'Z', 'P', 'O')


def check_class(ctype):
    """Refuses addresses, wherever they are in it: to read what another process wrote there can end this one."""
    if issubclass(ctype, _ADDRESSES) or getattr(ctype, '_type_', None) in _ADDRESS_LETTERS:
        raise TypeError(f'{ctype.__name__} cannot be shared: an address means nothing in another process; share an '
                        'array of characters, or an index')
    if issubclass(ctype, ctypes.Array):
        check_class(ctype._type_)
    for base in ctype.__mro__:
        for _name, member, *_bits in vars(base).get('_fields_', ()):
            check_class(member)


def has_letter(ctype):
    """Whether it is a number or a character in the order of this machine, as all languages read it."""
    if not issubclass(ctype, ctypes._SimpleCData) or ctype._type_ not in KINDS:
        return False
    return getattr(ctype, f'__ctype_{sys.byteorder[0]}e__', ctype) is ctype


def describe_structure(ctype):
    """The GVariant type of a structure that lies in memory as GVariant's does, or None."""
    if has_letter(ctype):
        return KINDS[ctype._type_].gvariant_type
    if not issubclass(ctype, ctypes.Structure):
        return None
    members, end, alignment = [], 0, 1
    for name, member, *bits in getattr(ctype, '_fields_', ()):
        described = None if bits else describe_structure(member)
        if described is None or getattr(ctype, name).offset != _align(end, ctypes.alignment(member)):
            return None
        members.append(described)
        end = getattr(ctype, name).offset + ctypes.sizeof(member)
        alignment = max(alignment, ctypes.alignment(member))
    return f'({"".join(members)})' if members and ctypes.sizeof(ctype) == _align(end, alignment) else None


def _align(offset, alignment):
    return (offset + alignment - 1) // alignment * alignment
