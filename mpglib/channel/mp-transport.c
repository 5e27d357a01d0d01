/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "mp-assembly-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-origin-private.h"
#include "mp-packet-io-private.h"
#include "mp-parcel-private.h"
#include "mp-patience-private.h"
#include "mp-transport-private.h"

G_STATIC_ASSERT (MP_TRANSPORT_INLINE_MAX == MP_PACKET_MAX_BODY);
G_STATIC_ASSERT (MP_TRANSPORT_MAX_FDS == MP_PACKET_MAX_FDS);

/* Packets looked at in one call that bring their caller nothing, and packets of
 * one body sent in one call.
 */
#define MAX_CONTROL_RUN 256
#define MAX_PACKET_RUN  16

/* What is read of a peer that a send has found gone: more than any socket's buffer
 * holds, unless a privileged process has made it larger.  Who still writes has
 * only shut down its reading, and would have us read for ever.
 */
#define MAX_LAST_PACKETS 4096
#define MAX_LAST_BYTES   (16 * 1024 * 1024)

struct _MpTransport
{
  int fd;                /* -1 once closed */
  guint32 origin;        /* the process that made this; a forked one leaves the socket alone */
  guint64 max_body;
  guint64 max_peer_body;

  /* Sending */
  GQueue queue;          /* of MpParcel; the first may be half sent */
  gboolean wants_room;   /* the last attempt to send gave AGAIN */
  gboolean can_go_on;    /* because it has done enough for one call */

  /* Receiving */
  GQueue kept;           /* of MpFrame, read and not yet asked for */
  guint64 n_bytes_read;
  MpAssembly assembly;
  GError *loss;          /* a message was lost; to be said once */
  guint64 lost_serial;   /* of the frame that was lost last */

  /* The peer */
  gboolean is_shared;    /* other processes have this end too */
  gint64 n_peer_holders; /* may be too low for a moment: a BYE can overtake a SHARED */
  GError *end;           /* nothing more comes; nullable */
  GError *failure;       /* it sent what cannot be; nullable */
};

static MpIoStatus read_ahead (MpTransport *self,
                              GError     **error);

/* --- Life ------------------------------------------------------------------ */

/*< private >
 * mp_transport_new_pair:
 * @fds: (out): close-on-exec, non-blocking, neither of them 0, 1 or 2
 */
gboolean
mp_transport_new_pair (int      fds[2],
                       GError **error)
{
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, MP_ERROR,
                   saved_errno == EMFILE || saved_errno == ENFILE ? MP_ERROR_TOO_BIG : MP_ERROR_FAILED,
                   "Cannot make a pair of sockets: %s", g_strerror (saved_errno));
      return FALSE;
    }

  /* In a program that runs with its standard streams closed. */
  for (guint i = 0; i < 2; i++)
    {
      int low_fd = fds[i];

      if (low_fd > 2)
        continue;

      fds[i] = mp_fd_duplicate (low_fd, error);
      mp_fd_close (&low_fd);
      if (fds[i] < 0)
        {
          mp_fds_close (fds, 2);
          return FALSE;
        }
    }

  return TRUE;
}

/*< private >
 * mp_transport_new:
 * @fd: one end of a pair of SOCK_SEQPACKET sockets; taken
 */
MpTransport *
mp_transport_new (int fd)
{
  MpTransport *self = g_new0 (MpTransport, 1);

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
  mp_fd_close (&self->fd);
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
 *
 * Frames without attachments are to come raw; see mp_frame_new_raw().
 */
void
mp_transport_set_raw (MpTransport *self)
{
  self->assembly.is_raw = TRUE;
}

static MpIoStatus
report (MpIoStatus     status,
        const GError  *reason,
        GError       **error)
{
  g_propagate_error (error, g_error_copy (reason));
  return status;
}

/* Nothing more comes.  The first reason stays. */
static void
set_end (MpTransport *self,
         gboolean     is_orderly)
{
  if (self->end != NULL)
    return;

  if (is_orderly)
    self->end = g_error_new_literal (MP_ERROR, MP_ERROR_CLOSED, "The other end was closed");
  else
    self->end = g_error_new_literal (MP_ERROR, MP_ERROR_PEER_DIED, "The process at the other end died");
}

static MpIoStatus
check_usable (MpTransport *self,
              GError     **error)
{
  if (self->failure != NULL)
    return report (MP_IO_FAILED, self->failure, error);

  if (self->end != NULL)
    return report (MP_IO_CLOSED, self->end, error);

  return MP_IO_DONE;
}

/* --- Sending packets ------------------------------------------------------- */

/* A packet of the transport's own.  It may use room that no other packet gets,
 * so that a full socket does not keep the peer from hearing of an orderly end.
 */
static int
send_control (MpTransport *self,
              MpFrameKind  kind)
{
  MpPacket packet = { .kind = (guint8) kind };
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (&packet, &size, NULL);
  int result = mp_packet_send (self->fd, head, size, NULL, 0, -1, NULL);
  int room, reported_room;
  socklen_t length = sizeof reported_room;

  if (result != EAGAIN || getsockopt (self->fd, SOL_SOCKET, SO_SNDBUF, &reported_room, &length) != 0)
    return result;

  /* The kernel doubles what is set and reports the double. */
  room = reported_room;
  setsockopt (self->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  result = mp_packet_send (self->fd, head, size, NULL, 0, -1, NULL);
  room = reported_room / 2;
  setsockopt (self->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);

  return result;
}

/* --- Sending parcels ------------------------------------------------------- */

static gboolean
is_among_two (MpTransport *self)
{
  return !self->is_shared && self->n_peer_holders == 1;
}

/* The way for those who have no descriptor.  Takes the error that led here, and
 * gives it back if this way is closed too.
 */
static gboolean
turn_to_parts (MpTransport *self,
               MpParcel    *parcel,
               GError      *reason,
               GError     **error)
{
  gsize size = mp_parcel_get_size (parcel);

  if (is_among_two (self) && size >= 2 && size <= MP_PACKET_MAX_PARTED)
    {
      g_clear_error (&reason);
      mp_parcel_set_form (parcel, MP_PARCEL_PARTS);
      return TRUE;
    }

  g_propagate_error (error, reason);
  return FALSE;
}

/* Copies more of a large body.  DONE: it is all there, or takes another way. */
static MpIoStatus
prepare_large (MpTransport *self,
               MpParcel    *parcel,
               GError     **error)
{
  GError *reason = NULL;
  gboolean is_filled;

  if (!mp_parcel_fill (parcel, &is_filled, &reason))
    return turn_to_parts (self, parcel, reason, error) ? MP_IO_DONE : MP_IO_FAILED;

  self->can_go_on = !is_filled;
  return is_filled ? MP_IO_DONE : MP_IO_AGAIN;
}

/* The peer is gone.  What it has sent before says how. */
static MpIoStatus
learn_end (MpTransport *self,
           GError     **error)
{
  guint64 enough = self->n_bytes_read + MAX_LAST_BYTES;

  for (guint i = 0; i < MAX_LAST_PACKETS && self->n_bytes_read < enough; i++)
    if (read_ahead (self, NULL) != MP_IO_DONE)
      break;

  set_end (self, FALSE);
  return check_usable (self, error);
}

/* After a packet was refused: DONE means that another way is open. */
static MpIoStatus
handle_refusal (MpTransport *self,
                MpParcel    *parcel,
                int          reason,
                GError     **error)
{
  gboolean has_fds = parcel->fds != NULL && parcel->fds->len > 0;
  GError *reason_error = NULL;

  switch (reason)
    {
    case EAGAIN:
      return MP_IO_AGAIN;

    case EPIPE:
    case ENOTCONN:
      return learn_end (self, error);

    case EMSGSIZE:
    case ENOBUFS:
      if (mp_parcel_shrink (parcel))
        return MP_IO_DONE;
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "The message with its attachments does not fit into the socket's buffer: %s",
                   g_strerror (reason));
      return MP_IO_FAILED;

    case ETOOMANYREFS:
      g_set_error (&reason_error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "Too many file descriptors are on their way to other processes");
      if (parcel->form == MP_PARCEL_LARGE && !has_fds)
        return turn_to_parts (self, parcel, reason_error, error) ? MP_IO_DONE : MP_IO_FAILED;
      g_propagate_error (error, reason_error);
      return MP_IO_FAILED;

    default:
      g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "Cannot send: %s", g_strerror (reason));
      return MP_IO_FAILED;
    }
}

/* A parcel fails that has gone in parts: what is left of it tells the receiver
 * to forget them.
 */
static gboolean
must_be_abandoned (const MpParcel *parcel)
{
  return parcel->form == MP_PARCEL_PARTS && parcel->n_sent > 0;
}

/* Sends as many packets of the parcel as go, up to a limit: the receiver may
 * make room as fast as it is used.
 */
static MpIoStatus
transmit (MpTransport *self,
          MpParcel    *parcel,
          GError     **error)
{
  for (guint i = 0; i < MAX_PACKET_RUN; i++)
    {
      MpIoStatus status = MP_IO_DONE;
      const guint8 *body;
      gsize body_size;
      int result;

      if (parcel->form == MP_PARCEL_LARGE)
        {
          status = prepare_large (self, parcel, error);
          if (status != MP_IO_DONE)
            return status;
        }

      if (!mp_parcel_get_packet (parcel, &body, &body_size, error))
        return MP_IO_FAILED;

      result = mp_packet_send (self->fd, parcel->head, parcel->head_size, body, body_size,
                            parcel->payload_fd, parcel->fds);
      if (result == 0)
        {
          if (mp_parcel_packet_sent (parcel, body_size))
            return MP_IO_DONE;
          continue;
        }

      status = handle_refusal (self, parcel, result, error);
      if (status != MP_IO_DONE)
        return status;
    }

  self->can_go_on = TRUE;
  return MP_IO_AGAIN;
}

static MpIoStatus
check_sendable (MpTransport *self,
                GError     **error)
{
  self->wants_room = self->can_go_on = FALSE;

  if (self->fd < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "This end was closed");
      return MP_IO_CLOSED;
    }

  return check_usable (self, error);
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
  if (!is_prepared || mp_parcel_get_size (frame->parcel) <= self->max_peer_body)
    return is_prepared;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "The message has %" G_GSIZE_FORMAT " bytes, and the other end takes %" G_GUINT64_FORMAT " at most",
               mp_parcel_get_size (frame->parcel), self->max_peer_body);
  g_clear_pointer (&frame->parcel, mp_parcel_free);
  return FALSE;
}

/*< private >
 * mp_transport_send:
 * @frame: stays the caller's; to be given again after AGAIN
 *
 * Sends now or not at all.  Frames queued by push go first.  DONE with
 * mp_transport_get_n_queued() above zero means that the frame has begun to go in
 * parts; flush until it is zero, or abandon.
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

  status = transmit (self, frame->parcel, error);
  self->wants_room = status == MP_IO_AGAIN;
  if (status != MP_IO_DONE && must_be_abandoned (frame->parcel))
    {
      if (status == MP_IO_FAILED)
        mp_parcel_set_form (frame->parcel, MP_PARCEL_ABANDONED);
      g_queue_push_head (&self->queue, g_steal_pointer (&frame->parcel));
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
  MpIoStatus status = check_sendable (self, error);

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
  MpIoStatus status = check_sendable (self, error);
  MpParcel *parcel;

  if (status != MP_IO_DONE)
    {
      drop_queue (self);
      return status;
    }

  while ((parcel = g_queue_peek_head (&self->queue)) != NULL)
    {
      status = transmit (self, parcel, error);
      if (status == MP_IO_AGAIN)
        {
          self->wants_room = TRUE;
          return MP_IO_AGAIN;
        }

      if (status == MP_IO_FAILED && must_be_abandoned (parcel))
        {
          mp_parcel_set_form (parcel, MP_PARCEL_ABANDONED);
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
 * Gives up a frame that went in parts and is not complete: the receiver forgets
 * it.  The word to it is queued.
 */
void
mp_transport_abandon (MpTransport *self)
{
  MpParcel *parcel = g_queue_peek_head (&self->queue);

  if (parcel == NULL || !must_be_abandoned (parcel))
    return;

  mp_parcel_set_form (parcel, MP_PARCEL_ABANDONED);
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

static void
set_failure (MpTransport *self,
             GError      *failure)
{
  if (self->failure == NULL)
    self->failure = failure;
  else
    g_error_free (failure);

  mp_assembly_clear (&self->assembly);
}

static gboolean
is_broken_peer (const GError *error)
{
  return g_error_matches (error, MP_ERROR, MP_ERROR_CORRUPTED) ||
         g_error_matches (error, MP_ERROR, MP_ERROR_REFUSED);
}

/* A message that this process could not take. */
static void
set_loss (MpTransport    *self,
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

/* FALSE and an error for what no proper peer sends. */
static gboolean
check_packet (MpTransport       *self,
              const MpReceived  *received,
              MpPacket          *packet,
              GError           **error)
{
  guint n_fds;

  if (received->is_cut)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a packet from the peer: it is too large");
      return FALSE;
    }

  if (!mp_packet_decode (received->data, received->size, packet, error))
    return FALSE;

  if (packet->body_length > self->max_body)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "The peer sent a message of %" G_GUINT64_FORMAT " bytes, where %" G_GUINT64_FORMAT
                   " are allowed", packet->body_length, self->max_body);
      return FALSE;
    }

  n_fds = packet->n_fds + ((packet->flags & MP_FRAME_LARGE) != 0 ? 1u : 0u);
  if (!received->lost_fds && received->n_fds != n_fds)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                   "Refused a packet from the peer: it came with %u descriptors instead of %u",
                   received->n_fds, n_fds);
      return FALSE;
    }

  return TRUE;
}

static void
handle_packet (MpTransport *self,
               MpReceived  *received)
{
  GError *error = NULL;
  MpPacket packet;
  MpFrame *frame = NULL;

  if (!check_packet (self, received, &packet, &error))
    set_failure (self, error);
  else if (received->lost_fds)
    set_loss (self, &packet, "this process has no file descriptors left");
  else if (handle_control (self, &packet))
    ;
  else if (!mp_assembly_take_packet (&self->assembly, &packet, received->fds, received->n_fds,
                                     &frame, &error))
    {
      if (is_broken_peer (error))
        set_failure (self, error);
      else
        {
          set_loss (self, &packet, error->message);
          g_error_free (error);
        }
    }
  else if (frame != NULL)
    g_queue_push_tail (&self->kept, frame);

  mp_fds_close (received->fds, received->n_fds);
}

/* Reads one packet, whatever it brings: DONE, AGAIN, or what ends it all. */
static MpIoStatus
read_ahead (MpTransport *self,
            GError     **error)
{
  MpIoStatus status = check_usable (self, error);
  MpReceived received;
  int result;

  if (status != MP_IO_DONE)
    return status;

  result = mp_packet_receive (self->fd, &received);
  if (result == EAGAIN)
    return MP_IO_AGAIN;

  if (result != 0)
    {
      set_failure (self, g_error_new (MP_ERROR, MP_ERROR_FAILED, "Cannot receive: %s", g_strerror (result)));
      return check_usable (self, error);
    }

  self->n_bytes_read += received.size;
  if (received.size == 0)
    {
      mp_fds_close (received.fds, received.n_fds);
      set_end (self, self->n_peer_holders <= 0);
    }
  else
    handle_packet (self, &received);

  return check_usable (self, error);
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

      status = read_ahead (self, error);
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
 * mp_transport_has_received:
 *
 * Returns: whether a frame is there without reading the socket: peeked at, or
 *   read when a send found the peer gone
 */
gboolean
mp_transport_has_received (MpTransport *self)
{
  return !g_queue_is_empty (&self->kept);
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
  drop_queue (self);

  send_control (self, MP_FRAME_BYE);

  /* A stranger forked from this process may have the descriptor too, and would
   * keep the peer from seeing the end.
   */
  if (!self->is_shared)
    shutdown (self->fd, SHUT_RDWR);

  mp_fd_close (&self->fd);
}

/*< private >
 * mp_transport_share:
 *
 * Makes a duplicate for another process and tells the peer of one more holder.
 * Fails with %MP_ERROR_INVALID_STATE while a body is coming in parts, which two
 * receivers would tear apart, and with %MP_ERROR_FULL if the socket takes
 * nothing more.
 *
 * Returns: a descriptor, closed on exec, or -1
 */
int
mp_transport_share (MpTransport *self,
                    GError     **error)
{
  int result, fd;

  if (check_sendable (self, error) != MP_IO_DONE)
    return -1;

  if (mp_assembly_is_open (&self->assembly))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "A connection cannot be shared while a message arrives on it in parts");
      return -1;
    }

  fd = mp_fd_duplicate (self->fd, error);
  if (fd < 0)
    return -1;

  result = send_control (self, MP_FRAME_SHARED);
  if (result == 0)
    {
      self->is_shared = TRUE;
      return fd;
    }

  mp_fd_close (&fd);
  if (result == EAGAIN)
    g_set_error (error, MP_ERROR, MP_ERROR_FULL,
                 "A connection cannot be shared while its peer does not read");
  else
    learn_end (self, error);
  return -1;
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
