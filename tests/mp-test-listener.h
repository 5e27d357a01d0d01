/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

/* What the tests of listeners share. */

MpConnection *accept_one            (MpListener    *listener);
guint16       get_port              (MpListener    *listener);

/* Bytes that tell how many they are. */
void          send_bytes            (MpConnection  *connection,
                                     gsize          size);
void          assert_receives_bytes (MpConnection  *connection,
                                     gsize          size);
void          assert_ended          (MpConnection  *connection,
                                     MpError        code);

/* Sockets of TCP without manners. */
int           connect_tcp           (MpListener    *listener);
int           listen_tcp            (char         **address);
/* Waits for the end of it. */
void          assert_closed         (int            fd);
/* The first record of a client with TLS, as any of them says it. */
GBytes       *record_hello          (MpAuthKey     *key);

G_END_DECLS
