/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"

G_BEGIN_DECLS

/* The memory of a ring, which has as much as it needs: positions go on for ever, and are in chunks of
 * one size, to which chunks of a sparse file are given when the first byte is put there.
 *
 *   number of the chunk        chunk
 *   < n_reused                 was given to a later number
 *   < position of take         free; the next numbers are given these, the oldest first
 *   < position of put          has records; `map` says which chunk it is
 *   none                       spare: free, and without memory; on the stack `spare`
 *   none                       never used: those from n_entered - n_reused + n_spare on
 *
 * A new number is given a free chunk, or else a spare one, or else one that was never used.  `n_reused`
 * and `n_spare` are committed together with the position of put, and so are the words of `map` and `spare`
 * that they make valid: who is killed before has done nothing.  (What one commit adds to the map lies
 * where no number is that is still to be reused if it does not come to that: so there are twice as many words
 * as chunks.)  Whoever has the lock of the end put makes
 * free chunks spare, and takes their memory away after that is committed.
 */
typedef struct
{
  MpAtomic32 *map;         /* by number modulo n_words */
  MpAtomic32 *spare;
  MpRingExtent *extents;   /* for mp-ring-extents-private.h */
  guint8     *chunks;
  guint64     size;        /* bytes before the chunks */
  guint32     n_chunks;    /* a power of two */
  guint32     n_words;     /* of the map */
  guint32     chunk_bits;
  guint32     n_kept;      /* free chunks that keep their memory, if they are not more */
  int         fd;          /* -1: all of it has memory */
} MpRingMemory;

#define MP_RING_CHUNK_BITS     16
#define MP_RING_MIN_CHUNK_BITS 6
#define MP_RING_MAX_CHUNK_BITS 24

/* Of free chunks, unless whoever has the ring says otherwise. */
#define MP_RING_N_KEPT 16

/* What the end put knows, beside its position. */
typedef struct
{
  guint64 n_entered;   /* numbers that were given a chunk; follows from the position */
  guint64 n_reused;
  guint32 n_spare;
} MpRingChunks;

guint64  mp_ring_memory_measure (guint64              capacity,
                                 guint32              chunk_bits);
gboolean mp_ring_memory_open    (MpRingMemory        *self,
                                 guint8              *data,
                                 guint64              size,
                                 int                  fd,
                                 guint64              capacity,
                                 guint32              chunk_bits);
gboolean mp_ring_memory_check   (const MpRingMemory  *self,
                                 const MpRingChunks  *chunks,
                                 guint64              n_taken);
gboolean mp_ring_memory_enter   (MpRingMemory        *self,
                                 MpRingChunks        *chunks,
                                 guint64              n_taken,
                                 GError             **error);
guint    mp_ring_memory_spare   (MpRingMemory        *self,
                                 MpRingChunks        *chunks,
                                 guint64              n_taken,
                                 GError             **error);
void     mp_ring_memory_drop    (MpRingMemory        *self,
                                 guint32              first,
                                 guint                n);

/* A chunk that the map names, whatever that says. */
static inline guint8 *
mp_ring_memory_get_place (const MpRingMemory *self,
                          guint64             position)
{
  guint64 number = position >> self->chunk_bits;
  guint32 chunk = atomic_load_explicit (&self->map[number & (self->n_words - 1)], memory_order_relaxed);
  guint64 mask = (G_GUINT64_CONSTANT (1) << self->chunk_bits) - 1;

  return self->chunks + ((guint64) (chunk & (self->n_chunks - 1)) << self->chunk_bits) + (position & mask);
}

static inline gsize
mp_ring_memory_get_rest (const MpRingMemory *self,
                         guint64             position)
{
  guint64 size = G_GUINT64_CONSTANT (1) << self->chunk_bits;

  return (gsize) (size - (position & (size - 1)));
}

G_END_DECLS
