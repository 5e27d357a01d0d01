/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dispatcher-base-private.h"

/* What there is to tell in the main context: of the pool, its workers and its tasks. */

/* Lost workers that nobody has been told of yet: a program that never runs its
 * main context does not pile them up.
 */
#define LOST_MAX 64

void
mp_news_letter_unref (gpointer data)
{
  MpNewsLetter *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_clear_pointer (&self->dispatcher, mp_dispatcher_unref);
  g_free (self);
}

static void
letter_deliver (gpointer data)
{
  MpNewsLetter *self = data;
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

  self->letter = g_new0 (MpNewsLetter, 1);
  g_atomic_ref_count_init (&self->letter->refs);
  self->letter->dispatcher = mp_dispatcher_ref (self);
  g_atomic_ref_count_inc (&self->letter->refs);
  mp_outbox_post (self->outbox, letter_deliver, self->letter, mp_news_letter_unref);
}

void
mp_dispatcher_announce_task_locked (MpDispatcher *self,
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
gboolean
mp_dispatcher_state_is_watched (gpointer result)
{
  guint signal_id = g_signal_lookup ("notify", G_TYPE_OBJECT);

  return result != NULL && g_signal_handler_find (result, G_SIGNAL_MATCH_ID, signal_id, 0, NULL, NULL, NULL) != 0;
}

void
mp_dispatcher_begin_task_locked (MpDispatcher *self,
                                 MpTask       *task)
{
  if (task->begun)
    return;

  task->begun = TRUE;
  task->state_is_new = TRUE;
  if (mp_dispatcher_state_is_watched (task->result))
    mp_dispatcher_announce_task_locked (self, task);
}

void
mp_dispatcher_announce_workers_locked (MpDispatcher *self)
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

void
mp_dispatcher_announce_lost_worker_locked (MpDispatcher       *self,
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

void
mp_dispatcher_set_state_locked (MpDispatcher *self,
                                MpPoolState   state)
{
  self->state = state;
  self->news.state_changed = TRUE;
  announce (self);
}

/*< private >
 * mp_dispatcher_take_news_locked:
 *
 * Returns: (transfer full): what is new, but for the tasks' and the state, which
 *   are still to be taken
 */
MpNews
mp_dispatcher_take_news_locked (MpDispatcher *self)
{
  MpNews news = self->news;

  self->news = (MpNews) { .lost = G_QUEUE_INIT, .state_changed = news.state_changed };
  g_clear_pointer (&self->letter, mp_news_letter_unref);
  return news;
}

/*< private >
 * mp_dispatcher_take_state_news_locked:
 *
 * Returns: whether the pool's state is to be told: after all that is new of tasks
 */
gboolean
mp_dispatcher_take_state_news_locked (MpDispatcher *self)
{
  gboolean is_new = self->news.state_changed && g_queue_is_empty (&self->news_tasks);

  if (is_new)
    self->news.state_changed = FALSE;
  return is_new;
}

/*< private >
 * mp_dispatcher_announce_rest_locked:
 *
 * There is more to tell than is told at once.
 */
void
mp_dispatcher_announce_rest_locked (MpDispatcher *self)
{
  announce (self);
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
  g_clear_pointer (&self->letter, mp_news_letter_unref);
  if (held != NULL)
    mp_dispatcher_unref (held); /* the caller has one too */
}
