/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-arena-base-private.h"
#include "mp-error.h"
#include "mp-participant-private.h"

/* Memory that is taken at once, in units. */
#define GROWTH (256 * 1024 / MP_ARENA_UNIT)

/* Records are cut from pieces of this many units. */
#define RECORD_PIECE (4096 / MP_ARENA_UNIT)

const guint16 mp_arena_class_units[MP_ARENA_N_CLASSES] = {
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
};

gboolean
mp_arena_set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "Shared memory holds what no process of this program has written there");
  return FALSE;
}

/* Whether units that were never used are inside of the arena. */
static gboolean
has_room (MpArena *self,
          guint32  unit,
          guint    n)
{
  return unit >= MP_ARENA_FIRST_UNIT && (guint64) unit + n <= mp_segment_get_size (self->segment) / MP_ARENA_UNIT;
}

/* --- Records --------------------------------------------------------------- */

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
      if (!mp_arena_is_record (self, *record))
        return mp_arena_set_corrupted (error);

      next = mp_journal_get (journal, &mp_arena_get_record (self, *record)->next);
      mp_journal_set (journal, &layout->free_record, next);
      return TRUE;
    }

  *record = mp_journal_get (journal, &layout->next_record);
  if (*record == mp_journal_get (journal, &layout->end_record))
    {
      guint32 unit = mp_journal_get (journal, &layout->units_used);

      if (!has_room (self, unit, RECORD_PIECE))
        return mp_arena_set_corrupted (error);

      *record = unit * MP_ARENA_RECORDS_IN_UNIT;
      mp_journal_set (journal, &layout->units_used, unit + RECORD_PIECE);
      mp_journal_set (journal, &layout->end_record, (unit + RECORD_PIECE) * MP_ARENA_RECORDS_IN_UNIT);
    }

  if (!has_room (self, *record / MP_ARENA_RECORDS_IN_UNIT, 1))
    return mp_arena_set_corrupted (error);

  mp_journal_set (journal, &layout->next_record, *record + 1);
  return TRUE;
}

/* One more hold of the participant on the block. */
gboolean
mp_arena_add_record_locked (MpArena   *self,
                            MpJournal *journal,
                            guint32    me,
                            guint32    unit,
                            guint32   *record,
                            GError   **error)
{
  MpHoldList *list = &self->layout->holds[mp_owner_get_slot (me)];
  guint32 first = mp_journal_get (journal, &list->first);
  MpHoldRecord *added;

  if (first != 0 && !mp_arena_is_record (self, first))
    return mp_arena_set_corrupted (error);

  if (!take_record (self, journal, record, error))
    return FALSE;

  added = mp_arena_get_record (self, *record);
  mp_journal_set (journal, &added->block, unit);
  mp_journal_set (journal, &added->next, first);
  mp_journal_set (journal, &added->previous, 0);
  if (first != 0)
    mp_journal_set (journal, &mp_arena_get_record (self, first)->previous, *record);

  mp_journal_set (journal, &list->owner, me);
  mp_journal_set (journal, &list->first, *record);
  mp_journal_set (journal, &mp_arena_get_block (self, unit)->n_holds,
                  mp_journal_get (journal, &mp_arena_get_block (self, unit)->n_holds) + 1);
  return TRUE;
}

static void
free_block (MpArena   *self,
            MpJournal *journal,
            guint32    unit)
{
  MpArenaLayout *layout = self->layout;
  MpBlockHead *block = mp_arena_get_block (self, unit);
  MpAtomic32 *list = &layout->free_blocks[mp_arena_get_class (mp_journal_get (journal, &block->kind))];

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
  guint32 next = mp_journal_get (journal, &mp_arena_get_record (self, record)->next);
  guint32 previous = mp_journal_get (journal, &mp_arena_get_record (self, record)->previous);
  MpAtomic32 *link = &list->first;

  if ((next != 0 && !mp_arena_is_record (self, next)) || (previous != 0 && !mp_arena_is_record (self, previous)))
    return mp_arena_set_corrupted (error);

  /* Both neighbours must know it: so no list goes round in a circle. */
  if (previous != 0)
    link = &mp_arena_get_record (self, previous)->next;
  if (mp_journal_get (journal, link) != record ||
      (next != 0 && mp_journal_get (journal, &mp_arena_get_record (self, next)->previous) != record))
    return mp_arena_set_corrupted (error);

  if (next != 0)
    mp_journal_set (journal, &mp_arena_get_record (self, next)->previous, previous);

  mp_journal_set (journal, link, next);
  return TRUE;
}

/* One hold less; the last one frees the block. */
gboolean
mp_arena_remove_record_locked (MpArena    *self,
                               MpJournal  *journal,
                               MpHoldList *list,
                               guint32     record,
                               GError    **error)
{
  guint32 unit = 0, n_holds = 0;

  if (mp_arena_is_record (self, record))
    unit = mp_journal_get (journal, &mp_arena_get_record (self, record)->block);
  if (mp_arena_is_block (self, unit))
    n_holds = mp_journal_get (journal, &mp_arena_get_block (self, unit)->n_holds);
  if (n_holds == 0)
    return mp_arena_set_corrupted (error);

  if (!unlink_record (self, journal, list, record, error))
    return FALSE;

  mp_journal_set (journal, &mp_arena_get_record (self, record)->next,
                  mp_journal_get (journal, &self->layout->free_record));
  mp_journal_set (journal, &self->layout->free_record, record);
  mp_journal_set (journal, &mp_arena_get_block (self, unit)->n_holds, n_holds - 1);

  if (n_holds == 1)
    free_block (self, journal, unit);

  return TRUE;
}

/* --- Blocks ---------------------------------------------------------------- */

gboolean
mp_arena_take_block_locked (MpArena   *self,
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
      MpBlockHead *block = mp_arena_get_block (self, *unit);

      if (!mp_arena_is_block (self, *unit) || !mp_arena_is_block (self, *unit + mp_arena_class_units[class] - 1) ||
          mp_journal_get (journal, &block->n_holds) != 0)
        return mp_arena_set_corrupted (error);

      /* Nobody sees it before the commit. */
      memset (block + 1, 0, mp_arena_class_units[class] * (gsize) MP_ARENA_UNIT - sizeof *block);
      mp_journal_set (journal, list, mp_journal_get (journal, &block->next_free));
      return TRUE;
    }

  *unit = mp_journal_get (journal, &layout->units_used);
  if (!has_room (self, *unit, mp_arena_class_units[class]))
    return mp_arena_set_corrupted (error);

  mp_journal_set (journal, &layout->units_used, *unit + mp_arena_class_units[class]);
  return TRUE;
}

static gboolean
has_spare_record (const MpArenaLayout *layout)
{
  return atomic_load_explicit (&layout->free_record, memory_order_relaxed) != 0 ||
         atomic_load_explicit (&layout->next_record, memory_order_relaxed) !=
         atomic_load_explicit (&layout->end_record, memory_order_relaxed);
}

/* Memory for `n` units more, and for a record, before they are used. */
gboolean
mp_arena_grow_locked (MpArena  *self,
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
    return mp_arena_set_corrupted (error);

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
