// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported isPromisified, markPromisified, promisify, promisifyAs */

// Asynchronous pairs as functions that return promises. They get all their arguments: see signatures.js.

const {notePromiseSettled} = imports.mpglib.garbage;

const promisified = new WeakSet();

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
 * @param {Function} promise - what is called instead, with the same arguments
 */
function promisifyAs(owner, name, promise) {
  const begin = owner[name];
  owner[name] = function (...args) {
    const func = typeof args[args.length - 1] === 'function' ? begin : promise;
    return func.apply(this, args);
  };
  markPromisified(owner[name]);
}

/**
 * Makes a function x_async, with its x_finish, return a promise where no callback is given.
 *
 * @param {object} owner - what has the functions: a prototype, or the namespace
 * @param {string} name - the name of the first
 */
function promisify(owner, name) {
  const begin = owner[name];
  const finishName = name.replace(/_async$/, '_finish');

  promisifyAs(owner, name, function (...args) {
    const caller = new Error();
    return new Promise((resolve, reject) => {
      begin.call(this, ...args, (source, result) => {
        notePromiseSettled();
        try {
          resolve(owner[finishName].call(this, result));
        } catch (error) {
          addCaller(error, caller);
          reject(error);
        }
      });
    });
  });
}

/**
 * Notes that a function returns promises.
 *
 * @param {Function} func - the function
 */
function markPromisified(func) {
  promisified.add(func);
}

/**
 * Tells whether a function returns promises.
 *
 * @param {Function} func - the function
 * @returns {boolean} whether it does
 */
function isPromisified(func) {
  return promisified.has(func);
}
