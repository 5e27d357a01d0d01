/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

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

  for (;;)
    {
      /* A message header costs the kernel some time. */
      if ((n_fds == 0 && body_size == 0 ? send (fd, head, head_size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                        : sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0)
        return 0;

      /* ECONNRESET is said once, by a peer that closed without reading all;
       * after that comes the answer.
       */
      if (errno != EINTR && errno != ECONNRESET)
        return errno;
    }
}

static _Thread_local guint8 *thread_buffer;

/* Another of the thread's destructors may receive after this one. */
static void
forget_thread_buffer (gpointer data)
{
  thread_buffer = NULL;
  g_free (data);
}

/* One buffer for each thread that receives, since what it holds is copied out
 * at once.  Aligned, so that the copies' source is.
 */
static guint8 *
get_thread_buffer (void)
{
  static GPrivate buffer = G_PRIVATE_INIT (forget_thread_buffer);

  if (G_UNLIKELY (thread_buffer == NULL))
    {
      thread_buffer = g_malloc (MP_PACKET_MAX_SIZE);
      g_private_set (&buffer, thread_buffer);
    }

  return thread_buffer;
}

static void
take_fds (MpReceived    *received,
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
 * mp_packet_receive:
 * @fd: a socket
 * @received: (out): what came; the descriptors are the caller's, also of what is
 *   no packet
 *
 * Never waits.
 *
 * Returns: 0 or an errno
 */
int
mp_packet_receive (int         fd,
                   MpReceived *received)
{
  union
  {
    char bytes[CMSG_SPACE (MP_PACKET_MAX_ALL_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec piece = { get_thread_buffer (), MP_PACKET_MAX_SIZE };
  struct msghdr message = {
    .msg_iov = &piece,
    .msg_iovlen = 1,
    .msg_control = &control,
    .msg_controllen = sizeof control,
  };
  gssize size;

  do
    size = recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));

  if (size < 0)
    return errno;

  received->data = piece.iov_base;
  received->size = (gsize) size;
  received->is_cut = (message.msg_flags & MSG_TRUNC) != 0;
  received->lost_fds = (message.msg_flags & MSG_CTRUNC) != 0;
  received->n_fds = 0;
  take_fds (received, &message);

  return 0;
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
  gssize size;

  do
    size = recv (fd, header, sizeof header, MSG_DONTWAIT | MSG_PEEK);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));

  *serial = 0;
  if (size < 0)
    return errno != EAGAIN;

  if (size == sizeof header)
    *serial = mp_packet_get_serial (header);
  return TRUE;
}
