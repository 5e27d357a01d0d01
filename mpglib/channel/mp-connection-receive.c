/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-connection-private.h"
#include "mp-variant-private.h"

static MpTransfer
new_receive (MpAccept accept,
             gsize    max_length)
{
  return (MpTransfer) {
    .kind = MP_TRANSFER_RECEIVE,
    .accept = accept,
    .max_length = max_length,
  };
}

MpFrame *
mp_connection_receive_frame (MpConnection *self,
                             MpAccept      accept,
                             gsize         max_length,
                             gdouble       timeout,
                             GCancellable *cancellable,
                             GError      **error)
{
  g_auto (MpTransfer) transfer = new_receive (accept, max_length);

  if (!mp_connection_check_usable (self, MP_TRANSFER_RECEIVE, error) ||
      !mp_exchange_run (self->exchange, &transfer, timeout, cancellable, error))
    return NULL;

  return g_steal_pointer (&transfer.frame);
}

static void
return_frame (GTask      *task,
              MpTransfer *transfer)
{
  if (transfer->error != NULL)
    g_task_return_error (task, g_steal_pointer (&transfer->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&transfer->frame), (GDestroyNotify) mp_frame_free);
}

/* Takes the task. */
static void
start_task (MpConnection     *self,
            MpTransfer        transfer,
            gdouble           timeout,
            GTask            *task,
            MpTransferReturn  return_func)
{
  GError *error = NULL;

  if (mp_connection_check_usable (self, transfer.kind, &error))
    {
      mp_exchange_start (self->exchange, &transfer, timeout, task, return_func);
    }
  else
    {
      g_task_return_error (task, error);
      g_object_unref (task);
    }
}

static void
start (MpConnection        *self,
       MpTransfer           transfer,
       gdouble              timeout,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data,
       gpointer             tag,
       MpTransferReturn     return_func)
{
  start_task (self, transfer, timeout,
              mp_connection_new_task (self, cancellable, callback, user_data, tag), return_func);
}

void
mp_connection_start_receive (MpConnection     *self,
                             MpAccept          accept,
                             gsize             max_length,
                             gdouble           timeout,
                             GTask            *task,
                             MpTransferReturn  return_func)
{
  start_task (self, new_receive (accept, max_length), timeout, task, return_func);
}

static MpFrame *
finish_frame (MpConnection  *self,
              GAsyncResult  *result,
              gpointer       tag,
              GError       **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/*< private >
 * mp_connection_receive_at_once:
 *
 * Most of what is received.
 *
 * Returns: MP_IO_DONE, MP_IO_FAILED, or MP_IO_AGAIN, if it takes mp_connection_receive_frame()
 */
MpIoStatus
mp_connection_receive_at_once (MpConnection         *self,
                               const MpConduitWish  *wish,
                               gdouble               timeout,
                               GCancellable         *cancellable,
                               MpConduitUsual       *usual,
                               GError              **error)
{
  if (self->exchange == NULL || !self->readable ||
      (cancellable != NULL && g_cancellable_is_cancelled (cancellable)))
    return MP_IO_AGAIN;

  return mp_exchange_try_receive (self->exchange, wish, timeout != 0, usual, error);
}

/* These take the frame, which may be NULL after an error. */

static GVariant *
frame_to_value (MpFrame  *frame,
                GError  **error)
{
  g_autoptr (MpFrame) owned = frame;

  if (owned == NULL)
    return NULL;

  if (owned->message != NULL)
    return mp_message_get_value (owned->message, error);

  return mp_variant_from_wire (owned->codec + 1, owned->body, 0, error);
}

static GBytes *
frame_to_bytes (MpFrame *frame)
{
  g_autoptr (MpFrame) owned = frame;

  return owned != NULL ? g_bytes_ref (mp_frame_get_body (owned)) : NULL;
}

/* Without a copy, where the bytes are ours alone. */
static guint8 *
frame_to_data (MpFrame *frame,
               gsize   *length)
{
  GBytes *bytes = frame_to_bytes (frame);
  guint8 *data;

  *length = 0;
  if (bytes == NULL)
    return NULL;

  data = g_bytes_unref_to_data (bytes, length);
  return data != NULL ? data : g_malloc0 (1);
}

/* Without a frame. */

static GVariant *
usual_to_value (const MpConduitUsual  *usual,
                GError               **error)
{
  g_autoptr (GBytes) body = g_bytes_new (usual->body, usual->length);

  return mp_variant_from_wire (usual->codec + 1, body, 0, error);
}

static guint8 *
usual_to_data (const MpConduitUsual *usual,
               gsize                *length)
{
  guint8 *data = g_malloc (MAX (usual->length, 1));

  memcpy (data, usual->body, usual->length);
  *length = usual->length;
  return data;
}

static MpMessage *
usual_to_message (const MpConduitUsual  *usual,
                  GError               **error)
{
  g_autoptr (GBytes) body = g_bytes_new (usual->body, usual->length);

  return mp_message_new_received (usual->codec, body, NULL, NULL, 0, error);
}

static MpMessage *
frame_to_message (MpFrame *frame)
{
  g_autoptr (MpFrame) owned = frame;

  return owned != NULL ? g_object_ref (mp_frame_get_message (owned)) : NULL;
}

/**
 * mp_connection_receive:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Receives a value.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when the next message holds bytes. That message
 * stays the next to be received.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nothing more will come,
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while nothing
 * came, %MP_ERROR_NOT_SUPPORTED on an end that only sends, and with
 * %MP_ERROR_CORRUPTED when the peer sent what cannot be. %MP_ERROR_TOO_BIG: this
 * process had no file descriptors left for a message, and it is lost.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_connection_receive (MpConnection *self,
                       gdouble       timeout,
                       GCancellable *cancellable,
                       GError      **error)
{
  const MpConduitWish wish = { MP_ACCEPT_VALUE, 0, NULL };
  MpConduitUsual usual;
  MpIoStatus status;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  status = mp_connection_receive_at_once (self, &wish, timeout, cancellable, &usual, error);
  if (status != MP_IO_AGAIN)
    return status == MP_IO_DONE ? usual_to_value (&usual, error) : NULL;

  return frame_to_value (mp_connection_receive_frame (self, MP_ACCEPT_VALUE, 0, timeout, cancellable, error), error);
}

/**
 * mp_connection_receive_async:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.receive]. Several may be under way;
 * messages go to them in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_receive_async (MpConnection       *self,
                             gdouble             timeout,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, new_receive (MP_ACCEPT_VALUE, 0), timeout, cancellable,
         callback, user_data, mp_connection_receive_async, return_frame);
}

/**
 * mp_connection_receive_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.receive_async].
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_connection_receive_finish (MpConnection *self,
                              GAsyncResult *result,
                              GError      **error)
{
  return frame_to_value (finish_frame (self, result, mp_connection_receive_async, error), error);
}

/**
 * mp_connection_receive_data:
 * @self: a connection
 * @max_length: bytes that the message may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @length: (out): length in bytes
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Receives bytes, of whatever codec.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when the next message holds a GVariant, and with
 * %MP_ERROR_BUFFER_TOO_SHORT when it is longer than @max_length. That message
 * stays the next to be received.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nothing more will come,
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while nothing
 * came, %MP_ERROR_NOT_SUPPORTED on an end that only sends, and with
 * %MP_ERROR_CORRUPTED when the peer sent what cannot be. %MP_ERROR_TOO_BIG: this
 * process had no file descriptors left for a message, and it is lost.
 *
 * Returns: (transfer full) (array length=length): the bytes
 *
 * Since: 1.0
 */
guint8 *
mp_connection_receive_data (MpConnection *self,
                            gsize         max_length,
                            gdouble       timeout,
                            gsize        *length,
                            GCancellable *cancellable,
                            GError      **error)
{
  const MpConduitWish wish = { MP_ACCEPT_BYTES, max_length, NULL };
  MpConduitUsual usual;
  MpIoStatus status;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *length = 0;
  status = mp_connection_receive_at_once (self, &wish, timeout, cancellable, &usual, error);
  if (status != MP_IO_AGAIN)
    return status == MP_IO_DONE ? usual_to_data (&usual, length) : NULL;

  return frame_to_data (mp_connection_receive_frame (self, MP_ACCEPT_BYTES, max_length, timeout, cancellable, error),
                        length);
}

/**
 * mp_connection_receive_data_async:
 * @self: a connection
 * @max_length: bytes that the message may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.receive_data]. Several may be under way;
 * messages go to them in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_receive_data_async (MpConnection       *self,
                                  gsize               max_length,
                                  gdouble             timeout,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, new_receive (MP_ACCEPT_BYTES, max_length), timeout, cancellable,
         callback, user_data, mp_connection_receive_data_async, return_frame);
}

/**
 * mp_connection_receive_data_finish:
 * @self: a connection
 * @result: what the callback got
 * @length: (out): length in bytes
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.receive_data_async].
 *
 * Returns: (transfer full) (array length=length): the bytes
 *
 * Since: 1.0
 */
guint8 *
mp_connection_receive_data_finish (MpConnection *self,
                                   GAsyncResult *result,
                                   gsize        *length,
                                   GError      **error)
{
  g_return_val_if_fail (length != NULL, NULL);
  return frame_to_data (finish_frame (self, result, mp_connection_receive_data_async, error), length);
}

/**
 * mp_connection_receive_bytes:
 * @self: a connection
 * @max_length: bytes that the message may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Receives bytes, of whatever codec, like [method@Mp.Connection.receive_data], but
 * without copying them in any language.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when the next message holds a GVariant, and with
 * %MP_ERROR_BUFFER_TOO_SHORT when it is longer than @max_length. That message
 * stays the next to be received.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nothing more will come,
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while nothing
 * came, %MP_ERROR_NOT_SUPPORTED on an end that only sends, and with
 * %MP_ERROR_CORRUPTED when the peer sent what cannot be. %MP_ERROR_TOO_BIG: this
 * process had no file descriptors left for a message, and it is lost.
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 1.0
 */
GBytes *
mp_connection_receive_bytes (MpConnection *self,
                             gsize         max_length,
                             gdouble       timeout,
                             GCancellable *cancellable,
                             GError      **error)
{
  const MpConduitWish wish = { MP_ACCEPT_BYTES, max_length, NULL };
  MpConduitUsual usual;
  MpIoStatus status;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  status = mp_connection_receive_at_once (self, &wish, timeout, cancellable, &usual, error);
  if (status != MP_IO_AGAIN)
    return status == MP_IO_DONE ? g_bytes_new (usual.body, usual.length) : NULL;

  return frame_to_bytes (mp_connection_receive_frame (self, MP_ACCEPT_BYTES, max_length, timeout, cancellable, error));
}

/**
 * mp_connection_receive_bytes_async:
 * @self: a connection
 * @max_length: bytes that the message may have at most; 0 for any number
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.receive_bytes]. Several may be under way;
 * messages go to them in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_receive_bytes_async (MpConnection       *self,
                                   gsize               max_length,
                                   gdouble             timeout,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, new_receive (MP_ACCEPT_BYTES, max_length), timeout, cancellable,
         callback, user_data, mp_connection_receive_bytes_async, return_frame);
}

/**
 * mp_connection_receive_bytes_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.receive_bytes_async].
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 1.0
 */
GBytes *
mp_connection_receive_bytes_finish (MpConnection *self,
                                    GAsyncResult *result,
                                    GError      **error)
{
  return frame_to_bytes (finish_frame (self, result, mp_connection_receive_bytes_async, error));
}

/**
 * mp_connection_receive_message:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Receives a message, whatever it holds.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nothing more will come,
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while nothing
 * came, %MP_ERROR_NOT_SUPPORTED on an end that only sends, and with
 * %MP_ERROR_CORRUPTED when the peer sent what cannot be. %MP_ERROR_TOO_BIG: this
 * process had no file descriptors left for a message, and it is lost.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_connection_receive_message (MpConnection *self,
                               gdouble       timeout,
                               GCancellable *cancellable,
                               GError      **error)
{
  const MpConduitWish wish = { MP_ACCEPT_ANY, 0, NULL };
  MpConduitUsual usual;
  MpIoStatus status;

  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  status = mp_connection_receive_at_once (self, &wish, timeout, cancellable, &usual, error);
  if (status != MP_IO_AGAIN)
    return status == MP_IO_DONE ? usual_to_message (&usual, error) : NULL;

  return frame_to_message (mp_connection_receive_frame (self, MP_ACCEPT_ANY, 0, timeout, cancellable, error));
}

/**
 * mp_connection_receive_message_async:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.receive_message]. Several may be under way;
 * messages go to them in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_receive_message_async (MpConnection       *self,
                                     gdouble             timeout,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, new_receive (MP_ACCEPT_ANY, 0), timeout, cancellable,
         callback, user_data, mp_connection_receive_message_async, return_frame);
}

/**
 * mp_connection_receive_message_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.receive_message_async].
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_connection_receive_message_finish (MpConnection *self,
                                      GAsyncResult *result,
                                      GError      **error)
{
  return frame_to_message (finish_frame (self, result, mp_connection_receive_message_async, error));
}

/**
 * mp_connection_poll:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 *
 * Tells whether a receive would not have to wait: because a message is there, or
 * because the other end is closed, or dead, and none will come any more.
 *
 * [method@Mp.Connection.wait_readable] does the same, can be cancelled, and tells why not.
 *
 * Returns: %TRUE if it would not wait; %FALSE if it would, or nothing can be
 *   received at all: on an end that only sends, or was closed here
 *
 * Since: 1.0
 */
gboolean
mp_connection_poll (MpConnection *self,
                    gdouble       timeout)
{
  return mp_connection_wait_readable (self, timeout, NULL, NULL);
}

/**
 * mp_connection_wait_readable:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Waits until a receive would not have to wait: because a message is there, or
 * because the other end is closed, or dead, and none will come any more. Receives that
 * were called before come first.
 *
 * Fails with %MP_ERROR_CLOSED when this end is or was closed, %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while nothing came,
 * and with %MP_ERROR_NOT_SUPPORTED on an end that only sends.
 *
 * Returns: %TRUE if a receive would not wait
 *
 * Since: 1.0
 */
gboolean
mp_connection_wait_readable (MpConnection *self,
                             gdouble       timeout,
                             GCancellable *cancellable,
                             GError      **error)
{
  g_auto (MpTransfer) transfer = { .kind = MP_TRANSFER_READABLE };

  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_connection_check_usable (self, MP_TRANSFER_READABLE, error) &&
         mp_exchange_run (self->exchange, &transfer, timeout, cancellable, error);
}

/**
 * mp_connection_wait_readable_async:
 * @self: a connection
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.wait_readable].
 *
 * Since: 1.0
 */
void
mp_connection_wait_readable_async (MpConnection       *self,
                                   gdouble             timeout,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, (MpTransfer) { .kind = MP_TRANSFER_READABLE }, timeout, cancellable,
         callback, user_data, mp_connection_wait_readable_async, mp_connection_return_boolean);
}

/**
 * mp_connection_wait_readable_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.wait_readable_async].
 *
 * Returns: %TRUE if a receive would not wait
 *
 * Since: 1.0
 */
gboolean
mp_connection_wait_readable_finish (MpConnection *self,
                                    GAsyncResult *result,
                                    GError      **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_wait_readable_async, error);
}
