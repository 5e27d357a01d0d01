// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported keepCallbacks, notePromiseSettled, remedy */

// GJS before 1.81.90 does not run callbacks that are due while an incremental garbage collection is between
// two of its slices: the promises that wait for them never settle. Remedies, the first that works:
//
//   whole          collections are made in one go, by a function of the core
//   paced          a full collection each hundred promises, so that an incremental one hardly ever begins
//   incremental    none, as on newer versions
//
// The environment variable MPGLIB_GJS_GC may name another one, to compare.

const {GLib} = imports.gi;
const system = imports.system;

const FIXED_IN_VERSION = 18190;
const PROMISES_PER_COLLECTION = 100;

// The one in force.
var remedy = 'incremental';

let settled = 0;

function keepCallbacks(Mp) {
  if (system.version >= FIXED_IN_VERSION)
    return;

  remedy = GLib.getenv('MPGLIB_GJS_GC') ?? 'whole';
  if (remedy === 'whole' && !Mp.gjs_disable_incremental_gc())
    remedy = 'paced';
}

// Called whenever a promise that this override made is about to settle.
function notePromiseSettled() {
  if (remedy === 'paced' && ++settled % PROMISES_PER_COLLECTION === 0)
    system.gc();
}
