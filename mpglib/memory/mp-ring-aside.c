/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-ring-aside-private.h"
#include "mp-ring-end-private.h"

/*< private >
 * mp_ring_aside_init:
 * @ring: stays where it is as long as @self
 * @layout: zero in a new ring
 */
void
mp_ring_aside_init (MpRingAside       *self,
                    MpRing            *ring,
                    MpRingAsideLayout *layout)
{
  self->ring = ring;
  self->layout = layout;
  self->seen_closings = 0;
}

/*< private >
 * mp_ring_aside_send:
 *
 * Counts a message that is about to be sent; mp_ring_aside_unsend() if it is not.
 *
 * Returns: its position
 */
guint64
mp_ring_aside_send (MpRingAside *self)
{
  MpRingMark put;

  atomic_fetch_add (&self->layout->n_sent, 1);

  /* Others put so fast that it cannot be seen how far they are: behind all. */
  return mp_ring_end_look (&self->ring->layout->put, &put) ? put.position : G_MAXUINT64;
}

void
mp_ring_aside_unsend (MpRingAside *self)
{
  atomic_fetch_sub (&self->layout->n_sent, 1);
}

/*< private >
 * mp_ring_aside_is_used:
 *
 * Returns: whether there may be a message in the socket that is to be taken before the ring's next record
 */
gboolean
mp_ring_aside_is_used (MpRingAside *self)
{
  return atomic_load (&self->layout->n_sent) != atomic_load_explicit (&self->layout->n_taken, memory_order_relaxed);
}

/*< private >
 * mp_ring_aside_is_due:
 *
 * Returns: whether all records before the position were taken, or there are none
 */
gboolean
mp_ring_aside_is_due (MpRingAside *self,
                      guint64      position)
{
  MpRingMark take;

  return mp_ring_count (self->ring) == 0 ||
         (mp_ring_end_look (&self->ring->layout->take, &take) && position <= take.position);
}

/*< private >
 * mp_ring_aside_get_limit:
 *
 * Returns: before which position records lie that are there now
 */
guint64
mp_ring_aside_get_limit (MpRingAside *self)
{
  MpRingMark put;

  return mp_ring_end_look (&self->ring->layout->put, &put) ? put.position : 0;
}

/*< private >
 * mp_ring_aside_allows:
 * @limit: from mp_ring_aside_get_limit(), before the socket was looked at; 0 if it was not
 *
 * With the lock of the end take, for an MpRingWants.
 *
 * Returns: whether the next record comes before all messages that are in the socket and were not seen there
 */
gboolean
mp_ring_aside_allows (MpRingAside *self,
                      guint64      limit)
{
  return G_LIKELY (!mp_ring_aside_is_used (self)) || mp_ring_end_get_position (&self->ring->layout->take) < limit;
}

/*< private >
 * mp_ring_aside_take:
 *
 * A message was taken from the socket.
 */
void
mp_ring_aside_take (MpRingAside *self)
{
  atomic_fetch_add (&self->layout->n_taken, 1);
}

/*< private >
 * mp_ring_aside_close:
 *
 * Tells those who put that somebody who takes has closed the socket.
 */
void
mp_ring_aside_close (MpRingAside *self)
{
  atomic_fetch_add (&self->layout->n_closings, 1);
}

/*< private >
 * mp_ring_aside_has_news:
 *
 * Returns: whether somebody who takes has closed, or any process died, since this was asked last: then the socket
 *   may tell that nobody is left
 */
gboolean
mp_ring_aside_has_news (MpRingAside *self)
{
  guint32 closings = atomic_load_explicit (&self->layout->n_closings, memory_order_relaxed) +
                     mp_table_get_epoch (self->ring->table);

  if (G_LIKELY (closings == self->seen_closings))
    return FALSE;

  self->seen_closings = closings;
  return TRUE;
}
