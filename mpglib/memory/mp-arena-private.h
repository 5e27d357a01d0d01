/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"
#include "mp-segment-private.h"
#include "mp-table-private.h"

G_BEGIN_DECLS

/* Small objects in shared memory, many to a segment, each alive as long as some
 * participant holds it.  What a participant held when it died is released by
 * whoever uses the arena next.
 */
typedef struct _MpArena MpArena;

/* Kinds of objects, so that a handle of one is not taken for another. */
typedef enum
{
  MP_OBJECT_RAW = 1,
  MP_OBJECT_LOCK,
  MP_OBJECT_RLOCK,
  MP_OBJECT_SEMAPHORE,
  MP_OBJECT_CONDITION,
  MP_OBJECT_EVENT,
  MP_OBJECT_BARRIER,
  MP_OBJECT_VALUE,
  MP_OBJECT_QUEUE,
  MP_OBJECT_BOUNDED_SEMAPHORE,
  MP_OBJECT_ARRAY,
  MP_OBJECT_LIST,
  MP_OBJECT_CONNECTION,   /* one way of it */
} MpObjectType;

/* The largest object. */
#define MP_ARENA_MAX_OBJECT (65536 - sizeof (MpBlockHead))

/* Objects begin at a cache line plus this. */
#define MP_ARENA_LINE_OFFSET sizeof (MpBlockHead)

/* An object that this process holds.  Not counted by threads: one hold is
 * released once; take another with mp_arena_hold(), or mp_hold_share().
 */
typedef struct
{
  MpArena *arena;        /* NULL: nothing is held */
  gpointer data;         /* the object, zeroed when it was made */
  guint32  unit;
  guint32  generation;
  guint32  record;
  guint32  owner;        /* the participant whose hold it is; a forked child's copy is not its own */
  gatomicrefcount *sharers; /* atomic; holds of this process with this record; NULL: it is the only one */
  MpAtomic32 ensuring;   /* origin of the process of which a thread makes it its own just now */
} MpHold;

MpArena *mp_arena_new           (MpTable         *table,
                                 guint64          reservation,
                                 GError         **error);
MpArena *mp_arena_open          (MpTable         *table,
                                 int              fd,
                                 GError         **error);
MpArena *mp_arena_get_default   (GError         **error);
MpArena *mp_arena_find          (const guint8    *id);
MpArena *mp_arena_ref           (MpArena         *self);
void     mp_arena_unref         (MpArena         *self);
int      mp_arena_get_fd        (MpArena         *self);
MpTable *mp_arena_get_table     (MpArena         *self);
gboolean mp_arena_alloc         (MpArena         *self,
                                 gsize            size,
                                 MpObjectType     type,
                                 MpHold          *hold,
                                 GError         **error);
gboolean mp_arena_hold          (MpArena         *self,
                                 const MpHandle  *handle,
                                 MpObjectType     type,
                                 MpHold          *hold,
                                 GError         **error);
gboolean mp_arena_sweep         (MpArena         *self,
                                 GError         **error);
guint    mp_arena_get_n_objects (MpArena         *self);
gboolean mp_hold_ensure         (MpHold          *hold,
                                 GError         **error);
void     mp_hold_release        (MpHold          *hold);
gboolean mp_hold_try_release    (MpHold          *hold,
                                 GError         **error);
void     mp_hold_share          (MpHold          *hold,
                                 MpHold          *another);
gsize    mp_hold_get_size       (const MpHold    *hold);
void     mp_hold_get_handle     (const MpHold    *hold,
                                 MpHandle        *handle);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpArena, mp_arena_unref)

G_END_DECLS
