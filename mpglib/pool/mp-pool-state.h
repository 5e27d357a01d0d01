/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <glib.h>

#include "mp-version.h"

G_BEGIN_DECLS

/**
 * MpPoolState:
 * @MP_POOL_STATE_RUNNING: it takes tasks
 * @MP_POOL_STATE_CLOSING: it takes no more tasks, works off those it has, and then ends its workers
 * @MP_POOL_STATE_TERMINATING: it has cancelled its tasks and waits for its workers to be gone
 * @MP_POOL_STATE_ENDED: all its workers are gone
 *
 * Where a pool is in its life.
 *
 * Since: 1.0
 */
typedef enum
{
  MP_POOL_STATE_RUNNING,
  MP_POOL_STATE_CLOSING,
  MP_POOL_STATE_TERMINATING,
  MP_POOL_STATE_ENDED,
} MpPoolState;

/**
 * MpPoolWorkerState:
 * @MP_POOL_WORKER_STATE_STARTING: it has been started and is not ready yet
 * @MP_POOL_WORKER_STATE_IDLE: it waits for work
 * @MP_POOL_WORKER_STATE_BUSY: it runs a task
 * @MP_POOL_WORKER_STATE_STOPPING: it was told to end, or killed
 * @MP_POOL_WORKER_STATE_GONE: it is gone
 *
 * What a worker of a pool does.
 *
 * Since: 1.0
 */
typedef enum
{
  MP_POOL_WORKER_STATE_STARTING,
  MP_POOL_WORKER_STATE_IDLE,
  MP_POOL_WORKER_STATE_BUSY,
  MP_POOL_WORKER_STATE_STOPPING,
  MP_POOL_WORKER_STATE_GONE,
} MpPoolWorkerState;

G_END_DECLS
