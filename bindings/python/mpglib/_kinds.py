# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Types of shared values and arrays: letters of the module array, classes of ctypes, and types of GVariant.

A letter means what it means in the module array, so 'b' is a signed byte and 'u' a character; 'c' is a byte as
bytes, and '?' a boolean.  A GVariant type of one letter has another meaning, and is given by keyword; longer ones,
as '(dd)', have none of their own in Python and can be given in the place of a letter.
"""

import ctypes

_SIGNED = {1: None, 2: 'n', 4: 'i', 8: 'x'}
_UNSIGNED = {1: 'y', 2: 'q', 4: 'u', 8: 't'}


class Kind:
    """How an element is stored: the GVariant type, the format where GVariant has no such type, the class of ctypes."""

    def __init__(self, ctype, gvariant_type=None, format=None):
        self.ctype = ctype
        self.gvariant_type = gvariant_type
        self.format = format


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


def find_kind(typecode_or_type):
    """The kind that a program asks for; None if it is a class of ctypes that is no single number or character."""
    if isinstance(typecode_or_type, str):
        if typecode_or_type in KINDS:
            return KINDS[typecode_or_type]
        if len(typecode_or_type) > 1:
            return Kind(None, typecode_or_type)
    elif isinstance(typecode_or_type, type) and issubclass(typecode_or_type, ctypes._SimpleCData):
        kind = KINDS.get(getattr(typecode_or_type, '_type_', None))
        if kind is not None:
            return kind
        raise TypeError(f'{typecode_or_type.__name__} cannot be shared: an address means nothing in another process')
    elif isinstance(typecode_or_type, type) and issubclass(typecode_or_type, (ctypes.Structure, ctypes.Union,
                                                                              ctypes.Array)):
        return None
    raise TypeError(f'{typecode_or_type!r} is no type of a shared value: give one of the letters {_LETTERS}, '
                    "a class of ctypes, or a GVariant type of more than one letter, as '(dd)'")


def describe_structure(ctype):
    """The GVariant type of a structure that lies in memory as GVariant's does, or None."""
    if issubclass(ctype, ctypes._SimpleCData):
        kind = KINDS.get(getattr(ctype, '_type_', None))
        return kind.gvariant_type if kind is not None and kind.format is None else None
    if not issubclass(ctype, ctypes.Structure) or hasattr(ctype, '_pack_'):
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
