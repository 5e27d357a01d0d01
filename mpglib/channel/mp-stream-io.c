/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-stream-io-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* As much as a socket's buffer usually holds. */
#define BUFFER_SIZE (256 * 1024)

/* A record of which poll() tells whether the socket takes it whole: a fraction of any buffer. */
#define SMALL 1024

/* Reads for nobody before others have their turn. */
#define MAX_RUN 16

/* One for each thread, since what it holds is taken at once. */
static guint8 *
get_thread_buffer (void)
{
  static GPrivate buffer = G_PRIVATE_INIT (g_free);
  guint8 *data = g_private_get (&buffer);

  if (data == NULL)
    {
      data = g_malloc (BUFFER_SIZE);
      g_private_set (&buffer, data);
    }

  return data;
}

static guint
list_pieces (const MpStreamRecord *record,
             struct iovec         *pieces)
{
  const struct iovec all[] = {
    { (gpointer) record->lead, record->lead_size },
    { record->head, record->head_size },
    { (gpointer) record->body, record->body_size },
    { (gpointer) &record->mark, record->mark_size },
  };
  gsize skip = record->n_written;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (skip >= all[i].iov_len)
      skip -= all[i].iov_len;
    else
      {
        pieces[n++] = (struct iovec) { (guint8 *) all[i].iov_base + skip, all[i].iov_len - skip };
        skip = 0;
      }

  return n;
}

static int
write_plain (int             fd,
             MpStreamRecord *record)
{
  struct iovec pieces[4];
  struct msghdr message = { .msg_iov = pieces };
  gssize n;

  message.msg_iovlen = list_pieces (record, pieces);
  do
    n = sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);

  if (n < 0)
    return errno;

  record->n_written += (gsize) n;
  return 0;
}

static gsize
gather (const MpStreamRecord *record,
        gsize                 max_size,
        guint8               *data)
{
  struct iovec pieces[4];
  guint n = list_pieces (record, pieces);
  gsize size = 0;

  for (guint i = 0; i < n && size < max_size; i++)
    {
      gsize n_taken = MIN (pieces[i].iov_len, max_size - size);

      memcpy (data + size, pieces[i].iov_base, n_taken);
      size += n_taken;
    }

  return size;
}

/* What TLS has once got it sends, sooner or later.  So the mark, by which a record can be taken back until then, goes
 * only where there is room: with all of a small record, else alone behind the rest.
 */
static gsize
choose_size (int                   fd,
             const MpStreamRecord *record)
{
  gsize rest = mp_stream_record_get_size (record) - record->n_written;
  struct pollfd room = { fd, POLLOUT, 0 };

  if (rest > SMALL)
    return MIN (rest - record->mark_size, MP_TLS_RECORD_MAX);

  return record->is_held || poll (&room, 1, 0) > 0 ? rest : 0;
}

static int
write_with_tls (const MpStreamIo *self,
                MpStreamRecord   *record)
{
  guint8 *data = get_thread_buffer ();
  gsize size = choose_size (self->fd, record), n_written;
  int result;

  if (size == 0)
    return EAGAIN;

  result = mp_tls_channel_write (self->tls, data, gather (record, size, data), &n_written);
  record->n_written += n_written;
  record->is_held = result == EAGAIN;

  return result;
}

/*< private >
 * mp_stream_write:
 * @record: counts what of it has gone
 *
 * Writes what the socket takes of it.  Never waits.
 *
 * Returns: 0 if something went, or an errno
 */
int
mp_stream_write (const MpStreamIo *self,
                 MpStreamRecord   *record)
{
  return self->tls != NULL ? write_with_tls (self, record) : write_plain (self->fd, record);
}

static int
read_plain (int            fd,
            MpStreamInput *input,
            MpStreamPiece *piece)
{
  gsize room;
  guint8 *reserved = mp_stream_input_reserve (input, &room);
  struct iovec pieces[2] = { { reserved, room }, { get_thread_buffer (), BUFFER_SIZE } };
  struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
  gssize n;

  /* ECONNRESET is said once, by a peer that closed without reading all; after that comes the end. */
  do
    n = recvmsg (fd, &message, MSG_DONTWAIT);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));

  piece->data = pieces[1].iov_base;
  piece->n_reserved = MIN (room, (gsize) MAX (n, 0));
  piece->size = (gsize) MAX (n, 0) - piece->n_reserved;

  return n < 0 ? errno : 0;
}

/* As many records as are there, and fit. */
static int
read_with_tls (MpTlsChannel  *tls,
               MpStreamInput *input,
               MpStreamPiece *piece)
{
  guint8 *data = get_thread_buffer ();
  gsize size = 0, n, room;
  int result;

  /* TLS copies anyway */
  mp_stream_input_reserve (input, &room);
  do
    {
      result = mp_tls_channel_read (tls, data + size, BUFFER_SIZE - size, &n);
      size += n;
    }
  while (n > 0 && BUFFER_SIZE - size >= MP_TLS_RECORD_MAX);

  *piece = (MpStreamPiece) { data, size, 0 };
  /* What was there first is told first; how it ends, by the next read */
  return size > 0 ? 0 : result;
}

/*< private >
 * mp_stream_read:
 * @input: must be fed with the piece, also after an error
 * @piece: (out): what came; nothing at the end of the stream
 *
 * Never waits.
 *
 * Returns: 0 or an errno
 */
int
mp_stream_read (const MpStreamIo *self,
                MpStreamInput    *input,
                MpStreamPiece    *piece)
{
  return self->tls != NULL ? read_with_tls (self->tls, input, piece) : read_plain (self->fd, input, piece);
}

/*< private >
 * mp_stream_read_away:
 *
 * Reads what is in the socket, for nobody; there can be no other read after it.
 *
 * Returns: whether more may come
 */
gboolean
mp_stream_read_away (const MpStreamIo *self)
{
  MpStreamInput none = { 0 };
  MpStreamPiece piece;

  for (guint i = 0; i < MAX_RUN; i++)
    {
      int result = read_plain (self->fd, &none, &piece);

      if (result != 0 || piece.size == 0)
        return result == EAGAIN;
    }

  return TRUE;
}
