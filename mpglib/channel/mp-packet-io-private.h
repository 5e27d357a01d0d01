/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-packet-private.h"

G_BEGIN_DECLS

/* Packets and the descriptors that go with them, over a SOCK_SEQPACKET socket. */

/* What the kernel passes with one message at most (SCM_MAX_FD).  With room for
 * all of them MSG_CTRUNC can only mean that this process may open no more.
 */
#define MP_PACKET_MAX_ALL_FDS 253

typedef struct
{
  guint8   *data;      /* the calling thread's, until it receives again */
  gsize     size;      /* 0: the end of file, since each packet has a header */
  gboolean  is_cut;    /* longer than any packet */
  int       fds[MP_PACKET_MAX_ALL_FDS];
  guint     n_fds;
  gboolean  lost_fds;  /* more came than this process may open */
} MpReceived;

int mp_packet_send    (int            fd,
                       const guint8  *head,
                       gsize          head_size,
                       const guint8  *body,
                       gsize          body_size,
                       int            payload_fd,
                       const GArray  *fds);
int mp_packet_receive (int            fd,
                       MpReceived    *received);
gboolean mp_packet_look (int          fd,
                         guint64     *serial);

G_END_DECLS
