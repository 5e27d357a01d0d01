/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

#include "mp-doorbell-private.h"

G_BEGIN_DECLS

/* Looks at the object once, in the task's main context, and leaves it in a state in
 * which its bell rings when there may be more to see.
 *
 * Returns: TRUE if the wait is over; with the error set it failed
 */
typedef gboolean (*MpAsyncLook)   (gpointer    object,
                                   gpointer    data,
                                   GError    **error);

/* The time is over, or the wait was cancelled: takes back what the looks have left.
 *
 * Returns: TRUE if what it was for has come all the same, so that it succeeds
 */
typedef gboolean (*MpAsyncGiveUp) (gpointer    object,
                                   gpointer    data);

/* There is more to do, and others have their turn before. */
#define MP_ASYNC_NEXT_NOW 0

/* Likewise, and what was waited for has come already: nobody can cancel it. */
#define MP_ASYNC_NEXT_HAD 1

/* To look again at that time, and not to give up before, even if the time of the wait is over: somebody has what it
 * takes to look for a moment, and it is not known yet whether what is waited for has come.
 */
#define MP_ASYNC_NEXT_IN_ANY_CASE(time) (-(time))

/* After a look that found nothing: when to look again, by g_get_monotonic_time(), though the bell does not ring until
 * then; or MP_DEADLINE_NEVER.
 */
typedef gint64   (*MpAsyncNext)   (gpointer    object,
                                   gpointer    data);

void mp_async_wait_start         (GTask          *task_taken,
                                  MpTable        *table,
                                  MpBell         *bell,
                                  const char     *what,
                                  gdouble         timeout,
                                  MpAsyncLook     look,
                                  MpAsyncGiveUp   give_up,
                                  gpointer        data,
                                  GDestroyNotify  destroy);
void mp_async_wait_start_in_line (GTask          *task_taken,
                                  MpTable        *table,
                                  MpBell         *bell,
                                  gconstpointer   place,
                                  const char     *what,
                                  gdouble         timeout,
                                  MpAsyncLook     look,
                                  MpAsyncNext     next,
                                  MpAsyncGiveUp   give_up,
                                  gpointer        data,
                                  GDestroyNotify  destroy);

G_END_DECLS
