/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-packet-private.h"

G_BEGIN_DECLS

/* Makes frames of packets.  At most one body at a time is on its way in parts;
 * memory for it grows with what came, not with what was announced.
 */
typedef struct
{
  gboolean    is_raw;        /* frames with nothing attached come without a message around their body */

  MpFrame    *frame;         /* whose body comes in parts; NULL: none does */
  char       *codec;
  GVariant   *attachments;   /* nullable */
  GArray     *fds;
  GByteArray *body;
  guint64     body_length;
  gboolean    is_skipping;   /* the first part was lost, so the others are of no use */
} MpAssembly;

gboolean mp_assembly_take_packet (MpAssembly      *self,
                                  const MpPacket  *packet,
                                  int             *fds,
                                  guint            n_fds,
                                  MpFrame        **frame,
                                  GError         **error);
void     mp_assembly_skip        (MpAssembly      *self);
gboolean mp_assembly_is_open     (MpAssembly      *self);
void     mp_assembly_clear       (MpAssembly      *self);

G_END_DECLS
