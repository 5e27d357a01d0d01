// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported _init */

// What JavaScript adds to the introspected namespace Mp, which is `this` in _init. GJS loads overrides as
// legacy scripts, so there is no module syntax here; the modules beside it are found on the same search path.

const {GLib} = imports.gi;
const {extendConnection} = imports.mpglib.connection;
const {checkConstructors} = imports.mpglib.constructors;
const {keepCallbacks} = imports.mpglib.garbage;
const {describe} = imports.mpglib.kinds;
const {extendContext, preferOwnLanguage} = imports.mpglib.launcher;
const {extendMessage, fromMessage} = imports.mpglib.messages;
const {extendPool} = imports.mpglib.pool;
const {extendProcess} = imports.mpglib.process;
const {promisify} = imports.mpglib.promises;
const {extendQueue} = imports.mpglib.queue;
const {shieldResults} = imports.mpglib.results;
const {extendShared} = imports.mpglib.shared;
const {checkCalls} = imports.mpglib.signatures;
const {extendSync} = imports.mpglib.sync;
const {fromVariant, toVariant} = imports.mpglib.values;
const {extendWaiting} = imports.mpglib.waiting;

// Everything that describes itself in a line.
const DESCRIBED = ['AuthKey', 'Context', 'Descriptor', 'Launcher', 'Listener', 'Message', 'Pool', 'PoolResult',
  'PoolWorker', 'Process', 'ResultIterator', 'TaskOptions', 'TlsSettings', 'Worker',
  'WorkerTask'];

function demand(name, value, cls, what) {
  if (!(value instanceof cls))
    throw new TypeError(`${name} is ${describe(value)}, but has to be ${what}`);
  return value;
}

function _init() {
  keepCallbacks(this);

  this.toVariant = toVariant;
  this.fromVariant = (variant, lookUp) =>
    fromVariant(demand('variant', variant, GLib.Variant, 'a GLib.Variant'), lookUp);
  this.fromMessage = message => fromMessage(this, demand('message', message, this.Message, 'an Mp.Message'));

  for (const name of DESCRIBED) {
    this[name].prototype.toString = function () {
      return this.to_string();
    };
  }

  shieldResults(this);
  preferOwnLanguage(this);
  extendContext(this);
  extendConnection(this);
  extendMessage(this);
  extendProcess(this);
  extendPool(this);
  extendQueue(this);
  extendSync(this);
  extendShared(this);
  extendWaiting(this);
  promisify(this, 'shutdown_async');
  checkConstructors(this);
  checkCalls(this);

  // In a pool's worker the Mp.WorkerTask that runs: a function that takes long looks at its is_cancelled().
  this.currentTask = null;
}
