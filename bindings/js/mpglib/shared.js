// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendShared */

// Values, arrays, lists and memory that processes share, with values, typed arrays and iteration of JavaScript.

const {GLib} = imports.gi;
const {checkWhole, construct} = imports.mpglib.constructors;
const {parseType} = imports.mpglib.gvariant.type;
const {extendIndices} = imports.mpglib.indices;
const {checkArray} = imports.mpglib.kinds;
const {makePorts} = imports.mpglib.numbers;
const {fromVariant, toArguments, toFixed, toVariant} = imports.mpglib.values;

const CLASSES = ['Value', 'Array', 'SharedMemory', 'ShareableList'];

// The GVariant types of numbers, and the formats that GVariant does not have.
const NUMBERS = {
  b: {view: Uint8Array},
  y: {view: Uint8Array, isInteger: true},
  n: {view: Int16Array, isInteger: true},
  q: {view: Uint16Array, isInteger: true},
  i: {view: Int32Array, isInteger: true},
  u: {view: Uint32Array, isInteger: true},
  x: {view: BigInt64Array, isInteger: true, isLong: true},
  t: {view: BigUint64Array, isInteger: true, isLong: true},
  d: {view: Float64Array, isDouble: true},
};
const FORMATS = {
  b: {type: 'n', view: Int8Array},
  f: {type: 'd', view: Float32Array},
  c: {type: 'y', view: Uint8Array},
  u: {type: 'u', view: Uint32Array},
};

// ---- Properties of constructors

// The properties by the names that GObject's have as members, however they were spelled.
function nameProperties(properties) {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) =>
    [key.replace(/-/g, '_').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), value]));
}

function isFixed(type) {
  try {
    const node = parseType(type);
    return node.size > 0 && !type.includes('h') && !type.includes('{');
  } catch (error) {
    return false;
  }
}

// The type of what is to be made, in words of this language if there can be none.
function checkType(type, format, name) {
  if (format !== null && !(format in FORMATS)) {
    throw new TypeError(`format is ${JSON.stringify(format)}, but has to be one of ` +
      `${Object.keys(FORMATS).join(', ')}: what GVariant has is said by ${name}`);
  }
  const known = type ?? FORMATS[format]?.type;
  if (known === undefined)
    throw new TypeError(`${name} is missing: give the GVariant type of fixed size, such as 'i', 'd' or '(dd)'`);
  if (typeof known !== 'string' || !isFixed(known)) {
    throw new TypeError(`${name} is ${JSON.stringify(known)}, but has to be a GVariant type of fixed size, such as ` +
      "'i', 'd' or '(dd)'");
  }
  return known;
}

function toBytes(data) {
  if (data instanceof GLib.Bytes)
    return data.toArray();
  if (data instanceof ArrayBuffer)
    return new Uint8Array(data);
  if (!ArrayBuffer.isView(data))
    throw new TypeError('data are no bytes: give a Uint8Array, another typed array, an ArrayBuffer or a GLib.Bytes');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

// ---- What values and arrays have in common

function checkLock({lock}) {
  if (lock !== undefined && lock !== null && !(lock instanceof imports.gi.Mp.Lockable)) {
    throw new TypeError(`lock is ${String(lock)}, but has to be an Mp.Lock, an Mp.RLock or null: ` +
      'give {lock: new Mp.Lock()}');
  }
}

// By the lock that goes along.
function extendRun(prototype) {
  prototype.run = function (func, timeout, cancellable) {
    const lock = this.get_lock();
    if (lock === null)
      throw new TypeError(`${this} has no lock to run a function with: make it with one, {lock: new Mp.RLock()}`);
    return lock.run(() => func(this), timeout, cancellable);
  };
}

function define(prototype, name, descriptor) {
  Object.defineProperty(prototype, name, {configurable: true, enumerable: true, ...descriptor});
}

// ---- A value

function extendValueConstructors({Value}) {
  Value.prototype._init = function (properties = {}) {
    const changed = nameProperties(properties);
    const type = checkType(changed.value_type ?? null, changed.format ?? null, 'valueType');
    checkLock(changed);
    if (changed.value === null)
      delete changed.value;
    if ('value' in changed)
      changed.value = toFixed(type, changed.value, 'value');
    if ('value' in changed && changed.value.get_type_string() !== type)
      throw new TypeError(`value is a GLib.Variant of type ${changed.value.get_type_string()}, but has to be ${type}`);
    construct(this, changed);
    // What is wrong is told now, not later: what the format has no room for, or a structure that is too large.
    if (type.length > 1 || 'format' in changed && 'value' in changed)
      this.get_value();
  };

  Value.new = function (valueType, value, lock) {
    return new Value({valueType, value, lock});
  };
  // eslint-disable-next-line camelcase
  Value.new_with_format = function (format, value, lock) {
    return new Value({format, value, lock});
  };
}

function extendValue({Value}) {
  const {prototype} = Value;
  const ports = makePorts(prototype, 'value');
  const describe = value => ({type: value.get_value_type()});

  prototype.get_value = function () {
    return ports.find(this, describe).read.call(this);
  };
  prototype.set_value = function (value) {
    return ports.find(this, describe).write.call(this, value);
  };
  // Without the look at the arguments that calls have.
  const {get_value, set_value} = prototype; // eslint-disable-line camelcase
  define(prototype, 'value', {
    get() {
      return get_value.call(this);
    },
    set(value) {
      set_value.call(this, value);
    },
  });

  const {add_double, add_int64, add_whole} = prototype; // eslint-disable-line camelcase
  prototype.add = function (amount) {
    const {type} = ports.find(this, describe);
    const number = NUMBERS[type];
    if (!number?.isInteger && !number?.isDouble)
      throw new TypeError(`${this} is no number to add to: take its lock, and read and write it`);
    if (number.isDouble) {
      checkAmount('d', amount, typeof amount === 'number');
      return add_double.call(this, amount);
    }
    checkAmount('x', amount, Number.isSafeInteger(amount));
    return number.isLong ? fromVariant(add_whole.call(this, amount)) : add_int64.call(this, amount);
  };
}

// Tells what is wrong with it in the words that all values are refused with.
function checkAmount(type, amount, isRight) {
  if (!isRight)
    toFixed(type, amount, 'amount');
}

// ---- An array

function getView(array) {
  const format = array.get_format();
  return format === null ? NUMBERS[array.get_element_type()]?.view ?? Uint8Array : FORMATS[format].view;
}

function checkPosition(position, length, least = 0) {
  if (typeof position !== 'number')
    throw new TypeError(`position is ${String(position)}, but has to be a number`);
  if (!Number.isInteger(position) || position < least || position >= length)
    throw new RangeError(`position is ${position}, but has to be a whole number from ${least} on and below ${length}`);
}

// Negative ones count from the end, as those of all at() of JavaScript.
function resolvePosition(position, length) {
  if (Number.isInteger(position) && position >= 0 && position < length)
    return position;
  checkPosition(position, length, -length);
  return position < 0 ? position + length : position;
}

// What all of them are that JavaScript has one type for.
const GUESSES = {number: 'd', boolean: 'b', bigint: 'x'};

function guessPlainType(elements) {
  const [first] = elements;
  const type = elements.every(element => typeof element === typeof first) ? GUESSES[typeof first] : undefined;
  if (type === undefined && elements.length > 0) {
    throw new TypeError('elementType is missing, and the elements do not say it, which are not all numbers, all ' +
      "booleans or all BigInts: give the GVariant type of fixed size, such as 'i', 'd' or '(dd)'");
  }
  return type === undefined ? {} : {element_type: type}; // eslint-disable-line camelcase
}

// Typed arrays say what their elements are.
function guessType(elements) {
  if (!ArrayBuffer.isView(elements))
    return guessPlainType(elements);
  const type = Object.keys(NUMBERS).find(letter => letter !== 'b' && elements instanceof NUMBERS[letter].view);
  if (type !== undefined)
    return {element_type: type}; // eslint-disable-line camelcase
  const format = Object.keys(FORMATS).find(letter => elements instanceof FORMATS[letter].view);
  return format === undefined ? {} : {format};
}

function completeArray(properties) {
  const changed = nameProperties(properties);
  let {elements = null} = changed;
  delete changed.elements;
  if (elements instanceof GLib.Variant) {
    // GLib ends a process that asks how many parts a number has.
    checkArray(elements, 'elements');
    changed.element_type ??= elements.get_type_string().slice(1);
    changed.length ??= elements.n_children();
  } else if (elements !== null) {
    if (typeof elements[Symbol.iterator] !== 'function')
      throw new TypeError('elements are not iterable: give an Array, a typed array or a GLib.Variant');
    elements = ArrayBuffer.isView(elements) ? elements : [...elements];
    if (!changed.element_type && !changed.format)
      Object.assign(changed, guessType(elements));
    changed.length ??= elements.length;
  }
  checkType(changed.element_type ?? null, changed.format ?? null, 'elementType');
  checkLock(changed);
  checkWhole('length', changed.length ?? 0, 0);
  return {changed, elements};
}

// Whether the elements are bytes that only have to be copied. Not all bytes are booleans.
function isStoredAlike(array, elements) {
  const type = array.get_element_type();
  return type in NUMBERS && type !== 'b' && elements instanceof getView(array);
}

function extendArrayConstructors(Mp) {
  const cls = Mp.Array;

  cls.prototype._init = function (properties = {}) {
    const {changed, elements} = completeArray(properties);
    construct(this, changed);
    // What is wrong is told now, not later.
    this.get_address();
    if (isStoredAlike(this, elements))
      this.write(0, elements);
    else if (elements !== null)
      this.set_slice(0, elements);
  };

  cls.new = function (elementType, length, lock) {
    return new cls({elementType, length, lock});
  };
  // eslint-disable-next-line camelcase
  cls.new_with_format = function (format, length, lock) {
    return new cls({format, length, lock});
  };
  // eslint-disable-next-line camelcase
  cls.new_from_elements = function (elements, lock) {
    return new cls({elements, lock});
  };
}

function extendView({prototype}) {
  const views = new WeakMap();

  prototype.view = function () {
    let view = views.get(this);
    if (view === undefined) {
      const bytes = this.get_buffer().toArray();
      const type = getView(this);
      view = new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / type.BYTES_PER_ELEMENT);
      views.set(this, view);
    }
    return view;
  };
}

function extendElements({prototype}) {
  const {get_slice, set_slice, write} = prototype; // eslint-disable-line camelcase
  const ports = makePorts(prototype, 'element');
  const describe = array => ({type: array.get_element_type(), length: array.get_length()});

  prototype.get_element = function (position) {
    const port = ports.find(this, describe);
    checkPosition(position, port.length);
    return port.read.call(this, position);
  };
  prototype.set_element = function (position, value) {
    const port = ports.find(this, describe);
    checkPosition(position, port.length);
    return port.write.call(this, position, value);
  };
  extendIndices(prototype, prototype.get_element, prototype.set_element);
  prototype.at = function (position) {
    const port = ports.find(this, describe);
    return port.read.call(this, resolvePosition(position, port.length));
  };
  prototype.setAt = function (position, value) {
    const port = ports.find(this, describe);
    return port.write.call(this, resolvePosition(position, port.length), value);
  };
  prototype.set = prototype.setAt;

  prototype.get_slice = function (begin, length) {
    checkWhole('begin', begin, 0);
    checkWhole('length', length, 0);
    return fromVariant(get_slice.call(this, begin, length));
  };
  prototype.set_slice = function (begin, values) {
    checkWhole('begin', begin, 0);
    return set_slice.call(this, begin, toFixed(`a${this.get_element_type()}`, values, 'values'));
  };
  prototype.write = function (begin, data) {
    checkWhole('begin', begin, 0);
    return write.call(this, begin, toBytes(data));
  };

  prototype[Symbol.iterator] = function* () {
    for (let i = 0; i < this.length; i++)
      yield this.get_element(i);
  };
}

// ---- Memory

function extendMemoryConstructors({SharedMemory}) {
  SharedMemory.prototype._init = function (properties = {}) {
    const changed = nameProperties(properties);
    if ('size' in changed)
      checkWhole('size', changed.size, 1);
    construct(this, changed);
    // What is wrong is told now, not later.
    this.open();
  };
  SharedMemory.new = function (size) {
    return new SharedMemory({size});
  };
  // eslint-disable-next-line camelcase
  SharedMemory.new_named = function (name, size) {
    return new SharedMemory({name: name ?? '', create: true, size});
  };
  // eslint-disable-next-line camelcase
  SharedMemory.new_existing = function (name) {
    return new SharedMemory({name});
  };
}

function extendMemory({SharedMemory}) {
  const {prototype} = SharedMemory;
  const {read, write, write_bytes: writeBytes, close} = prototype;
  const views = new WeakMap();

  prototype.view = function () {
    let view = views.get(this);
    if (view === undefined) {
      view = this.get_buffer().toArray();
      views.set(this, view);
    }
    return view;
  };
  prototype.close = function () {
    views.delete(this);
    close.call(this);
  };
  prototype.read = function (offset, length) {
    checkWhole('offset', offset, 0);
    if (length === null)
      this.open();
    const wanted = length ?? Math.max(0, this.get_size() - offset);
    checkWhole('length', wanted, 0);
    return read.call(this, offset, wanted).toArray();
  };
  prototype.write = function (offset, data) {
    checkWhole('offset', offset, 0);
    return write.call(this, offset, toBytes(data));
  };
  prototype.write_bytes = function (offset, bytes) {
    checkWhole('offset', offset, 0);
    return writeBytes.call(this, offset, bytes);
  };
}

// ---- A list

function checkItem(item, name) {
  const isBytes = item instanceof Uint8Array || item instanceof ArrayBuffer || item instanceof GLib.Bytes;
  const isOther = item === null || isBytes || item instanceof GLib.Variant;
  if (typeof item === 'symbol' || typeof item === 'function' || typeof item === 'object' && !isOther) {
    const what = typeof item === 'object' ? `a ${item.constructor?.name ?? 'class'}` : `a ${typeof item}`;
    throw new TypeError(`${name} is ${what}, but lists hold numbers, BigInts, booleans, strings, Uint8Arrays and null`);
  }
  return item;
}

function toItems(items) {
  if (items instanceof GLib.Variant)
    return checkArray(items, 'items', true);
  if (typeof items?.[Symbol.iterator] !== 'function')
    throw new TypeError('items are not iterable: give an Array');
  // A tuple: an Array of whole and other numbers would have only others.
  return toArguments([...items].map((item, i) => checkItem(item, `items[${i}]`)));
}

function extendListConstructors({ShareableList}) {
  ShareableList.prototype._init = function (properties = {}) {
    const changed = nameProperties(properties);
    // One that has a name and no items is there.
    if ('items' in changed || (changed.name ?? null) === null)
      changed.items = toItems(changed.items ?? []);
    construct(this, changed);
    // What is wrong is told now, not later.
    this.open();
  };
  ShareableList.new = function (items) {
    return new ShareableList({items});
  };
  // eslint-disable-next-line camelcase
  ShareableList.new_named = function (name, items) {
    return new ShareableList({name: name ?? '', items: items ?? null});
  };
  // eslint-disable-next-line camelcase
  ShareableList.new_existing = function (name) {
    return new ShareableList({name});
  };
}

function extendList({ShareableList}) {
  const {prototype} = ShareableList;
  const {get_item, set_item, get_items} = prototype; // eslint-disable-line camelcase

  define(prototype, 'length', {
    get() {
      return this.get_length();
    },
  });
  prototype.get_item = function (position) {
    checkPosition(position, this.get_length());
    return fromVariant(get_item.call(this, position));
  };
  prototype.set_item = function (position, value) {
    checkPosition(position, this.get_length());
    return set_item.call(this, position, toVariant(checkItem(value, 'value')));
  };
  extendIndices(prototype, prototype.get_item, prototype.set_item);
  const {get_item: get, set_item: set} = prototype;
  prototype.at = function (position) {
    return get.call(this, resolvePosition(position, this.get_length()));
  };
  prototype.set = function (position, value) {
    return set.call(this, resolvePosition(position, this.get_length()), value);
  };
  prototype.setAt = prototype.set;
  prototype.get_items = function () {
    return fromVariant(get_items.call(this));
  };
  // All at once: who waits for each anew may wait as often as there are items.
  prototype[Symbol.iterator] = function () {
    return fromVariant(get_items.call(this))[Symbol.iterator]();
  };
}

/**
 * Extends the classes of shared state.
 *
 * Values, elements and items are JavaScript's, converted to the type, or refused by a TypeError or a RangeError:
 * numbers, booleans, Arrays for structures. What has 64 bits is a number as long as it is a safe integer, else a
 * BigInt, as everywhere; both are taken.
 *
 * `new Mp.Value({valueType, value, format, lock})` has `value`, and add(), which gives the sum.
 * `new Mp.Array({elementType, length, elements, format, lock})` has at(), setAt() and set(), which are one, array[i],
 * iteration, and view(): a typed array of the elements in shared memory, not a copy; of structures their bytes.
 * run(func, timeout, cancellable) of both awaits the function while it has the lock. Mp.SharedMemory has a
 * view(), a Uint8Array; read() copies. Mp.ShareableList has at(), set() and setAt(), which are one, list[i], `length`
 * and iteration; `{name, items}` makes one with a name, and `{name}` finds it. Other than a view all reads copy.
 *
 * What cannot be made is told by the constructors. Positions of at(), set() and setAt() count from the end where they
 * are negative.
 *
 * @param {object} Mp - the namespace
 */
function extendShared(Mp) {
  for (const name of CLASSES) {
    Mp[name].prototype.toString = function () {
      return this.to_string();
    };
  }

  extendValueConstructors(Mp);
  extendValue(Mp);
  extendRun(Mp.Value.prototype);

  extendArrayConstructors(Mp);
  extendView(Mp.Array);
  extendElements(Mp.Array);
  extendRun(Mp.Array.prototype);

  extendMemoryConstructors(Mp);
  extendMemory(Mp);

  extendListConstructors(Mp);
  extendList(Mp);
}
