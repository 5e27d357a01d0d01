/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* What both ends know of the channel between them, and a relay in the middle cannot
 * make equal: it becomes part of the proofs of a handshake.
 *
 *     UNIX    "unix" | server's uid | client's uid         as the kernel tells each end of the other
 *     TLS     "tls-exporter" | 32 bytes                    of RFC 9266
 *     TCP     "tcp" | family | server's host and port | client's host and port
 *     RELAYED "tcp"                                        whoever asks for it has a relay on the way, and trusts it
 *
 * Numbers are big-endian: 32 bits for a uid, 16 for a port, and 8 for the family, 4 or
 * 6.  Hosts are 4 or 16 bytes; one of IPv4 is always 4, also where the socket
 * is one for IPv6.
 */
typedef enum
{
  MP_BINDING_UNIX,
  MP_BINDING_TLS,
  MP_BINDING_TCP,
  MP_BINDING_RELAYED,
} MpBindingKind;

#define MP_BINDING_MAX           64
#define MP_BINDING_EXPORTER_SIZE 32

typedef struct
{
  MpBindingKind kind;
  gboolean      is_private; /* nobody but the right end sees the proofs, as far as this end can tell */
  gsize         size;
  guint8        bytes[MP_BINDING_MAX];
} MpBinding;

gboolean mp_binding_init_unix    (MpBinding              *self,
                                  uid_t                   server,
                                  uid_t                   client,
                                  GError                **error);
void     mp_binding_init_tls     (MpBinding              *self,
                                  const guint8           *exporter);
gboolean mp_binding_init_tcp     (MpBinding              *self,
                                  const struct sockaddr  *server,
                                  socklen_t               server_size,
                                  const struct sockaddr  *client,
                                  socklen_t               client_size,
                                  GError                **error);
void     mp_binding_init_relayed (MpBinding              *self);

G_END_DECLS
