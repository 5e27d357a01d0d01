/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-ring-end-private.h"

/* --- Looking -------------------------------------------------------------- */

/*< private >
 * mp_ring_count:
 *
 * Returns: how many records there were just now
 */
guint
mp_ring_count (MpRing *self)
{
  guint32 take = atomic_load (&self->layout->take.count);

  return mp_ring_count_between (atomic_load (&self->layout->put.count), take);
}

/*< private >
 * mp_ring_count_room:
 * @need: bytes, from mp_ring_measure()
 *
 * Returns: for how many records there was room just now; 1 too if that cannot be said
 */
guint64
mp_ring_count_room (MpRing  *self,
                    guint64  need)
{
  MpRingMark put, take;
  guint32 n;

  if (!mp_ring_end_look (&self->layout->take, &take) || !mp_ring_end_look (&self->layout->put, &put) ||
      put.weight - take.weight > self->capacity)
    return 1;

  n = mp_ring_count_between (put.count, take.count);
  return n < self->most_records ? MIN ((self->capacity - (put.weight - take.weight)) / need, self->most_records - n)
                                : 0;
}

/*< private >
 * mp_ring_has_room:
 * @need: bytes, from mp_ring_measure()
 *
 * Returns: whether there was room for a record just now; %TRUE too if that cannot be said
 */
gboolean
mp_ring_has_room (MpRing  *self,
                  guint64  need)
{
  return mp_ring_count_room (self, need) > 0;
}

/* --- Making --------------------------------------------------------------- */

/*< private >
 * mp_ring_init:
 * @layout: zero
 * @capacity: bytes of records at a time, a multiple of 8, 64 to %MP_RING_MAX_CAPACITY
 * @most_records: 1 to %MP_RING_MAX_RECORDS
 * @chunk_bits: %MP_RING_CHUNK_BITS, or less to try what happens between chunks
 * @flags: a ring that holds is one with a file
 */
void
mp_ring_init (MpRingLayout *layout,
              guint64       capacity,
              guint32       most_records,
              guint32       chunk_bits,
              MpRingFlags   flags)
{
  layout->capacity = capacity;
  layout->most_records = most_records;
  layout->chunk_bits = chunk_bits;
  layout->flags = flags;
}

static gboolean
is_possible (MpRing  *self,
             guint32  chunk_bits)
{
  return self->capacity >= 64 && self->capacity <= MP_RING_MAX_CAPACITY && self->capacity % 8 == 0 &&
         self->most_records > 0 && self->most_records <= MP_RING_MAX_RECORDS &&
         chunk_bits >= MP_RING_MIN_CHUNK_BITS && chunk_bits <= MP_RING_MAX_CHUNK_BITS &&
         self->capacity >> chunk_bits <= MP_RING_MAX_CHUNKS && (self->flags & ~(guint32) MP_RING_ALL_FLAGS) == 0;
}

/*< private >
 * mp_ring_open:
 * @data: at a multiple of 64 bytes: memory of @size bytes, which mp_ring_memory_measure() says, zero at first, of
 *   which nobody can take any away
 * @fd: of the file that is mapped at @data; or -1 if all of it has memory already
 */
gboolean
mp_ring_open (MpRing        *self,
              MpTable       *table,
              MpRingLayout  *layout,
              guint8        *data,
              guint64        size,
              int            fd,
              GError       **error)
{
  guint32 chunk_bits;

  *self = (MpRing) { .table = table, .layout = layout, .long_length = MP_RING_LONG_LENGTH };
  memcpy (&self->capacity, &layout->capacity, sizeof self->capacity);
  memcpy (&self->most_records, &layout->most_records, sizeof self->most_records);
  memcpy (&chunk_bits, &layout->chunk_bits, sizeof chunk_bits);
  memcpy (&self->flags, &layout->flags, sizeof self->flags);
  mp_atomic_fence_acquire ();

  if (!(is_possible (self, chunk_bits) &&
        mp_ring_memory_open (&self->memory, data, size, fd, self->capacity, chunk_bits)))
    return mp_ring_set_corrupted (error);

  mp_ring_extents_open (&self->extents, self->memory.extents, &layout->swept_epoch, fd,
                        mp_ring_memory_measure (self->capacity, chunk_bits), self->capacity);
  return (self->flags & MP_RING_HOLDS) == 0 || mp_ring_extents_allocate (&self->extents, error);
}
