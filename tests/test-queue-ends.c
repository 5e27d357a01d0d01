/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* How a wait for an item or for room ends without one: it is cancelled, a signal interrupts it, or the queue is
 * closed.
 */

#include <pthread.h>
#include <signal.h>

#include "mpglib.h"

#include "mp-cancel-watch-private.h"
#include "mp-queue-private.h"
#include "mp-test-queue.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define FOREVER -1.0

/* --- Ends of waits -------------------------------------------------------- */

/* Or as good as. */
static void
yield_until_waiting (GCancellable *cancellable)
{
  while (!mp_cancel_watch_is_one_of (cancellable))
    g_thread_yield ();
}

static gpointer
cancel_waiting (gpointer cancellable)
{
  yield_until_waiting (cancellable);
  g_cancellable_cancel (cancellable);
  return NULL;
}

typedef struct
{
  MpQueue      *queue;
  GCancellable *cancellable;
  GThread      *threads[3];
} Joined;

static gpointer
get_to_be_joined (gpointer data)
{
  Joined *joined = data;
  GError *error = NULL;

  g_assert_null (mp_queue_get (joined->queue, FOREVER, joined->cancellable, &error));
  return error;
}

static void
join (GCancellable *cancellable,
      Joined       *joined)
{
  for (guint i = 0; i < G_N_ELEMENTS (joined->threads); i++)
    {
      g_autoptr (GError) error = g_thread_join (joined->threads[i]);

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
}

/* Who cancels may wait in a handler of its own for the threads whose waits that ends, whenever it was connected. */
static void
test_cancel_joins (gconstpointer is_before)
{
  g_autoptr (MpQueue) queue = mp_queue_new (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Joined joined = { queue, cancellable, { NULL } };

  alarm (20);
  if (is_before)
    g_cancellable_connect (cancellable, G_CALLBACK (join), &joined, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (joined.threads); i++)
    joined.threads[i] = g_thread_new ("get", get_to_be_joined, &joined);
  yield_until_waiting (cancellable);
  if (!is_before)
    g_cancellable_connect (cancellable, G_CALLBACK (join), &joined, NULL);
  g_cancellable_cancel (cancellable);
  alarm (0);
}

/* Who has cancelled gets nothing and puts nothing, not even what could be got or put at once. */
static void
test_cancelled_before (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (9);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;
  gsize length = 1;
  int code = G_IO_ERROR_CANCELLED;

  mp_test_put_int (queue, 1);
  g_cancellable_cancel (cancellable);
  mp_test_expect_error (mp_queue_get (queue, FOREVER, cancellable, &error) == NULL, &error, G_IO_ERROR, code);
  mp_test_expect_error (mp_queue_get_many (queue, 9, 0, cancellable, &error) == NULL, &error, G_IO_ERROR, code);
  mp_test_expect_error (mp_queue_get_message (queue, 0, cancellable, &error) == NULL, &error, G_IO_ERROR, code);
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_int32 (2), 0, cancellable, &error), &error,
                        G_IO_ERROR, code);
  mp_test_expect_error (!mp_queue_put_data (queue, &byte, 1, NULL, FOREVER, cancellable, &error), &error,
                        G_IO_ERROR, code);
  mp_test_expect_error (mp_queue_put_many_data (queue, &byte, 1, &length, 1, NULL, 0, cancellable, &error) == 0, &error,
                        G_IO_ERROR, code);
  g_assert_cmpuint (mp_queue_get_length (queue), ==, 1);
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
}

static void
test_cancel (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (1);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      GThread *thread = g_thread_new ("cancel", cancel_waiting, cancellable);

      if (i == 0)
        g_assert_null (mp_queue_get (queue, FOREVER, cancellable, &error));
      else
        g_assert_false (mp_queue_put (queue, g_variant_new_int32 (2), FOREVER, cancellable, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_thread_join (thread);
      g_clear_error (&error);

      /* And what is cancelled before does not wait. */
      if (i == 0)
        g_assert_null (mp_queue_get (queue, 0, cancellable, &error));
      else
        g_assert_false (mp_queue_put (queue, g_variant_new_int32 (2), 0, cancellable, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      if (i == 0)
        mp_test_put_int (queue, 1);
    }
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
}

static void
on_signal (int number)
{
}

typedef struct
{
  pthread_t thread;
  int       is_over;
} Target;

static gpointer
send_signals (gpointer data)
{
  Target *target = data;

  while (!g_atomic_int_get (&target->is_over))
    {
      pthread_kill (target->thread, SIGUSR1);
      g_thread_yield ();
    }

  return NULL;
}

static void
test_interrupted (void)
{
  struct sigaction action = { .sa_handler = on_signal }, saved;
  Target target = { pthread_self (), FALSE };
  g_autoptr (MpQueue) queue = mp_queue_new (1);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  sigaction (SIGUSR1, &action, &saved);
  mp_thread_set_interruptible (TRUE);
  thread = g_thread_new ("signals", send_signals, &target);
  mp_test_expect_error (mp_queue_get (queue, MP_TEST_DEADLINE, NULL, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_INTERRUPTED);
  mp_test_put_int (queue, 1);
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_int32 (2), MP_TEST_DEADLINE, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_INTERRUPTED);
  g_atomic_int_set (&target.is_over, TRUE);
  g_thread_join (thread);
  mp_thread_set_interruptible (FALSE);
  sigaction (SIGUSR1, &saved, NULL);
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
}

/* --- Closing -------------------------------------------------------------- */

/* Both wait for ever, and neither may get or put anything. */
static gpointer
wait_for_item (gpointer queue)
{
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (mp_queue_get (queue, FOREVER, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  return NULL;
}

static gpointer
wait_for_space (gpointer queue)
{
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_int32 (2), FOREVER, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  return NULL;
}

static gboolean
has_waits (gpointer queue)
{
  MpQueuePrivate *priv = mp_queue_get_private (queue);
  guint n;

  mp_queue_lock_own (priv);
  n = g_queue_get_length (&priv->waits);
  g_mutex_unlock (&priv->lock);
  return n == 2;
}

static void
test_closed (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (1), same = mp_test_pass_on (queue, NULL);
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  gsize length;

  mp_test_put_int (queue, 1);
  mp_queue_close (queue);
  mp_queue_close (queue);
  g_assert_true (mp_queue_is_closed (queue));
  mp_test_expect_string (queue, "<Mp.Queue closed>");
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_int32 (2), 0, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_queue_put_many (queue, mp_test_make_numbers (0, 2), 0, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (!mp_queue_put_message (queue, message, 0, NULL, &error), &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_queue_get (queue, FOREVER, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_queue_get_frame (queue, FOREVER, &length, NULL, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_queue_get_many (queue, 2, FOREVER, NULL, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_test_pass_on (queue, &error) == NULL, &error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_queue_get_async (queue, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_await_result (&first);
  mp_test_expect_error (mp_queue_get_finish (queue, first, &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpuint (mp_queue_get_length (queue), ==, 1);

  /* It is this object that was closed, and the item is there. */
  g_assert_false (mp_queue_is_closed (same));
  mp_queue_put_async (same, g_variant_new_int32 (2), FOREVER, NULL, mp_test_keep_result, &second);
  mp_test_turn_loop ();
  g_assert_null (second);
  mp_queue_close (same);
  mp_test_await_result (&second);
  mp_test_expect_error (!mp_queue_put_finish (same, second, &error), &error, MP_ERROR, MP_ERROR_CLOSED);
}

static void
test_closed_while_waited (void)
{
  g_autoptr (MpQueue) full = mp_queue_new (1), empty = mp_queue_new (1), other = mp_test_pass_on (empty, NULL);
  g_autoptr (GAsyncResult) result = NULL, others = NULL;
  g_autoptr (GError) error = NULL;
  GThread *threads[4];

  mp_test_put_int (full, 1);
  threads[0] = g_thread_new ("get", wait_for_item, empty);
  threads[1] = g_thread_new ("get", wait_for_item, empty);
  threads[2] = g_thread_new ("put", wait_for_space, full);
  threads[3] = g_thread_new ("put", wait_for_space, full);
  mp_queue_get_async (empty, FOREVER, NULL, mp_test_keep_result, &result);
  mp_queue_get_async (other, FOREVER, NULL, mp_test_keep_result, &others);
  mp_test_turn_loop ();
  while (!has_waits (empty) || !has_waits (full))
    g_thread_yield ();

  mp_queue_close (empty);
  mp_queue_close (full);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  mp_test_await_result (&result);
  mp_test_expect_error (mp_queue_get_finish (empty, result, &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_turn_loop ();
  g_assert_null (others);
  mp_test_put_int (other, 5);
  mp_test_await_result (&others);
  g_assert_cmpint (mp_test_finish_int (other, others), ==, 5);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (mp_test_warm_up_queue);

  mp_test_add ("/queue/cancel", test_cancel);
  mp_test_add ("/queue/cancelled-before", test_cancelled_before);
  mp_test_add_data ("/queue/cancel-joins", GINT_TO_POINTER (FALSE), test_cancel_joins);
  mp_test_add_data ("/queue/cancel-joins/before", GINT_TO_POINTER (TRUE), test_cancel_joins);
  mp_test_add ("/queue/interrupted", test_interrupted);
  mp_test_add ("/queue/closed", test_closed);
  mp_test_add ("/queue/closed-while-waited", test_closed_while_waited);
  return g_test_run ();
}
