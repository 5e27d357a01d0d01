/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-scheduler-private.h"

/* A tuned chunk is to take this long: long beside the microseconds that a
 * frame costs, short beside what somebody notices at the end of a map.
 */
#define CHUNK_TIME (5 * G_GINT64_CONSTANT (1000000)) /* nanoseconds */

/* And each worker gets at least so many chunks of what waits, so that chunks
 * become smaller towards the end and all workers finish together.
 */
#define CHUNKS_PER_WORKER 4

/* --- tasks ------------------------------------------------------------------------------------------------ */

void
mp_scheduled_task_init (MpScheduledTask *self,
                        guint64          serial,
                        guint64          n_items,
                        guint            chunk_size)
{
  *self = (MpScheduledTask) {
    .serial = serial,
    .n_items = n_items,
    .chunk_size = chunk_size,
  };
  self->link.data = self;
}

void
mp_scheduled_task_clear (MpScheduledTask *self)
{
  g_assert (!self->queued);
  g_clear_pointer (&self->returned, g_array_unref);
}

gboolean
mp_scheduled_task_has_ended (MpScheduledTask *self)
{
  return !self->open && self->n_ended == self->n_items;
}

guint64
mp_scheduled_task_get_n_waiting (MpScheduledTask *self)
{
  return self->n_items - self->next + self->n_returned;
}

static void
queue_task (MpScheduler     *self,
            MpScheduledTask *task,
            gboolean         at_head)
{
  if (task->queued || mp_scheduled_task_get_n_waiting (task) == 0)
    return;

  task->queued = TRUE;
  if (at_head)
    g_queue_push_head_link (&self->tasks, &task->link);
  else
    g_queue_push_tail_link (&self->tasks, &task->link);
}

static void
unqueue_task (MpScheduler     *self,
              MpScheduledTask *task)
{
  if (!task->queued)
    return;

  task->queued = FALSE;
  g_queue_unlink (&self->tasks, &task->link);
}

void
mp_scheduler_add_task (MpScheduler     *self,
                       MpScheduledTask *task)
{
  queue_task (self, task, FALSE);
}

/* Lazy input. */
void
mp_scheduler_add_items (MpScheduler     *self,
                        MpScheduledTask *task,
                        guint64          n_items)
{
  g_assert (task->open);

  task->n_items += n_items;
  queue_task (self, task, FALSE);
}

/*< private >
 * mp_scheduler_drop_task:
 * @dropped: (element-type MpItemRange): where the items go that end by this
 *
 * Ends what waits of @task.  What a worker has in hand is unaffected, but is not
 * assigned again when it is given back.
 */
void
mp_scheduler_drop_task (MpScheduler     *self,
                        MpScheduledTask *task,
                        GArray          *dropped)
{
  MpItemRange rest = { task->next, task->n_items - task->next };

  task->n_ended += mp_scheduled_task_get_n_waiting (task);
  if (task->returned != NULL)
    g_array_append_vals (dropped, task->returned->data, task->returned->len);
  if (rest.count > 0)
    g_array_append_val (dropped, rest);

  g_clear_pointer (&task->returned, g_array_unref);
  task->n_returned = 0;
  task->next = task->n_items;
  task->dropped = TRUE;
  task->open = FALSE;
  unqueue_task (self, task);
}

/* --- workers ---------------------------------------------------------------------------------------------- */

static void
set_idle (MpScheduler       *self,
          MpScheduledWorker *worker,
          gboolean           idle)
{
  if (worker->idle == idle)
    return;

  worker->idle = idle;
  if (idle)
    g_queue_push_head_link (&self->idle_workers, &worker->link);
  else
    g_queue_unlink (&self->idle_workers, &worker->link);
}

/*< private >
 * mp_scheduler_add_worker:
 * @worker: a worker that is ready for its first chunk
 */
void
mp_scheduler_add_worker (MpScheduler       *self,
                         MpScheduledWorker *worker)
{
  *worker = (MpScheduledWorker) { .link.data = worker };
  self->n_workers++;
  set_idle (self, worker, TRUE);
}

/* The items [@first, end) of the chunk have not been begun: they wait again, or
 * end if nobody wants them any more.
 */
static void
take_back (MpScheduler       *self,
           MpScheduledWorker *worker,
           guint64            first,
           MpItemRange       *dropped)
{
  MpScheduledTask *task = worker->task;
  MpItemRange range = { first, worker->end - first };

  worker->end = first;
  *dropped = (MpItemRange) { 0, 0 };
  if (range.count == 0)
    return;

  if (task->dropped)
    {
      task->n_ended += range.count;
      *dropped = range;
      return;
    }

  if (task->returned == NULL)
    task->returned = g_array_new (FALSE, FALSE, sizeof (MpItemRange));
  g_array_append_val (task->returned, range);
  task->n_returned += range.count;
  queue_task (self, task, TRUE);
}

/*< private >
 * mp_scheduler_remove_worker:
 * @worker: a worker that was added and has ended
 * @lost: (out): the item that it was running
 * @dropped: (out): items that end because their task was dropped
 *
 * Returns: whether an item was lost: it has ended now
 */
gboolean
mp_scheduler_remove_worker (MpScheduler       *self,
                            MpScheduledWorker *worker,
                            guint64           *lost,
                            MpItemRange       *dropped)
{
  MpScheduledTask *task = worker->task;

  *dropped = (MpItemRange) { 0, 0 };
  set_idle (self, worker, FALSE);
  self->n_workers--;
  if (task == NULL)
    return FALSE;

  *lost = worker->next;
  task->n_ended++;
  take_back (self, worker, worker->next + 1, dropped);
  worker->task = NULL;
  return TRUE;
}

/*< private >
 * mp_scheduler_retire_worker:
 * @worker: an idle worker
 *
 * Takes care that @worker is given nothing more.
 */
void
mp_scheduler_retire_worker (MpScheduler       *self,
                            MpScheduledWorker *worker)
{
  g_assert (worker->task == NULL);

  set_idle (self, worker, FALSE);
}

static void
end_chunk_if_done (MpScheduler       *self,
                   MpScheduledWorker *worker)
{
  if (worker->next < worker->end)
    return;

  worker->task = NULL;
  set_idle (self, worker, TRUE);
}

/* --- who does what ---------------------------------------------------------------------------------------- */

void
mp_scheduler_init (MpScheduler *self)
{
  *self = (MpScheduler) { .tasks = G_QUEUE_INIT, .idle_workers = G_QUEUE_INIT };
}

gboolean
mp_scheduler_has_waiting (MpScheduler *self)
{
  return !g_queue_is_empty (&self->tasks);
}

static guint64
choose_chunk_size (MpScheduler     *self,
                   MpScheduledTask *task)
{
  guint64 share = (guint64) CHUNKS_PER_WORKER * self->n_workers;
  guint64 most;

  if (task->chunk_size > 0)
    return task->chunk_size;

  /* The first items measure. */
  if (task->item_time == 0)
    return 1;

  most = (mp_scheduled_task_get_n_waiting (task) + share - 1) / share;
  return CLAMP ((guint64) (CHUNK_TIME / task->item_time), 1, most);
}

static MpItemRange
take_items (MpScheduledTask *task,
            guint64          count)
{
  MpItemRange *last, items;

  if (task->n_returned == 0)
    {
      items.first = task->next;
      items.count = MIN (count, task->n_items - task->next);
      task->next += items.count;
      return items;
    }

  last = &g_array_index (task->returned, MpItemRange, task->returned->len - 1);
  items.first = last->first;
  items.count = MIN (count, last->count);
  last->first += items.count;
  last->count -= items.count;
  if (last->count == 0)
    g_array_set_size (task->returned, task->returned->len - 1);
  task->n_returned -= items.count;
  return items;
}

/*< private >
 * mp_scheduler_assign:
 * @now: the time, in microseconds
 * @assignment: (out): who is to run what
 *
 * Returns: %FALSE if there is nothing to do, or nobody to do it
 */
gboolean
mp_scheduler_assign (MpScheduler  *self,
                     gint64        now,
                     MpAssignment *assignment)
{
  MpScheduledWorker *worker = g_queue_peek_head (&self->idle_workers);
  MpScheduledTask *task = g_queue_peek_head (&self->tasks);
  MpItemRange items;

  if (worker == NULL || task == NULL)
    return FALSE;

  items = take_items (task, choose_chunk_size (self, task));
  if (mp_scheduled_task_get_n_waiting (task) == 0)
    unqueue_task (self, task);

  set_idle (self, worker, FALSE);
  worker->task = task;
  worker->first = worker->next = items.first;
  worker->end = items.first + items.count;
  worker->since = now;

  *assignment = (MpAssignment) { worker, task, items };
  return TRUE;
}

/* A whole chunk is measured, because answers of short items come in bunches. */
static void
measure (MpScheduledWorker *worker,
         gint64             now)
{
  guint64 count = worker->end - worker->first;
  gint64 sample = MAX (1, (now - worker->since) * 1000 / (gint64) count);
  gint64 *item_time = &worker->task->item_time;

  *item_time = *item_time == 0 ? sample : (*item_time * 3 + sample) / 4;
}

/*< private >
 * mp_scheduler_answer:
 * @serial: task that the worker says it has answered
 * @index: item that the worker says it has answered
 * @now: the time, in microseconds
 *
 * Ends an item that @worker has run.
 *
 * Returns: %FALSE if that is not what the worker was to answer next; nothing
 *   has changed then
 */
gboolean
mp_scheduler_answer (MpScheduler       *self,
                     MpScheduledWorker *worker,
                     guint64            serial,
                     guint64            index,
                     gint64             now)
{
  MpScheduledTask *task = worker->task;

  if (task == NULL || task->serial != serial || worker->next != index)
    return FALSE;

  task->n_ended++;
  worker->next++;
  if (worker->next == worker->end)
    measure (worker, now);
  end_chunk_if_done (self, worker);
  return TRUE;
}

/*< private >
 * mp_scheduler_give_back:
 * @serial: task that the worker gives back
 * @index: first item that it will not begin
 * @dropped: (out): items that end because the task was dropped
 *
 * Takes from @worker what it has not begun of its chunk.
 *
 * Returns: %FALSE if @worker does not have that; nothing has changed then
 */
gboolean
mp_scheduler_give_back (MpScheduler       *self,
                        MpScheduledWorker *worker,
                        guint64            serial,
                        guint64            index,
                        MpItemRange       *dropped)
{
  *dropped = (MpItemRange) { 0, 0 };
  if (worker->task == NULL || worker->task->serial != serial || index < worker->next || index > worker->end)
    return FALSE;

  take_back (self, worker, index, dropped);
  end_chunk_if_done (self, worker);
  return TRUE;
}
