/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-inet-private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-fd-private.h"

/* A machine that is gone is noticed in some two minutes when nothing is said. */
#define KEEPALIVE_IDLE     60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_COUNT    4

/*< private >
 * mp_inet_new_socket:
 *
 * Returns: a descriptor that is none of the standard streams, closed on exec, and never blocks; or
 *   -1 and an errno
 */
int
mp_inet_new_socket (int family)
{
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int low_fd = fd;

  if (fd < 0 || fd > 2)
    return fd;

  fd = mp_fd_duplicate (low_fd, NULL);
  mp_fd_close (&low_fd);
  if (fd < 0)
    errno = EMFILE;
  return fd;
}

/*< private >
 * mp_inet_read_number:
 * @host: maybe an address of IPv4 or IPv6, with or without a zone
 * @native: (out caller-allocates)
 * @size: (out)
 *
 * Never waits.
 *
 * Returns: whether it is one, and no name
 */
gboolean
mp_inet_read_number (const char              *host,
                     guint16                  port,
                     struct sockaddr_storage *native,
                     socklen_t               *size)
{
  const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
  struct addrinfo *found;
  char text[sizeof "65535"];

  g_snprintf (text, sizeof text, "%u", (guint) port);
  if (getaddrinfo (host, text, &hints, &found) != 0)
    return FALSE;

  memcpy (native, found->ai_addr, found->ai_addrlen);
  *size = found->ai_addrlen;
  freeaddrinfo (found);
  return TRUE;
}

static void
set_option (int fd,
            int level,
            int option,
            int value)
{
  setsockopt (fd, level, option, &value, sizeof value);
}

/*< private >
 * mp_inet_tune:
 *
 * For a connected socket: messages go at once, and a machine that is gone is noticed.
 */
void
mp_inet_tune (int fd)
{
  set_option (fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option (fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option (fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
  set_option (fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
  set_option (fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

/*< private >
 * mp_inet_is_loopback:
 *
 * Returns: whether what goes there stays within this machine
 */
gboolean
mp_inet_is_loopback (const struct sockaddr *native)
{
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;

  if (native->sa_family == AF_INET)
    {
      memcpy (&v4, native, sizeof v4);
      return (g_ntohl (v4.sin_addr.s_addr) >> 24) == 127;
    }

  if (native->sa_family != AF_INET6)
    return FALSE;

  memcpy (&v6, native, sizeof v6);
  return IN6_IS_ADDR_LOOPBACK (&v6.sin6_addr) ||
         (IN6_IS_ADDR_V4MAPPED (&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127);
}

void
mp_inet_refuse_remote (GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
               "that is beyond this machine, and Python's protocol does not notice who stands between two machines; "
               "use it within one machine, or mpglib's own protocol");
}

/*< private >
 * mp_inet_explain_connect:
 * @failed: the errno of connect()
 */
void
mp_inet_explain_connect (int      failed,
                         GError **error)
{
  switch (failed)
    {
    case ECONNREFUSED:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED,
                   "nobody listens there; start the program that listens, or correct the address");
      break;

    case ETIMEDOUT:
      g_set_error (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                   "nothing answers there: the machine is off, or something on the way lets nothing through");
      break;

    case EMFILE:
    case ENFILE:
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "no more files can be opened: %s", g_strerror (failed));
      break;

    default:
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "%s", g_strerror (failed));
      break;
    }
}
