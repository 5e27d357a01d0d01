/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-arena-private.h"
#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-journal-private.h"
#include "mp-origin-private.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"

/* Address space of an arena.  Memory is taken as it fills. */
#if GLIB_SIZEOF_VOID_P >= 8
# define DEFAULT_RESERVATION (G_GUINT64_CONSTANT (1) << 30)
#else
# define DEFAULT_RESERVATION (G_GUINT64_CONSTANT (1) << 26)
#endif

/* Memory that is taken at once, in units. */
#define GROWTH (256 * 1024 / MP_ARENA_UNIT)

/* Records are cut from pieces of this many units. */
#define RECORD_PIECE (4096 / MP_ARENA_UNIT)
#define RECORDS_IN_UNIT (MP_ARENA_UNIT / MP_ARENA_RECORD)

#define FIRST_UNIT ((sizeof (MpArenaLayout) + MP_ARENA_UNIT - 1) / MP_ARENA_UNIT)

#define MAX_ARENAS 256

static const guint16 class_units[] = {
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
};

G_STATIC_ASSERT (G_N_ELEMENTS (class_units) == MP_ARENA_N_CLASSES);

struct _MpArena
{
  gatomicrefcount  ref_count;
  MpTable         *table;
  MpSegment       *segment;
  MpArenaLayout   *layout;
};

/* Those of this process, to find one by the id in a handle. */
static _Atomic (MpArena *) arenas[MAX_ARENAS];

/* --- Places --------------------------------------------------------------- */

static guint
get_class (guint32 kind)
{
  return MIN (kind >> 16, MP_ARENA_N_CLASSES - 1);
}

static guint32
make_kind (guint        class,
           MpObjectType type)
{
  return (guint32) class << 16 | type;
}

static guint
find_class (gsize size)
{
  guint class = 0;

  while (class_units[class] * (gsize) MP_ARENA_UNIT < size + sizeof (MpBlockHead))
    class++;

  return class;
}

/* Whether units that were never used are inside of the arena. */
static gboolean
has_room (MpArena *self,
          guint32  unit,
          guint    n)
{
  return unit >= FIRST_UNIT && (guint64) unit + n <= mp_segment_get_size (self->segment) / MP_ARENA_UNIT;
}

static gboolean
is_block (MpArena *self,
          guint32  unit)
{
  guint32 used = atomic_load_explicit (&self->layout->units_used, memory_order_relaxed);

  return unit >= FIRST_UNIT && unit < used &&
         used <= mp_segment_get_size (self->segment) / MP_ARENA_UNIT;
}

static gboolean
is_record (MpArena *self,
           guint32  record)
{
  return is_block (self, record / RECORDS_IN_UNIT);
}

static MpBlockHead *
get_block (MpArena *self,
           guint32  unit)
{
  return (MpBlockHead *) (gpointer) ((guint8 *) self->layout + (gsize) unit * MP_ARENA_UNIT);
}

static MpHoldRecord *
get_record (MpArena *self,
            guint32  record)
{
  return (MpHoldRecord *) (gpointer) ((guint8 *) self->layout + (gsize) record * MP_ARENA_RECORD);
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "Shared memory holds what no process of this program has written there");
  return FALSE;
}

static gboolean
set_stale (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_STALE,
                       "The shared object is gone: nobody had it any more; keep it where it was made until "
                       "this process has it");
  return FALSE;
}

/* --- Records, as changes of a journal ------------------------------------- */

static gboolean
take_record (MpArena   *self,
             MpJournal *journal,
             guint32   *record,
             GError   **error)
{
  MpArenaLayout *layout = self->layout;
  guint32 next;

  *record = mp_journal_get (journal, &layout->free_record);
  if (*record != 0)
    {
      if (!is_record (self, *record))
        return set_corrupted (error);

      next = mp_journal_get (journal, &get_record (self, *record)->next);
      mp_journal_set (journal, &layout->free_record, next);
      return TRUE;
    }

  *record = mp_journal_get (journal, &layout->next_record);
  if (*record == mp_journal_get (journal, &layout->end_record))
    {
      guint32 unit = mp_journal_get (journal, &layout->units_used);

      if (!has_room (self, unit, RECORD_PIECE))
        return set_corrupted (error);

      *record = unit * RECORDS_IN_UNIT;
      mp_journal_set (journal, &layout->units_used, unit + RECORD_PIECE);
      mp_journal_set (journal, &layout->end_record, (unit + RECORD_PIECE) * RECORDS_IN_UNIT);
    }

  if (!has_room (self, *record / RECORDS_IN_UNIT, 1))
    return set_corrupted (error);

  mp_journal_set (journal, &layout->next_record, *record + 1);
  return TRUE;
}

/* One more hold of the participant on the block. */
static gboolean
add_record (MpArena   *self,
            MpJournal *journal,
            guint32    me,
            guint32    unit,
            guint32   *record,
            GError   **error)
{
  MpHoldList *list = &self->layout->holds[mp_owner_get_slot (me)];
  guint32 first = mp_journal_get (journal, &list->first);
  MpHoldRecord *added;

  if (first != 0 && !is_record (self, first))
    return set_corrupted (error);

  if (!take_record (self, journal, record, error))
    return FALSE;

  added = get_record (self, *record);
  mp_journal_set (journal, &added->block, unit);
  mp_journal_set (journal, &added->next, first);
  mp_journal_set (journal, &added->previous, 0);
  if (first != 0)
    mp_journal_set (journal, &get_record (self, first)->previous, *record);

  mp_journal_set (journal, &list->owner, me);
  mp_journal_set (journal, &list->first, *record);
  mp_journal_set (journal, &get_block (self, unit)->n_holds,
                  mp_journal_get (journal, &get_block (self, unit)->n_holds) + 1);
  return TRUE;
}

static void
free_block (MpArena   *self,
            MpJournal *journal,
            guint32    unit)
{
  MpArenaLayout *layout = self->layout;
  MpBlockHead *block = get_block (self, unit);
  MpAtomic32 *list = &layout->free_blocks[get_class (mp_journal_get (journal, &block->kind))];

  mp_journal_set (journal, &block->generation, mp_journal_get (journal, &block->generation) + 1);
  mp_journal_set (journal, &block->next_free, mp_journal_get (journal, list));
  mp_journal_set (journal, list, unit);
  mp_journal_set (journal, &layout->n_objects, mp_journal_get (journal, &layout->n_objects) - 1);
}

static gboolean
unlink_record (MpArena    *self,
               MpJournal  *journal,
               MpHoldList *list,
               guint32     record,
               GError    **error)
{
  guint32 next = mp_journal_get (journal, &get_record (self, record)->next);
  guint32 previous = mp_journal_get (journal, &get_record (self, record)->previous);
  MpAtomic32 *link = &list->first;

  if ((next != 0 && !is_record (self, next)) || (previous != 0 && !is_record (self, previous)))
    return set_corrupted (error);

  /* Both neighbours must know it: so no list goes round in a circle. */
  if (previous != 0)
    link = &get_record (self, previous)->next;
  if (mp_journal_get (journal, link) != record ||
      (next != 0 && mp_journal_get (journal, &get_record (self, next)->previous) != record))
    return set_corrupted (error);

  if (next != 0)
    mp_journal_set (journal, &get_record (self, next)->previous, previous);

  mp_journal_set (journal, link, next);
  return TRUE;
}

/* One hold less; the last one frees the block. */
static gboolean
remove_record (MpArena    *self,
               MpJournal  *journal,
               MpHoldList *list,
               guint32     record,
               GError    **error)
{
  guint32 unit = is_record (self, record) ? mp_journal_get (journal, &get_record (self, record)->block) : 0;
  guint32 n_holds = is_block (self, unit) ? mp_journal_get (journal, &get_block (self, unit)->n_holds) : 0;

  if (n_holds == 0)
    return set_corrupted (error);

  if (!unlink_record (self, journal, list, record, error))
    return FALSE;

  mp_journal_set (journal, &get_record (self, record)->next,
                  mp_journal_get (journal, &self->layout->free_record));
  mp_journal_set (journal, &self->layout->free_record, record);
  mp_journal_set (journal, &get_block (self, unit)->n_holds, n_holds - 1);

  if (n_holds == 1)
    free_block (self, journal, unit);

  return TRUE;
}

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
      if (!remove_record (self, &journal, list, record, error))
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

static void
unlock (MpArena *self)
{
  mp_short_lock_release (&self->layout->lock);
}

typedef enum
{
  BEGIN_FAILED,
  BEGIN_IS_UNFINISHED,  /* what one who is dead held comes first, and is too much for one turn */
  BEGIN_IS_DONE,
} Begin;

/* Whoever had the lock before may have died with it. */
static Begin
begin_turn_locked (MpArena  *self,
                   guint32   me,
                   GError  **error)
{
  gint budget = SWEEP_BUDGET;
  GError *reason = NULL;

  if (!mp_journal_replay (self->layout, mp_segment_get_size (self->segment)))
    set_corrupted (&reason);
  else if (sweep_locked (self, &budget, &reason) && ensure_own_list_locked (self, me, &reason))
    return BEGIN_IS_DONE;

  unlock (self);
  if (reason == NULL)
    return BEGIN_IS_UNFINISHED;

  g_propagate_error (error, reason);
  return BEGIN_FAILED;
}

static Begin
begin_another_turn (MpArena  *self,
                    guint32   me,
                    GError  **error)
{
  gint64 begun;
  Begin result;

  if (!mp_short_lock_acquire (self->table, &self->layout->lock, NULL, me, error))
    return BEGIN_FAILED;

  begun = g_get_monotonic_time ();
  result = begin_turn_locked (self, me, error);
  mp_patience_spend (g_get_monotonic_time () - begun);
  return result;
}

/* Others have their turns between those of this one. */
static gboolean
begin_locked (MpArena  *self,
              guint32   me,
              GError  **error)
{
  MpPatience patience = { 0 };
  Begin result = begin_turn_locked (self, me, error);

  if (G_LIKELY (result == BEGIN_IS_DONE))
    return TRUE;

  mp_patience_begin (&patience);
  while (result == BEGIN_IS_UNFINISHED && mp_patience_get_remaining (mp_short_lock_get_patience ()) > 0)
    result = begin_another_turn (self, me, error);
  mp_patience_end (&patience);

  if (result == BEGIN_IS_UNFINISHED)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                         "What a process held that is gone is still being released: try again");
  return result == BEGIN_IS_DONE;
}

static gboolean
lock (MpArena  *self,
      guint32  *me,
      GError  **error)
{
  *me = mp_participant_enter (self->table, error);

  return *me != 0 &&
         mp_short_lock_acquire (self->table, &self->layout->lock, NULL, *me, error) &&
         begin_locked (self, *me, error);
}

/* --- Growing -------------------------------------------------------------- */

static gboolean
has_spare_record (const MpArenaLayout *layout)
{
  return atomic_load_explicit (&layout->free_record, memory_order_relaxed) != 0 ||
         atomic_load_explicit (&layout->next_record, memory_order_relaxed) !=
         atomic_load_explicit (&layout->end_record, memory_order_relaxed);
}

/* Memory for `n` units more, and for a record, before they are used. */
static gboolean
grow_locked (MpArena  *self,
             guint     n,
             GError  **error)
{
  MpArenaLayout *layout = self->layout;
  guint64 most = mp_segment_get_size (self->segment) / MP_ARENA_UNIT;
  guint64 used = atomic_load_explicit (&layout->units_used, memory_order_relaxed);
  guint64 allocated = atomic_load_explicit (&layout->units_allocated, memory_order_relaxed);
  guint64 needed = used + n + (has_spare_record (layout) ? 0 : RECORD_PIECE);
  MpJournal journal;

  if (used > allocated || allocated > most)
    return set_corrupted (error);

  if (needed <= allocated)
    return TRUE;

  if (needed > most)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_FULL,
                           "The memory reserved for small shared objects is used up");
      return FALSE;
    }

  needed = MIN (needed + GROWTH, most);
  if (!mp_segment_allocate (self->segment, allocated * MP_ARENA_UNIT, (needed - allocated) * MP_ARENA_UNIT, error))
    return FALSE;

  mp_journal_begin (&journal, layout);
  mp_journal_set (&journal, &layout->units_allocated, (guint32) needed);
  mp_journal_commit (&journal);
  return TRUE;
}

/* --- Objects -------------------------------------------------------------- */

static gboolean
take_block (MpArena   *self,
            MpJournal *journal,
            guint      class,
            guint32   *unit,
            GError   **error)
{
  MpArenaLayout *layout = self->layout;
  MpAtomic32 *list = &layout->free_blocks[class];

  *unit = mp_journal_get (journal, list);
  if (*unit != 0)
    {
      MpBlockHead *block = get_block (self, *unit);

      if (!is_block (self, *unit) || !is_block (self, *unit + class_units[class] - 1) ||
          mp_journal_get (journal, &block->n_holds) != 0)
        return set_corrupted (error);

      /* Nobody sees it before the commit. */
      memset (block + 1, 0, class_units[class] * (gsize) MP_ARENA_UNIT - sizeof *block);
      mp_journal_set (journal, list, mp_journal_get (journal, &block->next_free));
      return TRUE;
    }

  *unit = mp_journal_get (journal, &layout->units_used);
  if (!has_room (self, *unit, class_units[class]))
    return set_corrupted (error);

  mp_journal_set (journal, &layout->units_used, *unit + class_units[class]);
  return TRUE;
}

static void
fill_hold (MpHold  *hold,
           MpArena *self,
           guint32  unit,
           guint32  record,
           guint32  me)
{
  MpBlockHead *block = get_block (self, unit);

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

  if (!grow_locked (self, atomic_load (&layout->free_blocks[class]) != 0 ? 0 : class_units[class], error))
    return FALSE;

  mp_journal_begin (&journal, layout);
  if (!take_block (self, &journal, class, &unit, error))
    return FALSE;

  mp_journal_set (&journal, &get_block (self, unit)->kind, make_kind (class, type));
  mp_journal_set (&journal, &layout->n_objects, mp_journal_get (&journal, &layout->n_objects) + 1);
  if (!add_record (self, &journal, me, unit, &record, error))
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
  if (!lock (self, &me, error))
    return FALSE;

  result = alloc_locked (self, me, find_class (size), type, hold, error);
  unlock (self);

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
  MpBlockHead *block = get_block (self, handle->unit);
  MpJournal journal;
  guint32 record;

  if (!is_block (self, handle->unit))
    return set_corrupted (error);

  mp_journal_begin (&journal, self->layout);
  if (mp_journal_get (&journal, &block->n_holds) == 0 ||
      mp_journal_get (&journal, &block->generation) != handle->generation)
    return set_stale (error);

  if ((mp_journal_get (&journal, &block->kind) & 0xffff) != (guint32) type)
    return set_corrupted (error);

  if (!grow_locked (self, 0, error) ||
      !add_record (self, &journal, me, handle->unit, &record, error))
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
    return set_corrupted (error);

  if (!lock (self, &me, error))
    return FALSE;

  result = hold_locked (self, me, handle, type, hold, error);
  unlock (self);

  return result;
}

/*< private >
 * mp_hold_again:
 * @again: (out caller-allocates): another hold of the same object
 *
 * Returns: %FALSE if the memory was in other hands for longer than the thread has patience
 */
gboolean
mp_hold_again (MpHold *hold,
               MpHold *again)
{
  MpArena *self = hold->arena;
  MpObjectType type = atomic_load (&get_block (self, hold->unit)->kind) & 0xffff;
  MpHandle handle;
  gboolean is_held;

  *again = (MpHold) { 0 };
  if (!mp_short_lock_acquire (self->table, &self->layout->lock, NULL, hold->owner, NULL) ||
      !begin_locked (self, hold->owner, NULL))
    return FALSE;

  mp_hold_get_handle (hold, &handle);
  is_held = hold_locked (self, hold->owner, &handle, type, again, NULL);
  unlock (self);

  return is_held;
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
  MpObjectType type = atomic_load (&get_block (arena, hold->unit)->kind) & 0xffff;
  MpHandle handle;
  MpHold own;

  mp_hold_get_handle (hold, &handle);
  if (!mp_arena_hold (arena, &handle, type, &own, error))
    return FALSE;

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

static void
release_and_unlock (MpHold   *hold,
                    guint32   me,
                    GError  **error)
{
  MpArena *self = hold->arena;
  MpJournal journal;

  mp_journal_begin (&journal, self->layout);
  if (remove_record (self, &journal, &self->layout->holds[mp_owner_get_slot (me)], hold->record, error))
    mp_journal_commit (&journal);
  unlock (self);
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

  if (is_own_hold (hold) && lock (self, &me, &error))
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

  if (is_own_hold (hold))
    {
      if (!mp_short_lock_try (self->table, &self->layout->lock, hold->owner))
        return FALSE;

      switch (begin_turn_locked (self, hold->owner, error))
        {
        case BEGIN_IS_DONE:
          release_and_unlock (hold, hold->owner, error);
          break;
        case BEGIN_IS_UNFINISHED:
          return FALSE;
        case BEGIN_FAILED:
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
  guint class = get_class (atomic_load (&get_block (hold->arena, hold->unit)->kind));
  guint32 last = hold->unit + class_units[class] - 1;

  return is_block (hold->arena, last) ? class_units[class] * (gsize) MP_ARENA_UNIT - sizeof (MpBlockHead) : 0;
}

/*< private >
 * mp_arena_sweep:
 *
 * Releases what the dead held.  Every other operation does so too.
 */
gboolean
mp_arena_sweep (MpArena  *self,
                GError  **error)
{
  guint32 me;

  if (!lock (self, &me, error))
    return FALSE;

  unlock (self);
  return TRUE;
}

guint
mp_arena_get_n_objects (MpArena *self)
{
  return atomic_load (&self->layout->n_objects);
}

/* --- Arenas --------------------------------------------------------------- */

static MpArena *
find_locked (const guint8 *id)
{
  for (guint i = 0; i < MAX_ARENAS; i++)
    {
      MpArena *arena = atomic_load (&arenas[i]);

      if (arena != NULL && memcmp (mp_segment_get_header (arena->segment)->id, id, 16) == 0)
        return arena;
    }

  return NULL;
}

/* One that cannot be listed works as well, but is mapped again when it is opened again. */
static MpArena *
add_locked (MpTable   *table,
            MpSegment *segment_taken)
{
  MpArena *self = g_new0 (MpArena, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->table = table;
  self->segment = segment_taken;
  self->layout = mp_segment_get_data (segment_taken);

  for (guint i = 0; i < MAX_ARENAS; i++)
    {
      MpArena *none = NULL;

      if (atomic_compare_exchange_strong (&arenas[i], &none, self))
        break;
    }

  return self;
}

/*< private >
 * mp_arena_new:
 * @reservation: bytes of address space, a multiple of 64 KiB, or 0 for the default
 */
MpArena *
mp_arena_new (MpTable  *table,
              guint64   reservation,
              GError  **error)
{
  MpSelf *process = mp_self_get ();
  guint64 begin = FIRST_UNIT * MP_ARENA_UNIT;
  guint64 size = reservation != 0 ? reservation : DEFAULT_RESERVATION;
  MpSegment *segment;
  MpArenaLayout *layout;
  MpArena *self;

  segment = mp_segment_new (MP_SEGMENT_ARENA, mp_table_get_id (table), size, begin, NULL, error);
  if (segment == NULL)
    return NULL;

  layout = mp_segment_get_data (segment);
  atomic_store (&layout->units_used, FIRST_UNIT);
  atomic_store (&layout->units_allocated, FIRST_UNIT);
  atomic_store (&layout->swept_epoch, mp_table_get_epoch (table));

  mp_self_lock (process);
  self = add_locked (table, segment);
  mp_self_unlock (process);

  return self;
}

static MpSegment *
open_segment (MpTable  *table,
              int       fd,
              GError  **error)
{
  g_autoptr (MpSegment) segment = mp_segment_open (fd, MP_SEGMENT_ARENA, NULL, error);

  if (segment == NULL)
    return NULL;

  if (memcmp (mp_segment_get_header (segment)->table_id, mp_table_get_id (table), 16) != 0)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The shared memory received belongs to another family of processes");
      return NULL;
    }

  if (mp_segment_get_size (segment) < sizeof (MpArenaLayout))
    {
      set_corrupted (error);
      return NULL;
    }

  return g_steal_pointer (&segment);
}

/*< private >
 * mp_arena_open:
 * @fd: an arena received, which stays the caller's
 *
 * Returns: (transfer full): the arena, the same for every descriptor of it
 */
MpArena *
mp_arena_open (MpTable  *table,
               int       fd,
               GError  **error)
{
  MpSelf *process = mp_self_get ();
  MpSegment *segment = open_segment (table, fd, error);
  MpArena *self;

  if (segment == NULL)
    return NULL;

  mp_self_lock (process);
  self = find_locked (mp_segment_get_header (segment)->id);
  if (self != NULL)
    mp_arena_ref (self);
  else
    self = add_locked (table, g_steal_pointer (&segment));
  mp_self_unlock (process);

  g_clear_pointer (&segment, mp_segment_unref);
  return self;
}

/*< private >
 * mp_arena_find:
 * @id: 16 bytes, as in a handle
 *
 * Returns: (transfer full) (nullable): the arena, if this process has it
 */
MpArena *
mp_arena_find (const guint8 *id)
{
  MpSelf *process = mp_self_get ();
  MpArena *self;

  mp_self_lock (process);
  self = find_locked (id);
  if (self != NULL)
    mp_arena_ref (self);
  mp_self_unlock (process);

  return self;
}

/*< private >
 * mp_arena_get_default:
 *
 * Returns: (transfer none): where this process makes its objects; it stays
 */
MpArena *
mp_arena_get_default (GError **error)
{
  static _Atomic (MpArena *) default_arena;
  MpArena *present = atomic_load (&default_arena);
  MpTable *table = mp_table_get_default (error);
  MpArena *made;

  if (G_LIKELY (present != NULL) || table == NULL)
    return present;

  made = mp_arena_new (table, 0, error);
  if (made == NULL || atomic_compare_exchange_strong (&default_arena, &present, made))
    return made;

  mp_arena_unref (made);
  return present;
}

MpArena *
mp_arena_ref (MpArena *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mp_arena_unref (MpArena *self)
{
  MpSelf *process = mp_self_get ();
  gboolean is_last;

  /* Under the lock, so that nobody finds it on its way out. */
  mp_self_lock (process);
  is_last = g_atomic_ref_count_dec (&self->ref_count);
  for (guint i = 0; is_last && i < MAX_ARENAS; i++)
    if (atomic_load (&arenas[i]) == self)
      atomic_store (&arenas[i], NULL);
  mp_self_unlock (process);

  if (!is_last)
    return;

  mp_segment_unref (self->segment);
  g_free (self);
}

int
mp_arena_get_fd (MpArena *self)
{
  return mp_segment_get_fd (self->segment);
}

MpTable *
mp_arena_get_table (MpArena *self)
{
  return self->table;
}
