/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dispatcher-base-private.h"
#include "mp-error.h"

/* Tasks come, grow, are cancelled and end. */

/* After something of a task has ended.  The list's reference may be the last
 * one, so the task is not to be used any more.
 */
void
mp_dispatcher_look_after_task_locked (MpDispatcher *self,
                                      MpTask       *task)
{
  if (!mp_scheduled_task_has_ended (&task->scheduled))
    {
      task->progress_is_new = TRUE;
      if (task->is_iterated)
        mp_task_check_waiters (task);
      mp_dispatcher_announce_task_locked (self, task);
      return;
    }

  mp_task_end (task);
  task->state_is_new = TRUE;
  mp_dispatcher_announce_task_locked (self, task);
  g_queue_unlink (&self->tasks, &task->link);
  mp_task_unref (task);
}

/*< private >
 * mp_dispatcher_refuse:
 * @task: a task that was not submitted
 *
 * Ends @task without anybody working on it.
 */
void
mp_dispatcher_refuse (MpTask       *task,
                      const GError *error)
{
  MpScheduler nobody;

  mp_scheduler_init (&nobody);
  mp_task_drop_waiting (&nobody, task, MP_TASK_STATE_FAILED, error);
  mp_task_end (task);
  task->state_is_new = TRUE;
  mp_task_fail_if_empty (task, error);
}
/*< private >
 * mp_dispatcher_submit_locked:
 * @task: a new task
 * @refusal: (nullable): why it is not to be begun
 *
 * Has @task done.  A pool that takes no more tasks ends it at once.
 */
void
mp_dispatcher_submit_locked (MpDispatcher *self,
                             MpTask       *task,
                             const GError *refusal)
{
  g_autoptr (GError) closed = NULL;

  if (self->state != MP_POOL_STATE_RUNNING)
    refusal = closed = g_error_new_literal (MP_ERROR, MP_ERROR_CLOSED, "The pool takes no more tasks");

  if (refusal != NULL)
    {
      mp_dispatcher_refuse (task, refusal);
      mp_dispatcher_announce_task_locked (self, task);
      return;
    }

  self->is_started = TRUE;
  task->spent = g_ptr_array_ref (self->spent);
  task->scheduled.serial = ++self->last_serial;
  if (mp_crew_is_hopeless (&self->crew))
    mp_restart_budget_renew (&self->crew.budget);

  g_queue_push_tail_link (&self->tasks, &mp_task_ref (task)->link);
  mp_scheduler_add_task (&self->scheduler, &task->scheduled);
  if (mp_scheduled_task_has_ended (&task->scheduled))
    mp_dispatcher_look_after_task_locked (self, task);
  mp_dispatcher_settle_locked (self);
}

/*< private >
 * mp_dispatcher_append_locked:
 *
 * Adds an item to a map that grows.
 */
gboolean
mp_dispatcher_append_locked (MpDispatcher  *self,
                             MpTask        *task,
                             MpMessage     *item,
                             GError       **error)
{
  if (!task->scheduled.open)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The map takes no more items");
      return FALSE;
    }

  if (!mp_task_append (task, item, error))
    return FALSE;

  mp_scheduler_add_items (&self->scheduler, &task->scheduled, 1);
  mp_dispatcher_settle_locked (self);
  return TRUE;
}

/*< private >
 * mp_dispatcher_finish_locked:
 *
 * A map that grows gets no more items.
 */
void
mp_dispatcher_finish_locked (MpDispatcher *self,
                             MpTask       *task)
{
  if (!task->scheduled.open)
    return;

  task->scheduled.open = FALSE;
  mp_dispatcher_look_after_task_locked (self, task);
  mp_dispatcher_settle_locked (self);
  mp_pump_changed_locked (self->pump);
}

static void
tell_workers_of_cancellation (MpDispatcher *self,
                              MpTask       *task)
{
  for (GList *l = self->crew.workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;

      if (mp_crew_worker_get_task (worker) != task || worker->was_cancelled)
        continue;

      worker->was_cancelled = TRUE;
      mp_crew_worker_send (worker, mp_frame_new (MP_FRAME_CANCEL, task->scheduled.serial, 0, NULL, NULL), NULL);
    }
}

/*< private >
 * mp_dispatcher_cancel_locked:
 *
 * Ends at once what no worker has of @task, and asks the workers that have some
 * of it to end it.
 */
void
mp_dispatcher_cancel_locked (MpDispatcher *self,
                             MpTask       *task)
{
  g_autoptr (GError) error = NULL;
  guint64 n_ended = task->scheduled.n_ended;

  if (mp_task_has_ended (task))
    return;

  error = mp_task_new_cancelled ();
  mp_task_drop_waiting (&self->scheduler, task, MP_TASK_STATE_CANCELLED, error);
  tell_workers_of_cancellation (self, task);
  /* No news if nothing has ended: who cancels when there is news would have it for ever */
  if (task->scheduled.n_ended != n_ended || mp_scheduled_task_has_ended (&task->scheduled))
    mp_dispatcher_look_after_task_locked (self, task);
  mp_dispatcher_settle_locked (self);
  mp_pump_changed_locked (self->pump);
}
