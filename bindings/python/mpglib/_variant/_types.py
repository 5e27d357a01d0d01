# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""Type strings of GVariant: their parts, and how values of them lie in memory."""

from functools import lru_cache

MAX_DEPTH = 64          # arrays, maybes, tuples, dictionary entries and variants around one another
MAX_TYPE_LENGTH = 255   # bytes

PADDING = tuple(bytes(count) for count in range(8))     # indexed by -position & alignment mask
OFFSET_CODES = {1: 'B', 2: 'H', 4: 'I', 8: 'Q'}         # of framing offsets, for array and memoryview

_BASIC_SIZES = {
    'b': 1, 'y': 1,
    'n': 2, 'q': 2,
    'i': 4, 'u': 4, 'h': 4,
    'x': 8, 't': 8, 'd': 8,
    's': None, 'o': None, 'g': None,
}


class Type:
    """A definite type: code is its first letter, children are the types inside.

    size is None when values differ in size, mask is the alignment less one, depth counts the containers
    that a value of it is at most nested in by its type alone (a variant counts as one).
    """

    __slots__ = ('code', 'children', 'size', 'mask', 'depth')

    def __init__(self, code, children=()):
        self.code = code
        self.children = children
        self.depth = 0 if code in _BASIC_SIZES else 1 + max((child.depth for child in children), default=0)
        self.mask = self._find_mask()
        self.size = self._find_size()

    def _find_mask(self):
        if self.code == 'v':
            return 7
        if self.code in _BASIC_SIZES:
            return (_BASIC_SIZES[self.code] or 1) - 1
        return max((child.mask for child in self.children), default=0)

    def _find_size(self):
        if self.code in _BASIC_SIZES:
            return _BASIC_SIZES[self.code]
        if self.code in 'vam' or any(child.size is None for child in self.children):
            return None
        size = 0
        for child in self.children:
            size = align(size, child.mask) + child.size
        return align(size, self.mask) or 1      # the empty tuple takes a byte


def align(position, mask):
    return position + mask & ~mask


def offset_size(body, count):
    """Bytes that each of count framing offsets takes behind a body of that many bytes."""
    if body + count <= 0xff:
        return 1
    if body + 2 * count <= 0xffff:
        return 2
    if body + 4 * count <= 0xffffffff:
        return 4
    return 8


def parse(string):
    """The Type that a string names; ValueError when it names none, several, or an indefinite one."""
    if len(string) > MAX_TYPE_LENGTH:
        raise ValueError(f'a GVariant type of {len(string)} bytes is longer than {MAX_TYPE_LENGTH}')
    try:
        found, position = _parse_at(string, 0, 0)
    except IndexError:
        position = -1
    if position != len(string):
        raise ValueError(f'{string!r} is not a definite GVariant type')
    return found


def is_signature(string):
    """Whether a string may stand in a g: definite types without maybes, one after another."""
    position = 0
    try:
        while position < len(string):
            _, position = _parse_at(string, position, 0)
    except (IndexError, ValueError):
        return False
    return 'm' not in string


def _parse_at(string, position, depth):
    code = string[position]
    position += 1
    if code in _BASIC_SIZES or code == 'v':
        return _leaf(code), position
    if depth == MAX_DEPTH:
        raise ValueError(f'a GVariant type nests deeper than {MAX_DEPTH}')
    if code in 'am':
        child, position = _parse_at(string, position, depth + 1)
        return Type(code, (child,)), position
    if code == '{':
        return _parse_entry_at(string, position, depth)
    if code == '(':
        return _parse_tuple_at(string, position, depth)
    raise ValueError(f'{string!r} is not a definite GVariant type')


def _parse_tuple_at(string, position, depth):
    children = []
    while string[position] != ')':
        child, position = _parse_at(string, position, depth + 1)
        children.append(child)
    return Type('(', tuple(children)), position + 1


def _parse_entry_at(string, position, depth):
    key, position = _parse_at(string, position, depth + 1)
    value, position = _parse_at(string, position, depth + 1)
    if key.code not in _BASIC_SIZES or string[position] != '}':
        raise ValueError(f'{string!r} is not a definite GVariant type')
    return Type('{', (key, value)), position + 1


@lru_cache(maxsize=None)        # of fourteen letters
def _leaf(code):
    return Type(code)
