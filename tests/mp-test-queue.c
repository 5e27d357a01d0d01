/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-queue.h"

#include "mp-test-shared.h"
#include "mp-test.h"

void
mp_test_put_int (MpQueue *queue,
                 int      number)
{
  g_autoptr (GError) error = NULL;

  mp_queue_put (queue, g_variant_new_int32 (number), 0, NULL, &error);
  g_assert_no_error (error);
}

int
mp_test_get_int (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (queue, 0, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

int
mp_test_finish_int (MpQueue      *queue,
                    GAsyncResult *result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get_finish (queue, result, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

void
mp_test_clear_results (GAsyncResult **results,
                       guint          n)
{
  for (guint i = 0; i < n; i++)
    g_clear_object (&results[i]);
}

void
mp_test_expect_message (MpQueue    *queue,
                        const char *codec,
                        const char *body)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_queue_get_message (queue, 0, NULL, &error);
  const guint8 *payload;
  gsize length;

  g_assert_no_error (error);
  g_assert_cmpstr (mp_message_get_codec (message), ==, codec);
  payload = mp_message_get_payload (message, &length);
  g_assert_cmpmem (payload, length, body, strlen (body));
}

void
mp_test_expect_string (MpQueue    *queue,
                       const char *expected)
{
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (queue));

  g_assert_cmpstr (text, ==, expected);
}

GVariant *
mp_test_make_numbers (int first,
                      int n)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (int i = 0; i < n; i++)
    g_variant_builder_add (&builder, "v", g_variant_new_int32 (first + i));
  return g_variant_builder_end (&builder);
}

void
mp_test_expect_numbers (GVariant *numbers,
                        int       first,
                        guint     n)
{
  g_assert_cmpstr (g_variant_get_type_string (numbers), ==, "av");
  g_assert_cmpuint (g_variant_n_children (numbers), ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) boxed = g_variant_get_child_value (numbers, i);
      g_autoptr (GVariant) number = g_variant_get_variant (boxed);

      g_assert_cmpint (g_variant_get_int32 (number), ==, first + (int) i);
    }
  g_variant_unref (numbers);
}

void
mp_test_warm_up_queue (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0), same = mp_test_pass_on (queue, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  mp_queue_get_async (queue, -1, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  mp_test_put_int (queue, 1);
  mp_test_await_result (&result);
  g_assert_cmpint (mp_test_finish_int (queue, result), ==, 1);
}
