// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendProcess */

// Mp.Process with targets, arguments, errors and promises of JavaScript.

const {construct} = imports.mpglib.constructors;
const {addReport, explainErrors} = imports.mpglib.errors;
const {prepareWorkers} = imports.mpglib.launcher;
const {toMessage} = imports.mpglib.messages;
const {promisify} = imports.mpglib.promises;
const {nameTarget} = imports.mpglib.targets;
const {toArguments} = imports.mpglib.values;

function explain(process, error) {
  return addReport(error, process.get_report());
}

function prepareBefore(Mp, prototype, name) {
  const method = prototype[name];
  prototype[name] = function (...args) {
    prepareWorkers(Mp);
    return method.call(this, ...args);
  };
}

/**
 * Extends Mp.Process.
 *
 * Its constructor takes the target as nameTarget() does and `args` as toArguments(); start_async() and
 * join_async() return promises; all arguments of its methods may be left out; errors of the child have a
 * `remoteStack`.
 *
 * @param {object} Mp - the namespace
 */
function extendProcess(Mp) {
  const {prototype} = Mp.Process;

  prototype._init = function (properties = {}) {
    const changed = {...properties};
    if (changed.target !== undefined && changed.target !== null)
      changed.target = nameTarget(changed.target, changed.context?.launcher?.language ?? null);
    if ('args' in changed) {
      const {variant, message} = toMessage(Mp, attach => toArguments(changed.args, attach));
      if (message)
        changed.message = message;
      changed.args = message ? null : variant;
    }
    return construct(this, changed);
  };

  prepareBefore(Mp, prototype, 'start');
  prepareBefore(Mp, prototype, 'start_async');
  for (const name of ['join', 'join_finish', 'start_finish', 'check'])
    explainErrors(prototype, name, explain);
  promisify(prototype, 'start_async');
  promisify(prototype, 'join_async');
}
