/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Sources of a lower priority, such as the redraws of a user interface, have a turn though messages come faster
 * than they are worked off: a main loop goes on to those only when nothing of a higher priority is ready.  That goes
 * down to G_PRIORITY_LOW.
 *
 *   at ease: all run
 *   one of ours runs, 10 ms after the first that did: a source of the lowest priority is made ready
 *   that has run: all others had a turn; at ease again
 *   10 ms, and it has not: ours have the lowest priority, too, or are not ready, until it has
 *   20 ms more, and it has not, since something else is always ready: ours have theirs again, for 10 ms at least
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean mp_courtesy_may_run    (GSource      *source);
gboolean mp_courtesy_wants_rest (GSource      *source,
                                 guint        *rest);
void     mp_courtesy_destroy    (GMainContext *context,
                                 GSource      *source);

/* What one source does of many things in a turn of the loop.  One thing a turn would have GLib look at all sources of
 * the context for each, and all of them would keep other sources from their turn.
 */
typedef struct
{
  guint  n_left;
  gint64 end;
} MpPortion;

#define MP_PORTION_MOST 256

static inline MpPortion
mp_portion_begin (void)
{
  return (MpPortion) { MP_PORTION_MOST, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND };
}

/* Before each thing but the first: whether it still is of this turn. */
static inline gboolean
mp_portion_goes_on (MpPortion *self)
{
  return --self->n_left > 0 && g_get_monotonic_time () < self->end;
}

G_END_DECLS
