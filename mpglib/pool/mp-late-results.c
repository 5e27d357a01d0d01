/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-late-results-private.h"
#include "mp-message-private.h"
#include "mp-patience-private.h"

/* Memory is in other hands for no longer than it takes to copy something, unless a process was stopped. */
#define DELAY_MIN 200
#define DELAY_MAX (100 * G_TIME_SPAN_MILLISECOND)
#define LONGEST   (4 * G_TIME_SPAN_SECOND)

/*< private >
 * mp_late_results_init:
 * @pump: (transfer none): outlives this
 * @spent: (transfer none): likewise
 */
void
mp_late_results_init (MpLateResults *self,
                      MpPump        *pump,
                      GPtrArray     *spent)
{
  *self = (MpLateResults) {
    .pump = pump,
    .results = g_ptr_array_new_with_free_func (g_object_unref),
    .spent = spent,
  };
}

/*< private >
 * mp_late_results_clear:
 *
 * Without the lock.
 */
void
mp_late_results_clear (MpLateResults *self)
{
  mp_pump_lock (self->pump);
  if (self->timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->timer));
  mp_pump_unlock (self->pump);
  g_ptr_array_unref (self->results);
}

/* Without waiting for anybody. */
static gboolean
hold_attachments (MpMessage *result)
{
  MpPatience none = MP_PATIENCE_SPENT;
  gboolean is_held;

  mp_patience_begin (&none);
  is_held = mp_message_hold_attachments (result);
  mp_patience_end (&none);
  return is_held;
}

static void try_again (guint32  events,
                       gpointer data);

static void
set_timer (MpLateResults *self)
{
  self->timer = mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + self->delay, try_again, self);
}

static void
try_again (guint32  events,
           gpointer data)
{
  MpLateResults *self = data;
  gboolean is_over = g_get_monotonic_time () > self->end;

  for (guint i = self->results->len; i > 0; i--)
    if (hold_attachments (self->results->pdata[i - 1]) || is_over)
      g_ptr_array_add (self->spent, g_ptr_array_steal_index_fast (self->results, i - 1));

  self->timer = NULL;
  self->delay = MIN (2 * self->delay, DELAY_MAX);
  if (self->results->len > 0)
    set_timer (self);
}

/*< private >
 * mp_late_results_hold_locked:
 * @result: what a worker sent
 */
void
mp_late_results_hold_locked (MpLateResults *self,
                             MpMessage     *result)
{
  if (hold_attachments (result))
    return;

  g_ptr_array_add (self->results, g_object_ref (result));
  self->delay = DELAY_MIN;
  self->end = g_get_monotonic_time () + LONGEST;
  if (self->timer == NULL)
    set_timer (self);
}
