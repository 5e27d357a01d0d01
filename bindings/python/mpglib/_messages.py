# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Arguments and results of functions as messages.

Between Python processes a call is the pickle of (args, kwargs) and a result is the pickle of a value; with
any other language both are GVariants.  An answer uses the codec of the question.
"""

import sys

from gi.repository import GLib

from . import _pickle5, _shareables, _targets, _variant
from ._calls import Mp, check_codec, note_loop
from ._classes import SameType


class Message(Mp.Message, metaclass=SameType):
    """What is sent with more than a value: bytes that are of a codec, or objects and descriptors.

    Mp.Message.new(variant) makes one with a value, Mp.Message.new_data(data, codec) one with bytes.
    """

    __module__ = 'gi.overrides.Mp'

    def __init__(self, *args, value=None, payload_bytes=None, codec=None):
        if args:
            raise TypeError('Mp.Message() takes no arguments by their places: Mp.Message.new(variant) makes one with '
                            'a value, Mp.Message.new_data(data, codec) one with bytes')
        if value is not None and (payload_bytes is not None or codec is not None):
            raise TypeError('a message has either a value, or payload_bytes and their codec')
        super().__init__(value=value, payload_bytes=payload_bytes, codec=check_codec(codec))


def make_call(target, args, kwargs):
    """The message with which target does target(*args, **kwargs)."""
    if is_python(target):
        return _shareables.make_message((tuple(args), kwargs))
    if kwargs:
        raise TypeError(f'{target} takes no arguments by keyword: it is not written in Python')
    # Who takes one argument gets it as it is, as from a map; a tuple would be a list of arguments.
    is_alone = len(args) == 1 and not isinstance(args[0], tuple)
    return make_plain(args[0] if is_alone else tuple(args))


def is_python(target):
    return target.startswith(_targets.PREFIX)


def read_call(message, spread):
    """The (args, kwargs) of a message; spread tells whether a GVariant is a tuple of arguments."""
    if message is None:
        return (), {}
    if message.get_codec() == _pickle5.CODEC:
        return _shareables.read_message(message)
    value = read_value(message)
    return (tuple(value) if spread else (value,)), {}


def make_value(value, codec):
    """The message with a value, in the codec."""
    if codec == _pickle5.CODEC:
        return _shareables.make_message(value)
    return make_plain(value)


def read_value(message):
    """The object in an Mp.Message, which lost items are; bytes of a codec that is not known here stay bytes."""
    note_loop()
    type_string = message.get_type_string()
    if type_string is not None:
        return _variant.decode(type_string, message.get_payload(), message.get_attachment)
    if message.get_codec() == _pickle5.CODEC:
        return _shareables.read_message(message)
    return message.get_payload()


def make_plain(value):
    """The message with a value that all languages read, and with what is shared in it."""
    shared = {}

    def convert(part):
        part = _shareables.get_shareable(part)
        if not isinstance(part, Mp.Shareable):
            return _convert(part)
        _part, index = shared.setdefault(id(part), (part, len(shared)))
        return 'h', index.to_bytes(4, sys.byteorder)

    if isinstance(value, GLib.Variant):
        return Mp.Message.new(value)
    type_string, data = _variant.encode(value, convert)
    message = Mp.Message.new(_wrap(type_string, data))
    for shareable, _index in shared.values():
        message.attach(shareable)
    return message


def make_variant(value):
    """The GVariant of a value, which may contain GVariants."""
    if isinstance(value, GLib.Variant):
        return value
    return _wrap(*_variant.encode(value, _convert))


def _wrap(type_string, data):
    return GLib.Variant.new_from_bytes(GLib.VariantType(type_string), GLib.Bytes.new(data), True)


def read_variant(variant):
    """The value of a GVariant that holds no handles."""
    return _variant.decode(variant.get_type_string(), variant.get_data_as_bytes().get_data())


def _convert(value):
    if isinstance(value, GLib.Variant):
        return value.get_type_string(), value.get_normal_form().get_data_as_bytes().get_data()
    return None
