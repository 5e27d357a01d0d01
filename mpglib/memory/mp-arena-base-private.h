/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-arena-private.h"
#include "mp-journal-private.h"

G_BEGIN_DECLS

/* What the files of the arena share: mp-arena.c has the arenas of this process,
 * mp-arena-records.c changes the lists in one, mp-arena-lock.c has it for one process at a
 * time and releases what the dead held, mp-hold.c is what others use it with.
 */
struct _MpArena
{
  gatomicrefcount  ref_count;
  MpTable         *table;
  MpSegment       *segment;
  MpArenaLayout   *layout;
};

#define MP_ARENA_FIRST_UNIT ((sizeof (MpArenaLayout) + MP_ARENA_UNIT - 1) / MP_ARENA_UNIT)
#define MP_ARENA_RECORDS_IN_UNIT (MP_ARENA_UNIT / MP_ARENA_RECORD)

extern const guint16 mp_arena_class_units[MP_ARENA_N_CLASSES];

/* --- Places --------------------------------------------------------------- */

static inline guint
mp_arena_get_class (guint32 kind)
{
  return MIN (kind >> 16, MP_ARENA_N_CLASSES - 1);
}

static inline guint32
mp_arena_make_kind (guint        class,
                    MpObjectType type)
{
  return (guint32) class << 16 | type;
}

static inline gboolean
mp_arena_is_block (MpArena *self,
                   guint32  unit)
{
  guint32 used = atomic_load_explicit (&self->layout->units_used, memory_order_relaxed);

  return unit >= MP_ARENA_FIRST_UNIT && unit < used &&
         used <= mp_segment_get_size (self->segment) / MP_ARENA_UNIT;
}

static inline gboolean
mp_arena_is_record (MpArena *self,
                    guint32  record)
{
  return mp_arena_is_block (self, record / MP_ARENA_RECORDS_IN_UNIT);
}

static inline MpBlockHead *
mp_arena_get_block (MpArena *self,
                    guint32  unit)
{
  return (MpBlockHead *) (gpointer) ((guint8 *) self->layout + (gsize) unit * MP_ARENA_UNIT);
}

static inline MpHoldRecord *
mp_arena_get_record (MpArena *self,
                     guint32  record)
{
  return (MpHoldRecord *) (gpointer) ((guint8 *) self->layout + (gsize) record * MP_ARENA_RECORD);
}

/* --- Records and blocks: with the lock, as changes of a journal -------------- */

gboolean mp_arena_set_corrupted        (GError     **error);
gboolean mp_arena_add_record_locked    (MpArena     *self,
                                        MpJournal   *journal,
                                        guint32      me,
                                        guint32      unit,
                                        guint32     *record,
                                        GError     **error);
gboolean mp_arena_remove_record_locked (MpArena     *self,
                                        MpJournal   *journal,
                                        MpHoldList  *list,
                                        guint32      record,
                                        GError     **error);
gboolean mp_arena_take_block_locked    (MpArena     *self,
                                        MpJournal   *journal,
                                        guint        class,
                                        guint32     *unit,
                                        GError     **error);
gboolean mp_arena_grow_locked          (MpArena     *self,
                                        guint        n,
                                        GError     **error);

/* --- The lock ------------------------------------------------------------- */

typedef enum
{
  MP_ARENA_BEGIN_FAILED,
  MP_ARENA_BEGIN_IS_UNFINISHED,  /* what one who is dead held comes first, and is too much for one turn */
  MP_ARENA_BEGIN_IS_DONE,
} MpArenaBegin;

gboolean     mp_arena_lock              (MpArena  *self,
                                         guint32  *me,
                                         GError  **error);
void         mp_arena_unlock            (MpArena  *self);
MpArenaBegin mp_arena_begin_turn_locked (MpArena  *self,
                                         guint32   me,
                                         GError  **error);
gboolean     mp_arena_begin_locked      (MpArena  *self,
                                         guint32   me,
                                         GError  **error);

G_END_DECLS
