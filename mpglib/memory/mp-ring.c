/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <sched.h>
#include <string.h>

#include "mp-doorbell-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-ring-private.h"
#include "mp-short-lock-private.h"
#include "mp-owner-lock-private.h"

/* How far an end has come. */
typedef struct
{
  guint32 count;
  guint64 position;
} Mark;

/* Looks at an end whose user commits again and again meanwhile. */
#define N_LOOKS 1000

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "A process has written rubbish into a shared queue");
  return FALSE;
}

/* --- Marks ---------------------------------------------------------------- */

/* Of an end whose lock the caller has, or that nobody uses. */
static Mark
get_mark (MpRingEnd *end)
{
  guint32 count = atomic_load_explicit (&end->count, memory_order_relaxed);

  return (Mark) { count, atomic_load_explicit (&end->position[count & 1], memory_order_relaxed) };
}

/* Of an end whose lock the caller does not have.  A position that is read between two equal counts
 * belongs to that count, since it is overwritten only after another.
 */
static gboolean
look (MpRingEnd *end,
      Mark      *mark)
{
  for (guint i = 0; i < N_LOOKS; i++)
    {
      mark->count = atomic_load_explicit (&end->count, memory_order_acquire);
      mark->position = atomic_load_explicit (&end->position[mark->count & 1], memory_order_relaxed);
      mp_atomic_fence_acquire ();
      if (G_LIKELY (atomic_load_explicit (&end->count, memory_order_relaxed) == mark->count))
        return TRUE;
    }

  return FALSE;
}

static guint32
count_between (guint32 put,
               guint32 take)
{
  return ((put >> 1) - (take >> 1)) & G_MAXINT32;
}

static Mark
get_seen (MpRingEnd *end)
{
  return (Mark) {
    atomic_load_explicit (&end->other_count, memory_order_relaxed),
    atomic_load_explicit (&end->other_position, memory_order_relaxed),
  };
}

/* For the next one that has the lock.  If this one is killed between the two, the position is that of more
 * records than the count tells of, which does no harm.
 */
static gboolean
see_again (MpRingEnd *end,
           MpRingEnd *other,
           Mark      *mark)
{
  if (!look (other, mark))
    return FALSE;

  atomic_store_explicit (&end->other_position, mark->position, memory_order_relaxed);
  atomic_store_explicit (&end->other_count, mark->count, memory_order_release);
  return TRUE;
}

/* --- Memory --------------------------------------------------------------- */

static guint64
get_number (MpRing  *self,
            guint64  position)
{
  return position >> self->memory.chunk_bits;
}

/* Of the end put, with its lock. */
static MpRingChunks
get_chunks (MpRing *self,
            Mark    own)
{
  MpRingEnd *end = &self->layout->put;
  guint64 rest = (G_GUINT64_CONSTANT (1) << self->memory.chunk_bits) - 1;

  return (MpRingChunks) {
    .n_entered = get_number (self, own.position + rest),
    .n_reused = atomic_load_explicit (&end->n_reused[own.count & 1], memory_order_relaxed),
    .n_spare = atomic_load_explicit (&end->n_spare[own.count & 1], memory_order_relaxed),
  };
}

/* What the next commit makes valid. */
static void
set_next_chunks (MpRingEnd          *end,
                 Mark                own,
                 const MpRingChunks *chunks)
{
  guint next = (own.count & 1) ^ 1;

  atomic_store_explicit (&end->n_reused[next], chunks->n_reused, memory_order_relaxed);
  atomic_store_explicit (&end->n_spare[next], chunks->n_spare, memory_order_relaxed);
}

/* Up to a position.  What was taken until now has chunks that need not be made, and are in the caches. */
static gboolean
enter_chunks (MpRing        *self,
              MpRingChunks  *chunks,
              guint64        end,
              Mark          *take,
              GError       **error)
{
  while (chunks->n_entered << self->memory.chunk_bits < end)
    {
      if (!see_again (&self->layout->put, &self->layout->take, take) ||
          !mp_ring_memory_check (&self->memory, chunks, get_number (self, take->position)))
        return set_corrupted (error);

      if (!mp_ring_memory_enter (&self->memory, chunks, get_number (self, take->position), error))
        return FALSE;
    }

  return TRUE;
}

/* --- Committing ----------------------------------------------------------- */

/* Whether who sleeps on the end finds what it needs there now. */
static gboolean
is_wake_due (MpRing    *self,
             MpRingEnd *end,
             Mark       mark)
{
  guint32 need = atomic_load_explicit (&end->asleep, memory_order_relaxed);
  Mark put;

  if (G_LIKELY (need == 0) || end == &self->layout->put)
    return need != 0;

  /* An old mark of the other end has more room than there is, and makes a wake too many. */
  put = get_seen (end);
  return self->capacity - (put.position - mark.position) >= (guint64) need * 8 &&
         count_between (put.count, mark.count) < self->most_records;
}

/* With the lock of the end.  `n` records are committed by one addition, to which the other position belongs. */
static void
commit (MpRing    *self,
        MpRingEnd *end,
        Mark       old,
        guint64    position,
        guint      n)
{
  guint32 addend = (old.count & 1) == 0 ? 2 * n + 1 : 2 * n - 1;
  Mark mark = { old.count + addend, position };

#ifdef MP_FAULT_ONE_POSITION
  atomic_store_explicit (&end->position[old.count & 1], position, memory_order_relaxed);
#endif
  atomic_store_explicit (&end->position[mark.count & 1], position, memory_order_relaxed);
  atomic_store_explicit (&end->cpu, (guint32) sched_getcpu () + 1, memory_order_relaxed);
  if (G_LIKELY (!is_wake_due (self, end, mark)))
    {
      atomic_store_explicit (&end->count, mark.count, memory_order_release);
      return;
    }

#ifdef MP_FAULT_WAKE_AFTER_COMMIT
  atomic_store (&end->count, mark.count);
  mp_futex_wake (&end->count, 1);
#else
  atomic_thread_fence (memory_order_release);
  mp_futex_add_and_wake (&end->count, addend);
#endif
  atomic_store_explicit (&end->asleep, 0, memory_order_relaxed);
}

static gboolean
lock_end (MpRing     *self,
          MpRingEnd  *end,
          guint32     me,
          GError    **error)
{
  return G_LIKELY (mp_owner_lock_try (&end->lock, me)) ||
         mp_short_lock_acquire (self->table, &end->lock, NULL, me, error);
}

/* Whoever arms the bell looks under the lock after that: so either it sees what was committed, or
 * the bell is seen armed here.
 */
static void
unlock_end (MpRing    *self,
            MpRingEnd *end,
            guint32    me,
            gboolean   was_changed)
{
  guint32 gate = atomic_load_explicit (&end->bell.gate, memory_order_relaxed);

  if (G_UNLIKELY (!mp_owner_lock_try_release (&end->lock, me)))
    mp_short_lock_release (&end->lock);

  if (G_UNLIKELY ((gate & (MP_BELL_WAIT | MP_BELL_MANY)) != 0) && was_changed)
    mp_bell_ring_waiters (self->table, &end->bell, gate);
}

/* --- Putting -------------------------------------------------------------- */

static void
copy_in (MpRing        *self,
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

/* Heads are 8 bytes at multiples of 8, which the end of a chunk never divides. */
static void
write_record (MpRing             *self,
              guint64             position,
              const MpRingRecord *record)
{
  guint32 head[2] = { record->length, record->kind };

  memcpy (mp_ring_memory_get_place (&self->memory, position), head, sizeof head);
  copy_in (self, position + sizeof head, record->data, record->length);
}

static gboolean
fits (MpRing  *self,
      guint64  position,
      guint32  count,
      Mark     take,
      guint64  need)
{
  guint64 used = position - take.position;

  return used <= self->capacity && need <= self->capacity - used &&
         count_between (count, take.count) < self->most_records;
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
  Mark own = get_mark (end), take = get_seen (end);
  MpRingChunks chunks = get_chunks (self, own);
  guint64 position = own.position;
  gboolean is_new = FALSE;
  guint done = 0;

  while (done < n)
    {
      guint64 need = mp_ring_measure (records[done].length);

      if (G_UNLIKELY (need > self->capacity))
        return set_too_long (self, records[done].length, error);

      if (!fits (self, position, own.count + 2 * done, take, need))
        {
          if (is_new)
            break;
          is_new = TRUE;
          if (!see_again (end, &self->layout->take, &take) || own.position - take.position > self->capacity)
            return set_corrupted (error), MP_RING_FAILED;
          continue;
        }

      if (!enter_chunks (self, &chunks, position + need, &take, error))
        return MP_RING_FAILED;

      write_record (self, position, &records[done]);
      position += need;
      done++;
    }

  *n_put = done;
  if (done == 0)
    return MP_RING_AGAIN;

  set_next_chunks (end, own, &chunks);
  commit (self, end, own, position, done);
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
  if (!lock_end (self, end, me, error))
    return MP_RING_FAILED;

  result = put_locked (self, records, n_records, n_put, error);
  unlock_end (self, end, me, result == MP_RING_DONE);
  return result;
}

/* --- Taking --------------------------------------------------------------- */

static void
copy_out (MpRing   *self,
          guint64   position,
          gpointer  bytes,
          gsize     length)
{
  guint8 *next = bytes;

  while (length > 0)
    {
      gsize n = MIN (length, mp_ring_memory_get_rest (&self->memory, position));

      memcpy (next, mp_ring_memory_get_place (&self->memory, position), n);
      next += n;
      position += n;
      length -= n;
    }
}

/* One look at the head, whose length is checked. */
static gboolean
read_head (MpRing       *self,
           guint64       position,
           guint64       end,
           MpRingRecord *record)
{
  guint64 left = end - position;
  guint32 head[2];

  if (left < sizeof head || left > self->capacity)
    return FALSE;

  memcpy (head, mp_ring_memory_get_place (&self->memory, position), sizeof head);
  mp_atomic_fence_acquire ();
  *record = (MpRingRecord) { NULL, head[0], head[1] };
  return mp_ring_measure (record->length) <= left;
}

static MpRingResult
take_locked (MpRing      *self,
             MpRingHaul  *haul,
             GError     **error)
{
  MpRingEnd *end = &self->layout->take;
  Mark own = get_mark (end), put = get_seen (end);
  guint64 position = own.position;
  gboolean is_new = FALSE, is_wanted = TRUE;
  gsize used = 0;
  guint done = 0;

  while (done < haul->n_records)
    {
      MpRingRecord *record = &haul->records[done];

      if (count_between (put.count, own.count) == done)
        {
          if (is_new)
            break;
          is_new = TRUE;
          if (!see_again (end, &self->layout->put, &put))
            return set_corrupted (error), MP_RING_FAILED;
          continue;
        }

      if (!read_head (self, position, put.position, record))
        return set_corrupted (error), MP_RING_FAILED;

      is_wanted = haul->wants == NULL || haul->wants (record, haul->user_data);
      if (!is_wanted || record->length > haul->room - used)
        break;

      record->data = haul->data + used;
      copy_out (self, position + 8, haul->data + used, record->length);
      used += record->length;
      position += mp_ring_measure (record->length);
      done++;
    }

  if (done == 0 && count_between (put.count, own.count) == 0)
    return MP_RING_AGAIN;

  if (done == 0)
    return is_wanted ? MP_RING_NO_ROOM : MP_RING_UNWANTED;

  haul->n_records = done;
  commit (self, end, own, position, done);
  return MP_RING_DONE;
}

/* No record is committed, so nobody is to be woken. */
static void
give_back_locked (MpRing *self)
{
  MpRingEnd *end = &self->layout->put;
  Mark own = get_mark (end), take;
  MpRingChunks chunks = get_chunks (self, own);
  guint n;

  if (!look (&self->layout->take, &take) ||
      !mp_ring_memory_check (&self->memory, &chunks, get_number (self, take.position)))
    return;

  n = mp_ring_memory_spare (&self->memory, &chunks, get_number (self, take.position), NULL);
  if (n == 0)
    return;

  set_next_chunks (end, own, &chunks);
  atomic_store_explicit (&end->position[(own.count & 1) ^ 1], own.position, memory_order_relaxed);
  atomic_store_explicit (&end->count, own.count ^ 1, memory_order_release);
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

  if (get_number (self, get_mark (&self->layout->take).position) - n_reused <= MP_RING_N_KEPT ||
      !mp_owner_lock_try (&end->lock, me))
    return;

  give_back_locked (self);
  unlock_end (self, end, me, FALSE);
}

/*< private >
 * mp_ring_try_take:
 * @haul: where they go, at most %MP_RING_BATCH
 *
 * Fails with %MP_ERROR_TIMED_OUT if somebody is stopped who takes.
 */
MpRingResult
mp_ring_try_take (MpRing      *self,
                  guint32      me,
                  MpRingHaul  *haul,
                  GError     **error)
{
  MpRingEnd *end = &self->layout->take;
  guint64 before, after;
  MpRingResult result;

  if (!lock_end (self, end, me, error))
    return MP_RING_FAILED;

  before = get_mark (end).position;
  result = take_locked (self, haul, error);
  after = get_mark (end).position;
  unlock_end (self, end, me, result == MP_RING_DONE);

  if (G_UNLIKELY (get_number (self, before) != get_number (self, after)))
    mp_ring_give_back (self, me);
  return result;
}

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

  return count_between (atomic_load (&self->layout->put.count), take);
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
  Mark put, take;

  if (!look (&self->layout->take, &take) || !look (&self->layout->put, &put))
    return TRUE;

  return put.position - take.position > self->capacity || fits (self, put.position, put.count, take, need);
}

/* --- Making --------------------------------------------------------------- */

/*< private >
 * mp_ring_init:
 * @layout: zero
 * @capacity: bytes of records at a time, a multiple of 8, 64 to %MP_RING_MAX_CAPACITY
 * @most_records: 1 to %MP_RING_MAX_RECORDS
 * @chunk_bits: %MP_RING_CHUNK_BITS, or less to try what happens between chunks
 */
void
mp_ring_init (MpRingLayout *layout,
              guint64       capacity,
              guint32       most_records,
              guint32       chunk_bits)
{
  layout->capacity = capacity;
  layout->most_records = most_records;
  layout->chunk_bits = chunk_bits;
}

static gboolean
is_possible (MpRing  *self,
             guint32  chunk_bits)
{
  return self->capacity >= 64 && self->capacity <= MP_RING_MAX_CAPACITY && self->capacity % 8 == 0 &&
         self->most_records > 0 && self->most_records <= MP_RING_MAX_RECORDS &&
         chunk_bits >= MP_RING_MIN_CHUNK_BITS && chunk_bits <= MP_RING_MAX_CHUNK_BITS &&
         self->capacity >> chunk_bits <= MP_RING_MAX_CHUNKS;
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

  *self = (MpRing) { .table = table, .layout = layout };
  memcpy (&self->capacity, &layout->capacity, sizeof self->capacity);
  memcpy (&self->most_records, &layout->most_records, sizeof self->most_records);
  memcpy (&chunk_bits, &layout->chunk_bits, sizeof chunk_bits);
  mp_atomic_fence_acquire ();

  return (is_possible (self, chunk_bits) &&
          mp_ring_memory_open (&self->memory, data, size, fd, self->capacity, chunk_bits)) ||
         set_corrupted (error);
}
