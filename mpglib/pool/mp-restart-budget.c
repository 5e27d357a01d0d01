/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-restart-budget-private.h"

static gboolean
is_in_a_row (MpRestartBudget *self,
             gint64           now)
{
  return self->n_fruitless > 0 && now - self->last_fruitless < MP_RESTART_BUDGET_PERIOD;
}

/* Somebody wants work done: try again whatever was before. */
void
mp_restart_budget_renew (MpRestartBudget *self)
{
  *self = (MpRestartBudget) { 0, };
}

void
mp_restart_budget_worker_ready (MpRestartBudget *self)
{
  self->failing = FALSE;
}

void
mp_restart_budget_worker_ended (MpRestartBudget *self,
                                MpWorkerEnd      end,
                                gint64           now)
{
  if (end == MP_WORKER_END_FRUITFUL)
    {
      mp_restart_budget_renew (self);
      return;
    }

  self->n_fruitless = is_in_a_row (self, now) ? self->n_fruitless + 1 : 1;
  self->last_fruitless = now;
  if (end == MP_WORKER_END_FAILED)
    self->failing = TRUE;
}

gboolean
mp_restart_budget_may_start (MpRestartBudget *self,
                             guint            n_ready,
                             gint64           now)
{
  if (self->failing && n_ready == 0)
    return FALSE;

  return self->n_fruitless < MP_RESTART_BUDGET_MAX || !is_in_a_row (self, now);
}
