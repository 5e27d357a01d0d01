/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-stream-format-private.h"

G_BEGIN_DECLS

/* Finds records in the bytes of a stream, in pieces of any size.  What lies whole in a piece is
 * not copied; memory for what does not grows with what came, not with what was
 * announced.  As data: it knows no socket.
 */
typedef struct
{
  const MpStreamFormat *format;
  guint64     max_body;
  GByteArray *pending;  /* how a record begins; NULL: none has begun */
  guint64     length;   /* of that record; 0: not known yet */
  gsize       room;     /* at its end, reserved and not written yet */
} MpStreamInput;

/* What is done with a record, whose bytes are the input's until it returns.  FALSE: no
 * more of them.
 */
typedef gboolean (*MpStreamTake) (gpointer      data,
                                  const guint8 *record,
                                  gsize         size);

guint8   *mp_stream_input_reserve (MpStreamInput  *self,
                                   gsize          *room);
gboolean  mp_stream_input_feed    (MpStreamInput  *self,
                                   gsize           n_reserved,
                                   const guint8   *data,
                                   gsize           size,
                                   MpStreamTake    take,
                                   gpointer        user_data,
                                   GError        **error);
gboolean  mp_stream_input_is_amid (MpStreamInput  *self);
void      mp_stream_input_clear   (MpStreamInput  *self);

G_END_DECLS
