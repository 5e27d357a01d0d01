# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Locks, semaphores, events, conditions and barriers, in the form of multiprocessing."""

import asyncio
import os
import pickle
import queue
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from gi.repository import Gio  # noqa: E402
from mp_case import DEADLINE, GLib, Mp, MpCase, let_tasks_run, wait_until  # noqa: E402


def hold(lock, connection):
    with lock:
        connection.send(os.getpid())
        connection.recv()


def count(lock, connection, n):
    for _ in range(n):
        with lock:
            number = connection.recv()      # what the lock guards: one that reads and writes it at a time
            connection.send(number + 1)


def take_all(semaphore, connection):
    n = 0
    while semaphore.acquire(block=False):
        n += 1
    connection.send(n)
    connection.recv()


def wait_for_event(event, connection):
    connection.send(event.wait(0))
    connection.send(event.wait(DEADLINE))


def be_consumer(condition, connection):
    with condition:
        connection.send('waits')
        connection.send(condition.wait(DEADLINE))


def be_party(barrier, connection):
    connection.send(barrier.wait(DEADLINE))
    try:
        connection.send(barrier.wait(DEADLINE))
    except threading.BrokenBarrierError:
        connection.send('broken')


def be_party_with_action(barrier, connection):
    try:
        connection.send(barrier.wait())
    except Exception as error:
        connection.send(type(error).__name__)


def note_action():
    actions.append(os.getpid())


def fail_action():
    raise LookupError('the action')


def set_event(event, _connection):
    event.set()


def notify(condition, _connection):
    with condition:
        condition.notify()


def send_timeout(barrier, connection):
    try:
        barrier.wait()
    except threading.BrokenBarrierError:
        connection.send('broken')


actions = []


class Sync(MpCase):
    def setUp(self):
        lock = Mp.Lock()                # what all of them share stays, once it is there
        process, connection = self.start_child(hold, lock)
        connection.recv(DEADLINE)
        connection.send(None)
        process.join(DEADLINE)
        connection.close()
        asyncio.run(lock.acquire_async())
        del lock, process, connection
        super().setUp()

    def start_child(self, function, shared, *args):
        ours, theirs = Mp.Pipe()
        process = Mp.Process(context=self.forkserver, target=function, args=(shared, theirs, *args))
        process.start()
        theirs.close()
        return process, ours

    def test_lock(self):
        lock = Mp.Lock()
        self.assertTrue(lock.acquire())
        self.assertTrue(lock.locked())
        self.assertFalse(lock.acquire(False))
        self.assertFalse(lock.acquire(timeout=0.01))
        self.assertFalse(lock.acquire(True, -1))        # a negative time is none
        self.assertEqual(repr(lock), '<Mp.Lock locked>')
        lock.release()
        with self.assertRaises(ValueError):
            lock.release()
        with lock:
            self.assertTrue(lock.locked())
        self.assertFalse(lock.locked())

    def test_rlock(self):
        lock = Mp.RLock()
        with lock, lock:
            thread = threading.Thread(target=lambda: self.assertFalse(lock.acquire(False)))
            thread.start()
            thread.join()
        with self.assertRaises(AssertionError):
            lock.release()

    def test_holder_dies(self):
        for lock in Mp.Lock(), Mp.RLock():
            process, connection = self.start_child(hold, lock)
            os.kill(connection.recv(DEADLINE), signal.SIGKILL)
            self.assertTrue(lock.acquire(timeout=DEADLINE))
            self.assertTrue(lock.abandoned)
            lock.release()
            self.assertFalse(lock.abandoned)
            process.join(DEADLINE)
            connection.close()

    def test_lock_keeps_processes_apart(self):
        lock = Mp.Lock()
        first, second = Mp.Pipe()
        processes = [Mp.Process(context=self.forkserver, target=count, args=(lock, second, 50)) for _ in range(3)]
        for process in processes:
            process.start()
        number = 0
        for _ in range(150):
            first.send(number)
            number = first.recv(DEADLINE)
        for process in processes:
            process.join(DEADLINE)
        self.assertEqual(number, 150)
        first.close()
        second.close()

    def test_semaphores(self):
        semaphore = Mp.Semaphore(2)
        self.assertEqual(semaphore.get_value(), 2)
        self.assertTrue(semaphore.acquire() and semaphore.acquire())
        self.assertTrue(semaphore.locked())
        self.assertFalse(semaphore.acquire(timeout=0.01))
        semaphore.release()
        self.assertEqual(repr(semaphore), '<Mp.Semaphore value=1>')
        self.assertEqual(Mp.Semaphore().get_value(), 1)

        bounded = Mp.BoundedSemaphore(2)
        with self.assertRaises(ValueError):
            bounded.release()
        process, connection = self.start_child(take_all, bounded)
        self.assertEqual(connection.recv(DEADLINE), 2)
        self.assertFalse(bounded.acquire(False))
        process.kill()
        self.assertTrue(bounded.acquire(timeout=DEADLINE))
        process.join(DEADLINE)
        connection.close()

    def test_event(self):
        event = Mp.Event()
        self.assertFalse(event.is_set())
        process, connection = self.start_child(wait_for_event, event)
        self.assertFalse(connection.recv(DEADLINE))
        event.set()
        self.assertTrue(connection.recv(DEADLINE))
        self.assertTrue(event.is_set())
        self.assertEqual(repr(event), '<Mp.Event set>')
        event.clear()
        self.assertFalse(event.wait(0.01))
        process.join(DEADLINE)
        connection.close()

    def test_condition(self):
        condition = Mp.Condition()
        with self.assertRaises(AssertionError):
            condition.notify()
        process, connection = self.start_child(be_consumer, condition)
        self.assertEqual(connection.recv(DEADLINE), 'waits')
        with condition:                 # the consumer waits since it gave the lock up
            condition.notify_all()
        self.assertTrue(connection.recv(DEADLINE))
        process.join(DEADLINE)
        connection.close()

        condition = Mp.Condition(Mp.Lock())
        values = []
        self.assertEqual((condition.locked(), condition.abandoned), (False, False))
        with condition:
            self.assertEqual((condition.locked(), condition.abandoned), (True, False))
            self.assertFalse(condition.wait(0.01))
            self.assertEqual(condition.wait_for(lambda: values, 0.01), [])
            values.append(1)
            self.assertEqual(condition.wait_for(lambda: values), [1])

    def test_barrier(self):
        barrier = Mp.Barrier(2)
        process, connection = self.start_child(be_party, barrier)
        index = barrier.wait(DEADLINE)
        self.assertEqual({index, connection.recv(DEADLINE)}, {0, 1})
        barrier.abort()
        self.assertEqual(connection.recv(DEADLINE), 'broken')
        self.assertTrue(barrier.broken)
        barrier.reset()
        with self.assertRaises(threading.BrokenBarrierError):
            barrier.wait(0.01)
        self.assertEqual((barrier.parties, barrier.n_waiting), (2, 0))
        process.join(DEADLINE)
        connection.close()

    def test_signal_ends_a_wait(self):
        lock = Mp.Lock()
        lock.acquire()

        class Alarm(Exception):
            pass

        def ring(*_args):
            raise Alarm

        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with self.assertRaises(Alarm):
            lock.acquire(timeout=DEADLINE)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        condition = Mp.Condition()
        with condition, self.assertRaises(Alarm):
            condition.wait(DEADLINE)

    def test_cancelled(self):
        """An exception of its own, and GIO's."""
        lock, cancellable = Mp.Lock(), Gio.Cancellable()
        lock.acquire()
        cancellable.cancel()
        with self.assertRaisesRegex(Mp.Cancelled, '^Operation was cancelled$') as caught:
            lock.acquire(cancellable=cancellable)
        again = pickle.loads(pickle.dumps(caught.exception))
        for error in (caught.exception, again):
            self.assertIsInstance(error, (Mp.ProcessError, GLib.Error))
            self.assertTrue(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        lock.release()

    def test_signal_ends_the_waits_of_the_library(self):
        """In the form that they have for all languages, too."""
        class Alarm(Exception):
            pass

        def ring(*_args):
            raise Alarm

        lock = Mp.Lock()
        ours, theirs = Mp.Pipe()
        lock.acquire()
        for method, args in ((lock.enter, ()), (lock.enter, (-1, None)), (Mp.Lockable.enter, (lock, DEADLINE)),
                             (theirs.receive, (-1, None)), (theirs.receive_bytes, (5,)), (theirs.receive_message, ())):
            with self.subTest(method=method, args=args):
                self.ring_when_waiting(ring)
                with self.assertRaises(Alarm):
                    method(*args)
        ours.send_data(b'abc', 'raw')
        self.assertEqual(theirs.receive_data(0), b'abc')
        with self.assertRaises(TimeoutError):
            lock.enter(0.01)
        lock.release()
        self.assertTrue(lock.enter())
        ours.close(), theirs.close()

    def ring_when_waiting(self, handler, n=1):
        """Has SIGALRM come while the main thread waits."""
        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02 if n > 1 else 0)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def test_barrier_goes_on_after_a_signal(self):
        rings = []
        barrier = Mp.Barrier(2)
        indices = []

        def ring(*_args):
            rings.append(1)
            if len(rings) == 3:         # the main thread has been interrupted twice in this wait
                signal.setitimer(signal.ITIMER_REAL, 0)
                go_on()

        def go_on():
            thread = threading.Thread(target=lambda: indices.append(barrier.wait(DEADLINE)))
            thread.start()
            self.addCleanup(thread.join)

        self.ring_when_waiting(ring, 3)
        indices.append(barrier.wait(DEADLINE))
        self.assertFalse(barrier.broken)
        self.doCleanups()
        self.assertEqual(sorted(indices), [0, 1])

    def test_event_is_not_missed_for_a_signal(self):
        event = Mp.Event()

        def ring(*_args):
            event.set()
            event.clear()

        self.ring_when_waiting(ring)
        self.assertTrue(event.wait(DEADLINE))

    def test_handler_that_raises_breaks_the_barrier(self):
        barrier = Mp.Barrier(2)

        def ring(*_args):
            raise KeyError

        self.ring_when_waiting(ring)
        with self.assertRaises(KeyError):
            barrier.wait(DEADLINE)
        self.assertTrue(barrier.broken)

    def test_handler_that_raises_leaves_nothing_acquired(self):
        class Alarm(Exception):
            pass

        def ring(*_args):
            raise Alarm

        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        lock = Mp.Lock()
        n_rings = 0
        while n_rings < 200:            # wherever the signal finds it
            has_it = False
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + n_rings * 0.000001)
                has_it = lock.acquire()
                lock.release()
                has_it = False
                while True:
                    pass
            except Alarm:
                n_rings += 1
            if has_it and lock.locked():
                lock.release()
            self.assertFalse(lock.locked())

    def test_handler_that_raises_leaves_no_element_locked(self):
        class Alarm(Exception):
            pass

        def ring(*_args):
            raise Alarm

        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        array, value = Mp.Array('i', 1), Mp.Value('i')
        for shared, access in ((array, lambda: array[0]), (array, lambda: array.__setitem__(0, 1)),
                               (value, lambda: value.value), (value, lambda: setattr(value, 'value', 1))):
            for n in range(50):         # wherever the signal finds it
                with self.assertRaises(Alarm):
                    signal.setitimer(signal.ITIMER_REAL, 0.00005 + n * 0.000001)
                    while True:
                        access()
                self.assertFalse(shared.get_lock().locked())

    def test_range(self):
        for make, value in ((Mp.Semaphore, -1), (Mp.BoundedSemaphore, -1), (Mp.BoundedSemaphore, 16001),
                            (Mp.Barrier, 0), (Mp.Barrier, -1), (Mp.Barrier, 8001), (Mp.Semaphore, 1 << 30)):
            with self.assertRaises(ValueError, msg=f'{make} {value}'):
                make(value)
        self.assertEqual(Mp.BoundedSemaphore(16000).get_value(), 16000)
        self.assertEqual(Mp.Barrier(8000).parties, 8000)

    def test_classes(self):
        self.assertIsInstance(Mp.BoundedSemaphore(), Mp.Semaphore)
        for no_lock in Mp.Semaphore(), threading.Lock(), 1, Mp.Condition():
            with self.assertRaises(TypeError):
                Mp.Condition(no_lock)
        lock = Mp.Lock()
        self.assertIs(Mp.Condition(lock).get_lock(), lock)

    def test_notify_some(self):
        condition = Mp.Condition()
        children = [self.start_child(be_consumer, condition) for _ in range(3)]
        for _process, connection in children:
            self.assertEqual(connection.recv(DEADLINE), 'waits')
        with condition:                 # all wait since they gave the lock up
            condition.notify(2)
        told = queue.SimpleQueue()
        threads = [threading.Thread(target=lambda connection=connection: told.put(connection.recv(DEADLINE)))
                   for _process, connection in children]
        for thread in threads:
            thread.start()
        self.assertTrue(told.get(timeout=DEADLINE) and told.get(timeout=DEADLINE))
        self.assertTrue(told.empty())
        with condition:
            condition.notify()
        self.assertTrue(told.get(timeout=DEADLINE))
        for thread in threads:
            thread.join()
        for process, connection in children:
            process.join(DEADLINE)
            connection.close()

    def test_action(self):
        actions.clear()
        barrier = Mp.Barrier(2, note_action)
        process, connection = self.start_child(be_party_with_action, barrier)
        index = barrier.wait(DEADLINE)
        self.assertEqual({index, connection.recv(DEADLINE)}, {0, 1})
        self.assertEqual(len(actions), index)           # the last one to come was the second
        process.join(DEADLINE)
        connection.close()

        lock = Mp.Lock()
        barrier = Mp.Barrier(1, lambda: self.assertTrue(lock.acquire(timeout=DEADLINE)))
        lock.acquire()
        thread = threading.Thread(target=lock.release)
        thread.start()
        self.assertEqual(barrier.wait(), 0)
        thread.join()

    def test_action_fails(self):
        barrier = Mp.Barrier(2, fail_action)
        process, connection = self.start_child(be_party_with_action, barrier)
        outcomes = set()
        try:
            barrier.wait(DEADLINE)
        except Exception as error:
            outcomes.add(type(error).__name__)
        outcomes.add(connection.recv(DEADLINE))
        self.assertEqual(outcomes, {'LookupError', 'BrokenBarrierError'})
        self.assertTrue(barrier.broken)
        process.join(DEADLINE)
        connection.close()
        barrier = Mp.Barrier(1, fail_action)
        with self.assertRaisesRegex(LookupError, 'the action'):
            Mp.run(barrier.wait_async())

    def test_default_timeout_travels(self):
        barrier = Mp.Barrier(2, timeout=0.01)
        process, connection = self.start_child(send_timeout, barrier)
        self.assertEqual(connection.recv(DEADLINE), 'broken')
        process.join(DEADLINE)
        connection.close()

    async def use_all(self, condition):
        lock = Mp.Lock()
        self.assertTrue(await lock.acquire_async())
        self.assertFalse(await lock.acquire_async(0.01))
        self.assertFalse(await lock.acquire_async(-1))
        lock.release()
        event = Mp.Event()
        self.assertFalse(await event.wait_async(0.01))
        process, connection = self.start_child(set_event, event)
        self.assertTrue(await event.wait_async(None))
        process.join(DEADLINE)
        connection.close()
        self.assertTrue(await condition.acquire_async(DEADLINE))
        self.assertFalse(await condition.wait_async(0.01))
        process, connection = self.start_child(notify, condition)
        self.assertTrue(await condition.wait_async())
        condition.release()
        process.join(DEADLINE)
        connection.close()
        barrier = Mp.Barrier(2)
        with self.assertRaises(threading.BrokenBarrierError):
            await barrier.wait_async(0.01)
        barrier.reset()
        process, connection = self.start_child(be_party_with_action, barrier)
        self.assertEqual({await barrier.wait_async(), connection.recv(DEADLINE)}, {0, 1})
        process.join(DEADLINE)
        connection.close()
        return 'done'

    def test_await(self):
        self.assertEqual(Mp.run(self.use_all(Mp.Condition())), 'done')
        self.assertEqual(asyncio.run(self.use_all(Mp.Condition(Mp.Lock()))), 'done')

    def test_await_what_belongs_to_a_thread(self):
        lock = Mp.RLock()
        self.assertTrue(Mp.run(lock.acquire_async()))
        lock.release()
        for awaitable in lock.acquire_async(), Mp.Condition().acquire_async():
            with self.assertRaisesRegex(RuntimeError, 'belongs to a thread'):
                asyncio.run(awaitable)

    def test_cancelled_task_acquires_nothing(self):
        lock = Mp.Lock()

        async def acquire(started):
            started.set()
            await lock.acquire_async()

        async def cancel():
            started = asyncio.Event()
            task = asyncio.ensure_future(acquire(started))
            await started.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        lock.acquire()
        asyncio.run(cancel())
        lock.release()
        asyncio.run(cancel())           # whichever comes first
        self.assertFalse(lock.locked())

    def test_cancelled_task_that_acquired_nothing_gives_nothing_back(self):
        lock = Mp.Lock()

        async def cancel():
            acquiring = lock.acquire_async(0.01)
            task = asyncio.create_task(acquiring)
            await let_tasks_run()
            operation = acquiring.cr_await.gi_frame.f_locals['self']
            # This thread holds the loop, which so has not told the task.
            wait_until(lambda: operation.has_ended, 'the time was over')
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        with lock:
            asyncio.run(cancel())
            self.assertTrue(lock.locked())

    def test_cancelled_wait_passes_a_notification_on(self):
        async def wait(condition, begun):
            async with condition:
                begun.append(True)
                await condition.wait_async()

        async def run():
            condition, begun, is_told = Mp.Condition(Mp.Lock()), [], False
            waits = [asyncio.create_task(wait(condition, begun)) for _ in range(2)]
            while not is_told:
                async with condition:       # who begins to wait gives it back
                    is_told = len(begun) == 2
                    if is_told:
                        condition.notify()
            waits[0].cancel()
            await asyncio.wait_for(waits[1], DEADLINE)
            await asyncio.gather(*waits, return_exceptions=True)

        for _ in range(20):
            asyncio.run(run())

    def test_async_with(self):
        async def use():
            for guard in Mp.Lock(), Mp.Semaphore(), Mp.BoundedSemaphore(), Mp.Condition(Mp.Lock()):
                async with guard as is_taken:
                    self.assertTrue(is_taken)
                    self.assertFalse(await guard.acquire_async(0))
                async with guard:
                    self.assertTrue(guard.locked())
                self.assertFalse(guard.locked())

        asyncio.run(use())
        Mp.run(use())

    def test_callback(self):
        event = Mp.Event()
        event.set()
        loop = GLib.MainLoop()
        outcomes = []

        def end(event, outcome, word):
            outcomes.append((event.wait_finish(outcome), word))
            loop.quit()

        event.wait_async(None, None, end, 'word')
        loop.run()
        self.assertEqual(outcomes, [(True, 'word')])

    def test_subclass_and_pickle(self):
        lock = Mp.Lock()
        with self.assertRaisesRegex(TypeError, 'can only be sent'):
            import pickle
            pickle.dumps(lock)


if __name__ == '__main__':
    unittest.main()
