// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// Shares a value, a condition, a semaphore, events and more with child processes, and says what comes of it.
//
//     sync-types

const double A_MOMENT = 0.05;
const int N_CHILDREN = 6;

// ---- Children

Variant? count_to_ten (Mp.Message arguments) throws Error {
  var value = (Mp.Value) arguments.get_attachment (0);

  for (int i = 0; i < 10; i++)
    value.add_int64 (1);
  return null;
}

Variant? wait_for_loaves (Mp.Message arguments) throws Error {
  var condition = (Mp.Condition) arguments.get_attachment (0);
  var loaves = (Mp.Value) arguments.get_attachment (1);
  var is_waiting = (Mp.Event) arguments.get_attachment (2);

  condition.acquire ();
  is_waiting.set ();
  while (loaves.get_int64 () == 0)
    condition.wait ();
  print ("condition: %d loaves are there\n", (int) loaves.get_int64 ());
  condition.release ();
  return null;
}

Variant? bring_loaves (Mp.Message arguments) throws Error {
  var condition = (Mp.Condition) arguments.get_attachment (0);
  var loaves = (Mp.Value) arguments.get_attachment (1);

  condition.acquire ();
  loaves.set_int64 (3);
  condition.notify_one ();
  condition.release ();
  return null;
}

// All are at the door; two at a time are inside, and leave when both have met.
Variant? enter_and_leave (Mp.Message arguments) throws Error {
  var semaphore = (Mp.Semaphore) arguments.get_attachment (0);
  var door = (Mp.Barrier) arguments.get_attachment (1);
  var meeting = (Mp.Barrier) arguments.get_attachment (2);
  var inside = (Mp.Value) arguments.get_attachment (3);
  var most = (Mp.Value) arguments.get_attachment (4);

  door.wait ();
  semaphore.acquire ();
  int64 number = inside.add_int64 (1);
  most.lock.enter ();
  most.set_int64 (int64.max (number, most.get_int64 ()));
  most.lock.leave ();
  meeting.wait ();
  inside.add_int64 (-1);
  semaphore.release ();
  return null;
}

Variant? wait_for_the_end (Mp.Message arguments) throws Error {
  ((Mp.Event) arguments.get_attachment (0)).wait ();
  return null;
}

Variant? wait_twice (Mp.Message arguments) throws Error {
  var event = (Mp.Event) arguments.get_attachment (0);

  try {
    event.wait (A_MOMENT);
  } catch (Mp.Error.TIMED_OUT e) {
    print ("event: not set in a moment\n");
  }
  ((Mp.Event) arguments.get_attachment (1)).set ();
  event.wait ();
  print ("event: set\n");
  return null;
}

void print_values (string who, Mp.Value number, Mp.Value ratio, Mp.Array squares,
                   Mp.ShareableList words) throws Error {
  print ("values in the %s: %d, %.1f, %d %d %d, %s\n", who, (int) number.get_int64 (), ratio.get_double (),
         (int) squares.get_int64 (0), (int) squares.get_int64 (1), (int) squares.get_int64 (2),
         (string) words.get_item (0));
}

Variant? double_values (Mp.Message arguments) throws Error {
  var number = (Mp.Value) arguments.get_attachment (0);
  var ratio = (Mp.Value) arguments.get_attachment (1);
  var squares = (Mp.Array) arguments.get_attachment (2);
  var words = (Mp.ShareableList) arguments.get_attachment (3);
  int *squared = (int *) squares.get_address ();

  print_values ("child", number, ratio, squares, words);
  number.set_int64 (2 * number.get_int64 ());
  ratio.set_double (2 * ratio.get_double ());
  for (size_t i = 0; i < squares.get_length (); i++)
    squared[i] *= 2;
  words.set_item (0, "twice");
  return null;
}

// ---- The program

Mp.Process start (string target, Mp.Shareable[] shared) throws Error {
  var message = new Mp.Message ("");
  foreach (var object in shared)
    message.attach (object);
  var child = new Mp.Process (null, target);
  child.message = message;
  child.start ();
  return child;
}

void join (Mp.Process[] children) throws Error {
  foreach (var child in children) {
    child.join ();
    child.check ();
  }
}

void try_value () throws Error {
  var value = new Mp.Value ("i");

  print ("value: %d at first\n", (int) value.get_int64 ());
  join ({ start ("count_to_ten", { value }) });
  print ("value: %d behind the child\n", (int) value.get_int64 ());
}

void try_condition () throws Error {
  var condition = new Mp.Condition ();
  var loaves = new Mp.Value ("i");
  var is_waiting = new Mp.Event ();
  var waiter = start ("wait_for_loaves", { condition, loaves, is_waiting });

  is_waiting.wait ();
  join ({ waiter, start ("bring_loaves", { condition, loaves }) });
}

void try_semaphore () throws Error {
  var semaphore = new Mp.Semaphore (2);
  var door = new Mp.Barrier (N_CHILDREN);
  var meeting = new Mp.Barrier (2);
  var inside = new Mp.Value ("i");
  var most = new Mp.Value ("i", null, new Mp.Lock ());
  Mp.Process[] children = {};

  for (int i = 0; i < N_CHILDREN; i++)
    children += start ("enter_and_leave", { semaphore, door, meeting, inside, most });
  join (children);
  print ("semaphore: %d of %d at once\n", (int) most.get_int64 (), N_CHILDREN);
}

void try_join () throws Error {
  var end = new Mp.Event ();
  var child = start ("wait_for_the_end", { end });

  try {
    child.join (A_MOMENT);
  } catch (Mp.Error.TIMED_OUT e) {
    print ("join: the child runs\n");
  }
  end.set ();
  child.join ();
  print ("join: exit code %d\n", child.exit_code);
}

void try_event () throws Error {
  var event = new Mp.Event ();
  var is_impatient = new Mp.Event ();
  var child = start ("wait_twice", { event, is_impatient });

  is_impatient.wait ();
  event.set ();
  join ({ child });
}

void try_values () throws Error {
  var number = new Mp.Value ("i", 7);
  var ratio = new Mp.Value ("d", 2.5);
  var squares = new Mp.Array.from_elements (new int[] { 1, 4, 9 });
  var words = new Mp.ShareableList (new string[] { "once" });

  print_values ("parent", number, ratio, squares, words);
  join ({ start ("double_values", { number, ratio, squares, words }) });
  print_values ("parent", number, ratio, squares, words);
}

int main () {
  Mp.register_target ("count_to_ten", count_to_ten);
  Mp.register_target ("wait_for_loaves", wait_for_loaves);
  Mp.register_target ("bring_loaves", bring_loaves);
  Mp.register_target ("enter_and_leave", enter_and_leave);
  Mp.register_target ("wait_for_the_end", wait_for_the_end);
  Mp.register_target ("wait_twice", wait_twice);
  Mp.register_target ("double_values", double_values);
  Mp.init ();

  try {
    try_value ();
    try_condition ();
    try_semaphore ();
    try_join ();
    try_event ();
    try_values ();
  } catch (Error e) {
    printerr ("sync-types: %s\n", e.message);
    return 1;
  }
  return 0;
}
