# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The other program of test-python-channel.c and test-challenge.c, which has nothing of mpglib.

    python-channel-peer.py listener|client|challenged|wrong model|multiprocessing ADDRESS KEY-IN-HEX

ADDRESS is a path or HOST:PORT.  A listener says where it listens, in a line, and gives back what comes; a client
wants back what it sends.  Ends with 0 if both ends knew the key, and with 3 if not.  One that is challenged is a
client that answers once more, and asks, as does one with the wrong key.
"""

import importlib.util
import os
import socket
import sys

AUTHENTICATED, REFUSED = 0, 3
SIZES = 0, 1, 40000, 3000000


def load_model():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'python-wire-peer.py')
    spec = importlib.util.spec_from_file_location('python_wire_peer', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def split(address):
    if address.startswith('/'):
        return address
    host, port = address.rsplit(':', 1)
    return host, int(port)


def tell(address):
    print(address if isinstance(address, str) else '{}:{}'.format(*address), flush=True)


def meet_with_model(role, address, key):
    """By sockets alone; the connection is on descriptor 3, as the model wants it."""
    peer = load_model()
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    own = socket.socket(family, socket.SOCK_STREAM)
    if role == 'client':
        own.connect(address)
    else:
        own.bind(address)
        own.listen(1)
        tell(own.getsockname())
        listening, own = own, own.accept()[0]
        listening.close()
    number = own.detach()
    if number != 3:
        os.dup2(number, 3)
        os.close(number)
    connection = peer.ModelConnection()
    try:
        peer.authenticate(role, peer.Model, connection, key)
    except (peer.Refused, EOFError):
        return None
    return connection


def meet_with_multiprocessing(role, address, key):
    from multiprocessing import AuthenticationError, connection as module
    try:
        if role == 'client':
            return module.Client(address, authkey=key)
        with module.Listener(address, authkey=key) as listener:
            tell(listener.address)
            return listener.accept()
    except (AuthenticationError, EOFError, OSError):
        return None


def give_back(connection):
    try:
        while True:
            connection.send_bytes(connection.recv_bytes())
    except EOFError:
        pass


def want_back(connection):
    for size in SIZES:
        connection.send_bytes(b'x' * size)
        assert connection.recv_bytes() == b'x' * size
    if hasattr(connection, 'send'):
        connection.send({'an': ['object', 1]})
        assert connection.recv() == {'an': ['object', 1]}


def authenticate_again(implementation, connection, key):
    if implementation == 'model':
        peer = load_model()
        module, refusals = peer.Model, peer.Refused
    else:
        from multiprocessing import AuthenticationError, connection as module
        refusals = AuthenticationError
    try:
        module.answer_challenge(connection, key)
        module.deliver_challenge(connection, key)
    except refusals:
        return REFUSED
    return AUTHENTICATED


def main(role, implementation, address, key):
    meet = meet_with_model if implementation == 'model' else meet_with_multiprocessing
    is_listener = role == 'listener'
    connection = meet('listener' if is_listener else 'client', split(address), bytes.fromhex(key))
    if connection is None:
        return REFUSED
    if role in {'challenged', 'wrong'}:
        return authenticate_again(implementation, connection, bytes.fromhex(key) if role == 'challenged' else b'wrong')
    if role == 'client':
        want_back(connection)
    else:
        give_back(connection)
    return AUTHENTICATED


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
