# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Pipe(): objects between processes, and connections in arguments, results and messages."""

from array import array
import ctypes
import os
import pickle
import select
import sys
import threading
import unittest

from mpglib import _shareables

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, GLib, Mp, MpCase  # noqa: E402


def double(connection):
    while True:
        try:
            connection.send(2 * connection.recv())
        except EOFError:
            break


kept = []


def make_pipe(value):
    first, second = Mp.Pipe()
    kept.append(first)
    first.send(value)
    return {'value': value, 'ends': [second]}


def answer(connection, value):
    connection.send((os.getpid(), value))


class Connections(MpCase):
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

    def test_bytes(self):
        first, second = self.make_pipe()
        first.send_bytes(bytearray(b'0123456789'), 2, 5)
        self.assertEqual(second.recv_bytes(timeout=DEADLINE), b'23456')
        first.send_bytes(memoryview(b'0123456789'))
        with self.assertRaises(Mp.BufferTooShort) as caught:
            second.recv_bytes(3)
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(second.recv_bytes(10), b'0123456789')
        for wrong in ((-1,), (0, 4), (4,)):
            with self.assertRaises(ValueError):
                first.send_bytes(b'abc', *wrong)

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
        for offset in (-1, 8, 9):
            with self.assertRaises(ValueError):
                second.recv_bytes_into(bytearray(8), offset)
        for wrong in (b'12345678', 'text', None, memoryview(bytearray(16))[::2]):
            with self.subTest(wrong), self.assertRaises(TypeError):
                second.recv_bytes_into(wrong)
        buffer = bytearray(8)
        self.assertEqual(second.recv_bytes_into(buffer, 3), 5)
        buffer.append(0)        # nothing keeps it from changing its size

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

    def test_ends(self):
        first, second = self.make_pipe(False)
        self.assertEqual((first.readable, first.writable), (True, False))
        self.assertEqual((second.readable, second.writable), (False, True))
        with second:
            second.send('last')
        self.assertTrue(second.closed)
        self.assertEqual(first.recv(DEADLINE), 'last')
        with self.assertRaises(EOFError):
            first.recv(DEADLINE)
        self.assertRegex(repr(first), r'^<Mp\.Connection ')

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

    def test_connection_through_a_connection(self):
        first, second = self.make_pipe()
        third, fourth = self.make_pipe()
        first.send({'twice': [fourth, fourth]})
        one, other = second.recv(DEADLINE)['twice']
        self.assertIs(one, other)
        third.send('through')
        self.assertEqual(one.recv(DEADLINE), 'through')

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
