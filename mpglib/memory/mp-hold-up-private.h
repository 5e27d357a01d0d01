/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-atomic-private.h"
#include "mp-patience-private.h"

G_BEGIN_DECLS

/* What a main loop does about a short lock that somebody else has, where it can look again.
 *
 * Whoever has one has it for less than a microsecond.  If that is not so, and not for a moment later, it has no
 * processor, or is stopped: the loop has other things to do, of maybe a thousand objects, and looks again, less and
 * less often.  Nothing tells of the end of it, since that is the end of a lock.
 *
 *   since     next_try
 *   0         0           it could look, the last time
 *   then      later       it could not; a look waits for a moment only if it is the first one
 *   then      0           likewise, for as long as a thread would wait: it fails
 *
 * Of those that wait in one line only the first looks.  What it finds goes for the others: they have
 * waited as long, and fail when it does, not as long after it.
 */
typedef struct
{
  MpAtomic64 since;  /* monotonic time; 0: the last look was one */
} MpHoldUpLine;

typedef struct
{
  MpHoldUpLine *line;     /* NULL: it waits alone */
  gint64        begun;    /* monotonic time; 0: before anybody in the line was held up */
  gint64        since;    /* likewise */
  gint64        next_try; /* likewise */
} MpHoldUp;

void     mp_hold_up_begin          (MpHoldUp        *self,
                                    MpHoldUpLine    *line);
gboolean mp_hold_up_is_on          (MpHoldUp        *self);
void     mp_hold_up_begin_look     (MpHoldUp        *self,
                                    MpPatience      *patience);
gboolean mp_hold_up_note           (MpHoldUp        *self,
                                    gboolean         has_failed,
                                    GError         **error);
gboolean mp_hold_up_is_new         (const MpHoldUp  *self);

G_END_DECLS
