/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-fork-record-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-error.h"
#include "mp-fd-private.h"

G_STATIC_ASSERT (sizeof (MpForkRecord) == 16);

typedef union {
  char bytes[CMSG_SPACE (sizeof (int))];
  struct cmsghdr align;
} Control;

/* Both ways */
static MpForkRecord
swap_to_little_endian (const MpForkRecord *record)
{
  return (MpForkRecord) {
    .word = GUINT32_TO_LE (record->word),
    .number = GINT32_TO_LE (record->number),
    .serial = GUINT64_TO_LE (record->serial),
  };
}

static MpIoStatus
check_sent (gssize   sent,
            GError **error)
{
  if (sent >= 0)
    return MP_IO_DONE;
  if (errno == EAGAIN)
    return MP_IO_AGAIN;
  if (errno == EPIPE || errno == ENOTCONN)
    return MP_IO_CLOSED;
  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot send the descriptor of a child: %s",
               errno == ETOOMANYREFS ? "too many are on their way to other processes" : g_strerror (errno));
  return MP_IO_FAILED;
}

MpIoStatus
mp_fork_record_send (int                  fd,
                     const MpForkRecord  *record,
                     int                  descriptor,
                     GError             **error)
{
  MpForkRecord on_wire = swap_to_little_endian (record);
  Control control = { { 0, } };
  struct iovec piece = { &on_wire, sizeof on_wire };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
  gssize sent;

  if (descriptor >= 0)
    {
      struct cmsghdr *header = &control.align;

      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (sizeof descriptor);
      memcpy (CMSG_DATA (header), &descriptor, sizeof descriptor);
    }
  /* ECONNRESET is said once, by a peer that closed without reading all; after that comes the answer */
  do
    sent = sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && (errno == EINTR || errno == ECONNRESET));
  return check_sent (sent, error);
}

static gboolean
is_record (gssize              size,
           const MpForkRecord *record)
{
  return size == sizeof *record && record->word >= MP_FORK_WANTED && record->word <= MP_FORK_ENDED
         && record->serial != 0;
}

static gssize
receive_packet (int            fd,
                struct msghdr *message)
{
  gssize size;

  do
    size = recvmsg (fd, message, MSG_CMSG_CLOEXEC);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  return size;
}

MpIoStatus
mp_fork_record_receive (int           fd,
                        MpForkRecord *record,
                        int          *descriptor)
{
  Control control;
  struct iovec piece = { record, sizeof *record };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1,
                            .msg_control = &control, .msg_controllen = CMSG_LEN (sizeof *descriptor) }; /* not two */
  struct cmsghdr *header = &control.align;
  gssize size;

  size = receive_packet (fd, &message);
  if (size == 0) /* Linux looks for packets and then for the end: the last one may have come between the two */
    {
      message.msg_controllen = CMSG_LEN (sizeof *descriptor);
      size = receive_packet (fd, &message);
    }

  *descriptor = -1;
  if (size > 0 && message.msg_controllen >= sizeof *header && header->cmsg_level == SOL_SOCKET
      && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN (sizeof *descriptor))
    memcpy (descriptor, CMSG_DATA (header), sizeof *descriptor);

  if (size < 0)
    return errno == EAGAIN ? MP_IO_AGAIN : MP_IO_CLOSED;
  if (size == 0)
    return MP_IO_CLOSED;
  *record = swap_to_little_endian (record);
  if ((message.msg_flags & MSG_TRUNC) == 0 && is_record (size, record))
    return MP_IO_DONE;
  mp_fd_close (descriptor);
  return MP_IO_FAILED;
}
