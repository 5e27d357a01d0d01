/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-pool-state.h"

G_BEGIN_DECLS

#define MP_TYPE_POOL_WORKER (mp_pool_worker_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpPoolWorker, mp_pool_worker, MP, POOL_WORKER, GObject)

MP_AVAILABLE_IN_1_0
const char        *mp_pool_worker_get_name    (MpPoolWorker *self);
MP_AVAILABLE_IN_1_0
int                mp_pool_worker_get_pid     (MpPoolWorker *self);
MP_AVAILABLE_IN_1_0
MpPoolWorkerState  mp_pool_worker_get_state   (MpPoolWorker *self);
MP_AVAILABLE_IN_1_0
guint              mp_pool_worker_get_n_tasks (MpPoolWorker *self);
MP_AVAILABLE_IN_1_0
char              *mp_pool_worker_to_string   (MpPoolWorker *self);

G_END_DECLS
