// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Locks, semaphores, events, conditions and barriers between this program and its children.

const double DEADLINE = 20;

// What a child gets: a connection, and what it shares.
class Arguments {
  public Mp.Connection connection;
  public Mp.Shareable shared;

  public Arguments (Mp.Message message) throws Error {
    connection = (Mp.Connection) message.get_attachment (0);
    shared = message.get_attachment (1);
  }
}

Variant? hold (Mp.Message message, Cancellable? cancellable) throws Error {
  var arguments = new Arguments (message);
  var lockable = (Mp.Lockable) arguments.shared;

  lockable.enter ();
  arguments.connection.send ("holds");
  arguments.connection.receive ();
  lockable.leave ();
  return null;
}

Variant? signal_event (Mp.Message message, Cancellable? cancellable) throws Error {
  ((Mp.Event) new Arguments (message).shared).set ();
  return null;
}

Variant? notify_waiter (Mp.Message message, Cancellable? cancellable) throws Error {
  var condition = (Mp.Condition) new Arguments (message).shared;

  condition.acquire ();
  condition.notify_one ();
  condition.release ();
  return null;
}

Variant? wait_once (Mp.Message message, Cancellable? cancellable) throws Error {
  var arguments = new Arguments (message);
  var condition = (Mp.Condition) arguments.shared;

  condition.acquire ();
  arguments.connection.send ("acquired");
  condition.wait (DEADLINE);
  condition.release ();
  arguments.connection.send ("notified");
  return null;
}

// Writes two parts that belong together; others who write are kept away meanwhile.
Variant? write_parts (Mp.Message message, Cancellable? cancellable) throws Error {
  var arguments = new Arguments (message);
  var mutex = (Mp.Lock) arguments.shared;

  for (int i = 0; i < 20; i++) {
    mutex.acquire ();
    arguments.connection.send ("begin");
    arguments.connection.send ("end");
    mutex.release ();
  }
  return null;
}

Variant? arrive (Mp.Message message, Cancellable? cancellable) throws Error {
  var arguments = new Arguments (message);

  arguments.connection.send (((Mp.Barrier) arguments.shared).wait (DEADLINE));
  return null;
}

class Child {
  public Mp.Process process;
  public Mp.Connection connection;

  public Child (string target, Mp.Shareable shared) throws Error {
    Mp.Connection theirs;

    Mp.Connection.new_pair (true, out connection, out theirs);
    start (target, shared, theirs);
    theirs.close ();
  }

  // One that has a connection in common with others.
  public Child.with_connection (string target, Mp.Shareable shared, Mp.Connection theirs) throws Error {
    connection = theirs;
    start (target, shared, theirs);
  }

  private void start (string target, Mp.Shareable shared, Mp.Connection theirs) throws Error {
    var message = new Mp.Message ("");
    message.attach (theirs);
    message.attach (shared);
    process = new Mp.Process (null, target);
    process.message = message;
    process.start ();
  }

  public void join () throws Error {
    connection.close ();
    process.join (DEADLINE);
  }
}

// Runs the main loop until the test is over.
delegate void Finish (AsyncResult result) throws Error;
delegate void Begin (owned AsyncReadyCallback callback);

void run_async (Begin begin, Finish finish) {
  var loop = new MainLoop ();
  AsyncResult? kept = null;

  begin ((_, result) => {
    kept = result;
    loop.quit ();
  });
  loop.run ();
  try {
    finish (kept);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_lock () {
  try {
    var mutex = new Mp.Lock ();
    assert (mutex.acquire ());
    assert (!mutex.try_acquire ());
    try {
      mutex.acquire (0.01);
      assert_not_reached ();
    } catch (Mp.Error.TIMED_OUT e) {
    }
    mutex.release ();
    try {
      mutex.release ();
      assert_not_reached ();
    } catch (Mp.Error.INVALID_STATE e) {
    }
    assert (mutex.to_string () == "<Mp.Lock unlocked>");
  } catch (Error e) {
    error ("%s", e.message);
  }
}

async void lose_a_holder (Mp.Lock mutex) throws Error {
  var child = new Child ("hold", mutex);

  assert ((yield child.connection.receive_async ()).get_string () == "holds");
  assert (mutex.locked);
  child.process.kill ();
  assert (!mutex.try_acquire_intact ());
  assert (yield mutex.acquire_async ());
  assert (mutex.abandoned);
  mutex.release ();
  assert (mutex.try_acquire_intact () && !mutex.abandoned);
  mutex.release ();
  child.join ();
}

void test_holder_dies () {
  run_async ((callback) => lose_a_holder.begin (new Mp.Lock (), (owned) callback),
             (result) => lose_a_holder.end (result));
}

void test_rlock () {
  try {
    var mutex = new Mp.RLock ();
    var child = new Child ("hold", mutex);

    assert (child.connection.receive (DEADLINE).get_string () == "holds");
    assert (!mutex.try_acquire ());
    child.connection.send ("let go");
    assert (mutex.acquire (DEADLINE));
    assert (mutex.acquire ());
    mutex.release ();
    assert (mutex.is_mine ());
    mutex.release ();
    try {
      mutex.release ();
      assert_not_reached ();
    } catch (Mp.Error.NOT_OWNER e) {
    }
    child.join ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_semaphores () {
  try {
    var semaphore = new Mp.Semaphore (1);
    semaphore.acquire ();
    assert (semaphore.value == 0);
    semaphore.release ();
    semaphore.release ();
    assert (semaphore.to_string () == "<Mp.Semaphore value=2>");

    var bounded = new Mp.BoundedSemaphore (1);
    try {
      bounded.release ();
      assert_not_reached ();
    } catch (Mp.Error.INVALID_STATE e) {
    }
    var child = new Child ("hold", bounded);
    assert (child.connection.receive (DEADLINE).get_string () == "holds");
    assert (!bounded.try_acquire ());
    child.process.kill ();
    assert (bounded.acquire (DEADLINE));
    child.join ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

async void await_event (Mp.Event event) throws Error {
  var child = new Child ("signal-event", event);

  assert (yield event.wait_async ());
  assert (event.is_set ());
  event.clear ();
  assert (!event.signaled);
  child.join ();
}

void test_event () {
  run_async ((callback) => await_event.begin (new Mp.Event (), (owned) callback),
             (result) => await_event.end (result));
}

async void await_condition (Mp.Condition condition) throws Error {
  condition.acquire ();
  Child child = new Child ("notify-waiter", condition);
  assert (yield condition.wait_async ());
  condition.release ();
  child.join ();
}

void test_condition () {
  run_async ((callback) => await_condition.begin (new Mp.Condition (null), (owned) callback),
             (result) => await_condition.end (result));
}

void test_given_lock () {
  try {
    var mutex = new Mp.Lock ();
    var condition = new Mp.Condition (mutex);

    assert (condition.lock == mutex);
    condition.acquire ();
    assert (mutex.locked);
    Child child = new Child ("notify-waiter", condition);
    assert (condition.wait (DEADLINE));
    assert (mutex.locked);
    mutex.release ();
    child.join ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

// Two of three are let go on, then the last.
void test_notify_many () {
  try {
    var condition = new Mp.Condition (null);
    var loop = new MainLoop ();
    Child[] children = {};
    int n_told = 0;

    for (int i = 0; i < 3; i++)
      children += new Child ("wait-once", condition);
    foreach (var child in children) {
      assert (child.connection.receive (DEADLINE).get_string () == "acquired");
      child.connection.receive_async.begin (DEADLINE, null, (_, result) => {
        n_told++;
        loop.quit ();
      });
    }

    condition.acquire ();       // all wait since they gave it up
    condition.notify_many (2);
    condition.release ();
    while (n_told < 2)
      loop.run ();
    assert (n_told == 2);
    condition.acquire ();
    condition.notify_many (1);
    condition.release ();
    while (n_told < 3)
      loop.run ();
    foreach (var child in children)
      child.join ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_keeps_apart () {
  try {
    var mutex = new Mp.Lock ();
    Mp.Connection ours, theirs;
    Child[] children = {};

    Mp.Connection.new_pair (true, out ours, out theirs);
    for (int i = 0; i < 3; i++)
      children += new Child.with_connection ("write-parts", mutex, theirs);
    for (int i = 0; i < 60; i++) {
      assert (ours.receive (DEADLINE).get_string () == "begin");
      assert (ours.receive (DEADLINE).get_string () == "end");
    }
    foreach (var child in children)
      child.process.join (DEADLINE);
    ours.close ();
    theirs.close ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_action () {
  try {
    var barrier = new Mp.Barrier (1);
    int n = 0;

    barrier.set_action ((barrier) => {
      if (++n == 2)
        throw new IOError.FAILED ("the action");
      return true;
    });
    assert (barrier.wait () == 0 && n == 1);
    try {
      barrier.wait ();
      assert_not_reached ();
    } catch (IOError.FAILED e) {
    }
    assert (barrier.broken);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

async void meet (Mp.Barrier barrier) throws Error {
  var child = new Child ("arrive", barrier);
  int index = yield barrier.wait_async ();

  assert (index + child.connection.receive (DEADLINE).get_int32 () == 1);
  child.join ();
  barrier.abort ();
  try {
    yield barrier.wait_async ();
    assert_not_reached ();
  } catch (Mp.Error.BROKEN e) {
  }
  barrier.reset ();
  assert (!barrier.broken);
}

void test_barrier () {
  run_async ((callback) => meet.begin (new Mp.Barrier (2), (owned) callback),
             (result) => meet.end (result));
}

int main (string[] args) {
  Mp.register_target ("hold", hold);
  Mp.register_target ("signal-event", signal_event);
  Mp.register_target ("notify-waiter", notify_waiter);
  Mp.register_target ("wait-once", wait_once);
  Mp.register_target ("write-parts", write_parts);
  Mp.register_target ("arrive", arrive);
  Mp.init ();

  Test.init (ref args);
  Test.add_func ("/sync/lock", test_lock);
  Test.add_func ("/sync/holder-dies", test_holder_dies);
  Test.add_func ("/sync/rlock", test_rlock);
  Test.add_func ("/sync/semaphores", test_semaphores);
  Test.add_func ("/sync/event", test_event);
  Test.add_func ("/sync/condition", test_condition);
  Test.add_func ("/sync/condition/given-lock", test_given_lock);
  Test.add_func ("/sync/condition/notify-many", test_notify_many);
  Test.add_func ("/sync/lock/keeps-apart", test_keeps_apart);
  Test.add_func ("/sync/barrier", test_barrier);
  Test.add_func ("/sync/barrier/action", test_action);
  return Test.run ();
}
