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
 * mp_ring_aside_is_next_before:
 *
 * With the lock of the end take.
 *
 * Returns: whether the next record lies before a position
 */
gboolean
mp_ring_aside_is_next_before (MpRingAside *self,
                              guint64      limit)
{
  return mp_ring_end_get_position (&self->ring->layout->take) < limit;
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

/* --- Holders -------------------------------------------------------------- */

/*< private >
 * mp_ring_aside_join:
 *
 * Counts one more holder, before there is one; mp_ring_aside_unjoin() if there will be none.
 */
void
mp_ring_aside_join (MpRingAside    *self,
                    MpRingAsideEnd  end)
{
  atomic_fetch_add (&self->layout->n_joined[end], 1);
}

void
mp_ring_aside_unjoin (MpRingAside    *self,
                      MpRingAsideEnd  end)
{
  atomic_fetch_sub (&self->layout->n_joined[end], 1);
}

/*< private >
 * mp_ring_aside_leave:
 *
 * Before a holder closes the socket, in order.
 */
void
mp_ring_aside_leave (MpRingAside    *self,
                     MpRingAsideEnd  end)
{
  atomic_fetch_add (&self->layout->n_left[end], 1);
}

/*< private >
 * mp_ring_aside_have_left:
 *
 * When the socket is at its end.
 *
 * Returns: whether all holders of that end have gone in order
 */
gboolean
mp_ring_aside_have_left (MpRingAside    *self,
                         MpRingAsideEnd  end)
{
  return atomic_load (&self->layout->n_left[end]) == atomic_load (&self->layout->n_joined[end]) + 1;
}
