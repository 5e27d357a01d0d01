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
 * MpTaskState:
 * @MP_TASK_STATE_PENDING: no worker has begun it
 * @MP_TASK_STATE_RUNNING: a worker has it
 * @MP_TASK_STATE_DONE: it ended with a result
 * @MP_TASK_STATE_FAILED: it ended with an error: its own, or one that kept it from running
 * @MP_TASK_STATE_CANCELLED: it was cancelled, or its pool was terminated
 * @MP_TASK_STATE_TIMED_OUT: reserved for tasks that take longer than they were given. Nothing gives a task a
 *   time yet, so none ends like this: the timeouts of waits end the waits alone
 * @MP_TASK_STATE_WORKER_LOST: the worker that ran it died
 *
 * Where a task of a pool is. It is pending, then running, and then for good in
 * one of the other states.
 *
 * Since: 1.0
 */
typedef enum
{
  MP_TASK_STATE_PENDING,
  MP_TASK_STATE_RUNNING,
  MP_TASK_STATE_DONE,
  MP_TASK_STATE_FAILED,
  MP_TASK_STATE_CANCELLED,
  MP_TASK_STATE_TIMED_OUT,
  MP_TASK_STATE_WORKER_LOST,
} MpTaskState;

G_END_DECLS
