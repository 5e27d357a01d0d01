/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

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
                        guint64  both)
{
  guint32 halves[2];   /* writer, torn */

  memcpy (halves, &both, sizeof halves);
  return halves[1] != 0 ||
         ((halves[0] & MP_OWNER_MASK) != 0 && !mp_participant_is_alive (table, halves[0]));
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
  MpAtomic64 *noting = &self->both;

#ifdef MP_FAULT_FORGET_TORN
  noting = NULL;
#endif

  return mp_short_lock_acquire (table, &self->writer, noting, me, error);
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
