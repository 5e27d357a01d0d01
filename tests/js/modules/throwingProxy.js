// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

export function work() {}

throw new Proxy({}, {
  get() {
    throw new Error('not to be looked at');
  },
});
