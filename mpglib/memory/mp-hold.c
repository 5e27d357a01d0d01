/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-arena-base-private.h"
#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-origin-private.h"
#include "mp-participant-private.h"
#include "mp-short-lock-private.h"

static guint
find_class (gsize size)
{
  guint class = 0;

  while (mp_arena_class_units[class] * (gsize) MP_ARENA_UNIT < size + sizeof (MpBlockHead))
    class++;

  return class;
}

static gboolean
set_stale (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_STALE,
                       "The shared object is gone: nobody had it any more; keep it where it was made until "
                       "this process has it");
  return FALSE;
}

static void
fill_hold (MpHold  *hold,
           MpArena *self,
           guint32  unit,
           guint32  record,
           guint32  me)
{
  MpBlockHead *block = mp_arena_get_block (self, unit);

  *hold = (MpHold) {
    .arena = mp_arena_ref (self),
    .data = block + 1,
    .unit = unit,
    .generation = atomic_load_explicit (&block->generation, memory_order_relaxed),
    .record = record,
    .owner = me,
  };
}

static gboolean
alloc_locked (MpArena       *self,
              guint32        me,
              guint          class,
              MpObjectType   type,
              MpHold        *hold,
              GError       **error)
{
  MpArenaLayout *layout = self->layout;
  MpJournal journal;
  guint32 unit, record;
  guint n_new = atomic_load (&layout->free_blocks[class]) != 0 ? 0 : mp_arena_class_units[class];

  if (!mp_arena_grow_locked (self, n_new, error))
    return FALSE;

  mp_journal_begin (&journal, layout);
  if (!mp_arena_take_block_locked (self, &journal, class, &unit, error))
    return FALSE;

  mp_journal_set (&journal, &mp_arena_get_block (self, unit)->kind, mp_arena_make_kind (class, type));
  mp_journal_set (&journal, &layout->n_objects, mp_journal_get (&journal, &layout->n_objects) + 1);
  if (!mp_arena_add_record_locked (self, &journal, me, unit, &record, error))
    return FALSE;

  mp_journal_commit (&journal);
  fill_hold (hold, self, unit, record, me);
  return TRUE;
}

/*< private >
 * mp_arena_alloc:
 * @size: bytes, 1 to %MP_ARENA_MAX_OBJECT
 * @hold: (out caller-allocates): the object
 *
 * Makes an object, zeroed, which this process holds.
 *
 * Fails with %MP_ERROR_FULL when the reservation is used up, and with the error
 * of the system when it has no memory.
 */
gboolean
mp_arena_alloc (MpArena       *self,
                gsize          size,
                MpObjectType   type,
                MpHold        *hold,
                GError       **error)
{
  gboolean result;
  guint32 me;

  g_assert (size >= 1 && size <= MP_ARENA_MAX_OBJECT);

  *hold = (MpHold) { 0 };
  if (!mp_arena_lock (self, &me, error))
    return FALSE;

  result = alloc_locked (self, me, find_class (size), type, hold, error);
  mp_arena_unlock (self);

  return result;
}

static gboolean
hold_locked (MpArena         *self,
             guint32          me,
             const MpHandle  *handle,
             MpObjectType     type,
             MpHold          *hold,
             GError         **error)
{
  MpBlockHead *block = mp_arena_get_block (self, handle->unit);
  MpJournal journal;
  guint32 record;

  if (!mp_arena_is_block (self, handle->unit))
    return mp_arena_set_corrupted (error);

  mp_journal_begin (&journal, self->layout);
  if (mp_journal_get (&journal, &block->n_holds) == 0 ||
      mp_journal_get (&journal, &block->generation) != handle->generation)
    return set_stale (error);

  if ((mp_journal_get (&journal, &block->kind) & 0xffff) != (guint32) type)
    return mp_arena_set_corrupted (error);

  if (!mp_arena_grow_locked (self, 0, error) ||
      !mp_arena_add_record_locked (self, &journal, me, handle->unit, &record, error))
    return FALSE;

  mp_journal_commit (&journal);
  fill_hold (hold, self, handle->unit, record, me);
  return TRUE;
}

/*< private >
 * mp_arena_hold:
 * @handle: of an object of this arena
 * @hold: (out caller-allocates): the object
 *
 * Fails with %MP_ERROR_STALE if nobody held the object any more.
 */
gboolean
mp_arena_hold (MpArena         *self,
               const MpHandle  *handle,
               MpObjectType     type,
               MpHold          *hold,
               GError         **error)
{
  gboolean result;
  guint32 me;

  *hold = (MpHold) { 0 };
  if (memcmp (handle->arena_id, mp_segment_get_header (self->segment)->id, sizeof handle->arena_id) != 0)
    return mp_arena_set_corrupted (error);

  if (!mp_arena_lock (self, &me, error))
    return FALSE;

  result = hold_locked (self, me, handle, type, hold, error);
  mp_arena_unlock (self);

  return result;
}

static gatomicrefcount *
ensure_sharers (MpHold *hold)
{
  gatomicrefcount *sharers = g_atomic_pointer_get (&hold->sharers), *fresh;

  if (sharers != NULL)
    return sharers;

  fresh = g_new (gatomicrefcount, 1);
  g_atomic_ref_count_init (fresh);
  if (g_atomic_pointer_compare_and_exchange (&hold->sharers, NULL, fresh))
    return fresh;

  g_free (fresh);
  return g_atomic_pointer_get (&hold->sharers);
}

/*< private >
 * mp_hold_share:
 * @hold: this process's own, see mp_hold_ensure()
 * @another: (out caller-allocates): another hold of the same object, to be released as any
 *
 * Without a lock, and without memory of others: all that share one have one record, and the last of them to be
 * released removes it.  Any number of threads may call it at once.
 */
void
mp_hold_share (MpHold *hold,
               MpHold *another)
{
  gatomicrefcount *sharers = ensure_sharers (hold);

  g_atomic_ref_count_inc (sharers);
  *another = (MpHold) {
    .arena = mp_arena_ref (hold->arena),
    .data = hold->data,
    .unit = hold->unit,
    .generation = hold->generation,
    .record = hold->record,
    .owner = hold->owner,
    .sharers = sharers,
  };
}

/* One of the threads of a forked child takes a hold for it; what a thread of its parent
 * was about to do counts for nothing.
 *
 * Returns: FALSE if it was done already
 */
static gboolean
begin_ensuring (MpHold *hold)
{
  guint32 origin = mp_origin_get ();

  for (;;)
    {
      guint32 seen = atomic_load (&hold->ensuring);

      if (hold->owner == mp_participant_get_me (hold->arena->table))
        return FALSE;

      if (seen == origin)
        mp_futex_wait (&hold->ensuring, seen, MP_DEADLINE_NEVER);
      else if (atomic_compare_exchange_strong (&hold->ensuring, &seen, origin))
        return TRUE;
    }
}

static gboolean
take_own_hold (MpHold  *hold,
               GError **error)
{
  MpArena *arena = hold->arena;
  MpObjectType type = atomic_load (&mp_arena_get_block (arena, hold->unit)->kind) & 0xffff;
  MpHandle handle;
  MpHold own;

  mp_hold_get_handle (hold, &handle);
  if (!mp_arena_hold (arena, &handle, type, &own, error))
    return FALSE;

  /* Not counted down: the threads that were about to do so are the parent's. */
  g_atomic_pointer_set (&hold->sharers, NULL);
  hold->record = own.record;
  hold->owner = own.owner;
  mp_arena_unref (arena);
  return TRUE;
}

/*< private >
 * mp_hold_ensure:
 *
 * Makes the hold this process's own, if it is the copy that a forked child got of
 * its parent's.  Fails with %MP_ERROR_STALE if the parent was the last to hold the
 * object, and is gone.  Any number of threads may call it at once.
 */
gboolean
mp_hold_ensure (MpHold  *hold,
                GError **error)
{
  gboolean is_own;

  if (G_LIKELY (hold->owner == mp_participant_get_me (hold->arena->table)) || !begin_ensuring (hold))
    return TRUE;

  is_own = take_own_hold (hold, error);
  atomic_store (&hold->ensuring, 0);
  mp_futex_wake (&hold->ensuring, MP_FUTEX_WAKE_ALL);
  return is_own;
}

/* Not that of the process that this one was forked from. */
static gboolean
is_own_hold (MpHold *hold)
{
  return hold->owner == mp_participant_get_me (hold->arena->table);
}

/* Whether there is a record to be removed. */
static gboolean
leave_sharers (MpHold *hold)
{
  gatomicrefcount *sharers = g_steal_pointer (&hold->sharers);

  if (!is_own_hold (hold))
    return FALSE;
  if (sharers == NULL)
    return TRUE;
  if (!g_atomic_ref_count_dec (sharers))
    return FALSE;

  g_free (sharers);
  return TRUE;
}

static void
release_and_unlock (MpHold   *hold,
                    guint32   me,
                    GError  **error)
{
  MpArena *self = hold->arena;
  MpJournal journal;

  mp_journal_begin (&journal, self->layout);
  if (mp_arena_remove_record_locked (self, &journal, &self->layout->holds[mp_owner_get_slot (me)], hold->record, error))
    mp_journal_commit (&journal);
  mp_arena_unlock (self);
}

static void
forget_hold (MpHold *hold)
{
  MpArena *self = hold->arena;

  *hold = (MpHold) { 0 };
  mp_arena_unref (self);
}

/*< private >
 * mp_hold_release:
 *
 * The last release by anybody frees the object.  Does nothing to a hold of the
 * process that this one was forked from.
 */
void
mp_hold_release (MpHold *hold)
{
  MpArena *self = hold->arena;
  g_autoptr (GError) error = NULL;
  guint32 me;

  if (self == NULL)
    return;

  if (leave_sharers (hold) && mp_arena_lock (self, &me, &error))
    release_and_unlock (hold, me, &error);

  if (error != NULL)
    g_warning ("%s", error->message);
  forget_hold (hold);
}

/*< private >
 * mp_hold_try_release:
 *
 * As mp_hold_release(), but does nothing where that might wait, and warns nobody.
 *
 * Returns: whether it was done, with @error or without
 */
gboolean
mp_hold_try_release (MpHold  *hold,
                     GError **error)
{
  MpArena *self = hold->arena;

  if (self == NULL)
    return TRUE;

  if (leave_sharers (hold))
    {
      if (!mp_short_lock_try (self->table, &self->layout->lock, hold->owner))
        return FALSE;

      switch (mp_arena_begin_turn_locked (self, hold->owner, error))
        {
        case MP_ARENA_BEGIN_IS_DONE:
          release_and_unlock (hold, hold->owner, error);
          break;
        case MP_ARENA_BEGIN_IS_UNFINISHED:
          return FALSE;
        case MP_ARENA_BEGIN_FAILED:
          break;
        }
    }

  forget_hold (hold);
  return TRUE;
}

void
mp_hold_get_handle (const MpHold *hold,
                    MpHandle     *handle)
{
  const MpSegmentHeader *header = mp_segment_get_header (hold->arena->segment);

  memcpy (handle->arena_id, header->id, sizeof handle->arena_id);
  handle->unit = hold->unit;
  handle->generation = hold->generation;
}

/*< private >
 * mp_hold_get_size:
 *
 * Returns: bytes that the object may use, at least those that were asked for
 */
gsize
mp_hold_get_size (const MpHold *hold)
{
  guint class = mp_arena_get_class (atomic_load (&mp_arena_get_block (hold->arena, hold->unit)->kind));
  guint32 last = hold->unit + mp_arena_class_units[class] - 1;

  if (!mp_arena_is_block (hold->arena, last))
    return 0;

  return mp_arena_class_units[class] * (gsize) MP_ARENA_UNIT - sizeof (MpBlockHead);
}
