// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Mp.Connection carries values, bytes and other connections, within a process and to a child.

// Answers, with what comes doubled, until there is nothing more.
Variant? answer (Mp.Message arguments) throws Error {
  int32 index;
  arguments.get_value ().get ("(h)", out index);
  var connection = (Mp.Connection) arguments.get_attachment (index);

  try {
    for (;;) {
      var text = (string) connection.receive ();
      connection.send (text + text);
    }
  } catch (Mp.Error.CLOSED e) {
  }
  return null;
}

async void test_values () throws Error {
  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);

  first.send ("to the second");
  second.send (new Variant ("(ix)", 1, int64.MAX));
  assert_cmpstr ((string) second.receive (), CompareOperator.EQ, "to the second");
  assert_cmpstr (first.receive ().print (true), CompareOperator.EQ, "(1, int64 9223372036854775807)");

  yield second.send_async (new string[] { "a", "b" });
  assert_cmpuint ((uint) (yield first.receive_async ()).n_children (), CompareOperator.EQ, 2);
  first.close ();
  second.close ();
}

async void test_one_way () throws Error {
  Mp.Connection reader, writer;
  Mp.Connection.new_pair (false, out reader, out writer);

  assert_true (reader.readable && !reader.writable);
  assert_true (writer.writable && !writer.readable);
  try {
    reader.send (1);
    assert_not_reached ();
  } catch (Mp.Error.NOT_SUPPORTED e) {
  }
  try {
    writer.receive (0);
    assert_not_reached ();
  } catch (Mp.Error.NOT_SUPPORTED e) {
  }
  writer.send (1);
  assert_cmpint ((int) reader.receive (), CompareOperator.EQ, 1);
  reader.close ();
  writer.close ();
  assert_true (reader.is_closed () && writer.is_closed ());
}

async void test_bytes () throws Error {
  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);

  first.send_data ({ 1, 2, 3 });
  uint8[] data = second.receive_data ();
  assert_cmpint (data.length, CompareOperator.EQ, 3);
  assert_cmpint (data[2], CompareOperator.EQ, 3);

  var large = new Bytes (new uint8[3000000]);
  first.send_bytes_async.begin (large, "raw");
  assert_true ((yield second.receive_bytes_async (0)).compare (large) == 0);

  first.send_data ({ 1, 2, 3 }, null);
  try {
    second.receive_data (2);
    assert_not_reached ();
  } catch (Mp.Error.BUFFER_TOO_SHORT e) {
  }
  assert_cmpint ((yield second.receive_data_async (3)).length, CompareOperator.EQ, 3);
  first.close ();
  second.close ();
}

// Slices of arrays are parts of what is sent, and room for what is received.
async void test_into () throws Error {
  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);
  uint8[] digits = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
  uint8[] buffer = new uint8[8];

  first.send_data (digits[2:7], null);
  assert_cmpint ((int) second.receive_into (buffer[1:7]), CompareOperator.EQ, 5);
  for (int i = 0; i < buffer.length; i++)
    assert_cmpint (buffer[i], CompareOperator.EQ, 1 <= i <= 5 ? i + 1 : 0);

  first.send_data (digits[0:4], null);
  try {
    second.receive_into (buffer[0:3]);
    assert_not_reached ();
  } catch (Mp.Error.BUFFER_TOO_SHORT e) {
  }
  assert_cmpint ((int) yield second.receive_into_async (buffer), CompareOperator.EQ, 4);
  assert_cmpint (buffer[3], CompareOperator.EQ, 3);
  try {
    second.receive_into (buffer, 0.001);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }

  first.close ();
  try {
    second.receive_into (buffer);
    assert_not_reached ();
  } catch (Mp.Error.CLOSED e) {
  }
  second.close ();
}

async void test_waiting () throws Error {
  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);
  Posix.pollfd[] watched = { { second.get_fd (), Posix.POLLIN, 0 } };

  assert_false (second.poll ());
  assert_false (second.poll (0.001));
  assert_cmpint (Posix.poll (watched, 0), CompareOperator.EQ, 0);
  first.send (true);
  assert_true (second.poll (20));
  assert_cmpint (Posix.poll (watched, 0), CompareOperator.EQ, 1);
  assert_true ((bool) second.receive ());
  try {
    yield second.receive_async (0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }

  first.close ();
  assert_true (yield second.wait_readable_async ());
  try {
    second.receive ();
    assert_not_reached ();
  } catch (Mp.Error.CLOSED e) {
  }
  second.close ();
}

async void test_signals () throws Error {
  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);
  int sum = 0;

  second.message_received.connect ((message) => {
    try {
      sum += (int) message.get_value ();
    } catch (Error e) {
      error ("%s", e.message);
    }
  });
  second.peer_closed.connect ((reason) => {
    assert_true (reason is Mp.Error.CLOSED);
    test_signals.callback ();
  });
  second.start_reading ();
  for (int i = 1; i <= 10; i++)
    first.send (i);
  first.close ();
  yield;
  assert_cmpint (sum, CompareOperator.EQ, 55);
  second.close ();
}

async void test_process () throws Error {
  Mp.Connection ours, theirs;
  Mp.Connection.new_pair (true, out ours, out theirs);
  var arguments = new Mp.Message (new Variant ("(h)", 0));
  arguments.attach (theirs);
  var process = new Mp.Process.with_message (null, "answer", arguments);

  yield process.start_async ();
  theirs.close ();
  ours.send ("ha");
  assert_cmpstr ((string) yield ours.receive_async (), CompareOperator.EQ, "haha");
  ours.close ();
  yield process.join_async ();
  assert_true (process.check ());
}

async void test_through_another () throws Error {
  Mp.Connection first, second, inner, outer;
  Mp.Connection.new_pair (true, out first, out second);
  Mp.Connection.new_pair (true, out inner, out outer);
  var message = new Mp.Message (new Variant ("(h)", 0));
  message.attach (inner);

  first.send_message (message);
  inner.close ();
  message = null;
  var received = (Mp.Connection) (yield second.receive_message_async ()).get_attachment (0);
  received.send ("through it");
  assert_cmpstr ((string) outer.receive (), CompareOperator.EQ, "through it");
  foreach (var connection in new Mp.Connection[] { first, second, outer, received })
    connection.close ();
}

// ---- Running

delegate void Begin (AsyncReadyCallback callback);
delegate void End (AsyncResult result) throws Error;

void add_test (string path, owned Begin begin, owned End end) {
  Test.add_data_func (path, () => {
    var loop = new MainLoop ();
    begin ((source, result) => {
      try {
        end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
      loop.quit ();
    });
    loop.run ();
  });
}

int main (string[] args) {
  Mp.register_target ("answer", answer);
  Mp.init ();

  Test.init (ref args);
  add_test ("/connection/values", (done) => test_values.begin (done), (result) => test_values.end (result));
  add_test ("/connection/one-way", (done) => test_one_way.begin (done), (result) => test_one_way.end (result));
  add_test ("/connection/bytes", (done) => test_bytes.begin (done), (result) => test_bytes.end (result));
  add_test ("/connection/into", (done) => test_into.begin (done), (result) => test_into.end (result));
  add_test ("/connection/waiting", (done) => test_waiting.begin (done), (result) => test_waiting.end (result));
  add_test ("/connection/signals", (done) => test_signals.begin (done), (result) => test_signals.end (result));
  add_test ("/connection/process", (done) => test_process.begin (done), (result) => test_process.end (result));
  add_test ("/connection/through-another",
            (done) => test_through_another.begin (done), (result) => test_through_another.end (result));
  return Test.run ();
}
