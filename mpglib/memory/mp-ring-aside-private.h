/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-ring-private.h"

G_BEGIN_DECLS

/* What goes beside a ring, by a socket, and yet comes in the order of all.
 *
 * Who sends a message there first counts it, and gives it the position at which the ring's next record would be put:
 * its own records before it lie before that.  Who takes looks at the socket only while more were counted there than
 * taken; and the message's turn has come when all records before that position were taken.
 *
 *     sent  taken
 *     n     n      look at the ring alone
 *     n+1   n      one is in the socket, or about to be, or whoever was about to died: look there too
 *
 * That is looked at once more under the lock of the end take, when the record has been seen: whoever sent a message
 * and then put that record has counted before.  If there is one in the socket a record is taken only if it was there
 * before the socket was looked at, which mp_ring_aside_get_limit() is asked for before.
 *
 * So whoever dies leaves at most a count, which costs others a look.  None of it is believed: what a wrong count or
 * position does is a look too many, or a message that comes early.
 *
 * When the socket has come to its end, the ring tells all who hold the other end whether that was in order: it was if
 * as many holders have left as there ever were.  Who gets one more counts it before, and who leaves counts that before;
 * so one who dies between is a holder who has died, or one who has left.
 */

/* Of the two ends of a ring. */
typedef enum
{
  MP_RING_ASIDE_PUTS,
  MP_RING_ASIDE_TAKES,
} MpRingAsideEnd;

typedef struct
{
  MpRing            *ring;
  MpRingAsideLayout *layout;
  guint32            seen_closings;
} MpRingAside;

void     mp_ring_aside_init      (MpRingAside       *self,
                                  MpRing            *ring,
                                  MpRingAsideLayout *layout);
guint64  mp_ring_aside_send      (MpRingAside       *self);
void     mp_ring_aside_unsend    (MpRingAside       *self);
gboolean mp_ring_aside_is_due    (MpRingAside       *self,
                                  guint64            position);
guint64  mp_ring_aside_get_limit (MpRingAside       *self);
gboolean mp_ring_aside_is_next_before (MpRingAside  *self,
                                  guint64            limit);
void     mp_ring_aside_take      (MpRingAside       *self);
void     mp_ring_aside_close     (MpRingAside       *self);
void     mp_ring_aside_join      (MpRingAside       *self,
                                  MpRingAsideEnd     end);
void     mp_ring_aside_unjoin    (MpRingAside       *self,
                                  MpRingAsideEnd     end);
void     mp_ring_aside_leave     (MpRingAside       *self,
                                  MpRingAsideEnd     end);
gboolean mp_ring_aside_have_left (MpRingAside       *self,
                                  MpRingAsideEnd     end);

/*< private >
 * mp_ring_aside_is_used:
 *
 * Returns: whether there may be a message in the socket that is to be taken before the ring's next record
 */
static inline gboolean
mp_ring_aside_is_used (MpRingAside *self)
{
  return atomic_load (&self->layout->n_sent) != atomic_load_explicit (&self->layout->n_taken, memory_order_relaxed);
}

/*< private >
 * mp_ring_aside_allows:
 * @limit: from mp_ring_aside_get_limit(), before the socket was looked at; 0 if it was not
 *
 * With the lock of the end take, for an MpRingWants.
 *
 * Returns: whether the next record comes before all messages that are in the socket and were not seen there
 */
static inline gboolean
mp_ring_aside_allows (MpRingAside *self,
                      guint64      limit)
{
  return G_LIKELY (!mp_ring_aside_is_used (self)) || mp_ring_aside_is_next_before (self, limit);
}

/*< private >
 * mp_ring_aside_has_news:
 *
 * Returns: whether somebody who takes has closed, or any process died, since this was asked last: then the socket
 *   may tell that nobody is left
 */
static inline gboolean
mp_ring_aside_has_news (MpRingAside *self)
{
  guint32 closings = atomic_load_explicit (&self->layout->n_closings, memory_order_relaxed) +
                     mp_table_get_epoch (self->ring->table);

  if (G_LIKELY (closings == self->seen_closings))
    return FALSE;

  self->seen_closings = closings;
  return TRUE;
}

G_END_DECLS
