/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-ring-end-private.h"

static void
copy_out_parts (MpRing   *self,
                guint64   position,
                gpointer  bytes,
                gsize     length)
{
  guint8 *next = bytes;

  while (length > 0)
    {
      gsize rest = mp_ring_memory_get_rest (&self->memory, position);
      gsize n = MIN (length, rest);

      memcpy (next, mp_ring_memory_get_place (&self->memory, position), n);
      next += n;
      position += n;
      length -= n;
    }
}

static inline void
copy_out (MpRing   *self,
          guint64   position,
          gpointer  bytes,
          gsize     length)
{
  if (G_LIKELY (length <= mp_ring_memory_get_rest (&self->memory, position)) && length > 0)
    memcpy (bytes, mp_ring_memory_get_place (&self->memory, position), length);
  else
    copy_out_parts (self, position, bytes, length);
}

/* Of a long record, which is not longer than the ring allows, whatever others have written of weights. */
static gboolean
read_elsewhere (MpRing       *self,
                guint64       position,
                guint64       most,
                MpRingRecord *record)
{
  MpRingElsewhere elsewhere;

  if (record->length != sizeof elsewhere)
    return FALSE;

  copy_out (self, position, &elsewhere, sizeof elsewhere);
  record->extent = elsewhere.name;
  record->length = elsewhere.length;
  record->is_elsewhere = TRUE;
  return record->extent.place != 0 && mp_ring_measure (record->length) <= MIN (most, self->capacity);
}

/* One look at the head, whose lengths are checked. */
gboolean
mp_ring_read_head (MpRing           *self,
                   const MpRingMark *own,
                   const MpRingMark *put,
                   MpRingRecord     *record)
{
  guint64 left = put->position - own->position;
  const MpAtomic32 *head;
  guint32 kind;

  if (left < MP_RING_HEAD || left > self->capacity || !mp_ring_is_place (own->position))
    return FALSE;

  head = (const MpAtomic32 *) (gpointer) mp_ring_memory_get_place (&self->memory, own->position);
  record->length = atomic_load_explicit (&head[0], memory_order_relaxed);
  kind = atomic_load_explicit (&head[1], memory_order_relaxed);
  record->kind = kind & MP_RING_MAX_KIND;
  record->extent.place = 0;
  record->is_elsewhere = FALSE;
  if (mp_ring_measure (record->length) > left)
    return FALSE;

  return G_LIKELY ((kind & MP_RING_ELSEWHERE) == 0) ||
         read_elsewhere (self, own->position + MP_RING_HEAD, put->weight - own->weight, record);
}

/* Of those that are taken one by one, and committed together. */
static gboolean
take_one (MpRing        *self,
          guint32        me,
          MpRingMark    *own,
          MpRingRecord  *record,
          guint8        *bytes,
          GError       **error)
{
  guint64 need = mp_ring_measure_place (record);

  record->data = bytes;
  if (G_LIKELY (!record->is_elsewhere))
    copy_out (self, own->position + MP_RING_HEAD, bytes, record->length);

  if (G_UNLIKELY ((self->flags & MP_RING_HOLDS) != 0))
    {
      if (!mp_ring_hold_record_locked (self, me, record, own->position, error))
        return FALSE;
    }
  else if (G_UNLIKELY (record->is_elsewhere) && !mp_ring_extents_take (&self->extents, me, &record->extent))
    return mp_ring_set_corrupted (error);

  own->position += need;
  own->weight += mp_ring_measure (record->length);
  return TRUE;
}

/* For mp_ring_linger(). */
#define THIN 32

static void
note_thin (MpRing  *self,
           guint32  n)
{
  atomic_store_explicit (&self->is_thin[MP_RING_TAKES], n > 0 && n < THIN, memory_order_relaxed);
}

/* What is taken with one commit. */
typedef struct
{
  MpRingMark    own;      /* its count is that of before */
  MpRingMark    put;      /* as it was seen last */
  const guint8 *place;    /* of the position */
  guint64       rest;     /* bytes of the chunk from there on */
  gsize         used;     /* of the haul's room */
  guint64       begun;    /* position of before */
  guint         n;
  gboolean      is_new;   /* whether `put` was seen just now */
  gboolean      is_elsewhere;  /* whether some are to be read without the lock */
} Taking;

#ifndef AHEAD
#define AHEAD 1024
#endif

/* Whose cache lines are the other side's: these come while what is before them is read. */
static inline void
foresee (const Taking *taking,
         guint64       begin,
         guint64       end)
{
  guint64 most = MIN (taking->rest, taking->put.position - taking->own.position);

  for (guint64 at = begin; at < MIN (end, most); at += 64)
    __builtin_prefetch (taking->place + at);
}

static inline void
set_position (MpRing  *self,
              Taking  *taking)
{
  taking->place = mp_ring_memory_get_place (&self->memory, taking->own.position);
  taking->rest = mp_ring_memory_get_rest (&self->memory, taking->own.position);
}

static inline gboolean
begin (MpRing *self,
       Taking *taking)
{
  mp_ring_end_get_mark (&self->layout->take, &taking->own);
  mp_ring_end_get_seen (&self->layout->take, &taking->put);
  set_position (self, taking);
  taking->begun = taking->own.position;
  taking->used = 0;
  taking->n = 0;
  taking->is_new = FALSE;
  return mp_ring_is_place (taking->own.position);
}

/* Returns: MP_RING_DONE if there is a next one */
static MpRingResult
find_next (MpRing  *self,
           Taking  *taking,
           GError **error)
{
  guint32 left = mp_ring_count_between (taking->put.count, taking->own.count);

  if (G_LIKELY (left != taking->n))
    return MP_RING_DONE;

  if (taking->is_new)
    return MP_RING_AGAIN;

  taking->is_new = TRUE;
  if (!mp_ring_end_see_again (&self->layout->take, &self->layout->put, &taking->put))
    return mp_ring_set_corrupted (error), MP_RING_FAILED;

  left = mp_ring_count_between (taking->put.count, taking->own.count);
  note_thin (self, left - taking->n);
  foresee (taking, 0, AHEAD);
  return left != taking->n ? MP_RING_DONE : MP_RING_AGAIN;
}

/* Of one that is wholly in the chunk.  One look at the head, whose lengths are checked. */
static inline gboolean
read_near (MpRing       *self,
           const Taking *taking,
           MpRingRecord *record)
{
  const MpAtomic32 *head = (const MpAtomic32 *) (gconstpointer) taking->place;
  guint64 left = taking->put.position - taking->own.position;
  guint64 need;

  record->length = atomic_load_explicit (&head[0], memory_order_relaxed);
  record->kind = atomic_load_explicit (&head[1], memory_order_relaxed);
  record->extent.place = 0;
  record->is_elsewhere = FALSE;
  need = mp_ring_measure (record->length);
  return need <= left && left <= self->capacity && need <= taking->rest && (record->kind & MP_RING_ELSEWHERE) == 0 &&
         (self->flags & MP_RING_HOLDS) == 0;
}

static inline void
add_near (Taking       *taking,
          MpRingRecord *record,
          guint8       *bytes)
{
  guint64 need = mp_ring_measure (record->length);

  record->data = bytes;
  if (G_LIKELY (record->length > 0))
    memcpy (bytes, taking->place + MP_RING_HEAD, record->length);
  taking->own.position += need;
  taking->own.weight += need;
  taking->place += need;
  taking->rest -= need;
  foresee (taking, AHEAD - MIN (need, AHEAD), AHEAD);
}

static gboolean
add (MpRing        *self,
     guint32        me,
     Taking        *taking,
     MpRingRecord  *record,
     guint8        *bytes,
     gboolean       is_near,
     GError       **error)
{
  if (G_LIKELY (is_near))
    {
      add_near (taking, record, bytes);
      if (G_UNLIKELY (taking->rest == 0))
        set_position (self, taking);
      return TRUE;
    }

  if (!take_one (self, me, &taking->own, record, bytes, error))
    return FALSE;

  set_position (self, taking);
  taking->is_elsewhere |= record->is_elsewhere;
  return TRUE;
}

/* Those before the one that cannot be held are taken: that one is told of when it is the first. */
static MpRingResult
end_early (const Taking *taking,
           GError       *reason_taken,
           GError      **error)
{
  if (taking->n > 0 && !g_error_matches (reason_taken, MP_ERROR, MP_ERROR_CORRUPTED))
    {
      g_error_free (reason_taken);
      return MP_RING_DONE;
    }

  g_propagate_error (error, reason_taken);
  return MP_RING_FAILED;
}

/* Returns: MP_RING_DONE also if there is nothing */
static MpRingResult
take_some (MpRing      *self,
           guint32      me,
           Taking      *taking,
           MpRingHaul  *haul,
           GError     **error)
{
  while (taking->n < haul->n_records)
    {
      MpRingRecord *record = &haul->records[taking->n];
      MpRingResult result = find_next (self, taking, error);
      GError *reason = NULL;
      gboolean is_near;

      if (G_UNLIKELY (result != MP_RING_DONE))
        return result == MP_RING_AGAIN ? MP_RING_DONE : result;

      is_near = read_near (self, taking, record);
      if (G_UNLIKELY (!is_near) && !mp_ring_read_head (self, &taking->own, &taking->put, record))
        return mp_ring_set_corrupted (error), MP_RING_FAILED;

      if (haul->wants != NULL && !haul->wants (record, haul->user_data))
        return MP_RING_UNWANTED;

      if (record->length > haul->room - taking->used)
        return MP_RING_NO_ROOM;

      if (!add (self, me, taking, record, haul->data + taking->used, is_near, &reason))
        return end_early (taking, reason, error);

      taking->used += record->length;
      taking->n++;
    }

  return MP_RING_DONE;
}

static MpRingResult
take_locked (MpRing      *self,
             guint32      me,
             MpRingHaul  *haul,
             Taking      *taking,
             GError     **error)
{
  MpRingResult result;

  if (!begin (self, taking))
    return mp_ring_set_corrupted (error), MP_RING_FAILED;

  result = take_some (self, me, taking, haul, error);
  if (result == MP_RING_FAILED)
    return result;

  if (taking->n == 0)
    return result == MP_RING_DONE ? MP_RING_AGAIN : result;

  haul->n_records = taking->n;
  mp_ring_end_commit (self, &self->layout->take, taking->own.count, taking->own.position, taking->own.weight,
                      taking->n);
  return MP_RING_DONE;
}

/* What is taken is held; what the dead have held comes first, one by one. */
static MpRingResult
take_and_hold_locked (MpRing      *self,
                      guint32      me,
                      MpRingHaul  *haul,
                      Taking      *taking,
                      GError     **error)
{
  MpRingResult result = MP_RING_FAILED;

  if (mp_ring_hold_begin_locked (self, me, error))
    result = (self->flags & MP_RING_REDELIVERS) != 0 ? mp_ring_hold_inherit_locked (self, me, haul, error)
                                                     : MP_RING_AGAIN;

  taking->is_elsewhere = result == MP_RING_DONE;
  if (result == MP_RING_DONE)
    haul->n_records = 1;
  else if (result == MP_RING_AGAIN)
    result = take_locked (self, me, haul, taking, error);

  /* What a batch has noted that failed in its middle is undone by the next one. */
  if (result != MP_RING_FAILED)
    mp_ring_hold_end_locked (self);
  return result;
}

/* What this process could not read nobody can, and so nobody has it in hand. */
static gboolean
read_whole (MpRing        *self,
            guint32        me,
            MpRingRecord  *record,
            GError       **error)
{
  gboolean was_read = TRUE;
  guint32 n_read = 0;

  while (G_UNLIKELY (record->is_elsewhere))
    was_read = mp_ring_read_some (self, me, record, &n_read, error);
  if (!was_read && record->extent.place != 0)
    mp_ring_acknowledge (self, me, &record->extent);
  return was_read;
}

/*< private >
 * mp_ring_read_hauled:
 *
 * Without the lock: reads those that lie elsewhere.  Of several those stay that can be read.
 */
MpRingResult
mp_ring_read_hauled (MpRing      *self,
                     guint32      me,
                     MpRingHaul  *haul,
                     GError     **error)
{
  guint n_taken = haul->n_records;
  GError *failure = NULL;

  haul->n_records = 0;
  for (guint i = 0; i < n_taken; i++)
    if (read_whole (self, me, &haul->records[i], failure == NULL ? &failure : NULL))
      haul->records[haul->n_records++] = haul->records[i];

  haul->n_failed = n_taken - haul->n_records;
  if (haul->n_records > 0)
    {
      g_clear_error (&failure);
      return MP_RING_DONE;
    }

  g_propagate_error (error, failure);
  return MP_RING_FAILED;
}

/* Nobody waits for the lock of who may be stopped while there is nothing: who puts something wakes, and rings. */
static MpRingResult
lock_to_take (MpRing   *self,
              guint32   me,
              GError  **error)
{
  if (G_LIKELY (mp_owner_lock_try (&self->layout->take.lock, me)))
    return MP_RING_DONE;

  if (mp_ring_count (self) == 0 && !mp_ring_has_orphans (self))
    return MP_RING_AGAIN;

  return mp_ring_end_lock_slowly (self, &self->layout->take, me, error) ? MP_RING_DONE : MP_RING_FAILED;
}

/*< private >
 * mp_ring_try_take:
 * @haul: where they go, at most %MP_RING_BATCH
 *
 * Long records are read after they were taken, without the lock.  Fails with %MP_ERROR_TIMED_OUT if somebody
 * is stopped who takes.
 */
MpRingResult
mp_ring_try_take (MpRing      *self,
                  guint32      me,
                  MpRingHaul  *haul,
                  GError     **error)
{
  MpRingEnd *end = &self->layout->take;
  MpRingResult result = lock_to_take (self, me, error);
  Taking taking;

  if (G_UNLIKELY (result != MP_RING_DONE))
    return result;

  taking.begun = taking.own.position = 0;
  taking.is_elsewhere = FALSE;
  result = G_LIKELY ((self->flags & MP_RING_HOLDS) == 0) ? take_locked (self, me, haul, &taking, error)
                                                         : take_and_hold_locked (self, me, haul, &taking, error);
  mp_ring_end_unlock (self, end, me, result == MP_RING_DONE);

  if (G_UNLIKELY (mp_ring_get_number (self, taking.begun) != mp_ring_get_number (self, taking.own.position)))
    mp_ring_give_back (self, me);
  if (G_LIKELY (!taking.is_elsewhere) || result != MP_RING_DONE || haul->leaves_long)
    return result;

  return mp_ring_read_hauled (self, me, haul, error);
}
