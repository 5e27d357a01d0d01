/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-ring-end-private.h"

/* Commits of no record, at the end put. */

static void
commit_no_record (MpRing             *self,
                  const MpRingMark   *own,
                  const MpRingChunks *chunks)
{
  MpRingMark last = *own;

  mp_ring_set_next_chunks (&self->layout->put, own->count, chunks);
  mp_ring_end_commit (self, &self->layout->put, own->count, own->position, own->weight, 0);
  last.count ^= 1;
  mp_ring_set_last (self, &last, chunks);
}

static void
give_back_locked (MpRing *self)
{
  MpRingEnd *end = &self->layout->put;
  MpRingMark own, take;
  MpRingChunks chunks;
  guint n;

  mp_ring_end_get_mark (end, &own);
  mp_ring_get_chunks (self, &own, &chunks);
  if (!mp_ring_end_look (&self->layout->take, &take) ||
      !mp_ring_memory_check (&self->memory, &chunks, mp_ring_get_number (self, take.position)))
    return;

  n = mp_ring_memory_spare (&self->memory, &chunks, mp_ring_get_number (self, take.position), NULL);
  if (n == 0)
    return;

  commit_no_record (self, &own, &chunks);
  mp_ring_memory_drop (&self->memory, chunks.n_spare - n, n);
}

/*< private >
 * mp_ring_give_back:
 *
 * Gives back some of the memory that is not needed, if there is much and nobody puts just now.
 */
void
mp_ring_give_back (MpRing  *self,
                   guint32  me)
{
  MpRingEnd *end = &self->layout->put;
  guint32 count = atomic_load_explicit (&end->count, memory_order_relaxed);
  guint64 n_reused = atomic_load_explicit (&end->n_reused[count & 1], memory_order_relaxed);

  if (mp_ring_get_number (self, mp_ring_end_get_position (&self->layout->take)) - n_reused <= self->memory.n_kept ||
      !mp_owner_lock_try (&end->lock, me))
    return;

  give_back_locked (self);
  mp_ring_end_unlock (self, end, me, FALSE);
}

/* Without a record, so that whoever looked before, and is about to sleep, does not. */
static void
commit_nothing (MpRing *self)
{
  MpRingMark own;
  MpRingChunks chunks;

  mp_ring_end_get_mark (&self->layout->put, &own);
  mp_ring_get_chunks (self, &own, &chunks);
  commit_no_record (self, &own, &chunks);
}

/*< private >
 * mp_ring_wake_taker:
 *
 * Lets who waits for a record look again: there is something to take that was not put just now.  The commit wakes, as
 * any does, and if this process is killed before that, its death does.
 *
 * Fails with %MP_ERROR_TIMED_OUT if somebody is stopped who puts.
 */
gboolean
mp_ring_wake_taker (MpRing   *self,
                    guint32   me,
                    GError  **error)
{
  MpRingEnd *end = &self->layout->put;

  if (!mp_ring_end_lock (self, end, me, error))
    return FALSE;

  commit_nothing (self);
  mp_ring_end_unlock (self, end, me, TRUE);
  return TRUE;
}
