// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported toMessage */

// Values with objects among them that can be handed to other processes.

/**
 * Makes a variant, or a message if objects have to go with it.
 *
 * @param {object} Mp - the namespace
 * @param {function(function(GObject.Object): ?number): ?GLib.Variant} encode - makes the variant, with the function
 *   that keeps an object beside it and returns its index there
 * @returns {{variant: ?GLib.Variant, message: ?Mp.Message}} the variant and, if there are objects, the message
 */
function toMessage(Mp, encode) {
  const objects = [];
  const variant = encode(object => object instanceof Mp.Shareable ? objects.push(object) - 1 : null);
  if (objects.length === 0)
    return {variant, message: null};

  const message = Mp.Message.new(variant);
  for (const object of objects)
    message.attach(object);
  return {variant, message};
}
