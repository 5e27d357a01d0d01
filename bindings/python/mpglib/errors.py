# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""An exception class for each code of Mp.Error; programs say Mp.Empty, Mp.Closed and so on.

Each is a GLib.Error of the domain, with the code that the class names, and besides what Python would
raise in its place: `except queue.Empty` catches Mp.Empty.  ProcessError catches them all.  (The name
Mp.Error belongs to the enumeration.)
"""

import builtins
import queue
import socket
import threading

from gi.repository import GLib

DOMAIN = 'mp-error-quark'


class ProcessError(GLib.Error):
    """Any error of mpglib; itself the one that no other class describes."""

    code = 0

    def __init__(self, message='', domain=DOMAIN, code=None):
        super().__init__(message, domain, self.code if code is None else code)

    def __str__(self):
        return self.message

    def __repr__(self):
        return f'{type(self).__name__}({self.message!r})'


class TimeoutError(ProcessError, builtins.TimeoutError):
    """The time given to a wait is over."""
    code = 1


class InterruptedError(ProcessError, builtins.InterruptedError):
    """A signal ended a wait."""
    code = 2


class Closed(ProcessError, EOFError):
    """The object was closed, here or at the other end, and nothing is left in it."""
    code = 3


class PeerClosed(Closed, BrokenPipeError):
    """The other end of the connection was closed: nobody receives what is sent."""


class HandleClosed(Closed, OSError):
    """What was to be used, or waited for, is closed in this process: a listener or a descriptor."""


class ConnectionClosed(HandleClosed):
    """This end of the connection was closed."""


class QueueClosed(Closed, ValueError):
    """The queue was closed in this process."""


class Empty(ProcessError, queue.Empty):
    """Nothing to take within the time given."""
    code = 4


class Full(ProcessError, queue.Full):
    """No room within the time given."""
    code = 5


class TooBig(ProcessError, ValueError):
    """More bytes, items or descriptors than a limit allows."""
    code = 6


class BufferTooShort(ProcessError):
    """The message is longer than the room given for it.

    If it was received all the same, it is the only argument: `error.args[0]`, which is bytes.
    """
    code = 7

    def __init__(self, message='', domain=DOMAIN, code=None):
        text = f'The message has {len(message)} bytes' if isinstance(message, bytes) else message
        super().__init__(text, domain, code)
        self.args = (message,)


class MessageTooLong(BufferTooShort, OSError):
    """The message is longer than the caller wants any to be; it waits to be received."""


class InvalidState(ProcessError, ValueError):
    """The object is not, or no longer, in a state that allows the operation."""
    code = 8


class NotOwner(ProcessError, AssertionError):
    """The caller does not hold what it wanted to give back."""
    code = 9


class Abandoned(ProcessError):
    """The holder of the lock died; what the lock guards may be half changed."""
    code = 10


class BrokenBarrierError(ProcessError, threading.BrokenBarrierError):
    """A party of the barrier died, gave up, or aborted it."""
    code = 11


class Corrupted(ProcessError, ValueError):
    """Shared memory, a file or a message holds what cannot be there."""
    code = 12


class Stale(ProcessError, ReferenceError):
    """The object of a handle is gone."""
    code = 13


class PeerDied(ProcessError, ConnectionResetError):
    """The process at the other end died."""
    code = 14


class WorkerLost(ProcessError):
    """The worker died while it had the task."""
    code = 15


class NotShareable(ProcessError, TypeError):
    """The object cannot be handed to another process on this way."""
    code = 16


class WrongCodec(ProcessError, ValueError):
    """The payload is there, in a codec that Python does not read."""
    code = 17


class NoTarget(ProcessError, LookupError):
    """No function of that name exists where it was to run."""
    code = 18


class StartFailed(ProcessError):
    """The process could not be started, or ended before it was ready."""
    code = 19


class NotInitialized(ProcessError):
    """A C or Vala program did not call mp_init() first."""
    code = 20


class UnsafeFork(ProcessError):
    """This process has threads, so a forked child could hang."""
    code = 21


class Forked(ProcessError):
    """The object belongs to the process that this one was forked from."""
    code = 22


class AuthenticationError(ProcessError):
    """The other end did not prove that it knows the key."""
    code = 23


class Refused(ProcessError, PermissionError):
    """The other end, or a rule of this one, does not allow it."""
    code = 24


class RemoteError(ProcessError):
    """A function failed in another process with an exception that cannot be had here.

    remote_type names the class of that exception; it is empty when that is not known.
    """
    code = 25
    remote_type = ''

    @classmethod
    def from_report(cls, report):
        error = cls(f'{report.type}: {report.message}' if report.type else report.message)
        error.remote_type = report.type
        return error


class NotSupported(ProcessError, NotImplementedError):
    """This platform, language or kind of object does not offer the operation."""
    code = 26


class WrongWay(NotSupported, OSError):
    """The connection only sends, or only receives."""


class OutOfRange(ProcessError, IndexError, OverflowError):
    """There is no place of that index, or the number does not fit where it shall be stored."""
    code = 27


class WrongType(ProcessError, TypeError):
    """The value has another type than the place where it shall be stored."""
    code = 28


class Cancelled(ProcessError):
    """The task, or the wait, was cancelled.  Its domain and code are those of GIO, whose cancellables say so."""

    def __init__(self, message='', domain='g-io-error-quark', code=19):
        super().__init__(message, domain, code)


class ConnectionRefused(ProcessError, ConnectionRefusedError):
    """Nobody listens there.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=39):
        super().__init__(message, domain, code)


class HostNotFound(ProcessError, socket.gaierror):
    """The name of the host cannot be looked up.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=28):
        super().__init__(message, domain, code)


class Unreachable(ProcessError, OSError):
    """There is no way to the host, or to its network.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=37):
        super().__init__(message, domain, code)


class AddressInUse(ProcessError, OSError):
    """Somebody listens there, or a file is in the way.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=33):
        super().__init__(message, domain, code)


class NotFound(ProcessError, FileNotFoundError):
    """There is no such file or folder.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=1):
        super().__init__(message, domain, code)


class NotADirectory(ProcessError, NotADirectoryError):
    """What is used as a folder is none.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=4):
        super().__init__(message, domain, code)


class InvalidArgument(ProcessError, ValueError):
    """An address, or another argument, is none.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=13):
        super().__init__(message, domain, code)


class PermissionDenied(ProcessError, PermissionError):
    """The system does not allow it.  Its domain and code are those of GIO."""

    def __init__(self, message='', domain='g-io-error-quark', code=14):
        super().__init__(message, domain, code)


_OF_GIO = {1: NotFound, 4: NotADirectory, 13: InvalidArgument, 14: PermissionDenied, 19: Cancelled, 28: HostNotFound,
           33: AddressInUse, 37: Unreachable, 38: Unreachable, 39: ConnectionRefused}
_CLASSES = {cls.code: cls for cls in ProcessError.__subclasses__() if cls.code != 0}


def translate(error):
    """The exception to raise for a GLib.Error that came out of the library."""
    if isinstance(error, ProcessError):
        return error
    if error.domain == 'g-io-error-quark' and error.code in _OF_GIO:
        return _OF_GIO[error.code](error.message, code=error.code)
    if error.domain != DOMAIN:
        return error
    return _CLASSES.get(error.code, ProcessError)(error.message, error.domain, error.code)


__all__ = ['ProcessError', *(cls.__name__ for cls in [*dict.fromkeys(_OF_GIO.values()), *_CLASSES.values()])]
