/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"
#include "mp-segment-private.h"
#include "mp-self-private.h"

G_BEGIN_DECLS

/* A participant table as this process sees it: one for all that belong together.  It stays
 * mapped as long as anything that lies in arenas of it is used, and some stay longer, in case
 * that more comes from there: who joins and leaves all the time uses up the slots' generations.
 *
 *   state    meaning                                who changes it
 *   FREE     a place for a table                    open: with the lock -> USED
 *   USED     open; idle if nobody has a reference   unref: with the lock -> LEAVING, if it is the longest idle
 *                                                   of too many
 *   LEAVING  nobody uses it, and nobody finds it    mp-watch, when it has left and unmapped it -> LEFT
 *   LEFT     a place, with the remains of one       open: with the lock, frees these -> USED
 *
 * The first is the program's own and stays.  A child forked while its parent leaves one
 * has a place less.
 */
typedef struct
{
  MpTableLayout *layout;
  MpSegment     *segment;
  guint          index;         /* in MpSelf */
  int            seen_lock_fd;  /* what a forked child inherits of its parent's; 0: none */
  MpAtomic32     state;
  guint          n_refs;        /* guarded by mp_self_lock() */
  guint64        idle_since;    /* a sequence; guarded by mp_self_lock() */
} MpTable;

/* Families of others that stay although nothing of theirs is used. */
#define MP_TABLE_MAX_IDLE 2

MpTable    *mp_table_new           (GError     **error);
MpTable    *mp_table_open_known    (int          fd,
                                    GError     **error);
MpTable    *mp_table_open          (int          fd,
                                    GError     **error);
MpTable    *mp_table_ref_locked    (MpTable     *self);
void        mp_table_unref_locked  (MpTable     *self);
void        mp_table_unref         (MpTable     *self);
void        mp_table_vacate        (MpTable     *self);
MpTable    *mp_table_get_default   (GError     **error);
void        mp_table_inherit       (int         *fd_taken);
int         mp_table_dup_family_fd (GError     **error);
MpTable    *mp_table_peek          (guint        index);
guint       mp_table_get_n         (void);
int         mp_table_get_fd        (MpTable     *self);
gpointer    mp_table_get_shadow    (MpTable     *self,
                                    MpAtomic32  *word);
gboolean    mp_table_has_shadow    (MpTable     *self,
                                    gpointer     shadow);
glong       mp_table_get_shadow_offset (void);

static inline const guint8 *
mp_table_get_id (MpTable *self)
{
  return mp_segment_get_header (self->segment)->id;
}

static inline MpSelfWatch *
mp_table_get_watch (MpTable *self)
{
  return &mp_self_get ()->watches[self->index / MP_SELF_TABLES_A_WATCH];
}

/* In the words of MpSelfWatch. */
static inline guint32
mp_table_get_bit (MpTable *self)
{
  return 1u << self->index % MP_SELF_TABLES_A_WATCH;
}

/* The number of deaths.  Whoever waits reads it before looking whether others
 * live, and sleeps only as long as it stays.
 */
static inline guint32
mp_table_get_epoch (MpTable *self)
{
  return atomic_load (&self->layout->epoch);
}

/* Slots from there on were never used. */
static inline guint32
mp_table_get_top (MpTable *self)
{
  guint32 top = atomic_load (&self->layout->top);

  return MIN (top, MP_TABLE_N_SLOTS);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTable, mp_table_unref)

G_END_DECLS
