/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-tls-channel-private.h"

#include <errno.h>

#include "mp-error.h"
#include "mp-fd-stream-private.h"

struct _MpTlsChannel
{
  GTlsConnection *connection;
  GIOStream *base;
  GPollableInputStream *input;
  GPollableOutputStream *output;
  gboolean has_ended;  /* nothing more is read */
  int end;             /* why: 0 or an errno */
};

/*< private >
 * mp_tls_channel_new:
 * @connection: (transfer full): one whose handshake is over
 * @base: the mp_fd_stream_new() below it
 */
MpTlsChannel *
mp_tls_channel_new (GTlsConnection *connection,
                    GIOStream      *base)
{
  MpTlsChannel *self = g_new0 (MpTlsChannel, 1);

  self->connection = connection;
  self->base = g_object_ref (base);
  self->input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  self->output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (G_IO_STREAM (connection)));
  mp_fd_stream_set_waiting (base, FALSE);

  return self;
}

/*< private >
 * mp_tls_channel_free:
 *
 * Says nothing to the other end.
 */
void
mp_tls_channel_free (MpTlsChannel *self)
{
  mp_fd_stream_detach (self->base);
  g_object_unref (self->connection);
  g_object_unref (self->base);
  g_free (self);
}

/* GIO's errors as those of a socket.  What is wrong with the bytes themselves was done by somebody in between. */
static int
to_errno (const GError *error)
{
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_EOF) ||
      g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_CERTIFICATE_REQUIRED))
    return ECONNRESET;

  if (error->domain == G_TLS_ERROR)
    return EBADMSG;

  switch (error->domain == G_IO_ERROR ? error->code : G_IO_ERROR_FAILED)
    {
    case G_IO_ERROR_WOULD_BLOCK:
      return EAGAIN;

    case G_IO_ERROR_TIMED_OUT:
      return ETIMEDOUT;

    case G_IO_ERROR_BROKEN_PIPE:
      return EPIPE;

    default:
      return ECONNRESET;
    }
}

/*< private >
 * mp_tls_channel_read:
 * @size: at least %MP_TLS_RECORD_MAX for who polls the socket afterwards
 * @n_read: (out): 0 at the end
 *
 * Returns: 0 or an errno: EBADMSG for what is no TLS of the other end's
 */
int
mp_tls_channel_read (MpTlsChannel *self,
                     guint8       *data,
                     gsize         size,
                     gsize        *n_read)
{
  g_autoptr (GError) error = NULL;
  gssize n;

  *n_read = 0;
  if (self->has_ended)
    return self->end;

  n = g_pollable_input_stream_read_nonblocking (self->input, data, size, NULL, &error);
  if (n > 0)
    *n_read = (gsize) n;
  else
    self->end = n < 0 ? to_errno (error) : 0;
  self->has_ended = n <= 0 && self->end != EAGAIN;

  return n <= 0 ? self->end : 0;
}

/*< private >
 * mp_tls_channel_write:
 * @size: at most %MP_TLS_RECORD_MAX
 * @n_written: (out): how much the socket took, as records; 0 with EAGAIN
 *
 * After EAGAIN some of the bytes may be on their way: the next call must bring the same.
 *
 * Returns: 0 or an errno
 */
int
mp_tls_channel_write (MpTlsChannel *self,
                      const guint8 *data,
                      gsize         size,
                      gsize        *n_written)
{
  g_autoptr (GError) error = NULL;
  gssize n = g_pollable_output_stream_write_nonblocking (self->output, data, size, NULL, &error);

  *n_written = (gsize) MAX (n, 0);
  return n < 0 ? to_errno (error) : 0;
}

/*< private >
 * mp_tls_channel_end:
 *
 * Tells the other end that nothing more comes, if the socket takes that now.
 */
void
mp_tls_channel_end (MpTlsChannel *self)
{
  g_io_stream_close (G_IO_STREAM (self->connection), NULL, NULL);
}

/*< private >
 * mp_tls_channel_get_exporter:
 *
 * Gets what both ends know of this TLS, and nobody who has one with each of them can make equal: see
 * mp-binding-private.h.
 *
 * Returns: (transfer full) (nullable): the bytes
 */
GByteArray *
mp_tls_channel_get_exporter (MpTlsChannel  *self,
                             GError       **error)
{
  g_autoptr (GByteArray) exporter = g_byte_array_new ();
  g_autoptr (GError) reason = NULL;

  if (g_tls_connection_get_channel_binding_data (self->connection, G_TLS_CHANNEL_BINDING_TLS_EXPORTER, exporter,
                                                 &reason))
    return g_steal_pointer (&exporter);

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
               "GIO's TLS does not tell what a connection is bound by (%s); install glib-networking 2.74 or later",
               reason->message);
  return NULL;
}
