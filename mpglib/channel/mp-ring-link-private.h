/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-doorbell-private.h"
#include "mp-item-private.h"
#include "mp-queue-store-private.h"
#include "mp-ring-aside-private.h"

G_BEGIN_DECLS

/* One end's share of what lies beside the socket of a local pair: a ring for each direction.
 *
 * Messages without attachments that are not very long go by the ring, others by the socket, in one order:
 * mp-ring-aside-private.h.  The socket also tells of the end: whoever waits polls it, and a descriptor that is
 * readable once the ring may have something, for which mp_ring_link_arm() asks.  Whoever owns this serialises the
 * calls, but for those of spinning.
 */
typedef struct _MpRingLink MpRingLink;

typedef enum
{
  MP_RING_LINK_IN,
  MP_RING_LINK_OUT,
  MP_RING_LINK_N_WAYS
} MpRingLinkWay;

typedef struct
{
  MpRingLink  *link;
  gboolean     is_there;
  MpQueueStore store;
  MpRingAside  aside;
  MpDoorbell  *doorbell;   /* NULL until somebody waits */
  gboolean     is_armed;   /* and was looked at after that */
  int          has_rung;   /* atomic; since then */
} MpRingWay;

struct _MpRingLink
{
  /*< private >*/
  MpRingWay ways[MP_RING_LINK_N_WAYS];
  int bell_fd;
};

/* Bodies up to this length go by the ring, which copies each of them in well below a millisecond, with the lock of its
 * end.  Unlike in a queue there are few who wait for that, and both copies together take less than the kernel's work
 * for a file, whose pages it has to find and to clear.
 */
#define MP_RING_LINK_MAX_BODY (1024 * 1024)

/* With the name of its codec: longer ones are refused. */
#define MP_RING_LINK_MAX_RECORD (MP_RING_LINK_MAX_BODY + MP_ITEM_MAX_CODEC_LENGTH)

/* What is to be waited for: of room, as much as a body can need. */
static inline guint64
mp_ring_link_measure (MpRingLinkWay way,
                      gsize         length)
{
  return way == MP_RING_LINK_IN ? 0 : mp_ring_measure ((guint32) length + MP_ITEM_MAX_CODEC_LENGTH);
}

void         mp_ring_link_set_used   (gboolean             is_used);
gboolean     mp_ring_link_new_pair   (gboolean             duplex,
                                      MpRingLink         **first,
                                      MpRingLink         **second);
void         mp_ring_link_free       (MpRingLink          *self);
void         mp_ring_link_close      (MpRingLink          *self);
void         mp_ring_link_join       (MpRingLink          *self);
void         mp_ring_link_unjoin     (MpRingLink          *self);
void         mp_ring_link_leave      (MpRingLink          *self);
gboolean     mp_ring_link_have_left  (MpRingLink          *self);

GVariant    *mp_ring_link_pack       (MpRingLink          *self,
                                      MpPacking           *packing,
                                      GError             **error);
gboolean     mp_ring_link_unpack     (MpRingLink         **self,
                                      MpUnpacking         *unpacking,
                                      GVariant            *description,
                                      int                 *fds,
                                      guint                n_fds,
                                      GError             **error);

gboolean     mp_ring_link_arm        (MpRingLink          *self,
                                      MpRingLinkWay        way,
                                      gboolean            *is_new,
                                      GError             **error);
guint        mp_ring_link_hear       (MpRingLink          *self,
                                      gboolean             was_polled);
int          mp_ring_link_get_bell   (MpRingLink          *self);
gboolean     mp_ring_link_spin       (MpRingLink          *self,
                                      MpRingLinkWay        way,
                                      gsize                length);
void         mp_ring_link_linger     (MpRingLink          *self,
                                      MpRingLinkWay        way,
                                      gsize                length);

static inline gboolean
mp_ring_link_has (MpRingLink    *self,
                  MpRingLinkWay  way)
{
  return self->ways[way].is_there;
}

static inline MpRingAside *
mp_ring_link_get_aside (MpRingLink    *self,
                        MpRingLinkWay  way)
{
  return &self->ways[way].aside;
}

/*< private >
 * mp_ring_link_put:
 * @record: with a body of at most %MP_RING_LINK_MAX_BODY bytes
 *
 * Returns: MP_RING_DONE, _AGAIN or _FAILED
 */
static inline MpRingResult
mp_ring_link_put (MpRingLink          *self,
                  const MpRingRecord  *record,
                  GError             **error)
{
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&self->ways[MP_RING_LINK_OUT].store, &me, error);
  guint n;

  return G_LIKELY (ring != NULL) ? mp_ring_try_put (ring, me, record, 1, &n, error) : MP_RING_FAILED;
}

static inline MpRingResult
mp_ring_link_take (MpRingLink  *self,
                   MpRingHaul  *haul,
                   GError     **error)
{
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&self->ways[MP_RING_LINK_IN].store, &me, error);

  return G_LIKELY (ring != NULL) ? mp_ring_try_take (ring, me, haul, error) : MP_RING_FAILED;
}

/*< private >
 * mp_ring_link_count:
 *
 * Returns: how many records wait for this end
 */
static inline guint
mp_ring_link_count (MpRingLink *self)
{
  return self->ways[MP_RING_LINK_IN].is_there ? mp_ring_count (&self->ways[MP_RING_LINK_IN].store.ring) : 0;
}

/*< private >
 * mp_ring_link_wants_linger:
 * @length: as for mp_ring_link_spin()
 *
 * Returns: whether mp_ring_link_linger() is to be called before a record is put or taken
 */
static inline gboolean
mp_ring_link_wants_linger (MpRingLink    *self,
                           MpRingLinkWay  way,
                           gsize          length)
{
  return self->ways[way].is_there &&
         mp_ring_wants_linger (&self->ways[way].store.ring, mp_ring_link_measure (way, length));
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpRingLink, mp_ring_link_free)

G_END_DECLS
