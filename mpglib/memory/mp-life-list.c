/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-life-list-private.h"

/* Private memory that stays: the kernel reads them when their threads are gone. */
static MpLifeList lists[MP_SELF_N_WATCHES];

/* The kernel reads the list when the thread is killed, between any two
 * instructions: each store is made, and in this order.
 */
#define STORE_IN_ORDER(place, value) \
  G_STMT_START { \
    atomic_signal_fence (memory_order_seq_cst); \
    *(MpLifeNode * volatile *) &(place) = (value); \
    atomic_signal_fence (memory_order_seq_cst); \
  } G_STMT_END

static MpLifeList *
get_list (MpTable *table)
{
  return &lists[table->index / MP_SELF_TABLES_A_WATCH];
}

static MpLifeNode *
get_end (MpLifeList *list)
{
  return (MpLifeNode *) list;
}

/*< private >
 * mp_life_list_begin:
 * @watch: which of MpSelf
 *
 * Makes the calling thread the life of this process in the tables of that watch: when it ends, the
 * kernel marks what is on the list.  It must not end before the process, and must never use
 * robust mutexes of the C library, whose list this replaces.
 */
void
mp_life_list_begin (guint watch)
{
  MpLifeList *list = &lists[watch];

  list->first = get_end (list);
  list->pending = NULL;
  list->offset = mp_table_get_shadow_offset ();

  if (syscall (SYS_set_robust_list, list, sizeof *list) != 0)
    g_error ("Cannot register this process for notice of its death: %s", g_strerror (errno));
}

/* The kernel marks the word, if it is this thread's by then, until it is settled. */
void
mp_life_list_expect (MpTable    *table,
                     MpAtomic32 *life)
{
  STORE_IN_ORDER (get_list (table)->pending, mp_table_get_shadow (table, life));
}

void
mp_life_list_settle (MpTable *table)
{
  STORE_IN_ORDER (get_list (table)->pending, NULL);
}

void
mp_life_list_add (MpTable    *table,
                  MpAtomic32 *life)
{
  MpLifeList *list = get_list (table);
  MpLifeNode *node = mp_table_get_shadow (table, life);

  STORE_IN_ORDER (node->next, list->first);
  STORE_IN_ORDER (list->first, node);
}

/*< private >
 * mp_life_list_insert:
 * @behind: on the list; the kernel marks it before @life
 */
void
mp_life_list_insert (MpTable    *table,
                     MpAtomic32 *life,
                     MpAtomic32 *behind)
{
  MpLifeNode *previous = mp_table_get_shadow (table, behind);
  MpLifeNode *node = mp_table_get_shadow (table, life);

  STORE_IN_ORDER (node->next, previous->next);
  STORE_IN_ORDER (previous->next, node);
}

/*< private >
 * mp_life_list_remove:
 *
 * Takes all words of the table off the list.
 */
void
mp_life_list_remove (MpTable *table)
{
  MpLifeList *list = get_list (table);
  MpLifeNode **place = &list->first;

  while (*place != get_end (list))
    if (mp_table_has_shadow (table, *place))
      STORE_IN_ORDER (*place, (*place)->next);
    else
      place = &(*place)->next;
}
