/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-contents-private.h"
#include "mp-ring-private.h"

G_BEGIN_DECLS

/* The shared memory of a queue, or of one way of a connection: a head and a ring in the arena, and what is in the ring
 * in memory of its own, of which it has as much as it needs.  Nothing else knows where that lies, or how another
 * process gets it.
 */
typedef struct
{
  MpContents contents;
  MpRing     ring;
  guint      max_size;     /* 0: any number */
  guint64    byte_limit;   /* of all items, with their heads */
} MpQueueStore;

#define MP_QUEUE_DEFAULT_BYTE_LIMIT (G_GUINT64_CONSTANT (1) << 30)

void      mp_queue_store_init         (MpQueueStore  *self,
                                       MpObjectType   type,
                                       guint          max_size,
                                       guint64        byte_limit,
                                       MpRingFlags    flags);
void      mp_queue_store_clear        (MpQueueStore  *self);
GVariant *mp_queue_store_pack         (MpQueueStore  *self,
                                       MpPacking     *packing,
                                       GError       **error);
gboolean  mp_queue_store_open         (MpQueueStore  *self,
                                       MpUnpacking   *unpacking,
                                       MpObjectType   type,
                                       GVariant      *description,
                                       int           *fds,
                                       guint          n_fds,
                                       GError       **error);
gboolean  mp_queue_store_open_again   (MpQueueStore  *self,
                                       MpQueueStore  *again,
                                       GError       **error);
gpointer  mp_queue_store_get_head     (MpQueueStore  *self);
gpointer  mp_queue_store_new_received (GType          gtype,
                                       MpQueueStore  *opened);

/*< private >
 * mp_queue_store_get_ring:
 * @me: (out): this process in owner words
 *
 * Returns: the ring, or %NULL with the error set
 */
static inline MpRing *
mp_queue_store_get_ring (MpQueueStore  *self,
                         guint32       *me,
                         GError       **error)
{
  return mp_shared_object_get (&self->contents.shared, me, error) != NULL ? &self->ring : NULL;
}

G_END_DECLS
