/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-item-private.h"
#include "mp-queue-private.h"

G_BEGIN_DECLS

/* Putting: for mp-queue-put*.c alone. */

guint mp_queue_put_records (MpQueue              *self,
                            MpRingRecord         *records,
                            guint                 n,
                            gdouble               timeout,
                            GCancellable         *cancellable,
                            GError              **error);
guint mp_queue_put_items   (MpQueue              *self,
                            const MpItem         *items,
                            guint                 n,
                            gdouble               timeout,
                            GCancellable         *cancellable,
                            GError              **error);
void  mp_queue_start_put   (MpQueue              *self,
                            MpItem               *items_taken,
                            guint                 n,
                            GError               *error_taken,
                            gdouble               timeout,
                            GCancellable         *cancellable,
                            GAsyncReadyCallback   callback,
                            gpointer              user_data,
                            gpointer              tag);
guint mp_queue_finish_put  (MpQueue              *self,
                            GAsyncResult         *result,
                            gpointer              tag,
                            GError              **error);

/* Of bytes that an item takes. */
static inline guint64
mp_queue_get_limit (MpQueue *self)
{
  return mp_queue_get_private (self)->store.byte_limit;
}

G_END_DECLS
