/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-item-private.h"
#include "mp-joinable-queue.h"
#include "mp-outbox-private.h"
#include "mp-queue-private.h"

/**
 * MpJoinableQueue:
 *
 * A queue whose items are tasks: each that is got is to be acknowledged when it is done, and
 * one can wait until all are.
 *
 * Whoever has got an item calls [method@Mp.JoinableQueue.task_done] when it is done with
 * it. [method@Mp.JoinableQueue.join] waits until that has happened for everything that was
 * put.
 *
 * The queue keeps what was got until then, with whom. What a process held that dies is not
 * forgotten: with [property@Mp.JoinableQueue:redelivery] others get it, before all else;
 * without it is lost, which [signal@Mp.JoinableQueue::item-lost] and
 * [method@Mp.JoinableQueue.take_lost] tell with what it was, and
 * nobody waits for it any more. So a process killed in the midst of a task keeps nobody in
 * a join for ever. Nor does one that drops its last reference to the queue's object before it is
 * done with what it got by that: it gives all of it back then, as if it had died.
 *
 * Up to 1024 items can be in the hands of all processes together. An item costs two calls of
 * the system more than one of a [class@Mp.Queue].
 *
 * A joinable queue may be used by all threads.
 *
 * Since: 1.0
 */
struct _MpJoinableQueue
{
  MpQueue parent_instance;

  /* Of a long item that is lost, of which the signal is to tell; used in the main context, as what follows */
  MpRingRecord lost;
  guint8      *lost_bytes;    /* NULL: there is none */
  guint32      n_lost_read;
  GError      *lost_failure;  /* NULL: it could be read so far */

  guint64      lost_begin;    /* what was put before this is not told of yet: there is no memory for it */
  gboolean     lacks_memory;  /* likewise, also the last time that it looked at all; it has warned of that */
  MpHoldUp     hold_up;
  gboolean     has_warned;    /* of that */
};

static void mp_joinable_queue_shareable_init (MpShareableInterface *iface);

static MpShareableInterface *parent_shareable;

G_DEFINE_FINAL_TYPE_WITH_CODE (MpJoinableQueue, mp_joinable_queue, MP_TYPE_QUEUE,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_joinable_queue_shareable_init))

enum
{
  PROP_0,
  PROP_REDELIVERY,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static gint64 tell_lost (MpQueue *queue);

static const MpQueueKind joinable_kind = { .name = "JoinableQueue", .tell_lost = tell_lost };

static guint item_lost_signal;

#define WHAT "Not all items were done"

static MpQueuePrivate *
get_private (MpJoinableQueue *self)
{
  return mp_queue_get_private (MP_QUEUE (self));
}

/* --- Life ----------------------------------------------------------------- */

static void
mp_joinable_queue_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_REDELIVERY:
      g_value_set_boolean (value, mp_joinable_queue_get_redelivery (MP_JOINABLE_QUEUE (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_joinable_queue_set_property (GObject      *object,
                                guint         prop_id,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_REDELIVERY:
      get_private (MP_JOINABLE_QUEUE (object))->flags =
        MP_RING_HOLDS | (g_value_get_boolean (value) ? MP_RING_REDELIVERS : 0);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_joinable_queue_finalize (GObject *object)
{
  MpJoinableQueue *self = MP_JOINABLE_QUEUE (object);

  g_free (self->lost_bytes);
  g_clear_error (&self->lost_failure);

  G_OBJECT_CLASS (mp_joinable_queue_parent_class)->finalize (object);
}

static void
mp_joinable_queue_class_init (MpJoinableQueueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  MP_QUEUE_CLASS (klass)->kind = &joinable_kind;
  object_class->finalize = mp_joinable_queue_finalize;
  object_class->get_property = mp_joinable_queue_get_property;
  object_class->set_property = mp_joinable_queue_set_property;

  /**
   * MpJoinableQueue:redelivery:
   *
   * Whether others get what a process held that died. A task that kills whoever has it
   * kills all of them then.
   *
   * Since: 1.0
   */
  properties[PROP_REDELIVERY] =
    g_param_spec_boolean ("redelivery", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * MpJoinableQueue::item-lost:
   * @self: the queue
   * @item: what it was
   *
   * A process died, or let go of the queue, before it was done with an item, while the queue
   * is [property@Mp.Queue:live] and has no [property@Mp.JoinableQueue:redelivery].
   *
   * Is emitted in [property@Mp.Queue:main-context], once for each item, in one of the
   * processes that listen, or that call [method@Mp.JoinableQueue.take_lost]. There is nothing
   * to acknowledge. What was lost before anybody listened is told first. An item for which
   * there is no memory stays lost, and is told when there is some.
   *
   * Since: 1.0
   */
  item_lost_signal =
    g_signal_new ("item-lost",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, MP_TYPE_MESSAGE);
  mp_queue_watch_lost (item_lost_signal);
}

static void
mp_joinable_queue_init (MpJoinableQueue *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "joinable-queue"

static MpShareable *
mp_joinable_queue_unpack (MpUnpacking  *unpacking,
                          GVariant     *description,
                          int          *fds,
                          guint         n_fds,
                          GError      **error)
{
  return mp_queue_unpack_kind (MP_TYPE_JOINABLE_QUEUE, TRUE, unpacking, description, fds, n_fds, error);
}

static GVariant *
mp_joinable_queue_pack (MpShareable  *shareable,
                        MpPacking    *packing,
                        GError      **error)
{
  return parent_shareable->pack (shareable, packing, error);
}

static char *
mp_joinable_queue_to_string (MpShareable *shareable)
{
  return parent_shareable->to_string (shareable);
}

static void
mp_joinable_queue_shareable_init (MpShareableInterface *iface)
{
  parent_shareable = g_type_interface_peek_parent (iface);
  iface->kind = KIND;
  iface->pack = mp_joinable_queue_pack;
  iface->to_string = mp_joinable_queue_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_joinable_queue_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_joinable_queue_new:
 * @max_size: how many items there can be at a time; 0 for any number
 *
 * Makes an empty queue, without redelivery.
 *
 * Returns: (transfer full): the queue
 *
 * Since: 1.0
 */
MpJoinableQueue *
mp_joinable_queue_new (guint max_size)
{
  return g_object_new (MP_TYPE_JOINABLE_QUEUE, "max-size", max_size, NULL);
}

/**
 * mp_joinable_queue_get_redelivery:
 * @self: a queue
 *
 * Gets [property@Mp.JoinableQueue:redelivery].
 *
 * Returns: whether others get what a process held that died
 *
 * Since: 1.0
 */
gboolean
mp_joinable_queue_get_redelivery (MpJoinableQueue *self)
{
  g_return_val_if_fail (MP_IS_JOINABLE_QUEUE (self), FALSE);

  return (get_private (self)->store.ring.flags & MP_RING_REDELIVERS) != 0;
}

/**
 * mp_joinable_queue_task_done:
 * @self: a queue
 * @error: return location for an error
 *
 * Says that an item is done which this process has got: the oldest one for which it was
 * not said yet. Whatever was got is to be acknowledged by this method once; what a get has failed
 * for, since it is no item, is not.
 *
 * Fails with %MP_ERROR_INVALID_STATE if this process has got no item for which it was not
 * said. May be called from any thread, and after [method@Mp.Queue.close], too.
 *
 * Returns: whether there was such an item
 *
 * Since: 1.0
 */
gboolean
mp_joinable_queue_task_done (MpJoinableQueue  *self,
                             GError          **error)
{
  g_return_val_if_fail (MP_IS_JOINABLE_QUEUE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mp_queue_acknowledge (get_private (self), error);
}

/**
 * mp_joinable_queue_join:
 * @self: a queue
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits until all items that were put have been got and are done.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED.
 *
 * Returns: whether all are done
 *
 * Since: 1.0
 */
gboolean
mp_joinable_queue_join (MpJoinableQueue  *self,
                        gdouble           timeout,
                        GCancellable     *cancellable,
                        GError          **error)
{
  MpBlockingWait wait;
  gboolean is_done;
  MpRing *ring;
  guint32 me;

  g_return_val_if_fail (MP_IS_JOINABLE_QUEUE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ring = mp_queue_store_get_ring (&get_private (self)->store, &me, error);
  if (ring == NULL || !mp_blocking_wait_begin (&wait, timeout, cancellable, error))
    return FALSE;

  is_done = mp_ring_wait_done (ring, wait.wait);
  mp_blocking_wait_end (&wait);
  if (!is_done)
    mp_blocking_wait_fail (&wait, WHAT, error);
  return is_done;
}

static gboolean
look (gpointer   object,
      gpointer   data,
      GError   **error)
{
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&get_private (object)->store, &me, error);

  return ring == NULL || mp_ring_is_done (ring);
}

/**
 * mp_joinable_queue_join_async:
 * @self: a queue
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until all items that were put have been got and are done, without blocking.
 *
 * @callback is called in the caller's thread-default main context, never before this call
 * returned. An idle wait costs nothing.
 *
 * Since: 1.0
 */
void
mp_joinable_queue_join_async (MpJoinableQueue     *self,
                              gdouble              timeout,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  GError *error = NULL;
  MpRing *ring;
  GTask *task;
  guint32 me;

  g_return_if_fail (MP_IS_JOINABLE_QUEUE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_joinable_queue_join_async);

  ring = mp_queue_store_get_ring (&get_private (self)->store, &me, &error);
  if (ring == NULL)
    mp_outbox_return_error (task, error);
  else
    mp_async_wait_start (task, ring->table, &ring->layout->take.bell, WHAT, timeout, look, NULL, NULL, NULL);
}

/**
 * mp_joinable_queue_join_finish:
 * @self: a queue
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.JoinableQueue.join_async], and fails as
 * [method@Mp.JoinableQueue.join] does.
 *
 * Returns: whether all are done
 *
 * Since: 1.0
 */
gboolean
mp_joinable_queue_join_finish (MpJoinableQueue  *self,
                               GAsyncResult     *result,
                               GError          **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- Lost items ----------------------------------------------------------- */

/* Takes the bytes. */
static MpMessage *
make_message (const MpRingRecord  *record,
              guint8              *bytes_taken,
              GError             **error)
{
  g_autofree guint8 *bytes = bytes_taken;
  g_autoptr (GBytes) body = NULL;
  MpItemHead head;

  if (!mp_item_read_head (&head, record, error))
    return NULL;

  body = g_bytes_new_take (g_steal_pointer (&bytes), head.body_length);
  return mp_message_new_received (head.codec, body, NULL, NULL, 0, error);
}

static void
set_no_memory (const MpRingRecord  *record,
               GError             **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "There is no memory for the %u bytes of a lost item, which stays lost", record->length);
}

/* Returns: MP_RING_UNWANTED if the next one is not wanted, of which the record tells */
static MpRingResult
take_lost (MpRing      *ring,
           guint32      me,
           MpRingHaul  *haul,
           MpMessage  **message,
           GError     **error)
{
  g_autofree guint8 *bytes = NULL;
  MpRingRecord *record = haul->records;
  MpRingResult result;

  while ((result = mp_ring_take_lost (ring, me, haul, error)) == MP_RING_NO_ROOM)
    {
      g_free (bytes);
      bytes = g_try_malloc (record->length);
      if (bytes == NULL)
        {
          set_no_memory (record, error);
          return MP_RING_FAILED;
        }

      haul->data = bytes;
      haul->room = record->length;
    }

  if (result == MP_RING_AGAIN)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_EMPTY, "No item of the queue is lost");
  if (result != MP_RING_DONE)
    return result;

  *message = make_message (record, g_steal_pointer (&bytes), error);
  mp_ring_acknowledge (ring, me, &record->extent);
  return result;
}

/**
 * mp_joinable_queue_take_lost:
 * @self: a queue without redelivery
 * @error: return location for an error
 *
 * Takes an item that a process had got and that was not done when it died. Each of them
 * can be taken once, by whatever process asks first; there is nothing to acknowledge.
 *
 * It does not wait: fails with %MP_ERROR_EMPTY if nothing is lost. A death is known to all
 * some milliseconds later at most. Fails with %MP_ERROR_TOO_BIG if there is no memory for the
 * item, which stays lost then.
 *
 * Returns: (transfer full): the item
 *
 * Since: 1.0
 */
MpMessage *
mp_joinable_queue_take_lost (MpJoinableQueue  *self,
                             GError          **error)
{
  MpMessage *message = NULL;
  MpRingRecord record;
  MpRingHaul haul = { NULL, 0, &record, 1 };
  MpRing *ring;
  guint32 me;

  g_return_val_if_fail (MP_IS_JOINABLE_QUEUE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  ring = mp_queue_store_get_ring (&get_private (self)->store, &me, error);
  if (ring != NULL)
    take_lost (ring, me, &haul, &message, error);
  return message;
}

/* --- In a main loop ------------------------------------------------------- */

/* A long item is read in parts, one each time, and taken when all of it is there: until then it is lost still, so that
 * nobody waits for this loop, and who asks may have it.  What nobody has taken, nobody has changed.
 */

static gboolean
is_short (const MpRingRecord *record,
          gconstpointer       ring)
{
  return !mp_ring_is_long ((MpRing *) ring, record);
}

static gboolean
is_read (const MpRingRecord *record,
         gconstpointer       data)
{
  const MpRingRecord *read = data;

  return record->extent.place == read->extent.place && record->extent.ticket == read->extent.ticket &&
         record->length == read->length && record->kind == read->kind;
}

static gboolean
begin_to_read (MpJoinableQueue     *self,
               const MpRingRecord  *record,
               GError             **error)
{
  self->lost_bytes = g_try_malloc (record->length);
  self->n_lost_read = 0;
  self->lost = *record;
  self->lost.data = self->lost_bytes;
  if (self->lost_bytes != NULL)
    return TRUE;

  set_no_memory (record, error);
  return FALSE;
}

/* What this process could not read nobody can, and so it is taken all the same, and gone. */
static MpMessage *
take_read (MpJoinableQueue  *self,
           MpRing           *ring,
           guint32           me,
           gboolean         *goes_on,
           GError          **error)
{
  MpRingRecord record;
  MpRingHaul haul = {
    self->lost_bytes, self->lost.length, &record, 1, is_read, &self->lost, TRUE, .begin = self->lost_begin,
  };
  MpRingResult result = mp_ring_take_lost (ring, me, &haul, error);
  g_autoptr (GError) failure = NULL;
  g_autofree guint8 *bytes = NULL;
  MpMessage *message = NULL;

  /* Then it is all there the next time. */
  if (result == MP_RING_FAILED && g_error_matches (*error, MP_ERROR, MP_ERROR_TIMED_OUT))
    return NULL;

  bytes = g_steal_pointer (&self->lost_bytes);
  failure = g_steal_pointer (&self->lost_failure);
  *goes_on = result != MP_RING_FAILED;   /* also if another has it */
  if (result != MP_RING_DONE)
    return NULL;

  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    message = make_message (&self->lost, g_steal_pointer (&bytes), error);
  mp_ring_acknowledge (ring, me, &record.extent);
  return message;
}

static MpMessage *
read_on (MpJoinableQueue  *self,
         MpRing           *ring,
         guint32           me,
         gboolean         *goes_on,
         GError          **error)
{
  /* If it fails that is the end of it, too. */
  if (self->lost.is_elsewhere)
    mp_ring_read_some (ring, me, &self->lost, &self->n_lost_read, &self->lost_failure);

  *goes_on = self->lost.is_elsewhere;
  return *goes_on ? NULL : take_read (self, ring, me, goes_on, error);
}

/* `goes_on`: whether there may be more, which there is not where the queue itself is rubbish */
static MpMessage *
take_next (MpJoinableQueue  *self,
           gboolean         *goes_on,
           GError          **error)
{
  MpMessage *message = NULL;
  MpRingResult result;
  MpRingRecord record;
  MpRingHaul haul;
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&get_private (self)->store, &me, error);

  *goes_on = FALSE;
  if (ring == NULL)
    return NULL;

  if (self->lost_bytes != NULL)
    return read_on (self, ring, me, goes_on, error);

  haul = (MpRingHaul) { NULL, 0, &record, 1, is_short, ring, .begin = self->lost_begin };
  result = take_lost (ring, me, &haul, &message, error);
  if (result == MP_RING_UNWANTED && begin_to_read (self, &record, error))
    return read_on (self, ring, me, goes_on, error);

  if (g_error_matches (*error, MP_ERROR, MP_ERROR_TOO_BIG))
    self->lost_begin = haul.position + 1;
  *goes_on = result == MP_RING_DONE || g_error_matches (*error, MP_ERROR, MP_ERROR_TOO_BIG);
  return message;
}

static MpMessage *
take_for_a_moment (MpJoinableQueue  *self,
                   gboolean         *goes_on,
                   GError          **error)
{
  MpPatience patience;
  MpMessage *message;

  mp_hold_up_begin_look (&self->hold_up, &patience);
  message = take_next (self, goes_on, error);
  mp_patience_end (&patience);
  return message;
}

/* Until it looks again at what nothing tells of: after it has warned. */
#define PAUSE G_USEC_PER_SEC

/* Returns: when to look again, if somebody holds it up */
static gint64
hold_on (MpJoinableQueue  *self,
         GError          **error)
{
  if (mp_hold_up_note (&self->hold_up, *error != NULL, error))
    return self->hold_up.next_try;

  if (self->hold_up.since == 0)
    {
      self->has_warned = FALSE;
      return MP_DEADLINE_NEVER;
    }

  if (!self->has_warned)
    g_warning ("A queue cannot tell what is lost: %s", (*error)->message);
  self->has_warned = TRUE;
  return g_get_monotonic_time () + PAUSE;
}

/* What is no item is told of as little as by others that get. */
static void
warn (MpJoinableQueue *self,
      const GError    *error)
{
  if (g_error_matches (error, MP_ERROR, MP_ERROR_CORRUPTED))
    g_warning ("A lost item of a queue was left out: %s", error->message);
  else if (g_error_matches (error, MP_ERROR, MP_ERROR_TOO_BIG) && !self->lacks_memory)
    {
      g_warning ("A queue will tell later of what is lost: %s", error->message);
      self->lacks_memory = TRUE;
    }
}

/* When all are told of for which there is memory.  Returns: when to look at the others */
static gint64
begin_again (MpJoinableQueue *self)
{
  if (self->lost_begin == 0)
    {
      self->lacks_memory = FALSE;
      return MP_DEADLINE_NEVER;
    }

  self->lost_begin = 0;
  return g_get_monotonic_time () + PAUSE;
}

static gint64
tell_lost (MpQueue *queue)
{
  MpJoinableQueue *self = MP_JOINABLE_QUEUE (queue);
  g_autoptr (GError) error = NULL;
  gboolean goes_on;
  g_autoptr (MpMessage) item = take_for_a_moment (self, &goes_on, &error);
  gint64 time = hold_on (self, &error);

  if (time != MP_DEADLINE_NEVER)
    return time;

  if (item != NULL)
    g_signal_emit (queue, item_lost_signal, 0, item);
  else
    warn (self, error);

  if (goes_on)
    return MP_DEADLINE_NOW;

  return g_error_matches (error, MP_ERROR, MP_ERROR_EMPTY) ? begin_again (self) : MP_DEADLINE_NEVER;
}
