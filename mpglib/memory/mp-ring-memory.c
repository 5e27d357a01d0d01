/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-memfd-private.h"
#include "mp-ring-memory-private.h"

/* Words of the map, or of the stack, are taken memory for in pieces of this, or of a page. */
#define PIECE 4096

/* As many as records that begin and end anywhere can lie in. */
static guint32
count_chunks (guint64 capacity,
              guint32 chunk_bits)
{
  guint64 n = ((capacity - 1) >> chunk_bits) + 2;
  guint32 power = 2;

  while (power < n)
    power *= 2;
  return power;
}

#define EXTENTS_SIZE (MP_RING_N_EXTENTS * sizeof (MpRingExtent))

static guint64
measure_words (guint64 n)
{
  return (n * sizeof (MpAtomic32) + 63) & ~(guint64) 63;
}

/* Of a size at which chunks of a page and more begin with a page. */
static guint64
measure_head (guint32 n_chunks,
              guint32 chunk_bits)
{
  guint64 mask = MAX (64, G_GUINT64_CONSTANT (1) << chunk_bits) - 1;

  return (measure_words (2 * (guint64) n_chunks) + measure_words (n_chunks) + EXTENTS_SIZE + mask) & ~mask;
}

/*< private >
 * mp_ring_memory_measure:
 * @capacity: bytes of records, at most 2^46
 *
 * Returns: the bytes that the file has, most of them without memory
 */
guint64
mp_ring_memory_measure (guint64 capacity,
                        guint32 chunk_bits)
{
  guint32 n_chunks = count_chunks (capacity, chunk_bits);

  return measure_head (n_chunks, chunk_bits) + ((guint64) n_chunks << chunk_bits);
}

/*< private >
 * mp_ring_memory_open:
 * @data: zero, or used already
 * @fd: (transfer none): of which @data is a mapping; or -1
 *
 * Returns: whether @size bytes are enough
 */
gboolean
mp_ring_memory_open (MpRingMemory *self,
                     guint8       *data,
                     guint64       size,
                     int           fd,
                     guint64       capacity,
                     guint32       chunk_bits)
{
  guint32 n_chunks = count_chunks (capacity, chunk_bits);

  *self = (MpRingMemory) {
    .extents = (MpRingExtent *) (gpointer) data,
    .map = (MpAtomic32 *) (gpointer) (data + EXTENTS_SIZE),
    .spare = (MpAtomic32 *) (gpointer) (data + EXTENTS_SIZE + measure_words (2 * (guint64) n_chunks)),
    .chunks = data + measure_head (n_chunks, chunk_bits),
    .size = measure_head (n_chunks, chunk_bits),
    .n_chunks = n_chunks,
#ifdef MP_FAULT_SHORT_MAP
    .n_words = n_chunks,
#else
    .n_words = 2 * n_chunks,
#endif
    .chunk_bits = chunk_bits,
    .n_kept = MP_RING_N_KEPT,
    .fd = fd,
  };
  return size >= mp_ring_memory_measure (capacity, chunk_bits);
}

/* --- Memory --------------------------------------------------------------- */

static guint64
get_offset (MpRingMemory *self,
            guint32       chunk)
{
  return self->size + ((guint64) chunk << self->chunk_bits);
}

static gboolean
allocate (MpRingMemory  *self,
          guint64        offset,
          guint64        length,
          GError       **error)
{
  return self->fd < 0 || mp_memfd_allocate (self->fd, offset, length, error);
}

/* Words are written one after the other, so that the first one of each piece comes before the others of it. */
static gboolean
allocate_word (MpRingMemory  *self,
               MpAtomic32    *word,
               GError       **error)
{
  guint64 offset = (guint64) ((guint8 *) word - (guint8 *) self->extents);
  guint64 first = offset & ~(guint64) (PIECE - 1);

  if (offset % PIECE != 0 && word != self->map && word != self->spare)
    return TRUE;

  return allocate (self, first, MIN (PIECE, self->size - first), error);
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "A process has written rubbish into the memory of a shared queue");
  return FALSE;
}

/* --- Chunks --------------------------------------------------------------- */

/*< private >
 * mp_ring_memory_check:
 * @n_taken: numbers of which all records have been taken
 *
 * Returns: whether it may be so
 */
gboolean
mp_ring_memory_check (const MpRingMemory *self,
                      const MpRingChunks *chunks,
                      guint64             n_taken)
{
  return chunks->n_reused <= n_taken && n_taken <= chunks->n_entered &&
         chunks->n_spare <= self->n_chunks &&
         chunks->n_entered - chunks->n_reused <= self->n_chunks - chunks->n_spare;
}

static guint32
get_mapped (MpRingMemory *self,
            guint64       number)
{
  return atomic_load_explicit (&self->map[number & (self->n_words - 1)], memory_order_relaxed) &
         (self->n_chunks - 1);
}

/*< private >
 * mp_ring_memory_enter:
 * @chunks: becomes what is to be committed
 * @n_taken: numbers of which all records have been taken
 *
 * Gives the next number a chunk.  There is one if the records that are not taken, with the next ones, are no
 * more bytes than there can be.
 */
gboolean
mp_ring_memory_enter (MpRingMemory  *self,
                      MpRingChunks  *chunks,
                      guint64        n_taken,
                      GError       **error)
{
  MpAtomic32 *word = &self->map[chunks->n_entered & (self->n_words - 1)];
  MpRingChunks after = *chunks;
  gboolean has_memory = FALSE;
  guint32 chunk;

  if (!allocate_word (self, word, error))
    return FALSE;

  if (after.n_reused < n_taken)
    {
      has_memory = TRUE;
      chunk = get_mapped (self, after.n_reused++);
    }
  else if (after.n_spare > 0)
    chunk = atomic_load_explicit (&self->spare[--after.n_spare], memory_order_relaxed) & (self->n_chunks - 1);
  else if (after.n_entered - after.n_reused < self->n_chunks)
    chunk = (guint32) (after.n_entered - after.n_reused);
  else
    return set_corrupted (error);

  if (!has_memory &&
      !allocate (self, get_offset (self, chunk), G_GUINT64_CONSTANT (1) << self->chunk_bits, error))
    return FALSE;

  atomic_store_explicit (word, chunk, memory_order_relaxed);
  after.n_entered++;
  *chunks = after;
  return TRUE;
}

/*< private >
 * mp_ring_memory_spare:
 * @chunks: becomes what is to be committed
 *
 * Makes some of the free chunks spare, if they are more than are kept.  After that is committed
 * mp_ring_memory_drop() shall take their memory away.
 *
 * Returns: how many
 */
guint
mp_ring_memory_spare (MpRingMemory  *self,
                      MpRingChunks  *chunks,
                      guint64        n_taken,
                      GError       **error)
{
  guint n = 0;

  while (n < MP_RING_N_KEPT && n_taken - chunks->n_reused > self->n_kept)
    {
      MpAtomic32 *word = &self->spare[chunks->n_spare];

      if (!allocate_word (self, word, error))
        break;

      atomic_store_explicit (word, get_mapped (self, chunks->n_reused), memory_order_relaxed);
      chunks->n_reused++;
      chunks->n_spare++;
      n++;
    }

  return n;
}

/*< private >
 * mp_ring_memory_drop:
 * @first: a place on the stack of spare chunks
 *
 * Takes the memory of @n spare chunks away.
 */
void
mp_ring_memory_drop (MpRingMemory *self,
                     guint32       first,
                     guint         n)
{
  for (guint i = 0; i < n && self->fd >= 0; i++)
    {
      guint32 chunk = atomic_load_explicit (&self->spare[first + i], memory_order_relaxed) & (self->n_chunks - 1);

      mp_memfd_drop (self->fd, get_offset (self, chunk), G_GUINT64_CONSTANT (1) << self->chunk_bits);
    }
}
