// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Runs a main loop when it is imported, in which it starts processes.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
  new Mp.Pool().apply_async({module: import.meta.url, name: 'work'}).catch(() => {});
  return GLib.SOURCE_REMOVE;
});
new GLib.MainLoop(null, false).run();

export function work() {}
