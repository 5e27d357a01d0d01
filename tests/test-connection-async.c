/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-test-connection.h"
#include "mp-test.h"

static void
test_async (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestLog received = mp_test_log_new (100);
  MpTestLog sent = mp_test_log_new (100);

  for (gint32 i = 0; i < 100; i++)
    {
      mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &received);
      mp_connection_send_async (pair.a, g_variant_new_int32 (i), -1, NULL, mp_test_log_sent, &sent);
      g_assert_cmpuint (received.numbers->len, ==, 0);
      g_assert_cmpuint (sent.numbers->len, ==, 0);
    }

  mp_test_run_until (mp_test_log_is_complete, &received);
  mp_test_run_until (mp_test_log_is_complete, &sent);
  for (gint32 i = 0; i < 100; i++)
    {
      g_assert_cmpint (g_array_index (received.numbers, gint32, i), ==, i);
      g_assert_cmpint (g_array_index (sent.numbers, gint32, i), ==, 0);
    }

  g_array_unref (received.numbers);
  g_array_unref (sent.numbers);
  mp_test_pair_free (&pair);
}

/* A blocking call does what stands before it, though nobody runs the context. */
static void
test_blocking_behind_async (void)
{
  MpTestPair pair = mp_test_pair_new ();
  gint32 n = mp_test_fill (pair.a);
  MpTestLog log = mp_test_log_new (3);
  GThread *thread;

  for (gint32 i = 0; i < 3; i++)
    mp_connection_send_async (pair.a, g_variant_new_int32 (n + i), -1, NULL, mp_test_log_sent, &log);
  thread = g_thread_new ("receiver", mp_test_receive_all, pair.b);
  mp_test_send_int (pair.a, -1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, n + 3);
  g_assert_cmpuint (log.numbers->len, ==, 0);
  mp_test_run_until (mp_test_log_is_complete, &log);

  /* And receives in order: the first message is the asynchronous one's. */
  g_array_set_size (log.numbers, 0);
  log.n_wanted = 1;
  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  mp_test_send_int (pair.a, 1);
  mp_test_send_int (pair.a, 2);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

static void
test_async_fails (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpTestLog log = mp_test_log_new (1);

  mp_connection_receive_async (pair.b, 0, NULL, mp_test_log_received, &log);
  g_assert_cmpuint (log.numbers->len, ==, 0);
  mp_test_run_until (mp_test_log_is_complete, &log);
  mp_connection_receive_async (pair.b, 0.005, NULL, mp_test_log_received, &log);
  log.n_wanted++;
  mp_test_run_until (mp_test_log_is_complete, &log);

  mp_connection_receive_async (pair.b, -1, cancellable, mp_test_log_received, &log);
  g_cancellable_cancel (cancellable);
  log.n_wanted++;
  mp_test_run_until (mp_test_log_is_complete, &log);
  mp_connection_receive_async (pair.b, -1, cancellable, mp_test_log_received, &log);
  g_assert_cmpuint (log.numbers->len, ==, 3);
  log.n_wanted++;
  mp_test_run_until (mp_test_log_is_complete, &log);

  /* None of them has taken anything. */
  mp_test_send_int (pair.a, 8);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 8);

  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  mp_connection_close (pair.b);
  g_assert_cmpuint (log.numbers->len, ==, 4);
  log.n_wanted += 2;
  mp_test_run_until (mp_test_log_is_complete, &log);
  mp_connection_send_async (pair.b, g_variant_new_int32 (0), -1, NULL, mp_test_log_sent, &log);
  log.n_wanted++;
  mp_test_run_until (mp_test_log_is_complete, &log);

  {
    static const gint32 expected[] = {
      -MP_ERROR_TIMED_OUT, -MP_ERROR_TIMED_OUT, -G_IO_ERROR_CANCELLED, -G_IO_ERROR_CANCELLED,
      -MP_ERROR_CLOSED, -MP_ERROR_CLOSED, -MP_ERROR_CLOSED,
    };

    g_assert_cmpmem (log.numbers->data, log.numbers->len * sizeof (gint32), expected, sizeof expected);
  }

  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

/* What was received before the cancelling came counts. */
static void
test_cancel_too_late (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpTestLog log = mp_test_log_new (1);

  mp_test_send_int (pair.a, 5);
  mp_connection_receive_async (pair.b, -1, cancellable, mp_test_log_received, &log);
  g_cancellable_cancel (cancellable);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 5);

  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

static void
test_async_forms (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GBytes) bytes = mp_test_new_bytes (10);
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[7] = { NULL };
  g_autoptr (GBytes) received_bytes = NULL;
  g_autofree guint8 *received_data = NULL;
  g_autoptr (MpMessage) received_message = NULL;
  gsize length;

  mp_connection_wait_readable_async (pair.b, -1, NULL, mp_test_keep_result, &results[0]);
  mp_connection_receive_bytes_async (pair.b, 10, -1, NULL, mp_test_keep_result, &results[1]);
  mp_connection_receive_data_async (pair.b, 0, -1, NULL, mp_test_keep_result, &results[2]);
  mp_connection_receive_message_async (pair.b, -1, NULL, mp_test_keep_result, &results[3]);
  mp_connection_send_bytes_async (pair.a, bytes, NULL, -1, NULL, mp_test_keep_result, &results[4]);
  mp_connection_send_data_async (pair.a, (const guint8 *) "data", 4, "x", -1, NULL,
                                 mp_test_keep_result, &results[5]);
  mp_connection_send_message_async (pair.a, message, -1, NULL, mp_test_keep_result, &results[6]);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    mp_test_await_result (&results[i]);

  g_assert_true (mp_connection_wait_readable_finish (pair.b, results[0], &error));
  received_bytes = mp_connection_receive_bytes_finish (pair.b, results[1], &error);
  g_assert_true (g_bytes_equal (received_bytes, bytes));
  received_data = mp_connection_receive_data_finish (pair.b, results[2], &length, &error);
  g_assert_cmpmem (received_data, length, "data", 4);
  received_message = mp_connection_receive_message_finish (pair.b, results[3], &error);
  g_assert_cmpstr (mp_message_get_type_string (received_message), ==, "mv");
  g_assert_true (mp_connection_send_bytes_finish (pair.a, results[4], &error));
  g_assert_true (mp_connection_send_data_finish (pair.a, results[5], &error));
  g_assert_true (mp_connection_send_message_finish (pair.a, results[6], &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    g_object_unref (results[i]);
  mp_test_pair_free (&pair);
}

/* An operation of a context that is not run keeps nobody waiting. */
static void
test_idle_context (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GMainContext) context = g_main_context_new ();
  MpTestLog log = mp_test_log_new (1);

  g_main_context_push_thread_default (context);
  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  g_main_context_pop_thread_default (context);

  mp_test_send_int (pair.a, 1);
  mp_test_send_int (pair.a, 2);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);
  g_assert_cmpuint (log.numbers->len, ==, 0);

  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (log.numbers->len, ==, 1);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

/* Nor another context: what is there behind the first one's is for the next. */
static void
test_idle_context_first (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GMainContext) context = g_main_context_new ();
  MpTestLog idle = mp_test_log_new (1), log = mp_test_log_new (2);

  g_main_context_push_thread_default (context);
  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &idle);
  g_main_context_pop_thread_default (context);

  for (guint i = 0; i < 2; i++)
    mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  for (gint32 i = 1; i <= 3; i++)
    mp_test_send_int (pair.a, i);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 2);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 1), ==, 3);

  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (idle.numbers->len, ==, 1);
  g_assert_cmpint (g_array_index (idle.numbers, gint32, 0), ==, 1);

  g_array_unref (idle.numbers);
  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

/* --- Reading ---------------------------------------------------------------- */

static void
test_reading (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestEvents events;

  events = mp_test_watch (pair.b, &events);
  for (gint32 i = 0; i < 5; i++)
    mp_test_send_int (pair.a, i);
  mp_connection_start_reading (pair.b);
  mp_connection_start_reading (pair.b);
  g_assert_cmpuint (events.n_events, ==, 0);
  events.stop_after = 3;
  events.n_wanted = 3;
  mp_test_run_until (mp_test_events_are_there, &events);
  g_assert_cmpstr (events.text->str, ==, "0 1 2 ");

  /* Stopped: the next is there for who asks. */
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 3);

  mp_connection_start_reading (pair.b);
  mp_test_send_int (pair.a, 6);
  mp_connection_close (pair.a);
  events.n_wanted = 7;
  mp_test_run_until (mp_test_events_are_there, &events);
  g_assert_cmpstr (events.text->str, ==, "0 1 2 4 6 state 1 end 3 ");
  g_assert_cmpint (MP_ERROR_CLOSED, ==, 3);

  g_string_free (events.text, TRUE);
  mp_test_pair_free (&pair);
}

/* A message that was looked at and left goes to the reader. */
static void
test_reading_what_was_kept (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestEvents events;

  events = mp_test_watch (pair.b, &events);
  mp_connection_start_reading (pair.b);
  mp_test_send_int (pair.a, 1);
  g_assert_null (mp_connection_receive_bytes (pair.b, 0, -1, NULL, NULL));
  events.n_wanted = 1;
  mp_test_run_until (mp_test_events_are_there, &events);
  g_assert_cmpstr (events.text->str, ==, "1 ");

  g_string_free (events.text, TRUE);
  mp_connection_stop_reading (pair.b);
  mp_test_pair_free (&pair);
}

/* Nobody but its reading refers to the connection; it lives until the end. */
static void
test_reading_keeps_alive (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestEvents events;

  events = mp_test_watch (pair.b, &events);
  mp_connection_start_reading (pair.b);
  g_object_unref (g_steal_pointer (&pair.b));
  mp_test_send_int (pair.a, 1);
  mp_connection_close (pair.a);
  events.n_wanted = 3;
  mp_test_run_until (mp_test_events_are_there, &events);
  g_assert_cmpstr (events.text->str, ==, "1 state 1 end 3 ");

  g_string_free (events.text, TRUE);
  mp_test_pair_free (&pair);
}

static gpointer
start_reading (gpointer connection)
{
  mp_connection_start_reading (connection);
  return NULL;
}

static void
test_reading_races_with_close (void)
{
  for (guint i = 0; i < 2000; i++)
    {
      MpTestPair pair = mp_test_pair_new ();
      GThread *thread = g_thread_new ("reader", start_reading, pair.b);

      if (i % 2 == 0)
        g_thread_yield ();
      mp_connection_close (pair.b);
      g_thread_join (thread);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      mp_test_pair_free (&pair); /* nobody keeps it */
    }
}

static gpointer
start_and_stop (gpointer connection)
{
  for (guint i = 0; i < 2000; i++)
    {
      mp_connection_start_reading (connection);
      mp_connection_stop_reading (connection);
    }
  return NULL;
}

/* However two threads cross, afterwards it reads when told so, and once stopped nothing keeps it. */
static void
test_reading_is_one_thing (void)
{
  for (guint i = 0; i < 10; i++)
    {
      MpTestPair pair = mp_test_pair_new ();
      MpTestEvents events;
      GThread *threads[2];

      events = mp_test_watch (pair.b, &events);
      for (guint j = 0; j < 2; j++)
        threads[j] = g_thread_new ("reader", start_and_stop, pair.b);
      for (guint j = 0; j < 2; j++)
        g_thread_join (threads[j]);

      mp_connection_start_reading (pair.b);
      events.n_wanted = 1;
      mp_test_send_int (pair.a, 1);
      mp_test_run_until (mp_test_events_are_there, &events);
      mp_connection_stop_reading (pair.b);
      mp_test_send_int (pair.a, 2);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_assert_cmpstr (events.text->str, ==, "1 ");
      g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);

      g_string_free (events.text, TRUE);
      mp_test_pair_free (&pair); /* nobody keeps it */
    }
}

static void
test_receive_before_reading (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestEvents events;
  MpTestLog log = mp_test_log_new (1);

  events = mp_test_watch (pair.b, &events);
  mp_connection_start_reading (pair.b);
  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  mp_test_send_int (pair.a, 1);
  mp_test_send_int (pair.a, 2);
  events.n_wanted = 1;
  mp_test_run_until (mp_test_events_are_there, &events);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpstr (events.text->str, ==, "2 ");
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  mp_connection_close (pair.b);
  events.n_wanted = 2;
  mp_test_run_until (mp_test_events_are_there, &events);

  g_string_free (events.text, TRUE);
  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

static void
test_state (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestEvents events;

  events = mp_test_watch (pair.b, &events);
  g_assert_cmpint (mp_connection_get_state (pair.b), ==, MP_CONNECTION_OPEN);
  mp_connection_close (pair.b);
  mp_connection_close (pair.b);
  g_assert_cmpint (mp_connection_get_state (pair.b), ==, MP_CONNECTION_CLOSED);
  g_assert_cmpuint (events.n_events, ==, 0);
  events.n_wanted = 1;
  mp_test_run_until (mp_test_events_are_there, &events);
  g_assert_cmpstr (events.text->str, ==, "state 2 ");

  g_string_free (events.text, TRUE);
  mp_test_pair_free (&pair);
}

/* A signal comes in the connection's context, whichever thread runs that. */
static gpointer
run_context (gpointer data)
{
  MpTestEvents *events = data;

  g_main_context_push_thread_default (events->context);
  while (!mp_test_events_are_there (events))
    g_main_context_iteration (events->context, TRUE);
  g_main_context_pop_thread_default (events->context);
  return NULL;
}

static void
test_other_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  MpTestPair pair;
  MpTestEvents events;
  GThread *thread;

  g_main_context_push_thread_default (context);
  pair = mp_test_pair_new ();
  g_main_context_pop_thread_default (context);
  g_assert_true (mp_connection_get_main_context (pair.b) == context);

  events = mp_test_watch (pair.b, &events);
  events.n_wanted = 4;
  mp_connection_start_reading (pair.b);
  thread = g_thread_new ("context", run_context, &events);
  mp_test_send_int (pair.a, 1);
  mp_test_send_int (pair.a, 2);
  mp_connection_close (pair.a);
  g_thread_join (thread);
  g_assert_cmpstr (events.text->str, ==, "1 2 state 1 end 3 ");

  while (g_main_context_iteration (context, FALSE))
    ;
  g_string_free (events.text, TRUE);
  mp_test_pair_free (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_connection_init ();

  mp_test_add ("/connection/async/order", test_async);
  mp_test_add ("/connection/async/blocking-behind", test_blocking_behind_async);
  mp_test_add ("/connection/async/fails", test_async_fails);
  mp_test_add ("/connection/async/cancel-too-late", test_cancel_too_late);
  mp_test_add ("/connection/async/forms", test_async_forms);
  mp_test_add ("/connection/async/idle-context", test_idle_context);
  mp_test_add ("/connection/async/idle-context-first", test_idle_context_first);
  mp_test_add ("/connection/reading/signals", test_reading);
  mp_test_add ("/connection/reading/kept", test_reading_what_was_kept);
  mp_test_add ("/connection/reading/keeps-alive", test_reading_keeps_alive);
  mp_test_add ("/connection/reading/races-with-close", test_reading_races_with_close);
  mp_test_add ("/connection/reading/is-one-thing", test_reading_is_one_thing);
  mp_test_add ("/connection/reading/receive-before", test_receive_before_reading);
  mp_test_add ("/connection/reading/state", test_state);
  mp_test_add ("/connection/reading/other-context", test_other_context);

  return g_test_run ();
}
