/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <time.h>

#include <glib.h>

G_BEGIN_DECLS

/* A timeout is what callers give: seconds, 0 never waits, negative waits for
 * ever.  A deadline is what waiting code keeps: microseconds of
 * g_get_monotonic_time(), so that a wait that is begun again after a wake ends
 * when the first would have.
 */
#define MP_DEADLINE_NEVER ((gint64) -1)

/* Begins with the first moment of the clock: has passed whenever asked. */
#define MP_DEADLINE_NOW ((gint64) 0)

gint64          mp_deadline_from_timeout        (gdouble timeout);
gboolean        mp_deadline_has_passed          (gint64  deadline);
gint64          mp_deadline_get_remaining       (gint64  deadline);
gdouble         mp_deadline_to_timeout          (gint64  deadline);
int             mp_deadline_to_poll_timeout     (gint64  deadline);
struct timespec mp_deadline_to_timespec         (gint64  deadline);
struct timespec mp_deadline_to_timespec_remaining (gint64 deadline);

GSource        *mp_clock_source_new             (const char  *name,
                                                 GSourceFunc  func,
                                                 gpointer     data);

G_END_DECLS
