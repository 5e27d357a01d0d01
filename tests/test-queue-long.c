/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Long items in main loops: no turn copies more than a part of one. */

#include <string.h>
#include <sys/mman.h>

#include "mpglib.h"

#include "mp-message-private.h"
#include "mp-queue-private.h"
#include "mp-test-process.h"
#include "mp-test-queue.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define FOREVER -1.0
#define MIB     (1024 * 1024)

/* Not of whole parts. */
#define N_PARTS 24
#define LENGTH  (N_PARTS * MIB - 5)

static GBytes *
new_long (void)
{
  guint8 *data = g_malloc (LENGTH);

  for (guint i = 0; i < LENGTH; i++)
    data[i] = (guint8) (i * 31 + (i >> 12));
  return g_bytes_new_take (data, LENGTH);
}

/* In shared memory, that is not free. */
static guint
count_extents (MpQueue *queue)
{
  guint32 me;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);
  guint n = 0;

  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    n += (guint32) atomic_load (&ring->memory.extents[i].state) != 0;
  return n;
}

/* So far that it has begun, and not ended. */
static void
turn_some (GAsyncResult **result)
{
  for (guint i = 0; i < N_PARTS / 4; i++)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (*result);
}

static void
finish_put (MpQueue       *queue,
            GAsyncResult **result)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_queue_put_bytes_finish (queue, *result, &error));
  g_assert_no_error (error);
  g_clear_object (result);
}

static void
expect_got (MpQueue       *queue,
            GAsyncResult **result,
            GBytes        *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = mp_queue_get_bytes_finish (queue, *result, &error);

  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, expected));
  g_clear_object (result);
}

/* Others in the loop have a turn for each part, and what comes behind stays behind. */
static void
check_parts (gdouble timeout)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GBytes) bytes = new_long (), none = g_bytes_new_static ("", 0);
  GAsyncResult *results[2] = { NULL };

  mp_queue_put_bytes_async (queue, bytes, NULL, timeout, NULL, mp_test_keep_result, &results[0]);
  mp_queue_put_bytes_async (queue, none, NULL, timeout, NULL, mp_test_keep_result, &results[1]);
  g_assert_cmpuint (mp_test_count_turns (&results[0]), >=, N_PARTS / 2);
  mp_test_count_turns (&results[1]);
  for (guint i = 0; i < 2; i++)
    finish_put (queue, &results[i]);

  mp_queue_get_bytes_async (queue, 0, timeout, NULL, mp_test_keep_result, &results[0]);
  mp_queue_get_bytes_async (queue, 0, timeout, NULL, mp_test_keep_result, &results[1]);
  g_assert_cmpuint (mp_test_count_turns (&results[0]), >=, N_PARTS / 2);
  mp_test_count_turns (&results[1]);
  expect_got (queue, &results[0], bytes);
  expect_got (queue, &results[1], none);
  g_assert_cmpuint (count_extents (queue), ==, 0);
}

static void
test_parts (void)
{
  check_parts (FOREVER);
}

/* Which is for the wait alone. */
static void
test_no_time (void)
{
  check_parts (0);
}

/* What was not put is nowhere. */
static void
test_cancelled_put (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) bytes = new_long ();
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  mp_queue_put_bytes_async (queue, bytes, NULL, FOREVER, cancellable, mp_test_keep_result, &result);
  turn_some (&result);
  g_assert_cmpuint (count_extents (queue), ==, 1);
  g_cancellable_cancel (cancellable);
  mp_test_count_turns (&result);
  g_assert_false (mp_queue_put_bytes_finish (queue, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_object_unref (result);
  g_assert_true (mp_queue_is_empty (queue));
  g_assert_cmpuint (count_extents (queue), ==, 0);
}

typedef enum
{
  BY_CANCELLING,
  BY_CLOSING,
} EndOfWait;

/* What was taken is got. */
static void
test_ended_get (gconstpointer data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) bytes = new_long ();
  GAsyncResult *result = NULL;

  g_assert_true (mp_queue_put_bytes (queue, bytes, NULL, 0, NULL, NULL));
  mp_queue_get_bytes_async (queue, 0, FOREVER, cancellable, mp_test_keep_result, &result);
  turn_some (&result);
  g_assert_true (mp_queue_is_empty (queue));
  if (GPOINTER_TO_INT (data) == BY_CANCELLING)
    g_cancellable_cancel (cancellable);
  else
    mp_queue_close (queue);
  mp_test_count_turns (&result);
  expect_got (queue, &result, bytes);
}

static gsize
get_nth_length (GVariant *values,
                gsize     n)
{
  g_autoptr (GVariant) boxed = g_variant_get_child_value (values, n);
  g_autoptr (GVariant) value = g_variant_get_variant (boxed);

  return g_variant_get_size (value);
}

static void
expect_lengths (MpQueue *queue,
                gsize    n,
                gsize    first)
{
  GAsyncResult *result = NULL;
  g_autoptr (GVariant) values = NULL;

  mp_queue_get_many_async (queue, 10, 0, NULL, mp_test_keep_result, &result);
  mp_test_count_turns (&result);
  values = mp_queue_get_many_finish (queue, result, NULL);
  g_assert_cmpuint (g_variant_n_children (values), ==, n);
  g_assert_cmpuint (get_nth_length (values, 0), ==, first);
  g_object_unref (result);
}

/* Of several each long one has turns of its own. */
static void
test_many (void)
{
  static const gsize lengths[] = { 1, 2, LENGTH, LENGTH, 3 };
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GBytes) bytes = new_long ();

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    g_assert_true (mp_queue_put_data (queue, g_bytes_get_data (bytes, NULL), lengths[i], NULL, 0, NULL, NULL));
  expect_lengths (queue, 2, 1);
  expect_lengths (queue, 1, LENGTH);
  expect_lengths (queue, 2, LENGTH);
  g_assert_true (mp_queue_is_empty (queue));
}

/* It counts as held from when it was taken, and is done when that is said. */
static void
test_joinable (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GBytes) bytes = new_long ();
  GAsyncResult *result = NULL;

  g_assert_true (mp_queue_put_bytes (MP_QUEUE (queue), bytes, NULL, 0, NULL, NULL));
  mp_queue_get_bytes_async (MP_QUEUE (queue), 0, FOREVER, NULL, mp_test_keep_result, &result);
  turn_some (&result);
  g_assert_false (mp_joinable_queue_join (queue, 0, NULL, NULL));
  mp_test_count_turns (&result);
  expect_got (MP_QUEUE (queue), &result, bytes);
  g_assert_true (mp_joinable_queue_task_done (queue, NULL));
  g_assert_true (mp_joinable_queue_join (queue, 0, NULL, NULL));
  g_assert_cmpuint (count_extents (MP_QUEUE (queue)), ==, 0);
}

/* What others get and do meanwhile is theirs: a part of an item is nothing that could be done. */
static void
test_done_beside (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GBytes) bytes = new_long (), none = g_bytes_new_static ("", 0), other = NULL;
  GAsyncResult *result = NULL;

  g_assert_true (mp_queue_put_bytes (MP_QUEUE (queue), bytes, NULL, 0, NULL, NULL));
  mp_queue_get_bytes_async (MP_QUEUE (queue), 0, FOREVER, NULL, mp_test_keep_result, &result);
  turn_some (&result);
  g_assert_true (mp_queue_put_bytes (MP_QUEUE (queue), none, NULL, 0, NULL, NULL));
  other = mp_queue_get_bytes (MP_QUEUE (queue), 0, 0, NULL, NULL);
  g_assert_cmpuint (g_bytes_get_size (other), ==, 0);
  g_assert_true (mp_joinable_queue_task_done (queue, NULL));
  g_assert_false (mp_joinable_queue_task_done (queue, NULL));
  mp_test_count_turns (&result);
  expect_got (MP_QUEUE (queue), &result, bytes);
  g_assert_true (mp_joinable_queue_task_done (queue, NULL));
  g_assert_true (mp_joinable_queue_join (queue, 0, NULL, NULL));
}

typedef struct
{
  const char *codec;   /* NULL: a value */
  const char *type;
} Spelt;

static const Spelt spelt_bytes = { .codec = "abc" };
static const Spelt spelt_value = { .type = "a(yy)" };

static void
unmap (gpointer memory)
{
  munmap (memory, LENGTH - 1);
}

static void
start_spelt_put (MpQueue      *queue,
                 const Spelt  *spelt,
                 GBytes       *bytes,
                 GAsyncResult **result)
{
  g_autoptr (GVariant) value = NULL;

  if (spelt->codec != NULL)
    {
      mp_queue_put_bytes_async (queue, bytes, spelt->codec, FOREVER, NULL, mp_test_keep_result, result);
      return;
    }

  value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (spelt->type), bytes, TRUE));
  mp_queue_put_async (queue, value, FOREVER, NULL, mp_test_keep_result, result);
}

/* A codec or a type that has to be written behind the body is no reason to copy that in the call, where it cannot be
 * read yet.
 */
static void
test_spelt (gconstpointer data)
{
  const Spelt *spelt = data;
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GBytes) expected = new_long (), bytes = NULL;
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;
  guint8 *memory = mmap (NULL, LENGTH - 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  g_assert_true (memory != MAP_FAILED);
  memcpy (memory, g_bytes_get_data (expected, NULL), LENGTH - 1);
  bytes = g_bytes_new_with_free_func (memory, LENGTH - 1, unmap, memory);

  g_assert_cmpint (mprotect (memory, LENGTH - 1, PROT_NONE), ==, 0);
  start_spelt_put (queue, spelt, bytes, &result);
  g_assert_cmpint (mprotect (memory, LENGTH - 1, PROT_READ), ==, 0);

  turn_some (&result);
  mp_test_await_result (&result);
  g_assert_true (spelt->codec != NULL ? mp_queue_put_bytes_finish (queue, result, &error)
                                      : mp_queue_put_finish (queue, result, &error));
  g_assert_no_error (error);
  g_object_unref (result);

  message = mp_queue_get_message (queue, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (spelt->codec != NULL ? mp_message_get_codec (message) : mp_message_get_type_string (message), ==,
                   spelt->codec != NULL ? spelt->codec : spelt->type);
  g_assert_true (g_bytes_equal (mp_message_get_body_bytes (message), bytes));
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);

  mp_test_add ("/queue/long/parts", test_parts);
  mp_test_add_data ("/queue/long/spelt-bytes", &spelt_bytes, test_spelt);
  mp_test_add_data ("/queue/long/spelt-value", &spelt_value, test_spelt);
  mp_test_add ("/queue/long/no-time", test_no_time);
  mp_test_add ("/queue/long/cancelled-put", test_cancelled_put);
  mp_test_add_data ("/queue/long/cancelled-get", GINT_TO_POINTER (BY_CANCELLING), test_ended_get);
  mp_test_add_data ("/queue/long/closed-get", GINT_TO_POINTER (BY_CLOSING), test_ended_get);
  mp_test_add ("/queue/long/many", test_many);
  mp_test_add ("/queue/long/joinable", test_joinable);
  mp_test_add ("/queue/long/done-beside", test_done_beside);
  return g_test_run ();
}
