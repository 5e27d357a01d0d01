// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Uses a pool when it is loaded, whose workers would do that again.

import Mp from 'gi://Mp?version=1.0';

export function work() {}

await new Mp.Pool({n_workers: 1}).apply_async({module: import.meta.url, name: 'work'});
