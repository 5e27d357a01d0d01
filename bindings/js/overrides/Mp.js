// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

/* exported _init */

// What JavaScript adds to the introspected namespace Mp, which is `this` in _init. GJS loads overrides as
// legacy scripts, so there is no module syntax here; the modules beside it are found on the same search path.

const garbage = imports.mpglib.garbage;
const values = imports.mpglib.values;

function _init() {
  garbage.keepCallbacks(this);

  this.toVariant = values.toVariant;
  this.fromVariant = values.fromVariant;
}
