/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <limits.h>
#include <math.h>

#include "mp-clock-private.h"

/* A deadline beyond this is as good as none, and sums with it cannot overflow. */
#define LAST_DEADLINE (G_MAXINT64 / 2)

/*< private >
 * mp_deadline_from_timeout:
 * @timeout: seconds; 0 never waits, negative waits for ever
 *
 * Returns: the deadline, or %MP_DEADLINE_NEVER.  Not a number is the caller's
 *   mistake and does not wait.
 */
gint64
mp_deadline_from_timeout (gdouble timeout)
{
  gint64 now, usec;

  g_return_val_if_fail (!isnan (timeout), MP_DEADLINE_NOW);

  if (timeout < 0)
    return MP_DEADLINE_NEVER;

  if (timeout == 0)
    return MP_DEADLINE_NOW;

  now = g_get_monotonic_time ();
  if (timeout >= (gdouble) (LAST_DEADLINE - now) / G_USEC_PER_SEC)
    return MP_DEADLINE_NEVER;

  /* Rounded up: a wait may last longer than asked, never shorter. */
  usec = (gint64) (timeout * G_USEC_PER_SEC);
  if ((gdouble) usec < timeout * G_USEC_PER_SEC)
    usec++;

  return now + usec;
}

gboolean
mp_deadline_has_passed (gint64 deadline)
{
  return mp_deadline_get_remaining (deadline) == 0;
}

/*< private >
 * mp_deadline_get_remaining:
 *
 * Returns: microseconds that are left, at least 0, or -1 for ever
 */
gint64
mp_deadline_get_remaining (gint64 deadline)
{
  gint64 remaining;

  if (deadline == MP_DEADLINE_NEVER || deadline == MP_DEADLINE_NOW)
    return deadline;

  /* Not within MAX(), which would read the clock twice, and might give what is over by the second time: for ever. */
  remaining = deadline - g_get_monotonic_time ();
  return MAX (remaining, 0);
}

/*< private >
 * mp_deadline_to_timeout:
 *
 * Returns: what is left, as a timeout for another call of the public API
 */
gdouble
mp_deadline_to_timeout (gint64 deadline)
{
  gint64 remaining = mp_deadline_get_remaining (deadline);

  return remaining < 0 ? -1 : (gdouble) remaining / G_USEC_PER_SEC;
}

/*< private >
 * mp_deadline_to_poll_timeout:
 *
 * Returns: what is left in milliseconds, for poll() and GSource: rounded up, so
 *   that the last millisecond is slept and not spun through
 */
int
mp_deadline_to_poll_timeout (gint64 deadline)
{
  gint64 remaining = mp_deadline_get_remaining (deadline);

  if (remaining < 0)
    return -1;

  return (int) MIN ((remaining + 999) / 1000, INT_MAX);
}

static struct timespec
timespec_from_usec (gint64 usec)
{
  return (struct timespec) {
    .tv_sec = usec / G_USEC_PER_SEC,
    .tv_nsec = (usec % G_USEC_PER_SEC) * 1000,
  };
}

/*< private >
 * mp_deadline_to_timespec:
 * @deadline: a deadline, not %MP_DEADLINE_NEVER
 *
 * Returns: the deadline on CLOCK_MONOTONIC, for calls that take a point in time
 */
struct timespec
mp_deadline_to_timespec (gint64 deadline)
{
  g_assert (deadline >= 0);

  return timespec_from_usec (deadline);
}

/*< private >
 * mp_deadline_to_timespec_remaining:
 * @deadline: a deadline, not %MP_DEADLINE_NEVER
 *
 * Returns: what is left, for calls that take a span of time
 */
struct timespec
mp_deadline_to_timespec_remaining (gint64 deadline)
{
  g_assert (deadline >= 0);

  return timespec_from_usec (mp_deadline_get_remaining (deadline));
}

static gboolean
dispatch_clock (GSource     *source,
                GSourceFunc  func,
                gpointer     data)
{
  return func (data);
}

/*< private >
 * mp_clock_source_new:
 * @name: (not nullable): a constant
 *
 * Makes a source that does nothing but go off at its ready time, which is never at first, and each turn
 * from then on: unlike those of g_timeout_source_new() it can be set to any deadline.
 *
 * Returns: (transfer full): the source
 */
GSource *
mp_clock_source_new (const char  *name,
                     GSourceFunc  func,
                     gpointer     data)
{
  static GSourceFuncs funcs = { .dispatch = dispatch_clock };
  GSource *clock = g_source_new (&funcs, sizeof (GSource));

  g_source_set_static_name (clock, name);
  g_source_set_callback (clock, func, data, NULL);
  return clock;
}
