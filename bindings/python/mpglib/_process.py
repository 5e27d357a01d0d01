# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Process in the form of multiprocessing.Process."""

import atexit
import functools
import os
import sys
import weakref

from gi.repository import GLib

from . import _awaiting, _launcher, _main_module, _messages, _pickle5, _reports, _targets, errors
from ._auth_key import to_key
from ._calls import FOREVER, Mp, check_timeout, on_interrupt, translated, wait
from ._classes import SameType, adopt, naming

_Base = adopt(Mp.Process)


def _explained(method):
    """Makes errors of a method tell what the child has reported."""
    @functools.wraps(method)
    def call(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except GLib.Error as error:
            if self.get_state() == Mp.ProcessState.STOPPED:
                _unjoined.discard(self)
            report = self.get_report()
            if report is None:
                raise
            failure = explain(error, report)
        raise failure
    return call


class Process(_Base, metaclass=SameType):
    """A process that runs a function: Mp.Process(target=function, args=(1, 2)), or run() of a subclass.

    The target may also be the name of a function of any language, such as 'path.so#symbol'; it gets the
    arguments as GVariants.
    """

    __module__ = 'gi.overrides.Mp'

    _target = None
    _args = ()
    _kwargs = {}
    _sentinel = None
    _is_awaited = False  # started by start_async(): what keeps the target from running the library does not log
    _is_here = False    # the child's own view of itself, where run() is called

    def __init__(self, group=None, target=None, name=None, args=(), kwargs=None, *, daemon=None, context=None,
                 **properties):
        if group is not None:
            raise TypeError('there are no groups of processes: group must be None')
        if name is not None:
            properties['name'] = name
        if daemon is not None:
            properties['daemon'] = daemon
        if isinstance(args, GLib.Variant):
            properties['args'] = args
        else:
            self._args = _make_args(args)
        self._kwargs = dict(kwargs or {})
        self._target = target
        _Base.__init__(self, context=context, target=self._name_target(target), **properties)

    def _name_target(self, target):
        if self._is_subclass():
            _targets.name_function(type(self))
            return _RUN
        if target is None:
            return None
        name, self._args = _targets.name_call(target, self._args)
        return name

    def _is_subclass(self):
        return type(self).run is not Process.run

    def run(self):
        """What the child does; a subclass can do something else."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    # --- starting --------------------------------------------------------------------------------------------

    @_explained
    def start(self):
        """Starts the child; returns when it exists."""
        self._prepare()
        try:
            wait(lambda left, cancellable: _Base.start(self))
        except GLib.Error:
            raise
        except BaseException:       # a signal's handler raised it, and nobody would know of the child
            if self.get_state() != Mp.ProcessState.INITIAL:
                self.kill()
            raise
        self._is_awaited = False
        _unjoined.add(self)

    def start_async(self, cancellable=None, callback=None, *user_data):
        """Starts the child, and tells when its target runs, to be awaited.  Who is cancelled leaves it running."""
        self._prepare()
        if callback is None:
            return _awaiting.operate(self._begin_start, self.start_finish, cancellable=cancellable)
        return self._begin_start(cancellable, callback, *user_data)

    def _begin_start(self, cancellable, callback, *user_data):
        _Base.start_async(self, cancellable, callback, *user_data)
        self._is_awaited = True
        _unjoined.add(self)

    def _prepare(self):
        _main_module.guard()
        if self.get_state() != Mp.ProcessState.INITIAL:
            return      # the library refuses
        target = self.props.target
        if self._is_subclass():
            self.set_message(_messages.make_call(_RUN, (type(self), self.name, self.__dict__), {}))
        elif target is not None and self.ref_message() is None:
            self.set_message(_messages.make_call(target, self._args, self._kwargs))
        _launcher.prepare(self.props.context, target)
        self._target, self._args, self._kwargs = None, (), {}

    # --- its end ---------------------------------------------------------------------------------------------

    def join(self, timeout=None, cancellable=None):
        """Waits for the end, at most timeout seconds; tells whether the process has ended.

        Raises what kept the target from running, if it did not run.
        """
        try:
            self._join(timeout, cancellable)
        except errors.TimeoutError:
            return False
        return True

    @_explained
    def _join(self, timeout, cancellable):
        wait(_Base.join, self, timeout=timeout, cancellable=cancellable)
        _unjoined.discard(self)

    def join_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Tells whether the process has ended within the time, to be awaited; raises as join() does."""
        seconds = FOREVER if check_timeout(timeout) is None else timeout
        if callback is not None:
            return _Base.join_async(self, seconds, cancellable, callback, *user_data)

        def begin(cancellable, callback):
            _Base.join_async(self, seconds, cancellable, callback)

        return _awaiting.operate(begin, self._has_ended, cancellable=cancellable)

    def _has_ended(self, outcome):
        try:
            self.join_finish(outcome)
        except errors.TimeoutError:
            return False
        _unjoined.discard(self)
        return True

    start_finish = _explained(_Base.start_finish)
    join_finish = _explained(_Base.join_finish)
    # Raises the exception with which the target ended, or what else went wrong.
    check = _explained(_Base.check)

    @property
    def exitcode(self):
        """The exit code, -N if signal N ended the process; None before its end."""
        if self.get_state() == Mp.ProcessState.INITIAL or self.is_alive():
            return None
        return self.get_exit_code()

    @property
    def sentinel(self):
        """A descriptor that is readable once the process has ended, until close()."""
        if self._sentinel is None:
            if self.get_state() in (Mp.ProcessState.INITIAL, Mp.ProcessState.CLOSED):
                raise errors.InvalidState(f"'{self.name}' was not started, or is closed")
            self._sentinel = _Sentinel(self)
        return self._sentinel.fd

    def close(self):
        """Says that the object is not needed any more; only for a process that has ended."""
        _Base.close(self)
        if self._sentinel is not None:
            self._sentinel.close()
            self._sentinel = None

    # --- looking at it ---------------------------------------------------------------------------------------

    def is_alive(self):
        """Whether the process was started and has not ended."""
        return self._is_here or _Base.is_alive(self)

    @property
    def pid(self):
        return os.getpid() if self._is_here else self.get_pid() or None

    ident = pid

    @property
    def name(self):
        return self.dup_name()

    @name.setter
    def name(self, name):
        self.set_name(name)

    @property
    def daemon(self):
        """Whether the end of the program ends the process instead of waiting for it."""
        return self.get_daemon()

    @daemon.setter
    def daemon(self, daemon):
        if self.get_state() != Mp.ProcessState.INITIAL:
            raise errors.InvalidState(f"'{self.name}' was started already")
        self.set_daemon(daemon)

    @property
    def authkey(self):
        """The Mp.AuthKey that the process has as its own: that of who starts it, or what it was set to, bytes too."""
        return self.ref_auth_key()

    @authkey.setter
    def authkey(self, authkey):
        if authkey is None:
            raise TypeError('a process has a key in any case, and None is none')
        self.set_auth_key(to_key(authkey))

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def explain(error, report):
    """The exception for an error of the library, with all that the child has told of it.

    For a function of Python that is the exception that it raised, with its traceback there as the cause.
    """
    _domain, _code, message, type_name, trace, codec, payload = _messages.read_variant(report)

    def get_error(_report):
        if isinstance(error, errors.RemoteError):
            error.remote_type = type_name
        return error

    return _reports.rebuild(
        _reports.Report(type_name, message, trace, payload if codec == _pickle5.CODEC else b''), get_error)


def _make_args(args):
    try:
        if not isinstance(args, Mp.Shareable):      # an array can be iterated over, but is one argument
            return tuple(args)
    except TypeError:
        pass
    raise TypeError(f'args is a tuple of arguments, not {args!r}: a tuple of one is written args=(x,)')


class _Sentinel:
    """A descriptor of our own, because that of the library is closed when the end of the process is seen."""

    def __init__(self, process):
        self.fd = self._open(process)
        self.close = weakref.finalize(self, os.close, self.fd)

    @staticmethod
    def _open(process):
        try:
            fd = os.pidfd_open(process.get_pid())
        except OSError:
            fd = None
        if fd is not None and process.is_alive():       # so the number was not another's when it was opened
            return fd
        if fd is not None:
            os.close(fd)
        return os.eventfd(1, os.EFD_CLOEXEC)


# --- subclasses ----------------------------------------------------------------------------------------------

_RUN = f'{_targets.PREFIX}{__name__}:run_subclass'


def run_subclass(cls, name, attributes):
    """In the child: run() of an object like the one that was started."""
    process = cls.__new__(cls)
    _Base.__init__(process, name=name)
    process.__dict__.update(attributes)
    process._is_here = True
    process.run()


# --- all of them ---------------------------------------------------------------------------------------------

# What the end of the program has to look after.
_unjoined = weakref.WeakSet()
os.register_at_fork(after_in_child=_unjoined.clear)

# Those that there were when Ctrl-C ended a wait.  It went to the program alone: if the program catches it and then
# ends, it does not mean to wait for them.
_left_alone = weakref.WeakSet()
os.register_at_fork(after_in_child=_left_alone.clear)
on_interrupt.append(lambda: _left_alone.update(_unjoined))


def current_process():
    """The object of the process that calls."""
    return _Base.get_current()


def active_children():
    """The processes started by this one that have not ended."""
    return list(_Base.get_children())


@atexit.register
def _end_children():
    """Ends the children with the program: daemons at once, the others when they are done, or after Ctrl-C."""
    unjoined = list(_unjoined)
    if not unjoined:
        return
    was_interrupted = issubclass(getattr(sys, 'last_type', None) or object, KeyboardInterrupt)
    interrupted = {process for process in unjoined if was_interrupted or process in _left_alone}
    for process in interrupted:     # which are not in the terminal's foreground
        process.interrupt()
    try:
        shutdown()
    except KeyboardInterrupt:
        return
    for process in unjoined:
        if not process._is_awaited:
            continue
        try:
            process.join(0)
        except Exception as error:
            # One that had not come to its target yet tells of the interruption as of what kept it from that.
            if process in interrupted and getattr(error, 'remote_type', None) == 'KeyboardInterrupt':
                continue
            text = str(error)
            print(text if process.name in text else f'{process.name}: {text}', file=sys.stderr)


def shutdown(timeout=None, cancellable=None):
    """Ends the program's children in order: terminates those that are daemons, waits for all others."""
    return wait(_shutdown, timeout=timeout, cancellable=cancellable)


_shutdown = translated(Mp.shutdown)


@functools.partial(naming, name='shutdown_async')
def shutdown_async(timeout=None, cancellable=None, callback=None, *user_data):
    """The same, to be awaited."""
    seconds = FOREVER if check_timeout(timeout) is None else timeout
    if callback is not None:
        return _shutdown_async(seconds, cancellable, callback, *user_data)

    def begin(cancellable, callback):
        _shutdown_async(seconds, cancellable, callback)

    return _awaiting.operate(begin, translated(Mp.shutdown_finish), cancellable=cancellable)


_shutdown_async = Mp.shutdown_async
