/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <math.h>
#include <string.h>

#include "mp-crew-private.h"
#include "mp-dispatcher-private.h"
#include "mp-error.h"
#include "mp-late-results-private.h"
#include "mp-launcher-private.h"
#include "mp-log-private.h"
#include "mp-message-private.h"
#include "mp-origin-private.h"
#include "mp-report-private.h"

/* Lost workers that nobody has been told of yet: a program that never runs its
 * main context does not pile them up.
 */
#define LOST_MAX 64

/* What the outbox holds.  It can be made void, since the outbox of a context that
 * never runs holds what it has for ever.
 */
typedef struct
{
  gatomicrefcount refs;
  MpDispatcher *dispatcher; /* atomic: a reference, until it is delivered or made void */
} Letter;

struct _MpDispatcher
{
  gatomicrefcount refs;
  /* constant */
  MpPump *pump;
  MpOutbox *outbox;
  MpOutboxFunc deliver;
  guint max_tasks_per_worker; /* 0: no end */
  gboolean is_own;     /* the workers are this very program */

  /* guarded by the pump */
  gpointer owner;
  GWeakRef weak_owner; /* the same, to be had without the lock */
  MpPoolState state;
  gboolean is_started; /* there was a first task */
  guint64 last_serial;
  MpScheduler scheduler;
  MpCrew crew;
  GQueue tasks;        /* MpTask, not ended: a reference each */
  MpWaiters *joiners;
  GQueue news_tasks;   /* MpTask with news: a reference each */
  MpNews news;
  gboolean workers_are_watched; /* somebody has a list of them */
  MpLateResults late;
  GPtrArray *spent; /* GObject, which languages may know: for the user's threads to let go of */
  Letter *letter;  /* on its way to the main context, because of news */
};

static void settle (MpDispatcher *self);

/* --- news ------------------------------------------------------------------------------------------------- */

static void
letter_unref (gpointer data)
{
  Letter *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_clear_pointer (&self->dispatcher, mp_dispatcher_unref);
  g_free (self);
}

static void
letter_deliver (gpointer data)
{
  Letter *self = data;
  g_autoptr (MpDispatcher) dispatcher = g_atomic_pointer_exchange (&self->dispatcher, NULL);

  if (dispatcher != NULL)
    dispatcher->deliver (dispatcher);
}

/* One letter a turn of the main loop, however much there is to tell. */
static void
announce (MpDispatcher *self)
{
  if (self->letter != NULL)
    return;

  self->letter = g_new0 (Letter, 1);
  g_atomic_ref_count_init (&self->letter->refs);
  self->letter->dispatcher = mp_dispatcher_ref (self);
  g_atomic_ref_count_inc (&self->letter->refs);
  mp_outbox_post (self->outbox, letter_deliver, self->letter, letter_unref);
}

static void
announce_task (MpDispatcher *self,
               MpTask       *task)
{
  if (task->result == NULL)
    return;

  if (!task->is_listed)
    {
      task->is_listed = TRUE;
      mp_task_ref (task);
      g_queue_push_tail_link (&self->news_tasks, &task->news_link);
    }
  announce (self);
}

/* Whether somebody wants to know of states on the way to the end.  Who asks for
 * the state after having begun to listen misses nothing.
 */
static gboolean
state_is_watched (gpointer result)
{
  guint signal_id = g_signal_lookup ("notify", G_TYPE_OBJECT);

  return result != NULL && g_signal_handler_find (result, G_SIGNAL_MATCH_ID, signal_id, 0, NULL, NULL, NULL) != 0;
}

static void
begin_task (MpDispatcher *self,
            MpTask       *task)
{
  if (task->begun)
    return;

  task->begun = TRUE;
  task->state_is_new = TRUE;
  if (state_is_watched (task->result))
    announce_task (self, task);
}

static void
announce_workers (MpDispatcher *self)
{
  self->news.workers_changed = TRUE;
  if (self->workers_are_watched)
    announce (self);
}

void
mp_lost_worker_free (MpLostWorker *self)
{
  g_free (self->message);
  g_free (self);
}

static void
announce_lost_worker (MpDispatcher       *self,
                      MpCrewWorker       *worker,
                      const MpBackendEnd *end)
{
  MpLostWorker *lost = g_new (MpLostWorker, 1);

  lost->pid = mp_crew_worker_get_pid (worker);
  lost->exit_code = end->exit_code;
  lost->message = g_strdup (worker->offence != NULL ? worker->offence
                            : end->failure != NULL ? end->failure->message
                                                   : end->message);
  g_queue_push_tail (&self->news.lost, lost);
  if (g_queue_get_length (&self->news.lost) > LOST_MAX)
    mp_lost_worker_free (g_queue_pop_head (&self->news.lost));
  announce (self);
}

static void
set_state (MpDispatcher *self,
           MpPoolState   state)
{
  self->state = state;
  self->news.state_changed = TRUE;
  announce (self);
}

/*< private >
 * mp_dispatcher_take_news_locked:
 *
 * Returns: (transfer full): what is new, but for the tasks'; those are still to
 *   be taken
 */
MpNews
mp_dispatcher_take_news_locked (MpDispatcher *self)
{
  MpNews news = self->news;

  self->news = (MpNews) { .lost = G_QUEUE_INIT };
  g_clear_pointer (&self->letter, letter_unref);
  return news;
}

/*< private >
 * mp_dispatcher_peek_task_news_locked:
 *
 * Returns: (transfer none) (element-type MpTask): the tasks with news
 */
GQueue *
mp_dispatcher_peek_task_news_locked (MpDispatcher *self)
{
  return &self->news_tasks;
}

/*< private >
 * mp_dispatcher_take_task_news_locked:
 * @task: a task that the caller has a reference to
 *
 * Takes a task off the list of those with news, if it is there.
 */
void
mp_dispatcher_take_task_news_locked (MpDispatcher *self,
                                     MpTask       *task)
{
  if (!task->is_listed)
    return;

  task->is_listed = FALSE;
  g_queue_unlink (&self->news_tasks, &task->news_link);
  mp_task_unref (task);
}

/* --- ends of items and tasks ------------------------------------------------------------------------------ */

static GError *
new_cancelled (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The task was cancelled");
}

static void
fail_range (MpTask       *task,
            MpItemRange   range,
            MpTaskState   state,
            const GError *error)
{
  for (guint64 i = range.first; i < range.first + range.count; i++)
    mp_task_fail_item (task, i, state, g_error_copy (error), NULL);
}

static void
cancel_range (MpTask      *task,
              MpItemRange  range)
{
  g_autoptr (GError) error = new_cancelled ();

  fail_range (task, range, MP_TASK_STATE_CANCELLED, error);
}

/* What comes back of a task of which nothing more is to be begun. */
static void
end_dropped (MpTask      *task,
             MpItemRange  range)
{
  if (task->given_up != NULL)
    fail_range (task, range, MP_TASK_STATE_FAILED, task->given_up);
  else
    cancel_range (task, range);
}

/* Ends all that no worker has of a task. */
static void
drop_waiting (MpScheduler  *scheduler,
              MpTask       *task,
              MpTaskState   state,
              const GError *error)
{
  g_autoptr (GArray) dropped = g_array_new (FALSE, FALSE, sizeof (MpItemRange));

  mp_scheduler_drop_task (scheduler, &task->scheduled, dropped);
  for (guint i = 0; i < dropped->len; i++)
    fail_range (task, g_array_index (dropped, MpItemRange, i), state, error);
}

/* After something of a task has ended.  The list's reference may be the last
 * one, so the task is not to be used any more.
 */
static void
look_after_task (MpDispatcher *self,
                 MpTask       *task)
{
  if (!mp_scheduled_task_has_ended (&task->scheduled))
    {
      task->progress_is_new = TRUE;
      if (task->is_iterated)
        mp_task_check_waiters (task);
      announce_task (self, task);
      return;
    }

  mp_task_end (task);
  task->state_is_new = TRUE;
  announce_task (self, task);
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
  drop_waiting (&nobody, task, MP_TASK_STATE_FAILED, error);
  mp_task_end (task);
  task->state_is_new = TRUE;
  mp_task_fail_if_empty (task, error);
}

/* --- what workers say ------------------------------------------------------------------------------------- */

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

static MpTask *
get_task (MpCrewWorker *worker)
{
  return (MpTask *) worker->scheduled.task;
}

static void
set_fraction (MpCrewWorker *worker,
              MpTask       *task,
              gdouble       fraction)
{
  task->fraction_running = MAX (0, task->fraction_running + fraction - worker->fraction);
  worker->fraction = fraction;
}

/* When a worker has nothing in hand any more. */
static void
look_after_worker (MpDispatcher *self,
                   MpCrewWorker *worker)
{
  if (worker->scheduled.task != NULL || worker->state != MP_POOL_WORKER_STATE_BUSY)
    return;

  worker->was_cancelled = FALSE;
  mp_crew_worker_set_state (worker, MP_POOL_WORKER_STATE_IDLE);
  announce_workers (self);
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
  MpTask *task = get_task (worker);

  if (!mp_scheduler_answer (&self->scheduler, &worker->scheduled, frame->serial, frame->index,
                            g_get_monotonic_time ()))
    {
      offend (self, worker, "answered what it was not asked");
      return NULL;
    }

  worker->is_fruitful = TRUE;
  set_fraction (worker, task, 0);
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
  look_after_task (self, task);
  look_after_worker (self, worker);
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
  look_after_task (self, task);
  look_after_worker (self, worker);
}

static void
on_progress (MpDispatcher *self,
             MpCrewWorker *worker,
             MpFrame      *frame)
{
  g_autoptr (GVariant) value = mp_frame_dup_value (frame, G_VARIANT_TYPE ("(ds)"), NULL);
  MpTask *task = get_task (worker);
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
    set_fraction (worker, task, CLAMP (fraction, 0, 1));
  g_free (task->text);
  task->text = g_strdup (text);
  task->progress_is_new = TRUE;
  announce_task (self, task);
}

/* The worker will not begin the rest of its chunk. */
static void
on_withdrawn (MpDispatcher *self,
              MpCrewWorker *worker,
              MpFrame      *frame)
{
  MpTask *task = get_task (worker);
  MpItemRange dropped;

  if (!worker->was_cancelled ||
      !mp_scheduler_give_back (&self->scheduler, &worker->scheduled, frame->serial, frame->index, &dropped))
    {
      offend (self, worker, "gave back what it does not have");
      return;
    }

  end_dropped (task, dropped);
  look_after_task (self, task);
  look_after_worker (self, worker);
}

static void
on_worker_frame (MpCrewWorker *worker,
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

  settle (self);
}

/* --- what becomes of workers ------------------------------------------------------------------------------ */

static void
on_worker_ready (MpCrewWorker *worker,
                 gpointer      data)
{
  MpDispatcher *self = data;

  mp_scheduler_add_worker (&self->scheduler, &worker->scheduled);
  worker->is_scheduled = TRUE;
  announce_workers (self);
  settle (self);
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
          drop_waiting (&self->scheduler, task, MP_TASK_STATE_FAILED, error);
          look_after_task (self, task);
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
      look_after_task (self, task);
      return;
    }

  error = mp_report_to_error (end->report, self->is_own, NULL);
  mp_task_fail_item (task, lost, MP_TASK_STATE_FAILED, g_error_copy (error), end->report);
  look_after_task (self, task);
  give_up_target (self, held->target, error);
}

/* The scheduler forgets a worker; whatever it had in hand ends or goes to
 * others.
 */
static void
dismiss_worker (MpDispatcher       *self,
                MpCrewWorker       *worker,
                const MpBackendEnd *end)
{
  MpTask *task = get_task (worker);
  MpItemRange dropped;
  guint64 lost;

  worker->is_scheduled = FALSE;
  if (!mp_scheduler_remove_worker (&self->scheduler, &worker->scheduled, &lost, &dropped))
    return;

  worker->is_fruitful = TRUE;
  set_fraction (worker, task, 0);
  end_dropped (task, dropped);
  if (end != NULL)
    {
      fail_lost_item (self, worker, task, lost, end);
      return;
    }

  cancel_range (task, (MpItemRange) { lost, 1 });
  look_after_task (self, task);
}

static void
on_worker_gone (MpCrewWorker       *worker,
                const MpBackendEnd *end,
                gpointer            data)
{
  MpDispatcher *self = data;
  gboolean was_told = worker->state == MP_POOL_WORKER_STATE_STOPPING && worker->offence == NULL;

  if (worker->is_scheduled)
    dismiss_worker (self, worker, end);
  if (!was_told)
    announce_lost_worker (self, worker, end);
  announce_workers (self);
}

static void
on_crew_changed (gpointer data)
{
  settle (data);
}

static const MpCrewEvents crew_events = { on_worker_ready, on_worker_frame, on_worker_gone, on_crew_changed };

/* --- acting ----------------------------------------------------------------------------------------------- */

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
  fail_range (task, chunk->items, MP_TASK_STATE_FAILED, error);
  look_after_task (self, task);
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
  announce_workers (self);

  switch (mp_crew_worker_send (worker, make_task_frame (task, chunk->items), &error))
    {
    case MP_IO_DONE:
    case MP_IO_AGAIN:
      begin_task (self, task);
      break;

    case MP_IO_CLOSED:
      /* It has gone and will be reported; until then nobody gives it anything */
      mp_scheduler_give_back (&self->scheduler, chunk->worker, chunk->task->serial, chunk->items.first, &dropped);
      mp_scheduler_retire_worker (&self->scheduler, chunk->worker);
      break;

    case MP_IO_FAILED:
      fail_chunk (self, chunk, error);
      look_after_worker (self, worker);
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

      drop_waiting (&self->scheduler, task, MP_TASK_STATE_FAILED, error);
      look_after_task (self, task);
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
static void
settle (MpDispatcher *self)
{
  MpAssignment chunk;

  while (mp_scheduler_assign (&self->scheduler, g_get_monotonic_time (), &chunk))
    send_chunk (self, &chunk);

  if (self->is_started && (self->state == MP_POOL_STATE_RUNNING || mp_scheduler_has_waiting (&self->scheduler)) &&
      mp_crew_fill (&self->crew))
    announce_workers (self);

  if (mp_scheduler_has_waiting (&self->scheduler) && mp_crew_is_hopeless (&self->crew))
    fail_waiting_tasks (self);

  if (self->state == MP_POOL_STATE_CLOSING && g_queue_is_empty (&self->tasks))
    stop_workers (self);

  if ((self->state == MP_POOL_STATE_CLOSING || self->state == MP_POOL_STATE_TERMINATING) &&
      g_queue_is_empty (&self->tasks) && mp_crew_is_empty (&self->crew))
    {
      set_state (self, MP_POOL_STATE_ENDED);
      mp_waiters_check_locked (self->joiners);
    }
}

/* --- tasks ------------------------------------------------------------------------------------------------ */

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
      announce_task (self, task);
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
    look_after_task (self, task);
  settle (self);
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
  settle (self);
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
  look_after_task (self, task);
  settle (self);
  mp_pump_changed_locked (self->pump);
}

static void
tell_workers_of_cancellation (MpDispatcher *self,
                              MpTask       *task)
{
  for (GList *l = self->crew.workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;

      if (get_task (worker) != task || worker->was_cancelled)
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

  error = new_cancelled ();
  drop_waiting (&self->scheduler, task, MP_TASK_STATE_CANCELLED, error);
  tell_workers_of_cancellation (self, task);
  /* No news if nothing has ended: who cancels when there is news would have it for ever */
  if (task->scheduled.n_ended != n_ended || mp_scheduled_task_has_ended (&task->scheduled))
    look_after_task (self, task);
  settle (self);
  mp_pump_changed_locked (self->pump);
}

/* --- results ---------------------------------------------------------------------------------------------- */

/* The result of an item was found to be none. */
static void
spoil (MpDispatcher *self,
       MpTask       *task,
       guint64       index,
       const GError *error,
       gpointer      result)
{
  /* Referenced without the lock: a language may hear of it, and take a lock of its own */
  g_autoptr (GObject) held = result != NULL ? g_object_ref (result) : NULL;

  mp_dispatcher_lock (self);
  if (mp_task_spoil (task, index, error) && self->owner != NULL)
    {
      task->state_is_new = TRUE;
      if (task->result == NULL && state_is_watched (result))
        task->result = g_steal_pointer (&held);
      announce_task (self, task);
    }
  mp_dispatcher_unlock (self);
}

/*< private >
 * mp_dispatcher_dup_item:
 * @index: an item that has ended
 * @result: (nullable): the object for which @task is
 *
 * To be called in a thread of the user's and without the lock: what the worker
 * sent may be looked at for the first time.
 *
 * Returns: (transfer full) (nullable): the result of an item
 */
MpMessage *
mp_dispatcher_dup_item (MpDispatcher  *self,
                        MpTask        *task,
                        guint64        index,
                        gpointer       result,
                        GError       **error)
{
  g_autoptr (GError) flaw = NULL;

  if (mp_task_check_item (task, index, &flaw))
    return mp_task_dup_item (task, index, error);

  spoil (self, task, index, flaw, result);
  g_propagate_error (error, g_steal_pointer (&flaw));
  return NULL;
}

static guint64
count_unfailed (MpDispatcher *self,
                MpTask       *task)
{
  guint64 n;

  mp_dispatcher_lock (self);
  n = mp_task_count_unfailed (task);
  mp_dispatcher_unlock (self);
  return n;
}

static gboolean
copy_failure (MpDispatcher  *self,
              MpTask        *task,
              GError       **error)
{
  gboolean ok;

  mp_dispatcher_lock (self);
  ok = mp_task_copy_failure (task, error);
  mp_dispatcher_unlock (self);
  return ok;
}

/*< private >
 * mp_dispatcher_dup_result:
 * @task: a task that has ended
 * @result: (nullable): the object for which @task is
 *
 * To be called in a thread of the user's and without the lock: what the workers
 * sent may be looked at for the first time.
 *
 * Returns: (transfer full) (nullable): the result of @task; of a map all results in
 *   one message, like items are
 */
MpMessage *
mp_dispatcher_dup_result (MpDispatcher  *self,
                          MpTask        *task,
                          gpointer       result,
                          GError       **error)
{
  g_autoptr (GError) flaw = NULL;
  guint64 n, index;

  /* In a forked process there are only tasks that were refused */
  if (!mp_dispatcher_check_origin (self, NULL))
    {
      mp_task_copy_failure (task, error);
      return NULL;
    }

  n = count_unfailed (self, task);
  for (index = 0; index < n && flaw == NULL; index++)
    mp_task_check_item (task, index, &flaw);
  if (flaw != NULL)
    spoil (self, task, index - 1, flaw, result);

  return copy_failure (self, task, error) ? mp_task_collect_result (task, error) : NULL;
}

/* --- the end ---------------------------------------------------------------------------------------------- */

void
mp_dispatcher_close_locked (MpDispatcher *self)
{
  GList *next;

  if (self->state != MP_POOL_STATE_RUNNING)
    return;

  set_state (self, MP_POOL_STATE_CLOSING);
  for (GList *l = self->tasks.head; l != NULL; l = next)
    {
      MpTask *task = l->data;

      next = l->next;
      if (task->scheduled.open)
        {
          task->scheduled.open = FALSE;
          look_after_task (self, task);
        }
    }
  settle (self);
  mp_pump_changed_locked (self->pump);
}

static void
cancel_everything (MpDispatcher *self)
{
  g_autoptr (GError) error = new_cancelled ();
  GList *next;

  for (GList *l = self->tasks.head; l != NULL; l = next)
    {
      next = l->next;
      drop_waiting (&self->scheduler, l->data, MP_TASK_STATE_CANCELLED, error);
      look_after_task (self, l->data);
    }

  for (GList *l = self->crew.workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;

      if (worker->is_scheduled)
        dismiss_worker (self, worker, NULL);
    }
}

void
mp_dispatcher_terminate_locked (MpDispatcher *self)
{
  if (self->state == MP_POOL_STATE_TERMINATING || self->state == MP_POOL_STATE_ENDED)
    return;

  set_state (self, MP_POOL_STATE_TERMINATING);
  cancel_everything (self);
  mp_crew_kill_all (&self->crew);
  announce_workers (self);
  settle (self);
  mp_pump_changed_locked (self->pump);
}

/*< private >
 * mp_dispatcher_abandon_locked:
 *
 * The pool's owner is no more: its workers are killed, and nobody waits for
 * them.
 */
void
mp_dispatcher_abandon_locked (MpDispatcher *self)
{
  self->owner = NULL;
  mp_dispatcher_terminate_locked (self);
  mp_crew_clear (&self->crew);
  settle (self);
}

/*< private >
 * mp_dispatcher_hush_locked:
 *
 * Without an owner, and without news of tasks, there is nobody to be told of
 * anything.
 */
void
mp_dispatcher_hush_locked (MpDispatcher *self)
{
  MpDispatcher *held;

  if (self->letter == NULL || !g_queue_is_empty (&self->news_tasks))
    return;

  held = g_atomic_pointer_exchange (&self->letter->dispatcher, NULL);
  g_clear_pointer (&self->letter, letter_unref);
  if (held != NULL)
    mp_dispatcher_unref (held); /* the caller has one too */
}

static gboolean
has_ended (gpointer data)
{
  MpDispatcher *self = data;

  return self->state == MP_POOL_STATE_ENDED;
}

/* Who waits for the end of a pool that still takes tasks learns at once that he
 * would wait for ever.
 */
static gboolean
is_joined (gpointer   data,
           GError   **error)
{
  MpDispatcher *self = data;

  if (self->state == MP_POOL_STATE_RUNNING)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "The pool still takes tasks: close or terminate it first");
      return TRUE;
    }

  return has_ended (self);
}

gboolean
mp_dispatcher_join_locked (MpDispatcher  *self,
                           gint64         deadline,
                           GCancellable  *cancellable,
                           GError       **error)
{
  g_autoptr (GError) failure = NULL;

  if (is_joined (self, &failure) && failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }

  return mp_pump_wait_locked (self->pump, has_ended, self, deadline, cancellable, error);
}

/*< private >
 * mp_dispatcher_join_async_locked:
 * @task: (transfer full): what ends when the workers are gone; keeps @self alive
 */
void
mp_dispatcher_join_async_locked (MpDispatcher *self,
                                 GTask        *task,
                                 gint64        deadline)
{
  mp_waiters_add_locked (self->joiners, task, deadline, is_joined, self);
}

/* --- the dispatcher --------------------------------------------------------------------------------------- */

/*< private >
 * mp_dispatcher_new:
 * @context: what to start workers with; outlives the dispatcher's owner
 * @deliver: called in the main context of @outbox, with the dispatcher, when
 *   there are news to take
 */
MpDispatcher *
mp_dispatcher_new (MpContext    *context,
                   guint         n_workers,
                   guint         max_tasks_per_worker,
                   MpOutbox     *outbox,
                   MpOutboxFunc  deliver_func)
{
  MpDispatcher *self = g_new0 (MpDispatcher, 1);

  g_atomic_ref_count_init (&self->refs);
  g_weak_ref_init (&self->weak_owner, NULL);
  self->pump = mp_pump_new ("a pool");
  self->spent = g_ptr_array_new_with_free_func (g_object_unref);
  mp_late_results_init (&self->late, self->pump, self->spent);
  self->joiners = mp_waiters_new (self->pump);
  self->outbox = mp_outbox_ref (outbox);
  self->deliver = deliver_func;
  self->max_tasks_per_worker = max_tasks_per_worker;
  self->is_own = mp_launcher_is_own (mp_context_get_launcher (context));
  mp_scheduler_init (&self->scheduler);
  mp_crew_init (&self->crew, mp_process_backend_get (), self->pump, context, n_workers, &crew_events, self);
  return self;
}

MpDispatcher *
mp_dispatcher_ref (MpDispatcher *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_dispatcher_unref (MpDispatcher *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_assert (self->owner == NULL);
  mp_late_results_clear (&self->late);
  g_weak_ref_clear (&self->weak_owner);
  mp_crew_clear (&self->crew);
  mp_waiters_free_locked (self->joiners); /* nobody is left that would take the lock */
  g_clear_pointer (&self->letter, letter_unref);
  g_queue_clear_full (&self->news.lost, (GDestroyNotify) mp_lost_worker_free);
  mp_outbox_unref (self->outbox);
  mp_pump_unref (self->pump);
  g_ptr_array_unref (self->spent);
  g_free (self);
}

void
mp_dispatcher_lock (MpDispatcher *self)
{
  mp_pump_lock (self->pump);
}

/* Called by threads of the user's. */
void
mp_dispatcher_unlock (MpDispatcher *self)
{
  gsize n_spent = 0;
  gpointer *spent = self->spent->len > 0 ? g_ptr_array_steal (self->spent, &n_spent) : NULL;

  mp_pump_unlock (self->pump);
  for (gsize i = 0; i < n_spent; i++)
    g_object_unref (spent[i]);
  g_free (spent);
}

MpPump *
mp_dispatcher_get_pump (MpDispatcher *self)
{
  return self->pump;
}

MpOutbox *
mp_dispatcher_get_outbox (MpDispatcher *self)
{
  return self->outbox;
}

/*< private >
 * mp_dispatcher_check_origin:
 *
 * To be asked before the lock is taken, which a forked child may never get.
 */
gboolean
mp_dispatcher_check_origin (MpDispatcher  *self,
                            GError       **error)
{
  return mp_origin_check (mp_pump_get_origin (self->pump), "the pool", error);
}

void
mp_dispatcher_set_owner_locked (MpDispatcher *self,
                                gpointer      owner)
{
  self->owner = owner;
  g_weak_ref_set (&self->weak_owner, owner);
}

/*< private >
 * mp_dispatcher_ref_owner:
 *
 * Without the lock: the only reference may be a language's, which takes locks of
 * its own when it hears of another one.
 *
 * Returns: (transfer full) (nullable): the owner, %NULL when it has gone
 */
gpointer
mp_dispatcher_ref_owner (MpDispatcher *self)
{
  return g_weak_ref_get (&self->weak_owner);
}

MpPoolState
mp_dispatcher_get_state_locked (MpDispatcher *self)
{
  return self->state;
}

/*< private >
 * mp_dispatcher_list_workers_locked:
 *
 * From the first call on, changes of workers are news.
 *
 * Returns: (transfer full) (element-type MpWorkerInfo): the workers there are
 */
GArray *
mp_dispatcher_list_workers_locked (MpDispatcher *self)
{
  GArray *workers = g_array_new (FALSE, FALSE, sizeof (MpWorkerInfo));

  self->workers_are_watched = TRUE;
  for (GList *l = self->crew.workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;
      MpWorkerInfo info = { worker->number, mp_crew_worker_get_pid (worker), worker->state, worker->n_tasks };

      g_array_append_val (workers, info);
    }
  return workers;
}
