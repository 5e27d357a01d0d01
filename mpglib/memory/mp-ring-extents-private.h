/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"
#include "mp-table-private.h"

G_BEGIN_DECLS

/* Where the bytes of long records lie, so that nobody copies them while he has a lock: parts of the ring's file that
 * are not mapped, but written and read by calls.  The ring itself has a record that names the extent.
 *
 *   state              whose it is           who changes it
 *   t, 0               nobody's              whoever has something long to put -> t+1, X|FILL
 *   t, X|FILL          X fills it, or has    X, if it gives up -> t, 0;
 *                      put it                who takes the record, before he commits that -> t, Y|HAND
 *   t, Y|HAND          Y has taken it, or    Y, when it was read, or is acknowledged -> t, 0;
 *                      was about to          another that takes the record, as Y had not -> t, Z|HAND
 *   t, QUEUED          the record's          who takes that -> t, Y|HAND
 *   t, D (dead)|any    to be looked for      anybody who has the lock of the end take: -> t, QUEUED if there is a
 *                                            record of it, else -> t, 0
 *
 * `t` is a ticket, which the record names, too: so an old record does not name a new content.
 *
 * Who puts the record notes where the first one of that commit begins, and who takes it into his hand where it begins
 * itself.  So to see whether there is a record of a dead one's extent one looks at those of one commit.
 *
 * In a ring that holds (mp-ring-hold.c), all that is taken stays with HAND until it is acknowledged, and D|HAND is
 * what D held: an orphan, which waits for somebody who inherits it.
 */

typedef struct
{
  MpRingExtent *extents;
  MpAtomic32   *swept_epoch;   /* of the table, at the last sweep */
  int           fd;            /* -1: there are none */
  guint64       offset;        /* in the file, of the first one */
  guint64       stride;        /* to the next one, and the most bytes that one has */
  guint32       n;             /* tests make it less than there are */
} MpRingExtents;

/* Names an extent. */
typedef struct
{
  guint32 place;    /* + 1; 0: none */
  guint32 ticket;
} MpRingExtentName;

/* Shorter records are faster without. */
#define MP_RING_LONG_LENGTH 65536

typedef gboolean (*MpRingExtentFind) (gpointer                ring,
                                      const MpRingExtentName *name,
                                      guint64                 position,
                                      gboolean               *is_there);

guint64       mp_ring_extents_measure      (guint64                  capacity);
void          mp_ring_extents_open         (MpRingExtents           *self,
                                            MpRingExtent            *extents,
                                            MpAtomic32              *swept_epoch,
                                            int                      fd,
                                            guint64                  offset,
                                            guint64                  capacity);
gboolean      mp_ring_extents_allocate     (MpRingExtents           *self,
                                            GError                 **error);
gboolean      mp_ring_extents_claim        (MpRingExtents           *self,
                                            guint32                  me,
                                            guint32                  length,
                                            MpRingExtentName        *name,
                                            GError                 **error);
gboolean      mp_ring_extents_write        (MpRingExtents           *self,
                                            const MpRingExtentName  *name,
                                            guint32                  offset,
                                            gconstpointer            bytes,
                                            guint32                  length,
                                            GError                 **error);
void          mp_ring_extents_drop         (MpRingExtents           *self,
                                            const MpRingExtentName  *name,
                                            guint32                  offset,
                                            guint32                  length);
void          mp_ring_extents_forget       (MpRingExtents           *self,
                                            guint32                  me,
                                            const MpRingExtentName  *name,
                                            guint32                  length);
gboolean      mp_ring_extents_fill_to_hold (MpRingExtents           *self,
                                            guint32                  me,
                                            gconstpointer            data,
                                            guint32                  length,
                                            MpRingExtentName        *name,
                                            GError                 **error);
void          mp_ring_extents_note_place   (MpRingExtents           *self,
                                            const MpRingExtentName  *name,
                                            guint64                  position);
MpRingExtent *mp_ring_extents_get          (MpRingExtents           *self,
                                            const MpRingExtentName  *name);
gboolean      mp_ring_extents_take         (MpRingExtents           *self,
                                            guint32                  me,
                                            const MpRingExtentName  *name);
gboolean      mp_ring_extents_read         (MpRingExtents           *self,
                                            const MpRingExtentName  *name,
                                            guint32                  offset,
                                            gpointer                 bytes,
                                            guint32                  length,
                                            GError                 **error);
gboolean      mp_ring_extents_release      (MpRingExtents           *self,
                                            guint32                  me,
                                            const MpRingExtentName  *name,
                                            guint64                  length);
gboolean      mp_ring_extents_disown       (MpRingExtents           *self,
                                            guint32                  me,
                                            const MpRingExtentName  *name);
gboolean      mp_ring_extents_find_orphan  (MpRingExtents           *self,
                                            MpTable                 *table,
                                            guint64                  begin,
                                            MpRingExtentName        *name);
gboolean      mp_ring_extents_are_held     (MpRingExtents           *self,
                                            MpTable                 *table,
                                            gboolean                 by_living);
gboolean      mp_ring_extents_is_due       (MpRingExtents           *self,
                                            MpTable                 *table);
gboolean      mp_ring_extents_sweep        (MpRingExtents           *self,
                                            MpTable                 *table,
                                            MpRingExtentFind         find,
                                            gpointer                 ring,
                                            gboolean                *has_orphans);
gboolean      mp_ring_extents_undo         (MpRingExtents           *self,
                                            guint32                  owner,
                                            guint64                  position,
                                            MpRingExtentFind         find,
                                            gpointer                 ring);

G_END_DECLS
