// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The typelib loads, and errors keep their domain.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkSame, run, test} from './support.js';

test('errors have the domain and the codes of mpglib', () => {
  checkSame(GLib.quark_to_string(Mp.error_quark()), 'mp-error-quark');
  const error = new Mp.Error({code: Mp.Error.FULL, message: 'no room'});
  check(error instanceof Mp.Error);
  check(error.matches(Mp.Error, Mp.Error.FULL));
});

await run();
