// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported toArguments, toFixed, toItem, toItems, toVariant, fromVariant, fromVariants */

// JavaScript values in and out of GLib.Variant objects. The tables at the head of gvariant/encoder.js and of
// gvariant/decoder.js say what becomes what.

const {GLib} = imports.gi;
const {encode, encodeTuple, encodeTuples} = imports.mpglib.gvariant.encoder;
const {encodeFixed} = imports.mpglib.gvariant.fixed;
const {decode, decodeEach} = imports.mpglib.gvariant.decoder;
const {checkArray} = imports.mpglib.kinds;

const LARGEST_TYPE_CACHE = 256;
const variantTypes = new Map();

function getVariantType(string) {
  let type = variantTypes.get(string);
  if (type === undefined) {
    if (variantTypes.size >= LARGEST_TYPE_CACHE)
      variantTypes.clear();
    type = new GLib.VariantType(string);
    variantTypes.set(string, type);
  }
  return type;
}

function makeVariant({type, bytes}) {
  return GLib.Variant.new_from_bytes(getVariantType(type), bytes, true);
}

/**
 * Makes a GLib.Variant of a value. One that is a GLib.Variant already is returned as it is.
 *
 * @param {*} value - the value
 * @param {function(GObject.Object): ?number} [attach] - see encode
 * @param {string} [name] - what messages call it
 * @returns {GLib.Variant} the variant, not floating
 * @throws {TypeError} if a part of the value has no GVariant form
 * @throws {RangeError} if a part of it is beyond what GVariants hold
 */
function toVariant(value, attach = null, name = 'value') {
  if (value instanceof GLib.Variant)
    return value;
  return makeVariant(encode(value, attach, name));
}

/**
 * Makes a GLib.Variant of a type of fixed size, or an array of such. One that is a GLib.Variant already is returned as
 * it is.
 *
 * @param {string} type - the GVariant type string
 * @param {*} value - the value
 * @param {string} name - what messages call it
 * @returns {GLib.Variant} the variant, not floating
 * @throws {TypeError|RangeError} as encodeFixed()
 */
function toFixed(type, value, name) {
  if (value instanceof GLib.Variant)
    return value;
  return makeVariant({type, bytes: encodeFixed(type, value, name)});
}

/**
 * Makes the arguments of a call: an Array has one argument an element, undefined and null are no arguments,
 * any other value is the only one. A GLib.Variant is taken as it is: a tuple has one argument a member.
 *
 * @param {*} value - the arguments
 * @param {function(GObject.Object): ?number} [attach] - see encode
 * @returns {?GLib.Variant} a tuple, or a value of another type, or null
 * @throws {TypeError|RangeError} as toVariant()
 */
function toArguments(value, attach = null) {
  if (value === undefined || value === null)
    return null;
  return Array.isArray(value) ? makeVariant(encodeTuple(value, attach)) : toVariant(value, attach);
}

/**
 * Makes one item of a map, of which a function is to be called.
 *
 * @param {*} item - the item
 * @param {boolean} starmap - whether it is the Array of the arguments of its call, and not one argument
 * @param {function(GObject.Object): ?number} [attach] - see encode
 * @returns {GLib.Variant} the item
 * @throws {TypeError|RangeError} as toVariant()
 */
function toItem(item, starmap, attach = null) {
  if (!starmap || item instanceof GLib.Variant)
    return toVariant(item, attach);
  if (!Array.isArray(item))
    throw new TypeError('an item of a starmap is the Array of the arguments of one call');
  return makeVariant(encodeTuple(item, attach));
}

/**
 * Makes the items of a map, of each of which a function is to be called.
 *
 * @param {Iterable|GLib.Variant} items - the items
 * @param {boolean} starmap - whether each is the Array of the arguments of its call, and not one argument
 * @param {function(GObject.Object): ?number} [attach] - see encode
 * @returns {GLib.Variant} an array
 * @throws {TypeError|RangeError} as toVariant()
 */
function toItems(items, starmap, attach = null) {
  if (items instanceof GLib.Variant)
    return checkArray(items, 'items');
  if (typeof items?.[Symbol.iterator] !== 'function')
    throw new TypeError('the items are not iterable: give an Array, a typed array or whatever else has an iterator');
  if (starmap)
    return makeVariant(encodeTuples([...items], attach));
  return toVariant(ArrayBuffer.isView(items) || Array.isArray(items) ? items : [...items], attach);
}

/**
 * Makes a value of a GLib.Variant, and of all variants within.
 *
 * @param {GLib.Variant} variant - the variant
 * @param {function(number): *} [lookUp] - see decode
 * @returns {*} the value
 * @throws {RangeError} if the variant is not in normal form, or nested too deeply
 */
function fromVariant(variant, lookUp = null) {
  const type = variant.get_type_string();
  // One call for a string, three for others. A double must not be got this way: GJS would take the bits of a
  // NaN that a peer chose for the engine's own, which is a way to forge objects.
  if (type === 's')
    return variant.get_string()[0];
  return decode(type, variant.get_data_as_bytes().toArray(), lookUp);
}

/**
 * Makes values of an array of variants, of each as if it were alone.
 *
 * @param {GLib.Variant} variants - the variants, `av`
 * @returns {{values: Array, errors: RangeError[]}} the values, and what is wrong with those that are left out there
 */
function fromVariants(variants) {
  return decodeEach(variants.get_data_as_bytes().toArray());
}
