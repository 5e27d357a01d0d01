/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"
#include "mp-segment-private.h"
#include "mp-self-private.h"

G_BEGIN_DECLS

/* A participant table as this process sees it.  Tables are few, one for all that
 * belong together, and stay mapped until the process ends: owner words of
 * objects, and the kernel's list of life words, lead into them.
 */
typedef struct
{
  MpTableLayout *layout;
  MpSegment     *segment;
  guint          index;         /* in MpSelf */
  int            seen_lock_fd;  /* what a forked child inherits of its parent's; 0: none */
} MpTable;

/* Words that the kernel marks and the list entries that stand for them lie equally
 * far apart in every table, since the kernel adds one number to every entry.
 */
typedef struct _MpLifeNode MpLifeNode;
struct _MpLifeNode
{
  MpLifeNode *next;
};

MpTable    *mp_table_new           (GError     **error);
MpTable    *mp_table_open_known    (int          fd,
                                    GError     **error);
MpTable    *mp_table_open          (int          fd,
                                    GError     **error);
MpTable    *mp_table_get_default   (GError     **error);
void        mp_table_inherit       (int         *fd_taken);
int         mp_table_dup_family_fd (GError     **error);
MpTable    *mp_table_peek          (guint        index);
guint       mp_table_get_n         (void);
int         mp_table_get_fd        (MpTable     *self);
MpLifeNode *mp_table_get_life_node (MpTable     *self,
                                    MpAtomic32  *life);
glong       mp_table_get_life_offset (void);

static inline const guint8 *
mp_table_get_id (MpTable *self)
{
  return mp_segment_get_header (self->segment)->id;
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

G_END_DECLS
