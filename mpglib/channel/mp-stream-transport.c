/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Frames on a SOCK_STREAM socket: see mp-transport-private.h, and mp-stream-format-private.h for
 * what the bytes are.  No descriptors travel, and an end has one holder, since what was
 * read of the stream, and not asked for yet, is in its memory.
 */

#include "config.h"

#include <errno.h>

#include "mp-error.h"
#include "mp-farewell-private.h"
#include "mp-fd-private.h"
#include "mp-origin-private.h"
#include "mp-stream-io-private.h"
#include "mp-transport-base-private.h"

/* Writes of one call. */
#define MAX_RUN 16

typedef struct
{
  MpTransport base;
  MpTlsChannel *tls;     /* NULL: plain */

  MpStreamRecord record; /* on its way; not open: none is */
  MpParcel *parcel;      /* whose record that is; NULL: it was given up amid the record */
  MpStreamInput input;
} MpStreamTransport;

static MpStreamTransport *
cast (MpTransport *transport)
{
  return (MpStreamTransport *) transport;
}

static MpStreamIo
get_io (MpStreamTransport *self)
{
  return (MpStreamIo) { self->base.fd, self->tls };
}

/* --- Sending --------------------------------------------------------------------- */

static gboolean
admit (MpTransport  *transport,
       MpParcel     *parcel,
       GError      **error)
{
  return cast (transport)->input.format->admit (parcel, error);
}

/* Writes the record that is open.  DONE: it has gone. */
static MpIoStatus
write_record (MpStreamTransport *self,
              guint             *n_writes,
              GError           **error)
{
  MpStreamIo io = get_io (self);

  while (self->record.n_written < mp_stream_record_get_size (&self->record))
    {
      int result;

      if (++*n_writes > MAX_RUN)
        {
          self->base.can_go_on = TRUE;
          return MP_IO_AGAIN;
        }

      result = mp_stream_write (&io, &self->record);
      if (result == EAGAIN)
        return MP_IO_AGAIN;

      /* Whatever it was: nothing can follow what may be torn */
      if (result != 0)
        return mp_transport_learn_end (&self->base, error);
    }

  mp_stream_record_clear (&self->record);
  return MP_IO_DONE;
}

/* Nothing of it has gone, so the parcel may as well never be sent. */
static void
unwrite_record (MpStreamTransport *self,
                MpParcel          *parcel)
{
  if (!mp_stream_record_is_open (&self->record) || self->record.n_written > 0 || self->record.is_held)
    return;

  mp_stream_record_clear (&self->record);
  self->parcel = NULL;
}

static MpIoStatus
transmit (MpTransport *transport,
          MpParcel    *parcel,
          GError     **error)
{
  MpStreamTransport *self = cast (transport);
  guint n_writes = 0;

  for (;;)
    {
      MpIoStatus status;
      gsize body_size;

      if (!mp_stream_record_is_open (&self->record) &&
          !self->input.format->encode (parcel, &self->record, error))
        {
          mp_stream_record_clear (&self->record);
          return MP_IO_FAILED;
        }

      self->parcel = parcel;
      body_size = self->record.body_size;
      status = write_record (self, &n_writes, error);
      if (status != MP_IO_DONE)
        {
          unwrite_record (self, parcel);
          return status;
        }

      self->parcel = NULL;
      if (mp_parcel_packet_sent (parcel, body_size))
        return MP_IO_DONE;
    }
}

static gboolean
has_begun (MpTransport *transport,
           MpParcel    *parcel)
{
  if (parcel->form == MP_PARCEL_ABANDONED)
    return FALSE;

  return parcel->n_sent > 0 || cast (transport)->parcel == parcel;
}

/* A record that has begun goes to its end.  The mark behind it says that it is none; if
 * there can be no mark the frame is sent, after all.
 */
static gboolean
take_back (MpTransport *transport,
           MpParcel    *parcel)
{
  MpStreamTransport *self = cast (transport);

  if (self->parcel == parcel)
    {
      self->record.mark = MP_STREAM_MARK_TAKEN_BACK;
      self->parcel = NULL;
    }

  if (parcel->form != MP_PARCEL_PARTS || parcel->n_sent == 0)
    return FALSE;

  mp_parcel_set_form (parcel, MP_PARCEL_ABANDONED);
  return TRUE;
}

static MpIoStatus
finish (MpTransport  *transport,
        GError      **error)
{
  MpStreamTransport *self = cast (transport);
  guint n_writes = 0;

  if (!mp_stream_record_is_open (&self->record) || self->parcel != NULL)
    return MP_IO_DONE;

  return write_record (self, &n_writes, error);
}

/* --- Receiving --------------------------------------------------------------------- */

static gboolean
check_packet (MpStreamTransport  *self,
              const MpPacket     *packet,
              GError            **error)
{
  if (self->base.n_peer_holders <= 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a packet from the peer: it comes after the last one");
      return FALSE;
    }

  return mp_transport_check_body (&self->base, packet, error);
}

static gboolean
take_record (gpointer      data,
             const guint8 *record,
             gsize         size)
{
  MpStreamTransport *self = data;
  GError *error = NULL;
  MpPacket packet;

  if (!self->input.format->decode (record, size, &packet, &error))
    {
      mp_transport_set_failure (&self->base, error);
      return FALSE;
    }

  if (packet.kind == 0)
    return TRUE;

  if (check_packet (self, &packet, &error))
    mp_transport_take_packet (&self->base, &packet, NULL, 0);
  else
    mp_transport_set_failure (&self->base, error);

  return self->base.failure == NULL;
}

static void
take_end (MpStreamTransport *self,
          int                reason)
{
  gboolean is_orderly = self->input.format->has_bye ? self->base.n_peer_holders <= 0 : reason == 0;

  if (!is_orderly && reason != 0 && self->base.end == NULL)
    self->base.end = g_error_new (MP_ERROR, MP_ERROR_PEER_DIED, "The connection was lost: %s", g_strerror (reason));

  mp_transport_set_end (&self->base, is_orderly && !mp_stream_input_is_amid (&self->input));
}

static MpIoStatus
read_ahead (MpTransport  *transport,
            GError      **error)
{
  MpStreamTransport *self = cast (transport);
  MpIoStatus status = mp_transport_check_usable (transport, error);
  MpStreamIo io = get_io (self);
  GError *failure = NULL;
  MpStreamPiece piece;
  int result;

  if (status != MP_IO_DONE)
    return status;

  self->input.max_body = transport->max_body;
  result = mp_stream_read (&io, &self->input, &piece);
  transport->n_bytes_read += piece.n_reserved + piece.size;
  if (!mp_stream_input_feed (&self->input, piece.n_reserved, piece.data, piece.size, take_record, self, &failure) &&
      failure != NULL)
    mp_transport_set_failure (transport, failure);

  if (result == EAGAIN)
    return MP_IO_AGAIN;
  if (result == EBADMSG)
    mp_transport_set_failure (transport, g_error_new (MP_ERROR, MP_ERROR_CORRUPTED,
                                                      "What came is not what the other end has sent over TLS"));
  else if (result != 0 || piece.n_reserved + piece.size == 0)
    take_end (self, result);

  return mp_transport_check_usable (transport, error);
}

/* --- The end ----------------------------------------------------------------------- */

static int
share (MpTransport  *transport,
       GError      **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
               "A connection over a network is this process's alone; let the other process connect for itself, or "
               "pass on what is received");
  return -1;
}

/* Never waits, so what the socket does not take now is somebody else's. */
static void
leave (MpTransport *transport)
{
  MpStreamTransport *self = cast (transport);
  MpStreamRecord last = { 0 };

  if (transport->failure == NULL && self->input.format->has_bye)
    mp_stream_record_say_bye (&last);

  mp_farewell (get_io (self), &self->record, &last);
  self->tls = NULL;
  transport->fd = -1;
}

static void
clear (MpTransport *transport)
{
  MpStreamTransport *self = cast (transport);

  /* In a forked process it may be amid anything, with locks that threads have which are not here: so it stays */
  if (transport->origin != mp_origin_get ())
    return;

  g_clear_pointer (&self->tls, mp_tls_channel_free);
  mp_stream_record_clear (&self->record);
  mp_stream_input_clear (&self->input);
}

/* --- Making ------------------------------------------------------------------------ */

static const MpTransportKind stream_kind = {
  .size = sizeof (MpStreamTransport),
  .admit = admit,
  .transmit = transmit,
  .has_begun = has_begun,
  .take_back = take_back,
  .finish = finish,
  .read_ahead = read_ahead,
  .share = share,
  .leave = leave,
  .clear = clear,
};

static MpTransport *
new_with_format (int                   fd,
                 MpTlsChannel         *tls,
                 const MpStreamFormat *format)
{
  MpTransport *self = mp_transport_new_of_kind (&stream_kind, fd);

  cast (self)->input.format = format;
  cast (self)->tls = tls;

  return self;
}

/*< private >
 * mp_transport_new_stream:
 * @fd: a connected socket of the type SOCK_STREAM; taken
 */
MpTransport *
mp_transport_new_stream (int fd)
{
  return new_with_format (fd, NULL, &mp_stream_format_native);
}

/*< private >
 * mp_transport_new_of_form:
 * @fd: a connected socket of the type that the form has; taken
 * @tls: (nullable): what is on it, of a stream; taken
 *
 * What TLS has read already, with what was to be read before, is looked at by who calls mp_transport_look_ahead().
 */
MpTransport *
mp_transport_new_of_form (MpTransportForm form,
                          int             fd,
                          MpTlsChannel   *tls)
{
  switch (form)
    {
    case MP_TRANSPORT_STREAM:
      return new_with_format (fd, tls, &mp_stream_format_native);

    case MP_TRANSPORT_PYTHON:
      return new_with_format (fd, tls, &mp_stream_format_python);

    case MP_TRANSPORT_PACKETS:
    default:
      return mp_transport_new (fd);
    }
}
