# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The life of a child process: becoming what its parent wants, running functions, and the way out."""

import atexit
import gc
import os
import signal
import sys
import threading
import traceback

import gi

gi.require_version('Mp', '1.0')

from gi.repository import Gio, GLib, Mp      # noqa: E402

from . import _loading, _main_module, _messages, _pickle5, _reports, _targets, _tasks     # noqa: E402


def main():
    try:
        worker = Mp.Worker.open()
    except GLib.Error as error:
        sys.exit(f'mpglib: {error.message}')
    # The library has removed it, but not from what Python copied.
    os.environ.pop('MPGLIB_CHILD', None)
    if worker is None:
        sys.exit('mpglib: this program is started by mpglib, for the functions of a Python program')
    if worker.get_role() == Mp.WorkerRole.TEMPLATE and not _serve_forks(worker):
        os._exit(0)
    _leave(worker, _run(worker))


# --- the fork server -----------------------------------------------------------------------------------------

def _serve_forks(worker):
    """Forks on request; gives True in each child, and False when no more are wanted."""
    gc.collect()
    gc.freeze()         # a collection in a child would copy the pages of all that was here before
    # Not ignored: a child that gets one before it runs must see it, which is in _run().
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    while worker.wait_fork():
        try:
            pid = os.fork()
        except OSError:
            pid = -1
        if pid == 0:
            try:
                worker.forked_child()
            except GLib.Error as error:
                print(f'mpglib: {error.message}', file=sys.stderr, flush=True)
                os._exit(1)
            return True
        worker.forked_parent(pid)
    return False


# --- functions -----------------------------------------------------------------------------------------------

def _run(worker):
    """Does what the process was started for; gives its exit code."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _loading.watch(worker, lambda message, error: _give_up(worker, message, error))
        preparation = worker.get_preparation()
        if preparation is not None:
            _main_module.prepare(_messages.read_variant(preparation))
        return _ROLES[worker.get_role()](worker)
    except BaseException as error:
        try:
            _tell(worker.report, error)
        finally:
            # Not after this block, which keeps what was at hand: a task that is dropped is answered by that, and
            # so the worker would get another one, and take that with it.
            _leave(worker, 1)


def _run_process(worker):
    target = worker.get_target()
    if target is not None:
        try:
            function = _targets.resolve(target)
        except _targets.TargetError as error:
            tell_missing(worker.report, error)
            return 1
        args, kwargs = _messages.read_call(worker.get_arguments(), worker.get_spread())
    worker.ready()
    if target is None:
        return 0
    try:
        function(*args, **kwargs)
    except SystemExit as error:
        return read_exit_code(error)
    except KeyboardInterrupt as error:
        _tell(worker.report, error)
        return 1
    except BaseException as error:
        report = _tell(worker.report, error, skip=1)
        print(f'{worker.get_name()}: {report.traceback}', file=sys.stderr, end='')
        return 1
    return 0


def _run_pool(worker):
    is_busy = False

    def interrupt(number, frame):
        if is_busy:
            raise KeyboardInterrupt     # out of the task, not out of the worker

    signal.signal(signal.SIGINT, interrupt)
    worker.ready()
    while True:
        try:
            task = worker.next_task()
        except GLib.Error as error:
            if error.matches(Mp.error_quark(), Mp.Error.CLOSED):
                return 0
            print(f'{worker.get_name()}: {error.message}', file=sys.stderr)
            return 1
        message = task.get_message()
        answer = None
        try:
            is_busy = True
            with _tasks.running(task):
                answer = _do_task(task.get_target(), message, task.get_spread())
            is_busy = False
        except _targets.TargetError as error:
            is_busy = False
            tell_missing(task.return_failure, error)
        except BaseException as error:      # also sys.exit(): the worker is not the function's to end
            is_busy = False
            _fail(task, error)
        if answer is not None:
            task.return_message(answer)
        del task, message, answer


def _fail(task, error):
    try:
        if isinstance(error, GLib.Error) and error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
            task.return_error(error)        # how a function says that it obeyed
            return
    except BaseException:
        pass        # raised by the exception, which is none of GLib's
    _tell(task.return_failure, error, skip=2)


def _do_task(target, message, spread):
    function = _targets.resolve_cached(target)
    args, kwargs = _messages.read_call(message, spread)
    value = function(*args, **kwargs)
    try:
        return _messages.make_value(value, message.get_codec())
    except Exception as error:
        error.args = (f'the result of {target.removeprefix(_targets.PREFIX)}() cannot be sent: {error}',)
        raise error.with_traceback(None)


_ROLES = {
    Mp.WorkerRole.PROCESS: _run_process,
    Mp.WorkerRole.POOL: _run_pool,
}


def tell_missing(send, error):
    """Sends word of a target that is not there, with the traceback of an import that failed."""
    cause = error.__cause__
    is_missing = isinstance(error, _targets.MissingModuleError) or isinstance(cause, AttributeError)
    trace = _reports.describe(cause).traceback if cause is not None and not is_missing else None
    send(Mp.Error.NO_TARGET, None, str(error), trace, None, None)


def _give_up(worker, message, error):
    """Ends the process at once: it imports what does not let it come to its work."""
    trace = traceback.format_list(_skip_own_frames(traceback.extract_stack()))
    last = traceback.format_exception_only(type(error), error)
    worker.report(Mp.Error.NO_TARGET, None, message, _reports.format_traceback([*trace, *last]), None, None)
    _take_steps(_FLUSH)
    worker.finish(1)
    os._exit(1)


def _skip_own_frames(frames):
    """Of a stack, what the user has written: between the worker below and mpglib's guard above."""
    own = os.path.dirname(__file__)

    def is_own(frame):
        return os.path.dirname(frame.filename) == own or frame.filename.startswith('<frozen importlib')

    return [frame for frame in frames if not is_own(frame)]


def _tell(send, error, skip=0):
    """Sends word of an exception; skip is the number of frames that are the worker's own."""
    report = _reports.describe(error, skip)
    send(Mp.Error.REMOTE, report.type, report.message, report.traceback,
         _pickle5.CODEC if report.pickle else None, report.pickle or None)
    return report


def read_exit_code(error):
    """The exit code that sys.exit() asked for."""
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xff
    print(error.code, file=sys.stderr)
    return 1


# --- the way out ---------------------------------------------------------------------------------------------

def _leave(worker, code):
    """Ends the process as Python would, without taking the interpreter to pieces."""
    _take_steps((threading._shutdown, atexit._run_exitfuncs, *_FLUSH))
    worker.finish(code)
    os._exit(code)


def _take_steps(steps):
    for step in steps:
        try:
            step()
        except BaseException:
            pass        # they have said what there is to say


# Python has None, or nothing, in the place of a stream that was closed when the process began.
_FLUSH = (lambda: sys.stdout.flush(), lambda: sys.stderr.flush())
