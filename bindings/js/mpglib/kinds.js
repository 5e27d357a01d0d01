// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported checkArray, checkCodec, checkText, demandBytes, demandData, describe, isFlags, isInstance, isInt32,
   keyKind, listNames, takeBuffers, toBytes */

// What is asked of values that GJS would take for others, or refuse in words of its own.

const {GLib, GObject} = imports.gi;
const {isPromisified, markPromisified} = imports.mpglib.promises;

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

/**
 * Tells whether GJS can make an object of the library's of a value. What only has the prototype of one passes for it
 * elsewhere, and is nothing that a function may get that returns an array: see results.js.
 *
 * @param {*} value - the value
 * @param {Function} cls - the class that it has to be of
 * @returns {boolean} whether it is one
 */
function isInstance(value, cls) {
  if (!(value instanceof cls))
    return false;
  try {
    GObject.Object.prototype.is_floating.call(value);
    return true;
  } catch {
    return false;
  }
}

/**
 * Tells whether a value is a whole number of 32 bits with a sign. Of any other GJS would take the lowest 32 bits, which
 * are a descriptor too, but another one.
 *
 * @param {*} value - the value
 * @returns {boolean} whether it is one
 */
function isInt32(value) {
  return Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff;
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

// Half of a character of UTF-16 is none, and stands for no bytes.
const NO_TEXT = /\0|\p{Surrogate}/u;

/**
 * Checks a text: at a NUL GJS would cut it off, and of a lone surrogate make another character, which are addresses and
 * names, too, but not those that were meant.
 *
 * @param {*} text - the text; anything but strings is looked at elsewhere
 * @param {string} name - what messages call it
 * @returns {*} it as it is
 * @throws {RangeError} if it has one of these
 */
function checkText(text, name) {
  const place = typeof text === 'string' ? text.search(NO_TEXT) : -1;
  if (place >= 0) {
    throw new RangeError(`${name} is ${JSON.stringify(text)}, but has to be without ` +
      `${text[place] === '\0' ? 'the NUL' : 'the lone surrogate'} at position ${place}`);
  }
  return text;
}

// As mp_message_is_codec_name() has it.
const CODEC = /^(?!gvariant$)[a-z0-9.-]{1,32}$/;

/**
 * Checks the name of a codec, of which the library would take another one, or none, for a fault of C.
 *
 * @param {*} codec - the name; anything but strings is looked at elsewhere
 * @returns {*} it as it is
 * @throws {RangeError} if no codec of bytes can be called that
 */
function checkCodec(codec) {
  if (typeof codec === 'string' && !CODEC.test(codec)) {
    throw new RangeError(`codec is ${JSON.stringify(codec)}, but has to be a name of 1 to 32 characters of a to z, ` +
      "0 to 9, '-' and '.', other than 'gvariant', which values have");
  }
  return codec;
}

/**
 * Checks a variant that is to be an array, which the library would end the program of if it is none.
 *
 * @param {GLib.Variant} variant - the variant
 * @param {string} name - what messages call it
 * @param {boolean} [isTupleToo] - whether it may be a tuple, too
 * @returns {GLib.Variant} it as it is
 * @throws {TypeError} if it is of another type
 */
function checkArray(variant, name, isTupleToo = false) {
  const type = variant.get_type_string();
  const wanted = isTupleToo ? 'array or tuple' : 'array';
  if (!type.startsWith('a') && !(isTupleToo && type.startsWith('(')))
    throw new TypeError(`${name} are a GLib.Variant of type '${type}', which is no ${wanted}`);
  return variant;
}

const BUFFERS = 'a Uint8Array, another typed array, a DataView, an ArrayBuffer or a GLib.Bytes';

/**
 * The bytes of a buffer of any kind, for what takes a GLib.Bytes.
 *
 * @param {*} value - the buffer
 * @param {string} [name] - what messages call it
 * @returns {Uint8Array|GLib.Bytes} its bytes
 * @throws {TypeError} if it is none
 */
function demandBytes(value, name = 'bytes') {
  const bytes = toBytes(value);
  if (bytes === null)
    throw new TypeError(`${name} is ${describe(value)}, but has to be ${BUFFERS}`);
  return bytes;
}

const isByte = value => Number.isInteger(value) && value >= 0 && value <= 0xff;

/**
 * The bytes of a buffer of any kind, for what takes an array of bytes. A string is taken as UTF-8, and an Array of
 * bytes as it is.
 *
 * @param {*} value - the buffer
 * @returns {Uint8Array|string|number[]} its bytes
 * @throws {TypeError} if it is none
 */
function demandData(value) {
  if (typeof value === 'string' || value === null || Array.isArray(value) && value.every(isByte))
    return value;
  const bytes = demandBytes(value, 'data');
  return bytes instanceof GLib.Bytes ? bytes.toArray() : bytes;
}

/**
 * Has functions take buffers of any kind as their first arguments.
 *
 * @param {object} prototype - whose they are
 * @param {string} name - that of one; the other is its asynchronous form
 * @param {function(*): *} demand - what the argument is made by
 */
function takeBuffers(prototype, name, demand) {
  const Usual = Uint8Array; // as all global names, it would be looked up each time
  for (const fullName of [name, `${name}_async`]) {
    const func = prototype[fullName];
    prototype[fullName] = function (buffer, ...rest) {
      return func.call(this, buffer instanceof Usual ? buffer : demand(buffer), ...rest);
    };
    if (isPromisified(func))
      markPromisified(prototype[fullName]);
  }
}

/**
 * Makes a key of bytes.
 *
 * @param {*} value - a key, or what it may be made of
 * @returns {*} a key; what else it was, which is to be refused
 */
function toKey(value) {
  const bytes = toBytes(value);
  return bytes === null ? value : imports.gi.Mp.AuthKey.new(bytes);
}

// What a key has to be, where one is given.
var keyKind = {
  convert: toKey,
  is: value => value instanceof imports.gi.Mp.AuthKey,
  text: 'an Mp.AuthKey, or the bytes of one: a Uint8Array, as new TextEncoder().encode(text) gives one',
};
