# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Values, arrays, lists and memory that processes share, in the form of multiprocessing."""

import ctypes
import gc
import os
import pathlib
import shutil
import struct
import sys
import unittest
from multiprocessing import shared_memory

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, GLib, Mp, MpCase, run_loop  # noqa: E402

NATIVE = os.environ['MP_TEST_TARGETS']
JAVASCRIPT = 'gjs:' + (pathlib.Path(__file__).resolve().parents[1] / 'js' / 'modules' / 'sharing.js').as_uri()

LETTERS = {
    'b': (-128, 127), 'B': (0, 255), 'h': (-32768, 32767), 'H': (0, 65535), 'i': (-2 ** 31, 2 ** 31 - 1),
    'I': (0, 2 ** 32 - 1), 'l': (-2 ** 63, 2 ** 63 - 1), 'L': (0, 2 ** 64 - 1), 'q': (-2 ** 63, 2 ** 63 - 1),
    'Q': (0, 2 ** 64 - 1), 'f': (-0.5, 1.5), 'd': (-1e300, 0.1), 'c': (b'a', b'\xff'), 'u': ('é', '\U0001f600'),
    '?': (True, False),
}


class Point(ctypes.Structure):
    _fields_ = [('x', ctypes.c_double), ('y', ctypes.c_double)]


class Mixed(ctypes.Structure):
    _fields_ = [('small', ctypes.c_int8), ('name', ctypes.c_char * 5), ('large', ctypes.c_int64)]


def set_both(number, array):
    number.value = 3.1415927
    for i in range(len(array)):
        array[i] = -array[i]


def modify(n, x, s, points):
    n.value **= 2
    x.value **= 2
    s.value = s.value.upper()
    for point in points:
        point.x **= 2
        point.y **= 2


def count_with_lock(value, n):
    for _ in range(n):
        with value.get_lock():
            value.value += 1


def count_without(value, n):
    for _ in range(n):
        value.add(1)


def hold(value, connection):
    with value:
        connection.send('held')
        connection.recv()
        value.value = 5


def send_back(shared, connection):
    connection.send([type(shared).__name__, repr(shared)])
    connection.send(shared)


def fill(memory, items):
    memory.buf[:5] = b'child'
    items[0] = 'child'
    items[1] = None


def square(index, array, done):
    array[index] = index * index
    return done.add(1)


def set_twice(raw, structure):
    raw.value = 7
    structure.x = 8


def get_length(array):
    return len(array)


def write_all(number, array, copy, mixed):
    number.value += 1
    array[2] = 9
    copy[2] = 10
    mixed.name = b'child'


class Shared(MpCase):
    def setUp(self):
        ours, theirs = Mp.Pipe()        # what all of them share stays, once it is there
        child = self.start(send_back, Mp.Value('i'), theirs)
        theirs.close()
        ours.recv(), ours.recv()
        child.join(DEADLINE)
        ours.close()
        del child, ours, theirs
        gc.collect()
        super().setUp()

    def run_child(self, function, *args, context=None):
        process = Mp.Process(context=context or self.forkserver, target=function, args=args)
        process.start()
        process.join(DEADLINE)
        self.assertEqual(process.exitcode, 0)

    def start(self, function, *args):
        process = Mp.Process(context=self.forkserver, target=function, args=args)
        process.start()
        return process

    # --- Values

    def test_letters(self):
        for letter, values in LETTERS.items():
            for lock in (True, False):
                with self.subTest(letter=letter, lock=lock):
                    value = Mp.Value(letter, values[0], lock=lock)
                    self.assertEqual(value.value, values[0])
                    value.value = values[1]
                    self.assertEqual(value.value, values[1])
                    array = Mp.Array(letter, values, lock=lock)
                    whole = type(values[0])().join(values) if letter in 'cu' else list(values)
                    self.assertEqual(array[:], whole)
                    self.assertEqual(list(array), list(values))

    def test_types_of_ctypes(self):
        for ctype, value in ((ctypes.c_double, 2.4), (ctypes.c_int16, -3), (ctypes.c_uint64, 2 ** 63),
                             (ctypes.c_bool, True), (ctypes.c_char, b'x'), (ctypes.c_float, 0.5),
                             (ctypes.c_size_t, 4)):
            with self.subTest(ctype):
                self.assertEqual(Mp.Value(ctype, value).value, value)
                self.assertEqual(Mp.Array(ctype, [value, value])[1], value)

    def test_seed_example(self):
        number = Mp.Value('d', 0.0)
        array = Mp.Array('i', range(10))
        for context in (self.forkserver, Mp.Context('spawn')):
            number.value = 0
            self.run_child(set_both, number, array, context=context)
            self.assertEqual(number.value, 3.1415927)
        self.assertEqual(array[:], list(range(10)))

    def test_shared_ctypes_example(self):
        lock = Mp.Lock()
        n = Mp.Value('i', 7)
        x = Mp.Value(ctypes.c_double, 1.0 / 3.0, lock=False)
        s = Mp.Array('c', b'hello world', lock=lock)
        points = Mp.Array(Point, [(1.875, -6.25), (-5.75, 2.0), (2.375, 9.5)], lock=lock)
        self.run_child(modify, n, x, s, points)
        self.assertEqual(n.value, 49)
        self.assertEqual(x.value, (1.0 / 3.0) ** 2)
        self.assertEqual(s.value, b'HELLO WORLD')
        self.assertEqual([(point.x, point.y) for point in points],
                         [(3.515625, 39.0625), (33.0625, 4.0), (5.640625, 90.25)])

    def test_counting(self):
        locked, free = Mp.Value('i', 0), Mp.Value('q', 0, lock=False)
        children = [self.start(count_with_lock, locked, 200) for _ in range(3)]
        children += [self.start(count_without, free, 200) for _ in range(3)]
        for child in children:
            child.join(DEADLINE)
        self.assertEqual((locked.value, free.value), (600, 600))

    def test_value_waits_for_its_lock(self):
        value = Mp.Value('i', 1)
        ours, theirs = Mp.Pipe()
        child = self.start(hold, value, theirs)
        theirs.close()
        self.assertEqual(ours.recv(), 'held')
        self.assertFalse(value.acquire(False))
        self.assertEqual(value.get_obj().value, 1)
        ours.send('go on')
        with value:
            self.assertEqual(value.value, 5)
        child.join(DEADLINE)
        ours.close()

    def test_locks(self):
        lock = Mp.Lock()
        self.assertIs(Mp.Value('i', lock=lock).get_lock(), lock)
        self.assertIsInstance(Mp.Value('i').get_lock(), Mp.RLock)
        self.assertIsInstance(Mp.Array('i', 1).get_lock(), Mp.RLock)
        raw = Mp.Value('i', lock=False)
        self.assertIsNone(raw.get_lock())
        with self.assertRaisesRegex(TypeError, 'has no lock'):
            raw.acquire()
        with self.assertRaisesRegex(AttributeError, 'cannot be acquired'):
            Mp.Value('i', lock='lock')
        with self.assertRaises(TypeError):
            Mp.Array('i', 1, lock)      # by name only

    def test_add(self):
        self.assertEqual(Mp.Value('d', 0.5).add(0.25), 0.75)
        self.assertEqual(Mp.Value('B', 250).add(10), 4)
        self.assertEqual(Mp.Value('Q', 2 ** 64 - 2).add(1), 2 ** 64 - 1)
        with self.assertRaises(TypeError):
            Mp.Value('(dd)', 1, 2).add(1)

    def test_tuples(self):
        pair = Mp.Value('(dd)', 1.0, 2.0)
        self.assertEqual(pair.value, (1.0, 2.0))
        pair.value = (3, 4)
        self.assertEqual(pair.value, (3.0, 4.0))
        array = Mp.Array('(ib)', [(1, True), (2, False)])
        self.assertEqual(array[:], [(1, True), (2, False)])
        array[-1] = (7, True)
        self.assertEqual(array[1], (7, True))
        self.assertEqual(array[::-1], [(7, True), (1, True)])
        with self.assertRaisesRegex(TypeError, 'nothing of the type'):
            array[0] = 5

    def test_refusals(self):
        for error, make in (
            (TypeError, lambda: Mp.Value('z')),
            (TypeError, lambda: Mp.Value(ctypes.c_void_p)),
            (TypeError, lambda: Mp.Value(int)),
            (NotImplementedError, lambda: Mp.Value('as')),
            (TypeError, lambda: Mp.Value('i', 1, 2)),
            (OverflowError, lambda: Mp.Value('i', 2 ** 31)),
            (OverflowError, lambda: Mp.Value('Q', -1)),
            (OverflowError, lambda: Mp.Value('q', 2 ** 63)),
            (TypeError, lambda: Mp.Value('i', 1.5)),
            (TypeError, lambda: Mp.Value('c', b'ab')),
            (TypeError, lambda: Mp.Value('u', 5)),
            (ValueError, lambda: Mp.Array('i', -1)),
            (OverflowError, lambda: Mp.Array('b', [128])),
            (TypeError, lambda: Mp.Array('i', ['a'])),
        ):
            with self.assertRaises(error):
                make()

    def test_live(self):
        value = Mp.Value('i', 0)
        heard = []
        value.connect('notify::value', lambda *_args: heard.append(value.value))
        value.set_live(True)
        child = self.start(count_without, value, 50)
        run_loop(lambda: heard and heard[-1] == 50)
        child.join(DEADLINE)
        value.value = 51
        run_loop(lambda: heard[-1] == 51)
        value.set_live(False)

    # --- Arrays

    def test_elements(self):
        array = Mp.Array('i', range(10))
        array[2:4] = [7, 8]
        array[::5] = (50, 51)
        array[-1] = 9
        self.assertEqual(array[:], [50, 1, 7, 8, 4, 51, 6, 7, 8, 9])
        self.assertEqual(len(array), 10)
        self.assertEqual(Mp.Array('d', 3)[:], [0, 0, 0])
        self.assertEqual(Mp.Array('d', ())[:], [])
        with self.assertRaises(IndexError):
            array[10]
        with self.assertRaises(IndexError):
            array[-11] = 1
        with self.assertRaisesRegex(ValueError, 'cannot be resized'):
            array[:2] = [1]
        with self.assertRaises(OverflowError):
            array[0] = 2 ** 31
        self.assertEqual(array[0], 50)

    def test_characters(self):
        text = Mp.Array('c', 10)
        text.value = b'hello'
        self.assertEqual((text.value, text.raw, text[:2]), (b'hello', b'hello' + bytes(5), b'he'))
        text.raw = b'0123456789'
        text[0] = b'x'
        self.assertEqual(text.value, b'x123456789')
        with self.assertRaises(ValueError):
            text.value = bytes(11)
        letters = Mp.Array('u', 'ελλ')
        letters.value = 'ab'
        self.assertEqual(letters.value, 'ab')
        with self.assertRaises(AttributeError):
            Mp.Array('i', 1).value

    def test_view(self):
        for length in (4, 100000):
            array = Mp.Array('h', length)
            view = array.view()
            view[1] = -5
            self.assertEqual((array[1], view.format, view.itemsize, len(view)), (-5, 'h', 2, length))
            del array
            gc.collect()
            view[2] = 6
            self.assertEqual(view[2], 6)
            del view

    def test_structures_of_a_view(self):
        array = Mp.Array('(ii)', [(1, 2)])
        self.assertEqual(array.view().tobytes(), struct.pack('ii', 1, 2))

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest('NumPy is not installed (Debian: apt-get install python3-numpy)')
        array = Mp.Array('d', 1000)
        numbers = numpy.asarray(array)
        numbers[:] = numpy.arange(1000)
        self.assertEqual((array[999], numbers.dtype), (999.0, numpy.dtype('float64')))
        array[1] = -1
        self.assertEqual(numbers[1], -1)
        for letter, dtype in (('b', 'int8'), ('H', 'uint16'), ('q', 'int64'), ('f', 'float32'), ('?', 'bool'),
                              ('c', 'S1')):
            self.assertEqual(numpy.asarray(Mp.Array(letter, 2)).dtype, numpy.dtype(dtype))
        # It keeps the memory.
        del array
        gc.collect()
        numbers[:] = 1
        self.assertEqual(numbers.sum(), 1000)

    # --- Objects of ctypes

    def test_structures(self):
        point = Mp.Value(Point, 1, 2)
        self.run_child(set_twice, Mp.RawValue('i'), point)
        self.assertEqual((point.x, point.y, point.get_obj().x), (8, 2, 8))
        with point.get_lock():
            point.y = 3
        with self.assertRaises(AttributeError):
            point.z = 1
        self.assertIsInstance(point.get_obj(), Point)
        mixed = Mp.Value(Mixed, 1, b'name', 2 ** 40)
        self.assertEqual((mixed.small, mixed.name, mixed.large), (1, b'name', 2 ** 40))

    def test_raw(self):
        raw, array = Mp.RawValue('i', 3), Mp.RawArray(ctypes.c_double, [1, 2, 3])
        copy, mixed = Mp.copy(array), Mp.RawValue(Mixed, 1, b'name', 2)
        self.run_child(write_all, raw, array, copy, mixed)
        self.assertIsInstance(raw, ctypes.c_int)
        self.assertEqual((raw.value, list(array), list(copy), mixed.name), (4, [1, 2, 9], [1, 2, 10], b'child'))
        with self.assertRaisesRegex(TypeError, 'does not lie in shared memory'):
            Mp.copy(ctypes.c_int(3))

    def test_synchronized(self):
        raw = Mp.RawValue('i', 3)
        value = Mp.synchronized(raw)
        self.run_child(count_with_lock, value, 5)
        self.assertEqual((raw.value, value.value), (8, 8))
        lock = Mp.Lock()
        array = Mp.synchronized(Mp.RawArray('i', 3), lock)
        self.assertIs(array.get_lock(), lock)
        array[1] = 4
        self.assertEqual(array.get_obj()[1], 4)
        points = Mp.synchronized(Mp.RawArray(Point, [(1, 2)]))
        self.assertEqual((len(points), points[0].y), (1, 2))
        self.assertEqual(Mp.synchronized(Mp.RawValue(Point, 1, 2)).y, 2)

    def test_module(self):
        from mpglib import sharedctypes
        self.assertIs(sharedctypes.Value, Mp.Value)
        self.assertEqual(sharedctypes.Value(ctypes.c_short, 4).value, 4)
        self.assertEqual(list(sharedctypes.RawArray('i', [1])), [1])

    def test_copies(self):
        value, array = Mp.Value('i', 3), Mp.Array('i', [1, 2])
        other, others = value.copy(), array.copy()
        value.value, array[0] = 4, 5
        self.assertEqual((other.value, others[:], other.get_lock()), (3, [1, 2], None))

    def test_objects_keep_their_memory(self):
        raw = Mp.Value('i', 5).get_obj()
        array = Mp.Array('i', [1, 2]).get_obj()
        points = Mp.RawArray(Point, [(1, 2)])
        point = points[0]
        del points
        gc.collect()
        self.assertEqual((raw.value, array[1], point.y), (5, 2, 2))

    # --- Memory and lists

    def test_memory(self):
        memory, items = Mp.SharedMemory(create=True, size=100), Mp.ShareableList(['parent', 1])
        for context in (self.forkserver, Mp.Context('spawn')):
            memory.buf[:5] = bytes(5)
            self.run_child(fill, memory, items, context=context)
            self.assertEqual(bytes(memory.buf[:6]), b'child\0')
        self.assertEqual(list(items), ['child', None])
        self.assertEqual((memory.name, memory.size, len(memory.buf)), (None, 100, 100))
        part = memory.buf[2:4]
        memory.close()
        self.assertIsNone(memory.buf)
        self.assertEqual(bytes(part), b'il')
        with self.assertRaises(Mp.Closed):
            memory.get_fd()

    def test_names(self):
        memory = Mp.SharedMemory('', create=True, size=5000)
        self.addCleanup(lambda: os.path.exists(f'/dev/shm/{memory.name}') and memory.unlink())
        with self.assertRaises(FileExistsError):
            Mp.SharedMemory(memory.name, create=True, size=1)
        same = Mp.SharedMemory(memory.name)
        same.buf[0] = 7
        self.assertEqual((memory.buf[0], same.size), (7, 5000))
        # So does Python's own find it.
        segment = shared_memory.SharedMemory(memory.name)
        try:
            from multiprocessing import resource_tracker
            resource_tracker.unregister(segment._name, 'shared_memory')
            segment.buf[1] = 8
            self.assertEqual(memory.buf[1], 8)
        finally:
            segment.close()
            resource_tracker._resource_tracker._stop()
        memory.unlink()
        with self.assertRaises(FileNotFoundError):
            memory.unlink()
        with self.assertRaises(FileNotFoundError):
            Mp.SharedMemory(memory.name)
        self.assertEqual(same.buf[0], 7)

    def test_memory_refusals(self):
        for error, make in (
            (ValueError, lambda: Mp.SharedMemory(create=True)),
            (ValueError, lambda: Mp.SharedMemory(create=True, size=-1)),
            (ValueError, lambda: Mp.SharedMemory()),
            (ValueError, lambda: Mp.SharedMemory('a/b', create=True, size=1)),
            (ValueError, lambda: Mp.SharedMemory(create=True, size=1).unlink()),
        ):
            with self.assertRaises(error):
                make()

    def test_list(self):
        items = Mp.ShareableList(['text', 3, -2.5, True, None, b'bytes\0', 3])
        self.assertEqual(list(items), ['text', 3, -2.5, True, None, b'bytes\0', 3])
        self.assertEqual((len(items), items.count(3), items.index(-2.5), None in items), (7, 2, 2, True))
        self.assertEqual(items.format, '8sqdxxxxxx?xxxxxxx?x8sq')
        items[0], items[-1], items[3] = 'longer', 'a', 12345
        self.assertEqual((items[0], items[6], items[3]), ('longer', 'a', 12345))
        self.assertEqual(repr(Mp.ShareableList([1, 'a'])), "Mp.ShareableList([1, 'a'])")
        for error, change in (
            (ValueError, lambda: items.__setitem__(0, 'more than there is room for')),
            (OverflowError, lambda: items.__setitem__(1, 2 ** 63)),
            (TypeError, lambda: items.__setitem__(1, [])),
            (ValueError, lambda: items.__setitem__(1, 'a\0b')),
            (IndexError, lambda: items[7]),
            (IndexError, lambda: items[-8]),
            (ValueError, lambda: items.index('nothing')),
            (ValueError, lambda: Mp.ShareableList([bytes(10000001)])),
        ):
            with self.assertRaises(error):
                change()

    # --- On their ways

    def test_through_a_connection(self):
        for shared in (Mp.Value('i', 3), Mp.Array('d', [1, 2]), Mp.ShareableList(['a']),
                       Mp.SharedMemory(create=True, size=10)):
            with self.subTest(type(shared).__name__):
                ours, theirs = Mp.Pipe()
                child = self.start(send_back, shared, theirs)
                theirs.close()
                self.assertEqual(ours.recv(), [type(shared).__name__, repr(shared)])
                same = ours.recv()
                self.assertEqual((type(same), repr(same)), (type(shared), repr(shared)))
                child.join(DEADLINE)
                ours.close()

    def test_in_a_pool(self):
        array, done = Mp.Array('i', 10, lock=False), Mp.Value('i', 0, lock=False)
        with Mp.Pool(2, context=self.forkserver) as pool:
            results = [pool.apply_async(square, (i, array, done)) for i in range(5)]
            self.assertEqual(sorted(result.get(DEADLINE) for result in results), [1, 2, 3, 4, 5])
            pool.starmap(square, [(i, array, done) for i in range(5, 10)])
        self.assertEqual(array[:], [i * i for i in range(10)])
        self.assertEqual(done.value, 10)

    def test_with_functions_in_c(self):
        array, value = Mp.Array('d', [1, 2, 3]), Mp.Value('d', 10)
        native = Mp.Context('spawn', 'native')
        process = Mp.Process(target=f'{NATIVE}#scale', args=(array, value), context=native)
        process.start()
        process.join(DEADLINE)
        self.assertEqual((process.exitcode, array[:], value.value), (0, [10, 20, 30], 60))
        with Mp.Pool(1, context=native) as pool:
            self.assertEqual(pool.apply(f'{NATIVE}#scale', (array, value)), 3600)
        self.assertEqual(array[:], [600, 1200, 1800])

    @unittest.skipIf(shutil.which('gjs') is None, 'there is no gjs to run functions in JavaScript')
    def test_with_functions_in_javascript(self):
        array, value = Mp.Array('d', [1, 2]), Mp.Value('q', 100)
        with Mp.Pool(2, context=Mp.Context('spawn', 'gjs')) as pool:
            pool.starmap(f'{JAVASCRIPT}#count', [(value, 20)] * 4)
            pool.apply(f'{JAVASCRIPT}#doubleAll', (array,))
        self.assertEqual((array[:], value.value), ([2, 4], 180))

    def test_only_beside_a_message(self):
        import pickle
        for shared in (Mp.Value('i'), Mp.Array('i', 1), Mp.ShareableList([1]), Mp.RawValue('i'), Mp.Value(Point)):
            with self.assertRaisesRegex(TypeError, 'only be sent to another process'):
                pickle.dumps(shared)


if __name__ == '__main__':
    unittest.main()
