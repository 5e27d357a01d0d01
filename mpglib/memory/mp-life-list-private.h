/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

/* What the kernel marks when a thread ends: its robust list.  Each thread mp-watch has one, of the words that
 * stand for the life of this process in the tables that it looks after.
 *
 * Words and the entries that stand for them lie equally far apart in every table, since the
 * kernel adds one number to every entry.
 */
typedef struct _MpLifeNode MpLifeNode;
struct _MpLifeNode
{
  MpLifeNode *next;
};

/* The kernel's struct robust_list_head. */
typedef struct
{
  MpLifeNode *first;
  glong       offset;
  MpLifeNode *pending;
} MpLifeList;

void mp_life_list_begin  (guint       watch);
void mp_life_list_expect (MpTable    *table,
                          MpAtomic32 *life);
void mp_life_list_settle (MpTable    *table);
void mp_life_list_add    (MpTable    *table,
                          MpAtomic32 *life);
void mp_life_list_insert (MpTable    *table,
                          MpAtomic32 *life,
                          MpAtomic32 *behind);
void mp_life_list_remove (MpTable    *table);

G_END_DECLS
