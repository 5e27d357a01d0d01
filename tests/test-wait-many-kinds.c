/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Waiting for many processes, queues and listeners beside connections. */

#include <signal.h>
#include <unistd.h>

#include "mp-test-wait-many.h"

/* --- Processes -------------------------------------------------------------- */

static GVariant *
wait_for_word (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       user_data,
               GError       **error)
{
  g_autoptr (MpShareable) connection = mp_message_get_attachment (arguments, 0, error);
  g_autoptr (GVariant) word = mp_connection_receive (MP_CONNECTION (connection), -1, NULL, NULL);

  return NULL;
}

static void
test_processes (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  g_autoptr (MpConnection) talkative = g_object_ref (pairs[1].a);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  MpProcess *processes[2];
  GAsyncResult *result = NULL;
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (MpMessage) arguments = mp_message_new (g_variant_new ("()"));

      mp_message_attach (arguments, MP_SHAREABLE (pairs[i].b));
      processes[i] = mp_process_new_with_message (context, "wait-for-word", arguments);
      g_assert_true (mp_process_start (processes[i], &error));
      g_assert_no_error (error);
    }

  {
    GObject *objects[] = { G_OBJECT (processes[0]), G_OBJECT (talkative), G_OBJECT (processes[1]) };

    mp_test_assert_wait_fails (objects, 3, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
    mp_test_send_int (pairs[1].a, 1);
    g_assert_cmpuint (mp_test_wait_for_many (objects, 3, MP_TEST_DEADLINE, processes[1], &error), ==, 1);
    g_assert_no_error (error);
    g_assert_false (mp_process_is_alive (processes[1]));
    g_assert_cmpint (mp_process_get_exit_code (processes[1]), ==, 0);

    mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
    mp_process_kill (processes[0], NULL);
    ready = mp_test_finish_wait (&result, &n_ready, &error);
    g_assert_no_error (error);
    g_assert_cmpint (mp_process_get_exit_code (processes[0]), ==, -SIGKILL);
  }

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (mp_process_join (processes[i], MP_TEST_DEADLINE, NULL, NULL));
      g_object_unref (processes[i]);
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&talkative);
  mp_test_pair_free (&pairs[0]);
  mp_test_pair_free (&pairs[1]);
}

/* --- Queues ----------------------------------------------------------------- */

static gpointer
put_one (gpointer queue)
{
  g_assert_true (mp_queue_put (queue, g_variant_new_int32 (1), -1, NULL, NULL));
  return NULL;
}

static gpointer
close_it (gpointer queue)
{
  mp_queue_close (queue);
  return NULL;
}

static void
test_queues (void)
{
  MpQueue *queues[2] = { mp_queue_new (0), mp_queue_new (0) };
  MpTestPair pair = mp_test_pair_new ();
  GObject *objects[] = { G_OBJECT (pair.b), G_OBJECT (queues[0]), G_OBJECT (queues[1]) };
  GAsyncResult *result = NULL;
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  GThread *thread;
  guint n_ready;

  mp_test_assert_wait_fails (objects, 3, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
  for (guint i = 0; i < 300; i++)
    {
      g_autoptr (GVariant) item = NULL;

      thread = g_thread_new ("putter", put_one, queues[i % 2]);
      g_assert_cmpuint (mp_test_wait_for_many (objects, 3, MP_TEST_DEADLINE, queues[i % 2], &error), ==, 1);
      g_assert_no_error (error);
      item = mp_queue_get (queues[i % 2], 0, NULL, &error);
      g_assert_no_error (error);
      g_thread_join (thread);
    }

  mp_wait_many_async (objects, 3, -1, NULL, mp_test_keep_result, &result);
  put_one (queues[1]);
  ready = mp_test_finish_wait (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_true (n_ready == 1 && ready[0] == objects[2]);
  g_variant_unref (mp_queue_get (queues[1], 0, NULL, NULL));

  thread = g_thread_new ("closer", close_it, queues[0]);
  mp_test_assert_wait_fails (objects, 3, MP_TEST_DEADLINE, MP_ERROR, MP_ERROR_CLOSED);
  g_thread_join (thread);
  mp_test_pair_free (&pair);
  g_clear_object (&queues[0]);
  g_clear_object (&queues[1]);
}

/* Nobody looks after them: while nothing comes, nothing wakes. */
static void
test_sleeps (void)
{
  MpTestPair pairs[50];
  GObject *objects[50];
  guint64 before;

  for (guint i = 0; i < 50; i++)
    {
      pairs[i] = mp_test_pair_new ();
      objects[i] = G_OBJECT (pairs[i].b);
    }
  before = mp_test_count_sleeps (getpid ());
  mp_test_assert_wait_fails (objects, 50, 0.2, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpuint (mp_test_count_sleeps (getpid ()) - before, <, 10);
  for (guint i = 0; i < 50; i++)
    mp_test_pair_free (&pairs[i]);
}

static gpointer
connect_to (gpointer address)
{
  return mp_connection_open (address, NULL, MP_TEST_DEADLINE, NULL, NULL);
}

/* A listener is ready when somebody can be accepted, and not before. */
static void
test_listeners (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpListener) listener = mp_listener_new (NULL, NULL);
  GObject *objects[] = { G_OBJECT (pair.b), G_OBJECT (listener) };
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;

  mp_test_assert_wait_fails (objects, 2, 0, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_assert_true (mp_listener_open (listener, &error));
  address = mp_listener_get_address (listener);
  mp_test_assert_wait_fails (objects, 2, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
  mp_test_assert_wait_fails (objects, 2, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);

  for (guint i = 0; i < 30; i++)
    {
      GThread *thread = g_thread_new ("client", connect_to, address);
      g_autoptr (MpConnection) client = NULL;
      g_autoptr (MpConnection) server = NULL;

      g_assert_cmpuint (mp_test_wait_for_many (objects, 2, MP_TEST_DEADLINE, listener, &error), ==, 1);
      g_assert_no_error (error);
      g_assert_cmpuint (mp_test_wait_for_many (objects, 2, 0, listener, &error), ==, 1);
      server = mp_listener_accept (listener, 0, NULL, &error);
      g_assert_no_error (error);
      client = g_thread_join (thread);
      g_assert_nonnull (client);
      mp_test_assert_wait_fails (objects, 2, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
    }

  mp_listener_close (listener);
  mp_test_assert_wait_fails (objects, 2, -1, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

/* What all processes share stays, once it is there. */
static void
warm_up (void)
{
  g_type_ensure (G_TYPE_TASK);
  test_processes ();
  test_queues ();
  test_listeners ();
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("wait-for-word", wait_for_word, NULL, NULL);
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/wait-many/processes", test_processes);
  mp_test_add ("/wait-many/queues", test_queues);
  mp_test_add ("/wait-many/listeners", test_listeners);
  mp_test_add ("/wait-many/sleeps", test_sleeps);

  return g_test_run ();
}
