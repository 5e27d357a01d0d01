/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-queue-net-private.h"
#include "mp-variant-private.h"

/* --- What is wanted ------------------------------------------------------- */

/* Rubbish is wanted: else it would stay, and nobody get what is behind it. */
static gboolean
is_wanted (const MpRingRecord *record,
           gconstpointer       data)
{
  const MpNetOrder *order = data;
  guint32 length;

  if (G_UNLIKELY (record->is_elsewhere) && order->leaves_long)
    return FALSE;

  if (G_LIKELY (mp_item_is_raw (record)))
    return record->length <= order->max_length;

  if (order->want == MP_NET_ANY || !mp_item_measure_body (record, &length))
    return TRUE;

  if (order->want == MP_NET_VALUES)
    return mp_item_is_value (record) || mp_item_is_raw (record);

  return !mp_item_is_value (record) && length <= order->max_length;
}

static void
set_unwanted (const MpNetOrder    *order,
              const MpRingRecord  *record,
              GError             **error)
{
  guint32 length = 0;

  mp_item_measure_body (record, &length);
  if (order->want == MP_NET_VALUES)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                         "The next item of the queue holds no GVariant but bytes of a codec: let its sender put a "
                         "GVariant, or take the bytes with get_payload(), or get_message()");
  else if (mp_item_is_value (record))
    g_set_error_literal (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                         "The next item of the queue holds a GVariant, not bytes");
  else
    g_set_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT,
                 "The next item of the queue has %u bytes, and there is room for %" G_GSIZE_FORMAT,
                 length, order->max_length);
}

/* --- Getting -------------------------------------------------------------- */

static gboolean
widen (MpNet    *self,
       guint32   length,
       GError  **error)
{
  g_free (self->own);
  self->own = g_try_malloc ((gsize) length + MP_NET_SLACK);
  self->data = self->own;
  self->room = self->own != NULL ? length : 0;
  if (self->own != NULL)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "There is no memory for the %u bytes of the next item of the queue, which stays there", length);
  return FALSE;
}

/*< private >
 * mp_net_cast:
 * @priv: whose next calls fail for what could not be read beside others
 * @records: with room for @n; their data is in the net
 * @n: (inout): at most; then how many there are
 * @wait: (nullable): not at all
 *
 * Returns: %MP_RING_DONE, %MP_RING_AGAIN, or %MP_RING_FAILED with the error set
 */
MpRingResult
mp_net_cast (MpNet           *self,
             MpQueuePrivate  *priv,
             MpRing          *ring,
             guint32          me,
             MpRingRecord    *records,
             guint           *n,
             const MpWait    *wait,
             GError         **error)
{
  for (;;)
    {
      MpRingHaul haul = { self->data, self->room, records, *n, is_wanted, &self->order, self->reads_on };
      MpRingResult result = wait != NULL ? mp_ring_take (ring, me, &haul, *wait, error)
                                         : mp_ring_try_take (ring, me, &haul, error);

      if (G_LIKELY (result == MP_RING_DONE))
        *n = haul.n_records;
      else if (result == MP_RING_UNWANTED)
        set_unwanted (&self->order, records, error);

      /* An error tells of one. */
      if (G_UNLIKELY (haul.n_failed > 0))
        g_atomic_int_add (&priv->n_untold, (int) haul.n_failed - (result != MP_RING_DONE && error != NULL));
      if (result != MP_RING_NO_ROOM)
        return result == MP_RING_UNWANTED ? MP_RING_FAILED : result;

      if (!widen (self, records->length, error))
        return MP_RING_FAILED;
    }
}

static gboolean
wait_and_get (MpNet           *self,
              MpQueuePrivate  *priv,
              MpRing          *ring,
              guint32          me,
              MpRingRecord    *records,
              guint           *n,
              gdouble          timeout,
              GCancellable    *cancellable,
              GError         **error)
{
  MpQueueWait wait;
  MpRingResult result;

  if (!mp_queue_wait_begin (priv, &wait, MP_QUEUE_ITEMS, timeout, cancellable, error))
    return FALSE;

  result = mp_net_cast (self, priv, ring, me, records, n, &wait.blocking.wait, error);
  mp_queue_wait_end (priv, &wait);
  if (result == MP_RING_AGAIN)
    mp_queue_wait_fail (priv, &wait, MP_QUEUE_ITEMS, error);
  return result == MP_RING_DONE;
}

static void
note_got (MpQueuePrivate     *priv,
          const MpRingRecord *records,
          guint               n)
{
  mp_queue_note_held (priv, records, n);
  mp_queue_note_done (priv, MP_QUEUE_ITEMS);
}

/* Returns: whether there was something */
static gboolean
tell_untold (MpQueuePrivate  *priv,
             GError         **error)
{
  int n = g_atomic_int_get (&priv->n_untold);

  while (n > 0 && !g_atomic_int_compare_and_exchange (&priv->n_untold, n, n - 1))
    n = g_atomic_int_get (&priv->n_untold);

  if (n > 0)
    mp_item_set_corrupted (error);
  return n > 0;
}

/*< private >
 * mp_net_get_some:
 *
 * As mp_net_cast(), and waits for the first.
 */
gboolean
mp_net_get_some (MpNet         *self,
                 MpQueue       *queue,
                 MpRingRecord  *records,
                 guint         *n,
                 gdouble        timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (queue);
  guint32 me;
  MpRing *ring = mp_queue_enter (priv, &me, error);
  MpRingResult result;

  if (G_UNLIKELY (ring == NULL))
    return FALSE;

  if (G_UNLIKELY (cancellable != NULL) && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (mp_queue_has_untold (priv) && (self->is_mute || tell_untold (priv, error)))
    return FALSE;

  if (timeout != 0)
    mp_ring_linger (ring, 0);

  result = mp_net_cast (self, priv, ring, me, records, n, NULL, error);
  if (G_UNLIKELY (result == MP_RING_AGAIN) &&
      wait_and_get (self, priv, ring, me, records, n, timeout, cancellable, error))
    result = MP_RING_DONE;

  if (result != MP_RING_DONE)
    return FALSE;

  note_got (priv, records, *n);
  return TRUE;
}

/* --- What becomes of it --------------------------------------------------- */

/*< private >
 * mp_net_take:
 *
 * Returns: (transfer full): the first bytes of the one record that is in the net
 */
GBytes *
mp_net_take (MpNet              *self,
             const MpRingRecord *record,
             guint32             length)
{
  return self->own != NULL ? g_bytes_new_take (g_steal_pointer (&self->own), length)
                           : g_bytes_new (record->data, length);
}

/*< private >
 * mp_net_to_value:
 *
 * Returns: (transfer full) (nullable): what was got; what is no value is not to be acknowledged
 */
GVariant *
mp_net_to_value (MpNet               *self,
                 MpQueuePrivate      *priv,
                 const MpRingRecord  *record,
                 GError             **error)
{
  g_autoptr (GBytes) body = NULL;
  GVariant *value;
  MpItemHead head;

  if (!mp_item_read_head (&head, record, error))
    return NULL;

  body = mp_net_take (self, record, head.body_length);
  value = mp_variant_from_wire (mp_item_is_raw (record) ? "ay" : head.codec + 1, body, 0, error);
  if (value != NULL)
    return value;

  mp_item_prefix_corrupted (error);
  mp_queue_drop_held (priv, record);
  return NULL;
}

/* --- In a main loop ------------------------------------------------------- */

static MpRingResult
take_first (MpGetting       *self,
            MpQueuePrivate  *priv,
            MpRing          *ring,
            guint32          me,
            GError         **error)
{
  guint n = 1;
  MpRingResult result;

  if (mp_queue_has_untold (priv) && tell_untold (priv, error))
    return MP_RING_FAILED;

  result = mp_queue_hold_on (&self->errand,
                             mp_net_cast (&self->net, priv, ring, me, &self->record, &n, NULL, error), error);
  if (result != MP_RING_DONE)
    {
      self->record.is_elsewhere = FALSE;   /* it was only looked at */
      return result;
    }

  mp_queue_note_done (priv, MP_QUEUE_ITEMS);
  return MP_RING_DONE;
}

/* One part, and then others have their turn.  It is this process's by now, whatever ends the wait; but only what was
 * read may be said to be done.
 */
static MpRingResult
read_on (MpGetting  *self,
         MpRing     *ring,
         guint32     me,
         GError    **error)
{
  gboolean was_read = mp_ring_read_some (ring, me, &self->record, &self->n_read, error);

  self->errand.goes_on = self->record.is_elsewhere;
  if (was_read)
    return self->errand.goes_on ? MP_RING_AGAIN : MP_RING_DONE;

  /* Nobody else could read it. */
  if (self->record.extent.place != 0)
    mp_ring_acknowledge (ring, me, &self->record.extent);
  return MP_RING_FAILED;
}

static MpRingResult
get_first (MpGetting       *self,
           MpQueuePrivate  *priv,
           MpRing          *ring,
           guint32          me,
           GError         **error)
{
  MpRingResult result = self->record.is_elsewhere ? MP_RING_DONE : take_first (self, priv, ring, me, error);

  if (result == MP_RING_DONE && G_UNLIKELY (self->record.is_elsewhere))
    result = read_on (self, ring, me, error);
  if (result != MP_RING_DONE)
    return result;

  mp_queue_note_held (priv, &self->record, 1);
  self->has_first = TRUE;
  if (self->keep != NULL)
    {
      self->keep (self);
      self->n_there = mp_ring_count (ring);
    }
  return MP_RING_DONE;
}

/* As many as have place in a turn of the loop. */
static MpRingResult
get_more (MpGetting      *self,
          MpQueuePrivate *priv,
          MpRing         *ring,
          guint32         me)
{
  guint most = MIN (self->n_there, MP_QUEUE_ITEMS_A_TURN);
  guint n = most > 0 ? self->add_more (self, priv, ring, me, most) : 0;

  self->n_there = n == most ? self->n_there - n : 0;
  self->errand.goes_on = self->n_there > 0;
  return self->errand.goes_on ? MP_RING_AGAIN : MP_RING_DONE;
}

static MpRingResult
try_once (MpQueueErrand   *errand,
          MpQueuePrivate  *priv,
          MpRing          *ring,
          guint32          me,
          GError         **error)
{
  MpGetting *self = (MpGetting *) errand;
  MpRingResult result = self->has_first ? MP_RING_DONE : get_first (self, priv, ring, me, error);

  return result == MP_RING_DONE ? get_more (self, priv, ring, me) : result;
}

/*< private >
 * mp_getting_init:
 *
 * Of something that begins with it, and is the data of the task that mp_queue_start_async() is given.
 */
void
mp_getting_init (MpGetting *self,
                 MpQueue   *queue,
                 MpNetWant  want,
                 gsize      max_length)
{
  self->queue = g_object_ref (queue);
  self->errand = (MpQueueErrand) { .side = MP_QUEUE_ITEMS, .try_once = try_once };
  self->net = mp_net_new (want, max_length, NULL, 0);
  self->net.reads_on = TRUE;
}

/* What was taken, and not read to its end, since its main loop is gone: others have it, or it is lost, as if this
 * process had died.
 */
static void
drop_unread (MpGetting *self)
{
  MpQueueStore *store = &mp_queue_get_private (self->queue)->store;
  GArray *names;
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (store, &me, NULL);

  if (ring == NULL)
    return;

  mp_ring_end_reading (ring, me, &self->record);
  if (self->record.extent.place == 0)
    return;

  names = g_array_new (FALSE, FALSE, sizeof (MpRingExtentName));
  g_array_append_val (names, self->record.extent);
  mp_queue_give_back (store, names);
}

void
mp_getting_clear (MpGetting *self)
{
  if (self->record.is_elsewhere)
    drop_unread (self);
  g_object_unref (self->queue);
  mp_net_clear (&self->net);
}
