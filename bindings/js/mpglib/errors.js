// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported addReport, describeError, explainErrors */

// Errors on their way between processes.

const {fromVariant} = imports.mpglib.values;

// Frames of the worker program and of the engine's own modules, which tell nobody anything.
const OUR_FRAME = /\/mpglib\/worker\w*\.js:|@resource:\/\/\/org\/gnome\/gjs\//;

/**
 * Adds to an error what the process where it came from says of it.
 *
 * @param {GLib.Error} error - the error
 * @param {?GLib.Variant} report - what get_report() says, of type (sissssay)
 * @returns {GLib.Error} the same, with `remoteName`, `remoteMessage` and `remoteStack` if they are known: the class of
 *   the error there, its message and its stack, in the form of that process's language
 */
function addReport(error, report) {
  if (!report)
    return error;
  const [, , message, name, stack] = fromVariant(report);
  // A wait that failed is not what went wrong there.
  if ((name !== '' || stack !== '') && error.message.includes(message)) {
    error.remoteName = name;
    error.remoteMessage = message;
    error.remoteStack = stack;
  }
  return error;
}

/**
 * Adds to the errors that a method throws what is known of them.
 *
 * @param {object} prototype - the prototype that has the method
 * @param {string} name - its name
 * @param {function(object, Error, ...*): Error} explain - adds it, of the object that the method was called of with
 *   these arguments
 */
function explainErrors(prototype, name, explain) {
  const method = prototype[name];
  prototype[name] = function (...args) {
    try {
      return method.apply(this, args);
    } catch (error) {
      throw explain(this, error, ...args);
    }
  };
}

function isSurelyError(value) {
  try {
    return value instanceof Error || typeof value?.message === 'string';
  } catch { // of a Proxy, say
    return false;
  }
}

// Code of the value's own makes the text, and may throw whatever it likes.
function makeText(make, substitute) {
  try {
    return String(make());
  } catch {
    return substitute;
  }
}

/**
 * Describes whatever was thrown. It does not throw itself: somebody waits for what it says.
 *
 * @param {*} error - any value
 * @returns {{name: string, message: string, stack: string}} strings in any case; the stack without frames of ours
 */
function describeError(error) {
  const substitute = '(it cannot be made a string)';
  if (!isSurelyError(error))
    return {name: typeof error, message: makeText(() => error, substitute), stack: ''};
  return {
    name: makeText(() => error.constructor?.name ?? error.name, 'Error'),
    message: makeText(() => error.message, substitute),
    stack: makeText(() => error.stack ?? '', '').split('\n').filter(line => !OUR_FRAME.test(line)).join('\n'),
  };
}
