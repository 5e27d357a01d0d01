// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported _init */

// What JavaScript adds to the introspected namespace Mp, which is `this` in _init. GJS loads overrides as
// legacy scripts, so there is no module syntax here; the modules beside it are found on the same search path.

const {extendConnection} = imports.mpglib.connection;
const {keepCallbacks} = imports.mpglib.garbage;
const {preferOwnLanguage} = imports.mpglib.launcher;
const {extendProcess} = imports.mpglib.process;
const {fillArguments, promisify} = imports.mpglib.promises;
const {fromVariant, toVariant} = imports.mpglib.values;

// Everything that describes itself in a line.
const DESCRIBED = ['Context', 'Launcher', 'Message', 'Pool', 'PoolResult', 'PoolWorker', 'Process', 'ResultIterator',
  'TaskOptions', 'Worker', 'WorkerTask'];

// What waits in pools, with the defaults of the arguments before the callback.
const POOL_PAIRS = {
  Pool: {apply_async: [null, null, -1, null], map_async: [null, null, 0, -1, null], join_async: [-1, null]},
  PoolResult: {get_async: [-1, null], wait_async: [-1, null]},
  ResultIterator: {next_async: [-1, null], next_message_async: [-1, null]},
};

function _init() {
  keepCallbacks(this);

  this.toVariant = toVariant;
  this.fromVariant = fromVariant;

  for (const name of DESCRIBED) {
    this[name].prototype.toString = function () {
      return this.to_string();
    };
  }

  preferOwnLanguage(this);
  extendConnection(this);
  extendProcess(this);
  for (const [name, pairs] of Object.entries(POOL_PAIRS)) {
    for (const [pair, defaults] of Object.entries(pairs))
      promisify(this[name].prototype, pair, {defaults});
  }
  fillArguments(this, 'shutdown', 0, [-1, null]);
  promisify(this, 'shutdown_async', {defaults: [-1, null]});
}
