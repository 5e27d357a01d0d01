# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Pickles of values with connections and the like in them, which travel beside the pickle in a message."""

import copyreg
import pickle
import sys
import threading

from . import _pickle5
from ._calls import Mp
from ._classes import adopt

adopt(Mp.Message)


class _State(threading.local):
    made = None         # by id: what belongs to the message that this thread makes, in its order
    message = None      # the one that this thread reads


_state = _State()


def make_message(value, dumps=_pickle5.dumps):
    """The message with the pickle of a value, and what is shared in it."""
    _learn_sockets()
    _learn_others()
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


def get_shareable(part):
    """What of a part of a value other languages get, if it can be shared; otherwise the part."""
    part = getattr(part, '_mp_owner', part)     # of an object of ctypes, whose memory it is
    if 'socket' in sys.modules and type(part) is sys.modules['socket'].socket:
        return make_descriptor(part.fileno())
    return part


def reduce_shareable(shareable):
    """What pickle asks of an object: __reduce__ of the classes that can be shared."""
    _check_making(shareable)
    _shareable, index = _state.made.setdefault(id(shareable), (shareable, len(_state.made)))
    return _get_attachment, (index,)


def _get_attachment(index):
    if _state.message is None:
        raise TypeError('this pickle belongs to a message')
    return _state.message.get_attachment(index)


def _check_making(thing):
    if _state.made is None:
        raise TypeError(f'{thing} can only be sent to another process: as an argument or a result of a function, '
                        'or through a connection')


# --- Sockets

make_descriptor = None      # of a number; set by who has the class


def _learn_sockets():
    """Has pickle ask us of sockets, if the program has any."""
    module = sys.modules.get('socket')
    if module is not None and module.socket not in copyreg.dispatch_table:
        copyreg.pickle(module.socket, _reduce_socket)


def _reduce_socket(sock):
    _check_making(sock)
    if sock.fileno() < 0:
        raise ValueError(f'{sock} is closed')
    return _open_socket, (make_descriptor(sock.fileno()), int(sock.family), int(sock.type), sock.proto,
                          sock.gettimeout())


def _open_socket(descriptor, family, kind, protocol, timeout):
    import socket
    sock = socket.socket(family, kind, protocol, descriptor.dup_fd())
    sock.settimeout(timeout)
    return sock


# --- What belongs to multiprocessing

def _learn_others():
    """Has pickle ask us of connections of the standard library, of which it would copy the number of the descriptor."""
    module = sys.modules.get('multiprocessing.connection')
    if module is not None and module.Connection not in copyreg.dispatch_table:
        copyreg.pickle(module.Connection, _refuse_connection)


def _refuse_connection(connection):
    raise pickle.PicklingError(f'{connection!r} is an end of a pipe of multiprocessing, which only its own '
                               'processes can have: Mp.Pipe() makes those that mpglib hands over')
