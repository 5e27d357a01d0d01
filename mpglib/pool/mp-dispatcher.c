/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dispatcher-base-private.h"
#include "mp-error.h"
#include "mp-launcher-private.h"
#include "mp-origin-private.h"

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
  mp_crew_init (&self->crew, mp_process_backend_get (), self->pump, context, n_workers,
                &mp_dispatcher_crew_events, self);
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
  g_clear_pointer (&self->letter, mp_news_letter_unref);
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
 * @self: (nullable): %NULL of an object that was made by g_object_new(), and belongs to no pool
 *
 * To be asked before the lock is taken, which a forked child may never get.
 */
gboolean
mp_dispatcher_check_origin (MpDispatcher  *self,
                            GError       **error)
{
  if (self != NULL)
    return mp_origin_check (mp_pump_get_origin (self->pump), "the pool", error);

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                       "The object is of no pool, whose methods alone make such objects");
  return FALSE;
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
