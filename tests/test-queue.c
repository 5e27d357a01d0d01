/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Queues of one process: what goes in comes out, and how one waits for it in a thread; in main loops they have
 * test-queue-loop.c, between processes test-queue-processes.c.  How such a wait ends without an item has
 * test-queue-ends.c, and what is no item test-queue-rubbish.c.
 */

#include <string.h>

#include "mpglib.h"

#include "mp-item-private.h"
#include "mp-test-queue.h"
#include "mp-test-shared.h"
#include "mp-test.h"
#include "mp-variant-private.h"

#define FOREVER -1.0

/* --- What goes in comes out ----------------------------------------------- */

static void
test_values (void)
{
  static const char *const texts[] = {
    "7", "-8", "0.5", "'ä'", "true", "@mv nothing", "[1, 2, 3]", "@ay [1, 2]", "@as []", "{'a': <1>, 'b': <['c']>}",
    "('a tuple', (1, 2), [{3: 4.5}])", "()", "<<'deep'>>", "@a(iay) [(1, [2])]", "@t 18446744073709551615",
  };
  g_autoptr (MpQueue) queue = mp_queue_new (0);

  mp_test_expect_string (queue, "<Mp.Queue 0 items>");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      mp_queue_put (queue, g_variant_new_parsed (texts[i]), 0, NULL, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpuint (mp_queue_get_length (queue), ==, G_N_ELEMENTS (texts));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) expected = g_variant_ref_sink (g_variant_new_parsed (texts[i]));
      g_autoptr (GVariant) value = mp_queue_get (queue, 0, NULL, NULL);

      g_assert_cmpvariant (value, expected);
    }
  g_assert_true (mp_queue_is_empty (queue));
}

static void
test_bytes (void)
{
  static const char *const codecs[] = { NULL, "json", "pickle5", "my-own.codec" };
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GBytes) bytes = g_bytes_new ("bytes", 5), got = NULL;
  g_autofree guint8 *data = NULL, *nothing = NULL;
  gsize length;

  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    {
      g_assert_true (mp_queue_put_data (queue, (const guint8 *) "data", 4, codecs[i], 0, NULL, NULL));
      g_assert_true (mp_queue_put_bytes (queue, bytes, codecs[i], 0, NULL, NULL));
      g_assert_true (mp_queue_put_data (queue, NULL, 0, codecs[i], 0, NULL, NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    {
      mp_test_expect_message (queue, codecs[i] != NULL ? codecs[i] : "raw", "data");
      mp_test_expect_message (queue, codecs[i] != NULL ? codecs[i] : "raw", "bytes");
      mp_test_expect_message (queue, codecs[i] != NULL ? codecs[i] : "raw", "");
    }

  g_assert_true (mp_queue_put_data (queue, (const guint8 *) "data", 4, "my-own.codec", 0, NULL, NULL));
  g_assert_true (mp_queue_put_data (queue, (const guint8 *) "data", 4, "my-own.codec", 0, NULL, NULL));
  g_assert_true (mp_queue_put_data (queue, NULL, 0, "my-own.codec", 0, NULL, NULL));
  data = mp_queue_get_payload (queue, 4, 0, &length, NULL, NULL);
  g_assert_cmpmem (data, length, "data", 4);
  got = mp_queue_get_bytes (queue, 0, 0, NULL, NULL);
  g_assert_cmpmem (g_bytes_get_data (got, NULL), g_bytes_get_size (got), "data", 4);
  nothing = mp_queue_get_payload (queue, 1, 0, &length, NULL, NULL);
  g_assert_nonnull (nothing);
  g_assert_cmpuint (length, ==, 0);
}

static void
expect_frame (MpQueue       *queue,
              gconstpointer  expected,
              gsize          n)
{
  g_autoptr (GError) error = NULL;
  gsize length;
  g_autofree guint8 *frame = mp_queue_get_frame (queue, 0, &length, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (frame, length, expected, n);
}

static void
test_frames (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autofree guint8 *large = g_malloc0 (200000 + 9);

  mp_queue_put_data (queue, (const guint8 *) "a\0b", 3, "pickle5", 0, NULL, NULL);
  mp_queue_put_data (queue, NULL, 0, NULL, 0, NULL, NULL);
  mp_queue_put_data (queue, (const guint8 *) "abc", 3, "my-own", 0, NULL, NULL);
  mp_queue_put (queue, g_variant_new ("(ss)", "x", "y"), 0, NULL, NULL);
  mp_queue_put_data (queue, large, 200000, "pickle5", 0, NULL, NULL);
  mp_queue_put_data (queue, large, 200000, "my-own.8", 0, NULL, NULL);

  expect_frame (queue, "a\0b\0pickle5", 11);
  expect_frame (queue, "\0raw", 4);
  expect_frame (queue, "abc\0my-own", 10);
  expect_frame (queue, "x\0y\0\2\0=(ss)", 11);
  memcpy (large + 200001, "pickle5", 7);
  expect_frame (queue, large, 200008);
  memcpy (large + 200001, "my-own.8", 8);
  expect_frame (queue, large, 200009);
}

/* Those that do not tell why, and are not patient for long. */
static void
test_tries (void)
{
  static const gdouble patiences[] = { 0, 1e-5, 1e9, -1 };
  g_autoptr (MpQueue) queue = mp_queue_new (1);
  gsize length = 7;

  for (guint i = 0; i < G_N_ELEMENTS (patiences); i++)
    {
      g_autofree guint8 *frame = NULL;

      g_assert_null (mp_queue_try_get_frame (queue, patiences[i], &length));
      g_assert_cmpuint (length, ==, 0);
      g_assert_true (mp_queue_try_put_data (queue, (const guint8 *) "ab", 2, "json", patiences[i]));
      g_assert_false (mp_queue_try_put_data (queue, (const guint8 *) "cd", 2, "json", patiences[i]));
      frame = mp_queue_try_get_frame (queue, patiences[i], &length);
      g_assert_cmpmem (frame, length, "ab\0json", 7);
    }

  mp_queue_close (queue);
  g_assert_false (mp_queue_try_put_data (queue, NULL, 0, NULL, 0));
  g_assert_null (mp_queue_try_get_frame (queue, 0, &length));
}

static void
expect_value_frame (MpQueue      *queue,
                    gconstpointer expected,
                    gsize         expected_length)
{
  gsize length;
  g_autofree guint8 *frame = mp_queue_try_get_value_frame (queue, 0, &length);

  g_assert_cmpmem (frame, length, expected, expected_length);
}

/* What is no value stays there. */
static void
test_tries_for_values (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  gsize length = 7;

  mp_queue_put (queue, g_variant_new_string ("x"), 0, NULL, NULL);
  mp_queue_put_data (queue, (const guint8 *) "ab", 2, NULL, 0, NULL, NULL);
  mp_queue_put_data (queue, (const guint8 *) "cd", 2, "json", 0, NULL, NULL);
  expect_value_frame (queue, "x\0\0=s", 5);
  expect_value_frame (queue, "ab\0raw", 6);
  for (guint i = 0; i < 2; i++)
    g_assert_null (mp_queue_try_get_value_frame (queue, i * 1e-5, &length));
  g_assert_cmpuint (length, ==, 0);
  expect_frame (queue, "cd\0json", 7);

  mp_queue_close (queue);
  g_assert_null (mp_queue_try_get_value_frame (queue, 0, &length));
}

static void
expect_numbers_of (GVariant     *value,
                   const guint8 *data,
                   gsize         n)
{
  gsize n_got;
  gconstpointer got = g_variant_get_fixed_array (value, &n_got, 2);

  g_assert_cmpmem (got, n_got * 2, data, n * 2);
}

/* Longer than the room that short ones are put together in, and taken out to. */
static void
test_large (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);

  for (gsize length = 900; length < 3000000; length = length * 5 / 4 + 1)
    {
      g_autofree guint8 *data = g_malloc (length);
      g_autofree guint8 *got = NULL;
      g_autoptr (GVariant) value = NULL, of_message = NULL, numbers = NULL;
      g_autoptr (MpMessage) message = NULL;
      gsize n;

      for (gsize i = 0; i < length; i++)
        data[i] = (guint8) (i * 7 + i / 256);
      g_assert_true (mp_queue_put_data (queue, data, length, "my-own", 0, NULL, NULL));
      got = mp_queue_get_payload (queue, length, 0, &n, NULL, NULL);
      g_assert_cmpmem (got, n, data, length);

      numbers = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_UINT16, data, length / 2, 2));
      g_assert_true (mp_queue_put (queue, numbers, 0, NULL, NULL));
      g_assert_true (mp_queue_put (queue, numbers, 0, NULL, NULL));
      value = mp_queue_get (queue, 0, NULL, NULL);
      expect_numbers_of (value, data, length / 2);
      message = mp_queue_get_message (queue, 0, NULL, NULL);
      of_message = mp_message_get_value (message, NULL);
      expect_numbers_of (of_message, data, length / 2);
    }
}

static void
test_messages (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_string ("text")), none = mp_message_new (NULL);
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "{}", 2, "json"), got = NULL;
  g_autoptr (GVariant) value = NULL, nothing = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_queue_put_message (queue, message, 0, NULL, NULL));
  g_assert_true (mp_queue_put_message (queue, none, 0, NULL, NULL));
  g_assert_true (mp_queue_put_message (queue, bytes, 0, NULL, NULL));
  value = mp_queue_get (queue, 0, NULL, NULL);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "text");
  got = mp_queue_get_message (queue, 0, NULL, NULL);
  nothing = mp_message_get_value (got, NULL);
  g_assert_cmpstr (g_variant_get_type_string (nothing), ==, "mv");
  mp_test_expect_message (queue, "json", "{}");

  mp_message_attach (message, MP_SHAREABLE (queue));
  mp_test_expect_error (!mp_queue_put_message (queue, message, 0, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new ("(h)", 0), 0, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_assert_true (mp_queue_is_empty (queue));
}

/* What nobody could get is refused. */
static void
test_long_type (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  GVariant *children[254];
  g_autoptr (GVariant) longest = NULL, got = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 253; i++)
    children[i] = g_variant_new_byte ((guint8) i);
  longest = g_variant_ref_sink (g_variant_new_tuple (children, 253));
  g_assert_true (mp_queue_put (queue, longest, 0, NULL, NULL));
  got = mp_queue_get (queue, 0, NULL, NULL);
  g_assert_cmpvariant (got, longest);

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    children[i] = g_variant_new_byte ((guint8) i);
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_tuple (children, 254), 0, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_TOO_BIG);
}

static GVariant *
new_nested (guint depth)
{
  g_autofree char *type = g_strnfill (depth, 'a');

  type[depth - 1] = 'i';
  return g_variant_new_array (G_VARIANT_TYPE (type), NULL, 0);
}

/* Who gets it would refuse it. */
static void
test_deep_type (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GVariant) deepest = g_variant_ref_sink (new_nested (MP_VARIANT_MAX_DEPTH)), got = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_queue_put (queue, deepest, 0, NULL, NULL));
  got = mp_queue_get (queue, 0, NULL, NULL);
  g_assert_cmpvariant (got, deepest);
  for (guint depth = MP_VARIANT_MAX_DEPTH + 1; depth < 100; depth += 17)
    mp_test_expect_error (!mp_queue_put (queue, new_nested (depth), 0, NULL, &error), &error,
                          MP_ERROR, MP_ERROR_TOO_BIG);
}

/* --- Bounds --------------------------------------------------------------- */

static void
test_full_and_empty (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (2);
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (mp_queue_get (queue, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_EMPTY);
  mp_test_expect_error (mp_queue_get (queue, 0.01, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_EMPTY);
  mp_test_put_int (queue, 1);
  g_assert_false (mp_queue_is_full (queue));
  mp_test_put_int (queue, 2);
  g_assert_true (mp_queue_is_full (queue));
  g_assert_false (mp_queue_is_empty (queue));
  mp_test_expect_string (queue, "<Mp.Queue 2 of 2 items>");
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_int32 (3), 0, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_FULL);
  mp_test_expect_error (!mp_queue_put (queue, g_variant_new_int32 (3), 0.01, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_FULL);
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
  mp_test_put_int (queue, 3);
  g_assert_cmpint (mp_test_get_int (queue), ==, 2);
  g_assert_cmpint (mp_test_get_int (queue), ==, 3);
  g_assert_true (mp_queue_is_empty (queue));
}

static void
test_byte_limit (void)
{
  g_autoptr (MpQueue) queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 8185, NULL);
  g_autofree guint8 *data = g_malloc0 (20000), *got = NULL;
  g_autoptr (GError) error = NULL;
  guint n = 0;
  gsize length;

  g_assert_cmpuint (mp_queue_get_byte_limit (queue), ==, 8192);
  g_assert_cmpuint (mp_queue_get_max_size (queue), ==, 0);
  g_assert_false (mp_queue_put_data (queue, data, 20000, NULL, FOREVER, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_assert_nonnull (strstr (error->message, "20000"));
  g_assert_nonnull (strstr (error->message, "8192"));
  g_clear_error (&error);
  mp_test_expect_error (!mp_queue_put_data (queue, data, G_MAXSSIZE, NULL, FOREVER, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_TOO_BIG);
  mp_test_expect_error (!mp_queue_put_data (queue, data, (gsize) G_MAXUINT32 + 11, NULL, FOREVER, NULL, &error),
                        &error, MP_ERROR, MP_ERROR_TOO_BIG);

  /* All of it is one item's, if it wants. */
  g_assert_true (mp_queue_put_data (queue, data, 8184, NULL, 0, NULL, NULL));
  g_assert_true (mp_queue_is_full (queue));
  got = mp_queue_get_payload (queue, 0, 0, &length, NULL, NULL);
  g_assert_cmpuint (length, ==, 8184);

  while (mp_queue_put_data (queue, data, 1000, NULL, 0, NULL, &error))
    n++;
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_assert_cmpuint (n, ==, 8);
  g_assert_false (mp_queue_is_full (queue));
}

/* --- What somebody else is to get ----------------------------------------- */

static void
test_wrong_codec (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *data = NULL;
  gsize length;

  mp_queue_put_data (queue, (const guint8 *) "bytes", 5, "my-own", 0, NULL, NULL);
  mp_test_put_int (queue, 1);
  mp_test_expect_error (mp_queue_get (queue, FOREVER, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  mp_test_expect_error (mp_queue_get_many (queue, 9, FOREVER, NULL, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_WRONG_CODEC);
  mp_test_expect_error (mp_queue_get_payload (queue, 4, FOREVER, &length, NULL, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  g_assert_cmpuint (mp_queue_get_length (queue), ==, 2);
  data = mp_queue_get_payload (queue, 5, 0, &length, NULL, NULL);
  g_assert_cmpmem (data, length, "bytes", 5);

  mp_test_expect_error (mp_queue_get_payload (queue, 0, FOREVER, &length, NULL, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
}

/* What has no codec is a value, too. */
static void
test_raw_values (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GVariant) values = NULL;
  gsize length;

  for (gsize n = 0; n < 3; n++)
    {
      g_autoptr (GVariant) value = NULL;

      mp_queue_put_data (queue, (const guint8 *) "bytes", n * 2, NULL, 0, NULL, NULL);
      value = mp_queue_get (queue, FOREVER, NULL, NULL);
      g_assert_cmpstr (g_variant_get_type_string (value), ==, "ay");
      g_assert_cmpmem (g_variant_get_data (value), g_variant_get_size (value), "bytes", n * 2);
    }

  mp_test_put_int (queue, 1);
  mp_queue_put_data (queue, (const guint8 *) "a", 1, "raw", 0, NULL, NULL);
  mp_queue_put_data (queue, (const guint8 *) "b", 1, "json", 0, NULL, NULL);
  values = mp_queue_get_many (queue, 9, FOREVER, NULL, NULL);
  g_assert_cmpuint (g_variant_n_children (values), ==, 2);
  g_free (mp_queue_get_payload (queue, 0, 0, &length, NULL, NULL));
  g_assert_true (mp_queue_is_empty (queue));
}

/* --- Batches -------------------------------------------------------------- */

static void
test_many (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (200), short_one = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (5000, 'x');
  GVariant *values[2];

  g_assert_cmpuint (mp_queue_put_many (queue, mp_test_make_numbers (0, 150), 0, NULL, NULL), ==, 150);
  mp_test_expect_numbers (mp_queue_get_many (queue, 1, 0, NULL, NULL), 0, 1);
  mp_test_expect_numbers (mp_queue_get_many (queue, 100, 0, NULL, NULL), 1, 100);
  mp_queue_put_data (queue, NULL, 0, "json", 0, NULL, NULL);
  mp_test_expect_numbers (mp_queue_get_many (queue, G_MAXUINT, 0, NULL, NULL), 101, 49);
  mp_test_expect_error (mp_queue_get_many (queue, 9, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  mp_test_expect_message (queue, "json", "");
  mp_test_expect_error (mp_queue_get_many (queue, 9, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_EMPTY);

  g_assert_cmpuint (mp_queue_put_many (queue, mp_test_make_numbers (0, 0), 0, NULL, &error), ==, 0);
  g_assert_no_error (error);
  g_assert_cmpuint (mp_queue_put_many (queue, g_variant_new_parsed ("@ai [0, 1, 2]"), 0, NULL, &error), ==, 3);
  mp_test_expect_numbers (mp_queue_get_many (queue, 3, 0, NULL, NULL), 0, 3);

  /* The first is as large as others are together. */
  mp_queue_put (queue, g_variant_new_string (text), 0, NULL, NULL);
  mp_queue_put (queue, g_variant_new_string (text), 0, NULL, NULL);
  g_assert_cmpuint (mp_queue_put_many (queue, mp_test_make_numbers (0, 20), 0, NULL, NULL), ==, 20);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GVariant) several = mp_queue_get_many (queue, i + 1, 0, NULL, NULL);
      g_autoptr (GVariant) boxed = g_variant_get_child_value (several, 0);
      g_autoptr (GVariant) first = g_variant_get_variant (boxed);

      g_assert_cmpstr (g_variant_get_string (first, NULL), ==, text);
      g_assert_cmpuint (g_variant_n_children (several), ==, i + 1);
    }
  mp_test_expect_numbers (mp_queue_get_many (queue, 50, 0, NULL, NULL), 1, 19);

  /* All or nothing where one can never be put. */
  short_one = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 4096, NULL);
  values[0] = g_variant_new_variant (g_variant_new_int32 (1));
  values[1] = g_variant_new_variant (g_variant_new_string (text));
  mp_test_expect_error (mp_queue_put_many (short_one, g_variant_new_array (G_VARIANT_TYPE_VARIANT, values, 2),
                                           0, NULL, &error) == 0,
                        &error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_assert_true (mp_queue_is_empty (short_one));
}

static void
test_part_of_many (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (3);
  g_autoptr (GAsyncResult) put = NULL, none = NULL, got = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_queue_put_many (queue, mp_test_make_numbers (0, 5), 0, NULL, &error), ==, 3);
  g_assert_no_error (error);
  mp_test_expect_error (mp_queue_put_many (queue, mp_test_make_numbers (3, 2), 0.01, NULL, &error) == 0, &error,
                        MP_ERROR, MP_ERROR_FULL);
  g_assert_cmpint (mp_test_get_int (queue), ==, 0);
  g_assert_cmpuint (mp_queue_put_many (queue, mp_test_make_numbers (3, 2), 0.01, NULL, &error), ==, 1);
  g_assert_no_error (error);

  mp_queue_put_many_async (queue, mp_test_make_numbers (4, 4), 0.05, NULL, mp_test_keep_result, &put);
  mp_test_turn_loop ();
  g_assert_cmpint (mp_test_get_int (queue), ==, 1);
  mp_test_await_result (&put);
  g_assert_cmpuint (mp_queue_put_many_finish (queue, put, &error), ==, 1);
  g_assert_no_error (error);

  mp_queue_put_many_async (queue, mp_test_make_numbers (5, 1), 0.01, NULL, mp_test_keep_result, &none);
  mp_test_await_result (&none);
  mp_test_expect_error (mp_queue_put_many_finish (queue, none, &error) == 0, &error, MP_ERROR, MP_ERROR_FULL);
  mp_queue_get_many_async (queue, 9, FOREVER, NULL, mp_test_keep_result, &got);
  mp_test_await_result (&got);
  mp_test_expect_numbers (mp_queue_get_many_finish (queue, got, NULL), 2, 3);
}

/* --- Threads -------------------------------------------------------------- */

#define N_ITEMS 5000

static gpointer
put_all (gpointer queue)
{
  for (int i = 1; i <= N_ITEMS; i++)
    g_assert_true (mp_queue_put (queue, g_variant_new_int32 (i), MP_TEST_DEADLINE, NULL, NULL));
  return NULL;
}

static gpointer
get_all (gpointer queue)
{
  int sum = 0, last = -1;

  for (;;)
    {
      g_autoptr (GVariant) value = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, NULL);

      last = g_variant_get_int32 (value);
      if (last == 0)
        return GINT_TO_POINTER (sum);
      sum += last;
    }
}

static void
test_threads (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (16);
  GThread *putters[3], *getters[3];
  int sum = 0;

  for (guint i = 0; i < 3; i++)
    {
      getters[i] = g_thread_new ("get", get_all, queue);
      putters[i] = g_thread_new ("put", put_all, queue);
    }
  for (guint i = 0; i < 3; i++)
    g_thread_join (putters[i]);
  for (guint i = 0; i < 3; i++)
    g_assert_true (mp_queue_put (queue, g_variant_new_int32 (0), MP_TEST_DEADLINE, NULL, NULL));
  for (guint i = 0; i < 3; i++)
    sum += GPOINTER_TO_INT (g_thread_join (getters[i]));
  g_assert_cmpint (sum, ==, 3 * N_ITEMS * (N_ITEMS + 1) / 2);
}

/* --- Sharing -------------------------------------------------------------- */

static void
test_pass_on (void)
{
  g_autoptr (MpQueue) queue = g_object_new (MP_TYPE_QUEUE, "max-size", 5, "byte-limit", (guint64) 8192, NULL);
  g_autoptr (MpQueue) same = mp_test_pass_on (queue, NULL);

  g_assert_cmpuint (mp_queue_get_max_size (same), ==, 5);
  g_assert_cmpuint (mp_queue_get_byte_limit (same), ==, 8192);
  mp_test_put_int (queue, 1);
  g_clear_object (&queue);
  mp_test_expect_string (same, "<Mp.Queue 1 of 5 items>");
  g_assert_cmpint (mp_test_get_int (same), ==, 1);
  g_assert_nonnull (mp_queue_get_main_context (same));
}

static void
test_simple (void)
{
  g_autoptr (MpSimpleQueue) queue = mp_simple_queue_new ();
  g_autoptr (MpQueue) same = mp_test_pass_on (queue, NULL);
  g_autoptr (MpQueue) bounded = g_object_new (MP_TYPE_SIMPLE_QUEUE, "max-size", 1, NULL);

  g_assert_true (MP_IS_SIMPLE_QUEUE (same));
  mp_test_expect_string (same, "<Mp.SimpleQueue 0 items>");
  for (int i = 0; i < 100; i++)
    mp_test_put_int (MP_QUEUE (queue), i);
  for (int i = 0; i < 100; i++)
    g_assert_cmpint (mp_test_get_int (same), ==, i);

  g_assert_cmpuint (mp_queue_get_max_size (bounded), ==, 0);
  mp_test_put_int (bounded, 1);
  mp_test_put_int (bounded, 2);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (mp_test_warm_up_queue);

  mp_test_add ("/queue/values", test_values);
  mp_test_add ("/queue/bytes", test_bytes);
  mp_test_add ("/queue/frames", test_frames);
  mp_test_add ("/queue/tries", test_tries);
  mp_test_add ("/queue/tries-for-values", test_tries_for_values);
  mp_test_add ("/queue/large", test_large);
  mp_test_add ("/queue/messages", test_messages);
  mp_test_add ("/queue/long-type", test_long_type);
  mp_test_add ("/queue/deep-type", test_deep_type);
  mp_test_add ("/queue/full-and-empty", test_full_and_empty);
  mp_test_add ("/queue/byte-limit", test_byte_limit);
  mp_test_add ("/queue/wrong-codec", test_wrong_codec);
  mp_test_add ("/queue/raw-values", test_raw_values);
  mp_test_add ("/queue/many", test_many);
  mp_test_add ("/queue/part-of-many", test_part_of_many);
  mp_test_add ("/queue/threads", test_threads);
  mp_test_add ("/queue/pass-on", test_pass_on);
  mp_test_add ("/queue/simple", test_simple);
  return g_test_run ();
}
