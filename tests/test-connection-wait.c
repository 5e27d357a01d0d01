/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <mpglib.h>

#include "mp-test-connection.h"
#include "mp-test.h"

#define MIB ((gsize) 1024 * 1024)

static void
test_timeout (void)
{
  MpTestPair pair = mp_test_pair_new ();
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  gint32 n;

  g_assert_null (mp_connection_receive (pair.b, 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 20000);

  n = mp_test_fill (pair.a);
  begin = g_get_monotonic_time ();
  g_assert_false (mp_connection_send (pair.a, g_variant_new_int32 (-1), 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 20000);

  /* Nothing of it was sent. */
  for (gint32 i = 0; i < n; i++)
    g_assert_cmpint (mp_test_receive_int (pair.b), ==, i);
  mp_test_assert_nothing (pair.b);

  mp_test_pair_free (&pair);
}

/* Nor of one that has begun to go in parts, because no descriptor is left. */
static void
test_timeout_amid_parts (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GBytes) bytes = mp_test_new_bytes (5 * MIB);
  g_autoptr (GError) error = NULL;
  struct rlimit old, none;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  none = (struct rlimit) { 0, old.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  g_assert_false (mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_test_assert_nothing (pair.b);
  mp_test_send_int (pair.a, 5);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 5);

  mp_test_pair_free (&pair);
}

/* Size does not count as time, but room does. */
static void
test_large_without_time (void)
{
  const gsize sizes[] = { 100, 60000, MIB, 5 * MIB / 2, 8 * MIB };
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GError) error = NULL;
  gboolean is_full = FALSE;

  for (guint i = 0; i < 2 * G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = mp_test_new_bytes (sizes[i / 2]);
      g_autoptr (GBytes) received = NULL;
      g_autoptr (GAsyncResult) result = NULL;

      if (i % 2 == 0)
        mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error);
      else
        {
          mp_connection_send_bytes_async (pair.a, bytes, NULL, 0, NULL, mp_test_keep_result, &result);
          mp_test_await_result (&result);
          mp_connection_send_bytes_finish (pair.a, result, &error);
        }
      g_assert_no_error (error);
      received = mp_connection_receive_bytes (pair.b, 0, 0, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (received, bytes));
    }

  while (!is_full)
    {
      g_autoptr (GBytes) bytes = mp_test_new_bytes (20 * MIB);

      is_full = !mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error);
    }
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_test_pair_free (&pair);
}

/* A send that is copied in slices can still be cancelled, and leaves nothing. */
static void
test_cancel_amid_copying (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GBytes) bytes = mp_test_new_bytes (8 * MIB);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mp_connection_send_bytes_async (pair.a, bytes, NULL, 0, cancellable, mp_test_keep_result, &result);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  g_assert_false (mp_connection_send_bytes_finish (pair.a, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mp_test_assert_nothing (pair.b);
  mp_test_send_int (pair.a, 5);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 5);

  g_clear_object (&result);
  mp_test_pair_free (&pair);
}

static gpointer
send_soon (gpointer data)
{
  mp_test_send_int (data, 42);
  return NULL;
}

static void
test_wait_for_message (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GThread *thread = g_thread_new ("sender", send_soon, pair.a);

  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 42);
  g_thread_join (thread);

  mp_test_pair_free (&pair);
}

static void
test_wait_for_room (void)
{
  MpTestPair pair = mp_test_pair_new ();
  gint32 n = mp_test_fill (pair.a);
  GThread *thread = g_thread_new ("receiver", mp_test_receive_all, pair.b);

  for (gint32 i = 0; i < 1000; i++)
    mp_test_send_int (pair.a, i);
  mp_test_send_int (pair.a, -1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, n + 1000);

  mp_test_pair_free (&pair);
}

static void
test_cancel_blocking (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpTestWaiter waiter = { .connection = pair.b, .cancellable = cancellable };
  GThread *thread = mp_test_start_waiter (&waiter);
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  mp_test_finish_waiter (thread, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* Cancelled before: takes nothing, though something is there. */
  mp_test_send_int (pair.a, 3);
  g_assert_null (mp_connection_receive (pair.b, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 3);

  mp_test_pair_free (&pair);
}

static gpointer
send_long_in_thread (gpointer data)
{
  MpTestWaiter *waiter = data;
  g_autoptr (GBytes) bytes = mp_test_new_bytes (2 * 1024 * 1024);
  GError *error = NULL;

  g_atomic_int_set (&waiter->has_begun, TRUE);
  while (mp_connection_send_bytes (waiter->connection, bytes, NULL, -1, waiter->cancellable, &error))
    ;
  return error;
}

/* Room beside it, for what goes another way, does not keep a sender from its sleep. */
static void
test_cancel_long_send (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpTestWaiter waiter = { .connection = pair.a, .cancellable = cancellable };
  GThread *thread = g_thread_new ("waiter", send_long_in_thread, &waiter);

  mp_test_wait_until_asleep (&waiter, 1);
  g_cancellable_cancel (cancellable);
  mp_test_finish_waiter (thread, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  mp_test_pair_free (&pair);
}

/* One of several polls; when it goes, another one does. */
static void
test_wait_in_turn (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestWaiter waiters[3] = { { pair.b, NULL, 0 }, { pair.b, NULL, 0 }, { pair.b, NULL, 0 } };
  GThread *threads[3];

  for (guint i = 0; i < 3; i++)
    {
      threads[i] = g_thread_new ("waiter", mp_test_wait_in_thread, &waiters[i]);
      mp_test_wait_until_asleep (&waiters[i], i + 1);
    }

  for (guint i = 0; i < 3; i++)
    {
      GError *error;

      mp_test_send_int (pair.a, 1);
      error = g_thread_join (threads[i]);
      g_assert_no_error (error);
    }

  mp_test_pair_free (&pair);
}

static void
test_close_while_waiting (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestWaiter waiter = { .connection = pair.b };
  GThread *thread = mp_test_start_waiter (&waiter);

  mp_connection_close (pair.b);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_assert_receive_fails (pair.a, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
}

static void
test_peer_closes_while_waiting (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestWaiter waiter = { .connection = pair.b };
  GThread *thread = mp_test_start_waiter (&waiter);

  mp_connection_close (pair.a);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
}

static int n_signals;

static void
on_signal (int number)
{
  g_atomic_int_inc (&n_signals);
}

typedef struct
{
  MpTestWaiter waiter;
  gboolean is_interruptible;
  pthread_t thread;
  int has_returned; /* the first wait */
} Interrupted;

static gpointer
wait_interruptibly (gpointer data)
{
  Interrupted *interrupted = data;
  GError *error;

  interrupted->thread = pthread_self ();
  mp_thread_set_interruptible (interrupted->is_interruptible);
  error = mp_test_wait_in_thread (&interrupted->waiter);
  mp_thread_set_interruptible (FALSE); /* another signal may be on its way */
  g_atomic_int_set (&interrupted->has_returned, TRUE);

  /* And again, as whoever was interrupted does. */
  if (g_error_matches (error, MP_ERROR, MP_ERROR_INTERRUPTED))
    g_assert_cmpint (mp_test_receive_int (interrupted->waiter.connection), ==, 9);
  return error;
}

static void
test_signal (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  Interrupted interrupted = {
    .waiter = { .connection = pair.b },
    .is_interruptible = GPOINTER_TO_INT (data),
  };
  struct sigaction action = { .sa_handler = on_signal };
  g_autoptr (GError) error = NULL;
  GThread *thread;
  int n = g_atomic_int_get (&n_signals);

  sigaction (SIGUSR1, &action, NULL);
  thread = g_thread_new ("waiter", wait_interruptibly, &interrupted);
  mp_test_wait_until_asleep (&interrupted.waiter, 1);

  pthread_kill (interrupted.thread, SIGUSR1);
  while (g_atomic_int_get (&n_signals) == n)
    g_thread_yield ();
  /* A message that is there when the signal has been handled would be taken all the same */
  while (interrupted.is_interruptible && !g_atomic_int_get (&interrupted.has_returned))
    {
      /* Asleep it may have been elsewhere, before it waited */
      pthread_kill (interrupted.thread, SIGUSR1);
      g_thread_yield ();
    }
  mp_test_send_int (pair.a, 9);

  error = g_thread_join (thread);
  if (interrupted.is_interruptible)
    g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
  else
    g_assert_no_error (error);

  signal (SIGUSR1, SIG_DFL);
  mp_test_pair_free (&pair);
}

static void
test_poll (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_connection_poll (pair.b, 0));
  g_assert_false (mp_connection_poll (pair.b, 0.001));
  g_assert_false (mp_connection_wait_readable (pair.b, 0.001, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_test_send_int (pair.a, 1);
  g_assert_true (mp_connection_poll (pair.b, -1));
  g_assert_true (mp_connection_poll (pair.b, 0));
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  g_assert_false (mp_connection_poll (pair.b, 0));

  g_cancellable_cancel (cancellable);
  g_assert_false (mp_connection_wait_readable (pair.b, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* At the end a receive would not wait either. */
  mp_connection_close (pair.a);
  g_assert_true (mp_connection_poll (pair.b, -1));
  mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
}

static gpointer
wait_until_closed (gpointer connection)
{
  GError *error = NULL;

  g_assert_false (mp_connection_wait_readable (connection, -1, NULL, &error));
  return error;
}

/* Of this end nothing is to be received, so waiting for it is as wrong as receiving, in all forms and at any time, and
 * whatever was there.
 */
static void
test_closed_here (gconstpointer has_message)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) of_thread = NULL;
  GObject *object = G_OBJECT (pair.b);
  GAsyncResult *results[3] = { NULL };
  GThread *thread = NULL;
  guint n_ready;

  if (has_message)
    mp_test_send_int (pair.a, 1);
  else
    {
      mp_connection_wait_readable_async (pair.b, -1, NULL, mp_test_keep_result, &results[0]);
      mp_wait_many_async (&object, 1, -1, NULL, mp_test_keep_result, &results[1]);
      thread = g_thread_new ("wait", wait_until_closed, pair.b);
      g_main_context_iteration (NULL, FALSE);
    }
  mp_connection_close (pair.b);

  if (thread != NULL)
    {
      of_thread = g_thread_join (thread);
      g_assert_error (of_thread, MP_ERROR, MP_ERROR_CLOSED);
      mp_test_await_result (&results[0]);
      g_assert_false (mp_connection_wait_readable_finish (pair.b, results[0], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
      g_clear_error (&error);
      mp_test_await_result (&results[1]);
      g_assert_null (mp_wait_many_finish (results[1], &n_ready, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
      g_clear_error (&error);
    }

  g_assert_false (mp_connection_poll (pair.b, 0));
  g_assert_false (mp_connection_poll (pair.b, -1));
  g_assert_false (mp_connection_wait_readable (pair.b, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  mp_connection_wait_readable_async (pair.b, -1, NULL, mp_test_keep_result, &results[2]);
  mp_test_await_result (&results[2]);
  g_assert_false (mp_connection_wait_readable_finish (pair.b, results[2], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (mp_wait_many (&object, 1, -1, &n_ready, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    g_clear_object (&results[i]);
  mp_test_pair_free (&pair);
}

static gboolean
is_readable (int fd)
{
  struct pollfd poll_fd = { fd, POLLIN, 0 };

  return poll (&poll_fd, 1, 0) == 1;
}

/* The descriptor shows a message wherever it is, and nothing else. */
static void
test_fd (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GError) error = NULL;
  int fd = mp_connection_get_fd (pair.b, &error);

  g_assert_no_error (error);
  g_assert_cmpint (mp_connection_get_fd (pair.b, NULL), ==, fd);
  g_assert_false (is_readable (fd));

  mp_test_send_int (pair.a, 1);
  mp_test_send_int (pair.a, 2);
  mp_test_poll (fd, POLLIN);
  g_assert_true (mp_connection_poll (pair.b, 0));
  g_assert_true (is_readable (fd));
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  g_assert_true (is_readable (fd));
  g_assert_null (mp_connection_receive_bytes (pair.b, 0, 0, NULL, NULL));
  g_assert_true (is_readable (fd));
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);
  g_assert_false (is_readable (fd));

  /* Large bodies, and reading of the other end, show nothing. */
  {
    g_autoptr (GBytes) large = mp_test_new_bytes (MIB);
    g_autoptr (GBytes) received = NULL;

    mp_connection_send_bytes (pair.b, large, NULL, -1, NULL, NULL);
    received = mp_connection_receive_bytes (pair.a, 0, -1, NULL, NULL);
    g_assert_nonnull (received);
    g_assert_false (is_readable (fd));
  }

  mp_connection_close (pair.a);
  g_assert_true (is_readable (fd));
  mp_connection_close (pair.b);
  g_assert_cmpint (mp_connection_get_fd (pair.b, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_connection_init ();

  mp_test_add ("/connection/wait/timeout", test_timeout);
  mp_test_add ("/connection/wait/timeout-amid-parts", test_timeout_amid_parts);
  mp_test_add ("/connection/wait/large-without-time", test_large_without_time);
  mp_test_add ("/connection/wait/cancel-amid-copying", test_cancel_amid_copying);
  mp_test_add ("/connection/wait/message", test_wait_for_message);
  mp_test_add ("/connection/wait/room", test_wait_for_room);
  mp_test_add ("/connection/wait/cancel", test_cancel_blocking);
  mp_test_add ("/connection/wait/cancel-long-send", test_cancel_long_send);
  mp_test_add ("/connection/wait/in-turn", test_wait_in_turn);
  mp_test_add ("/connection/wait/close", test_close_while_waiting);
  mp_test_add ("/connection/wait/peer-closes", test_peer_closes_while_waiting);
  mp_test_add_data ("/connection/wait/signal", GINT_TO_POINTER (FALSE), test_signal);
  mp_test_add_data ("/connection/wait/signal-interrupts", GINT_TO_POINTER (TRUE), test_signal);
  mp_test_add ("/connection/wait/poll", test_poll);
  mp_test_add_data ("/connection/wait/closed-here", GINT_TO_POINTER (FALSE), test_closed_here);
  mp_test_add_data ("/connection/wait/closed-here/message", GINT_TO_POINTER (TRUE), test_closed_here);
  mp_test_add ("/connection/wait/fd", test_fd);

  return g_test_run ();
}
