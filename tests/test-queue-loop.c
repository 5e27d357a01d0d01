/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Queues in main loops: asynchronous calls, signals and sources. */

#include <string.h>

#include "mpglib.h"

#include "mp-item-private.h"
#include "mp-queue-private.h"
#include "mp-ring-end-private.h"
#include "mp-test-queue.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define FOREVER -1.0

/* --- Main loops ----------------------------------------------------------- */

/* The callbacks in the order in which they came. */
typedef struct
{
  MpQueue *queue;
  GArray  *numbers;
} Log;

static void
log_number (GObject      *queue,
            GAsyncResult *result,
            gpointer      data)
{
  Log *log = data;
  g_autoptr (GVariant) value = mp_queue_get_finish (MP_QUEUE (queue), result, NULL);
  int number = value != NULL ? g_variant_get_int32 (value) : -1;

  g_array_append_val (log->numbers, number);
}

typedef struct
{
  guint n;
  Log  *log;
} Until;

static gboolean
is_logged (gpointer data)
{
  Until *until = data;

  return until->log->numbers->len == until->n;
}

static void
expect_log (Log *log,
            guint n,
            ...)
{
  Until until = { n, log };
  va_list numbers;

  mp_test_run_until (is_logged, &until);
  va_start (numbers, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (g_array_index (log->numbers, int, i), ==, va_arg (numbers, int));
  va_end (numbers);
  g_array_set_size (log->numbers, 0);
}

static void
log_init (Log     *log,
          MpQueue *queue)
{
  log->queue = queue;
  log->numbers = g_array_new (FALSE, FALSE, sizeof (int));
}

static void
test_async_order (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new (), other = g_cancellable_new ();
  GAsyncResult *results[4] = { NULL };
  GAsyncReadyCallback keep = mp_test_keep_result;
  Log log;

  log_init (&log, queue);
  for (guint i = 0; i < 4; i++)
    mp_queue_get_async (queue, FOREVER, NULL, keep, &results[i]);
  g_assert_null (results[0]);
  mp_test_turn_loop ();
  mp_test_put_int (queue, 1);
  mp_test_put_int (queue, 2);
  mp_test_await_result (&results[1]);
  mp_test_put_int (queue, 3);
  mp_test_put_int (queue, 4);
  mp_test_await_result (&results[3]);
  for (int i = 0; i < 4; i++)
    g_assert_cmpint (mp_test_finish_int (queue, results[i]), ==, i + 1);
  mp_test_clear_results (results, 4);

  /* Those that leave do not hold up who is behind them. */
  mp_queue_get_async (queue, FOREVER, cancellable, log_number, &log);
  mp_queue_get_async (queue, FOREVER, other, log_number, &log);
  mp_queue_get_async (queue, FOREVER, NULL, log_number, &log);
  mp_test_turn_loop ();
  g_cancellable_cancel (other);
  expect_log (&log, 1, -1);
  g_cancellable_cancel (cancellable);
  expect_log (&log, 1, -1);
  mp_test_put_int (queue, 5);
  expect_log (&log, 1, 5);

  mp_queue_get_async (queue, 0.01, NULL, log_number, &log);
  mp_queue_get_async (queue, FOREVER, NULL, log_number, &log);
  expect_log (&log, 1, -1);
  mp_test_put_int (queue, 6);
  expect_log (&log, 1, 6);

  /* What is there is not for who waits longest only. */
  mp_test_put_int (queue, 7);
  mp_test_put_int (queue, 8);
  mp_test_put_int (queue, 9);
  mp_queue_get_async (queue, 0, NULL, log_number, &log);
  mp_queue_get_async (queue, FOREVER, NULL, log_number, &log);
  mp_queue_get_async (queue, 0, NULL, log_number, &log);
  mp_queue_get_async (queue, 0, NULL, log_number, &log);
  expect_log (&log, 4, 7, 8, 9, -1);
  g_array_unref (log.numbers);
}

/* Two objects for one queue have lines of their own: who waits with one ends neither later nor never for the other. */
static void
test_async_objects (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (1);
  g_autoptr (MpQueue) other = mp_test_pass_on (queue, NULL);
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[4] = { NULL };

  mp_queue_get_async (queue, FOREVER, NULL, mp_test_keep_result, &results[0]);
  mp_queue_get_async (other, FOREVER, NULL, mp_test_keep_result, &results[1]);
  mp_queue_get_async (other, FOREVER, NULL, mp_test_keep_result, &results[2]);
  mp_test_turn_loop ();
  mp_queue_close (other);
  mp_test_await_result (&results[2]);
  mp_test_expect_error (mp_queue_get_finish (other, results[1], &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_queue_get_finish (other, results[2], &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_null (results[0]);
  mp_test_put_int (queue, 1);
  mp_test_await_result (&results[0]);
  g_assert_cmpint (mp_test_finish_int (queue, results[0]), ==, 1);
  mp_test_clear_results (results, 3);

  g_clear_object (&other);
  other = mp_test_pass_on (queue, NULL);
  mp_test_put_int (queue, 2);
  mp_queue_put_async (queue, g_variant_new_int32 (3), FOREVER, NULL, mp_test_keep_result, &results[0]);
  mp_queue_put_async (other, g_variant_new_int32 (4), FOREVER, NULL, mp_test_keep_result, &results[1]);
  mp_test_turn_loop ();
  mp_queue_close (other);
  mp_test_await_result (&results[1]);
  mp_test_expect_error (!mp_queue_put_finish (other, results[1], &error), &error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpint (mp_test_get_int (queue), ==, 2);
  mp_test_await_result (&results[0]);
  g_assert_true (mp_queue_put_finish (queue, results[0], NULL));
  mp_test_clear_results (results, 2);
}

static void
test_async_put (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (1);
  GAsyncResult *results[5] = { NULL };
  g_autoptr (GBytes) bytes = g_bytes_new_static ("bytes", 5);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_string ("message"));
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  char data[] = "data";

  mp_queue_put_async (queue, g_variant_new_int32 (1), FOREVER, NULL, mp_test_keep_result, &results[0]);
  mp_queue_put_data_async (queue, (guint8 *) data, 4, NULL, FOREVER, NULL, mp_test_keep_result, &results[1]);
  mp_queue_put_bytes_async (queue, bytes, "json", FOREVER, NULL, mp_test_keep_result, &results[2]);
  mp_queue_put_message_async (queue, message, FOREVER, NULL, mp_test_keep_result, &results[3]);
  memset (data, 'x', 4);
  mp_test_await_result (&results[0]);
  g_assert_true (mp_queue_put_finish (queue, results[0], NULL));
  mp_test_turn_loop ();
  g_assert_null (results[1]);
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
  mp_test_await_result (&results[1]);
  g_assert_true (mp_queue_put_data_finish (queue, results[1], NULL));
  mp_test_expect_message (queue, "raw", "data");
  mp_test_await_result (&results[2]);
  g_assert_true (mp_queue_put_bytes_finish (queue, results[2], NULL));
  mp_test_expect_message (queue, "json", "bytes");
  mp_test_await_result (&results[3]);
  g_assert_true (mp_queue_put_message_finish (queue, results[3], NULL));

  mp_queue_put_async (queue, g_variant_new_int32 (2), 0.01, NULL, mp_test_keep_result, &results[4]);
  mp_test_await_result (&results[4]);
  mp_test_expect_error (!mp_queue_put_finish (queue, results[4], &error), &error, MP_ERROR, MP_ERROR_FULL);
  g_clear_object (&results[4]);
  mp_queue_put_async (queue, g_variant_new ("h", 2), 0.01, NULL, mp_test_keep_result, &results[4]);
  g_assert_null (results[4]);
  mp_test_await_result (&results[4]);
  mp_test_expect_error (!mp_queue_put_finish (queue, results[4], &error), &error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  value = mp_queue_get (queue, 0, NULL, NULL);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "message");
  mp_test_clear_results (results, 5);
}

/* Who has less to put does not come before who has more, not even at the end of its time. */
static void
test_async_put_order (void)
{
  g_autoptr (MpQueue) queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 8192, NULL);
  g_autofree guint8 *data = g_malloc0 (8000), *got = NULL;
  g_autoptr (GAsyncResult) large = NULL, small = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (mp_queue_put_data (queue, data, 4000, NULL, 0, NULL, NULL));
  mp_queue_put_data_async (queue, data, 8000, NULL, FOREVER, NULL, mp_test_keep_result, &large);
  mp_queue_put_data_async (queue, data, 1, NULL, 0.01, NULL, mp_test_keep_result, &small);
  mp_test_await_result (&small);
  mp_test_expect_error (!mp_queue_put_data_finish (queue, small, &error), &error, MP_ERROR, MP_ERROR_FULL);
  got = mp_queue_get_payload (queue, 0, 0, &length, NULL, NULL);
  mp_test_await_result (&large);
  g_assert_true (mp_queue_put_data_finish (queue, large, NULL));
}

/* Of 4096 bytes, four items of that leave too little for a fifth. */
#define QUARTER 1000

static MpQueue *
new_full_queue (void)
{
  MpQueue *queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 4096, NULL);
  static const guint8 data[QUARTER];

  for (guint i = 0; i < 4; i++)
    g_assert_true (mp_queue_put_data (queue, data, sizeof data, NULL, 0, NULL, NULL));
  return queue;
}

static gboolean
put_quarter (MpQueue *queue,
             gdouble  timeout)
{
  static const guint8 data[QUARTER];

  return mp_queue_put_data (queue, data, sizeof data, NULL, timeout, NULL, NULL);
}

static void
get_some (MpQueue *queue,
          guint    n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree guint8 *got = NULL;
      gsize length;

      got = mp_queue_get_payload (queue, 0, 0, &length, NULL, NULL);
      g_assert_nonnull (got);
    }
}

/* A large item that waits in a main loop is left room by those that do not. */
static void
test_async_claim (void)
{
  g_autoptr (MpQueue) queue = new_full_queue ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) large = NULL, other = NULL;
  static const guint8 data[2 * QUARTER];

  mp_queue_put_data_async (queue, data, sizeof data, NULL, FOREVER, NULL, mp_test_keep_result, &large);
  mp_test_turn_loop ();
  get_some (queue, 1);
  g_assert_false (put_quarter (queue, 0));
  get_some (queue, 1);
  mp_test_await_result (&large);
  g_assert_true (mp_queue_put_data_finish (queue, large, NULL));
  g_assert_false (put_quarter (queue, 0));

  /* And no longer than it waits. */
  mp_queue_put_data_async (queue, data, sizeof data, NULL, FOREVER, cancellable, mp_test_keep_result, &other);
  mp_test_turn_loop ();
  get_some (queue, 1);
  g_assert_false (put_quarter (queue, 0));
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&other);
  g_assert_false (mp_queue_put_data_finish (queue, other, NULL));
  g_assert_true (put_quarter (queue, 0));
}

/* But not if its loop does not run. */
static void
test_claim_of_idle_loop (void)
{
  g_autoptr (MpQueue) queue = new_full_queue ();
  g_autoptr (GAsyncResult) large = NULL, small = NULL;
  static const guint8 data[4 * QUARTER];

  mp_queue_put_data_async (queue, data, sizeof data, NULL, FOREVER, NULL, mp_test_keep_result, &large);
  mp_test_turn_loop ();
  get_some (queue, 4);
  g_assert_true (put_quarter (queue, 1000));
  g_assert_true (put_quarter (queue, 0));

  /* Another loop has a clock for that. */
  get_some (queue, 2);
  mp_test_await_result (&large);
  g_assert_true (mp_queue_put_data_finish (queue, large, NULL));
  g_clear_object (&large);
  mp_queue_put_data_async (queue, data, sizeof data, NULL, FOREVER, NULL, mp_test_keep_result, &large);
  mp_test_turn_loop ();
  get_some (queue, 1);
  {
    g_autoptr (GMainContext) context = g_main_context_new ();

    g_main_context_push_thread_default (context);
    mp_queue_put_data_async (queue, data, QUARTER, NULL, FOREVER, NULL, mp_test_keep_result, &small);
    while (small == NULL)
      g_main_context_iteration (context, TRUE);
    g_main_context_pop_thread_default (context);
  }
  g_assert_true (mp_queue_put_data_finish (queue, small, NULL));
  get_some (queue, 1);
  mp_test_await_result (&large);
}

static void
test_async_get (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  GAsyncResult *results[5] = { NULL };
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *data = NULL, *frame = NULL;
  gsize length;

  mp_queue_get_payload_async (queue, 3, FOREVER, NULL, mp_test_keep_result, &results[0]);
  mp_queue_get_payload_async (queue, 4, FOREVER, NULL, mp_test_keep_result, &results[1]);
  mp_queue_get_bytes_async (queue, 0, FOREVER, NULL, mp_test_keep_result, &results[2]);
  mp_queue_get_message_async (queue, FOREVER, NULL, mp_test_keep_result, &results[3]);
  mp_queue_get_frame_async (queue, FOREVER, NULL, mp_test_keep_result, &results[4]);
  mp_test_turn_loop ();
  for (guint i = 0; i < 4; i++)
    mp_queue_put_data (queue, (const guint8 *) "data", 4, "json", 0, NULL, NULL);
  mp_test_await_result (&results[4]);

  mp_test_expect_error (mp_queue_get_payload_finish (queue, results[0], &length, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  data = mp_queue_get_payload_finish (queue, results[1], &length, NULL);
  g_assert_cmpmem (data, length, "data", 4);
  bytes = mp_queue_get_bytes_finish (queue, results[2], NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "data", 4);
  message = mp_queue_get_message_finish (queue, results[3], NULL);
  g_assert_cmpstr (mp_message_get_codec (message), ==, "json");
  frame = mp_queue_get_frame_finish (queue, results[4], &length, NULL);
  g_assert_cmpmem (frame, length, "data\0json", 9);
  mp_test_clear_results (results, 5);
}

/* One byte behind the last record, as who puts does it with the lock. */
static void
commit_one (MpRing *ring)
{
  MpRingEnd *end = &ring->layout->put;
  MpRingMark own;
  MpRingChunks chunks;
  guint8 *place;

  mp_ring_get_last (ring, &own, &chunks);
  place = mp_ring_memory_get_place (&ring->memory, own.position);
  memcpy (place, (guint32[]) { 1, MP_ITEM_RAW }, 8);
  place[8] = 'x';
  mp_ring_set_next_chunks (end, own.count, &chunks);
  mp_ring_end_commit (ring, end, own.count, own.position + 16, own.weight + 16, 1);
  own.count += mp_ring_get_addend (own.count, 1);
  own.position += 16;
  own.weight += 16;
  mp_ring_set_last (ring, &own, &chunks);
}

/* What a loop does beside somebody who is stopped with the lock: it need not wait for that, since who commits looks at
 * the bell after it.
 */
typedef struct
{
  MpRing  *ring;
  guint32  me;
} Putter;

static Putter
begin_to_put (MpQueue *queue)
{
  Putter self = { 0 };

  self.ring = mp_queue_enter (mp_queue_get_private (queue), &self.me, NULL);
  mp_owner_lock_acquire (self.ring->table, &self.ring->layout->put.lock, self.me, MP_WAIT_NEVER_ENDS);
  return self;
}

static void
go_on_to_put (const Putter *self)
{
  g_assert_cmpuint (atomic_load (&self->ring->layout->put.lock) & MP_OWNER_WAIT, ==, 0);   /* nobody has waited */
  commit_one (self->ring);
  mp_ring_end_unlock (self->ring, &self->ring->layout->put, self->me, TRUE);
}

static void
test_putter_stopped (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree guint8 *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  Putter putter = begin_to_put (queue);

  mp_queue_get_payload_async (queue, 0, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  g_assert_null (result);

  go_on_to_put (&putter);
  mp_test_await_result (&result);
  data = mp_queue_get_payload_finish (queue, result, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (data, length, "x", 1);
}

/* A loop that does not run does not hold up another. */
static void
test_async_contexts (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GMainContext) idle = g_main_context_new ();
  g_autoptr (GAsyncResult) stuck = NULL, result = NULL;

  g_main_context_push_thread_default (idle);
  mp_queue_get_async (queue, FOREVER, NULL, mp_test_keep_result, &stuck);
  while (g_main_context_iteration (idle, FALSE))
    ;
  g_main_context_pop_thread_default (idle);
  mp_queue_get_async (queue, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  mp_test_put_int (queue, 1);
  mp_test_await_result (&result);
  g_assert_cmpint (mp_test_finish_int (queue, result), ==, 1);

  mp_test_put_int (queue, 2);
  while (stuck == NULL)
    g_main_context_iteration (idle, TRUE);
  g_assert_cmpint (mp_test_finish_int (queue, stuck), ==, 2);
}

/* --- Signals -------------------------------------------------------------- */

typedef struct
{
  guint n_calls;
  guint n_at_once;   /* what a call does at most */
  guint n_done;
  guint n_awaited;   /* calls */
} Listener;

static void
on_items (MpQueue  *queue,
          Listener *listener)
{
  listener->n_calls++;
  for (guint i = 0; i < listener->n_at_once; i++)
    {
      g_autoptr (GVariant) value = mp_queue_get (queue, 0, NULL, NULL);

      if (value == NULL)
        break;
      listener->n_done++;
    }
}

static void
on_space (MpQueue  *queue,
          Listener *listener)
{
  listener->n_calls++;
  for (guint i = 0; i < listener->n_at_once && mp_queue_put (queue, g_variant_new_int32 (0), 0, NULL, NULL); i++)
    listener->n_done++;
}

static gboolean
has_done_three (gpointer data)
{
  return ((Listener *) data)->n_done == 3;
}

static gboolean
set_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_REMOVE;
}

/* Long enough for a loop that spins to be seen. */
static void
settle (void)
{
  gboolean is_over = FALSE;

  g_timeout_add (20, set_flag, &is_over);
  mp_test_run_until_set (&is_over);
}

static gboolean
was_called_as_often (gpointer data)
{
  Listener *listener = data;

  return listener->n_calls >= listener->n_awaited;
}

/* So many times, and no more. */
static void
expect_calls (Listener *listener,
              guint     n)
{
  listener->n_awaited = n;
  mp_test_run_until (was_called_as_often, listener);
  settle ();
  g_assert_cmpuint (listener->n_calls, ==, n);
}

static void
test_item_available (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0), other = mp_test_pass_on (queue, NULL);
  Listener listener = { 0 };

  g_signal_connect (queue, "item-available", G_CALLBACK (on_items), &listener);
  mp_test_put_int (other, 0);
  expect_calls (&listener, 0);

  g_assert_false (mp_queue_get_live (queue));
  mp_queue_set_live (queue, TRUE);
  g_assert_true (mp_queue_get_live (queue));

  /* It gets nothing: once, and once more when more come. */
  expect_calls (&listener, 1);
  mp_test_put_int (other, 1);
  mp_test_put_int (other, 2);
  expect_calls (&listener, 2);

  /* One each: as often as there are some. */
  listener.n_at_once = 1;
  mp_test_put_int (other, 3);
  g_assert_cmpint (mp_test_get_int (other), ==, 0);
  mp_test_run_until (has_done_three, &listener);
  expect_calls (&listener, 5);

  mp_queue_set_live (queue, FALSE);
  mp_test_put_int (other, 4);
  expect_calls (&listener, 5);
}

static void
on_items_watch_anew (MpQueue  *queue,
                     gpointer  n_calls)
{
  g_variant_unref (mp_queue_get (queue, 0, NULL, NULL));
  mp_queue_set_live (queue, FALSE);
  mp_queue_set_live (queue, TRUE);
  ++*(guint *) n_calls;
}

static gboolean
has_been_called_thrice (gpointer n_calls)
{
  return *(guint *) n_calls == 3;
}

/* A handler may end what told it, and begin anew. */
static void
test_live_anew (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  guint n_calls = 0;

  for (gint32 i = 0; i < 3; i++)
    mp_test_put_int (queue, i);
  g_signal_connect (queue, "item-available", G_CALLBACK (on_items_watch_anew), &n_calls);
  mp_queue_set_live (queue, TRUE);
  mp_test_run_until (has_been_called_thrice, &n_calls);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_true (mp_queue_is_empty (queue));
  mp_queue_close (queue);
}

static void
test_item_of_stopped (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  Listener listener = { 0 };
  Putter putter = begin_to_put (queue);

  g_signal_connect (queue, "item-available", G_CALLBACK (on_items), &listener);
  mp_queue_set_live (queue, TRUE);
  expect_calls (&listener, 0);

  go_on_to_put (&putter);
  expect_calls (&listener, 1);
}

static void
test_space_available (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (3), other = mp_test_pass_on (queue, NULL);
  Listener listener = { .n_at_once = 1 };

  /* Nobody listens yet. */
  mp_queue_set_live (queue, TRUE);
  g_assert_null (mp_queue_get_private (queue)->watches[MP_QUEUE_SPACE]);
  g_signal_connect (queue, "space-available", G_CALLBACK (on_space), &listener);
  mp_queue_set_live (queue, TRUE);
  g_assert_null (mp_queue_get_private (queue)->watches[MP_QUEUE_ITEMS]);
  mp_test_run_until (has_done_three, &listener);
  expect_calls (&listener, 3);
  g_assert_true (mp_queue_is_full (queue));

  listener.n_at_once = 0;
  mp_test_get_int (other);
  mp_test_get_int (other);
  expect_calls (&listener, 4);

  mp_queue_close (queue);
  g_assert_false (mp_queue_get_live (queue));
  mp_test_get_int (other);
  expect_calls (&listener, 4);
}

static void
on_items_there (MpQueue      *queue,
                GMainContext *context)
{
  g_assert_true (g_main_context_is_owner (context));
  mp_test_get_int (queue);
}

static void
on_space_put_quarter (MpQueue  *queue,
                      Listener *listener)
{
  listener->n_calls++;
  listener->n_done += put_quarter (queue, 0);
}

static gboolean
has_done_one (gpointer data)
{
  return ((Listener *) data)->n_done > 0;
}

/* Who is told of room that another has claimed is told again when that has left it for too long. */
static void
test_space_that_is_claimed (void)
{
  g_autoptr (MpQueue) queue = new_full_queue (), other = mp_test_pass_on (queue, NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GAsyncResult) large = NULL;
  static const guint8 data[4 * QUARTER];
  Listener listener = { 0 };

  g_main_context_push_thread_default (context);
  mp_queue_put_data_async (other, data, sizeof data, NULL, FOREVER, NULL, mp_test_keep_result, &large);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);

  get_some (queue, 4);
  g_signal_connect (queue, "space-available", G_CALLBACK (on_space_put_quarter), &listener);
  mp_queue_set_live (queue, TRUE);
  mp_test_run_until (has_done_one, &listener);
  g_assert_cmpuint (listener.n_calls, >, 1);
  mp_queue_set_live (queue, FALSE);

  get_some (queue, mp_queue_get_length (queue));
  while (large == NULL)
    g_main_context_iteration (context, TRUE);
}

static void
test_main_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MpQueue) queue = g_object_new (MP_TYPE_QUEUE, "main-context", context, NULL);
  g_autoptr (MpQueue) plain = mp_queue_new (0);

  g_assert_true (mp_queue_get_main_context (queue) == context);
  g_assert_true (mp_queue_get_main_context (plain) == g_main_context_default ());
  g_signal_connect (queue, "item-available", G_CALLBACK (on_items_there), context);
  g_object_set (queue, "live", TRUE, NULL);
  mp_test_put_int (queue, 1);
  while (!mp_queue_is_empty (queue))
    g_main_context_iteration (context, TRUE);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (mp_test_warm_up_queue);

  mp_test_add ("/queue/async/order", test_async_order);
  mp_test_add ("/queue/async/objects", test_async_objects);
  mp_test_add ("/queue/async/put", test_async_put);
  mp_test_add ("/queue/async/put-order", test_async_put_order);
  mp_test_add ("/queue/async/claim", test_async_claim);
  mp_test_add ("/queue/async/claim-of-idle-loop", test_claim_of_idle_loop);
  mp_test_add ("/queue/async/get", test_async_get);
  mp_test_add ("/queue/async/putter-stopped", test_putter_stopped);
  mp_test_add ("/queue/async/contexts", test_async_contexts);
  mp_test_add ("/queue/item-available", test_item_available);
  mp_test_add ("/queue/live-anew", test_live_anew);
  mp_test_add ("/queue/item-of-stopped", test_item_of_stopped);
  mp_test_add ("/queue/space-available", test_space_available);
  mp_test_add ("/queue/space-that-is-claimed", test_space_that_is_claimed);
  mp_test_add ("/queue/main-context", test_main_context);
  return g_test_run ();
}
