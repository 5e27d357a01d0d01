/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-listener-base-private.h"

/* Connections for who asks for the next one. */

/*< private >
 * mp_listener_take_locked:
 * @arrival: (transfer full): who has proven itself
 *
 * Lets go of the lock of the reception's pump meanwhile.
 *
 * Returns: (transfer full): the connection
 */
MpConnection *
mp_listener_take_locked (MpListener   *self,
                         MpArrival    *arrival,
                         GMainContext *context)
{
  MpConnection *connection;

  g_free (self->last_accepted);
  self->last_accepted = g_strdup (arrival->peer);
  mp_pump_unlock (mp_reception_get_pump (self->reception));
  connection = mp_arrival_to_connection (arrival, context);
  mp_pump_lock (mp_reception_get_pump (self->reception));

  return connection;
}

static void
name_timeout (GError **error)
{
  if (error == NULL || !g_error_matches (*error, MP_ERROR, MP_ERROR_TIMED_OUT))
    return;

  g_clear_error (error);
  g_set_error (error, MP_ERROR, MP_ERROR_TIMED_OUT, "Nobody has connected, with the right key, in the time given");
}

/**
 * mp_listener_accept:
 * @self: a listener that was opened
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Waits for the next connection whose ends know each other, in the order in which they
 * came to that. Blocks the calling thread and iterates no main context.
 *
 * Whoever connects and does not prove that it has the key is none, and keeps nobody waiting.
 *
 * Fails with %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see [func@Mp.thread_set_interruptible]) and
 * %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when the listener is or was closed, %MP_ERROR_INVALID_STATE
 * before it was opened, and %MP_ERROR_FORKED in another process.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_listener_accept (MpListener    *self,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  MpPump *pump;
  MpAcceptance acceptance = { NULL, NULL };
  MpConnection *connection = NULL;

  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_listener_check_open (self, error))
    return NULL;

  pump = mp_reception_get_pump (self->reception);
  acceptance.reception = mp_reception_ref (self->reception);
  mp_pump_lock (pump);
  if (!mp_pump_wait_locked (pump, mp_acceptance_is_over, &acceptance, mp_deadline_from_timeout (timeout),
                            cancellable, error))
    name_timeout (error);
  else if (mp_acceptance_has_ended (&acceptance, error) && acceptance.arrival != NULL)
    connection = mp_listener_take_locked (self, g_steal_pointer (&acceptance.arrival), NULL);
  mp_pump_unlock (pump);
  mp_acceptance_clear (&acceptance);

  return connection;
}

static void
acceptance_free (gpointer data)
{
  mp_acceptance_clear (data);
  g_free (data);
}

/**
 * mp_listener_accept_async:
 * @self: a listener that was opened
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Listener.accept]. Several may be under way; connections
 * go to them in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_listener_accept_async (MpListener          *self,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  MpAcceptance *acceptance;
  GError *error = NULL;
  MpPump *pump;
  GTask *task;

  g_return_if_fail (MP_IS_LISTENER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_listener_accept_async);
  g_task_set_check_cancellable (task, FALSE);
  if (!mp_listener_check_open (self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  pump = mp_reception_get_pump (self->reception);
  acceptance = g_new0 (MpAcceptance, 1);
  acceptance->reception = mp_reception_ref (self->reception);
  g_task_set_task_data (task, acceptance, acceptance_free);
  mp_pump_lock (pump);
  mp_waiters_add_locked (mp_reception_get_waiters_locked (self->reception), task,
                         mp_deadline_from_timeout (timeout), mp_acceptance_has_ended, acceptance);
  mp_pump_unlock (pump);
}

/**
 * mp_listener_accept_finish:
 * @self: a listener
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Listener.accept_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_listener_accept_finish (MpListener    *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  MpAcceptance *acceptance;
  MpConnection *connection;
  GMainContext *context;

  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_listener_accept_async), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    {
      name_timeout (error);
      return NULL;
    }

  context = g_task_get_context (G_TASK (result));
  acceptance = g_task_get_task_data (G_TASK (result));
  mp_pump_lock (mp_reception_get_pump (self->reception));
  connection = mp_listener_take_locked (self, g_steal_pointer (&acceptance->arrival), context);
  mp_pump_unlock (mp_reception_get_pump (self->reception));

  return connection;
}
