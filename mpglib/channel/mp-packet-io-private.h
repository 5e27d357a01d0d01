/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mp-packet-private.h"

G_BEGIN_DECLS

/* Packets and the descriptors that go with them, over a SOCK_SEQPACKET socket. */

/* What the kernel passes with one message at most (SCM_MAX_FD).  With room for
 * all of them MSG_CTRUNC can only mean that this process may open no more.
 */
#define MP_PACKET_MAX_ALL_FDS 253

typedef struct _MpReceived MpReceived;

struct _MpReceived
{
  guint8   *data;      /* the calling thread's, until it receives again */
  gsize     size;      /* 0: the end of file, since each packet has a header */
  gboolean  is_cut;    /* longer than any packet */
  int       fds[MP_PACKET_MAX_ALL_FDS];
  guint     n_fds;
  gboolean  lost_fds;  /* more came than this process may open */
};

int mp_packet_send    (int            fd,
                       const guint8  *head,
                       gsize          head_size,
                       const guint8  *body,
                       gsize          body_size,
                       int            payload_fd,
                       const GArray  *fds);
gboolean mp_packet_look (int          fd,
                         guint64     *serial);

/* For those here. */
extern _Thread_local guint8 *mp_packet_buffer;

guint8  *mp_packet_make_buffer (void);
gssize   mp_packet_receive_last (int           fd,
                                struct msghdr *message,
                                gsize          control_size);
void     mp_packet_take_fds    (MpReceived    *received,
                                struct msghdr *message);

/* A processor does not foresee where functions return to that were entered before a system call, which costs as much
 * as all that a message takes beside it.  So these two are part of whatever calls them.
 */

/*< private >
 * mp_packet_send_whole:
 *
 * As mp_packet_send(), of a packet in one piece.
 */
static inline int
mp_packet_send_whole (int           fd,
                      const guint8 *packet,
                      gsize         size)
{
  /* ECONNRESET is said once, by a peer that closed without reading all; after that comes the answer. */
  while (send (fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    if (errno != EINTR && errno != ECONNRESET)
      return errno;

  return 0;
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
static inline int
mp_packet_receive (int         fd,
                   MpReceived *received)
{
  union
  {
    char bytes[CMSG_SPACE (MP_PACKET_MAX_ALL_FDS * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec piece = { G_LIKELY (mp_packet_buffer != NULL) ? mp_packet_buffer : mp_packet_make_buffer (),
                         MP_PACKET_MAX_SIZE };
  struct msghdr message = {
    .msg_iov = &piece,
    .msg_iovlen = 1,
    .msg_control = &control,
    .msg_controllen = sizeof control,
  };
  gssize size;

  do
    size = recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (G_UNLIKELY (size < 0) && (errno == EINTR || errno == ECONNRESET));

  if (G_UNLIKELY (size == 0) && message.msg_controllen == 0)
    size = mp_packet_receive_last (fd, &message, sizeof control);

  if (size < 0)
    return errno;

  received->data = piece.iov_base;
  received->size = (gsize) size;
  received->is_cut = (message.msg_flags & MSG_TRUNC) != 0;
  received->lost_fds = (message.msg_flags & MSG_CTRUNC) != 0;
  received->n_fds = 0;
  if (G_UNLIKELY (message.msg_controllen > 0))
    mp_packet_take_fds (received, &message);

  return 0;
}

G_END_DECLS
