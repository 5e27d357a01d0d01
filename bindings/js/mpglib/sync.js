// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendSync */

// Locks, semaphores, events, conditions and barriers with promises.

const {GLib, GObject} = imports.gi;
const {promisify} = imports.mpglib.promises;

// What can be acquired, and what else can be waited for.
const GUARDS = ['Lock', 'RLock', 'Semaphore', 'Condition'];
const WAITS = ['Event', 'Condition', 'Barrier'];

// The numbers that the classes are made with.
const RANGES = [
  {className: 'Semaphore', property: 'value', least: 0, most: 0x3fffffff},
  {className: 'BoundedSemaphore', property: 'value', least: 0, most: 16000},
  {className: 'Barrier', property: 'parties', least: 1, most: 8000},
];

/**
 * Has a constructor refuse numbers that are out of range, where GObject would warn and take another.
 *
 * @param {object} Mp - the namespace
 * @param {object} range - one of RANGES
 */
function checkRange(Mp, {className, property, least, most}) {
  const cls = Mp[className];
  cls.prototype._init = function (properties = {}) {
    const value = properties[property];
    if (typeof value === 'number' && !(Number.isInteger(value) && value >= least && value <= most))
      throw new RangeError(`${property} is ${value}, but has to be a whole number from ${least} to ${most}`);
    return GObject.Object.prototype._init.call(this, properties);
  };
  cls.new = function (value) {
    return new cls({[property]: value});
  };
}

const LARGEST_UINT32 = 0xffffffff;

function now() {
  return GLib.get_monotonic_time() / 1e6;
}

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
 * condition waits until it is true, and rejects where it is not within the time given. Numbers of permits and parties
 * that are out of range are RangeErrors. notify(count = 1) of a condition is notify_many(count).
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

  for (const range of RANGES)
    checkRange(Mp, range);

  // What GObject.Object has of this name takes that of a property.
  Mp.Condition.prototype.notify = function (count = 1) {
    if (typeof count === 'string')
      GObject.Object.prototype.notify.call(this, count);
    else if (Number.isInteger(count) && count >= 0 && count <= LARGEST_UINT32)
      this.notify_many(count);
    else
      throw new RangeError(`count is ${String(count)}, but has to be a whole number of those who wait, from 0 on`);
  };

  // eslint-disable-next-line camelcase
  Mp.Condition.prototype.wait_for_async = async function (predicate, timeout = -1, cancellable = null) {
    const end = now() + timeout;
    let result = predicate();
    while (!result) {
      const left = timeout < 0 ? -1 : Math.max(0, end - now());
      try {
        await this.wait_async(left, cancellable); // eslint-disable-line no-await-in-loop
      } catch (error) {
        result = error.matches?.(Mp.Error, Mp.Error.TIMED_OUT) && predicate();
        if (!result)
          throw error;
        break;
      }
      result = predicate();
    }
    return result;
  };
}
