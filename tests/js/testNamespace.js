// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The typelib and the override of the build tree load, and errors keep their domain.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

function check (condition, what) {
  if (!condition) {
    printerr (`failed: ${what}`);
    System.exit (1);
  }
}

check (GLib.quark_to_string (Mp.error_quark ()) === 'mp-error-quark', 'the quark');

const error = new Mp.Error ({code: Mp.Error.FULL, message: 'no room'});
check (error instanceof Mp.Error, 'the class of the domain');
check (error.matches (Mp.Error, Mp.Error.FULL), 'the code');
