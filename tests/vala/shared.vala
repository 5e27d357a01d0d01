// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Values, arrays, lists and memory that this program shares with its children.

const double DEADLINE = 20;
const int N_ROUNDS = 200;

// ---- What children do

Variant? count (Mp.Message message, Cancellable? cancellable) throws Error {
  var value = (Mp.Value) message.get_attachment (0);

  for (int i = 0; i < N_ROUNDS; i++) {
    value.lock.enter ();
    value.set_int64 (value.get_int64 () + 1);
    value.lock.leave ();
  }
  return null;
}

Variant? count_without_lock (Mp.Message message, Cancellable? cancellable) throws Error {
  var value = (Mp.Value) message.get_attachment (0);

  for (int i = 0; i < N_ROUNDS; i++)
    value.add_double (0.5);
  return null;
}

// Through a pointer.
Variant? double_all (Mp.Message message, Cancellable? cancellable) throws Error {
  var array = (Mp.Array) message.get_attachment (0);
  double *numbers = (double *) array.get_address ();

  for (size_t i = 0; i < array.get_length (); i++)
    numbers[i] *= 2;
  return null;
}

Variant? edit (Mp.Message message, Cancellable? cancellable) throws Error {
  var list = (Mp.ShareableList) message.get_attachment (0);
  var memory = (Mp.SharedMemory) message.get_attachment (1);
  var points = (Mp.Array) message.get_attachment (2);

  list.set_item (0, (int64) list.get_item (0) + 1);
  list.set_item (1, "three");
  memory.write (1, { 7, 8 });
  points.set_element (1, points.get_element (0));
  return null;
}

Variant? edit_list (Mp.Message message, Cancellable? cancellable) throws Error {
  var list = (Mp.ShareableList) message.get_attachment (0);

  list.set_item (0, (int64) list.get_item (0) + 1);
  list.set_item (1, "three");
  return null;
}

Variant? set_when_told (Mp.Message message, Cancellable? cancellable) throws Error {
  var connection = (Mp.Connection) message.get_attachment (1);

  connection.receive ();
  ((Mp.Value) message.get_attachment (0)).set_value (new Variant ("(id)", 2, 2.5));
  return null;
}

// A task of a pool: the amount is an argument, the lock and the value are attached.
Variant? add_amount (Mp.Message message, Cancellable? cancellable) throws Error {
  var mutex = (Mp.Lock) message.get_attachment (0);
  var value = (Mp.Value) message.get_attachment (1);

  mutex.acquire ();
  value.set_int64 (value.get_int64 () + message.get_value ().get_int32 ());
  mutex.release ();
  return null;
}

// To the caller, who looks when this process has ended.
Variant? make_value (Mp.Message message, Cancellable? cancellable) throws Error {
  var value = new Mp.Value ("i", message.get_value ());

  return new Variant.handle (Mp.result_attach (value));
}

// ---- The tests

Mp.Process start (string target, Mp.Shareable[] shared) throws Error {
  var message = new Mp.Message ("");
  foreach (var object in shared)
    message.attach (object);
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
    var number = new Mp.Value ("i");
    assert (number.get_int64 () == 0);
    number.set_value (5);
    assert (number.get_value ().get_int32 () == 5);
    number.value = 6;
    assert (number.value.get_int32 () == 6);
    assert (number.add_int64 (-2) == 4);
    assert (number.get_number () == 4 && number.add_whole (3).get_int32 () == 7);
    assert (number.lock == null && number.format == null && number.value_type == "i");

    var point = new Mp.Value ("(dd)", new Variant ("(dd)", 1.0, 2.5), new Mp.Lock ());
    double x, y;
    point.get_value ().get ("(dd)", out x, out y);
    assert (x == 1 && y == 2.5);
    assert (point.to_string () == "<Mp.Value (dd) (1.0, 2.5) lock=<Mp.Lock unlocked>>");

    var small = new Mp.Value.with_format ("b", (int16) (-128));
    try {
      small.set_int64 (128);
      assert_not_reached ();
    } catch (Mp.Error.OUT_OF_RANGE e) {
    }
    try {
      number.set_value ("text");
      assert_not_reached ();
    } catch (Mp.Error.WRONG_TYPE e) {
    }

    var copy = number.copy ();
    var same = number.synchronize ();
    number.set_int64 (9);
    assert (copy.get_int64 () == 7 && same.get_int64 () == 9 && same.lock is Mp.RLock);
    *(int *) number.get_address () = 10;
    assert (same.get_int64 () == 10);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_counting () {
  try {
    var value = new Mp.Value ("x", (int64) 1000, new Mp.RLock ());
    var sum = new Mp.Value ("d");
    Mp.Process[] processes = {};

    for (int i = 0; i < 2; i++) {
      processes += start ("count", { value });
      processes += start ("count-without-lock", { sum });
    }
    foreach (var process in processes)
      finish (process);
    assert (value.get_int64 () == 1000 + 2 * N_ROUNDS);
    assert (sum.get_double () == N_ROUNDS);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_arrays () {
  size_t[] lengths = { 10, 100000 };

  try {
    foreach (size_t length in lengths) {
      var array = new Mp.Array ("d", length);
      double *numbers = (double *) array.get_address ();

      for (size_t i = 0; i < length; i++)
        numbers[i] = i;
      finish (start ("double-all", { array }));
      assert (numbers[length - 1] == 2 * (length - 1));
      assert (array.get_double (3) == 6 && array.get_number (3) == 6);
      assert (array.get_buffer ().get_size () == length * sizeof (double));
      try {
        array.get_double (length);
        assert_not_reached ();
      } catch (Mp.Error.OUT_OF_RANGE e) {
      }
    }

    var elements = new Mp.Array.from_elements (new Variant.parsed ("[int32 1, 2, 3]"), new Mp.Lock ());
    assert (elements.get_length () == 3 && elements.lock is Mp.Lock);
    elements.set_slice (1, new Variant.parsed ("[int32 8, 9]"));
    assert (elements.get_slice (0, 3).print (false) == "[1, 8, 9]");
    assert (new Mp.Array.with_format ("f", 4).get_element_size () == 4);
    assert (new Mp.Array.with_format ("c", 4).get_element_size () == 1);
    assert (new Mp.Value.with_format ("c", (uint8) 'A').get_int64 () == 65);
    assert (elements.is_consistent ());
    assert (elements.to_string () == "<Mp.Array i length=3 lock=<Mp.Lock unlocked>>");
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_others () {
  try {
    var list = new Mp.ShareableList (new Variant.parsed ("(int64 1, 'second', 2.5, [byte 1, 0])"));
    var memory = new Mp.SharedMemory (100);
    var points = new Mp.Array.from_elements (new Variant.parsed ("[(1, 2.5), (0, 0.0)]"));
    var buffer = memory.get_buffer ();

    finish (start ("edit", { list, memory, points }));
    assert (list.get_length () == 4);
    assert ((int64) list.get_item (0) == 2);
    assert ((string) list.get_item (1) == "three");
    assert (list.get_item (3).get_size () == 2);     // with its zero
    assert (buffer.get_data ()[1] == 7 && memory.read (2, 1).get_data ()[0] == 8);
    assert (points.get_element (1).print (false) == "(1, 2.5)");
    try {
      list.set_item (1, "longer than it was at first");
      assert_not_reached ();
    } catch (Mp.Error.TOO_BIG e) {
    }

    memory.close ();
    try {
      memory.open ();
      assert_not_reached ();
    } catch (Mp.Error.CLOSED e) {
    }
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_names () {
  try {
    var memory = new Mp.SharedMemory.named (null, 10);
    memory.open ();
    var again = new Mp.SharedMemory.existing (memory.name);
    again.write (0, { 5 });
    assert (memory.read (0, 1).get_data ()[0] == 5);
    assert (again.get_size () >= 10);
    memory.unlink ();
    try {
      new Mp.SharedMemory.existing (memory.name).open ();
      assert_not_reached ();
    } catch (IOError.NOT_FOUND e) {
    }
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_named_lists () {
  try {
    var list = new Mp.ShareableList.named (null, new Variant.parsed ("(int64 1, 'second', 2.5, [byte 1, 0])"));
    list.open ();
    var same = new Mp.ShareableList.existing (list.name);
    assert (same.get_length () == 4 && same.get_item_size (1) == 8);
    same.set_item (0, (int64) 1);
    finish (start ("edit-list", { list }));
    assert ((int64) list.get_item (0) == 2);
    assert ((string) same.get_item (1) == "three");
    assert (list.get_item (3).get_size () == 1);     // without its zero

    try {
      new Mp.ShareableList.named (list.name, new string[] { "once" }).open ();
      assert_not_reached ();
    } catch (IOError.EXISTS e) {
    }
    list.memory.close ();
    try {
      list.get_item (0);
      assert_not_reached ();
    } catch (Mp.Error.CLOSED e) {
    }
    list.memory.unlink ();
    try {
      new Mp.ShareableList.existing (list.name).open ();
      assert_not_reached ();
    } catch (IOError.NOT_FOUND e) {
    }
    var nameless = new Mp.ShareableList (new string[] { "once" });
    assert (nameless.name == null && nameless.memory == null);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

// The main loop is told of what a child does.
void test_live () {
  try {
    var value = new Mp.Value ("(id)", new Variant ("(id)", 1, 0.5));
    var loop = new MainLoop ();
    Mp.Connection ours, theirs;
    int seen = 0;

    Mp.Connection.new_pair (true, out ours, out theirs);
    value.notify["value"].connect (() => {
      double number;
      value.value.get ("(id)", out seen, out number);
      if (seen == 2)
        loop.quit ();
    });
    value.live = true;
    var process = start ("set-when-told", { value, theirs });
    theirs.close ();
    ours.send ("now");
    loop.run ();
    assert (seen == 2);
    finish (process);
    ours.close ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

class Meter : Object {
  public double fraction { get; set; }
}

// Anything that has a double shows a number.
void test_bound () {
  try {
    var value = new Mp.Value ("i", 3);
    var meter = new Meter ();
    var loop = new MainLoop ();

    value.bind_property ("number", meter, "fraction", BindingFlags.SYNC_CREATE | BindingFlags.BIDIRECTIONAL);
    assert (meter.fraction == 3);
    meter.notify["fraction"].connect (() => {
      if (meter.fraction == 7)
        loop.quit ();
    });
    value.live = true;
    value.add_int64 (4);
    loop.run ();
    meter.fraction = 8.7;
    assert (value.get_int64 () == 9 && value.number == 9);
    value.set_number (-1.4);
    assert (value.get_number () == -1);
    value.live = false;
    try {
      value.set_number (1e10);
      assert_not_reached ();
    } catch (Mp.Error.OUT_OF_RANGE e) {
    }
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_results () {
  try {
    var pool = new Mp.Pool (1);
    var result = pool.submit ("make-value", 7);

    pool.close ();
    pool.join (DEADLINE);
    assert (((Mp.Value) result.get_message ().get_attachment (0)).get_int64 () == 7);
    try {
      Mp.result_attach (new Mp.Lock ());
      assert_not_reached ();
    } catch (Mp.Error.INVALID_STATE e) {
      // No function runs here.
    }
  } catch (Error e) {
    error ("%s", e.message);
  }
}

void test_pool () {
  try {
    var mutex = new Mp.Lock ();
    var value = new Mp.Value ("x");
    var pool = new Mp.Pool (2);
    var one = new Mp.Message (5);
    var many = new Mp.Message (new int[] { 1, 2, 3, 4 });

    foreach (var message in new Mp.Message[] { one, many }) {
      message.attach (mutex);
      message.attach (value);
    }
    pool.submit_message ("add-amount", one).get (DEADLINE);
    assert (value.get_int64 () == 5);
    pool.submit_map_message ("add-amount", many, 1).get (DEADLINE);
    assert (value.get_int64 () == 15);
    pool.close ();
    pool.join (DEADLINE);
  } catch (Error e) {
    error ("%s", e.message);
  }
}

int main (string[] args) {
  Mp.register_target ("count", count);
  Mp.register_target ("count-without-lock", count_without_lock);
  Mp.register_target ("double-all", double_all);
  Mp.register_target ("edit", edit);
  Mp.register_target ("edit-list", edit_list);
  Mp.register_target ("set-when-told", set_when_told);
  Mp.register_target ("add-amount", add_amount);
  Mp.register_target ("make-value", make_value);
  Mp.init ();

  Test.init (ref args);
  Test.add_func ("/shared/values", test_values);
  Test.add_func ("/shared/counting", test_counting);
  Test.add_func ("/shared/arrays", test_arrays);
  Test.add_func ("/shared/others", test_others);
  Test.add_func ("/shared/names", test_names);
  Test.add_func ("/shared/named-lists", test_named_lists);
  Test.add_func ("/shared/live", test_live);
  Test.add_func ("/shared/bound", test_bound);
  Test.add_func ("/shared/pool", test_pool);
  Test.add_func ("/shared/results", test_results);
  return Test.run ();
}
