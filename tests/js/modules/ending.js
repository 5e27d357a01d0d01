// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// A program that says with which codes its children end.

import Mp from 'gi://Mp?version=1.0';
import System from 'system';

export function end() {}

export function leave() {
  System.exit(7);
}

if (Mp.Worker.get_current() === null) {
  for (const name of ['end', 'leave']) {
    const process = new Mp.Process({target: {module: import.meta.url, name}});
    process.start();
    process.join();
    print(process.exit_code);
  }
}
