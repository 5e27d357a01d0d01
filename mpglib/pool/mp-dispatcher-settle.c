/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dispatcher-base-private.h"

/* Acting: chunks are sent to workers, and workers are started and stopped. */

static MpFrame *
make_task_frame (MpTask      *task,
                 MpItemRange  items)
{
  g_autoptr (MpMessage) body = NULL;
  MpFrame *frame;

  if (task->is_map)
    body = mp_items_slice (task->items, items.first, items.count);
  else
    body = g_object_ref (task->arguments);

  frame = mp_frame_new (MP_FRAME_TASK, task->scheduled.serial, items.first, task->target, body);
  if (task->is_map)
    frame->flags |= MP_FRAME_ITEMS;
  if (task->spread)
    frame->flags |= MP_FRAME_SPREAD;
  return frame;
}

/* The frame cannot be sent to anybody: that is how its items end. */
static void
fail_chunk (MpDispatcher       *self,
            const MpAssignment *chunk,
            const GError       *error)
{
  MpTask *task = (MpTask *) chunk->task;

  for (guint64 i = 0; i < chunk->items.count; i++)
    mp_scheduler_answer (&self->scheduler, chunk->worker, task->scheduled.serial, chunk->items.first + i,
                         g_get_monotonic_time ());
  mp_task_fail_range (task, chunk->items, MP_TASK_STATE_FAILED, error);
  mp_dispatcher_look_after_task_locked (self, task);
}

static void
send_chunk (MpDispatcher       *self,
            const MpAssignment *chunk)
{
  MpCrewWorker *worker = (MpCrewWorker *) chunk->worker;
  MpTask *task = (MpTask *) chunk->task;
  g_autoptr (GError) error = NULL;
  MpItemRange dropped;

  mp_crew_worker_set_state (worker, MP_POOL_WORKER_STATE_BUSY);
  worker->n_tasks++;
  mp_dispatcher_announce_workers_locked (self);

  switch (mp_crew_worker_send (worker, make_task_frame (task, chunk->items), &error))
    {
    case MP_IO_DONE:
    case MP_IO_AGAIN:
      mp_dispatcher_begin_task_locked (self, task);
      break;

    case MP_IO_CLOSED:
      /* It has gone and will be reported; until then nobody gives it anything */
      mp_scheduler_give_back (&self->scheduler, chunk->worker, chunk->task->serial, chunk->items.first, &dropped);
      mp_scheduler_retire_worker (&self->scheduler, chunk->worker);
      break;

    case MP_IO_FAILED:
      fail_chunk (self, chunk, error);
      mp_dispatcher_look_after_worker_locked (self, worker);
      break;
    }
}

static void
fail_waiting_tasks (MpDispatcher *self)
{
  g_autoptr (GError) error = g_error_copy (self->crew.failure);

  g_prefix_error (&error, "No worker could be started: ");
  while (!g_queue_is_empty (&self->scheduler.tasks))
    {
      MpTask *task = g_queue_peek_head (&self->scheduler.tasks);

      mp_task_drop_waiting (&self->scheduler, task, MP_TASK_STATE_FAILED, error);
      mp_dispatcher_look_after_task_locked (self, task);
    }
}

/* Nothing is left to do for a pool that takes no more tasks. */
static void
stop_workers (MpDispatcher *self)
{
  for (GList *l = self->crew.workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;

      if (worker->state == MP_POOL_WORKER_STATE_IDLE)
        {
          mp_scheduler_retire_worker (&self->scheduler, &worker->scheduled);
          mp_crew_worker_stop (worker);
        }
      else if (worker->state == MP_POOL_WORKER_STATE_STARTING)
        mp_crew_worker_kill (worker);
    }
}

/* Brings everything in order again after an event. */
void
mp_dispatcher_settle_locked (MpDispatcher *self)
{
  MpAssignment chunk;

  while (mp_scheduler_assign (&self->scheduler, g_get_monotonic_time (), &chunk))
    send_chunk (self, &chunk);

  if (self->is_started && (self->state == MP_POOL_STATE_RUNNING || mp_scheduler_has_waiting (&self->scheduler)) &&
      mp_crew_fill (&self->crew))
    mp_dispatcher_announce_workers_locked (self);

  if (mp_scheduler_has_waiting (&self->scheduler) && mp_crew_is_hopeless (&self->crew))
    fail_waiting_tasks (self);

  if (self->state == MP_POOL_STATE_CLOSING && g_queue_is_empty (&self->tasks))
    stop_workers (self);

  if ((self->state == MP_POOL_STATE_CLOSING || self->state == MP_POOL_STATE_TERMINATING) &&
      g_queue_is_empty (&self->tasks) && mp_crew_is_empty (&self->crew))
    {
      mp_dispatcher_set_state_locked (self, MP_POOL_STATE_ENDED);
      mp_waiters_check_locked (self->joiners);
    }
}
