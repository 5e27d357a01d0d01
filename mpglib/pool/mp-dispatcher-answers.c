/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <math.h>

#include "mp-dispatcher-base-private.h"
#include "mp-error.h"
#include "mp-log-private.h"
#include "mp-message-private.h"
#include "mp-report-private.h"

/* What workers say. */

/* It does not keep to the protocol: nothing that it says can be relied on. */
static void
offend (MpDispatcher *self,
        MpCrewWorker *worker,
        const char   *what)
{
  g_autofree char *description = mp_crew_worker_describe (worker);

  worker->offence = g_strdup_printf ("killed, because it %s", what);
  mp_log_subwarning ("%s was %s", description, worker->offence);
  if (worker->scheduled.task == NULL) /* an idle one would be given the next chunk */
    mp_scheduler_retire_worker (&self->scheduler, &worker->scheduled);
  mp_crew_worker_kill (worker);
}

void
mp_crew_worker_set_fraction (MpCrewWorker *worker,
                             MpTask       *task,
                             gdouble       fraction)
{
  task->fraction_running = MAX (0, task->fraction_running + fraction - worker->fraction);
  worker->fraction = fraction;
}

/* When a worker has nothing in hand any more. */
void
mp_dispatcher_look_after_worker_locked (MpDispatcher *self,
                                        MpCrewWorker *worker)
{
  if (worker->scheduled.task != NULL || worker->state != MP_POOL_WORKER_STATE_BUSY)
    return;

  worker->was_cancelled = FALSE;
  mp_crew_worker_set_state (worker, MP_POOL_WORKER_STATE_IDLE);
  mp_dispatcher_announce_workers_locked (self);
  if (self->max_tasks_per_worker > 0 && worker->n_tasks >= self->max_tasks_per_worker)
    {
      mp_scheduler_retire_worker (&self->scheduler, &worker->scheduled);
      mp_crew_worker_stop (worker);
    }
}

/* Returns the task whose item the worker has answered, or NULL if it was not to
 * answer that.
 */
static MpTask *
take_answer (MpDispatcher *self,
             MpCrewWorker *worker,
             MpFrame      *frame)
{
  MpTask *task = mp_crew_worker_get_task (worker);

  if (!mp_scheduler_answer (&self->scheduler, &worker->scheduled, frame->serial, frame->index,
                            g_get_monotonic_time ()))
    {
      offend (self, worker, "answered what it was not asked");
      return NULL;
    }

  worker->is_fruitful = TRUE;
  mp_crew_worker_set_fraction (worker, task, 0);
  return task;
}

/* Serialised, since several threads may ask for it at a time. */
static MpMessage *
new_nothing (void)
{
  MpMessage *nothing = mp_message_new (NULL);

  mp_message_get_wire_codec (nothing);
  mp_message_get_body_bytes (nothing);
  return nothing;
}

static void
on_result (MpDispatcher *self,
           MpCrewWorker *worker,
           MpFrame      *frame)
{
  MpTask *task = take_answer (self, worker, frame);

  if (task == NULL)
    return;

  if (frame->message != NULL)
    mp_late_results_hold_locked (&self->late, frame->message);
  mp_task_end_item (task, frame->index, frame->message != NULL ? g_object_ref (frame->message) : new_nothing ());
  mp_dispatcher_look_after_task_locked (self, task);
  mp_dispatcher_look_after_worker_locked (self, worker);
}

/* Reports are looked at here, since the state depends on them; their type is such
 * that this takes no longer than copying them.
 */
static void
on_error (MpDispatcher *self,
          MpCrewWorker *worker,
          MpFrame      *frame)
{
  g_autoptr (GVariant) report = mp_frame_dup_value (frame, G_VARIANT_TYPE (MP_REPORT_TYPE), NULL);
  MpTaskState state = MP_TASK_STATE_FAILED;
  MpTask *task;
  GError *error;

  if (report == NULL)
    {
      offend (self, worker, "reported an error in no proper form");
      return;
    }

  task = take_answer (self, worker, frame);
  if (task == NULL)
    return;

  error = mp_report_to_error (report, self->is_own, NULL);
  if (task->scheduled.dropped && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    state = MP_TASK_STATE_CANCELLED;
  mp_task_fail_item (task, frame->index, state, error, report);
  mp_dispatcher_look_after_task_locked (self, task);
  mp_dispatcher_look_after_worker_locked (self, worker);
}

static void
on_progress (MpDispatcher *self,
             MpCrewWorker *worker,
             MpFrame      *frame)
{
  g_autoptr (GVariant) value = mp_frame_dup_value (frame, G_VARIANT_TYPE ("(ds)"), NULL);
  MpTask *task = mp_crew_worker_get_task (worker);
  const char *text;
  gdouble fraction;

  if (value == NULL)
    {
      offend (self, worker, "reported progress in no proper form");
      return;
    }

  if (task == NULL || task->scheduled.serial != frame->serial)
    {
      offend (self, worker, "reported progress of what it does not do");
      return;
    }

  g_variant_get (value, "(d&s)", &fraction, &text);
  if (isfinite (fraction))
    mp_crew_worker_set_fraction (worker, task, CLAMP (fraction, 0, 1));
  g_free (task->text);
  task->text = g_strdup (text);
  task->progress_is_new = TRUE;
  mp_dispatcher_announce_task_locked (self, task);
}

/* The worker will not begin the rest of its chunk. */
static void
on_withdrawn (MpDispatcher *self,
              MpCrewWorker *worker,
              MpFrame      *frame)
{
  MpTask *task = mp_crew_worker_get_task (worker);
  MpItemRange dropped;

  if (!worker->was_cancelled ||
      !mp_scheduler_give_back (&self->scheduler, &worker->scheduled, frame->serial, frame->index, &dropped))
    {
      offend (self, worker, "gave back what it does not have");
      return;
    }

  mp_task_end_dropped (task, dropped);
  mp_dispatcher_look_after_task_locked (self, task);
  mp_dispatcher_look_after_worker_locked (self, worker);
}

void
mp_dispatcher_on_frame_locked (MpCrewWorker *worker,
                               MpFrame      *frame,
                               gpointer      data)
{
  MpDispatcher *self = data;

  if (!worker->is_scheduled || worker->state == MP_POOL_WORKER_STATE_STOPPING)
    return;

  switch ((int) frame->kind)
    {
    case MP_FRAME_RESULT:
      on_result (self, worker, frame);
      break;

    case MP_FRAME_ERROR:
      on_error (self, worker, frame);
      break;

    case MP_FRAME_PROGRESS:
      on_progress (self, worker, frame);
      return;

    case MP_FRAME_WITHDRAWN:
      on_withdrawn (self, worker, frame);
      break;

    default:
      offend (self, worker, "sent a frame that is none of a worker's");
    }

  mp_dispatcher_settle_locked (self);
}
