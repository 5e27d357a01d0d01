// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// A user's program: a function of its own runs in a child.

int main () {
  Mp.register_target ("answer", () => { Process.exit (42); });
  Mp.init ();

  try {
    var process = new Mp.Process (null, "answer", null);
    process.start ();
    process.join (30);
    print ("exit code %d\n", process.exit_code);
  } catch (Error e) {
    error (e.message);
  }
  return 0;
}
