# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Queue, Mp.JoinableQueue and Mp.SimpleQueue, in the form of multiprocessing."""

import array
import asyncio
import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from gi.repository import Gio  # noqa: E402
from mp_case import DEADLINE, GLib, Mp, MpCase, find_operation, let_tasks_run, run_loop, wait_until  # noqa: E402
from mpglib import queues  # noqa: E402

N_ITEMS = 300


def put_numbers(items, name, n):
    for number in range(n):
        items.put((name, number))


def put_text(items):
    items.put('X' * 1000000)


def double(questions, answers):
    for number in iter(questions.get, 'STOP'):
        answers.put(2 * number)


def double_in_pool(items, number):
    items.put(2 * number)
    return items.qsize() > 0


def wait_for_ever(items, connection):
    connection.send(os.getpid())
    items.get()


def fill_for_ever(items, connection):
    items.put(b'first')
    connection.send(os.getpid())
    while True:
        items.put(bytes(5000))


def echo(questions, answers):
    answers.put([type(questions).__name__, questions.get()])


class Unwilling:
    def __reduce__(self):
        raise ValueError('will not travel')


def scribble(was, rubbish, before=0):
    """Overwrites bytes of the memory of a queue, whichever has them, as any process that has it can."""
    for name in os.listdir('/proc/self/fd'):
        try:
            if 'memfd:' not in os.readlink(f'/proc/self/fd/{name}'):
                continue
        except OSError:
            continue
        if (place := os.pread(int(name), 1 << 20, 0).find(was)) >= 0:
            return os.pwrite(int(name), rubbish, place - before)
    raise LookupError(was)


class Alarm(Exception):
    pass


async def await_nothing():
    with contextlib.suppress(queue.Empty):
        await Mp.Queue().get_async(0.01)


def await_in_a_copy():
    asyncio.run(await_nothing())
    pid = os.fork()
    if pid == 0:
        signal.alarm(int(DEADLINE))
        asyncio.run(await_nothing())
        os._exit(0)
    if (status := os.waitpid(pid, 0)[1]) != 0:
        raise RuntimeError(f'the copy ended with {status}')


class Queues(MpCase):
    def setUp(self):
        items = Mp.Queue()              # what all of them share stays, once it is there
        self.run_child(put_text, items)
        items.get()
        asyncio.run(self.put_and_get(items))
        first, second = Mp.Pipe()
        second.poll(0.001)
        first.close(), second.close()
        del items, first, second
        super().setUp()

    async def put_and_get(self, items):
        await items.put_async(1)
        await items.get_async()

    def run_child(self, function, *args, context=None):
        process = self.start(function, *args, context=context)
        self.finish(process)

    def start(self, function, *args, context=None):
        process = Mp.Process(context=context or self.forkserver, target=function, args=args)
        process.start()
        return process

    def finish(self, process):
        self.assertTrue(process.join(DEADLINE))
        self.assertEqual(process.exitcode, 0)

    def start_with_pipe(self, function, items):
        ours, theirs = Mp.Pipe()
        process = self.start(function, items, theirs)
        theirs.close()
        self.addCleanup(ours.close)
        return process, ours.recv(DEADLINE)

    def expect_in_time(self, error, function, *args, **kwargs):
        with self.assertRaises(error) as caught:
            function(*args, **kwargs)
        return caught.exception

    # --- items

    def test_objects(self):
        items = Mp.Queue()
        objects = [42, None, 'hello', {1: {2, 3}}, b'', b'raw', b'\0raw', bytearray(b'abc'), [b'x' * 100_000],
                   ValueError('one')]
        for value in objects:
            items.put(value)
        self.assertEqual(items.qsize(), len(objects))
        for value in objects:
            got = items.get()
            self.assertIs(type(got), type(value))
            self.assertEqual(repr(got), repr(value))

    def test_what_other_languages_put(self):
        items = Mp.Queue()
        items.put(GLib.Variant('(isay)', (1, 'two', b'3')))
        items.put(b'bytes')
        self.assertEqual(Mp.Queue.get_message(items, 0).get_type_string(), '(isay)')
        self.assertEqual(items.get_payload(0), b'bytes')
        items.put_data(b'[1]', 'json')
        items.put_message(Mp.Message.new(GLib.Variant('a{sv}', {'a': GLib.Variant('i', 1)})))
        items.put_bytes(GLib.Bytes.new(b'some'), 'raw')
        self.assertEqual([items.get() for _ in range(3)], [b'[1]', {'a': 1}, b'some'])
        with self.assertRaises(Mp.BufferTooShort):
            items.put_data(b'0123', 'raw')
            items.get_payload(3)
        self.assertEqual(items.get_payload(4), b'0123')

    def test_what_cannot_be_sent(self):
        """put() itself raises, and the queue is as it was."""
        items = Mp.Queue()
        items.put(1)
        lock = Mp.Lock()
        for wrong, error, text in ((lambda: 1, pickle.PicklingError, 'define it at the top of a module'),
                                   ([1, Unwilling()], pickle.PicklingError, r'value\[1\].*will not travel'),
                                   ({'lock': lock}, Mp.NotShareable, 'no MpLock: .*, or as an argument of a process'),
                                   (lock, TypeError, 'send it by an Mp.Connection')):
            for put in (items.put, items.put_nowait, lambda wrong: items.put_many([2, wrong]),
                        lambda wrong: Mp.run(items.put_async(wrong))):
                with self.subTest(wrong=wrong), self.assertRaisesRegex(error, text):
                    put(wrong)
        self.assertEqual((items.get(), items.qsize()), (1, 0))

    def test_what_cannot_be_rebuilt(self):
        items = Mp.Queue()
        for body in (b'rubbish', b''):
            items.put_data(body, 'pickle5')
            with self.assertRaises(pickle.UnpicklingError):
                items.get()
        for get in (lambda: items.get(), lambda: items.get_many(3), lambda: Mp.run(items.get_async()),
                    lambda: items.get_into(bytearray(9))):
            items.put(1)
            items.put_data(b'rubbish', 'pickle5')
            items.put_many([2, 3])
            self.assertEqual(items.get_many(3), [1])
            with self.assertRaises(pickle.UnpicklingError):
                get()
            self.assertEqual(items.get_many(9), [2, 3])     # nothing but the rubbish is gone

    # --- bounds

    def test_bounds(self):
        for items in (Mp.Queue(2), Mp.Queue(maxsize=2), Mp.Queue(max_size=2)):
            self.assertEqual((items.maxsize, items.empty(), items.full(), items.qsize()), (2, True, False, 0))
            for get in (items.get_nowait, items.get_no_wait, lambda items=items: items.get(False, DEADLINE),
                        lambda items=items: items.get(True, 0.01), lambda items=items: items.get(timeout=0),
                        lambda items=items: items.get(timeout=-1), lambda items=items: items.get_many(1, False)):
                error = self.expect_in_time(queue.Empty, get)
                self.assertIsInstance(error, (Mp.Empty, GLib.Error))
                self.assertTrue(error.matches(Mp.error_quark(), Mp.Error.EMPTY))
            items.put(1)
            items.put_nowait(GLib.Variant('s', 'two'))
            self.assertTrue(items.full())
            self.assertEqual(repr(items), '<Mp.Queue 2 of 2 items>')
            for value in (3, b'3', GLib.Variant('i', 3)):
                for put in (items.put_nowait, lambda value, items=items: items.put(value, False, DEADLINE),
                            lambda value, items=items: items.put(value, True, 0.01),
                            lambda value, items=items: items.put(value, timeout=-1),
                            lambda value, items=items: items.put_many([value], False)):
                    error = self.expect_in_time(queue.Full, put, value)
                    self.assertIsInstance(error, (Mp.Full, GLib.Error))
            self.assertEqual((items.get(), items.get()), (1, 'two'))
        for put in (items.put, items.put_async):
            with self.assertRaises(TypeError):
                put(1, timeout='soon')
        self.assertEqual(items.qsize(), 0)
        for wrong in ('2', None, 2.0):
            with self.assertRaises(TypeError):
                Mp.Queue(wrong)
        with self.assertRaises(TypeError):
            items.get(timeout='1')
        self.assertEqual((Mp.Queue(-1).maxsize, Mp.Queue(1 << 40).full()), (0, False))

    def test_byte_limit(self):
        items = Mp.Queue(byte_limit=4096)
        with self.assertRaises(Mp.TooBig):
            items.put(bytes(5000))
        items.put(bytes(3000))
        with self.assertRaises(queue.Full):
            items.put_nowait(bytes(3000))
        self.assertEqual((items.get_byte_limit(), items.byte_limit), (4096, 4096))
        self.assertEqual(items.get_many(5), [bytes(3000)])
        items.put_many([bytes(4088)])
        items.get()
        for longer in (bytes(4089), GLib.Variant('s', 'x' * 4088)):
            with self.assertRaises(Mp.TooBig):
                items.put_many([1, longer])
        self.assertTrue(items.empty())

    def test_many(self):
        items = Mp.Queue(3)
        self.assertEqual(items.put_many([b'1', {2}, GLib.Variant('s', '3'), 4], timeout=0.01), 3)
        self.assertEqual(items.get_many(2), [b'1', {2}])
        self.assertEqual(items.put_many(range(2), False), 2)
        self.assertEqual(items.get_many(10), ['3', 0, 1])
        self.assertEqual(items.put_many([]), 0)
        for wrong in (0, -1, None):
            with self.assertRaises(ValueError):
                items.get_many(wrong)
        items.put(1)
        for put in items.put_many, items.put_many_async, Mp.Queue().put_many, Mp.Queue().put_many_async:
            self.assertRaises(TypeError, put, items)
        self.assertEqual(items.get(), 1)

    def test_many_bytes(self):
        items = Mp.Queue(3)
        some = [b'', b'one', bytes(100000), b'three']
        self.assertEqual(items.put_many(some, timeout=0.01), 3)
        self.assertEqual(items.get_many(9), some[:3])
        self.assertEqual(items.put_many(iter(some[2:])), 2)
        self.assertEqual(items.put_many([b'1', b'2'], False), 1)
        with self.assertRaises(queue.Full):
            items.put_many([b'1', b'2'], False)
        self.assertEqual(items.get_many(9), [*some[2:], b'1'])
        self.assertEqual(items.put_many_data(b'oneseven', [3, 5], 'raw', 0, None), 2)
        with self.assertRaises(Mp.OutOfRange):
            items.put_many_data(b'oneseven', [3, 6], 'raw')
        self.assertEqual(items.get_many(9), [b'one', b'seven'])

    def test_many_bytes_wait_for_room(self):
        items = Mp.Queue(2)
        some = [bytes([number]) for number in range(100)]
        got = []
        taker = threading.Thread(target=lambda: got.extend(items.get(timeout=DEADLINE) for _ in some))
        taker.start()
        self.assertEqual(items.put_many(some, timeout=DEADLINE), 100)
        taker.join()
        self.assertEqual(got, some)

    def test_get_into(self):
        items = Mp.Queue()
        buffer = bytearray(b'........')
        items.put(b'one')
        self.assertEqual((items.get_into(buffer), buffer), (3, b'one.....'))
        items.put(b'two')
        self.assertEqual((items.get_into(memoryview(buffer), 4), buffer), (3, b'one.two.'))
        items.put(b'12345678')
        items.put(b'')
        numbers = array.array('i', [0, 0])
        with self.assertRaises(Mp.BufferTooShort):
            items.get_into(numbers, 1)
        self.assertEqual((items.get_into(numbers), numbers.tobytes()), (8, b'12345678'))
        self.assertEqual(items.get_into(numbers, 7), 0)
        for wrong in (-1, 8, 9):
            with self.assertRaises(ValueError):
                items.get_into(numbers, wrong)
        with self.assertRaises(ValueError):
            items.get_into(bytearray())
        for room, offset in (b'read-only', 0), (numbers, 0.5), (numbers, 'x'), (numbers, None):
            items.put(b'here')
            self.assertRaises(TypeError, items.get_into, room, offset)
            self.assertEqual(items.get(), b'here')
        items.put(GLib.Variant('i', 1))
        with self.assertRaises(Mp.WrongCodec):
            items.get_into(buffer)
        items.get()
        with self.assertRaises(queue.Empty):
            items.get_into(buffer, block=False)
        with self.assertRaises(queue.Empty):
            items.get_into(buffer, 0, True, 0.01)

    # --- rubbish

    def put_rubbish(self, items):
        """Puts an item whose codec has no name: capital letters."""
        items.put_data(b'body', 'scribbled')
        scribble(b'scribbled', b'SCRIBBLED')

    def test_rubbish(self):
        """What is no item is an error of each form of getting it, and what is behind it is got."""
        text = 'rubbish into the queue'
        for get in (lambda items: items.get(), lambda items: items.get(False), lambda items: items.get(True, 5),
                    lambda items: items.get_many(5), lambda items: items.get_into(bytearray(9)),
                    lambda items: Mp.run(items.get_async()), lambda items: next(iter(items)),
                    lambda items: items.get_message(0), lambda items: Mp.run(items.get_many_async(5))):
            items = Mp.Queue()
            self.put_rubbish(items)
            with self.assertRaisesRegex(Mp.Corrupted, text):
                get(items)
            items.put(b'behind')
            self.assertEqual((items.get(), items.qsize(), items.empty()), (b'behind', 0, True))

    def test_rubbish_among_many(self):
        items = Mp.Queue()
        items.put(b'one')
        self.put_rubbish(items)
        items.put(b'two')
        self.assertEqual(items.get_many(5), [b'one'])
        self.assertFalse(items.empty())
        with self.assertRaises(Mp.Corrupted):
            items.get_many(5)
        self.assertEqual(items.get_many(5), [b'two'])

    def test_rubbish_in_the_ring(self):
        """It has no end, for nobody knows where the next item begins."""
        items = Mp.Queue()
        items.put_data(b'scribble on what is before it', 'json')
        scribble(b'scribble on what', b'\xff' * 4, 8)       # its length
        for get in (lambda: items.get(), lambda: items.get(False), lambda: Mp.run(items.get_async()),
                    lambda: items.get_into(bytearray(9))):
            with self.assertRaisesRegex(Mp.Corrupted, 'rubbish into a shared queue'):
                get()

    # --- the end

    def test_closed(self):
        items = Mp.Queue()
        items.put(1)
        with self.assertRaisesRegex(AssertionError, 'not closed'):
            items.join_thread()
        items.cancel_join_thread()
        items.close()
        items.close()
        items.join_thread()
        for function, *args in ((items.put, 1), (items.put_nowait, b'1'), (items.put, GLib.Variant('i', 1)),
                                (items.put_many, [1]), (items.get,), (items.get_nowait,), (items.get, True, 0.01),
                                (items.get_many, 1)):
            with self.subTest(function=function, args=args), self.assertRaisesRegex(ValueError, 'is closed') as caught:
                function(*args)
            self.assertIsInstance(caught.exception, Mp.Closed)
        self.assertEqual(list(items), [])
        self.assertEqual(repr(items), '<Mp.Queue closed>')

    def test_close_ends_waits(self):
        items = Mp.Queue()
        items.put_many([1, 2])
        closer = threading.Timer(0.05, items.close)
        got = []
        for value in items:
            got.append(value)
            if value == 2:
                closer.start()
        closer.join()
        self.assertEqual(got, [1, 2])

    # --- waiting

    def test_signal_ends_a_wait(self):
        def ring(*_args):
            raise Alarm

        items = Mp.Queue(1)
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, ring))
        waits = ((items.get,), (items.get, True, DEADLINE), (items.get_frame,), (items.get_payload, 5),
                 (items.get_many, 3), (items.put, 1), (items.put, 1, True, DEADLINE), (items.put_data, b'', 'raw'))
        for wait, *args in waits:
            with self.subTest(wait=wait, args=args):
                if 'put' in wait.__name__ and items.empty():
                    items.put(0)
                signal.setitimer(signal.ITIMER_REAL, 0.03)
                with self.assertRaises(Alarm):
                    wait(*args)
        self.assertEqual((items.get(), items.qsize()), (0, 0))

    def test_wait_goes_on_after_a_signal(self):
        items = Mp.Queue()
        rings = []

        def ring(*_args):
            rings.append(1)
            if len(rings) == 3:         # the wait has been interrupted twice
                signal.setitimer(signal.ITIMER_REAL, 0)
                items.put('late')

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, ring))
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        self.assertEqual(items.get(timeout=DEADLINE), 'late')
        self.assertEqual(len(rings), 3)

    def test_cancelled_before(self):
        items, cancellable = Mp.Queue(), Gio.Cancellable()
        items.put('there')
        cancellable.cancel()
        for call in (items.get, lambda **also: items.get_many(9, **also),
                     lambda **also: items.get_into(bytearray(9), **also),
                     lambda **also: items.put(b'bytes', **also), lambda **also: items.put('object', **also),
                     lambda **also: items.put_many([b'a', b'b'], **also)):
            for block in (True, False):
                with self.assertRaises(Mp.Cancelled):
                    call(block=block, cancellable=cancellable)
        self.assertEqual(items.get(), 'there')
        self.assertTrue(items.is_empty())

    def test_cancelled(self):
        items, cancellable = Mp.Queue(), Gio.Cancellable()
        threading.Timer(0.03, cancellable.cancel).start()
        with self.assertRaises(Mp.Cancelled):
            items.get(cancellable=cancellable)

    def test_threads(self):
        items = Mp.Queue(5)
        got = queue.Queue()

        def take():
            for value in iter(items.get, None):
                got.put(value)

        takers = [threading.Thread(target=take) for _ in range(3)]
        makers = [threading.Thread(target=put_numbers, args=(items, name, N_ITEMS)) for name in 'ab']
        for thread in takers + makers:
            thread.start()
        for thread in makers:
            thread.join()
        items.put_many([None] * len(takers))
        for thread in takers:
            thread.join()
        self.assertEqual(sorted(got.queue), [(name, number) for name in 'ab' for number in range(N_ITEMS)])

    # --- awaiting

    def test_await(self):
        for run in (asyncio.run, Mp.run):
            with self.subTest(run=run):
                run(self.await_items())

    def test_many_at_once_in_a_loop(self):
        """The loop has turns between, but not one for each."""
        items = Mp.Queue()
        objects = [b'bytes'] * 2000 + list(range(2000)) + [GLib.Variant('i', 5)] * 10 + [b'', 'text', b'']
        sizes = set()
        source = GLib.idle_add(lambda: sizes.add(items.qsize()) or GLib.SOURCE_CONTINUE, priority=GLib.PRIORITY_DEFAULT)
        self.assertEqual(Mp.run(items.put_many_async(objects)), len(objects))
        GLib.source_remove(source)
        self.assertLess(len(sizes), 50)
        self.assertGreater(len(sizes), 5)
        self.assertEqual(items.get_many(len(objects)),
                         [5 if isinstance(obj, GLib.Variant) else obj for obj in objects])

    async def await_items(self):
        items = Mp.Queue(3)
        for value in (1, b'2', {'3': 3}, GLib.Variant('i', 4)):
            await items.put_async(value)
            self.assertEqual(await items.get_async(), value.unpack() if isinstance(value, GLib.Variant) else value)
        self.assertEqual(await items.put_many_async(range(5), 0.02), 3)
        with self.assertRaises(queue.Full):
            await items.put_async(5, 0.01)
        self.assertEqual(await items.get_many_async(2), [0, 1])
        items.put('last')
        self.assertEqual(await items.get_many_async(9, DEADLINE), [2, 'last'])
        for timeout in (0, 0.01, -1):
            with self.assertRaises(queue.Empty):
                await items.get_async(timeout)
        items.put(1)
        got = []
        async for value in items:
            got.append(value)
            threading.Timer(0.02, items.close).start()
        self.assertEqual(got, [1])
        with self.assertRaisesRegex(ValueError, 'is closed'):
            await items.put_async(1)

    def test_await_in_parallel(self):
        async def produce(items):
            for number in range(N_ITEMS):
                await items.put_async(number)

        async def consume(items):
            return [await items.get_async() for _ in range(N_ITEMS)]

        async def both(items):
            return (await asyncio.gather(produce(items), consume(items)))[1]

        self.assertEqual(asyncio.run(both(Mp.Queue(2))), list(range(N_ITEMS)))

    def test_cancelled_get_takes_nothing(self):
        """Neither before an item comes, nor when it has come and the task was not told: all others can get it."""
        async def run(items, others):
            task = asyncio.create_task(items.get_async())
            await let_tasks_run()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            coroutine = items.get_async()
            task = asyncio.create_task(coroutine)
            await let_tasks_run()
            items.put('first')
            # This thread holds the loop, which so has not told the task.
            wait_until(lambda: find_operation(coroutine).has_ended, 'the item came')
            task.cancel()
            self.assertEqual(others.get(timeout=DEADLINE), 'first')
            with self.assertRaises(asyncio.CancelledError):
                await task

        for kind in Mp.Queue, Mp.JoinableQueue:
            items = kind()
            asyncio.run(run(items, self.hand_over(items)))
            self.assertTrue(items.empty())

    def test_cancelled_get_leaves_the_item_to_who_waits(self):
        async def run(items):
            coroutine = items.get_async()
            first, second = asyncio.create_task(coroutine), asyncio.create_task(items.get_async())
            await let_tasks_run()
            items.put('first')
            wait_until(lambda: find_operation(coroutine).has_ended, 'the item came')
            first.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await first
            self.assertEqual(await second, 'first')

        for _ in range(20):
            asyncio.run(run(Mp.Queue()))

    def test_loop_that_does_not_run_takes_nothing(self):
        items = Mp.Queue()
        loop = asyncio.new_event_loop()
        coroutine = items.get_async()
        task = loop.create_task(coroutine)
        loop.run_until_complete(let_tasks_run())
        items.put('for others')
        wait_until(lambda: find_operation(coroutine).has_ended, 'the item came')
        self.assertEqual(items.get(timeout=DEADLINE), 'for others')
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()

    def test_cancelled_among_what_is_in_work(self):
        """What a process has in hand stays in its hand."""
        async def run(tasks, others):
            self.assertEqual(await tasks.get_async(), 'in work')
            coroutine = tasks.get_async()
            task = asyncio.create_task(coroutine)
            await let_tasks_run()
            tasks.put('next')
            wait_until(lambda: find_operation(coroutine).has_ended, 'the item came')
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.assertEqual(others.get(timeout=DEADLINE), 'next')
            others.task_done()
            self.assertFalse(others.join(0))
            tasks.task_done()
            self.assertTrue(others.join(DEADLINE))

        for redelivery in False, True:
            tasks = Mp.JoinableQueue(redelivery=redelivery)
            tasks.put('in work')
            asyncio.run(run(tasks, self.hand_over(tasks)))

    def test_cancelled_put_that_has_put(self):
        """It was not cancelled; what comes after it is."""
        async def put_all(items, done):
            for number in range(1, 5):
                await items.put_async(number)
                done.append(number)

        async def run(items):
            done = []
            task = asyncio.create_task(put_all(items, done))
            await let_tasks_run()
            self.assertEqual((items.get(), done), (0, []))
            wait_until(lambda: items.qsize() == 1, 'it was put')
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual((items.get(), done), (1, [1]))
            self.assertTrue(items.empty())

        items = Mp.Queue(1)
        items.put(0)
        asyncio.run(run(items))

    def test_time_limits_of_asyncio(self):
        """Who puts again what was not put in time does not put it twice, and goes on if it was put."""
        async def put_in_time(items, number, limit):
            try:
                await asyncio.wait_for(items.put_async(number), limit)
            except asyncio.TimeoutError:
                return False
            return True

        async def run(items):
            items.put(0)
            self.assertFalse(await put_in_time(items, 1, 0.01))
            self.assertEqual((items.get(), items.empty()), (0, True))
            items.put(0)
            loop = asyncio.get_running_loop()
            task = asyncio.create_task(put_in_time(items, 2, 1))
            await let_tasks_run()
            end = loop.time() + 1
            items.get()
            wait_until(lambda: items.qsize() == 1 and loop.time() > end, 'it was put, and the limit is over')
            self.assertTrue(await task)
            await let_tasks_run()
            self.assertEqual(await items.get_async(), 2)

        asyncio.run(run(Mp.Queue(1)))

    def test_collected_get_loses_nothing(self):
        """As when a task is collected with its loop, after the item, or the lock, came and before it was told."""
        items, lock = Mp.Queue(), Mp.Lock()

        async def begin():
            coroutines = items.get_async(), lock.acquire_async()
            tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
            await let_tasks_run()
            items.put('first')
            for coroutine in coroutines:
                wait_until(lambda coroutine=coroutine: find_operation(coroutine).has_ended, 'it came')
                coroutine.close()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(begin())
        self.assertFalse(lock.locked())
        self.assertEqual(items.get(timeout=DEADLINE), 'first')

    def test_loop_goes_on_while_there_is_something(self):
        async def run(items):
            turns, loop = [], asyncio.get_running_loop()

            def note_turn():
                turns.append(1)
                if not items.empty():
                    loop.call_soon(note_turn)

            note_turn()
            for _ in range(N_ITEMS):
                await items.get_async()
            self.assertGreaterEqual(len(turns), N_ITEMS - 1)

        items = Mp.Queue()
        items.put_many(range(N_ITEMS))
        asyncio.run(run(items))

    def test_signal_in_the_moment_in_which_an_item_came(self):
        """It goes back behind the others; in a JoinableQueue it stays in hand."""
        take = Mp.Queue._take

        def take_and_ring(*args):
            take(*args)
            raise Alarm

        for kind in Mp.Queue, Mp.JoinableQueue:
            items = kind()
            putter = threading.Timer(0.02, items.put, ('came',))
            putter.start()
            with unittest.mock.patch.object(Mp.Queue, '_take', take_and_ring), self.assertRaises(Alarm):
                items.get(timeout=DEADLINE)
            putter.join()
            if kind is Mp.Queue:
                self.assertEqual(items.get(timeout=DEADLINE), 'came')
            else:
                self.assertTrue(items.empty())
                self.assertFalse(items.join(0))
                items.task_done()
                self.assertTrue(items.join(0))

    def test_await_in_a_copy_of_the_process(self):
        """The thread that waits on behalf of asyncio is not there."""
        asyncio.run(self.put_and_get(Mp.Queue()))
        self.run_child(await_in_a_copy)

    def test_cancellable_of_several(self):
        """Who gives up one wait does not give up others that have the same cancellable."""
        async def run():
            cancellable = Gio.Cancellable()
            first, second = Mp.Queue(), Mp.Queue()
            waits = [asyncio.create_task(items.get_async(cancellable=cancellable)) for items in (first, second)]
            await let_tasks_run()
            waits[0].cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waits[0]
            self.assertFalse(cancellable.is_cancelled())
            second.put('here')
            self.assertEqual(await waits[1], 'here')
            third = asyncio.create_task(first.get_async(cancellable=cancellable))
            await let_tasks_run()
            cancellable.cancel()
            for wait in third, first.get_async(cancellable=cancellable):
                with self.assertRaises(Mp.Cancelled):
                    await wait

        asyncio.run(run())

    def test_wrong_byte_limits(self):
        for wrong, error in ((0, ValueError), (-1, ValueError), (1 << 64, ValueError), ('x', TypeError)):
            with self.assertRaisesRegex(error, 'byte_limit'):
                Mp.Queue(byte_limit=wrong)

    def test_callbacks_and_signals(self):
        items = Mp.Queue(1)
        done = []
        items.put_async({1}, None, None, self.note_put, done)
        run_loop(lambda: done)
        items.get_async(DEADLINE, None, lambda source, outcome: done.append(source.get_finish(outcome)))
        run_loop(lambda: len(done) == 2)
        self.assertEqual(done, ['put', {1}])

        got = []
        items.connect('item-available', lambda source: got.append(source.get_nowait()))
        items.live = True
        process = self.start(put_numbers, items, 'a', 5)
        run_loop(lambda: len(got) == 5)
        self.finish(process)
        self.assertTrue(items.live and items.get_live())
        items.live = False
        self.assertEqual(got, [('a', number) for number in range(5)])

    def note_put(self, source, outcome, done):
        source.put_finish(outcome)
        done.append('put')

    # --- processes

    def test_argument_of_a_process(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                items = Mp.Queue(3)
                processes = [self.start(put_numbers, items, name, N_ITEMS, context=context) for name in 'ab']
                got = [items.get(timeout=DEADLINE) for _ in range(2 * N_ITEMS)]
                for process in processes:
                    self.finish(process)
                for name in 'ab':           # in order, those of one
                    self.assertEqual([number for other, number in got if other == name], list(range(N_ITEMS)))
                self.assertTrue(items.empty())

    def test_join_before_get(self):
        """The example that hangs with multiprocessing: no child waits for its items to be got."""
        for context in self.contexts.values():
            items = Mp.Queue()
            self.run_child(put_text, items, context=context)
            self.assertEqual(items.get(False), 'X' * 1000000)

    def test_workers_until_stop(self):
        questions, answers = Mp.Queue(), Mp.Queue()
        workers = [self.start(double, questions, answers) for _ in range(3)]
        questions.put_many(range(N_ITEMS))
        self.assertEqual({answers.get(timeout=DEADLINE) for _ in range(N_ITEMS)}, set(range(0, 2 * N_ITEMS, 2)))
        for _ in workers:
            questions.put('STOP')
        for worker in workers:
            self.finish(worker)
        self.assertTrue(questions.empty() and answers.empty())

    def test_pool(self):
        items = Mp.Queue()
        with Mp.Pool(2, context=self.forkserver) as pool:
            self.assertEqual(pool.starmap(double_in_pool, [(items, number) for number in range(20)]), [True] * 20)
            pool.close()
            pool.join()
        self.assertEqual(sorted(items.get(False) for _ in range(20)), list(range(0, 40, 2)))

    def test_killed_users(self):
        """Those that are killed while they wait, or put, leave the queue as it was."""
        items = Mp.Queue(4)
        process, pid = self.start_with_pipe(wait_for_ever, items)
        os.kill(pid, signal.SIGKILL)
        process.join(DEADLINE)
        for _ in range(3):
            process, pid = self.start_with_pipe(fill_for_ever, items)
            self.assertEqual(items.get(timeout=DEADLINE), b'first')
            for _ in range(20):
                self.assertEqual(items.get(timeout=DEADLINE), bytes(5000))
            os.kill(pid, signal.SIGKILL)
            process.join(DEADLINE)
            while not items.empty():
                self.assertEqual(items.get(False), bytes(5000))
            items.put('after')
            self.assertEqual(items.get(timeout=DEADLINE), 'after')

    # --- tasks

    def test_joinable(self):
        tasks = Mp.JoinableQueue(10)
        self.assertTrue(tasks.join())
        with self.assertRaisesRegex(ValueError, 'task_done'):
            tasks.task_done()
        tasks.put_many([1, 2])
        self.assertFalse(tasks.join(0.01))
        self.assertEqual((tasks.get(), tasks.get_many(5)), (1, [2]))
        tasks.task_done()
        self.assertFalse(tasks.join(0))
        tasks.task_done()
        self.assertTrue(tasks.join(DEADLINE))
        self.assertEqual(repr(tasks), '<Mp.JoinableQueue 0 of 10 items>')

    def hand_over(self, shareable):
        first, second = Mp.Pipe()
        first.send(shareable)
        received = second.recv(DEADLINE)
        first.close(), second.close()
        return received

    # --- names

    def test_simple_queue(self):
        questions, answers = Mp.SimpleQueue(), Mp.SimpleQueue()
        self.assertTrue(questions.empty())
        questions.put({'a': 1})
        self.assertFalse(questions.empty())
        self.assertEqual(repr(questions), '<Mp.SimpleQueue 1 item>')
        self.run_child(echo, questions, answers)
        self.assertEqual(answers.get(), ['SimpleQueue', {'a': 1}])
        self.assertTrue(questions.empty())
        questions.close()
        with self.assertRaisesRegex(ValueError, 'is closed'):
            questions.put(1)
        self.assertIsInstance(questions, Mp.Queue)
        self.assertRaises(TypeError, Mp.SimpleQueue, 5)
        self.assertEqual(Mp.SimpleQueue(max_size=5).get_max_size(), 0)
        self.assertIs(type(self.hand_over(Mp.SimpleQueue())), Mp.SimpleQueue)

    def test_queues_of_a_context(self):
        for cls in queues.Queue, queues.JoinableQueue, queues.SimpleQueue:
            items = cls(ctx=self.spawn)
            items.put(1)
            self.assertEqual(items.get(), 1)

    def test_names(self):
        self.assertEqual((queues.Queue, queues.JoinableQueue, queues.SimpleQueue),
                         (Mp.Queue, Mp.JoinableQueue, Mp.SimpleQueue))
        self.assertTrue(issubclass(queues.Empty, queue.Empty) and issubclass(queues.Full, queue.Full))
        self.assertEqual(Mp.Queue[int].__origin__, Mp.Queue)
        self.assertEqual(Mp.SimpleQueue[int].__origin__, Mp.SimpleQueue)
        self.assertFalse(hasattr(Mp.Queue, 'task_done') or hasattr(Mp.Queue, 'join'))
        with self.assertRaisesRegex(TypeError, 'can only be sent to another process'):
            pickle.dumps(Mp.Queue())


if __name__ == '__main__':
    unittest.main()
