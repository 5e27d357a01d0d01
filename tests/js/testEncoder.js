// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The encoder writes the very bytes that GLib writes, and what it cannot write it refuses with a remedy.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkSame, checkThrows, isLong, makeRandom, run, test} from './support.js';
import {pack, randomType, randomVariant} from './reference.js';

const {encode, encodeTuple, encodeTuples} = imports.mpglib.gvariant.encoder;
const {decode} = imports.mpglib.gvariant.decoder;

const ROUNDS = isLong ? 20000 : 4000;
const random = makeRandom();

// ---- Values

const STRINGS = ['', 'a', 'name', 'Grüße', '漢字', '😀', '\ufeff', '\x7f\u0080', 'x'.repeat(96), 'x'.repeat(97),
  'é'.repeat(200), 'z'.repeat(70000)];
const SHORT_STRINGS = STRINGS.slice(0, -2);
const NUMBERS = [0, -0, 1, -1, 0.5, NaN, Infinity, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 53,
  -(2 ** 53), 1e300];
const BIGINTS = [0n, -1n, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
const TYPED = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  BigInt64Array, BigUint64Array, Float32Array, Float64Array];

function randomScalar() {
  return random.pick([() => random.pick(SHORT_STRINGS), () => random.pick(NUMBERS), () => random.pick(BIGINTS),
    () => random.below(2) === 1, () => null, () => undefined, () => random.next() / 1024 - 1e6])();
}

function randomTypedArray() {
  const type = random.pick(TYPED);
  const length = random.below(5);
  return type.BYTES_PER_ELEMENT === 8 && type !== Float64Array
    ? type.from({length}, () => random.bits64()) : type.from({length}, () => random.next());
}

function randomValue(depth) {
  const length = depth === 1 && random.below(10) === 0 ? random.below(100) : random.below(5);
  switch (depth > 0 ? random.below(9) : 0) {
  case 4:
    return Array.from({length}, () => randomValue(depth - 1));
  case 5: {
    const make = random.pick([() => random.pick(SHORT_STRINGS), () => random.pick(NUMBERS),
      () => random.pick(BIGINTS), () => random.below(2) === 1, () => random.below(1000)]);
    return Array.from({length}, make);
  }
  case 6:
    return Object.fromEntries(Array.from({length}, () => [`${random.pick(SHORT_STRINGS)}${random.below(9)}`,
      randomValue(depth - 1)]));
  case 7: {
    const makeKey = random.pick([() => random.below(2) === 1, () => random.next(), () => random.next() / 7 + 0.5,
      () => random.pick(SHORT_STRINGS), () => 2n ** 63n + BigInt(random.next())]);
    return new Map(Array.from({length}, () => [makeKey(), randomValue(depth - 1)]));
  }
  case 8:
    return randomTypedArray();
  default:
    return randomScalar();
  }
}

function checkLikeGLib(value, what) {
  const {type, bytes} = encode(value);
  const expected = pack(value);
  checkSame(type, expected.get_type_string(), `the type of ${what}`);
  checkSame(bytes, expected.get_data_as_bytes().toArray(), `the bytes of ${what}`);
}

test('each kind of value has its type', () => {
  const types = [
    [null, 'mv'], [undefined, 'mv'], [true, 'b'], [1, 'x'], [-0, 'd'], [0.5, 'd'], [2 ** 53, 'd'], [NaN, 'd'],
    [1n, 'x'], [2n ** 63n, 't'], ['text', 's'], [new Uint8Array(3), 'ay'], [new ArrayBuffer(3), 'ay'],
    [new GLib.Bytes(new Uint8Array(3)), 'ay'], [[], 'av'], [['a'], 'as'], [[true], 'ab'], [[1, 2n], 'ax'],
    [[1, 0.5], 'ad'], [[2n ** 63n], 'at'], [[1n, 0.5], 'av'], [[1, 'a'], 'av'], [[null], 'av'], [{}, 'a{sv}'],
    [Object.create(null), 'a{sv}'], [new Map(), 'a{sv}'], [new Map([[1, 2]]), 'a{xv}'],
    [new Map([[0.5, 2]]), 'a{dv}'], [new Map([[true, 2]]), 'a{bv}'], [new GLib.Variant('(si)', ['a', 1]), '(si)'],
  ];
  for (const [value, type] of types)
    checkSame(encode(value).type, type);
});

test('corner values have the bytes that GLib writes', () => {
  for (const value of [...STRINGS, ...NUMBERS, ...BIGINTS, true, false, null])
    checkLikeGLib(value, 'a scalar');
  for (const value of [STRINGS, NUMBERS, BIGINTS, [STRINGS, [STRINGS]], {}, {a: {}}, {'': {'': ['', '']}}])
    checkLikeGLib(value, 'a container');
  // At each boundary where framing offsets grow.
  for (const size of [252, 253, 254, 255, 256, 65530, 65531, 65532, 65533, 65534, 65535, 65536]) {
    checkLikeGLib(['x'.repeat(size)], `an array of ${size}`);
    checkLikeGLib({k: 'x'.repeat(size)}, `an object of ${size}`);
    checkLikeGLib(Array.from({length: 60}, (_, i) => 'y'.repeat(i === 0 ? size % 256 : 3)), 'an array of many');
  }
});

test('random values have the bytes that GLib writes, and come back', () => {
  for (let i = 0; i < ROUNDS; i++)
    checkLikeGLib(randomValue(4), 'a random value');
}, {deadline: isLong ? 600 : 60});

test('variants are embedded as they are', () => {
  for (let i = 0; i < ROUNDS / 10; i++) {
    const variant = randomVariant(random, randomType(random));
    const {type, bytes} = encode({v: variant});
    const encoded = GLib.Variant.new_from_bytes(new GLib.VariantType(type), bytes, false);
    check(encoded.is_normal_form(), 'the bytes are normal');
    check(encoded.lookup_value('v', null).equal(variant), 'the variant is the same');
  }
});

test('bytes of a part of a buffer are that part', () => {
  const buffer = Uint8Array.from({length: 32}, (_, i) => i).buffer;
  checkSame(encode([new Uint8Array(buffer, 3, 2), 0]).type, 'av');
  checkSame(decode('av', encode([new Uint8Array(buffer, 3, 2), new Uint16Array(buffer, 4, 1)]).bytes),
    [Uint8Array.of(3, 4), [0x0504]]);
});

test('a value may be larger than the buffer was', () => {
  const data = Uint8Array.from({length: 3000000}, (_, i) => i & 255);
  const value = {data, text: 'é'.repeat(500000), tail: [1, 2, 3]};
  const {type, bytes} = encode(value);
  checkSame(decode(type, bytes), value);
  checkLikeGLib({small: true}, 'a small value afterwards');
});

test('a getter may encode a value of its own', () => {
  const value = {
    before: 'a',
    get inner() {
      return encode(['x', {get deepest() {
        return encode([1, 2]).type;
      }}]).type;
    },
    after: [1],
  };
  const {type, bytes} = encode(value);
  checkSame(decode(type, bytes), {before: 'a', inner: 'av', after: [1]});
});

test('an error leaves nothing behind', () => {
  checkThrows(() => encode({a: [1, {b: Symbol('x')}]}), TypeError);
  checkLikeGLib({a: ['b', 1]}, 'the next value');
});

test('objects are attached by the caller', () => {
  const seen = [];
  const attach = object => seen.push(object) - 1;
  const first = new Gio.Cancellable(), second = new Gio.Cancellable();
  const {type, bytes} = encode({a: first, b: [second]}, attach);
  checkSame(decode(type, bytes), {a: 0, b: [1]});
  check(seen[0] === first && seen[1] === second);
  checkSame(encode(first, attach).type, 'h');
  checkThrows(() => encode({a: first}, () => null), TypeError, /value\.a is a .*Cancellable.*Mp\.Shareable/);
  checkThrows(() => encode({a: first}), TypeError, /value\.a is a .*Cancellable/);
});

// ---- Tuples

function checkTupleLikeGLib(values) {
  const {type, bytes} = encodeTuple(values);
  const expected = GLib.Variant.new_tuple(values.map(pack));
  checkSame(type, expected.get_type_string(), 'the type of a tuple');
  checkSame(bytes, expected.get_data_as_bytes().toArray(), `the bytes of a tuple ${type}`);
}

test('arguments are a tuple with the bytes that GLib writes', () => {
  for (const values of [[], [1], [true], ['a'], [true, 1, false], [1, true], ['a', 'b'], ['a', 1, 'b', true],
    [Uint8Array.of(1), 1], ['x', Uint16Array.of(1, 2), 'y', new Uint32Array(3)], [null, 'a', null], [[], {}, []]])
    checkTupleLikeGLib(values);
  for (const size of [252, 253, 254, 255, 256, 65530, 65531, 65532, 65533, 65534, 65535, 65536])
    checkTupleLikeGLib(['x'.repeat(size), 'y', true]);
  for (let i = 0; i < ROUNDS; i++)
    checkTupleLikeGLib(Array.from({length: random.below(5)}, () => randomValue(2)));
}, {deadline: isLong ? 600 : 60});

test('variants of any type are members of a tuple', () => {
  for (let i = 0; i < ROUNDS / 10; i++) {
    const variants = Array.from({length: random.below(4)}, () => randomVariant(random, randomType(random)));
    const {type, bytes} = encodeTuple(variants);
    const encoded = GLib.Variant.new_from_bytes(new GLib.VariantType(type), bytes, false);
    check(encoded.is_normal_form(), `the bytes of ${type} are normal`);
    check(encoded.equal(GLib.Variant.new_tuple(variants)), `the members of ${type} are the same`);
  }
});

test('the arguments of many calls are an array of tuples', () => {
  for (let i = 0; i < ROUNDS / 10; i++) {
    const calls = Array.from({length: random.below(5)},
      () => Array.from({length: random.below(4)}, () => randomValue(2)));
    const {type, bytes} = encodeTuples(calls);
    const children = calls.map(values => GLib.Variant.new_variant(GLib.Variant.new_tuple(values.map(pack))));
    const expected = GLib.Variant.new_array(new GLib.VariantType('v'), children);
    checkSame(type, 'av');
    checkSame(bytes, expected.get_data_as_bytes().toArray(), 'the bytes of an array of tuples');
  }
});

test('an argument that cannot be sent is named', () => {
  checkThrows(() => encodeTuple([1, {when: new Date(0)}]), TypeError, /^arguments\[1\]\.when is a Date/);
  checkThrows(() => encodeTuples([[1], [2, /x/]]), TypeError, /^items\[1\]\[1\] is a RegExp/);
  checkThrows(() => encodeTuples([[1], 2]), TypeError, /^items\[1\] is no Array.*arguments of one call/);
  checkThrows(() => encode(/x/), TypeError, /^value is a RegExp/);
});

// ---- Refusals

test('what cannot be sent is named, with its place and a remedy', () => {
  class Account {}
  const table = [
    [{a: [0, new Date(0)]}, /^value\.a\[1\] is a Date, which cannot be sent; send date\.getTime\(\)/],
    [() => 0, /^value is the function \(anonymous\).*export it from a module/],
    [{task: function work() {}}, /^value\.task is the function work/],
    [[Symbol('id')], /^value\[0\] is Symbol\(id\)/],
    [{x: new Account()}, /^value\.x is a Account.*plain object/],
    [new Set([1]), /Set.*\[\.\.\.set\]/],
    [{'two words': new Set()}, /^value\["two words"\] is a Set/],
    [new Map([['k', new WeakMap()]]), /^value\.k is a WeakMap/],
    [Promise.resolve(1), /Promise.*await/],
    [new TypeError('x'), /TypeError.*name: error\.name/],
    [/x/, /RegExp/],
    [new DataView(new ArrayBuffer(1)), /DataView.*Uint8Array/],
    [[new Number(1)], /^value\[0\] is a Number.*primitive/],
    [new Map([[1, 'a'], ['b', 'c']]), /Map whose keys.*\[\.\.\.map\]/],
    [new Map([[{}, 'a']]), /Map whose keys/],
  ];
  for (const [value, pattern] of table)
    checkThrows(() => encode(value), TypeError, pattern);
});

test('numbers and strings that GVariants cannot hold are refused', () => {
  checkThrows(() => encode({n: 2n ** 64n}), RangeError, /^value\.n is a BigInt of more than 64 bits/);
  checkThrows(() => encode([-(2n ** 63n) - 1n]), RangeError, /^value\[0\] is a BigInt/);
  checkThrows(() => encode([1, [2n, -(2n ** 70n)]]), RangeError, /^value\[1\]\[1\] is a BigInt/);
  for (const text of ['a\0', `${'x'.repeat(200)}\0y`])
    checkThrows(() => encode({text}), RangeError, /^value\.text has a NUL character/);
  for (const text of ['\ud800', 'a\udc00b', `${'x'.repeat(200)}\ud83d`])
    checkThrows(() => encode([text]), RangeError, /^value\[0\] has half of a surrogate pair/);
  checkThrows(() => encode({'\ud800': 1}), RangeError, /surrogate/);
});

test('nesting is bounded, and so circles end', () => {
  const circle = {name: 'ring'};
  circle.self = circle;
  checkThrows(() => encode(circle), RangeError, /^value\.self\.self.*nested too deeply, or in a circle/);

  let array = [], object = {};
  for (let i = 1; i < 32; i++)
    array = [array];
  for (let i = 1; i < 21; i++)
    object = {o: object};
  for (const value of [array, object]) {
    const {type, bytes} = encode(value);
    checkSame(decode(type, bytes), value);
  }
  checkThrows(() => encode([array]), RangeError, /nested/);
  checkThrows(() => encode({o: object}), RangeError, /nested/);
});

// ---- The functions of the namespace

test('toVariant and fromVariant are inverse', () => {
  const value = {
    name: 'Grüße', sizes: [1, 2], ratio: 0.5, none: null, data: Uint8Array.of(1), big: 2n ** 60n, ok: true,
  };
  const variant = Mp.toVariant(value);
  check(variant instanceof GLib.Variant);
  checkSame(variant.get_type_string(), 'a{sv}');
  check(variant.is_normal_form());
  checkSame(Mp.fromVariant(variant), value);
  for (const scalar of ['text', true, 0.5, 5, null, 2n ** 60n, Uint8Array.of(1, 2)])
    checkSame(Mp.fromVariant(Mp.toVariant(scalar)), scalar);

  const tuple = new GLib.Variant('(is)', [1, 'a']);
  check(Mp.toVariant(tuple) === tuple);
});

await run();
