# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Awaiting results: under asyncio, and with Mp.run() in a GLib main loop."""

import inspect
import sys
import threading

from gi.repository import GLib

from ._calls import FOREVER


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
    """Runs a coroutine that awaits results of pools; gives what it returns.

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
            raise TypeError(f'Mp.run() cannot wait for {result!r}; results of pools can be awaited')
        loop = GLib.MainLoop(context)
        result.wait_async(FOREVER, None, lambda *_, loop=loop: loop.quit())
        try:
            loop.run()      # which Ctrl-C ends
        except BaseException:
            coroutine.close()
            raise
