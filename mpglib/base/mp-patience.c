/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-looping.h"
#include "mp-patience-private.h"

#define PATIENCE_OF_LOOPS (250 * G_TIME_SPAN_MILLISECOND)

static _Thread_local MpPatience *innermost;

/*< private >
 * mp_patience_begin:
 * @self: zero at first; of one thread at a time
 *
 * What the calling thread waits until mp_patience_end() is spent of @self, too.
 */
void
mp_patience_begin (MpPatience *self)
{
  self->outer = innermost;
  innermost = self;
}

void
mp_patience_end (MpPatience *self)
{
  g_assert (innermost == self);
  innermost = self->outer;
}

/*< private >
 * mp_patience_hurry_thread:
 *
 * The calling thread serves others, and never waits.
 */
void
mp_patience_hurry_thread (void)
{
  static _Thread_local MpPatience none = MP_PATIENCE_SPENT;

  innermost = &none;
}

/*< private >
 * mp_patience_get_remaining:
 * @most: usec, where nothing was spent
 *
 * Returns: usec that the calling thread may wait now; 0: it must not
 */
gint64
mp_patience_get_remaining (gint64 most)
{
  gint64 remaining = most;

  if (mp_thread_get_looping ())
    remaining = MIN (remaining, PATIENCE_OF_LOOPS);

  most = remaining;
  for (const MpPatience *patience = innermost; patience != NULL; patience = patience->outer)
    remaining = MIN (remaining, most - patience->spent);

  return MAX (remaining, 0);
}

void
mp_patience_spend (gint64 usec)
{
  for (MpPatience *patience = innermost; patience != NULL; patience = patience->outer)
    patience->spent += usec;
}
