/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-listener-private.h"
#include "mp-waitable-private.h"

/* Waiting for a listener together with other objects. */

static gboolean
mp_listener_is_ready (MpWaitable  *waitable,
                      GError     **error)
{
  MpListener *self = MP_LISTENER (waitable);
  MpReception *reception = mp_listener_get_reception (self);
  gboolean is_ready;

  if (!mp_listener_check_open (self, error))
    return FALSE;

  mp_pump_lock (mp_reception_get_pump (reception));
  is_ready = mp_reception_get_n_ready_locked (reception) > 0;
  mp_pump_unlock (mp_reception_get_pump (reception));

  return is_ready;
}

/* Whose waits come in between takes what has arrived, and this one goes on. */
static gboolean
has_arrivals (gpointer   data,
              GError   **error)
{
  MpReception *reception = data;

  return mp_reception_get_n_ready_locked (reception) > 0 || mp_reception_is_closed_locked (reception);
}

static void
mp_listener_await (MpWaitable          *waitable,
                   gboolean             blocks,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  MpReception *reception = mp_listener_get_reception (MP_LISTENER (waitable));
  MpPump *pump = mp_reception_get_pump (reception);
  GTask *task = g_task_new (waitable, cancellable, callback, user_data);

  g_task_set_source_tag (task, mp_listener_await);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, mp_reception_ref (reception), (GDestroyNotify) mp_reception_unref);

  mp_pump_lock (pump);
  mp_waiters_add_locked (mp_reception_get_waiters_locked (reception), task, MP_DEADLINE_NEVER, has_arrivals, reception);
  mp_pump_unlock (pump);
}

void
mp_listener_waitable_init (MpWaitableInterface *iface)
{
  iface->is_ready = mp_listener_is_ready;
  iface->await = mp_listener_await;
}
