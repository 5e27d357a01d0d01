// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The VAPI compiles and errors keep their domain.

void give_up () throws Mp.Error {
  throw new Mp.Error.FULL ("no room");
}

void test_error () {
  try {
    give_up ();
    assert_not_reached ();
  } catch (Mp.Error.FULL e) {
    assert_cmpstr (e.domain.to_string (), CompareOperator.EQ, "mp-error-quark");
    assert_cmpstr (e.message, CompareOperator.EQ, "no room");
  } catch (Mp.Error e) {
    assert_not_reached ();
  }
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/namespace/error", test_error);
  return Test.run ();
}
