/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-ring-end-private.h"
#include "mp-ring-run-private.h"

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

/* Heads are 8 bytes at multiples of 8, which the end of a chunk never divides. */
static inline void
write_head (guint8  *place,
            guint32  length,
            guint32  kind)
{
  guint32 *head = (guint32 *) (gpointer) place;

  head[0] = length;
  head[1] = kind;
}

/* Of a record that goes over the end of a chunk, or lies elsewhere. */
static void
write_in_parts (MpRing             *self,
                guint64             position,
                const MpRingRecord *record)
{
  MpRingElsewhere elsewhere = { record->extent, record->length, 0 };
  guint8 *place = mp_ring_memory_get_place (&self->memory, position);

  if (record->extent.place == 0)
    {
      write_head (place, record->length, record->kind);
      copy_in_parts (self, position + MP_RING_HEAD, record->data, record->length);
      return;
    }

  write_head (place, sizeof elsewhere, record->kind | MP_RING_ELSEWHERE);
  copy_in_parts (self, position + MP_RING_HEAD, &elsewhere, sizeof elsewhere);
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

/* What is put with one commit. */
typedef struct
{
  MpRingMark   own;      /* its count is that of before */
  MpRingMark   take;     /* as it was seen last */
  MpRingChunks chunks;
  guint64      begun;    /* position of before */
  guint8      *place;    /* of the position */
  guint64      rest;     /* bytes of the chunk from there on */
  MpRingRun   *run;      /* nullable: where those are that go to the places before */
  guint        n;
  gboolean     is_new;   /* whether `take` was seen just now */
} Putting;

static inline void
set_position (MpRing  *self,
              Putting *putting,
              guint64  position)
{
  putting->own.position = position;
  putting->place = mp_ring_memory_get_place (&self->memory, position);
  putting->rest = (putting->chunks.n_entered << self->memory.chunk_bits) - position;
}

static inline gboolean
begin (MpRing    *self,
       MpRingRun *run,
       Putting   *putting)
{
  MpRingEnd *end = &self->layout->put;

  mp_ring_end_get_mark (end, &putting->own);
  if (G_UNLIKELY (!mp_ring_is_place (putting->own.position)))
    return FALSE;

  mp_ring_end_get_seen (end, &putting->take);
  get_chunks (self, &putting->own, &putting->chunks);
  set_position (self, putting, putting->own.position);
  putting->begun = putting->own.position;
  putting->run = run;
  putting->n = 0;
  putting->is_new = FALSE;
  return TRUE;
}

/* For mp_ring_linger(). */
#define THIN 32

static void
note_thin (MpRing        *self,
           const Putting *putting,
           guint64        need)
{
  guint64 room = self->capacity - (putting->own.weight - putting->take.weight);

  atomic_store_explicit (&self->is_thin[MP_RING_PUTS], room < THIN * need && room < self->capacity / 4,
                         memory_order_relaxed);
}

/* Whether there is room, after another look at the other end if there seemed to be none. */
static MpRingResult
find_room (MpRing   *self,
           Putting  *putting,
           guint64   need,
           GError  **error)
{
  for (;;)
    {
      guint32 n = mp_ring_count_between (putting->own.count, putting->take.count) + putting->n;

      if (G_LIKELY (mp_ring_fits (self, putting->own.weight - putting->take.weight, n, need)))
        return MP_RING_DONE;

      if (putting->is_new)
        return MP_RING_AGAIN;

      putting->is_new = TRUE;
      if (!mp_ring_end_see_again (&self->layout->put, &self->layout->take, &putting->take) ||
          putting->own.weight - putting->take.weight > self->capacity)
        return mp_ring_set_corrupted (error), MP_RING_FAILED;
      note_thin (self, putting, need);
    }
}

/* What is not quite in the chunk. */
static gboolean
add_in_parts (MpRing              *self,
              Putting             *putting,
              const MpRingRecord  *record,
              GError             **error)
{
  guint64 after = putting->own.position + mp_ring_measure_place (record);

  if (!enter_chunks (self, &putting->chunks, after, &putting->take, error))
    return FALSE;

  if (putting->run != NULL)
    mp_ring_run_bring (putting->run);
  write_in_parts (self, putting->own.position, record);
  set_position (self, putting, after);
  return TRUE;
}

static inline void
add (Putting            *putting,
     const MpRingRecord *record,
     guint64             need)
{
  guint8 *place = putting->run != NULL ? mp_ring_run_add (putting->run, putting->place, need) : putting->place;

  write_head (place, record->length, record->kind);
  /* Others see the padding, too, and this is in the stack. */
  if (putting->run != NULL && record->length > 0)
    memset (place + need - 8, 0, 8);
  if (G_LIKELY (record->length > 0))
    memcpy (place + MP_RING_HEAD, record->data, record->length);
  putting->own.position += need;
  putting->place += need;
  putting->rest -= need;
}

static inline gboolean
is_near (const Putting      *putting,
         const MpRingRecord *record,
         guint64             need)
{
  return need <= putting->rest && record->extent.place == 0 &&
         (putting->run == NULL || mp_ring_run_has_room (putting->run, need));
}

/* How far behind a record, and how long a record at most, in bytes. */
#define FORESEEN 512
#define SHORT    2048

/* Who puts next needs the cache lines behind: these are the other side's, and come in the time until then.  Without
 * that a lock, which waits for all stores, would have to wait for them.
 */
static inline void
foresee (MpRing        *self,
         const Putting *putting)
{
#ifdef __x86_64__
  guint64 n = putting->own.position - putting->begun;

  if (n > SHORT || putting->rest < FORESEEN + n ||
      putting->own.weight - putting->take.weight + FORESEEN + n > self->capacity)
    return;

  for (guint64 i = 0; i < n; i += 64)
    __asm__ volatile ("prefetchw %0" : : "m" (putting->place[FORESEEN + i]));
#endif
}

static inline MpRingResult
put_locked (MpRing              *self,
            const MpRingRecord  *records,
            guint                n,
            guint               *n_put,
            MpRingRun           *run,
            GError             **error)
{
  Putting putting;

  if (!begin (self, run, &putting))
    return mp_ring_set_corrupted (error), MP_RING_FAILED;

  for (; putting.n < n; putting.n++)
    {
      const MpRingRecord *record = &records[putting.n];
      guint64 need = mp_ring_measure (record->length);
      MpRingResult result;

      if (G_UNLIKELY (need > self->capacity))
        return set_too_long (self, record->length, error);

      result = find_room (self, &putting, need, error);
      if (G_UNLIKELY (result == MP_RING_AGAIN))
        break;

      if (G_UNLIKELY (result == MP_RING_FAILED))
        return result;

      if (G_LIKELY (is_near (&putting, record, need)))
        add (&putting, record, need);
      else if (!add_in_parts (self, &putting, record, error))
        return MP_RING_FAILED;
      putting.own.weight += need;
    }

  *n_put = putting.n;
  if (putting.n == 0)
    return MP_RING_AGAIN;

  if (run != NULL)
    mp_ring_run_bring (run);
  set_next_chunks (&self->layout->put, putting.own.count, &putting.chunks);
  mp_ring_end_commit (self, &self->layout->put, putting.own.count, putting.own.position, putting.own.weight,
                      putting.n);
  if (run == NULL)
    foresee (self, &putting);
  return MP_RING_DONE;
}

static G_GNUC_NO_INLINE MpRingResult
put_several_locked (MpRing              *self,
                    const MpRingRecord  *records,
                    guint                n,
                    guint               *n_put,
                    GError             **error)
{
  MpRingRun run;

  run.length = 0;
  return put_locked (self, records, n, n_put, &run, error);
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

  result = n_records <= 1 ? put_locked (self, records, n_records, n_put, NULL, error)
                          : put_several_locked (self, records, n_records, n_put, error);
  mp_ring_end_unlock (self, end, me, result == MP_RING_DONE);
  return result;
}
