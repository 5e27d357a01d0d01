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
  guint rest;          /* the last one, of mp_courtesy_wants_rest() */
  gboolean was_loose;  /* and has a reference of itself */
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

/* Here, in its context, which has another: the last one would take the context with it. */
static void
drop_own_reference (TransferSource *self)
{
  if (self->was_loose)
    g_source_unref (&self->source);
  self->was_loose = FALSE;
}

/* All rest that are in the same turn of the loop, so that callbacks stay in order. */
static void
rest_locked (TransferSource *self)
{
  mp_exchange_stop_polling_locked (self->exchange, &self->transfer);
  g_source_set_ready_time (&self->source, self->transfer.is_done ? MP_DEADLINE_NEVER : self->deadline);
}

/* Whether it could not look, and will.  One whose time for that has passed was not the one to be served: whoever was
 * serves it some time.
 */
static gboolean
is_held_up (const MpTransfer *transfer)
{
  return transfer->hold_up.next_try > g_get_monotonic_time ();
}

/* When it is to be called, whatever comes. */
static gint64
get_next_time (const TransferSource *self)
{
  gint64 next_try = self->transfer.hold_up.next_try;

  return is_held_up (&self->transfer) && (self->deadline == MP_DEADLINE_NEVER || next_try < self->deadline)
           ? next_try
           : self->deadline;
}

static gboolean
on_transfer (GSource     *source,
             GSourceFunc  callback,
             gpointer     data)
{
  TransferSource *self = (TransferSource *) source;
  MpTransfer *transfer = &self->transfer;
  GError *error = NULL;

  drop_own_reference (self);

  if (!mp_exchange_check_origin (self->exchange, &error))
    return leave_transfer (self, error);

  mp_exchange_lock (self->exchange);
  if (!transfer->blocks && mp_courtesy_wants_rest (source, &self->rest))
    {
      rest_locked (self);
      mp_exchange_unlock (self->exchange);
      return G_SOURCE_CONTINUE;
    }

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
      else if (is_held_up (transfer) && mp_hold_up_is_new (&transfer->hold_up))
        g_source_set_ready_time (source, transfer->hold_up.next_try);
      else if (mp_deadline_has_passed (self->deadline))
        mp_exchange_withdraw_locked (self->exchange, transfer, mp_transfer_new_timed_out (transfer));
      else
        g_source_set_ready_time (source, get_next_time (self));
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

/* Whether it waits for its turn, and nothing else.  A context looks at all its sources each turn: it need not know of
 * those that cannot have come to anything, however many they are.
 */
static gboolean
can_be_loose_locked (TransferSource *self)
{
  MpTransfer *transfer = &self->transfer;

  return transfer->is_queued && !transfer->blocks && !transfer->is_first && self->deadline == MP_DEADLINE_NEVER &&
         g_task_get_cancellable (self->task) == NULL &&
         g_queue_peek_head (&mp_exchange_get_lane (self->exchange, transfer)->transfers) != transfer;
}

/* With the lock its source is attached, too, unless it is loose: who has the lock next knows it, and GLib has no lock
 * for a source before it has a context.
 */
static void
begin_locked (TransferSource *self)
{
  MpTransfer *transfer = &self->transfer;
  MpLane *lane = mp_exchange_get_lane (self->exchange, transfer);

  mp_hold_up_begin (&transfer->hold_up, &lane->hold_up);
  mp_exchange_enqueue_locked (self->exchange, transfer);
  mp_exchange_serve_locked (self->exchange, lane);

  transfer->context = g_task_get_context (self->task);
  if (transfer->is_queued)
    mp_exchange_note_context_locked (self->exchange, transfer);
  transfer->is_loose = self->was_loose = can_be_loose_locked (self);
  if (transfer->is_loose)
    return;

  if (transfer->is_queued)
    mp_exchange_attach_loose_locked (self->exchange, transfer);
  g_source_attach (&self->source, transfer->context);
  if (transfer->is_first)
    mp_exchange_appoint_pollers_locked (self->exchange, lane);
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
  TransferSource *transfer_source;
  gboolean was_loose;
  GSource *source;
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

  g_source_set_ready_time (source, transfer_source->deadline);

  mp_exchange_lock (self);
  begin_locked (transfer_source);
  was_loose = transfer_source->was_loose;
  mp_exchange_unlock (self);

  if (!was_loose)
    g_source_unref (source);
}
