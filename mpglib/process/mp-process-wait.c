/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-process-private.h"

/* Waiting for the end of a process together with other objects. */

static gboolean
mp_process_is_ready (MpWaitable  *waitable,
                     GError     **error)
{
  MpProcess *self = MP_PROCESS (waitable);
  gboolean is_over = FALSE;

  if (!mp_process_check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  if (mp_process_check_started_locked (self, error))
    {
      mp_process_look_locked (self);
      is_over = mp_process_is_over (self);
    }
  mp_pump_unlock (self->pump);
  mp_process_drop_unheard (self->pump); /* the caller has a reference to this one */

  return is_over;
}

static void
mp_process_await (MpWaitable          *waitable,
                  gboolean             blocks,
                  GCancellable        *cancellable,
                  GAsyncReadyCallback  callback,
                  gpointer             user_data)
{
  mp_process_join_async (MP_PROCESS (waitable), -1, cancellable, callback, user_data);
}

void
mp_process_waitable_init (MpWaitableInterface *iface)
{
  iface->is_ready = mp_process_is_ready;
  iface->await = mp_process_await;
}
