/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <sched.h>

#include "mp-owner-lock-private.h"
#include "mp-ring-private.h"
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
} Waiter;

static gboolean
is_ready (const Waiter *self)
{
  if (self->need != 0)
    return mp_ring_has_room (self->ring, self->need);

  return mp_ring_count (self->ring) > 0 || mp_ring_has_orphans (self->ring);
}

/* --- Spinning ------------------------------------------------------------- */

/* Who looks again at once takes records one by one, and pulls the cache line from the other side each
 * time, which halves the throughput of a stream.  So the first look comes the later the more often the
 * last waits ended at their first look, as those of a stream do, and at once after waits that took longer,
 * as those of a dialogue do.
 */
#define MOST_PATIENCE 5
#define N_LOOKS       2000

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

static gboolean
spin (Waiter *self)
{
  guint32 patience = atomic_load_explicit (self->patience, memory_order_relaxed);

  if (G_UNLIKELY (never_spins))
    return FALSE;

  /* The other side cannot run while this one spins on its CPU. */
  if (atomic_load_explicit (&self->other->cpu, memory_order_relaxed) == (guint32) sched_getcpu () + 1)
    return FALSE;

  for (guint i = (1u << patience) - 1; i > 0; i--)
    mp_cpu_relax ();

  if (is_ready (self))
    {
      atomic_store_explicit (self->patience, MIN (patience + 1, MOST_PATIENCE), memory_order_relaxed);
      return TRUE;
    }

  if (patience > 0)
    atomic_store_explicit (self->patience, patience - 1, memory_order_relaxed);

  for (guint i = 0; i < N_LOOKS; i++)
    {
      mp_cpu_relax ();
      if (is_ready (self))
        return TRUE;
    }

  return FALSE;
}

/* --- Sleeping ------------------------------------------------------------- */

/* Says so under the lock of the other end: whoever commits there later knows that it has to wake.
 *
 * Returns: %FALSE with the error set
 */
static gboolean
lie_down (Waiter   *self,
          guint32   me,
          gboolean *is_up,
          guint32  *seen,
          GError  **error)
{
  if (!mp_owner_lock_try (&self->other->lock, me) &&
      !mp_short_lock_acquire (self->ring->table, &self->other->lock, NULL, me, error))
    return FALSE;

  *seen = atomic_load_explicit (&self->other->count, memory_order_relaxed);
  *is_up = is_ready (self);
  if (!*is_up)
    atomic_store_explicit (&self->other->asleep, self->need == 0 ? 1 : (guint32) (self->need / 8),
                           memory_order_relaxed);
  mp_short_lock_release (&self->other->lock);
  return TRUE;
}

/* With the turn. */
static MpRingResult
wait_for_change (Waiter   *self,
                 guint32   me,
                 MpWait    wait,
                 GError  **error)
{
  guint32 epoch = mp_table_get_epoch (self->ring->table);
  gboolean is_up;
  guint32 seen;

  if (spin (self))
    return MP_RING_DONE;

  if (!lie_down (self, me, &is_up, &seen, error))
    return MP_RING_FAILED;

  if (!is_up)
    mp_sleep_on (self->ring->table, &self->other->count, seen, epoch, 0, wait);
  return MP_RING_DONE;
}

/* --- Both sides ----------------------------------------------------------- */

typedef MpRingResult (*TryFunc) (MpRing    *ring,
                                 guint32    me,
                                 gpointer   data,
                                 GError   **error);

static MpRingResult
try_until (Waiter    *self,
           TryFunc    try_once,
           gpointer   data,
           guint32    me,
           MpWait     wait,
           GError   **error)
{
  MpRingResult result;

  for (;;)
    {
      gboolean is_over = mp_wait_is_over (wait);

      result = try_once (self->ring, me, data, error);
      if (result != MP_RING_AGAIN || is_over)
        return result;

      if (wait_for_change (self, me, wait, error) == MP_RING_FAILED)
        return MP_RING_FAILED;
    }
}

static MpRingResult
wait_and_try (Waiter    *self,
              TryFunc    try_once,
              gpointer   data,
              guint32    me,
              MpWait     wait,
              GError   **error)
{
  MpRingResult result = try_once (self->ring, me, data, error);

  if (G_LIKELY (result != MP_RING_AGAIN) || wait.deadline == MP_DEADLINE_NOW)
    return result;

  if (mp_owner_lock_acquire (self->ring->table, &self->own->turn, me, wait) == MP_OWNER_LOCK_TIMED_OUT)
    return MP_RING_AGAIN;

  result = try_until (self, try_once, data, me, wait, error);
  mp_owner_lock_release (&self->own->turn);
  return result;
}

typedef struct
{
  const MpRingRecord *records;
  guint               n_records;
  guint              *n_put;
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
try_take (MpRing    *ring,
          guint32    me,
          gpointer   data,
          GError   **error)
{
  return mp_ring_try_take (ring, me, data, error);
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
  Putting putting = { records, n_records, n_put };
  Waiter waiter = {
    self, &self->layout->put, &self->layout->take, &self->patience[0], mp_ring_measure (records[0].length),
  };

  return wait_and_try (&waiter, try_put, &putting, me, wait, error);
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
  Waiter waiter = { self, &self->layout->take, &self->layout->put, &self->patience[1], 0 };

  return wait_and_try (&waiter, try_take, haul, me, wait, error);
}
