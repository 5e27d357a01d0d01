// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported extendContext, importForWorker, prepareWorkers, preferOwnLanguage */

// What the workers of a JavaScript program are.

const {construct} = imports.mpglib.constructors;
const {toVariant} = imports.mpglib.values;

/**
 * Makes JavaScript the language of processes and pools of which nothing else is said.
 *
 * @param {object} Mp - the namespace
 */
function preferOwnLanguage(Mp) {
  Mp.Context.get_default().set_launcher(Mp.Launcher.lookup('gjs'));
}

function findStartMethod({StartMethod}, name) {
  const method = StartMethod[name.toUpperCase()];
  if (typeof method !== 'number') {
    const known = Object.keys(StartMethod).filter(key => typeof StartMethod[key] === 'number').join(', ').toLowerCase();
    throw new TypeError(`there is no start method '${name}': known are ${known}`);
  }
  return method;
}

/**
 * Lets a context's launcher be given by the name of its language, and its start method by its name:
 * new Mp.Context({launcher: 'python', start_method: 'spawn'}).
 *
 * @param {object} Mp - the namespace
 */
function extendContext(Mp) {
  Mp.Context.prototype._init = function (properties = {}) {
    const changed = {...properties};
    if (typeof changed.launcher === 'string')
      changed.launcher = Mp.Launcher.lookup(changed.launcher);
    for (const key of ['start_method', 'startMethod', 'start-method']) {
      if (typeof changed[key] === 'string')
        changed[key] = findStartMethod(Mp, changed[key]);
    }
    return construct(this, changed);
  };
}

// Of the modules that a worker imports now, what to do about processes that they start.
const importRefusals = [];

/**
 * Imports a module in a worker, for a function in it. Meanwhile no processes can be started: each of them would import
 * the module, too, and start more.
 *
 * @param {function(): Promise<object>} load - imports it
 * @param {function(Error)} refuse - is told of an attempt to start one; it ends the worker, because the error may
 *   only reach a callback of a main loop that the module runs
 * @returns {Promise<object>} the module
 */
async function importForWorker(load, refuse) {
  importRefusals.push(refuse);
  try {
    return await load();
  } finally {
    importRefusals.splice(importRefusals.indexOf(refuse), 1);
  }
}

let toldPath = null;

/**
 * Lets workers that are started from now on find modules where this program finds them now: what `gjs -I` added is
 * in no environment variable.
 *
 * @param {object} Mp - the namespace
 * @throws {Mp.Error} if workers cannot be started now
 */
function prepareWorkers(Mp) {
  if (importRefusals.length > 0) {
    const error = new Mp.Error({
      code: Mp.Error.START_FAILED,
      message: 'A module that a worker imports cannot start processes: put its functions into a module of their own, ' +
        'or what only the program itself is to do under `if (Mp.Worker.get_current() === null)`',
    });
    importRefusals.at(-1)(error);
    throw error;
  }
  const path = imports.searchPath.join('\n');
  if (path === toldPath)
    return;
  toldPath = path;
  Mp.Launcher.lookup('gjs').set_preparation(toVariant({'search-path': imports.searchPath}));
}
