// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Programs that meet at an address.

const double DEADLINE = 20;

Mp.Listener open_at (string? address, Mp.AuthKey? key) throws Error {
  var listener = new Mp.Listener (address, key);

  assert (!listener.is_open ());
  listener.open ();
  assert (listener.is_open ());
  return listener;
}

void assert_talks (Mp.Connection client, Mp.Connection server) throws Error {
  client.send ("a question", DEADLINE);
  assert (server.receive (DEADLINE).get_string () == "a question");
  server.send (42, DEADLINE);
  assert (client.receive (DEADLINE).get_int32 () == 42);
}

void test_private () {
  try {
    var key = new Mp.AuthKey.random ();
    var listener = open_at (null, key);

    assert (listener.address.has_prefix ("unix:/"));
    assert (FileUtils.test (listener.address.substring (5), FileTest.EXISTS));
    var client = Mp.Connection.open (listener.address, key, DEADLINE);
    var server = listener.accept (DEADLINE);
    assert (listener.last_accepted == null);
    assert_talks (client, server);
    assert (listener.to_string () == "<Mp.Listener open at %s>".printf (listener.address));

    listener.close ();
    assert (!FileUtils.test (listener.address.substring (5), FileTest.EXISTS));
    assert_talks (client, server);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_without_key () {
  try {
    var listener = open_at (null, null);
    var client = Mp.Connection.open (listener.address);

    assert (listener.key == null && listener.backlog > 0);
    assert_talks (client, listener.accept (DEADLINE));
    listener.close ();
    try {
      listener.accept (DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.CLOSED closed) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_wrong_key () {
  try {
    var listener = open_at (null, new Mp.AuthKey.random ());

    try {
      Mp.Connection.open (listener.address, new Mp.AuthKey.random (), DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.AUTHENTICATION refused) {
    }
    try {
      listener.accept (0);
      assert_not_reached ();
    } catch (Mp.Error.TIMED_OUT late) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_addresses () {
  try {
    var path = Path.build_filename (Environment.get_user_runtime_dir (), "socket");
    var listener = open_at (path, null);

    assert (listener.address == "unix:" + path);
    try {
      open_at (path, null);
      assert_not_reached ();
    } catch (IOError.ADDRESS_IN_USE taken) {
    }
    listener.close ();
    try {
      Mp.Connection.open (path);
      assert_not_reached ();
    } catch (IOError.NOT_FOUND nobody) {
    }

    var name = "abstract:mp-test-vala-%d".printf ((int) Posix.getpid ());
    var key = new Mp.AuthKey.random ();
    var without_file = open_at (name, key);
    assert (without_file.address == name);
    assert_talks (Mp.Connection.open (name, key, DEADLINE), without_file.accept (DEADLINE));
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_tcp () {
  try {
    var key = new Mp.AuthKey.random ();
    var listener = open_at ("tcp:localhost:0", key);
    var client = Mp.Connection.open (listener.address, key, DEADLINE);
    var server = listener.accept (DEADLINE);

    assert (listener.address.has_prefix ("tcp:127.0.0.1:") && !listener.address.has_suffix (":0"));
    assert (listener.last_accepted.has_prefix ("tcp:127.0.0.1:"));
    assert_talks (client, server);

    var wire = Mp.WireFlags.INSECURE;
    var open_to_all = new Mp.Listener.with_wire ("tcp:0.0.0.0:0", key, wire);
    open_to_all.open ();
    assert (open_to_all.wire == wire);
    var address = open_to_all.address.replace ("0.0.0.0", "127.0.0.1");
    assert_talks (Mp.Connection.open_with_wire (address, key, wire, DEADLINE), open_to_all.accept (DEADLINE));
    try {
      open_at ("tcp:0.0.0.0:0", new Mp.AuthKey.data ({ 1, 2, 3 }));
      assert_not_reached ();
    } catch (Mp.Error.REFUSED refused) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

TlsCertificate read_certificate (string name) throws Error {
  return new TlsCertificate.from_file (Path.build_filename (Environment.get_variable ("G_TEST_SRCDIR"), "tls",
                                                            name + ".pem"));
}

void test_tls () {
  try {
    var key = new Mp.AuthKey.random ();
    var wire = Mp.WireFlags.TLS;
    var listener = new Mp.Listener.with_wire ("tcp:127.0.0.1:0", key, wire);

    listener.open ();
    var client = Mp.Connection.open_with_wire (listener.address, key, wire, DEADLINE);
    assert_talks (client, listener.accept (DEADLINE));
    try {
      Mp.Connection.open (listener.address, key, DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.REFUSED refused) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_certificates () {
  try {
    var authority = read_certificate ("authority");
    var ours = new Mp.TlsSettings (read_certificate ("localhost"), authority);
    var theirs = new Mp.TlsSettings (read_certificate ("client"), authority, null);
    var listener = new Mp.Listener.with_tls ("tcp:127.0.0.1:0", null, Mp.WireFlags.DEFAULT, ours);

    listener.open ();
    assert (listener.tls == ours && ours.trusted == authority && ours.peer_name == null);
    var client = Mp.Connection.open_with_tls (listener.address, null, Mp.WireFlags.DEFAULT, theirs, DEADLINE);
    assert_talks (client, listener.accept (DEADLINE));
    try {
      var other = new Mp.TlsSettings (theirs.certificate, authority, "other.example");
      Mp.Connection.open_with_tls (listener.address, null, Mp.WireFlags.DEFAULT, other, DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.AUTHENTICATION refused) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

async void ask_async (Mp.Connection asking, Mp.Connection answering, Mp.AuthKey answer, MainLoop loop) {
  var key = new Mp.AuthKey.data ({ 1, 2, 3 });

  answering.answer_challenge_async.begin (answer, DEADLINE, null, (object, result) => {
    try {
      answering.answer_challenge_async.end (result);
      assert (answer.equal (key));
    } catch (Error error) {
      assert (error is Mp.Error.AUTHENTICATION && !answer.equal (key));
    }
    loop.quit ();
  });
  try {
    yield asking.deliver_challenge_async (key, DEADLINE, null);
    assert (answer.equal (key));
  } catch (Error error) {
    assert (error is Mp.Error.AUTHENTICATION && !answer.equal (key));
  }
}

void test_challenges () {
  try {
    var loop = new MainLoop ();
    Mp.Connection first, second;

    Mp.Connection.new_pair (true, out first, out second);
    ask_async.begin (first, second, new Mp.AuthKey.data ({ 1, 2, 3 }), loop);
    loop.run ();
    ask_async.begin (first, second, new Mp.AuthKey.random (), loop);
    loop.run ();
    try {
      first.answer_challenge (new Mp.AuthKey.random (), 0.01);
      assert_not_reached ();
    } catch (Mp.Error.TIMED_OUT late) {
    }
    try {
      second.close ();
      first.deliver_challenge (new Mp.AuthKey.random (), DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.CLOSED closed) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_python () {
  try {
    var key = new Mp.AuthKey.random ();
    var wire = Mp.WireFlags.PYTHON;
    var listener = new Mp.Listener.with_wire (null, key, wire);

    listener.open ();
    var client = Mp.Connection.open_with_wire (listener.address, key, wire, DEADLINE);
    var server = listener.accept (DEADLINE);
    client.send_data ({ 1, 2, 3 }, null, DEADLINE);
    assert (server.receive_data (0, DEADLINE).length == 3);
    try {
      client.send (1, DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.WRONG_CODEC refused) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_own_key () {
  try {
    var listener = open_at ("tcp:127.0.0.1:0", null);

    assert_talks (Mp.Connection.open (listener.address, null, DEADLINE), listener.accept (DEADLINE));
    assert_talks (Mp.Connection.open (listener.address, new Mp.AuthKey.own (), DEADLINE), listener.accept (DEADLINE));
    var drawn = new Mp.AuthKey.own ();
    new Mp.AuthKey.random ().make_own ();
    assert (!drawn.equal (new Mp.AuthKey.own ()));
    drawn.make_own ();
    assert (drawn.equal (new Mp.AuthKey.own ()));
    try {
      Mp.Connection.open (listener.address, new Mp.AuthKey.random (), DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.AUTHENTICATION refused) {
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

// The example of multiprocessing's manual: objects, bytes, and numbers into a larger array.
void test_example () {
  try {
    var key = new Mp.AuthKey.random ();
    var address = "tcp:localhost:0";
    var listener = (Mp.Listener) Object.new (typeof (Mp.Listener), "address", address, "key", key, "backlog", 1);

    listener.open ();
    assert (listener.backlog == 1);
    var client = Mp.Connection.open (listener.address, key, DEADLINE);
    var server = listener.accept (DEADLINE);
    var object = new Variant.parsed ("(2.25, @mi nothing, 'junk')");
    int32[] numbers = { 42, 1729 };
    unowned uint8[] bytes = (uint8[]) numbers;
    bytes.length = (int) (2 * sizeof (int32));

    server.send (object, DEADLINE);
    server.send_data ("hello".data, null, DEADLINE);
    server.send_data (bytes, null, DEADLINE);

    assert (client.receive (DEADLINE).equal (object));
    assert (Memory.cmp (client.receive_data (0, DEADLINE), "hello".data, 5) == 0);
    int32 room[5] = { 0, 0, 0, 0, 0 };
    unowned uint8[] room_bytes = (uint8[]) room;
    room_bytes.length = (int) (5 * sizeof (int32));
    assert (client.receive_into (room_bytes, DEADLINE) == 8);
    assert (room[0] == 42 && room[1] == 1729 && (room[2] | room[3] | room[4]) == 0);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

async void talk_async (MainLoop loop) {
  try {
    var key = new Mp.AuthKey.random ();
    var listener = open_at ("tcp:127.0.0.1:0", key);
    var client = yield Mp.Connection.open_async (listener.address, key, DEADLINE);
    var server = yield listener.accept_async (DEADLINE);

    assert_talks (client, server);
    loop.quit ();
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_async () {
  var loop = new MainLoop ();

  talk_async.begin (loop);
  loop.run ();
}

void test_signal () {
  try {
    var loop = new MainLoop ();
    var listener = open_at (null, null);
    Mp.Connection? server = null;

    listener.incoming.connect (connection => {
      server = connection;
      loop.quit ();
    });
    listener.start_accepting ();
    var client = Mp.Connection.open (listener.address);
    loop.run ();
    assert_talks (client, server);
    listener.stop_accepting ();
    listener.close ();
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_refused () {
  try {
    var loop = new MainLoop ();
    var listener = open_at (null, new Mp.AuthKey.random ());
    Error? reason = null;

    listener.refused.connect ((who, error) => {
      assert (who.has_prefix ("a process of user "));
      reason = error;
      loop.quit ();
    });
    listener.start_accepting ();
    try {
      Mp.Connection.open (listener.address, new Mp.AuthKey.random (), DEADLINE);
      assert_not_reached ();
    } catch (Mp.Error.AUTHENTICATION refused) {
    }
    loop.run ();
    assert (reason is Mp.Error.AUTHENTICATION);
    listener.close ();
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/listener/private", test_private);
  Test.add_func ("/listener/without-key", test_without_key);
  Test.add_func ("/listener/wrong-key", test_wrong_key);
  Test.add_func ("/listener/addresses", test_addresses);
  Test.add_func ("/listener/tcp", test_tcp);
  Test.add_func ("/listener/tls", test_tls);
  Test.add_func ("/listener/certificates", test_certificates);
  Test.add_func ("/listener/challenges", test_challenges);
  Test.add_func ("/listener/python", test_python);
  Test.add_func ("/listener/own-key", test_own_key);
  Test.add_func ("/listener/example", test_example);
  Test.add_func ("/listener/async", test_async);
  Test.add_func ("/listener/signal", test_signal);
  Test.add_func ("/listener/refused", test_refused);
  return Test.run ();
}
