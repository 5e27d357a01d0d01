/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

/* Processes in a table: how one becomes a participant, and how others see that
 * it is no more.  The state table stands above MpSlot.
 */

typedef enum
{
  MP_LIFE_ALIVE,
  MP_LIFE_DYING,   /* marked dead, but threads of it may run for some microseconds more */
  MP_LIFE_DEAD,    /* what it owned may be taken */
} MpLife;

/* Of one claim: all slots, twice. */
#define MP_PARTICIPANT_MAX_TRIES (2 * MP_TABLE_N_SLOTS)

/* At once: each takes some 40 us of system calls, and a table may be full of dead. */
#define MP_PARTICIPANT_MAX_BURIALS 16

/* mp-participant-join.c */
guint32  mp_participant_enter        (MpTable  *table,
                                      GError  **error);
guint32  mp_participant_claim        (MpTable  *table,
                                      guint    *n_tries);
void     mp_participant_leave        (MpTable  *table,
                                      guint32   me);
void     mp_participant_forget_lock  (MpTable  *table);

/* mp-participant.c */
MpLife   mp_participant_look         (MpTable  *table,
                                      guint32   owner);
gboolean mp_participant_bury         (MpTable  *table,
                                      guint     slot,
                                      guint64   identity);
void     mp_participant_wake_beside  (MpSlot   *slot);
void     mp_participant_free_slot    (MpTable  *table,
                                      guint     slot,
                                      guint64   identity);
void     mp_participant_broadcast    (MpTable  *table);

static inline guint64
mp_participant_make_identity (guint32 generation,
                              guint32 life)
{
  return (guint64) generation << 32 | life;
}

static inline guint
mp_owner_get_slot (guint32 owner)
{
  return (owner & MP_OWNER_SLOT_MASK) - 1;
}

static inline guint32
mp_owner_get_generation (guint32 owner)
{
  return (owner & MP_OWNER_MASK) >> MP_OWNER_SHIFT;
}

static inline guint32
mp_owner_new (guint   slot,
              guint32 generation)
{
  return (generation & MP_OWNER_GENERATION_MASK) << MP_OWNER_SHIFT | (slot + 1);
}

/*< private >
 * mp_participant_get_me:
 *
 * Returns: this process in owner words of the table, or 0 if it is no participant yet
 */
static inline guint32
mp_participant_get_me (MpTable *table)
{
  return atomic_load_explicit (&mp_self_get ()->me[table->index], memory_order_acquire);
}

/*< private >
 * mp_participant_find_me:
 *
 * Returns: where mp_participant_get_me() looks, as long as this process and its forked
 *   children live
 */
static inline const MpAtomic32 *
mp_participant_find_me (MpTable *table)
{
  return &mp_self_get ()->me[table->index];
}

static inline guint32
mp_participant_read_me (const MpAtomic32 *me)
{
  return atomic_load_explicit (me, memory_order_acquire);
}

/*< private >
 * mp_participant_has_name:
 * @identity: the slot's
 *
 * Returns: %TRUE if the slot's participant lives and has told its name: only then can
 *   it own anything, and only then are its vigils with the kernel
 */
static inline gboolean
mp_participant_has_name (MpSlot  *slot,
                         guint64  identity)
{
  return (identity & MP_LIFE_THREAD_MASK) != 0 && (identity & MP_LIFE_DIED) == 0 &&
         atomic_load (&slot->name) >> 32 == identity >> 32;
}

/*< private >
 * mp_participant_is_alive:
 * @owner: an owner word; its flags do not matter
 *
 * One load.  A word that names no slot has no living owner.
 */
static inline gboolean
mp_participant_is_alive (MpTable *table,
                         guint32  owner)
{
  guint slot = mp_owner_get_slot (owner);
  guint64 identity;

  if (G_UNLIKELY (slot >= MP_TABLE_N_SLOTS))
    return FALSE;

  identity = atomic_load_explicit (&table->layout->slots[slot].identity, memory_order_acquire);
  return (guint32) (identity >> 32 & MP_OWNER_GENERATION_MASK) == mp_owner_get_generation (owner) &&
         (identity & MP_LIFE_THREAD_MASK) != 0 &&
         (identity & MP_LIFE_DIED) == 0;
}

G_END_DECLS
