/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-child-private.h"
#include "mp-clock-private.h"
#include "mp-crew-private.h"
#include "mp-error.h"
#include "mp-log-private.h"

/* A worker that was told to end and does not is killed after this time. */
#define STOP_TIME (5 * G_USEC_PER_SEC)

/* --- one worker ------------------------------------------------------------------------------------------- */

static void
count (MpCrew            *self,
       MpPoolWorkerState  state,
       int                difference)
{
  if (state == MP_POOL_WORKER_STATE_STARTING)
    self->n_starting += difference;
  else if (state == MP_POOL_WORKER_STATE_IDLE || state == MP_POOL_WORKER_STATE_BUSY)
    self->n_ready += difference;
}

void
mp_crew_worker_set_state (MpCrewWorker      *self,
                          MpPoolWorkerState  state)
{
  count (self->crew, self->state, -1);
  count (self->crew, state, 1);
  self->state = state;
}

/*< private >
 * mp_crew_worker_describe:
 *
 * Returns: (transfer full): what to call it in a message to people
 */
char *
mp_crew_worker_describe (MpCrewWorker *self)
{
  return g_strdup_printf ("PoolWorker-%u (pid %d)", self->number, mp_crew_worker_get_pid (self));
}

int
mp_crew_worker_get_pid (MpCrewWorker *self)
{
  return self->crew->backend->get_pid (self->handle);
}

/*< private >
 * mp_crew_worker_send:
 * @frame: (transfer full): what to send
 */
MpIoStatus
mp_crew_worker_send (MpCrewWorker  *self,
                     MpFrame       *frame,
                     GError       **error)
{
  return self->crew->backend->send (self->handle, frame, error);
}

static void
on_stop_time_over (guint32  events,
                   gpointer data)
{
  MpCrewWorker *self = data;
  g_autofree char *description = mp_crew_worker_describe (self);

  self->stop_timer = NULL;
  mp_log_subwarning ("%s was told to end and did not: killed", description);
  self->crew->backend->kill (self->handle);
}

/*< private >
 * mp_crew_worker_stop:
 *
 * Has an idle worker end in order.
 */
void
mp_crew_worker_stop (MpCrewWorker *self)
{
  mp_crew_worker_set_state (self, MP_POOL_WORKER_STATE_STOPPING);
  mp_crew_worker_send (self, mp_frame_new (MP_FRAME_STOP, 0, 0, NULL, NULL), NULL);
  self->stop_timer = mp_pump_add_timer_locked (self->crew->pump, g_get_monotonic_time () + STOP_TIME,
                                               on_stop_time_over, self);
}

void
mp_crew_worker_kill (MpCrewWorker *self)
{
  mp_crew_worker_set_state (self, MP_POOL_WORKER_STATE_STOPPING);
  self->crew->backend->kill (self->handle);
}

static void
worker_free (MpCrewWorker *self)
{
  MpCrew *crew = self->crew;

  mp_crew_worker_set_state (self, MP_POOL_WORKER_STATE_GONE);
  g_queue_unlink (&crew->workers, &self->link);
  if (self->stop_timer != NULL)
    mp_pump_remove_timer_locked (crew->pump, self->stop_timer);
  if (self->handle != NULL)
    crew->backend->free (self->handle);
  g_free (self->offence);
  g_free (self);
}

/* --- what becomes of workers ------------------------------------------------------------------------------ */

static void
on_ready (gpointer data)
{
  MpCrewWorker *self = data;

  if (self->state != MP_POOL_WORKER_STATE_STARTING)
    return;

  self->was_ready = TRUE;
  mp_crew_worker_set_state (self, MP_POOL_WORKER_STATE_IDLE);
  mp_restart_budget_worker_ready (&self->crew->budget);
  self->crew->events->ready (self, self->crew->data);
}

static void
on_frame (gpointer  data,
          MpFrame  *frame)
{
  MpCrewWorker *self = data;

  self->crew->events->frame (self, frame, self->crew->data);
}

static MpWorkerEnd
judge_end (MpCrewWorker       *self,
           const MpBackendEnd *end)
{
  if (self->is_fruitful)
    return MP_WORKER_END_FRUITFUL;

  if (self->was_ready || (mp_exit_code_is_from_outside (end->exit_code) && !end->has_hung))
    return MP_WORKER_END_KILLED;

  return MP_WORKER_END_FAILED;
}

static void
note_failure (MpCrew *self,
              GError *failure)
{
  g_clear_error (&self->failure);
  self->failure = failure;
}

static void
on_gone (gpointer            data,
         const MpBackendEnd *end)
{
  MpCrewWorker *self = data;
  MpCrew *crew = self->crew;
  gboolean was_told = self->state == MP_POOL_WORKER_STATE_STOPPING && self->offence == NULL;

  if (!was_told)
    {
      g_autofree char *description = mp_crew_worker_describe (self);

      mp_log_info ("%s ended: %s", description, end->message);
      if (end->failure != NULL)
        note_failure (crew, g_error_copy (end->failure));
      else if (!self->is_fruitful)
        note_failure (crew, g_error_new (MP_ERROR, MP_ERROR_START_FAILED,
                                         "%s ended without having done anything: %s", description, end->message));
    }

  crew->events->gone (self, end, crew->data);
  if (!was_told)
    mp_restart_budget_worker_ended (&crew->budget, judge_end (self, end), g_get_monotonic_time ());
  worker_free (self);
  crew->events->changed (crew->data);
}

static const MpBackendEvents backend_events = { on_ready, on_frame, on_gone };

/* --- the crew --------------------------------------------------------------------------------------------- */

void
mp_crew_init (MpCrew             *self,
              const MpBackend    *backend,
              MpPump             *pump,
              MpContext          *context,
              guint               n_wanted,
              const MpCrewEvents *events,
              gpointer            data)
{
  *self = (MpCrew) {
    .backend = backend,
    .pump = pump,
    .context = context,
    .n_wanted = n_wanted,
    .events = events,
    .data = data,
    .workers = G_QUEUE_INIT,
  };
}

/* Workers that are left go on until they end by themselves. */
void
mp_crew_clear (MpCrew *self)
{
  while (!g_queue_is_empty (&self->workers))
    worker_free (g_queue_peek_head (&self->workers));
  g_clear_error (&self->failure);
}

static gboolean
start_worker (MpCrew *self)
{
  MpCrewWorker *worker = g_new0 (MpCrewWorker, 1);
  g_autofree char *name = g_strdup_printf ("PoolWorker-%u", ++self->n_made);
  GError *error = NULL;

  worker->crew = self;
  worker->number = self->n_made;
  worker->state = MP_POOL_WORKER_STATE_STARTING;
  worker->link.data = worker;
  count (self, worker->state, 1);
  g_queue_push_tail_link (&self->workers, &worker->link);

  worker->handle = self->backend->start (self->pump, self->context, name, &backend_events, worker, &error);
  if (worker->handle != NULL)
    return TRUE;

  note_failure (self, error);
  mp_restart_budget_worker_ended (&self->budget, MP_WORKER_END_FAILED, g_get_monotonic_time ());
  worker_free (worker);
  return FALSE;
}

static gboolean
may_start (MpCrew *self)
{
  return mp_restart_budget_may_start (&self->budget, self->n_ready, g_get_monotonic_time ());
}

/*< private >
 * mp_crew_fill:
 *
 * Starts the workers that are missing, as far as the restart budget allows it.
 *
 * Returns: whether some were started
 */
gboolean
mp_crew_fill (MpCrew *self)
{
  gboolean some = FALSE;

  while (self->n_starting + self->n_ready < self->n_wanted && may_start (self))
    some |= start_worker (self);

  return some;
}

/*< private >
 * mp_crew_is_hopeless:
 *
 * Returns: whether nobody can do any work, nor will, for the reason in @failure
 */
gboolean
mp_crew_is_hopeless (MpCrew *self)
{
  return self->n_starting + self->n_ready == 0 && self->failure != NULL && !may_start (self);
}

gboolean
mp_crew_is_empty (MpCrew *self)
{
  return g_queue_is_empty (&self->workers);
}

void
mp_crew_kill_all (MpCrew *self)
{
  for (GList *l = self->workers.head; l != NULL; l = l->next)
    {
      MpCrewWorker *worker = l->data;

      g_clear_pointer (&worker->offence, g_free);
      mp_crew_worker_kill (worker);
    }
}
