// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Mp.Process runs closures of this very program in other processes. The program is its own child: what it
// registers before Mp.init () is found there.

Variant? add (Mp.Message arguments, Cancellable? cancellable) throws Error {
  string path;
  int a, b;
  arguments.get_value ().get ("(sii)", out path, out a, out b);
  FileUtils.set_contents (path, "%d".printf (a + b));
  return null;
}

Variant? fail (Mp.Message arguments, Cancellable? cancellable) throws Error {
  throw new IOError.NO_SPACE ("the disk is full");
}

// No other test may name it: the first error of it comes from a child.
errordomain OddError {
  STRANGE
}

Variant? fail_oddly (Mp.Message arguments, Cancellable? cancellable) throws Error {
  throw new OddError.STRANGE ("odd thing");
}

Variant? run_loop (Mp.Message arguments, Cancellable? cancellable) throws Error {
  new MainLoop ().run ();
  return null;
}

// That it knows its name, and its children have names of the next generation.
Variant? know_itself (Mp.Message arguments, Cancellable? cancellable) throws Error {
  string name = Mp.Process.get_current ().name;

  if (Mp.Worker.get_current ().get_name () != name || !("says-so" in name))
    throw new Mp.Error.FAILED (@"the name is $name");
  string child_name = new Mp.Process (null, "fail", null).name;
  if (!Regex.match_simple ("^Process-[0-9]+:1$", child_name))
    throw new Mp.Error.FAILED (@"the child's name is $child_name");
  if (Mp.Process.get_current ().pid != Posix.getpid ())
    throw new Mp.Error.FAILED ("another one's process number");
  return null;
}

// That it has the key.
Variant? know_key (Mp.Message arguments, Cancellable? cancellable) throws Error {
  var key = new Mp.AuthKey (arguments.get_value ().get_child_value (0).get_data_as_bytes ());

  if (!key.equal (new Mp.AuthKey.own ()) || !key.equal (Mp.Process.get_current ().ref_auth_key ()))
    throw new Mp.Error.FAILED ("another key");
  return null;
}

void register_targets () {
  // What a closure captures has the value that it has when the child registers it.
  int captured = 17;

  Mp.register_target ("add", add);
  Mp.register_target ("fail", fail);
  Mp.register_target ("fail-oddly", fail_oddly);
  Mp.register_target ("know-itself", know_itself);
  Mp.register_target ("know-key", know_key);
  Mp.register_target ("run-loop", run_loop);
  Mp.register_target ("exit", () => {
    Process.exit (captured);
  });
}

string make_path () throws Error {
  return Path.build_filename (DirUtils.make_tmp ("mpglib-XXXXXX"), "written");
}

string take_written (string path) throws Error {
  string text;

  FileUtils.get_contents (path, out text);
  FileUtils.unlink (path);
  DirUtils.remove (Path.get_dirname (path));
  return text;
}

async void test_async () throws Error {
  string path = make_path ();
  var process = new Mp.Process (null, "add", new Variant ("(sii)", path, 40, 2));

  yield process.start_async ();
  yield process.join_async ();
  assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
  assert_true (process.check ());
  assert_cmpstr (take_written (path), CompareOperator.EQ, "42");
}

async void test_blocking () throws Error {
  var process = new Mp.Process (null, "exit", null);

  process.start ();
  process.join ();
  assert_cmpint (process.exit_code, CompareOperator.EQ, 17);
  assert_false (process.is_alive ());
}

async void test_signals () throws Error {
  var process = (Mp.Process) Object.new (typeof (Mp.Process), "target", "run-loop", "name", "looping");
  bool has_started = false;
  int code = 0;

  process.started.connect (() => has_started = true);
  process.exited.connect ((exit_code) => {
    code = exit_code;
    test_signals.callback ();
  });
  yield process.start_async ();
  assert_cmpint (process.pid, CompareOperator.GT, 0);
  assert_true (process.alive);
  process.terminate ();
  yield;
  assert_true (has_started);
  assert_cmpint (code, CompareOperator.EQ, -(int) ProcessSignal.TERM);
  assert_cmpint (process.state, CompareOperator.EQ, Mp.ProcessState.STOPPED);
  assert_cmpstr (process.name, CompareOperator.EQ, "looping");
  assert_true ("SIGTERM" in process.to_string ());
}

async void test_states () throws Error {
  var process = new Mp.Process (null, "run-loop", null);

  process.name = "worker";
  assert_cmpstr (process.to_string (), CompareOperator.EQ, "<Mp.Process name='worker' initial>");
  assert_cmpint (process.get_sentinel (), CompareOperator.EQ, -1);
  try {
    process.join (0);
    assert_not_reached ();
  } catch (Mp.Error.INVALID_STATE e) {
  }

  process.daemon = true;
  yield process.start_async ();
  assert_cmpstr (process.to_string (), CompareOperator.EQ,
                 "<Mp.Process name='worker' pid=%d started daemon>".printf (process.pid));
  assert_true (is_child (process));
  try {
    process.start ();
    assert_not_reached ();
  } catch (Mp.Error.INVALID_STATE e) {
  }
  try {
    process.close ();
    assert_not_reached ();
  } catch (Mp.Error.INVALID_STATE e) {
  }

  Posix.pollfd[] watched = { { process.get_sentinel (), Posix.POLLIN, 0 } };
  assert_cmpint (Posix.poll (watched, 0), CompareOperator.EQ, 0);
  process.kill ();
  assert_cmpint (Posix.poll (watched, 20000), CompareOperator.EQ, 1);
  assert_true ((watched[0].revents & Posix.POLLIN) != 0);
  process.join ();
  process.join ();
  assert_false (is_child (process));
  assert_cmpint (process.exit_code, CompareOperator.EQ, -(int) ProcessSignal.KILL);
  assert_cmpstr (process.to_string (), CompareOperator.EQ,
                 "<Mp.Process name='worker' pid=%d stopped (signal 9 (SIGKILL)) daemon>".printf (process.pid));
  process.close ();
  try {
    process.join (0);
    assert_not_reached ();
  } catch (Mp.Error.INVALID_STATE e) {
  }
}

bool is_child (Mp.Process process) {
  ListModel children = Mp.Process.get_children ();

  for (uint i = 0; i < children.get_n_items (); i++)
    if (children.get_item (i) == process)
      return true;
  return false;
}

async void test_interrupt () throws Error {
  var process = new Mp.Process (null, "run-loop", null);

  yield process.start_async ();
  process.interrupt ();
  yield process.join_async ();
  assert_cmpint (process.exit_code, CompareOperator.EQ, -(int) ProcessSignal.INT);
}

async void test_auth_key () throws Error {
  Mp.AuthKey[] keys = { new Mp.AuthKey.own (), new Mp.AuthKey.random () };

  foreach (unowned Mp.AuthKey key in keys) {
    var secret = new Variant.from_bytes (VariantType.BYTESTRING, key.get_bytes (), true);
    var process = new Mp.Process (null, "know-key", new Variant ("(@ay)", secret));
    if (key != keys[0])
      process.set_auth_key (key);
    assert_true (key.equal (process.ref_auth_key ()));
    yield process.start_async ();
    yield process.join_async ();
    process.check ();
  }
}

async void test_names () throws Error {
  for (int i = 0; i < 2; i++) {
    var process = new Mp.Process (null, "know-itself", null);

    assert_true (Regex.match_simple ("^Process-[0-9]+$", process.name));
    process.name = "says-so";
    yield process.start_async ();
    yield process.join_async ();
    assert_true (process.check ());
  }
  assert_true (new Mp.Process (null, "fail", null).name != new Mp.Process (null, "fail", null).name);
}

async void test_current () throws Error {
  Mp.Process current = Mp.Process.get_current ();

  assert_cmpstr (current.name, CompareOperator.EQ, "MainProcess");
  assert_cmpint (current.pid, CompareOperator.EQ, Posix.getpid ());
  assert_null (Mp.Worker.get_current ());
  assert_cmpuint (Mp.get_cpu_count (), CompareOperator.GT, 0);
  assert_cmpuint (Mp.get_cpu_count (), CompareOperator.LE, GLib.get_num_processors ());
  try {
    current.join (-1);
    assert_not_reached ();
  } catch (Mp.Error.INVALID_STATE e) {
  }
}

async void test_forked () throws Error {
  var process = new Mp.Process (null, "run-loop", null);

  yield process.start_async ();
  Posix.pid_t stranger = Posix.fork ();
  if (stranger == 0) {
    try {
      process.kill ();
    } catch (Mp.Error.FORKED e) {
      Posix._exit (0);
    } catch (Error e) {
    }
    Posix._exit (1);
  }
  int status;
  assert_cmpint (Posix.waitpid (stranger, out status, 0), CompareOperator.EQ, stranger);
  assert_cmpint (status, CompareOperator.EQ, 0);
  assert_true (process.is_alive ());
  process.kill ();
  yield process.join_async ();
}

async void test_program () throws Error {
  string program = FileUtils.read_link ("/proc/self/exe");
  var context = new Mp.Context (Mp.StartMethod.SPAWN, new Mp.Launcher ("native", { program }));
  var process = new Mp.Process (context, "exit", null);

  yield process.start_async ();
  yield process.join_async ();
  assert_cmpint (process.exit_code, CompareOperator.EQ, 17);
}

async void test_no_function () throws Error {
  var process = new Mp.Process (null, null, null);

  yield process.start_async ();
  yield process.join_async ();
  assert_true (process.check ());
}

async void test_error () throws Error {
  var process = new Mp.Process (null, "fail", null);

  yield process.start_async ();
  yield process.join_async ();
  assert_cmpint (process.exit_code, CompareOperator.EQ, 1);
  try {
    process.check ();
    assert_not_reached ();
  } catch (IOError.NO_SPACE e) {
    assert_true ("the disk is full" in e.message);
  }
}

async void test_own_domain () throws Error {
  var process = new Mp.Process (null, "fail-oddly", null);

  assert_cmpuint (Quark.try_string ("odd-error-quark"), CompareOperator.EQ, 0);
  process.start ();
  process.join ();
  try {
    process.check ();
    assert_not_reached ();
  } catch (OddError.STRANGE e) {
    assert_true ("odd thing" in e.message);
  }
}

async void test_no_target () throws Error {
  var process = new Mp.Process (null, "subtract", null);

  try {
    yield process.start_async ();
    assert_not_reached ();
  } catch (Mp.Error.NO_TARGET e) {
    assert_true ("'subtract' is registered here (registered: " in e.message);
    assert_true ("add, exit, fail, fail-oddly, know-itself, know-key, run-loop)" in e.message);
    assert_true ("mp_register_target()" in e.message);
  }
}

async void test_early_exit () throws Error {
  var context = new Mp.Context (Mp.StartMethod.SPAWN, new Mp.Launcher ("native", { "/bin/false" }));
  var process = new Mp.Process (context, "add", null);

  try {
    yield process.start_async ();
    assert_not_reached ();
  } catch (Mp.Error.START_FAILED e) {
    assert_true ("/bin/false" in e.message && "mp_init()" in e.message);
  }
}

async void test_missing_executable () throws Error {
  var context = new Mp.Context (Mp.StartMethod.SPAWN, new Mp.Launcher ("native", { "/nonesuch/worker" }));
  var process = new Mp.Process (context, "add", null);

  try {
    yield process.start_async ();
    assert_not_reached ();
  } catch (Mp.Error.START_FAILED e) {
    assert_true ("/nonesuch/worker" in e.message);
  }
}

async void test_timeout () throws Error {
  var process = new Mp.Process (null, "run-loop", null);

  process.daemon = true;
  yield process.start_async ();
  try {
    yield process.join_async (0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  yield Mp.shutdown_async ();
  assert_false (process.is_alive ());
}

// Who is no daemon is waited for.
async void test_shutdown () throws Error {
  string path = make_path ();
  var process = new Mp.Process (null, "add", new Variant ("(sii)", path, 1, 2));

  process.start ();
  Mp.shutdown ();
  assert_true (process.check ());
  assert_cmpstr (take_written (path), CompareOperator.EQ, "3");
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
  register_targets ();
  Mp.init ();

  Test.init (ref args);
  add_test ("/process/async", (done) => test_async.begin (done), (result) => test_async.end (result));
  add_test ("/process/blocking",
            (done) => test_blocking.begin (done), (result) => test_blocking.end (result));
  add_test ("/process/signals", (done) => test_signals.begin (done), (result) => test_signals.end (result));
  add_test ("/process/states", (done) => test_states.begin (done), (result) => test_states.end (result));
  add_test ("/process/interrupt",
            (done) => test_interrupt.begin (done), (result) => test_interrupt.end (result));
  add_test ("/process/auth-key", (done) => test_auth_key.begin (done), (result) => test_auth_key.end (result));
  add_test ("/process/names", (done) => test_names.begin (done), (result) => test_names.end (result));
  add_test ("/process/current", (done) => test_current.begin (done), (result) => test_current.end (result));
  add_test ("/process/forked", (done) => test_forked.begin (done), (result) => test_forked.end (result));
  add_test ("/process/program", (done) => test_program.begin (done), (result) => test_program.end (result));
  add_test ("/process/no-function",
            (done) => test_no_function.begin (done), (result) => test_no_function.end (result));
  add_test ("/process/error", (done) => test_error.begin (done), (result) => test_error.end (result));
  add_test ("/process/own-domain",
            (done) => test_own_domain.begin (done), (result) => test_own_domain.end (result));
  add_test ("/process/no-target",
            (done) => test_no_target.begin (done), (result) => test_no_target.end (result));
  add_test ("/process/early-exit",
            (done) => test_early_exit.begin (done), (result) => test_early_exit.end (result));
  add_test ("/process/missing-executable",
            (done) => test_missing_executable.begin (done), (result) => test_missing_executable.end (result));
  add_test ("/process/timeout", (done) => test_timeout.begin (done), (result) => test_timeout.end (result));
  add_test ("/process/shutdown",
            (done) => test_shutdown.begin (done), (result) => test_shutdown.end (result));
  int status = Test.run ();
  assert_cmpuint (Mp.Process.get_children ().get_n_items (), CompareOperator.EQ, 0);
  return status;
}
