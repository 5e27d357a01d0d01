# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Values, arrays, lists and memory that processes share, in the form of multiprocessing."""

import array
import ctypes
import errno
import functools
import gc
import math
import os
import pathlib
import shutil
import struct
import sys
import threading
import unittest
from multiprocessing import shared_memory

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from gi.repository import GObject  # noqa: E402
from mp_case import DEADLINE, GLib, Mp, run_loop  # noqa: E402
from shared_case import SharedCase, send_back  # noqa: E402

NATIVE = os.environ['MP_TEST_TARGETS']
JAVASCRIPT = 'gjs:' + (pathlib.Path(__file__).resolve().parents[1] / 'js' / 'modules' / 'sharing.js').as_uri()
NEEDS_GJS = unittest.skipIf(shutil.which('gjs') is None, 'there is no gjs to run functions in JavaScript')

LETTERS = {
    'b': (-128, 127), 'B': (0, 255), 'h': (-32768, 32767), 'H': (0, 65535), 'i': (-2 ** 31, 2 ** 31 - 1),
    'I': (0, 2 ** 32 - 1), 'l': (-2 ** 63, 2 ** 63 - 1), 'L': (0, 2 ** 64 - 1), 'q': (-2 ** 63, 2 ** 63 - 1),
    'Q': (0, 2 ** 64 - 1), 'f': (-0.5, 1.5), 'd': (-1e300, 0.1), 'c': (b'a', b'\xff'), 'u': ('é', '\U0001f600'),
    '?': (True, False),
}


def set_both(number, array):
    number.value = 3.1415927
    for i in range(len(array)):
        array[i] = -array[i]


def count_with_lock(value, n):
    for _ in range(n):
        with value.get_lock():
            value.value += 1


class Meter(GObject.Object):
    fraction = GObject.Property(type=float)


def count_without(value, n):
    for _ in range(n):
        value.add(1)


def count_element(numbers, n):
    for _ in range(n):
        with numbers:
            numbers[0] += 1


def hold_array(numbers, connection):
    with numbers:
        connection.send('held')
        connection.recv()
        numbers[0] = 5


def hold(value, connection):
    with value:
        connection.send('held')
        connection.recv()
        value.value = 5


def fill(memory, items):
    memory.buf[:5] = b'child'
    items[0] = 'child'
    items[1] = None


def square(index, array, done):
    array[index] = index * index
    return done.add(1)


class Held:
    def __init__(self, value, point, raw):
        self.value, self.point, self.raw = value, point, raw


def set_first(numbers):
    numbers[0] = 7
    return numbers


def get_value(value):
    return value.value


def add_value(total, value):
    with total:
        total.value += value.value


def add_to(total, item):
    with total:
        total.value += item if isinstance(item, int) else item[0]


def make_all(held):
    held.value.value += 1
    held.point.x += 2
    held.raw[0] += 1
    return (Mp.Value('i', 3), Mp.RawArray('d', 0), Mp.Value(Point, 5, 6), Mp.ShareableList(['item']),
            Mp.SharedMemory(create=True, size=5))


def make_and_send(connection, number):
    connection.send(Mp.Value('i', number))
    connection.recv()


def make_counted(number):
    """What goes with this call, in this order, a nested one among them."""
    lock = Mp.RLock()
    return Mp.Value('i', number, lock=lock), lock, Mp.Array('q', [number] * 100000)


def make_values(length):
    return [Mp.Value('i', number) for number in range(length)]


def make_known(number):
    """One about which Python has something to keep, so that it hears of who lets go of it."""
    value = Mp.Value('i', number)
    value.kept = value.value
    return value


def get_number(value):
    return value.value


class Point(ctypes.Structure):
    _fields_ = [('x', ctypes.c_double), ('y', ctypes.c_double)]


class Shared(SharedCase):
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
        numbers = Mp.Array('i', range(10))
        sign = -1
        for context in (self.forkserver, Mp.Context('spawn')):
            number.value = 0
            self.run_child(set_both, number, numbers, context=context)
            self.assertEqual(number.value, 3.1415927)
            self.assertEqual(numbers[:], [sign * i for i in range(10)])
            sign = -sign

    def test_counting(self):
        locked, free = Mp.Value('i', 0), Mp.Value('q', 0, lock=False)
        children = [self.start(count_with_lock, locked, 200) for _ in range(3)]
        children += [self.start(count_without, free, 200) for _ in range(3)]
        for child in children:
            child.join(DEADLINE)
        self.assertEqual((locked.value, free.value), (600, 600))

    def test_threads(self):
        value, numbers = Mp.Value('i', 0), Mp.Array('i', 1)
        threads = [threading.Thread(target=count_with_lock, args=(value, 300)) for _ in range(3)]
        threads += [threading.Thread(target=count_element, args=(numbers, 300)) for _ in range(3)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self.addCleanup(sys.setswitchinterval, interval)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        self.assertEqual((value.value, numbers[0]), (900, 900))

    def test_constructor_of_gobject(self):
        value = Mp.Value(value_type='i', value=GLib.Variant('i', 5))
        self.assertEqual((value.value, value.get_lock()), (5, None))
        lock = Mp.Lock()
        self.assertIs(Mp.Value(value_type='i', lock=lock).get_lock(), lock)
        self.assertIsInstance(Mp.Value(value_type='i', lock=True).get_lock(), Mp.RLock)
        self.assertEqual(Mp.Array(element_type='d', length=2)[:], [0, 0])
        self.assertEqual(Mp.Array.new('i', 3, None)[:], [0, 0, 0])
        self.assertEqual(Mp.Value.new_with_format('c', None, lock).value, b'\0')

    def test_elements_wait_for_the_lock(self):
        numbers = Mp.Array('i', [1])
        for read in (lambda: numbers[0], lambda: numbers[:][0], lambda: next(iter(numbers))):
            numbers[0] = 1
            ours, theirs = Mp.Pipe()
            child = self.start(hold_array, numbers, theirs)
            theirs.close()
            self.assertEqual(ours.recv(), 'held')
            self.assertFalse(numbers.acquire(False))
            self.assertEqual((numbers.view()[0], numbers.get_obj()[0]), (1, 1))
            ours.send('go on')
            self.assertEqual(read(), 5)
            child.join(DEADLINE)
            ours.close()

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

    def test_guarded_by_others(self):
        for lock in (Mp.Semaphore(1), Mp.Condition()):
            value, array = Mp.Value('i', 5, lock=lock), Mp.Array('i', [6], lock=lock)
            value.value += 2
            array[0] += 2
            self.assertEqual((value.value, array[0], array[:]), (7, 8, [8]))
            self.assertTrue(lock.acquire(False), 'given back')

    def test_locks(self):
        lock = Mp.Lock()
        self.assertIs(Mp.Value('i', lock=lock).get_lock(), lock)
        self.assertIsInstance(Mp.Value('i').get_lock(), Mp.RLock)
        self.assertIsInstance(Mp.Array('i', 1).get_lock(), Mp.RLock)
        self.assertIsInstance(Mp.Value('i', lock=None).get_lock(), Mp.RLock)
        for pair in (Mp.Value('(dd)', lock=False), Mp.Array('(dd)', 1, lock=False)):
            self.assertIsNone(pair.get_lock())
            with self.assertRaisesRegex(TypeError, 'has no lock'):
                pair.acquire()
        for wrong in ('lock', threading.Lock()):
            for typecode in ('i', Point):
                with self.assertRaisesRegex(AttributeError, 'cannot be acquired'):
                    Mp.Value(typecode, lock=wrong)
                with self.assertRaisesRegex(AttributeError, 'cannot be acquired'):
                    Mp.Array(typecode, 1, lock=wrong)
        with self.assertRaises(TypeError):
            Mp.Array('i', 1, lock)      # by name only

    def test_refusals_give_the_lock_back(self):
        for lock in (Mp.Lock(), Mp.RLock(), None):
            for letter, wrong in (('i', 2 ** 31), ('Q', -1), ('B', 1.5), ('d', 'text'), ('c', 'text'), ('u', b'u')):
                with self.subTest(lock=lock, letter=letter):
                    value, array = Mp.Value(letter, lock=lock), Mp.Array(letter, 2, lock=lock)
                    for call in (lambda: setattr(value, 'value', wrong), lambda: array.__setitem__(0, wrong),
                                 lambda: array[2], lambda: array['0'], lambda: array.__setitem__(-3, array[0]),
                                 lambda: array.__setitem__(slice(0, 1), [array[0]] * 2)):
                        with self.assertRaises((TypeError, ValueError, IndexError)):
                            call()
                        self.assertFalse(value.get_lock().locked() or array.get_lock().locked())
                    self.assertEqual(array[-2], value.value)
        for letter, item in (('i', 5), ('u', 'u')):
            for index in (0, -1):
                with self.assertRaisesRegex(IndexError, f'there is no element {index} in an array of 0'):
                    Mp.Array(letter, 0)[index] = item
        self.assertIs(array.get_lock(), array.get_lock())

    def test_add(self):
        self.assertEqual(Mp.Value('d', 0.5).add(0.25), 0.75)
        self.assertEqual(Mp.Value('B', 250).add(10), 4)
        self.assertEqual(Mp.Value('Q', 2 ** 64 - 2).add(1), 2 ** 64 - 1)
        with self.assertRaises(TypeError):
            Mp.Value('(dd)', 1, 2).add(1)
        with self.assertRaises(TypeError):
            Mp.Value('i', 1).add(1.5)
        with self.assertRaises(OverflowError):
            Mp.Value('i', 1).add(2 ** 40)

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
        for wrong, problem in ((5, r"5 is nothing of the type '\(ib\)', which has 2 members: give a tuple"),
                               ((1,), 'which has 2 members'), ((1, 2, 3), 'which has 2 members'),
                               (('a', True), r"nothing of the type '\(ib\)'")):
            with self.assertRaisesRegex(TypeError, problem):
                array[0] = wrong
            with self.assertRaisesRegex(TypeError, problem):
                array[:] = [(1, True), wrong]
        self.assertEqual(array[:], [(1, True), (7, True)])
        for args in ((1,), (1, 2, 3)):
            with self.assertRaisesRegex(TypeError, "nothing of the type '\\(ii\\)', which has 2 members"):
                Mp.Value('(ii)', *args)
        with self.assertRaisesRegex(TypeError, r"member \[1\] of it, is nothing of the type '\(yy\)', which has 2"):
            Mp.Value('(x(yy))', 1, 2)
        with self.assertRaises(OverflowError):
            Mp.Value('(ii)', 1, 2 ** 31)

    def test_refusals(self):
        for error, make in (
            (TypeError, lambda: Mp.Value('z')),
            (TypeError, lambda: Mp.Value('zz')),
            (TypeError, lambda: Mp.Array('zz', 1)),
            (TypeError, lambda: Mp.Value()),
            (TypeError, lambda: Mp.Array(length=3)),
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
        with self.assertRaisesRegex(TypeError, "'zz' is no type of a shared value: give one of the letters"):
            Mp.Value('zz')

    def test_live(self):
        value = Mp.Value('i', 0)
        heard = []
        value.connect('notify::value', lambda *_args: heard.append(value.value))
        value.live = True
        child = self.start(count_without, value, 50)
        run_loop(lambda: heard and heard[-1] == 50)
        child.join(DEADLINE)
        value.value = 51
        run_loop(lambda: heard[-1] == 51)
        value.set_live(False)

    def test_bound(self):
        """Anything that has a double shows what another process counts."""
        value, meter = Mp.Value('i', 3), Meter()
        flags = GObject.BindingFlags.SYNC_CREATE | GObject.BindingFlags.BIDIRECTIONAL
        binding = value.bind_property('number', meter, 'fraction', flags)
        self.assertEqual(meter.fraction, 3)
        value.live = True
        child = self.start(count_without, value, 50)
        run_loop(lambda: meter.fraction == 53)
        child.join(DEADLINE)
        meter.fraction = 8.7
        self.assertEqual((value.value, value.props.number), (9, 9))
        binding.unbind()
        value.set_live(False)
        value.set_number(-1.4)
        self.assertEqual(value.get_number(), -1)
        for number in (1e10, float('nan')):
            with self.assertRaises(OverflowError):
                value.set_number(number)
        self.assertTrue(math.isnan(Mp.Value('(dd)', 1, 2).props.number))

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

    def test_contents_in_bytes(self):
        for letter in 'BhiQ':
            numbers = Mp.Array(letter, b'abc')
            self.assertEqual(numbers[:], [97, 98, 99])
            numbers[1:] = b'de'
            self.assertEqual(numbers[:], [97, 100, 101])
        numbers = Mp.Array('i', 4)
        for same in (array.array('i', [1, -2, 3, 4]), array.array('b', [1, -2, 3, 4]), Mp.RawArray('i', [1, -2, 3, 4]),
                     memoryview(array.array('i', [1, 0, -2, 0, 3, 0, 4, 0]))[::2]):
            numbers[:] = bytes(4)
            numbers[:] = same
            self.assertEqual(numbers[:], [1, -2, 3, 4])
            self.assertEqual(Mp.Array('i', same)[:], [1, -2, 3, 4])
        numbers[:] = array.array('I', [4, 3, 2, 1])
        with self.assertRaises(OverflowError):
            numbers[:] = array.array('I', [0, 2 ** 31, 0, 0])
        with self.assertRaises(OverflowError):
            Mp.Array('b', b'\x80')
        self.assertEqual(numbers[:], [4, 3, 2, 1])

    def test_buffers_of_all_kinds(self):
        for letter in 'bBhHiIlLqQfd':
            numbers = Mp.Array(letter, [1, 2, 3])
            for ctype in (ctypes.c_int8, ctypes.c_uint16, ctypes.c_int, ctypes.c_longlong, ctypes.c_ulong):
                numbers[1:] = memoryview((ctype * 2)(7, 8))         # '<i' and the like
                self.assertEqual(list(numbers), [1, 7, 8])
        numbers = Mp.Array('d', 2)
        numbers[:] = memoryview((ctypes.c_double * 2)(0.5, 1.5))
        numbers[1:] = memoryview((ctypes.c_float * 1)(2.5))
        self.assertEqual(list(numbers), [0.5, 2.5])
        swapped = (ctypes.c_int32.__ctype_be__ if sys.byteorder == 'little' else ctypes.c_int32.__ctype_le__) * 1
        integers = Mp.Array('i', 1)
        integers[:] = memoryview(swapped(5))
        self.assertEqual(integers[0], 5)

    def test_indices(self):
        for numbers in (Mp.Array('i', 2), Mp.Array('(ii)', 2), Mp.ShareableList([1, 2])):
            for index in (2, -3):
                with self.assertRaisesRegex(IndexError, f'there is no (element|item) {index} in a'):
                    numbers[index]
                with self.assertRaisesRegex(IndexError, f'there is no (element|item) {index} in a'):
                    numbers[index] = numbers[0]
            with self.assertRaises(TypeError):
                numbers['a']

    def test_characters(self):
        text = Mp.Array('c', 10)
        text.value = b'hello'
        self.assertEqual((text.value, text.raw, text[:2]), (b'hello', b'hello' + bytes(5), b'he'))
        text.raw = b'0123456789'
        text[0] = b'x'
        self.assertEqual(text.value, b'x123456789')
        text[2:4] = memoryview(b'ab')
        text.value = b'hi'
        self.assertEqual(text.raw, b'hi\0b456789')
        for wrong in (bytes(11), bytearray(11)):
            with self.assertRaises(ValueError):
                text.raw = wrong
        with self.assertRaises(ValueError):
            text.value = bytes(11)
        with self.assertRaises(TypeError):
            text.value = 'hello'
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
            array.__buffer__(0)[3] = 7          # what memoryview() does from Python 3.12 on
            self.assertEqual(view[3], 7)
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
        self.see_structures(numpy)
        # It keeps the memory.
        del array
        gc.collect()
        numbers[:] = 1
        self.assertEqual(numbers.sum(), 1000)

    def see_structures(self, numpy):
        """With their members, whatever lies between these."""
        points = Mp.Array('(di)', [(1, 2), (3, 4)])
        fields = numpy.asarray(points)
        self.assertEqual((fields.dtype.names, fields.dtype.itemsize), (('f0', 'f1'), 16))
        fields['f0'][1] = 0.5
        fields[0] = (-1, -2)
        self.assertEqual(points[:], [(-1.0, -2), (0.5, 4)])
        points[0] = (7, 8)
        self.assertEqual((fields['f0'].sum(), fields['f1'].sum()), (7.5, 12))
        nested = numpy.asarray(Mp.Array('(x(yd)b)', [(1, (2, 0.5), True)]))
        self.assertEqual(nested[0].item(), (1, (2, 0.5), True))
        self.assertEqual(numpy.asarray(Mp.Array('(di)', 0)).shape, (0,))
        before = fields.copy()
        del points
        gc.collect()
        self.assertEqual(fields.tolist(), before.tolist())

    def test_members_of_structures(self):
        """In the buffer that memoryview() gets from Python 3.12 on."""
        for gvariant_type, format in (('(di)', 'T{<d:f0:<i:f1:'), ('(yb)', 'T{<B:f0:<?:f1:'),
                                      ('(q(xd))', 'T{<H:f0:'), ('i', 'i')):
            array = Mp.Array(element_type=gvariant_type, length=3)
            buffer = array.__buffer__(0)
            self.assertTrue(buffer.format.startswith(format), buffer.format)
            self.assertEqual((len(buffer), buffer.itemsize), (3, array.get_element_size()))

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
        with self.assertRaises(Mp.Closed):
            memory.buf
        self.assertEqual(bytes(part), b'il')
        with self.assertRaises(Mp.Closed):
            memory.get_fd()

    def test_names(self):
        memory = Mp.SharedMemory('', create=True, size=5000)
        self.addCleanup(lambda: os.path.exists(f'/dev/shm/{memory.name}') and memory.unlink())
        with self.assertRaises(FileExistsError) as caught:
            Mp.SharedMemory(memory.name, create=True, size=1)
        self.assertEqual(caught.exception.errno, errno.EEXIST)
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
            (MemoryError, lambda: Mp.SharedMemory(create=True, size=1 << 50)),
            (MemoryError, lambda: Mp.Array('d', 1 << 47)),
            (MemoryError, lambda: Mp.RawArray(Point, 1 << 46)),
        ):
            with self.assertRaises(error):
                make()

    def test_list(self):
        items = Mp.ShareableList(['text', 3, -2.5, True, None, b'bytes\0', 3])
        self.assertEqual(list(items), ['text', 3, -2.5, True, None, b'bytes\0', 3])
        self.assertEqual((len(items), items.count(3), items.index(-2.5), None in items), (7, 2, 2, True))
        self.assertEqual(items.format, '8sqdxxxxxxx?xxxxxx?x8sq')
        items[0], items[-1], items[3] = 'longer', 'a', 12345
        self.assertEqual((items[0], items[6], items[3]), ('longer', 'a', 12345))
        self.assertEqual(struct.calcsize(items.format), 7 * 8)
        self.assertEqual(repr(Mp.ShareableList([1, 'a'])), "Mp.ShareableList([1, 'a'])")
        self.assertEqual((list(Mp.ShareableList()), list(Mp.ShareableList(None))), ([], []))
        for error, change in (
            (ValueError, lambda: items.__setitem__(0, 'more than there is room for')),
            (OverflowError, lambda: items.__setitem__(1, 2 ** 63)),
            (TypeError, lambda: items.__setitem__(1, [])),
            (ValueError, lambda: items.__setitem__(1, 'a\0b')),
            (IndexError, lambda: items[7]),
            (IndexError, lambda: items[-8]),
            (ValueError, lambda: items.index('nothing')),
            (ValueError, lambda: Mp.ShareableList([bytes(10000001)])),
            (FileNotFoundError, lambda: Mp.ShareableList(name='mpglib-test-nobody')),
        ):
            with self.assertRaises(error):
                change()

    # --- On their ways

    def test_through_a_connection(self):
        for shared in (Mp.Value('i', 3), Mp.Array('d', [1, 2]), Mp.ShareableList(['a']),
                       Mp.SharedMemory(create=True, size=10), Mp.Value('(dd)', 1, 2)):
            with self.subTest(type(shared).__name__):
                ours, theirs = Mp.Pipe()
                child = self.start(send_back, shared, theirs)
                theirs.close()
                self.assertEqual(ours.recv(), [type(shared).__name__, repr(shared)])
                same = ours.recv()
                self.assertEqual((type(same), repr(same)), (type(shared), repr(shared)))
                child.join(DEADLINE)
                ours.close()

    def test_made_by_many_processes(self):
        """More than there can be families: all that a program makes is of one."""
        made = []
        for number in range(20):
            ours, theirs = Mp.Pipe()
            child = self.start(make_and_send, theirs, number)
            theirs.close()
            made.append(ours.recv())
            ours.send('received')
            child.join(DEADLINE)
            ours.close()
        self.assertEqual([value.value for value in made], list(range(20)))

    def test_in_a_pool(self):
        array, done = Mp.Array('i', 10), Mp.Value('i', 0, lock=False)
        with Mp.Pool(2, context=self.forkserver) as pool:
            results = [pool.apply_async(square, (i, array, done)) for i in range(5)]
            self.assertEqual(sorted(result.get(DEADLINE) for result in results), [1, 2, 3, 4, 5])
            pool.starmap(square, [(i, array, done) for i in range(5, 10)])
        self.assertEqual(array[:], [i * i for i in range(10)])
        self.assertEqual(done.value, 10)

    def test_items_results_and_members(self):
        numbers, raw = Mp.Array('i', 1), Mp.RawArray('i', 1)
        for context in (self.forkserver, Mp.Context('spawn')):
            numbers[0] = raw[0] = 0
            held = Held(Mp.Value('i', 4), Mp.Value(Point, 1, 2), raw)
            with Mp.Pool(2, context=context) as pool:
                same, same_raw = pool.map(set_first, [numbers, raw])
                made, empty, structure, items, memory = pool.apply(make_all, kwds={'held': held})
            self.assertEqual((numbers[0], same[0], raw[0], same_raw[0]), (7, 7, 8, 8))
            self.assertEqual((held.value.value, held.point.x), (5, 3))
            same[0] = 9
            self.assertEqual(numbers[0], 9)
            self.assertEqual((type(made), made.value, type(made.get_lock())), (Mp.Value, 3, Mp.RLock))
            self.assertEqual((made.add(1), made.get_obj().value), (4, 4))
            with made, structure:
                self.assertEqual((structure.y, list(empty), items[0], memory.size), (6, [], 'item', 5))

    def test_many_items(self):
        """Of a map, each with a value of its own, and one of all."""
        total, made = Mp.Value('i', 0), [Mp.Value('i', number) for number in range(2000)]
        with Mp.Pool(2, context=self.forkserver) as pool:
            self.assertEqual(pool.map(get_value, made), list(range(2000)))
            pool.starmap(add_value, [(total, value) for value in made])
        self.assertEqual(total.value, sum(range(2000)))

    def test_shared_items_of_native_workers(self):
        """What is shared goes with the item that it is in; but a few things with all, in chunks."""
        target, values = f'{NATIVE}#count_attached', [Mp.Value('i', i) for i in range(2000)]
        with Mp.Pool(2, context=Mp.Context('spawn', 'native')) as pool:
            self.assertEqual(pool.map(target, values), [1] * 2000)
            self.assertEqual(pool.starmap(target, [(values[0], value, value) for value in values[1:]], 50), [2] * 1999)
            self.assertEqual(pool.map_async(target, [values[i % 2] for i in range(2000)]).get(DEADLINE), [2] * 2000)
            self.assertEqual(pool.map(target, [values[:9], 5]), [9, 0])

    def test_shared_results_of_native_workers(self):
        """Each item's handles are its own, whoever reads them."""
        target, numbers = f'{NATIVE}#make_values', [2, 0, 1, 3]
        with Mp.Pool(2, context=Mp.Context('spawn', 'native')) as pool:
            result = pool.map_async(target, numbers)
            for results in (result.get(DEADLINE), [result.get_item(i) for i in range(4)],
                            list(pool.imap(target, numbers))):
                self.assertEqual([[value.value for value in values] for _name, values in results],
                                 [[number] * number for number in numbers])
            message = result.get_message()
        self.assertEqual(message.get_n_attachments(), 6)
        self.assertEqual(message.get_value().print_(False), "[<('values', <[handle 0, 1]>)>, "
                         "<('values', <@ah []>)>, <('values', <[handle 2]>)>, "
                         "<('values', <[handle 3, 4, 5]>)>]")

    def test_items_that_come_one_by_one(self):
        """Each with what belongs to it, and with nothing of another's."""
        def make_arrays(n):
            for number in range(n):
                made.append(Mp.Array('i', [number, 0]))
                yield made[-1]

        for context in (self.forkserver, Mp.Context('spawn')):
            made, held = [], Held(Mp.Value('i', 4), Mp.Value(Point, 1, 2), Mp.RawArray('i', 1))
            with Mp.Pool(2, context=context) as pool:
                for array, same in zip(made, pool.imap(set_first, make_arrays(40))):
                    self.assertEqual((array[0], same[0]), (7, 7))
                    same[1] = 9
                self.assertEqual([array[:] for array in made], [[7, 9]] * 40)
                total = Mp.Value('i', 0)
                for _ in pool.imap_unordered(functools.partial(add_to, total), [1, 2, made[0]]):
                    pass
                self.assertEqual(total.value, 10)
                with self.assertRaisesRegex(TypeError, 'begin the map with a chunk size of 1'):
                    pool.imap(set_first, make_arrays(3), 2)
                self.assertEqual([made_all[0].value for made_all in pool.imap(make_all, [held])], [3])

    def test_results_outlive_their_worker(self):
        """It holds what it returns until this process has it, whoever asks for that and when."""
        pool = Mp.Pool(1, maxtasksperchild=1, context=self.forkserver)
        results = [pool.apply_async(make_counted, (number,)) for number in range(3)]
        mapped = pool.map_async(make_counted, range(3, 6), 1)
        pool.close()
        pool.join()
        for number, (value, lock, numbers) in enumerate([result.get(DEADLINE) for result in results] + mapped.get()):
            with lock:
                self.assertEqual((value.value, numbers[-1], len(numbers)), (number, number, 100000))
            self.assertEqual(value.get_main_context(), GLib.MainContext.default())

    def test_many_results_outlive_their_workers(self):
        """Also those that come while the memory is in other hands, as it is while more are made."""
        pool = Mp.Pool(2, context=self.forkserver)
        made = pool.map_async(make_values, [20] * 300)
        pool.close()
        pool.join()
        self.assertEqual(sum(value.value for values in made.get(DEADLINE) for value in values), 300 * 190)

    def test_items_are_let_go_while_the_pool_works(self):
        """By whom that may wait for Python, which waits for the pool."""
        with Mp.Pool(2, context=self.forkserver) as pool:
            for _ in range(100):
                taken = pool.imap(get_number, (make_known(number) for number in range(20)))
                self.assertEqual([next(taken) for _ in range(10)], list(range(10)))
                del taken
                numbers = [make_known(number) for number in range(5)]
                self.assertEqual(pool.map(get_number, numbers, chunksize=1), list(range(5)))
                del numbers

    @NEEDS_GJS
    def test_of_all_kinds_in_javascript(self):
        value, numbers = Mp.Value('i', 0), Mp.Array('d', [1, 2, 3])
        raw, points = Mp.RawArray('d', [4]), Mp.Array(Point, [(1, 2), (3, 4)])
        items, memory = Mp.ShareableList([1, 'abcdefgh']), Mp.SharedMemory(create=True, size=3)
        script = Mp.Context('spawn', 'gjs')
        ours = self.start(count_with_lock, value, 200)
        for target, args in (('count', (value, 200)), ('doubleAll', (numbers,)), ('doubleAll', (raw,)),
                             ('editAll', (items, memory, points))):
            process = Mp.Process(target=f'{JAVASCRIPT}#{target}', args=args, context=script)
            process.start()
            process.join(DEADLINE)
            self.assertEqual(process.exitcode, 0)
        ours.join(DEADLINE)
        self.assertEqual((value.value, numbers[:], raw[0]), (400, [2, 4, 6], 8))
        self.assertEqual((list(items), bytes(memory.buf), points[1].x, points[1].y),
                         ([2, 'three'], bytes((42, 1, 2)), 2, 3))

    @NEEDS_GJS
    def test_with_functions_in_javascript(self):
        array, value = Mp.Array('d', [1, 2]), Mp.Value('q', 100)
        with Mp.Pool(2, context=Mp.Context('spawn', 'gjs')) as pool:
            pool.starmap(f'{JAVASCRIPT}#count', [(value, 20)] * 4)
            pool.apply(f'{JAVASCRIPT}#doubleAll', (array,))
        self.assertEqual((array[:], value.value), ([2, 4], 180))

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

    def test_only_beside_a_message(self):
        import pickle
        for shared in (Mp.Value('i'), Mp.Array('i', 1), Mp.ShareableList([1]), Mp.RawValue('i'), Mp.Value(Point),
                       Mp.Array(Point, 1), Mp.SharedMemory(create=True, size=1)):
            with self.assertRaisesRegex(TypeError, 'only be sent to another process'):
                pickle.dumps(shared)


if __name__ == '__main__':
    unittest.main()
