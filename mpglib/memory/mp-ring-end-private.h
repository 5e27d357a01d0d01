/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <string.h>

#include "mp-futex-private.h"
#include "mp-owner-lock-private.h"
#include "mp-ring-private.h"
#include "mp-short-lock-private.h"

G_BEGIN_DECLS

/* The two ends of a ring, from the inside: for mp-ring-*.c alone. */

/* How far an end has come.  It is not handed over by value: copies of what was just written part by part wait for
 * that to have reached the cache, which costs as much as all the rest.
 */
typedef struct
{
  guint32 count;
  guint64 position;   /* in the memory */
  guint64 weight;     /* bytes, those of extents too */
} MpRingMark;

/* Stands in the place of the data in a record of a kind with this bit. */
typedef struct
{
  MpRingExtentName name;
  guint32          length;
  guint32          reserved;
} MpRingElsewhere;

#define MP_RING_ELSEWHERE (MP_RING_MAX_KIND + 1)

/* Bytes before the data of a record: its length and kind. */
#define MP_RING_HEAD 8

gboolean     mp_ring_set_corrupted       (GError                 **error);
gboolean     mp_ring_end_look            (MpRingEnd               *end,
                                          MpRingMark              *mark);
gboolean     mp_ring_end_see_again       (MpRingEnd               *end,
                                          MpRingEnd               *other,
                                          MpRingMark              *mark);
void         mp_ring_end_commit          (MpRing                  *self,
                                          MpRingEnd               *end,
                                          guint32                  count,
                                          guint64                  position,
                                          guint64                  weight,
                                          guint                    n);
gboolean     mp_ring_end_lock_slowly     (MpRing                  *self,
                                          MpRingEnd               *end,
                                          guint32                  me,
                                          GError                 **error);
void         mp_ring_end_unlock          (MpRing                  *self,
                                          MpRingEnd               *end,
                                          guint32                  me,
                                          gboolean                 was_changed);
gboolean     mp_ring_read_head           (MpRing                  *self,
                                          const MpRingMark        *own,
                                          const MpRingMark        *put,
                                          MpRingRecord            *record);
gboolean     mp_ring_find_extent         (gpointer                 ring,
                                          const MpRingExtentName  *name,
                                          guint64                  position,
                                          gboolean                *is_there);
MpRingResult mp_ring_read_hauled         (MpRing                  *self,
                                          guint32                  me,
                                          MpRingHaul              *haul,
                                          GError                 **error);

gboolean     mp_ring_wake_taker          (MpRing                  *self,
                                          guint32                  me,
                                          GError                 **error);

/* mp-ring-hold.c */
gboolean     mp_ring_hold_begin_locked   (MpRing                  *self,
                                          guint32                  me,
                                          GError                 **error);
void         mp_ring_hold_end_locked     (MpRing                  *self);
gboolean     mp_ring_hold_record_locked  (MpRing                  *self,
                                          guint32                  me,
                                          MpRingRecord            *record,
                                          guint64                  position,
                                          GError                 **error);
MpRingResult mp_ring_hold_inherit_locked (MpRing                  *self,
                                          guint32                  me,
                                          MpRingHaul              *haul,
                                          GError                 **error);

/* Of an end whose lock the caller has, or that nobody uses. */
static inline void
mp_ring_end_get_mark (MpRingEnd  *end,
                      MpRingMark *mark)
{
  mark->count = atomic_load_explicit (&end->count, memory_order_relaxed);
  mark->position = atomic_load_explicit (&end->position[mark->count & 1], memory_order_relaxed);
  mark->weight = atomic_load_explicit (&end->weight[mark->count & 1], memory_order_relaxed);
}

static inline guint64
mp_ring_end_get_position (MpRingEnd *end)
{
  guint32 count = atomic_load_explicit (&end->count, memory_order_relaxed);

  return atomic_load_explicit (&end->position[count & 1], memory_order_relaxed);
}

static inline void
mp_ring_end_get_seen (MpRingEnd  *end,
                      MpRingMark *mark)
{
  mark->count = atomic_load_explicit (&end->other_count, memory_order_relaxed);
  mark->position = atomic_load_explicit (&end->other_position, memory_order_relaxed);
  mark->weight = atomic_load_explicit (&end->other_weight, memory_order_relaxed);
}

static inline guint32
mp_ring_count_between (guint32 put,
                       guint32 take)
{
  return ((put >> 1) - (take >> 1)) & G_MAXINT32;
}

/* Of a record: else its head could go beyond the end of a chunk. */
static inline gboolean
mp_ring_is_place (guint64 position)
{
  return position % 8 == 0;
}

static inline guint64
mp_ring_get_number (MpRing  *self,
                    guint64  position)
{
  return position >> self->memory.chunk_bits;
}

/* In the memory. */
static inline guint64
mp_ring_measure_place (const MpRingRecord *record)
{
  return mp_ring_measure (record->extent.place != 0 ? (guint32) sizeof (MpRingElsewhere) : record->length);
}

/* What is added to a count for so many records: the other position holds then. */
static inline guint32
mp_ring_get_addend (guint32 count,
                    guint   n)
{
  return (count & 1) == 0 ? 2 * n + 1 : 2 * n - 1;
}

/* `used`: bytes that are there; `n`: records */
static inline gboolean
mp_ring_fits (MpRing  *self,
              guint64  used,
              guint32  n,
              guint64  need)
{
  return used <= self->capacity && need <= self->capacity - used && n < self->most_records;
}

/* With the lock of the end, after something was committed: who waits for the turn of the other side looks after who has
 * that from now on, see mp-ring-turn.c.
 */
static inline void
mp_ring_end_alarm (MpRingEnd *end)
{
  if (G_UNLIKELY ((atomic_load_explicit (&end->watched, memory_order_relaxed) & 1) != 0))
    mp_futex_add_and_wake_all (&end->watched, 1);
}

static inline gboolean
mp_ring_end_lock (MpRing     *self,
                  MpRingEnd  *end,
                  guint32     me,
                  GError    **error)
{
  return G_LIKELY (mp_owner_lock_try (&end->lock, me)) || mp_ring_end_lock_slowly (self, end, me, error);
}

/* Numbers that were given a chunk, up to a position. */
static inline guint64
mp_ring_count_entered (MpRing  *self,
                       guint64  position)
{
  guint64 rest = (G_GUINT64_CONSTANT (1) << self->memory.chunk_bits) - 1;

  return mp_ring_get_number (self, position + rest);
}

/* Of the end put, with its lock. */
static inline void
mp_ring_get_chunks (MpRing           *self,
                    const MpRingMark *own,
                    MpRingChunks     *chunks)
{
  MpRingEnd *end = &self->layout->put;

  chunks->n_entered = mp_ring_count_entered (self, own->position);
  chunks->n_reused = atomic_load_explicit (&end->n_reused[own->count & 1], memory_order_relaxed);
  chunks->n_spare = atomic_load_explicit (&end->n_spare[own->count & 1], memory_order_relaxed);
}

/* What the next commit makes valid. */
static inline void
mp_ring_set_next_chunks (MpRingEnd          *end,
                         guint32             count,
                         const MpRingChunks *chunks)
{
  guint next = (count & 1) ^ 1;

  atomic_store_explicit (&end->n_reused[next], chunks->n_reused, memory_order_relaxed);
  atomic_store_explicit (&end->n_spare[next], chunks->n_spare, memory_order_relaxed);
}

/* With the lock of the end put: what it is to begin with, which is in a cache line that nobody else looks at. */
static inline void
mp_ring_get_last (MpRing       *self,
                  MpRingMark   *own,
                  MpRingChunks *chunks)
{
  MpRingEnd *end = &self->layout->put;

  own->count = atomic_load_explicit (&end->last_count, memory_order_relaxed);
  own->position = atomic_load_explicit (&end->last_position, memory_order_relaxed);
  own->weight = atomic_load_explicit (&end->last_weight, memory_order_relaxed);
  chunks->n_entered = mp_ring_count_entered (self, own->position);
  chunks->n_reused = atomic_load_explicit (&end->last_n_reused, memory_order_relaxed);
  chunks->n_spare = atomic_load_explicit (&end->last_n_spare, memory_order_relaxed);
}

/* Likewise, after a commit. */
static inline void
mp_ring_set_last (MpRing             *self,
                  const MpRingMark   *own,
                  const MpRingChunks *chunks)
{
  MpRingEnd *end = &self->layout->put;

  atomic_store_explicit (&end->last_count, own->count, memory_order_relaxed);
  atomic_store_explicit (&end->last_position, own->position, memory_order_relaxed);
  atomic_store_explicit (&end->last_weight, own->weight, memory_order_relaxed);
  atomic_store_explicit (&end->last_n_reused, chunks->n_reused, memory_order_relaxed);
  atomic_store_explicit (&end->last_n_spare, chunks->n_spare, memory_order_relaxed);
}

G_END_DECLS
