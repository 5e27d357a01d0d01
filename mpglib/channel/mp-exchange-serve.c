/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-exchange-base-private.h"
#include "mp-origin-private.h"
#include "mp-short-lock-private.h"

/* Doing what the transfers of a lane want. */

void
mp_exchange_tell_end_locked (MpExchange *self)
{
  const GError *reason = mp_conduit_get_end (&self->conduit);

  if (reason == NULL || self->has_ended || mp_conduit_has_received (&self->conduit))
    return;

  self->has_ended = TRUE;
  self->events->ended (self->owner);
  self->untold_end = g_error_copy (reason);
}

/* A thread waits as long as it has to, a main loop for a moment. */
static void
begin_look (MpTransfer *transfer,
            MpPatience *patience)
{
  *patience = (MpPatience) { 0 };
  if (transfer->source != NULL)
    mp_hold_up_begin_look (&transfer->hold_up, patience);
  else
    mp_patience_begin (patience);
}

static MpIoStatus
hold_on (MpTransfer  *transfer,
         MpIoStatus   status,
         GError     **error)
{
  if (transfer->source == NULL || !mp_hold_up_note (&transfer->hold_up, status == MP_IO_FAILED, error))
    return status;

  g_source_set_ready_time (transfer->source, transfer->hold_up.next_try);
  return MP_IO_AGAIN;
}

/* Whether the transfer is done. */
static gboolean
serve_sender_locked (MpExchange *self,
                     MpTransfer *transfer)
{
  GError *error = NULL;
  MpPatience patience;
  MpIoStatus status;

  begin_look (transfer, &patience);
  if (!transfer->has_begun)
    status = mp_conduit_send (&self->conduit, transfer->frame, &error);
  else
    status = mp_transport_flush (self->conduit.transport, &error);
  mp_patience_end (&patience);
  status = hold_on (transfer, status, &error);

  /* Sent, but for parts that wait for room. */
  if (status == MP_IO_DONE && mp_transport_get_n_queued (self->conduit.transport) > 0)
    {
      transfer->has_begun = TRUE;
      status = mp_transport_flush (self->conduit.transport, &error);
    }

  if (status == MP_IO_AGAIN)
    return FALSE;

  mp_exchange_finish_locked (self, transfer, error);
  return TRUE;
}

/* Whether a message is what a transfer wants.  If not it stays. */
static gboolean
check_accept (const MpTransfer *transfer,
              MpFrame          *frame,
              GError          **error)
{
  const char *codec = mp_frame_get_wire_codec (frame);
  gsize length = g_bytes_get_size (mp_frame_get_body (frame));
  gboolean is_value = codec[0] == '=';

  if ((transfer->accept == MP_ACCEPT_VALUE && !is_value) || (transfer->accept == MP_ACCEPT_BYTES && is_value))
    {
      if (is_value)
        g_set_error_literal (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                             "The message is a value, not bytes: receive it as a value, or by receive_message()");
      else
        g_set_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                     "The message is bytes of the codec \"%s\", not a value: let its sender send a GVariant, or take "
                     "the bytes with receive_data(), or receive_message()", codec);
      return FALSE;
    }

  if (transfer->max_length > 0 && length > transfer->max_length)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT,
                   "The message has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT
                   " at most; it waits to be received", length, transfer->max_length);
      return FALSE;
    }

  return TRUE;
}

/* A frame that is nobody's message: a peer that is no Connection. */
static gboolean
is_message (const MpFrame *frame)
{
  return frame->kind == MP_FRAME_MESSAGE && mp_frame_has_message (frame);
}

static gboolean
serve_receiver_locked (MpExchange *self,
                       MpTransfer *transfer)
{
  MpFrame *frame;
  GError *error = NULL;
  MpPatience patience;
  MpIoStatus status;

  /* Whoever only waits leaves it to others who have this end. */
  if (transfer->kind == MP_TRANSFER_READABLE && !self->is_closed && mp_conduit_is_ring_next (&self->conduit))
    {
      mp_exchange_finish_locked (self, transfer, NULL);
      return TRUE;
    }

  begin_look (transfer, &patience);
  status = hold_on (transfer, mp_conduit_peek (&self->conduit, &frame, &error), &error);
  mp_patience_end (&patience);
  if (status == MP_IO_AGAIN)
    return FALSE;

  if (transfer->kind == MP_TRANSFER_READABLE && !self->is_closed)
    {
      /* A loss is to be told by the next receive, so it is one that would not
       * wait; the end of the other side likewise.
       */
      if (status == MP_IO_FAILED && mp_conduit_get_end (&self->conduit) == NULL)
        mp_conduit_unget_loss (&self->conduit, g_steal_pointer (&error));
      g_clear_error (&error);
    }
  else if (status == MP_IO_DONE && !is_message (frame))
    {
      mp_conduit_take_peeked (&self->conduit, frame);
      mp_frame_free (frame);
      g_set_error (&error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent something that is no message");
    }
  else if (status == MP_IO_DONE && check_accept (transfer, frame, &error))
    {
      mp_conduit_take_peeked (&self->conduit, frame);
      transfer->frame = frame;
    }

  mp_exchange_finish_locked (self, transfer, error);
  return TRUE;
}

/* Serves the transfers of a lane, first come, first served, as far as it goes
 * without waiting.
 */
void
mp_exchange_serve_lane_locked (MpExchange *self,
                               MpLane     *lane)
{
  MpTransfer *first;

  if (self->origin != mp_origin_get ())
    return;

  do
    while ((first = g_queue_peek_head (&lane->transfers)) != NULL)
      if (!(lane == &self->senders ? serve_sender_locked (self, first) : serve_receiver_locked (self, first)))
        break;
  while (mp_exchange_arm_locked (self, lane));

  mp_exchange_appoint_pollers_locked (self, lane);
  mp_exchange_show_kept_locked (self);
  mp_exchange_tell_end_locked (self);

  /* Read by another, for nobody: a sender that found the peer gone, a receiver
   * that did not take it.
   */
  if (self->reader != NULL && !self->is_held_up && g_queue_is_empty (&self->receivers.transfers) &&
      (mp_conduit_has_received (&self->conduit) || mp_conduit_get_end (&self->conduit) != NULL))
    g_source_set_ready_time (self->reader, 0);
}

void
mp_exchange_serve_locked (MpExchange *self,
                          MpLane     *lane)
{
  mp_exchange_hear_locked (self, FALSE);
  mp_exchange_serve_lane_locked (self, lane);
}

/* Takes the error.  What has begun to go in parts is taken back. */
void
mp_exchange_withdraw_locked (MpExchange *self,
                             MpTransfer *transfer,
                             GError     *error)
{
  if (transfer->has_begun)
    mp_transport_abandon (self->conduit.transport);

  mp_exchange_finish_locked (self, transfer, error);
  mp_exchange_serve_locked (self, mp_exchange_get_lane (self, transfer));
}

/*< private >
 * mp_transfer_clear:
 */
void
mp_transfer_clear (MpTransfer *transfer)
{
  g_assert (!transfer->is_queued);

  g_clear_pointer (&transfer->frame, mp_frame_free);
  g_clear_error (&transfer->error);
}

GError *
mp_transfer_new_timed_out (MpTransfer *transfer)
{
  GError *error = NULL;

  if (mp_hold_up_is_on (&transfer->hold_up))
    {
      mp_short_lock_set_held (&error);
      return error;
    }

  return g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT,
                      transfer->kind == MP_TRANSFER_SEND ? "No room for the message within the time given"
                                                         : "No message within the time given");
}

/* Whether no more than time is missing: a body is being copied, which has
 * nothing to do with the peer, and is done whatever time was given to that.
 */
gboolean
mp_exchange_can_go_on_locked (MpExchange *self,
                              MpTransfer *transfer)
{
  return g_queue_peek_head (&self->senders.transfers) == transfer && mp_transport_can_go_on (self->conduit.transport);
}
