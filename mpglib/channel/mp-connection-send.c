/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-connection-private.h"
#include "mp-error.h"
#include "mp-variant-private.h"

/* What is to be sent, as a frame.  A message as such is made only where the
 * caller has one.
 */
static MpFrame *
new_frame_for_value (GVariant *value)
{
  g_autoptr (GVariant) sound = mp_variant_ref_sound (value);

  return mp_frame_new_raw (MP_FRAME_MESSAGE,
                           g_strconcat ("=", g_variant_get_type_string (sound), NULL),
                           mp_variant_to_wire (sound));
}

static MpFrame *
new_frame_for_bytes (GBytes     *bytes,
                     const char *codec)
{
  return mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup (codec != NULL ? codec : "raw"), g_bytes_ref (bytes));
}

static MpFrame *
new_frame_for_data (const guint8 *data,
                    gsize         length,
                    const char   *codec)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, length);

  return new_frame_for_bytes (bytes, codec);
}

static MpFrame *
new_frame_for_message (MpMessage *message)
{
  mp_message_unpack (message);
  return mp_frame_new (MP_FRAME_MESSAGE, 0, 0, NULL, message);
}

/* Its receiver would refuse it, and does not know whose mistake that is. */
static gboolean
check_handles (const char  *codec,
               MpMessage   *message,
               GError     **error)
{
  if (codec[0] != '=' || strchr (codec, 'h') == NULL || (message != NULL && mp_message_get_n_attachments (message) > 0))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
                       "A value with handles names what is attached to it, and nothing is: send it as an Mp.Message, "
                       "to which you have attached that");
  return FALSE;
}

/* Takes the frame. */
static gboolean
init_send (MpConnection *self,
           MpTransfer   *transfer,
           MpFrame      *frame,
           GError      **error)
{
  *transfer = (MpTransfer) {
    .kind = MP_TRANSFER_SEND,
    .frame = frame,
  };

  /* Before any lock is taken: what is attached may be this connection. */
  return mp_connection_check_usable (self, MP_TRANSFER_SEND, error) &&
         mp_exchange_check_origin (self->exchange, error) &&
         check_handles (mp_frame_get_wire_codec (frame), frame->message, error) &&
         mp_exchange_prepare (self->exchange, transfer->frame, error);
}

/* Most of what is sent.  Whatever keeps it from that is told by a transfer. */
static gboolean
send_at_once (MpConnection  *self,
              const char    *codec,
              gconstpointer  body,
              gsize          length,
              gdouble        timeout,
              GCancellable  *cancellable)
{
  const MpTransportBody whole = { codec, strlen (codec), body, length };

  return self->exchange != NULL && self->writable &&
         (cancellable == NULL || !g_cancellable_is_cancelled (cancellable)) &&
         mp_exchange_try_send (self->exchange, &whole, timeout != 0);
}

static gboolean
send_take (MpConnection *self,
           MpFrame      *frame,
           gdouble       timeout,
           GCancellable *cancellable,
           GError      **error)
{
  g_auto (MpTransfer) transfer = { 0 };

  return init_send (self, &transfer, frame, error) &&
         mp_exchange_run (self->exchange, &transfer, timeout, cancellable, error);
}

/* Serialised, with its codec, but not in a frame. */
static gboolean
send_raw (MpConnection  *self,
          const char    *codec,
          GBytes        *body,
          gdouble        timeout,
          GCancellable  *cancellable,
          GError       **error)
{
  return send_at_once (self, codec, g_bytes_get_data (body, NULL), g_bytes_get_size (body), timeout,
                       cancellable) ||
         send_take (self, mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup (codec), g_bytes_ref (body)),
                    timeout, cancellable, error);
}

static gboolean
send_value (MpConnection  *self,
            GVariant      *value,
            gdouble        timeout,
            GCancellable  *cancellable,
            GError       **error)
{
  g_autoptr (GVariant) sound = mp_variant_ref_sound (value);
  g_autoptr (GBytes) body = mp_variant_to_wire (sound);
  const char *type = g_variant_get_type_string (sound);
  gsize size = strlen (type) + 2;
  char usual[MP_ITEM_MAX_CODEC_LENGTH];
  g_autofree char *own = size > sizeof usual ? g_malloc (size) : NULL;
  char *codec = own != NULL ? own : usual;

  codec[0] = '=';
  memcpy (codec + 1, type, size - 1);
  return check_handles (codec, NULL, error) && send_raw (self, codec, body, timeout, cancellable, error);
}

static void
send_take_async (MpConnection        *self,
                 MpFrame             *frame,
                 gdouble              timeout,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data,
                 gpointer             tag)
{
  g_autoptr (GTask) task = mp_connection_new_task (self, cancellable, callback, user_data, tag);
  MpTransfer transfer;
  GError *error = NULL;

  if (init_send (self, &transfer, frame, &error))
    {
      mp_exchange_start (self->exchange, &transfer, timeout,
                         g_steal_pointer (&task), mp_connection_return_boolean);
    }
  else
    {
      mp_transfer_clear (&transfer);
      g_task_return_error (task, error);
    }
}

/**
 * mp_connection_send:
 * @self: a connection
 * @value: what to send; a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Sends a value. Waits until the message is on its way, not until it is received.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nobody can receive it
 * any more, %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while there is no
 * room for it, %MP_ERROR_TOO_BIG when there is no memory for it,
 * %MP_ERROR_NOT_SHAREABLE when the value has handles (see [method@Mp.Message.attach]), and
 * %MP_ERROR_NOT_SUPPORTED on an end that only receives. Nothing was sent then.
 *
 * The time is for the peer to make room. Copying a large message takes what it
 * takes (some milliseconds for each 10 MB), also with a @timeout of 0.
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send (MpConnection *self,
                    GVariant     *value,
                    gdouble       timeout,
                    GCancellable *cancellable,
                    GError      **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return send_value (self, value, timeout, cancellable, error);
}

/**
 * mp_connection_send_async:
 * @self: a connection
 * @value: what to send; a floating reference is sunk
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.send]. Several may be under way;
 * they are done in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_send_async (MpConnection       *self,
                          GVariant           *value,
                          gdouble             timeout,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (value != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  send_take_async (self, new_frame_for_value (value), timeout,
                   cancellable, callback, user_data, mp_connection_send_async);
}

/**
 * mp_connection_send_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.send_async].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_finish (MpConnection *self,
                           GAsyncResult *result,
                           GError      **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_send_async, error);
}

/**
 * mp_connection_send_data:
 * @self: a connection
 * @data: (array length=length) (nullable): what to send
 * @length: its length in bytes
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Sends bytes. Waits until the message is on its way, not until it is received.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nobody can receive it
 * any more, %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while there is no
 * room for it, %MP_ERROR_TOO_BIG when there is no memory for it, and
 * %MP_ERROR_NOT_SUPPORTED on an end that only receives. Nothing was sent then.
 *
 * The time is for the peer to make room. Copying a large message takes what it
 * takes (some milliseconds for each 10 MB), also with a @timeout of 0.
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_data (MpConnection *self,
                         const guint8 *data,
                         gsize         length,
                         const char   *codec,
                         gdouble       timeout,
                         GCancellable *cancellable,
                         GError      **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (data != NULL || length == 0, FALSE);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return send_at_once (self, codec != NULL ? codec : "raw", data, length, timeout, cancellable) ||
         send_take (self, new_frame_for_data (data, length, codec), timeout, cancellable, error);
}

/**
 * mp_connection_send_data_async:
 * @self: a connection
 * @data: (array length=length) (nullable): what to send
 * @length: its length in bytes
 * @codec: (nullable): name of its codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.send_data]. Several may be under way;
 * they are done in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_send_data_async (MpConnection       *self,
                               const guint8       *data,
                               gsize               length,
                               const char         *codec,
                               gdouble             timeout,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (data != NULL || length == 0);
  g_return_if_fail (codec == NULL || mp_message_is_codec_name (codec));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  send_take_async (self, new_frame_for_data (data, length, codec), timeout,
                   cancellable, callback, user_data, mp_connection_send_data_async);
}

/**
 * mp_connection_send_data_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.send_data_async].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_data_finish (MpConnection *self,
                                GAsyncResult *result,
                                GError      **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_send_data_async, error);
}

/**
 * mp_connection_send_bytes:
 * @self: a connection
 * @bytes: what to send
 * @codec: (nullable): name of their codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Sends bytes, without copying them first. Waits until the message is on its way, not until it is received.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nobody can receive it
 * any more, %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while there is no
 * room for it, %MP_ERROR_TOO_BIG when there is no memory for it, and
 * %MP_ERROR_NOT_SUPPORTED on an end that only receives. Nothing was sent then.
 *
 * The time is for the peer to make room. Copying a large message takes what it
 * takes (some milliseconds for each 10 MB), also with a @timeout of 0.
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_bytes (MpConnection *self,
                          GBytes       *bytes,
                          const char   *codec,
                          gdouble       timeout,
                          GCancellable *cancellable,
                          GError      **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return send_raw (self, codec != NULL ? codec : "raw", bytes, timeout, cancellable, error);
}

/**
 * mp_connection_send_bytes_async:
 * @self: a connection
 * @bytes: what to send
 * @codec: (nullable): name of their codec, see [property@Mp.Message:codec]; %NULL is `raw`
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.send_bytes]. Several may be under way;
 * they are done in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_send_bytes_async (MpConnection       *self,
                                GBytes             *bytes,
                                const char         *codec,
                                gdouble             timeout,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (bytes != NULL);
  g_return_if_fail (codec == NULL || mp_message_is_codec_name (codec));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  send_take_async (self, new_frame_for_bytes (bytes, codec), timeout,
                   cancellable, callback, user_data, mp_connection_send_bytes_async);
}

/**
 * mp_connection_send_bytes_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.send_bytes_async].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_bytes_finish (MpConnection *self,
                                 GAsyncResult *result,
                                 GError      **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_send_bytes_async, error);
}

/**
 * mp_connection_send_message:
 * @self: a connection
 * @message: what to send
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Sends a message, with what is attached to it. Waits until the message is on its
 * way, not until it is received.
 *
 * Fails with %MP_ERROR_NOT_SHAREABLE and what packing an attachment fails with, such
 * as %MP_ERROR_INVALID_STATE if that was closed, and with %MP_ERROR_TOO_BIG for more
 * than 252 file descriptors.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nobody can receive it
 * any more, %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while there is no
 * room for it, %MP_ERROR_TOO_BIG when there is no memory for it, and
 * %MP_ERROR_NOT_SUPPORTED on an end that only receives. Nothing was sent then.
 *
 * The time is for the peer to make room. Copying a large message takes what it
 * takes (some milliseconds for each 10 MB), also with a @timeout of 0.
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_message (MpConnection *self,
                            MpMessage    *message,
                            gdouble       timeout,
                            GCancellable *cancellable,
                            GError      **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (MP_IS_MESSAGE (message), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (mp_message_get_n_attachments (message) == 0)
    return check_handles (mp_message_get_wire_codec (message), NULL, error) &&
           send_raw (self, mp_message_get_wire_codec (message), mp_message_get_body_bytes (message),
                     timeout, cancellable, error);

  return send_take (self, new_frame_for_message (message), timeout, cancellable, error);
}

/**
 * mp_connection_send_message_async:
 * @self: a connection
 * @message: what to send
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.send_message]. Several may be under way;
 * they are done in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_connection_send_message_async (MpConnection       *self,
                                  MpMessage          *message,
                                  gdouble             timeout,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (MP_IS_MESSAGE (message));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  send_take_async (self, new_frame_for_message (message), timeout,
                   cancellable, callback, user_data, mp_connection_send_message_async);
}

/**
 * mp_connection_send_message_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.send_message_async].
 *
 * Returns: %TRUE if the message was sent
 *
 * Since: 1.0
 */
gboolean
mp_connection_send_message_finish (MpConnection *self,
                                   GAsyncResult *result,
                                   GError      **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_send_message_async, error);
}
