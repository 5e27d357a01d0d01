/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-ring-private.h"

/* What a ring lies in that is shared with all children. */
typedef struct
{
  MpTable *table;
  guint8  *memory;
  guint64  size;     /* of the memory */
  int      fd;       /* likewise */
} MpTestRing;

void     mp_test_ring_new      (MpTestRing   *self,
                                MpRingLayout *layout,
                                guint64       capacity,
                                guint32       most_records,
                                guint32       chunk_bits,
                                MpRingFlags   flags);
void     mp_test_ring_open     (MpTestRing   *self,
                                MpRing       *ring,
                                MpRingLayout *layout);
void     mp_test_ring_free     (MpTestRing   *self);
gboolean mp_test_ring_is_sound (MpRing       *ring);
