/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Frames in packets of SOCK_SEQPACKET sockets of one machine: see mp-transport-private.h. */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-packet-io-private.h"
#include "mp-transport-base-private.h"

G_STATIC_ASSERT (MP_TRANSPORT_INLINE_MAX == MP_PACKET_MAX_BODY);
G_STATIC_ASSERT (MP_TRANSPORT_MAX_FDS == MP_PACKET_MAX_FDS);

/* Packets of one body sent in one call. */
#define MAX_PACKET_RUN 16

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

  if (!mp_parcel_fill (parcel, &reason))
    return turn_to_parts (self, parcel, reason, error) ? MP_IO_DONE : MP_IO_FAILED;

  self->can_go_on = !parcel->payload.is_sealed;
  return parcel->payload.is_sealed ? MP_IO_DONE : MP_IO_AGAIN;
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
      return mp_transport_learn_end (self, error);

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

static gboolean
has_begun (MpTransport *self,
           MpParcel    *parcel)
{
  return parcel->form == MP_PARCEL_PARTS && parcel->n_sent > 0;
}

/* What is left of it tells the receiver to forget the rest. */
static gboolean
take_back (MpTransport *self,
           MpParcel    *parcel)
{
  mp_parcel_set_form (parcel, MP_PARCEL_ABANDONED);
  return TRUE;
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
                            parcel->payload.fd, parcel->fds);
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

static gsize
write_body (const MpTransportBody *body,
            guint8                *packet)
{
  gsize size = mp_packet_write_plain (body->codec, body->codec_length, body->length,
                                      packet, MP_TRANSPORT_SHORT_PACKET);

  if (size == 0 || body->length > MP_TRANSPORT_SHORT_PACKET - size)
    return 0;

  if (body->length > 0)
    memcpy (packet + size, body->body, body->length);
  return size + body->length;
}

/* What is not short. */
static gboolean
transmit_body (MpTransport           *self,
               const MpTransportBody *body)
{
  guint8 head[MP_TRANSPORT_SHORT_PACKET];
  gsize size = mp_packet_write_plain (body->codec, body->codec_length, body->length, head, sizeof head);

  return size > 0 && mp_packet_send (self->fd, head, size, body->body, body->length, -1, NULL) == 0;
}

/* --- Receiving packets ----------------------------------------------------- */

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

  if (!mp_transport_check_body (self, packet, error))
    return FALSE;

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

  if (!check_packet (self, received, &packet, &error))
    mp_transport_set_failure (self, error);
  else if (received->lost_fds)
    mp_transport_set_loss (self, &packet, "this process has no file descriptors left");
  else
    mp_transport_take_packet (self, &packet, received->fds, received->n_fds);

  mp_fds_discard (received->fds, received->n_fds);
}

/* FALSE: nothing came, or the end, which is known then. */
static gboolean
has_packet (MpTransport *self,
            int          result,
            MpReceived  *received)
{
  if (result == EAGAIN)
    return FALSE;

  if (result != 0)
    {
      mp_transport_set_failure (self, g_error_new (MP_ERROR, MP_ERROR_FAILED, "Cannot receive: %s",
                                                   g_strerror (result)));
      return FALSE;
    }

  self->n_bytes_read += received->size;
  if (received->size > 0)
    return TRUE;

  mp_fds_discard (received->fds, received->n_fds);
  mp_transport_set_end (self, self->n_peer_holders <= 0);
  return FALSE;
}

/* Reads one packet, whatever it brings: DONE, AGAIN, or what ends it all. */
static MpIoStatus
read_ahead (MpTransport *self,
            GError     **error)
{
  MpIoStatus status = mp_transport_check_usable (self, error);
  MpReceived received;

  if (status != MP_IO_DONE)
    return status;

  if (has_packet (self, mp_packet_receive (self->fd, &received), &received))
    {
      handle_packet (self, &received);
      return mp_transport_check_usable (self, error);
    }

  status = mp_transport_check_usable (self, error);
  return status == MP_IO_DONE ? MP_IO_AGAIN : status;
}

/* A message that is whole, with nothing attached. */
static gboolean
get_body (MpTransport      *self,
          const MpReceived *received,
          MpTransportBody  *body)
{
  MpPacket packet;

  if (received->is_cut || received->n_fds > 0 || received->lost_fds ||
      !mp_packet_decode_plain (received->data, received->size, &packet) || packet.body_length > self->max_body)
    return FALSE;

  *body = (MpTransportBody) { packet.codec, packet.codec_length, packet.body, packet.body_size };
  return TRUE;
}

static gboolean
take_body (MpTransport      *self,
           int               result,
           MpReceived       *received,
           MpTransportWants  wants,
           gconstpointer     user_data,
           MpTransportBody  *body)
{
  if (!has_packet (self, result, received))
    return FALSE;

  if (get_body (self, received, body) && wants (body, user_data))
    return TRUE;

  handle_packet (self, received);
  return FALSE;
}

/* --- Ending and sharing ---------------------------------------------------- */

static void
leave (MpTransport *self)
{
  send_control (self, MP_FRAME_BYE);

  /* A stranger forked from this process may have the descriptor too, and would
   * keep the peer from seeing the end: this shuts it down.
   */
  mp_transport_close_socket (self);
}

/* Whether a packet has reached who is to know of it, or there is nobody who would: what is left in the socket of one
 * who has gone is as good for another holder.
 */
static gboolean
is_settled (int result)
{
  return result == 0 || result == EPIPE || result == ENOTCONN || result == ECONNRESET;
}

static int
share (MpTransport *self,
       GError     **error)
{
  int result, fd;

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
  if (is_settled (result))
    {
      self->is_shared = TRUE;
      return fd;
    }

  mp_fd_close (&fd);
  if (result == EAGAIN)
    g_set_error (error, MP_ERROR, MP_ERROR_FULL,
                 "A connection cannot be shared while its peer does not read");
  else
    mp_transport_learn_end (self, error);
  return -1;
}

/* --- Making ---------------------------------------------------------------- */

static const MpTransportKind packet_kind = {
  .size = sizeof (MpTransport),
  .transmit = transmit,
  .has_begun = has_begun,
  .take_back = take_back,
  .read_ahead = read_ahead,
  .write_body = write_body,
  .transmit_body = transmit_body,
  .take_body = take_body,
  .share = share,
  .leave = leave,
};

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
  return mp_transport_new_of_kind (&packet_kind, fd);
}
