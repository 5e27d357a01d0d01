// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// A user's program, which also tells which override it got.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

print (imports.overrides.Mp.__file__);
const error = new Mp.Error ({code: Mp.Error.FULL, message: 'no room'});
print (`${error.message}: ${GLib.quark_to_string (error.domain)} ${error.code}`);
