/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Queues between processes.  This program is its own child. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpglib.h"

#include "mp-owner-lock-private.h"
#include "mp-queue-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test-started.h"
#include "mp-test-stopped.h"
#include "mp-test.h"

#define FOREVER -1.0

/* --- Children ------------------------------------------------------------- */

/* Starts a process that has the queues, and a number. */
static MpProcess *
start_child (MpStartMethod  method,
             const char    *target,
             int            number,
             MpQueue       *first,
             MpQueue       *second)
{
  return mp_test_start (method, target, g_variant_new_int32 (number),
                        (gpointer[]) { first, second }, second != NULL ? 2 : 1);
}

static int
get_number (MpMessage *arguments)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, NULL);

  return g_variant_get_int32 (value);
}

/* Takes the process. */
static void
join (MpProcess *process)
{
  g_autoptr (GError) error = NULL;

  mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (process);
}

static int
get_int (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

static void
put_int (MpQueue *queue,
         int      number)
{
  g_autoptr (GError) error = NULL;

  mp_queue_put (queue, g_variant_new_int32 (number), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

/* --- Order ---------------------------------------------------------------- */

#define N_ITEMS     2000
#define N_PROCESSES 3

static GVariant *
put_in_order (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (MpQueue) queue = mp_test_get_attachment (arguments, 0);

  for (int i = 0; i < N_ITEMS; i++)
    if (!mp_queue_put (queue, g_variant_new ("(ii)", get_number (arguments), i), MP_TEST_DEADLINE, NULL, error))
      return NULL;

  return g_variant_new ("()");
}

/* More than the queue holds come from several: each one's in its order. */
static void
test_order (gconstpointer data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (10);
  MpProcess *processes[N_PROCESSES];
  int next[N_PROCESSES] = { 0 };

  for (int i = 0; i < N_PROCESSES; i++)
    processes[i] = start_child (MP_TEST_METHOD (data), "put-in-order", i, queue, NULL);
  for (guint i = 0; i < N_PROCESSES * N_ITEMS; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, &error);
      int sender, number;

      g_assert_no_error (error);
      g_variant_get (value, "(ii)", &sender, &number);
      g_assert_cmpint (number, ==, next[sender]++);
    }
  for (guint i = 0; i < N_PROCESSES; i++)
    join (processes[i]);
  g_assert_true (mp_queue_is_empty (queue));
}

static GVariant *
add_up (MpMessage     *arguments,
        GCancellable  *cancellable,
        gpointer       data,
        GError       **error)
{
  g_autoptr (MpQueue) tasks = mp_test_get_attachment (arguments, 0), results = mp_test_get_attachment (arguments, 1);
  int sum = 0, number;

  while ((number = get_int (tasks)) != 0)
    sum += number;
  put_int (results, sum);
  return g_variant_new ("()");
}

/* Each goes to one of those that get. */
static void
test_consumers (gconstpointer data)
{
  g_autoptr (MpQueue) tasks = mp_queue_new (10), results = mp_queue_new (0);
  MpProcess *processes[N_PROCESSES];
  int sum = 0;

  for (guint i = 0; i < N_PROCESSES; i++)
    processes[i] = start_child (MP_TEST_METHOD (data), "add-up", 0, tasks, results);
  for (int i = 1; i <= N_ITEMS; i++)
    put_int (tasks, i);
  for (guint i = 0; i < N_PROCESSES; i++)
    put_int (tasks, 0);
  for (guint i = 0; i < N_PROCESSES; i++)
    sum += get_int (results);
  g_assert_cmpint (sum, ==, N_ITEMS * (N_ITEMS + 1) / 2);
  for (guint i = 0; i < N_PROCESSES; i++)
    join (processes[i]);
}

/* --- Ends ----------------------------------------------------------------- */

#define LENGTH 1000000

static GVariant *
put_and_end (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       data,
             GError       **error)
{
  g_autoptr (MpQueue) queue = mp_test_get_attachment (arguments, 0);
  g_autofree char *text = g_strnfill (LENGTH, 'X');

  return mp_queue_put (queue, g_variant_new_string (text), 0, NULL, error) ? g_variant_new ("()") : NULL;
}

/* Nobody gets it before its putter is gone. */
static void
test_join_first (gconstpointer data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  MpProcess *process = start_child (MP_TEST_METHOD (data), "put-and-end", 0, queue, NULL);
  g_autofree char *text = g_strnfill (LENGTH, 'X');
  g_autoptr (GVariant) value = NULL;

  join (process);
  value = mp_queue_get (queue, 0, NULL, NULL);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, text);
}

static GVariant *
wait_to_be_killed (MpMessage     *arguments,
                   GCancellable  *cancellable,
                   gpointer       data,
                   GError       **error)
{
  g_autoptr (MpQueue) queue = mp_test_get_attachment (arguments, 0), started = mp_test_get_attachment (arguments, 1);

  put_int (started, 1);
  if (get_number (arguments) == 0)
    get_int (queue);
  else
    put_int (queue, 7);
  put_int (started, 2);
  pause ();
  return NULL;
}

static void
kill_and_join (MpProcess *process)
{
  mp_process_kill (process, NULL);
  join (process);
}

/* Those that wait with it, or after it, do not hang. */
static void
test_killed_waiters (gconstpointer data)
{
  MpStartMethod method = MP_TEST_METHOD (data);

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (MpQueue) queue = mp_queue_new (1), started = mp_queue_new (0);
      MpProcess *first, *second;

      if (i == 1)
        put_int (queue, 6);
      first = start_child (method, "wait-to-be-killed", i, queue, started);
      g_assert_cmpint (get_int (started), ==, 1);
      mp_test_wait_asleep (mp_process_get_pid (first));
      second = start_child (method, "wait-to-be-killed", i, queue, started);
      g_assert_cmpint (get_int (started), ==, 1);
      mp_test_wait_asleep (mp_process_get_pid (second));
      kill_and_join (first);
      if (i == 0)
        put_int (queue, 6);
      else
        g_assert_cmpint (get_int (queue), ==, 6);
      g_assert_cmpint (get_int (started), ==, 2);
      kill_and_join (second);

      /* And what was put stays. */
      g_assert_cmpuint (mp_queue_get_length (queue), ==, i);
      if (i == 1)
        g_assert_cmpint (get_int (queue), ==, 7);
    }
}

/* With the lock of those that put, as if it had been stopped while it put. */
static void
stop_while_putting (gpointer queue)
{
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);

  g_assert_true (mp_owner_lock_try (&ring->layout->put.lock, me));
  raise (SIGSTOP);
  mp_short_lock_release (&ring->layout->put.lock);
  put_int (queue, 5);
}

/* It holds nobody up for long, and what it puts in the end is heard of. */
static void
test_stopped_putter (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  gint64 patience = mp_short_lock_get_patience ();
  pid_t pid = mp_test_fork_stopped (stop_while_putting, queue);

  mp_short_lock_set_patience (20000);
  g_assert_null (mp_queue_get (queue, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
  g_clear_error (&error);
  g_assert_false (mp_queue_put (queue, g_variant_new_int32 (1), 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  mp_queue_get_async (queue, FOREVER, NULL, mp_test_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);
  mp_short_lock_set_patience (patience);

  kill (pid, SIGCONT);
  mp_test_await_result (&result);
  value = mp_queue_get_finish (queue, result, NULL);
  g_assert_cmpint (g_variant_get_int32 (value), ==, 5);
  mp_test_join (pid);
}

#define N_CALLS 3

static void
assert_none_is_over (GAsyncResult *results[N_CALLS])
{
  mp_test_turn_loop ();
  for (guint i = 0; i < N_CALLS; i++)
    g_assert_null (results[i]);
}

/* A main loop looks again some time: whoever is stopped ends no call. */
static void
test_stopped_putter_of_loop (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  GAsyncResult *results[N_CALLS] = { NULL };
  pid_t pid = mp_test_fork_stopped (stop_while_putting, queue);

  for (int i = 0; i < N_CALLS; i++)
    mp_queue_put_async (queue, g_variant_new_int32 (i), FOREVER, NULL, mp_test_keep_result, &results[i]);
  assert_none_is_over (results);

  kill (pid, SIGCONT);
  for (guint i = 0; i < N_CALLS; i++)
    {
      mp_test_await_result (&results[i]);
      g_assert_true (mp_queue_put_finish (queue, results[i], NULL));
      g_object_unref (results[i]);
    }
  mp_test_join (pid);
  g_assert_cmpint (mp_queue_get_length (queue), ==, N_CALLS + 1);
}

static void
test_stopped_getter_of_loop (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  GAsyncResult *results[N_CALLS] = { NULL };
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  for (int i = 0; i < N_CALLS; i++)
    put_int (queue, i);
  for (int i = 0; i < N_CALLS; i++)
    mp_queue_get_async (queue, FOREVER, NULL, mp_test_keep_result, &results[i]);
  assert_none_is_over (results);

  kill (pid, SIGCONT);
  for (int i = 0; i < N_CALLS; i++)
    {
      g_autoptr (GVariant) value = NULL;

      mp_test_await_result (&results[i]);
      value = mp_queue_get_finish (queue, results[i], NULL);
      g_assert_cmpint (g_variant_get_int32 (value), ==, i);
      g_object_unref (results[i]);
    }
  mp_test_join (pid);
}

/* Who is behind another one in line hears of it when its time was over while nobody could look. */
static void
test_stopped_for_second (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[N_CALLS] = { NULL };
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  put_int (queue, 7);
  for (int i = 0; i < N_CALLS; i++)
    mp_queue_get_async (queue, i < N_CALLS - 1 ? FOREVER : 0, cancellable, mp_test_keep_result, &results[i]);
  mp_test_turn_loop ();
  g_assert_null (results[0]);

  kill (pid, SIGCONT);
  for (int i = 0; i < N_CALLS; i += N_CALLS - 1)
    mp_test_await_result (&results[i]);
  g_assert_null (results[1]);
  g_assert_null (mp_queue_get_finish (queue, results[N_CALLS - 1], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);

  g_cancellable_cancel (cancellable);
  mp_test_await_result (&results[1]);
  for (int i = 0; i < N_CALLS; i++)
    g_object_unref (results[i]);
  mp_test_join (pid);
}

/* All have waited as long when the first one gives up, who was the only one to look.  Nor does who had
 * less time say that there is nothing.
 */
static void
test_stopped_for_all (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  GAsyncResult *results[N_CALLS] = { NULL };
  gint64 patience = mp_short_lock_get_patience ();
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  put_int (queue, 7);
  mp_short_lock_set_patience (G_TIME_SPAN_SECOND);
  for (int i = 0; i < N_CALLS; i++)
    mp_queue_get_async (queue, i < N_CALLS - 1 ? FOREVER : 0.4, NULL, mp_test_keep_result, &results[i]);
  mp_test_await_result (&results[0]);
  mp_test_turn_loop ();
  mp_short_lock_set_patience (patience);

  for (int i = 0; i < N_CALLS; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (results[i]);
      g_assert_null (mp_queue_get_finish (queue, results[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
      g_assert_nonnull (strstr (error->message, "may be stopped"));
      g_object_unref (results[i]);
    }
  kill (pid, SIGCONT);
  mp_test_join (pid);
}

/* It is not said that there is nothing where nobody could look; nor is it awaited for ever. */
static void
test_stopped_for_ever (void)
{
  static const gdouble timeouts[] = { 0, 0.01, FOREVER };
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  gint64 patience = mp_short_lock_get_patience ();
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  put_int (queue, 1);
  for (guint i = 0; i < G_N_ELEMENTS (timeouts); i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL;

      if (timeouts[i] == FOREVER)
        mp_short_lock_set_patience (20000);
      mp_queue_get_async (queue, timeouts[i], NULL, mp_test_keep_result, &result);
      mp_test_await_result (&result);
      g_assert_null (mp_queue_get_finish (queue, result, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
      g_assert_nonnull (strstr (error->message, "may be stopped"));
    }
  mp_short_lock_set_patience (patience);

  kill (pid, SIGCONT);
  mp_test_join (pid);
}

static void
put_large (gpointer queue)
{
  static const guint8 data[4000];

  g_assert_true (mp_queue_put_data (queue, data, sizeof data, NULL, MP_TEST_DEADLINE, NULL, NULL));
}

/* Likewise while it waits for room, which is others' some time later. */
static void
test_stopped_for_room (void)
{
  g_autoptr (MpQueue) queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 4096, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  static const guint8 data[1000];
  gsize length;
  pid_t pid;
  int status;

  for (guint i = 0; i < 4; i++)
    g_assert_true (mp_queue_put_data (queue, data, sizeof data, NULL, 0, NULL, NULL));
  pid = mp_test_fork (put_large, queue);
  while (atomic_load (&mp_queue_get_private (queue)->store.ring.layout->put.claimant) == 0)
    g_thread_yield ();
  kill (pid, SIGSTOP);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  mp_queue_put_data_async (queue, data, sizeof data, NULL, FOREVER, NULL, mp_test_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  for (guint i = 0; i < 4; i++)
    g_free (mp_queue_get_payload (queue, 0, 0, &length, NULL, NULL));
  mp_test_await_result (&result);
  g_assert_true (mp_queue_put_data_finish (queue, result, NULL));
  g_assert_true (mp_queue_put_data (queue, data, sizeof data, NULL, 0, NULL, NULL));

  kill (pid, SIGCONT);
  for (guint i = 0; i < 2; i++)
    g_free (mp_queue_get_payload (queue, 0, 0, &length, NULL, NULL));
  g_free (mp_queue_get_payload (queue, 0, MP_TEST_DEADLINE, &length, NULL, NULL));
  g_assert_cmpuint (length, ==, 4000);
  mp_test_join (pid);
}

/* --- Main loops ----------------------------------------------------------- */

static GVariant *
echo (MpMessage     *arguments,
      GCancellable  *cancellable,
      gpointer       data,
      GError       **error)
{
  g_autoptr (MpQueue) there = mp_test_get_attachment (arguments, 0), back = mp_test_get_attachment (arguments, 1);
  int number;

  do
    {
      number = get_int (there);
      put_int (back, number);
    }
  while (number != 0);
  return g_variant_new ("()");
}

static void
on_item (MpQueue *queue,
         int     *sum)
{
  *sum += get_int (queue);
}

static gboolean
is_six (gpointer sum)
{
  return *(int *) sum == 6;
}

/* Items, and room, that another process brings. */
static void
test_loop (gconstpointer data)
{
  g_autoptr (MpQueue) there = mp_queue_new (1), back = mp_queue_new (1);
  MpProcess *process = start_child (MP_TEST_METHOD (data), "echo", 0, there, back);
  int sum = 0;

  for (int i = 1; i < 100; i++)
    {
      g_autoptr (GAsyncResult) put = NULL, got = NULL;
      g_autoptr (GVariant) value = NULL;

      mp_queue_get_async (back, FOREVER, NULL, mp_test_keep_result, &got);
      mp_queue_put_async (there, g_variant_new_int32 (i), FOREVER, NULL, mp_test_keep_result, &put);
      mp_test_await_result (&put);
      mp_test_await_result (&got);
      g_assert_true (mp_queue_put_finish (there, put, NULL));
      value = mp_queue_get_finish (back, got, NULL);
      g_assert_cmpint (g_variant_get_int32 (value), ==, i);
    }

  g_signal_connect (back, "item-available", G_CALLBACK (on_item), &sum);
  mp_queue_set_live (back, TRUE);
  for (int i = 1; i <= 3; i++)
    {
      g_autoptr (GAsyncResult) put = NULL;

      mp_queue_put_async (there, g_variant_new_int32 (i), FOREVER, NULL, mp_test_keep_result, &put);
      mp_test_await_result (&put);
    }
  mp_test_run_until (is_six, &sum);
  mp_queue_set_live (back, FALSE);
  put_int (there, 0);
  join (process);
}

/* --- Forks of strangers --------------------------------------------------- */

static void
on_nothing (MpQueue *queue,
            guint   *n_calls)
{
  (*n_calls)++;
}

/* The child takes no word from its parent, waits by itself, and closes its own. */
static void
test_stranger (void)
{
  g_autoptr (MpQueue) there = mp_queue_new (0), back = mp_queue_new (0);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) value = NULL;
  guint n_calls = 0;
  int status;
  pid_t pid;

  g_signal_connect (there, "item-available", G_CALLBACK (on_nothing), &n_calls);
  mp_queue_set_live (there, TRUE);
  mp_queue_get_async (back, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  pid = fork ();
  if (pid == 0)
    {
      g_autoptr (GAsyncResult) own = NULL;

      mp_queue_get_async (there, FOREVER, NULL, mp_test_keep_result, &own);
      while (own == NULL)
        g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (n_calls, ==, 0);
      g_assert_false (mp_queue_get_live (there));
      g_assert_null (result);
      g_clear_pointer (&value, g_variant_unref);
      value = mp_queue_get_finish (there, own, NULL);
      put_int (back, g_variant_get_int32 (value) + get_int (there));
      mp_queue_close (back);
      _exit (42);
    }

  put_int (there, 1);
  put_int (there, 2);
  mp_test_await_result (&result);
  value = mp_queue_get_finish (back, result, NULL);
  g_assert_cmpint (g_variant_get_int32 (value), ==, 3);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 42 << 8);
  g_assert_false (mp_queue_is_closed (back));
}

/* -------------------------------------------------------------------------- */

static void
warm_up (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (mp_test_methods); i++)
    test_loop (&mp_test_methods[i]);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("put-in-order", put_in_order, NULL, NULL);
  mp_register_target ("add-up", add_up, NULL, NULL);
  mp_register_target ("put-and-end", put_and_end, NULL, NULL);
  mp_register_target ("wait-to-be-killed", wait_to_be_killed, NULL, NULL);
  mp_register_target ("echo", echo, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add_methods ("/queue-processes/order", test_order);
  mp_test_add_methods ("/queue-processes/consumers", test_consumers);
  mp_test_add_methods ("/queue-processes/join-first", test_join_first);
  mp_test_add_methods ("/queue-processes/killed-waiters", test_killed_waiters);
  mp_test_add_methods ("/queue-processes/loop", test_loop);
  mp_test_add ("/queue-processes/stopped-putter", test_stopped_putter);
  mp_test_add ("/queue-processes/stopped-putter-of-loop", test_stopped_putter_of_loop);
  mp_test_add ("/queue-processes/stopped-getter-of-loop", test_stopped_getter_of_loop);
  mp_test_add ("/queue-processes/stopped-for-second", test_stopped_for_second);
  mp_test_add ("/queue-processes/stopped-for-all", test_stopped_for_all);
  mp_test_add ("/queue-processes/stopped-for-ever", test_stopped_for_ever);
  mp_test_add ("/queue-processes/stopped-for-room", test_stopped_for_room);
  mp_test_add ("/queue-processes/stranger", test_stranger);
  return g_test_run ();
}
