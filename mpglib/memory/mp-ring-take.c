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
      gsize n = MIN (length, mp_ring_memory_get_rest (&self->memory, position));

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

/* Of a long record. */
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
  return record->extent.place != 0 && mp_ring_measure (record->length) <= most;
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
  guint64 position = own->position;

  own->position += mp_ring_measure_place (record);
  own->weight += mp_ring_measure (record->length);
  record->data = bytes;
  if (G_LIKELY (!record->is_elsewhere))
    copy_out (self, position + MP_RING_HEAD, bytes, record->length);

  if (G_UNLIKELY ((self->flags & MP_RING_HOLDS) != 0))
    return mp_ring_hold_record_locked (self, me, record, position, error);

  return G_LIKELY (!record->is_elsewhere) || mp_ring_extents_take (&self->extents, me, &record->extent) ||
         mp_ring_set_corrupted (error);
}

/* For mp_ring_linger(). */
#define THIN 4

static void
note_thin (MpRing  *self,
           guint32  n)
{
  atomic_store_explicit (&self->is_thin, n > 0 && n < THIN, memory_order_relaxed);
}

static MpRingResult
take_locked (MpRing      *self,
             guint32      me,
             MpRingHaul  *haul,
             GError     **error)
{
  MpRingEnd *end = &self->layout->take;
  MpRingMark own, put;
  gboolean is_new = FALSE, is_wanted = TRUE;
  gsize used = 0;
  guint done = 0;

  mp_ring_end_get_mark (end, &own);
  mp_ring_end_get_seen (end, &put);
  while (done < haul->n_records)
    {
      MpRingRecord *record = &haul->records[done];

      if (mp_ring_count_between (put.count, own.count) == done)
        {
          if (is_new)
            break;
          is_new = TRUE;
          if (!mp_ring_end_see_again (end, &self->layout->put, &put))
            return mp_ring_set_corrupted (error), MP_RING_FAILED;
          note_thin (self, mp_ring_count_between (put.count, own.count) - done);
          continue;
        }

      if (!mp_ring_read_head (self, &own, &put, record))
        return mp_ring_set_corrupted (error), MP_RING_FAILED;

      is_wanted = haul->wants == NULL || haul->wants (record, haul->user_data);
      if (!is_wanted || record->length > haul->room - used)
        break;

      if (!take_one (self, me, &own, record, haul->data + used, error))
        return MP_RING_FAILED;

      used += record->length;
      done++;
    }

  if (done == 0 && mp_ring_count_between (put.count, own.count) == 0)
    return MP_RING_AGAIN;

  if (done == 0)
    return is_wanted ? MP_RING_NO_ROOM : MP_RING_UNWANTED;

  haul->n_records = done;
  mp_ring_end_commit (self, end, own.count, own.position, own.weight, done);
  return MP_RING_DONE;
}

/* What is taken is held; what the dead have held comes first, one by one. */
static MpRingResult
take_and_hold_locked (MpRing      *self,
                      guint32      me,
                      MpRingHaul  *haul,
                      GError     **error)
{
  MpRingResult result = MP_RING_FAILED;

  if (mp_ring_hold_begin_locked (self, me, error))
    result = (self->flags & MP_RING_REDELIVERS) != 0 ? mp_ring_hold_inherit_locked (self, me, haul) : MP_RING_AGAIN;

  if (result == MP_RING_DONE)
    haul->n_records = 1;
  else if (result == MP_RING_AGAIN)
    result = take_locked (self, me, haul, error);

  /* What a batch has noted that failed in its middle is undone by the next one. */
  if (result != MP_RING_FAILED)
    mp_ring_hold_end_locked (self);
  return result;
}

/*< private >
 * mp_ring_read_hauled:
 *
 * Without the lock: reads those that lie elsewhere.
 */
MpRingResult
mp_ring_read_hauled (MpRing      *self,
                     guint32      me,
                     MpRingHaul  *haul,
                     GError     **error)
{
  gboolean were_read = TRUE;

  for (guint i = 0; i < haul->n_records; i++)
    {
      MpRingRecord *record = &haul->records[i];

      if (G_LIKELY (!record->is_elsewhere))
        continue;

      record->is_elsewhere = FALSE;
      were_read &= mp_ring_extents_read (&self->extents, &record->extent, (gpointer) record->data,
                                         record->length, were_read ? error : NULL);
      if ((self->flags & MP_RING_HOLDS) != 0)
        continue;

      mp_ring_extents_release (&self->extents, me, &record->extent, record->length);
      record->extent.place = 0;
    }

  return were_read ? MP_RING_DONE : MP_RING_FAILED;
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
  guint64 before, after;
  MpRingResult result;

  if (!mp_ring_end_lock (self, end, me, error))
    return MP_RING_FAILED;

  before = mp_ring_end_get_position (end);
  result = G_LIKELY ((self->flags & MP_RING_HOLDS) == 0) ? take_locked (self, me, haul, error)
                                                         : take_and_hold_locked (self, me, haul, error);
  after = mp_ring_end_get_position (end);
  mp_ring_end_unlock (self, end, me, result == MP_RING_DONE);

  if (G_UNLIKELY (mp_ring_get_number (self, before) != mp_ring_get_number (self, after)))
    mp_ring_give_back (self, me);
  return result == MP_RING_DONE ? mp_ring_read_hauled (self, me, haul, error) : result;
}
