# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Listener and Mp.Client() in the form of multiprocessing.connection."""

from . import _connection, _waiting
from ._addresses import from_text, to_text
from ._auth_key import to_key
from ._calls import FOREVER, Mp, check_timeout, check_whole, note_loop, wait
from ._classes import SameType, adopt, explain_closed

_Base = adopt(Mp.Listener, explain=explain_closed)
_Settings = adopt(Mp.TlsSettings)
_LARGEST_BACKLOG = 2 ** 31 - 1


def check_wire(wire):
    """The same: what was meant for the safety of a connection is not to be guessed, as a name or a number would be."""
    if not isinstance(wire, Mp.WireFlags):
        raise TypeError(f'wire has to be of Mp.WireFlags, as Mp.WireFlags.TLS, not {wire!r}')
    return wire


class Listener(_Base, metaclass=SameType):
    """Listens from the beginning, and gives a Connection for each program that connects and knows the key.

    The address is a path, '\\0name' for a name without a file (which needs a key), (host, port) for TCP (likewise), or
    None for a new place in a private folder.  authkey is bytes or an Mp.AuthKey; None lets all processes of the same
    user in.  Whoever has another key gets AuthenticationError, and accept() does not notice.  wire says what is
    spoken there; see Mp.WireFlags.  tls, an Mp.TlsSettings, says which certificates are shown and taken.
    """

    __module__ = 'gi.overrides.Mp'

    def __init__(self, address=None, family=None, backlog=None, authkey=None, wire=None, tls=None):
        given = {} if backlog is None else {'backlog': min(max(1, check_whole('backlog', backlog)), _LARGEST_BACKLOG)}
        if wire is not None:
            given['wire'] = check_wire(wire)
        if tls is not None:
            given['tls'] = tls
        super().__init__(address=to_text(address, family), key=to_key(authkey), **given)
        self.open()

    def accept(self, timeout=None, cancellable=None):
        """The connection to the next program that connects and knows the key; waits for one.

        OSError when the listener is, or meanwhile was, closed.
        """
        return wait(_Base.accept, self, timeout=timeout, cancellable=cancellable)

    def accept_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """The same, to be awaited."""
        if callback is None:
            note_loop()
            timeout = None if check_timeout(timeout) is None else max(0.0, timeout)
            return _waiting.take_soon(self, lambda: _Base.accept(self, 0.0, None), timeout, cancellable)
        timeout = FOREVER if check_timeout(timeout) is None else timeout
        return _Base.accept_async(self, timeout, cancellable, callback, *user_data)

    @property
    def address(self):
        """Where it listens, in the form of multiprocessing, for Mp.Client(); get_address() is for all languages."""
        return from_text(self.get_address())

    @property
    def backlog(self):
        return self.get_backlog()

    @property
    def last_accepted(self):
        """The address of who connected last, or None if that has none."""
        return from_text(self.get_last_accepted())

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def __repr__(self):
        # It was open from the beginning.
        text = self.to_string()
        return text.replace('not open', 'closed', 1) if text.startswith('<Mp.Listener not open') else text

    __str__ = __repr__


class TlsSettings(_Settings, metaclass=SameType):
    """Which certificates an end shows and takes: Mp.TlsSettings(certificate=..., trusted=..., peer_name=...).

    The first two are Gio.TlsCertificates.  Without any the key tells who is there, as it does without settings.
    """

    __module__ = 'gi.overrides.Mp'
    _made_by = ': Mp.TlsSettings(certificate=..., trusted=..., peer_name=...)'

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def Client(address, family=None, authkey=None, timeout=None, wire=None, tls=None):
    """A Connection to the listener at the address, which has the same wire, and TLS if tls is an Mp.TlsSettings."""
    if address is None:
        raise TypeError('Client() takes the address of a listener, and None is none')
    text, key = to_text(address, family), to_key(authkey)
    if wire is not None:
        check_wire(wire)
    if tls is not None:
        return _connection.Connection.open_with_tls(text, key, wire or Mp.WireFlags.DEFAULT, tls, timeout=timeout)
    if wire is None:
        return _connection.Connection.open(text, key, timeout=timeout)
    return _connection.Connection.open_with_wire(text, key, wire, timeout=timeout)
