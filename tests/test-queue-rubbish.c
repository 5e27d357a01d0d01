/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What is in the memory of a queue and is no item, and memory that is no queue: errors, and nothing else. */

#include "mpglib.h"

#include "mp-item-private.h"
#include "mp-queue-private.h"
#include "mp-ring-end-private.h"
#include "mp-test-queue.h"
#include "mp-test-shared.h"
#include "mp-test.h"

static void
put_rubbish (MpQueue    *queue,
             guint32     kind,
             const char *data,
             guint32     length)
{
  MpRingRecord record = { data, length, kind };
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);
  guint n;

  g_assert_cmpint (mp_ring_try_put (ring, me, &record, 1, &n, NULL), ==, MP_RING_DONE);
}

static const char long_rubbish[4000] = "x";

static const struct
{
  guint32     kind;
  const char *data;
  guint32     length;
} rubbish[] = {
  { MP_ITEM_SPELT + 3999, long_rubbish, 4000 },         /* longer than any codec */
  { MP_ITEM_VALUE | 0xffff, long_rubbish, 4000 },
  { 99, "abcd", 4 },                                    /* no such codec */
  { MP_ITEM_SPELT, "abcd", 4 },                         /* nor one of no length */
  { MP_ITEM_SPELT + 5, "abcd", 4 },                     /* longer than all */
  { MP_ITEM_SPELT + 257, "abcd", 4 },
  { MP_ITEM_SPELT + 4, "ABCD", 4 },                     /* no name */
  { MP_ITEM_SPELT + 4, "ab\0d", 4 },
  { MP_ITEM_SPELT + 8, "gvariant", 8 },
  { MP_ITEM_SPELT + 2, "x=i", 3 },                      /* bytes with a type */
  { 0x20000, "abcd", 4 },                               /* flags of nobody */
  { MP_ITEM_VALUE, "abcd", 4 },                         /* a value that is raw */
  { 4, "abcd", 4 },                                     /* =i, and no value */
  { MP_ITEM_VALUE | (MP_ITEM_SPELT + 3), "raw", 3 },
  { MP_ITEM_VALUE | (MP_ITEM_SPELT + 2), "x=", 2 },     /* no type */
  { MP_ITEM_VALUE | (MP_ITEM_SPELT + 3), "x=a*", 4 },   /* an indefinite one */
  { MP_ITEM_VALUE | (MP_ITEM_SPELT + 3), "x=((", 4 },
};

/* Whoever takes it cannot tell of it, and leaves that to the next call, whatever that gets. */
static void
expect_to_be_told (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree guint8 *frame = NULL;
  guint n = mp_queue_get_length (queue);
  gsize length;

  g_assert_null (mp_queue_try_get_frame (queue, 0, &length));
  g_assert_null (mp_queue_try_get_frame (queue, 0, &length));
  g_assert_false (mp_queue_is_empty (queue));
  g_assert_cmpuint (mp_queue_get_length (queue), ==, n - 1);
  mp_queue_get_frame_async (queue, -1, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  frame = mp_queue_get_frame_finish (queue, result, &length, &error);
  mp_test_expect_error (frame == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_cmpuint (mp_queue_get_length (queue), ==, n - 1);
}

static void
test_rubbish (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GError) error = NULL;
  gsize length;

  for (guint i = 0; i < G_N_ELEMENTS (rubbish); i++)
    {
      for (guint j = 0; j < 5; j++)
        put_rubbish (queue, rubbish[i].kind, rubbish[i].data, rubbish[i].length);
      mp_test_expect_error (mp_queue_get_message (queue, 0, NULL, &error) == NULL, &error,
                            MP_ERROR, MP_ERROR_CORRUPTED);
      mp_test_expect_error (mp_queue_get_frame (queue, 0, &length, NULL, &error) == NULL, &error,
                            MP_ERROR, MP_ERROR_CORRUPTED);
      g_assert_null (mp_queue_get_payload (queue, 0, 0, &length, NULL, &error));
      g_assert_true (g_error_matches (error, MP_ERROR, MP_ERROR_CORRUPTED) ||
                     g_error_matches (error, MP_ERROR, MP_ERROR_WRONG_CODEC));
      g_clear_error (&error);
      g_assert_null (mp_queue_get (queue, 0, NULL, &error));
      g_assert_true (g_error_matches (error, MP_ERROR, MP_ERROR_CORRUPTED) ||
                     g_error_matches (error, MP_ERROR, MP_ERROR_WRONG_CODEC));
      g_clear_error (&error);
      put_rubbish (queue, rubbish[i].kind, rubbish[i].data, rubbish[i].length);
      expect_to_be_told (queue);
      while (!mp_queue_is_empty (queue))
        {
          g_assert_null (mp_queue_get_message (queue, 0, NULL, NULL));
          g_clear_error (&error);
        }
    }

  /* Values that are none: found out when they are asked for. */
  put_rubbish (queue, MP_ITEM_VALUE | 9, "no end", 6);                          /* =s */
  put_rubbish (queue, MP_ITEM_VALUE | (MP_ITEM_SPELT + 2), "\0\0\0\0=h", 6);
  put_rubbish (queue, MP_ITEM_VALUE | 9, "no end", 6);
  mp_test_expect_error (mp_queue_get (queue, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (mp_queue_get (queue, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  {
    g_autoptr (MpMessage) message = mp_queue_get_message (queue, 0, NULL, NULL);

    mp_test_expect_error (mp_message_get_value (message, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  }

  /* Good ones are got all the same. */
  put_rubbish (queue, MP_ITEM_VALUE | 9, "no end", 6);
  mp_test_expect_error (mp_queue_get_many (queue, 5, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_put_int (queue, 1);
  put_rubbish (queue, MP_ITEM_VALUE | 9, "no end", 6);
  mp_test_put_int (queue, 2);
  mp_test_expect_numbers (mp_queue_get_many (queue, 5, 0, NULL, NULL), 1, 2);
  mp_test_expect_error (mp_queue_get (queue, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (mp_queue_get (queue, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_EMPTY);
}

/* What comes from a peer instead of the memory of a queue. */
static void
test_bad_ring (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GError) error = NULL;
  MpRing *ring = &mp_queue_get_private (queue)->store.ring;

  ring->layout->most_records = 0;
  mp_test_expect_error (mp_test_pass_on (queue, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  ring->layout->most_records = 7;
  ring->layout->capacity *= 4;
  mp_test_expect_error (mp_test_pass_on (queue, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (mp_test_warm_up_queue);

  mp_test_add ("/queue/rubbish", test_rubbish);
  mp_test_add ("/queue/bad-ring", test_bad_ring);
  return g_test_run ();
}
