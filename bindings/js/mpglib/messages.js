// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendMessage, fromMessage, refuseAttaching, toMessage, wrapValue */

// Values with objects among them that can be handed to other processes.

const {construct} = imports.mpglib.constructors;
const {checkCodec} = imports.mpglib.kinds;
const {fromVariant, toVariant} = imports.mpglib.values;

/**
 * Has the constructor of messages look at its properties.
 *
 * @param {object} Mp - the namespace
 */
function extendMessage({Message}) {
  Message.prototype._init = function (properties = {}) {
    const {value = null, codec = null} = properties;
    const bytes = properties.payloadBytes ?? properties.payload_bytes ?? properties['payload-bytes'] ?? null;
    if (value !== null && (bytes !== null || codec !== null))
      throw new TypeError('a message has either a value, or payloadBytes and their codec');
    checkCodec(codec);
    return construct(this, properties);
  };
}

/**
 * Makes a variant, or a message if objects have to go with it.
 *
 * @param {object} Mp - the namespace
 * @param {function(function(GObject.Object): ?number): ?GLib.Variant} encode - makes the variant, with the function
 *   that keeps an object beside it and returns its index there
 * @returns {{variant: ?GLib.Variant, message: ?Mp.Message}} the variant and, if there are objects, the message
 */
function toMessage(Mp, encode) {
  const indices = new Map(); // once each, however often it is in the value
  const variant = encode(object => {
    if (!(object instanceof Mp.Shareable))
      return null;
    if (!indices.has(object))
      indices.set(object, indices.size);
    return indices.get(object);
  });
  if (indices.size === 0)
    return {variant, message: null};

  const message = Mp.Message.new(variant);
  for (const object of indices.keys())
    message.attach(object);
  return {variant, message};
}

/**
 * Makes what refuses objects that can be handed over where nothing can go with a value.
 *
 * @param {object} Mp - the namespace
 * @param {string} remedy - what to do instead
 * @returns {function(GObject.Object): null} the attach function of encode()
 */
function refuseAttaching(Mp, remedy) {
  return object => {
    if (object instanceof Mp.Shareable)
      throw new TypeError(`${object} cannot be sent this way: ${remedy}`);
    return null;
  };
}

/**
 * Makes a message of a value, with all objects in it that can be handed to other processes.
 *
 * @param {object} Mp - the namespace
 * @param {*} value - the value, or a GLib.Variant, which is taken as it is
 * @returns {Mp.Message} the message
 * @throws {TypeError|RangeError} as toVariant()
 */
function wrapValue(Mp, value) {
  const {variant, message} = toMessage(Mp, attach => toVariant(value, attach));
  return message ?? Mp.Message.new(variant);
}

/**
 * Takes a value out of a message, with the objects that came with it. Bytes that were sent as such are a Uint8Array.
 *
 * @param {object} Mp - the namespace
 * @param {Mp.Message} message - the message
 * @param {string} [remedy] - what else can be done about one of another codec
 * @returns {*} the value
 * @throws {Mp.Error} if it is in a form that another language has for itself
 * @throws {RangeError} as fromVariant()
 */
function fromMessage(Mp, message, remedy = 'or take its get_payload_bytes()') {
  const codec = message.get_codec();
  if (codec === 'raw')
    return message.get_payload_bytes().toArray();
  if (codec !== 'gvariant') {
    throw new Mp.Error({
      code: Mp.Error.WRONG_CODEC,
      message: `The message holds no GVariant but bytes of the codec '${codec}', which JavaScript does not read: ` +
        `let its sender send a GLib.Variant, ${remedy}`,
    });
  }
  return fromVariant(message.get_value(), index => message.get_attachment(index));
}
