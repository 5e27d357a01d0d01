/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-discard-private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mp-closer-private.h"
#include "mp-fd-private.h"

/* As many descriptors as the kernel takes with one message. */
#define MAX_FDS 253

/* More messages than a socket's buffer usually holds. */
#define MAX_MESSAGES 1024

/* --- Descriptors ----------------------------------------------------------- */

static void
just_close (int fd)
{
  mp_fd_close (&fd);
}

static void
end_lingering (int fd)
{
  struct linger linger;
  socklen_t size = sizeof linger;

  if (getsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff && linger.l_linger > 0)
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &(struct linger) { 0, 0 }, sizeof linger);
}

/* A unix socket, and messages, or, of one that listens, connections with messages. */
static gboolean
has_messages (int fd)
{
  int n_bytes;

  if (!mp_fd_has_option (fd, SO_DOMAIN, AF_UNIX))
    return FALSE;

  return mp_fd_has_option (fd, SO_ACCEPTCONN, 1) || ioctl (fd, FIONREAD, &n_bytes) != 0 || n_bytes > 0;
}

/*< private >
 * mp_fds_discard:
 * @fds: (inout): that were received, and nobody asked for; -1 afterwards
 *
 * Closes them.  Sockets do not linger any more.  Files are closed at once, wherever they are: what has no end may
 * want its descriptors back.
 */
void
mp_fds_discard (int  *fds,
                guint n_fds)
{
  g_autofree int *slow = NULL;
  guint n_slow = 0;

  for (guint i = 0; i < n_fds; i++)
    {
      if (fds[i] < 0)
        continue;

      end_lingering (fds[i]);
      if (!has_messages (fds[i]))
        {
          mp_fd_close (&fds[i]);
          continue;
        }

      if (slow == NULL)
        slow = g_new (int, n_fds);
      slow[n_slow++] = g_steal_fd (&fds[i]);
    }

  if (n_slow > 0)
    mp_closer_add (slow, n_slow, just_close);
}

/* A stream has no empty messages, and credentials at its end, too. */
static gboolean
is_end (const struct msghdr *message,
        gssize               n,
        gboolean             is_stream)
{
  return n < 0 || (n == 0 && (is_stream || message->msg_controllen == 0));
}

/* --- Sockets: whether there are any descriptors ---------------------------- */

typedef struct
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (struct ucred))];
    struct cmsghdr align;
  } control;
  guint8 bytes[4096];
  struct iovec piece;
  struct msghdr message;
} Look;

/* With room for credentials, which all messages have then, and the end has not. */
static gssize
look (Look  *self,
      int    fd,
      gsize  room,
      int    flags)
{
  self->piece = (struct iovec) { self->bytes, room };
  self->message = (struct msghdr) {
    .msg_iov = &self->piece, .msg_iovlen = 1,
    .msg_control = &self->control, .msg_controllen = sizeof self->control,
  };
  return recvmsg (fd, &self->message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
}

/* Nothing comes any more.  Messages are taken out until there is one with descriptors. */
static gboolean
has_descriptors (int fd)
{
  const int on = 1;
  gboolean is_stream = mp_fd_has_option (fd, SO_TYPE, SOCK_STREAM);
  Look seen;

  if (setsockopt (fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return TRUE;

  for (guint i = 0; i < MAX_MESSAGES; i++)
    {
      gssize n = look (&seen, fd, sizeof seen.bytes, MSG_PEEK);

      if (n >= 0 && (seen.message.msg_flags & MSG_CTRUNC) != 0)
        return TRUE;

      if (is_end (&seen.message, n, is_stream))
        return FALSE;

      look (&seen, fd, (gsize) n, 0);
    }

  return TRUE;
}

/* --- Sockets: closing ------------------------------------------------------ */

static void
close_received (struct msghdr *message)
{
  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL; header = CMSG_NXTHDR (message, header))
    for (gsize i = 0; header->cmsg_type == SCM_RIGHTS && i < (header->cmsg_len - CMSG_LEN (0)) / sizeof (int); i++)
      {
        int fd;

        memcpy (&fd, CMSG_DATA (header) + i * sizeof fd, sizeof fd);
        mp_fds_discard (&fd, 1);
      }
}

/* So that what lingers holds no thread up. */
static void
empty_and_close (int fd)
{
  union
  {
    char bytes[CMSG_SPACE (MAX_FDS * sizeof (int)) + CMSG_SPACE (sizeof (struct ucred))];
    struct cmsghdr align;
  } control;
  guint8 bytes[4096];
  gboolean is_stream = mp_fd_has_option (fd, SO_TYPE, SOCK_STREAM);

  for (guint i = 0; i < MAX_MESSAGES; i++)
    {
      struct iovec piece = { bytes, sizeof bytes };
      struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
      };
      gssize n = recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

      if (n >= 0)
        close_received (&message);
      if (is_end (&message, n, is_stream))
        break;
    }

  mp_fd_close (&fd);
}

/*< private >
 * mp_discard_socket:
 * @fd: (inout): a connected socket that no other process has, or -1; -1 afterwards
 */
void
mp_discard_socket (int *fd)
{
  if (*fd >= 0 && mp_fd_has_option (*fd, SO_DOMAIN, AF_UNIX) && shutdown (*fd, SHUT_RDWR) == 0 && has_descriptors (*fd))
    mp_closer_add (fd, 1, empty_and_close);
  else
    mp_fd_close (fd);
  *fd = -1;
}

/*< private >
 * mp_discard_shared_socket:
 * @fd: (inout): a socket that other processes may have too, whose messages are theirs; -1 afterwards
 *
 * A message that comes between the look and the close is not seen.
 */
void
mp_discard_shared_socket (int *fd)
{
  if (*fd >= 0 && has_messages (*fd))
    mp_closer_add (fd, 1, just_close);
  else
    mp_fd_close (fd);
  *fd = -1;
}
