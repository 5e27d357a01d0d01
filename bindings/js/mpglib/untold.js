// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendUntold, hasUntold, keepUntold, tellUntold, untold */

// Errors of items that get_many() got among good ones, which it gives: the next call that gets something tells of them,
// as the library does of what is none.

const {wrapPair} = imports.mpglib.unread;

const UNTOLD = Symbol('untold');

const GETTING = ['get_bytes', 'get_frame', 'get_many', 'get_message', 'get_payload'];

// How many there are, of all queues: that is asked for much faster.
var untold = {count: 0};

/**
 * Tells whether the next call that gets something fails with such an error.
 *
 * @param {object} queue - any object
 * @returns {boolean} whether it does
 */
function hasUntold(queue) {
  return untold.count > 0 && queue[UNTOLD]?.length > 0 && !queue.is_closed();
}

/**
 * Keeps errors for the next calls, one for each.
 *
 * @param {Mp.Queue} queue - whose items they are of
 * @param {Error[]} errors - the errors
 */
function keepUntold(queue, errors) {
  queue[UNTOLD] ??= [];
  queue[UNTOLD].push(...errors);
  untold.count += errors.length;
}

/**
 * Throws the first of the errors, if there is one.
 *
 * @param {Mp.Queue} queue - what something is to be got from
 */
function tellUntold(queue) {
  if (!hasUntold(queue))
    return;
  untold.count--;
  throw queue[UNTOLD].shift();
}

function extendSync(prototype, name) {
  const get = prototype[name];
  prototype[name] = function (...args) {
    tellUntold(this);
    return get.apply(this, args);
  };
}

function extendTry(prototype, name) {
  const tryGet = prototype[name];
  prototype[name] = function (patience) {
    return hasUntold(this) ? new Uint8Array(0) : tryGet.call(this, patience);
  };
}

/**
 * Has all functions of Mp.Queue that get something tell of the errors, but get(), which does so itself. To be called
 * before they return promises.
 *
 * @param {object} prototype - that of Mp.Queue
 */
function extendUntold(prototype) {
  for (const name of GETTING) {
    extendSync(prototype, name);
    wrapPair(prototype, name, hasUntold, tellUntold);
  }
  wrapPair(prototype, 'get', hasUntold, tellUntold);
  // These do not tell, and leave it to those.
  for (const name of ['try_get_frame', 'try_get_value_frame'])
    extendTry(prototype, name);
}
