# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""From the bytes of a GVariant to a Python value.

Each type is turned once into a reader, a function of (data, start, end, depth, state): data are bytes
that begin aligned, start and end bound the value in them, depth counts the containers around it, state is
what one call of decode() needs all the time.  A reader may rely on start <= end <= len(data), on
start being aligned and, when its type has a fixed size, on having exactly that many bytes; it answers for
everything else.
"""

from array import array
from itertools import accumulate
from struct import Struct
from sys import byteorder
import re

from ._types import MAX_DEPTH, MAX_TYPE_LENGTH, OFFSET_CODES, PADDING, is_signature, offset_size, parse

_NUMBER_CODES = {'n': 'h', 'q': 'H', 'i': 'i', 'u': 'I', 'x': 'q', 't': 'Q', 'd': 'd'}
_MAX_TYPE_PART = MAX_TYPE_LENGTH + 1    # the type at the end of a variant, and the zero before it
_OBJECT_PATH = re.compile('/|(/[A-Za-z0-9_]+)+')


def decode(type_string, data, handles=None):
    """The Python value of the serialised data of a GVariant of that type.

    handles, when given, is called with the number in each h and gives what stands in its place.
    """
    if type(data) is not bytes:
        data = memoryview(data).tobytes()
    size, _, read = _known_types.get(type_string) or _learn_type(type_string)
    if size is not None and size != len(data):
        raise _abnormal(f'{len(data)} bytes for type {type_string}')
    try:
        return read(data, 0, len(data), 0, _State(handles, len(data)))
    except UnicodeDecodeError as error:
        raise _abnormal('a string is not UTF-8') from error


class _State:
    """handles turns the number in an h into what it stands for; room is what may be made of tuples that take
    fewer bytes than they have parts.

    A tuple whose members are all empty takes no byte, and becomes one object for each of them: without a bound
    a small message could fill the memory.
    """

    __slots__ = ('handles', 'room')

    def __init__(self, handles, size):
        self.handles = handles
        self.room = _SMALLEST_ROOM + _OBJECTS_A_BYTE * size

    def take(self, count):
        self.room -= count
        if self.room < 0:
            raise ValueError('a GVariant consists of far more tuples and arrays than bytes')


_OBJECTS_A_BYTE = 16
_SMALLEST_ROOM = 4096       # for single values, however they are nested


# What is needed when a type is met in a variant: its fixed size or None, its depth, its reader.
_known_types = {}
_MAX_KNOWN_TYPES = 256      # types come from outside: a bound on what they can make us keep


def _learn_type(type_string):
    kind = parse(type_string if isinstance(type_string, str) else type_string.decode('latin-1'))
    if len(_known_types) >= _MAX_KNOWN_TYPES:
        _known_types.clear()
    known = _known_types[type_string] = kind.size, kind.depth, _make_reader(kind)
    return known


def _abnormal(what):
    return ValueError(f'not a GVariant in normal form: {what}')


# Basic types


def _make_number_reader(code):
    unpack_from = Struct('=' + code).unpack_from

    def read_number(data, start, end, depth, state):
        return unpack_from(data, start)[0]
    return read_number


def _read_byte(data, start, end, depth, state):
    return data[start]


def _read_boolean(data, start, end, depth, state):
    byte = data[start]
    if byte > 1:
        raise _abnormal(f'a boolean of {byte}')
    return byte == 1


_unpack_handle = Struct('=i').unpack_from


def _read_handle(data, start, end, depth, state):
    number, = _unpack_handle(data, start)
    return number if state.handles is None else state.handles(number)


def _read_string(data, start, end, depth, state):
    if start == end or data.find(0, start, end) != end - 1:
        raise _abnormal('a string does not end with its only zero')
    return data[start:end - 1].decode()


def _read_object_path(data, start, end, depth, state):
    path = _read_string(data, start, end, depth, state)
    if not _OBJECT_PATH.fullmatch(path):
        raise _abnormal(f'{path!r} is no object path')
    return path


def _read_signature(data, start, end, depth, state):
    signature = _read_string(data, start, end, depth, state)
    if not is_signature(signature):
        raise _abnormal(f'{signature!r} is no signature')
    return signature


# Arrays


def _make_array_reader(kind):
    element, = kind.children
    if element.code == 'y':
        return _read_bytes
    if element.code == 'b':
        return _read_booleans
    if element.code in _NUMBER_CODES:
        return _make_numbers_reader(_NUMBER_CODES[element.code])
    if element.code == 's':
        return _read_strings
    if element.code == '{':
        return _make_dictionary_reader(element)
    if element.size is not None:
        return _make_fixed_array_reader(element)
    return _make_variable_array_reader(element)


def _read_bytes(data, start, end, depth, state):
    return data[start:end]


def _read_booleans(data, start, end, depth, state):
    chunk = data[start:end]
    if chunk.translate(None, b'\0\1'):
        raise _abnormal('a boolean is neither 0 nor 1')
    return list(map(bool, chunk))


def _make_numbers_reader(code):
    size = array(code).itemsize

    def read_numbers(data, start, end, depth, state):
        _check_multiple(end - start, size)
        return memoryview(data)[start:end].cast(code).tolist()
    return read_numbers


def _read_strings(data, start, end, depth, state):
    if start == end:
        return []
    offsets = list(_read_array_offsets(data, start, end))
    body = data[start:start + offsets[-1]]
    sizes = map(len, body.split(b'\0')[:-1])
    if body[-1:] != b'\0' or offsets != list(accumulate(size + 1 for size in sizes)):
        raise _abnormal('the offsets of an array of strings do not fit them')
    return body[:-1].decode().split('\0')


def _make_fixed_array_reader(element):
    size = element.size
    read_element = _make_reader(element)

    def read_fixed_array(data, start, end, depth, state):
        _check_multiple(end - start, size)
        return [read_element(data, position, position + size, depth + 1, state)
                for position in range(start, end, size)]
    return read_fixed_array


def _check_multiple(length, size):
    if length % size:
        raise _abnormal(f'an array of {length} bytes with elements of {size}')


def _make_variable_array_reader(element):
    mask = element.mask
    read_element = _make_reader(element)

    def read_variable_array(data, start, end, depth, state):
        if start == end:
            return []
        values = []
        position = start
        for offset in _read_array_offsets(data, start, end):
            if position & mask:
                position = _skip_padding(data, position, mask)
            stop = start + offset
            if stop < position:
                raise _abnormal('an element of an array ends before it begins')
            values.append(read_element(data, position, stop, depth + 1, state))
            position = stop
        return values
    return read_variable_array


def _read_array_offsets(data, start, end):
    """Where the elements of an array end, from its start; none lies behind the last."""
    length = end - start
    if length <= 0xff:
        body = data[end - 1]
        offsets = data[start + body:end]
    else:
        size = offset_size(length, 0)
        body = int.from_bytes(data[end - size:end], byteorder)
        count, rest = divmod(length - body, size)
        if rest or offset_size(body, count) != size:
            raise _abnormal('the offsets of an array do not fit it')
        offsets = memoryview(data)[start + body:end].cast(OFFSET_CODES[size]).tolist()
    if not offsets:
        raise _abnormal('an array ends behind itself')
    if max(offsets) > body:
        raise _abnormal('an element of an array ends behind the array')
    return offsets


def _skip_padding(data, position, mask):
    padding = PADDING[-position & mask]
    if not data.startswith(padding, position):
        raise _abnormal('padding that is not zero')
    return position + len(padding)


def _make_dictionary_reader(entry):
    key, value = entry.children
    if key.code == 's' and value.code == 'v':
        return _read_vardict
    if entry.size is not None:
        read_entries = _make_fixed_array_reader(entry)
    else:
        read_entries = _make_variable_array_reader(entry)

    def read_dictionary(data, start, end, depth, state):
        return dict(read_entries(data, start, end, depth, state))
    return read_dictionary


def _read_vardict(data, start, end, depth, state):
    """An a{sv}, the commonest dictionary, in one function."""
    if start == end:
        return {}
    values = {}
    position = start
    for offset in _read_array_offsets(data, start, end):
        if position & 7:
            position = _skip_padding(data, position, 7)
        stop = start + offset
        if 0 < stop - position <= 0xff:
            body_end = stop - 1
            middle = position + data[body_end]
        else:
            middle, body_end = _read_wide_entry_offset(data, position, stop)
        if middle > body_end or middle == position or data.find(0, position, middle) != middle - 1:
            raise _abnormal('the key of a dictionary does not end with its only zero')
        key = data[position:middle - 1].decode()
        if middle & 7:
            middle = _skip_padding(data, middle, 7)
        values[key] = _read_variant(data, middle, body_end, depth + 2, state)
        position = stop
    return values


def _read_wide_entry_offset(data, start, end):
    """Where the key and the value of a dictionary entry of more than 255 bytes end."""
    size = offset_size(end - start, 0)
    body_end = end - size
    if body_end <= start or offset_size(body_end - start, 1) != size:
        raise _abnormal('the offset of a dictionary entry does not fit it')
    return start + int.from_bytes(data[body_end:end], byteorder), body_end


# Maybes, tuples, dictionary entries, variants


def _make_maybe_reader(kind):
    child, = kind.children
    read_child = _make_reader(child)
    size = child.size

    def read_fixed_maybe(data, start, end, depth, state):
        if start == end:
            return None
        if end - start != size:
            raise _abnormal(f'{end - start} bytes for a maybe of {size}')
        return read_child(data, start, end, depth + 1, state)

    def read_variable_maybe(data, start, end, depth, state):
        if start == end:
            return None
        if data[end - 1]:
            raise _abnormal('a maybe does not end with zero')
        return read_child(data, start, end - 1, depth + 1, state)

    return read_variable_maybe if size is None else read_fixed_maybe


def _make_tuple_reader(kind):
    if not kind.children:
        return _read_unit
    if kind.size is not None:
        return _make_fixed_tuple_reader(kind)
    return _make_variable_tuple_reader(kind)


def _read_unit(data, start, end, depth, state):
    if data[start]:
        raise _abnormal('an empty tuple that is not zero')
    return ()


def _weigh(kind):
    """How many tuples and arrays a value has at least."""
    if kind.code == 'a':
        return 1
    return 1 + sum(map(_weigh, kind.children)) if kind.code in '({' else 0


def _make_fixed_tuple_reader(kind):
    members = [(_make_reader(child), child.size, child.mask) for child in kind.children]
    tuple_mask = kind.mask
    is_dense = _weigh(kind) > _OBJECTS_A_BYTE * kind.size

    def read_fixed_tuple(data, start, end, depth, state):
        if is_dense:
            state.take(1)
        values = []
        position = start
        for read_member, size, mask in members:
            if position & mask:
                position = _skip_padding(data, position, mask)
            values.append(read_member(data, position, position + size, depth + 1, state))
            position += size
        if position & tuple_mask:
            _skip_padding(data, position, tuple_mask)
        return tuple(values)
    return read_fixed_tuple


def _make_variable_tuple_reader(kind):
    members = [(_make_reader(child), child.size, child.mask) for child in kind.children]
    last = len(members) - 1
    weight = _weigh(kind)
    parts = 1 + sum(child.code == 'a' for child in kind.children)
    count = sum(child.size is None for child in kind.children[:last])

    def read_variable_tuple(data, start, end, depth, state):
        if weight > _OBJECTS_A_BYTE * (end - start):
            state.take(parts)
        values = []
        position = start
        body_end, ends = _read_tuple_offsets(data, start, end, count)
        for index, (read_member, size, mask) in enumerate(members):
            if position & mask:
                position = _skip_padding(data, position, mask)
            if size is not None:
                stop = position + size
            else:
                stop = body_end if index == last else start + ends.pop()
            if not position <= stop <= body_end:
                raise _abnormal('a member of a tuple lies outside it')
            values.append(read_member(data, position, stop, depth + 1, state))
            position = stop
        if position != body_end:
            raise _abnormal('a tuple holds more than its members')
        return tuple(values)
    return read_variable_tuple


def _read_tuple_offsets(data, start, end, count):
    """Where the members of a tuple end, and the ends of those that need telling, last first."""
    if count == 0 or start == end:
        return end, [0] * count     # GLib takes no bytes at all for members that are all empty
    size = offset_size(end - start, 0)
    body_end = end - count * size
    if body_end < start or offset_size(body_end - start, count) != size:
        raise _abnormal('the offsets of a tuple do not fit it')
    table = data[body_end:end]
    if size == 1:
        return body_end, list(table)
    return body_end, memoryview(table).cast(OFFSET_CODES[size]).tolist()


def _read_variant(data, start, end, depth, state):
    zero = data.rfind(0, start if end - start <= _MAX_TYPE_PART else end - _MAX_TYPE_PART, end)
    if zero < 0:
        raise _abnormal('a variant without a type')
    type_string = data[zero + 1:end]
    size, type_depth, read = _known_types.get(type_string) or _learn_type(type_string)
    if depth + type_depth >= MAX_DEPTH:
        raise ValueError(f'a GVariant nests deeper than {MAX_DEPTH}')
    if size is not None and size != zero - start:
        raise _abnormal(f'{zero - start} bytes for type {type_string.decode()}')
    return read(data, start, zero, depth + 1, state)


_READERS = {
    'b': _read_boolean,
    'y': _read_byte,
    'h': _read_handle,
    's': _read_string,
    'o': _read_object_path,
    'g': _read_signature,
    'v': _read_variant,
}
_READER_MAKERS = {
    'a': _make_array_reader,
    'm': _make_maybe_reader,
    '(': _make_tuple_reader,
    '{': _make_tuple_reader,
}


def _make_reader(kind):
    if kind.code in _READERS:
        return _READERS[kind.code]
    if kind.code in _READER_MAKERS:
        return _READER_MAKERS[kind.code](kind)
    return _make_number_reader(_NUMBER_CODES[kind.code])
