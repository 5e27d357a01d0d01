/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <time.h>

#include "mp-ring-pace-private.h"

/* Batches of a block: so that the clock costs nothing, and tells. */
#define BLOCK 32

/* Blocks of which one goes in the other manner. */
#define NOW_AND_THEN 128

/* Blocks of a manner until one that takes twice as long as a fast one before them is a fast one. */
#define MEMORY 11

static int fixed = -1;

/*< private >
 * mp_ring_pace_fix:
 *
 * For tests: all batches of the process go in this manner; %MP_RING_N_MANNERS: as is faster.
 */
void
mp_ring_pace_fix (MpRingManner manner)
{
  g_atomic_int_set (&fixed, manner == MP_RING_N_MANNERS ? -1 : (int) manner);
}

static gint64
get_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

/* ns of a block, at most: who puts so seldom has nothing to gain. */
#define MOST_NSEC G_GINT64_CONSTANT (1000000000)

/* The fastest of late counts: whatever else the caller did, or the machine, only adds to it. */
static void
note_cost (MpRingPace *self,
           gint64      now)
{
  guint64 cost = (guint64) MIN (now - self->begun, MOST_NSEC) * 1000 * 1024 / self->length;
  guint64 *known = &self->cost[self->manner];
  guint64 most = *known == 0 ? G_MAXUINT64 : *known + *known / MEMORY + 1;

  *known = CLAMP (cost, 1, most);
}

static MpRingManner
choose (MpRingPace *self)
{
  MpRingManner best = self->cost[MP_RING_GATHERED] < self->cost[MP_RING_DIRECT] ? MP_RING_GATHERED : MP_RING_DIRECT;

  if (self->cost[MP_RING_DIRECT] == 0)
    return MP_RING_DIRECT;

  /* Where one always waits there is nothing to measure, nor to gain. */
  return ++self->n_blocks % NOW_AND_THEN != 1 ? best : MP_RING_GATHERED - best;
}

/*< private >
 * mp_ring_pace_begin_block:
 *
 * The one before it, if any, is over.
 */
void
mp_ring_pace_begin_block (MpRingPace *self)
{
  gint64 now = get_time ();
  int manner = g_atomic_int_get (&fixed);

  if (self->begun != 0 && self->length > 0)
    note_cost (self, now);

  self->manner = manner >= 0 ? (MpRingManner) manner : choose (self);
  self->n_left = BLOCK;
  self->begun = now;
  self->length = 0;
}
