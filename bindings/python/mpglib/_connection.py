# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Connection and Mp.Pipe() in the form of multiprocessing."""

import sys
import time

from gi.repository import GLib

from . import _awaiting, _messages, _shareables, errors
from ._addresses import to_text
from ._auth_key import to_key
from ._calls import FOREVER, Mp, check_timeout, check_whole, wait
from ._classes import SameType, adopt


def _explain_closed(connection, error):
    return errors.ConnectionClosed(error.message) if type(error) is errors.Closed and connection.is_closed() else error


_Base = adopt(Mp.Connection, explain=_explain_closed)
_RAW = 'raw'

# What the library reports by one code, and Python tells apart.
_EXPLAINED = errors.Closed, errors.NotSupported


def _to_given_key(authkey):
    if authkey is None:
        raise TypeError('a challenge is about a key, and None is none')
    return to_key(authkey)


def _check_digest(name):
    if name != 'sha256':
        raise ValueError(f'there is no digest {name!r} here; there is sha256, which Python has from 3.12 on')


def _open_soon(start, finish, arguments, timeout, cancellable, callback, user_data):
    address, key, *wires = arguments
    arguments = to_text(address), to_key(key), *wires
    timeout = _as_library(timeout)
    if callback is not None:
        return start(*arguments, timeout, cancellable, callback, *user_data)

    def begin(cancellable, callback):
        start(*arguments, timeout, cancellable, callback)

    return _awaiting.operate(begin, finish, lambda connection: connection.close(), cancellable)


class Connection(_Base, metaclass=SameType):
    """One end of a pair made by Mp.Pipe(), or one of a client and a listener; it can be an argument or a result.

    Python's objects go as pickles, a GLib.Variant as what it is, for all languages; recv() takes both.  A
    timeout is in seconds, None waits for ever.  `await x_async(...)` gives what x(...) would: under asyncio, and in
    Mp.run().

    recv() unpickles what it gets, and a pickle can do whatever its maker wants: receive objects only from those who
    may run code here, which are processes of this program, and those who have its key.
    """

    __module__ = 'gi.overrides.Mp'
    _made_by = ': Mp.Pipe(), Mp.Client() and the accept() of a listener give connections'

    @staticmethod
    def open(address, key=None, timeout=None, cancellable=None):
        """Connects to a listener, as Mp.Client(): the key is bytes, an Mp.AuthKey or None."""
        return wait(_Base.open, to_text(address), to_key(key), timeout=timeout, cancellable=cancellable)

    @staticmethod
    def open_with_wire(address, key, wire, timeout=None, cancellable=None):
        """Connects as open() does, to a listener that has the wire."""
        return wait(_Base.open_with_wire, to_text(address), to_key(key), wire, timeout=timeout, cancellable=cancellable)

    @staticmethod
    def open_with_tls(address, key, wire, tls, timeout=None, cancellable=None):
        """Connects as open() does, with TLS and the Mp.TlsSettings."""
        return wait(_Base.open_with_tls, to_text(address), to_key(key), wire, tls,
                    timeout=timeout, cancellable=cancellable)

    @staticmethod
    def open_async(address, key=None, timeout=None, cancellable=None, callback=None, *user_data):
        """Connects to a listener, to be awaited."""
        return _open_soon(_Base.open_async, _Base.open_finish, (address, key), timeout, cancellable,
                          callback, user_data)

    @staticmethod
    def open_with_wire_async(address, key, wire, timeout=None, cancellable=None, callback=None, *user_data):
        """Connects to a listener that has the wire, to be awaited."""
        return _open_soon(_Base.open_with_wire_async, _Base.open_with_wire_finish, (address, key, wire), timeout,
                          cancellable, callback, user_data)

    @staticmethod
    def open_with_tls_async(address, key, wire, tls, timeout=None, cancellable=None, callback=None, *user_data):
        """Connects to a listener with TLS, to be awaited."""
        return _open_soon(_Base.open_with_tls_async, _Base.open_with_tls_finish, (address, key, wire, tls), timeout,
                          cancellable, callback, user_data)

    # --- Keys besides that of the listener

    def deliver_challenge(self, authkey, digest_name='sha256', timeout=None, cancellable=None):
        """Has the other end prove that it knows the key, which answers by answer_challenge(), also that of Python.

        AuthenticationError if it has another one.  authkey is bytes or an Mp.AuthKey.
        """
        _check_digest(digest_name)
        self._converse(_Base.deliver_challenge, authkey, timeout, cancellable)

    def answer_challenge(self, authkey, timeout=None, cancellable=None):
        """Proves to the other end that this one knows the key; AuthenticationError if that has another one."""
        self._converse(_Base.answer_challenge, authkey, timeout, cancellable)

    def deliver_challenge_async(self, authkey, timeout=None, cancellable=None, callback=None, *user_data):
        """The same as deliver_challenge(), to be awaited."""
        return self._converse_soon(_Base.deliver_challenge_async, _Base.deliver_challenge_finish, authkey,
                                   timeout, cancellable, callback, user_data)

    def answer_challenge_async(self, authkey, timeout=None, cancellable=None, callback=None, *user_data):
        """The same as answer_challenge(), to be awaited."""
        return self._converse_soon(_Base.answer_challenge_async, _Base.answer_challenge_finish, authkey,
                                   timeout, cancellable, callback, user_data)

    def _converse(self, function, authkey, timeout, cancellable):
        try:
            wait(function, self, _to_given_key(authkey), timeout=timeout, cancellable=cancellable)
        except _EXPLAINED as error:
            failure = self._explain(error, errors.Closed)
        else:
            return
        raise failure

    def _converse_soon(self, start, finish, authkey, timeout, cancellable, callback, user_data):
        key, timeout = _to_given_key(authkey), _as_library(timeout)
        if callback is not None:
            return start(self, key, timeout, cancellable, callback, *user_data)

        def begin(cancellable, callback):
            start(self, key, timeout, cancellable, callback)

        def end(outcome):
            finish(self, outcome)

        return _awaiting.operate(begin, end, cancellable=cancellable)

    # --- Sending

    def send(self, obj, timeout=None, cancellable=None):
        """Sends an object; BrokenPipeError when the other end was closed, ConnectionResetError when it died."""
        try:
            if isinstance(obj, GLib.Variant):
                wait(_Base.send, self, obj, timeout=timeout, cancellable=cancellable)
            else:
                wait(_Base.send_message, self, _shareables.make_message(obj), timeout=timeout, cancellable=cancellable)
        except _EXPLAINED as error:
            failure = self._explain(error, errors.PeerClosed)
        else:
            return
        raise failure

    def send_async(self, obj, timeout=None, cancellable=None, callback=None, *user_data):
        """Sends an object, to be awaited."""
        message = Mp.Message.new(obj) if isinstance(obj, GLib.Variant) else _shareables.make_message(obj)
        if callback is not None:
            return _Base.send_message_async(self, message, _as_library(timeout), cancellable, callback, *user_data)
        return self._send_soon(message, timeout, cancellable)

    def send_finish(self, outcome):
        """Ends send_async() with a callback."""
        try:
            return _Base.send_message_finish(self, outcome)
        except _EXPLAINED as error:
            failure = self._explain(error, errors.PeerClosed)
        raise failure

    def _send_soon(self, message, timeout, cancellable):
        def begin(cancellable, callback):
            _Base.send_message_async(self, message, _as_library(timeout), cancellable, callback)

        return _awaiting.operate(begin, self.send_finish, cancellable=cancellable, lasts=True)

    def send_bytes(self, data, offset=0, size=None, timeout=None, cancellable=None):
        """Sends bytes."""
        part = _cut(data, offset, size)
        try:
            wait(_Base.send_data, self, part, _RAW, timeout=timeout, cancellable=cancellable)
        except _EXPLAINED as error:
            failure = self._explain(error, errors.PeerClosed)
        else:
            return
        raise failure

    def send_bytes_async(self, data, offset=0, size=None, timeout=None, cancellable=None):
        """Sends bytes, to be awaited."""
        return self._send_soon(Mp.Message.new_data(_cut(data, offset, size), _RAW), timeout, cancellable)

    # --- Receiving

    def recv(self, timeout=None, cancellable=None):
        """Receives an object; EOFError when the other end was closed and nothing is left."""
        return _messages.read_value(self._receive(_Base.receive_message, timeout=timeout, cancellable=cancellable))

    def _receive(self, function, *args, **limits):
        try:
            return wait(function, self, *args, **limits)
        except _EXPLAINED as error:
            failure = self._explain(error, errors.Closed)
        raise failure

    def _explain(self, error, cls):
        """It was closed here, or by the other end: cls says what that means; or it does not go this way."""
        if isinstance(error, errors.NotSupported):
            return error if self.readable and self.writable else errors.WrongWay(error.message)
        return (errors.ConnectionClosed if self.is_closed() else cls)(error.message)

    def recv_async(self, timeout=None, cancellable=None):
        """Receives an object, to be awaited."""
        return self._recv_soon(timeout, cancellable)

    async def _recv_soon(self, timeout, cancellable):
        # Errors of unpickling are not of receiving.
        return _messages.read_value(await self._receive_soon(self._receive, (_Base.receive_message,),
                                                             timeout, cancellable))

    async def __aiter__(self):
        """The objects as they come, until one of the ends was closed; that the peer died is an error."""
        while True:
            try:
                message = await self._receive_soon(self._receive, (_Base.receive_message,), None, None)
            except errors.Closed:
                return
            yield _messages.read_value(message)

    async def _receive_soon(self, receive, args, timeout, cancellable):
        # Who is cancelled has taken nothing: waits, and then takes, if no other was faster.
        end = None if check_timeout(timeout) is None or timeout < 0 else time.monotonic() + timeout
        while True:
            left = FOREVER if end is None else max(0.0, end - time.monotonic())
            await self.wait_readable_async(left, cancellable)
            try:
                return receive(*args, timeout=0)
            except errors.TimeoutError:
                if left == 0:
                    raise

    def wait_readable_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Waits until there is something to receive, or the end of it, to be awaited."""
        timeout = _as_library(timeout)
        if callback is not None:
            return _Base.wait_readable_async(self, timeout, cancellable, callback, *user_data)

        def begin(cancellable, callback):
            _Base.wait_readable_async(self, timeout, cancellable, callback)

        return _awaiting.operate(begin, self.wait_readable_finish, cancellable=cancellable)

    def recv_bytes(self, maxlength=None, timeout=None, cancellable=None):
        """Receives bytes; if there are more than maxlength, BufferTooShort, which is an OSError here, and they stay.

        With a maxlength of 0 only an empty message is wanted; one of a single byte does not stay then, but is args[0].
        """
        if maxlength is None:
            most = 0        # which is any number to the library
        else:
            most = min(max(check_whole('maxlength', maxlength, 0), 1), sys.maxsize)
        try:
            data = self._receive(_Base.receive_data, most, timeout=timeout, cancellable=cancellable)
            if maxlength is None or len(data) <= maxlength:
                return data
            failure = errors.MessageTooLong(data)
        except errors.BufferTooShort as error:
            text = error.message if maxlength != 0 else error.message.replace('not 1 at most', 'not 0 at most')
            failure = errors.MessageTooLong(text)
        raise failure

    def recv_bytes_async(self, maxlength=None, timeout=None, cancellable=None):
        """Receives bytes, to be awaited."""
        return self._receive_soon(self.recv_bytes, (maxlength,), timeout, cancellable)

    def recv_bytes_into_async(self, buffer, offset=0, timeout=None, cancellable=None):
        """Receives bytes into a buffer, to be awaited."""
        return self._receive_soon(self.recv_bytes_into, (buffer, offset), timeout, cancellable)

    def recv_bytes_into(self, buffer, offset=0, timeout=None, cancellable=None):
        """Receives bytes into a buffer that can be written to, from the offset in bytes on; gives how many there were.

        If they do not fit, BufferTooShort, whose args[0] they are; the buffer is as it was.
        """
        with memoryview(buffer) as view, view.cast('B') as room:
            if room.readonly:
                raise TypeError(f'{type(buffer).__name__} is a buffer that cannot be written to')
            if check_whole('offset', offset) < 0 or offset > len(room):
                raise ValueError(f'the offset {offset} is not in a buffer of {len(room)} bytes')
            message = self._receive(_Base.receive_data, 0, timeout=timeout, cancellable=cancellable)
            if len(message) > len(room) - offset:
                raise errors.BufferTooShort(message)
            room[offset:offset + len(message)] = message
            return len(message)

    def poll(self, timeout=0.0):
        """Whether there is something to receive, or the end of it, within the time; a negative one does not wait."""
        if self.is_closed():
            raise errors.ConnectionClosed('The connection was closed here')
        try:
            return self._receive(_Base.wait_readable,
                                 timeout=None if check_timeout(timeout) is None else max(0.0, timeout))
        except errors.TimeoutError:
            return False

    def fileno(self):
        """A descriptor that is readable when there is something to receive."""
        if self.is_closed():
            raise errors.ConnectionClosed('The connection was closed here')
        return self.get_fd()

    @property
    def closed(self):
        return self.is_closed()

    @property
    def readable(self):
        return self.get_readable()

    @property
    def writable(self):
        return self.get_writable()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def Pipe(duplex=True):
    """Two connected ends; with duplex=False the first receives and the second sends."""
    first, second = _Base.new_pair(duplex)
    return first, second


def _as_library(timeout):
    return FOREVER if check_timeout(timeout) is None else timeout


def _cut(data, offset, size):
    if isinstance(data, GLib.Bytes):
        data = data.get_data()
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"send_bytes() takes bytes, or what is like them, not of the type "
                        f"{type(data).__name__}; send() takes any object") from None
    view = view.cast('B') if view.c_contiguous else memoryview(view.tobytes())
    check_whole('offset', offset, 0, len(view))
    end = len(view) if size is None else offset + check_whole('size', size, 0)
    if end > len(view):
        raise ValueError(f'{size} bytes from {offset} on are not in the {len(view)} given')
    return bytes(view[offset:end])
