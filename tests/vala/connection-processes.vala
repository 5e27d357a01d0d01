// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Connections and descriptors between processes: several senders, and what deaths leave behind.

size_t get_length (int i) {
  return (size_t) (1 + i * 70001 % 400000);
}

Variant? send_marks (Mp.Message arguments) throws Error {
  int mark, count;
  arguments.get_value ().get ("(ii)", out mark, out count);
  var connection = (Mp.Connection) arguments.get_attachment (0);

  for (int i = 0; i < count; i++) {
    var data = new uint8[get_length (i)];
    Memory.set (data, mark, data.length);
    connection.send_data (data, null);
  }
  return null;
}

Variant? send_and_wait (Mp.Message arguments) throws Error {
  var connection = (Mp.Connection) arguments.get_attachment (0);

  connection.send ("here");
  connection.receive ();
  return null;
}

Variant? write_to (Mp.Message arguments) throws Error {
  ((Mp.Descriptor) arguments.get_attachment (0)).open_socket ().send ("from the child".data);
  return null;
}

async Mp.Process start (string target, Variant value, Mp.Shareable attached) throws Error {
  var arguments = new Mp.Message (value);
  arguments.attach (attached);
  var process = new Mp.Process.with_message (null, target, arguments);
  yield process.start_async ();
  return process;
}

// What the message is full of.
int read_mark (uint8[] data) {
  foreach (var byte in data)
    assert_cmpint (byte, CompareOperator.EQ, data[0]);
  return data[0];
}

async void test_senders () throws Error {
  Mp.Connection ours, theirs;
  Mp.Connection.new_pair (true, out ours, out theirs);
  var one = yield start ("send-marks", new Variant ("(ii)", 1, 20), theirs);
  var other = yield start ("send-marks", new Variant ("(ii)", 2, 20), theirs);
  int[] counts = { 0, 0 };
  theirs.close ();

  for (int n = 0; n < 40; n++) {
    uint8[] data = yield ours.receive_data_async (0, 20);
    int mark = read_mark (data);
    assert_cmpint (data.length, CompareOperator.EQ, (int) get_length (counts[mark - 1]++));
  }
  assert_true (counts[0] == 20 && counts[1] == 20);
  try {
    ours.receive_data (0, 20);
    assert_not_reached ();
  } catch (Mp.Error.CLOSED e) {
  }
  yield one.join_async ();
  yield other.join_async ();
  ours.close ();
}

async void test_killed () throws Error {
  Mp.Connection ours, theirs;
  Mp.Connection.new_pair (true, out ours, out theirs);
  var one = yield start ("send-marks", new Variant ("(ii)", 1, int.MAX), theirs);
  var other = yield start ("send-marks", new Variant ("(ii)", 2, int.MAX), theirs);
  theirs.close ();

  for (int n = 0; n < 10; n++)
    read_mark (ours.receive_data (0, 20));
  one.kill ();
  yield one.join_async ();
  for (int n = 0; n < 20;)
    n += read_mark (ours.receive_data (0, 20)) == 2 ? 1 : 0;
  other.kill ();
  try {
    for (;;)
      read_mark (ours.receive_data (0, 20));
  } catch (Mp.Error.PEER_DIED e) {
  }
  yield other.join_async ();
  ours.close ();
}

async void test_gone () throws Error {
  Mp.Connection ours, theirs;
  Mp.Connection.new_pair (true, out ours, out theirs);
  var process = yield start ("send-and-wait", new Variant ("()"), theirs);
  theirs.close ();

  assert_cmpstr ((string) ours.receive (20), CompareOperator.EQ, "here");
  process.kill ();
  try {
    ours.receive (20);
    assert_not_reached ();
  } catch (Mp.Error.PEER_DIED e) {
  }
  try {
    ours.send (1);
    assert_not_reached ();
  } catch (Mp.Error.PEER_DIED e) {
  }
  yield process.join_async ();
  ours.close ();

  Mp.Connection.new_pair (true, out ours, out theirs);
  theirs.close ();
  try {
    ours.send (1);
    assert_not_reached ();
  } catch (Mp.Error.CLOSED e) {
  }
  ours.close ();
}

// A file that was not written to takes no memory, but a received message does.
async void test_huge () throws Error {
  if (Environment.get_variable ("MP_TEST_LONG") == null) {
    Test.skip ("it takes 2 GiB of memory: only with MP_TEST_LONG");
    return;
  }

  const int64 SIZE = 0x80000005;
  string path;
  int fd = FileUtils.open_tmp ("mpglib-huge-XXXXXX", out path);
  FileUtils.unlink (path);
  assert_cmpint (Posix.ftruncate (fd, (Posix.off_t) SIZE), CompareOperator.EQ, 0);
  assert_cmpint ((int) Posix.pwrite (fd, "x", 1, (Posix.off_t) SIZE - 1), CompareOperator.EQ, 1);
  var bytes = new MappedFile.from_fd (fd, false).get_bytes ();
  Posix.close (fd);

  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);
  yield first.send_bytes_async (bytes, null);
  var received = yield second.receive_bytes_async (0);
  assert_true ((int64) received.get_size () == SIZE);
  var end = new Bytes.from_bytes (received, (size_t) (SIZE - 2), 2);
  assert_true (end[0] == 0 && end[1] == 'x');
  first.close ();
  second.close ();
}

async void test_sockets () throws Error {
  var listener = new Socket (SocketFamily.IPV4, SocketType.STREAM, SocketProtocol.TCP);
  listener.bind (new InetSocketAddress (new InetAddress.loopback (SocketFamily.IPV4), 0), false);
  listener.listen ();
  var client = new SocketClient ().connect (listener.get_local_address ());
  var accepted = listener.accept ();
  var descriptor = Mp.Descriptor.duplicate_socket (accepted);
  uint8[] buffer = new uint8[20];

  var process = yield start ("write-to", new Variant ("()"), descriptor);
  yield process.join_async ();
  assert_true (process.check ());
  assert_cmpint ((int) client.input_stream.read (buffer), CompareOperator.EQ, 14);
  assert_cmpint (Memory.cmp (buffer, "from the child", 14), CompareOperator.EQ, 0);

  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);
  var message = new Mp.Message (new Variant ("(h)", 0));
  message.attach (descriptor);
  first.send_message (message);
  var received = (Mp.Descriptor) (yield second.receive_message_async ()).get_attachment (0);
  var socket = received.open_socket ();
  assert_cmpint ((int) socket.send ("again".data), CompareOperator.EQ, 5);
  assert_cmpint ((int) client.input_stream.read (buffer), CompareOperator.EQ, 5);
  first.close ();
  second.close ();
  socket.close ();
  received.close ();
  descriptor.close ();
  accepted.close ();
  assert_cmpint (received.get_fd (), CompareOperator.EQ, -1);
  assert_cmpint ((int) client.input_stream.read (buffer), CompareOperator.EQ, 0);
  client.close ();
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
  Mp.register_target ("send-marks", send_marks);
  Mp.register_target ("send-and-wait", send_and_wait);
  Mp.register_target ("write-to", write_to);
  Mp.init ();

  Test.init (ref args);
  add_test ("/connection-processes/senders",
            (done) => test_senders.begin (done), (result) => test_senders.end (result));
  add_test ("/connection-processes/killed", (done) => test_killed.begin (done), (result) => test_killed.end (result));
  add_test ("/connection-processes/gone", (done) => test_gone.begin (done), (result) => test_gone.end (result));
  add_test ("/connection-processes/huge", (done) => test_huge.begin (done), (result) => test_huge.end (result));
  add_test ("/connection-processes/sockets",
            (done) => test_sockets.begin (done), (result) => test_sockets.end (result));
  return Test.run ();
}
