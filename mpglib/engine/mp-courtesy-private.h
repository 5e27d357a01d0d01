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

G_END_DECLS
