// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported checkConstructors, checkWhole, construct */

// What constructors are given. They take one object with properties; what other languages, or multiprocessing,
// have in its place GJS would drop without a word, and the object would be another than was meant. So it would be
// where a property is of another type than it has to be: GJS makes numbers, flags and truth of anything.

const {GLib, GObject} = imports.gi;
const {checkText, describe, isFlags, keyKind, listNames, toBytes} = imports.mpglib.kinds;

// How each class is made.
const FORMS = {
  Array: "new Mp.Array({elementType: 'i', length: 3}) or new Mp.Array({elements: [1, 2]})",
  AuthKey: 'Mp.AuthKey.new(bytes) of a Uint8Array, or Mp.AuthKey.new_random()',
  Barrier: 'new Mp.Barrier({parties: 2})',
  BoundedSemaphore: 'new Mp.BoundedSemaphore({value: 3})',
  Condition: 'new Mp.Condition() or new Mp.Condition({lock})',
  Context: "new Mp.Context({launcher: 'python', start_method: 'spawn'})",
  Event: 'new Mp.Event()',
  JoinableQueue: 'new Mp.JoinableQueue(), or new Mp.JoinableQueue({maxSize: 10, redelivery: true})',
  Listener: 'new Mp.Listener() or new Mp.Listener({address, key})',
  Lock: 'new Mp.Lock()',
  Message: "new Mp.Message({value}) of a GLib.Variant, or new Mp.Message({payloadBytes, codec: 'json'})",
  Pool: 'new Mp.Pool({n_workers: 2})',
  Process: "new Mp.Process({target: {module: './tasks.js', name: 'work', base: import.meta.url}, args: [1, 2]})",
  Queue: 'new Mp.Queue(), or new Mp.Queue({maxSize: 10, byteLimit: 1e6})',
  RLock: 'new Mp.RLock()',
  Semaphore: 'new Mp.Semaphore({value: 3})',
  ShareableList: "new Mp.ShareableList({items: [1, 'two']})",
  SharedMemory: 'new Mp.SharedMemory({size: 100})',
  SimpleQueue: 'new Mp.SimpleQueue()',
  TaskOptions: "new Mp.TaskOptions({name: 'sums', starmap: true})",
  TlsSettings: 'new Mp.TlsSettings({certificate, trusted, peerName})',
  Value: "new Mp.Value({valueType: 'i'}) or new Mp.Value({valueType: 'i', value: 3})",
};

// What others make: these have no properties to give.
const MAKERS = {
  Connection: 'Mp.Connection.new_pair(), Mp.Connection.open(address, key) and listener.accept()',
  Descriptor: 'Mp.Descriptor.duplicate(fd)',
};

// What a constructor takes beside its properties, and which of those that it inherits say nothing of it.
const OTHERS = {Array: ['elements']};
const MEANINGLESS = {SimpleQueue: ['max-size', 'byte-limit']};

// What others call a property whose name has nothing in common with theirs.
const ALIASES = {processes: 'n_workers', maxtasksperchild: 'max_tasks_per_worker', ctx: 'context'};

const toSnake = name => name.replace(/-/g, '_');
const toCamel = name => name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
const toLetters = name => name.replace(/[^A-Za-z]/g, '').toLowerCase();

function isPlain(properties) {
  if (typeof properties !== 'object' || properties === null)
    return false;
  const prototype = Object.getPrototypeOf(properties);
  return prototype === Object.prototype || prototype === null;
}

// ---- Names

const specsOfClasses = new Map();

// The properties that a class can be made with, by all their spellings; classes of the program may have more.
function getSpecs(cls) {
  let specs = specsOfClasses.get(cls);
  if (specs === undefined) {
    specs = new Map();
    for (const spec of GObject.Object.list_properties.call(cls)) {
      if (!(spec.flags & GObject.ParamFlags.WRITABLE))
        continue;
      for (const name of [spec.name, toSnake(spec.name), toCamel(spec.name)])
        specs.set(name, spec);
    }
    specsOfClasses.set(cls, specs);
  }
  return specs;
}

// The one that was meant, spelled like what is there.
function findMeant(wrong, names) {
  if (wrong in ALIASES && names.includes(ALIASES[wrong].replace(/_/g, '-')))
    return ALIASES[wrong];
  const letters = toLetters(wrong);
  const isLike = known => letters.length > 2 &&
    (known.startsWith(letters) || letters.startsWith(known) || letters.endsWith(known) || known.endsWith(letters));
  const distance = name => Math.abs(toLetters(name).length - letters.length);
  const [meant] = names.filter(name => isLike(toLetters(name))).sort((a, b) => distance(a) - distance(b));
  return meant && (wrong.includes('_') ? toSnake : toCamel)(meant);
}

function refuseName(className, wrong, names) {
  const meant = findMeant(wrong, names);
  const all = names.length > 0 ? `it takes ${names.map(toCamel).join(', ')}` : 'it takes none';
  throw new TypeError(`an Mp.${className} takes no property '${wrong}'` +
    `${meant ? `: did you mean '${meant}'? Of properties` : '; of properties'} ${all}`);
}

const NONE = [];

function checkNames(className, object, properties) {
  const specs = getSpecs(object.constructor);
  const meaningless = MEANINGLESS[className] ?? NONE;
  const others = OTHERS[className] ?? NONE;
  for (const name of Object.keys(properties)) {
    if (specs.has(name) && (meaningless === NONE || !meaningless.includes(specs.get(name).name)) ||
      properties[name] === undefined || others.includes(name))
      continue;
    const names = new Set([...specs.values()].map(spec => spec.name));
    refuseName(className, name, [...names].filter(known => !meaningless.includes(known)).concat(others));
  }
}

// ---- Types

const NAMESPACES = {GTlsCertificate: 'Gio.', GMainContext: 'GLib.'};

// GObject's name of a type as it is written in a program.
function nameType(type) {
  const name = GObject.type_name(type);
  return name.startsWith('Mp') ? `Mp.${name.slice(2)}` : (NAMESPACES[name] ?? '') + name.replace(/^G(?=[A-Z])/, '');
}

// What numbers of each type there are, and how they go into a GObject.Value.
const NUMBERS = {
  gint: {least: -0x80000000, most: 0x7fffffff, access: 'int'},
  guint: {least: 0, most: 0xffffffff, access: 'uint'},
  gint64: {least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER, access: 'int64'},
  guint64: {least: 0, most: Number.MAX_SAFE_INTEGER, access: 'uint64'},
};

// The nearest number that the property allows.
function clamp(spec, access, number) {
  const value = new GObject.Value();
  value.init(spec.value_type);
  value[`set_${access}`](number);
  GObject.param_value_validate(spec, value);
  return value[`get_${access}`]();
}

function isOfType(value, type) {
  return value === null ||
    Boolean(value.constructor?.$gtype) && GObject.type_is_a(value.constructor.$gtype, type);
}

function getMembers(spec) {
  return imports.gi.Mp[GObject.type_name(spec.value_type).replace(/^Mp/, '')];
}

const isStrings = value => value === null || Array.isArray(value) && value.every(text => typeof text === 'string');

const BOXED = {
  GBytes: {
    convert: value => toBytes(value) instanceof Uint8Array ? new GLib.Bytes(toBytes(value)) : value,
    is: value => value === null || toBytes(value) !== null,
    text: 'bytes: a Uint8Array',
  },
  GStrv: {is: isStrings, text: 'an Array of strings, or null'},
};

// What a value of each fundamental type of GObject has to be.
const KINDS = {
  gboolean: () => ({is: value => typeof value === 'boolean', text: 'true or false'}),
  gchararray: spec => ({
    convert: value => checkText(value, spec.name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())),
    is: value => value === null || typeof value === 'string',
    text: 'a string or null',
  }),
  gdouble: () => ({is: value => typeof value === 'number' && !Number.isNaN(value), text: 'a number'}),
  GEnum: spec => ({
    is: value => typeof value === 'number' && Object.values(getMembers(spec)).includes(value),
    text: `one of ${listNames(nameType(spec.value_type), getMembers(spec))}`,
  }),
  GFlags: spec => ({
    is: value => isFlags(value, getMembers(spec)),
    text: `a sum of ${listNames(nameType(spec.value_type), getMembers(spec))}`,
  }),
  GBoxed: spec => BOXED[GObject.type_name(spec.value_type)] ??
    {is: value => isOfType(value, spec.value_type), text: `a ${nameType(spec.value_type)} or null`},
  GObject: spec => ({
    is: value => isOfType(value, spec.value_type),
    text: `${nameType(spec.value_type).startsWith('Mp.') ? 'an' : 'a'} ${nameType(spec.value_type)} or null`,
  }),
};
KINDS.GInterface = KINDS.GObject;

function makeWholeCheck(spec, {least, most, access}) {
  const [first, last] = [clamp(spec, access, least), clamp(spec, access, most)];
  return (name, value) => {
    if (typeof value !== 'bigint')
      checkWhole(name, value, first, last);
    return value;
  };
}

// What looks at the values of a property, and gives those that it is to have.
function makeCheck(spec) {
  const typeName = GObject.type_name(GObject.type_fundamental(spec.value_type));
  if (typeName in NUMBERS)
    return makeWholeCheck(spec, NUMBERS[typeName]);
  const isKey = GObject.type_name(spec.value_type) === 'MpAuthKey';
  const kind = isKey ? keyKind : KINDS[typeName]?.(spec);
  if (kind === undefined)
    return (_, value) => value;
  return (name, value) => {
    const converted = value !== null && kind.convert ? kind.convert(value) : value;
    if (!kind.is(converted) && !(isKey && value === null))
      throw new TypeError(`${name} is ${describe(value)}, but has to be ${kind.text}`);
    return converted;
  };
}

const checksOfSpecs = new Map();

function checkProperty(name, value, spec) {
  let check = checksOfSpecs.get(spec);
  if (check === undefined) {
    check = makeCheck(spec);
    checksOfSpecs.set(spec, check);
  }
  return check(name, value);
}

/**
 * Makes an object as GObject does, of properties that are of the types that they have to be. What is undefined is as
 * good as left out.
 *
 * @param {GObject.Object} object - what is made
 * @param {object} [properties] - what it is made with
 * @returns {GObject.Object} the object
 * @throws {TypeError|RangeError} if one of them is no such
 */
function construct(object, properties = {}) {
  const specs = getSpecs(object.constructor);
  const checked = {};
  for (const [name, value] of Object.entries(properties)) {
    if (value !== undefined)
      checked[name] = specs.has(name) ? checkProperty(name, value, specs.get(name)) : value;
  }
  return GObject.Object.prototype._init.call(object, checked);
}

function hasProperties(properties) {
  return Object.values(properties).some(value => value !== undefined);
}

function checkConstructor(className, {prototype}, text) {
  const {_init} = prototype;
  const init = _init === GObject.Object.prototype._init ? function (properties) {
    return construct(this, properties);
  } : _init;
  prototype._init = function (...args) {
    if (args.length > 1 || args.length === 1 && args[0] !== undefined && !isPlain(args[0]))
      throw new TypeError(text);
    if (className in MAKERS && args.length === 1 && hasProperties(args[0] ?? {}))
      throw new TypeError(text);
    if (args.length === 1 && args[0] !== undefined)
      checkNames(className, this, args[0]);
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
    checkConstructor(className, Mp[className], `an Mp.${className} is made with properties, by their names: ${form}`);
  for (const [className, makers] of Object.entries(MAKERS))
    checkConstructor(className, Mp[className], `an Mp.${className} is not made of anything: it comes from ${makers}`);
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
