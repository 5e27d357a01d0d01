/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-owner-lock-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"

static _Atomic (gint64) patience = 10 * G_TIME_SPAN_SECOND;

/*< private >
 * mp_short_lock_set_patience:
 *
 * For tests: after what time a wait fails, at the latest.
 */
void
mp_short_lock_set_patience (gint64 usec)
{
  atomic_store (&patience, usec);
}

/*< private >
 * mp_short_lock_get_patience:
 *
 * Returns: the most that a thread waits, in microseconds
 */
gint64
mp_short_lock_get_patience (void)
{
  return atomic_load (&patience);
}

/*< private >
 * mp_short_lock_set_held:
 *
 * What a wait fails with whose patience is over.
 *
 * Returns: %FALSE
 */
gboolean
mp_short_lock_set_held (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                       "Another process does not come to the end of changing the shared object: it may be stopped");
  return FALSE;
}

/*< private >
 * mp_short_lock_try:
 *
 * Returns: whether it was acquired, from the dead too; without a sleep
 */
gboolean
mp_short_lock_try (MpTable    *table,
                   MpAtomic32 *word,
                   guint32     me)
{
  return mp_owner_lock_acquire (table, word, me, MP_WAIT_ENDS_NOW) != MP_OWNER_LOCK_TIMED_OUT ||
         mp_owner_lock_spin (word, me);
}

/* Whoever has spent the patience still takes what is free, and spins. */
static gboolean
wait_for (MpTable    *table,
          MpAtomic32 *word,
          MpAtomic64 *noting,
          guint32     me)
{
  gint64 remaining = mp_patience_get_remaining (mp_short_lock_get_patience ());
  gint64 begun = g_get_monotonic_time ();
  MpOwnerLockResult result;

  if (remaining == 0)
    return mp_owner_lock_spin (word, me);

  result = mp_owner_lock_acquire_noting (table, word, noting, me, MP_WAIT_UNTIL (begun + remaining));
  mp_patience_spend (g_get_monotonic_time () - begun);
  return result != MP_OWNER_LOCK_TIMED_OUT;
}

/*< private >
 * mp_short_lock_acquire:
 * @me: this process, from mp_participant_enter()
 * @noting: (nullable): see mp_owner_lock_acquire_noting()
 *
 * Fails with %MP_ERROR_TIMED_OUT.
 */
gboolean
mp_short_lock_acquire (MpTable     *table,
                       MpAtomic32  *word,
                       MpAtomic64  *noting,
                       guint32      me,
                       GError     **error)
{
  return mp_owner_lock_acquire_noting (table, word, noting, me, MP_WAIT_ENDS_NOW) != MP_OWNER_LOCK_TIMED_OUT ||
         wait_for (table, word, noting, me) || mp_short_lock_set_held (error);
}

void
mp_short_lock_release (MpAtomic32 *word)
{
  mp_owner_lock_release (word);
}
