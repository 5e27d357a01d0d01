// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported decode, decodeEach */

// The bytes of a GVariant of any type to a JavaScript value:
//
//   b                    boolean              ay                    Uint8Array
//   y n q i u d          number               aX                    Array
//   x t                  number, beyond       a{sX}                 plain object
//                        2^53 - 1 a BigInt    other a{KX}           Map
//   s o g                string               tuple, entry          Array
//   h                    by the caller’s      mX                    null, or the value inside
//                        lookup, else number  v                     the value inside
//
// The bytes may come from anybody. Exactly those are accepted that GLib calls the normal form (one spelling
// for each value), within the bounds of type.js; all else is a RangeError. Nothing is read outside of them,
// and no more memory is taken than they account for.
//
// Everything is inside one function because names in the outermost scope of a module are looked up
// dynamically.

var {decode, decodeEach} = (function () {
  'use strict';

  const {MAX_DEPTH, MAX_TYPE_LENGTH, parseType, isSignature} = imports.mpglib.gvariant.type;

  const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  const LARGEST_SIZE = 2 ** 31 - 1;
  const LONGEST_SHORT_STRING = 40;
  const SLOT_MASK = 0xff;
  const OBJECTS_A_BYTE = 16;
  const SMALLEST_ROOM = 4096; // for single values, however they are nested

  const {max} = Math;
  const {isSafeInteger} = Number;
  const {fromCharCode} = String;
  const {defineProperty} = Object;
  // A name of the global object costs a dynamic look-up each time.
  const NativeMap = Map;
  const NativeDataView = DataView;
  const OBJECT_PATH = /^\/$|^(\/[A-Za-z0-9_]+)+$/;
  // ignoreBOM does the opposite of what it should in some versions of GJS, so decodeUtf8 keeps marks away
  // from it.
  const textDecoder = new TextDecoder('utf-8', {fatal: true});

  // What is being read. No code of the user runs meanwhile but the lookup of handles.
  let bytes = null;
  let view = null;
  let lookUpHandle = null;
  let depth = 0;
  // What may still be made of tuples that take fewer bytes than they have parts. One whose members are all empty takes
  // no byte, and becomes an object for each of them: without a bound a small message could fill the memory.
  let room = 0;

  function refuse(problem) {
    throw new RangeError(`these bytes are no GVariant in normal form: ${problem}`);
  }

  // ---- Types

  // ---- What comes again and again: types and keys
  //
  // Small tables of the latest ones, found by a few of their bytes, save making their strings.

  function pickSlot(start, length) {
    const first = bytes[start], middle = bytes[start + (length >> 1)], last = bytes[start + length - 1];
    return (length * 31 + first * 7 + middle * 3 + last) & SLOT_MASK;
  }

  function equalsText(text, start, length) {
    if (text.length !== length)
      return false;
    const source = bytes;
    for (let i = 0; i < length; i++) {
      if (text.charCodeAt(i) !== source[start + i])
        return false;
    }
    return true;
  }

  const types = new Array(SLOT_MASK + 1).fill(parseType('v'));
  const keys = new Array(SLOT_MASK + 1).fill('');

  function readType(start, end) {
    const length = end - start;
    if (length === 0)
      refuse('a variant has no type');
    const slot = pickSlot(start, length);
    const cached = types[slot];
    if (equalsText(cached.string, start, length))
      return cached;
    return types[slot] = parseType(readCharacters(start, end));
  }

  function readKey(start, end) {
    const last = findTerminator(start, end);
    const length = last - start;
    if (length === 0 || length > LONGEST_SHORT_STRING)
      return readString(start, end);
    const slot = pickSlot(start, length);
    const cached = keys[slot];
    if (equalsText(cached, start, length))
      return cached;
    const key = readString(start, end);
    return keys[slot] = key;
  }

  // ---- Framing

  function checkZeros(start, end) {
    for (let i = start; i < end; i++) {
      if (bytes[i] !== 0)
        refuse('padding is not zero');
    }
  }

  function checkInside(position, end) {
    if (position > end)
      refuse('framing offsets lie outside of their container');
  }

  function checkChild(start, end, bodyEnd) {
    if (end < start || end > bodyEnd)
      refuse('a child lies outside of its container');
  }

  // Where the next child begins, behind zeros up to its alignment.
  function skipPadding(position, alignment, bodyEnd) {
    const aligned = (position + alignment - 1) & -alignment;
    checkInside(aligned, bodyEnd);
    checkZeros(position, aligned);
    return aligned;
  }

  // A container of no bytes has offsets of no bytes: GLib takes it for one whose children all have none.
  function getOffsetSize(size) {
    if (size <= 0xff)
      return size === 0 ? 0 : 1;
    return size <= 0xffff ? 2 : 4;
  }

  function readOffset(offset, size) {
    if (size <= 1)
      return size === 0 ? 0 : bytes[offset];
    return size === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
  }

  // Offsets of a size larger than needed would be a second spelling of the same value.
  function checkOffsetSize(bodySize, framesSize, size) {
    if (size === 2 && bodySize + framesSize / 2 <= 0xff || size === 4 && bodySize + framesSize / 2 <= 0xffff)
      refuse('framing offsets are wider than needed');
  }

  function enter() {
    if (++depth > MAX_DEPTH)
      throw new RangeError(`a value is nested more than ${MAX_DEPTH} containers deep`);
  }

  // ---- Strings

  // Eight characters a call: for short strings a third of the time of a call with a subarray or of a
  // TextDecoder.
  function readCharacters(start, end) {
    const b = bytes;
    let text = '';
    let i = start;
    for (; i + 8 <= end; i += 8)
      text += fromCharCode(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7]);
    for (; i < end; i++)
      text += fromCharCode(b[i]);
    return text;
  }

  function isAscii(start, end) {
    const source = bytes;
    for (let i = start; i < end; i++) {
      const code = source[i];
      if (code > 0x7f || code === 0)
        return false;
    }
    return true;
  }

  function isByteOrderMark(start) {
    return bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
  }

  function decodeUtf8(start, end) {
    let marks = '';
    while (end - start >= 3 && isByteOrderMark(start)) {
      marks += '\ufeff';
      start += 3;
    }
    try {
      return marks + textDecoder.decode(bytes.subarray(start, end));
    } catch (error) {
      return refuse('a string is not UTF-8');
    }
  }

  // The position of the terminator of the string between start and end.
  function findTerminator(start, end) {
    if (end <= start || bytes[end - 1] !== 0)
      refuse('a string has no terminator');
    return end - 1;
  }

  function readString(start, end) {
    const last = findTerminator(start, end);
    if (last - start <= LONGEST_SHORT_STRING && isAscii(start, last))
      return readCharacters(start, last);
    const text = decodeUtf8(start, last);
    if (text.includes('\0'))
      refuse('a string has a NUL character inside');
    return text;
  }

  function readObjectPath(start, end) {
    const path = readString(start, end);
    if (!OBJECT_PATH.test(path))
      refuse('an object path is malformed');
    return path;
  }

  function readSignature(start, end) {
    const signature = readString(start, end);
    if (!isSignature(signature))
      refuse('a signature is malformed');
    return signature;
  }

  // ---- Numbers

  function readBoolean(offset) {
    const value = bytes[offset];
    if (value > 1)
      refuse('a boolean is neither 0 nor 1');
    return value === 1;
  }

  function readInt64(offset) {
    const high = view.getInt32(LITTLE_ENDIAN ? offset + 4 : offset, LITTLE_ENDIAN);
    const low = view.getUint32(LITTLE_ENDIAN ? offset : offset + 4, LITTLE_ENDIAN);
    const value = high * 0x100000000 + low;
    return isSafeInteger(value) ? value : view.getBigInt64(offset, LITTLE_ENDIAN);
  }

  function readUint64(offset) {
    const high = view.getUint32(LITTLE_ENDIAN ? offset + 4 : offset, LITTLE_ENDIAN);
    const low = view.getUint32(LITTLE_ENDIAN ? offset : offset + 4, LITTLE_ENDIAN);
    const value = high * 0x100000000 + low;
    return isSafeInteger(value) ? value : view.getBigUint64(offset, LITTLE_ENDIAN);
  }

  function readHandle(offset) {
    const index = view.getInt32(offset, LITTLE_ENDIAN);
    return lookUpHandle ? lookUpHandle(index) : index;
  }

  // ---- Values

  function read(type, start, end) {
    if (type.size !== 0 && end - start !== type.size)
      refuse(`a value of type “${type.string}” has ${end - start} bytes`);

    switch (type.code) {
    case 0x61: // a
      return readArray(type, start, end);
    case 0x62: // b
      return readBoolean(start);
    case 0x64: // d
      return view.getFloat64(start, LITTLE_ENDIAN);
    case 0x67: // g
      return readSignature(start, end);
    case 0x68: // h
      return readHandle(start);
    case 0x69: // i
      return view.getInt32(start, LITTLE_ENDIAN);
    case 0x6d: // m
      return readMaybe(type, start, end);
    case 0x6e: // n
      return view.getInt16(start, LITTLE_ENDIAN);
    case 0x6f: // o
      return readObjectPath(start, end);
    case 0x71: // q
      return view.getUint16(start, LITTLE_ENDIAN);
    case 0x73: // s
      return readString(start, end);
    case 0x74: // t
      return readUint64(start);
    case 0x75: // u
      return view.getUint32(start, LITTLE_ENDIAN);
    case 0x76: // v
      return readVariant(start, end);
    case 0x78: // x
      return readInt64(start);
    case 0x79: // y
      return bytes[start];
    default: // ( {
      return readTuple(type, start, end);
    }
  }

  function readVariant(start, end) {
    const earliest = max(start, end - MAX_TYPE_LENGTH - 1);
    let separator = end - 1;
    while (separator >= earliest && bytes[separator] !== 0)
      separator--;
    if (separator < earliest)
      refuse('a variant has no type');

    enter();
    const value = read(readType(separator + 1, end), start, separator);
    depth--;
    return value;
  }

  function readMaybe(type, start, end) {
    const {element} = type;
    enter();
    let value = null;
    if (end > start) {
      if (element.size === 0 && bytes[end - 1] !== 0)
        refuse('a maybe does not end with zero');
      value = read(element, start, element.size === 0 ? end - 1 : end);
    }
    depth--;
    return value;
  }

  function takeRoom(members) {
    room -= 1;
    for (const {code} of members)
      room -= code === 0x61 ? 1 : 0; // a
    if (room < 0)
      throw new RangeError('a GVariant consists of far more tuples and arrays than bytes');
  }

  // Reads the members of a tuple, or of an entry that stands outside of an array, one after the other.
  function readTuple(type, start, end) {
    const {members} = type;
    const last = members.length - 1;
    const offsetSize = getOffsetSize(end - start);
    const values = [];
    let position = start;
    let bodyEnd = end;

    if (type.weight > OBJECTS_A_BYTE * (end - start))
      takeRoom(members);
    enter();
    for (let i = 0; i <= last; i++) {
      const member = members[i];
      position = skipPadding(position, member.alignment, bodyEnd);
      let memberEnd = bodyEnd;
      if (member.size !== 0) {
        memberEnd = position + member.size;
      } else if (i < last) {
        bodyEnd -= offsetSize;
        checkInside(position, bodyEnd);
        memberEnd = start + readOffset(bodyEnd, offsetSize);
      }
      checkChild(position, memberEnd, bodyEnd);
      values.push(read(member, position, memberEnd));
      position = memberEnd;
    }
    finishMembers(type, start, position, bodyEnd, end);
    depth--;
    return values;
  }

  // Behind the members of a fixed size come zeros up to that size; those of a variable size end where the
  // offsets begin.
  function finishMembers(type, start, position, bodyEnd, end) {
    if (type.size !== 0)
      checkZeros(position, end);
    else if (position !== bodyEnd)
      refuse('there are bytes behind the last member of a tuple');
    else
      checkOffsetSize(bodyEnd - start, end - bodyEnd, getOffsetSize(end - start));
  }

  // ---- Arrays and dictionaries

  function readArray(type, start, end) {
    const {element} = type;
    enter();
    let target;
    if (element.code === 0x79) // y
      target = bytes.slice(start, end);
    else
      target = fillArray(makeTarget(element), element, start, end);
    depth--;
    return target;
  }

  function makeTarget(element) {
    if (element.code !== 0x7b) // {
      return [];
    return element.members[0].code === 0x73 ? {} : new NativeMap(); // s
  }

  function fillArray(target, element, start, end) {
    if (element.size !== 0)
      fillFromFixed(target, element, start, end);
    else if (end > start)
      fillFromFramed(target, element, start, end);
    return target;
  }

  function fillFromFixed(target, element, start, end) {
    const {size} = element;
    if ((end - start) % size !== 0)
      refuse('an array ends in the middle of an element');
    for (let i = 0, position = start; position < end; i++, position += size)
      readElement(target, i, element, position, position + size);
  }

  function fillFromFramed(target, element, start, end) {
    const offsetSize = getOffsetSize(end - start);
    checkInside(start, end - offsetSize);
    const bodyEnd = start + readOffset(end - offsetSize, offsetSize);
    checkInside(bodyEnd, end - offsetSize);
    if ((end - bodyEnd) % offsetSize !== 0)
      refuse('an array ends in the middle of an offset');
    checkOffsetSize(bodyEnd - start, end - bodyEnd, offsetSize);

    let position = start;
    for (let i = 0, frame = bodyEnd; frame < end; i++, frame += offsetSize) {
      position = skipPadding(position, element.alignment, bodyEnd);
      const elementEnd = start + readOffset(frame, offsetSize);
      checkChild(position, elementEnd, bodyEnd);
      readElement(target, i, element, position, elementEnd);
      position = elementEnd;
    }
  }

  function readElement(target, index, element, start, end) {
    if (element.code === 0x7b) // {
      readEntry(target, element, start, end);
    else
      target[index] = read(element, start, end);
  }

  // Of two entries with one key the later counts, as in JSON.
  function readEntry(target, type, start, end) {
    const keyType = type.members[0];
    const valueType = type.members[1];
    let bodyEnd = end;
    let keyEnd = start + keyType.size;

    enter();
    if (keyType.size === 0) {
      const offsetSize = getOffsetSize(end - start);
      bodyEnd -= offsetSize;
      checkInside(start, bodyEnd);
      keyEnd = start + readOffset(bodyEnd, offsetSize);
    }
    checkChild(start, keyEnd, bodyEnd);
    const key = keyType.code === 0x73 ? readKey(start, keyEnd) : read(keyType, start, keyEnd); // s

    const position = skipPadding(keyEnd, valueType.alignment, bodyEnd);
    const valueEnd = valueType.size !== 0 ? position + valueType.size : bodyEnd;
    checkChild(position, valueEnd, bodyEnd);
    const value = read(valueType, position, valueEnd);
    finishMembers(type, start, valueEnd, bodyEnd, end);
    depth--;

    if (target instanceof NativeMap)
      target.set(key, value);
    else if (key === '__proto__')
      defineProperty(target, key, {value, writable: true, enumerable: true, configurable: true});
    else
      target[key] = value;
  }

  // ---- Entry

  // The type strings of whole values come from GLib or from the caller, and are few.
  const typesByName = new Map();

  function getType(string) {
    const known = typesByName.get(string);
    if (known !== undefined)
      return known;
    const type = parseType(string);
    if (typesByName.size > SLOT_MASK)
      typesByName.clear();
    typesByName.set(string, type);
    return type;
  }

  function begin(data, lookUp) {
    if (data.length > LARGEST_SIZE)
      throw new RangeError('a value of more than 2 GiB cannot be decoded');
    bytes = data;
    view = new NativeDataView(data.buffer, data.byteOffset, data.byteLength);
    lookUpHandle = lookUp;
  }

  function end() {
    bytes = view = lookUpHandle = null;
  }

  // How much there may be of a value, whatever stands beside it.
  function setBounds(length) {
    depth = 0;
    room = SMALLEST_ROOM + OBJECTS_A_BYTE * length;
  }

  /**
   * Decodes a value.
   *
   * @param {string} type - the GVariant type string
   * @param {Uint8Array} data - the bytes; not kept, and shared with nothing in the result
   * @param {function(number): *} [lookUp] - gives what stands beside the message at an index, for handles
   * @returns {*} the value
   * @throws {RangeError} if type is no definite type, or data is not the normal form of one of its values
   */
  function decode(type, data, lookUp = null) {
    begin(data, lookUp);
    setBounds(data.length);
    try {
      return read(getType(type), 0, data.length);
    } finally {
      end();
    }
  }

  // What decode() makes of the type and the bytes of a variant; the type may be of any length, as there.
  function readAlone(start, stop) {
    const separator = bytes.lastIndexOf(0, stop - 1);
    if (separator < start)
      refuse('a variant has no type');
    setBounds(separator - start);
    return read(readType(separator + 1, stop), start, separator);
  }

  function readEach(length) {
    const values = [], errors = [];
    const offsetSize = getOffsetSize(length);
    const bodyEnd = length === 0 ? 0 : readOffset(length - offsetSize, offsetSize);
    checkInside(bodyEnd, length - offsetSize);
    let position = 0;
    for (let frame = bodyEnd; frame < length; frame += offsetSize) {
      const start = skipPadding(position, 8, bodyEnd);
      position = readOffset(frame, offsetSize);
      checkChild(start, position, bodyEnd);
      try {
        values.push(readAlone(start, position));
      } catch (error) {
        errors.push(error);
      }
    }
    return {values, errors};
  }

  /**
   * Decodes the elements of an array of variants, each as if it were alone: those beside one that is refused are
   * none the worse, and the array is no container of theirs.
   *
   * @param {Uint8Array} data - the bytes of a GVariant `av`
   * @returns {{values: Array, errors: RangeError[]}} the values in their order, and why the others are none
   * @throws {RangeError} if it is no array
   */
  function decodeEach(data) {
    begin(data, null);
    try {
      return readEach(data.length);
    } finally {
      end();
    }
  }

  return {decode, decodeEach};
})();
