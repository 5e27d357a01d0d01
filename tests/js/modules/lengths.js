// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Lengths of messages, short and long.

export function getLength(i) {
  return 1 + i * 70001 % 400000;
}
