# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Awaiting results: under asyncio, and with Mp.run() in a GLib main loop."""

import inspect
import sys
import threading

from gi.repository import Gio, GLib

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


async def operate(begin, finish, undo=None, cancellable=None, reason=None):
    """The coroutine that x_async() without a callback gives: it begins when it is awaited.

    begin(cancellable, callback) and finish(outcome) are the pair of functions; undo(value) takes back what was done
    for somebody who does not wait any more.  What a thread does for itself is no business of the thread that waits on
    behalf of asyncio: reason says so.
    """
    return await _Operation(begin, finish, undo, cancellable, reason)


class _Operation:
    """One that operate() waits for."""

    def __init__(self, begin, finish, undo, cancellable, reason):
        self.begin = begin
        self.finish = finish
        self.undo = undo
        self.cancellable = cancellable or Gio.Cancellable()
        self.reason = reason
        self.has_ended = self.is_abandoned = False
        self.value = self.error = None

    def wait_async(self, _timeout, _cancellable, callback):
        def on_end(_source, outcome):
            try:
                self.value = self.finish(outcome)
            except Exception as error:      # it belongs to who awaits
                self.error = error
            self.has_ended = True
            if self.is_abandoned:
                self.take_back()
            callback(self, None)

        try:
            self.begin(self.cancellable, on_end)
        except Exception as error:      # nothing has begun: an argument is wrong, and that belongs to who awaits, too
            self.error, self.has_ended = error, True
            _call_soon(lambda: callback(self, None))

    def take_back(self):
        if self.error is None and self.undo is not None:
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
        operation.cancellable.cancel()
        context = GLib.MainContext.get_thread_default() or GLib.MainContext.default()
        while not operation.has_ended:
            context.iteration(True)
        operation.take_back()
        raise


def _operate_beside(loop, operation):
    """Ends when the operation has ended, also when the task is cancelled: then it is as if it had not been."""
    future = loop.create_future()

    def settle():
        if not future.done():
            future.set_result(None)

    def on_end(*_):
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            pass        # the loop was closed; nobody waits any more

    _watcher.call(operation.wait_async, FOREVER, None, on_end)
    try:
        yield from future
    except GeneratorExit:       # which does not let it wait
        operation.is_abandoned = True
        operation.cancellable.cancel()
        raise
    except BaseException:
        operation.cancellable.cancel()
        while not operation.has_ended:
            future = loop.create_future()
            if operation.has_ended:
                break
            try:
                yield from future
            except GeneratorExit:
                operation.is_abandoned = True
                raise
            except BaseException:
                pass            # cancelled again: the first time counts
        operation.take_back()
        raise


def _get_asyncio_loop():
    asyncio = sys.modules.get('asyncio')    # who runs its loop has imported it
    try:
        return asyncio.get_running_loop() if asyncio else None
    except RuntimeError:
        return None


class _Watcher:
    """A thread with a main context for callbacks on behalf of loops that are not GLib's; made when needed."""

    def __init__(self):
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


def run(coroutine):
    """Runs a coroutine that awaits results of pools, locks and the like; gives what it returns.

    The thread's default main context runs meanwhile, with all its other sources.
    """
    if not inspect.iscoroutine(coroutine):
        raise TypeError(f'{coroutine!r} is no coroutine')
    context = GLib.MainContext.get_thread_default() or GLib.MainContext.default()
    while True:
        try:
            result = coroutine.send(None)
        except StopIteration as end:
            return end.value
        if not hasattr(result, 'wait_async'):
            coroutine.close()
            raise TypeError(f'Mp.run() cannot wait for {result!r}; results of pools, locks and '
                            'the like can be awaited')
        loop = GLib.MainLoop(context)
        result.wait_async(FOREVER, None, lambda *_, loop=loop: loop.quit())
        try:
            loop.run()      # which Ctrl-C ends
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                for react in on_interrupt:
                    react()
            coroutine.close()
            raise
