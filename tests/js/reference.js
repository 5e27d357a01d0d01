// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What the codec is compared with: GLib's own packing and unpacking, one GLib call for every part of a value.

import GLib from 'gi://GLib';

// ---- Random types and values

const LETTERS = ['y', 'b', 'n', 'q', 'i', 'u', 'h', 'x', 't', 'd', 's', 'o', 'g', 'v'];
const KEY_LETTERS = LETTERS.filter(letter => letter !== 'v');
const STRINGS = ['', 'a', 'name', 'size in bytes', 'Grüße', '漢字', '😀', '\ufeffmark', '\ufeff\ufeff', '\x01\x7f',
  '__proto__', 'constructor', 'é'.repeat(70), 'x'.repeat(39), 'x'.repeat(40), 'x'.repeat(41), 'y'.repeat(300)];
const PATHS = ['/', '/a', '/org/gnome/App_1', `/${'p'.repeat(260)}`];
const SIGNATURES = ['', 's', 'a{sv}', '(ii)as', 'aaaay'];
const DOUBLES = [0, -0, 1, -1.5, 1e300, 5e-324, Infinity, -Infinity, NaN, 2 ** 53, Math.PI];

export function randomType(random, depth = 3) {
  const sort = depth > 0 ? random.below(10) : 0;
  switch (sort) {
  case 6:
    return `a${randomType(random, depth - 1)}`;
  case 7:
    return `m${randomType(random, depth - 1)}`;
  case 8:
    return `a{${random.pick(KEY_LETTERS)}${randomType(random, depth - 1)}}`;
  case 9: {
    const members = Array.from({length: random.below(4)}, () => randomType(random, depth - 1));
    return `(${members.join('')})`;
  }
  default:
    return random.pick(LETTERS);
  }
}

function randomInteger(random, letter) {
  const bits = BigInt(8 * {y: 1, n: 2, q: 2, i: 4, u: 4, h: 4, x: 8, t: 8}[letter]);
  const value = random.bits64() >> BigInt(random.below(64));
  return 'nihx'.includes(letter) ? BigInt.asIntN(Number(bits), random.below(2) ? value : -value)
    : BigInt.asUintN(Number(bits), value);
}

const INTEGER_MAKERS = {
  y: 'new_byte', n: 'new_int16', q: 'new_uint16', i: 'new_int32', u: 'new_uint32', h: 'new_handle',
  x: 'new_int64', t: 'new_uint64',
};

// The parts of a container type: “a{sv}” has “{sv}”, “(sas)” has “s” and “as”. No type begins with another
// one.
function getInnerTypes(type) {
  const types = [];
  let rest = type.slice(1);
  while (rest !== '' && rest[0] !== ')' && rest[0] !== '}') {
    let length = 1;
    while (!GLib.VariantType.string_is_valid(rest.slice(0, length)))
      length++;
    types.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return types;
}

// Long arrays of basic types now and then, so that framing offsets of two bytes occur too.
function randomLength(random, element) {
  return element.length === 1 && element !== 'v' && random.below(10) === 0 ? random.below(100) : random.below(4);
}

export function randomVariant(random, type, depth = 2) {
  switch (type[0]) {
  case 'b':
    return GLib.Variant.new_boolean(random.below(2) === 1);
  case 'd':
    return GLib.Variant.new_double(random.pick(DOUBLES));
  case 's':
    return GLib.Variant.new_string(random.pick(STRINGS));
  case 'o':
    return GLib.Variant.new_object_path(random.pick(PATHS));
  case 'g':
    return GLib.Variant.new_signature(random.pick(SIGNATURES));
  case 'v':
    return GLib.Variant.new_variant(randomVariant(random, randomType(random, depth), Math.max(depth - 1, 0)));
  case 'a': {
    const [element] = getInnerTypes(type);
    const length = randomLength(random, element);
    const children = Array.from({length}, () => randomVariant(random, element, depth));
    return GLib.Variant.new_array(new GLib.VariantType(element), children);
  }
  case 'm': {
    const [element] = getInnerTypes(type);
    const child = random.below(2) ? randomVariant(random, element, depth) : null;
    return GLib.Variant.new_maybe(new GLib.VariantType(element), child);
  }
  case '(':
    return GLib.Variant.new_tuple(getInnerTypes(type).map(member => randomVariant(random, member, depth)));
  case '{': {
    const [key, value] = getInnerTypes(type);
    return GLib.Variant.new_dict_entry(randomVariant(random, key, depth), randomVariant(random, value, depth));
  }
  default: {
    const value = randomInteger(random, type);
    return GLib.Variant[INTEGER_MAKERS[type]]('xt'.includes(type) ? value : Number(value));
  }
  }
}

// ---- Unpacking, by the rules of decoder.js

function unpackInteger(variant) {
  // GJS rounds large ones, their text is exact.
  const value = BigInt(variant.print(false).replace(/^handle /, ''));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function getChildren(variant) {
  return Array.from({length: variant.n_children()}, (_, index) => variant.get_child_value(index));
}

function unpackDictionary(variant, type) {
  const entries = getChildren(variant).map(entry => getChildren(entry).map(unpack));
  return type[2] === 's' ? Object.fromEntries(entries) : new Map(entries);
}

export function unpack(variant) {
  const type = variant.get_type_string();
  switch (type[0]) {
  case 'b':
    return variant.get_boolean();
  case 'y':
    return variant.get_byte();
  case 'd': {
    // Not get_double(): a NaN of certain bits would crash GJS.
    const [double] = new Float64Array(variant.get_data_as_bytes().toArray().slice().buffer);
    return double;
  }
  case 's':
  case 'o':
  case 'g':
    return variant.get_string()[0];
  case 'v':
    return unpack(variant.get_variant());
  case 'm':
    return variant.n_children() > 0 ? unpack(variant.get_child_value(0)) : null;
  case 'a':
    if (type === 'ay')
      return Uint8Array.from(getChildren(variant), child => child.get_byte());
    return type[1] === '{' ? unpackDictionary(variant, type) : getChildren(variant).map(unpack);
  case '(':
  case '{':
    return getChildren(variant).map(unpack);
  default:
    return unpackInteger(variant);
  }
}

// ---- Packing, by the rules of encoder.js

const isInteger = value => typeof value === 'bigint' || Number.isSafeInteger(value) && !Object.is(value, -0);

function packInteger(value) {
  return value > 2n ** 63n - 1n ? GLib.Variant.new_uint64(value) : GLib.Variant.new_int64(value);
}

function packArray(array) {
  const every = predicate => array.length > 0 && array.every(predicate);
  const make = (type, children) => GLib.Variant.new_array(new GLib.VariantType(type), children);

  if (every(value => typeof value === 'string'))
    return make('s', array.map(value => GLib.Variant.new_string(value)));
  if (every(value => typeof value === 'boolean'))
    return make('b', array.map(value => GLib.Variant.new_boolean(value)));
  if (every(value => isInteger(value) && value <= 2n ** 63n - 1n))
    return make('x', array.map(value => GLib.Variant.new_int64(value)));
  if (every(value => typeof value === 'bigint' && value > 2n ** 63n - 1n))
    return make('t', array.map(value => GLib.Variant.new_uint64(value)));
  if (every(value => typeof value === 'number'))
    return make('d', array.map(value => GLib.Variant.new_double(value)));
  return make('v', array.map(value => GLib.Variant.new_variant(pack(value))));
}

function packDictionary(key, entries) {
  return GLib.Variant.new_array(new GLib.VariantType(`{${key}v}`),
    entries.map(([k, v]) => GLib.Variant.new_dict_entry(k, GLib.Variant.new_variant(pack(v)))));
}

function packMap(map) {
  const keys = map.size > 0 ? packArray([...map.keys()]) : new GLib.Variant('as', []);
  const entries = [...map.values()].map((v, i) => [keys.get_child_value(i), v]);
  return packDictionary(keys.get_type_string()[1], entries);
}

const TYPED_ARRAYS = {
  Int8Array: 'n', Uint8Array: 'y', Uint8ClampedArray: 'y', Int16Array: 'n', Uint16Array: 'q', Int32Array: 'i',
  Uint32Array: 'u', BigInt64Array: 'x', BigUint64Array: 't', Float32Array: 'd', Float64Array: 'd',
};

function packTypedArray(array) {
  const letter = TYPED_ARRAYS[array.constructor.name];
  const maker = letter === 'd' ? 'new_double' : INTEGER_MAKERS[letter];
  const children = Array.from(array, value => GLib.Variant[maker](value));
  return GLib.Variant.new_array(new GLib.VariantType(letter), children);
}

export function pack(value) {
  switch (typeof value) {
  case 'string':
    return GLib.Variant.new_string(value);
  case 'boolean':
    return GLib.Variant.new_boolean(value);
  case 'number':
    return isInteger(value) ? GLib.Variant.new_int64(value) : GLib.Variant.new_double(value);
  case 'bigint':
    return packInteger(value);
  case 'undefined':
    return GLib.Variant.new_maybe(new GLib.VariantType('v'), null);
  }
  if (value === null)
    return GLib.Variant.new_maybe(new GLib.VariantType('v'), null);
  if (Array.isArray(value))
    return packArray(value);
  if (value instanceof Map)
    return packMap(value);
  if (ArrayBuffer.isView(value))
    return packTypedArray(value);
  return packDictionary('s', Object.entries(value).map(([k, v]) => [GLib.Variant.new_string(k), v]));
}
