# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Awaiting results: under asyncio, and with Mp.run() in a GLib main loop."""

import contextlib
import inspect
import os
import sys
import threading

from gi.repository import Gio, GLib, GObject

from ._calls import FOREVER, on_interrupt


def wait_for(result):
    """The generator behind `await result`; ends when the result is ready."""
    loop = _get_asyncio_loop()
    if loop is None:
        yield result        # to run(), which comes back when it is ready
        return
    future = loop.create_future()

    def settle():
        if not future.done():
            future.set_result(None)

    def on_ready(result, outcome):
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            pass        # the loop was closed; nobody waits any more

    _watcher.call(result.wait_async, FOREVER, None, on_ready)
    yield from future


async def operate(begin, finish, undo=None, cancellable=None, reason=None, lasts=False):
    """The coroutine that x_async() without a callback gives: it begins when it is awaited.

    begin(cancellable, callback) and finish(outcome) are the pair of functions; undo(value) takes back what was done
    for somebody who does not wait any more.  What lasts cannot be undone: if the task is cancelled in that moment, it
    gets to know first that it was done.  What a thread does for itself is no business of the thread that waits on
    behalf of asyncio: reason says so.
    """
    return await _Operation(begin, finish, undo, cancellable, reason, lasts)


class _Turn:
    """Whatever else the loop has to do at once."""

    def __await__(self):
        yield None if _get_asyncio_loop() else self


async def turn():
    """Lets the loop go on once: whoever always finds something to do at once would hold it up."""
    await _Turn()


class _Operation:
    """One that operate() waits for."""

    def __init__(self, begin, finish, undo, cancellable, reason, lasts):
        self.begin = begin
        self.finish = finish
        self.undo = undo
        self.cancellable = cancellable
        # Who gives up this one does not mean others that have the same.
        self.own_cancellable = Gio.Cancellable()
        self.reason = reason
        self.lasts = lasts
        self.handler = None
        # Any thread may collect a coroutine, within these very methods too.
        self.lock = threading.RLock()
        self.has_ended = self.is_abandoned = self.is_taken_back = False
        self.value = self.error = None

    def wait_async(self, _timeout, _cancellable, callback):
        def on_end(_source, outcome):
            self._end(outcome)
            callback(self, None)

        try:
            self._follow_cancellable()
            self.begin(self.own_cancellable, on_end)
        except Exception as error:      # nothing has begun: an argument is wrong, and that belongs to who awaits, too
            failure = error
            _call_soon(lambda: on_end(None, failure))

    def _follow_cancellable(self):
        if self.cancellable is None:
            return
        if not isinstance(self.cancellable, Gio.Cancellable):
            raise TypeError(f'{self.cancellable!r} is no Gio.Cancellable')
        own = self.own_cancellable
        # Not by the methods of a cancellable, of which one waits for the other.
        self.handler = GObject.Object.connect(self.cancellable, 'cancelled', lambda *_: own.cancel())
        if self.cancellable.is_cancelled():
            own.cancel()

    def _end(self, outcome):
        if self.handler is not None:
            GObject.Object.disconnect(self.cancellable, self.handler)
        self._find_value(outcome)
        with self.lock:
            self.has_ended = True
            is_abandoned = self.is_abandoned
        if is_abandoned:
            self.take_back()

    def _find_value(self, outcome):
        try:
            if isinstance(outcome, Exception):
                raise outcome
            self.value = self.finish(outcome)
        except Exception as error:      # it belongs to who awaits
            self.error = error

    def abandon(self):
        """Nobody waits any more, and nobody can wait for the end of it."""
        with self.lock:
            self.is_abandoned = True
            has_ended = self.has_ended
        self.own_cancellable.cancel()
        if has_ended:
            self.take_back()

    def take_back(self):
        with self.lock:
            is_late, self.is_taken_back = self.is_taken_back, True
        if not is_late and self.error is None and self.undo is not None:
            self.undo(self.value)

    def __await__(self):
        loop = _get_asyncio_loop()
        if loop is None:
            yield from _operate(self)
        elif self.reason is not None:
            raise RuntimeError(self.reason)
        else:
            yield from _operate_beside(loop, self)
        if self.error is not None:
            raise self.error
        return self.value


def _call_soon(function):
    def call(*_):
        function()
        return GLib.SOURCE_REMOVE

    source = GLib.Idle(priority=GLib.PRIORITY_DEFAULT)
    source.set_callback(call)
    source.attach(GLib.MainContext.get_thread_default())


def _operate(operation):
    try:
        yield operation         # to run(), which comes back when it has ended
    except BaseException:
        operation.own_cancellable.cancel()
        context = GLib.MainContext.get_thread_default() or GLib.MainContext.default()
        while not operation.has_ended:
            context.iteration(True)
        operation.take_back()
        raise


def _operate_beside(loop, operation):
    """Ends when the operation has ended, also when the task is cancelled: then it is as if it had not been.

    What lasts and was done is told all the same, and the task is cancelled where it awaits next: who has a time limit
    of asyncio's, and puts again what was not put in time, would put it twice.
    """
    future = loop.create_future()

    def settle():
        if not future.done():
            future.set_result(None)

    def on_end(*_):
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            operation.abandon()     # the loop was closed; nobody waits any more

    _watcher.call(operation.wait_async, FOREVER, None, on_end)
    try:
        yield from future
    except GeneratorExit:       # which does not let it wait
        operation.abandon()
        raise
    except BaseException:
        operation.own_cancellable.cancel()
        while not operation.has_ended:
            future = loop.create_future()
            if operation.has_ended:
                break
            try:
                yield from future
            except GeneratorExit:
                operation.abandon()
                raise
            except BaseException:
                pass            # cancelled again: the first time counts
        if operation.lasts and operation.error is None:
            cancel_later(loop)
            return
        operation.take_back()
        raise


def is_cancellation(error):
    """Whether a task of asyncio was cancelled."""
    asyncio = sys.modules.get('asyncio')
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def cancel_later(loop=None):
    """Cancels the current task where it awaits next.

    Unless who wanted it wants it no more, as asyncio.timeout() once its block is left.
    """
    loop = loop or _get_asyncio_loop()
    task = sys.modules['asyncio'].current_task(loop)

    def cancel():
        if task.done():
            return
        if hasattr(task, 'cancelling'):     # from Python 3.11 on
            if task.cancelling() == 0:
                return
            task.uncancel()
        task.cancel()

    loop.call_soon(cancel)


def _get_asyncio_loop():
    asyncio = sys.modules.get('asyncio')    # who runs its loop has imported it
    try:
        return asyncio.get_running_loop() if asyncio else None
    except RuntimeError:
        return None


class _Watcher:
    """A thread with a main context for callbacks on behalf of loops that are not GLib's; made when needed."""

    def __init__(self):
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self):
        """The thread is not there in a child that is a copy."""
        self.lock = threading.Lock()
        self.context = None

    def call(self, function, *args):
        with self.lock:
            if self.context is None:
                self.context = GLib.MainContext.new()
                threading.Thread(target=self._run, name='mp-awaiting', daemon=True).start()
        source = GLib.Idle()
        source.set_callback(lambda *_: function(*args))
        source.attach(self.context)

    def _run(self):
        self.context.push_thread_default()
        while True:
            self.context.iteration(True)


_watcher = _Watcher()


def _run_until_ready(result, context):
    if isinstance(result, _Turn):
        context.iteration(False)
        return
    loop = GLib.MainLoop(context)
    result.wait_async(FOREVER, None, lambda *_: loop.quit())
    loop.run()      # which Ctrl-C ends


def run(coroutine):
    """Runs a coroutine that awaits results of pools, locks and the like; gives what it returns.

    The thread's default main context runs meanwhile, with all its other sources.  A thread that has none gets one for
    the time, unless it is the main thread, whose is that of the program; so does that if another thread runs it.
    """
    if not inspect.iscoroutine(coroutine):
        raise TypeError(f'{coroutine!r} is no coroutine')
    with _own_context() as context:
        return _run_in(coroutine, context)


@contextlib.contextmanager
def _own_context():
    """Nobody else dispatches what this thread waits for."""
    context = GLib.MainContext.get_thread_default()
    if context is not None:
        yield context
        return
    context = GLib.MainContext.default()
    is_main = threading.current_thread() is threading.main_thread()
    if (is_main or context.is_owner()) and context.acquire():
        try:
            yield context
        finally:
            context.release()
        return
    context = GLib.MainContext.new()
    context.push_thread_default()
    try:
        yield context
    finally:
        context.pop_thread_default()


def _run_in(coroutine, context):
    while True:
        try:
            result = coroutine.send(None)
        except StopIteration as end:
            return end.value
        if not isinstance(result, _Turn) and not hasattr(result, 'wait_async'):
            coroutine.close()
            raise TypeError(f'Mp.run() cannot wait for {result!r}; results of pools, locks and '
                            'the like can be awaited')
        try:
            _run_until_ready(result, context)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                for react in on_interrupt:
                    react()
            coroutine.close()
            raise
