/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-fd-private.h"
#include "mp-test-lingering.h"

int
mp_test_make_lingering (int *other)
{
  static const guint8 bytes[65536];
  const struct linger hour = { 1, 3600 };
  const int small = 4096;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int listening = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  /* So that it is soon full */
  setsockopt (listening, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  g_assert_cmpint (bind (listening, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (listen (listening, 1), ==, 0);
  g_assert_cmpint (getsockname (listening, (struct sockaddr *) &address, &size), ==, 0);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, size), ==, 0);
  *other = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (*other, >=, 0);
  mp_fd_close (&listening);
  while (send (fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
    ;
  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_LINGER, &hour, sizeof hour), ==, 0);
  return fd;
}

gboolean
mp_test_send_with_fd (int     fd,
                      GBytes *bytes,
                      int     attached)
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { { 0 } };
  struct iovec piece = { (gpointer) g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes) };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof control };
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);

  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (header), &attached, sizeof attached);
  if (sendmsg (fd, &message, MSG_NOSIGNAL) >= 0)
    return TRUE;

  g_assert_true (errno == EPIPE || errno == ECONNRESET);
  return FALSE;
}
