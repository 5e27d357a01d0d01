/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-flag-private.h"
#include "mp-futex-private.h"
#include "mp-sleep-private.h"

#define SET   1u
#define ROUND 2u
#define WAIT  0x80000000u

#define ROUND_MASK (~(SET | WAIT))

gboolean
mp_flag_is_set (MpAtomic32 *word)
{
  return (atomic_load_explicit (word, memory_order_acquire) & SET) != 0;
}

/*< private >
 * mp_flag_set:
 *
 * Returns: whether somebody may wait: then ring the object's bell
 */
gboolean
mp_flag_set (MpAtomic32 *word)
{
  guint32 seen = atomic_load (word);

  while ((seen & (SET | WAIT)) == 0)
    if (atomic_compare_exchange_strong (word, &seen, seen | SET))
      return FALSE;

  if ((seen & SET) == 0)
    mp_futex_set_bits_and_wake_all (word, SET);

  return (seen & WAIT) != 0;
}

/*< private >
 * mp_flag_clear:
 *
 * Returns: whether somebody may have waited: then ring the object's bell
 */
gboolean
mp_flag_clear (MpAtomic32 *word)
{
  guint32 seen = atomic_load (word);

  while ((seen & SET) != 0)
    if (atomic_compare_exchange_strong (word, &seen, (seen + ROUND) & ROUND_MASK))
      return (seen & WAIT) != 0;

  return FALSE;
}

/* --- Waiting -------------------------------------------------------------- */

/* Since the round began. */
static gboolean
was_set (guint32 seen,
         guint32 round)
{
  return (seen & SET) != 0 || (seen & ROUND_MASK) != round;
}

/*< private >
 * mp_flag_get_round:
 *
 * Returns: what mp_flag_look_or_await() is to be given
 */
guint32
mp_flag_get_round (MpAtomic32 *word)
{
  return atomic_load (word) & ROUND_MASK;
}

/*< private >
 * mp_flag_look_or_await:
 * @round: what mp_flag_get_round() gave when the wait began
 *
 * For who waits for the object's bell, which whoever sets the event rings after this
 * failed.
 */
gboolean
mp_flag_look_or_await (MpAtomic32 *word,
                       guint32     round)
{
  guint32 seen = atomic_load (word);

  while (!was_set (seen, round))
    if ((seen & WAIT) != 0 || atomic_compare_exchange_strong (word, &seen, seen | WAIT))
      return FALSE;

  return TRUE;
}

/*< private >
 * mp_flag_wait:
 * @round: what mp_flag_get_round() gave when the wait began
 *
 * Returns: %FALSE if the wait ended before the event was set
 */
gboolean
mp_flag_wait (MpTable    *table,
              MpAtomic32 *word,
              guint32     round,
              MpWait      wait)
{
  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);
      gboolean is_over = mp_wait_is_over (wait);

      if (was_set (atomic_load (word), round))
        return TRUE;

      if (is_over)
        return FALSE;

      if (mp_flag_look_or_await (word, round))
        return TRUE;

      mp_sleep_on (table, word, round | WAIT, epoch, 0, wait);
    }
}
