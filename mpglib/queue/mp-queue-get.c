/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-queue-net-private.h"

/* --- What becomes of it --------------------------------------------------- */

/* These take what the net holds, of one item.  A length of 0 has memory, too, since NULL is a failure. */

static guint8 *
to_data (MpNet               *net,
         const MpRingRecord  *record,
         gsize               *length,
         GError             **error)
{
  MpItemHead head;
  guint8 *data;

  *length = 0;
  if (!mp_item_read_head (&head, record, error))
    return NULL;

  *length = head.body_length;
  if (net->own != NULL)
    return g_steal_pointer (&net->own);

  data = g_malloc (MAX (head.body_length, 1));
  memcpy (data, record->data, head.body_length);
  return data;
}

static GBytes *
to_bytes (MpNet               *net,
          const MpRingRecord  *record,
          GError             **error)
{
  MpItemHead head;

  return mp_item_read_head (&head, record, error) ? mp_net_take (net, record, head.body_length) : NULL;
}

static MpMessage *
to_message (MpNet               *net,
            const MpRingRecord  *record,
            GError             **error)
{
  g_autoptr (GBytes) body = NULL;
  MpItemHead head;

  if (!mp_item_read_head (&head, record, error))
    return NULL;

  body = mp_net_take (net, record, head.body_length);
  return mp_message_new_received (head.codec, body, NULL, NULL, 0, error);
}

static guint8 *
to_frame (MpNet               *net,
          const MpRingRecord  *record,
          gsize               *length,
          GError             **error)
{
  MpItemHead head;
  guint8 *frame;
  gsize codec_length;

  *length = 0;
  if (!mp_item_read_head (&head, record, error))
    return NULL;

  codec_length = strlen (head.codec);
  if (net->own != NULL)
    frame = g_steal_pointer (&net->own);
  else
    {
      frame = g_malloc (head.body_length + 1 + codec_length);
      memcpy (frame, record->data, head.body_length);
    }

  frame[head.body_length] = 0;
  memcpy (frame + head.body_length + 1, head.codec, codec_length);
  *length = head.body_length + 1 + codec_length;
  return frame;
}

/* Neither waits for long nor tells why; but what is no item, and is gone then, the next call tells of. */
static guint8 *
try_get_frame (MpQueue   *self,
               MpNetWant  want,
               gdouble    patience,
               gsize     *length)
{
  MpNetRoom room;
  g_auto (MpNet) net = mp_net_new (want, MP_NET_ANY_LENGTH, room.bytes, sizeof room);
  MpRingRecord record;
  guint8 *frame;

  *length = 0;
  net.is_mute = TRUE;
  if (!mp_net_get_one (&net, self, &record, CLAMP (patience, 0, MP_QUEUE_MAX_PATIENCE), NULL, NULL))
    return NULL;

  frame = to_frame (&net, &record, length, NULL);
  if (frame == NULL)
    g_atomic_int_inc (&mp_queue_get_private (self)->n_untold);
  return frame;
}

/* --- In a main loop ------------------------------------------------------- */

static void
getting_free (gpointer data)
{
  MpGetting *self = data;

  mp_getting_clear (self);
  g_free (self);
}

static void
start (MpQueue             *self,
       MpNetWant            want,
       gsize                max_length,
       gdouble              timeout,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data,
       gpointer             tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  MpGetting *getting = g_new0 (MpGetting, 1);

  mp_getting_init (getting, self, want, max_length);
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, getting, getting_free);
  mp_queue_start_async (task, timeout);
}

static MpGetting *
finish (MpQueue       *self,
        GAsyncResult  *result,
        gpointer       tag,
        GError       **error)
{
  GError *reason = NULL;
  MpGetting *getting = mp_queue_finish (self, result, tag, &reason);

  if (reason == NULL)
    return getting;

  g_propagate_error (error, reason);
  return NULL;
}

static gsize
get_most (gsize max_length)
{
  return max_length > 0 ? max_length : MP_NET_ANY_LENGTH;
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_queue_get:
 * @self: a queue
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first item, which is a value. Bytes of the codec `raw` are one of the type `ay`.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when it holds bytes of another codec. It stays the first
 * then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_EMPTY
 * when there was none within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when there is no memory for it, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * got: nothing was got then. With %MP_ERROR_CORRUPTED a process has put what is no item,
 * which is gone.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_queue_get (MpQueue       *self,
              gdouble        timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  MpNetRoom room;
  g_auto (MpNet) net = mp_net_new (MP_NET_VALUES, MP_NET_ANY_LENGTH, room.bytes, sizeof room);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_net_get_one (&net, self, &record, timeout, cancellable, error) ?
         mp_net_to_value (&net, mp_queue_get_private (self), &record, error) : NULL;
}

/**
 * mp_queue_get_async:
 * @self: a queue
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_async (MpQueue             *self,
                    gdouble              timeout,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, MP_NET_VALUES, MP_NET_ANY_LENGTH, timeout, cancellable, callback, user_data, mp_queue_get_async);
}

/**
 * mp_queue_get_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_async].
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_queue_get_finish (MpQueue       *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  MpGetting *getting;

  getting = finish (self, result, mp_queue_get_async, error);
  return getting != NULL ?
         mp_net_to_value (&getting->net, mp_queue_get_private (self), &getting->record, error) : NULL;
}

/**
 * mp_queue_get_payload:
 * @self: a queue
 * @max_length: bytes that it may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @length: (out): length in bytes
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first item, which is bytes, of whatever codec.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when it holds a GVariant, and with
 * %MP_ERROR_BUFFER_TOO_SHORT when it is longer than @max_length. It stays the first
 * then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_EMPTY
 * when there was none within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when there is no memory for it, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * got: nothing was got then. With %MP_ERROR_CORRUPTED a process has put what is no item,
 * which is gone.
 *
 * Returns: (transfer full) (array length=length): the bytes
 *
 * Since: 1.0
 */
guint8 *
mp_queue_get_payload (MpQueue       *self,
                   gsize          max_length,
                   gdouble        timeout,
                   gsize         *length,
                   GCancellable  *cancellable,
                   GError       **error)
{
  MpNetRoom room;
  g_auto (MpNet) net = mp_net_new (MP_NET_BYTES, get_most (max_length), room.bytes, sizeof room);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *length = 0;
  return mp_net_get_one (&net, self, &record, timeout, cancellable, error) ? to_data (&net, &record, length, error)
                                                                           : NULL;
}

/**
 * mp_queue_get_payload_async:
 * @self: a queue
 * @max_length: bytes that it may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_payload]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_payload_async (MpQueue             *self,
                         gsize                max_length,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, MP_NET_BYTES, get_most (max_length), timeout, cancellable, callback,
         user_data, mp_queue_get_payload_async);
}

/**
 * mp_queue_get_payload_finish:
 * @self: a queue
 * @result: what the callback got
 * @length: (out): length in bytes
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_payload_async].
 *
 * Returns: (transfer full) (array length=length): the bytes
 *
 * Since: 1.0
 */
guint8 *
mp_queue_get_payload_finish (MpQueue       *self,
                          GAsyncResult  *result,
                          gsize         *length,
                          GError       **error)
{
  MpGetting *getting;

  g_return_val_if_fail (length != NULL, NULL);
  *length = 0;

  getting = finish (self, result, mp_queue_get_payload_async, error);
  return getting != NULL ? to_data (&getting->net, &getting->record, length, error) : NULL;
}

/**
 * mp_queue_get_bytes:
 * @self: a queue
 * @max_length: bytes that it may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first item, which is bytes, as [method@Mp.Queue.get_payload] does, but without
 * copying them in any language.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when it holds a GVariant, and with
 * %MP_ERROR_BUFFER_TOO_SHORT when it is longer than @max_length. It stays the first
 * then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_EMPTY
 * when there was none within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when there is no memory for it, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * got: nothing was got then. With %MP_ERROR_CORRUPTED a process has put what is no item,
 * which is gone.
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 1.0
 */
GBytes *
mp_queue_get_bytes (MpQueue       *self,
                    gsize          max_length,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  MpNetRoom room;
  g_auto (MpNet) net = mp_net_new (MP_NET_BYTES, get_most (max_length), room.bytes, sizeof room);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_net_get_one (&net, self, &record, timeout, cancellable, error) ? to_bytes (&net, &record, error)
                                                                           : NULL;
}

/**
 * mp_queue_get_bytes_async:
 * @self: a queue
 * @max_length: bytes that it may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_bytes]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_bytes_async (MpQueue             *self,
                          gsize                max_length,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, MP_NET_BYTES, get_most (max_length), timeout, cancellable, callback,
         user_data, mp_queue_get_bytes_async);
}

/**
 * mp_queue_get_bytes_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_bytes_async].
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 1.0
 */
GBytes *
mp_queue_get_bytes_finish (MpQueue       *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  MpGetting *getting;

  getting = finish (self, result, mp_queue_get_bytes_async, error);
  return getting != NULL ? to_bytes (&getting->net, &getting->record, error) : NULL;
}

/**
 * mp_queue_get_message:
 * @self: a queue
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first item, whatever it holds.
 *
 * A GVariant is checked when [method@Mp.Message.get_value] first asks for it.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_EMPTY
 * when there was none within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when there is no memory for it, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * got: nothing was got then. With %MP_ERROR_CORRUPTED a process has put what is no item,
 * which is gone.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_queue_get_message (MpQueue       *self,
                      gdouble        timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  MpNetRoom room;
  g_auto (MpNet) net = mp_net_new (MP_NET_ANY, MP_NET_ANY_LENGTH, room.bytes, sizeof room);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mp_net_get_one (&net, self, &record, timeout, cancellable, error) ? to_message (&net, &record, error)
                                                                           : NULL;
}

/**
 * mp_queue_get_message_async:
 * @self: a queue
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_message]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_message_async (MpQueue             *self,
                            gdouble              timeout,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, MP_NET_ANY, MP_NET_ANY_LENGTH, timeout, cancellable, callback, user_data, mp_queue_get_message_async);
}

/**
 * mp_queue_get_message_finish:
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_message_async].
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_queue_get_message_finish (MpQueue       *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  MpGetting *getting;

  getting = finish (self, result, mp_queue_get_message_async, error);
  return getting != NULL ? to_message (&getting->net, &getting->record, error) : NULL;
}

/**
 * mp_queue_get_frame:
 * @self: a queue
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @length: (out): length in bytes
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first item, whatever it holds, as one piece of bytes, for the glue of a
 * language: the body, a zero byte, and the codec, which is the name that was given, or
 * `=` and the type of a GVariant.
 *
 * A codec has no zero byte, so it begins behind the last one. Nobody has checked a
 * GVariant in it.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_EMPTY
 * when there was none within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when there is no memory for it, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * got: nothing was got then. With %MP_ERROR_CORRUPTED a process has put what is no item,
 * which is gone.
 *
 * Returns: (transfer full) (array length=length): body and codec
 *
 * Since: 1.0
 */
guint8 *
mp_queue_get_frame (MpQueue       *self,
                    gdouble        timeout,
                    gsize         *length,
                    GCancellable  *cancellable,
                    GError       **error)
{
  MpNetRoom room;
  g_auto (MpNet) net = mp_net_new (MP_NET_ANY, MP_NET_ANY_LENGTH, room.bytes, sizeof room);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *length = 0;
  return mp_net_get_one (&net, self, &record, timeout, cancellable, error) ? to_frame (&net, &record, length, error)
                                                                           : NULL;
}

/**
 * mp_queue_try_get_frame:
 * @self: a queue
 * @patience: seconds for which it may see whether there is an item soon, 0.001 at most; 0 for none
 * @length: (out): length in bytes
 *
 * Gets the first item as [method@Mp.Queue.get_frame] does, but neither waits nor tells why
 * it did not: for the glue of a language, to which an error, and getting ready for a wait,
 * cost more than all the rest. It calls the other one where this does not do.
 *
 * When a process has put what is no item, the other one fails with %MP_ERROR_CORRUPTED.
 *
 * Returns: (transfer full) (array length=length) (nullable): body and codec, or %NULL
 *
 * Since: 1.0
 */
guint8 *
mp_queue_try_get_frame (MpQueue *self,
                        gdouble  patience,
                        gsize   *length)
{
  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);

  return try_get_frame (self, MP_NET_ANY, patience, length);
}

/**
 * mp_queue_try_get_value_frame:
 * @self: a queue
 * @patience: seconds for which it may see whether there is an item soon, 0.001 at most; 0 for none
 * @length: (out): length in bytes
 *
 * Gets the first item, if it is a value as for [method@Mp.Queue.get], in the form of [method@Mp.Queue.get_frame];
 * bytes of the codec `raw` are one. It neither waits nor tells why it did not, as [method@Mp.Queue.try_get_frame].
 *
 * Returns: (transfer full) (array length=length) (nullable): body and codec, or %NULL
 *
 * Since: 1.0
 */
guint8 *
mp_queue_try_get_value_frame (MpQueue *self,
                              gdouble  patience,
                              gsize   *length)
{
  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);

  return try_get_frame (self, MP_NET_VALUES, patience, length);
}

/**
 * mp_queue_get_frame_async:
 * @self: a queue
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_frame]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_frame_async (MpQueue             *self,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, MP_NET_ANY, MP_NET_ANY_LENGTH, timeout, cancellable, callback, user_data, mp_queue_get_frame_async);
}

/**
 * mp_queue_get_frame_finish:
 * @self: a queue
 * @result: what the callback got
 * @length: (out): length in bytes
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_frame_async].
 *
 * Returns: (transfer full) (array length=length): body and codec
 *
 * Since: 1.0
 */
guint8 *
mp_queue_get_frame_finish (MpQueue       *self,
                           GAsyncResult  *result,
                           gsize         *length,
                           GError       **error)
{
  MpGetting *getting;

  g_return_val_if_fail (length != NULL, NULL);
  *length = 0;

  getting = finish (self, result, mp_queue_get_frame_async, error);
  return getting != NULL ? to_frame (&getting->net, &getting->record, length, error) : NULL;
}
