// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendConnection */

// Mp.Connection with values of JavaScript, and promises.

const {demandBytes, demandData, takeBuffers} = imports.mpglib.kinds;
const {wrapValue} = imports.mpglib.messages;
const {markPromisified, promisify} = imports.mpglib.promises;
const {fillRoom, findRoom} = imports.mpglib.rooms;
const {extendUnread} = imports.mpglib.unread;

const ASYNC = ['send_data', 'send_bytes', 'send_message', 'receive', 'receive_data', 'receive_bytes', 'receive_message',
  'wait_readable', 'deliver_challenge', 'answer_challenge'];

// Values go in messages, which take the objects among them along.
function extendSend(Mp, prototype) {
  const {send_message, send_message_async, send_message_finish} = prototype; // eslint-disable-line camelcase

  prototype.send = function (value, ...rest) {
    return send_message.call(this, wrapValue(Mp, value), ...rest);
  };
  prototype.send_async = function (value, ...rest) {
    return send_message_async.call(this, wrapValue(Mp, value), ...rest);
  };
  markPromisified(prototype.send_async);
  prototype.send_finish = send_message_finish; // eslint-disable-line camelcase
}

function extendReceiveInto(prototype) {
  const {receive_bytes, receive_bytes_async} = prototype; // eslint-disable-line camelcase

  prototype.receive_into = function (buffer, offset, timeout, cancellable) {
    const room = findRoom(buffer, offset);
    return fillRoom(room, receive_bytes.call(this, room.length, timeout, cancellable));
  };
  prototype.receive_into_async = async function (buffer, offset, timeout, cancellable) {
    const room = findRoom(buffer, offset);
    return fillRoom(room, await receive_bytes_async.call(this, room.length, timeout, cancellable));
  };
  markPromisified(prototype.receive_into_async);
}

// The values as they come, until the other end was closed, or this one here.
function extendIteration(Mp, prototype) {
  prototype[Symbol.asyncIterator] = async function* () {
    for (;;) {
      let value;
      try {
        value = await this.receive_async(); // eslint-disable-line no-await-in-loop
      } catch (error) {
        if (error.matches?.(Mp.Error, Mp.Error.CLOSED))
          return;
        throw error;
      }
      yield value;
    }
  };
}

/**
 * Extends Mp.Connection.
 *
 * send() and receive() take and give JavaScript values, as arguments and results of functions are; bytes that were
 * sent as such are received as a Uint8Array. A GLib.Variant is sent as it is, and the one that came is that of
 * receive_message(). x_async() return promises. Whatever waits does so for ever unless told otherwise, takes bytes
 * as `raw` and messages of any length. receive_into() puts bytes into an array of the caller's, from an offset on, and
 * returns how many there were. `for await (const value of connection)` ends when nothing more comes, or the
 * connection is closed here; that the peer died is an error. new_pair() returns both ends; open() one whose other end
 * a listener has.
 *
 * @param {object} Mp - the namespace
 */
function extendConnection(Mp) {
  const {prototype} = Mp.Connection;

  extendUnread(Mp);
  for (const name of ASYNC)
    promisify(prototype, `${name}_async`);
  extendSend(Mp, prototype);
  takeBuffers(prototype, 'send_bytes', demandBytes);
  takeBuffers(prototype, 'send_data', demandData);
  extendReceiveInto(prototype);
  extendIteration(Mp, prototype);

  promisify(Mp.Connection, 'open_async');
  promisify(Mp.Connection, 'open_with_wire_async');
  promisify(Mp.Connection, 'open_with_tls_async');
  promisify(Mp.Listener.prototype, 'accept_async');

  // GJS returns the boolean too, for which errors are thrown.
  const {new_pair: newPair} = Mp.Connection;
  Mp.Connection.new_pair = duplex => newPair(duplex).slice(1);

  prototype.toString = function () {
    return this.to_string();
  };
}
