// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendWaiting */

// Waiting for the first of many objects.

const {describe} = imports.mpglib.kinds;
const {markPromisified, promisify} = imports.mpglib.promises;
const {extendUnreadWaiting} = imports.mpglib.unread;
const {hasUntold} = imports.mpglib.untold;

// What the library waits for, in place of each of the objects.
function toWaitables(Mp, objects) {
  if (typeof objects?.[Symbol.iterator] !== 'function')
    throw new TypeError('what is waited for has to be an Array, or another iterable, of objects and descriptors');
  return Array.from(objects, object => {
    if (Number.isInteger(object))
      return Mp.Descriptor.duplicate(object);
    if (typeof object !== 'object' || object === null)
      throw new TypeError(`${describe(object)} cannot be waited for: give an object, or a descriptor's number`);
    return object;
  });
}

function pick(objects, waitables, ready) {
  const set = new Set(ready);
  return Array.from(objects).filter((_, i) => set.has(waitables[i]));
}

/**
 * Extends the namespace.
 *
 * wait_many() takes numbers of descriptors, too, and returns what it was given, of which it is that is ready;
 * wait_many_async() returns a promise of that.
 *
 * @param {object} Mp - the namespace
 */
function extendWaiting(Mp) {
  extendUnreadWaiting(Mp, hasUntold);
  const {wait_many: wait} = Mp;
  promisify(Mp, 'wait_many_async');
  const {wait_many_async: begin} = Mp;

  Mp.wait_many = function (objects, ...rest) {
    const waitables = toWaitables(Mp, objects);
    return pick(objects, waitables, wait.call(Mp, waitables, ...rest));
  };
  Mp.wait_many_async = function (objects, ...rest) {
    const waitables = toWaitables(Mp, objects);
    const promise = begin.call(Mp, waitables, ...rest);
    return promise?.then(ready => pick(objects, waitables, ready));
  };
  markPromisified(Mp.wait_many_async);
}
