// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported makePorts */

// How what is shared goes in and out: numbers by the functions that the library has for them, which take a fraction of
// the time of variants; all else, and what is to be refused, as variants.

const {GLib} = imports.gi;
const {getSafeRange} = imports.mpglib.gvariant.fixed;
const {fromVariant, toFixed} = imports.mpglib.values;

const WHOLE = ['y', 'n', 'q', 'i', 'u', 'x', 't'];
const LONG = ['x', 't'];

// By the last of the arguments.
function choose(isUsual, usual, other) {
  return function (...args) {
    return (isUsual(args[args.length - 1]) ? usual : other).apply(this, args);
  };
}

/**
 * What reads and writes by the functions of one class. All take its object as `this`; the places in it, if there are
 * any, are their first arguments, and what is written the last.
 */
class Ports {
  /**
   * @param {object} functions - those of the library: get, set, getDouble, setDouble, getInt64, setInt64, getNumber
   */
  constructor(functions) {
    this.functions = functions;
    this.byType = new Map();
    this.byObject = new WeakMap();
  }

  /**
   * Finds what suits an object; that is asked for its type once only.
   *
   * @param {object} object - a value or an array
   * @param {function(object): object} describe - gives its type, and what else is to be remembered of it
   * @returns {{type: string, read: Function, write: Function}} what reads and writes
   */
  find(object, describe) {
    let port = this.byObject.get(object);
    if (port === undefined) {
      const described = describe(object);
      port = {...this.findType(described.type), ...described};
      this.byObject.set(object, port);
    }
    return port;
  }

  findType(type) {
    let port = this.byType.get(type);
    if (port === undefined) {
      port = {read: this.makeReader(type), write: this.makeWriter(type)};
      // Types of structures are without end.
      if (type.length === 1)
        this.byType.set(type, port);
    }
    return port;
  }

  makeReader(type) {
    const {get, getDouble, getInt64, getNumber} = this.functions;
    if (type === 'd')
      return getDouble;
    if (type === 'b') {
      return function (...places) {
        return getNumber.apply(this, places) !== 0;
      };
    }
    if (!LONG.includes(type) && WHOLE.includes(type))
      return getInt64;
    const read = function (...places) {
      return fromVariant(get.apply(this, places));
    };
    if (!LONG.includes(type))
      return read;
    return function (...places) {
      const number = getNumber.apply(this, places);
      return Number.isSafeInteger(number) ? number : read.apply(this, places);
    };
  }

  makeWriter(type) {
    const {set, setDouble, setInt64} = this.functions;
    const write = function (...args) {
      const value = toFixed(type, args.pop(), 'value');
      return set.call(this, ...args, value);
    };
    if (type === 'd')
      return choose(value => typeof value === 'number', setDouble, write);
    if (type === 'b') {
      const setBoolean = function (...args) {
        const value = GLib.Variant.new_boolean(args.pop());
        return set.call(this, ...args, value);
      };
      return choose(value => typeof value === 'boolean', setBoolean, write);
    }
    if (!WHOLE.includes(type))
      return write;
    const {least, most} = getSafeRange(type);
    return choose(value => Number.isInteger(value) && value >= least && value <= most, setInt64, write);
  }
}

/**
 * Makes the ports of a class.
 *
 * @param {object} prototype - that of the class, as the library made it
 * @param {string} what - what its functions for variants get and set
 * @returns {Ports} what reads and writes its objects
 */
function makePorts(prototype, what) {
  return new Ports({
    get: prototype[`get_${what}`],
    set: prototype[`set_${what}`],
    getDouble: prototype.get_double,
    setDouble: prototype.set_double,
    getInt64: prototype.get_int64,
    setInt64: prototype.set_int64,
    getNumber: prototype.get_number,
  });
}
