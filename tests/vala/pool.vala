// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Mp.Pool runs closures of this very program in its workers.

// No other test may name it: the first error of it comes from a worker.
errordomain OddError {
  STRANGE
}

void register_targets () {
  Mp.register_target ("cube", (arguments) => {
    int64 x = (int64) arguments.get_value ();
    return x * x * x;
  });

  Mp.register_target ("add", (arguments) => {
    int64 a, b;
    arguments.get_value ().get ("(xx)", out a, out b);
    return a + b;
  });

  Mp.register_target ("describe", (arguments) => {
    var entries = new HashTable<string, Variant> (str_hash, str_equal);
    entries["type"] = arguments.get_value ().get_type_string ();
    return entries;
  });

  Mp.register_target ("nothing", () => null);

  Mp.register_target ("pid", () => (int) Posix.getpid ());

  Mp.register_target ("fail", (arguments) => {
    throw new IOError.NO_SPACE ("the disk is full");
  });

  Mp.register_target ("fail-oddly", (arguments) => {
    throw new OddError.STRANGE ("odd thing");
  });

  Mp.register_target ("refuse-odd", (arguments) => {
    int64 x = (int64) arguments.get_value ();
    if (x % 2 != 0)
      throw new Mp.Error.REFUSED (@"$x is odd");
    return x;
  });

  Mp.register_target ("die-of-three", (arguments) => {
    int64 x = (int64) arguments.get_value ();
    if (x == 3)
      Posix.kill (Posix.getpid (), Posix.Signal.KILL);
    return x;
  });

  // Runs until it is cancelled, and says first that it has begun.
  Mp.register_target ("linger", (arguments, cancellable) => {
    var loop = new MainLoop ();
    var source = new CancellableSource (cancellable);
    source.set_callback (() => {
      loop.quit ();
      return Source.REMOVE;
    });
    source.attach (null);
    Mp.progress_report (0.5, "half way");
    loop.run ();
    cancellable.set_error_if_cancelled ();
    return null;
  });
}

int64[] make_numbers (int count) {
  var numbers = new int64[count];
  for (int i = 0; i < count; i++)
    numbers[i] = i;
  return numbers;
}

async void finish (Mp.Pool pool) throws Error {
  pool.close ();
  yield pool.join_async ();
  assert_cmpint (pool.state, CompareOperator.EQ, Mp.PoolState.ENDED);
}

async void test_apply () throws Error {
  var pool = new Mp.Pool (2);

  assert_cmpint ((int) (int64) yield pool.apply_async ("cube", (int64) 3), CompareOperator.EQ, 27);
  assert_cmpint ((int) (int64) yield pool.apply_async ("add", new Variant ("(xx)", 40, 2)), CompareOperator.EQ, 42);
  assert_true ((yield pool.apply_async ("nothing")).is_of_type (new VariantType ("mv")));

  Variant described = yield pool.apply_async ("describe", new string[] { "a", "b" });
  assert_cmpstr ((string) described.lookup_value ("type", VariantType.STRING), CompareOperator.EQ, "as");
  assert_cmpint ((int) (int64) pool.apply ("cube", (int64) 4), CompareOperator.EQ, 64);
  yield finish (pool);
}

async void test_map () throws Error {
  var pool = new Mp.Pool (2);
  Variant cubes = yield pool.map_async ("cube", make_numbers (100));

  assert_cmpuint ((uint) cubes.n_children (), CompareOperator.EQ, 100);
  for (int i = 0; i < 100; i++)
    assert_true ((int64) cubes.get_child_value (i).get_variant () == i * i * i);
  assert_cmpuint ((uint) pool.map ("cube", make_numbers (3), 1).n_children (), CompareOperator.EQ, 3);
  yield finish (pool);
}

async void test_results () throws Error {
  var pool = new Mp.Pool (2);
  Mp.PoolResult cube = pool.submit ("cube", (int64) 5);
  Mp.PoolResult stuck = pool.submit ("linger");
  Mp.PoolResult failed = pool.submit ("fail");

  assert_cmpint ((int) (int64) yield cube.get_async (), CompareOperator.EQ, 125);
  assert_cmpint ((int) (int64) cube.get (), CompareOperator.EQ, 125);
  assert_true (cube.is_ready () && cube.is_successful ());

  yield failed.wait_async ();
  assert_true (failed.is_ready () && !failed.is_successful ());

  // Asked too early
  assert_false (stuck.is_ready () || stuck.is_successful ());
  try {
    stuck.get (0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  stuck.cancel ();
  yield stuck.wait_async ();
  assert_true (stuck.is_ready () && !stuck.is_successful ());
  yield finish (pool);
}

async void test_iterate () throws Error {
  var pool = new Mp.Pool (2);
  Mp.ResultIterator results = pool.imap ("refuse-odd", make_numbers (4), 1);
  string text = "";

  while (true) {
    try {
      text += " %d".printf ((int) (int64) yield results.next_async ());
    } catch (Mp.Error.REFUSED e) {
      text += " (" + e.message + ")";
    } catch (Mp.Error.CLOSED e) {
      break;
    }
  }
  assert_true (results.is_exhausted ());
  assert_cmpstr (text, CompareOperator.EQ, " 0 (1 is odd) 2 (3 is odd)");
  yield finish (pool);
}

async void test_progress () throws Error {
  var pool = new Mp.Pool (1);
  Mp.PoolResult result = pool.submit ("linger");
  string said = null;
  bool has_finished = false;

  result.finished.connect (() => has_finished = true);
  result.progress_changed.connect ((fraction, text) => {
    if (said == null) {
      assert_cmpfloat (fraction, CompareOperator.EQ, 0.5);
      said = text;
      test_progress.callback ();
    }
  });
  yield;
  assert_cmpstr (said, CompareOperator.EQ, "half way");
  assert_cmpint (result.state, CompareOperator.EQ, Mp.TaskState.RUNNING);

  result.cancel ();
  yield result.wait_async ();
  assert_cmpint (result.state, CompareOperator.EQ, Mp.TaskState.CANCELLED);
  try {
    yield result.get_async ();
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  yield finish (pool);
  assert_true (has_finished);
}

async void test_errors () throws Error {
  var pool = new Mp.Pool (1);

  try {
    yield pool.apply_async ("fail");
    assert_not_reached ();
  } catch (IOError.NO_SPACE e) {
    assert_true ("the disk is full" in e.message);
  }
  try {
    yield pool.apply_async ("subtract");
    assert_not_reached ();
  } catch (Mp.Error.NO_TARGET e) {
    assert_true ("'subtract'" in e.message && "add, cube" in e.message && "mp_register_target()" in e.message);
  }
  try {
    yield pool.apply_async ("/nonesuch.so#run");
    assert_not_reached ();
  } catch (Mp.Error.NO_TARGET e) {
    assert_true ("/nonesuch.so" in e.message);
  }
  try {
    yield pool.apply_async ("linger", null, 0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  yield finish (pool);
  try {
    yield pool.apply_async ("nothing");
    assert_not_reached ();
  } catch (Mp.Error.CLOSED e) {
  }
}

async void test_own_domain () throws Error {
  var pool = new Mp.Pool (1);

  assert_cmpuint (Quark.try_string ("odd-error-quark"), CompareOperator.EQ, 0);
  try {
    yield pool.apply_async ("fail-oddly");
    assert_not_reached ();
  } catch (OddError.STRANGE e) {
    assert_cmpstr (e.message, CompareOperator.EQ, "odd thing");
  }
  yield finish (pool);
}

async void test_timeout_of_next () throws Error {
  var pool = new Mp.Pool (1);
  Mp.ResultIterator results = pool.imap ("linger", make_numbers (1), 1);

  try {
    results.next (0);
    assert_not_reached ();
  } catch (Mp.Error.TIMED_OUT e) {
  }
  results.cancel ();
  yield finish (pool);
}

async void test_unordered () throws Error {
  var pool = new Mp.Pool (2);
  Mp.ResultIterator results = pool.imap ("cube", make_numbers (20), 3, false);
  int64 sum = 0;

  for (int i = 0; i < 20; i++)
    sum += (int64) yield results.next_async ();
  assert_true (sum == 36100);
  yield finish (pool);
}

async void test_starmap () throws Error {
  var pool = new Mp.Pool (1);
  var options = new Mp.TaskOptions ();
  var items = new Variant.parsed ("[(int64 1, int64 2), (int64 3, int64 4)]");

  options.starmap = true;
  Variant sums = yield pool.submit_map ("add", items, 0, options).get_async ();
  assert_cmpstr (sums.print (false), CompareOperator.EQ, "[<int64 3>, <int64 7>]");
  yield finish (pool);
}

async void test_terminate () throws Error {
  var pool = new Mp.Pool (1);
  Mp.PoolResult under_way = pool.submit ("linger");
  Mp.PoolResult waiting = pool.submit ("cube", (int64) 3);

  pool.terminate ();
  yield pool.join_async ();
  foreach (var result in new Mp.PoolResult[] { under_way, waiting }) {
    try {
      yield result.get_async ();
      assert_not_reached ();
    } catch (IOError.CANCELLED e) {
    }
  }
}

async void test_workers () throws Error {
  var pool = (Mp.Pool) Object.new (typeof (Mp.Pool), "n-workers", 1, "max-tasks-per-worker", 1);

  int first = (int) yield pool.apply_async ("pid");
  assert_cmpint ((int) yield pool.apply_async ("pid"), CompareOperator.NE, first);
  assert_true (((Mp.PoolWorker) pool.get_workers ().get_item (0)).name.has_prefix ("PoolWorker-"));
  yield finish (pool);
  assert_cmpstr (pool.to_string (), CompareOperator.EQ, "<Mp.Pool state=ended workers=1>");
  assert_cmpuint (new Mp.Pool ().n_workers, CompareOperator.EQ, Mp.get_cpu_count ());
}

async void test_cancelled () throws Error {
  var pool = new Mp.Pool (1);
  var cancellable = new Cancellable ();

  Idle.add (() => {
    cancellable.cancel ();
    return Source.REMOVE;
  });
  try {
    yield pool.apply_async ("linger", null, -1, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  yield finish (pool);
}

async void test_lost () throws Error {
  var pool = new Mp.Pool (2);
  int lost_code = 0;

  pool.worker_lost.connect ((pid, exit_code, message) => lost_code = exit_code);
  Mp.PoolResult result = pool.submit_map ("die-of-three", make_numbers (6), 2);
  yield result.wait_async ();
  for (int i = 0; i < 6; i++) {
    try {
      assert_true ((int64) result.get_item (i) == i);
      assert_cmpint (i, CompareOperator.NE, 3);
    } catch (Mp.Error.WORKER_LOST e) {
      assert_cmpint (i, CompareOperator.EQ, 3);
      assert_true ("SIGKILL" in e.message);
    }
  }
  yield finish (pool);
  assert_cmpint (lost_code, CompareOperator.EQ, -(int) Posix.Signal.KILL);
}

async void test_missing_executable () throws Error {
  var context = new Mp.Context (Mp.StartMethod.SPAWN, new Mp.Launcher ("native", { "/nonesuch/worker" }));
  var pool = new Mp.Pool (1, context);

  try {
    yield pool.apply_async ("nothing");
    assert_not_reached ();
  } catch (Mp.Error.START_FAILED e) {
    assert_true ("/nonesuch/worker" in e.message);
  }
  yield finish (pool);
}

// ---- Workers of other languages

string make_gjs_target (string export) {
  string module = Path.build_filename (Environment.get_variable ("G_TEST_SRCDIR"), "js", "modules", "tasks.js");

  return "gjs:file://" + module + "#" + export;
}

async void test_gjs () throws Error {
  if (Environment.find_program_in_path ("gjs") == null) {
    Test.skip ("gjs is not installed");
    return;
  }

  var context = new Mp.Context (Mp.StartMethod.SPAWN, Mp.Launcher.lookup ("gjs"));
  var pool = new Mp.Pool (1, context);

  Variant cube = yield pool.apply_async (make_gjs_target ("cube"), 3);
  assert_true ((int64) cube == 27);
  Variant sum = yield pool.apply_async (make_gjs_target ("add"), new Variant ("(id)", 1, 0.5));
  assert_true ((double) sum == 1.5);
  Variant cubes = yield pool.map_async (make_gjs_target ("cubeLater"), make_numbers (20));
  assert_true ((int64) cubes.get_child_value (19).get_variant () == 6859);

  Mp.PoolResult result = pool.submit (make_gjs_target ("fail"), "no luck");
  try {
    yield result.get_async ();
    assert_not_reached ();
  } catch (Mp.Error.REMOTE e) {
    assert_cmpstr (e.message, CompareOperator.EQ, "RangeError: no luck");
    string stack;
    result.get_report ().get ("(sissssay)", null, null, null, null, out stack, null, null);
    assert_true ("tasks.js" in stack);
  }
  try {
    yield pool.apply_async (make_gjs_target ("cubic"), 3);
    assert_not_reached ();
  } catch (Mp.Error.NO_TARGET e) {
    assert_true ("exports no 'cubic'" in e.message && "export function cubic" in e.message);
  }
  yield finish (pool);
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
  add_test ("/pool/apply", (done) => test_apply.begin (done), (result) => test_apply.end (result));
  add_test ("/pool/map", (done) => test_map.begin (done), (result) => test_map.end (result));
  add_test ("/pool/results", (done) => test_results.begin (done), (result) => test_results.end (result));
  add_test ("/pool/iterate", (done) => test_iterate.begin (done), (result) => test_iterate.end (result));
  add_test ("/pool/progress", (done) => test_progress.begin (done), (result) => test_progress.end (result));
  add_test ("/pool/errors", (done) => test_errors.begin (done), (result) => test_errors.end (result));
  add_test ("/pool/own-domain", (done) => test_own_domain.begin (done), (result) => test_own_domain.end (result));
  add_test ("/pool/timeout-of-next",
            (done) => test_timeout_of_next.begin (done), (result) => test_timeout_of_next.end (result));
  add_test ("/pool/unordered", (done) => test_unordered.begin (done), (result) => test_unordered.end (result));
  add_test ("/pool/starmap", (done) => test_starmap.begin (done), (result) => test_starmap.end (result));
  add_test ("/pool/terminate", (done) => test_terminate.begin (done), (result) => test_terminate.end (result));
  add_test ("/pool/workers", (done) => test_workers.begin (done), (result) => test_workers.end (result));
  add_test ("/pool/cancelled", (done) => test_cancelled.begin (done), (result) => test_cancelled.end (result));
  add_test ("/pool/lost", (done) => test_lost.begin (done), (result) => test_lost.end (result));
  add_test ("/pool/missing-executable",
            (done) => test_missing_executable.begin (done), (result) => test_missing_executable.end (result));
  add_test ("/pool/gjs", (done) => test_gjs.begin (done), (result) => test_gjs.end (result));
  return Test.run ();
}
