/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/socket.h>

#include <glib.h>

G_BEGIN_DECLS

/* What listeners and those who connect do alike with sockets of TCP. */
int      mp_inet_new_socket      (int                     family);
gboolean mp_inet_read_number     (const char              *host,
                                  guint16                  port,
                                  struct sockaddr_storage *native,
                                  socklen_t               *size);
void     mp_inet_tune            (int                     fd);
gboolean mp_inet_is_loopback     (const struct sockaddr  *native);
void     mp_inet_refuse_remote   (GError                **error);
void     mp_inet_explain_connect (int                     failed,
                                  GError                **error);

G_END_DECLS
