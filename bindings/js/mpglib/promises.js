// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported fillArguments, isPromisified, promisify, promisifyAs */

// Asynchronous pairs as functions that return promises, and arguments that may be left out.

const {notePromiseSettled} = imports.mpglib.garbage;

const promisified = new WeakSet();

/**
 * Lets the last arguments of a function be left out.
 *
 * @param {object} owner - what has the function: a prototype, or the namespace
 * @param {string} name - its name
 * @param {number} required - how many arguments have to be given
 * @param {Array} defaults - the values of all others
 */
function fillArguments(owner, name, required, defaults) {
  const func = owner[name];
  owner[name] = function (...args) {
    return func.call(this, ...args, ...defaults.slice(Math.max(args.length - required, 0)));
  };
}

const OUR_FRAME = /\/mpglib\/\w+\.js:/;

// The place of the call, for people who read the stack of an error that comes from the main loop.
function addCaller(error, caller) {
  const frames = caller.stack.split('\n').filter(frame => !OUR_FRAME.test(frame));
  try {
    error.stack = `${error.stack ?? ''}### promised here: ###\n${frames.join('\n')}`;
  } catch {
    // An error that cannot be changed is as good without.
  }
}

/**
 * Makes a function x_async return a promise where no callback is given.
 *
 * @param {object} owner - what has the function: a prototype, or the namespace
 * @param {string} name - its name
 * @param {number} place - how many arguments come before the callback
 * @param {Function} promise - what is called instead, with the same arguments
 */
function promisifyAs(owner, name, place, promise) {
  const begin = owner[name];
  owner[name] = function (...args) {
    const func = typeof args[place] === 'function' ? begin : promise;
    return func.apply(this, args);
  };
  promisified.add(owner[name]);
}

/**
 * Makes a function x_async, with its x_finish, return a promise where no callback is given.
 *
 * @param {object} owner - what has the functions: a prototype, or the namespace
 * @param {string} name - the name of the first
 * @param {object} [how]
 * @param {Array} [how.defaults] - the values of the arguments before the callback, all of which may be left out
 * @param {function(object, *): *} [how.convert] - makes the promise's value of the object and of what the second
 *   function returned
 * @param {function(object, Error): Error} [how.explain] - makes the promise's error of the object and of what the
 *   second function threw
 */
function promisify(owner, name, {defaults = [], convert = null, explain = null} = {}) {
  const begin = owner[name];
  const finishName = name.replace(/_async$/, '_finish');

  promisifyAs(owner, name, defaults.length, function (...args) {
    const caller = new Error();
    return new Promise((resolve, reject) => {
      begin.call(this, ...args, ...defaults.slice(args.length), (source, result) => {
        notePromiseSettled();
        try {
          const value = owner[finishName].call(this, result);
          resolve(convert ? convert(this, value) : value);
        } catch (error) {
          addCaller(error, caller);
          reject(explain ? explain(this, error) : error);
        }
      });
    });
  });
}

/**
 * Tells whether a function returns promises.
 *
 * @param {Function} func - the function
 * @returns {boolean} whether it was made here
 */
function isPromisified(func) {
  return promisified.has(func);
}
