/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-connection-private.h"
#include "mp-error.h"

/* Waiting for a connection together with other objects. */

/* The end of the other side is something to be received, that of this one is not. */
static gboolean
check_open (MpConnection  *self,
            GError       **error)
{
  if (!mp_connection_check_usable (self, MP_TRANSFER_READABLE, error) ||
      !mp_exchange_check_origin (self->exchange, error))
    return FALSE;

  if (!mp_exchange_is_closed (self->exchange))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "A connection that is waited for is closed");
  return FALSE;
}

static gboolean
mp_connection_is_ready (MpWaitable  *waitable,
                        GError     **error)
{
  MpConnection *self = MP_CONNECTION (waitable);
  g_auto (MpTransfer) transfer = { .kind = MP_TRANSFER_READABLE };
  g_autoptr (GError) reason = NULL;

  if (!check_open (self, error))
    return FALSE;

  if (mp_exchange_run (self->exchange, &transfer, 0, NULL, &reason))
    return TRUE;

  if (!g_error_matches (reason, MP_ERROR, MP_ERROR_TIMED_OUT))
    g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

static void
mp_connection_await (MpWaitable          *waitable,
                     gboolean             blocks,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  MpConnection *self = MP_CONNECTION (waitable);
  MpTransfer transfer = { .kind = MP_TRANSFER_READABLE, .blocks = blocks };

  mp_exchange_start (self->exchange, &transfer, -1,
                     mp_connection_new_task (self, cancellable, callback, user_data, mp_connection_await),
                     mp_connection_return_boolean);
}

void
mp_connection_waitable_init (MpWaitableInterface *iface)
{
  iface->is_ready = mp_connection_is_ready;
  iface->await = mp_connection_await;
}
