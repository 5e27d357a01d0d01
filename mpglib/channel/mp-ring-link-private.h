/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

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

/* Bodies up to this length go by the ring, which copies each of them in well below a millisecond, with the lock of its
 * end.  Unlike in a queue there are few who wait for that, and both copies together take less than the kernel's work
 * for a file, whose pages it has to find and to clear.
 */
#define MP_RING_LINK_MAX_BODY (1024 * 1024)

/* With the name of its codec: longer ones are refused. */
#define MP_RING_LINK_MAX_RECORD (MP_RING_LINK_MAX_BODY + MP_ITEM_MAX_CODEC_LENGTH)

void         mp_ring_link_set_used   (gboolean             is_used);
gboolean     mp_ring_link_new_pair   (gboolean             duplex,
                                      MpRingLink         **first,
                                      MpRingLink         **second);
void         mp_ring_link_free       (MpRingLink          *self);
void         mp_ring_link_close      (MpRingLink          *self);

GVariant    *mp_ring_link_pack       (MpRingLink          *self,
                                      MpPacking           *packing,
                                      GError             **error);
gboolean     mp_ring_link_unpack     (MpRingLink         **self,
                                      MpUnpacking         *unpacking,
                                      GVariant            *description,
                                      int                 *fds,
                                      guint                n_fds,
                                      GError             **error);

gboolean     mp_ring_link_has        (MpRingLink          *self,
                                      MpRingLinkWay        way);
MpRingAside *mp_ring_link_get_aside  (MpRingLink          *self,
                                      MpRingLinkWay        way);
MpRingResult mp_ring_link_put        (MpRingLink          *self,
                                      const MpRingRecord  *record,
                                      GError             **error);
MpRingResult mp_ring_link_take       (MpRingLink          *self,
                                      MpRingHaul          *haul,
                                      GError             **error);
guint        mp_ring_link_count      (MpRingLink          *self);

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

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpRingLink, mp_ring_link_free)

G_END_DECLS
