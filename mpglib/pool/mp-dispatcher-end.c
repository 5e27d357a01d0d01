/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dispatcher-base-private.h"
#include "mp-error.h"

/* The end of the pool. */

void
mp_dispatcher_close_locked (MpDispatcher *self)
{
  GList *next;

  if (self->state != MP_POOL_STATE_RUNNING)
    return;

  mp_dispatcher_set_state_locked (self, MP_POOL_STATE_CLOSING);
  for (GList *l = self->tasks.head; l != NULL; l = next)
    {
      MpTask *task = l->data;

      next = l->next;
      if (task->scheduled.open)
        {
          task->scheduled.open = FALSE;
          mp_dispatcher_look_after_task_locked (self, task);
        }
    }
  mp_dispatcher_settle_locked (self);
  mp_pump_changed_locked (self->pump);
}

static void
cancel_everything (MpDispatcher *self)
{
  g_autoptr (GError) error = mp_task_new_cancelled ();
  GList *next;

  for (GList *l = self->tasks.head; l != NULL; l = next)
    {
      next = l->next;
      mp_task_drop_waiting (&self->scheduler, l->data, MP_TASK_STATE_CANCELLED, error);
      mp_dispatcher_look_after_task_locked (self, l->data);
    }

  for (GList *l = self->crew.workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;

      if (worker->is_scheduled)
        mp_dispatcher_dismiss_worker_locked (self, worker, NULL);
    }
}

void
mp_dispatcher_terminate_locked (MpDispatcher *self)
{
  if (self->state == MP_POOL_STATE_TERMINATING || self->state == MP_POOL_STATE_ENDED)
    return;

  mp_dispatcher_set_state_locked (self, MP_POOL_STATE_TERMINATING);
  cancel_everything (self);
  mp_crew_kill_all (&self->crew);
  mp_dispatcher_announce_workers_locked (self);
  mp_dispatcher_settle_locked (self);
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
  mp_dispatcher_settle_locked (self);
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
