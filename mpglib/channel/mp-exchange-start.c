/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-cancellable-source-private.h"
#include "mp-clock-private.h"
#include "mp-courtesy-private.h"
#include "mp-exchange-base-private.h"
#include "mp-origin-private.h"

/* Asynchronous transfers. */

typedef struct
{
  GSource source;

  MpExchange *exchange;
  MpTransfer transfer;
  GTask *task;
  MpTransferReturn return_func;
  gint64 deadline;
} TransferSource;

/* Its lane is another process's, in which somebody may have the lock for ever. */
static gboolean
leave_transfer (TransferSource *self,
                GError         *error_taken)
{
  g_clear_error (&self->transfer.error);
  self->transfer.error = error_taken;
  self->return_func (self->task, &self->transfer);
  return G_SOURCE_REMOVE;
}

static gboolean
on_transfer (GSource     *source,
             GSourceFunc  callback,
             gpointer     data)
{
  TransferSource *self = (TransferSource *) source;
  MpTransfer *transfer = &self->transfer;
  GError *error = NULL;

  if (!mp_courtesy_may_run (source))
    return G_SOURCE_CONTINUE;

  if (!mp_exchange_check_origin (self->exchange, &error))
    return leave_transfer (self, error);

  mp_exchange_lock (self->exchange);
  mp_exchange_hear_locked (self->exchange, TRUE);
  if (transfer->blocks)
    mp_exchange_serve_locked (self->exchange, &self->exchange->senders);
  if (!transfer->is_done)
    mp_exchange_serve_locked (self->exchange, mp_exchange_get_lane (self->exchange, transfer));

  if (!transfer->is_done)
    {
      if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (self->task), &error))
        mp_exchange_withdraw_locked (self->exchange, transfer, error);
      else if (mp_exchange_can_go_on_locked (self->exchange, transfer))
        g_source_set_ready_time (source, 0);
      else if (mp_deadline_has_passed (self->deadline))
        mp_exchange_withdraw_locked (self->exchange, transfer, mp_transfer_new_timed_out (transfer));
      else
        g_source_set_ready_time (source, self->deadline);
    }
  mp_exchange_unlock (self->exchange);

  if (!transfer->is_done)
    return G_SOURCE_CONTINUE;

  self->return_func (self->task, transfer);
  return G_SOURCE_REMOVE;
}

static void
on_transfer_finalized (GSource *source)
{
  TransferSource *self = (TransferSource *) source;

  /* Its context is gone, and nobody will hear of it. */
  self->transfer.is_ending = TRUE;
  if (self->exchange->origin == mp_origin_get ())
    {
      mp_exchange_lock (self->exchange);
      if (self->transfer.is_queued)
        mp_exchange_withdraw_locked (self->exchange, &self->transfer, NULL);
      mp_exchange_unlock (self->exchange);
    }
  self->transfer.is_queued = FALSE;

  mp_transfer_clear (&self->transfer);
  g_clear_object (&self->task);
  g_clear_pointer (&self->exchange, mp_exchange_unref);
}

static GSourceFuncs transfer_source_funcs = {
  .dispatch = on_transfer,
  .finalize = on_transfer_finalized,
};

static void
add_cancellable (GSource *source,
                 GTask   *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr (GSource) cancelled = NULL;

  if (cancellable == NULL)
    return;

  cancelled = mp_cancellable_source_new (cancellable, g_task_get_context (task));
  g_source_add_child_source (source, cancelled);
}

/*< private >
 * mp_exchange_start:
 * @transfer: taken by value; not to be used afterwards
 * @task: (transfer full): returned from its own main context, never before this
 *   call returns
 */
void
mp_exchange_start (MpExchange       *self,
                   MpTransfer       *transfer,
                   gdouble           timeout,
                   GTask            *task,
                   MpTransferReturn  return_func)
{
  g_autoptr (GSource) source = NULL;
  TransferSource *transfer_source;
  GError *error = NULL;

  if (!mp_exchange_check_origin (self, &error) ||
      g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      mp_transfer_clear (transfer);
      return;
    }

  source = g_source_new (&transfer_source_funcs, sizeof (TransferSource));
  g_source_set_static_name (source, "mpglib transfer");
  g_source_set_priority (source, g_task_get_priority (task));
  transfer_source = (TransferSource *) source;
  transfer_source->exchange = mp_exchange_ref (self);
  transfer_source->transfer = *transfer;
  transfer_source->transfer.source = source;
  transfer_source->task = task;
  transfer_source->return_func = return_func;
  transfer_source->deadline = mp_deadline_from_timeout (timeout);
  add_cancellable (source, task);

  mp_exchange_lock (self);
  g_source_set_ready_time (source, transfer_source->deadline);
  mp_exchange_enqueue_locked (self, &transfer_source->transfer);
  mp_exchange_serve_locked (self, mp_exchange_get_lane (self, &transfer_source->transfer));
  mp_exchange_unlock (self);

  g_source_attach (source, g_task_get_context (task));
}
