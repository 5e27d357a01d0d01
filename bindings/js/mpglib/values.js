// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported toVariant, fromVariant */

// JavaScript values in and out of GLib.Variant objects. The tables at the head of gvariant/encoder.js and of
// gvariant/decoder.js say what becomes what.

const {GLib} = imports.gi;
const {encode} = imports.mpglib.gvariant.encoder;
const {decode} = imports.mpglib.gvariant.decoder;

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

/**
 * Makes a GLib.Variant of a value. One that is a GLib.Variant already is returned as it is.
 *
 * @param {*} value - the value
 * @param {function(GObject.Object): ?number} [attach] - see encode
 * @returns {GLib.Variant} the variant, not floating
 * @throws {TypeError} if a part of the value has no GVariant form
 * @throws {RangeError} if a part of it is beyond what GVariants hold
 */
function toVariant(value, attach = null) {
  if (value instanceof GLib.Variant)
    return value;
  const {type, bytes} = encode(value, attach);
  return GLib.Variant.new_from_bytes(getVariantType(type), bytes, true);
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
