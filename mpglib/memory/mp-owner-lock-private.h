/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* A lock in one word of shared memory, which nobody can take into the grave.
 *
 *   word        state            acquire                           release, by anyone
 *   0           free             -> me                             -
 *   X           held             X alive: set WAIT, sleep          -> 0
 *   X|WAIT      held, awaited    X alive: sleep                    -> 0 and wake one, in one system call
 *   D, D|WAIT   its owner died   -> me|WAIT, told that it was      as above
 *                                abandoned; one CAS: exactly one
 *                                is told
 *
 * Who has slept takes the word with WAIT, since others may sleep still.  Who gives
 * up after a sleep sets WAIT once more: the wake it may have got belongs to them.
 * A main loop that waits by the object's bell does as a sleeper does.  Ring it after
 * every release, if somebody waits for it: who took WAIT off may be stopped before.
 */

typedef enum
{
  MP_OWNER_LOCK_ACQUIRED,
  MP_OWNER_LOCK_ABANDONED,   /* acquired too, from an owner that died with it */
  MP_OWNER_LOCK_TIMED_OUT,
} MpOwnerLockResult;

typedef enum
{
  MP_OWNER_LOCK_WAS_FREE,          /* nothing was done */
  MP_OWNER_LOCK_RELEASED,
  MP_OWNER_LOCK_RELEASED_AWAITED,  /* with a system call, which is no fence for the bell */
} MpOwnerLockRelease;

gboolean           mp_owner_lock_spin             (MpAtomic32 *word,
                                                   guint32     me);
MpOwnerLockResult  mp_owner_lock_acquire          (MpTable    *table,
                                                   MpAtomic32 *word,
                                                   guint32     me,
                                                   MpWait      wait);
MpOwnerLockResult  mp_owner_lock_acquire_noting   (MpTable    *table,
                                                   MpAtomic32 *word,
                                                   MpAtomic64 *noting,
                                                   guint32     me,
                                                   MpWait      wait);
MpOwnerLockResult  mp_owner_lock_acquire_or_await (MpTable    *table,
                                                   MpAtomic32 *word,
                                                   guint32     me);
MpOwnerLockRelease mp_owner_lock_release          (MpAtomic32 *word);
gboolean           mp_owner_lock_is_held          (MpTable    *table,
                                                   MpAtomic32 *word);
void               mp_owner_lock_set_spin         (guint       n_tries);

/* What nearly every acquisition finds, in the caller's own code: a free lock. */
static inline gboolean
mp_owner_lock_try (MpAtomic32 *word,
                   guint32     me)
{
  guint32 seen = 0;

  return atomic_compare_exchange_strong (word, &seen, me);
}

/* And nearly every release: nobody waits.  Otherwise nothing was done. */
static inline gboolean
mp_owner_lock_try_release (MpAtomic32 *word,
                           guint32     me)
{
  return atomic_compare_exchange_strong (word, &me, 0);
}

G_END_DECLS
