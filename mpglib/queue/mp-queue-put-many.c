/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-queue-putting-private.h"

static void
free_items (MpItem *items,
            guint   n)
{
  for (guint i = 0; i < n; i++)
    mp_item_clear (&items[i]);
  g_free (items);
}

/* --- Values --------------------------------------------------------------- */

static GVariant *
get_value (GVariant *values,
           guint     index)
{
  g_autoptr (GVariant) child = g_variant_get_child_value (values, index);

  if (g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT))
    return g_variant_get_variant (child);

  return g_steal_pointer (&child);
}

/* The items are to be cleared also where it failed. */
static MpItem *
new_items (MpQueue   *self,
           GVariant  *values,
           guint     *n,
           GError   **error)
{
  gsize n_values = g_variant_n_children (values);
  MpItem *items = g_new0 (MpItem, MAX (n_values, 1));
  gboolean is_sound = n_values <= G_MAXINT;

  if (!is_sound)
    g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "Nobody can put %" G_GSIZE_FORMAT " values at once", n_values);

  *n = is_sound ? (guint) n_values : 0;
  for (guint i = 0; is_sound && i < *n; i++)
    {
      g_autoptr (GVariant) value = get_value (values, i);

      is_sound = mp_item_init_value (&items[i], value, mp_queue_get_limit (self), NULL, error);
    }

  return items;
}

/**
 * mp_queue_put_many:
 * @self: a queue
 * @values: what to put, an array, of variants (`av`) if their types differ; a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Puts several values, one item each, with one call. Where there is no room for all of them,
 * those that have some are put, and it waits with the others; items of others may come in
 * between.
 *
 * If the wait ends when some are put, it says how many, and the rest is the caller's; only if
 * none are it fails, as [method@Mp.Queue.put] does. With %MP_ERROR_TOO_BIG and
 * %MP_ERROR_NOT_SHAREABLE it fails before any is put.
 *
 * Returns: how many were put, from the first on; 0 on failure, or if there are none
 *
 * Since: 1.0
 */
guint
mp_queue_put_many (MpQueue       *self,
                   GVariant      *values,
                   gdouble        timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_autoptr (GVariant) sunk = NULL;
  GError *reason = NULL;
  MpItem *items;
  guint n, n_put = 0;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), 0);
  g_return_val_if_fail (values != NULL && g_variant_is_of_type (values, G_VARIANT_TYPE_ARRAY), 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  sunk = g_variant_ref_sink (values);
  items = new_items (self, sunk, &n, &reason);
  if (reason != NULL)
    g_propagate_error (error, reason);
  else
    n_put = mp_queue_put_items (self, items, n, timeout, cancellable, error);

  free_items (items, n);
  return n_put;
}

/**
 * mp_queue_put_many_async:
 * @self: a queue
 * @values: what to put, an array, of variants (`av`) if their types differ; a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put_many]. Several may be under way;
 * those of this object in one main context are done in the order of the calls, none before its call
 * returned.
 *
 * Since: 1.0
 */
void
mp_queue_put_many_async (MpQueue             *self,
                         GVariant            *values,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr (GVariant) sunk = NULL;
  GError *error = NULL;
  MpItem *items;
  guint n;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (values != NULL && g_variant_is_of_type (values, G_VARIANT_TYPE_ARRAY));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  sunk = g_variant_ref_sink (values);
  items = new_items (self, sunk, &n, &error);
  mp_queue_start_put (self, items, n, error, timeout, cancellable, callback, user_data, mp_queue_put_many_async);
}

/**
 * mp_queue_put_many_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_many_async].
 *
 * Returns: how many were put, from the first on; 0 on failure, or if there are none
 *
 * Since: 1.0
 */
guint
mp_queue_put_many_finish (MpQueue       *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  return mp_queue_finish_put (self, result, mp_queue_put_many_async, error);
}

/* --- Bytes ---------------------------------------------------------------- */

/* Returns: whether there are so many bytes, and no item is too long */
static gboolean
check_lengths (const gsize  *lengths,
               guint         n,
               gsize         length,
               guint64       limit,
               GError      **error)
{
  gsize left = length, longest = 0;
  guint i = 0;

  while (i < n && lengths[i] <= left)
    {
      longest = MAX (longest, lengths[i]);
      left -= lengths[i++];
    }

  if (i == n && left == 0)
    return mp_item_check_length (longest, limit, error);

  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "The lengths of %u items are not together that of the %" G_GSIZE_FORMAT " bytes", n, length);
  return FALSE;
}

/* Of so many the records are in the stack. */
#define FEW 64

/* What is put from where it is. */
static guint
put_numbered (MpQueue       *self,
              guint32        kind,
              const guint8  *data,
              const gsize   *lengths,
              guint          n,
              gdouble        timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autofree MpRingRecord *many = NULL;
  MpRingRecord few[FEW], *records = few;

  if (n > FEW)
    records = many = g_new (MpRingRecord, n);

  for (guint i = 0; i < n; i++)
    {
      records[i] = (MpRingRecord) { data, (guint32) lengths[i], kind };
      data += lengths[i];
    }

  return mp_queue_put_records (self, records, n, timeout, cancellable, error);
}

/* What the queue has to hold: the bytes with a codec behind them, or for a call that returns before they are put. */
static MpItem *
new_data_items (guint          n,
                const guint8  *data,
                const gsize   *lengths,
                const char    *codec,
                guint64        limit,
                GError       **error)
{
  MpItem *items = g_new0 (MpItem, MAX (n, 1));
  gboolean is_possible = TRUE;

  for (guint i = 0; is_possible && i < n; i++)
    {
      is_possible = mp_item_init (&items[i], codec, data, lengths[i], limit, NULL, error) &&
                    mp_item_hold (&items[i], error);
      data += lengths[i];
    }

  return items;
}

static guint
put_spelt (MpQueue       *self,
           const char    *codec,
           const guint8  *data,
           const gsize   *lengths,
           guint          n,
           gdouble        timeout,
           GCancellable  *cancellable,
           GError       **error)
{
  g_autoptr (GError) reason = NULL;
  MpItem *items = new_data_items (n, data, lengths, codec, mp_queue_get_limit (self), &reason);
  guint n_put = 0;

  if (reason == NULL)
    n_put = mp_queue_put_items (self, items, n, timeout, cancellable, error);
  else
    g_propagate_error (error, g_steal_pointer (&reason));
  free_items (items, n);
  return n_put;
}

/**
 * mp_queue_put_many_data:
 * @self: a queue
 * @data: (array length=length) (nullable): the bytes of all items, one behind the other
 * @length: how many bytes these are
 * @lengths: (array length=n_items): of each item, in bytes
 * @n_items: how many items
 * @codec: (nullable): name of the codec of all, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Puts several items, which are bytes, with one call. Where there is no room for all of them,
 * those that have some are put, and it waits with the others; items of others may come in
 * between.
 *
 * If the wait ends when some are put, it says how many, and the rest is the caller's; only if
 * none are it fails, as [method@Mp.Queue.put_data] does. With %MP_ERROR_TOO_BIG, and with
 * %MP_ERROR_OUT_OF_RANGE if the lengths are not those of @data, it fails before any is put.
 *
 * Returns: how many were put, from the first on; 0 on failure, or if there are none
 *
 * Since: 1.0
 */
guint
mp_queue_put_many_data (MpQueue       *self,
                        const guint8  *data,
                        gsize          length,
                        const gsize   *lengths,
                        guint          n_items,
                        const char    *codec,
                        gdouble        timeout,
                        GCancellable  *cancellable,
                        GError       **error)
{
  guint32 kind;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), 0);
  g_return_val_if_fail (data != NULL || length == 0, 0);
  g_return_val_if_fail (lengths != NULL || n_items == 0, 0);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (!check_lengths (lengths, n_items, length, mp_queue_get_limit (self), error))
    return 0;

  return G_LIKELY (mp_item_get_number (codec, &kind))
           ? put_numbered (self, kind, data, lengths, n_items, timeout, cancellable, error)
           : put_spelt (self, codec, data, lengths, n_items, timeout, cancellable, error);
}

/**
 * mp_queue_put_many_data_async:
 * @self: a queue
 * @data: (array length=length) (nullable): the bytes of all items, one behind the other
 * @length: how many bytes these are
 * @lengths: (array length=n_items): of each item, in bytes
 * @n_items: how many items
 * @codec: (nullable): name of the codec of all, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put_many_data]. Several may be under way;
 * those of this object in one main context are done in the order of the calls, none before its call
 * returned.
 *
 * Since: 1.0
 */
void
mp_queue_put_many_data_async (MpQueue             *self,
                              const guint8        *data,
                              gsize                length,
                              const gsize         *lengths,
                              guint                n_items,
                              const char          *codec,
                              gdouble              timeout,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  GError *error = NULL;
  MpItem *items = NULL;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (data != NULL || length == 0);
  g_return_if_fail (lengths != NULL || n_items == 0);
  g_return_if_fail (codec == NULL || mp_message_is_codec_name (codec));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (check_lengths (lengths, n_items, length, mp_queue_get_limit (self), &error))
    items = new_data_items (n_items, data, lengths, codec, mp_queue_get_limit (self), &error);
  else
    n_items = 0;
  mp_queue_start_put (self, items, n_items, error, timeout, cancellable, callback, user_data,
                      mp_queue_put_many_data_async);
}

/**
 * mp_queue_put_many_data_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_many_data_async].
 *
 * Returns: how many were put, from the first on; 0 on failure, or if there are none
 *
 * Since: 1.0
 */
guint
mp_queue_put_many_data_finish (MpQueue       *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  return mp_queue_finish_put (self, result, mp_queue_put_many_data_async, error);
}
