// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Finds the function that a target names: 'gjs:URI#export'.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

const {describeError} = imports.mpglib.errors;
const {importForWorker} = imports.mpglib.launcher;

const PREFIX = 'gjs:';

const SCHEMES = ['file', 'gi', 'resource'];

// The function cannot be had; the message tells why, and what helps. Its stack is the one of what a module threw.
export class TargetError extends Error {
  constructor(message, stack = '') {
    super(message);
    this.stack = stack;
  }
}

// GJS aborts the process that imports from anything else.
function canImport(uri) {
  try {
    return GLib.Uri.is_valid(uri, GLib.UriFlags.NONE) && SCHEMES.includes(GLib.Uri.peek_scheme(uri));
  } catch {
    return false;
  }
}

function parse(target) {
  const hash = target.lastIndexOf('#');
  if (!target.startsWith(PREFIX) || hash < PREFIX.length + 1 || hash === target.length - 1) {
    throw new TargetError(`'${target}' is no target of JavaScript: ` +
                          'those look like gjs:file:///folder/module.js#name');
  }
  const uri = target.slice(PREFIX.length, hash);
  if (!canImport(uri)) {
    throw new TargetError(`The module of '${target}' is not named by a URI that GJS imports from: use the one that ` +
                          'import.meta.url says in it, such as file:///folder/module.js');
  }
  return {uri, name: target.slice(hash + 1)};
}

// Where the engine saw the error: a SyntaxError says it apart from its stack.
function describePlace(error) {
  try {
    const {fileName, lineNumber} = error;
    return fileName?.startsWith('file:') ? ` (${fileName}:${lineNumber})` : '';
  } catch { // anything may be thrown
    return '';
  }
}

function explain(target, error) {
  const {name, message, stack} = describeError(error);
  return new TargetError(`Target '${target}': its module cannot be imported: ` +
                         `${name}: ${message}${describePlace(error)}`, stack);
}

// The module would go on where nobody sees what it is told: in a main loop that it runs.
function giveUp(target, error) {
  const {message, stack} = explain(target, error);
  Mp.Worker.get_current().report(Mp.Error.NO_TARGET, null, message, stack, null, null);
  System.exit(1);
}

const REMEDY = 'loop.run(), app.run() and what else only the program itself is to do belong under ' +
               '`if (Mp.Worker.get_current() === null)`, or into another module';

async function load(target, uri) {
  const worker = Mp.Worker.get_current();
  worker.begin_loading(`Target '${target}': its module`, REMEDY);
  try {
    return await importForWorker(() => import(uri), error => giveUp(target, error));
  } catch (error) {
    throw explain(target, error);
  } finally {
    worker.end_loading();
  }
}

function pick(target, module, name) {
  const value = module[name];
  if (typeof value === 'function')
    return value;
  const known = Object.keys(module).filter(key => typeof module[key] === 'function').join(', ') || 'none';
  const problem = value === undefined ? `exports no '${name}'` : `exports '${name}', but as no function`;
  throw new TargetError(`Target '${target}': its module ${problem} (functions that it exports: ${known}): ` +
                        `write \`export function ${name}\` there`);
}

const found = new Map();

/**
 * Finds a function, and imports its module the first time.
 *
 * @param {string} target - the name of the target
 * @returns {Promise<Function>|Function} the function, at once if it was found before
 * @throws {TargetError} if there is none
 */
export function findTarget(target) {
  return found.get(target) ?? findNew(target);
}

async function findNew(target) {
  const {uri, name} = parse(target);
  const func = pick(target, await load(target, uri), name);
  found.set(target, func);
  return func;
}
