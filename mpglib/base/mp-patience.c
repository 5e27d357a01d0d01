/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-looping.h"
#include "mp-patience-private.h"

_Thread_local MpPatience *mp_patience_innermost;

/* Of a thread that never waits, whose waits do not belong together. */
static _Thread_local MpPatience none = MP_PATIENCE_SPENT;

/*< private >
 * mp_patience_hurry_thread:
 *
 * The calling thread serves others, and never waits.
 */
void
mp_patience_hurry_thread (void)
{
  mp_patience_innermost = &none;
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
    remaining = MIN (remaining, MP_PATIENCE_OF_LOOPS);

  most = remaining;
  for (const MpPatience *patience = mp_patience_innermost; patience != NULL; patience = patience->outer)
    remaining = MIN (remaining, (patience->most > 0 ? MIN (most, patience->most) : most) - patience->spent);

  return MAX (remaining, 0);
}

void
mp_patience_spend (gint64 usec)
{
  for (MpPatience *patience = mp_patience_innermost; patience != NULL; patience = patience->outer)
    patience->spent += usec;
}

/*< private >
 * mp_patience_lend:
 * @usec: what a wait may take though nobody is to blame
 *
 * For a wait that the thread does where its patience is over, too: all of those that share one are
 * together not longer than this.
 *
 * Returns: usec that it may take; what was not needed goes to mp_patience_give_back()
 */
gint64
mp_patience_lend (gint64 usec)
{
  gint64 most = usec;

  for (const MpPatience *patience = mp_patience_innermost; patience != NULL; patience = patience->outer)
    usec = MIN (usec, MAX (most - patience->lent, 0));

  for (MpPatience *patience = mp_patience_innermost; patience != NULL; patience = patience->outer)
    if (patience != &none)
      patience->lent += usec;

  return usec;
}

void
mp_patience_give_back (gint64 usec)
{
  for (MpPatience *patience = mp_patience_innermost; patience != NULL; patience = patience->outer)
    if (patience != &none)
      patience->lent -= usec;
}
