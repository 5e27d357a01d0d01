/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-queue-putting-private.h"

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

  return mp_item_init_value (&item, value, mp_queue_get_limit (self), &room, error) &&
         mp_queue_put_records (self, &item.record, 1, timeout, cancellable, error) > 0;
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
 * those of this object in one main context are done in the order of the calls, none before its call
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
  mp_item_init_value (item, value, mp_queue_get_limit (self), NULL, &error);
  mp_queue_start_put (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_async);
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
  return mp_queue_finish_put (self, result, mp_queue_put_async, error) > 0;
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

  return mp_item_init (&item, codec, data, length, mp_queue_get_limit (self), &room, error) &&
         mp_queue_put_records (self, &item.record, 1, timeout, cancellable, error) > 0;
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
 * those of this object in one main context are done in the order of the calls, none before its call
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
  if (mp_item_init (item, codec, data, length, mp_queue_get_limit (self), NULL, &error))
    mp_item_hold (item, &error);
  mp_queue_start_put (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_data_async);
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
  return mp_queue_finish_put (self, result, mp_queue_put_data_async, error) > 0;
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
  gconstpointer data;
  gsize length;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  data = g_bytes_get_data (bytes, &length);
  return mp_item_init (&item, codec, data, length, mp_queue_get_limit (self), &room, error) &&
         mp_queue_put_records (self, &item.record, 1, timeout, cancellable, error) > 0;
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
 * those of this object in one main context are done in the order of the calls, none before its call
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
  mp_item_init_bytes (item, codec, bytes, mp_queue_get_limit (self), NULL, &error);
  mp_queue_start_put (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_bytes_async);
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
  return mp_queue_finish_put (self, result, mp_queue_put_bytes_async, error) > 0;
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

  return mp_item_init_message (&item, message, mp_queue_get_limit (self), &room, error) &&
         mp_queue_put_records (self, &item.record, 1, timeout, cancellable, error) > 0;
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
 * those of this object in one main context are done in the order of the calls, none before its call
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
  mp_item_init_message (item, message, mp_queue_get_limit (self), NULL, &error);
  mp_queue_start_put (self, item, 1, error, timeout, cancellable, callback, user_data, mp_queue_put_message_async);
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
  return mp_queue_finish_put (self, result, mp_queue_put_message_async, error) > 0;
}
