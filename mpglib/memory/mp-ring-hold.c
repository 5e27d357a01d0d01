/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-doorbell-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-ring-end-private.h"
#include "mp-short-lock-private.h"
#include "mp-sleep-private.h"

/* Records in hands.  In a ring that holds, whoever takes a record has a copy of it in an extent until he
 * acknowledges it, so that it is not lost with him.
 *
 * With the lock of the end take:
 *
 *   holding   extents of X               who changes it
 *   0         all of them are taken      whoever is about to take -> me
 *   X         those at or behind the     X: notes them, commits, then -> 0
 *             position of take are not
 *   D         likewise                   whoever has the lock next frees those, then -> 0
 */

/* At the dead, before one that is dying still is left for later. */
#define MAX_LOOKS 10

/* --- With the lock of the end take ---------------------------------------- */

static gboolean
sweep_locked (MpRing  *self,
              GError **error)
{
  gboolean has_orphans = FALSE;

  if (!mp_ring_extents_sweep (&self->extents, self->table, mp_ring_find_extent, self, &has_orphans))
    return mp_ring_set_corrupted (error);

  if (has_orphans)
    atomic_store (&self->layout->has_orphans, 1);
  return TRUE;
}

/*< private >
 * mp_ring_hold_begin_locked:
 *
 * Looks what the dead have left, and notes that this process is about to take something.
 */
gboolean
mp_ring_hold_begin_locked (MpRing   *self,
                           guint32   me,
                           GError  **error)
{
  MpRingEnd *end = &self->layout->take;
  guint32 before = atomic_load_explicit (&end->holding, memory_order_relaxed);

  if (before != 0 &&
      !mp_ring_extents_undo (&self->extents, before, mp_ring_end_get_position (end), mp_ring_find_extent, self))
    return mp_ring_set_corrupted (error);

  if (mp_ring_extents_is_due (&self->extents, self->table) && !sweep_locked (self, error))
    return FALSE;

  atomic_store_explicit (&end->holding, me, memory_order_release);
  return TRUE;
}

void
mp_ring_hold_end_locked (MpRing *self)
{
  atomic_store_explicit (&self->layout->take.holding, 0, memory_order_release);
}

static gboolean
set_too_many (GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
               "%u items have been taken, and nobody has acknowledged that they are done", MP_RING_N_EXTENTS);
  return FALSE;
}

/*< private >
 * mp_ring_hold_record_locked:
 * @record: with its bytes, if it is no long one
 * @position: of the record
 *
 * Notes a record that this process is about to take.
 */
gboolean
mp_ring_hold_record_locked (MpRing        *self,
                            guint32        me,
                            MpRingRecord  *record,
                            guint64        position,
                            GError       **error)
{
  MpRingExtent *extent;

  if (!record->is_elsewhere &&
      !mp_ring_extents_fill_to_hold (&self->extents, me, record->data, record->length, &record->extent, error))
    return FALSE;

  if (record->extent.place == 0)
    return set_too_many (error);

  extent = mp_ring_extents_get (&self->extents, &record->extent);
  if (extent == NULL)
    return mp_ring_set_corrupted (error);

  /* Before it is in the hand: what the extent held before has been taken long ago. */
  atomic_store_explicit (&extent->length, record->length, memory_order_relaxed);
  atomic_store_explicit (&extent->kind, record->kind, memory_order_relaxed);
  atomic_store_explicit (&extent->position, position, memory_order_relaxed);
  mp_ring_extents_take (&self->extents, me, &record->extent);
  return TRUE;
}

/*< private >
 * mp_ring_hold_inherit_locked:
 * @haul: has room for one record
 *
 * Takes what somebody held who died.
 *
 * Returns: %MP_RING_AGAIN if there is nothing, from where the haul begins
 */
MpRingResult
mp_ring_hold_inherit_locked (MpRing      *self,
                             guint32      me,
                             MpRingHaul  *haul,
                             GError     **error)
{
  MpRingRecord *record = &haul->records[0];
  MpRingExtent *extent;

  if (haul->n_records == 0 || atomic_load_explicit (&self->layout->has_orphans, memory_order_relaxed) == 0)
    return MP_RING_AGAIN;

  if (!mp_ring_extents_find_orphan (&self->extents, self->table, haul->begin, &record->extent))
    {
      if (haul->begin == 0)
        atomic_store (&self->layout->has_orphans, 0);
      return MP_RING_AGAIN;
    }

  extent = &self->extents.extents[record->extent.place - 1];
  haul->position = atomic_load_explicit (&extent->position, memory_order_relaxed);
  record->length = atomic_load_explicit (&extent->length, memory_order_relaxed);
  record->kind = atomic_load_explicit (&extent->kind, memory_order_relaxed) & MP_RING_MAX_KIND;
  record->is_elsewhere = TRUE;
  record->data = haul->data;
  if (mp_ring_measure (record->length) > self->capacity)
    return mp_ring_set_corrupted (error), MP_RING_FAILED;

  if (haul->wants != NULL && !haul->wants (record, haul->user_data))
    return MP_RING_UNWANTED;

  if (record->length > haul->room)
    return MP_RING_NO_ROOM;

  mp_ring_extents_take (&self->extents, me, &record->extent);
  return MP_RING_DONE;
}

/*< private >
 * mp_ring_has_orphans:
 *
 * Returns: whether there may be something to take that the dead have held
 */
gboolean
mp_ring_has_orphans (MpRing *self)
{
  return (self->flags & MP_RING_REDELIVERS) != 0 &&
         (atomic_load (&self->layout->has_orphans) != 0 || mp_ring_extents_is_due (&self->extents, self->table));
}

/* As who takes does, so that a death in the midst of it is known.
 *
 * Returns: whether there is one, or damage that who takes is told of
 */
static gboolean
find_orphan_locked (MpRing  *self,
                    guint32  me)
{
  MpRingExtentName name;
  gboolean is_there;

  if (!mp_ring_hold_begin_locked (self, me, NULL))
    return TRUE;

  is_there = atomic_load (&self->layout->has_orphans) != 0 &&
             mp_ring_extents_find_orphan (&self->extents, self->table, 0, &name);
  if (!is_there)
    atomic_store (&self->layout->has_orphans, 0);
  mp_ring_hold_end_locked (self);
  return is_there;
}

/* Looks at the dead again, of whom one was dying still, which takes microseconds: who asks now has no other event to
 * wait for.
 */
static gboolean
has_to_look_again (MpRing *self,
                   guint  *n_looks)
{
  if (++*n_looks >= MAX_LOOKS || !mp_ring_extents_is_due (&self->extents, self->table))
    return FALSE;

  mp_futex_pause (MP_SLEEP_DYING_USEC);
  return TRUE;
}

/*< private >
 * mp_ring_look_for_orphans:
 *
 * Does not wait for the lock, for whoever has it may be stopped, and main loops look.  It may also take one thing of
 * two, and wakes nobody then: so what it has not swept is looked at beside it.  That may be gone when it is taken, as
 * anything.  Those who died are all seen: what one of them had noted, and not taken, has its record still, and what
 * comes after the look is told by a death or by mp_ring_disown().
 *
 * Returns: whether there is something to take that the dead have held, or an error
 */
gboolean
mp_ring_look_for_orphans (MpRing  *self,
                          guint32  me)
{
  MpRingEnd *end = &self->layout->take;
  MpRingExtentName name;
  guint n_looks = 0;
  gboolean is_there;

  if (!mp_ring_has_orphans (self))
    return FALSE;

  do
    {
      if (!mp_short_lock_try (self->table, &end->lock, me))
        return mp_ring_extents_find_orphan (&self->extents, self->table, 0, &name);

      is_there = find_orphan_locked (self, me);
      mp_ring_end_unlock (self, end, me, FALSE);
    }
  while (!is_there && has_to_look_again (self, &n_looks));

  return is_there;
}

/* --- What is done --------------------------------------------------------- */

/* Whoever waits for all to be done is woken each time.  The addition ends WAIT, and wakes in the same call of the
 * kernel: there is no moment in between in which this one may be stopped, and nobody else would wake.  Of two at once
 * the second one sets WAIT, which makes the next one wake for nothing.
 */
static void
tell (MpRing *self)
{
  MpAtomic32 *word = &self->layout->acknowledged;
  guint32 seen = atomic_load (word);

  while ((seen & 1) == 0 && !atomic_compare_exchange_weak (word, &seen, seen + 2))
    ;
#ifdef MP_FAULT_WAKE_AFTER_COMMIT
  if ((seen & 1) != 0)
    {
      atomic_store (word, seen + 1);
      mp_futex_wake (word, MP_FUTEX_WAKE_ALL);
    }
#else
  if ((seen & 1) != 0)
    mp_futex_add_and_wake_all (word, 1);
#endif
  mp_bell_ring (self->table, &self->layout->take.bell);
}

/*< private >
 * mp_ring_acknowledge:
 * @extent: of a record that this process took
 *
 * Lets go of a record: it is done.
 *
 * Returns: whether this process held it
 */
gboolean
mp_ring_acknowledge (MpRing                 *self,
                     guint32                 me,
                     const MpRingExtentName *extent)
{
  guint32 length = atomic_load_explicit (&self->extents.extents[extent->place - 1].length, memory_order_relaxed);

  if (!mp_ring_extents_release (&self->extents, me, extent, length))
    return FALSE;

  tell (self);
  return TRUE;
}

/* With the lock of the end take, so that nobody finds that there are none just then. */
static gboolean
disown_locked (MpRing                 *self,
               guint32                 me,
               const MpRingExtentName *extents,
               guint                   n)
{
  gboolean was_held = FALSE;

  for (guint i = 0; i < n; i++)
    was_held |= mp_ring_extents_disown (&self->extents, me, &extents[i]);

  if (was_held)
    atomic_store (&self->layout->has_orphans, 1);
  return was_held;
}

/*< private >
 * mp_ring_disown:
 * @extents: of records that this process took
 *
 * Leaves to others what this process holds, and will not acknowledge: all is as if it had died with it.  If it dies
 * amid of that, it is.
 *
 * Fails with %MP_ERROR_TIMED_OUT if somebody is stopped who takes.  Where it is somebody who puts, all that sleep are
 * woken as by a death, for he may have nothing more to wake them with.
 */
gboolean
mp_ring_disown (MpRing                  *self,
                guint32                  me,
                const MpRingExtentName  *extents,
                guint                    n,
                GError                 **error)
{
  MpRingEnd *end = &self->layout->take;
  gboolean was_held;

  if (!mp_ring_end_lock (self, end, me, error))
    return FALSE;

  was_held = disown_locked (self, me, extents, n);
  mp_ring_end_unlock (self, end, me, FALSE);
  if (!was_held)
    return TRUE;

  tell (self);
  if ((self->flags & MP_RING_REDELIVERS) != 0 && !mp_ring_wake_taker (self, me, NULL))
    mp_participant_broadcast (self->table);
  return TRUE;
}

/*< private >
 * mp_ring_is_done:
 *
 * Returns: whether all that was put has been taken and acknowledged, or was held by one that died, unless
 *   others get that
 */
gboolean
mp_ring_is_done (MpRing *self)
{
  /* In this order: whoever takes a record holds it before it is not there any more. */
  return mp_ring_count (self) == 0 &&
         !mp_ring_extents_are_held (&self->extents, self->table, (self->flags & MP_RING_REDELIVERS) == 0);
}

/*< private >
 * mp_ring_wait_done:
 *
 * Returns: %FALSE if the wait ended before all was done
 */
gboolean
mp_ring_wait_done (MpRing *self,
                   MpWait  wait)
{
  MpAtomic32 *word = &self->layout->acknowledged;

  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (self->table);
      gboolean is_over = mp_wait_is_over (wait);
      guint32 seen = atomic_fetch_or (word, 1) | 1;

      if (mp_ring_is_done (self))
        return TRUE;

      if (is_over)
        return FALSE;

      mp_sleep_on (self->table, word, seen, epoch, 0, wait);
    }
}

/* Who asks may know of a death that nobody has told the table of yet: it has waited for that process. */
static MpRingResult
take_lost_locked (MpRing      *self,
                  guint32      me,
                  MpRingHaul  *haul,
                  GError     **error)
{
  MpRingResult result;

  if (!mp_ring_hold_begin_locked (self, me, error))
    return MP_RING_FAILED;

  result = mp_ring_hold_inherit_locked (self, me, haul, error);
  if (result != MP_RING_AGAIN)
    return result;

  return sweep_locked (self, error) ? mp_ring_hold_inherit_locked (self, me, haul, error) : MP_RING_FAILED;
}

/*< private >
 * mp_ring_take_lost:
 * @haul: has room for one record
 *
 * Takes what somebody held who died, of a ring that does not deliver it to others.  It is held until it is
 * acknowledged.
 *
 * Returns: %MP_RING_AGAIN if there is nothing, from where the haul begins
 */
MpRingResult
mp_ring_take_lost (MpRing      *self,
                   guint32      me,
                   MpRingHaul  *haul,
                   GError     **error)
{
  MpRingEnd *end = &self->layout->take;
  MpRingResult result;
  guint n_looks = 0;

  do
    {
      if (!mp_ring_end_lock (self, end, me, error))
        return MP_RING_FAILED;

      result = take_lost_locked (self, me, haul, error);
      mp_ring_hold_end_locked (self);
      mp_ring_end_unlock (self, end, me, FALSE);
    }
  while (result == MP_RING_AGAIN && has_to_look_again (self, &n_looks));

  haul->n_records = 1;
  return result == MP_RING_DONE && !haul->leaves_long ? mp_ring_read_hauled (self, me, haul, error) : result;
}
