/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-futex-private.h"
#include "mp-owner-lock-private.h"
#include "mp-participant-private.h"
#include "mp-sleep-private.h"
#include "mp-spin-private.h"

static MpSpin spin = MP_SPIN_INIT;

void
mp_owner_lock_set_spin (guint n_tries)
{
  mp_spin_set_most (&spin, n_tries);
}

/*< private >
 * mp_owner_lock_spin:
 *
 * Before a wait begins, and after mp_owner_lock_try().
 *
 * Returns: whether it was acquired
 */
gboolean
mp_owner_lock_spin (MpAtomic32 *word,
                    guint32     me)
{
  guint tries = mp_spin_begin (&spin);

  for (guint i = 0; i < tries; i++)
    {
      guint32 seen;

      mp_spin_pause (i);
      seen = atomic_load_explicit (word, memory_order_relaxed);
      if (seen == 0 && mp_owner_lock_try (word, me))
        return mp_spin_end (&spin, tries, TRUE);
    }

  return mp_spin_end (&spin, tries, FALSE);
}

/* `noting`: `word` and the word behind it, which becomes 1 in the same step; or NULL */
static gboolean
take_over (MpAtomic32 *word,
           MpAtomic64 *noting,
           guint32     seen,
           guint32     me)
{
  guint32 taken[2] = { me | MP_OWNER_WAIT, 1 };
  guint64 both, taken_both;

  if (noting == NULL)
    return atomic_compare_exchange_strong (word, &seen, taken[0]);

  both = atomic_load (noting);
  memcpy (&taken_both, taken, sizeof taken_both);
  return memcmp (&both, &seen, sizeof seen) == 0 && atomic_compare_exchange_strong (noting, &both, taken_both);
}

static MpOwnerLockResult
acquire_slowly (MpTable    *table,
                MpAtomic32 *word,
                MpAtomic64 *noting,
                guint32     me,
                guint32     has_slept,  /* MP_OWNER_WAIT, or 0 */
                MpWait      wait)
{
  gboolean is_over = wait.deadline == MP_DEADLINE_NOW;

  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);  /* before liveness, before the sleep */
      guint32 seen = atomic_load (word);
      MpLife life;

      if ((seen & MP_OWNER_MASK) == 0)
        {
          if (atomic_compare_exchange_strong (word, &seen, me | (seen & MP_OWNER_WAIT) | has_slept))
            return MP_OWNER_LOCK_ACQUIRED;
          continue;
        }

      life = mp_participant_look (table, seen);
      if (life == MP_LIFE_DEAD)
        {
          if (take_over (word, noting, seen, me))
            return MP_OWNER_LOCK_ABANDONED;
          continue;
        }

#ifdef MP_FAULT_NO_PASS_ON
      if ((seen & MP_OWNER_WAIT) == 0 && !is_over)
#else
      if ((seen & MP_OWNER_WAIT) == 0 && (has_slept || !is_over))
#endif
        {
          if (!atomic_compare_exchange_strong (word, &seen, seen | MP_OWNER_WAIT))
            continue;
          seen |= MP_OWNER_WAIT;
        }

      if (is_over)
        return MP_OWNER_LOCK_TIMED_OUT;

      if (life == MP_LIFE_DYING)
        mp_futex_pause (MP_SLEEP_DYING_USEC);
      else
        mp_sleep_on (table, word, seen, epoch, seen, wait);

      has_slept = MP_OWNER_WAIT;
      is_over = mp_wait_is_over (wait);
    }
}

/*< private >
 * mp_owner_lock_acquire:
 * @me: this process, from mp_participant_enter()
 */
MpOwnerLockResult
mp_owner_lock_acquire (MpTable    *table,
                       MpAtomic32 *word,
                       guint32     me,
                       MpWait      wait)
{
  return mp_owner_lock_acquire_noting (table, word, NULL, me, wait);
}

/*< private >
 * mp_owner_lock_acquire_noting:
 * @noting: (nullable): @word and the word behind it
 *
 * As mp_owner_lock_acquire(), but what lies behind the word becomes 1 in the very moment in
 * which the lock is taken from a dead owner: nobody ever sees the one without the other.
 */
MpOwnerLockResult
mp_owner_lock_acquire_noting (MpTable    *table,
                              MpAtomic32 *word,
                              MpAtomic64 *noting,
                              guint32     me,
                              MpWait      wait)
{
  if (G_LIKELY (mp_owner_lock_try (word, me)))
    return MP_OWNER_LOCK_ACQUIRED;

  if (wait.deadline != MP_DEADLINE_NOW && mp_owner_lock_spin (word, me))
    return MP_OWNER_LOCK_ACQUIRED;

  return acquire_slowly (table, word, noting, me, 0, wait);
}

/*< private >
 * mp_owner_lock_acquire_or_await:
 *
 * For who waits for the object's bell, which whoever releases the lock rings after
 * this failed.
 */
MpOwnerLockResult
mp_owner_lock_acquire_or_await (MpTable    *table,
                                MpAtomic32 *word,
                                guint32     me)
{
  return acquire_slowly (table, word, NULL, me, MP_OWNER_WAIT, MP_WAIT_ENDS_NOW);
}

/*< private >
 * mp_owner_lock_release:
 *
 * Returns: whether somebody held the lock, and whether somebody may wait for it
 */
MpOwnerLockRelease
mp_owner_lock_release (MpAtomic32 *word)
{
  guint32 seen = atomic_load (word);

  while ((seen & MP_OWNER_MASK) != 0)
    {
      if ((seen & MP_OWNER_WAIT) != 0)
        {
#ifdef MP_FAULT_WAKE_AFTER_UNLOCK
          atomic_store (word, 0);
          mp_futex_wake (word, 1);
#else
          mp_futex_set_and_wake (word, 0);
#endif
          return MP_OWNER_LOCK_RELEASED_AWAITED;
        }

      if (atomic_compare_exchange_strong (word, &seen, 0))
        return MP_OWNER_LOCK_RELEASED;
    }

  return MP_OWNER_LOCK_WAS_FREE;
}

/*< private >
 * mp_owner_lock_is_held:
 *
 * Returns: whether somebody who lives has the lock
 */
gboolean
mp_owner_lock_is_held (MpTable    *table,
                       MpAtomic32 *word)
{
  return mp_participant_is_alive (table, atomic_load (word));
}
