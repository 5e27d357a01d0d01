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

Variant? run_loop (Mp.Message arguments, Cancellable? cancellable) throws Error {
  new MainLoop ().run ();
  return null;
}

void register_targets () {
  // What a closure captures has the value that it has when the child registers it.
  int captured = 17;

  Mp.register_target ("add", add);
  Mp.register_target ("fail", fail);
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

async void test_no_target () throws Error {
  var process = new Mp.Process (null, "subtract", null);

  try {
    yield process.start_async ();
    assert_not_reached ();
  } catch (Mp.Error.NO_TARGET e) {
    assert_true ("'subtract' is registered here (registered: add, exit, fail, run-loop)" in e.message);
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
  add_test ("/process/error", (done) => test_error.begin (done), (result) => test_error.end (result));
  add_test ("/process/no-target",
            (done) => test_no_target.begin (done), (result) => test_no_target.end (result));
  add_test ("/process/early-exit",
            (done) => test_early_exit.begin (done), (result) => test_early_exit.end (result));
  add_test ("/process/missing-executable",
            (done) => test_missing_executable.begin (done), (result) => test_missing_executable.end (result));
  add_test ("/process/timeout", (done) => test_timeout.begin (done), (result) => test_timeout.end (result));
  int status = Test.run ();
  assert_cmpuint (Mp.Process.get_children ().get_n_items (), CompareOperator.EQ, 0);
  return status;
}
