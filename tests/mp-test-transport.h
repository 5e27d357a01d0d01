/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

#include "mp-transport-private.h"

G_BEGIN_DECLS

/* What the tests of transports share. */

#define MIB ((gsize) 1024 * 1024)

typedef struct
{
  MpTransport *a;
  MpTransport *b;
} Pair;

Pair         new_pair             (void);
void         free_pair            (Pair        *pair);
/* A message whose bytes tell where they belong. */
MpFrame     *new_frame            (guint64      serial,
                                   gsize        size);
void         assert_frame         (MpFrame     *frame,
                                   guint64      serial,
                                   gsize        size);
/* Sends what needs no answer, calling again as told. */
void         send_frame           (MpTransport *transport,
                                   MpFrame     *frame);
void         send_new             (MpTransport *transport,
                                   guint64      serial,
                                   gsize        size);
MpFrame     *receive_frame        (MpTransport *transport);
void         assert_receives      (MpTransport *transport,
                                   guint64      serial,
                                   gsize        size);
void         assert_nothing       (MpTransport *transport);
void         assert_receive_fails (MpTransport *transport,
                                   MpIoStatus   expected_status,
                                   MpError      expected_code);
void         assert_send_fails    (MpTransport *transport,
                                   MpIoStatus   expected_status,
                                   MpError      expected_code);
MpFrame     *new_frame_with_fds   (guint        n_fds,
                                   gsize        size);
guint        fill_socket          (MpTransport *transport,
                                   gsize        size);
/* Fills a socket with large bodies.  Returns how many went. */
guint        pile_up              (MpTransport *transport,
                                   gsize        size);
MpTransport *share                (MpTransport *transport);

G_END_DECLS
