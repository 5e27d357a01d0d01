/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-ring-claim-private.h"
#include "mp-ring-turn-private.h"
#include "mp-short-lock-private.h"
#include "mp-sleep-private.h"

/* Waiting for the turn, and passing over who has it and is stopped.
 *
 *   state     until                                              then
 *   watches   MP_RING_PATIENCE_USEC are over:                    nothing is there for who has the turn: sleeps
 *                                                                there is, but was not when it began, or the turn was
 *                                                                another's: watches
 *                                                                there was, and is: takes the turn over
 *   sleeps    something is committed at the other end, the       watches
 *             claim of room ends, or there is something after
 *             somebody died
 *
 * So nobody wakes for nothing where nothing happens, and one that finds others busy wakes ten times a second at most.
 */
typedef struct
{
  MpRing     *ring;
  MpRingEnd  *own;
  MpRingEnd  *other;
  MpAtomic32 *claimant;
  guint64     need;       /* bytes of room; 0: waits for a record */
  guint32     me;
  gint64      until;      /* 0: sleeps */
  guint32     owner;      /* who had the turn when the watch began */
  gboolean    was_usable; /* and whether there was something for it */
  guint32     watched;    /* as it was when the sleep began */
  guint32     claimed_by; /* likewise, the whole word */
} Vigil;

/* Whether there is something for who has the turn: its claim says how much room it needs.  Without one it is about to
 * claim some, or was passed over; and behind somebody else's claim it has room as soon as that has, for it passes over
 * it in the same time: if it does not, it is stopped, too.
 */
static gboolean
is_usable (const Vigil *self)
{
  guint32 claimant = atomic_load (self->claimant) & MP_OWNER_MASK;
  guint64 claimed;

  if (self->need == 0)
    return mp_ring_count (self->ring) > 0 || mp_ring_has_orphans (self->ring);

  claimed = claimant != 0 ? mp_ring_claim_measure_of (self->ring, claimant) : 0;
  if (claimed == 0)
    return mp_ring_has_room (self->ring, self->need);

  return mp_ring_has_room (self->ring, claimed);
}

static void
watch (Vigil   *self,
       guint32  owner,
       gboolean usable)
{
  self->owner = owner & MP_OWNER_MASK;
  self->was_usable = usable;
  self->until = g_get_monotonic_time () + MP_RING_PATIENCE_USEC;
}

/* Whoever ends a claim wakes who waits behind it.
 *
 * Returns: %FALSE if it is another's by now
 */
static gboolean
await_claim (Vigil *self)
{
  self->claimed_by = atomic_load (self->claimant);
  if (self->need == 0 || (self->claimed_by & MP_OWNER_MASK) == 0 || (self->claimed_by & MP_OWNER_WAIT) != 0)
    return TRUE;

  if (!atomic_compare_exchange_strong (self->claimant, &self->claimed_by, self->claimed_by | MP_OWNER_WAIT))
    return FALSE;

  self->claimed_by |= MP_OWNER_WAIT;
  return TRUE;
}

/* Under the lock of the other end: whoever commits there later sees that it has to wake.  A claim that begins later
 * leaves less room, not more, so that its beginning needs to wake nobody.
 */
static gboolean
lie_down (Vigil    *self,
          guint32   owner,
          GError  **error)
{
  MpRingEnd *other = self->other;
  gboolean usable, lasts;

  if (!mp_ring_end_lock (self->ring, other, self->me, error))
    return FALSE;

  self->watched = atomic_load_explicit (&other->watched, memory_order_relaxed) | 1;
  lasts = await_claim (self);
  usable = is_usable (self);
  if (lasts && !usable)
    atomic_store_explicit (&other->watched, self->watched, memory_order_relaxed);
  mp_short_lock_release (&other->lock);

  if (lasts && !usable)
    self->until = 0;
  else
    watch (self, owner, usable);
  return TRUE;
}

static gboolean
is_woken (Vigil *self)
{
  return atomic_load (&self->other->watched) != self->watched ||
         (self->need != 0 && atomic_load (self->claimant) != self->claimed_by);
}

/* `owner`: the whole word.
 *
 * Returns: MP_RING_DONE if the turn was taken over, MP_RING_AGAIN, or MP_RING_FAILED
 */
static MpRingResult
look (Vigil    *self,
      guint32   owner,
      GError  **error)
{
  gboolean usable = is_usable (self);

  if (self->until == 0)
    {
      if (usable || is_woken (self))
        watch (self, owner, usable);
      return MP_RING_AGAIN;
    }

  if (g_get_monotonic_time () < self->until)
    return MP_RING_AGAIN;

  if (!usable)
    return lie_down (self, owner, error) ? MP_RING_AGAIN : MP_RING_FAILED;

  if (self->was_usable && self->owner == (owner & MP_OWNER_MASK) &&
      atomic_compare_exchange_strong (&self->own->turn, &owner, self->me | MP_OWNER_WAIT))
    return MP_RING_DONE;

  watch (self, owner, TRUE);
  return MP_RING_AGAIN;
}

static void
sleep_once (Vigil   *self,
            guint32  owner,
            guint32  epoch,
            MpWait   wait)
{
  gboolean watches = self->until != 0;
  MpFutexWait words[] = {
    { &self->own->turn, owner },
    { watches ? NULL : &self->other->watched, self->watched },
    { watches || self->need == 0 ? NULL : self->claimant, self->claimed_by },
  };

  if (mp_participant_look (self->ring->table, owner) == MP_LIFE_DYING)
    {
      mp_futex_pause (MP_SLEEP_DYING_USEC);
      return;
    }

  if (watches && (wait.deadline == MP_DEADLINE_NEVER || wait.deadline > self->until))
    wait.deadline = self->until;
  mp_sleep_on_any (self->ring->table, words, G_N_ELEMENTS (words), epoch, owner, wait);
}

static MpRingResult
wait_for_turn (Vigil    *self,
               MpWait    wait,
               GError  **error)
{
  MpAtomic32 *turn = &self->own->turn;

  watch (self, 0, FALSE);
  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (self->ring->table);
      guint32 owner;
      MpRingResult result;

      if (mp_owner_lock_acquire_or_await (self->ring->table, turn, self->me) != MP_OWNER_LOCK_TIMED_OUT)
        return MP_RING_DONE;

      if (mp_wait_is_over (wait))
        return MP_RING_AGAIN;

      owner = atomic_load (turn);
      if ((owner & MP_OWNER_MASK) == 0 || (owner & MP_OWNER_WAIT) == 0)
        continue;

      result = look (self, owner, error);
      if (result != MP_RING_AGAIN)
        return result;

      sleep_once (self, owner, epoch, wait);
    }
}

/*< private >
 * mp_ring_turn_get:
 * @need: bytes of room, from mp_ring_measure(); 0: for a record
 *
 * Waits for the turn.
 *
 * Returns: %MP_RING_DONE, %MP_RING_AGAIN if the wait is over, or %MP_RING_FAILED
 */
MpRingResult
mp_ring_turn_get (MpRing   *self,
                  guint64   need,
                  guint32   me,
                  MpWait    wait,
                  GError  **error)
{
  MpRingLayout *layout = self->layout;
  Vigil vigil = { .ring = self, .claimant = &layout->put.claimant, .need = need, .me = me };

  vigil.own = need != 0 ? &layout->put : &layout->take;
  vigil.other = need != 0 ? &layout->take : &layout->put;
  if (G_LIKELY (mp_owner_lock_try (&vigil.own->turn, me)) || mp_owner_lock_spin (&vigil.own->turn, me))
    return MP_RING_DONE;

  return wait_for_turn (&vigil, wait, error);
}

/*< private >
 * mp_ring_turn_release:
 *
 * Unless it is another's by now.
 */
void
mp_ring_turn_release (MpRingEnd *own,
                      guint32    me)
{
  if (G_UNLIKELY (!mp_owner_lock_try_release (&own->turn, me)) && mp_ring_turn_is_mine (own, me))
    mp_owner_lock_release (&own->turn);
}
