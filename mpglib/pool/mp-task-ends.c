/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-task-private.h"

/* The ends of items and tasks that no worker has brought about. */

GError *
mp_task_new_cancelled (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The task was cancelled");
}

void
mp_task_fail_range (MpTask       *task,
                    MpItemRange   range,
                    MpTaskState   state,
                    const GError *error)
{
  for (guint64 i = range.first; i < range.first + range.count; i++)
    mp_task_fail_item (task, i, state, g_error_copy (error), NULL);
}

void
mp_task_cancel_range (MpTask      *task,
                      MpItemRange  range)
{
  g_autoptr (GError) error = mp_task_new_cancelled ();

  mp_task_fail_range (task, range, MP_TASK_STATE_CANCELLED, error);
}

/* What comes back of a task of which nothing more is to be begun. */
void
mp_task_end_dropped (MpTask      *task,
                     MpItemRange  range)
{
  if (task->given_up != NULL)
    mp_task_fail_range (task, range, MP_TASK_STATE_FAILED, task->given_up);
  else
    mp_task_cancel_range (task, range);
}

/* Ends all that no worker has of a task. */
void
mp_task_drop_waiting (MpScheduler  *scheduler,
                      MpTask       *task,
                      MpTaskState   state,
                      const GError *error)
{
  g_autoptr (GArray) dropped = g_array_new (FALSE, FALSE, sizeof (MpItemRange));

  mp_scheduler_drop_task (scheduler, &task->scheduled, dropped);
  for (guint i = 0; i < dropped->len; i++)
    mp_task_fail_range (task, g_array_index (dropped, MpItemRange, i), state, error);
}
