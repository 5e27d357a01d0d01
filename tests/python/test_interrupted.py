# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What comes between an item and who wants it: signals, errors of its own, and loops and tasks that end."""

import asyncio
import contextlib
import functools
import os
import pickle
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, GLib, Mp, MpCase, let_tasks_run  # noqa: E402
from mpglib import errors  # noqa: E402

N_ROUNDS = 200


class Alarm(Exception):
    pass


def raise_alarm(*_):
    raise Alarm('time is over')


class Handler:
    def __call__(self, *_):
        raise_alarm()

    def handle(self, *_):
        raise_alarm()


HANDLERS = raise_alarm, Handler().handle, Handler(), functools.partial(raise_alarm, 1)


def rebuild(kind, *args):
    """What an item does where it is rebuilt, or the value that it is."""
    if kind == 'signal' and signal.getsignal(signal.SIGALRM) is not signal.SIG_IGN:
        os.kill(os.getpid(), signal.SIGALRM)
        for _ in range(1000):       # the handler runs within this
            pass
    if kind == 'raise':
        raise args[0]
    return kind


class Item:
    """One that is rebuilt by rebuild()."""

    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return rebuild, self.args


class Slow:
    """The handler of a signal runs while it is being pickled."""

    def __reduce__(self):
        return rebuild('signal'), ()


@contextlib.contextmanager
def handling(handler):
    before = signal.signal(signal.SIGALRM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


class Interrupted(MpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        asyncio.run(put_and_get())      # the thread that waits for asyncio stays, and its descriptors

    # --- Signals

    def test_handlers_that_raise_while_an_item_is_rebuilt(self):
        """What they raise is what it is, and the item stays."""
        for handler in HANDLERS:
            items = Mp.Queue()
            items.put_many([0, Item('signal'), 2])
            with handling(handler):
                self.assertRaises(Alarm, items.get_many, 3)
                self.assertEqual({items.get(), items.get()}, {0, 2})
                self.assertRaises(Alarm, items.get)
            with handling(signal.SIG_IGN):
                self.assertEqual(items.get_many(3), ['signal'])

    def test_handlers_that_raise_in_a_connection(self):
        first, second = Mp.Pipe()
        with first, second:
            first.send(Item('signal'))
            with handling(raise_alarm):
                self.assertRaises(Alarm, second.recv, DEADLINE)
                self.assertRaises(Alarm, first.send, [Slow()])
                self.assertRaises(Alarm, Mp.Queue().put, Slow())
            self.assertFalse(second.poll())

    # --- What items raise

    def test_items_that_raise(self):
        """They are nobody's, and the others are got."""
        for error in SystemExit('no such plugin'), KeyError('key'), asyncio.CancelledError():
            items = Mp.Queue()
            items.put_many([0, Item('raise', error), 2])
            raised, got = 0, []
            while not items.empty() or raised == 0:
                try:
                    got += items.get_many(3)
                except (SystemExit, pickle.UnpicklingError, asyncio.CancelledError):
                    raised += 1
            self.assertEqual((raised, sorted(got)), (1, [0, 2]))

    def test_items_that_raise_errors_of_the_library(self):
        """An error of an item does not end the iteration, and does not count as one of the time."""
        items = Mp.Queue()
        items.put_many([Item('raise', errors.QueueClosed('by the item')), 2])
        with self.assertRaisesRegex(Exception, 'by the item'):
            list(items)
        items.put(Item('raise', errors.QueueClosed('by the item')))
        self.assertEqual(items.get(), 2)

        async def iterate():
            async for item in items:
                self.fail(item)

        with self.assertRaisesRegex(Exception, 'by the item'):
            asyncio.run(iterate())

        first, second = Mp.Pipe()
        with first, second:
            first.send(Item('raise', Mp.TimeoutError('by the item')))
            first.send(2)
            with self.assertRaisesRegex(Exception, 'by the item'):
                asyncio.run(as_coroutine(second.recv_async, DEADLINE))
            self.assertEqual(second.recv(DEADLINE), 2)

    # --- Loops and tasks

    def test_run_in_a_thread(self):
        """Who runs the main loop does not take what another thread waits for."""
        done = []

        def work():
            for number in range(N_ROUNDS):
                Mp.run(put_and_get())
                done.append(number)

        loop = GLib.MainLoop()
        watchdog = GLib.timeout_add(int(DEADLINE * 1000), loop.quit)
        thread = threading.Thread(target=lambda: (work(), GLib.idle_add(loop.quit)), daemon=True)
        thread.start()
        loop.run()
        self.assertEqual(len(done), N_ROUNDS)
        GLib.source_remove(watchdog)
        thread.join()

    def test_run_beside_a_thread_that_runs_the_main_loop(self):
        loop = GLib.MainLoop()
        is_running = threading.Event()
        GLib.idle_add(is_running.set)
        thread = threading.Thread(target=loop.run)
        thread.start()
        is_running.wait(DEADLINE)
        for _ in range(N_ROUNDS):
            Mp.run(put_and_get())
        loop.quit()
        thread.join()

    def test_loop_that_was_closed(self):
        """What comes for who waits in a loop that is closed is nobody's, though the task is still there."""
        lock = Mp.Lock()
        lock.acquire()
        tasks = []

        async def begin():
            tasks.append(asyncio.ensure_future(lock.acquire_async()))
            await let_tasks_run()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin())
        loop.close()
        lock.release()
        with lock:      # once the task had it
            pass
        tasks[0]._log_destroy_pending = False

    def test_many_that_were_put_before_the_task_was_cancelled(self):
        """Who puts the rest again knows what the rest is."""
        async def run():
            items = Mp.Queue(3)
            task = asyncio.ensure_future(items.put_many_async(range(5)))
            while items.qsize() < 3:
                await let_tasks_run()
            task.cancel()
            self.assertEqual(await task, 3)
            self.assertEqual(items.qsize(), 3)
            task = asyncio.ensure_future(items.put_many_async(range(5)))
            await let_tasks_run()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(items.get_many(5), [0, 1, 2])

        asyncio.run(run())


async def put_and_get():
    items = Mp.Queue()
    await items.put_async(1)
    return await items.get_async()


async def as_coroutine(function, *args):
    return await function(*args)


if __name__ == '__main__':
    unittest.main()
