/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Shares a value, a condition, a semaphore, events and more with child processes, and says what comes of it.
 *
 *     sync-types
 */

#include <stdlib.h>

#include <mpglib.h>

#define A_MOMENT   0.05
#define N_CHILDREN 6

/* --- Children ------------------------------------------------------------- */

static MpShareable *
get_shared (MpMessage *arguments, guint index)
{
  return mp_message_get_attachment (arguments, index, NULL);
}

static GVariant *
count_to_ten (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpValue) value = MP_VALUE (get_shared (arguments, 0));

  for (int i = 0; i < 10; i++)
    if (mp_value_add_int64 (value, 1, error) == 0)
      return NULL;
  return NULL;
}

static GVariant *
wait_for_loaves (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpCondition) condition = MP_CONDITION (get_shared (arguments, 0));
  g_autoptr (MpValue) loaves = MP_VALUE (get_shared (arguments, 1));
  g_autoptr (MpEvent) is_waiting = MP_EVENT (get_shared (arguments, 2));

  if (!mp_condition_acquire (condition, -1, cancellable, error) || !mp_event_set (is_waiting, error))
    return NULL;
  while (mp_value_get_int64 (loaves, NULL) == 0)
    if (!mp_condition_wait (condition, -1, cancellable, error))
      return NULL;
  g_print ("condition: %d loaves are there\n", (int) mp_value_get_int64 (loaves, NULL));
  mp_condition_release (condition, error);
  return NULL;
}

static GVariant *
bring_loaves (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpCondition) condition = MP_CONDITION (get_shared (arguments, 0));
  g_autoptr (MpValue) loaves = MP_VALUE (get_shared (arguments, 1));

  if (mp_condition_acquire (condition, -1, cancellable, error) &&
      mp_value_set_int64 (loaves, 3, error) &&
      mp_condition_notify_one (condition, error))
    mp_condition_release (condition, error);
  return NULL;
}

/* By who has its lock. */
static gboolean
raise_to (MpValue *most, gint64 number, GError **error)
{
  gint64 so_far = mp_value_get_int64 (most, NULL);

  return mp_value_set_int64 (most, MAX (number, so_far), error);
}

/* All are at the door; two at a time are inside, and leave when both have met. */
static GVariant *
enter_and_leave (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpSemaphore) semaphore = MP_SEMAPHORE (get_shared (arguments, 0));
  g_autoptr (MpBarrier) door = MP_BARRIER (get_shared (arguments, 1));
  g_autoptr (MpBarrier) meeting = MP_BARRIER (get_shared (arguments, 2));
  g_autoptr (MpValue) inside = MP_VALUE (get_shared (arguments, 3));
  g_autoptr (MpValue) most = MP_VALUE (get_shared (arguments, 4));
  MpLockable *lock = mp_value_get_lock (most);
  gint64 number;

  if (mp_barrier_wait (door, -1, cancellable, error) < 0 ||
      !mp_semaphore_acquire (semaphore, -1, cancellable, error))
    return NULL;
  number = mp_value_add_int64 (inside, 1, NULL);
  if (mp_lockable_enter (lock, -1, cancellable, error) &&
      raise_to (most, number, error) &&
      mp_lockable_leave (lock, error) &&
      mp_barrier_wait (meeting, -1, cancellable, error) >= 0)
    {
      mp_value_add_int64 (inside, -1, NULL);
      mp_semaphore_release (semaphore, error);
    }
  return NULL;
}

static GVariant *
wait_for_the_end (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpEvent) end = MP_EVENT (get_shared (arguments, 0));

  mp_event_wait (end, -1, cancellable, error);
  return NULL;
}

static GVariant *
wait_twice (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpEvent) event = MP_EVENT (get_shared (arguments, 0));
  g_autoptr (MpEvent) is_impatient = MP_EVENT (get_shared (arguments, 1));
  g_autoptr (GError) timeout = NULL;

  if (!mp_event_wait (event, A_MOMENT, cancellable, &timeout) &&
      g_error_matches (timeout, MP_ERROR, MP_ERROR_TIMED_OUT))
    g_print ("event: not set in a moment\n");
  if (mp_event_set (is_impatient, error) && mp_event_wait (event, -1, cancellable, error))
    g_print ("event: set\n");
  return NULL;
}

typedef struct
{
  MpValue *number;
  MpValue *ratio;
  MpArray *squares;
  MpShareableList *words;
} Values;

static void
print_values (const char *who, const Values *values)
{
  g_autoptr (GVariant) word = mp_shareable_list_get_item (values->words, 0, NULL);

  g_print ("values in the %s: %d, %.1f, %d %d %d, %s\n", who,
           (int) mp_value_get_int64 (values->number, NULL), mp_value_get_double (values->ratio, NULL),
           (int) mp_array_get_int64 (values->squares, 0, NULL), (int) mp_array_get_int64 (values->squares, 1, NULL),
           (int) mp_array_get_int64 (values->squares, 2, NULL), g_variant_get_string (word, NULL));
}

static GVariant *
double_values (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
{
  g_autoptr (MpValue) number = MP_VALUE (get_shared (arguments, 0));
  g_autoptr (MpValue) ratio = MP_VALUE (get_shared (arguments, 1));
  g_autoptr (MpArray) squares = MP_ARRAY (get_shared (arguments, 2));
  g_autoptr (MpShareableList) words = MP_SHAREABLE_LIST (get_shared (arguments, 3));
  gint32 *squared = (gint32 *) mp_array_get_address (squares, error);

  if (squared == NULL)
    return NULL;
  print_values ("child", &(Values) { number, ratio, squares, words });
  for (gsize i = 0; i < mp_array_get_length (squares); i++)
    squared[i] *= 2;
  if (mp_value_set_int64 (number, 2 * mp_value_get_int64 (number, NULL), error) &&
      mp_value_set_double (ratio, 2 * mp_value_get_double (ratio, NULL), error))
    mp_shareable_list_set_item (words, 0, g_variant_new_string ("twice"), error);
  return NULL;
}

/* --- The program ---------------------------------------------------------- */

/* Ends the program if something did not work. */
static void
expect (gboolean worked, GError **error)
{
  if (worked)
    return;
  g_printerr ("sync-types: %s\n", (*error)->message);
  exit (1);
}

/* A child that gets shared objects. */
static MpProcess *
start (const char *target, gpointer *shared, guint n_shared)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
  MpProcess *child = mp_process_new (NULL, target, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n_shared; i++)
    mp_message_attach (message, MP_SHAREABLE (shared[i]));
  mp_process_set_message (child, message);
  expect (mp_process_start (child, &error), &error);
  return child;
}

#define START(target, ...) \
  start (target, (gpointer[]) { __VA_ARGS__ }, G_N_ELEMENTS (((gpointer[]) { __VA_ARGS__ })))

static void
join (MpProcess *child)
{
  g_autoptr (GError) error = NULL;

  expect (mp_process_join (child, -1, NULL, &error) && mp_process_check (child, &error), &error);
}

static void
try_value (void)
{
  g_autoptr (MpValue) value = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpProcess) child = NULL;

  g_print ("value: %d at first\n", (int) mp_value_get_int64 (value, NULL));
  child = START ("count_to_ten", value);
  join (child);
  g_print ("value: %d behind the child\n", (int) mp_value_get_int64 (value, NULL));
}

static void
try_condition (void)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL);
  g_autoptr (MpValue) loaves = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpEvent) is_waiting = mp_event_new ();
  g_autoptr (MpProcess) waiter = START ("wait_for_loaves", condition, loaves, is_waiting);
  g_autoptr (MpProcess) baker = NULL;
  g_autoptr (GError) error = NULL;

  expect (mp_event_wait (is_waiting, -1, NULL, &error), &error);
  baker = START ("bring_loaves", condition, loaves);
  join (waiter);
  join (baker);
}

static void
try_semaphore (void)
{
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (2);
  g_autoptr (MpBarrier) door = mp_barrier_new (N_CHILDREN);
  g_autoptr (MpBarrier) meeting = mp_barrier_new (2);
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpValue) inside = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpValue) most = mp_value_new ("i", NULL, MP_LOCKABLE (lock));
  MpProcess *children[N_CHILDREN];

  for (guint i = 0; i < N_CHILDREN; i++)
    children[i] = START ("enter_and_leave", semaphore, door, meeting, inside, most);
  for (guint i = 0; i < N_CHILDREN; i++)
    {
      join (children[i]);
      g_object_unref (children[i]);
    }
  g_print ("semaphore: %d of %d at once\n", (int) mp_value_get_int64 (most, NULL), N_CHILDREN);
}

static void
try_join (void)
{
  g_autoptr (MpEvent) end = mp_event_new ();
  g_autoptr (MpProcess) child = START ("wait_for_the_end", end);
  g_autoptr (GError) error = NULL;

  if (!mp_process_join (child, A_MOMENT, NULL, &error) && g_error_matches (error, MP_ERROR, MP_ERROR_TIMED_OUT))
    g_print ("join: the child runs\n");
  g_clear_error (&error);
  expect (mp_event_set (end, &error), &error);
  join (child);
  g_print ("join: exit code %d\n", mp_process_get_exit_code (child));
}

static void
try_event (void)
{
  g_autoptr (MpEvent) event = mp_event_new ();
  g_autoptr (MpEvent) is_impatient = mp_event_new ();
  g_autoptr (MpProcess) child = START ("wait_twice", event, is_impatient);
  g_autoptr (GError) error = NULL;

  expect (mp_event_wait (is_impatient, -1, NULL, &error) && mp_event_set (event, &error), &error);
  join (child);
}

static void
try_values (void)
{
  g_autoptr (MpValue) number = mp_value_new ("i", g_variant_new_int32 (7), NULL);
  g_autoptr (MpValue) ratio = mp_value_new ("d", g_variant_new_double (2.5), NULL);
  g_autoptr (MpArray) squares = mp_array_new_from_elements (g_variant_new_parsed ("[1, 4, 9]"), NULL);
  g_autoptr (MpShareableList) words = mp_shareable_list_new (g_variant_new ("(s)", "once"));
  g_autoptr (MpProcess) child = NULL;
  Values values = { number, ratio, squares, words };

  print_values ("parent", &values);
  child = START ("double_values", number, ratio, squares, words);
  join (child);
  print_values ("parent", &values);
}

int
main (void)
{
  mp_register_target ("count_to_ten", count_to_ten, NULL, NULL);
  mp_register_target ("wait_for_loaves", wait_for_loaves, NULL, NULL);
  mp_register_target ("bring_loaves", bring_loaves, NULL, NULL);
  mp_register_target ("enter_and_leave", enter_and_leave, NULL, NULL);
  mp_register_target ("wait_for_the_end", wait_for_the_end, NULL, NULL);
  mp_register_target ("wait_twice", wait_twice, NULL, NULL);
  mp_register_target ("double_values", double_values, NULL, NULL);
  mp_init ();

  try_value ();
  try_condition ();
  try_semaphore ();
  try_join ();
  try_event ();
  try_values ();
  return 0;
}
