# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.wait(): connections, processes, sockets and descriptors."""

import asyncio
import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
import time
import unittest
import warnings

from mpglib import connection

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, GLib, Mp, MpCase  # noqa: E402


def answer_once(connection):
    connection.send(os.getpid())
    connection.recv()


async def do_nothing():
    await Mp.wait_async([], 0)


async def wait_soon(objects, timeout=None):
    return await Mp.wait_async(objects, timeout)


class Waiting(MpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        asyncio.run(do_nothing())       # the thread that waits for asyncio stays, and what queues share
        Mp.Queue().put(1)

    def make_pipe(self):
        first, second = Mp.Pipe()
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        return first, second

    def start(self, function, *args):
        process = Mp.Process(target=function, args=args, context=self.spawn)
        process.start()
        self.addCleanup(process.join)
        self.addCleanup(process.kill)
        return process

    def test_names_of_what_nobody_awaits(self):
        first, _ = self.make_pipe()
        pool = Mp.Pool(1)
        for begin, name in ((Mp.Queue().get_async, 'Queue.get_async'), (first.recv_async, 'Connection.recv_async'),
                            (pool.join_async, 'Pool.join_async'), (Mp.Process().join_async, 'Process.join_async'),
                            (Mp.Event().wait_async, 'Event.wait_async'), (Mp.Lock().acquire_async, 'acquire_async'),
                            (Mp.shutdown_async, 'shutdown_async'), (lambda: Mp.wait_async([]), 'wait_async'),
                            (lambda: Mp.Connection.open_async('path'), 'Connection.open_async')):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter('always')
                begin()
            self.assertEqual([str(warning.message) for warning in told], [f"coroutine '{name}' was never awaited"])

    def test_listeners(self):
        first, second = self.make_pipe()
        with Mp.Listener() as listener:
            self.assertEqual(Mp.wait([second, listener], 0.01), [])
            with Mp.Client(listener.address, timeout=DEADLINE):
                self.assertEqual(Mp.wait([second, listener], DEADLINE), [listener])
                first.send(1)
                self.assertEqual(Mp.wait([second, listener], DEADLINE), [second, listener])
                listener.accept(0).close()
                self.assertEqual(Mp.wait([second, listener], DEADLINE), [second])
        self.assertRaises(Mp.Closed, Mp.wait, [listener])

    def test_connections(self):
        pipes = [self.make_pipe() for _ in range(3)]
        ends = [second for _, second in pipes]
        self.assertEqual(Mp.wait(ends, 0), [])
        self.assertEqual(Mp.wait(ends, -1), [])
        self.assertEqual(Mp.wait(ends, 0.01), [])
        self.assertEqual(Mp.wait([], 0.01), [])
        pipes[2][0].send('two')
        pipes[1][0].send('one')
        self.assertEqual(Mp.wait(ends), ends[1:])
        self.assertEqual(Mp.wait(reversed(ends)), ends[:0:-1])
        self.assertEqual([end.recv(0) for end in ends[1:]], ['one', 'two'])
        pipes[0][0].close()
        self.assertEqual(Mp.wait(ends), [ends[0]])
        self.assertRaises(EOFError, ends[0].recv)

    def test_what_comes_later(self):
        first, second = self.make_pipe()
        _other, third = self.make_pipe()
        sender = threading.Timer(0.05, first.send, ('late',))
        sender.start()
        self.assertEqual(Mp.wait([third, second], DEADLINE), [second])
        sender.join()

    def test_all_kinds(self):
        _first, second = self.make_pipe()
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        left, right = multiprocessing.connection.Pipe()
        self.addCleanup(left.close)
        self.addCleanup(right.close)
        descriptor = Mp.Descriptor.duplicate(read)
        objects = [second, read, ours, right, descriptor]
        self.assertEqual(Mp.wait(objects, 0), [])
        theirs.send(b'here')
        self.assertEqual(Mp.wait(objects), [ours])
        os.write(write, b'here')
        left.send('here')
        self.assertEqual(Mp.wait(objects), [read, ours, right, descriptor])
        del descriptor, objects

    def test_processes(self):
        first, second = self.make_pipe()
        process = self.start(answer_once, second)
        second.close()
        self.assertEqual(Mp.wait([process, process.sentinel, first], DEADLINE), [first])
        self.assertEqual(first.recv(), process.pid)
        self.assertEqual(Mp.wait([process, process.sentinel], 0), [])
        first.send('enough')
        self.assertEqual(Mp.wait([process], DEADLINE), [process])
        self.assertEqual(process.exitcode, 0)
        self.assertEqual(Mp.wait([process.sentinel, process], DEADLINE), [process.sentinel, process])

    def test_queues(self):
        queues = [Mp.Queue(), Mp.JoinableQueue(), Mp.SimpleQueue()]
        _first, second = self.make_pipe()
        self.assertEqual(Mp.wait([*queues, second], 0.01), [])
        for queue in queues:
            putter = threading.Timer(0.02, queue.put, (1,))
            putter.start()
            self.assertEqual(Mp.wait([second, *queues], DEADLINE), [queue])
            putter.join()
            self.assertEqual(queue.get(), 1)
        queues[0].put(b'2')
        self.assertEqual(Mp.wait(queues), queues[:1])
        self.assertEqual(Mp.run(wait_soon(queues)), queues[:1])
        self.assertEqual(queues[0].get(), b'2')
        self.assertEqual(Mp.run(wait_soon(queues, 0.01)), [])
        queues[1].close()
        with self.assertRaises(Mp.Closed):
            Mp.wait(queues)
        del queues, queue, putter

    def test_object_in_place_of_a_list(self):
        items = Mp.Queue()
        items.put(1)
        first, _second = self.make_pipe()
        for wrong in items, first, sys.stdout:
            for wait in Mp.wait, Mp.wait_async:
                with self.subTest(wrong=wrong, wait=wait), self.assertRaisesRegex(TypeError, r'a list .*: wait\(\['):
                    wait(wrong, 0.01)
        self.assertEqual(items.get(), 1)
        del items, wrong

    def test_what_is_wrong(self):
        first, second = self.make_pipe()
        first.send('there')
        for wrong, error in ((None, TypeError), ('text', TypeError), (-1, ValueError), (Mp.Message(), TypeError),
                             (Mp.Process(), Mp.InvalidState), (socket.socket(), None)):
            if error is None:
                wrong.close()
                error = ValueError
            with self.subTest(wrong), self.assertRaises(error):
                Mp.wait([second, wrong])
        with self.assertRaises(TypeError):
            Mp.wait([second], 'soon')
        second.close()
        with self.assertRaises(Mp.Closed):
            Mp.wait([first, second])

    def test_what_is_closed(self):
        """An OSError as with multiprocessing, but for queues: their end is a ValueError there too."""
        first, second = self.make_pipe()
        listener, descriptor, queue = Mp.Listener(), Mp.Descriptor.duplicate(0), Mp.Queue()
        for closed, error in ((second, OSError), (listener, OSError), (descriptor, OSError), (queue, ValueError)):
            closed.close()
            for wait in (lambda: Mp.wait([first, closed]), lambda: Mp.run(wait_soon([first, closed]))):
                with self.subTest(closed=closed), self.assertRaises(error) as caught:
                    wait()
                self.assertIsInstance(caught.exception, Mp.Closed)
        del closed, wait, queue

    def test_closed_meanwhile(self):
        first, _second = self.make_pipe()
        closer = threading.Timer(0.05, first.close)
        closer.start()
        with self.assertRaises(OSError) as caught:
            Mp.wait([first], DEADLINE)
        self.assertIsInstance(caught.exception, Mp.Closed)
        closer.join()

    def test_handlers_of_signals_run_while_it_waits(self):
        class Enough(Exception):
            pass

        def stop(*_):
            raise Enough

        _first, second = self.make_pipe()
        ran = []
        old = signal.signal(signal.SIGALRM, lambda *_: ran.append(1))
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        begin = time.monotonic()
        self.assertEqual(Mp.wait([second], 0.1), [])
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)
        self.assertEqual(ran, [1])
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        self.assertRaises(Enough, Mp.wait, [second], DEADLINE)

    def test_awaiting(self):
        async def check():
            first, second = self.make_pipe()
            self.assertEqual(await Mp.wait_async([second], 0.01), [])
            first.send(1)
            self.assertEqual(await Mp.wait_async([second, first]), [second])
            second.recv()
            with self.assertRaises(Mp.InvalidState):
                await Mp.wait_async([Mp.Process()])

        async def check_cancelling():
            await check()
            first, second = self.make_pipe()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(Mp.wait_async([second]), 0.01)
            first.send(2)
            self.assertEqual(second.recv(), 2)

        Mp.run(check())
        asyncio.run(check_cancelling())

    def test_names_of_multiprocessing(self):
        self.assertIs(connection.wait, Mp.wait)
        methods = {'answer_challenge', 'deliver_challenge'}  # those of a connection; there are no functions
        self.assertEqual(set(connection.__all__) - set(dir(Mp)), methods)
        for name in connection.__all__:
            self.assertTrue(name == 'Pipe' or hasattr(multiprocessing.connection, name), name)


if __name__ == '__main__':
    unittest.main()
