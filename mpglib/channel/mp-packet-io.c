/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-packet-io-private.h"

/*< private >
 * mp_packet_send:
 * @fd: a socket
 * @payload_fd: the memfd of a large body, or -1
 * @fds: (nullable) (element-type int): descriptors of attachments
 *
 * Never waits.
 *
 * Returns: 0 or an errno
 */
int
mp_packet_send (int            fd,
                const guint8  *head,
                gsize          head_size,
                const guint8  *body,
                gsize          body_size,
                int            payload_fd,
                const GArray  *fds)
{
  union
  {
    char bytes[CMSG_SPACE (MP_PACKET_MAX_ALL_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec pieces[2] = {
    { (gpointer) head, head_size },
    { (gpointer) body, body_size },
  };
  struct msghdr message = { .msg_iov = pieces, .msg_iovlen = body_size > 0 ? 2 : 1 };
  guint n_attached = fds != NULL ? fds->len : 0;
  guint n_fds = n_attached + (payload_fd >= 0 ? 1 : 0);

  if (n_fds > 0)
    {
      struct cmsghdr *header;
      guint8 *data;

      memset (&control, 0, CMSG_SPACE (n_fds * sizeof (int)));
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
      header = CMSG_FIRSTHDR (&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
      data = CMSG_DATA (header);
      if (payload_fd >= 0)
        {
          memcpy (data, &payload_fd, sizeof payload_fd);
          data += sizeof payload_fd;
        }
      if (n_attached > 0)
        memcpy (data, fds->data, n_attached * sizeof (int));
    }

  /* A message header costs the kernel some time. */
  if (n_fds == 0 && body_size == 0)
    return mp_packet_send_whole (fd, head, head_size);

  while (sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    if (errno != EINTR && errno != ECONNRESET)
      return errno;

  return 0;
}

_Thread_local guint8 *mp_packet_buffer;

/* Another of the thread's destructors may receive after this one. */
static void
forget_thread_buffer (gpointer data)
{
  mp_packet_buffer = NULL;
  g_free (data);
}

/* One buffer for each thread that receives, since what it holds is copied out
 * at once.  Aligned, so that the copies' source is.
 */
guint8 *
mp_packet_make_buffer (void)
{
  static GPrivate buffer = G_PRIVATE_INIT (forget_thread_buffer);

  mp_packet_buffer = g_malloc (MP_PACKET_MAX_SIZE);
  g_private_set (&buffer, mp_packet_buffer);
  return mp_packet_buffer;
}

void
mp_packet_take_fds (MpReceived    *received,
                    struct msghdr *message)
{
  struct cmsghdr *header;

  for (header = CMSG_FIRSTHDR (message); header != NULL; header = CMSG_NXTHDR (message, header))
    {
      gsize n;

      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        continue;

      n = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);
      n = MIN (n, MP_PACKET_MAX_ALL_FDS - received->n_fds);
      memcpy (received->fds + received->n_fds, CMSG_DATA (header), n * sizeof (int));
      received->n_fds += (guint) n;
    }
}

/*< private >
 * mp_packet_receive_last:
 * @message: of a receive that found the end
 *
 * Linux looks for a packet, and then for the end: one that is sent between the two, by a peer that goes at once, is
 * behind an end that is told first.  What comes after that look is final.
 *
 * Returns: as recvmsg()
 */
gssize
mp_packet_receive_last (int            fd,
                        struct msghdr *message,
                        gsize          control_size)
{
  gssize size;

  message->msg_controllen = control_size;
  do
    size = recvmsg (fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));

  if (size >= 0)
    return size;

  message->msg_controllen = 0; /* it was a packet without bytes, which nobody sends: the end all the same */
  message->msg_flags = 0;
  return 0;
}

static gssize
peek (int     fd,
      guint8 *data,
      gsize   size)
{
  gssize n;

  do
    n = recv (fd, data, size, MSG_DONTWAIT | MSG_PEEK);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  return n;
}

/*< private >
 * mp_packet_look:
 * @serial: (out): that of the next packet, if it is the first of a message; 0 of all others
 *
 * Takes nothing.
 *
 * Returns: whether there is a packet, or the end of file
 */
gboolean
mp_packet_look (int      fd,
                guint64 *serial)
{
  guint8 header[MP_PACKET_HEADER_SIZE];
  gssize size = peek (fd, header, sizeof header);

  *serial = 0;
  if (size < 0)
    return errno != EAGAIN;

  if (size == 0) /* see mp_packet_receive_last() */
    size = peek (fd, header, sizeof header);
  if (size == sizeof header)
    *serial = mp_packet_get_serial (header);
  return TRUE;
}
