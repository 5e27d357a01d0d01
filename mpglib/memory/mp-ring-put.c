/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-ring-end-private.h"

/* --- Memory --------------------------------------------------------------- */

/* Of the end put, with its lock. */
static void
get_chunks (MpRing           *self,
            const MpRingMark *own,
            MpRingChunks     *chunks)
{
  MpRingEnd *end = &self->layout->put;
  guint64 rest = (G_GUINT64_CONSTANT (1) << self->memory.chunk_bits) - 1;

  chunks->n_entered = mp_ring_get_number (self, own->position + rest);
  chunks->n_reused = atomic_load_explicit (&end->n_reused[own->count & 1], memory_order_relaxed);
  chunks->n_spare = atomic_load_explicit (&end->n_spare[own->count & 1], memory_order_relaxed);
}

/* What the next commit makes valid. */
static void
set_next_chunks (MpRingEnd          *end,
                 guint32             count,
                 const MpRingChunks *chunks)
{
  guint next = (count & 1) ^ 1;

  atomic_store_explicit (&end->n_reused[next], chunks->n_reused, memory_order_relaxed);
  atomic_store_explicit (&end->n_spare[next], chunks->n_spare, memory_order_relaxed);
}

/* Up to a position.  What was taken until now has chunks that need not be made, and are in the caches. */
static gboolean
enter_chunks (MpRing        *self,
              MpRingChunks  *chunks,
              guint64        end,
              MpRingMark    *take,
              GError       **error)
{
  while (chunks->n_entered << self->memory.chunk_bits < end)
    {
      if (!mp_ring_end_see_again (&self->layout->put, &self->layout->take, take) ||
          !mp_ring_memory_check (&self->memory, chunks, mp_ring_get_number (self, take->position)))
        return mp_ring_set_corrupted (error);

      if (!mp_ring_memory_enter (&self->memory, chunks, mp_ring_get_number (self, take->position), error))
        return FALSE;
    }

  return TRUE;
}

static void
commit_no_record (MpRing             *self,
                  const MpRingMark   *own,
                  const MpRingChunks *chunks)
{
  MpRingEnd *end = &self->layout->put;
  guint next = (own->count & 1) ^ 1;

  set_next_chunks (end, own->count, chunks);
  atomic_store_explicit (&end->position[next], own->position, memory_order_relaxed);
  atomic_store_explicit (&end->weight[next], own->weight, memory_order_relaxed);
  atomic_store_explicit (&end->count, own->count ^ 1, memory_order_release);
}

/* Nobody is to be woken. */
static void
give_back_locked (MpRing *self)
{
  MpRingEnd *end = &self->layout->put;
  MpRingMark own, take;
  MpRingChunks chunks;
  guint n;

  mp_ring_end_get_mark (end, &own);
  get_chunks (self, &own, &chunks);
  if (!mp_ring_end_look (&self->layout->take, &take) ||
      !mp_ring_memory_check (&self->memory, &chunks, mp_ring_get_number (self, take.position)))
    return;

  n = mp_ring_memory_spare (&self->memory, &chunks, mp_ring_get_number (self, take.position), NULL);
  if (n == 0)
    return;

  commit_no_record (self, &own, &chunks);
  mp_ring_memory_drop (&self->memory, chunks.n_spare - n, n);
}

/*< private >
 * mp_ring_give_back:
 *
 * Gives back some of the memory that is not needed, if there is much and nobody puts just now.
 */
void
mp_ring_give_back (MpRing  *self,
                   guint32  me)
{
  MpRingEnd *end = &self->layout->put;
  guint32 count = atomic_load_explicit (&end->count, memory_order_relaxed);
  guint64 n_reused = atomic_load_explicit (&end->n_reused[count & 1], memory_order_relaxed);

  if (mp_ring_get_number (self, mp_ring_end_get_position (&self->layout->take)) - n_reused <= MP_RING_N_KEPT ||
      !mp_owner_lock_try (&end->lock, me))
    return;

  give_back_locked (self);
  mp_ring_end_unlock (self, end, me, FALSE);
}

/* Without a record, so that whoever looked before, and is about to sleep, does not. */
static void
commit_nothing (MpRing *self)
{
  MpRingEnd *end = &self->layout->put;
  MpRingMark own;
  MpRingChunks chunks;

  mp_ring_end_get_mark (end, &own);
  get_chunks (self, &own, &chunks);
  commit_no_record (self, &own, &chunks);
  atomic_store_explicit (&end->asleep, 0, memory_order_relaxed);
}

/*< private >
 * mp_ring_wake_taker:
 *
 * Lets who waits for a record look again: there is something to take that was not put just now.  If this process is
 * killed before it has woken the sleeper, its death does.
 *
 * Fails with %MP_ERROR_TIMED_OUT if somebody is stopped who puts.
 */
gboolean
mp_ring_wake_taker (MpRing   *self,
                    guint32   me,
                    GError  **error)
{
  MpRingEnd *end = &self->layout->put;

  if (!mp_ring_end_lock (self, end, me, error))
    return FALSE;

  commit_nothing (self);
  mp_ring_end_unlock (self, end, me, TRUE);
  mp_futex_wake (&end->count, 1);
  return TRUE;
}

/* --- Putting -------------------------------------------------------------- */

static void
copy_in_parts (MpRing        *self,
               guint64        position,
               gconstpointer  bytes,
               gsize          length)
{
  const guint8 *next = bytes;

  while (length > 0)
    {
      gsize n = MIN (length, mp_ring_memory_get_rest (&self->memory, position));

      memcpy (mp_ring_memory_get_place (&self->memory, position), next, n);
      next += n;
      position += n;
      length -= n;
    }
}

static inline void
copy_in (MpRing        *self,
         guint64        position,
         gconstpointer  bytes,
         gsize          length)
{
  if (G_LIKELY (length <= mp_ring_memory_get_rest (&self->memory, position)) && length > 0)
    memcpy (mp_ring_memory_get_place (&self->memory, position), bytes, length);
  else
    copy_in_parts (self, position, bytes, length);
}

/* Heads are 8 bytes at multiples of 8, which the end of a chunk never divides. */
static void
write_head (MpRing  *self,
            guint64  position,
            guint32  length,
            guint32  kind)
{
  guint32 *head = (guint32 *) (gpointer) mp_ring_memory_get_place (&self->memory, position);

  head[0] = length;
  head[1] = kind;
}

static void
write_record (MpRing             *self,
              guint64             position,
              const MpRingRecord *record)
{
  MpRingElsewhere elsewhere;

  if (G_LIKELY (record->extent.place == 0))
    {
      write_head (self, position, record->length, record->kind);
      copy_in (self, position + MP_RING_HEAD, record->data, record->length);
      return;
    }

  elsewhere = (MpRingElsewhere) { record->extent, record->length, 0 };
  write_head (self, position, sizeof elsewhere, record->kind | MP_RING_ELSEWHERE);
  copy_in (self, position + MP_RING_HEAD, &elsewhere, sizeof elsewhere);
}

/* Bytes behind a record that the next one will probably need.  Their cache lines are the other side's, and come in the
 * time until then: a lock, which waits for all stores, would have to wait for them.
 */
#define FORESEEN 1024

static void
foresee (MpRing     *self,
         guint64     position,
         guint64     length)
{
#ifdef __x86_64__
  const guint8 *next = mp_ring_memory_get_place (&self->memory, position);
  gsize n = MIN (MIN (length, FORESEEN), mp_ring_memory_get_rest (&self->memory, position));

  for (gsize i = 0; i < n; i += 64)
    __asm__ volatile ("prefetchw %0" : : "m" (next[i]));
#endif
}

static MpRingResult
set_too_long (MpRing   *self,
              guint32   length,
              GError  **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "A record of %u bytes is longer than the %" G_GUINT64_FORMAT " that there can be",
               length, self->capacity - 8);
  return MP_RING_FAILED;
}

static MpRingResult
put_locked (MpRing              *self,
            const MpRingRecord  *records,
            guint                n,
            guint               *n_put,
            GError             **error)
{
  MpRingEnd *end = &self->layout->put;
  MpRingMark own, take;
  MpRingChunks chunks;
  guint64 position, weight;
  gboolean is_new = FALSE;
  guint done = 0;

  mp_ring_end_get_mark (end, &own);
  if (G_UNLIKELY (!mp_ring_is_place (own.position)))
    return mp_ring_set_corrupted (error), MP_RING_FAILED;

  mp_ring_end_get_seen (end, &take);
  get_chunks (self, &own, &chunks);
  position = own.position;
  weight = own.weight;

  while (done < n)
    {
      guint64 need = mp_ring_measure (records[done].length);
      guint64 place = mp_ring_measure_place (&records[done]);

      if (G_UNLIKELY (need > self->capacity))
        return set_too_long (self, records[done].length, error);

      if (!mp_ring_fits (self, weight - take.weight, mp_ring_count_between (own.count, take.count) + done, need))
        {
          if (is_new)
            break;
          is_new = TRUE;
          if (!mp_ring_end_see_again (end, &self->layout->take, &take) || own.weight - take.weight > self->capacity)
            return mp_ring_set_corrupted (error), MP_RING_FAILED;
          continue;
        }

      if (!enter_chunks (self, &chunks, position + place, &take, error))
        return MP_RING_FAILED;

      write_record (self, position, &records[done]);
      position += place;
      weight += need;
      done++;
    }

  *n_put = done;
  if (done == 0)
    return MP_RING_AGAIN;

  set_next_chunks (end, own.count, &chunks);
  mp_ring_end_commit (self, end, own.count, position, weight, done);
  if (chunks.n_entered << self->memory.chunk_bits > position && weight - take.weight + FORESEEN <= self->capacity)
    foresee (self, position, position - own.position);
  return MP_RING_DONE;
}

/*< private >
 * mp_ring_try_put:
 * @records: at most %MP_RING_BATCH, each of at most the capacity less 8 bytes
 * @n_put: (out): how many of them, from the first on, had room
 *
 * Fails with %MP_ERROR_TIMED_OUT if somebody is stopped who puts, and with %G_IO_ERROR_NO_SPACE or the like if
 * there is no memory.
 */
MpRingResult
mp_ring_try_put (MpRing              *self,
                 guint32              me,
                 const MpRingRecord  *records,
                 guint                n_records,
                 guint               *n_put,
                 GError             **error)
{
  MpRingEnd *end = &self->layout->put;
  MpRingResult result;

  *n_put = 0;
  if (!mp_ring_end_lock (self, end, me, error))
    return MP_RING_FAILED;

  result = put_locked (self, records, n_records, n_put, error);
  mp_ring_end_unlock (self, end, me, result == MP_RING_DONE);
  return result;
}
