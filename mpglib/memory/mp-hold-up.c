/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-hold-up-private.h"
#include "mp-short-lock-private.h"

#define MOMENT             (1 * G_TIME_SPAN_MILLISECOND)
#define MOST_BETWEEN_TRIES (100 * G_TIME_SPAN_MILLISECOND)

/*< private >
 * mp_hold_up_begin_look:
 * @patience: (out): for mp_patience_end() after the look
 */
void
mp_hold_up_begin_look (const MpHoldUp *self,
                       MpPatience     *patience)
{
  const MpPatience moment = { .most = MOMENT }, none = MP_PATIENCE_SPENT;

  *patience = self->since == 0 ? moment : none;
  mp_patience_begin (patience);
}

/*< private >
 * mp_hold_up_note:
 * @has_failed: whether the look has, with the error set; with %MP_ERROR_TIMED_OUT it has done nothing
 * @error: (inout): cleared, if this returns %TRUE
 *
 * Returns: whether it is to be done again at `next_try`
 */
gboolean
mp_hold_up_note (MpHoldUp  *self,
                 gboolean   has_failed,
                 GError   **error)
{
  gint64 now, since = self->since;

  *self = (MpHoldUp) { 0 };
  if (!has_failed || !g_error_matches (*error, MP_ERROR, MP_ERROR_TIMED_OUT))
    return FALSE;

  now = g_get_monotonic_time ();
  self->since = since != 0 ? since : now;
  if (now - self->since >= mp_short_lock_get_patience ())
    return FALSE;

  g_clear_error (error);
  self->next_try = now + CLAMP (now - self->since, MOMENT, MOST_BETWEEN_TRIES);
  return TRUE;
}

/*< private >
 * mp_hold_up_is_new:
 *
 * Returns: whether it is to be looked again, whatever time a wait has: an owner that has to wait for a processor is
 *   not a stopped one, and it is not known what there is
 */
gboolean
mp_hold_up_is_new (const MpHoldUp *self)
{
  return self->next_try != 0 && self->next_try - self->since < MP_PATIENCE_OF_LOOPS;
}
