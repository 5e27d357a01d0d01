// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendIndices */

// Objects that are indexed as Arrays are. One of GJS's cannot be a Proxy, but what it does not have itself is looked
// for along its prototypes, and one of those can.

/**
 * Minus and points too: no such element is there, and a member of that name would be nobody else's.  As a number is
 * written, though: '00' and '1e3' are names.
 *
 * @param {string|symbol} key - of a member
 * @returns {boolean} whether object[i] asks for it with some number i
 */
function isIndex(key) {
  return typeof key === 'string' && /^-?[0-9]/.test(key) && String(Number(key)) === key;
}

/**
 * Has object[i] and object[i] = value be what calls are.
 *
 * @param {object} prototype - that of the class
 * @param {Function} get - what object[i] does, with the position as a number; RangeErrors are its own
 * @param {Function} set - what object[i] = value does
 */
function extendIndices(prototype, get, set) {
  const last = Object.create(Object.getPrototypeOf(prototype));

  Object.setPrototypeOf(prototype, new Proxy(last, {
    get(target, key, receiver) {
      return isIndex(key) ? get.call(receiver, Number(key)) : Reflect.get(target, key, receiver);
    },
    set(target, key, value, receiver) {
      if (!isIndex(key))
        return Reflect.set(target, key, value, receiver);
      set.call(receiver, Number(key), value);
      return true;
    },
    // Those functions of Array that take other objects ask which elements there are; this does not tell of which
    // object, so it says what holds for all elements that those ask for, from 0 to the length.
    has(target, key) {
      return isIndex(key) && !key.startsWith('-') && !key.includes('.') || Reflect.has(target, key);
    },
  }));
}
