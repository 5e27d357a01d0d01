/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Items that are got into memory of the caller's, and bytes that are put and got many at once. */

#include <string.h>

#include "mpglib.h"

#include "mp-queue-net-private.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define LONG 300000   /* an extent */

static const guint8 *
as_bytes (const char *text)
{
  return (const guint8 *) text;
}

static void
put_text (MpQueue    *queue,
          const char *text,
          const char *codec)
{
  g_autoptr (GError) error = NULL;

  mp_queue_put_data (queue, as_bytes (text), strlen (text), codec, 0, NULL, &error);
  g_assert_no_error (error);
}

/* --- One ------------------------------------------------------------------ */

/* Whose room ends where the bytes of the item do. */
static void
expect_text (MpQueue    *queue,
             const char *text)
{
  g_autofree guint8 *buffer = g_malloc (strlen (text) + 1);
  g_autoptr (GError) error = NULL;
  gssize length;

  memset (buffer, '#', strlen (text) + 1);
  length = mp_queue_get_into (queue, buffer, strlen (text), 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, (gsize) length, text, strlen (text));
  g_assert_cmpint (buffer[length], ==, '#');
}

static void
test_one (void)
{
  static const char *const codecs[] = { NULL, "json", "pickle5", "my-own.codec" };
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autofree char *long_text = g_strnfill (LONG, 'l'), *medium = g_strnfill (5000, 'm');
  guint8 larger[64];

  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    {
      put_text (queue, "some bytes", codecs[i]);
      put_text (queue, "", codecs[i]);
      put_text (queue, medium, codecs[i]);
      put_text (queue, long_text, codecs[i]);
      put_text (queue, "more", codecs[i]);
      expect_text (queue, "some bytes");
      expect_text (queue, "");
      expect_text (queue, medium);
      expect_text (queue, long_text);
      g_assert_cmpint (mp_queue_get_into (queue, larger, sizeof larger, 0, NULL, NULL), ==, 4);
      g_assert_cmpmem (larger, 4, "more", 4);
    }

  put_text (queue, "", NULL);
  g_assert_cmpint (mp_queue_get_into (queue, NULL, 0, 0, NULL, NULL), ==, 0);
}

static void
test_failures (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GError) error = NULL;
  guint8 buffer[16];

  mp_test_expect_error (mp_queue_get_into (queue, buffer, sizeof buffer, 0, NULL, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_EMPTY);
  put_text (queue, "one more than 16.", "spelt");
  for (gsize size = 0; size < 17; size += 4)
    mp_test_expect_error (mp_queue_get_into (queue, buffer, size, 0, NULL, &error) == -1, &error,
                          MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  expect_text (queue, "one more than 16.");

  mp_queue_put (queue, g_variant_new_int32 (7), 0, NULL, NULL);
  mp_test_expect_error (mp_queue_get_into (queue, buffer, sizeof buffer, 0, NULL, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_variant_unref (mp_queue_get (queue, 0, NULL, NULL));
  mp_test_expect_error (mp_queue_get_into (queue, buffer, sizeof buffer, 0.01, NULL, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_EMPTY);
  mp_queue_close (queue);
  mp_test_expect_error (mp_queue_get_into (queue, buffer, sizeof buffer, -1, NULL, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_CLOSED);
}

static void
test_async (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GAsyncResult) first = NULL, second = NULL, short_one = NULL, late = NULL;
  g_autoptr (GError) error = NULL;
  guint8 buffers[2][16];

  mp_queue_get_into_async (queue, buffers[0], 16, -1, NULL, mp_test_keep_result, &first);
  mp_queue_get_into_async (queue, buffers[1], 5, -1, NULL, mp_test_keep_result, &second);
  put_text (queue, "first", NULL);
  put_text (queue, "again", "spelt");
  mp_test_await_result (&first);
  mp_test_await_result (&second);
  g_assert_cmpint (mp_queue_get_into_finish (queue, first, NULL), ==, 5);
  g_assert_cmpmem (buffers[0], 5, "first", 5);
  g_assert_cmpint (mp_queue_get_into_finish (queue, second, NULL), ==, 5);
  g_assert_cmpmem (buffers[1], 5, "again", 5);

  put_text (queue, "stays", NULL);
  mp_queue_get_into_async (queue, buffers[0], 4, -1, NULL, mp_test_keep_result, &short_one);
  mp_test_await_result (&short_one);
  mp_test_expect_error (mp_queue_get_into_finish (queue, short_one, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  expect_text (queue, "stays");
  mp_queue_get_into_async (queue, buffers[0], 4, 0.01, NULL, mp_test_keep_result, &late);
  mp_test_await_result (&late);
  mp_test_expect_error (mp_queue_get_into_finish (queue, late, &error) == -1, &error, MP_ERROR, MP_ERROR_EMPTY);
}

/* What was got of a queue whose items are to be acknowledged. */
static void
test_joinable (void)
{
  g_autoptr (MpJoinableQueue) tasks = mp_joinable_queue_new (0);
  MpQueue *queue = MP_QUEUE (tasks);
  g_autoptr (GError) error = NULL;
  guint8 buffer[64];
  gsize lengths[4];

  for (guint i = 0; i < 4; i++)
    put_text (queue, "task", i % 2 == 0 ? NULL : "spelt");
  expect_text (queue, "task");
  g_assert_cmpuint (mp_queue_get_many_into (queue, buffer, sizeof buffer, lengths, 4, 0, NULL, NULL), ==, 3);
  g_assert_cmpmem (buffer, lengths[0] + lengths[1] + lengths[2], "tasktasktask", 12);
  for (guint i = 0; i < 4; i++)
    {
      g_assert_false (mp_joinable_queue_join (tasks, 0, NULL, NULL));
      g_assert_true (mp_joinable_queue_task_done (tasks, NULL));
    }
  g_assert_true (mp_joinable_queue_join (tasks, 0, NULL, NULL));
  mp_test_expect_error (!mp_joinable_queue_task_done (tasks, &error), &error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* --- Many ----------------------------------------------------------------- */

#define N_MANY 300

/* Items of 0 to 9 bytes, which say their number. */
static gsize
make_items (guint8 *bytes,
            gsize  *lengths,
            guint   first,
            guint   n)
{
  gsize used = 0;

  for (guint i = first; i < first + n; i++)
    {
      lengths[i - first] = i % 10;
      memset (bytes + used, (int) i, i % 10);
      used += i % 10;
    }
  return used;
}

static void
put_some (MpQueue    *queue,
          guint       first,
          guint       n,
          const char *codec)
{
  guint8 bytes[10 * N_MANY];
  gsize lengths[N_MANY];
  g_autoptr (GError) error = NULL;
  guint n_put = mp_queue_put_many_data (queue, bytes, make_items (bytes, lengths, first, n), lengths, n, codec,
                                        0, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (n_put, ==, n);
}

static void
expect_items (const guint8 *bytes,
              const gsize  *lengths,
              guint         first,
              guint         n)
{
  guint8 expected[10 * N_MANY] = { 0 };
  gsize expected_lengths[N_MANY] = { 0 };
  gsize used = make_items (expected, expected_lengths, first, n);

  g_assert_cmpmem (lengths, n * sizeof *lengths, expected_lengths, n * sizeof *lengths);
  g_assert_cmpmem (bytes, used, expected, used);
}

static void
test_many (void)
{
  static const char *const codecs[] = { NULL, "json", "my-own.codec" };
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  guint8 bytes[10 * N_MANY];
  gsize lengths[N_MANY];

  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    for (guint n = 1; n <= N_MANY; n += 23)
      {
        put_some (queue, i, n, codecs[i]);
        g_assert_cmpuint (mp_queue_get_length (queue), ==, n);
        g_assert_cmpuint (mp_queue_get_many_into (queue, bytes, sizeof bytes, lengths, N_MANY, 0, NULL, NULL), ==, n);
        expect_items (bytes, lengths, i, n);
      }

  /* As many as are wanted, or have room. */
  put_some (queue, 0, N_MANY, NULL);
  g_assert_cmpuint (mp_queue_get_many_into (queue, bytes, sizeof bytes, lengths, 7, 0, NULL, NULL), ==, 7);
  expect_items (bytes, lengths, 0, 7);
  g_assert_cmpuint (mp_queue_get_many_into (queue, bytes, 25, lengths, N_MANY, 0, NULL, NULL), ==, 5);
  expect_items (bytes, lengths, 7, 5);
  for (guint next = 12, n; next < N_MANY; next += n)
    {
      n = mp_queue_get_many_into (queue, bytes, 800, lengths, N_MANY, 0, NULL, NULL);
      g_assert_cmpuint (n, >, 0);
      expect_items (bytes, lengths, next, n);
    }
  g_assert_true (mp_queue_is_empty (queue));
}

static void
test_end_of_many (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autofree char *long_text = g_strnfill (LONG, 'l');
  g_autofree guint8 *large = g_malloc (LONG + 16);
  g_autoptr (GError) error = NULL;
  gsize lengths[8];

  put_text (queue, "one", "spelt");
  put_text (queue, long_text, "spelt");
  put_text (queue, "two", "spelt");
  mp_queue_put (queue, g_variant_new_int32 (7), 0, NULL, NULL);

  /* Before what has no room, and before what is no bytes; but codecs need none. */
  g_assert_cmpuint (mp_queue_get_many_into (queue, large, 1000, lengths, 8, 0, NULL, NULL), ==, 1);
  mp_test_expect_error (mp_queue_get_many_into (queue, large, 1000, lengths, 8, 0, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  g_assert_cmpuint (mp_queue_get_many_into (queue, large, LONG + 3, lengths, 8, 0, NULL, NULL), ==, 2);
  g_assert_cmpuint (lengths[0], ==, LONG);
  g_assert_cmpmem (large + LONG - 1, 4, "ltwo", 4);
  mp_test_expect_error (mp_queue_get_many_into (queue, large, LONG, lengths, 8, 0, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_variant_unref (mp_queue_get (queue, 0, NULL, NULL));
  mp_test_expect_error (mp_queue_get_many_into (queue, large, LONG, lengths, 8, 0.01, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_EMPTY);
}

static void
test_put_many (void)
{
  static const gsize lengths[] = { 1, 2, 3, 4, 5 };
  g_autoptr (MpQueue) queue = mp_queue_new (3);
  const guint8 *bytes = as_bytes ("122333444455555");
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_queue_put_many_data (queue, bytes, 15, lengths, 5, NULL, 0.01, NULL, &error), ==, 3);
  g_assert_no_error (error);
  mp_test_expect_error (mp_queue_put_many_data (queue, bytes + 6, 9, lengths + 3, 2, NULL, 0.01, NULL, &error) == 0,
                        &error, MP_ERROR, MP_ERROR_FULL);
  expect_text (queue, "1");
  expect_text (queue, "22");
  g_assert_cmpuint (mp_queue_put_many_data (queue, bytes + 6, 9, lengths + 3, 2, NULL, 0, NULL, &error), ==, 2);
  expect_text (queue, "333");
  expect_text (queue, "4444");
  expect_text (queue, "55555");
  g_assert_cmpuint (mp_queue_put_many_data (queue, NULL, 0, NULL, 0, NULL, 0, NULL, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_wrong_lengths (void)
{
  static const gsize lengths[] = { 4, 4, G_MAXSIZE }, longer[] = { 10, 4990 };
  g_autoptr (MpQueue) queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 4096, NULL);
  g_autofree guint8 *bytes = g_malloc0 (5000);
  g_autoptr (GError) error = NULL;

  for (guint n = 0; n <= 3; n++)
    mp_test_expect_error (mp_queue_put_many_data (queue, bytes, 7, lengths, n, NULL, 0, NULL, &error) == 0, &error,
                          MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_queue_put_many_data (queue, bytes, 5000, longer, 2, "spelt", 0, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_TOO_BIG);
  g_assert_true (mp_queue_is_empty (queue));
}

static void
test_many_async (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (200);
  g_autoptr (GAsyncResult) put = NULL, got = NULL, wrong = NULL, late = NULL;
  g_autoptr (GError) error = NULL;
  guint8 bytes[10 * N_MANY];
  gsize lengths[N_MANY];

  mp_queue_get_many_into_async (queue, bytes, sizeof bytes, lengths, 200, -1, NULL, mp_test_keep_result, &got);
  {
    /* Which may go at once. */
    guint8 given[10 * N_MANY];
    gsize given_lengths[N_MANY];

    mp_queue_put_many_data_async (queue, given, make_items (given, given_lengths, 5, 200), given_lengths, 200, NULL,
                                  -1, NULL, mp_test_keep_result, &put);
    memset (given, 0, sizeof given);
    memset (given_lengths, 0, sizeof given_lengths);
  }
  mp_test_await_result (&put);
  g_assert_cmpuint (mp_queue_put_many_data_finish (queue, put, NULL), ==, 200);
  mp_test_await_result (&got);
  g_assert_cmpuint (mp_queue_get_many_into_finish (queue, got, NULL), ==, 200);
  expect_items (bytes, lengths, 5, 200);

  mp_queue_put_many_data_async (queue, bytes, 5, lengths, 200, NULL, -1, NULL, mp_test_keep_result, &wrong);
  mp_test_await_result (&wrong);
  mp_test_expect_error (mp_queue_put_many_data_finish (queue, wrong, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_queue_get_many_into_async (queue, bytes, 5, lengths, 2, 0.01, NULL, mp_test_keep_result, &late);
  mp_test_await_result (&late);
  mp_test_expect_error (mp_queue_get_many_into_finish (queue, late, &error) == 0, &error, MP_ERROR, MP_ERROR_EMPTY);
}

/* --- Rubbish -------------------------------------------------------------- */

static void
put_rubbish (MpQueue    *queue,
             const char *data,
             guint32     length)
{
  MpRingRecord record = { data, length, MP_ITEM_SPELT + length };
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);
  guint n;

  g_assert_cmpint (mp_ring_try_put (ring, me, &record, 1, &n, NULL), ==, MP_RING_DONE);
}

static void
test_rubbish (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GError) error = NULL;
  guint8 buffer[64];
  gsize lengths[8];

  for (guint i = 0; i < 2; i++)
    put_rubbish (queue, "NO NAME", 7);
  mp_test_expect_error (mp_queue_get_into (queue, buffer, sizeof buffer, 0, NULL, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (mp_queue_get_many_into (queue, buffer, 3, lengths, 8, 0, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);

  put_text (queue, "one", "spelt");
  put_rubbish (queue, "NO NAME", 7);
  put_text (queue, "two", NULL);
  g_assert_cmpuint (mp_queue_get_many_into (queue, buffer, sizeof buffer, lengths, 8, 0, NULL, NULL), ==, 2);
  g_assert_cmpmem (buffer, lengths[0] + lengths[1], "onetwo", 6);
  mp_test_expect_error (mp_queue_get_into (queue, buffer, sizeof buffer, 0, NULL, &error) == -1, &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_true (mp_queue_is_empty (queue));
}

/* Makes what stays: the arena, and what waits in main loops. */
static void
warm_up (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GAsyncResult) result = NULL;
  guint8 buffer[4];

  mp_queue_get_into_async (queue, buffer, 4, -1, NULL, mp_test_keep_result, &result);
  put_text (queue, "text", NULL);
  mp_test_await_result (&result);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/queue-into/one", test_one);
  mp_test_add ("/queue-into/failures", test_failures);
  mp_test_add ("/queue-into/async", test_async);
  mp_test_add ("/queue-into/joinable", test_joinable);
  mp_test_add ("/queue-into/many", test_many);
  mp_test_add ("/queue-into/end-of-many", test_end_of_many);
  mp_test_add ("/queue-into/put-many", test_put_many);
  mp_test_add ("/queue-into/wrong-lengths", test_wrong_lengths);
  mp_test_add ("/queue-into/many-async", test_many_async);
  mp_test_add ("/queue-into/rubbish", test_rubbish);
  return g_test_run ();
}
