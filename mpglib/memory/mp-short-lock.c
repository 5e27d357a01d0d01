/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-owner-lock-private.h"
#include "mp-short-lock-private.h"

static _Atomic (gint64) patience = 10 * G_TIME_SPAN_SECOND;

/*< private >
 * mp_short_lock_set_patience:
 *
 * For tests: after what time a wait fails.
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

/*< private >
 * mp_short_lock_acquire:
 * @me: this process, from mp_participant_enter()
 * @was_abandoned: (out) (nullable): whether the owner before died with it
 *
 * Fails with %MP_ERROR_TIMED_OUT.
 */
gboolean
mp_short_lock_acquire (MpTable     *table,
                       MpAtomic32  *word,
                       guint32      me,
                       gboolean    *was_abandoned,
                       GError     **error)
{
  MpOwnerLockResult result = mp_owner_lock_acquire (table, word, me, MP_WAIT_ENDS_NOW);

  if (result == MP_OWNER_LOCK_TIMED_OUT)
    result = mp_owner_lock_acquire (table, word, me,
                                    MP_WAIT_UNTIL (g_get_monotonic_time () + atomic_load (&patience)));

  if (result == MP_OWNER_LOCK_TIMED_OUT)
    return set_held (error);

  if (was_abandoned != NULL)
    *was_abandoned = result == MP_OWNER_LOCK_ABANDONED;
  return TRUE;
}

void
mp_short_lock_release (MpAtomic32 *word)
{
  mp_owner_lock_release (word);
}
