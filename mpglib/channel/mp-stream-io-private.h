/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-stream-input-private.h"
#include "mp-tls-channel-private.h"

G_BEGIN_DECLS

/* A stream socket, plain or with TLS on it.  Neither is this one's: who has them frees the TLS first. */
typedef struct
{
  int           fd;
  MpTlsChannel *tls; /* NULL: plain */
} MpStreamIo;

/* What one read of a stream has brought. */
typedef struct
{
  const guint8 *data;       /* the calling thread's, until it reads again */
  gsize         size;
  gsize         n_reserved; /* bytes before them, in what the input has reserved */
} MpStreamPiece;

int      mp_stream_write     (const MpStreamIo  *self,
                              MpStreamRecord    *record);
int      mp_stream_read      (const MpStreamIo  *self,
                              MpStreamInput     *input,
                              MpStreamPiece     *piece);
gboolean mp_stream_read_away (const MpStreamIo  *self);

G_END_DECLS
