// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Counts the full collections that happen while promises settle: there is one for each hundred.

import Mp from 'gi://Mp?version=1.0';
import System from 'system';

let collections = 0;
const {gc} = System;
imports.system.gc = () => {
  collections++;
  gc();
};

for (let i = 0; i < 350; i++)
  await Mp.shutdown_async();
print(`${imports.mpglib.garbage.remedy} ${collections}`);
