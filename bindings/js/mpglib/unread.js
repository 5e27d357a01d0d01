// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendUnread, extendUnreadWaiting, wrapPair */

// Messages that receive() has refused, because they are of a codec that JavaScript does not read. They stay the next to
// be received, as they do where the library looks for itself at what comes: it cannot take values and plain bytes with
// what is attached to them, and leave all else.

const {GLib} = imports.gi;
const {fromMessage} = imports.mpglib.messages;

const UNREAD = Symbol('unread');

const REMEDY = 'or take the bytes with receive_bytes(), or the message with receive_message(), for which it waits';

function hasUnread(object) {
  return object[UNREAD]?.length > 0;
}

function attempt(func) {
  try {
    return {value: func()};
  } catch (error) {
    return {error};
  }
}

/**
 * Has a pair of functions give what is there already. The callback comes later in any case.
 *
 * @param {object} owner - what has the functions: a prototype, or the namespace
 * @param {string} name - their name without `_async` and `_finish`
 * @param {function(object, ...*): boolean} isThere - says whether it is, of the object and the arguments of the call
 * @param {function(object, ...*): *} take - takes it, or throws
 */
function wrapPair(owner, name, isThere, take) {
  const outcomes = new WeakMap();
  const [beginName, finishName] = [`${name}_async`, `${name}_finish`];
  const {[beginName]: begin, [finishName]: finish} = owner;

  owner[beginName] = function (...args) {
    if (!isThere(this, ...args))
      return begin.apply(this, args);
    const result = {};
    outcomes.set(result, attempt(() => take(this, ...args)));
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
      args.at(-1)?.(this, result);
      return GLib.SOURCE_REMOVE;
    });
    return undefined;
  };
  owner[finishName] = function (result) {
    const outcome = outcomes.get(result);
    if (outcome === undefined)
      return finish.call(this, result);
    if ('error' in outcome)
      throw outcome.error;
    return outcome.value;
  };
}

/**
 * Makes the functions of Mp.Connection that receive and wait heed what was refused. receive() and its pair are made
 * here. To be called before they return promises.
 *
 * @param {object} Mp - the namespace
 */
function extendUnread(Mp) {
  const {prototype} = Mp.Connection;
  const {
    close, poll, receive_bytes: receiveBytes, receive_data: receiveData, receive_message: receiveMessage,
    receive_message_async: beginMessage, receive_message_finish: finishMessage, start_reading: startReading,
    wait_readable: waitReadable,
  } = prototype;
  // In all connections. Names in the outermost scope of a module are looked up each time.
  let count = 0;

  const isThere = (connection, cancellable) => count > 0 && hasUnread(connection) && !cancellable?.is_cancelled();

  function keep(connection, message) {
    connection[UNREAD] ??= [];
    connection[UNREAD].push(message);
    count++;
  }

  function takeMessage(connection) {
    count--;
    return connection[UNREAD].shift();
  }

  // The value of a message that has come; what was refused before it is still the next.
  function read(connection, message) {
    if (count > 0 && hasUnread(connection)) {
      keep(connection, message);
      return takeValue(connection);
    }
    try {
      return fromMessage(Mp, message, REMEDY);
    } catch (error) {
      if (error.matches?.(Mp.Error, Mp.Error.WRONG_CODEC))
        keep(connection, message);
      throw error;
    }
  }

  function takeValue(connection) {
    const value = fromMessage(Mp, connection[UNREAD][0], REMEDY);
    takeMessage(connection);
    return value;
  }

  function takeBytes(connection, maxLength) {
    const [message] = connection[UNREAD];
    if (message.get_codec() === 'gvariant') {
      throw new Mp.Error({
        code: Mp.Error.WRONG_CODEC,
        message: 'The message is a value, not bytes: receive it as a value, or by receive_message()',
      });
    }
    const bytes = message.get_payload_bytes();
    if (maxLength > 0 && bytes.get_size() > maxLength) {
      throw new Mp.Error({
        code: Mp.Error.BUFFER_TOO_SHORT,
        message: `The message has ${bytes.get_size()} bytes, not ${maxLength} at most; it waits to be received`,
      });
    }
    takeMessage(connection);
    return bytes;
  }

  prototype.receive = function (timeout, cancellable) {
    return isThere(this, cancellable) ? takeValue(this)
      : read(this, receiveMessage.call(this, timeout, cancellable));
  };
  prototype.receive_message = function (timeout, cancellable) {
    return isThere(this, cancellable) ? takeMessage(this) : receiveMessage.call(this, timeout, cancellable);
  };
  prototype.receive_bytes = function (maxLength, timeout, cancellable) {
    return isThere(this, cancellable) ? takeBytes(this, maxLength)
      : receiveBytes.call(this, maxLength, timeout, cancellable);
  };
  prototype.receive_data = function (maxLength, timeout, cancellable) {
    return isThere(this, cancellable) ? takeBytes(this, maxLength).toArray()
      : receiveData.call(this, maxLength, timeout, cancellable);
  };
  prototype.poll = function (timeout) {
    return isThere(this) || poll.call(this, timeout);
  };
  prototype.wait_readable = function (timeout, cancellable) {
    return isThere(this, cancellable) || waitReadable.call(this, timeout, cancellable);
  };

  /* eslint-disable camelcase */
  prototype.receive_async = beginMessage;
  prototype.receive_finish = function (result) {
    return read(this, finishMessage.call(this, result));
  };
  prototype.receive_message_finish = function (result) {
    const message = finishMessage.call(this, result);
    if (count === 0 || !hasUnread(this))
      return message;
    keep(this, message);
    return takeMessage(this);
  };
  /* eslint-enable camelcase */
  const isThereNow = (connection, timeout, cancellable) => isThere(connection, cancellable);
  const isThereToFit = (connection, maxLength, timeout, cancellable) => isThere(connection, cancellable);
  wrapPair(prototype, 'receive', isThereNow, takeValue);
  wrapPair(prototype, 'receive_message', isThereNow, takeMessage);
  wrapPair(prototype, 'receive_bytes', isThereToFit, takeBytes);
  wrapPair(prototype, 'receive_data', isThereToFit, (...args) => takeBytes(...args).toArray());
  wrapPair(prototype, 'wait_readable', isThereNow, () => true);

  prototype.close = function () {
    count -= this[UNREAD]?.length ?? 0;
    delete this[UNREAD];
    return close.call(this);
  };
  prototype.start_reading = function () {
    startReading.call(this);
    while (hasUnread(this))
      this.emit('message-received', takeMessage(this));
  };
}

/**
 * Makes the functions of the namespace that wait for many objects heed it, too.
 *
 * @param {object} Mp - the namespace
 * @param {function(object): boolean} isReady - says what else is ready though the library does not know it
 */
function extendUnreadWaiting(Mp, isReady) {
  const {wait_many: wait} = Mp;
  const isKnown = object => hasUnread(object) || isReady(object);
  const isThere = (_, objects) => objects.some(isKnown);

  function take(_, objects) {
    const {value = [], error} = attempt(() => wait.call(Mp, objects, 0, null));
    if (error && !error.matches?.(Mp.Error, Mp.Error.TIMED_OUT))
      throw error;
    return objects.filter(object => isKnown(object) || value.includes(object));
  }

  // eslint-disable-next-line camelcase
  Mp.wait_many = function (objects, ...rest) {
    return isThere(Mp, objects) ? take(Mp, objects) : wait.call(Mp, objects, ...rest);
  };
  wrapPair(Mp, 'wait_many', isThere, take);
}
