/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-queue-store-private.h"

#define HEAD_SIZE (sizeof (MpQueueLayout) + sizeof (MpRingLayout))
#define SMALLEST  64

/* --- Making --------------------------------------------------------------- */

static guint64
choose_capacity (guint64 byte_limit)
{
  return (CLAMP (byte_limit, SMALLEST, MP_RING_MAX_CAPACITY) + 7) & ~(guint64) 7;
}

static MpRingLayout *
get_layout (MpQueueStore *self)
{
  return (MpRingLayout *) ((guint8 *) self->contents.shared.hold.data + sizeof (MpQueueLayout));
}

static void
refuse (MpQueueStore *self,
        MpObjectType  type,
        GError       *error_taken)
{
  mp_contents_clear (&self->contents);
  mp_shared_object_refuse (&self->contents.shared, type, error_taken);
}

static gboolean
open_ring (MpQueueStore  *self,
           GError       **error)
{
  if (!mp_ring_open (&self->ring, self->contents.shared.table, get_layout (self), self->contents.data,
                     self->contents.size, mp_mapping_get_fd (self->contents.mapping), error))
    return FALSE;

  self->max_size = self->ring.most_records < MP_RING_MAX_RECORDS ? self->ring.most_records : 0;
  self->byte_limit = self->ring.capacity;
  return TRUE;
}

/*< private >
 * mp_queue_store_init:
 *
 * For `constructed`: makes the memory, or takes what mp_queue_store_new_received() has.
 */
void
mp_queue_store_init (MpQueueStore *self,
                     MpObjectType  type,
                     guint         max_size,
                     guint64       byte_limit,
                     MpRingFlags   flags)
{
  guint64 capacity = choose_capacity (byte_limit);
  GError *error = NULL;
  gboolean is_new;

  self->max_size = max_size;
  self->byte_limit = capacity;
  is_new = mp_contents_init_sparse (&self->contents, type, HEAD_SIZE,
                                    mp_ring_memory_measure (capacity, MP_RING_CHUNK_BITS),
                                    mp_ring_extents_measure (capacity));
  if (self->contents.shared.table == NULL)
    return;

  if (is_new)
    mp_ring_init (get_layout (self), capacity,
                  max_size == 0 ? MP_RING_MAX_RECORDS : MIN (max_size, MP_RING_MAX_RECORDS), MP_RING_CHUNK_BITS,
                  flags);

  /* Another process may have made rubbish of it since mp_queue_store_open(). */
  if (!open_ring (self, &error))
    refuse (self, type, error);
}

void
mp_queue_store_clear (MpQueueStore *self)
{
  mp_contents_clear (&self->contents);
}

/* --- Sharing -------------------------------------------------------------- */

GVariant *
mp_queue_store_pack (MpQueueStore  *self,
                     MpPacking     *packing,
                     GError       **error)
{
  return mp_contents_pack (&self->contents, packing, error);
}

/*< private >
 * mp_queue_store_open:
 * @self: (out caller-allocates): what mp_queue_store_new_received() takes
 */
gboolean
mp_queue_store_open (MpQueueStore  *self,
                     MpUnpacking   *unpacking,
                     MpObjectType   type,
                     GVariant      *description,
                     int           *fds,
                     guint          n_fds,
                     GError       **error)
{
  *self = (MpQueueStore) { 0 };
  if (!mp_contents_open_sparse (&self->contents, unpacking, type, HEAD_SIZE,
                                description, fds, n_fds, error))
    return FALSE;

  if (open_ring (self, error))
    return TRUE;

  mp_queue_store_clear (self);
  return FALSE;
}

/*< private >
 * mp_queue_store_open_again:
 * @again: (out caller-allocates): the same for another object of this process
 */
gboolean
mp_queue_store_open_again (MpQueueStore  *self,
                           MpQueueStore  *again,
                           GError       **error)
{
  *again = (MpQueueStore) { 0 };
  if (!mp_contents_open_again (&self->contents, &again->contents, error))
    return FALSE;

  if (open_ring (again, error))
    return TRUE;

  mp_queue_store_clear (again);
  return FALSE;
}

/*< private >
 * mp_queue_store_get_head:
 *
 * Returns: what lies before the ring, of the size of an MpQueueLayout; the store must have been made
 */
gpointer
mp_queue_store_get_head (MpQueueStore *self)
{
  return self->contents.shared.hold.data;
}

/*< private >
 * mp_queue_store_new_received:
 * @gtype: a class that calls mp_queue_store_init()
 * @opened: from mp_queue_store_open(); taken
 */
gpointer
mp_queue_store_new_received (GType         gtype,
                             MpQueueStore *opened)
{
  return mp_contents_new_received (gtype, &opened->contents, NULL);
}
