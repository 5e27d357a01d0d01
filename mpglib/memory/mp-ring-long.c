/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-ring-end-private.h"

/*< private >
 * mp_ring_find_extent:
 * @position: that was noted in it
 *
 * With the lock of the end take, so that no record goes: looks at as many records as one commit has, at most.  The
 * position is where a record begins, if there is one: also of somebody who died before the commit, since the next
 * commit began there.
 *
 * Returns: %FALSE if there is rubbish
 */
gboolean
mp_ring_find_extent (gpointer                data,
                     const MpRingExtentName *name,
                     guint64                 position,
                     gboolean               *is_there)
{
  MpRing *self = data;
  MpRingMark at, put;

  *is_there = FALSE;
  mp_ring_end_get_mark (&self->layout->take, &at);
  if (!mp_ring_end_look (&self->layout->put, &put))
    return FALSE;

#ifdef MP_FAULT_NO_PLACE
  position = at.position;
#endif
  at.position = MAX (at.position, position);
  for (guint i = 0; i < MP_RING_BATCH && at.position < put.position && !*is_there; i++)
    {
      MpRingRecord record;

      if (!mp_ring_read_head (self, &at, &put, &record))
        return FALSE;

      *is_there = record.extent.place == name->place && record.extent.ticket == name->ticket;
      at.position += mp_ring_measure_place (&record);
    }

  return TRUE;
}

static gboolean
sweep_extents (MpRing   *self,
               guint32   me,
               GError  **error)
{
  MpRingEnd *end = &self->layout->take;
  gboolean is_swept;

  if (!mp_ring_end_lock (self, end, me, error))
    return FALSE;

  is_swept = (self->flags & MP_RING_HOLDS) != 0
               ? mp_ring_hold_begin_locked (self, me, NULL)
               : mp_ring_extents_sweep (&self->extents, self->table, mp_ring_find_extent, self, NULL);
  mp_ring_hold_end_locked (self);
  mp_ring_end_unlock (self, end, me, FALSE);
  return is_swept || mp_ring_set_corrupted (error);
}

/* Copied in one go: well below a millisecond. */
#define SLICE (1024 * 1024)

static gboolean
begin_to_prepare (MpRing        *self,
                  guint32        me,
                  MpRingRecord  *record,
                  GError       **error)
{
  if (mp_ring_extents_is_due (&self->extents, self->table) && !sweep_extents (self, me, error))
    return FALSE;

  return mp_ring_extents_claim (&self->extents, me, record->length, &record->extent, error);
}

static gboolean
write_bytes (MpRing              *self,
             const MpRingRecord  *record,
             guint32              offset,
             gconstpointer        bytes,
             guint32              n,
             GError             **error)
{
  return n == 0 || mp_ring_extents_write (&self->extents, &record->extent, offset, bytes, n, error);
}

static gboolean
write_some (MpRing              *self,
            const MpRingRecord  *record,
            guint32              offset,
            guint32              n,
            GError             **error)
{
  const MpRingPieces *pieces = record->data;
  guint32 body_length = record->length - record->tail_length;
  guint32 n_body;

  if (record->tail_length == 0)
    return write_bytes (self, record, offset, (const guint8 *) record->data + offset, n, error);

  n_body = offset < body_length ? MIN (n, body_length - offset) : 0;
  return write_bytes (self, record, offset, (const guint8 *) pieces->body + offset, n_body, error) &&
         write_bytes (self, record, offset + n_body,
                      (const guint8 *) pieces->tail + (offset + n_body - body_length), n - n_body, error);
}

/*< private >
 * mp_ring_prepare_some:
 * @record: for which mp_ring_is_long() is %TRUE
 * @n_done: (inout): bytes of it: 0 at first, and its length when all is done
 *
 * Does the next part of mp_ring_prepare().
 */
gboolean
mp_ring_prepare_some (MpRing        *self,
                      guint32        me,
                      MpRingRecord  *record,
                      guint32       *n_done,
                      GError       **error)
{
  guint32 n = MIN (record->length - *n_done, SLICE);

  if (*n_done == 0 && !begin_to_prepare (self, me, record, error))
    return FALSE;

  if (record->extent.place == 0)   /* none is free, and it is put as a short one */
    {
      *n_done = record->length;
      return TRUE;
    }

  if (!write_some (self, record, *n_done, n, error))
    {
      mp_ring_forget (self, me, record);
      return FALSE;
    }

  *n_done += n;
  return TRUE;
}

/*< private >
 * mp_ring_prepare:
 *
 * Copies the data of a record that is long, and to be put, so that nobody does it under the lock.  Whoever does
 * not put it then calls mp_ring_forget(); who puts it leaves it alone.
 */
gboolean
mp_ring_prepare (MpRing        *self,
                 guint32        me,
                 MpRingRecord  *record,
                 GError       **error)
{
  guint32 n_done = 0;

  if (G_LIKELY (!mp_ring_is_long (self, record)))
    return TRUE;

  while (n_done < record->length)
    if (!mp_ring_prepare_some (self, me, record, &n_done, error))
      return FALSE;

  return TRUE;
}

/*< private >
 * mp_ring_read_some:
 * @record: that was taken, and is elsewhere
 * @n_read: (inout): bytes of it, 0 at first
 *
 * Reads the next part of it; when that was the last one, or on failure, it is elsewhere no more.
 */
gboolean
mp_ring_read_some (MpRing        *self,
                   guint32        me,
                   MpRingRecord  *record,
                   guint32       *n_read,
                   GError       **error)
{
  guint32 n = MIN (record->length - *n_read, SLICE);
  gboolean was_read = mp_ring_extents_read (&self->extents, &record->extent, *n_read,
                                            (guint8 *) record->data + *n_read, n, error);

  /* So that the end of it does not take long. */
  if ((self->flags & MP_RING_HOLDS) == 0 && record->length > SLICE)
    mp_ring_extents_drop (&self->extents, &record->extent, *n_read, n);
  *n_read += n;
  if (!was_read || *n_read == record->length)
    mp_ring_end_reading (self, me, record);
  return was_read;
}

/*< private >
 * mp_ring_end_reading:
 *
 * Of a record that was taken, and is elsewhere, whether it was read or will not be.
 */
void
mp_ring_end_reading (MpRing       *self,
                     guint32       me,
                     MpRingRecord *record)
{
  record->is_elsewhere = FALSE;
  if ((self->flags & MP_RING_HOLDS) != 0)
    return;

  mp_ring_extents_release (&self->extents, me, &record->extent, record->length);
  record->extent.place = 0;
}

void
mp_ring_forget (MpRing       *self,
                guint32       me,
                MpRingRecord *record)
{
  if (record->extent.place != 0)
    mp_ring_extents_forget (&self->extents, me, &record->extent, record->length);
  record->extent.place = 0;
}
