// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Messages carry what Vala calls values, bytes and errors.

void test_value () throws Error {
  var entries = new HashTable<string, Variant> (str_hash, str_equal);
  entries["name"] = "file.txt";
  entries["sizes"] = new int64[] { 1, 2, 3 };

  var message = new Mp.Message (entries);
  assert_cmpstr (message.codec, CompareOperator.EQ, "gvariant");

  Variant value = message.get_value ();
  assert_true (value.is_of_type (VariantType.VARDICT));
  assert_cmpstr ((string) value.lookup_value ("name", VariantType.STRING), CompareOperator.EQ, "file.txt");
  assert_cmpuint ((uint) value.lookup_value ("sizes", null).n_children (), CompareOperator.EQ, 3);
}

void test_nothing () throws Error {
  assert_cmpstr (new Mp.Message (null).get_value ().print (true), CompareOperator.EQ, "@mv nothing");
}

void test_bytes () throws Error {
  var message = new Mp.Message.data ("hello".data, "json");

  assert_cmpstr (message.codec, CompareOperator.EQ, "json");
  assert_cmpint (message.get_payload ().length, CompareOperator.EQ, 5);
  assert_true (message.payload_bytes.compare (new Bytes ("hello".data)) == 0);
  try {
    message.get_value ();
    assert_not_reached ();
  } catch (Mp.Error.WRONG_CODEC e) {
    assert_true ("json" in e.message);
  }
}

void test_descriptor () throws Error {
  var message = new Mp.Message (null);
  int index = message.attach_fd (0);

  assert_cmpuint (message.get_n_attachments (), CompareOperator.EQ, 1);
  int fd = message.get_attached_fd (index);
  assert_true (fd > 2);
  FileUtils.close (fd);
  try {
    message.get_attachment (index);
    assert_not_reached ();
  } catch (Mp.Error.INVALID_STATE e) {
  }
}

delegate void TestBody () throws Error;

void add (string path, owned TestBody body) {
  Test.add_data_func (path, () => {
    try {
      body ();
    } catch (Error e) {
      error ("%s", e.message);
    }
  });
}

int main (string[] args) {
  Test.init (ref args);
  add ("/message/value", test_value);
  add ("/message/nothing", test_nothing);
  add ("/message/bytes", test_bytes);
  add ("/message/descriptor", test_descriptor);
  return Test.run ();
}
