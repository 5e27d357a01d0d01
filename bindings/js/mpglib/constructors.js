// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported checkConstructors, checkWhole */

// What constructors are given. They take one object with properties; what other languages, or multiprocessing, have
// in its place GJS would drop without a word, and the object would be another than was meant.

// How each class is made.
const FORMS = {
  Array: "new Mp.Array({elementType: 'i', length: 3}) or new Mp.Array({elements: [1, 2]})",
  AuthKey: 'Mp.AuthKey.new(bytes) of a Uint8Array, or Mp.AuthKey.new_random()',
  Barrier: 'new Mp.Barrier({parties: 2})',
  BoundedSemaphore: 'new Mp.BoundedSemaphore({value: 3})',
  Condition: 'new Mp.Condition() or new Mp.Condition({lock})',
  Event: 'new Mp.Event()',
  JoinableQueue: 'new Mp.JoinableQueue(), or new Mp.JoinableQueue({maxSize: 10, redelivery: true})',
  Listener: 'new Mp.Listener() or new Mp.Listener({address, key})',
  Lock: 'new Mp.Lock()',
  Pool: 'new Mp.Pool({n_workers: 2})',
  Queue: 'new Mp.Queue(), or new Mp.Queue({maxSize: 10, byteLimit: 1e6})',
  RLock: 'new Mp.RLock()',
  Semaphore: 'new Mp.Semaphore({value: 3})',
  ShareableList: "new Mp.ShareableList({items: [1, 'two']})",
  SharedMemory: 'new Mp.SharedMemory({size: 100})',
  SimpleQueue: 'new Mp.SimpleQueue()',
  TlsSettings: 'new Mp.TlsSettings({certificate, trusted, peerName})',
  Value: "new Mp.Value({valueType: 'i'}) or new Mp.Value({valueType: 'i', value: 3})",
};

// What others make: these have no properties to give.
const MAKERS = {
  Connection: 'Mp.Connection.new_pair(), Mp.Connection.open(address, key) and listener.accept()',
  Descriptor: 'Mp.Descriptor.duplicate(fd)',
};

function isPlain(properties) {
  if (typeof properties !== 'object' || properties === null)
    return false;
  const prototype = Object.getPrototypeOf(properties);
  return prototype === Object.prototype || prototype === null;
}

function checkConstructor({prototype}, text) {
  const {_init: init} = prototype;
  prototype._init = function (...args) {
    if (args.length > 1 || args.length === 1 && args[0] !== undefined && !isPlain(args[0]))
      throw new TypeError(text);
    return init.apply(this, args);
  };
}

/**
 * Has the constructors refuse what is no object with properties. To be called when they are what they are to be.
 *
 * @param {object} Mp - the namespace
 */
function checkConstructors(Mp) {
  for (const [className, form] of Object.entries(FORMS))
    checkConstructor(Mp[className], `an Mp.${className} is made with properties, by their names: ${form}`);
  for (const [className, makers] of Object.entries(MAKERS))
    checkConstructor(Mp[className], `an Mp.${className} is not made of anything: it comes from ${makers}`);
}

/**
 * Checks a number that is to be whole.
 *
 * @param {string} name - what messages call it
 * @param {*} value - the number
 * @param {number} least - the least that it can be
 * @param {number} [most] - the most that it can be
 * @throws {TypeError} if it is no number
 * @throws {RangeError} if it is another one
 */
function checkWhole(name, value, least, most = Infinity) {
  const wanted = `a whole number from ${least} ${most === Infinity ? 'on' : `to ${most}`}`;
  if (typeof value !== 'number')
    throw new TypeError(`${name} is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}, ` +
      `but has to be ${wanted}`);
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError(`${name} is ${value}, but has to be ${wanted}`);
}
