/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Waiting for many: which are ready, and how a wait ends. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <glib-unix.h>

#include "mp-test-wait-many.h"

/* --- What is ready ---------------------------------------------------------- */

static void
test_order (void)
{
  MpTestPair pairs[3] = { mp_test_pair_new (), mp_test_pair_new (), mp_test_pair_new () };
  GObject *objects[] = { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b), G_OBJECT (pairs[2].b), G_OBJECT (pairs[1].b) };
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  mp_test_assert_wait_fails (objects, 4, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
  mp_test_assert_wait_fails (objects, 4, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_test_send_int (pairs[2].a, 1);
  mp_test_send_int (pairs[1].a, 2);
  ready = mp_wait_many (objects, 4, -1, &n_ready, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (ready, n_ready * sizeof *ready, objects + 1, 3 * sizeof *ready);

  /* Nothing was taken, and the end counts. */
  g_assert_cmpint (mp_test_receive_int (pairs[2].b), ==, 1);
  g_assert_cmpint (mp_test_receive_int (pairs[1].b), ==, 2);
  mp_connection_close (pairs[0].a);
  g_assert_cmpuint (mp_test_wait_for_many (objects, 4, -1, pairs[0].b, &error), ==, 1);

  for (guint i = 0; i < 3; i++)
    mp_test_pair_free (&pairs[i]);
}

static gpointer
send_one (gpointer connection)
{
  mp_test_send_int (connection, 1);
  return NULL;
}

/* A message that comes during the wait ends it, whatever else is waited for. */
static void
test_comes_later (void)
{
  MpTestPair pairs[3] = { mp_test_pair_new (), mp_test_pair_new (), mp_test_pair_new () };
  GObject *objects[] = { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b), G_OBJECT (pairs[2].b) };

  for (guint i = 0; i < 300; i++)
    {
      GThread *thread = g_thread_new ("sender", send_one, pairs[i % 3].a);
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (mp_test_wait_for_many (objects, 3, MP_TEST_DEADLINE, pairs[i % 3].b, &error), ==, 1);
      g_assert_no_error (error);
      g_assert_cmpint (mp_test_receive_int (pairs[i % 3].b), ==, 1);
      g_thread_join (thread);
    }

  for (guint i = 0; i < 3; i++)
    mp_test_pair_free (&pairs[i]);
}

/* Descriptors, sockets and streams, for those who read and at the end. */
static void
test_descriptors (void)
{
  int pipe_fds[2], socket_fds[2];
  g_autoptr (MpDescriptor) descriptor = NULL;
  g_autoptr (MpDescriptor) of_socket = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  char text[4];

  g_assert_true (g_unix_open_pipe (pipe_fds, FD_CLOEXEC, NULL));
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket_fds), ==, 0);
  descriptor = mp_descriptor_duplicate (pipe_fds[0], &error);
  socket = g_socket_new_from_fd (socket_fds[0], &error);
  of_socket = mp_descriptor_duplicate_socket (socket, &error);
  stream = g_unix_input_stream_new (pipe_fds[0], TRUE);
  g_assert_no_error (error);

  {
    GObject *objects[] = { G_OBJECT (socket), G_OBJECT (of_socket), G_OBJECT (descriptor), G_OBJECT (stream) };

    mp_test_assert_wait_fails (objects, 4, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
    mp_test_assert_wait_fails (objects, 4, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
    g_assert_cmpint (write (pipe_fds[1], "abc", 3), ==, 3);
    g_assert_cmpuint (mp_test_wait_for_many (objects, 4, -1, descriptor, &error), ==, 2);
    g_assert_cmpint (read (mp_descriptor_get_fd (descriptor), text, 3), ==, 3);
    mp_test_assert_wait_fails (objects, 4, 0, MP_ERROR, MP_ERROR_TIMED_OUT);

    g_assert_cmpint (write (socket_fds[1], "abc", 3), ==, 3);
    g_assert_cmpuint (mp_test_wait_for_many (objects, 4, -1, socket, &error), ==, 2);
    g_assert_cmpint (g_socket_receive (socket, text, 3, NULL, &error), ==, 3);
    close (pipe_fds[1]);
    g_assert_cmpuint (mp_test_wait_for_many (objects, 4, -1, descriptor, &error), ==, 2);
    close (socket_fds[1]);
    g_assert_cmpuint (mp_test_wait_for_many (objects, 4, -1, socket, &error), ==, 4);
    g_assert_no_error (error);

    g_socket_close (socket, NULL);
    mp_test_assert_wait_fails (objects, 4, -1, MP_ERROR, MP_ERROR_CLOSED);
    g_assert_true (g_input_stream_close (stream, NULL, &error));
    mp_test_assert_wait_fails (objects + 3, 1, -1, MP_ERROR, MP_ERROR_CLOSED);
  }
}

/* --- How a wait ends -------------------------------------------------------- */

static void
test_wrong (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpConnection) reader = NULL;
  g_autoptr (MpConnection) writer = NULL;
  g_autoptr (MpProcess) process = mp_process_new (NULL, "nothing", NULL);
  g_autoptr (MpDescriptor) bare = g_object_new (MP_TYPE_DESCRIPTOR, NULL);
  g_autoptr (GCancellable) other = g_cancellable_new ();

  g_assert_true (mp_connection_new_pair (FALSE, &reader, &writer, NULL));
  mp_test_send_int (pair.a, 1); /* which is not what is told of */

  {
    struct
    {
      gpointer object;
      int code;
    } wrongs[] = {
      { writer, MP_ERROR_NOT_SUPPORTED },
      { process, MP_ERROR_INVALID_STATE },
      { bare, MP_ERROR_INVALID_STATE },
      { other, MP_ERROR_NOT_SUPPORTED },
      { pair.b, MP_ERROR_CLOSED },
    };

    for (guint i = 0; i < G_N_ELEMENTS (wrongs); i++)
      {
        GObject *objects[] = { G_OBJECT (reader), G_OBJECT (pair.b), wrongs[i].object };

        if (wrongs[i].code == MP_ERROR_CLOSED)
          mp_connection_close (pair.b);
        mp_test_assert_wait_fails (objects, 3, -1, MP_ERROR, wrongs[i].code);
      }
  }
  mp_test_pair_free (&pair);
}

static void
test_cancel (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpTestMany many = { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) }, .cancellable = cancellable };
  GThread *thread = mp_test_start_many (&many, 1);
  g_autoptr (GError) error = NULL;
  guint n_ready;

  g_cancellable_cancel (cancellable);
  mp_test_finish_waiter (thread, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mp_test_send_int (pairs[0].a, 1);
  g_assert_null (mp_wait_many (many.objects, 2, -1, &n_ready, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  mp_test_pair_free (&pairs[0]);
  mp_test_pair_free (&pairs[1]);
}

static void
on_signal (int number)
{
}

static void
test_interrupt (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  MpTestMany many = { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) }, .is_interruptible = TRUE };
  struct sigaction action = { .sa_handler = on_signal };
  GThread *thread;

  sigaction (SIGUSR1, &action, NULL);
  thread = mp_test_start_many (&many, 1);
  pthread_kill (many.thread, SIGUSR1);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_INTERRUPTED);

  signal (SIGUSR1, SIG_DFL);
  mp_test_pair_free (&pairs[0]);
  mp_test_pair_free (&pairs[1]);
}

static void
test_close (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  MpTestMany many = { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) } };
  GThread *thread = mp_test_start_many (&many, 1);

  mp_connection_close (pairs[1].b);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pairs[0]);
  mp_test_pair_free (&pairs[1]);
}

/* Without descriptors it fails, and with them it works again. */
static void
test_without_descriptors (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GObject *objects[] = { G_OBJECT (pair.b) };
  g_autoptr (GError) error = NULL;
  struct rlimit old, none;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  none = (struct rlimit) { 0, old.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  mp_test_assert_wait_fails (objects, 1, -1, MP_ERROR, MP_ERROR_TOO_BIG);
  mp_test_send_int (pair.a, 1);
  g_assert_cmpuint (mp_test_wait_for_many (objects, 1, -1, pair.b, &error), ==, 1);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  mp_test_assert_wait_fails (objects, 1, 0.001, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_test_pair_free (&pair);
}

/* --- Beside other operations ------------------------------------------------ */

static gpointer
send_two (gpointer connection)
{
  mp_test_send_int (connection, 1);
  mp_test_send_int (connection, 2);
  return NULL;
}

/* A receive that was called before gets its message, though nobody runs its context meanwhile. */
static void
test_behind_async (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GObject *objects[] = { G_OBJECT (pair.b) };
  MpTestLog log = mp_test_log_new (1);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  mp_connection_receive_async (pair.b, -1, NULL, mp_test_log_received, &log);
  mp_test_assert_wait_fails (objects, 1, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
  thread = g_thread_new ("sender", send_two, pair.a);
  g_assert_cmpuint (mp_test_wait_for_many (objects, 1, MP_TEST_DEADLINE, pair.b, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);
  g_thread_join (thread);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

static gpointer
receive_all_and_answer (gpointer connection)
{
  gpointer n = mp_test_receive_all (connection);

  mp_test_send_int (connection, 1);
  return n;
}

/* And so does a send, for which the other end waits before it answers. */
static void
test_sends_meanwhile (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GObject *objects[] = { G_OBJECT (pair.a) };
  gint32 n = mp_test_fill (pair.a);
  MpTestLog log = mp_test_log_new (2);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  mp_connection_send_async (pair.a, g_variant_new_int32 (n), -1, NULL, mp_test_log_sent, &log);
  mp_connection_send_async (pair.a, g_variant_new_int32 (-1), -1, NULL, mp_test_log_sent, &log);
  thread = g_thread_new ("receiver", receive_all_and_answer, pair.b);
  g_assert_cmpuint (mp_test_wait_for_many (objects, 1, MP_TEST_DEADLINE, pair.a, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, n + 1);
  mp_test_run_until (mp_test_log_is_complete, &log);

  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

/* Of many that wait for the same, all are told, and one gets it. */
static void
test_several (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  MpTestMany many[3];
  GThread *threads[3];

  for (guint i = 0; i < 3; i++)
    {
      many[i] = (MpTestMany) { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) } };
      threads[i] = mp_test_start_many (&many[i], i + 1);
    }
  mp_test_send_int (pairs[1].a, 1);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = g_thread_join (threads[i]);

      g_assert_no_error (error);
    }
  g_assert_cmpint (mp_test_receive_int (pairs[1].b), ==, 1);

  mp_test_pair_free (&pairs[0]);
  mp_test_pair_free (&pairs[1]);
}

/* --- Asynchronously --------------------------------------------------------- */

static void
test_async (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  GObject *objects[] = { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) };
  g_autofree GObject **ready = NULL;
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  mp_wait_many_async (objects, 2, -1, NULL, mp_test_keep_result, &result);
  mp_test_send_int (pairs[1].a, 1);
  g_assert_null (result);
  ready = mp_test_finish_wait (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (ready, n_ready * sizeof *ready, objects + 1, sizeof *ready);
  g_clear_pointer (&ready, g_free);

  /* What is there when it is called is told, though not at once. */
  mp_wait_many_async (objects, 2, 0, NULL, mp_test_keep_result, &result);
  g_assert_null (result);
  ready = mp_test_finish_wait (&result, &n_ready, &error);
  g_assert_cmpuint (n_ready, ==, 1);
  g_assert_cmpint (mp_test_receive_int (pairs[1].b), ==, 1);

  mp_test_pair_free (&pairs[0]);
  mp_test_pair_free (&pairs[1]);
}

static void
test_async_fails (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  GObject *objects[] = { G_OBJECT (pair.b), G_OBJECT (pair.a) };
  struct
  {
    gdouble timeout;
    GCancellable *cancellable;
    gboolean closes;
    GQuark domain;
    int code;
  } rows[] = {
    { 0, NULL, FALSE, MP_ERROR, MP_ERROR_TIMED_OUT },
    { 0.01, NULL, FALSE, MP_ERROR, MP_ERROR_TIMED_OUT },
    { -1, cancelled, FALSE, G_IO_ERROR, G_IO_ERROR_CANCELLED },
    { -1, cancellable, FALSE, G_IO_ERROR, G_IO_ERROR_CANCELLED },
    { -1, NULL, TRUE, MP_ERROR, MP_ERROR_CLOSED },
    { -1, NULL, FALSE, MP_ERROR, MP_ERROR_CLOSED },
  };

  g_cancellable_cancel (cancelled);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GAsyncResult *result = NULL;
      g_autoptr (GError) error = NULL;
      guint n_ready = 1;

      mp_wait_many_async (objects, 2, rows[i].timeout, rows[i].cancellable, mp_test_keep_result, &result);
      g_assert_null (result);
      if (rows[i].cancellable == cancellable)
        g_cancellable_cancel (cancellable);
      if (rows[i].closes)
        mp_connection_close (pair.b);
      g_assert_null (mp_test_finish_wait (&result, &n_ready, &error));
      g_assert_cmpuint (n_ready, ==, 0);
      g_assert_error (error, rows[i].domain, rows[i].code);
    }

  mp_test_pair_free (&pair);
}

/* A waiter whose message another one took waits on. */
static void
test_taken_by_another (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GObject *objects[] = { G_OBJECT (pair.b) };
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree GObject **ready = NULL;
  guint n_ready;

  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  mp_test_send_int (pair.a, 1);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);
  mp_test_send_int (pair.a, 2);
  ready = mp_test_finish_wait (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_ready, ==, 1);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);

  mp_test_pair_free (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (test_async);

  mp_test_add ("/wait-many/order", test_order);
  mp_test_add ("/wait-many/comes-later", test_comes_later);
  mp_test_add ("/wait-many/descriptors", test_descriptors);
  mp_test_add ("/wait-many/wrong", test_wrong);
  mp_test_add ("/wait-many/cancel", test_cancel);
  mp_test_add ("/wait-many/interrupt", test_interrupt);
  mp_test_add ("/wait-many/close", test_close);
  mp_test_add ("/wait-many/without-descriptors", test_without_descriptors);
  mp_test_add ("/wait-many/behind-async", test_behind_async);
  mp_test_add ("/wait-many/sends-meanwhile", test_sends_meanwhile);
  mp_test_add ("/wait-many/several", test_several);
  mp_test_add ("/wait-many/async", test_async);
  mp_test_add ("/wait-many/async-fails", test_async_fails);
  mp_test_add ("/wait-many/taken-by-another", test_taken_by_another);

  return g_test_run ();
}
