// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendSync */

// Locks, semaphores, events, conditions and barriers with promises.

const {GLib, GObject} = imports.gi;
const {checkWhole, construct} = imports.mpglib.constructors;
const {promisify} = imports.mpglib.promises;

// What can be acquired, and what else can be waited for.
const GUARDS = ['Lock', 'RLock', 'Semaphore', 'Condition'];
const WAITS = ['Event', 'Condition', 'Barrier'];

// The numbers that the classes are made with.
const RANGES = [
  {className: 'Semaphore', property: 'value', least: 0, most: 0x3fffffff},
  {className: 'BoundedSemaphore', property: 'value', least: 0, most: 16000},
  {className: 'Barrier', property: 'parties', least: 1, most: 8000, isNeeded: true},
];

/**
 * Has a constructor refuse what is no number, or out of range, where GObject would take another.
 *
 * @param {object} Mp - the namespace
 * @param {object} range - one of RANGES
 */
function checkRange(Mp, {className, property, least, most, isNeeded = false}) {
  const cls = Mp[className];
  cls.prototype._init = function (properties = {}) {
    const {[property]: value, ...others} = properties;
    if (value === undefined && isNeeded)
      throw new TypeError(`${property} is missing: new Mp.${className}({${property}: 2})`);
    if (value !== undefined)
      checkWhole(property, value, least, most);
    return construct(this, value === undefined ? others : properties);
  };
  cls.new = function (value) {
    return new cls({[property]: value});
  };
}

// A lock of its own would guard nothing of what the given one does.
function checkConditionLock({Condition, Lock, RLock}) {
  Condition.prototype._init = function (properties = {}) {
    const {lock = null} = properties;
    if (lock !== null && !(lock instanceof Lock || lock instanceof RLock))
      throw new TypeError(`lock is ${String(lock)}, but has to be an Mp.Lock, an Mp.RLock or null`);
    return construct(this, {...properties, lock});
  };
  Condition.new = function (lock) {
    return new Condition({lock});
  };
}

const LARGEST_UINT32 = 0xffffffff;

// What an action may return: nothing is as good as anything but false.
function checkActionResult(result) {
  if (typeof result?.then === 'function') {
    throw new TypeError('the action of a barrier returned a promise, but nobody can await it there: ' +
      'the others wait, and go on when it returns');
  }
  return result !== false;
}

function extendAction({prototype}) {
  const {set_action} = prototype; // eslint-disable-line camelcase

  prototype.set_action = function (action) {
    return set_action.call(this, action && (barrier => checkActionResult(action(barrier))));
  };
}

// What a condition tells of its lock.
function extendCondition({prototype}) {
  Object.defineProperty(prototype, 'locked', {
    configurable: true,
    enumerable: true,
    get() {
      return this.get_lock().is_locked();
    },
  });
  for (const name of ['is_locked', 'is_abandoned']) {
    prototype[name] = function () {
      return this.get_lock()[name]();
    };
  }
}

function now() {
  return GLib.get_monotonic_time() / 1e6;
}

/**
 * Runs a function that has the lock, and gives it back in any case.
 *
 * @param {object} guard - a lock, semaphore or condition
 * @param {Function} func - the function; it may return a promise
 * @param {number} timeout - how many seconds to wait for the lock
 * @param {?Gio.Cancellable} cancellable - what ends that wait
 * @returns {Promise} what the function returned
 */
async function withGuard(guard, func, timeout, cancellable) {
  await guard.acquire_async(timeout, cancellable);
  try {
    return await func(guard);
  } finally {
    guard.release();
  }
}

/**
 * Extends the classes of synchronisation.
 *
 * x_async() return promises. run(func, timeout, cancellable) acquires, awaits the function, and releases.
 * wait_for_async(predicate) of a condition waits until it is true, and rejects where it is not within the time given.
 * Numbers of permits and parties that are out of range are RangeErrors. notify(count = 1) of a condition is
 * notify_many(count), and it has the `locked`, is_locked() and is_abandoned() of its lock. The action of a barrier
 * fails by throwing, or by returning false.
 *
 * @param {object} Mp - the namespace
 */
function extendSync(Mp) {
  for (const name of GUARDS) {
    const {prototype} = Mp[name];
    promisify(prototype, 'acquire_async');
    prototype.run = function (func, timeout, cancellable) {
      return withGuard(this, func, timeout, cancellable);
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
  checkConditionLock(Mp);
  extendCondition(Mp.Condition);
  extendAction(Mp.Barrier);

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
