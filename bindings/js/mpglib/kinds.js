// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported describe, isFlags, keyKind, listNames, toBytes */

// What is asked of values that GJS would take for others, or refuse in words of its own.

const {GLib} = imports.gi;

/**
 * Names a value in a message.
 *
 * @param {*} value - the value
 * @returns {string} it in a few words
 */
function describe(value) {
  if (value === null || value === undefined)
    return String(value);
  if (typeof value === 'function')
    return 'a function';
  if (typeof value === 'object')
    return `an object (${value.constructor?.name ?? 'without a class'})`;
  return `${typeof value === 'string' ? JSON.stringify(value) : String(value)}`;
}

function listNumbers(type) {
  return Object.entries(type).filter(([, number]) => typeof number === 'number');
}

/**
 * The names of the members of an enumeration or of flags.
 *
 * @param {string} typeName - what messages call the type
 * @param {object} type - what has the members
 * @returns {string} the names, with that of the type before each
 */
function listNames(typeName, type) {
  return listNumbers(type).map(([name]) => `${typeName}.${name}`).join(', ');
}

/**
 * Tells whether a value is a sum of flags.
 *
 * @param {*} value - the value
 * @param {object} type - what has the flags
 * @returns {boolean} whether it is a whole number in which there is nothing else
 */
function isFlags(value, type) {
  const known = listNumbers(type).reduce((sum, [, number]) => sum | number, 0);
  return Number.isInteger(value) && value >= 0 && value <= known && (value & ~known) === 0;
}

/**
 * The bytes of a buffer of any kind, which are not copied.
 *
 * @param {*} value - the buffer
 * @returns {?(Uint8Array|GLib.Bytes)} its bytes, null if it is no buffer
 */
function toBytes(value) {
  if (value instanceof Uint8Array || value instanceof GLib.Bytes)
    return value;
  if (value instanceof ArrayBuffer)
    return new Uint8Array(value);
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null;
}

// What a key has to be, where one is given.
var keyKind = {
  is: value => value instanceof imports.gi.Mp.AuthKey,
  text: 'an Mp.AuthKey, as Mp.AuthKey.new(bytes) gives one',
};
