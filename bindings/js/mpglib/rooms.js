// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported fillRoom, findRoom */

// Memory of the caller's that is to be filled.

const {checkWhole} = imports.mpglib.constructors;

/**
 * The bytes of a buffer of any kind, from the offset on.
 *
 * @param {TypedArray|DataView|ArrayBuffer} buffer - whose they are
 * @param {number} offset - in bytes
 * @returns {Uint8Array} a view of them
 */
function findRoom(buffer, offset) {
  if (!ArrayBuffer.isView(buffer) && !(buffer instanceof ArrayBuffer))
    throw new TypeError('the buffer has to be a Uint8Array, another typed array, a DataView or an ArrayBuffer');
  const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
  if (bytes.length === 0)
    throw new RangeError('the buffer has no room');
  checkWhole('the offset', offset, 0, bytes.length - 1);
  return bytes.subarray(offset);
}

/**
 * @param {Uint8Array} room - where they go
 * @param {GLib.Bytes} got - which fit
 * @returns {number} how many there were
 */
function fillRoom(room, got) {
  const bytes = got.toArray();
  room.set(bytes);
  return bytes.length;
}
