/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* In which manner several records come into the ring with one commit:
 *
 *   DIRECT     each is written where it is to be. The cache lines are the other side's: they are asked for when the
 *              batch before it was put, and come while the caller makes this one.
 *   GATHERED   they are put together in memory of the caller's, and brought in one go, by an instruction that need
 *              not fetch the lines that it overwrites: see mp_ring_run_bring().
 *
 * Which is the faster one depends on what the two processors share, and nothing tells: with processors of one cache
 * the first was measured to be a third faster, with those of two the second up to three times. So the time that
 * blocks of batches take is measured; now and then one goes in the other manner.
 *
 * Guarded by the lock of the end put, within the process.
 */
typedef enum
{
  MP_RING_DIRECT,
  MP_RING_GATHERED,
  MP_RING_N_MANNERS
} MpRingManner;

typedef struct
{
  MpRingManner manner;    /* of the block on its way */
  guint        n_left;    /* batches that it still has */
  guint        n_blocks;
  gint64       begun;     /* ns of the monotonic clock; 0: not to be measured, for somebody waited meanwhile */
  guint64      length;    /* bytes so far */
  guint64      cost[MP_RING_N_MANNERS];  /* of 1024 bytes, in ps, of a fast block of late; 0: not known */
} MpRingPace;

void mp_ring_pace_begin_block (MpRingPace   *self);
void mp_ring_pace_fix         (MpRingManner  manner);

/*< private >
 * mp_ring_pace_begin:
 *
 * Returns: in which manner the next batch is put
 */
static inline MpRingManner
mp_ring_pace_begin (MpRingPace *self)
{
  if (G_UNLIKELY (self->n_left == 0))
    mp_ring_pace_begin_block (self);

  self->n_left--;
  return self->manner;
}

/*< private >
 * mp_ring_pace_end:
 * @length: bytes that were put; 0: there was no room, and somebody waits
 */
static inline void
mp_ring_pace_end (MpRingPace *self,
                  guint64     length)
{
  self->length += length;
  if (G_UNLIKELY (length == 0))
    self->begun = 0;
}

G_END_DECLS
