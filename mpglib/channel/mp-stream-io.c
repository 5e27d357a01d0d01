/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-stream-io-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* As much as a socket's buffer usually holds. */
#define BUFFER_SIZE (256 * 1024)

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

/*< private >
 * mp_stream_write:
 * @record: counts what of it has gone
 *
 * Writes what the socket takes of it.  Never waits.
 *
 * Returns: 0 if something went, or an errno
 */
int
mp_stream_write (int             fd,
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

/* One for each thread that reads, since what it holds is taken at once. */
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
mp_stream_read (int            fd,
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
