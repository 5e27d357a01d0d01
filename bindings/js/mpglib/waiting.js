// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendWaiting */

// Waiting for the first of many objects.

const {Gio} = imports.gi;
const {describe, isInstance, isInt32} = imports.mpglib.kinds;
const {markPromisified, promisify} = imports.mpglib.promises;
const {extendUnreadWaiting} = imports.mpglib.unread;
const {hasUntold} = imports.mpglib.untold;

const ACCEPTABLE = 'an Mp.Connection, Mp.Queue, Mp.Listener, Mp.Process, Mp.Descriptor, Gio.Socket or ' +
  "Gio.PollableInputStream, or a descriptor's number";

// The library must not get what GJS cannot make a GObject of, which the process would die of: see results.js.
function isWaitable(Mp, object) {
  return object instanceof Mp.Waitable || object instanceof Gio.PollableInputStream || isInstance(object, Gio.Socket);
}

function toArray(objects) {
  if (typeof objects?.[Symbol.iterator] !== 'function')
    throw new TypeError('what is waited for has to be an Array, or another iterable, of objects and descriptors');
  return Array.from(objects);
}

// What the library waits for, in place of each of the objects.
function toWaitables(Mp, objects) {
  return objects.map((object, i) => {
    if (isInt32(object))
      return Mp.Descriptor.duplicate(object);
    if (!isWaitable(Mp, object))
      throw new TypeError(`objects[${i}] cannot be waited for: it is ${describe(object)}, but has to be ${ACCEPTABLE}`);
    return object;
  });
}

function pick(objects, waitables, ready) {
  const set = new Set(ready);
  return objects.filter((_, i) => set.has(waitables[i]));
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

  Mp.wait_many = function (iterable, ...rest) {
    const objects = toArray(iterable);
    const waitables = toWaitables(Mp, objects);
    return pick(objects, waitables, wait.call(Mp, waitables, ...rest));
  };
  Mp.wait_many_async = function (iterable, ...rest) {
    const objects = toArray(iterable);
    const waitables = toWaitables(Mp, objects);
    const promise = begin.call(Mp, waitables, ...rest);
    return promise?.then(ready => pick(objects, waitables, ready));
  };
  markPromisified(Mp.wait_many_async);
}
