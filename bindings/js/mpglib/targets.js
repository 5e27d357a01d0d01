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

/**
 * Names what is to be run.
 *
 * @param {string|{module: string, name: ?string, base: ?string}} target - the name of a target, which is taken as it
 *   is; or the export `name` (by default 'default') of the module at the URI, the absolute path, or the URI relative
 *   to `base` that `module` is
 * @returns {string} the name of the target
 * @throws {TypeError} if it cannot be named
 */
function nameTarget(target) {
  if (typeof target === 'string')
    return target;
  if (typeof target === 'function')
    refuseFunction(target);
  if (typeof target?.module !== 'string')
    throw new TypeError(`${target} is no target: give its name, or {module, name, base}`);
  const {name = 'default'} = target;
  if (typeof name === 'function')
    refuseFunction(name);
  return `gjs:${resolveModule(target)}#${name}`;
}
