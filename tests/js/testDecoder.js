// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The decoder gives what GLib gives, for values of every type, and refuses exactly the bytes that GLib does
// not call normal.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkSame, checkThrows, isLong, makeRandom, run, test} from './support.js';
import {randomType, randomVariant, unpack} from './reference.js';

const {decode, decodeEach} = imports.mpglib.gvariant.decoder;

const ROUNDS = isLong ? 20000 : 4000;
const random = makeRandom();

function getBytes(variant) {
  return variant.get_data_as_bytes().toArray();
}

function parse(text) {
  return GLib.Variant.parse(null, text, null, null);
}

function decodeText(text) {
  const variant = parse(text);
  return decode(variant.get_type_string(), getBytes(variant));
}

test('each type has its JavaScript form', () => {
  checkSame(decodeText('(true, byte 7, int16 -2, uint16 2, -3, uint32 3, handle 4, int64 -5, uint64 5, 0.5)'),
    [true, 7, -2, 2, -3, 3, 4, -5, 5, 0.5]);
  checkSame(decodeText('("text", objectpath "/a/b", signature "a{sv}")'), ['text', '/a/b', 'a{sv}']);
  checkSame(decodeText('int64 9007199254740991'), Number.MAX_SAFE_INTEGER);
  checkSame(decodeText('int64 9007199254740992'), 9007199254740992n);
  checkSame(decodeText('int64 -9007199254740991'), Number.MIN_SAFE_INTEGER);
  checkSame(decodeText('int64 -9223372036854775808'), -(2n ** 63n));
  checkSame(decodeText('uint64 18446744073709551615'), 2n ** 64n - 1n);
  checkSame(decodeText('[byte 1, 2, 255]'), Uint8Array.of(1, 2, 255));
  checkSame(decodeText('b"abc"'), Uint8Array.of(97, 98, 99, 0));
  checkSame(decodeText('@mv nothing'), null);
  checkSame(decodeText('just <5>'), 5);
  checkSame(decodeText('{"a": <1>, "b": <[true]>}'), {a: 1, b: [true]});
  checkSame(decodeText('{1: "one", 2: "two"}'), new Map([[1, 'one'], [2, 'two']]));
  checkSame(decodeText('{objectpath "/a": 1}'), new Map([['/a', 1]]));
  checkSame(decodeText('<<"deep">>'), 'deep');
  checkSame(decodeText('()'), []);
});

test('a key cannot reach the prototype of an object', () => {
  const object = decodeText('{"__proto__": <{"polluted": <true>}>, "a": <1>}');
  checkSame(Object.getPrototypeOf(object), Object.prototype);
  checkSame(Object.keys(object), ['__proto__', 'a']);
  checkSame(object.polluted, undefined);
});

test('what is decoded shares no memory with the bytes', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const value = decode('ay', bytes);
  bytes[0] = 9;
  checkSame(value, Uint8Array.of(1, 2, 3));
});

test('bytes may begin anywhere in their buffer', () => {
  const buffer = new Uint8Array(64);
  const bytes = getBytes(parse('(int64 -7, "x", 2.5)'));
  buffer.set(bytes, 3);
  checkSame(decode('(xsd)', buffer.subarray(3, 3 + bytes.length)), [-7, 'x', 2.5]);
});

test('no bits of a double become an object', () => {
  // With GLib.Variant.get_double() these forge values of the engine, which crash it or worse.
  for (const high of [0xffff, 0xfffe, 0xfffb, 0xfffa, 0xfff9, 0xfff8, 0xfff1, 0x7ff1, 0x7fff]) {
    const bytes = new Uint8Array(new Uint16Array([8, 0, 0, high]).buffer);
    checkSame(decode('d', bytes), NaN);
    checkSame(decode('ad', bytes), [NaN]);
    const variant = GLib.Variant.new_from_bytes(new GLib.VariantType('d'), bytes, false);
    checkSame(Mp.fromVariant(variant), NaN);
  }
});

test('handles are looked up', () => {
  const bytes = getBytes(parse('[handle 0, handle 7]'));
  checkSame(decode('ah', bytes, index => `object ${index}`), ['object 0', 'object 7']);
  checkSame(decode('ah', bytes), [0, 7]);
});

test('random values of random types are what GLib says', () => {
  for (let i = 0; i < ROUNDS; i++) {
    const type = randomType(random);
    const variant = randomVariant(random, type);
    checkSame(decode(type, getBytes(variant)), unpack(variant), `a value of type “${type}”`);
  }
});

// ---- Hostile bytes

function mutate(bytes) {
  const result = Array.from(bytes);
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const place = random.below(result.length + 1);
    switch (random.below(6)) {
    case 0:
      result.splice(place, 1 + random.below(4));
      break;
    case 1:
      result.splice(place, 0, random.below(256));
      break;
    case 2:
      result.length = place;
      break;
    case 3:
      result.push(random.pick([0, 1, 255, result.length & 255, random.below(256)]));
      break;
    default:
      if (place < result.length)
        result[place] = random.pick([0, 1, result[place] ^ 1 << random.below(8), result.length & 255, 255]);
    }
  }
  return Uint8Array.from(result);
}

function tryDecode(type, bytes) {
  try {
    return {value: decode(type, bytes)};
  } catch (error) {
    return {error};
  }
}

// Returns whether the bytes were a value.
function checkLikeGLib(type, bytes) {
  const variant = GLib.Variant.new_from_bytes(new GLib.VariantType(type), bytes, false);
  const context = `type “${type}”, bytes [${bytes}]`;
  const {value, error} = tryDecode(type, bytes);
  if (variant.is_normal_form()) {
    check(!error, `${context}: ${error}`);
    checkSame(value, unpack(variant), context);
    return true;
  }
  check(error instanceof RangeError, `${context} to be refused, not ${error ?? JSON.stringify(value)}`);
  return false;
}

test('damaged bytes are refused when GLib refuses them, and never misread', () => {
  let normal = 0;
  for (let i = 0; i < 4 * ROUNDS; i++) {
    const type = random.below(4) === 0 ? 'v' : randomType(random);
    if (checkLikeGLib(type, mutate(getBytes(randomVariant(random, type)))))
      normal++;
  }
  // Both kinds occurred, or the case proved nothing.
  check(normal > ROUNDS / 10 && normal < 4 * ROUNDS - ROUNDS / 10, `${normal} of ${4 * ROUNDS} still normal`);
}, {deadline: isLong ? 600 : 60});

// One framing of an array or tuple, taken apart: its body, and offsets that may be any.
function frame(body, offsets, size) {
  const bytes = new Uint8Array(body.length + offsets.length * size);
  bytes.set(body);
  offsets.forEach((offset, i) => {
    for (let byte = 0; byte < size; byte++)
      bytes[body.length + i * size + byte] = offset >>> 8 * byte;
  });
  return bytes;
}

test('framing offsets are checked like GLib does', () => {
  const body = new Uint8Array(250);
  const offsets = [10, 20, 30, 250];
  // Offsets of two bytes where those of one do, then the other way round.
  check(!checkLikeGLib('as', frame(body.fill(0), offsets, 2)));
  check(!checkLikeGLib('aay', frame(body, offsets, 2)));
  check(checkLikeGLib('aay', frame(body, offsets, 1)));
  check(checkLikeGLib('aay', frame(new Uint8Array(252), [10, 20, 30, 252], 2)));
  check(!checkLikeGLib('(ayayayay)', frame(new Uint8Array(251), [30, 20, 10], 2)));
  check(checkLikeGLib('(ayayayay)', frame(new Uint8Array(253), [30, 20, 10], 2)));
  check(!checkLikeGLib('a{say}', frame(new Uint8Array(520), [260, 520], 4)));

  for (let i = 0; i < ROUNDS; i++) {
    const size = random.below(5) === 0 ? 300 : 12;
    const type = random.pick(['aay', '(ayayay)', 'a(ayy)', 'a{oay}', 'aaay', 'aav', '(mayayay)', '(ayiay)']);
    const ends = Array.from({length: 1 + random.below(3)}, () => random.below(size + 2));
    if (random.below(2))
      ends.sort((a, b) => type[0] === '(' ? b - a : a - b);
    if (random.below(2))
      ends.push(size);
    checkLikeGLib(type, frame(new Uint8Array(size), ends, size > 255 ? 2 : 1));
  }
});

test('random bytes too', () => {
  for (let i = 0; i < 2 * ROUNDS; i++) {
    const type = randomType(random);
    const makeByte = () => random.pick([0, 0, 1, 2, 4, 8, random.below(256)]);
    const bytes = Uint8Array.from({length: random.below(24)}, makeByte);
    checkLikeGLib(type, bytes);
  }
}, {deadline: isLong ? 600 : 60});

test('types that are none are refused', () => {
  for (const type of ['', 'r', '*', '?', 'a', 'm', '(', '(s', '{', '{s}', '{vs}', '{ss', 'ss', 'a{s}', 'é', ')'])
    checkThrows(() => decode(type, new Uint8Array(0)), RangeError, /GVariant type/);
  // Inside of a variant, with a child of no bytes.
  for (const type of ['', 'r', '*', 'a', '{s}', 'ss', '\x80', '\x01'])
    checkThrows(() => decode('v', Uint8Array.of(0, ...Array.from(type, c => c.charCodeAt(0)))), RangeError);
  checkThrows(() => decode('v', new Uint8Array(0)), RangeError, /no type/);
});

test('long types inside of a variant are refused before they are parsed', () => {
  const bytes = new Uint8Array(1000000).fill('a'.charCodeAt(0));
  bytes[0] = 0;
  checkThrows(() => decode('v', bytes), RangeError, /no type/);
});

test('nesting is bounded', () => {
  function nest(levels) {
    let variant = GLib.Variant.new_byte(1);
    for (let i = 0; i < levels; i++)
      variant = GLib.Variant.new_variant(variant);
    return getBytes(variant);
  }
  checkSame(decode('v', nest(64)), 1);
  checkThrows(() => decode('v', nest(65)), RangeError, /nested more than 64/);
  checkThrows(() => decode(`${'a'.repeat(65)}y`, new Uint8Array(0)), RangeError, /nested containers/);
  // As deep as the bytes allow: no overflow of the stack.
  const deep = new Uint8Array(200000);
  for (let i = 1; i < deep.length; i += 2)
    deep[i] = 'v'.charCodeAt(0);
  checkThrows(() => decode('v', deep), RangeError, /nested more than 64/);
});

test('few bytes do not become many objects', () => {
  // Tuples whose members are all empty take no bytes; they are read, but not in any number.
  const wide = `(${'as'.repeat(120)})`, nested = `${'('.repeat(60)}y${')'.repeat(60)}`;
  checkSame(decode(`a${wide}`, new Uint8Array(20)).map(tuple => tuple.length), new Array(20).fill(120));
  checkSame(decode(`a${nested}`, new Uint8Array(60)).length, 60);
  checkSame(decode('a(as)', new Uint8Array(60000)).length, 30000);
  for (const type of [`a${wide}`, `a${nested}`, `a${'('.repeat(60)}as${')'.repeat(60)}`])
    checkThrows(() => decode(type, new Uint8Array(24000)), RangeError, /far more tuples and arrays than bytes/);
});

test('variants of an array are decoded as if each were alone', () => {
  const makeArray = variants => getBytes(GLib.Variant.new_array(new GLib.VariantType('v'),
    variants.map(variant => GLib.Variant.new_variant(variant))));
  for (let round = 0; round < ROUNDS / 40; round++) {
    const variants = Array.from({length: random.below(60)}, () => randomVariant(random, randomType(random)));
    const values = variants.map(variant => decode(variant.get_type_string(), getBytes(variant)));
    checkSame(decodeEach(makeArray(variants)), {values, errors: []});
  }

  const nest = levels => Array.from({length: levels}).reduce(variant => GLib.Variant.new_variant(variant),
    GLib.Variant.new_byte(1));
  const wide = GLib.Variant.new_from_bytes(new GLib.VariantType(`a(${'as'.repeat(120)})`),
    new Uint8Array(24000), false);
  const {values, errors} = decodeEach(makeArray([nest(64), nest(65), parse('"a"'), wide, parse('2')]));
  checkSame(values, [1, 'a', 2]);
  checkSame(errors.map(({message}) => /nested more|far more/.exec(message)?.[0]), ['nested more', 'far more']);
  for (const bytes of [Uint8Array.of(1), Uint8Array.of(0, 0, 9), Uint8Array.of(5, 4, 3)])
    checkThrows(() => decodeEach(bytes), RangeError);
});

test('a million byte order marks are no recursion', () => {
  const bytes = new Uint8Array(3 * 1000000 + 1);
  for (let i = 0; i < bytes.length - 1; i += 3)
    bytes.set([0xef, 0xbb, 0xbf], i);
  checkSame(decode('s', bytes).length, 1000000);
});

test('large values are read with offsets of four bytes', () => {
  const strings = Array.from({length: 3000}, (_, i) => 'abcdefghijklmnopqrstuvwxyz'.slice(i % 26));
  const variant = new GLib.Variant('as', strings);
  checkSame(decode('as', getBytes(variant)), strings);
});

await run();
