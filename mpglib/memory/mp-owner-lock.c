/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-futex-private.h"
#include "mp-owner-lock-private.h"
#include "mp-participant-private.h"
#include "mp-sleep-private.h"

/* While an owner is being torn down by the kernel. */
#define DYING_PAUSE_USEC 50

/* Tries before a sleep: at most, and how many at present.  One that succeeds
 * doubles them, one that fails halves them, so that spinning costs nothing where
 * it does not pay.
 */
static MpAtomic32 most_tries = 40;
static MpAtomic32 tries_now = 8;

void
mp_owner_lock_set_spin (guint n_tries)
{
  atomic_store (&most_tries, n_tries);
  atomic_store (&tries_now, MIN (n_tries, 8));
}

/* Pauses grow, so that those who spin do not keep the word from its owner. */
static gboolean
spin (MpAtomic32 *word,
      guint32     me)
{
  guint most = atomic_load_explicit (&most_tries, memory_order_relaxed);
  guint tries = MIN (atomic_load_explicit (&tries_now, memory_order_relaxed), most);

  for (guint i = 0; i < tries; i++)
    {
      guint32 seen;

      for (guint pause = 8u << MIN (i, 5); pause > 0; pause--)
        mp_cpu_relax ();

      seen = atomic_load_explicit (word, memory_order_relaxed);
      if (seen == 0 && atomic_compare_exchange_strong (word, &seen, me))
        {
          atomic_store_explicit (&tries_now, MIN (tries * 2, most), memory_order_relaxed);
          return TRUE;
        }
    }

  atomic_store_explicit (&tries_now, MAX (tries / 2, 1), memory_order_relaxed);
  return FALSE;
}

static MpOwnerLockResult
acquire_slowly (MpTable    *table,
                MpAtomic32 *word,
                guint32     me,
                gint64      deadline)
{
  gboolean is_over = deadline == MP_DEADLINE_NOW;
  guint32 has_slept = 0;  /* MP_OWNER_WAIT, or 0 */

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
          if (atomic_compare_exchange_strong (word, &seen, me | MP_OWNER_WAIT))
            return MP_OWNER_LOCK_ABANDONED;
          continue;
        }

      if ((seen & MP_OWNER_WAIT) == 0 && (has_slept || !is_over))
        {
          if (!atomic_compare_exchange_strong (word, &seen, seen | MP_OWNER_WAIT))
            continue;
          seen |= MP_OWNER_WAIT;
        }

      if (is_over)
        return MP_OWNER_LOCK_TIMED_OUT;

      if (life == MP_LIFE_DYING)
        mp_futex_pause (DYING_PAUSE_USEC);
      else
        is_over = !mp_sleep_on (table, word, seen, epoch, deadline, seen);

      has_slept = MP_OWNER_WAIT;
      is_over |= mp_deadline_has_passed (deadline);
    }
}

/*< private >
 * mp_owner_lock_acquire:
 * @me: this process, from mp_participant_enter()
 * @deadline: a deadline
 */
MpOwnerLockResult
mp_owner_lock_acquire (MpTable    *table,
                       MpAtomic32 *word,
                       guint32     me,
                       gint64      deadline)
{
  guint32 seen = 0;

  if (G_LIKELY (atomic_compare_exchange_strong (word, &seen, me)))
    return MP_OWNER_LOCK_ACQUIRED;

  if (deadline != MP_DEADLINE_NOW && spin (word, me))
    return MP_OWNER_LOCK_ACQUIRED;

  return acquire_slowly (table, word, me, deadline);
}

/*< private >
 * mp_owner_lock_release:
 *
 * Returns: %FALSE if nobody held the lock
 */
gboolean
mp_owner_lock_release (MpAtomic32 *word)
{
  guint32 seen = atomic_load (word);

  while ((seen & MP_OWNER_MASK) != 0)
    {
      if ((seen & MP_OWNER_WAIT) != 0)
        {
          mp_futex_set_and_wake (word, 0);
          return TRUE;
        }

      if (atomic_compare_exchange_strong (word, &seen, 0))
        return TRUE;
    }

  return FALSE;
}
