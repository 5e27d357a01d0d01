/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* mp-engine: the one private thread that serves pumps nobody leads, and that starts child processes (a child's
 * parent-death signal is bound to the thread that started it, and this one never ends).  All signals are
 * blocked in it; it never runs user code, emits a signal, or references or drops a GObject that a language may know.
 * It sleeps without a timeout: an idle program is not woken. */
#pragma once

#include "mp-pump-private.h"

G_BEGIN_DECLS

typedef void (*MpEngineJob) (gpointer data);

/* Runs `job` on the engine thread, no lock held; once a pump is open */
void     mp_engine_run          (MpEngineJob  job,
                                 gpointer     data);
gboolean mp_engine_is_current   (void);

/* For pumps.  The first one starts the thread: START_FAILED where that, or a descriptor, cannot be had */
gboolean mp_engine_add_pump     (int          epoll_fd,
                                 MpPump      *pump,
                                 GError     **error);
void     mp_engine_arm_pump     (int          epoll_fd,
                                 MpPump      *pump,
                                 gboolean     armed);
void     mp_engine_remove_pump  (int          epoll_fd,
                                 MpPump      *pump);
/* For the engine, which finds pumps that may be going: FALSE if this one is */
gboolean mp_pump_try_ref        (MpPump      *self);
/* For the engine: serve without waiting unless somebody leads */
void     mp_pump_serve          (MpPump      *self);

G_END_DECLS
