/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>

#include "mp-participant-private.h"
#include "mp-sleep-private.h"

/*< private >
 * mp_sleep_on:
 * @word: what changes when the wait is over
 * @seen: the value of @word at which there was nothing to do
 * @epoch: what mp_table_get_epoch() gave before the caller looked at @word, and at
 *   whether others live
 * @owner: an owner word that @word depends on, or 0
 *
 * Sleeps until @word changes and somebody wakes, a participant dies, the wait is
 * stopped, or a signal comes.  The caller looks again at everything, in the order epoch, liveness,
 * sleep: so the wake that a killed process did not send, or took with it, is sent
 * again by its death, and nothing needs a timer.
 *
 * The owner's own life word is slept on because both that watch it may be stopped.
 *
 * Returns: %FALSE if the wait is over
 */
gboolean
mp_sleep_on (MpTable    *table,
             MpAtomic32 *word,
             guint32     seen,
             guint32     epoch,
             guint32     owner,
             MpWait      wait)
{
  MpFutexWait one = { word, seen };

  return mp_sleep_on_any (table, &one, 1, epoch, owner, wait);
}

/*< private >
 * mp_sleep_on_any:
 * @words: those whose word is %NULL do not count
 * @n_words: at most %MP_SLEEP_MOST_WORDS
 *
 * As mp_sleep_on(), for several words.
 */
gboolean
mp_sleep_on_any (MpTable           *table,
                 const MpFutexWait *words,
                 guint              n_words,
                 guint32            epoch,
                 guint32            owner,
                 MpWait             wait)
{
  MpFutexWait waits[MP_SLEEP_MOST_WORDS + 3];
  guint n_waits = 0;

  /* Where the kernel cannot sleep on many it is the first that is woken at once. */
  for (guint i = 0; i < n_words; i++)
    if (words[i].word != NULL)
      waits[n_waits++] = words[i];
  waits[n_waits++] = (MpFutexWait) { &table->layout->epoch, epoch };

  if ((owner & MP_OWNER_MASK) != 0)
    {
      MpAtomic32 *life;
      guint32 seen_life;

      if (mp_owner_get_slot (owner) >= MP_TABLE_N_SLOTS)
        return TRUE;

      life = &table->layout->slots[mp_owner_get_slot (owner)].life;
      seen_life = atomic_load (life);
      if (!mp_participant_is_alive (table, owner))
        return TRUE;

      waits[n_waits++] = (MpFutexWait) { life, seen_life };
    }

  if (wait.stop != NULL)
    waits[n_waits++] = (MpFutexWait) { wait.stop, 0 };

  errno = 0;
  if (!mp_futex_wait_many (waits, n_waits, wait.deadline))
    return FALSE;

  if (errno == EINTR && wait.ends_on_signal)
    atomic_store (wait.stop, MP_WAIT_INTERRUPTED);

  return !mp_wait_is_over (wait);
}
