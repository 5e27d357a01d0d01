/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-ring-claim-private.h"
#include "mp-ring-end-private.h"
#include "mp-ring-run-private.h"

/* --- Memory --------------------------------------------------------------- */

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
      gsize rest = mp_ring_memory_get_rest (&self->memory, position);
      gsize n = MIN (length, rest);

      memcpy (mp_ring_memory_get_place (&self->memory, position), next, n);
      next += n;
      position += n;
      length -= n;
    }
}

static void
copy_data_in_parts (MpRing             *self,
                    guint64             position,
                    const MpRingRecord *record)
{
  const MpRingPieces *pieces = record->data;
  guint32 length = record->length - record->tail_length;

  if (record->tail_length > 0)
    copy_in_parts (self, position + length, pieces->tail, record->tail_length);
  copy_in_parts (self, position, record->tail_length > 0 ? pieces->body : record->data, length);
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

/* Of a record that goes over the end of a chunk, or lies elsewhere, or in pieces. */
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
      copy_data_in_parts (self, position + MP_RING_HEAD, record);
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
  guint64      claimed;  /* bytes of room that are left to somebody else */
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

  mp_ring_get_last (self, &putting->own, &putting->chunks);
  if (G_UNLIKELY (!mp_ring_is_place (putting->own.position)))
    return FALSE;

  mp_ring_end_get_seen (end, &putting->take);
  set_position (self, putting, putting->own.position);
  putting->begun = putting->own.position;
  putting->claimed = 0;
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

      if (G_LIKELY (mp_ring_fits (self, putting->own.weight - putting->take.weight, n, need + putting->claimed)))
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

/* What is not quite in the chunk, or not in one piece. */
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
  if (record->extent.place != 0)
    mp_ring_extents_note_place (&self->extents, &record->extent, putting->begun);
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
  return need <= putting->rest && (record->extent.place | record->tail_length) == 0 &&
         (putting->run == NULL || mp_ring_run_has_room (putting->run, need));
}

/* How far behind, and how much at most, in bytes. */
#define FORESEEN  512
#define MOST_SEEN 8192

/* Who puts next needs the cache lines behind: these are the other side's, and come in the time until then.  Without
 * that a lock, which waits for all stores, would have to wait for them.  The next ones are as long as these.
 */
static inline void
foresee (MpRing        *self,
         const Putting *putting)
{
#ifdef __x86_64__
  guint64 n = putting->own.position - putting->begun;

  if (n > MOST_SEEN || putting->rest < FORESEEN + n ||
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
            guint64              claimed,
            GError             **error)
{
  Putting putting;

  if (!begin (self, run, &putting))
    return mp_ring_set_corrupted (error), MP_RING_FAILED;

  putting.claimed = claimed;

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
  mp_ring_set_next_chunks (&self->layout->put, putting.own.count, &putting.chunks);
  mp_ring_end_commit (self, &self->layout->put, putting.own.count, putting.own.position, putting.own.weight,
                      putting.n);
  putting.own.count += mp_ring_get_addend (putting.own.count, putting.n);
  mp_ring_set_last (self, &putting.own, &putting.chunks);
  if (run == NULL)
    foresee (self, &putting);
  return MP_RING_DONE;
}

static G_GNUC_NO_INLINE MpRingResult
put_gathered_locked (MpRing              *self,
                    const MpRingRecord  *records,
                    guint                n,
                    guint               *n_put,
                    guint64              claimed,
                    GError             **error)
{
  MpRingRun run;

  run.length = 0;
  return put_locked (self, records, n, n_put, &run, claimed, error);
}

static G_GNUC_NO_INLINE MpRingResult
put_several_locked (MpRing              *self,
                    const MpRingRecord  *records,
                    guint                n,
                    guint               *n_put,
                    guint64              claimed,
                    GError             **error)
{
  MpAtomic64 *weight = &self->layout->put.last_weight;
  guint64 before = atomic_load_explicit (weight, memory_order_relaxed);
  MpRingResult result;

  if (mp_ring_pace_begin (&self->pace) == MP_RING_DIRECT)
    result = put_locked (self, records, n, n_put, NULL, claimed, error);
  else
    result = put_gathered_locked (self, records, n, n_put, claimed, error);

  mp_ring_pace_end (&self->pace, atomic_load_explicit (weight, memory_order_relaxed) - before);
  return result;
}

static MpRingResult
put_some_locked (MpRing              *self,
                 const MpRingRecord  *records,
                 guint                n,
                 guint               *n_put,
                 guint64              claimed,
                 GError             **error)
{
  return n <= 1 ? put_locked (self, records, n, n_put, NULL, claimed, error)
                : put_several_locked (self, records, n, n_put, claimed, error);
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
  guint64 claimed;

  *n_put = 0;
  if (!mp_ring_end_lock (self, end, me, error))
    return MP_RING_FAILED;

  claimed = mp_ring_claim_measure (self, me, FALSE);
  mp_ring_claim_note (self, claimed);
  result = put_some_locked (self, records, n_records, n_put, claimed, error);
  if (G_UNLIKELY (result == MP_RING_AGAIN) && n_records > 0 && mp_ring_claim_pass_over (self, claimed))
    result = put_some_locked (self, records, n_records, n_put, 0, error);
  mp_ring_end_unlock (self, end, me, result == MP_RING_DONE);
  return result;
}

/*< private >
 * mp_ring_try_put_claiming:
 * @has_claim: (inout): %FALSE at first; then whether others leave room to the caller
 *
 * As mp_ring_try_put(), for who waits.  If there is no room for the first record, others leave it some, unless they do
 * so for somebody else, until it is put, or mp_ring_give_up_claim() is called.
 */
MpRingResult
mp_ring_try_put_claiming (MpRing              *self,
                          guint32              me,
                          const MpRingRecord  *records,
                          guint                n_records,
                          guint               *n_put,
                          gboolean            *has_claim,
                          GError             **error)
{
  MpRingEnd *end = &self->layout->put;
  MpRingResult result;
  guint64 claimed;

  *n_put = 0;
  if (!mp_ring_end_lock (self, end, me, error))
    return MP_RING_FAILED;

  claimed = mp_ring_claim_measure (self, me, *has_claim);
  mp_ring_claim_note (self, claimed);
  result = put_some_locked (self, records, n_records, n_put, claimed, error);
  if (result == MP_RING_AGAIN && mp_ring_claim_pass_over (self, claimed))
    result = put_some_locked (self, records, n_records, n_put, 0, error);

  if (result == MP_RING_AGAIN)
    mp_ring_claim (self, me, mp_ring_measure (records[0].length), has_claim);
  else if (result == MP_RING_DONE)
    mp_ring_claim_end (self, me, has_claim);
  mp_ring_end_unlock (self, end, me, result == MP_RING_DONE);
  return result;
}
