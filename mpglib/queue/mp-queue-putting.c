/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-outbox-private.h"
#include "mp-queue-putting-private.h"

/* --- Putting -------------------------------------------------------------- */

/* At a time: more of a batch are put one behind the other. */
#define AT_ONCE 64

/* Long items are copied before they are put, and not while others wait. */
static gboolean
prepare (MpRing        *ring,
         guint32        me,
         MpRingRecord  *records,
         guint          n,
         GError       **error)
{
  for (guint i = 0; i < n; i++)
    {
      if (G_UNLIKELY (records[i].length >= ring->long_length) && records[i].extent.place == 0 &&
          !mp_ring_prepare (ring, me, &records[i], error))
        return FALSE;
    }

  return TRUE;
}

/* Of items that are not put. */
static void
forget (MpRing       *ring,
        guint32       me,
        MpRingRecord *records,
        guint         n)
{
  for (guint i = 0; i < n; i++)
    mp_ring_forget (ring, me, &records[i]);
}

/* How to put what has no room yet: waits; or only claims some; or neither. */
typedef struct
{
  const MpWait *wait;
  gboolean     *has_claim;
} Way;

static MpRingResult
put_some (MpRing             *ring,
          guint32             me,
          const MpRingRecord *records,
          guint               n,
          guint              *n_put,
          Way                 way,
          GError            **error)
{
  if (way.wait != NULL)
    return mp_ring_put (ring, me, records, n, n_put, *way.wait, error);

  if (way.has_claim != NULL)
    return mp_ring_try_put_claiming (ring, me, records, n, n_put, way.has_claim, error);

  return mp_ring_try_put (ring, me, records, n, n_put, error);
}

/* Returns: MP_RING_DONE once all are put; else how far it came is in `done` */
static MpRingResult
put_rest (MpRing        *ring,
          guint32        me,
          MpRingRecord  *records,
          guint          n,
          guint         *done,
          Way            way,
          GError       **error)
{
  MpRingResult result = MP_RING_DONE;

  while (*done < n && result == MP_RING_DONE)
    {
      MpRingRecord *next = records + *done;
      guint n_next = MIN (n - *done, AT_ONCE), n_put = 0;

      if (!prepare (ring, me, next, n_next, error))
        return MP_RING_FAILED;

      result = put_some (ring, me, next, n_next, &n_put, way, error);
      *done += n_put;
    }

  return result;
}

static void
wait_and_put (MpQueuePrivate  *priv,
              MpRing          *ring,
              guint32          me,
              MpRingRecord    *records,
              guint            n,
              guint           *done,
              gdouble          timeout,
              GCancellable    *cancellable,
              GError         **error)
{
  MpQueueWait wait;
  MpRingResult result;

  if (!mp_queue_wait_begin (priv, &wait, MP_QUEUE_SPACE, timeout, cancellable, error))
    return;

  result = put_rest (ring, me, records, n, done, (Way) { .wait = &wait.blocking.wait }, error);
  mp_queue_wait_end (priv, &wait);
  if (result == MP_RING_AGAIN)
    mp_queue_wait_fail (priv, &wait, MP_QUEUE_SPACE, error);
}

/*< private >
 * mp_queue_put_records:
 * @records: (array length=n): of items; stay the caller's
 *
 * Returns: how many of them, from the first on; with the error set, none
 */
guint
mp_queue_put_records (MpQueue       *self,
                      MpRingRecord  *records,
                      guint          n,
                      gdouble        timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (self);
  g_autoptr (GError) reason = NULL;
  guint32 me;
  MpRing *ring = mp_queue_enter (priv, &me, error);
  guint done = 0;

  if (G_UNLIKELY (ring == NULL))
    return 0;

  if (G_UNLIKELY (cancellable != NULL) && g_cancellable_set_error_if_cancelled (cancellable, error))
    return 0;

  if (timeout != 0 && n > 0)
    mp_ring_linger (ring, mp_ring_measure (records[0].length));

  if (G_UNLIKELY (put_rest (ring, me, records, n, &done, (Way) { NULL }, &reason) == MP_RING_AGAIN))
    wait_and_put (priv, ring, me, records, n, &done, timeout, cancellable, &reason);

  if (G_UNLIKELY (done < n))
    forget (ring, me, records + done, n - done);

  if (done > 0)
    mp_queue_note_done (priv, MP_QUEUE_SPACE);
  else if (reason != NULL)
    g_propagate_error (error, g_steal_pointer (&reason));
  return done;
}

static MpRingRecord *
copy_records (const MpItem *items,
              guint         n)
{
  MpRingRecord *records = g_new (MpRingRecord, n);

  for (guint i = 0; i < n; i++)
    records[i] = items[i].record;
  return records;
}

/*< private >
 * mp_queue_put_items:
 * @items: (array length=n): stay the caller's
 *
 * Returns: as mp_queue_put_records()
 */
guint
mp_queue_put_items (MpQueue       *self,
                    const MpItem  *items,
                    guint          n,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autofree MpRingRecord *records = copy_records (items, n);

  return mp_queue_put_records (self, records, n, timeout, cancellable, error);
}

/* --- In a main loop ------------------------------------------------------- */

typedef struct
{
  MpQueueErrand errand;
  MpQueue      *queue;
  MpItem       *items;     /* which hold what is in the records */
  MpRingRecord *records;
  guint         n;
  guint         done;
  guint32       n_copied;  /* bytes of the next one, if that is long */
  gboolean      waits;     /* for room, if there is none */
} Putting;

static void
putting_free (gpointer data)
{
  Putting *self = data;
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&mp_queue_get_private (self->queue)->store, &me, NULL);

  mp_queue_unclaim (mp_queue_get_private (self->queue), &self->errand);
  if (ring != NULL)
    forget (ring, me, self->records + self->done, self->n - self->done);
  g_object_unref (self->queue);
  for (guint i = 0; i < self->n; i++)
    mp_item_clear (&self->items[i]);
  g_free (self->records);
  g_free (self->items);
  g_free (self);
}

static gboolean
is_to_be_copied (const Putting *self,
                 MpRing        *ring)
{
  return mp_ring_is_long (ring, &self->records[self->done]) && self->n_copied < self->records[self->done].length;
}

/* The next one, and the short ones behind it. */
static guint
count_ready (const Putting *self,
             MpRing        *ring)
{
  guint most = MIN (self->n - self->done, AT_ONCE), n = 1;

  while (n < most && !mp_ring_is_long (ring, &self->records[self->done + n]))
    n++;
  return n;
}

static MpRingResult
put_ready (Putting  *self,
           MpRing   *ring,
           guint32   me,
           GError  **error)
{
  Way way = { .has_claim = self->waits ? &self->errand.has_claim : NULL };
  guint n_put = 0;
  MpRingResult result = put_some (ring, me, self->records + self->done, count_ready (self, ring), &n_put, way, error);

  result = mp_queue_hold_on (&self->errand, result, error);
  if (n_put > 0)
    self->n_copied = 0;
  self->done += n_put;
  return result;
}

/* One part of what is long is copied, or some of what is short are put, and then others have their turn. */
static MpRingResult
put_in_parts (Putting  *self,
              MpRing   *ring,
              guint32   me,
              GError  **error)
{
  MpRingResult result = MP_RING_DONE;
  gboolean has_copied = FALSE;
  guint first = self->done;

  self->errand.goes_on = FALSE;
  while (self->done < self->n && result == MP_RING_DONE)
    {
      gboolean is_long = is_to_be_copied (self, ring);

      if (is_long ? has_copied : self->done - first >= MP_QUEUE_ITEMS_A_TURN)
        {
          self->errand.goes_on = TRUE;
          return MP_RING_AGAIN;
        }

      if (!is_long)
        {
          result = put_ready (self, ring, me, error);
          continue;
        }

      has_copied = TRUE;
      if (!mp_ring_prepare_some (ring, me, &self->records[self->done], &self->n_copied, error))
        return mp_queue_hold_on (&self->errand, MP_RING_FAILED, error);
      mp_queue_hold_on (&self->errand, MP_RING_DONE, error);
    }

  return result;
}

static MpRingResult
try_once (MpQueueErrand   *errand,
          MpQueuePrivate  *priv,
          MpRing          *ring,
          guint32          me,
          GError         **error)
{
  Putting *self = (Putting *) errand;
  guint before = self->done;
  MpRingResult result = put_in_parts (self, ring, me, error);

  if (self->done > before)
    mp_queue_note_done (priv, MP_QUEUE_SPACE);
  return result;
}

/*< private >
 * mp_queue_start_put:
 * @items_taken: (transfer full) (array length=n): which live as long as the task
 * @error_taken: (nullable): why they cannot be put
 * @tag: the function that the caller is
 */
void
mp_queue_start_put (MpQueue             *self,
                    MpItem              *items_taken,
                    guint                n,
                    GError              *error_taken,
                    gdouble              timeout,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data,
                    gpointer             tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Putting *putting = g_new0 (Putting, 1);

  putting->errand = (MpQueueErrand) { .side = MP_QUEUE_SPACE, .try_once = try_once };
  putting->waits = timeout != 0;
  putting->queue = g_object_ref (self);
  putting->items = items_taken;
  putting->records = copy_records (items_taken, n);
  putting->n = n;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, putting, putting_free);
  if (error_taken != NULL)
    mp_outbox_return_error (task, error_taken);
  else
    mp_queue_start_async (task, timeout);
}

/*< private >
 * mp_queue_finish_put:
 *
 * Returns: how many were put, from the first on; with the error set, none
 */
guint
mp_queue_finish_put (MpQueue       *self,
                     GAsyncResult  *result,
                     gpointer       tag,
                     GError       **error)
{
  g_autoptr (GError) reason = NULL;
  Putting *putting = mp_queue_finish (self, result, tag, &reason);

  if (putting == NULL)
    return 0;

  /* What was put before the wait ended is put. */
  if (putting->done == 0 && reason != NULL)
    g_propagate_error (error, g_steal_pointer (&reason));
  return putting->done;
}
