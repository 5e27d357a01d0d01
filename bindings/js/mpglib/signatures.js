// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported checkCalls */

// The arguments of all functions that have any to leave out or to mistake. Arguments are given by their places. What
// is at a wrong one, such as options by name in place of a timeout, would be taken by GJS for a number that is none.

const {Gio} = imports.gi;
const {
  checkCodec, checkText, describe, isFlags, isInstance, isInt32, keyKind, listNames, toBytes,
} = imports.mpglib.kinds;
const {isPromisified, markPromisified} = imports.mpglib.promises;

const LARGEST_UINT32 = 0xffffffff;

// The functions of each class, and of the namespace; x stands for x_async too, if there is one and nothing else is
// said of it.
const SIGNATURES = {
  '': {
    progress_report: 'fraction, text = null',
    shutdown: 'timeout = -1, cancellable = null',
    wait_many: 'objects, timeout = -1, cancellable = null',
  },
  Array: {
    at: 'position',
    get_double: 'index',
    get_element: 'position',
    get_int64: 'index',
    get_number: 'index',
    get_slice: 'begin, length',
    new: 'elementType, length, lock = null',
    new_from_elements: 'elements, lock = null',
    new_with_format: 'format, length, lock = null',
    run: 'func, timeout = -1, cancellable = null',
    set: 'position, value',
    setAt: 'position, value',
    set_double: 'index, number',
    set_element: 'position, value',
    set_int64: 'index, whole',
    set_slice: 'begin, values',
    synchronize: 'lock = null',
    write: 'begin, data',
  },
  AuthKey: {
    new: 'secret',
  },
  Barrier: {
    new: 'parties',
    set_action: 'action',
    wait: 'timeout = -1, cancellable = null',
  },
  Condition: {
    acquire: 'timeout = -1, cancellable = null',
    new: 'lock = null',
    notify_many: 'n',
    release: '',
    run: 'func, timeout = -1, cancellable = null',
    wait: 'timeout = -1, cancellable = null',
    wait_for_async: 'predicate, timeout = -1, cancellable = null',
  },
  Connection: {
    answer_challenge: 'key, timeout = -1, cancellable = null',
    deliver_challenge: 'key, timeout = -1, cancellable = null',
    new_pair: 'duplex = true',
    open: 'address, key = null, timeout = -1, cancellable = null',
    open_with_tls: 'address, key = null, wire = 0, tls = null, timeout = -1, cancellable = null',
    open_with_wire: 'address, key = null, wire = 0, timeout = -1, cancellable = null',
    poll: 'timeout = 0',
    receive: 'timeout = -1, cancellable = null',
    receive_bytes: 'maxLength = 0, timeout = -1, cancellable = null',
    receive_data: 'maxLength = 0, timeout = -1, cancellable = null',
    receive_into: 'buffer, offset = 0, timeout = -1, cancellable = null',
    receive_message: 'timeout = -1, cancellable = null',
    send: 'value, timeout = -1, cancellable = null',
    send_bytes: 'bytes, codec = null, timeout = -1, cancellable = null',
    send_data: 'data, codec = null, timeout = -1, cancellable = null',
    send_message: 'message, timeout = -1, cancellable = null',
    wait_readable: 'timeout = -1, cancellable = null',
  },
  Descriptor: {
    duplicate: 'fd',
  },
  Event: {
    wait: 'timeout = -1, cancellable = null',
  },
  JoinableQueue: {
    join: 'timeout = -1, cancellable = null',
    new: 'maxSize = 0',
  },
  Listener: {
    accept: 'timeout = -1, cancellable = null',
    new: 'address = null, key = null',
    new_with_tls: 'address = null, key = null, wire = 0, tls = null',
    new_with_wire: 'address = null, key = null, wire = 0',
  },
  Lock: {
    acquire: 'timeout = -1, cancellable = null',
    release: '',
    run: 'func, timeout = -1, cancellable = null',
  },
  Message: {
    attach_fd: 'fd',
    get_attached_fd: 'index',
    get_attachment: 'index',
    new_bytes: 'bytes, codec = null',
    new_data: 'data, codec = null',
  },
  Pool: {
    apply: 'target, args = null, timeout = -1, cancellable = null',
    imap: 'target, items = null, chunkSize = 0, ordered = true, options = null',
    imap_message: 'target, items = null, chunkSize = 0, ordered = true, options = null',
    join: 'timeout = -1, cancellable = null',
    map: 'target, items, chunkSize = 0, timeout = -1, cancellable = null',
    submit: 'target, args = null, options = null',
    submit_map: 'target, items, chunkSize = 0, options = null',
    submit_map_message: 'target, items, chunkSize = 0, options = null',
    submit_map_messages: 'target, items, chunkSize = 0, options = null',
  },
  PoolResult: {
    get: 'timeout = -1, cancellable = null',
    get_item: 'index',
    get_item_message: 'index',
    get_item_report: 'index',
    wait: 'timeout = -1, cancellable = null',
  },
  Process: {
    join: 'timeout = -1, cancellable = null',
    set_auth_key: 'key',
    start_async: 'cancellable = null',
  },
  Queue: {
    get: 'timeout = -1, cancellable = null',
    get_bytes: 'maxLength = 0, timeout = -1, cancellable = null',
    get_frame: 'timeout = -1, cancellable = null',
    get_into: 'buffer, offset = 0, timeout = -1, cancellable = null',
    get_many: 'max, timeout = -1, cancellable = null',
    get_message: 'timeout = -1, cancellable = null',
    get_payload: 'maxLength = 0, timeout = -1, cancellable = null',
    new: 'maxSize = 0',
    put: 'value, timeout = -1, cancellable = null',
    put_bytes: 'bytes, codec = null, timeout = -1, cancellable = null',
    put_data: 'data, codec = null, timeout = -1, cancellable = null',
    put_many: 'values, timeout = -1, cancellable = null',
    put_many_data: 'data, lengths, codec = null, timeout = -1, cancellable = null',
    put_message: 'message, timeout = -1, cancellable = null',
    set_live: 'live',
    try_get_frame: 'patience = 0',
    try_get_value_frame: 'patience = 0',
  },
  RLock: {
    acquire: 'timeout = -1, cancellable = null',
    release: '',
    run: 'func, timeout = -1, cancellable = null',
  },
  ResultIterator: {
    next: 'timeout = -1, cancellable = null',
    next_message: 'timeout = -1, cancellable = null',
    push_item: 'item',
  },
  Semaphore: {
    acquire: 'timeout = -1, cancellable = null',
    release: '',
    run: 'func, timeout = -1, cancellable = null',
  },
  ShareableList: {
    at: 'position',
    get_item: 'position',
    get_item_size: 'index',
    new: 'items',
    new_existing: 'name',
    new_named: 'name, items',
    set: 'position, value',
    setAt: 'position, value',
    set_item: 'position, value',
  },
  SharedMemory: {
    new: 'size',
    new_existing: 'name',
    new_named: 'name, size',
    read: 'offset = 0, length = null',
    write: 'offset, data',
  },
  Value: {
    add: 'amount',
    add_double: 'number',
    add_int64: 'whole',
    add_whole: 'whole',
    new: 'valueType, value = null, lock = null',
    new_with_format: 'format, value = null, lock = null',
    run: 'func, timeout = -1, cancellable = null',
    set_double: 'number',
    set_int64: 'whole',
    set_value: 'value',
    synchronize: 'lock = null',
  },
};

const isNumber = value => typeof value === 'number' && !Number.isNaN(value);
const isCount = value => Number.isInteger(value) && value >= 0 && value <= LARGEST_UINT32;
const isLength = value => Number.isSafeInteger(value) && value >= 0 || typeof value === 'bigint' && value >= 0n;
const isWhole = value => Number.isInteger(value) || typeof value === 'bigint';
const isText = value => value === null || typeof value === 'string';

// What an argument of a name has to be. Those that are not here may be anything, or are looked at where they are used.
const KINDS = {
  address: {is: isText, convert: text => checkText(text, 'address'), text: 'a string or null'},
  action: {is: value => value === null || typeof value === 'function', text: 'a function or null'},
  timeout: {is: isNumber, text: 'a number of seconds, negative to wait for ever'},
  cancellable: {is: value => value === null || isInstance(value, Gio.Cancellable), text: 'a Gio.Cancellable or null'},
  chunkSize: {is: isCount, text: 'a number of items, 0 for one that suits'},
  codec: {is: isText, convert: checkCodec, text: 'a string or null'},
  fd: {is: isInt32, text: 'the number of a file descriptor'},
  duplex: {is: value => typeof value === 'boolean', text: 'true or false'},
  func: {is: value => typeof value === 'function', text: 'a function'},
  fraction: {is: value => isNumber(value) && value >= 0 && value <= 1, text: 'a number from 0 to 1'},
  key: keyKind,
  index: {is: isCount, text: 'the number of an item'},
  lengths: {is: value => Array.isArray(value) && value.every(isLength),
    text: 'an Array of whole numbers from 0 on, how many bytes each item has'},
  live: {is: value => typeof value === 'boolean', text: 'true or false'},
  max: {is: value => isCount(value) && value > 0, text: 'how many items to get at most, from 1 on'},
  maxLength: {is: isCount, text: 'a number of bytes, 0 for any'},
  options: {is: value => typeof value === 'object' && !(value instanceof Gio.Cancellable),
    text: 'an Mp.TaskOptions, an object with its properties, or null'},
  n: {is: isCount, text: 'how many shall go on'},
  name: {is: isText, convert: text => checkText(text, 'name'), text: 'a string or null'},
  number: {is: value => typeof value === 'number', text: 'a number'},
  ordered: {is: value => typeof value === 'boolean', text: 'true or false'},
  patience: {is: isNumber, text: 'a number of seconds, 0.001 at most'},
  secret: {is: value => toBytes(value) !== null, convert: value => toBytes(value) ?? value,
    text: 'bytes: a Uint8Array, as new TextEncoder().encode(text) gives one'},
  predicate: {is: value => typeof value === 'function', text: 'a function'},
  text: {is: isText, text: 'a string or null'},
  tls: {is: value => value === null || value instanceof imports.gi.Mp.TlsSettings, text: 'an Mp.TlsSettings or null'},
  whole: {is: isWhole, text: 'a whole number'},
  wire: {is: value => isFlags(value, imports.gi.Mp.WireFlags),
    get text() {
      return `a sum of ${listNames('Mp.WireFlags', imports.gi.Mp.WireFlags)}`;
    }},
};

// Those that a class has other wants of.
const KINDS_OF_CLASSES = {
  Array: {index: {is: isLength, text: 'the number of an element'}},
  Connection: {
    address: {is: value => typeof value === 'string', convert: text => checkText(text, 'address'),
      text: "a string, such as 'tcp:localhost:5000'"},
  },
  Message: {index: {is: isCount, text: 'the number of an attachment'}},
};

function parse(className, text) {
  return text.split(', ').filter(parameter => parameter !== '').map(parameter => {
    const [name, usual] = parameter.split(' = ');
    const isOptional = usual !== undefined;
    return {name, isOptional, usual: isOptional ? JSON.parse(usual) : undefined,
      kind: KINDS_OF_CLASSES[className]?.[name] ?? KINDS[name]};
  });
}

function getSignature(className, name) {
  return SIGNATURES[className][name] ?? SIGNATURES[className][name.replace(/_async$/, '')];
}

function refuse(call, problem) {
  throw new TypeError(`${call.name}(${call.text}): ${problem}. Arguments are told apart by their places`);
}

function checkRest(call, args) {
  const rest = args.slice(call.parameters.length).filter(value => value !== undefined && value !== null);
  if (rest.length > (call.isAsync ? 1 : 0))
    refuse(call, `it takes ${call.parameters.length || 'no'} arguments and not ${args.length}`);
  if (rest.length > 0 && typeof rest[0] !== 'function')
    refuse(call, `the callback is ${describe(rest[0])}, but has to be a function`);
  return rest;
}

// All arguments of a call, with the usual ones for what was left out, and a callback if there is one.
function complete(call, args) {
  const {parameters} = call;
  const values = [];
  for (let i = 0; i < parameters.length; i++) {
    const {name, isOptional, usual, kind} = parameters[i];
    if (i >= args.length && !isOptional)
      refuse(call, `${name} is missing`);
    const given = args[i] === undefined && isOptional ? usual : args[i];
    const value = kind?.convert ? kind.convert(given) : given;
    if (kind && !(isOptional && value === usual) && !kind.is(value))
      refuse(call, `${name} is ${describe(given)}, but has to be ${kind.text}`);
    values.push(value);
  }
  return args.length > parameters.length ? values.concat(checkRest(call, args)) : values;
}

function checkCall(owner, className, name) {
  const text = getSignature(className, name);
  const call = {
    name: ['Mp', className, name].filter(part => part !== '').join('.'),
    text,
    parameters: parse(className, text),
    isAsync: name.endsWith('_async'),
  };
  const func = owner[name];
  const needed = call.parameters.filter(({isOptional}) => !isOptional);
  const usual = call.parameters.filter(({isOptional}) => isOptional).map(parameter => parameter.usual);
  // Where nothing that is there can be mistaken, only how many there are is to be looked at: so it is in most calls.
  const isPlain = needed.every(({kind}) => !kind);
  const {length} = needed;
  owner[name] = length === 0 ? function (...args) {
    return args.length === 0 ? func.apply(this, usual) : func.apply(this, complete(call, args));
  } : function (...args) {
    return func.apply(this, isPlain && args.length === length ? args.concat(usual) : complete(call, args));
  };
  if (isPromisified(func))
    markPromisified(owner[name]);
}

/**
 * Has the arguments of all functions looked at, and the usual ones put in place of those that are left out. To be
 * called when the functions are what they are to be.
 *
 * @param {object} Mp - the namespace
 */
function checkCalls(Mp) {
  for (const [className, signatures] of Object.entries(SIGNATURES)) {
    const {prototype} = Mp[className] ?? {};
    for (const name of Object.keys(signatures)) {
      const owner = prototype && name in prototype ? prototype : Mp[className] ?? Mp;
      checkCall(owner, className, name);
      if (`${name}_async` in owner)
        checkCall(owner, className, `${name}_async`);
    }
  }
}
