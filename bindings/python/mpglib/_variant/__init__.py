# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""Python values as GVariants, without gi.

encode() gives the type string and the serialised bytes of a value, exactly as GLib writes them on this
machine; decode() reads every type of GVariant.  Going through GLib.Variant instead costs ten times more,
and an import of gi that a plain worker does not need.

What becomes what:

    None                          mv, with nothing in it
    bool, float, str              b, d, s
    int                           x; t from 2**63 on; OverflowError outside both
    bytes, bytearray, memoryview  ay
    list                          ab, ax, at, ad or as when one of them holds all items, else av; [] is av
    tuple                         (...) of the types of its items
    dict                          a{sv}, or a{bv}, a{xv}, a{tv}, a{dv} by its keys; {} is a{sv}

A subclass (an IntEnum, a namedtuple, an OrderedDict) is written as what it derives from; anything else is
a TypeError that tells where it sits.  Reading turns variants and maybes into what they hold, arrays of
bytes into bytes, arrays of dictionary entries into dict (the last of equal keys wins), other arrays into
list, tuples and lone dictionary entries into tuple, o and g into str.

Bytes may come from anybody.  What is not in normal form, nests deeper than MAX_DEPTH or holds a type
string longer than MAX_TYPE_LENGTH is refused with ValueError; nothing is repaired.
"""

from ._decoder import decode
from ._encoder import encode
from ._types import MAX_DEPTH, MAX_TYPE_LENGTH

__all__ = ['encode', 'decode', 'MAX_DEPTH', 'MAX_TYPE_LENGTH']
