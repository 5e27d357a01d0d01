// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendConnection */

// Mp.Connection with promises, and arguments that may be left out.

const {fillArguments, promisify} = imports.mpglib.promises;

// What waits, with the arguments that stand before timeout and cancellable; of those, how many must be given.
const METHODS = {
  send: {before: 1, required: 1},
  send_data: {before: 2, required: 1},
  send_bytes: {before: 2, required: 1},
  send_message: {before: 1, required: 1},
  receive: {before: 0, required: 0},
  receive_data: {before: 1, required: 0, first: [0]},
  receive_bytes: {before: 1, required: 0, first: [0]},
  receive_message: {before: 0, required: 0},
  wait_readable: {before: 0, required: 0},
};

/**
 * Extends Mp.Connection.
 *
 * Its x_async() functions return promises; whatever waits does so for ever unless told otherwise, takes bytes
 * as `raw` and messages of any length. new_pair() returns both ends.
 *
 * @param {object} Mp - the namespace
 */
function extendConnection(Mp) {
  const {prototype} = Mp.Connection;

  for (const [name, {before, required, first = Array(before).fill(null)}] of Object.entries(METHODS)) {
    const defaults = [...first, -1, null];
    fillArguments(prototype, name, required, defaults.slice(required));
    promisify(prototype, `${name}_async`, {defaults});
  }
  fillArguments(prototype, 'poll', 0, [0]);

  // GJS returns the boolean too, for which errors are thrown.
  const {new_pair: newPair} = Mp.Connection;
  Mp.Connection.new_pair = (duplex = true) => newPair(duplex).slice(1);

  prototype.toString = function () {
    return this.to_string();
  };
}
