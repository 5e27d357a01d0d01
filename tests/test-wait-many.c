/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <mpglib.h>

#include "mp-test-connection.h"
#include "mp-test.h"

/* Fails with whatever went wrong, or tells how many are ready, the first of them being `first`. */
static guint
wait_for (GObject  **objects,
          guint      n_objects,
          gdouble    timeout,
          gpointer   first,
          GError   **error)
{
  guint n_ready = 7;
  g_autofree GObject **ready = mp_wait_many (objects, n_objects, timeout, &n_ready, NULL, error);

  g_assert_cmpuint (n_ready == 0, ==, ready == NULL);
  if (ready != NULL)
    g_assert_true (ready[0] == first);
  return n_ready;
}

static void
assert_fails (GObject **objects,
              guint     n_objects,
              gdouble   timeout,
              GQuark    domain,
              int       code)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (wait_for (objects, n_objects, timeout, NULL, &error), ==, 0);
  g_assert_error (error, domain, code);
}

/* --- What is ready ---------------------------------------------------------- */

static void
test_order (void)
{
  MpTestPair pairs[3] = { mp_test_pair_new (), mp_test_pair_new (), mp_test_pair_new () };
  GObject *objects[] = { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b), G_OBJECT (pairs[2].b), G_OBJECT (pairs[1].b) };
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  assert_fails (objects, 4, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
  assert_fails (objects, 4, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_test_send_int (pairs[2].a, 1);
  mp_test_send_int (pairs[1].a, 2);
  ready = mp_wait_many (objects, 4, -1, &n_ready, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (ready, n_ready * sizeof *ready, objects + 1, 3 * sizeof *ready);

  /* Nothing was taken, and the end counts. */
  g_assert_cmpint (mp_test_receive_int (pairs[2].b), ==, 1);
  g_assert_cmpint (mp_test_receive_int (pairs[1].b), ==, 2);
  mp_connection_close (pairs[0].a);
  g_assert_cmpuint (wait_for (objects, 4, -1, pairs[0].b, &error), ==, 1);

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

      g_assert_cmpuint (wait_for (objects, 3, MP_TEST_DEADLINE, pairs[i % 3].b, &error), ==, 1);
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

    assert_fails (objects, 4, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
    assert_fails (objects, 4, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
    g_assert_cmpint (write (pipe_fds[1], "abc", 3), ==, 3);
    g_assert_cmpuint (wait_for (objects, 4, -1, descriptor, &error), ==, 2);
    g_assert_cmpint (read (mp_descriptor_get_fd (descriptor), text, 3), ==, 3);
    assert_fails (objects, 4, 0, MP_ERROR, MP_ERROR_TIMED_OUT);

    g_assert_cmpint (write (socket_fds[1], "abc", 3), ==, 3);
    g_assert_cmpuint (wait_for (objects, 4, -1, socket, &error), ==, 2);
    g_assert_cmpint (g_socket_receive (socket, text, 3, NULL, &error), ==, 3);
    close (pipe_fds[1]);
    g_assert_cmpuint (wait_for (objects, 4, -1, descriptor, &error), ==, 2);
    close (socket_fds[1]);
    g_assert_cmpuint (wait_for (objects, 4, -1, socket, &error), ==, 4);
    g_assert_no_error (error);

    g_socket_close (socket, NULL);
    assert_fails (objects, 4, -1, MP_ERROR, MP_ERROR_CLOSED);
    g_assert_true (g_input_stream_close (stream, NULL, &error));
    assert_fails (objects + 3, 1, -1, MP_ERROR, MP_ERROR_CLOSED);
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
        assert_fails (objects, 3, -1, MP_ERROR, wrongs[i].code);
      }
  }
  mp_test_pair_free (&pair);
}

typedef struct
{
  GObject *objects[2];
  GCancellable *cancellable;
  gboolean is_interruptible;
  pthread_t thread;
  MpTestWaiter waiter;
} Many;

static gpointer
wait_in_thread (gpointer data)
{
  Many *many = data;
  GError *error = NULL;
  guint n_ready;

  many->thread = pthread_self ();
  mp_thread_set_interruptible (many->is_interruptible);
  g_atomic_int_set (&many->waiter.has_begun, TRUE);
  g_free (mp_wait_many (many->objects, 2, MP_TEST_DEADLINE, &n_ready, many->cancellable, &error));
  return error;
}

static GThread *
start (Many *many)
{
  GThread *thread = g_thread_new ("waiter", wait_in_thread, many);

  mp_test_wait_until_asleep (&many->waiter, 1);
  return thread;
}

static void
test_cancel (void)
{
  MpTestPair pairs[2] = { mp_test_pair_new (), mp_test_pair_new () };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Many many = { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) }, .cancellable = cancellable };
  GThread *thread = start (&many);
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
  Many many = { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) }, .is_interruptible = TRUE };
  struct sigaction action = { .sa_handler = on_signal };
  GThread *thread;

  sigaction (SIGUSR1, &action, NULL);
  thread = start (&many);
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
  Many many = { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) } };
  GThread *thread = start (&many);

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
  assert_fails (objects, 1, -1, MP_ERROR, MP_ERROR_TOO_BIG);
  mp_test_send_int (pair.a, 1);
  g_assert_cmpuint (wait_for (objects, 1, -1, pair.b, &error), ==, 1);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  assert_fails (objects, 1, 0.001, MP_ERROR, MP_ERROR_TIMED_OUT);

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
  assert_fails (objects, 1, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
  thread = g_thread_new ("sender", send_two, pair.a);
  g_assert_cmpuint (wait_for (objects, 1, MP_TEST_DEADLINE, pair.b, &error), ==, 1);
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
  g_assert_cmpuint (wait_for (objects, 1, MP_TEST_DEADLINE, pair.a, &error), ==, 1);
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
  Many many[3];
  GThread *threads[3];

  for (guint i = 0; i < 3; i++)
    {
      many[i] = (Many) { { G_OBJECT (pairs[0].b), G_OBJECT (pairs[1].b) } };
      threads[i] = g_thread_new ("waiter", wait_in_thread, &many[i]);
      mp_test_wait_until_asleep (&many[i].waiter, i + 1);
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

static GObject **
finish (GAsyncResult **result,
        guint         *n_ready,
        GError       **error)
{
  GObject **ready;

  mp_test_await_result (result);
  ready = mp_wait_many_finish (*result, n_ready, error);
  g_clear_object (result);
  return ready;
}

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
  ready = finish (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (ready, n_ready * sizeof *ready, objects + 1, sizeof *ready);
  g_clear_pointer (&ready, g_free);

  /* What is there when it is called is told, though not at once. */
  mp_wait_many_async (objects, 2, 0, NULL, mp_test_keep_result, &result);
  g_assert_null (result);
  ready = finish (&result, &n_ready, &error);
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
      g_assert_null (finish (&result, &n_ready, &error));
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
  ready = finish (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_ready, ==, 1);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);

  mp_test_pair_free (&pair);
}

/* --- Closed meanwhile ------------------------------------------------------- */

/* Of a pipe to which nobody writes; `other_end` keeps it from its end. */
static MpDescriptor *
new_silent (int *other_end)
{
  g_autoptr (GError) error = NULL;
  MpDescriptor *descriptor;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, &error));
  descriptor = mp_descriptor_duplicate (fds[0], &error);
  g_assert_no_error (error);
  close (fds[0]);
  *other_end = fds[1];
  return descriptor;
}

static void
test_descriptor_closes (void)
{
  MpTestPair pair = mp_test_pair_new ();
  int other_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  Many many = { { G_OBJECT (pair.b), G_OBJECT (descriptor) } };
  GThread *thread = start (&many);

  mp_descriptor_close (descriptor);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);
  close (other_end);
  mp_test_pair_free (&pair);
}

static gpointer
close_descriptor (gpointer descriptor)
{
  mp_descriptor_close (descriptor);
  return NULL;
}

/* Before the wait, while it begins, and while it ends because of another. */
static void
test_descriptor_closes_at_any_time (void)
{
  MpTestPair pair = mp_test_pair_new ();

  for (guint i = 0; i < 500; i++)
    {
      int other_end;
      g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
      GObject *objects[] = { G_OBJECT (pair.b), G_OBJECT (descriptor) };
      GThread *closer = g_thread_new ("closer", close_descriptor, descriptor);

      if (i % 2 == 0)
        {
          assert_fails (objects, 2, MP_TEST_DEADLINE, MP_ERROR, MP_ERROR_CLOSED);
        }
      else
        {
          GThread *sender = g_thread_new ("sender", send_one, pair.a);
          g_autoptr (GError) error = NULL;

          if (wait_for (objects, 2, MP_TEST_DEADLINE, pair.b, &error) == 0)
            g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
          g_thread_join (sender);
          g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
        }
      g_thread_join (closer);
      close (other_end);
    }

  mp_test_pair_free (&pair);
}

/* Another file has the number by the time that the loop runs, and nothing to be read. */
static void
test_descriptor_number_is_taken (void)
{
  int other_end, third_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  g_autoptr (MpDescriptor) third = new_silent (&third_end);
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *results[2] = { NULL, NULL };
  int number = mp_descriptor_get_fd (descriptor);

  for (guint i = 0; i < 2; i++)
    mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &results[i]);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_true (results[0] == NULL && results[1] == NULL);

  mp_descriptor_close (descriptor);
  g_assert_cmpint (dup3 (mp_descriptor_get_fd (third), number, O_CLOEXEC), ==, number);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      guint n_ready;

      g_assert_null (finish (&results[i], &n_ready, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
    }

  close (number);
  close (other_end);
  close (third_end);
}

/* The other side sees the end when it is closed, and not when the wait has ended. */
static void
test_descriptor_is_let_go (void)
{
  int other_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  mp_descriptor_close (descriptor);
  mp_test_poll (other_end, POLLERR);
  g_assert_null (finish (&result, &n_ready, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  close (other_end);
}

/* In a forked child, where nobody goes on with the wait of the parent's. */
static void
close_in_child (MpDescriptor *descriptor)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  alarm ((guint) MP_TEST_DEADLINE);
  g_main_context_push_thread_default (context);
  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  mp_descriptor_close (descriptor);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  g_assert_null (mp_wait_many_finish (result, &n_ready, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  _exit (0);
}

static void
test_descriptor_closes_in_a_fork (void)
{
  int other_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *result = NULL;
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;
  pid_t pid;

  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  pid = fork ();
  if (pid == 0)
    close_in_child (descriptor);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);

  g_assert_cmpint (write (other_end, "a", 1), ==, 1);
  ready = finish (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_true (n_ready == 1 && ready[0] == objects[0]);
  close (other_end);
}

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

    assert_fails (objects, 3, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
    mp_test_send_int (pairs[1].a, 1);
    g_assert_cmpuint (wait_for (objects, 3, MP_TEST_DEADLINE, processes[1], &error), ==, 1);
    g_assert_no_error (error);
    g_assert_false (mp_process_is_alive (processes[1]));
    g_assert_cmpint (mp_process_get_exit_code (processes[1]), ==, 0);

    mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
    mp_process_kill (processes[0], NULL);
    ready = finish (&result, &n_ready, &error);
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

  assert_fails (objects, 3, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);
  for (guint i = 0; i < 300; i++)
    {
      g_autoptr (GVariant) item = NULL;

      thread = g_thread_new ("putter", put_one, queues[i % 2]);
      g_assert_cmpuint (wait_for (objects, 3, MP_TEST_DEADLINE, queues[i % 2], &error), ==, 1);
      g_assert_no_error (error);
      item = mp_queue_get (queues[i % 2], 0, NULL, &error);
      g_assert_no_error (error);
      g_thread_join (thread);
    }

  mp_wait_many_async (objects, 3, -1, NULL, mp_test_keep_result, &result);
  put_one (queues[1]);
  ready = finish (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_true (n_ready == 1 && ready[0] == objects[2]);
  g_variant_unref (mp_queue_get (queues[1], 0, NULL, NULL));

  thread = g_thread_new ("closer", close_it, queues[0]);
  assert_fails (objects, 3, MP_TEST_DEADLINE, MP_ERROR, MP_ERROR_CLOSED);
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
  assert_fails (objects, 50, 0.2, MP_ERROR, MP_ERROR_TIMED_OUT);
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

  assert_fails (objects, 2, 0, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_assert_true (mp_listener_open (listener, &error));
  address = mp_listener_get_address (listener);
  assert_fails (objects, 2, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
  assert_fails (objects, 2, 0.01, MP_ERROR, MP_ERROR_TIMED_OUT);

  for (guint i = 0; i < 30; i++)
    {
      GThread *thread = g_thread_new ("client", connect_to, address);
      g_autoptr (MpConnection) client = NULL;
      g_autoptr (MpConnection) server = NULL;

      g_assert_cmpuint (wait_for (objects, 2, MP_TEST_DEADLINE, listener, &error), ==, 1);
      g_assert_no_error (error);
      g_assert_cmpuint (wait_for (objects, 2, 0, listener, &error), ==, 1);
      server = mp_listener_accept (listener, 0, NULL, &error);
      g_assert_no_error (error);
      client = g_thread_join (thread);
      g_assert_nonnull (client);
      assert_fails (objects, 2, 0, MP_ERROR, MP_ERROR_TIMED_OUT);
    }

  mp_listener_close (listener);
  assert_fails (objects, 2, -1, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

static void
test_listener_closes (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpListener) listener = mp_listener_new (NULL, NULL);
  Many many = { { G_OBJECT (pair.b), G_OBJECT (listener) } };
  GThread *thread;

  g_assert_true (mp_listener_open (listener, NULL));
  thread = start (&many);
  mp_listener_close (listener);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);
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
  mp_test_add ("/wait-many/descriptor-closes", test_descriptor_closes);
  mp_test_add ("/wait-many/descriptor-closes-at-any-time", test_descriptor_closes_at_any_time);
  mp_test_add ("/wait-many/descriptor-number-is-taken", test_descriptor_number_is_taken);
  mp_test_add ("/wait-many/descriptor-is-let-go", test_descriptor_is_let_go);
  mp_test_add ("/wait-many/descriptor-closes-in-a-fork", test_descriptor_closes_in_a_fork);
  mp_test_add ("/wait-many/processes", test_processes);
  mp_test_add ("/wait-many/queues", test_queues);
  mp_test_add ("/wait-many/listeners", test_listeners);
  mp_test_add ("/wait-many/listener-closes", test_listener_closes);
  mp_test_add ("/wait-many/sleeps", test_sleeps);

  return g_test_run ();
}
