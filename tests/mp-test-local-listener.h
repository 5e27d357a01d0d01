/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

/* What the tests of listeners at sockets of this machine share. */

extern MpAuthKey *key, *other_key;

MpListener   *open_at               (const char      *address,
                                     MpAuthKey       *a_key);
void          assert_nobody         (MpListener      *listener);
MpConnection *connect_to            (MpListener      *listener,
                                     MpAuthKey       *a_key);
void          assert_cannot_connect (const char      *address,
                                     MpAuthKey       *a_key,
                                     GQuark           domain,
                                     int              code);
void          assert_cannot_listen  (const char      *address,
                                     MpAuthKey       *a_key,
                                     GQuark           domain,
                                     int              code);
void          send_int              (MpConnection    *connection,
                                     gint32           number);
gint32        receive_int           (MpConnection    *connection);
/* An honest one gets in. */
void          assert_works          (MpListener      *listener);
GPid          start_peer            (const char      *what,
                                     const char      *address,
                                     const int       *fds);
void          assert_exited         (GPid             pid);
char         *new_path              (const char      *name);
int           new_socket            (void);
/* Waits, if the listener's queue is full. */
void          connect_socket        (int              fd,
                                     MpListener      *listener);
int           connect_raw           (MpListener      *listener);
void          say                   (int              fd,
                                     gconstpointer    data,
                                     gsize            size);
/* Takes what comes; returns how many bytes, and closes it. */
gsize         read_to_end           (int              fd);
/* First thing in main: instead of mp_test_init(). */
void          init_local_listeners  (int             *argc,
                                     char          ***argv);

G_END_DECLS
