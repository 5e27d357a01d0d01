// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Queues, and what goes through them.

const double DEADLINE = 20;
const int N_ITEMS = 200;

// ---- What children do

Variant? put_numbers (Mp.Message message, Cancellable? cancellable) throws Error {
  var queue = (Mp.Queue) message.get_attachment (0);

  for (int i = 0; i < N_ITEMS; i++)
    queue.put (i, DEADLINE);
  return null;
}

Variant? put_text (Mp.Message message, Cancellable? cancellable) throws Error {
  ((Mp.Queue) message.get_attachment (0)).put (string.nfill (1000000, 'X'), 0);
  return null;
}

Variant? wait_for_ever (Mp.Message message, Cancellable? cancellable) throws Error {
  ((Mp.Queue) message.get_attachment (1)).put ("waits");
  ((Mp.Queue) message.get_attachment (0)).get ();
  return null;
}

Variant? hold_task (Mp.Message message, Cancellable? cancellable) throws Error {
  var queue = (Mp.JoinableQueue) message.get_attachment (0);
  var news = (Mp.Queue) message.get_attachment (1);

  queue.get (DEADLINE);
  news.put ("holds");
  new MainLoop ().run ();
  return null;
}

Variant? do_tasks (Mp.Message message, Cancellable? cancellable) throws Error {
  var queue = (Mp.JoinableQueue) message.get_attachment (0);

  for (int i = 0; i < N_ITEMS; i++) {
    assert (queue.get (DEADLINE).get_int32 () == i);
    queue.task_done ();
  }
  return null;
}

// ---- Tests

Mp.Process start (string target, Mp.Queue queue, Mp.Queue? other = null) throws Error {
  var message = new Mp.Message ("");
  message.attach (queue);
  if (other != null)
    message.attach (other);
  var process = new Mp.Process (null, target);
  process.message = message;
  process.start ();
  return process;
}

void finish (Mp.Process process) throws Error {
  process.join (DEADLINE);
  assert (process.exit_code == 0);
}

void test_values () {
  try {
    var queue = new Mp.Queue ();

    queue.put ("text");
    queue.put_data ({ 1, 2, 3 }, "my-own");
    queue.put_message (new Mp.Message (7));
    assert (queue.get_length () == 3);
    assert (queue.get ().get_string () == "text");
    try {
      queue.get ();
      assert_not_reached ();
    } catch (Mp.Error e) {
      assert (e is Mp.Error.WRONG_CODEC);
    }
    uint8[] data = queue.get_payload ();
    assert (data.length == 3 && data[2] == 3);
    assert (queue.get_message ().get_value ().get_int32 () == 7);

    queue.put_data ("[]".data, "json");
    uint8[] frame = queue.get_frame ();
    assert (frame.length == 7 && frame[0] == '[' && frame[2] == 0 && frame[3] == 'j');
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_many () {
  try {
    var queue = new Mp.Queue (2);
    Variant[] values = { new Variant.variant (1), new Variant.variant ("two"), new Variant.variant (3.0) };

    assert (queue.put_many (new Variant.array (VariantType.VARIANT, values), 0) == 2);
    Variant got = queue.get_many (9);
    assert (got.n_children () == 2);
    assert (got.get_child_value (1).get_variant ().get_string () == "two");

    assert (queue.put_many_data ({ 1, 2, 2, 3 }, { 1, 2, 1 }, null, 0) == 2);
    uint8 buffer[4];
    size_t lengths[3];
    assert (queue.get_many_into (buffer, lengths) == 2);
    assert (lengths[0] == 1 && lengths[1] == 2 && buffer[2] == 2);
    queue.put_data ({ 7, 8 });
    try {
      queue.get_into (buffer[0:1]);
      assert_not_reached ();
    } catch (Mp.Error e) {
      assert (e is Mp.Error.BUFFER_TOO_SHORT);
    }
    assert (queue.get_into (buffer) == 2 && buffer[1] == 8);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_bounds () {
  try {
    var queue = new Mp.Queue (1);

    assert (queue.is_empty () && !queue.is_full ());
    foreach (double timeout in new double[] { 0, 0.01 })
      try {
        queue.get (timeout);
        assert_not_reached ();
      } catch (Mp.Error e) {
        assert (e is Mp.Error.EMPTY);
      }
    queue.put (1);
    assert (queue.is_full () && queue.max_size == 1);
    assert (queue.to_string () == "<Mp.Queue 1 of 1 items>");
    foreach (double timeout in new double[] { 0, 0.01 })
      try {
        queue.put (2, timeout);
        assert_not_reached ();
      } catch (Mp.Error e) {
        assert (e is Mp.Error.FULL);
      }
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_closed () {
  try {
    var queue = new Mp.Queue ();

    queue.close ();
    try {
      queue.put (1);
      assert_not_reached ();
    } catch (Mp.Error e) {
      assert (e is Mp.Error.CLOSED);
    }
    assert (queue.is_closed ());
  } catch (Error e) {
    error ("%s", e.message);
  }
}

async int add_up (Mp.Queue queue) throws Error {
  int sum = 0;

  for (int i = 0; i < N_ITEMS; i++)
    sum += (yield queue.get_async (DEADLINE)).get_int32 ();
  yield queue.put_data_async ({ 1, 2 }, "my-own");
  sum += (yield queue.get_payload_async (2))[1];
  yield queue.put_data_async ({ 3, 4 }, "my-own");
  sum += (yield queue.get_frame_async ()).length;
  return sum;
}

void test_async () {
  try {
    var queue = new Mp.Queue (10);
    var process = start ("put-numbers", queue);
    var loop = new MainLoop ();
    int sum = 0;

    add_up.begin (queue, (_, result) => {
      try {
        sum = add_up.end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
      loop.quit ();
    });
    loop.run ();
    assert (sum == N_ITEMS * (N_ITEMS - 1) / 2 + 2 + 9);
    finish (process);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_signals () {
  try {
    var queue = new Mp.Queue ();
    var loop = new MainLoop ();
    int next = 0;

    queue.item_available.connect (() => {
      try {
        assert (queue.get (0).get_int32 () == next++);
      } catch (Error e) {
        error ("%s", e.message);
      }
      if (next == N_ITEMS)
        loop.quit ();
    });
    queue.live = true;
    var process = start ("put-numbers", queue);
    loop.run ();
    finish (process);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

// The producer is joined before anybody gets what it has put.
void test_process () {
  try {
    var queue = new Mp.Queue ();
    var numbers = new Mp.Queue (10);
    var process = start ("put-numbers", numbers);

    for (int i = 0; i < N_ITEMS; i++)
      assert (numbers.get (DEADLINE).get_int32 () == i);
    finish (process);
    finish (start ("put-text", queue));
    assert (queue.get (0).get_string ().length == 1000000);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_killed () {
  try {
    var queue = new Mp.Queue ();
    var news = new Mp.Queue ();
    var process = start ("wait-for-ever", queue, news);

    assert (news.get (DEADLINE).get_string () == "waits");
    process.kill ();
    process.join (DEADLINE);
    queue.put (1);
    assert (queue.get (0).get_int32 () == 1);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_item_lost () {
  try {
    var tasks = new Mp.JoinableQueue ();
    var news = new Mp.Queue ();
    var loop = new MainLoop ();
    string lost = "";

    tasks.item_lost.connect ((item) => {
      try {
        lost += item.get_value ().get_string ();
      } catch (Error e) {
        error ("%s", e.message);
      }
      loop.quit ();
    });
    tasks.live = true;
    var process = start ("hold-task", tasks, news);
    tasks.put ("task");
    assert (news.get (DEADLINE).get_string () == "holds");
    process.kill ();
    process.join (DEADLINE);
    loop.run ();
    assert (lost == "task");
    tasks.join (DEADLINE);
    try {
      tasks.take_lost ();
      assert_not_reached ();
    } catch (Mp.Error e) {
      assert (e is Mp.Error.EMPTY);
    }
    tasks.live = false;
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_not_shareable () {
  var queue = new Mp.Queue ();
  var message = new Mp.Message (new Variant.handle (0));

  message.attach (new Mp.Lock ());
  try {
    queue.put_message (message);
    assert_not_reached ();
  } catch (Error e) {
    assert (e is Mp.Error.NOT_SHAREABLE);
  }
  try {
    queue.put (new Variant.handle (0));
    assert_not_reached ();
  } catch (Error e) {
    assert (e is Mp.Error.NOT_SHAREABLE);
  }
  assert (queue.is_empty ());
}

void test_simple () {
  try {
    Mp.Queue queue = new Mp.SimpleQueue ();

    assert (queue.is_empty () && queue.max_size == 0);
    queue.put ("first");
    assert (queue.to_string () == "<Mp.SimpleQueue 1 item>");
    assert (queue.get ().get_string () == "first");
    queue.close ();
    assert (queue.is_closed ());
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_joinable () {
  try {
    var queue = new Mp.JoinableQueue (10);
    var loop = new MainLoop ();

    try {
      queue.task_done ();
      assert_not_reached ();
    } catch (Mp.Error e) {
      assert (e is Mp.Error.INVALID_STATE);
    }
    var process = start ("do-tasks", queue);
    for (int i = 0; i < N_ITEMS; i++)
      queue.put (i, DEADLINE);
    queue.join_async.begin (DEADLINE, null, (_, result) => {
      try {
        queue.join_async.end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
      loop.quit ();
    });
    loop.run ();
    finish (process);
    queue.put (1);
    try {
      queue.join (0.01);
      assert_not_reached ();
    } catch (Mp.Error e) {
      assert (e is Mp.Error.TIMED_OUT);
    }
  } catch (Error e) {
    error ("%s", e.message);
  }
}

int main (string[] args) {
  Mp.register_target ("put-numbers", put_numbers);
  Mp.register_target ("put-text", put_text);
  Mp.register_target ("wait-for-ever", wait_for_ever);
  Mp.register_target ("hold-task", hold_task);
  Mp.register_target ("do-tasks", do_tasks);
  Mp.init ();

  Test.init (ref args);
  Test.add_func ("/queue/values", test_values);
  Test.add_func ("/queue/many", test_many);
  Test.add_func ("/queue/bounds", test_bounds);
  Test.add_func ("/queue/closed", test_closed);
  Test.add_func ("/queue/async", test_async);
  Test.add_func ("/queue/signals", test_signals);
  Test.add_func ("/queue/process", test_process);
  Test.add_func ("/queue/killed", test_killed);
  Test.add_func ("/queue/not-shareable", test_not_shareable);
  Test.add_func ("/queue/simple", test_simple);
  Test.add_func ("/queue/joinable", test_joinable);
  Test.add_func ("/queue/item-lost", test_item_lost);
  return Test.run ();
}
