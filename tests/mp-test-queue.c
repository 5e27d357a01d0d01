/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-queue.h"

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
mp_test_turn_loop (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
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
