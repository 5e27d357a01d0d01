# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Pickles of values with connections and the like in them, which travel beside the pickle in a message."""

import threading

from . import _pickle5
from ._calls import Mp, adopt

adopt(Mp.Message)


class _State(threading.local):
    made = None         # by id: what belongs to the message that this thread makes, in its order
    message = None      # the one that this thread reads


_state = _State()


def make_message(value, dumps=_pickle5.dumps):
    """The message with the pickle of a value, and what is shared in it."""
    outer, _state.made = _state.made, {}
    try:
        message = Mp.Message.new_data(dumps(value), _pickle5.CODEC)
        for shareable, _index in _state.made.values():
            message.attach(shareable)
        return message
    finally:
        _state.made = outer


def read_message(message):
    """The value that such a message was made of."""
    return read_pickle(message.get_payload(), message)


def read_pickle(data, message):
    """The value of a pickle to which the attachments of the message belong."""
    outer, _state.message = _state.message, message
    try:
        return _pickle5.loads(data)
    finally:
        _state.message = outer


def reduce_shareable(shareable):
    """What pickle asks of an object: __reduce__ of the classes that can be shared."""
    if _state.made is None:
        raise TypeError(f'{shareable} can only be sent to another process: as an argument or a result of a function, '
                        'or through a connection')
    _shareable, index = _state.made.setdefault(id(shareable), (shareable, len(_state.made)))
    return _get_attachment, (index,)


def _get_attachment(index):
    if _state.message is None:
        raise TypeError('this pickle belongs to a message')
    return _state.message.get_attachment(index)
