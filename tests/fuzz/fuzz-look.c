/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <mpglib.h>

#include "mp-fd-private.h"

#include "fuzz-look.h"

static void
look_at_value (MpMessage *message)
{
  g_autoptr (GVariant) value = mp_message_get_value (message, NULL);
  g_autoptr (GVariant) doubted = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *text = NULL;

  if (value == NULL)
    return;

  /* Whatever got through is what it seems, also to who does not trust it. */
  bytes = g_variant_get_data_as_bytes (value);
  doubted = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, FALSE));
  g_assert_true (g_variant_is_normal_form (doubted));
  text = g_variant_print (value, TRUE);
  g_assert_true (g_utf8_validate (text, -1, NULL));
}

void
look_at_frame (MpFrame *frame)
{
  gsize length;

  g_assert_true (frame->name == NULL || g_utf8_validate (frame->name, -1, NULL));
  if (!mp_frame_has_message (frame))
    return;

  g_assert_nonnull (mp_frame_get_message (frame));
  mp_message_get_payload (frame->message, &length);
  look_at_value (frame->message);

  for (guint i = 0; i < mp_message_get_n_attachments (frame->message); i++)
    {
      g_autoptr (MpShareable) object = mp_message_get_attachment (frame->message, i, NULL);
      int fd = mp_message_get_attached_fd (frame->message, i, NULL);

      g_assert_true (object == NULL || fd < 0);
      mp_fd_close (&fd);
    }
}
