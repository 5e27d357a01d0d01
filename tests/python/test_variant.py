# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""mpglib's GVariant codec and GLib's agree to the byte, and no bytes make the decoder misbehave.

GLib is the oracle: values are built a second time through its constructors, and bytes are in order
exactly when g_variant_is_normal_form() says so.  SEED in the environment chooses another run.
"""

import collections
import datetime
import enum
import math
import os
import random
import struct
import time
import unittest

from gi.repository import GLib

from mpglib._variant import MAX_DEPTH, MAX_TYPE_LENGTH, decode, encode

SEED = int(os.environ.get('SEED', 1))
TEXTS = ['', 'a', 'Äpfel', '日本語', '\U0001f600', 'x' * 254, 'y' * 300, '\x01\x7f']
INTS = [0, 1, -1, 255, 256, -2**31, 2**31, 2**53 + 1, -2**63, 2**63 - 1]
FLOATS = [0.0, -0.0, 1.5, -1e300, 5e-324, math.inf, -math.inf]


def wrap(type_string, data):
    """The GLib.Variant of untrusted bytes."""
    return GLib.Variant.new_from_bytes(GLib.VariantType.new(type_string), GLib.Bytes.new(data), False)


def serialise(variant):
    return variant.get_type_string(), variant.get_data_as_bytes().get_data() or b''


# Python's values, and what they must become


def random_value(rng, depth=0):
    kinds = [random_basic, random_typed_list]
    if depth < 4:
        kinds += [random_list, random_tuple, random_dict]
    return rng.choice(kinds)(rng, depth)


def random_basic(rng, depth):
    return rng.choice([
        lambda: None,
        lambda: rng.random() < 0.5,
        lambda: rng.choice(INTS + [rng.randrange(-2**63, 2**63), rng.randrange(2**63, 2**64)]),
        lambda: rng.choice(FLOATS + [rng.uniform(-1e9, 1e9)]),
        lambda: rng.choice(TEXTS),
        lambda: rng.randbytes(rng.choice([0, 1, 7, 8, 300])),
    ])()


def random_typed_list(rng, depth):
    length = rng.choice([0, 1, 3, 40])
    return rng.choice([
        lambda: [rng.random() < 0.5 for _ in range(length)],
        lambda: [rng.choice(INTS) for _ in range(length)],
        lambda: [rng.randrange(2**63, 2**64) for _ in range(length)],
        lambda: [rng.choice(FLOATS) for _ in range(length)],
        lambda: [rng.choice(TEXTS) for _ in range(length)],
    ])()


def random_list(rng, depth):
    return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]


def random_tuple(rng, depth):
    return tuple(random_value(rng, depth + 1) for _ in range(rng.randrange(5)))


def random_dict(rng, depth):
    key = rng.choice([
        lambda: rng.choice(TEXTS) + str(rng.randrange(100)),
        lambda: rng.choice(INTS),
        lambda: rng.randrange(2**63, 2**64),
        lambda: rng.choice(FLOATS),
        lambda: rng.random() < 0.5,
    ])
    return {key(): random_value(rng, depth + 1) for _ in range(rng.randrange(5))}


def variant_of(value):
    """What encode() must give, in GLib's hands."""
    if value is None:
        return GLib.Variant.new_maybe(GLib.VariantType.new('v'), None)
    if isinstance(value, (bool, int, float, str)):
        return variant_of_basic(value, basic_type([value]))
    if isinstance(value, bytes):
        return GLib.Variant.new_from_bytes(GLib.VariantType.new('ay'), GLib.Bytes.new(value), True)
    if isinstance(value, list):
        item = basic_type(value) or 'v'
        children = [variant_of_basic(each, item) if item != 'v' else boxed(each) for each in value]
        return GLib.Variant.new_array(GLib.VariantType.new(item), children)
    if isinstance(value, tuple):
        return GLib.Variant.new_tuple(*map(variant_of, value))
    key = basic_type(value) or 's'
    entries = [GLib.Variant.new_dict_entry(variant_of_basic(name, key), boxed(value[name])) for name in value]
    return GLib.Variant.new_array(GLib.VariantType.new('{%sv}' % key), entries)


def boxed(value):
    return GLib.Variant.new_variant(variant_of(value))


def basic_type(values):
    classes = set(map(type, values))
    if classes == {int}:
        return next((code for code, low, high in (('x', -2**63, 2**63), ('t', 0, 2**64))
                     if all(low <= value < high for value in values)), None)
    return {bool: 'b', float: 'd', str: 's'}.get(classes.pop()) if len(classes) == 1 else None


def variant_of_basic(value, code):
    return {
        'b': GLib.Variant.new_boolean, 'x': GLib.Variant.new_int64, 't': GLib.Variant.new_uint64,
        'd': GLib.Variant.new_double, 's': GLib.Variant.new_string,
    }[code](value)


# GVariants of any type, and what must be read from them


BASIC = {
    'b': (GLib.Variant.new_boolean, lambda rng: rng.random() < 0.5),
    'y': (GLib.Variant.new_byte, lambda rng: rng.randrange(256)),
    'n': (GLib.Variant.new_int16, lambda rng: rng.randrange(-2**15, 2**15)),
    'q': (GLib.Variant.new_uint16, lambda rng: rng.randrange(2**16)),
    'i': (GLib.Variant.new_int32, lambda rng: rng.randrange(-2**31, 2**31)),
    'u': (GLib.Variant.new_uint32, lambda rng: rng.randrange(2**32)),
    'h': (GLib.Variant.new_handle, lambda rng: rng.randrange(-2**31, 2**31)),
    'x': (GLib.Variant.new_int64, lambda rng: rng.randrange(-2**63, 2**63)),
    't': (GLib.Variant.new_uint64, lambda rng: rng.randrange(2**64)),
    'd': (GLib.Variant.new_double, lambda rng: rng.choice(FLOATS)),
    's': (GLib.Variant.new_string, lambda rng: rng.choice(TEXTS)),
    'o': (GLib.Variant.new_object_path, lambda rng: rng.choice(['/', '/a', '/a_1/B2'])),
    'g': (GLib.Variant.new_signature, lambda rng: rng.choice(['', 'i', 'a{sv}(ii)', '(a{oh}vd)'])),
}


def random_type(rng, depth=0):
    if depth > 4 or rng.random() < 0.4:
        return rng.choice([*BASIC, 'v', 'v'])
    inner = depth + 1
    return rng.choice([
        lambda: 'a' + random_type(rng, inner),
        lambda: 'm' + random_type(rng, inner),
        lambda: '(%s)' % ''.join(random_type(rng, inner) for _ in range(rng.randrange(5))),
        lambda: '{%s%s}' % (rng.choice([*BASIC]), random_type(rng, inner)),
        lambda: 'a{%s%s}' % (rng.choice([*BASIC]), random_type(rng, inner)),
        lambda: 'a{sv}',
    ])()


def random_variant(rng, kind, depth=0):
    """A GLib.Variant of the type that kind names."""
    if kind in BASIC:
        make, choose = BASIC[kind]
        return make(choose(rng))
    if kind == 'v':
        return GLib.Variant.new_variant(random_variant(rng, random_type(rng, depth + 2), depth + 1))
    if kind[0] == 'a':
        children = [random_variant(rng, kind[1:], depth + 1) for _ in range(rng.choice([0, 1, 2, 3, 9]))]
        return GLib.Variant.new_array(GLib.VariantType.new(kind[1:]), children if depth < 4 else children[:1])
    if kind[0] == 'm':
        child = random_variant(rng, kind[1:], depth + 1) if rng.random() < 0.7 else None
        return GLib.Variant.new_maybe(GLib.VariantType.new(kind[1:]), child)
    children = [random_variant(rng, part, depth + 1) for part in split_types(kind[1:-1])]
    if kind[0] == '(':
        return GLib.Variant.new_tuple(*children)
    return GLib.Variant.new_dict_entry(*children)


def split_types(string):
    parts = []
    while string:
        length = next(n for n in range(1, len(string) + 1) if GLib.VariantType.string_is_valid(string[:n]))
        parts.append(string[:length])
        string = string[length:]
    return parts


def value_of(variant):
    """What decode() must give for a variant, through GLib's accessors."""
    code = variant.get_type_string()[0]
    if code in BASIC:
        return {
            'b': variant.get_boolean, 'y': variant.get_byte, 'n': variant.get_int16, 'q': variant.get_uint16,
            'i': variant.get_int32, 'u': variant.get_uint32, 'h': variant.get_handle, 'x': variant.get_int64,
            't': variant.get_uint64, 'd': variant.get_double, 's': variant.get_string,
            'o': variant.get_string, 'g': variant.get_string,
        }[code]()
    children = [value_of(variant.get_child_value(index)) for index in range(variant.n_children())]
    if code in 'vm':
        return children[0] if children else None
    if code in '({':
        return tuple(children)
    if variant.get_type_string() == 'ay':
        return bytes(children)
    return dict(children) if variant.get_type_string()[1] == '{' else children


def same(first, second):
    """Equality that tells 1 from True and 1.0, 0.0 from -0.0, and knows NaN."""
    return type(first) is type(second) and repr(first) == repr(second)


class AgainstGLib(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(SEED)

    def test_python_values_become_what_glib_writes(self):
        for _ in range(4000):
            value = random_value(self.rng)
            with self.subTest(value=value, seed=SEED):
                self.assertEqual(encode(value), serialise(variant_of(value)))

    def test_python_values_come_back(self):
        for _ in range(4000):
            value = random_value(self.rng)
            with self.subTest(value=value, seed=SEED):
                self.assertTrue(same(decode(*encode(value)), value))

    def test_every_type_is_read_as_glib_reads_it(self):
        for _ in range(4000):
            variant = random_variant(self.rng, random_type(self.rng))
            with self.subTest(variant=variant.print_(True), seed=SEED):
                self.assertTrue(same(decode(*serialise(variant)), value_of(variant)))

    def test_every_width_of_offsets(self):
        for size in (*range(230, 270), *range(65500, 65560)):
            for value in (['a' * size], ['a', 'b' * size], {'k': 'v' * size}, {'k' * size: 1},
                          ('a' * size, 'b'), ('a', 'b' * size, b'c'), [('a' * size, None)],
                          [b'x' * size, 1], {'a': b'x' * size, 'b': 1}):
                with self.subTest(size=size, value=repr(value)[:40]):
                    kind, data = encode(value)
                    self.assertEqual((kind, data), serialise(variant_of(value)))
                    self.assertEqual(decode(kind, data), value)

    def test_arrays_of_many(self):
        for length in (0, 1, 127, 128, 255, 256, 21000, 70000):
            for item in (True, 7, 0.5, 'ab', None, b'', {}, (), (1, 'a')):
                value = [item] * length
                with self.subTest(length=length, item=item):
                    kind, data = encode(value)
                    self.assertTrue(wrap(kind, data).is_normal_form())
                    self.assertEqual(decode(kind, data), value)


class Values(unittest.TestCase):
    def test_types(self):
        for value, kind in [
            (None, 'mv'), (True, 'b'), (1, 'x'), (2**63, 't'), (1.0, 'd'), ('', 's'), (b'', 'ay'),
            ([], 'av'), ([True], 'ab'), ([1], 'ax'), ([2**63], 'at'), ([1, 2**63], 'at'), ([-1, 2**63], 'av'),
            ([1.0], 'ad'), (['a'], 'as'), ([1, 1.0], 'av'), ([1, True], 'av'), ([b'a'], 'av'), ([[1]], 'av'),
            ((), '()'), ((1, 'a', [2.5], None), '(xsadmv)'), (((True,), ()), '((b)())'),
            ({}, 'a{sv}'), ({'a': 1}, 'a{sv}'), ({1: 2}, 'a{xv}'), ({2**63: 2}, 'a{tv}'), ({0.5: 2}, 'a{dv}'),
            ({True: 2}, 'a{bv}'),
        ]:
            with self.subTest(value=value):
                self.assertEqual(encode(value)[0], kind)
                self.assertTrue(same(decode(*encode(value)), value))

    def test_nan(self):
        self.assertTrue(math.isnan(decode(*encode(math.nan))))
        self.assertTrue(math.isnan(decode(*encode([math.nan]))[0]))

    def test_buffers_become_bytes(self):
        numbers = memoryview(struct.pack('=3d', 1, 2, 3)).cast('d')
        for value in (bytearray(b'abc'), memoryview(b'abc'), memoryview(b'a-b-c')[::2], numbers):
            self.assertEqual(encode(value), ('ay', bytes(value)))
            self.assertEqual(decode(*encode([value, 1])), [bytes(value), 1])

    def test_subclasses_are_written_as_what_they_derive_from(self):
        class Colour(enum.IntEnum):
            RED = 1

        class Word(str):
            pass
        Point = collections.namedtuple('Point', 'x y')
        for value, plain in [
            (Colour.RED, 1), ([Colour.RED, 2], [1, 2]), ({Colour.RED: Colour.RED}, {1: 1}),
            (Word('a'), 'a'), ([Word('a'), 'b'], ['a', 'b']), ({Word('a'): Word('b')}, {'a': 'b'}),
            (Point(1, 2.5), (1, 2.5)), (collections.OrderedDict(a=1), {'a': 1}),
        ]:
            with self.subTest(value=value):
                self.assertEqual(encode(value), encode(plain))

    def test_what_convert_gives_stands_in_the_place_of_an_object(self):
        class Thing:
            pass
        thing = Thing()

        def convert(value):
            return ('h', struct.pack('=i', 3)) if value is thing else None

        for value, wanted in [
            (thing, 'three'), ([thing], ['three']),
            ((True, thing, 'a', thing), (True, 'three', 'a', 'three')),
            ({'a': (thing, 1)}, {'a': ('three', 1)}),
        ]:
            kind, data = encode(value, convert)
            self.assertTrue(wrap(kind, data).is_normal_form())
            self.assertEqual(decode(kind, data, {3: 'three'}.get), wanted)
        self.assertEqual(encode((True, thing), convert)[0], '(bh)')
        with self.assertRaises(TypeError):
            encode([Thing()], convert)

    def test_large_bytes_are_not_walked(self):
        data = bytes(2**20)

        def measure(function, *args):
            """The least of what it takes of the processor, whoever else wants that."""
            spent = []
            for _ in range(3):
                started = time.process_time()
                function(*args)
                spent.append(time.process_time() - started)
            return min(spent)

        walked = measure(lambda: sum(1 for _ in data))
        for value in (data, bytearray(data), [data], {'a': memoryview(data)}, (data, data)):
            self.assertLess(measure(lambda: decode(*encode(value))), walked / 2)


class Refusals(unittest.TestCase):
    def refused(self, error, text, value):
        with self.assertRaises(error) as caught:
            encode(value)
        self.assertIn(text, str(caught.exception))
        self.assertIsNone(caught.exception.__cause__)

    def test_type_and_place_of_what_cannot_be_a_gvariant(self):
        self.refused(TypeError, 'value: an object of type set cannot become a GVariant', set())
        self.refused(TypeError, "value['a'][3]: an object of type set ", {'a': [0, 1, 2, {1}]})
        self.refused(TypeError, "value[1][2]['k']: an object of type object ", (1, (2, 3, {'k': object()})))
        self.refused(TypeError, "value[7][0]: an object of type datetime.", {7: [datetime.date(2026, 1, 1)]})
        self.refused(TypeError, 'only workers in Python take any object', set())

    def test_integers_out_of_range(self):
        for number in (2**64, -2**63 - 1):
            self.refused(OverflowError, f'value: {number} does not fit into 64 bits; send it as', number)
            self.refused(OverflowError, f'value[1]: {number} ', [1, number])
            self.refused(OverflowError, f'value[0]: {number} ', (number,))
            self.refused(OverflowError, f'value: {number} ', {number: 1})
        self.refused(OverflowError, 'an int of 100001 bits', 1 << 100000)
        self.refused(OverflowError, ' does not fit', {-1: 0, 2**63: 0})

    def test_strings(self):
        for text in ('a\0b', '\0'):
            self.refused(ValueError, 'value: a str with a zero', text)
            self.refused(ValueError, 'value[1]: a str with a zero', ['a', text])
            self.refused(ValueError, f'value[{text!r}]: a str with a zero', {text: 1})
        self.refused(ValueError, 'os.fsencode', 'a\udcff')
        self.refused(ValueError, "value['a'][1]: ", {'a': ['b', '\ud800']})

    def test_dictionary_keys(self):
        self.refused(TypeError, "value['a']: a dict with keys of type int and str ", {'a': {1: 1, 'b': 2}})
        self.refused(TypeError, 'keys of type tuple ', {(1, 2): 1})
        self.refused(TypeError, 'keys of type bytes ', {b'a': 1})
        self.refused(TypeError, 'keys of type NoneType ', {None: 1})

    def test_depth(self):
        value = 1
        for _ in range(MAX_DEPTH // 2 - 1):
            value = [value, None]
        self.refused(ValueError, 'nested deeper', [value])     # the None within is a variant in a maybe
        self.refused(ValueError, 'nested deeper', [[value]])
        loop = []
        loop.append(loop)
        self.refused(ValueError, 'nested deeper', loop)
        loop = {}
        loop['a'] = (loop,)
        self.refused(ValueError, 'nested deeper', loop)

    def test_what_encode_lets_through_decode_does_too(self):
        makers = [lambda value: [value], lambda value: (value,),
                  lambda value: {'a': value}, lambda value: {1: value}]
        for leaf in (1, None, b'', [], [1], ['a'], {}, ()):
            for make in makers:
                value, deepest = leaf, 0
                try:
                    while True:
                        kind, data = encode(value)
                        self.assertEqual(decode(kind, data), value)
                        value, deepest = make(value), deepest + 1
                except ValueError as error:
                    self.assertIn('nested deeper', str(error))
                self.assertGreaterEqual(deepest, MAX_DEPTH // 3 - 1)

    def test_long_tuples(self):
        longest = (1,) * (MAX_TYPE_LENGTH - 2)
        self.assertEqual(decode(*encode([longest])), [longest])
        self.refused(ValueError, 'value[0]: the type of a tuple of 254 items', [(*longest, 1)])


class HostileBytes(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(SEED)

    def check(self, kind, data):
        """Whether decode() accepts the bytes, as it must just when GLib calls them normal."""
        variant = wrap(kind, data)
        try:
            value = decode(kind, data)
        except ValueError:
            self.assertFalse(variant.is_normal_form(), f'refused {kind} {data!r} seed={SEED}')
            return False
        self.assertTrue(variant.is_normal_form(), f'accepted {kind} {data!r} seed={SEED}')
        self.assertTrue(same(value, value_of(variant)), f'misread {kind} {data!r} seed={SEED}')
        return True

    def mutated(self, data):
        data = bytearray(data)
        for _ in range(self.rng.choice([1, 1, 2, 5])):
            where = self.rng.randrange(len(data) + 1)
            match self.rng.randrange(5):
                case 0 if data:
                    data[where % len(data)] ^= 1 << self.rng.randrange(8)
                case 1 if data:
                    data[where % len(data)] = self.rng.choice([0, 1, 0x7f, 0x80, 0xff, len(data) & 0xff])
                case 2:
                    del data[where:where + self.rng.randrange(9)]
                case 3:
                    data[where:where] = self.rng.randbytes(self.rng.randrange(9))
                case 4:
                    data += bytes([self.rng.randrange(256)])
        return bytes(data)

    def test_mutations(self):
        accepted = 0
        for _ in range(3000):
            kind, data = serialise(random_variant(self.rng, random_type(self.rng)))
            for _ in range(5):
                accepted += self.check(kind, self.mutated(data))
        self.assertGreater(accepted, 100)       # mutations that do no harm are part of the test

    def test_mutations_of_wide_containers(self):
        for value in (['a' * 300, 'b'], {'a': 'b' * 300, 'c': 1}, ('a' * 300, 'b', 'c'), ['abcdefgh'] * 8000,
                      [1, 'a' * 70000]):
            kind, data = encode(value)
            for _ in range(30):
                edge = self.rng.choice([0, len(data) - 12])
                part = self.mutated(data[edge:edge + 12])
                self.check(kind, data[:edge] + part + data[edge + 12:])

    def test_other_types_over_the_same_bytes(self):
        for _ in range(5000):
            _, data = serialise(random_variant(self.rng, random_type(self.rng)))
            self.check(random_type(self.rng), data)

    def test_noise(self):
        for _ in range(5000):
            self.check(random_type(self.rng), self.rng.randbytes(self.rng.randrange(40)))

    def test_offsets_wider_than_needed(self):
        def widened(narrow, count):
            wide = struct.pack(f'={count}H', *narrow[-count:])
            self.assertGreater(len(narrow) - count + len(wide), 255)
            return narrow[:-count] + wide

        texts = ('a' * 58, 'b' * 58, 'c' * 58, 'd' * 58, b'e' * 15)
        for value, count in (([''] * 100, 100), ([b''] * 27, 27), (texts, 4)):
            kind, data = encode(value)
            self.assertTrue(self.check(kind, data))
            self.assertFalse(self.check(kind, widened(data, count)))
        _, data = encode({'a': 'b' * 243})
        entry = data[:-2]       # without the one offset of the array
        self.assertEqual(len(entry), 255)
        entry = widened(entry, 1)
        self.assertFalse(self.check('a{sv}', entry + struct.pack('=H', len(entry))))

    def test_depth(self):
        for layers in (1, 10, 62, 63, 64, 65, 199):
            nested = b'\1' + b'\0y' + b'\0v' * (layers - 1)
            if layers <= MAX_DEPTH:
                self.assertEqual(decode('v', nested), 1)
            else:
                with self.assertRaises(ValueError):
                    decode('v', nested)
        with self.assertRaises(ValueError):
            decode('v', b'\0' + b'a' * 65 + b'y')
        with self.assertRaises(ValueError):
            decode('v', b'\0' + b'a' * 100000 + b'y')

    def test_few_bytes_do_not_become_many_objects(self):
        """Tuples whose members are all empty take no bytes; they are read, but not in any number."""
        wide, nested = '(' + 120 * 'as' + ')', 60 * '(' + 'y' + 60 * ')'
        self.assertEqual(decode(f'a{wide}', bytes(20)), 20 * [120 * ([],)])
        self.assertEqual(len(decode(f'a{nested}', bytes(60))), 60)
        self.assertEqual(decode('a(as)', bytes(60000)), 30000 * [([],)])
        self.assertEqual(decode('a(yas)', bytes.fromhex('0701')), [(7, [])])
        for type_string in (f'a{wide}', f'a{nested}', 'a' + 60 * '(' + 'as' + 60 * ')'):
            with self.subTest(type_string), self.assertRaisesRegex(ValueError, 'far more tuples and arrays than bytes'):
                decode(type_string, bytes(24000))

    def test_type_strings(self):
        for kind in ('', 'z', 'a', 'm', '(', ')', '{', '}', '{s}', '{sv', '{vs}', '{asv}', '{svv}', '(s',
                     's)', 'ss', '*', '?', 'r', 'a*', 'm?', '(r)', 'ä', '\0', 's\0', 'a' * 65 + 'y',
                     'a' * 300 + 'y',
                     '(' * 1000, '(' + 'i' * 300 + ')'):
            with self.subTest(kind=kind), self.assertRaises(ValueError):
                decode(kind, b'')
            with self.subTest(kind=kind), self.assertRaises(ValueError):
                decode('v', b'\0' + kind.encode())

    def test_many_types_are_forgotten_again(self):
        from mpglib._variant import _decoder
        for length in range(1, 5):
            for _ in range(200):
                kind = '(%s)' % ''.join(self.rng.choices('bynqiuxtdsog', k=length))
                variant = random_variant(self.rng, kind)
                self.assertTrue(same(decode(*serialise(variant)), value_of(variant)))
        self.assertLessEqual(len(_decoder._known_types), _decoder._MAX_KNOWN_TYPES)


if __name__ == '__main__':
    unittest.main()
