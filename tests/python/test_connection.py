# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Pipe(): objects between processes, and connections in arguments, results and messages."""

from array import array
import asyncio
import ctypes
import multiprocessing
import os
import pickle
import select
import socket
import sys
import threading
import unittest

from mpglib import _shareables

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, GLib, Mp, MpCase, run_loop  # noqa: E402


def double(connection):
    while True:
        try:
            connection.send(2 * connection.recv())
        except EOFError:
            break


async def do_nothing():
    await Mp.wait_async([], 0)


kept = []


def make_pipe(value):
    first, second = Mp.Pipe()
    kept.append(first)
    first.send(value)
    return {'value': value, 'ends': [second]}


def answer(connection, value):
    connection.send((os.getpid(), value))


exploded = []


def explode():
    exploded.append(True)


class Bomb:
    """What runs code where it is unpickled."""

    def __reduce__(self):
        return explode, ()


def fail_with_eof():
    raise EOFError('not the end')


class Unloadable:
    def __reduce__(self):
        return fail_with_eof, ()


def get_length(n):
    return 1 + (n * 70_001) % 400_000


def send_marks(connection, mark, n):
    for i in range(n):
        connection.send_bytes(bytes([mark]) * get_length(i))


def read_mark(message):
    """The byte that the message is full of, and how many there are."""
    if message.count(message[:1]) != len(message):
        raise AssertionError('parts of several messages in one')
    return message[0], len(message)


def return_bytes(connection):
    while True:
        try:
            connection.send_bytes(connection.recv_bytes())
        except EOFError:
            break


def send_and_wait(connection, value):
    connection.send(value)
    connection.recv()


async def receive_soon(connection, maxlength):
    return await connection.recv_bytes_async(maxlength, DEADLINE)


async def challenge_soon(connection):
    await connection.deliver_challenge_async(b'x' * 32, DEADLINE)


async def await_readable(connection, timeout):
    await connection.wait_readable_async(timeout)


def serve_once(connection, server):
    accepted = server.accept()[0]
    accepted.settimeout(5)
    connection.send(accepted)
    first, second = connection.recv()['twice']
    assert first is second
    first.sendall(b'from the child')


class Connections(MpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        asyncio.run(do_nothing())       # the thread that waits for asyncio stays, and its descriptors

    def setUp(self):
        first, second = Mp.Pipe()       # what all connections share stays, once it is there
        second.poll(0.001)
        first.send(1)
        second.recv()
        del first, second
        super().setUp()

    def make_pipe(self, *args):
        first, second = Mp.Pipe(*args)
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        return first, second

    def test_objects_and_variants(self):
        first, second = self.make_pipe()
        for value in (None, {1: {2, 3}}, [b'x' * 100_000], GLib.Variant('(is)', (1, 'two'))):
            first.send(value)
            self.assertEqual(second.recv(DEADLINE), value.unpack() if isinstance(value, GLib.Variant) else value)
        with self.assertRaisesRegex(pickle.PicklingError, 'lock'):
            first.send(threading.Lock())

    def test_pickles_only_where_they_are_wanted(self):
        first, second = self.make_pipe()
        first.send(Bomb())
        with self.assertRaises(Mp.WrongCodec):
            second.receive()
        self.assertIn(b'explode', second.recv_bytes())
        self.assertEqual(exploded, [])
        first.send(Bomb())
        second.recv()
        self.assertEqual(exploded, [True])

    def test_bytes(self):
        first, second = self.make_pipe()
        first.send_bytes(bytearray(b'0123456789'), 2, 5)
        self.assertEqual(second.recv_bytes(timeout=DEADLINE), b'23456')
        first.send_bytes(memoryview(b'0123456789'))
        first.send_bytes(memoryview(b'0123456789')[::2], 1)
        with self.assertRaises(Mp.BufferTooShort) as caught:
            second.recv_bytes(3)
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(second.recv_bytes(10), b'0123456789')
        self.assertEqual(second.recv_bytes(timeout=DEADLINE), b'2468')
        first.send_bytes(GLib.Bytes.new(b'0123\x00'), 1)
        self.assertEqual(second.recv_bytes(timeout=DEADLINE), b'123\x00')
        Mp.run(first.send_bytes_async(GLib.Bytes.new(b'')))
        self.assertEqual(second.recv_bytes(timeout=DEADLINE), b'')
        for wrong in ((-1,), (0, 4), (4,)):
            with self.assertRaises(ValueError):
                first.send_bytes(b'abc', *wrong)

    def test_no_bytes(self):
        first, second = self.make_pipe()
        for data in (b'', b'1', b'', b'23', b''):
            first.send_bytes(data)
        self.assertEqual(second.recv_bytes(0), b'')
        with self.assertRaises(Mp.BufferTooShort) as caught:
            second.recv_bytes(0)
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(caught.exception.args, (b'1',))
        self.assertEqual(Mp.run(receive_soon(second, 0)), b'')
        for _ in range(2):
            with self.assertRaisesRegex(Mp.BufferTooShort, 'has 2 bytes, not 0 at most') as caught:
                second.recv_bytes(0)
            self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(second.recv_bytes(2 ** 70), b'23')
        for wrong, error in ((-1, ValueError), (0.5, TypeError), ('0', TypeError)):
            self.assertRaises(error, second.recv_bytes, wrong)
        self.assertEqual(second.recv_bytes(1), b'')

    def test_iteration(self):
        async def go_through(connection, closes=False):
            objects = []
            async for obj in connection:
                objects.append(obj)
                if closes:
                    connection.close()
            return objects

        first, second = self.make_pipe()
        for obj in (1, 'two', {3: None}):
            first.send(obj)
        first.close()
        self.assertEqual(Mp.run(go_through(second)), [1, 'two', {3: None}])

        first, second = self.make_pipe()
        first.send('one')
        self.assertEqual(Mp.run(go_through(second, closes=True)), ['one'])

        # What goes wrong with an object is no end.
        first, second = self.make_pipe()
        first.send(Unloadable())
        with self.assertRaisesRegex(pickle.UnpicklingError, 'not the end'):
            Mp.run(go_through(second))

    def test_what_is_sent_was_closed(self):
        first, second = self.make_pipe()
        closed, _other = self.make_pipe()
        closed.close()
        queue = Mp.Queue()
        queue.close()
        for sent in (closed, [1, {'a': closed}], queue):
            for send in (first.send, lambda obj: Mp.run(first.send_async(obj))):
                # Not a BrokenPipeError, for which programs give up the connection.
                with self.assertRaisesRegex(Mp.InvalidState, '^<Mp.* cannot be handed to another process'):
                    send(sent)
        first.send('more')
        self.assertEqual(second.recv(timeout=DEADLINE), 'more')
        second.close()
        with self.assertRaises(BrokenPipeError):
            first.send('more')

    def test_bytes_into_buffers(self):
        first, second = self.make_pipe()
        message = b'0123456789ab'
        for buffer in (bytearray(20), memoryview(bytearray(20)), array('i', range(5)), array('d', range(3)),
                       (ctypes.c_uint16 * 8)(), memoryview(array('h', range(12))).cast('B').cast('h', (3, 4))):
            with self.subTest(buffer):
                before = memoryview(buffer).tobytes()
                for offset in (0, 1, len(before) - len(message)):
                    first.send_bytes(message)
                    self.assertEqual(second.recv_bytes_into(buffer, offset, timeout=DEADLINE), len(message))
                    before = before[:offset] + message + before[offset + len(message):]
                    self.assertEqual(memoryview(buffer).tobytes(), before)
        first.send_bytes(b'')
        self.assertEqual(second.recv_bytes_into(bytearray()), 0)

    def test_buffer_that_is_too_short(self):
        first, second = self.make_pipe()
        buffer = bytearray(b'....')
        first.send_bytes(b'x' * 200_000)
        first.send_bytes(b'next')
        with self.assertRaises(Mp.BufferTooShort) as caught:
            second.recv_bytes_into(buffer, 1)
        self.assertEqual(caught.exception.args, (b'x' * 200_000,))
        self.assertEqual(str(caught.exception), 'The message has 200000 bytes')
        self.assertEqual(pickle.loads(pickle.dumps(caught.exception)).args, caught.exception.args)
        self.assertEqual(buffer, b'....')
        self.assertEqual(second.recv_bytes_into(buffer), 4)     # that one was received all the same
        self.assertEqual(buffer, b'next')

    def test_buffers_that_are_none(self):
        first, second = self.make_pipe()
        first.send_bytes(b'stays')
        for offset in (-1, 9):
            with self.assertRaises(ValueError):
                second.recv_bytes_into(bytearray(8), offset)
        for wrong in (b'12345678', 'text', None, memoryview(bytearray(16))[::2]):
            with self.subTest(wrong), self.assertRaises(TypeError):
                second.recv_bytes_into(wrong)
        buffer = bytearray(8)
        self.assertEqual(second.recv_bytes_into(buffer, 3), 5)
        buffer.append(0)        # nothing keeps it from changing its size

    def test_arguments_that_are_wrong_take_nothing(self):
        first, second = self.make_pipe()
        first.send_bytes(b'here')
        for wrong in 0.5, 'x', None:
            self.assertRaises(TypeError, second.recv_bytes_into, bytearray(9), wrong)
        self.assertRaises(ValueError, second.recv_bytes_into, bytearray(9), 10)
        for wait in second.poll, second.recv, lambda timeout: asyncio.run(await_readable(second, timeout)):
            self.assertRaises(ValueError, wait, float('nan'))
        self.assertEqual(second.recv_bytes_into(bytearray(9), 5), 4)
        first.send_bytes(b'')
        self.assertEqual(second.recv_bytes_into(bytearray(9), 9), 0)

    def test_poll_does_not_wait_for_negative_times(self):
        first, second = self.make_pipe()
        self.assertFalse(second.poll(-1))
        first.send(1)
        self.assertTrue(second.poll(-0.5))

    def test_receiving_into_a_buffer_waits(self):
        first, second = self.make_pipe()
        buffer = bytearray(8)
        with self.assertRaises(TimeoutError):
            second.recv_bytes_into(buffer, timeout=0.01)
        sender = threading.Timer(0.05, first.send_bytes, (b'late',))
        sender.start()
        self.assertEqual(second.recv_bytes_into(buffer), 4)
        sender.join()
        first.close()
        with self.assertRaises(EOFError):
            second.recv_bytes_into(buffer)

    def test_waiting(self):
        first, second = self.make_pipe()
        self.assertFalse(second.poll())
        self.assertFalse(second.poll(0.01))
        with self.assertRaises(TimeoutError):
            second.recv(timeout=0.01)
        self.assertEqual(select.select([second], [], [], 0)[0], [])
        first.send(1)
        self.assertTrue(second.poll(DEADLINE))
        self.assertTrue(select.select([second], [], [], DEADLINE)[0])
        self.assertEqual(second.recv(), 1)
        second.close()
        self.assertRaisesRegex(OSError, 'closed', second.poll)

    def test_ends(self):
        first, second = self.make_pipe(False)
        self.assertEqual((first.readable, first.writable), (True, False))
        self.assertEqual((second.readable, second.writable), (False, True))
        self.assertRaisesRegex(OSError, 'receive', first.send, 1)
        self.assertRaises(OSError, first.send_bytes, b'1')
        for wrong in second.recv, second.recv_bytes, second.poll, lambda: second.recv_bytes_into(bytearray(1)):
            with self.assertRaises(OSError) as caught:
                wrong()
            self.assertIsInstance(caught.exception, Mp.NotSupported)
        with second:
            second.send('last')
        self.assertTrue(second.closed)
        self.assertEqual(first.recv(DEADLINE), 'last')
        with self.assertRaises(EOFError):
            first.recv(DEADLINE)
        self.assertRegex(repr(first), r'^<Mp\.Connection ')
        # The end of the other side is something to wait for, that of this one is not.
        self.assertTrue(first.poll())
        self.assertTrue(first.wait_readable(0))
        asyncio.run(await_readable(first, None))
        first.close()
        for wrong in (first.poll, first.wait_readable, lambda: asyncio.run(await_readable(first, None)),
                      lambda: Mp.wait([first]), lambda: asyncio.run(Mp.wait_async([first]))):
            with self.assertRaises(OSError) as caught:
                wrong()
            self.assertIsInstance(caught.exception, Mp.Closed)

    def test_argument_of_a_process(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                first, second = self.make_pipe()
                process = Mp.Process(target=double, args=(second,), context=context)
                process.start()
                second.close()
                for value in (1, 'a', [2]):
                    first.send(value)
                    self.assertEqual(first.recv(DEADLINE), 2 * value)
                first.close()
                self.assertTrue(process.join(DEADLINE))
                self.assertEqual(process.exitcode, 0)

    def test_large_objects(self):
        first, second = self.make_pipe()
        process = Mp.Process(target=double, args=(second,), context=self.spawn)
        process.start()
        second.close()
        for value in (b'x' * 5_000_000, ['y' * 40_000_000], bytearray(50_000_000)):
            first.send(value)
            self.assertEqual(first.recv(DEADLINE), 2 * value)
        first.close()
        process.join()

    @unittest.skipUnless(os.environ.get('MP_TEST_LONG'), 'it takes 8 GiB of memory: only with MP_TEST_LONG')
    def test_huge_message(self):
        first, second = self.make_pipe()
        message = bytearray(2 ** 31 + 5)
        message[-1] = 7
        sender = threading.Thread(target=first.send_bytes, args=(message,))
        sender.start()
        received = second.recv_bytes()
        sender.join()
        self.assertEqual((len(received), received[-1]), (len(message), 7))

    def start_senders(self, *senders):
        """Starts processes that send on one end; gives the other end and the processes."""
        first, second = self.make_pipe()
        processes = [Mp.Process(target=function, args=(second, *args), context=self.spawn)
                     for function, *args in senders]
        for process in processes:
            process.start()
            self.addCleanup(process.join)
            self.addCleanup(process.kill)
        second.close()
        return first, processes

    def test_senders_do_not_mix(self):
        first, _processes = self.start_senders((send_marks, 1, 40), (send_marks, 2, 40))
        seen = []
        with self.assertRaises(EOFError):
            while True:
                seen.append(read_mark(first.recv_bytes(timeout=DEADLINE)))
        for mark in (1, 2):
            self.assertEqual([length for this, length in seen if this == mark], [get_length(n) for n in range(40)])

    def test_receivers_do_not_mix(self):
        first, processes = self.start_senders((return_bytes,), (return_bytes,))
        for n in range(40):
            first.send_bytes(bytes([n]) * get_length(n))
            if n >= 5:
                read_mark(first.recv_bytes(timeout=DEADLINE))
        seen = [read_mark(first.recv_bytes(timeout=DEADLINE)) for _ in range(5)]
        self.assertEqual(len(seen), 5)
        self.assertFalse(first.poll(0.01))
        first.close()
        for process in processes:       # each of them hears that it was in order
            process.join(DEADLINE)
            self.assertEqual(process.exitcode, 0)

    def test_sender_that_is_killed(self):
        first, processes = self.start_senders((send_marks, 1, 10 ** 9), (send_marks, 2, 10 ** 9))
        for _ in range(10):
            read_mark(first.recv_bytes(timeout=DEADLINE))
        processes[0].kill()
        processes[0].join()
        # The other one goes on, and whatever came of the dead is whole.
        n = 0
        while n < 30:
            n += read_mark(first.recv_bytes(timeout=DEADLINE))[0] == 2
        processes[1].kill()
        with self.assertRaises(Mp.PeerDied):
            while True:
                read_mark(first.recv_bytes(timeout=DEADLINE))

    def test_peer_that_is_gone(self):
        first, second = self.make_pipe()
        second.close()
        for send in (lambda: first.send(1), lambda: first.send_bytes(b'1'), lambda: first.send(GLib.Variant('i', 1))):
            with self.assertRaises(BrokenPipeError) as caught:
                send()
            self.assertIsInstance(caught.exception, Mp.Closed)
        first.close()
        for call in (lambda: first.send(1), first.recv, first.recv_bytes, lambda: first.recv_bytes_into(bytearray(1)),
                     first.receive, first.receive_message, first.get_fd, first.poll, first.fileno,
                     lambda: first.send_data(b'1', 'raw'), lambda: first.deliver_challenge(b'x' * 32),
                     lambda: Mp.run(challenge_soon(first))):
            with self.assertRaises(OSError) as caught:
                call()
            self.assertIsInstance(caught.exception, Mp.Closed)
            self.assertNotIsInstance(caught.exception, BrokenPipeError)

    def test_peer_that_died(self):
        first, processes = self.start_senders((send_and_wait, 'here'))
        self.assertEqual(first.recv(DEADLINE), 'here')
        processes[0].kill()
        for call in (first.recv, first.recv_bytes, lambda: first.send(1)):
            with self.assertRaises(ConnectionResetError) as caught:
                call()
            self.assertIsInstance(caught.exception, Mp.PeerDied)

    def test_awaiting(self):
        async def check():
            first, second = self.make_pipe()
            with self.assertRaises(TimeoutError):
                await second.recv_async(0.01)
            await first.send_async({1: 'one'})
            self.assertEqual(await second.recv_async(), {1: 'one'})
            await first.send_async(GLib.Variant('i', 5))
            self.assertEqual(await second.recv_async(DEADLINE), 5)
            await first.send_bytes_async(b'0123', 1, 2)
            self.assertEqual(await second.recv_bytes_async(), b'12')
            await first.send_bytes_async(b'0123')
            buffer = bytearray(6)
            self.assertEqual(await second.recv_bytes_into_async(buffer, 1), 4)
            self.assertEqual(buffer, b'\x000123\0')
            first.close()
            await second.wait_readable_async()
            with self.assertRaises(EOFError):
                await second.recv_async()
            with self.assertRaises(BrokenPipeError):
                await second.send_async(1)

        async def check_cancelling():
            await check()
            first, second = self.make_pipe()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(second.recv_async(), 0.01)
            first.send('kept')
            self.assertEqual(await asyncio.wait_for(second.recv_async(), DEADLINE), 'kept')

        Mp.run(check())
        asyncio.run(check_cancelling())

    def test_callbacks(self):
        first, second = self.make_pipe()
        done = []
        for n, value in enumerate((GLib.Variant('i', 5), [6]), 1):
            first.send_async(value, None, None, lambda source, outcome: done.append(source.send_finish(outcome)))
            run_loop(lambda n=n: len(done) == n)
            second.recv(DEADLINE)
        self.assertEqual(done, [True, True])

    def test_sockets(self):
        for name, context in self.contexts.items():
            with self.subTest(name), socket.create_server(('127.0.0.1', 0)) as server:
                first, second = self.make_pipe()
                process = Mp.Process(target=serve_once, args=(second, server), context=context)
                process.start()
                second.close()
                with socket.create_connection(server.getsockname()) as client:
                    accepted = first.recv(DEADLINE)
                    self.assertEqual(accepted.getpeername(), client.getsockname())
                    self.assertEqual((accepted.family, accepted.type, accepted.proto, accepted.gettimeout()),
                                     (server.family, server.type, server.proto, 5))
                    client.sendall(b'hello')
                    with accepted:
                        self.assertEqual(accepted.recv(10), b'hello')
                        first.send({'twice': [accepted, accepted]})
                    self.assertEqual(client.recv(20), b'from the child')
                    self.assertEqual(client.recv(10), b'')
                process.join()
                self.assertEqual(process.exitcode, 0)

    def test_descriptors(self):
        first, second = self.make_pipe()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            first.send([Mp.Descriptor.duplicate(theirs.fileno())])
            descriptor, = second.recv(DEADLINE)
            self.assertRegex(repr(descriptor), r'^<Mp\.Descriptor fd=\d+>$')
            with descriptor:
                os.write(descriptor.fileno(), b'through')
            self.assertEqual(ours.recv(10), b'through')
            self.assertEqual((descriptor.fileno(), repr(descriptor)), (-1, '<Mp.Descriptor closed>'))
            memory, items, (end, other) = Mp.SharedMemory('', create=True, size=4), Mp.Queue(), Mp.Pipe()
            memory.unlink()
            for closed in descriptor, memory, items, end:
                closed.close()
                # The peer is there, which a BrokenPipeError or an EOFError would deny.
                with self.assertRaisesRegex(Mp.InvalidState, f'^{closed} .* closed') as caught:
                    second.send([closed])
                self.assertIsInstance(caught.exception, ValueError)
                self.assertNotIsInstance(caught.exception, (OSError, EOFError))
            other.close()
            second.send('still open')
            self.assertEqual(first.recv(DEADLINE), 'still open')
        with self.assertRaisesRegex(pickle.PicklingError, 'closed'):
            first.send(ours)
        with self.assertRaisesRegex(TypeError, 'can only be sent to another process'):
            pickle.dumps(ours)

    def test_connections_of_multiprocessing(self):
        first, second = self.make_pipe()
        for end in multiprocessing.Pipe():
            with end, self.assertRaisesRegex(pickle.PicklingError, r'Mp\.Pipe\(\)'):
                first.send(['with it', end])
        first.send('next')
        self.assertEqual(second.recv(DEADLINE), 'next')

    def test_connection_through_a_connection(self):
        first, second = self.make_pipe()
        third, fourth = self.make_pipe()
        first.send({'twice': [fourth, fourth]})
        one, other = second.recv(DEADLINE)['twice']
        self.assertIs(one, other)
        third.send('through')
        self.assertEqual(one.recv(DEADLINE), 'through')

    def test_what_was_left_behind_goes_on(self):
        first, second = self.make_pipe()
        third, fourth = self.make_pipe()
        third.send({'left': 'behind'})
        third.send_bytes(b'x' * 100000)
        third.close()
        first.send(fourth)
        other = second.recv(DEADLINE)
        fourth.close()
        self.assertEqual(other.recv(DEADLINE), {'left': 'behind'})
        self.assertEqual(other.recv_bytes(timeout=DEADLINE), b'x' * 100000)
        self.assertRaises(EOFError, other.recv, DEADLINE)

    def test_pools(self):
        with Mp.Pool(2, context=self.forkserver) as pool:
            self.addCleanup(pool.join)
            self.addCleanup(pool.terminate)
            made = pool.apply(make_pipe, (7,))
            self.assertEqual(made['ends'][0].recv(DEADLINE), 7)
            for value, made in enumerate(pool.map(make_pipe, range(10))):
                self.assertEqual((made['value'], made['ends'][0].recv(DEADLINE)), (value, value))
            first, second = self.make_pipe()
            pool.starmap(answer, [(second, 1), (second, 2)])
            self.assertEqual({first.recv(DEADLINE)[1] for _ in range(2)}, {1, 2})
            del made

    def test_pickle_that_is_no_message(self):
        first, _second = self.make_pipe()
        with self.assertRaisesRegex(TypeError, 'can only be sent to another process'):
            pickle.dumps(first)

    def test_what_is_wrong_with_shared_objects(self):
        """Its errors come out of a pickle as they are."""
        ours, theirs = Mp.Pipe()
        for message in (Mp.Message.new_data(pickle.dumps(Attached()), 'pickle5'),
                        Mp.Message.new_data(pickle.dumps([Attached()]), 'pickle5')):
            ours.send_message(message)
            with self.assertRaisesRegex(Mp.InvalidState, '^The message has no attachment 3$'):
                theirs.recv(DEADLINE)
        ours.close(), theirs.close()


class Attached:
    """What pickles as a shared object that a message does not have."""

    def __reduce__(self):
        return _shareables._get_attachment, (3,)


if __name__ == '__main__':
    unittest.main()
