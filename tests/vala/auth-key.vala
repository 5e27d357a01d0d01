// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Authentication keys are made of bytes, and show them to nobody who does not ask.

void test_bytes () {
  var key = new Mp.AuthKey.data ("secret".data);

  assert_true (key.get_bytes ().compare (new Bytes ("secret".data)) == 0);
  assert_true (key.equal (new Mp.AuthKey (new Bytes ("secret".data))));
  assert_false (key.equal (new Mp.AuthKey.data ("secreu".data)));
  assert_cmpstr (key.to_string (), CompareOperator.EQ, "<Mp.AuthKey of 6 bytes>");
}

void test_random () {
  var key = new Mp.AuthKey.random ();

  assert_cmpuint ((uint) key.length, CompareOperator.EQ, 32);
  assert_false (key.equal (new Mp.AuthKey.random ()));
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/auth-key/bytes", test_bytes);
  Test.add_func ("/auth-key/random", test_random);
  return Test.run ();
}
