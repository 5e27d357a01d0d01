/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

/* What tests of listeners and clients with TLS have in common. */

#define LOOPBACK "tcp:127.0.0.1:0"

/* Made by tls_init_keys(): one that is long enough, another one, and one that is not. */
extern MpAuthKey *key, *other_key, *short_key;

void             tls_init_keys         (void);
/* For mp_test_set_warm_up(). */
void             tls_warm_up           (void);

/* That of tests/tls; NULL for none. */
GTlsCertificate *read_certificate      (const char    *name);
MpTlsSettings   *new_settings          (const char    *certificate_name,
                                        const char    *trusted_name,
                                        const char    *peer_name);

MpListener      *listen_with           (const char    *address,
                                        MpAuthKey     *a_key,
                                        MpWireFlags    wire,
                                        MpTlsSettings *tls);
/* With the key. */
MpListener      *listen_at             (const char    *address);
MpConnection    *connect_to            (const char    *address);

void             assert_says           (const GError  *error,
                                        const char    *word);
/* With an error of that code that says the word. */
void             assert_cannot_listen  (const char    *address,
                                        MpAuthKey     *a_key,
                                        MpWireFlags    wire,
                                        MpTlsSettings *tls,
                                        int            code,
                                        const char    *word);
void             assert_cannot_connect (const char    *address,
                                        MpAuthKey     *a_key,
                                        MpWireFlags    wire,
                                        MpTlsSettings *tls,
                                        int            code,
                                        const char    *word);
void             assert_talk           (MpConnection  *client,
                                        MpListener    *listener);
void             assert_works          (MpListener    *listener,
                                        const char    *address);

G_END_DECLS
