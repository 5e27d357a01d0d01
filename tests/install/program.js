// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// A user's program: a function of a module runs in a child. Also tells which override it got.

import Mp from 'gi://Mp?version=1.0';

print(imports.overrides.Mp.__file__);
const process = Mp.Process.new(null, `${ARGV[0]}#answer`, null);
process.start();
process.join(30, null);
print(`exit code ${process.get_exit_code()}`);
