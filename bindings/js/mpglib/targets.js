// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported nameTarget */

// How a program says what another process is to run: {module: './tasks.js', name: 'cube', base: import.meta.url},
// or the target's name as a string, which for JavaScript is 'gjs:URI#export' and for other languages their own.

const {GLib} = imports.gi;

const BASE_REMEDY = 'say base: import.meta.url, which it is relative to';

function isUri(reference) {
  return GLib.Uri.peek_scheme(reference) !== null;
}

function resolveModule({module, base}) {
  if (isUri(module))
    return module;
  if (GLib.path_is_absolute(module))
    return GLib.filename_to_uri(module, null);
  if (typeof base !== 'string' || !isUri(base))
    throw new TypeError(`the module '${module}' has no URI: ${BASE_REMEDY}`);
  return GLib.Uri.resolve_relative(base, module, GLib.UriFlags.ENCODED);
}

function refuseFunction(func) {
  throw new TypeError(`the function ${func.name || '(anonymous)'} cannot be sent to another process: export it from ` +
                      "a module and name it, {module: './tasks.js', name: 'work', base: import.meta.url}");
}

function describeTarget(target) {
  return typeof target === 'object' ? JSON.stringify(target) : String(target);
}

const KNOWN_LANGUAGES = ['native', 'python', 'gjs'];

function getLanguage(name) {
  return /^([a-z0-9]+):/.exec(name)?.[1] ?? 'native';
}

// Refuses what the workers cannot have, in words of this language. A name alone can only be of those who register it.
function checkName(name, workers) {
  if (name === '') {
    throw new TypeError("'' names no function: give {module: './tasks.js', name: 'work', base: import.meta.url}, or " +
                        'the name of a target');
  }
  if ((workers === null || workers === 'gjs') && !/[:#]/.test(name)) {
    throw new TypeError(`'${name}' does not say of which module it is an export: give ` +
                        `{module: './tasks.js', name: '${name}', base: import.meta.url}, or 'gjs:URI#${name}' with ` +
                        "the module's URI");
  }
  const language = getLanguage(name);
  if (workers !== null && language !== workers && KNOWN_LANGUAGES.includes(language)) {
    throw new TypeError(`'${name}' is of language '${language}', but the workers run '${workers}': give them a ` +
                        `context, new Mp.Context({launcher: '${language}'})`);
  }
  return name;
}

/**
 * Names what is to be run.
 *
 * @param {string|{module: string, name: ?string, base: ?string}} target - the name of a target, which is taken as it
 *   is; or the export `name` (by default 'default') of the module at the URI, the absolute path, or the URI relative
 *   to `base` that `module` is
 * @param {?string} workers - the language of who is to run it, null if it is that of the target
 * @returns {string} the name of the target
 * @throws {TypeError} if it cannot be named
 */
function nameTarget(target, workers) {
  if (typeof target === 'string')
    return checkName(target, workers);
  if (typeof target === 'function')
    refuseFunction(target);
  if (typeof target?.module !== 'string')
    throw new TypeError(`${describeTarget(target)} is no target: give its name, or {module, name, base}`);
  const {name = 'default'} = target;
  if (typeof name === 'function')
    refuseFunction(name);
  return checkName(`gjs:${resolveModule(target)}#${name}`, workers);
}
