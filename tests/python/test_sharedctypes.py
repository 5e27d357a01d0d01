# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Objects of ctypes in shared memory, in the form of multiprocessing.sharedctypes."""

import ctypes
import gc
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, Mp  # noqa: E402
from mpglib import _raw  # noqa: E402
from shared_case import SharedCase, send_back  # noqa: E402


class Point(ctypes.Structure):
    _fields_ = [('x', ctypes.c_double), ('y', ctypes.c_double)]


class Mixed(ctypes.Structure):
    _fields_ = [('small', ctypes.c_int8), ('name', ctypes.c_char * 5), ('large', ctypes.c_int64)]


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


def set_twice(raw, structure):
    raw.value = 7
    structure.x = 8


def write_all(number, array, copy, mixed):
    number.value += 1
    array[2] = 9
    copy[2] = 10
    mixed.name = b'child'


def change_raw(value, array, text, point):
    value.add(1)
    array[1] = -2
    text[0] = b'T'
    point.x = 9


def hold(shared, connection):
    with shared:
        connection.send('held')
        connection.recv()
        raw = shared.get_obj()
        if hasattr(raw, 'value'):
            raw.value = 5
        else:
            (raw if isinstance(raw, Point) else raw[0]).x = 5


class Celsius(ctypes.c_double):
    def fahrenheit(self):
        return round(self.value * 1.8 + 32, 3)


class SharedCTypes(SharedCase):
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
        self.assertEqual(repr(raw), 'c_int(4)')
        self.assertEqual(raw.add(2), 6)
        raw.value = array[0] = 2 ** 31 + 1     # no more checked than ctypes does
        self.assertEqual((raw.value, array[0]), (1 - 2 ** 31, 2 ** 31 + 1))
        with self.assertRaisesRegex(TypeError, 'has no class of ctypes: use Mp.Value'):
            Mp.RawValue('(dd)')
        with self.assertRaisesRegex(TypeError, 'has no class of ctypes: use Mp.Array'):
            Mp.RawArray('(dd)', 1)

    def test_without_a_lock(self):
        value, array = Mp.Value('i', 3, lock=False), Mp.Array('d', [1, 2], lock=False)
        text, point = Mp.Array('c', b'text', lock=False), Mp.Value(Point, 1, 2, lock=False)
        for raw, ctype in ((value, ctypes.c_int), (array, ctypes.c_double * 2), (text, ctypes.c_char * 4),
                           (point, Point), (Mp.Array(Point, 1, lock=False), Point * 1)):
            self.assertIsInstance(raw, ctype)
            self.assertFalse(hasattr(raw, 'get_lock') or hasattr(raw, 'get_obj') or hasattr(raw, 'acquire'))
        self.run_child(change_raw, value, array, text, point)
        self.assertEqual((value.value, list(array), text.value, point.x), (4, [1, -2], b'Text', 9))
        memoryview(array).cast('B').cast('d')[0] = 5
        self.assertEqual(array[0], 5)
        try:
            import numpy
        except ImportError:
            self.skipTest('NumPy is not installed (Debian: apt-get install python3-numpy)')
        numbers = numpy.frombuffer(array)
        numbers[1] = 7
        self.assertEqual(list(array), [5, 7])
        del array
        gc.collect()
        numbers += 1
        self.assertEqual(list(numbers), [6, 8])

    def test_members_wait_for_the_lock(self):
        point, points, longest = Mp.Value(Point), Mp.Array(Point, 1), Mp.Value(ctypes.c_longdouble)
        for shared, read in ((point, lambda: point.x), (points, lambda: points[0].x), (longest, lambda: longest.value),
                             (points, lambda: points[:][0].x)):
            raw = shared.get_obj()
            ctypes.memset(ctypes.addressof(raw), 0, ctypes.sizeof(raw))
            ours, theirs = Mp.Pipe()
            child = self.start(hold, shared, theirs)
            theirs.close()
            self.assertEqual(ours.recv(), 'held')
            self.assertFalse(shared.acquire(False))
            ours.send('go on')
            self.assertEqual(read(), 5)
            child.join(DEADLINE)
            ours.close()

    def test_layouts(self):
        """The types by which other languages know them: bytes, where theirs would lie otherwise."""
        class Nested(ctypes.Structure):
            _fields_ = [('flag', ctypes.c_uint8), ('point', Point), ('last', ctypes.c_int16)]

        class Packed(ctypes.Structure):
            _pack_ = 1
            _fields_ = [('flag', ctypes.c_uint8), ('number', ctypes.c_double)]

        class Short(ctypes.Structure):
            _pack_ = 1
            _fields_ = [('number', ctypes.c_double), ('flag', ctypes.c_uint8)]

        class Bits(ctypes.Structure):
            _fields_ = [('low', ctypes.c_int, 4), ('high', ctypes.c_int, 4)]

        class Bit(ctypes.Structure):
            _fields_ = [('only', ctypes.c_int, 1)]

        class Swapped(ctypes.BigEndianStructure if sys.byteorder == 'little' else ctypes.LittleEndianStructure):
            _fields_ = [('first', ctypes.c_int), ('second', ctypes.c_int)]

        class Derived(Point):
            _fields_ = [('z', ctypes.c_double)]

        class Either(ctypes.Union):
            _fields_ = [('whole', ctypes.c_int64), ('real', ctypes.c_double)]

        for ctype, described in ((Point, '(dd)'), (Nested, '(y(dd)n)'), (Packed, 'y'), (Short, 'y'), (Bits, 'y'),
                                 (Bit, 'y'), (Swapped, 'y'), (Derived, 'y'), (Either, 'y'), (Mixed, 'y'),
                                 (ctypes.c_int * 3, 'y')):
            with self.subTest(ctype):
                owner = Mp.RawArray(ctype, 3)._mp_owner
                self.assertEqual(owner.get_element_type(), described)
                self.assertEqual(owner.get_length() * owner.get_element_size(), 3 * ctypes.sizeof(ctype))
        nested = Mp.Value(Nested, 1, (2, 3), 4)
        native = nested._mp_owner
        self.assertEqual((native[0], native.get_lock()), ((1, (2, 3), 4), nested.get_lock()))
        self.assertEqual((Mp.Value(Bits, 3, -2).high, Mp.Value(Swapped, 1, 2).second), (-2, 2))
        self.assertEqual(Mp.Value(Either, 7).whole, 7)

    def test_numbers_that_others_do_not_have(self):
        value, numbers = Mp.Value(ctypes.c_longdouble, 3), Mp.Array(ctypes.c_longdouble, [1, 2])
        self.run_child(count_with_lock, value, 4)
        self.assertEqual((value.value, numbers[:], len(numbers)), (7, [1, 2], 2))
        swapped = ctypes.c_int.__ctype_be__ if sys.byteorder == 'little' else ctypes.c_int.__ctype_le__
        with self.assertRaisesRegex(TypeError, 'in the order of another machine'):
            Mp.Value(swapped)

    def test_own_classes(self):
        self.assertIsInstance(Mp.RawValue(Celsius, 3), Celsius)
        self.assertEqual(Mp.RawArray(Celsius, [1, 2])[1].fahrenheit(), 35.6)
        ours, theirs = Mp.Pipe()
        child = self.start(send_back, Mp.RawValue(Celsius, 3), theirs)
        theirs.close()
        ours.recv()
        self.assertEqual(ours.recv().fahrenheit(), 37.4)
        child.join(DEADLINE)
        ours.close()

    def test_addresses(self):
        class Named(ctypes.Structure):
            _fields_ = [('name', ctypes.c_char_p)]

        class Derived(Named):
            _fields_ = [('number', ctypes.c_int)]

        class Deep(ctypes.Union):
            _fields_ = [('number', ctypes.c_int), ('named', Derived * 2)]

        for ctype in (ctypes.c_void_p, ctypes.c_wchar_p, ctypes.py_object, ctypes.POINTER(ctypes.c_int),
                      ctypes.CFUNCTYPE(None), Named, Derived, Deep, ctypes.c_char_p * 2):
            for make in (Mp.Value, Mp.RawValue, lambda ctype: Mp.Array(ctype, 1), lambda ctype: Mp.RawArray(ctype, 1)):
                with self.assertRaisesRegex(TypeError, 'an address means nothing in another process'):
                    make(ctype)
        with self.assertRaisesRegex(TypeError, 'an address means nothing'):
            Mp.copy(Named(b'name'))

    def test_only_what_there_is_room_for(self):
        """What a message says of the class is not what there is."""
        owner = Mp.RawValue(Point)._mp_owner
        for ctype, lengths in ((Point, [2]), (ctypes.c_char, [17]), (Point, [1, 2])):
            with self.assertRaisesRegex(ValueError, 'has no room for'):
                _raw._rebuild(owner, ctype, lengths)
        self.assertEqual(len(_raw._rebuild(owner, ctypes.c_char, [4, 4])), 4)

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
        pair = Mp.Value('(dd)', 1, 2, lock=False)
        self.assertEqual((Mp.synchronized(pair, lock).get_lock(), Mp.synchronized(pair).value), (lock, (1, 2)))
        for locked in (value, points):
            with self.assertRaisesRegex(TypeError, 'has a lock already'):
                Mp.synchronized(locked)
        with self.assertRaisesRegex(TypeError, 'does not lie in shared memory'):
            Mp.synchronized(ctypes.c_int(3))

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
        # Objects of ctypes that are not shared become so, too.
        points = Mp.Array(Point, [(1, 2), (3, 4)])
        number, row, point, both = (Mp.copy(ctypes.c_int(3)), Mp.copy((ctypes.c_double * 3)(1, 2, 3)),
                                    Mp.copy(points[1]), Mp.copy(points))
        points[1] = points[0] = Point()
        self.run_child(write_all, number, row, Mp.copy(row), Mp.copy(Mixed(1)))
        self.assertEqual((number.value, list(row), point.x, point.y, both[1].x), (4, [1, 2, 9], 3, 4, 3))
        for other in ([1], 'text', Mp.Event()):
            with self.assertRaisesRegex(TypeError, 'neither a shared value or array nor'):
                Mp.copy(other)

    def test_objects_keep_their_memory(self):
        raw = Mp.Value('i', 5).get_obj()
        array = Mp.Array('i', [1, 2]).get_obj()
        points = Mp.RawArray(Point, [(1, 2)])
        point = points[0]
        del points
        gc.collect()
        self.assertEqual((raw.value, array[1], point.y), (5, 2, 2))


if __name__ == '__main__':
    unittest.main()
