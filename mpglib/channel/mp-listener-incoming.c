/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-listener-base-private.h"

/* Connections, and who was refused, for the signals. */

/* Connections, and refusals, that are told of before other sources of the context have a turn. */
#define MAX_RUN 16

/* One who accepts for the signal.  It keeps the listener, so that the engine, which must not
 * touch an object that a language may know, can post it.
 */
typedef struct _Acceptor
{
  gatomicrefcount refs;
  MpListener *listener;
  gboolean is_stopped; /* both guarded by the reception's pump */
  gboolean is_posted;
} Acceptor;

static void
acceptor_unref (gpointer data)
{
  Acceptor *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_object_unref (self->listener);
  g_free (self);
}

static gboolean
has_news_locked (MpListener *self)
{
  return mp_reception_get_n_ready_locked (self->reception) > 0 ||
         !g_queue_is_empty (&mp_reception_get_refusals_locked (self->reception)->queue);
}

/* A handler may run a loop of its own: who is next is told of there. */
static MpConnection *
take_for_signal (Acceptor *self)
{
  MpListener *listener = self->listener;
  MpConnection *connection = NULL;
  MpArrival *arrival;

  mp_pump_lock (mp_reception_get_pump (listener->reception));
  arrival = self->is_stopped ? NULL : mp_reception_take_locked (listener->reception);
  if (arrival != NULL && has_news_locked (listener))
    mp_listener_post_locked (listener);
  if (arrival != NULL)
    connection = mp_listener_take_locked (listener, arrival, listener->main_context);
  mp_pump_unlock (mp_reception_get_pump (listener->reception));

  return connection;
}

static MpRefusal *
take_refusal (Acceptor *self)
{
  MpReception *reception = self->listener->reception;
  MpRefusal *refusal;

  mp_pump_lock (mp_reception_get_pump (reception));
  refusal = self->is_stopped ? NULL : mp_refusals_take (mp_reception_get_refusals_locked (reception));
  if (refusal != NULL && has_news_locked (self->listener))
    mp_listener_post_locked (self->listener);
  mp_pump_unlock (mp_reception_get_pump (reception));

  return refusal;
}

static void
tell_of_refusals (Acceptor *self)
{
  MpRefusal *refusal;

  for (guint i = 0; i < MAX_RUN && (refusal = take_refusal (self)) != NULL; i++)
    {
      mp_listener_emit_refused (self->listener, refusal);
      mp_refusal_free (refusal);
    }
}

static void
tell_of_incoming (gpointer data)
{
  Acceptor *self = data;
  MpPump *pump = mp_reception_get_pump (self->listener->reception);
  MpConnection *connection;

  mp_pump_lock (pump);
  self->is_posted = FALSE;
  mp_pump_unlock (pump);

  for (guint i = 0; i < MAX_RUN && (connection = take_for_signal (self)) != NULL; i++)
    {
      mp_listener_emit_incoming (self->listener, connection);
      g_object_unref (connection);
    }
  tell_of_refusals (self);

  mp_pump_lock (pump);
  if (!self->is_stopped && has_news_locked (self->listener))
    mp_listener_post_locked (self->listener);
  mp_pump_unlock (pump);
}

/*< private >
 * mp_listener_post_locked:
 *
 * Somebody has come, or was refused.  One letter at a time, however many come while the context does not run.
 */
void
mp_listener_post_locked (MpListener *self)
{
  if (self->acceptor == NULL || self->acceptor->is_posted)
    return;

  self->acceptor->is_posted = TRUE;
  g_atomic_ref_count_inc (&self->acceptor->refs);
  mp_outbox_post (self->outbox, tell_of_incoming, self->acceptor, acceptor_unref);
}

/**
 * mp_listener_start_accepting:
 * @self: a listener
 *
 * Emits [signal@Mp.Listener::incoming] for each connection from now on, in
 * [property@Mp.Listener:main-context], also for those that wait already, and
 * [signal@Mp.Listener::refused] for whoever is turned away. Calls that wait for a connection
 * come first.
 *
 * The listener keeps itself alive until [method@Mp.Listener.stop_accepting] or
 * [method@Mp.Listener.close]. It may be opened before or after this. Does nothing if
 * it accepts already or was closed.
 *
 * Since: 1.0
 */
void
mp_listener_start_accepting (MpListener *self)
{
  MpPump *pump;
  Acceptor *acceptor;

  g_return_if_fail (MP_IS_LISTENER (self));

  acceptor = g_new0 (Acceptor, 1);
  g_atomic_ref_count_init (&acceptor->refs);
  acceptor->listener = g_object_ref (self);

  pump = mp_reception_get_pump (self->reception);
  mp_pump_lock (pump);
  if (self->acceptor == NULL && !mp_reception_is_closed_locked (self->reception))
    {
      self->acceptor = g_steal_pointer (&acceptor);
      mp_reception_get_refusals_locked (self->reception)->are_wanted = TRUE;
      if (mp_reception_get_n_ready_locked (self->reception) > 0)
        mp_listener_post_locked (self);
    }
  mp_pump_unlock (pump);

  if (acceptor != NULL)
    acceptor_unref (acceptor);
}

/**
 * mp_listener_stop_accepting:
 * @self: a listener
 *
 * Emits [signal@Mp.Listener::incoming] and [signal@Mp.Listener::refused] no more. Programs
 * can still connect, and wait to be accepted.
 *
 * Since: 1.0
 */
void
mp_listener_stop_accepting (MpListener *self)
{
  MpPump *pump;
  Acceptor *acceptor;

  g_return_if_fail (MP_IS_LISTENER (self));

  pump = mp_reception_get_pump (self->reception);
  mp_pump_lock (pump);
  acceptor = g_steal_pointer (&self->acceptor);
  if (acceptor != NULL)
    {
      acceptor->is_stopped = TRUE;
      mp_reception_get_refusals_locked (self->reception)->are_wanted = FALSE;
      mp_refusals_clear (mp_reception_get_refusals_locked (self->reception));
    }
  mp_pump_unlock (pump);

  if (acceptor != NULL)
    acceptor_unref (acceptor);
}
