// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What every test program in JavaScript stands on: cases with deadlines, checks, a seeded generator of random
// numbers. The programs speak TAP. They end with status 1 when a check failed, when a deadline passed (a
// callback that was dropped shows so), when the override was not the build tree's, and when a child or a file
// descriptor is left behind.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

const DEFAULT_DEADLINE = 20;
const cases = [];

export const sourceDirectory = GLib.getenv('G_TEST_SRCDIR');
export const isLong = GLib.getenv('MP_TEST_LONG') !== null;

// Adds a case: a function, which may be async, and the seconds that it may take.
export function test(name, body, {deadline = DEFAULT_DEADLINE} = {}) {
  cases.push({name, body, deadline});
}

// ---- Checks

export class CheckFailure extends Error {
}

function show(value) {
  if (typeof value === 'bigint')
    return `${value}n`;
  if (value instanceof Uint8Array)
    return `Uint8Array [${value}]`;
  if (value instanceof Map)
    return `Map {${[...value].map(([k, v]) => `${show(k)} => ${show(v)}`).join(', ')}}`;
  if (Array.isArray(value))
    return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${show(v)}`).join(', ')}}`;
  return Object.is(value, -0) ? '-0' : typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export function isSame(a, b) {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b))
    return false;
  if (a instanceof Map)
    return isSame([...a], [...b]);
  if (ArrayBuffer.isView(a))
    return a.length === b.length && a.every((element, index) => Object.is(element, b[index]));
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every(key => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

export function check(condition, what = 'the condition') {
  if (!condition)
    throw new CheckFailure(`does not hold: ${what}`);
}

export function checkSame(actual, expected, what = 'the value') {
  if (!isSame(actual, expected))
    throw new CheckFailure(`${what} is ${show(actual)}, expected ${show(expected)}`);
}

function checkError(error, type, pattern) {
  if (!(error instanceof type))
    throw new CheckFailure(`expected ${type.name}, got ${error}\n${error?.stack}`);
  if (pattern && !pattern.test(error.message))
    throw new CheckFailure(`the message “${error.message}” does not match ${pattern}`);
  return error;
}

export function checkThrows(body, type = Error, pattern = null) {
  let result;
  try {
    result = body();
  } catch (error) {
    return checkError(error, type, pattern);
  }
  throw new CheckFailure(`expected ${type.name}, got the value ${show(result)}`);
}

export async function checkRejects(promise, type = Error, pattern = null) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    return checkError(error, type, pattern);
  }
  throw new CheckFailure(`expected ${type.name}, got the value ${show(result)}`);
}

// ---- Random numbers, the same for the same seed

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // A whole number of 32 bits (Mulberry32).
  next() {
    this.state = this.state + 0x6d2b79f5 >>> 0;
    let word = this.state;
    word = Math.imul(word ^ word >>> 15, word | 1);
    word ^= word + Math.imul(word ^ word >>> 7, word | 61);
    return (word ^ word >>> 14) >>> 0;
  }

  below(limit) {
    return this.next() % limit;
  }

  pick(array) {
    return array[this.below(array.length)];
  }

  bits64() {
    return BigInt(this.next()) << 32n | BigInt(this.next());
  }
}

// The seed is printed; MP_TEST_SEED repeats a run.
export function makeRandom() {
  const seed = Number(GLib.getenv('MP_TEST_SEED') ?? GLib.random_int());
  print(`# MP_TEST_SEED=${seed}`);
  return new Random(seed);
}

// ---- Other languages

// Workers of another language without a template, which would be among the children that are left.
export function makeContext(language) {
  return new Mp.Context({launcher: Mp.Launcher.lookup(language), start_method: Mp.StartMethod.SPAWN});
}

// ---- What a test leaves behind

function listFolder(path) {
  const names = [];
  const folder = Gio.File.new_for_path(path).enumerate_children('standard::name', 0, null);
  for (let info = folder.next_file(null); info; info = folder.next_file(null))
    names.push(info.get_name());
  folder.close(null);
  return names;
}

function readFile(path) {
  const [, contents] = GLib.file_get_contents(path);
  return new TextDecoder().decode(contents);
}

export function listChildren() {
  return listFolder('/proc/self/task')
    .flatMap(thread => readFile(`/proc/self/task/${thread}/children`).split(' '))
    .filter(pid => pid !== '')
    .map(Number);
}

export function listDescriptors() {
  return listFolder('/proc/self/fd')
    .map(fd => {
      try {
        return `${fd} ${GLib.file_read_link(`/proc/self/fd/${fd}`)}`;
      } catch {
        return null; // the one that the listing itself had open
      }
    })
    .filter(entry => entry !== null && !entry.endsWith('/fd'))
    .sort();
}

function checkNothingLeft(descriptorsBefore) {
  System.gc();
  System.gc(); // of what those objects alone had that are gone now
  checkSame(listChildren(), [], 'the list of children left');
  const known = new Set(descriptorsBefore);
  checkSame(listDescriptors().filter(entry => !known.has(entry)), [], 'the list of file descriptors left');
}

function checkSurroundings() {
  const expected = GLib.canonicalize_filename('../bindings/js/overrides/Mp.js', sourceDirectory);
  checkSame(imports.overrides.Mp.__file__, expected, 'the override that was loaded');
  check(GLib.getenv('G_DEBUG')?.includes('fatal-criticals'), 'G_DEBUG has fatal-criticals');
}

// ---- Running

function giveUp(name, seconds) {
  print(`Bail out! ${name}: not done after ${seconds} s`);
  System.exit(1);
}

async function runCase({name, body, deadline}, number) {
  const timer = GLib.timeout_add_seconds(GLib.PRIORITY_HIGH, deadline, () => giveUp(name, deadline));
  try {
    await body();
    print(`ok ${number} ${name}`);
    return true;
  } catch (error) {
    print(`not ok ${number} ${name}`);
    print(`${error.name}: ${error.message}\n${error.stack}`.replace(/^/gm, '# '));
    return false;
  } finally {
    GLib.source_remove(timer);
  }
}

// Runs all cases and ends the program. To be awaited last.
export async function run() {
  let failed = 0;
  // A main context and the engine’s threads keep descriptors for the life of the process.
  GLib.MainContext.default().iteration(false);
  const descriptors = listDescriptors();

  test('the build tree was tested', checkSurroundings);
  test('nothing is left behind', () => checkNothingLeft(descriptors));
  print(`1..${cases.length}`);
  for (const [index, entry] of cases.entries()) {
    if (!await runCase(entry, index + 1))
      failed++;
  }
  System.exit(failed > 0 ? 1 : 0);
}
