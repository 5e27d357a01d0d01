/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-item-private.h"
#include "mp-outbox-private.h"
#include "mp-patience-private.h"
#include "mp-queue-private.h"
#include "mp-variant-private.h"

/* --- What is wanted ------------------------------------------------------- */

typedef enum
{
  WANT_ANY,
  WANT_VALUES,
  WANT_BYTES,
} Want;

typedef struct
{
  Want  want;
  gsize max_length;   /* of bytes; 0: any */
} Order;

/* Rubbish is wanted: else it would stay, and nobody get what is behind it. */
static gboolean
is_wanted (const MpRingRecord *record,
           gconstpointer       data)
{
  const Order *order = data;
  guint32 length;

  if (order->want == WANT_ANY || !mp_item_measure_body (record, &length))
    return TRUE;

  if (order->want == WANT_VALUES)
    return mp_item_is_value (record) || mp_item_is_raw (record);

  return !mp_item_is_value (record) && (order->max_length == 0 || length <= order->max_length);
}

static void
set_unwanted (const Order         *order,
              const MpRingRecord  *record,
              GError             **error)
{
  guint32 length = 0;

  mp_item_measure_body (record, &length);
  if (order->want == WANT_VALUES)
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

/* --- What was got --------------------------------------------------------- */

/* Behind the items, for who puts something there: see frame(). */
#define SLACK 16

/* Items that are short go into memory of the caller's; a long one into its own, from where it is not copied again. */
typedef struct
{
  Order   order;
  guint8 *data;
  gsize   room;
  guint8 *own;    /* `data`, unless that is the caller's */
} Net;

static void
net_clear (Net *self)
{
  g_free (self->own);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Net, net_clear)

static gboolean
net_widen (Net      *self,
           guint32   length,
           GError  **error)
{
  g_free (self->own);
  self->own = g_try_malloc ((gsize) length + SLACK);
  self->data = self->own;
  self->room = self->own != NULL ? length : 0;
  if (self->own != NULL)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "There is no memory for the %u bytes of the next item of the queue, which stays there", length);
  return FALSE;
}

/* Once.  `records` has room for `*n`; their data is in the net.
 *
 * Returns: MP_RING_DONE, MP_RING_AGAIN, or MP_RING_FAILED with the error set
 */
static MpRingResult
cast (MpRing        *ring,
      guint32        me,
      Net           *net,
      MpRingRecord  *records,
      guint         *n,
      const MpWait  *wait,
      GError       **error)
{
  for (;;)
    {
      MpRingHaul haul = { net->data, net->room, records, *n, is_wanted, &net->order };
      MpRingResult result = wait != NULL ? mp_ring_take (ring, me, &haul, *wait, error)
                                         : mp_ring_try_take (ring, me, &haul, error);

      if (G_LIKELY (result == MP_RING_DONE))
        *n = haul.n_records;
      else if (result == MP_RING_UNWANTED)
        set_unwanted (&net->order, records, error);

      if (result != MP_RING_NO_ROOM)
        return result == MP_RING_UNWANTED ? MP_RING_FAILED : result;

      if (!net_widen (net, records->length, error))
        return MP_RING_FAILED;
    }
}

static gboolean
wait_and_get (MpQueuePrivate  *priv,
              MpRing          *ring,
              guint32          me,
              Net             *net,
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

  result = cast (ring, me, net, records, n, &wait.blocking.wait, error);
  mp_queue_wait_end (priv, &wait);
  if (result == MP_RING_AGAIN)
    mp_queue_wait_fail (priv, &wait, MP_QUEUE_ITEMS, error);
  return result == MP_RING_DONE;
}

static gboolean
get_records (MpQueue       *self,
             Net           *net,
             MpRingRecord  *records,
             guint         *n,
             gdouble        timeout,
             GCancellable  *cancellable,
             GError       **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (self);
  guint32 me;
  MpRing *ring = mp_queue_enter (priv, &me, error);
  MpRingResult result;

  if (G_UNLIKELY (ring == NULL))
    return FALSE;

  result = cast (ring, me, net, records, n, NULL, error);
  if (G_UNLIKELY (result == MP_RING_AGAIN) &&
      wait_and_get (priv, ring, me, net, records, n, timeout, cancellable, error))
    result = MP_RING_DONE;

  if (result != MP_RING_DONE)
    return FALSE;

  mp_queue_note_held (priv, records, *n);
  mp_queue_note_done (priv, MP_QUEUE_ITEMS);
  return TRUE;
}

/* --- What becomes of it --------------------------------------------------- */

/* These take what the net holds, of one item.  A length of 0 has memory, too, since NULL is a failure. */

static guint8 *
to_data (Net                 *net,
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
take_body (Net                *net,
           const MpRingRecord *record,
           guint32             length)
{
  return net->own != NULL ? g_bytes_new_take (g_steal_pointer (&net->own), length)
                          : g_bytes_new (record->data, length);
}

static GBytes *
to_bytes (Net                 *net,
          const MpRingRecord  *record,
          GError             **error)
{
  MpItemHead head;

  return mp_item_read_head (&head, record, error) ? take_body (net, record, head.body_length) : NULL;
}

static GVariant *
to_value (Net                 *net,
          const MpRingRecord  *record,
          GError             **error)
{
  g_autoptr (GBytes) body = NULL;
  MpItemHead head;

  if (!mp_item_read_head (&head, record, error))
    return NULL;

  body = take_body (net, record, head.body_length);
  return mp_variant_from_wire (mp_item_is_raw (record) ? "ay" : head.codec + 1, body, 0, error);
}

static MpMessage *
to_message (Net                 *net,
            const MpRingRecord  *record,
            GError             **error)
{
  g_autoptr (GBytes) body = NULL;
  MpItemHead head;

  if (!mp_item_read_head (&head, record, error))
    return NULL;

  body = take_body (net, record, head.body_length);
  return mp_message_new_received (head.codec, body, NULL, NULL, 0, error);
}

static guint8 *
to_frame (Net                 *net,
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

/* --- One item ------------------------------------------------------------- */

typedef struct
{
  _Alignas (8) guint8 bytes[1024];
} Small;

static gboolean
get_one (MpQueue       *self,
         Net           *net,
         MpRingRecord  *record,
         gdouble        timeout,
         GCancellable  *cancellable,
         GError       **error)
{
  guint n = 1;

  return get_records (self, net, record, &n, timeout, cancellable, error);
}

static Net
new_net (Want   want,
         gsize  max_length,
         Small *small)
{
  return (Net) { { want, max_length }, small->bytes, sizeof small->bytes, NULL };
}

/* --- Several -------------------------------------------------------------- */

#define AT_ONCE 64

typedef struct
{
  _Alignas (8) guint8 bytes[8192];
} Large;

typedef struct
{
  GPtrArray *values;
  guint      most;
  GError    *error;    /* of rubbish, as long as there are no values */
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
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Haul, haul_clear)

static void
haul_add (Haul         *self,
          Net          *net,
          MpRingRecord *records,
          guint         n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;

      /* What is in the net's own memory is there alone, but for what has no bytes. */
      GVariant *value = to_value (net, &records[i], &error);

      if (value != NULL)
        g_ptr_array_add (self->values, g_variant_ref_sink (g_variant_new_variant (value)));
      else if (self->error == NULL)
        self->error = g_steal_pointer (&error);
      g_clear_pointer (&value, g_variant_unref);
    }
}

/* What more there is. */
static void
haul_fill (Haul           *self,
           MpQueuePrivate *priv,
           MpRing         *ring,
           guint32         me)
{
  MpRingRecord records[AT_ONCE];
  MpRingResult result = MP_RING_DONE;
  Large large;

  while (result == MP_RING_DONE && self->values->len < self->most)
    {
      g_auto (Net) net = { { WANT_VALUES, 0 }, large.bytes, sizeof large.bytes, NULL };
      guint n = MIN (self->most - self->values->len, AT_ONCE);

      result = cast (ring, me, &net, records, &n, NULL, NULL);
      if (result != MP_RING_DONE)
        continue;

      mp_queue_note_held (priv, records, n);
      haul_add (self, &net, records, n);
    }
}

static GVariant *
haul_finish (Haul    *self,
             GError **error)
{
  if (self->values->len == 0 && self->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return NULL;
    }

  if (self->error != NULL)
    g_warning ("An item of a queue was left out: %s", self->error->message);
  return g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARIANT, (GVariant **) self->values->pdata,
                                                  self->values->len));
}

/* --- In a main loop ------------------------------------------------------- */

typedef struct
{
  Net          net;
  MpRingRecord record;
  Haul         haul;         /* without values: one item is wanted */
  gboolean     has_given_up;
} Getting;

static void
getting_free (gpointer data)
{
  Getting *self = data;

  net_clear (&self->net);
  haul_clear (&self->haul);
  g_free (self);
}

static gboolean
look_patiently (gpointer   object,
                gpointer   data,
                GError   **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (object);
  Getting *self = data;
  guint32 me;
  MpRing *ring = mp_queue_enter (priv, &me, error);
  MpRingResult result;
  guint n = 1;

  if (ring == NULL)
    return TRUE;

  result = cast (ring, me, &self->net, &self->record, &n, NULL, error);
  if (result == MP_RING_AGAIN)
    {
      mp_queue_pass_through (ring, MP_QUEUE_ITEMS, me);
      result = cast (ring, me, &self->net, &self->record, &n, NULL, error);
    }

  if (result != MP_RING_DONE)
    return result != MP_RING_AGAIN;

  mp_queue_note_held (priv, &self->record, 1);
  if (self->haul.values != NULL)
    {
      haul_add (&self->haul, &self->net, &self->record, 1);
      haul_fill (&self->haul, priv, ring, me);
    }
  mp_queue_note_done (priv, MP_QUEUE_ITEMS);
  return TRUE;
}

/* However many locks a stopped process may have, the loop waits for it once. */
static gboolean
look (gpointer   object,
      gpointer   data,
      GError   **error)
{
  MpPatience patience = { 0 };
  gboolean is_over;

  mp_patience_begin (&patience);
  is_over = look_patiently (object, data, error);
  mp_patience_end (&patience);
  return is_over;
}

static gboolean
give_up (gpointer object,
         gpointer data)
{
  ((Getting *) data)->has_given_up = TRUE;
  return FALSE;
}

/* most: of several; 0: one */
static void
start (MpQueue             *self,
       Want                 want,
       gsize                max_length,
       guint                most,
       gdouble              timeout,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data,
       gpointer             tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Getting *getting = g_new0 (Getting, 1);

  getting->net.order = (Order) { want, max_length };
  if (most > 0)
    haul_init (&getting->haul, most);
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, getting, getting_free);
  mp_queue_start_async (task, MP_QUEUE_ITEMS, timeout, look, give_up, getting);
}

static Getting *
finish (MpQueue       *self,
        GAsyncResult  *result,
        gpointer       tag,
        GError       **error)
{
  Getting *getting;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  getting = g_task_get_task_data (G_TASK (result));
  return mp_queue_finish (G_TASK (result), MP_QUEUE_ITEMS, getting->has_given_up, error) ? getting : NULL;
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
  Small small;
  g_auto (Net) net = new_net (WANT_VALUES, 0, &small);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return get_one (self, &net, &record, timeout, cancellable, error) ? to_value (&net, &record, error)
                                                                    : NULL;
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
 * items go to those of one main context in the order of the calls.
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

  start (self, WANT_VALUES, 0, 0, timeout, cancellable, callback, user_data, mp_queue_get_async);
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
  Getting *getting;

  getting = finish (self, result, mp_queue_get_async, error);
  return getting != NULL ? to_value (&getting->net, &getting->record, error) : NULL;
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
  Small small;
  g_auto (Net) net = new_net (WANT_BYTES, max_length, &small);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *length = 0;
  return get_one (self, &net, &record, timeout, cancellable, error) ? to_data (&net, &record, length, error)
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
 * items go to those of one main context in the order of the calls.
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

  start (self, WANT_BYTES, max_length, 0, timeout, cancellable, callback, user_data, mp_queue_get_payload_async);
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
  Getting *getting;

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
  Small small;
  g_auto (Net) net = new_net (WANT_BYTES, max_length, &small);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return get_one (self, &net, &record, timeout, cancellable, error) ? to_bytes (&net, &record, error)
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
 * items go to those of one main context in the order of the calls.
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

  start (self, WANT_BYTES, max_length, 0, timeout, cancellable, callback, user_data, mp_queue_get_bytes_async);
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
  Getting *getting;

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
  Small small;
  g_auto (Net) net = new_net (WANT_ANY, 0, &small);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return get_one (self, &net, &record, timeout, cancellable, error) ? to_message (&net, &record, error)
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
 * items go to those of one main context in the order of the calls.
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

  start (self, WANT_ANY, 0, 0, timeout, cancellable, callback, user_data, mp_queue_get_message_async);
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
  Getting *getting;

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
  Small small;
  g_auto (Net) net = new_net (WANT_ANY, 0, &small);
  MpRingRecord record;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *length = 0;
  return get_one (self, &net, &record, timeout, cancellable, error) ? to_frame (&net, &record, length, error)
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
 * What is no item is left out, with a warning.
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
  g_autoptr (GError) error = NULL;
  Small small;
  g_auto (Net) net = new_net (WANT_ANY, 0, &small);
  MpRingRecord record;
  guint8 *frame;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);

  *length = 0;
  if (!get_one (self, &net, &record, CLAMP (patience, 0, MP_QUEUE_MAX_PATIENCE), NULL, NULL))
    return NULL;

  frame = to_frame (&net, &record, length, &error);
  if (frame == NULL)
    g_warning ("An item of a queue was left out: %s", error->message);
  return frame;
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
 * items go to those of one main context in the order of the calls.
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

  start (self, WANT_ANY, 0, 0, timeout, cancellable, callback, user_data, mp_queue_get_frame_async);
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
  Getting *getting;

  g_return_val_if_fail (length != NULL, NULL);
  *length = 0;

  getting = finish (self, result, mp_queue_get_frame_async, error);
  return getting != NULL ? to_frame (&getting->net, &getting->record, length, error) : NULL;
}

/**
 * mp_queue_get_many:
 * @self: a queue
 * @max: how many at most, not 0
 * @timeout: seconds to wait for the first; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Gets the first items, which are values, with one call: waits for one, and gets with it
 * those that are there already. Others may get some in between.
 *
 * It ends before an item that holds bytes of a codec, which stays the first; if there is none
 * before it, it fails with %MP_ERROR_WRONG_CODEC. What is no item is left out, with a warning, if
 * others are to be had. Else it fails as [method@Mp.Queue.get] does.
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
  MpRingRecord records[AT_ONCE];
  guint n = MIN (max, AT_ONCE), me;
  Large large;
  g_auto (Net) net = { { WANT_VALUES, 0 }, large.bytes, sizeof large.bytes, NULL };
  MpRing *ring;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (max > 0, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!get_records (self, &net, records, &n, timeout, cancellable, error))
    return NULL;

  haul_init (&haul, max);
  haul_add (&haul, &net, records, n);
  ring = mp_queue_store_get_ring (&mp_queue_get_private (self)->store, &me, NULL);
  if (ring != NULL)
    haul_fill (&haul, mp_queue_get_private (self), ring, me);
  return haul_finish (&haul, error);
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
 * items go to those of one main context in the order of the calls.
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
  g_return_if_fail (MP_QUEUE_IS_ONE (self));
  g_return_if_fail (max > 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  start (self, WANT_VALUES, 0, max, timeout, cancellable, callback, user_data, mp_queue_get_many_async);
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
  Getting *getting = finish (self, result, mp_queue_get_many_async, error);

  return getting != NULL ? haul_finish (&getting->haul, error) : NULL;
}
