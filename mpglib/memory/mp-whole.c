/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-participant-private.h"
#include "mp-short-lock-private.h"
#include "mp-whole-private.h"

/*< private >
 * mp_whole_was_abandoned:
 *
 * Use mp_whole_is_torn().
 */
gboolean
mp_whole_was_abandoned (MpTable *table,
                        MpWhole *self)
{
  guint32 seen = atomic_load (&self->writer);

  return (seen & MP_OWNER_MASK) != 0 && !mp_participant_is_alive (table, seen);
}

/*< private >
 * mp_whole_begin:
 * @me: this process, from mp_participant_enter()
 *
 * Before the writing.  Fails with %MP_ERROR_TIMED_OUT if another writer does not come to
 * its end.
 */
gboolean
mp_whole_begin (MpTable  *table,
                MpWhole  *self,
                guint32   me,
                GError  **error)
{
  gboolean was_abandoned;

  if (!mp_short_lock_acquire (table, &self->writer, me, &was_abandoned, error))
    return FALSE;

#ifdef MP_FAULT_FORGET_TORN
  was_abandoned = FALSE;
#endif

  /* If this one dies before it has noted that, it leaves the same behind. */
  if (was_abandoned)
    atomic_store (&self->torn, 1);
  return TRUE;
}

/*< private >
 * mp_whole_end:
 * @is_whole: whether all of it was written, or is mended
 */
void
mp_whole_end (MpWhole  *self,
              gboolean  is_whole)
{
  if (is_whole)
    atomic_store (&self->torn, 0);
  mp_short_lock_release (&self->writer);
}
