/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-queue-net-private.h"

/* Bytes that are got where the caller wants them, and no memory is taken for. */

/* --- Where they go -------------------------------------------------------- */

typedef struct
{
  guint8 *buffer;
  gsize   size;
  gsize  *lengths;   /* nullable: of one item */
  guint   most;
  gsize   used;
  guint   n;         /* items that are there */
  gboolean leaves_long;  /* what would take a main loop its time */
  GError *error;     /* of rubbish, as long as there are none */
} Into;

static MpNet
cast_into (Into *self)
{
  MpNet net = mp_net_new (MP_NET_BYTES, self->size - self->used, self->buffer + self->used, self->size - self->used);

  net.order.leaves_long = self->leaves_long;
  return net;
}

static gboolean
read_length (Into               *self,
             const MpRingRecord *record,
             guint32            *length)
{
  g_autoptr (GError) error = NULL;
  MpItemHead head;

  if (mp_item_read_head (&head, record, &error))
    {
      *length = head.body_length;
      return TRUE;
    }

  if (self->error == NULL)
    self->error = g_steal_pointer (&error);
  return FALSE;
}

/* What lies where it was cast to, or in memory of the net's own: then its codec is behind it, for which there was no
 * room.  Of several the codecs lie between them.
 */
static void
add (Into               *self,
     const MpRingRecord *records,
     guint               n)
{
  for (guint i = 0; i < n; i++)
    {
      guint32 length = records[i].length;

      if (!mp_item_is_raw (&records[i]) && !read_length (self, &records[i], &length))
        continue;

      if (length > 0 && records[i].data != self->buffer + self->used)
        memmove (self->buffer + self->used, records[i].data, length);
      if (self->lengths != NULL)
        self->lengths[self->n] = length;
      self->used += length;
      self->n++;
    }
}

/* What more there is, `most` records, while a cast brings as many as it could.  Returns: how many there were */
static guint
fill (Into           *self,
      MpQueuePrivate *priv,
      MpRing         *ring,
      guint32         me,
      guint           most)
{
  MpRingRecord records[MP_NET_AT_ONCE];
  gboolean may_be_more = TRUE;
  guint n_got = 0;

  while (may_be_more && n_got < most && self->n < self->most)
    {
      g_auto (MpNet) net = cast_into (self);
      guint room = MIN (self->most - self->n, most - n_got), wanted = MIN (room, MP_NET_AT_ONCE), n = wanted;

      if (mp_net_cast (&net, priv, ring, me, records, &n, NULL, NULL) != MP_RING_DONE)
        break;

      mp_queue_note_held (priv, records, n);
      add (self, records, n);
      n_got += n;
      may_be_more = n == wanted || net.own != NULL;
    }

  return n_got;
}

/* Returns: whether there are any; else the error is set */
static gboolean
end (Into     *self,
     MpQueue  *queue,
     GError  **error)
{
  if (self->error == NULL)
    return TRUE;

  if (self->n == 0)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return FALSE;
    }

  g_atomic_int_inc (&mp_queue_get_private (queue)->n_untold);
  g_clear_error (&self->error);
  return TRUE;
}

static gboolean
get_several (MpQueue       *self,
             Into          *into,
             gdouble        timeout,
             GCancellable  *cancellable,
             GError       **error)
{
  MpRingRecord records[MP_NET_AT_ONCE];
  guint wanted = MIN (into->most, MP_NET_AT_ONCE), n = wanted, me;
  g_auto (MpNet) net = cast_into (into);
  MpRing *ring;

  if (!mp_net_get_some (&net, self, records, &n, timeout, cancellable, error))
    return FALSE;

  add (into, records, n);
  ring = into->n < into->most && (n == wanted || net.own != NULL)
           ? mp_queue_store_get_ring (&mp_queue_get_private (self)->store, &me, NULL) : NULL;
  if (ring != NULL)
    fill (into, mp_queue_get_private (self), ring, me, mp_ring_count (ring));
  return end (into, self, error);
}

/* --- In a main loop ------------------------------------------------------- */

typedef struct
{
  MpGetting getting;
  Into      into;
} GettingInto;

static void
getting_into_free (gpointer data)
{
  GettingInto *self = data;

  mp_getting_clear (&self->getting);
  g_clear_error (&self->into.error);
  g_free (self);
}

static void
keep (MpGetting *getting)
{
  add (&((GettingInto *) getting)->into, &getting->record, 1);
}

static guint
add_more (MpGetting      *getting,
          MpQueuePrivate *priv,
          MpRing         *ring,
          guint32         me,
          guint           most)
{
  return fill (&((GettingInto *) getting)->into, priv, ring, me, most);
}

static void
start (MpQueue             *self,
       Into                 into,
       gdouble              timeout,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data,
       gpointer             tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  GettingInto *getting = g_new0 (GettingInto, 1);

  mp_getting_init (&getting->getting, self, MP_NET_BYTES, into.size);
  getting->getting.net = cast_into (&into);
  getting->getting.net.reads_on = TRUE;
  getting->getting.keep = keep;
  getting->getting.add_more = add_more;
  getting->into = into;
  getting->into.leaves_long = TRUE;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, getting, getting_into_free);
  mp_queue_start_async (task, timeout);
}

/* Returns: (nullable): where it went, unless the error is set */
static Into *
finish (MpQueue       *self,
        GAsyncResult  *result,
        gpointer       tag,
        GError       **error)
{
  GError *reason = NULL;
  GettingInto *getting = mp_queue_finish (self, result, tag, &reason);

  if (reason != NULL)
    g_propagate_error (error, reason);

  return getting != NULL && reason == NULL && end (&getting->into, self, error) ? &getting->into : NULL;
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_queue_get_into: (skip)
 * @self: a queue
 * @buffer: (array length=size): where the bytes go
 * @size: bytes that there is room for
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first item, which is bytes, of whatever codec, into memory of the caller's: the
 * fastest way to get one, as [method@Mp.Queue.put_data] is to put one.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when it holds a GVariant, and with
 * %MP_ERROR_BUFFER_TOO_SHORT when it is longer than @size. It stays the first
 * then.
 *
 * It blocks the calling thread and iterates no main context. Fails with %MP_ERROR_EMPTY
 * when there was none within the time, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, %MP_ERROR_CLOSED when this
 * object was closed, %MP_ERROR_TOO_BIG when there is no memory for it, and with
 * %MP_ERROR_TIMED_OUT when another process was stopped in the very moment in which it
 * got: nothing was got then. With %MP_ERROR_CORRUPTED a process has put what is no item,
 * which is gone. What the buffer holds after a failure is undefined.
 *
 * Returns: how many bytes it had, or -1 on failure
 *
 * Since: 1.0
 */
gssize
mp_queue_get_into (MpQueue       *self,
                   guint8        *buffer,
                   gsize          size,
                   gdouble        timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_auto (MpNet) net = mp_net_new (MP_NET_BYTES, size, buffer, size);
  MpRingRecord record;
  MpItemHead head;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  if (!mp_net_get_one (&net, self, &record, timeout, cancellable, error))
    return -1;

  if (G_LIKELY (mp_item_is_raw (&record)))
    return (gssize) record.length;

  if (!mp_item_read_head (&head, &record, error))
    return -1;

  if (G_UNLIKELY (net.own != NULL) && head.body_length > 0)
    memcpy (buffer, record.data, head.body_length);
  return (gssize) head.body_length;
}

/**
 * mp_queue_get_into_async: (skip)
 * @self: a queue
 * @buffer: (array length=size): where the bytes go; it stays until the callback was called
 * @size: bytes that there is room for
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_into]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_into_async (MpQueue             *self,
                         guint8              *buffer,
                         gsize                size,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (buffer != NULL || size == 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, (Into) { .buffer = buffer, .size = size, .most = 1 }, timeout, cancellable, callback, user_data,
         mp_queue_get_into_async);
}

/**
 * mp_queue_get_into_finish: (skip)
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_into_async].
 *
 * Returns: how many bytes it had, or -1 on failure
 *
 * Since: 1.0
 */
gssize
mp_queue_get_into_finish (MpQueue       *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  Into *into = finish (self, result, mp_queue_get_into_async, error);

  return into != NULL ? (gssize) into->used : -1;
}

/**
 * mp_queue_get_many_into: (skip)
 * @self: a queue
 * @buffer: (array length=size): where the bytes go, one item behind the other
 * @size: bytes that there is room for
 * @lengths: (array length=max): where the length of each goes
 * @max: how many at most, not 0
 * @timeout: seconds to wait for the first; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first items, which are bytes, of whatever codecs, with one call: waits for one,
 * and gets with it those that are there already, as many as have room. Others may get some
 * in between; what is put meanwhile may be left to the next call.
 *
 * It ends before an item that holds a GVariant, or for which there is no room, which stays
 * the first; if there is none before it, it fails as [method@Mp.Queue.get_into] does. What is
 * no item is left out if others are to be had, and the next call that gets something fails with
 * %MP_ERROR_CORRUPTED.
 *
 * Returns: how many were got, 1 to @max; 0 on failure
 *
 * Since: 1.0
 */
guint
mp_queue_get_many_into (MpQueue       *self,
                        guint8        *buffer,
                        gsize          size,
                        gsize         *lengths,
                        guint          max,
                        gdouble        timeout,
                        GCancellable  *cancellable,
                        GError       **error)
{
  Into into = { .buffer = buffer, .size = size, .lengths = lengths, .most = max };

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), 0);
  g_return_val_if_fail (buffer != NULL || size == 0, 0);
  g_return_val_if_fail (lengths != NULL && max > 0, 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  return get_several (self, &into, timeout, cancellable, error) ? into.n : 0;
}

/**
 * mp_queue_get_many_into_async: (skip)
 * @self: a queue
 * @buffer: (array length=size): where the bytes go; it stays until the callback was called
 * @size: bytes that there is room for
 * @lengths: (array length=max): where the length of each goes; likewise
 * @max: how many at most, not 0
 * @timeout: seconds to wait for the first; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Queue.get_many_into]. Several may be under way;
 * items go to those of this object in one main context in the order of the calls.
 *
 * Since: 1.0
 */
void
mp_queue_get_many_into_async (MpQueue             *self,
                              guint8              *buffer,
                              gsize                size,
                              gsize               *lengths,
                              guint                max,
                              gdouble              timeout,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (buffer != NULL || size == 0);
  g_return_if_fail (lengths != NULL && max > 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, (Into) { .buffer = buffer, .size = size, .lengths = lengths, .most = max }, timeout, cancellable,
         callback, user_data, mp_queue_get_many_into_async);
}

/**
 * mp_queue_get_many_into_finish: (skip)
 * @self: a queue
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Queue.get_many_into_async].
 *
 * Returns: how many were got, from 1 on; 0 on failure
 *
 * Since: 1.0
 */
guint
mp_queue_get_many_into_finish (MpQueue       *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  Into *into = finish (self, result, mp_queue_get_many_into_async, error);

  return into != NULL ? into->n : 0;
}
