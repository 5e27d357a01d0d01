/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <poll.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-origin-private.h"
#include "mp-patience-private.h"
#include "mp-transport-base-private.h"

/* Reads of one call that bring their caller nothing. */
#define MAX_CONTROL_RUN 256

/* What is read of a peer that a send has found gone: more than any socket's buffer
 * holds, unless a privileged process has made it larger.  Who still writes has
 * only shut down its reading, and would have us read for ever.
 */
#define MAX_LAST_PACKETS 4096
#define MAX_LAST_BYTES   (16 * 1024 * 1024)

/* --- Life ------------------------------------------------------------------ */

/*< private >
 * mp_transport_new_of_kind:
 * @fd: a socket; taken
 */
MpTransport *
mp_transport_new_of_kind (const MpTransportKind *kind,
                          int                    fd)
{
  MpTransport *self = g_malloc0 (kind->size);

  self->kind = kind;
  self->fd = fd;
  self->origin = mp_origin_get ();
  self->max_body = MIN (MP_TRANSPORT_MAX_BODY, G_MAXSIZE);
  self->max_peer_body = G_MAXUINT64;
  self->n_peer_holders = 1;
  g_queue_init (&self->queue);
  g_queue_init (&self->kept);

  return self;
}

static gboolean
is_foreign (MpTransport *self)
{
  return self->origin != mp_origin_get ();
}

/* What a forked process finds in its copies of the queues is the other one's to
 * send, take or give back.
 */
static void
drop_queue (MpTransport *self)
{
  if (is_foreign (self))
    for (GList *link = self->queue.head; link != NULL; link = link->next)
      mp_parcel_disown (link->data);

  g_queue_clear_full (&self->queue, (GDestroyNotify) mp_parcel_free);
  self->wants_room = FALSE;
}

/*< private >
 * mp_transport_close_socket:
 *
 * Nobody reads what has come any more, unless another process does.
 */
void
mp_transport_close_socket (MpTransport *self)
{
  if (is_foreign (self))
    mp_fd_close (&self->fd);
  else if (self->is_shared)
    mp_discard_shared_socket (&self->fd);
  else
    mp_discard_socket (&self->fd);
}

/*< private >
 * mp_transport_free:
 *
 * Without a BYE, unless mp_transport_close() came before: as if this process had
 * died.
 */
void
mp_transport_free (MpTransport *self)
{
  drop_queue (self);
  if (!is_foreign (self))
    {
      g_queue_clear_full (&self->kept, (GDestroyNotify) mp_frame_free);
      mp_assembly_clear (&self->assembly);
    }
  g_clear_error (&self->loss);
  g_clear_error (&self->end);
  g_clear_error (&self->failure);
  mp_transport_close_socket (self);
  if (self->kind->clear != NULL)
    self->kind->clear (self);
  g_free (self);
}

int
mp_transport_get_fd (MpTransport *self)
{
  return self->fd;
}

/*< private >
 * mp_transport_set_max_body:
 * @bytes: a peer that announces a longer body is not listened to any more
 */
void
mp_transport_set_max_body (MpTransport *self,
                           guint64      bytes)
{
  self->max_body = MIN (bytes, G_MAXSIZE);
}

/*< private >
 * mp_transport_set_max_peer_body:
 * @bytes: what the peer has said that it takes: nothing longer is sent to it
 */
void
mp_transport_set_max_peer_body (MpTransport *self,
                                guint64      bytes)
{
  self->max_peer_body = bytes;
}

/*< private >
 * mp_transport_set_raw:
 * @is_raw: whether frames without attachments are to come raw; see mp_frame_new_raw()
 */
void
mp_transport_set_raw (MpTransport *self,
                      gboolean     is_raw)
{
  self->assembly.is_raw = is_raw;
}

static MpIoStatus
report (MpIoStatus     status,
        const GError  *reason,
        GError       **error)
{
  g_propagate_error (error, g_error_copy (reason));
  return status;
}

/*< private >
 * mp_transport_set_end:
 *
 * Nothing more comes.  The first reason stays.  Where this end has several holders each packet of the peer's that
 * says of its own has come to one of them only; a witness, if there is one, knows of all.
 */
void
mp_transport_set_end (MpTransport *self,
         gboolean     is_orderly)
{
  if (self->end != NULL)
    return;

  if (self->witness != NULL)
    is_orderly = self->witness (self->witness_data);

  if (is_orderly)
    self->end = g_error_new_literal (MP_ERROR, MP_ERROR_CLOSED, "The other end was closed");
  else
    self->end = g_error_new_literal (MP_ERROR, MP_ERROR_PEER_DIED, "The process at the other end died");
}

MpIoStatus
mp_transport_check_usable (MpTransport *self,
              GError     **error)
{
  if (self->failure != NULL)
    return report (MP_IO_FAILED, self->failure, error);

  if (self->end != NULL)
    return report (MP_IO_CLOSED, self->end, error);

  return MP_IO_DONE;
}

/* --- Sending parcels ------------------------------------------------------- */

/*< private >
 * mp_transport_learn_end:
 *
 * The peer is gone.  What it has sent before says how.
 */
MpIoStatus
mp_transport_learn_end (MpTransport *self,
           GError     **error)
{
  guint64 enough = self->n_bytes_read + MAX_LAST_BYTES;

  for (guint i = 0; i < MAX_LAST_PACKETS && self->n_bytes_read < enough; i++)
    if (self->kind->read_ahead (self, NULL) != MP_IO_DONE)
      break;

  mp_transport_set_end (self, FALSE);
  return mp_transport_check_usable (self, error);
}

MpIoStatus
mp_transport_check_sendable (MpTransport *self,
                GError     **error)
{
  self->wants_room = self->can_go_on = FALSE;

  if (self->fd < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "This end was closed");
      return MP_IO_CLOSED;
    }

  return mp_transport_check_usable (self, error);
}

/*< private >
 * mp_transport_prepare:
 *
 * Packs what is attached to the frame, which the first attempt to send does
 * otherwise.  Packing takes locks of the attached objects, and waits for them as long as the
 * thread has patience; so whoever calls the transport with a lock of his own prepares before.
 */
gboolean
mp_transport_prepare (MpFrame  *frame,
                      GError  **error)
{
  if (frame->parcel == NULL)
    frame->parcel = mp_parcel_new (frame, error);

  return frame->parcel != NULL;
}

static gboolean
check_parcel (MpTransport  *self,
              MpParcel     *parcel,
              GError      **error)
{
  if (mp_parcel_get_size (parcel) <= self->max_peer_body)
    return self->kind->admit == NULL || self->kind->admit (self, parcel, error);

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "The message has %" G_GSIZE_FORMAT " bytes, and the other end takes %" G_GUINT64_FORMAT " at most",
               mp_parcel_get_size (parcel), self->max_peer_body);
  return FALSE;
}

/* Whoever sends may have a lock. */
static gboolean
prepare_at_once (MpTransport  *self,
                 MpFrame      *frame,
                 GError      **error)
{
  MpPatience none = MP_PATIENCE_SPENT;
  gboolean is_prepared;

  mp_patience_begin (&none);
  is_prepared = mp_transport_prepare (frame, error);
  mp_patience_end (&none);
  if (!is_prepared || check_parcel (self, frame->parcel, error))
    return is_prepared;

  g_clear_pointer (&frame->parcel, mp_parcel_free);
  return FALSE;
}

/* One that has begun and cannot or shall not go on. */
static void
take_back_first (MpTransport *self)
{
  if (!self->kind->take_back (self, g_queue_peek_head (&self->queue)))
    mp_parcel_free (g_queue_pop_head (&self->queue));
}

/*< private >
 * mp_transport_send:
 * @frame: stays the caller's; to be given again after AGAIN
 *
 * Sends now or not at all.  Frames queued by push go first.  DONE with
 * mp_transport_get_n_queued() above zero means that the frame has begun to go, and
 * not all of it has; flush until it is zero, or abandon.
 */
MpIoStatus
mp_transport_send (MpTransport *self,
                   MpFrame     *frame,
                   GError     **error)
{
  MpIoStatus status = mp_transport_flush (self, error);

  if (status != MP_IO_DONE)
    return status;

  if (!prepare_at_once (self, frame, error))
    return MP_IO_FAILED;

  status = self->kind->transmit (self, frame->parcel, error);
  self->wants_room = status == MP_IO_AGAIN;
  if (status != MP_IO_DONE && self->kind->has_begun (self, frame->parcel))
    {
      g_queue_push_head (&self->queue, g_steal_pointer (&frame->parcel));
      if (status == MP_IO_FAILED)
        take_back_first (self);
      return status == MP_IO_AGAIN ? MP_IO_DONE : status;
    }

  if (status == MP_IO_DONE)
    g_clear_pointer (&frame->parcel, mp_parcel_free);
  return status;
}

/*< private >
 * mp_transport_push:
 * @frame: (transfer full): the frame
 *
 * Queues the frame and sends what can be sent.  AGAIN: it waits in the queue.
 * FAILED: this frame, or one before it, cannot be sent at all and was dropped.
 */
MpIoStatus
mp_transport_push (MpTransport *self,
                   MpFrame     *frame,
                   GError     **error)
{
  MpIoStatus status = mp_transport_check_sendable (self, error);

  if (status == MP_IO_DONE && !prepare_at_once (self, frame, error))
    status = MP_IO_FAILED;

  if (status == MP_IO_DONE)
    g_queue_push_tail (&self->queue, g_steal_pointer (&frame->parcel));
  mp_frame_free (frame);

  return status == MP_IO_DONE ? mp_transport_flush (self, error) : status;
}

/*< private >
 * mp_transport_flush:
 *
 * Sends what is queued.  FAILED: the first frame of the queue cannot be sent and
 * was dropped; flush again for the others.
 */
MpIoStatus
mp_transport_flush (MpTransport *self,
                    GError     **error)
{
  MpIoStatus status = mp_transport_check_sendable (self, error);
  MpParcel *parcel;

  if (status == MP_IO_DONE && self->kind->finish != NULL)
    status = self->kind->finish (self, error);
  self->wants_room = status == MP_IO_AGAIN;
  if (status != MP_IO_DONE)
    {
      if (status != MP_IO_AGAIN)
        drop_queue (self);
      return status;
    }

  while ((parcel = g_queue_peek_head (&self->queue)) != NULL)
    {
      status = self->kind->transmit (self, parcel, error);
      if (status == MP_IO_AGAIN)
        {
          self->wants_room = TRUE;
          return MP_IO_AGAIN;
        }

      if (status == MP_IO_FAILED && self->kind->has_begun (self, parcel))
        {
          take_back_first (self);
          return MP_IO_FAILED;
        }

      mp_parcel_free (g_queue_pop_head (&self->queue));
      if (status == MP_IO_CLOSED)
        drop_queue (self);
      if (status != MP_IO_DONE)
        return status;
    }

  return MP_IO_DONE;
}

guint
mp_transport_get_n_queued (MpTransport *self)
{
  return g_queue_get_length (&self->queue);
}

/*< private >
 * mp_transport_abandon:
 *
 * Gives up a frame that has begun to go and is not complete: the receiver forgets
 * it.  The word to it is queued.
 */
void
mp_transport_abandon (MpTransport *self)
{
  MpParcel *parcel = g_queue_peek_head (&self->queue);

  if (parcel == NULL || !self->kind->has_begun (self, parcel))
    return;

  take_back_first (self);
  mp_transport_flush (self, NULL);
}

/*< private >
 * mp_transport_get_send_events:
 *
 * Returns: poll(2) events to wait for before flushing or sending again; 0 if the
 *   last attempt left nothing to send
 */
short
mp_transport_get_send_events (MpTransport *self)
{
  return self->wants_room ? POLLOUT : 0;
}

/*< private >
 * mp_transport_can_go_on:
 *
 * Returns: whether the last attempt to send gave AGAIN without having asked the
 *   socket for room: who cannot wait for that calls again all the same
 */
gboolean
mp_transport_can_go_on (MpTransport *self)
{
  return self->can_go_on;
}

/*< private >
 * mp_transport_get_receive_events:
 *
 * Returns: poll(2) events to wait for before receiving again
 */
short
mp_transport_get_receive_events (MpTransport *self)
{
  return POLLIN;
}

/* --- Receiving packets ----------------------------------------------------- */

/*< private >
 * mp_transport_set_failure:
 * @failure: (transfer full): why nothing more is taken from the peer
 */
void
mp_transport_set_failure (MpTransport *self,
             GError      *failure)
{
  if (self->failure == NULL)
    self->failure = failure;
  else
    g_error_free (failure);

  mp_assembly_clear (&self->assembly);
}

/*< private >
 * mp_transport_set_loss:
 *
 * A message that this process could not take.
 */
void
mp_transport_set_loss (MpTransport    *self,
                       const MpPacket *packet,
                       const char     *reason)
{
  if (self->loss == NULL)
    self->loss = g_error_new (MP_ERROR, MP_ERROR_TOO_BIG, "A message was lost: %s", reason);
  self->lost_serial = packet->serial;

  if ((packet->flags & MP_FRAME_PART) != 0)
    mp_assembly_skip (&self->assembly);
}

static gboolean
is_broken_peer (const GError *error)
{
  return g_error_matches (error, MP_ERROR, MP_ERROR_CORRUPTED) ||
         g_error_matches (error, MP_ERROR, MP_ERROR_REFUSED);
}

static gboolean
handle_control (MpTransport    *self,
                const MpPacket *packet)
{
  switch ((MpFrameKind) packet->kind)
    {
    case MP_FRAME_SHARED:
      self->n_peer_holders++;
      return TRUE;

    case MP_FRAME_BYE:
      self->n_peer_holders--;
      return TRUE;

    default:
      return FALSE;
    }
}

/*< private >
 * mp_transport_check_body:
 *
 * Returns: whether the body may be as long as the packet says
 */
gboolean
mp_transport_check_body (MpTransport     *self,
                         const MpPacket  *packet,
                         GError         **error)
{
  if (packet->body_length <= self->max_body)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "The peer sent a message of %" G_GUINT64_FORMAT " bytes, where %" G_GUINT64_FORMAT
               " are allowed", packet->body_length, self->max_body);
  return FALSE;
}

/*< private >
 * mp_transport_take_packet:
 * @packet: one that was checked
 * @fds: (array length=n_fds): descriptors that came with it; those used are -1 afterwards
 */
void
mp_transport_take_packet (MpTransport    *self,
                          const MpPacket *packet,
                          int            *fds,
                          guint           n_fds)
{
  GError *error = NULL;
  MpFrame *frame = NULL;

  if (handle_control (self, packet))
    return;

  if (mp_assembly_take_packet (&self->assembly, packet, fds, n_fds, &frame, &error))
    {
      if (frame != NULL)
        g_queue_push_tail (&self->kept, frame);
    }
  else if (is_broken_peer (error))
    {
      mp_transport_set_failure (self, error);
    }
  else
    {
      mp_transport_set_loss (self, packet, error->message);
      g_error_free (error);
    }
}

/*< private >
 * mp_transport_peek:
 * @frame: (out) (transfer none): the frame that mp_transport_receive() will give
 */
MpIoStatus
mp_transport_peek (MpTransport *self,
                   MpFrame    **frame,
                   GError     **error)
{
  *frame = NULL;

  if (self->fd < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "This end was closed");
      return MP_IO_CLOSED;
    }

  /* A peer must not hold us with packets that bring nothing; the socket stays
   * readable if it tries.
   */
  for (guint i = 0; i < MAX_CONTROL_RUN; i++)
    {
      MpIoStatus status;

      *frame = g_queue_peek_head (&self->kept);
      if (*frame != NULL)
        return MP_IO_DONE;

      if (self->loss != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&self->loss));
          return MP_IO_FAILED;
        }

      status = self->kind->read_ahead (self, error);
      if (status != MP_IO_DONE)
        return status;
    }

  return MP_IO_AGAIN;
}

/*< private >
 * mp_transport_get_lost_serial:
 *
 * Returns: the serial of the frame whose loss was said last, for who answers
 *   frames
 */
guint64
mp_transport_get_lost_serial (MpTransport *self)
{
  return self->lost_serial;
}

/*< private >
 * mp_transport_unget_loss:
 * @loss: (transfer full): what mp_transport_peek() failed with, to be said again
 */
void
mp_transport_unget_loss (MpTransport *self,
                         GError      *loss)
{
  g_assert (self->loss == NULL);
  self->loss = loss;
}

/*< private >
 * mp_transport_receive:
 * @frame: (out) (transfer full): the next frame, whole
 *
 * SHARED, BYE and parts are handled within.
 */
MpIoStatus
mp_transport_receive (MpTransport *self,
                      MpFrame    **frame,
                      GError     **error)
{
  MpIoStatus status = mp_transport_peek (self, frame, error);

  if (status == MP_IO_DONE)
    g_queue_pop_head (&self->kept);

  return status;
}

/*< private >
 * mp_transport_get_end:
 *
 * Returns: (nullable): why nothing more will come, if that is known; frames read
 *   before may still be there
 */
const GError *
mp_transport_get_end (MpTransport *self)
{
  return self->failure != NULL ? self->failure : self->end;
}

/*< private >
 * mp_transport_look_for_end:
 *
 * Sees whether the peer is gone, without sending anything; mp_transport_get_end() tells.
 */
void
mp_transport_look_for_end (MpTransport *self)
{
  struct pollfd fd = { self->fd, 0, 0 };

  if (self->fd >= 0 && self->end == NULL && poll (&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR)) != 0)
    mp_transport_learn_end (self, NULL);
}

/*< private >
 * mp_transport_has_received:
 *
 * Returns: whether a frame is there without reading the socket: peeked at, or
 *   read when a send found the peer gone
 */
gboolean
mp_transport_has_received (MpTransport *self)
{
  return self->kept.length > 0;
}

/*< private >
 * mp_transport_look_ahead:
 *
 * Reads what is there, and keeps it, since nothing but a read may tell of it: TLS may have bytes that are in the
 * socket no more.
 */
void
mp_transport_look_ahead (MpTransport *self)
{
  self->kind->read_ahead (self, NULL);
}

/* --- Ending and sharing ---------------------------------------------------- */

/*< private >
 * mp_transport_close:
 *
 * Says BYE and closes; what is queued and does not go at once is dropped.  In a
 * process that was forked from the one that made it only closes.
 */
void
mp_transport_close (MpTransport *self)
{
  if (self->fd < 0)
    return;

  if (is_foreign (self))
    {
      drop_queue (self);
      mp_fd_close (&self->fd);
      return;
    }

  while (mp_transport_flush (self, NULL) == MP_IO_FAILED && self->failure == NULL)
    ;
  mp_transport_abandon (self);
  drop_queue (self);
  self->kind->leave (self);
}

/*< private >
 * mp_transport_share:
 *
 * Makes a duplicate for another process and tells the peer of one more holder, if there is one still: what one that has
 * gone has left in the socket can be handed on, until it was read to its end here.
 * Fails with %MP_ERROR_NOT_SHAREABLE for what cannot have two holders,
 * with %MP_ERROR_INVALID_STATE while a body is coming in parts, which two
 * receivers would tear apart, and with %MP_ERROR_FULL if the socket takes
 * nothing more.
 *
 * Returns: a descriptor, closed on exec, or -1
 */
int
mp_transport_share (MpTransport *self,
                    GError     **error)
{
  if (mp_transport_check_sendable (self, error) != MP_IO_DONE)
    return -1;

  return self->kind->share (self, error);
}

/*< private >
 * mp_transport_set_witness:
 * @witness: (nullable): is asked when the end is met
 */
void
mp_transport_set_witness (MpTransport        *self,
                          MpTransportWitness  witness,
                          gpointer            user_data)
{
  self->witness = witness;
  self->witness_data = user_data;
}

/*< private >
 * mp_transport_is_open:
 *
 * Returns: whether mp_transport_close() would say BYE
 */
gboolean
mp_transport_is_open (MpTransport *self)
{
  return self->fd >= 0 && !is_foreign (self);
}

/*< private >
 * mp_transport_set_shared:
 *
 * Says that this end came from another process, which may still have it.
 */
void
mp_transport_set_shared (MpTransport *self)
{
  self->is_shared = TRUE;
}
