/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <sched.h>

#include "mp-atomic-private.h"
#include "mp-doorbell-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-ring-end-private.h"

/* Looks at an end whose user commits again and again meanwhile. */
#define N_LOOKS 1000

gboolean
mp_ring_set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "A process has written rubbish into a shared queue");
  return FALSE;
}

/* --- Marks ---------------------------------------------------------------- */

/* Of an end whose lock the caller does not have.  A position that is read between two equal counts
 * belongs to that count, since it is overwritten only after another.
 */
gboolean
mp_ring_end_look (MpRingEnd  *end,
                  MpRingMark *mark)
{
  for (guint i = 0; i < N_LOOKS; i++)
    {
      mark->count = atomic_load_explicit (&end->count, memory_order_acquire);
      mark->position = atomic_load_explicit (&end->position[mark->count & 1], memory_order_relaxed);
      mark->weight = atomic_load_explicit (&end->weight[mark->count & 1], memory_order_relaxed);
      mp_atomic_fence_acquire ();
      if (G_LIKELY (atomic_load_explicit (&end->count, memory_order_relaxed) == mark->count))
        return TRUE;
    }

  return FALSE;
}

/* For the next one that has the lock.  If this one is killed between the two, the position is that of more
 * records than the count tells of, which does no harm.
 */
gboolean
mp_ring_end_see_again (MpRingEnd  *end,
                       MpRingEnd  *other,
                       MpRingMark *mark)
{
  if (!mp_ring_end_look (other, mark))
    return FALSE;

  atomic_store_explicit (&end->other_position, mark->position, memory_order_relaxed);
  atomic_store_explicit (&end->other_weight, mark->weight, memory_order_relaxed);
  atomic_store_explicit (&end->other_count, mark->count, memory_order_release);
  return TRUE;
}

/* --- Committing ----------------------------------------------------------- */

/* Whether who sleeps on the end finds what it needs there now. */
static gboolean
is_wake_due (MpRing    *self,
             MpRingEnd *end,
             guint32    count,
             guint64    weight)
{
  guint32 need = atomic_load_explicit (&end->asleep, memory_order_relaxed);
  MpRingMark put;

  if (G_LIKELY (need == 0) || end == &self->layout->put)
    return need != 0;

  /* An old mark of the other end has more room than there is, and makes a wake too many. */
  mp_ring_end_get_seen (end, &put);
  return self->capacity - (put.weight - weight) >= (guint64) need * 8 &&
         mp_ring_count_between (put.count, count) < self->most_records;
}

/* All that sleep there: it is one, unless somebody was passed over who had the turn. */
static void
commit_and_wake (MpRingEnd *end,
                 guint32    count,
                 guint32    addend)
{
#ifdef MP_FAULT_WAKE_AFTER_COMMIT
  atomic_store (&end->count, count);
  mp_futex_wake (&end->count, 1);
#else
  mp_atomic_fence_release ();
  mp_futex_add_and_wake_all (&end->count, addend);
#endif
  atomic_store_explicit (&end->asleep, 0, memory_order_relaxed);
}

/*< private >
 * mp_ring_end_commit:
 * @count: of the end, so far
 * @position: where it is then
 * @weight: likewise
 * @n: records
 *
 * With the lock of the end: @n records are committed by one addition, to which the other position belongs.
 */
void
mp_ring_end_commit (MpRing    *self,
                    MpRingEnd *end,
                    guint32    count,
                    guint64    position,
                    guint64    weight,
                    guint      n)
{
  guint32 addend = mp_ring_get_addend (count, n);

#ifdef MP_FAULT_EARLY_BELL
  mp_bell_ring (self->table, &end->bell);
#endif
#ifdef MP_FAULT_ONE_POSITION
  atomic_store_explicit (&end->position[count & 1], position, memory_order_relaxed);
#endif
  count += addend;
  atomic_store_explicit (&end->position[count & 1], position, memory_order_relaxed);
  atomic_store_explicit (&end->weight[count & 1], weight, memory_order_relaxed);
  atomic_store_explicit (&end->cpu, (guint32) sched_getcpu () + 1, memory_order_relaxed);
  if (G_UNLIKELY (is_wake_due (self, end, count, weight)))
    commit_and_wake (end, count, addend);
  else
    atomic_store_explicit (&end->count, count, memory_order_release);
  mp_ring_end_alarm (end);
}

/* --- The lock ------------------------------------------------------------- */

/* What one that died has left to begin with may be old. */
static void
renew_last (MpRing *self)
{
#ifndef MP_FAULT_OLD_LAST
  MpRingMark own;
  MpRingChunks chunks;

  mp_ring_end_get_mark (&self->layout->put, &own);
  mp_ring_get_chunks (self, &own, &chunks);
  mp_ring_set_last (self, &own, &chunks);
#endif
}

/*< private >
 * mp_ring_end_lock_slowly:
 *
 * From the dead, or from whoever it had to wait for.
 */
gboolean
mp_ring_end_lock_slowly (MpRing     *self,
                         MpRingEnd  *end,
                         guint32     me,
                         GError    **error)
{
  if (!mp_short_lock_acquire (self->table, &end->lock, NULL, me, error))
    return FALSE;

  if (end == &self->layout->put)
    renew_last (self);
  return TRUE;
}

/* Whoever arms the bell looks after that, and need not wait for this lock: so either it sees what was committed, or
 * the bell is seen armed here.
 */
void
mp_ring_end_unlock (MpRing    *self,
                    MpRingEnd *end,
                    guint32    me,
                    gboolean   was_changed)
{
  gboolean was_exchanged = G_LIKELY (mp_owner_lock_try_release (&end->lock, me));

  if (!was_exchanged)
    mp_short_lock_release (&end->lock);
#ifndef MP_FAULT_EARLY_BELL
  if (was_changed && was_exchanged)
    mp_bell_ring_after_exchange (self->table, &end->bell);
  else if (was_changed)
    mp_bell_ring (self->table, &end->bell);
#endif
}
