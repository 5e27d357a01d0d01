// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendPool */

// Mp.Pool, Mp.PoolResult and Mp.ResultIterator with targets, values, errors, promises and iteration of JavaScript.

const {GLib} = imports.gi;

const {addReport, explainErrors} = imports.mpglib.errors;
const {AsyncFeeder, isLazy, makeFeeder} = imports.mpglib.feeder;
const {prepareWorkers} = imports.mpglib.launcher;
const {refuseAttaching, toMessage} = imports.mpglib.messages;
const {promisify, promisifyAs} = imports.mpglib.promises;
const {nameTarget} = imports.mpglib.targets;
const {fromVariant, toArguments, toItem, toItems} = imports.mpglib.values;

// A variant alone does not have the objects that came beside it.
function refuseObjects() {
  throw new TypeError('objects that are shared cannot be got this way: use submit() or submit_map(), ' +
                      'or do without the callback');
}

// Makes the method return a JavaScript value in place of a variant.
function convertValue(prototype, name) {
  const method = prototype[name];
  prototype[name] = function (...args) {
    return fromVariant(method.apply(this, args), refuseObjects);
  };
}

// The value that a function has returned, with the shared objects in it.
function fromResult(message) {
  return fromVariant(message.get_value(), index => message.get_attachment(index));
}

function explain(source, error) {
  return addReport(error, source.get_report());
}

// ---- A pool

// What a result is of. A pool that nobody else has would be collected, which cancels its work. In turn the library has
// the results that were not told of yet, and with them the pool; that ends with the task.
const POOL = Symbol('pool');

const SUBMITTING = ['imap', 'imap_message', 'submit', 'submit_map', 'submit_map_message', 'submit_map_messages',
  'submit_message'];

function extendHolding(prototype) {
  for (const name of SUBMITTING) {
    const submit = prototype[name];
    prototype[name] = function (...args) {
      const result = submit.apply(this, args);
      if (result !== null)
        result[POOL] = this;
      return result;
    };
  }
}

// To be called before the others, which stand on it.
function letGoAfter(prototype, name, hasEnded) {
  const method = prototype[name];
  prototype[name] = function (...args) {
    try {
      return method.apply(this, args);
    } finally {
      if (hasEnded(this))
        this[POOL] = null;
    }
  };
}

function toOptions(Mp, options) {
  return options === null || options instanceof Mp.TaskOptions ? options : new Mp.TaskOptions(options);
}

function getLanguage(pool) {
  return pool.context.launcher.language;
}

// What is attached to a map goes with each of its chunks: so few objects, and more go with their items.
const MOST_FOR_ALL = 8;

// An iterable that is not to be gone through twice.
function isOnce(items) {
  return typeof items?.[Symbol.iterator] === 'function' && typeof items !== 'string' &&
    !Array.isArray(items) && !ArrayBuffer.isView(items) && !(items instanceof GLib.Variant);
}

function hasMany(message) {
  return message !== null && message.get_n_attachments() > MOST_FOR_ALL;
}

function toMessages(Mp, items, starmap) {
  return items.map(item => {
    const {variant, message} = toMessage(Mp, attach => toItem(item, starmap, attach));
    return message ?? Mp.Message.new(variant);
  });
}

function extendSubmit(Mp, prototype) {
  const {submit, submit_map, imap} = prototype; // eslint-disable-line camelcase

  prototype.submit = function (target, args, options) {
    prepareWorkers(Mp);
    const {variant, message} = toMessage(Mp, attach => toArguments(args, attach));
    if (message)
      return this.submit_message(nameTarget(target, getLanguage(this)), message, toOptions(Mp, options));
    return submit.call(this, nameTarget(target, getLanguage(this)), variant, toOptions(Mp, options));
  };

  prototype.submit_map = function (target, items, chunkSize, options) {
    prepareWorkers(Mp);
    const taskOptions = toOptions(Mp, options);
    const starmap = taskOptions?.starmap ?? false;
    const all = isOnce(items) ? [...items] : items;
    const {variant, message} = toMessage(Mp, attach => toItems(all, starmap, attach));
    const name = nameTarget(target, getLanguage(this));
    if (Array.isArray(all) && hasMany(message))
      return this.submit_map_messages(name, toMessages(Mp, all, starmap), chunkSize, taskOptions);
    if (message)
      return this.submit_map_message(name, message, chunkSize, taskOptions);
    return submit_map.call(this, name, variant, chunkSize, taskOptions);
  };

  prototype.imap = function (target, items, wantedSize, ordered, options) {
    prepareWorkers(Mp);
    // Shared objects, which anything that comes later may be, go one at a time only.
    const chunkSize = isLazy(items) && wantedSize === 0 ? 1 : wantedSize;
    const taskOptions = toOptions(Mp, options);
    const starmap = taskOptions?.starmap ?? false;
    const isThere = items !== null && !isLazy(items);
    const {variant, message} = toMessage(Mp, attach => isThere ? toItems(items, starmap, attach) : null);
    if (Array.isArray(items) && wantedSize === 0 && hasMany(message))
      return this.imap(target, items.values(), wantedSize, ordered, taskOptions);
    const name = nameTarget(target, getLanguage(this));
    const iterator = message ? this.imap_message(name, message, chunkSize, ordered, taskOptions)
      : imap.call(this, name, variant, chunkSize, ordered, taskOptions);
    iterator.starmap = starmap;
    iterator.chunkSize = chunkSize;
    iterator.feeder = isLazy(items) ? makeFeeder(iterator, items, this.n_workers * Math.max(chunkSize, 1)) : null;
    return iterator;
  };
}

// Whoever gives up has nothing to get hold of the task by, so that it ends too.
async function waitForResult(result, timeout, cancellable) {
  try {
    return await result.get_async(timeout, cancellable);
  } catch (error) {
    if (!result.is_ready())
      result.cancel();
    throw error;
  }
}

function blockForResult(result, timeout, cancellable) {
  try {
    return result.get(timeout, cancellable);
  } catch (error) {
    if (!result.is_ready())
      result.cancel();
    throw error;
  }
}

// The result object says of an error what the GIO pairs have no place for.
function extendApply(prototype) {
  prototype.apply = function (target, args, timeout, cancellable) {
    return blockForResult(this.submit(target, args), timeout, cancellable);
  };
  prototype.map = function (target, items, chunkSize, timeout, cancellable) {
    return blockForResult(this.submit_map(target, items, chunkSize), timeout, cancellable);
  };
  promisifyAs(prototype, 'apply_async', function (target, args, timeout, cancellable) {
    return waitForResult(this.submit(target, args), timeout, cancellable);
  });
  promisifyAs(prototype, 'map_async', function (target, items, chunkSize, timeout, cancellable) {
    return waitForResult(this.submit_map(target, items, chunkSize), timeout, cancellable);
  });
}

// What takes a callback in place of the promise takes the same arguments.
function extendPairs(Mp, prototype) {
  const {apply_async, map_async} = prototype; // eslint-disable-line camelcase
  const refuse = refuseAttaching(Mp, 'use submit() or submit_map(), or do without the callback');

  prototype.apply_async = function (target, args, ...rest) {
    prepareWorkers(Mp);
    return apply_async.call(this, nameTarget(target, getLanguage(this)), toArguments(args, refuse), ...rest);
  };
  prototype.map_async = function (target, items, ...rest) {
    prepareWorkers(Mp);
    return map_async.call(this, nameTarget(target, getLanguage(this)), toItems(items, false, refuse), ...rest);
  };
  convertValue(prototype, 'apply_finish');
  convertValue(prototype, 'map_finish');
}

// ---- Results

// Of a map each item has objects of its own, and the message of all has none.
function convertResult(result, variant) {
  let message = null;
  let isOfMap = false;
  const value = fromVariant(variant, index => {
    message ??= result.get_message();
    isOfMap = message.get_n_attachments() === 0;
    return isOfMap ? null : message.get_attachment(index);
  });
  return isOfMap ? value.map((_, index) => fromResult(result.get_item_message(index))) : value;
}

function extendPoolResult({prototype}) {
  for (const name of ['get', 'get_finish', 'wait', 'wait_finish'])
    letGoAfter(prototype, name, result => result.is_ready());
  for (const name of ['get', 'get_finish']) {
    const method = prototype[name];
    prototype[name] = function (...args) {
      return convertResult(this, method.apply(this, args));
    };
    explainErrors(prototype, name, explain);
  }
  prototype.get_item = function (index) {
    return fromResult(this.get_item_message(index));
  };
  explainErrors(prototype, 'get_item', (result, error, index) => addReport(error, result.get_item_report(index)));
  promisify(prototype, 'wait_async');
  promisify(prototype, 'get_async');
}

// What has been handed out makes room for another item.
function makeRoom(iterator) {
  iterator.feeder?.makeRoom();
}

function convertNext(iterator, message) {
  makeRoom(iterator);
  return fromResult(message);
}

function explainNext(iterator, error) {
  makeRoom(iterator);
  return iterator.feeder?.failure ?? explain(iterator, error);
}

function extendNext(prototype) {
  for (const name of ['next_message', 'next_message_finish'])
    letGoAfter(prototype, name, iterator => iterator.is_exhausted());
  const {next_message, next_message_async, next_message_finish} = prototype; // eslint-disable-line camelcase

  prototype.next = function (timeout, cancellable) {
    if (this.feeder instanceof AsyncFeeder)
      throw new TypeError('items that come asynchronously cannot be blocked for: use `for await`, or next_async()');
    return convertNext(this, next_message.call(this, timeout, cancellable));
  };
  prototype.next_async = next_message_async; // eslint-disable-line camelcase
  prototype.next_finish = function (result) {
    return convertNext(this, next_message_finish.call(this, result));
  };
  for (const name of ['next', 'next_finish', 'next_message_finish'])
    explainErrors(prototype, name, explainNext);
  promisify(prototype, 'next_async');
  promisify(prototype, 'next_message_async');
}

function extendPushItem(Mp, prototype) {
  const {push_item} = prototype; // eslint-disable-line camelcase

  prototype.push_item = function (item) {
    const {variant, message} = toMessage(Mp, attach => toItem(item, this.starmap, attach));
    if (message && (this.chunkSize ?? 1) !== 1)
      throw new TypeError('items with shared objects in them go one at a time: give imap() a chunkSize of 1');
    return message ? this.push_message(message) : push_item.call(this, variant);
  };
}

// An item that failed is an error in its place; who goes on with next() gets the others.
function extendIteration(Mp, prototype) {
  const isEnd = (iterator, error) => error instanceof Mp.Error && error.code === Mp.Error.CLOSED &&
    iterator.is_exhausted();

  const end = (iterator, error) => {
    if (!isEnd(iterator, error))
      throw error;
    return {value: undefined, done: true};
  };

  const stop = (iterator, value) => {
    iterator.feeder?.stop();
    iterator.cancel();
    return {value, done: true};
  };

  prototype[Symbol.asyncIterator] = function () {
    return {
      next: () => this.next_async().then(value => ({value, done: false}), error => end(this, error)),
      return: async value => stop(this, value),
    };
  };

  prototype[Symbol.iterator] = function () {
    return {
      next: () => {
        try {
          return {value: this.next(), done: false};
        } catch (error) {
          return end(this, error);
        }
      },
      return: value => stop(this, value),
    };
  };
}

/**
 * Extends Mp.Pool and what its methods return.
 *
 * Targets are what nameTarget() takes, arguments what toArguments() takes, items any iterable, results JavaScript
 * values; options may be plain objects. x_async() return promises. Arguments that have a usual value may be left out.
 * Errors of the workers have a `remoteStack`. An Mp.ResultIterator can be iterated over with `for await`, and with
 * `for` where blocking does not matter; items for it that are not at hand as an Array, such as those of a generator,
 * are taken from where they come as the workers need them.
 *
 * @param {object} Mp - the namespace
 */
function extendPool(Mp) {
  const {prototype} = Mp.Pool;

  extendHolding(prototype);
  extendSubmit(Mp, prototype);
  extendPairs(Mp, prototype);
  extendApply(prototype);
  promisify(prototype, 'join_async');

  extendPoolResult(Mp.PoolResult);
  extendNext(Mp.ResultIterator.prototype);
  extendPushItem(Mp, Mp.ResultIterator.prototype);
  extendIteration(Mp, Mp.ResultIterator.prototype);
}
