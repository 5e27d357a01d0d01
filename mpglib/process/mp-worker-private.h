/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-pump-private.h"
#include "mp-transport-private.h"
#include "mp-worker.h"

G_BEGIN_DECLS

/* The channel to the parent.  The role's own loop owns it after mp_worker_ready(). */
MpTransport *mp_worker_get_transport (MpWorker *self);
/* From now on `pump`, which lives as long as the process, serves the channel: all use it with its lock held */
void         mp_worker_set_pump      (MpWorker     *self,
                                      MpPump       *pump);
/* Sends one frame (taken), waiting as long as it takes.  FALSE: the parent's end is closed */
gboolean     mp_worker_send          (MpWorker     *self,
                                      MpFrame      *frame,
                                      GError      **error);
/* An error of the library or of native code; see mp_worker_report() */
void         mp_worker_report_error  (MpWorker     *self,
                                      const GError *error);
/* Whether it has said that the process ends */
gboolean     mp_worker_has_finished  (MpWorker     *self);
/* A child that is not ready yet, or the thread that loads what the child is to run: it must not start children */
gboolean     mp_worker_is_starting   (void);

/* What a native child does in a role that a later layer brings; returns the exit code */
typedef int (*MpRoleFunc) (MpWorker *worker);
void         mp_worker_register_role (MpWorkerRole role,
                                      MpRoleFunc   func);
MpRoleFunc   mp_worker_get_role_func (MpWorkerRole role);

G_END_DECLS
