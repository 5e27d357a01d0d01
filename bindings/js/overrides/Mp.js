// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What JavaScript adds to the introspected namespace Mp, which is `this` in
// _init. GJS loads overrides as legacy scripts, so no module syntax here.

/* exported _init */
function _init () {
}
