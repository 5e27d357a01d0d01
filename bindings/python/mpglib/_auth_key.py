# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Authentication keys, which are made of bytes as in multiprocessing."""

from gi.repository import GLib

from ._calls import Mp
from ._classes import SameType, adopt

_Base = adopt(Mp.AuthKey)


class AuthKey(_Base, metaclass=SameType):
    """A secret that two programs share: Mp.AuthKey(b'...'), of anything like bytes, or Mp.AuthKey.new_random().

    bytes(key) is the secret; nothing else shows it, and a key cannot be pickled.
    """

    __module__ = 'gi.overrides.Mp'

    def __init__(self, secret):
        if isinstance(secret, str):
            raise TypeError("a key is made of bytes, not of a str: encode it, or write b'...'")
        if not isinstance(secret, GLib.Bytes):
            try:
                secret = GLib.Bytes.new(bytes(memoryview(secret)))
            except TypeError:
                raise TypeError(f"a key is made of bytes, as b'...', not of {type(secret).__name__}") from None
        super().__init__(secret=secret)

    def __bytes__(self):
        return self.get_bytes().get_data() or b''

    def __reduce_ex__(self, protocol):
        raise TypeError('a key does not travel in messages; bytes(key) is for who must bring it elsewhere')

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def to_key(authkey):
    """An AuthKey, or None, of bytes or one of these."""
    return authkey if authkey is None or isinstance(authkey, Mp.AuthKey) else AuthKey(authkey)
