/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether a worker that ended is replaced.
 *
 * A worker that ended after it had done something, be it that it lost an item,
 * is always replaced: a task pays for each such death, so they are as many as
 * there is work.  What must not happen is that workers are started for ever
 * that end without a result:
 *
 *     FRUITFUL  it answered or lost an item: replaced, all is forgiven
 *     KILLED    fruitless, by a signal: somebody's accident; replaced, but only
 *               a few times in a row
 *     FAILED    fruitless, and it told why, or was killed because it was not
 *               ready in time: the next one will not do better.  Nothing is
 *               started while no other worker shows that it can be done.
 *
 * Fruitless ends are in a row if less than a second lies between them.
 */
#define MP_RESTART_BUDGET_MAX    8
#define MP_RESTART_BUDGET_PERIOD G_USEC_PER_SEC

typedef enum
{
  MP_WORKER_END_FRUITFUL,
  MP_WORKER_END_KILLED,
  MP_WORKER_END_FAILED,
} MpWorkerEnd;

typedef struct
{
  guint n_fruitless;
  gint64 last_fruitless; /* microseconds */
  gboolean failing;
} MpRestartBudget;

void     mp_restart_budget_renew        (MpRestartBudget *self);
void     mp_restart_budget_worker_ready (MpRestartBudget *self);
void     mp_restart_budget_worker_ended (MpRestartBudget *self,
                                         MpWorkerEnd      end,
                                         gint64           now);
gboolean mp_restart_budget_may_start    (MpRestartBudget *self,
                                         guint            n_ready,
                                         gint64           now);

G_END_DECLS
