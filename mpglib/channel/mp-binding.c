/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-binding-private.h"

#include <netinet/in.h>
#include <string.h>

#include "mp-error.h"

/* One end of a TCP connection. */
typedef struct
{
  guint8 family; /* 4 or 6 */
  guint8 host[16];
  gsize  host_size;
  guint8 port[2]; /* as in the packets */
} End;

static void
append (MpBinding    *self,
        gconstpointer data,
        gsize         size)
{
  g_assert (size <= MP_BINDING_MAX - self->size);

  memcpy (self->bytes + self->size, data, size);
  self->size += size;
}

static void
append_number (MpBinding *self,
               guint32    number)
{
  number = GUINT32_TO_BE (number);
  append (self, &number, sizeof number);
}

static void
begin (MpBinding    *self,
       MpBindingKind kind,
       const char   *label)
{
  *self = (MpBinding) { .kind = kind };
  append (self, label, strlen (label));
}

/*< private >
 * mp_binding_init_unix:
 * @server: who listens: what the client's SO_PEERCRED says, and at the server's end its
 *   effective uid when it called listen()
 * @client: who connected, likewise
 *
 * Who relays under another uid shows it to both. Uids in different user namespaces are
 * different numbers, so from one to the other there is no binding of this kind.
 */
gboolean
mp_binding_init_unix (MpBinding  *self,
                      uid_t       server,
                      uid_t       client,
                      GError    **error)
{
  if (server == (uid_t) -1 || client == (uid_t) -1)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "The kernel does not tell who is at the other end of the socket");
      return FALSE;
    }

  begin (self, MP_BINDING_UNIX, "unix");
  append_number (self, server);
  append_number (self, client);
  self->is_private = TRUE;

  return TRUE;
}

/*< private >
 * mp_binding_init_tls:
 * @exporter: %MP_BINDING_EXPORTER_SIZE bytes, which TLS gave to both ends
 */
void
mp_binding_init_tls (MpBinding    *self,
                     const guint8 *exporter)
{
  begin (self, MP_BINDING_TLS, "tls-exporter");
  append (self, exporter, MP_BINDING_EXPORTER_SIZE);
}

static gboolean
read_end (const struct sockaddr *address,
          socklen_t              size,
          End                   *end)
{
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;

  *end = (End) { 0 };
  if (size >= sizeof v4 && address->sa_family == AF_INET)
    {
      memcpy (&v4, address, sizeof v4);
      end->family = 4;
      end->host_size = 4;
      memcpy (end->host, &v4.sin_addr, 4);
      memcpy (end->port, &v4.sin_port, 2);
      return TRUE;
    }

  if (size < sizeof v6 || address->sa_family != AF_INET6)
    return FALSE;

  memcpy (&v6, address, sizeof v6);
  memcpy (end->port, &v6.sin6_port, 2);
  /* A socket for both says so of IPv4; the other end may have one for IPv4 alone */
  end->family = IN6_IS_ADDR_V4MAPPED (&v6.sin6_addr) ? 4 : 6;
  end->host_size = end->family == 4 ? 4 : 16;
  memcpy (end->host, v6.sin6_addr.s6_addr + 16 - end->host_size, end->host_size);

  return TRUE;
}

static gboolean
is_loopback (const End *end)
{
  static const guint8 loopback[16] = { [15] = 1 };

  return end->family == 4 ? end->host[0] == 127 : memcmp (end->host, loopback, 16) == 0;
}

/*< private >
 * mp_binding_init_tcp:
 * @server: the listening end, which getpeername() names to the client and getsockname()
 *   to the server
 * @client: the other one
 *
 * A relay has two connections, each with other ends. So has what changes addresses on the
 * way (a tunnel, a container's port): for that there is mp_binding_init_relayed().
 */
gboolean
mp_binding_init_tcp (MpBinding              *self,
                     const struct sockaddr  *server,
                     socklen_t               server_size,
                     const struct sockaddr  *client,
                     socklen_t               client_size,
                     GError                **error)
{
  End ends[2];

  if (!read_end (server, server_size, &ends[0]) || !read_end (client, client_size, &ends[1]) ||
      ends[0].family != ends[1].family)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "The connection is not one of TCP");
      return FALSE;
    }

  begin (self, MP_BINDING_TCP, "tcp");
  append (self, &ends[0].family, 1);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      append (self, ends[i].host, ends[i].host_size);
      append (self, ends[i].port, sizeof ends[i].port);
    }
  self->is_private = is_loopback (&ends[0]) && is_loopback (&ends[1]);

  return TRUE;
}

void
mp_binding_init_relayed (MpBinding *self)
{
  begin (self, MP_BINDING_RELAYED, "tcp");
}
