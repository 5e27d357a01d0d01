/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-queue-net-private.h"

/* --- Several values ------------------------------------------------------- */

typedef struct
{
  GPtrArray *values;
  guint      most;
  GError    *error;    /* of rubbish, as long as there are no values */
  gboolean   leaves_long;  /* what would take a main loop its time */
} Haul;

static void
haul_clear (Haul *self)
{
  g_clear_pointer (&self->values, g_ptr_array_unref);
  g_clear_error (&self->error);
}

static void
haul_init (Haul  *self,
           guint  most)
{
  self->values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  self->most = most;
  self->error = NULL;
  self->leaves_long = FALSE;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Haul, haul_clear)

static void
haul_add (Haul           *self,
          MpQueuePrivate *priv,
          MpNet          *net,
          MpRingRecord   *records,
          guint           n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;

      /* What is in the net's own memory is there alone, but for what has no bytes. */
      GVariant *value = mp_net_to_value (net, priv, &records[i], &error);

      if (value != NULL)
        g_ptr_array_add (self->values, g_variant_ref_sink (g_variant_new_variant (value)));
      else if (self->error == NULL)
        self->error = g_steal_pointer (&error);
      g_clear_pointer (&value, g_variant_unref);
    }
}

/* What more there is, `most` records.  Returns: how many there were */
static guint
haul_fill (Haul           *self,
           MpQueuePrivate *priv,
           MpRing         *ring,
           guint32         me,
           guint           most)
{
  MpRingRecord records[MP_NET_AT_ONCE];
  MpNetLargeRoom room;
  guint n_got = 0;

  while (n_got < most && self->values->len < self->most)
    {
      g_auto (MpNet) net = mp_net_new (MP_NET_VALUES, MP_NET_ANY_LENGTH, room.bytes, sizeof room);
      guint wanted = MIN (self->most - self->values->len, most - n_got), n = MIN (wanted, MP_NET_AT_ONCE);

      net.order.leaves_long = self->leaves_long;
      if (mp_net_cast (&net, priv, ring, me, records, &n, NULL, NULL) != MP_RING_DONE)
        break;

      mp_queue_note_held (priv, records, n);
      haul_add (self, priv, &net, records, n);
      n_got += n;
    }

  return n_got;
}

static GVariant *
haul_finish (Haul     *self,
             MpQueue  *queue,
             GError  **error)
{
  if (self->values->len == 0 && self->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return NULL;
    }

  if (self->error != NULL)
    g_atomic_int_inc (&mp_queue_get_private (queue)->n_untold);
  return g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARIANT, (GVariant **) self->values->pdata,
                                                  self->values->len));
}

/* --- In a main loop ------------------------------------------------------- */

typedef struct
{
  MpGetting getting;
  Haul      haul;
} GettingSeveral;

static void
getting_several_free (gpointer data)
{
  GettingSeveral *self = data;

  mp_getting_clear (&self->getting);
  haul_clear (&self->haul);
  g_free (self);
}

static void
keep (MpGetting *getting)
{
  haul_add (&((GettingSeveral *) getting)->haul, mp_queue_get_private (getting->queue), &getting->net,
            &getting->record, 1);
}

static guint
add_more (MpGetting      *getting,
          MpQueuePrivate *priv,
          MpRing         *ring,
          guint32         me,
          guint           most)
{
  return haul_fill (&((GettingSeveral *) getting)->haul, priv, ring, me, most);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_queue_get_many:
 * @self: a queue
 * @max: how many at most, not 0
 * @timeout: seconds to wait for the first; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first items, which are values, with one call: waits for one, and gets with it
 * those that are there already. Others may get some in between. What is put while it gets may
 * be left to the next call, so it ends however fast others put.
 *
 * It ends before an item that holds bytes of a codec, which stays the first; if there is none
 * before it, it fails with %MP_ERROR_WRONG_CODEC. What is no item is left out if others are to be
 * had, and the next call that gets something fails with %MP_ERROR_CORRUPTED. Else it fails as
 * [method@Mp.Queue.get] does.
 *
 * Returns: (transfer full): the values, 1 to @max of them, an array of variants (`av`)
 *
 * Since: 1.0
 */
GVariant *
mp_queue_get_many (MpQueue       *self,
                   guint          max,
                   gdouble        timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_auto (Haul) haul = { 0 };
  MpRingRecord records[MP_NET_AT_ONCE];
  guint n = MIN (max, MP_NET_AT_ONCE), me;
  MpNetLargeRoom room;
  g_auto (MpNet) net = mp_net_new (MP_NET_VALUES, MP_NET_ANY_LENGTH, room.bytes, sizeof room);
  MpRing *ring;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (max > 0, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_net_get_some (&net, self, records, &n, timeout, cancellable, error))
    return NULL;

  haul_init (&haul, max);
  haul_add (&haul, mp_queue_get_private (self), &net, records, n);
  ring = mp_queue_store_get_ring (&mp_queue_get_private (self)->store, &me, NULL);
  if (ring != NULL)
    haul_fill (&haul, mp_queue_get_private (self), ring, me, mp_ring_count (ring));
  return haul_finish (&haul, self, error);
}

/**
 * mp_queue_get_many_async:
 * @self: a queue
 * @max: how many at most, not 0
 * @timeout: seconds to wait for the first; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_many]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls. Of very many items it gets
 * some in each turn of the main loop.
 *
 * Since: 1.0
 */
void
mp_queue_get_many_async (MpQueue             *self,
                         guint                max,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  GettingSeveral *several;
  GTask *task;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (max > 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  several = g_new0 (GettingSeveral, 1);
  mp_getting_init (&several->getting, self, MP_NET_VALUES, MP_NET_ANY_LENGTH);
  several->getting.keep = keep;
  several->getting.add_more = add_more;
  haul_init (&several->haul, max);
  several->haul.leaves_long = TRUE;
  g_task_set_source_tag (task, mp_queue_get_many_async);
  g_task_set_task_data (task, several, getting_several_free);
  mp_queue_start_async (task, timeout);
}

/**
 * mp_queue_get_many_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_many_async].
 *
 * Returns: (transfer full): the values, an array of variants (`av`)
 *
 * Since: 1.0
 */
GVariant *
mp_queue_get_many_finish (MpQueue       *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  GError *reason = NULL;
  GettingSeveral *several = mp_queue_finish (self, result, mp_queue_get_many_async, &reason);

  if (reason != NULL)
    g_propagate_error (error, reason);

  return several != NULL && reason == NULL ? haul_finish (&several->haul, self, error) : NULL;
}
