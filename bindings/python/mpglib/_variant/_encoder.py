# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""From a Python value to the bytes of a GVariant.

Each kind of value has a writer, a function of (out, value, depth, convert): it appends the serialised
value to the bytearray out, whose end is aligned to 8, and gives the type as bytes.  depth counts the
containers around the value, convert is what encode() was given.
"""

from array import array
from functools import lru_cache
from itertools import accumulate
from struct import Struct, error as StructError

from ._types import MAX_DEPTH, MAX_TYPE_LENGTH, OFFSET_CODES, PADDING, offset_size, parse



def encode(value, convert=None):
    """The type string and the serialised bytes of a value.

    convert, when given, is called with each object that Python's own types do not cover, and gives a pair
    of type string and bytes for it, or None.
    """
    if type(value) is bytes:
        return 'ay', value
    out = bytearray()
    try:
        kind = _find_writer(type(value))(out, value, 0, convert)
    except _Refusal as refusal:
        raise refusal.to_error() from refusal.__cause__
    return kind.decode(), bytes(out)


class _Refusal(Exception):
    """A value that cannot be written; on its way out it learns where the value sits."""

    def __init__(self, error_class, what):
        self.error_class = error_class
        self.what = what
        self.path = []

    def to_error(self):
        where = ''.join(f'[{key!r}]' for key in reversed(self.path))
        return self.error_class(f'value{where}: {self.what}')


def _describe(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:50] + '...' + text[-7:]


def _find_writer(cls):
    return _WRITERS.get(cls) or _find_inherited_writer(cls)


def _find_inherited_writer(cls):
    for base, writer in _WRITERS.items():
        if issubclass(cls, base):
            return writer
    return _write_converted


def _write_converted(out, value, depth, convert):
    converted = convert(value) if convert is not None else None
    if converted is None:
        raise _Refusal(TypeError, f'an object of type {_name_class(type(value))} cannot become a GVariant; '
                                  "send what it is made of; only workers in Python take any object")
    kind, data = converted
    _check_depth(depth + parse(kind).depth)
    out += data
    return kind.encode()


def _name_class(cls):
    return cls.__qualname__ if cls.__module__ == 'builtins' else f'{cls.__module__}.{cls.__qualname__}'


def _check_depth(depth):
    if depth > MAX_DEPTH:
        raise _Refusal(ValueError, f"nested deeper than {MAX_DEPTH} containers")


# Basic values


_pack_int64 = Struct('=q').pack
_pack_uint64 = Struct('=Q').pack
_pack_double = Struct('=d').pack
_pack_bool = Struct('=?').pack


def _write_none(out, value, depth, convert):
    _check_depth(depth + 2)
    return b'mv'


def _write_bool(out, value, depth, convert):
    out.append(value)
    return b'b'


def _write_int(out, value, depth, convert):
    try:
        out += _pack_int64(value)
        return b'x'
    except StructError:
        pass
    try:
        out += _pack_uint64(value)
        return b't'
    except StructError:
        raise _refuse_int(value) from None


def _refuse_int(value):
    bits = value.bit_length()
    name = str(int(value)) if bits <= 256 else f'an int of {bits} bits'
    return _Refusal(OverflowError, f'{name} does not fit into 64 bits; '
                                   "send it as a str")


def _write_float(out, value, depth, convert):
    out += _pack_double(value)
    return b'd'


def _write_str(out, value, depth, convert):
    out += _encode_str(value)
    out.append(0)
    return b's'


def _encode_str(value):
    try:
        text = value.encode()
    except UnicodeEncodeError:
        raise _Refusal(ValueError, f'{value!r} is not Unicode text (it holds lone surrogates); '
                                   'send a file name as os.fsencode(name)') from None
    if 0 in text:
        raise _Refusal(ValueError, 'a str with a zero character cannot become a GVariant; send it as bytes')
    return text


def _write_bytes(out, value, depth, convert):
    _check_depth(depth + 1)
    out += value
    return b'ay'


def _write_memoryview(out, value, depth, convert):
    return _write_bytes(out, value.tobytes(), depth, convert)


# Lists


def _write_list(out, value, depth, convert):
    write_items = _LIST_WRITERS.get(_find_common_writer(value))
    if write_items is not None:
        _check_depth(depth + 1)
        kind = write_items(out, value)
        if kind is not None:
            return kind
    return _write_variants(out, value, depth, convert)


def _find_common_writer(values):
    """The writer for all of the values; None when they differ or there are none."""
    classes = set(map(type, values))
    if len(classes) == 1:
        return _find_writer(classes.pop())
    writers = {_find_writer(cls) for cls in classes}
    return writers.pop() if len(writers) == 1 else None


def _write_variants(out, value, depth, convert):
    _check_depth(depth + 2)
    start = len(out)
    ends = []
    for index, item in enumerate(value):
        out += PADDING[-len(out) & 7]
        try:
            _write_variant(out, item, depth + 1, convert)
        except _Refusal as refusal:
            refusal.path.append(index)
            raise
        ends.append(len(out) - start)
    _write_offsets(out, len(out) - start, ends)
    return b'av'


def _write_variant(out, value, depth, convert):
    kind = _find_writer(type(value))(out, value, depth + 1, convert)
    out += b'\0' + kind


def _write_offsets(out, body, offsets):
    size = offset_size(body, len(offsets))
    out += bytes(offsets) if size == 1 else array(OFFSET_CODES[size], offsets)


def _write_bools(out, values):
    out += bytes(values)
    return b'ab'


def _write_ints(out, values):
    for code, kind in ('q', b'ax'), ('Q', b'at'):
        try:
            out += array(code, values)
            return kind
        except OverflowError:
            pass
    return None


def _write_floats(out, values):
    out += array('d', values)
    return b'ad'


def _write_strs(out, values):
    try:
        body = '\0'.join(values).encode() + b'\0'
        if body.count(0) == len(values):
            out += body
            sizes = map(len, body.split(b'\0')[:-1])
            _write_offsets(out, len(body), list(accumulate(size + 1 for size in sizes)))
            return b'as'
    except UnicodeEncodeError:
        pass
    return None     # the general way finds out which is to blame


_LIST_WRITERS = {
    _write_bool: _write_bools,
    _write_int: _write_ints,
    _write_float: _write_floats,
    _write_str: _write_strs,
}


# Dictionaries


def _write_dict(out, value, depth, convert):
    _check_depth(depth + 3)
    if not value:
        return b'a{sv}'
    write_key = _find_common_writer(value)
    if write_key is _write_str:
        return _write_vardict(out, value, depth, convert)
    if write_key is _write_int:
        pack_key, kind = _choose_int_key(value)
    elif write_key is _write_float:
        pack_key, kind = _pack_double, b'a{dv}'
    elif write_key is _write_bool:
        pack_key, kind = _pack_bool, b'a{bv}'
    else:
        names = sorted({_name_class(cls) for cls in set(map(type, value))})
        raise _Refusal(TypeError, f'a dict with keys of type {" and ".join(names)} cannot become a GVariant; '
                                  "keys are all str, all int, all float or all bool")
    _write_fixed_key_dict(out, value, depth, convert, pack_key)
    return kind


def _choose_int_key(value):
    lowest, highest = min(value), max(value)
    if -2**63 <= lowest and highest < 2**63:
        return _pack_int64, b'a{xv}'
    if 0 <= lowest and highest < 2**64:
        return _pack_uint64, b'a{tv}'
    raise _refuse_int(lowest if lowest < 0 and -lowest > highest - 2**63 else highest)


def _write_vardict(out, value, depth, convert):
    start = len(out)
    ends = []
    for key, item in value.items():
        out += PADDING[-len(out) & 7]
        entry = len(out)
        try:
            out += _encode_str(key)
            out.append(0)
            key_end = len(out) - entry
            out += PADDING[-len(out) & 7]
            _write_variant(out, item, depth + 2, convert)
        except _Refusal as refusal:
            refusal.path.append(key)
            raise
        _write_offsets(out, len(out) - entry, (key_end,))
        ends.append(len(out) - start)
    _write_offsets(out, len(out) - start, ends)
    return b'a{sv}'


def _write_fixed_key_dict(out, value, depth, convert, pack_key):
    start = len(out)
    ends = []
    for key, item in value.items():
        out += PADDING[-len(out) & 7]
        out += pack_key(key)
        out += PADDING[-len(out) & 7]
        try:
            _write_variant(out, item, depth + 2, convert)
        except _Refusal as refusal:
            refusal.path.append(key)
            raise
        ends.append(len(out) - start)
    _write_offsets(out, len(out) - start, ends)


# Tuples


def _write_tuple(out, value, depth, convert):
    _check_depth(depth + 1)
    if not value:
        out.append(0)
        return b'()'
    start = len(out)
    kinds = []
    ends = []       # of the members that differ in size
    mask = 0
    for index, item in enumerate(value):
        try:
            kind = _write_member(out, item, depth + 1, convert)
        except _Refusal as refusal:
            refusal.path.append(index)
            raise
        kinds.append(kind)
        member_mask, is_fixed = _find_layout(kind)
        mask |= member_mask
        if not is_fixed:
            ends.append(len(out) - start)
    if not ends:
        out += PADDING[-len(out) & mask]
    else:
        if not is_fixed:
            ends.pop()      # the last member ends where the offsets begin
        _write_offsets(out, len(out) - start, ends[::-1])
    kind = b'(%b)' % b''.join(kinds)
    if len(kind) > MAX_TYPE_LENGTH:
        raise _Refusal(ValueError, f'the type of a tuple of {len(value)} items takes more than '
                                   f'{MAX_TYPE_LENGTH} bytes; send a list')
    return kind


def _write_member(out, value, depth, convert):
    writer = _find_writer(type(value))
    mask = _MASKS.get(writer)
    if mask is not None:
        out += PADDING[-len(out) & mask]
        return writer(out, value, depth, convert)
    part = bytearray()      # where it begins depends on its type, known when it is written
    kind = writer(part, value, depth, convert)
    mask, _ = _find_layout(kind)
    out += PADDING[-len(out) & mask]
    out += part
    return kind


@lru_cache(maxsize=256)
def _find_layout(kind):
    parsed = parse(kind.decode())
    return parsed.mask, parsed.size is not None


_WRITERS = {
    type(None): _write_none,
    bool: _write_bool,
    int: _write_int,
    float: _write_float,
    str: _write_str,
    bytes: _write_bytes,
    bytearray: _write_bytes,
    memoryview: _write_memoryview,
    list: _write_list,
    tuple: _write_tuple,
    dict: _write_dict,
}

_MASKS = {      # alignment less one of what is written with a type that is known beforehand
    _write_none: 7,
    _write_bool: 0,
    _write_int: 7,
    _write_float: 7,
    _write_str: 0,
    _write_bytes: 0,
    _write_memoryview: 0,
    _write_dict: 7,
}
