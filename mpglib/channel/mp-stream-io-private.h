/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-stream-input-private.h"

G_BEGIN_DECLS

/* What one read of a stream has brought. */
typedef struct
{
  const guint8 *data;       /* the calling thread's, until it reads again */
  gsize         size;
  gsize         n_reserved; /* bytes before them, in what the input has reserved */
} MpStreamPiece;

int mp_stream_write (int              fd,
                     MpStreamRecord  *record);
int mp_stream_read  (int              fd,
                     MpStreamInput   *input,
                     MpStreamPiece   *piece);

G_END_DECLS
