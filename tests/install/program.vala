// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// A user's program.

int main () {
  var error = new Mp.Error.FULL ("no room");
  print ("%s: %s %d\n", error.message, error.domain.to_string (), error.code);
  return 0;
}
