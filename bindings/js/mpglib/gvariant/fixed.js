// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported encodeFixed, getSafeRange */

// JavaScript values to the bytes of a GVariant of a given type of fixed size:
//
//   b              boolean                     d              number
//   y n q i u      whole number                tuple          Array with a value a member
//   x t            whole number or BigInt      array of such  any iterable

const {parseType} = imports.mpglib.gvariant.type;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const INTEGERS = {
  y: {least: 0, most: 0xff, method: 'setUint8'},
  n: {least: -0x8000, most: 0x7fff, method: 'setInt16'},
  q: {least: 0, most: 0xffff, method: 'setUint16'},
  i: {least: -0x80000000, most: 0x7fffffff, method: 'setInt32'},
  u: {least: 0, most: 0xffffffff, method: 'setUint32'},
  x: {least: -(2n ** 63n), most: 2n ** 63n - 1n, method: 'setBigInt64'},
  t: {least: 0n, most: 2n ** 64n - 1n, method: 'setBigUint64'},
};

function describe(value) {
  if (typeof value === 'string')
    return JSON.stringify(value);
  if (typeof value === 'object' && value !== null)
    return `an object (${value.constructor?.name ?? 'without a class'})`;
  return typeof value === 'function' ? 'a function' : String(value);
}

class Writer {
  constructor(name, size) {
    this.name = name;
    this.keys = []; // that lead from the whole to the value at hand
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  refuse(ErrorType, what, wanted) {
    const place = this.keys.map(key => `[${key}]`).join('');
    throw new ErrorType(`${this.name}${place} is ${what}, but has to be ${wanted}`);
  }

  write(node, value, offset) {
    if (node.string in INTEGERS)
      this.writeInteger(node, value, offset);
    else if (node.string === 'd')
      this.writeDouble(value, offset);
    else if (node.string === 'b')
      this.writeBoolean(value, offset);
    else
      this.writeTuple(node, value, offset);
  }

  writeInteger({string, size}, value, offset) {
    const {least, most, method} = INTEGERS[string];
    const isNumber = typeof value === 'number';
    if (!isNumber && typeof value !== 'bigint')
      this.refuse(TypeError, describe(value), `a whole number from ${least} to ${most}`);
    if (isNumber && !Number.isInteger(value) || value < least || value > most)
      this.refuse(RangeError, value, `a whole number from ${least} to ${most}`);
    this.view[method](offset, size === 8 ? BigInt(value) : Number(value), LITTLE_ENDIAN);
  }

  writeDouble(value, offset) {
    if (typeof value !== 'number')
      this.refuse(TypeError, describe(value), 'a number');
    this.view.setFloat64(offset, value, LITTLE_ENDIAN);
  }

  writeBoolean(value, offset) {
    if (typeof value !== 'boolean')
      this.refuse(TypeError, describe(value), 'true or false');
    this.bytes[offset] = value ? 1 : 0;
  }

  writeTuple({string, members}, values, offset) {
    if (!Array.isArray(values) || values.length !== members.length) {
      this.refuse(TypeError, Array.isArray(values) ? `an Array of ${values.length}` : describe(values),
        `an Array of ${members.length}, for the type ${string}`);
    }
    let end = offset;
    members.forEach((member, i) => {
      const begin = end + member.alignment - 1 & -member.alignment;
      this.keys.push(i);
      this.write(member, values[i], begin);
      this.keys.pop();
      end = begin + member.size;
    });
  }

  writeArray({element}, values) {
    for (let i = 0; i < values.length; i++) {
      this.keys[0] = i;
      this.write(element, values[i], i * element.size);
    }
  }
}

/**
 * Encodes a value of a type of fixed size, or an array of such.
 *
 * @param {string} type - the GVariant type string
 * @param {*} value - what to encode; nothing but what the type holds is taken
 * @param {string} name - what messages call it
 * @returns {Uint8Array} the bytes
 * @throws {TypeError} for values of another sort
 * @throws {RangeError} for numbers that the type does not hold
 */
function encodeFixed(type, value, name) {
  const node = parseType(type);
  if (node.element === null) {
    const writer = new Writer(name, node.size);
    writer.write(node, value, 0);
    return writer.bytes;
  }
  const values = [...value];
  const writer = new Writer(name, values.length * node.element.size);
  writer.writeArray(node, values);
  return writer.bytes;
}

/**
 * Finds the numbers of a type of whole numbers that a number of JavaScript holds without loss.
 *
 * @param {string} type - the letter
 * @returns {{least: number, most: number}} the ends of the range
 */
function getSafeRange(type) {
  const {least, most} = INTEGERS[type];
  return {
    least: Math.max(Number(least), Number.MIN_SAFE_INTEGER),
    most: Math.min(Number(most), Number.MAX_SAFE_INTEGER),
  };
}
