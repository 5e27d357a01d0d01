/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-dispatcher-base-private.h"
#include "mp-error.h"
#include "mp-report-private.h"

/* What becomes of workers, and of what they had in hand. */

static void
on_worker_ready (MpCrewWorker *worker,
                 gpointer      data)
{
  MpDispatcher *self = data;

  mp_scheduler_add_worker (&self->scheduler, &worker->scheduled);
  worker->is_scheduled = TRUE;
  mp_dispatcher_announce_workers_locked (self);
  mp_dispatcher_settle_locked (self);
}

static GError *
new_worker_lost (MpCrewWorker       *worker,
                 MpTask             *task,
                 guint64             index,
                 const MpBackendEnd *end)
{
  g_autofree char *name = mp_crew_worker_describe (worker);
  g_autofree char *item = mp_task_describe_item (task, index);

  return g_error_new (MP_ERROR, MP_ERROR_WORKER_LOST, "%s was lost with %s: %s",
                      name, item, worker->offence != NULL ? worker->offence : end->message);
}

/* It ended because it could not load what its task needs. */
static gboolean
has_no_target (const MpBackendEnd *end)
{
  return end->report != NULL && g_error_matches (end->failure, MP_ERROR, MP_ERROR_NO_TARGET);
}

/* Other workers would fare like the one that was lost: all that waits for the
 * target ends.  Tasks that come later try again.
 */
static void
give_up_target (MpDispatcher *self,
                const char   *target,
                const GError *error)
{
  GList *next;

  for (GList *l = self->tasks.head; l != NULL; l = next)
    {
      MpTask *task = l->data;

      next = l->next;
      if (strcmp (task->target, target) != 0)
        continue;

      if (task->scheduled.open || mp_scheduled_task_get_n_waiting (&task->scheduled) > 0)
        {
          g_clear_error (&task->given_up);
          task->given_up = g_error_copy (error);
          mp_task_drop_waiting (&self->scheduler, task, MP_TASK_STATE_FAILED, error);
          mp_dispatcher_look_after_task_locked (self, task);
        }
    }
}

static void
fail_lost_item (MpDispatcher       *self,
                MpCrewWorker       *worker,
                MpTask             *task,
                guint64             lost,
                const MpBackendEnd *end)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpTask) held = mp_task_ref (task);

  if (!has_no_target (end))
    {
      mp_task_fail_item (task, lost, MP_TASK_STATE_WORKER_LOST, new_worker_lost (worker, task, lost, end), NULL);
      mp_dispatcher_look_after_task_locked (self, task);
      return;
    }

  error = mp_report_to_error (end->report, self->is_own, NULL);
  mp_task_fail_item (task, lost, MP_TASK_STATE_FAILED, g_error_copy (error), end->report);
  mp_dispatcher_look_after_task_locked (self, task);
  give_up_target (self, held->target, error);
}

/* The scheduler forgets a worker; whatever it had in hand ends or goes to
 * others.
 */
void
mp_dispatcher_dismiss_worker_locked (MpDispatcher       *self,
                                     MpCrewWorker       *worker,
                                     const MpBackendEnd *end)
{
  MpTask *task = mp_crew_worker_get_task (worker);
  MpItemRange dropped;
  guint64 lost;

  worker->is_scheduled = FALSE;
  if (!mp_scheduler_remove_worker (&self->scheduler, &worker->scheduled, &lost, &dropped))
    return;

  worker->is_fruitful = TRUE;
  mp_crew_worker_set_fraction (worker, task, 0);
  mp_task_end_dropped (task, dropped);
  if (end != NULL)
    {
      fail_lost_item (self, worker, task, lost, end);
      return;
    }

  mp_task_cancel_range (task, (MpItemRange) { lost, 1 });
  mp_dispatcher_look_after_task_locked (self, task);
}

static void
on_worker_gone (MpCrewWorker       *worker,
                const MpBackendEnd *end,
                gpointer            data)
{
  MpDispatcher *self = data;
  gboolean was_told = worker->state == MP_POOL_WORKER_STATE_STOPPING && worker->offence == NULL;

  if (worker->is_scheduled)
    mp_dispatcher_dismiss_worker_locked (self, worker, end);
  if (!was_told)
    mp_dispatcher_announce_lost_worker_locked (self, worker, end);
  mp_dispatcher_announce_workers_locked (self);
}

static void
on_crew_changed (gpointer data)
{
  mp_dispatcher_settle_locked (data);
}

const MpCrewEvents mp_dispatcher_crew_events = {
  on_worker_ready, mp_dispatcher_on_frame_locked, on_worker_gone, on_crew_changed,
};
