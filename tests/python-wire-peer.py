# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""One end of Python's protocol, for test-python-wire.c: the other end is on descriptor 3.

    python-wire-peer.py listener|client model|multiprocessing KEY-IN-HEX

`model` is written after the description of the protocol and shares no code with anybody;
`multiprocessing` is what this Python has.  Ends with 0 if both ends knew the key and exchanged
messages, 3 if one of them did not, 4 if the other end was gone.
"""

import hmac
import os
import struct
import sys

AUTHENTICATED, REFUSED, GONE = 0, 3, 4
SIZES = 0, 1, 40000


class Refused(Exception):
    pass


class ModelConnection:
    def read(self, size):
        data = b''
        while len(data) < size:
            part = os.read(3, size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def recv_bytes(self, most=None):
        size, = struct.unpack('!i', self.read(4))
        if size == -1:
            size, = struct.unpack('!Q', self.read(8))
        if most is not None and size > most:
            raise Refused
        return self.read(size)

    def send_bytes(self, data):
        data = struct.pack('!i', len(data)) + data
        while data:
            data = data[os.write(3, data):]


class Model:
    Connection = ModelConnection

    @staticmethod
    def deliver_challenge(connection, key):
        challenge = b'{sha256}' + os.urandom(40)
        connection.send_bytes(b'#CHALLENGE#' + challenge)
        if connection.recv_bytes(256) != b'{sha256}' + hmac.digest(key, challenge, 'sha256'):
            connection.send_bytes(b'#FAILURE#')
            raise Refused
        connection.send_bytes(b'#WELCOME#')

    @staticmethod
    def answer_challenge(connection, key):
        challenge = connection.recv_bytes(256)
        if not challenge.startswith(b'#CHALLENGE#{sha256}'):
            raise Refused
        connection.send_bytes(b'{sha256}' + hmac.digest(key, challenge.removeprefix(b'#CHALLENGE#'), 'sha256'))
        if connection.recv_bytes(256) != b'#WELCOME#':
            raise Refused


def authenticate(role, module, connection, key):
    if role == 'listener':
        module.deliver_challenge(connection, key)
        module.answer_challenge(connection, key)
    else:
        module.answer_challenge(connection, key)
        module.deliver_challenge(connection, key)


def exchange(connection):
    """Sends messages of some sizes, and wants them back."""
    for size in SIZES:
        connection.send_bytes(b'x' * size)
        assert connection.recv_bytes() == b'x' * size


def main(role, implementation, key):
    if implementation == 'model':
        module, refusals, connection = Model, (Refused,), Model.Connection()
    else:
        from multiprocessing import AuthenticationError, connection as module
        refusals, connection = (AuthenticationError, OSError), module.Connection(3)
    try:
        authenticate(role, module, connection, bytes.fromhex(key))
    except refusals:
        return REFUSED
    except EOFError:
        return GONE
    exchange(connection)
    return AUTHENTICATED


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
