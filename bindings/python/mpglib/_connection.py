# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Connection and Mp.Pipe() in the form of multiprocessing."""

from gi.repository import GLib

from . import _messages, _shareables, errors
from ._calls import Mp, SameType, adopt, wait

_Base = adopt(Mp.Connection)
_RAW = 'raw'


class Connection(_Base, metaclass=SameType):
    """One end of a pair made by Mp.Pipe(), or one of a client and a listener; it can be an argument or a result.

    Python's objects go as pickles, a GLib.Variant as what it is, for all languages; recv() takes both.  A
    timeout is in seconds, None waits for ever.
    """

    __module__ = 'gi.overrides.Mp'

    @staticmethod
    def open(address, key=None, timeout=None, cancellable=None):
        """Connects to a listener: an address as Listener.get_address() gives it, and an Mp.AuthKey or None."""
        return wait(_Base.open, address, key, timeout=timeout, cancellable=cancellable)

    @staticmethod
    def open_with_wire(address, key, wire, timeout=None, cancellable=None):
        """Connects as open() does, to a listener that has the wire."""
        return wait(_Base.open_with_wire, address, key, wire, timeout=timeout, cancellable=cancellable)

    def send(self, obj, timeout=None, cancellable=None):
        """Sends an object."""
        if isinstance(obj, GLib.Variant):
            wait(_Base.send, self, obj, timeout=timeout, cancellable=cancellable)
        else:
            wait(_Base.send_message, self, _shareables.make_message(obj), timeout=timeout, cancellable=cancellable)

    def recv(self, timeout=None, cancellable=None):
        """Receives an object; EOFError when the other end was closed and nothing is left."""
        return _messages.read_value(wait(_Base.receive_message, self, timeout=timeout, cancellable=cancellable))

    def send_bytes(self, data, offset=0, size=None, timeout=None, cancellable=None):
        """Sends bytes."""
        view = memoryview(data).cast('B')
        end = len(view) if size is None else offset + size
        if not 0 <= offset <= end <= len(view):
            raise ValueError(f'{size} bytes from {offset} on are not in the {len(view)} given')
        wait(_Base.send_data, self, bytes(view[offset:end]), _RAW, timeout=timeout, cancellable=cancellable)

    def recv_bytes(self, maxlength=None, timeout=None, cancellable=None):
        """Receives bytes; if there are more than maxlength, BufferTooShort, which is an OSError here, and they stay."""
        if maxlength is not None and maxlength < 1:
            raise ValueError(f'a message of at most {maxlength} bytes')
        try:
            return wait(_Base.receive_data, self, maxlength or 0, timeout=timeout, cancellable=cancellable)
        except errors.BufferTooShort as error:
            failure = errors.MessageTooLong(error.message)
        raise failure

    def recv_bytes_into(self, buffer, offset=0, timeout=None, cancellable=None):
        """Receives bytes into a buffer that can be written to, from the offset in bytes on; gives how many there were.

        If they do not fit, BufferTooShort, whose args[0] they are; the buffer is as it was.
        """
        with memoryview(buffer) as view, view.cast('B') as room:
            if room.readonly:
                raise TypeError(f'{type(buffer).__name__} is a buffer that cannot be written to')
            if offset < 0 or offset >= max(1, len(room)):
                raise ValueError(f'the offset {offset} is not in a buffer of {len(room)} bytes')
            message = wait(_Base.receive_data, self, 0, timeout=timeout, cancellable=cancellable)
            if len(message) > len(room) - offset:
                raise errors.BufferTooShort(message)
            room[offset:offset + len(message)] = message
            return len(message)

    def poll(self, timeout=0.0):
        """Whether there is something to receive, or the end of it, within the time."""
        try:
            return wait(_Base.wait_readable, self, timeout=timeout)
        except errors.TimeoutError:
            return False

    def fileno(self):
        """A descriptor that is readable when there is something to receive."""
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
