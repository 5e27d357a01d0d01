// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Starts a process when it is loaded, but not in workers.

import Mp from 'gi://Mp?version=1.0';

export function work() {
  return 'done';
}

if (Mp.Worker.get_current() === null)
  new Mp.Process({target: {module: import.meta.url, name: 'work'}}).start();
