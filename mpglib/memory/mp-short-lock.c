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

static gboolean
set_held (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                       "Another process does not come to the end of changing the shared object: it may be stopped");
  return FALSE;
}

static _Thread_local gboolean is_hurried;

/*< private >
 * mp_short_lock_hurry_thread:
 * @hurried: whether the calling thread serves others, or has what they need, and never waits
 *
 * Returns: whether it was so before
 */
gboolean
mp_short_lock_hurry_thread (gboolean hurried)
{
  gboolean was_hurried = is_hurried;

  is_hurried = hurried;
  return was_hurried;
}

static MpWait
get_patience (void)
{
  gint64 usec = atomic_load (&patience);

  /* The depth is the thread's own: a forked child may ask for it, too. */
  if (g_main_depth () > 0)
    usec = MIN (usec, MP_PATIENCE_OF_LOOPS);

  return MP_WAIT_UNTIL (g_get_monotonic_time () + usec);
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
  MpOwnerLockResult result = mp_owner_lock_acquire_noting (table, word, noting, me, MP_WAIT_ENDS_NOW);

  if (result == MP_OWNER_LOCK_TIMED_OUT && is_hurried)
    return mp_owner_lock_spin (word, me) || set_held (error);

  if (result == MP_OWNER_LOCK_TIMED_OUT)
    result = mp_owner_lock_acquire_noting (table, word, noting, me, get_patience ());

  return result != MP_OWNER_LOCK_TIMED_OUT || set_held (error);
}

void
mp_short_lock_release (MpAtomic32 *word)
{
  mp_owner_lock_release (word);
}
