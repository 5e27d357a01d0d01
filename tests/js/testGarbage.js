// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// No callback is lost while garbage is collected. With MPGLIB_GJS_GC=incremental in the environment both
// loops stand still on GJS 1.74, most often before their thousandth round.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import 'gi://Mp?version=1.0';
import System from 'system';

import {checkSame, run, test} from './support.js';

const FIXED_IN_VERSION = 18190;

// Objects that live through some rounds, so that collections have much to sweep.
const recent = [];

function makeGarbage(round) {
  recent[round % 50] = Array.from({length: 300}, (_, i) => ({i, list: [i], text: `${round} ${i}`}));
}

Gio._promisify(Gio.InputStream.prototype, 'read_bytes_async', 'read_bytes_finish');
const stream = Gio.MemoryInputStream.new_from_bytes(new GLib.Bytes(new Uint8Array(1)));

function roundTrip() {
  return stream.read_bytes_async(1, GLib.PRIORITY_DEFAULT, null);
}

test('collections are not incremental where that loses callbacks', () => {
  checkSame(imports.mpglib.garbage.remedy, System.version < FIXED_IN_VERSION ? 'whole' : 'incremental');
});

test('twenty thousand awaits among garbage', async () => {
  let rounds = 0;
  for (; rounds < 20000; rounds++) {
    makeGarbage(rounds);
    await roundTrip();
  }
  checkSame(rounds, 20000);
}, {deadline: 120});

test('five thousand calls of one source among garbage', async () => {
  let rounds = 0;
  await new Promise(resolve => {
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
      makeGarbage(rounds);
      if (++rounds < 5000)
        return GLib.SOURCE_CONTINUE;
      resolve();
      return GLib.SOURCE_REMOVE;
    });
  });
  checkSame(rounds, 5000);
}, {deadline: 120});

// The first one makes GLib open a file descriptor for good.
await roundTrip();
await run();
