// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// A queue in JavaScript, from one process to another: lines as those of the C benchmarks.
//   own.js.queue.256    messages of 256 bytes a second, by put() and get()
//   own.js.queue.into   by put() and get_into()
// In the environment of the build (`meson devenv`): gjs -m bench-queue.js [PART]...

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

const number = (name, fallback) => Number(GLib.getenv(name) ?? fallback);
const MICROSECONDS = number('BENCH_MS', 150) * 1000;
const SAMPLES = number('BENCH_REPS', 5);
const WARM = 100;

export function feed(queue) {
  const message = new Uint8Array(256);
  const end = GLib.get_monotonic_time() + MICROSECONDS;
  while (GLib.get_monotonic_time() < end) {
    for (let i = 0; i < 32; i++)
      queue.put(message);
  }
  queue.put(new Uint8Array(0));
  return null;
}

const room = new Uint8Array(256);
const CASES = {
  'js.queue.256': queue => queue.get().length,
  'js.queue.into': queue => queue.get_into(room),
};

function measure(get) {
  const queue = new Mp.Queue();
  const child = new Mp.Process({target: {module: import.meta.url, name: 'feed'}, args: [queue]});
  child.start();
  let n = 0, begun = 0;
  while (get(queue) > 0) {
    if (++n === WARM)
      begun = GLib.get_monotonic_time();
  }
  const rate = (n - WARM) * 1e6 / (GLib.get_monotonic_time() - begun);
  child.join();
  return rate;
}

if (Mp.Worker.get_current() === null) {
  const parts = globalThis.ARGV ?? imports.system.programArgs;
  for (const [name, get] of Object.entries(CASES)) {
    if (parts.length > 0 && !parts.some(part => name.includes(part)))
      continue;
    const samples = Array.from({length: SAMPLES}, () => measure(get)).sort((a, b) => a - b);
    print(`own.${name} ${samples[SAMPLES >> 1].toPrecision(6)} /s`);
    print(`own.${name}.lo ${samples[0].toPrecision(6)} /s`);
    print(`own.${name}.hi ${samples[SAMPLES - 1].toPrecision(6)} /s`);
  }
}
