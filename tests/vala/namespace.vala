// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The VAPI compiles and errors keep their domain.

void give_up () throws Mp.Error {
  throw new Mp.Error.FULL ("no room");
}

int main () {
  try {
    give_up ();
    return 1;
  } catch (Mp.Error.FULL e) {
    return e.domain.to_string () == "mp-error-quark" ? 0 : 2;
  } catch (Mp.Error e) {
    return 3;
  }
}
