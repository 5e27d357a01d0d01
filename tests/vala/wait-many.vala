// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Waiting for the first of many objects.

Variant? receive_one (Mp.Message arguments) throws Error {
  ((Mp.Connection) arguments.get_attachment (0)).receive ();
  return null;
}

async void test_connections () throws Error {
  Mp.Connection first, second, other, third;
  Mp.Connection.new_pair (true, out first, out second);
  Mp.Connection.new_pair (true, out other, out third);

  try {
    Mp.wait_many ({ second, third }, 0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  other.send (1);
  first.send (2);
  var ready = Mp.wait_many ({ third, second });
  assert_cmpint (ready.length, CompareOperator.EQ, 2);
  assert_true (ready[0] == third && ready[1] == second);
  assert_cmpint ((int) third.receive (0), CompareOperator.EQ, 1);

  ready = yield Mp.wait_many_async ({ third, second });
  assert_cmpint (ready.length, CompareOperator.EQ, 1);
  assert_true (ready[0] == second);
  second.receive (0);
  try {
    yield Mp.wait_many_async ({ third, second }, 0.001);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }

  other.close ();
  ready = yield Mp.wait_many_async ({ second, third });
  assert_true (ready.length == 1 && ready[0] == third);
  second.close ();
  try {
    Mp.wait_many ({ second });
    assert_not_reached ();
  } catch (Mp.Error.CLOSED e) {
  }
  third.close ();
}

async void test_listeners () throws Error {
  var listener = new Mp.Listener (null, null);
  Mp.Connection first, second;
  Mp.Connection.new_pair (true, out first, out second);

  listener.open ();
  try {
    Mp.wait_many ({ second, listener }, 0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  var client = Mp.Connection.open (listener.address);
  var ready = yield Mp.wait_many_async ({ second, listener });
  assert_true (ready.length == 1 && ready[0] == listener);
  listener.accept (0).send ("here");
  assert_true (client.receive ().get_string () == "here");
  first.close ();
  second.close ();
}

async void test_descriptors () throws Error {
  var read = new int[2];
  assert_cmpint (Posix.pipe (read), CompareOperator.EQ, 0);
  var descriptor = Mp.Descriptor.duplicate (read[0]);
  var socket = new Socket (SocketFamily.IPV4, SocketType.STREAM, SocketProtocol.TCP);
  socket.bind (new InetSocketAddress (new InetAddress.loopback (SocketFamily.IPV4), 0), false);
  socket.listen ();

  try {
    Mp.wait_many ({ descriptor, socket }, 0.001);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  Posix.write (read[1], "x", 1);
  assert_true (Mp.wait_many ({ socket, descriptor })[0] == descriptor);
  assert_true ((yield Mp.wait_many_async ({ socket, descriptor }))[0] == descriptor);
  Posix.close (read[0]);
  Posix.close (read[1]);
  socket.close ();
}

async void test_queues () throws Error {
  var queue = new Mp.Queue ();
  var other = new Mp.Queue ();

  try {
    Mp.wait_many ({ other, queue }, 0.001);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  queue.put (1);
  assert_true (Mp.wait_many ({ other, queue })[0] == queue);
  assert_true ((yield Mp.wait_many_async ({ other, queue }))[0] == queue);
  assert_cmpint ((int) queue.get (0), CompareOperator.EQ, 1);
}

async void test_processes () throws Error {
  Mp.Connection ours, theirs;
  Mp.Connection.new_pair (true, out ours, out theirs);
  var arguments = new Mp.Message ("");
  arguments.attach (theirs);
  var process = new Mp.Process.with_message (null, "receive-one", arguments);

  yield process.start_async ();
  try {
    Mp.wait_many ({ ours, process }, 0.001);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  ours.send ("enough");
  var ready = yield Mp.wait_many_async ({ ours, process });
  assert_true (ready.length == 1 && ready[0] == process);
  assert_true (Mp.wait_many ({ process })[0] == process);
  assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
  yield process.join_async ();
  ours.close ();
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
  Mp.register_target ("receive-one", receive_one);
  Mp.init ();

  Test.init (ref args);
  add_test ("/wait-many/connections",
            (done) => test_connections.begin (done), (result) => test_connections.end (result));
  add_test ("/wait-many/descriptors",
            (done) => test_descriptors.begin (done), (result) => test_descriptors.end (result));
  add_test ("/wait-many/listeners", (done) => test_listeners.begin (done), (result) => test_listeners.end (result));
  add_test ("/wait-many/queues", (done) => test_queues.begin (done), (result) => test_queues.end (result));
  add_test ("/wait-many/processes", (done) => test_processes.begin (done), (result) => test_processes.end (result));
  return Test.run ();
}
