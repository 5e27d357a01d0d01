# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""How Python calls the library: errors become the exceptions of mpglib.errors, and Ctrl-C ends every wait."""

from _signal import pthread_sigmask     # without the enumerations of signal's, which take longer than the call
import contextlib
import functools
import re
import signal
import sys
import threading
import time

from gi.module import get_introspection_module
from gi.repository import GLib

from . import errors

Mp = get_introspection_module('Mp')

# How the methods of the library say it.
FOREVER = -1.0


def translated(function, may_wait=True, explain=None):
    """The function, raising the exceptions of mpglib.errors.

    What one of the library's codes means for the object, and Python tells apart, explain(object, exception) says.
    """
    @functools.wraps(function, assigned=('__name__', '__doc__'), updated=())
    def call(*args, **kwargs):
        if may_wait:
            note_loop()
        try:
            return function(*args, **kwargs)
        except GLib.Error as error:
            failure = errors.translate(error)
            if explain is not None:
                failure = explain(args[0], failure)
            if failure is error:
                raise
        raise failure
    return call


class _Looping(threading.local):
    is_known = False        # to the library, of this thread


_looping = _Looping()


def note_loop():
    """Tells the library whether asyncio's loop runs in this thread, before a call that may wait for others.

    The library cannot ask when it is about to wait: that would take the GIL under locks which a thread that has the GIL
    may want.  So each such call looks, for less than a tenth of what it takes; who has not imported asyncio has none.
    """
    look = getattr(sys.modules.get('asyncio'), '_get_running_loop', None)   # None: it is just being imported
    is_looping = look is not None and look() is not None
    if is_looping is not _looping.is_known:
        Mp.thread_set_looping(is_looping)
        _looping.is_known = is_looping


# Functions to call when Ctrl-C has ended a wait.
on_interrupt = []


def wait(function, *args, timeout=None, cancellable=None):
    """Calls function(*args, timeout, cancellable), which blocks.

    A timeout is in seconds; None waits for ever.  A signal handler of Python's runs at once, and if it raises
    no exception the wait goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        return _wait(function, args, timeout, cancellable, None)
    catcher = _Catcher()
    blocked = pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # A signal that comes between Python's last look and the wait would be seen only after the wait: so they
        # are let in by the wait alone.
        pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        return _wait(function, args, timeout, cancellable, catcher)
    except KeyboardInterrupt:
        for react in on_interrupt:
            react()
        raise
    finally:
        pthread_sigmask(signal.SIG_SETMASK, blocked)


# Those that programs handle; the others end or stop the process, or tell of an error in it.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1,
            signal.SIGUSR2, signal.SIGCHLD, signal.SIGWINCH)


def check_whole(what, value, least=None, most=None):
    """The same, if it is a whole number in that range."""
    if not hasattr(value, '__index__'):
        raise TypeError(f'{what} has to be a whole number, not {value!r}')
    if least is not None and value < least or most is not None and value > most:
        limits = f'from {least} on' if most is None else f'from {least} to {most}'
        raise ValueError(f'{what} is {value}, but has to be {limits}')
    return value


def check_timeout(timeout):
    """The same, if it is one."""
    if timeout is not None and not hasattr(timeout, '__float__') and not hasattr(timeout, '__index__'):
        raise TypeError(f'a timeout is a number of seconds, or None, not {timeout!r}')
    if timeout != timeout:
        raise ValueError(f'a timeout is a number of seconds, or None, not {timeout!r}')
    return timeout


def check_array(what, variant, is_tuple_too=False):
    """The same, if the library can take it, or refuses it with a TypeError: what is no array would end the program."""
    kind = variant.get_type_string() if isinstance(variant, GLib.Variant) else None
    if kind is not None and not kind.startswith(('a', '(') if is_tuple_too else 'a'):
        wanted = 'an array or a tuple' if is_tuple_too else 'an array'
        raise TypeError(f'{what} has to be a GLib.Variant of {wanted}, not of the type {kind!r}')
    return variant


def taking_array(function, place, what, is_tuple_too=False):
    """The function of the library's, with a look at the argument that has that place and name."""
    @functools.wraps(function, assigned=('__name__', '__doc__'), updated=())
    def call(*args, **kwargs):
        check_array(what, args[place] if place < len(args) else kwargs.get(what), is_tuple_too)
        return function(*args, **kwargs)
    return call


# As mp_message_is_codec_name() has it.
_CODEC = re.compile(r'(?!gvariant\Z)[a-z0-9.-]{1,32}\Z')


def check_codec(codec):
    """The same, if bytes can be said to be of that: the library would take another name, or none, for a fault of C."""
    if isinstance(codec, str) and _CODEC.match(codec) is None:
        raise ValueError(f"codec is {codec!r}, but has to be a name of 1 to 32 characters of a to z, 0 to 9, '-' and "
                         "'.', other than 'gvariant', which values have")
    return codec


def taking_codec(function, place):
    """The function of the library's, with a look at the codec, which has that place."""
    @functools.wraps(function, assigned=('__name__', '__doc__'), updated=())
    def call(*args, **kwargs):
        check_codec(args[place] if place < len(args) else kwargs.get('codec'))
        return function(*args, **kwargs)
    return call


def is_of_handler(error):
    """Whether a signal's handler raised it, and not what the signal came upon."""
    if type(error) is KeyboardInterrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        return True
    codes = {_get_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _get_code(handler):
    """Of a function, a method, a partial one, or an object that can be called; None of what is none of Python's."""
    handler = getattr(handler, 'func', handler)
    handler = getattr(handler, '__func__', handler)
    if not hasattr(handler, '__code__') and callable(handler):
        handler = getattr(type(handler), '__call__', None)
    return getattr(handler, '__code__', None)


def _wait(function, args, timeout, cancellable, catcher):
    check_timeout(timeout)
    deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout
    try:
        while True:
            left = FOREVER if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                if catcher is None:
                    return function(*args, left, cancellable)
                # A signal that another thread got would be noted, and the wait would go on.
                Mp.thread_claim_signals()
                _thread.has_claimed = True
                try:
                    return function(*args, left, cancellable)
                finally:
                    _thread.has_claimed = False
                    Mp.thread_release_signals()
            except errors.InterruptedError:
                pass        # the way back to the top is where Python runs signal handlers
            except RuntimeError:
                if catcher is None or catcher.caught is None:
                    raise
                break
    finally:
        if catcher is not None:
            catcher.stop()
    raise catcher.caught


@contextlib.contextmanager
def outside_of_wait():
    """For functions of the program that run within a wait, and may wait themselves."""
    if not getattr(_thread, 'has_claimed', False):
        yield
        return
    Mp.thread_release_signals()
    _thread.has_claimed = False
    try:
        yield
    finally:
        Mp.thread_claim_signals()
        _thread.has_claimed = True


# What a thread has asked the library for.
_thread = threading.local()


class _Catcher:
    """Lets signals end the waits of the main thread, the one in which Python handles them.

    And finds the exception of the signal's handler that PyGObject loses: it makes the exception for a GError
    with a function of Python, and that is where the handler runs of the signal which is the reason for the
    error.  What the handler raises (KeyboardInterrupt) is shown as if the program ended, and becomes
    RuntimeError.
    """

    def __init__(self):
        if not hasattr(_thread, 'interruptible'):
            Mp.thread_set_interruptible(True)
            _thread.interruptible = True
        self.caught = None
        self.last = _get_last()
        self.hook = sys.excepthook
        sys.excepthook = self.catch

    def catch(self, cls, error, trace):
        if trace is not None and trace.tb_frame.f_code is _CONVERTER:
            self.caught = error.with_traceback(None)
        else:
            self.hook(cls, error, trace)

    def stop(self):
        sys.excepthook = self.hook
        if self.caught is not None:
            _set_last(self.last)


_CONVERTER = GLib.Error.__init__.__code__
_LAST = ('last_type', 'last_value', 'last_traceback')


def _get_last():
    return {name: getattr(sys, name) for name in _LAST if hasattr(sys, name)}


def _set_last(last):
    for name in _LAST:
        if hasattr(sys, name):
            delattr(sys, name)
    vars(sys).update(last)
