/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-connection-private.h"

/* Receiving into memory of the caller's.  A message is looked at before it is
 * taken, so one that does not fit stays.
 */

static gssize
copy_body (MpFrame *frame,
           guint8  *buffer,
           gsize    size)
{
  gsize length;
  const void *body = g_bytes_get_data (mp_frame_get_body (frame), &length);

  g_assert (length <= size);
  if (length > 0)
    memcpy (buffer, body, length);
  return (gssize) length;
}

static void
return_copied (GTask      *task,
               MpTransfer *transfer)
{
  if (transfer->error != NULL)
    g_task_return_error (task, g_steal_pointer (&transfer->error));
  else
    g_task_return_int (task, copy_body (transfer->frame, g_task_get_task_data (task), transfer->max_length));
}

/**
 * mp_connection_receive_into: (skip)
 * @self: a connection
 * @buffer: (array length=size): where to put the bytes
 * @size: how many there is room for, at least 1
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Receives bytes, of whatever codec, into memory of the caller's.
 *
 * Vala has it for arrays and slices of them; Python's form is `recv_bytes_into()`,
 * that of JavaScript `receive_into()`.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when the next message holds a GVariant, and with
 * %MP_ERROR_BUFFER_TOO_SHORT when it is longer than @size. That message stays the
 * next to be received, and @buffer as it was.
 *
 * Fails with %MP_ERROR_CLOSED or %MP_ERROR_PEER_DIED when nothing more will come,
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while nothing
 * came, %MP_ERROR_NOT_SUPPORTED on an end that only sends, and with
 * %MP_ERROR_CORRUPTED when the peer sent what cannot be. %MP_ERROR_TOO_BIG: this
 * process had no file descriptors left for a message, and it is lost.
 *
 * Returns: the length of the message in bytes, -1 on errors
 *
 * Since: 1.0
 */
gssize
mp_connection_receive_into (MpConnection *self,
                            guint8       *buffer,
                            gsize         size,
                            gdouble       timeout,
                            GCancellable *cancellable,
                            GError      **error)
{
  g_autoptr (MpFrame) frame = NULL;
  const MpConduitWish wish = { MP_ACCEPT_BYTES, size, buffer };
  MpConduitUsual usual;
  MpIoStatus status;

  g_return_val_if_fail (MP_IS_CONNECTION (self), -1);
  g_return_val_if_fail (buffer != NULL && size > 0, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  status = mp_connection_receive_at_once (self, &wish, timeout, cancellable, &usual, error);
  if (status == MP_IO_DONE && usual.body != buffer)
    memcpy (buffer, usual.body, usual.length);
  if (status != MP_IO_AGAIN)
    return status == MP_IO_DONE ? (gssize) usual.length : -1;

  frame = mp_connection_receive_frame (self, MP_ACCEPT_BYTES, size, timeout, cancellable, error);
  return frame != NULL ? copy_body (frame, buffer, size) : -1;
}

/**
 * mp_connection_receive_into_async: (skip)
 * @self: a connection
 * @buffer: (array length=size): where to put the bytes; has to stay until @callback is called
 * @size: how many there is room for, at least 1
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.receive_into]. Several may be under way;
 * messages go to them in the order of the calls. @buffer is written to from the
 * main context in which @callback is called.
 *
 * Since: 1.0
 */
void
mp_connection_receive_into_async (MpConnection       *self,
                                  guint8             *buffer,
                                  gsize               size,
                                  gdouble             timeout,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data)
{
  GTask *task;

  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (buffer != NULL && size > 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = mp_connection_new_task (self, cancellable, callback, user_data, mp_connection_receive_into_async);
  g_task_set_task_data (task, buffer, NULL);
  mp_connection_start_receive (self, MP_ACCEPT_BYTES, size, timeout, task, return_copied);
}

/**
 * mp_connection_receive_into_finish: (skip)
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.receive_into_async].
 *
 * Returns: the length of the message in bytes, -1 on errors
 *
 * Since: 1.0
 */
gssize
mp_connection_receive_into_finish (MpConnection *self,
                                   GAsyncResult *result,
                                   GError      **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), -1);
  g_return_val_if_fail (g_task_is_valid (result, self), -1);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_connection_receive_into_async), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  return g_task_propagate_int (G_TASK (result), error);
}
