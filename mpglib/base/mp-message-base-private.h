/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message-private.h"

G_BEGIN_DECLS

/* What the files of the message share: mp-message.c has the message and its body,
 * mp-message-attachments.c what is attached to it.
 */
struct _MpMessage
{
  GObject parent_instance;

  char *codec;            /* name of the codec; NULL for a GVariant */
  char *wire_codec;       /* "=TYPE", made when needed; NULL for other codecs */
  GVariant *value;        /* checked, if received; NULL until asked for */
  GBytes *body;           /* serialised; NULL until asked for */
  GPtrArray *attachments; /* of MpAttachment; NULL while there are none */
  guint n_unpacked;       /* those before were asked for, or were in the way; of who has their unpacking */
};

gboolean mp_message_take_attachments (MpMessage  *self,
                                      GVariant   *attachments,
                                      int        *fds,
                                      guint       n_fds,
                                      GError    **error);

G_END_DECLS
