/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-doorbell-private.h"
#include "mp-participant-private.h"
#include "mp-ring-claim-private.h"
#include "mp-ring-end-private.h"

/* Of the dying none: nobody would tell of it when they are dead. */
guint64
mp_ring_claim_measure_of (MpRing  *self,
                          guint32  claimant)
{
  guint64 claimed;

  if (mp_participant_look (self->table, claimant) != MP_LIFE_ALIVE)
    return 0;

  /* Read once: it is anybody's to write. */
  claimed = atomic_load_explicit (&self->layout->put.claimed, memory_order_relaxed);
  return MIN (claimed, self->capacity);
}

/*< private >
 * mp_ring_claim:
 * @has_claim: (inout): whether the caller has claimed room already, unless it was passed over
 *
 * Unless another has.  If this process is killed between the two stores, the claimant is nobody, or dead.
 */
void
mp_ring_claim (MpRing   *self,
               guint32   me,
               guint64   need,
               gboolean *has_claim)
{
  MpRingEnd *end = &self->layout->put;

  if (mp_ring_claim_measure (self, me, *has_claim) > 0)
    {
      *has_claim = FALSE;
      return;
    }

  atomic_store_explicit (&end->claimed, MIN (need, self->capacity), memory_order_relaxed);
  if (*has_claim && (atomic_load_explicit (&end->claimant, memory_order_relaxed) & MP_OWNER_MASK) == me)
    return;

  atomic_store_explicit (&end->claimant, me, memory_order_release);
  *has_claim = TRUE;
}

/* Returns: whether it was this process's */
static gboolean
end_claim (MpRing  *self,
           guint32  me)
{
  MpAtomic32 *claimant = &self->layout->put.claimant;
  guint32 seen = atomic_load_explicit (claimant, memory_order_relaxed);

  while ((seen & MP_OWNER_MASK) == me)
    {
      if (!atomic_compare_exchange_weak (claimant, &seen, 0))
        continue;

      if ((seen & MP_OWNER_WAIT) != 0)
        mp_futex_wake (claimant, MP_FUTEX_WAKE_ALL);
      return TRUE;
    }

  return FALSE;
}

/*< private >
 * mp_ring_claim_end:
 *
 * For who has put.  Who waits for room behind the claim looks, and may claim some.
 */
void
mp_ring_claim_end (MpRing   *self,
                   guint32   me,
                   gboolean *has_claim)
{
  if (*has_claim)
    end_claim (self, me);
  *has_claim = FALSE;
}

/*< private >
 * mp_ring_give_up_claim:
 * @has_claim: (inout): likewise
 *
 * For who waits no longer.  Main loops that found the room claimed look again: there may be nothing left to take, after
 * which they would.
 */
void
mp_ring_give_up_claim (MpRing   *self,
                       guint32   me,
                       gboolean *has_claim)
{
  if (*has_claim && end_claim (self, me))
    mp_bell_ring (self->table, &self->layout->take.bell);
  *has_claim = FALSE;
}

/* --- Passing over --------------------------------------------------------- */

/* After a look at the other end. */
static gboolean
is_usable (MpRing  *self,
           guint64  claimed)
{
  MpRingMark own, take;

  mp_ring_end_get_mark (&self->layout->put, &own);
  mp_ring_end_get_seen (&self->layout->put, &take);
  return mp_ring_fits (self, own.weight - take.weight, mp_ring_count_between (own.count, take.count), claimed);
}

/* The claimant, if it lives and runs, is woken too, and claims anew. */
static void
pass_over (MpRing *self)
{
  MpAtomic32 *claimant = &self->layout->put.claimant;

  atomic_store (claimant, 0);
  mp_futex_wake (claimant, MP_FUTEX_WAKE_ALL);
  mp_bell_ring (self->table, &self->layout->take.bell);
}

/*< private >
 * mp_ring_claim_pass_over:
 * @claimed: by somebody else; or 0
 *
 * For who found too little room beside that.  A claim that could have been used for %MP_RING_PATIENCE_USEC, and was
 * not, ends: its claimant may be stopped, or never have been one.  This process's own clock says how long that is,
 * from the first of its looks on that found it so.  Who was just about to use it has lost its place, and no more.
 *
 * Returns: whether it was ended
 */
gboolean
mp_ring_claim_pass_over (MpRing  *self,
                         guint64  claimed)
{
  gint64 since = atomic_load_explicit (&self->held_up_since, memory_order_relaxed), now;

  if (claimed == 0 || !is_usable (self, claimed))
    {
      atomic_store_explicit (&self->held_up_since, 0, memory_order_relaxed);
      return FALSE;
    }

  now = g_get_monotonic_time ();
  if (since != 0 && now - since >= MP_RING_PATIENCE_USEC)
    {
      atomic_store_explicit (&self->held_up_since, 0, memory_order_relaxed);
      pass_over (self);
      return TRUE;
    }

  if (since == 0)
    atomic_store_explicit (&self->held_up_since, now, memory_order_relaxed);
  return FALSE;
}

/*< private >
 * mp_ring_get_next_look:
 *
 * Returns: when who waits for room is to look again, though nothing is taken until then: a claim will be passed over;
 *   or %MP_DEADLINE_NEVER
 */
gint64
mp_ring_get_next_look (MpRing *self)
{
  gint64 since = atomic_load_explicit (&self->held_up_since, memory_order_relaxed);

  return since == 0 ? MP_DEADLINE_NEVER : since + MP_RING_PATIENCE_USEC;
}
