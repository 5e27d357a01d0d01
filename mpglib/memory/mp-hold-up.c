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
 * mp_hold_up_begin:
 * @line: of those that it waits with, any number of which may look at once
 */
void
mp_hold_up_begin (MpHoldUp     *self,
                  MpHoldUpLine *line)
{
  gboolean is_on = atomic_load_explicit (&line->since, memory_order_relaxed) != 0;

  *self = (MpHoldUp) { .line = line, .begun = is_on ? g_get_monotonic_time () : 0 };
}

static void
learn (MpHoldUp *self)
{
  gint64 since;

  if (self->line == NULL || self->since != 0)
    return;

  since = (gint64) atomic_load_explicit (&self->line->since, memory_order_relaxed);
  if (since != 0)
    self->since = MAX (since, self->begun);
}

static void
tell (const MpHoldUp *self)
{
  guint64 since = (guint64) self->since;

  if (self->line != NULL && atomic_load_explicit (&self->line->since, memory_order_relaxed) != since)
    atomic_store_explicit (&self->line->since, since, memory_order_relaxed);
}

/*< private >
 * mp_hold_up_is_on:
 *
 * For who gives up: whether it is not known what there is, since whoever was to look could not.
 */
gboolean
mp_hold_up_is_on (MpHoldUp *self)
{
  learn (self);
  return self->since != 0;
}

/*< private >
 * mp_hold_up_begin_look:
 * @patience: (out): for mp_patience_end() after the look
 */
void
mp_hold_up_begin_look (MpHoldUp   *self,
                       MpPatience *patience)
{
  const MpPatience moment = { .most = MOMENT }, none = MP_PATIENCE_SPENT;

  learn (self);
  *patience = self->since == 0 ? moment : none;
  mp_patience_begin (patience);
}

static gboolean
look_again_in_time (MpHoldUp *self,
                    gint64    now)
{
  gint64 age = now - self->since;

  if (age >= mp_short_lock_get_patience ())
    return FALSE;

  self->next_try = now + CLAMP (age, MOMENT, MOST_BETWEEN_TRIES);
  return TRUE;
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
  gboolean is_on = has_failed && g_error_matches (*error, MP_ERROR, MP_ERROR_TIMED_OUT);
  gint64 now = is_on ? g_get_monotonic_time () : 0;

  self->next_try = 0;
  if (!is_on || self->since == 0)
    self->since = now;
  tell (self);
  if (!is_on || !look_again_in_time (self, now))
    return FALSE;

  g_clear_error (error);
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
