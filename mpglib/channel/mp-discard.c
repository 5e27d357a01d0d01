/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-discard-private.h"

#include <string.h>
#include <sys/socket.h>

#include "mp-fd-private.h"

/* As many descriptors as the kernel takes with one message. */
#define MAX_FDS 253

/* More messages than a socket's buffer usually holds. */
#define MAX_MESSAGES 1024

/* Threads that somebody's file system holds up; what comes beyond them stays open. */
#define MAX_THREADS 64

static int n_threads; /* atomic */

/* A stream has no empty messages, and credentials at its end, too. */
static gboolean
is_end (const struct msghdr *message,
        gssize               n,
        gboolean             is_stream)
{
  return n < 0 || (n == 0 && (is_stream || message->msg_controllen == 0));
}

/* --- Whether there are any ------------------------------------------------ */

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

/* --- Closing -------------------------------------------------------------- */

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

static gpointer
empty_and_close (gpointer data)
{
  union
  {
    char bytes[CMSG_SPACE (MAX_FDS * sizeof (int)) + CMSG_SPACE (sizeof (struct ucred))];
    struct cmsghdr align;
  } control;
  guint8 bytes[4096];
  int fd = GPOINTER_TO_INT (data);
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
  g_atomic_int_add (&n_threads, -1);
  return NULL;
}

static void
close_elsewhere (int fd)
{
  GThread *thread = NULL;

  if (g_atomic_int_add (&n_threads, 1) < MAX_THREADS)
    thread = g_thread_try_new ("mp-discard", empty_and_close, GINT_TO_POINTER (fd), NULL);

  if (thread != NULL)
    g_thread_unref (thread);
  else
    g_atomic_int_add (&n_threads, -1);
}

/*< private >
 * mp_discard_socket:
 * @fd: (inout): a connected socket that no other process has, or -1; -1 afterwards
 */
void
mp_discard_socket (int *fd)
{
  if (*fd >= 0 && mp_fd_has_option (*fd, SO_DOMAIN, AF_UNIX) && shutdown (*fd, SHUT_RDWR) == 0 && has_descriptors (*fd))
    close_elsewhere (*fd);
  else
    mp_fd_close (fd);
  *fd = -1;
}
