// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendSync */

// Locks, semaphores, events, conditions and barriers with promises.

const {promisify} = imports.mpglib.promises;

// What can be acquired, and what else can be waited for.
const GUARDS = ['Lock', 'RLock', 'Semaphore', 'Condition'];
const WAITS = ['Event', 'Condition', 'Barrier'];

/**
 * Runs a function that has the lock, and gives it back in any case.
 *
 * @param {object} guard - a lock, semaphore or condition
 * @param {Function} func - the function; it may return a promise
 * @returns {Promise} what the function returned
 */
async function withGuard(guard, func) {
  await guard.acquire_async();
  try {
    return await func(guard);
  } finally {
    guard.release();
  }
}

/**
 * Extends the classes of synchronisation.
 *
 * x_async() return promises. run(func) acquires, awaits the function, and releases. wait_for_async(predicate) of a
 * condition waits until it is true.
 *
 * @param {object} Mp - the namespace
 */
function extendSync(Mp) {
  for (const name of GUARDS) {
    const {prototype} = Mp[name];
    promisify(prototype, 'acquire_async');
    prototype.run = function (func) {
      return withGuard(this, func);
    };
  }
  for (const name of WAITS)
    promisify(Mp[name].prototype, 'wait_async');

  for (const name of [...GUARDS, 'BoundedSemaphore', ...WAITS]) {
    Mp[name].prototype.toString = function () {
      return this.to_string();
    };
  }

  // eslint-disable-next-line camelcase
  Mp.Condition.prototype.wait_for_async = async function (predicate, cancellable = null) {
    let result = predicate();
    while (!result) {
      await this.wait_async(-1, cancellable); // eslint-disable-line no-await-in-loop
      result = predicate();
    }
    return result;
  };
}
