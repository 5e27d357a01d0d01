/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-counter-private.h"
#include "mp-futex-private.h"
#include "mp-sleep-private.h"
#include "mp-spin-private.h"

#define WAIT MP_COUNTER_WAIT
#define ONE  MP_COUNTER_ONE

static MpSpin spin = MP_SPIN_INIT;

void
mp_counter_set_spin (guint n_tries)
{
  mp_spin_set_most (&spin, n_tries);
}

/*< private >
 * mp_counter_init:
 * @n: 0 to %MP_COUNTER_MAX
 */
void
mp_counter_init (MpAtomic32 *word,
                 guint32     n)
{
  atomic_store (word, MIN (n, MP_COUNTER_MAX) * ONE);
}

/* --- Taking --------------------------------------------------------------- */

static gboolean
take_with_spin (MpAtomic32 *word)
{
  guint tries = mp_spin_begin (&spin);

  for (guint i = 0; i < tries; i++)
    {
      mp_spin_pause (i);
      if (mp_counter_try_take (word))
        return mp_spin_end (&spin, tries, TRUE);
    }

  return mp_spin_end (&spin, tries, FALSE);
}

/*< private >
 * mp_counter_take_or_await:
 *
 * For who waits for the object's bell, which whoever gives a permit rings after this
 * failed.
 */
gboolean
mp_counter_take_or_await (MpAtomic32 *word)
{
  guint32 seen = atomic_load (word);

  for (;;)
    {
      guint32 next = seen >= ONE ? seen - ONE : seen | WAIT;

      if (next == seen || atomic_compare_exchange_strong (word, &seen, next))
        return seen >= ONE;
    }
}

/*< private >
 * mp_counter_take:
 *
 * Returns: %FALSE if the wait ended before there was a permit
 */
gboolean
mp_counter_take (MpTable    *table,
                 MpAtomic32 *word,
                 MpWait      wait)
{
  if (G_LIKELY (mp_counter_try_take (word)))
    return TRUE;

  if (wait.deadline == MP_DEADLINE_NOW)
    return FALSE;

  if (take_with_spin (word))
    return TRUE;

  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);

      if (mp_wait_is_over (wait))
        return mp_counter_try_take (word);

      if (mp_counter_take_or_await (word))
        return TRUE;

      mp_sleep_on (table, word, WAIT, epoch, 0, wait);
    }
}

/* --- Giving --------------------------------------------------------------- */

static void
wake_one (MpAtomic32 *word)
{
  if (mp_futex_add_and_wake (word, ONE) != 0)
    return;

#ifdef MP_FAULT_CLEAR_ALONE
  atomic_fetch_and (word, ~WAIT);
#else
  mp_futex_clear_and_wake_all (word, WAIT);
#endif
}

/*< private >
 * mp_counter_give:
 *
 * Fails if there are %MP_COUNTER_MAX permits already.
 */
MpCounterGive
mp_counter_give (MpAtomic32 *word)
{
  guint32 seen = atomic_load_explicit (word, memory_order_relaxed);

  for (;;)
    {
      if (seen / ONE >= MP_COUNTER_MAX)
        return MP_COUNTER_FULL;

      if ((seen & WAIT) != 0)
        {
          wake_one (word);
          return MP_COUNTER_GIVEN_AWAITED;
        }

      if (atomic_compare_exchange_strong (word, &seen, seen + ONE))
        return MP_COUNTER_GIVEN;
    }
}

guint32
mp_counter_get (MpAtomic32 *word)
{
  return atomic_load (word) / ONE;
}
