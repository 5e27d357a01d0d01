// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendQueue */

// Mp.Queue with values of JavaScript, and promises.

const {GLib} = imports.gi;
const {checkWhole, construct} = imports.mpglib.constructors;
const {explainErrors} = imports.mpglib.errors;
const {demandBytes, demandData, takeBuffers} = imports.mpglib.kinds;
const {toMessage, wrapValue} = imports.mpglib.messages;
const {markPromisified, promisify} = imports.mpglib.promises;
const {fillRoom, findRoom} = imports.mpglib.rooms;
const {keepUntold, extendUntold, tellUntold, untold} = imports.mpglib.untold;
const {fromVariant, fromVariants, toVariant} = imports.mpglib.values;
const {decode} = imports.mpglib.gvariant.decoder;

const ASYNC = ['put_data', 'put_bytes', 'put_message', 'put_many', 'put_many_data', 'get', 'get_payload',
  'get_bytes', 'get_message', 'get_frame', 'get_many'];

// Seconds for which it may be tried: getting ready for a longer wait takes longer than all the rest.
const MOMENT = 0.0001;

const LARGEST_UINT32 = 0xffffffff;

// What the constructor is given, by the names that GJS takes for it.
const NUMBERS = [
  {names: ['maxSize', 'max_size', 'max-size'], least: 0, most: LARGEST_UINT32},
  {names: ['byteLimit', 'byte_limit', 'byte-limit'], least: 1, most: Number.MAX_SAFE_INTEGER},
];

function checkNumbers({JoinableQueue, Queue, SimpleQueue}) {
  Queue.prototype._init = function (properties = {}) {
    for (const {names, least, most} of NUMBERS) {
      for (const name of names) {
        if (properties[name] !== undefined)
          checkWhole(name, properties[name], least, most);
      }
    }
    return construct(this, properties);
  };
  for (const cls of [Queue, JoinableQueue]) {
    cls.new = function (maxSize) {
      return new cls({maxSize});
    };
  }
  SimpleQueue.new = () => new SimpleQueue();
}

function extendPut(Mp, prototype) {
  // eslint-disable-next-line camelcase
  const {put, put_data, put_message, put_message_async, put_message_finish, try_put_data: tryPut} = prototype;
  const Bytes = Uint8Array; // as all global names, it would be looked up each time

  // The library refuses a message with objects that would have to go along, and says what to do. Bytes are the same for
  // all who get them, and faster; the call for them that does not wait takes a third of the time of the other one, and
  // knows of no cancellable, which may be cancelled already.
  prototype.put = function (value, timeout, cancellable) {
    if (value instanceof Bytes) {
      return (!cancellable && tryPut.call(this, value, null, 0)) ||
        put_data.call(this, value, null, timeout, cancellable);
    }
    const {variant, message} = toMessage(Mp, attach => toVariant(value, attach));
    return message === null
      ? put.call(this, variant, timeout, cancellable) : put_message.call(this, message, timeout, cancellable);
  };
  prototype.put_async = function (value, ...rest) {
    return put_message_async.call(this, wrapValue(Mp, value), ...rest);
  };
  markPromisified(prototype.put_async);
  prototype.put_finish = put_message_finish; // eslint-disable-line camelcase
}

// The library cannot know who reads what, nor what JavaScript has no value for.
function explain(Mp, error) {
  if (error instanceof RangeError)
    return new GLib.Error(Mp.Error, Mp.Error.CORRUPTED, `A process has put rubbish into the queue: ${error.message}`);
  return error.matches?.(Mp.Error, Mp.Error.WRONG_CODEC) ? new Mp.Error({
    code: Mp.Error.WRONG_CODEC,
    message: 'The next item of the queue holds no GVariant but bytes of another codec, which JavaScript does not ' +
      "read, such as 'pickle5' of Python's objects: let its sender put a GVariant, or take it with get_payload(), or " +
      'with get_message(), which tells the codec; it stays the next until then',
  }) : error;
}

// What is tried first takes one call of the library, a value four; but it does not wait, and does not say why.
function extendGet(Mp, prototype) {
  // Names in the outermost scope of a module, and those of the global object, are looked up each time.
  const {get, get_finish, try_get_value_frame: tryGet} = prototype; // eslint-disable-line camelcase
  const moment = MOMENT, equalsSign = 0x3d;

  // Body, a zero byte, and `=` and a type, or `raw`: there is no other zero byte behind the body.
  function fromFrame(frame) {
    const end = frame.lastIndexOf(0);
    if (frame[end + 1] !== equalsSign)
      return frame.slice(0, end);
    try {
      return decode(String.fromCharCode(...frame.subarray(end + 2)), frame.subarray(0, end));
    } catch (error) {
      throw explain(Mp, error);
    }
  }

  function getOther(queue, timeout, cancellable) {
    try {
      return fromVariant(get.call(queue, timeout, cancellable));
    } catch (error) {
      throw explain(Mp, error);
    }
  }

  prototype.get = function (timeout, cancellable) {
    if (untold.count > 0)
      tellUntold(this);
    const frame = cancellable ? null : tryGet.call(this, timeout === 0 ? 0 : moment);
    return frame?.length > 0 ? fromFrame(frame) : getOther(this, timeout, cancellable);
  };
  prototype.get_finish = function (result) {
    return fromVariant(get_finish.call(this, result));
  };
}

function extendGetInto(prototype) {
  const {get_bytes, get_bytes_async} = prototype; // eslint-disable-line camelcase

  prototype.get_into = function (buffer, offset, timeout, cancellable) {
    const room = findRoom(buffer, offset);
    return fillRoom(room, get_bytes.call(this, room.length, timeout, cancellable));
  };
  prototype.get_into_async = async function (buffer, offset, timeout, cancellable) {
    const room = findRoom(buffer, offset);
    return fillRoom(room, await get_bytes_async.call(this, room.length, timeout, cancellable));
  };
  markPromisified(prototype.get_into_async);
}

// An array of variants, whatever is in them.
function toVariants(Mp, queue, values) {
  if (typeof values?.[Symbol.iterator] !== 'function')
    throw new TypeError('the values are not iterable: give an Array, or whatever else has an iterator');
  return toVariant(Array.from(values, (value, i) => {
    const {variant, message} = toMessage(Mp, attach => toVariant(value, attach, `values[${i}]`));
    if (message !== null)
      queue.put_message(message, 0); // which throws
    return variant;
  }));
}

function extendMany(Mp, prototype) {
  // eslint-disable-next-line camelcase
  const {put_many, put_many_async, get_many, get_many_finish} = prototype;

  // They are taken: one that cannot be read must not take the others along.
  function read(queue, variants) {
    const {values, errors} = fromVariants(variants);
    if (errors.length > 0) {
      const [first, ...others] = errors.map(error => explain(Mp, error));
      if (values.length > 0)
        others.unshift(first);
      keepUntold(queue, others);
      if (values.length === 0)
        throw first;
    }
    return values;
  }

  prototype.put_many = function (values, ...rest) {
    return put_many.call(this, toVariants(Mp, this, values), ...rest);
  };
  prototype.put_many_async = function (values, ...rest) {
    return put_many_async.call(this, toVariants(Mp, this, values), ...rest);
  };
  prototype.get_many = function (...args) {
    return read(this, get_many.apply(this, args));
  };
  prototype.get_many_finish = function (result) {
    return read(this, get_many_finish.call(this, result));
  };
}

// The values as they come, until the queue is closed in this process.
function extendIteration(Mp, prototype) {
  prototype[Symbol.asyncIterator] = async function* () {
    for (;;) {
      let value;
      try {
        value = await this.get_async(); // eslint-disable-line no-await-in-loop
      } catch (error) {
        if (error.matches?.(Mp.Error, Mp.Error.CLOSED))
          return;
        throw error;
      }
      yield value;
    }
  };
}

/**
 * Extends Mp.Queue, Mp.SimpleQueue and Mp.JoinableQueue.
 *
 * `new Mp.Queue({maxSize, byteLimit})`, both of which may be left out. put() and get() take and give JavaScript values,
 * put_many() an iterable of them, and get_many() gives an Array; bytes are a Uint8Array. What get_many() cannot read
 * among others, such as a GVariant that is nested too deeply, is an error of the next call that gets something.
 * get_into() puts the bytes of an item into an array of the caller's, from an offset on, and returns how many there
 * were. A GLib.Variant is put as it is, and the one that came is that of get_message(). x_async() return promises.
 * Whatever waits does so for ever unless told otherwise. `for await (const value of queue)` ends when the queue is
 * closed here.
 *
 * @param {object} Mp - the namespace
 */
function extendQueue(Mp) {
  const {prototype} = Mp.Queue;

  checkNumbers(Mp);
  extendGet(Mp, prototype);
  extendMany(Mp, prototype);
  for (const name of ['get_finish', 'get_many', 'get_many_finish'])
    explainErrors(prototype, name, (queue, error) => explain(Mp, error));
  extendUntold(prototype);
  for (const name of ASYNC)
    promisify(prototype, `${name}_async`);
  extendPut(Mp, prototype);
  takeBuffers(prototype, 'put_bytes', demandBytes);
  for (const name of ['put_data', 'put_many_data'])
    takeBuffers(prototype, name, demandData);
  extendGetInto(prototype);
  extendIteration(Mp, prototype);
  promisify(Mp.JoinableQueue.prototype, 'join_async');

  prototype.toString = function () {
    return this.to_string();
  };
}
