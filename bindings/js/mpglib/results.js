// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported shieldResults */

// What functions x_finish that return arrays are given. Where GJS cannot convert an argument of a function that returns
// an array, it frees what there is not, and the process dies: so they must not get anything else than a result.

const {Gio} = imports.gi;
const {describe} = imports.mpglib.kinds;

const FINISHING = {
  '': ['wait_many_finish'],
  Connection: ['receive_data_finish'],
  Queue: ['get_frame_finish', 'get_payload_finish'],
};

function shield(owner, name) {
  const finish = owner[name];
  owner[name] = function (result) {
    // An interface is asked of the object itself, and a class of its prototypes, which whatever can have.
    if (!(result instanceof Gio.AsyncResult))
      throw new TypeError(`result is ${describe(result)}, but has to be what the callback was given`);
    return finish.call(this, result);
  };
}

/**
 * Has these functions look at what they are given. To be called before others stand on them.
 *
 * @param {object} Mp - the namespace
 */
function shieldResults(Mp) {
  for (const [className, names] of Object.entries(FINISHING)) {
    for (const name of names)
      shield(Mp[className]?.prototype ?? Mp, name);
  }
}
