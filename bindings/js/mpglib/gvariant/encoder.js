// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported encode, encodeTuple, encodeTuples */

// JavaScript values to the bytes of a GVariant, in one pass over the value:
//
//   null, undefined     mv (nothing)          Uint8Array, ArrayBuffer, GLib.Bytes   ay
//   boolean             b                     other typed arrays                    an aq ai au ax at ad
//   safe integer        x                     Array of one sort                     ab as ax at ad
//   other number        d                     other Array, empty Array              av
//   BigInt              x; above int64: t     plain object                          a{sv}
//   string              s                     Map, keys of one sort                 a{bv} a{sv} a{xv} a{tv} a{dv}
//   GLib.Variant        its own type          GObject, by the caller’s attach       h
//
// The arguments of a call are a tuple with a member for each, of its own type.
//
// GLib.Variant’s own packing makes a native object of each part of a value and takes some thirty times as
// long.
//
// Everything is inside one function because names in the outermost scope of a module are looked up
// dynamically.

var {encode, encodeTuple, encodeTuples} = (function () {
  'use strict';

  const {GLib, GObject} = imports.gi;
  const {MAX_DEPTH, parseType} = imports.mpglib.gvariant.type;

  const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  const INITIAL_SIZE = 64 * 1024;
  const LARGEST_KEPT_SIZE = 1024 * 1024;
  const LARGEST_SIZE = 2 ** 31 - 1;
  const LONGEST_SHORT_STRING = 96;
  const MOST_LAYOUTS = 256;

  const INT64_MIN = -(2n ** 63n);
  const INT64_MAX = 2n ** 63n - 1n;
  const UINT64_MAX = 2n ** 64n - 1n;

  const {getPrototypeOf, keys: ownKeys} = Object;
  const {isArray} = Array;
  const {isSafeInteger} = Number;
  const {floor} = Math;
  const {asUintN} = BigInt;
  const ObjectPrototype = Object.prototype;

  // A name of the global object or of a namespace costs a dynamic look-up each time.
  const NativeArrayBuffer = ArrayBuffer, NativeMap = Map, NativeUint8Array = Uint8Array;
  const {Bytes, Variant} = GLib;
  const GObjectObject = GObject.Object;

  const TypedArray = getPrototypeOf(Uint8Array);
  const LONE_SURROGATE = /\p{Surrogate}/u;
  const textEncoder = new TextEncoder();

  // Sorts of values for which arrays and map keys have types of their own.
  const MIXED = 0, BOOLEAN = 1, STRING = 2, INTEGER = 3, UNSIGNED = 4, DOUBLE = 5;
  const SORT_TYPES = ['v', 'b', 's', 'x', 't', 'd'];

  // What is being written. Only encode() changes bytes and view other than by reserve().
  let bytes = new Uint8Array(INITIAL_SIZE);
  let view = new DataView(bytes.buffer);
  let position = 0;
  let attachObject = null;

  // GVariant containers around the value at hand; what messages call the whole, and the keys that lead from
  // there to the value, of which `level` count.
  let depth = 0;
  let root = 'value';
  let path = [];
  let level = 0;

  // Where the elements of the containers at hand end, the innermost container’s last; `endCount` of them
  // count.
  let ends = [];
  let endCount = 0;

  // ---- Refusals

  function describePath() {
    let text = root;
    for (const key of path.slice(0, Math.min(level, 8))) {
      if (typeof key !== 'string')
        text += `[${String(key)}]`;
      else if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key))
        text += `.${key}`;
      else
        text += `[${JSON.stringify(key)}]`;
    }
    return level > 8 ? `${text}…` : text;
  }

  function refuse(what, remedy) {
    throw new TypeError(`${describePath()} is ${what}, which cannot be sent; ${remedy}`);
  }

  function refuseRange(problem) {
    throw new RangeError(`${describePath()} ${problem}`);
  }

  const REMEDIES = new Map([
    [Date, 'send date.getTime() or date.toISOString()'],
    [Set, 'send [...set]'],
    [WeakMap, 'send a Map'],
    [RegExp, 'send its source and its flags'],
    [Promise, 'await it and send its result'],
    [Error, 'send {name: error.name, message: error.message}'],
    [DataView, 'send a Uint8Array over the same buffer'],
    [Boolean, 'send the primitive, value.valueOf()'],
    [Number, 'send the primitive, value.valueOf()'],
    [String, 'send the primitive, value.valueOf()'],
  ]);

  function refuseInstance(value) {
    const name = value.constructor?.name || 'class without a name';
    for (const [constructor, remedy] of REMEDIES) {
      if (value instanceof constructor)
        refuse(`a ${name}`, remedy);
    }
    if (value instanceof GObjectObject)
      refuse(`a ${name}`, 'only objects that implement Mp.Shareable can be attached to a message; ' +
        'Mp.Descriptor.duplicate_socket() and duplicate() make one of a socket, and of a descriptor');
    refuse(`a ${name}`, 'send a plain object with what the other side needs, such as {...value}');
  }

  // ---- The buffer

  function reserve(count) {
    const needed = position + count;
    if (needed <= bytes.length)
      return;
    if (needed > LARGEST_SIZE)
      refuseRange('makes the message larger than 2 GiB');
    const grown = new Uint8Array(Math.min(Math.max(needed, bytes.length * 2), LARGEST_SIZE));
    grown.set(bytes.subarray(0, position));
    bytes = grown;
    view = new DataView(bytes.buffer);
  }

  // Padding has to be written: the buffer holds what earlier values left.
  function align8() {
    reserve(8);
    while (position & 7)
      bytes[position++] = 0;
  }

  function writeByte(value) {
    reserve(1);
    bytes[position++] = value;
  }

  function writeDouble(value) {
    reserve(8);
    view.setFloat64(position, value, LITTLE_ENDIAN);
    position += 8;
  }

  function writeInteger(value) {
    reserve(8);
    const high = floor(value / 0x100000000);
    const low = value - high * 0x100000000;
    view.setInt32(LITTLE_ENDIAN ? position + 4 : position, high, LITTLE_ENDIAN);
    view.setUint32(LITTLE_ENDIAN ? position : position + 4, low, LITTLE_ENDIAN);
    position += 8;
  }

  function writeBigInt(value) {
    reserve(8);
    view.setBigUint64(position, asUintN(64, value), LITTLE_ENDIAN);
    position += 8;
  }

  function writeBytes(array) {
    reserve(array.length);
    bytes.set(array, position);
    position += array.length;
  }

  // Copies a short string, or leaves the position as it is at the first character that needs more care.
  function writeAscii(string, length) {
    const target = bytes;
    const start = position;
    for (let i = 0; i < length; i++) {
      const code = string.charCodeAt(i);
      if (code > 0x7f || code === 0)
        return false;
      target[start + i] = code;
    }
    target[start + length] = 0;
    position = start + length + 1;
    return true;
  }

  // UTF-8 and its terminator. A call of the native encoder takes longer than to copy a short string here.
  function writeString(string) {
    const length = string.length;
    reserve(3 * length + 1);

    if (length <= LONGEST_SHORT_STRING && writeAscii(string, length))
      return;

    if (string.includes('\0'))
      refuseRange('has a NUL character, which a GVariant string cannot hold; send a Uint8Array');
    if (LONE_SURROGATE.test(string))
      refuseRange('has half of a surrogate pair, which is no text; send a Uint8Array or a Uint16Array');
    position += textEncoder.encodeInto(string, bytes.subarray(position)).written;
    bytes[position++] = 0;
  }

  function writeTypeString(type) {
    reserve(type.length + 1);
    bytes[position++] = 0;
    for (let i = 0; i < type.length; i++)
      bytes[position++] = type.charCodeAt(i);
  }

  // ---- Framing

  function enter(containers) {
    depth += containers;
    if (depth > MAX_DEPTH)
      refuseRange('is nested too deeply, or in a circle: ' +
                  `a value may have ${MAX_DEPTH} levels, of which an object takes three`);
  }

  function getOffsetSize(bodySize, count) {
    if (bodySize + count <= 0xff)
      return 1;
    return bodySize + 2 * count <= 0xffff ? 2 : 4;
  }

  function writeOffset(offset, size) {
    if (size === 1)
      bytes[position] = offset;
    else if (size === 2)
      view.setUint16(position, offset, true);
    else
      view.setUint32(position, offset, true);
    position += size;
  }

  // Closes the array that began at start and whose elements end where ends says from index first on.
  function closeArray(start, first) {
    const count = endCount - first;
    const size = getOffsetSize(position - start, count);
    reserve(size * count);
    for (let i = first; i < first + count; i++)
      writeOffset(ends[i] - start, size);
    endCount = first;
  }

  // Closes the dictionary entry that began at start and whose key, of variable size, ends at keyEnd.
  function closeEntry(start, keyEnd) {
    reserve(4);
    writeOffset(keyEnd - start, getOffsetSize(position - start, 1));
  }

  // ---- Arrays

  function getSort(value) {
    switch (typeof value) {
    case 'number':
      return isSafeInteger(value) && (value !== 0 || 1 / value > 0) ? INTEGER : DOUBLE;
    case 'string':
      return STRING;
    case 'boolean':
      return BOOLEAN;
    case 'bigint':
      return value > INT64_MAX ? UNSIGNED : INTEGER;
    default:
      return MIXED;
    }
  }

  // Integers among doubles are doubles, which hold them exactly; a BigInt among them need not fit.
  function getCommonSort(array) {
    const length = array.length;
    let common = length > 0 ? getSort(array[0]) : MIXED;
    let hasBigInt = typeof array[0] === 'bigint';

    for (let i = 1; i < length && common !== MIXED; i++) {
      const sort = getSort(array[i]);
      hasBigInt ||= typeof array[i] === 'bigint';
      if (sort !== common)
        common = sort + common === INTEGER + DOUBLE ? DOUBLE : MIXED;
    }
    return common === DOUBLE && hasBigInt ? MIXED : common;
  }

  function writeArray(array) {
    const sort = getCommonSort(array);
    const length = array.length;
    const start = position;
    const first = endCount;
    const containers = sort === MIXED ? 2 : 1;

    enter(containers);
    const here = level++;
    switch (sort) {
    case MIXED:
      for (let i = 0; i < length; i++) {
        path[here] = i;
        writeVariant(array[i]);
        ends[endCount++] = position;
      }
      break;
    case STRING:
      for (let i = 0; i < length; i++) {
        path[here] = i;
        writeString(array[i]);
        ends[endCount++] = position;
      }
      break;
    default:
      for (let i = 0; i < length; i++) {
        path[here] = i;
        writeFixed(array[i], sort);
      }
    }
    closeArray(start, first);
    level = here;
    depth -= containers;
    return `a${SORT_TYPES[sort]}`;
  }

  function writeFixed(value, sort) {
    if (sort === DOUBLE)
      writeDouble(value);
    else if (sort === BOOLEAN)
      writeByte(value ? 1 : 0);
    else if (typeof value === 'number')
      writeInteger(value);
    else
      writeBigIntChecked(value);
  }

  function writeBigIntChecked(value) {
    if (value < INT64_MIN || value > UINT64_MAX)
      refuseRange('is a BigInt of more than 64 bits; send it as a string');
    writeBigInt(value);
  }

  // GVariant has neither signed bytes nor single floats: those arrays go in the next larger type.
  const TYPED_ARRAYS = new Map([
    [Uint8Array, {type: 'ay'}], [Uint8ClampedArray, {type: 'ay'}],
    [Int8Array, {type: 'an', widened: Int16Array}],
    [Int16Array, {type: 'an'}], [Uint16Array, {type: 'aq'}],
    [Int32Array, {type: 'ai'}], [Uint32Array, {type: 'au'}],
    [BigInt64Array, {type: 'ax'}], [BigUint64Array, {type: 'at'}],
    [Float32Array, {type: 'ad', widened: Float64Array}], [Float64Array, {type: 'ad'}],
  ]);

  function writeTypedArray(array) {
    for (const [constructor, {type, widened}] of TYPED_ARRAYS) {
      if (array instanceof constructor) {
        const source = widened ? new widened(array) : array;
        enter(1);
        writeBytes(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
        depth--;
        return type;
      }
    }
    return refuseInstance(array);
  }

  // ---- Dictionaries

  function writeObject(object) {
    const keys = ownKeys(object);
    const start = position;
    const first = endCount;

    enter(3);
    const here = level++;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      path[here] = key;
      writeStringEntry(key, object[key]);
    }
    closeArray(start, first);
    level = here;
    depth -= 3;
    return 'a{sv}';
  }

  function writeStringEntry(key, value) {
    align8();
    const start = position;
    writeString(key);
    const keyEnd = position;
    writeVariant(value);
    closeEntry(start, keyEnd);
    ends[endCount++] = position;
  }

  function writeFixedEntry(key, sort, value) {
    align8();
    writeFixed(key, sort);
    writeVariant(value);
    ends[endCount++] = position;
  }

  function writeMap(map) {
    const sort = map.size > 0 ? getCommonSort([...map.keys()]) : STRING;
    const start = position;
    const first = endCount;

    if (sort === MIXED) {
      refuse('a Map whose keys are not all booleans, all numbers or all strings',
             'send an array of [key, value] pairs, [...map]');
    }

    enter(3);
    const here = level++;
    for (const [key, value] of map) {
      path[here] = key;
      if (sort === STRING)
        writeStringEntry(key, value);
      else
        writeFixedEntry(key, sort, value);
    }
    closeArray(start, first);
    level = here;
    depth -= 3;
    return `a{${SORT_TYPES[sort]}v}`;
  }

  // ---- Tuples

  const layouts = new NativeMap();

  function getLayout(type) {
    let layout = layouts.get(type);
    if (layout === undefined) {
      if (layouts.size >= MOST_LAYOUTS)
        layouts.clear();
      layout = parseType(type);
      layouts.set(type, layout);
    }
    return layout;
  }

  // Writes a member and moves it to where its type, which is known only then, lets it begin.
  function writeMember(value) {
    const end = position;
    align8();
    const start = position;
    const layout = getLayout(writeValue(value));
    const target = end + layout.alignment - 1 & -layout.alignment;
    bytes.copyWithin(target, start, position);
    position -= start - target;
    return layout;
  }

  function writeTuple(values) {
    const count = values.length;
    const start = position;
    const first = endCount;
    let types = '';
    let alignment = 1;
    let isFixed = true;

    enter(1);
    const here = level++;
    for (let i = 0; i < count; i++) {
      path[here] = i;
      const layout = writeMember(values[i]);
      types += layout.string;
      alignment = Math.max(alignment, layout.alignment);
      isFixed &&= layout.size > 0;
      if (layout.size === 0 && i < count - 1)
        ends[endCount++] = position;
    }
    if (isFixed)
      padTuple(start, alignment);
    else
      closeTuple(start, first);
    level = here;
    depth--;
    return `(${types})`;
  }

  // A tuple of fixed size has a multiple of its alignment, and the empty one a byte.
  function padTuple(start, alignment) {
    reserve(8);
    while (position === start || position & alignment - 1)
      bytes[position++] = 0;
  }

  // Where members end is told backwards, and not of the last.
  function closeTuple(start, first) {
    const size = getOffsetSize(position - start, endCount - first);
    reserve(size * (endCount - first));
    while (endCount > first)
      writeOffset(ends[--endCount] - start, size);
  }

  function writeTuples(arrays) {
    const start = position;
    const first = endCount;

    enter(2);
    const here = level++;
    for (let i = 0; i < arrays.length; i++) {
      path[here] = i;
      if (!isArray(arrays[i]))
        refuse('no Array', 'each item of a starmap is the Array of the arguments of one call');
      align8();
      writeTypeString(writeTuple(arrays[i]));
      ends[endCount++] = position;
    }
    closeArray(start, first);
    level = here;
    depth -= 2;
    return 'av';
  }

  // ---- Any value
  //
  // Every value begins at a multiple of eight: at the beginning, or as the child of a variant.

  function writeVariant(value) {
    align8();
    writeTypeString(writeValue(value));
  }

  function writeValue(value) {
    switch (typeof value) {
    case 'string':
      writeString(value);
      return 's';
    case 'number':
      if (getSort(value) === INTEGER) {
        writeInteger(value);
        return 'x';
      }
      writeDouble(value);
      return 'd';
    case 'boolean':
      writeByte(value ? 1 : 0);
      return 'b';
    case 'bigint':
      writeBigIntChecked(value);
      return value > INT64_MAX ? 't' : 'x';
    case 'undefined':
      return writeNothing();
    case 'object':
      return value === null ? writeNothing() : writeReference(value);
    case 'function':
      return refuse(`the function ${value.name || '(anonymous)'}`,
                    'name it instead: export it from a module and send the module’s URI and the name');
    default:
      return refuse(String(value), 'send its description, a string');
    }
  }

  function writeNothing() {
    enter(1);
    depth--;
    return 'mv';
  }

  function writeReference(value) {
    if (isArray(value))
      return writeArray(value);
    const prototype = getPrototypeOf(value);
    if (prototype === ObjectPrototype || prototype === null)
      return writeObject(value);
    if (value instanceof TypedArray)
      return writeTypedArray(value);
    if (value instanceof NativeArrayBuffer)
      return writeTypedArray(new NativeUint8Array(value));
    if (value instanceof NativeMap)
      return writeMap(value);
    if (value instanceof Bytes)
      return writeTypedArray(value.toArray());
    if (value instanceof Variant)
      return writeNative(value);
    if (attachObject && value instanceof GObjectObject)
      return writeHandle(value);
    return refuseInstance(value);
  }

  function writeNative(variant) {
    writeBytes(variant.get_normal_form().get_data_as_bytes().toArray());
    return variant.get_type_string();
  }

  function writeHandle(object) {
    const index = attachObject(object);
    if (index === null)
      refuseInstance(object);
    reserve(4);
    view.setInt32(position, index, LITTLE_ENDIAN);
    position += 4;
    return 'h';
  }

  // ---- Entry

  // A getter among the properties of a value may encode a value of its own: it finds a fresh state and leaves
  // ours.
  function withFreshState(write) {
    const saved = {bytes, view, position, attachObject, depth, root, path, level, ends, endCount};
    bytes = new Uint8Array(INITIAL_SIZE);
    view = new DataView(bytes.buffer);
    path = [];
    ends = [];
    try {
      return write();
    } finally {
      ({bytes, view, position, attachObject, depth, root, path, level, ends, endCount} = saved);
    }
  }

  function reset() {
    if (bytes.length > LARGEST_KEPT_SIZE) {
      bytes = new Uint8Array(INITIAL_SIZE);
      view = new DataView(bytes.buffer);
    }
    attachObject = null;
  }

  let active = false;

  function encodeBy(write, name, value, attach) {
    if (active)
      return withFreshState(() => encodeNow(write, name, value, attach));

    active = true;
    try {
      return encodeNow(write, name, value, attach);
    } finally {
      active = false;
      reset();
    }
  }

  function encodeNow(write, name, value, attach) {
    position = depth = level = endCount = 0;
    root = name;
    attachObject = attach;
    const type = write(value);
    return {type, bytes: bytes.subarray(0, position)};
  }

  return {
    /**
     * Encodes a value.
     *
     * @param {*} value - what to encode
     * @param {function(GObject.Object): ?number} [attach] - keeps a GObject beside the message and returns its
     *   index there, or null if it cannot travel; without it GObjects are refused
     * @param {string} [name] - what messages call it
     * @returns {{type: string, bytes: Uint8Array}} the type string, and the bytes until the next call
     * @throws {TypeError} for what has no GVariant form; names its place in the value and what to send instead
     * @throws {RangeError} for numbers, strings and nesting beyond what GVariants hold
     */
    encode(value, attach = null, name = 'value') {
      if (value instanceof NativeUint8Array)
        return {type: 'ay', bytes: value};
      return encodeBy(writeValue, name, value, attach);
    },

    /**
     * Encodes the arguments of a call as a tuple, each as encode() would.
     *
     * @param {Array} values - the arguments
     * @param {function(GObject.Object): ?number} [attach] - as for encode()
     * @returns {{type: string, bytes: Uint8Array}} as of encode()
     * @throws {TypeError|RangeError} as encode()
     */
    encodeTuple(values, attach = null) {
      return encodeBy(writeTuple, 'arguments', values, attach);
    },

    /**
     * Encodes the arguments of many calls as an array of variants, each with a tuple in it.
     *
     * @param {Array[]} arrays - the arguments of each call
     * @param {function(GObject.Object): ?number} [attach] - as for encode()
     * @returns {{type: string, bytes: Uint8Array}} as of encode()
     * @throws {TypeError|RangeError} as encode()
     */
    encodeTuples(arrays, attach = null) {
      return encodeBy(writeTuples, 'items', arrays, attach);
    },
  };
})();
