/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

#include "mp-ring-private.h"
#include "mp-test-ring.h"

G_BEGIN_DECLS

/* What the tests of one ring share: it, and how one puts into it and takes. */

/* Of chunks that are far smaller than those of queues, so that records end in all of their places. */
#define CAPACITY   4096
#define CHUNK_BITS 8
#define MEGABYTE (1024 * 1024)
#define LONG 200000

typedef struct
{
  MpRingLayout ring;
  MpAtomic32 n_taken;
  MpAtomic64 sum;
  MpAtomic32 is_done;
} Shared;

extern MpTable *table;
extern Shared *shared;
extern MpRing ring;
extern MpTestRing test_ring;

guint32      get_me        (void);
void         set_up_with   (guint64        capacity,
                            guint32        most_records,
                            guint32        chunk_bits);
void         set_up        (guint32        most_records);
void         tear_down     (void);
MpRingResult put_one       (gconstpointer  data,
                            guint32        length,
                            guint32        kind,
                            MpWait         wait);
MpRingResult take_one      (gpointer       data,
                            gsize          room,
                            MpRingRecord  *record,
                            MpWait         wait);
void         take_and_tell (gpointer       unused);
MpRingResult put_prepared  (MpRingRecord  *record);
guint        count_extents (void);
guint8      *make_long     (guint32        number);
void         check_long    (guint32        number);
void         put_long_one  (guint32        number);
void         set_up_hands  (MpRingFlags    flags);
/* Of three the first two are in the hand of one that died. */
void         make_orphans  (void);

G_END_DECLS
