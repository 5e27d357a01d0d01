/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <sched.h>

#include "mp-clock-private.h"
#include "mp-ring-claim-private.h"
#include "mp-ring-end-private.h"
#include "mp-ring-turn-private.h"
#include "mp-short-lock-private.h"
#include "mp-sleep-private.h"

/* Waiting at one side of a ring for what the other side does. */
typedef struct
{
  MpRing    *ring;
  MpRingEnd *own;
  MpRingEnd *other;
  MpAtomic32 *patience;
  guint64    need;      /* bytes of room; 0: waits for a record */
  guint32    me;        /* 0: does not claim room */
  gboolean   has_claim; /* on it */
  gboolean   has_tried; /* to take, since */
  guint32    epoch;     /* this one of the table began */
} Waiter;

/* `need`: 0: for a record */
static Waiter
make_waiter (MpRing  *ring,
             guint64  need,
             guint32  me)
{
  MpRingLayout *layout = ring->layout;

  return need != 0 ? (Waiter) { ring, &layout->put, &layout->take, &ring->patience[MP_RING_PUTS], need, me }
                   : (Waiter) { ring, &layout->take, &layout->put, &ring->patience[MP_RING_TAKES], 0, me };
}

/* With what is left to others. */
static guint64
get_whole_need (const Waiter *self)
{
  return self->need + mp_ring_claim_measure (self->ring, self->me, self->has_claim);
}

/* Whoever tried to take has looked at the dead.  What is due still is that of one who is dying, and maybe for long: it
 * is his burial that makes it worth another look.
 */
static gboolean
has_orphans (const Waiter *self)
{
  MpRing *ring = self->ring;

  return mp_ring_has_orphans (ring) &&
         (!self->has_tried || atomic_load (&ring->layout->has_orphans) != 0 ||
          mp_table_get_epoch (ring->table) != self->epoch);
}

/* How many records there are to take, or how many like that one have room. */
static guint64
count_ready (const Waiter *self)
{
  if (self->need != 0)
    return mp_ring_count_room (self->ring, get_whole_need (self));

  return mp_ring_count (self->ring) + (has_orphans (self) ? 1 : 0);
}

static gboolean
is_ready (const Waiter *self)
{
  if (self->need != 0)
    return mp_ring_count_room (self->ring, get_whole_need (self)) > 0;

  return mp_ring_count (self->ring) > 0 || has_orphans (self);
}

/* Whether it waits for one that is dying to be gone, and for whatever comes before. */
static gboolean
awaits_burial (const Waiter *self)
{
  return self->need == 0 && mp_ring_has_orphans (self->ring) && !is_ready (self);
}

/* Whether the other side has had to wait meanwhile: there is nothing that it could do. */
static gboolean
is_other_stuck (const Waiter *self)
{
  return self->need != 0 ? mp_ring_count (self->ring) == 0
                         : mp_ring_count_room (self->ring, mp_ring_measure (0)) == 0;
}

/* --- Spinning ------------------------------------------------------------- */

/* Who looks again at once takes records one by one, and pulls the cache lines from the other side each time, which
 * takes several times as long as all the rest.  So in a stream the first look comes late, when there are some; in a
 * dialogue, where there is never more than one, it comes at once.  How many there are tells which of the two it is:
 *
 *   patience             when                                                     is then
 *   0                    now and then: another has joined the one that came,      LEAST_PATIENCE
 *                        when that was left for long
 *   LEAST_PATIENCE       they have come slowly, or the other side had to wait     0
 *   to MOST_PATIENCE     they have come fast, but few                             one more
 *                        they have come fast                                      the same
 */
#define LEAST_PATIENCE 6    /* binary logarithm of pauses */
#define MOST_PATIENCE 8
#define FEW 32
#define SLOW           32   /* pauses for each of them */
#define NOW_AND_THEN   16   /* waits */
#define LONG           16   /* pauses */

#define N_LOOKS        2000

static gboolean never_spins;

/*< private >
 * mp_ring_set_spin:
 *
 * For tests: whether who waits looks some times before it sleeps.
 */
void
mp_ring_set_spin (gboolean spins)
{
  never_spins = !spins;
}

static void
relax (guint n)
{
  while (n-- > 0)
    mp_cpu_relax ();
}

static gboolean
look_on (Waiter *self)
{
  for (guint i = 0; i < N_LOOKS; i++)
    {
      if (is_ready (self))
        return TRUE;
      mp_cpu_relax ();
    }

  return FALSE;
}

/* The lowest bits of the word are patience; the others count the waits without it. */
#define PATIENCE_BITS 4

/* Returns: how many there are then */
static guint64
be_patient (Waiter *self,
            guint32 patience)
{
  guint pauses = (1u << patience) - 1;
  guint64 n;

  relax (pauses);
  n = count_ready (self);
  if (n < MAX (2, pauses / SLOW) || is_other_stuck (self))
    patience = 0;
  else if (n < FEW)
    patience = MIN (patience + 1, MOST_PATIENCE);

  atomic_store_explicit (self->patience, patience, memory_order_relaxed);
  return n;
}

/* Without patience: whether some would do. */
static void
try_patience (Waiter  *self,
              guint32  n_waits)
{
  if (n_waits % NOW_AND_THEN != 0)
    {
      atomic_store_explicit (self->patience, n_waits << PATIENCE_BITS, memory_order_relaxed);
      return;
    }

  relax (LONG);
  atomic_store_explicit (self->patience, count_ready (self) > 1 ? LEAST_PATIENCE : 0, memory_order_relaxed);
}

static gboolean
spin_at_once (Waiter *self,
              guint32 n_waits)
{
  if (!look_on (self))
    return FALSE;

  try_patience (self, n_waits + 1);
  return TRUE;
}

/* The other side cannot run while this one spins on its CPU. */
static gboolean
may_spin (Waiter *self)
{
  return G_LIKELY (!never_spins) &&
         atomic_load_explicit (&self->other->cpu, memory_order_relaxed) != (guint32) sched_getcpu () + 1;
}

static gboolean
spin (Waiter *self)
{
  guint32 seen = atomic_load_explicit (self->patience, memory_order_relaxed);
  guint32 patience = seen & ((1u << PATIENCE_BITS) - 1);

  if (!may_spin (self))
    return FALSE;

  if (patience > 0)
    return be_patient (self, patience) > 0 || look_on (self);

  return spin_at_once (self, seen >> PATIENCE_BITS);
}

/*< private >
 * mp_ring_spin:
 * @need: bytes of room, from mp_ring_measure(); 0: for a record
 *
 * For who sleeps elsewhere.
 *
 * Returns: whether it is there now
 */
gboolean
mp_ring_spin (MpRing  *self,
              guint64  need)
{
  Waiter waiter = make_waiter (self, need, 0);

  return spin (&waiter);
}

/* --- Sleeping ------------------------------------------------------------- */

/* What was seen before the sleep. */
typedef struct
{
  guint32 count;      /* of the other end */
  guint32 claimant;
  gint64  until;      /* when that is to be passed over, or looked at; MP_DEADLINE_NEVER: not for what is known */
} Seen;

/* Whoever ends the claim wakes who waits behind it.
 *
 * Returns: whether it lasts
 */
static gboolean
wait_behind_claim (Waiter *self,
                   Seen   *seen)
{
  MpAtomic32 *claimant = &self->own->claimant;

  seen->claimant = atomic_load (claimant);
  if (mp_ring_claim_measure (self->ring, self->me, self->has_claim) == 0)
    return self->has_claim && (seen->claimant & MP_OWNER_MASK) == self->me;

  if ((seen->claimant & MP_OWNER_WAIT) == 0 &&
      !atomic_compare_exchange_strong (claimant, &seen->claimant, seen->claimant | MP_OWNER_WAIT))
    return FALSE;

  seen->claimant |= MP_OWNER_WAIT;
  return TRUE;
}

/* Of room: when there is so much it has to look, for there is enough, or what others have claimed could be used. */
static guint64
get_awaited (Waiter *self,
             Seen   *seen)
{
  guint64 claimed = mp_ring_claim_measure (self->ring, self->me, self->has_claim);

  if (claimed == 0)
    return self->need;

  if (!mp_ring_has_room (self->ring, claimed))
    return claimed;

  seen->until = mp_ring_get_next_look (self->ring);
  if (seen->until == MP_DEADLINE_NEVER)
    seen->until = g_get_monotonic_time () + MP_RING_PATIENCE_USEC;
  return self->need + claimed;
}

/* Those who bury the dying may be stopped. */
#define BURIAL_USEC 1000

static gint64
get_burial_look (const Waiter *self)
{
  return awaits_burial (self) ? g_get_monotonic_time () + BURIAL_USEC : MP_DEADLINE_NEVER;
}

/* Of two that sleep, since one was passed over, and of what another has left, the least holds. */
static void
note_asleep (MpRingEnd *other,
             guint64    awaited)
{
  guint32 before = atomic_load_explicit (&other->asleep, memory_order_relaxed);
  guint32 in_8 = (guint32) CLAMP (awaited / 8, 1, G_MAXUINT32);

  atomic_store_explicit (&other->asleep, before == 0 ? in_8 : MIN (before, in_8), memory_order_relaxed);
}

/* Says so under the lock of the other end: whoever commits there later knows that it has to wake.
 *
 * Returns: %FALSE with the error set
 */
static gboolean
lie_down (Waiter   *self,
          gboolean *is_up,
          Seen     *seen,
          GError  **error)
{
  if (!mp_ring_end_lock (self->ring, self->other, self->me, error))
    return FALSE;

  seen->count = atomic_load_explicit (&self->other->count, memory_order_relaxed);
  *is_up = (self->need != 0 && !wait_behind_claim (self, seen)) || is_ready (self);
  if (!*is_up)
    note_asleep (self->other, self->need == 0 ? 8 : get_awaited (self, seen));
  if (!*is_up && self->need == 0)
    seen->until = get_burial_look (self);
  mp_short_lock_release (&self->other->lock);
  return TRUE;
}

static void
sleep_once (Waiter     *self,
            const Seen *seen,
            guint32     epoch,
            MpWait      wait)
{
  MpFutexWait words[] = {
    { &self->other->count, seen->count },
    { self->need != 0 ? &self->own->claimant : NULL, seen->claimant },
  };

  if (seen->until != MP_DEADLINE_NEVER && (wait.deadline == MP_DEADLINE_NEVER || wait.deadline > seen->until))
    wait.deadline = seen->until;
  mp_sleep_on_any (self->ring->table, words, G_N_ELEMENTS (words), epoch, 0, wait);
}

/* With the turn. */
static MpRingResult
wait_for_change (Waiter   *self,
                 MpWait    wait,
                 GError  **error)
{
  guint32 epoch = mp_table_get_epoch (self->ring->table);
  Seen seen = { .until = MP_DEADLINE_NEVER };
  gboolean is_up;

  if (!awaits_burial (self) && spin (self))
    return MP_RING_DONE;

  if (!lie_down (self, &is_up, &seen, error))
    return MP_RING_FAILED;

  if (!is_up)
    sleep_once (self, &seen, epoch, wait);
  return MP_RING_DONE;
}

/* --- Both sides ----------------------------------------------------------- */

typedef MpRingResult (*TryFunc) (MpRing    *ring,
                                 guint32    me,
                                 gpointer   data,
                                 GError   **error);

/* `is_passed_over`: whether another has the turn by now, so that it is to be waited for anew */
static MpRingResult
try_until (Waiter    *self,
           TryFunc    try_once,
           gpointer   data,
           MpWait     wait,
           gboolean  *is_passed_over,
           GError   **error)
{
  do
    {
      gboolean is_over = mp_wait_is_over (wait);
      MpRingResult result;

      self->epoch = mp_table_get_epoch (self->ring->table);
      self->has_tried = TRUE;
      result = try_once (self->ring, self->me, data, error);

      if (result != MP_RING_AGAIN || is_over)
        return result;

      if (wait_for_change (self, wait, error) == MP_RING_FAILED)
        return MP_RING_FAILED;
    }
  while (mp_ring_turn_is_mine (self->own, self->me));

  *is_passed_over = TRUE;
  return MP_RING_AGAIN;
}

static MpRingResult
try_in_turn (Waiter    *self,
             TryFunc    try_once,
             gpointer   data,
             MpWait     wait,
             gboolean  *is_passed_over,
             GError   **error)
{
  MpRingResult result = try_until (self, try_once, data, wait, is_passed_over, error);

  mp_ring_give_up_claim (self->ring, self->me, &self->has_claim);
  mp_ring_turn_release (self->own, self->me);
  return result;
}

static MpRingResult
wait_and_try (Waiter    *self,
              TryFunc    try_once,
              TryFunc    try_once_in_turn,
              gpointer   data,
              MpWait     wait,
              GError   **error)
{
  gboolean is_passed_over;
  MpRingResult result;

  if (wait.deadline != MP_DEADLINE_NOW)
    mp_ring_linger (self->ring, self->need);

  do
    {
      is_passed_over = FALSE;
      result = try_once (self->ring, self->me, data, error);
      if (G_LIKELY (result != MP_RING_AGAIN) || wait.deadline == MP_DEADLINE_NOW)
        return result;

      result = mp_ring_turn_get (self->ring, self->need, self->me, wait, error);
      if (G_UNLIKELY (result != MP_RING_DONE))
        return result == MP_RING_AGAIN ? try_once (self->ring, self->me, data, error) : result;

      result = try_in_turn (self, try_once_in_turn, data, wait, &is_passed_over, error);
    }
  while (G_UNLIKELY (is_passed_over));

  return result;
}

typedef struct
{
  const MpRingRecord *records;
  guint               n_records;
  guint              *n_put;
  gboolean           *has_claim;
} Putting;

static MpRingResult
try_put (MpRing    *ring,
         guint32    me,
         gpointer   data,
         GError   **error)
{
  Putting *putting = data;

  return mp_ring_try_put (ring, me, putting->records, putting->n_records, putting->n_put, error);
}

static MpRingResult
try_put_in_turn (MpRing    *ring,
                 guint32    me,
                 gpointer   data,
                 GError   **error)
{
  Putting *putting = data;

  return mp_ring_try_put_claiming (ring, me, putting->records, putting->n_records, putting->n_put,
                                   putting->has_claim, error);
}

static MpRingResult
try_take (MpRing    *ring,
          guint32    me,
          gpointer   data,
          GError   **error)
{
  return mp_ring_try_take (ring, me, data, error);
}

/* Whether it has used up what it saw when it looked last. */
static gboolean
has_to_look (const Waiter *self)
{
  MpRingMark own, seen;

  mp_ring_end_get_mark (self->own, &own);
  mp_ring_end_get_seen (self->own, &seen);
  return self->need == 0 ? seen.count >> 1 == own.count >> 1
                         : own.weight - seen.weight + self->need > self->ring->capacity;
}

/* Without patience most of them take no time, and are only counted. */
static gboolean
count_linger (Waiter *self)
{
  guint32 seen = atomic_load_explicit (self->patience, memory_order_relaxed);
  guint32 n_waits = (seen >> PATIENCE_BITS) + 1;

  if ((seen & ((1u << PATIENCE_BITS) - 1)) != 0 || n_waits % NOW_AND_THEN == 0)
    return FALSE;

  atomic_store_explicit (self->patience, n_waits << PATIENCE_BITS, memory_order_relaxed);
  return TRUE;
}

/*< private >
 * mp_ring_begin_linger:
 *
 * For mp_ring_wants_linger().
 */
gboolean
mp_ring_begin_linger (MpRing  *self,
                      guint64  need)
{
  Waiter waiter = make_waiter (self, need, 0);

  if (!has_to_look (&waiter))
    return FALSE;

  atomic_store_explicit (&self->is_thin[need != 0 ? MP_RING_PUTS : MP_RING_TAKES], 0, memory_order_relaxed);
  return !count_linger (&waiter) && may_spin (&waiter);
}

/*< private >
 * mp_ring_linger_here:
 *
 * For who may wait: where records come as fast as they are taken each look at the other side finds but few, or room
 * for few, and is as dear as in a wait.
 */
void
mp_ring_linger_here (MpRing  *self,
                     guint64  need)
{
  Waiter waiter = make_waiter (self, need, 0);
  guint32 seen = atomic_load_explicit (waiter.patience, memory_order_relaxed);
  guint32 patience = seen & ((1u << PATIENCE_BITS) - 1);

  if (patience > 0)
    be_patient (&waiter, patience);
  else
    try_patience (&waiter, (seen >> PATIENCE_BITS) + 1);
}

/*< private >
 * mp_ring_put:
 * @n_put: (out): how many of them, from the first on, had room: at least one, unless the wait ended
 *
 * Waits for room for the first record.
 */
MpRingResult
mp_ring_put (MpRing              *self,
             guint32              me,
             const MpRingRecord  *records,
             guint                n_records,
             guint               *n_put,
             MpWait               wait,
             GError             **error)
{
  Waiter waiter = make_waiter (self, mp_ring_measure (records[0].length), me);
  Putting putting = { records, n_records, n_put, &waiter.has_claim };

  return wait_and_try (&waiter, try_put, try_put_in_turn, &putting, wait, error);
}

/*< private >
 * mp_ring_take:
 *
 * Waits for a record.
 */
MpRingResult
mp_ring_take (MpRing      *self,
              guint32      me,
              MpRingHaul  *haul,
              MpWait       wait,
              GError     **error)
{
  Waiter waiter = make_waiter (self, 0, me);

  return wait_and_try (&waiter, try_take, try_take, haul, wait, error);
}
