/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-doorbell-private.h"
#include "mp-participant-private.h"
#include "mp-ring-claim-private.h"

guint64
mp_ring_claim_measure_of (MpRing  *self,
                          guint32  claimant)
{
  return mp_participant_look (self->table, claimant) == MP_LIFE_DEAD
           ? 0 : MIN (atomic_load_explicit (&self->layout->put.claimed, memory_order_relaxed), self->capacity);
}

/*< private >
 * mp_ring_claim:
 *
 * For who has the turn.  If it is killed between the two, the claimant is nobody, or dead.
 */
void
mp_ring_claim (MpRing  *self,
               guint32  me,
               guint64  need)
{
  atomic_store_explicit (&self->layout->put.claimed, MIN (need, self->capacity), memory_order_relaxed);
  atomic_store_explicit (&self->layout->put.claimant, me, memory_order_release);
}

/* Returns: whether it was this process's */
gboolean
mp_ring_claim_end (MpRing  *self,
                   guint32  me)
{
  if (atomic_load_explicit (&self->layout->put.claimant, memory_order_relaxed) != me)
    return FALSE;

  atomic_store (&self->layout->put.claimant, 0);
  return TRUE;
}

/*< private >
 * mp_ring_give_up_turn:
 *
 * For who had the turn to put, and waits no longer.  Main loops that found the room claimed look again: there may be
 * nothing left to take, after which they would.
 */
void
mp_ring_give_up_turn (MpRing  *self,
                      guint32  me)
{
  if (mp_ring_claim_end (self, me))
    mp_bell_ring (self->table, &self->layout->take.bell);
}
