/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-item-private.h"
#include "mp-outbox-private.h"
#include "mp-queue-private.h"

/* --- Putting -------------------------------------------------------------- */

/* At a time: more of a batch are put one behind the other. */
#define AT_ONCE 64

/* Long items are copied before they are put, and not while others wait. */
static gboolean
prepare (MpRing   *ring,
         guint32   me,
         MpItem   *items,
         guint     n,
         GError  **error)
{
  for (guint i = 0; i < n; i++)
    if (items[i].record.extent.place == 0 && !mp_ring_prepare (ring, me, &items[i].record, error))
      return FALSE;

  return TRUE;
}

/* Of items that are not put. */
static void
forget (MpRing  *ring,
        guint32  me,
        MpItem  *items,
        guint    n)
{
  for (guint i = 0; i < n; i++)
    mp_ring_forget (ring, me, &items[i].record);
}

/* Returns: MP_RING_DONE once all are put; else how far it came is in `done` */
static MpRingResult
put_rest (MpRing         *ring,
          guint32         me,
          MpItem         *items,
          guint           n,
          guint          *done,
          const MpWait   *wait,
          GError        **error)
{
  MpRingRecord records[AT_ONCE];
  MpRingResult result = MP_RING_DONE;

  while (*done < n && result == MP_RING_DONE)
    {
      guint n_records = MIN (n - *done, AT_ONCE), n_put = 0;

      if (!prepare (ring, me, items + *done, n_records, error))
        return MP_RING_FAILED;

      for (guint i = 0; i < n_records; i++)
        records[i] = items[*done + i].record;
      result = wait != NULL ? mp_ring_put (ring, me, records, n_records, &n_put, *wait, error)
                            : mp_ring_try_put (ring, me, records, n_records, &n_put, error);
      *done += n_put;
    }

  return result;
}

static void
wait_and_put (MpQueuePrivate  *priv,
              MpRing          *ring,
              guint32          me,
              MpItem          *items,
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

  result = put_rest (ring, me, items, n, done, &wait.blocking.wait, error);
  mp_queue_wait_end (priv, &wait);
  if (result == MP_RING_AGAIN)
    mp_queue_wait_fail (priv, &wait, MP_QUEUE_SPACE, error);
}

/* Returns: how many of them, from the first on; with the error set, none */
static guint
put_items (MpQueue       *self,
           MpItem        *items,
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

  if (G_UNLIKELY (put_rest (ring, me, items, n, &done, NULL, &reason) == MP_RING_AGAIN))
    wait_and_put (priv, ring, me, items, n, &done, timeout, cancellable, &reason);

  if (G_UNLIKELY (done < n))
    forget (ring, me, items + done, n - done);

  if (done > 0)
    mp_queue_note_done (priv, MP_QUEUE_SPACE);
  else if (reason != NULL)
    g_propagate_error (error, g_steal_pointer (&reason));
  return done;
}

static guint64
get_limit (MpQueue *self)
{
  return mp_queue_get_private (self)->store.byte_limit;
}

/* --- In a main loop ------------------------------------------------------- */

typedef struct
{
  MpQueueErrand errand;
  MpQueue      *queue;
  MpItem       *items;
  guint         n;
  guint         done;
} Putting;

static void
putting_free (gpointer data)
{
  Putting *self = data;
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&mp_queue_get_private (self->queue)->store, &me, NULL);

  if (ring != NULL)
    forget (ring, me, self->items + self->done, self->n - self->done);
  g_object_unref (self->queue);
  for (guint i = 0; i < self->n; i++)
    mp_item_clear (&self->items[i]);
  g_free (self->items);
  g_free (self);
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
  MpRingResult result = put_rest (ring, me, self->items, self->n, &self->done, NULL, error);

  if (self->done > before)
    mp_queue_note_done (priv, MP_QUEUE_SPACE);
  return result;
}

/* Takes the items. */
static void
start (MpQueue             *self,
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

  putting->errand = (MpQueueErrand) { MP_QUEUE_SPACE, try_once, FALSE };
  putting->queue = g_object_ref (self);
  putting->items = items_taken;
  putting->n = n;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, putting, putting_free);
  if (error_taken != NULL)
    mp_outbox_return_error (task, error_taken);
  else
    mp_queue_start_async (task, timeout);
}

static guint
finish (MpQueue       *self,
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

/* --- Public --------------------------------------------------------------- */

/**
 * mp_queue_put:
 * @self: a queue
 * @value: what to put; a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Puts a value.
 *
 * Waits while there is no room for it. When it is put it is in shared memory: this
 * process may end then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_FULL
 * when there was no room within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when it is longer than
 * [property@Mp.Queue:byte-limit] allows, %MP_ERROR_NOT_SHAREABLE when its type has handles (`h`), and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * put. Nothing was put then.
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put (MpQueue       *self,
              GVariant      *value,
              gdouble        timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  g_auto (MpItem) item = { 0 };
  MpItemRoom room;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_item_init_value (&item, value, get_limit (self), &room, error) &&
         put_items (self, &item, 1, timeout, cancellable, error) > 0;
}

/**
 * mp_queue_put_async:
 * @self: a queue
 * @value: what to put; a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put]. Several may be under way;
 * those of one main context are done in the order of the calls, none before its call
 * returned.
 *
 * Since: 1.0
 */
void
mp_queue_put_async (MpQueue             *self,
                    GVariant            *value,
                    gdouble              timeout,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  MpItem *item;
  GError *error = NULL;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (value != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  item = g_new0 (MpItem, 1);
  mp_item_init_value (item, value, get_limit (self), NULL, &error);
  start (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_async);
}

/**
 * mp_queue_put_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_async].
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_finish (MpQueue       *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  return finish (self, result, mp_queue_put_async, error) > 0;
}

/**
 * mp_queue_put_data:
 * @self: a queue
 * @data: (array length=length) (nullable): what to put
 * @length: its length in bytes
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Puts bytes.
 *
 * Waits while there is no room for it. When it is put it is in shared memory: this
 * process may end then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_FULL
 * when there was no room within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when it is longer than
 * [property@Mp.Queue:byte-limit] allows, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * put. Nothing was put then.
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_data (MpQueue       *self,
                   const guint8  *data,
                   gsize          length,
                   const char    *codec,
                   gdouble        timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_auto (MpItem) item = { 0 };
  MpItemRoom room;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), FALSE);
  g_return_val_if_fail (data != NULL || length == 0, FALSE);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_item_init (&item, codec != NULL ? codec : "raw", data, length, get_limit (self), &room, error) &&
         put_items (self, &item, 1, timeout, cancellable, error) > 0;
}

/**
 * mp_queue_try_put_data:
 * @self: a queue
 * @data: (array length=length) (nullable): what to put
 * @length: its length in bytes
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @patience: seconds for which it may see whether there is room soon, 0.001 at most; 0 for none
 *
 * Puts bytes as [method@Mp.Queue.put_data] does, but neither waits nor tells why it did not:
 * for the glue of a language, to which an error, and getting ready for a wait, cost more than
 * all the rest. It calls the other one where this does not do.
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_try_put_data (MpQueue      *self,
                       const guint8 *data,
                       gsize         length,
                       const char   *codec,
                       gdouble       patience)
{
  return mp_queue_put_data (self, data, length, codec, CLAMP (patience, 0, MP_QUEUE_MAX_PATIENCE), NULL, NULL);
}

/**
 * mp_queue_put_data_async:
 * @self: a queue
 * @data: (array length=length) (nullable): what to put
 * @length: its length in bytes
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put_data]. Several may be under way;
 * those of one main context are done in the order of the calls, none before its call
 * returned.
 *
 * Since: 1.0
 */
void
mp_queue_put_data_async (MpQueue             *self,
                         const guint8        *data,
                         gsize                length,
                         const char          *codec,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  MpItem *item;
  GError *error = NULL;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (data != NULL || length == 0);
  g_return_if_fail (codec == NULL || mp_message_is_codec_name (codec));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  item = g_new0 (MpItem, 1);
  if (mp_item_init (item, codec != NULL ? codec : "raw", data, length, get_limit (self), NULL, &error))
    mp_item_hold (item);
  start (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_data_async);
}

/**
 * mp_queue_put_data_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_data_async].
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_data_finish (MpQueue       *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  return finish (self, result, mp_queue_put_data_async, error) > 0;
}

/**
 * mp_queue_put_bytes:
 * @self: a queue
 * @bytes: what to put
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Puts bytes, as [method@Mp.Queue.put_data] does, without copying them on the way there in any language.
 *
 * Waits while there is no room for it. When it is put it is in shared memory: this
 * process may end then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_FULL
 * when there was no room within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when it is longer than
 * [property@Mp.Queue:byte-limit] allows, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * put. Nothing was put then.
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_bytes (MpQueue       *self,
                    GBytes        *bytes,
                    const char    *codec,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_auto (MpItem) item = { 0 };
  MpItemRoom room;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_item_init_bytes (&item, codec != NULL ? codec : "raw", bytes, get_limit (self), &room, error) &&
         put_items (self, &item, 1, timeout, cancellable, error) > 0;
}

/**
 * mp_queue_put_bytes_async:
 * @self: a queue
 * @bytes: what to put
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put_bytes]. Several may be under way;
 * those of one main context are done in the order of the calls, none before its call
 * returned.
 *
 * Since: 1.0
 */
void
mp_queue_put_bytes_async (MpQueue             *self,
                          GBytes              *bytes,
                          const char          *codec,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  MpItem *item;
  GError *error = NULL;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (bytes != NULL);
  g_return_if_fail (codec == NULL || mp_message_is_codec_name (codec));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  item = g_new0 (MpItem, 1);
  mp_item_init_bytes (item, codec != NULL ? codec : "raw", bytes, get_limit (self), NULL, &error);
  start (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_bytes_async);
}

/**
 * mp_queue_put_bytes_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_bytes_async].
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_bytes_finish (MpQueue       *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  return finish (self, result, mp_queue_put_bytes_async, error) > 0;
}

/**
 * mp_queue_put_message:
 * @self: a queue
 * @message: what to put
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Puts the body of a message, whatever its codec.
 *
 * Waits while there is no room for it. When it is put it is in shared memory: this
 * process may end then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_FULL
 * when there was no room within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when it is longer than
 * [property@Mp.Queue:byte-limit] allows, %MP_ERROR_NOT_SHAREABLE when something
 * is attached to it: a connection, or the arguments of a process, can carry that, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * put. Nothing was put then.
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_message (MpQueue       *self,
                      MpMessage     *message,
                      gdouble        timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_auto (MpItem) item = { 0 };
  MpItemRoom room;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), FALSE);
  g_return_val_if_fail (MP_IS_MESSAGE (message), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_item_init_message (&item, message, get_limit (self), &room, error) &&
         put_items (self, &item, 1, timeout, cancellable, error) > 0;
}

/**
 * mp_queue_put_message_async:
 * @self: a queue
 * @message: what to put
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put_message]. Several may be under way;
 * those of one main context are done in the order of the calls, none before its call
 * returned.
 *
 * Since: 1.0
 */
void
mp_queue_put_message_async (MpQueue             *self,
                            MpMessage           *message,
                            gdouble              timeout,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  MpItem *item;
  GError *error = NULL;

  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (MP_IS_MESSAGE (message));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  item = g_new0 (MpItem, 1);
  mp_item_init_message (item, message, get_limit (self), NULL, &error);
  start (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_message_async);
}

/**
 * mp_queue_put_message_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.put_message_async].
 *
 * Returns: whether it was put
 *
 * Since: 1.0
 */
gboolean
mp_queue_put_message_finish (MpQueue       *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  return finish (self, result, mp_queue_put_message_async, error) > 0;
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
      g_autoptr (GVariant) boxed = g_variant_get_child_value (values, i);
      g_autoptr (GVariant) value = g_variant_get_variant (boxed);

      is_sound = mp_item_init_value (&items[i], value, get_limit (self), NULL, error);
    }

  return items;
}

/**
 * mp_queue_put_many:
 * @self: a queue
 * @values: what to put, an array of variants (`av`); a floating reference is sunk
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
  g_return_val_if_fail (values != NULL && g_variant_is_of_type (values, G_VARIANT_TYPE ("av")), 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  sunk = g_variant_ref_sink (values);
  items = new_items (self, sunk, &n, &reason);
  if (reason != NULL)
    g_propagate_error (error, reason);
  else
    n_put = put_items (self, items, n, timeout, cancellable, error);

  for (guint i = 0; i < n; i++)
    mp_item_clear (&items[i]);
  g_free (items);
  return n_put;
}

/**
 * mp_queue_put_many_async:
 * @self: a queue
 * @values: what to put, an array of variants (`av`); a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.put_many]. Several may be under way;
 * those of one main context are done in the order of the calls, none before its call
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
  g_return_if_fail (values != NULL && g_variant_is_of_type (values, G_VARIANT_TYPE ("av")));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  sunk = g_variant_ref_sink (values);
  items = new_items (self, sunk, &n, &error);
  start (self, items, n, error, timeout, cancellable, callback, user_data, mp_queue_put_many_async);
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
  return finish (self, result, mp_queue_put_many_async, error);
}
