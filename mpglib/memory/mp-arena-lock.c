/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-arena-base-private.h"
#include "mp-error.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"

/* --- Sweeping ------------------------------------------------------------- */

/* Of one turn with the lock, in records: others wait, and a list may be as long as the
 * arena is large.
 */
#define SWEEP_BUDGET 1024

/* A look at somebody who is dead, in records: it takes system calls. */
#define LOOK_COST 64

/* Everything that the dead owner of the list held, as far as the budget goes.  One change
 * each, so that who is killed here leaves the rest to the next.
 */
static gboolean
sweep_list_locked (MpArena    *self,
                   MpHoldList *list,
                   gint       *budget,
                   GError    **error)
{
  MpJournal journal;
  guint32 record;

  while ((record = atomic_load_explicit (&list->first, memory_order_relaxed)) != 0)
    {
      if (--*budget <= 0)
        return TRUE;

      mp_journal_begin (&journal, self->layout);
#ifdef MP_FAULT_NO_SWEEP
      mp_journal_set (&journal, &list->first, 0);
#else
      if (!mp_arena_remove_record_locked (self, &journal, list, record, error))
        return FALSE;
#endif
      mp_journal_commit (&journal);
    }

  mp_journal_begin (&journal, self->layout);
  mp_journal_set (&journal, &list->owner, 0);
  mp_journal_commit (&journal);
  return TRUE;
}

/* Costs one load unless somebody died since the last time. */
static gboolean
sweep_locked (MpArena  *self,
              gint     *budget,
              GError  **error)
{
  MpArenaLayout *layout = self->layout;
  guint32 epoch = mp_table_get_epoch (self->table);
  gboolean is_complete = TRUE;
  guint32 top;

  if (G_LIKELY (atomic_load (&layout->swept_epoch) == epoch))
    return TRUE;

  top = mp_table_get_top (self->table);
  for (guint32 i = 0; i < top && *budget > 0; i++)
    {
      guint32 owner = atomic_load_explicit (&layout->holds[i].owner, memory_order_relaxed);
      MpLife life = owner != 0 ? mp_participant_look (self->table, owner) : MP_LIFE_ALIVE;

      if (life != MP_LIFE_ALIVE)
        *budget -= LOOK_COST;

      if (life == MP_LIFE_DEAD && !sweep_list_locked (self, &layout->holds[i], budget, error))
        return FALSE;

      is_complete &= life != MP_LIFE_DYING;
    }

  if (is_complete && *budget > 0)
    atomic_store (&layout->swept_epoch, epoch);

  return TRUE;
}

/* The slot may have been another's, of whom the list tells still. */
static gboolean
own_list_is_stale (MpArena *self,
                   guint32  me)
{
  guint32 owner = atomic_load_explicit (&self->layout->holds[mp_owner_get_slot (me)].owner, memory_order_relaxed);

  return owner != me && owner != 0;
}

/* FALSE without an error: there is more to be swept, in another turn. */
static gboolean
ensure_own_list_locked (MpArena  *self,
                        guint32   me,
                        GError  **error)
{
  gint budget = SWEEP_BUDGET;

  if (G_LIKELY (!own_list_is_stale (self, me)))
    return TRUE;

  return sweep_list_locked (self, &self->layout->holds[mp_owner_get_slot (me)], &budget, error) &&
         !own_list_is_stale (self, me);
}

/* --- The lock ------------------------------------------------------------- */

void
mp_arena_unlock (MpArena *self)
{
  mp_short_lock_release (&self->layout->lock);
}

/* Whoever had the lock before may have died with it. */
MpArenaBegin
mp_arena_begin_turn_locked (MpArena  *self,
                            guint32   me,
                            GError  **error)
{
  gint budget = SWEEP_BUDGET;
  GError *reason = NULL;

  if (!mp_journal_replay (self->layout, mp_segment_get_size (self->segment)))
    mp_arena_set_corrupted (&reason);
  else if (sweep_locked (self, &budget, &reason) && ensure_own_list_locked (self, me, &reason))
    return MP_ARENA_BEGIN_IS_DONE;

  mp_arena_unlock (self);
  if (reason == NULL)
    return MP_ARENA_BEGIN_IS_UNFINISHED;

  g_propagate_error (error, reason);
  return MP_ARENA_BEGIN_FAILED;
}

static MpArenaBegin
begin_another_turn (MpArena  *self,
                    guint32   me,
                    GError  **error)
{
  gint64 begun;
  MpArenaBegin result;

  if (!mp_short_lock_acquire (self->table, &self->layout->lock, NULL, me, error))
    return MP_ARENA_BEGIN_FAILED;

  begun = g_get_monotonic_time ();
  result = mp_arena_begin_turn_locked (self, me, error);
  mp_patience_spend (g_get_monotonic_time () - begun);
  return result;
}

/* Others have their turns between those of this one. */
gboolean
mp_arena_begin_locked (MpArena  *self,
                       guint32   me,
                       GError  **error)
{
  MpPatience patience = { 0 };
  MpArenaBegin result = mp_arena_begin_turn_locked (self, me, error);

  if (G_LIKELY (result == MP_ARENA_BEGIN_IS_DONE))
    return TRUE;

  mp_patience_begin (&patience);
  while (result == MP_ARENA_BEGIN_IS_UNFINISHED && mp_patience_get_remaining (mp_short_lock_get_patience ()) > 0)
    result = begin_another_turn (self, me, error);
  mp_patience_end (&patience);

  if (result == MP_ARENA_BEGIN_IS_UNFINISHED)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                         "What a process held that is gone is still being released: try again");
  return result == MP_ARENA_BEGIN_IS_DONE;
}

gboolean
mp_arena_lock (MpArena  *self,
               guint32  *me,
               GError  **error)
{
  *me = mp_participant_enter (self->table, error);

  return *me != 0 &&
         mp_short_lock_acquire (self->table, &self->layout->lock, NULL, *me, error) &&
         mp_arena_begin_locked (self, *me, error);
}

/*< private >
 * mp_arena_sweep:
 *
 * Releases what the dead held, or some of it.  Every other operation does so too.
 */
gboolean
mp_arena_sweep (MpArena  *self,
                GError  **error)
{
  guint32 me;

  if (!mp_arena_lock (self, &me, error))
    return FALSE;

  mp_arena_unlock (self);
  return TRUE;
}
