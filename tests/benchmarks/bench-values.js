// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What values cost in JavaScript, by the codec of our own and by GLib.Variant: lines like those of the C benchmarks.
//   gjs -m bench-values.js, in the environment of the build (`meson devenv`)

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

const RECORD = {
  name: 'file.txt', size: 123456, tags: ['a', 'bb', 'ccc'], ratio: 0.5, meta: {ok: true, owner: 'root'},
};

function packRecord() {
  return new GLib.Variant('a{sv}', {
    name: new GLib.Variant('s', RECORD.name),
    size: new GLib.Variant('x', RECORD.size),
    tags: new GLib.Variant('as', RECORD.tags),
    ratio: new GLib.Variant('d', RECORD.ratio),
    meta: new GLib.Variant('a{sv}', {
      ok: new GLib.Variant('b', RECORD.meta.ok),
      owner: new GLib.Variant('s', RECORD.meta.owner),
    }),
  });
}

// The best of several runs, in microseconds a call.
function measure(body, calls) {
  let best = Infinity;
  for (let run = 0; run < 7; run++) {
    const begin = GLib.get_monotonic_time();
    for (let i = 0; i < calls; i++)
      body();
    best = Math.min(best, (GLib.get_monotonic_time() - begin) / calls);
  }
  return best;
}

const packed = packRecord();
const numbers = Array.from({length: 1000000}, (_, i) => i);

for (const [name, microseconds] of [
  ['js.pack-record', measure(() => Mp.toVariant(RECORD), 3000)],
  ['js.pack-record.glib', measure(packRecord, 300)],
  ['js.unpack-record', measure(() => Mp.fromVariant(packed), 3000)],
  ['js.unpack-record.glib', measure(() => packed.recursiveUnpack(), 300)],
  ['js.million-numbers', measure(() => Mp.fromVariant(Mp.toVariant(numbers)), 1)],
])
  print(`own.${name} ${microseconds.toPrecision(4)} us`);
