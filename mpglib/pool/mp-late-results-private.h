/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message.h"
#include "mp-pump-private.h"

G_BEGIN_DECLS

/* Takes hold of the shared objects that results bring, when they come: their maker, the worker, may have ended when
 * somebody asks for them.  Where the memory they lie in is in other hands just then, it tries again a moment later,
 * since nobody may be waited for on the pump.
 *
 * Guarded by the pump.
 */
typedef struct
{
  MpPump      *pump;
  GPtrArray   *results;   /* MpMessage: not all of it is held */
  GPtrArray   *spent;     /* GObject: where they go, to be let go of without the lock */
  MpPumpTimer *timer;
  gint64       delay;
  gint64       end;       /* when it is tried for the last time */
} MpLateResults;

void mp_late_results_init         (MpLateResults *self,
                                   MpPump        *pump,
                                   GPtrArray     *spent);
void mp_late_results_clear        (MpLateResults *self);
void mp_late_results_hold_locked  (MpLateResults *self,
                                   MpMessage     *result);

G_END_DECLS
