/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-message-private.h"
#include "mp-result-iterator-private.h"

/**
 * MpResultIterator:
 *
 * The results of a map, one after another as they come: made by
 * [method@Mp.Pool.imap].
 *
 * Each result is handed out once and then forgotten, so that a map may be longer
 * than memory is large. Its items may be given later, too, one by one with
 * [method@Mp.ResultIterator.push_item]: push as many as the workers are to have
 * before them, and one more for each result taken.
 *
 * ```c
 * g_autoptr (MpResultIterator) results = mp_pool_imap (pool, "digest", paths, 0, TRUE, NULL);
 * GVariant *value;
 *
 * while ((value = mp_result_iterator_next (results, -1, NULL, &error)) != NULL)
 *   {
 *     …
 *     g_variant_unref (value);
 *   }
 * if (!mp_result_iterator_is_exhausted (results))
 *   g_printerr ("one of them failed: %s\n", error->message);
 * ```
 *
 * A failed item takes the place of its result as an error, and the iteration may
 * go on after it. Dropping the iterator cancels what is left.
 *
 * Methods may be called from any thread. Those of an iterator that was made by g_object_new(), and not by a
 * pool, fail with %MP_ERROR_INVALID_STATE.
 *
 * Since: 1.0
 */
struct _MpResultIterator
{
  GObject parent_instance;

  MpDispatcher *dispatcher; /* NULL, and no task either: made by g_object_new() */
  MpTask *task; /* guarded by the dispatcher's lock */
};

G_DEFINE_FINAL_TYPE (MpResultIterator, mp_result_iterator, G_TYPE_OBJECT)

static void
mp_result_iterator_dispose (GObject *object)
{
  MpResultIterator *self = MP_RESULT_ITERATOR (object);

  if (self->task != NULL)
    mp_result_iterator_cancel (self);

  G_OBJECT_CLASS (mp_result_iterator_parent_class)->dispose (object);
}

static void
mp_result_iterator_finalize (GObject *object)
{
  MpResultIterator *self = MP_RESULT_ITERATOR (object);

  g_clear_pointer (&self->task, mp_task_unref);
  g_clear_pointer (&self->dispatcher, mp_dispatcher_unref);

  G_OBJECT_CLASS (mp_result_iterator_parent_class)->finalize (object);
}

static void
mp_result_iterator_class_init (MpResultIteratorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mp_result_iterator_dispose;
  object_class->finalize = mp_result_iterator_finalize;
}

static void
mp_result_iterator_init (MpResultIterator *self)
{
}

/*< private >
 * mp_result_iterator_new:
 * @task: an iterated task that is about to be submitted
 */
MpResultIterator *
mp_result_iterator_new (MpDispatcher *dispatcher,
                        MpTask       *task)
{
  MpResultIterator *self = g_object_new (MP_TYPE_RESULT_ITERATOR, NULL);

  self->dispatcher = mp_dispatcher_ref (dispatcher);
  self->task = mp_task_ref (task);
  return self;
}

/* --- taking results --------------------------------------------------------------------------------------- */

static gboolean
can_go_on (gpointer data)
{
  return mp_task_has_next (data) || mp_task_is_exhausted (data);
}

static MpMessage *
take_next_locked (MpTask  *task,
                  GError **error)
{
  if (mp_task_has_next (task))
    return mp_task_take_next (task, error);

  g_propagate_error (error, mp_task_tell_end (task));
  return NULL;
}

/* The worker's word is taken with the lock, and looked at without. */
static MpMessage *
check_take (MpMessage  *message,
            GError    **error)
{
  g_autoptr (MpMessage) taken = message;

  return taken != NULL && mp_message_check_value (taken, error) ? g_steal_pointer (&taken) : NULL;
}

/**
 * mp_result_iterator_next:
 * @self: an iterator
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the map
 * @error: return location for an error
 *
 * Waits for the next result, blocking the calling thread, and takes it. The
 * thread's main context is not run meanwhile.
 *
 * After the last result it fails with %MP_ERROR_CLOSED, and
 * [method@Mp.ResultIterator.is_exhausted] is %TRUE. The error of an item that
 * failed is that of [method@Mp.PoolResult.get]; the item is taken by that.
 * Nothing is taken when the wait fails, with %MP_ERROR_TIMED_OUT,
 * %MP_ERROR_INTERRUPTED, %G_IO_ERROR_CANCELLED or, in a process forked from the
 * one that made the pool, %MP_ERROR_FORKED.
 *
 * With %MP_ERROR_WRONG_CODEC a result was taken that is no GVariant; use
 * [method@Mp.ResultIterator.next_message] where such may come.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_result_iterator_next (MpResultIterator  *self,
                         gdouble            timeout,
                         GCancellable      *cancellable,
                         GError           **error)
{
  return mp_message_open_taken (mp_result_iterator_next_message (self, timeout, cancellable, error), error);
}

/**
 * mp_result_iterator_next_message:
 * @self: an iterator
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the map
 * @error: return location for an error
 *
 * Waits for the next result and takes it, like [method@Mp.ResultIterator.next],
 * whatever its codec, with what is attached to it.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_result_iterator_next_message (MpResultIterator  *self,
                                 gdouble            timeout,
                                 GCancellable      *cancellable,
                                 GError           **error)
{
  MpMessage *message = NULL;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_dispatcher_check_origin (self->dispatcher, error))
    return NULL;

  mp_dispatcher_lock (self->dispatcher);
  if (mp_pump_wait_locked (mp_dispatcher_get_pump (self->dispatcher), can_go_on, self->task,
                           mp_deadline_from_timeout (timeout), cancellable, error))
    message = take_next_locked (self->task, error);
  mp_dispatcher_unlock (self->dispatcher);
  return check_take (message, error);
}

/* What an asynchronous wait is given. */
typedef struct
{
  MpTask *task;
  MpMessage *message;
} Next;

static void
next_free (gpointer data)
{
  Next *self = data;

  g_clear_object (&self->message);
  g_clear_pointer (&self->task, mp_task_unref);
  g_free (self);
}

static gboolean
try_next (gpointer   data,
          GError   **error)
{
  Next *self = data;

  if (!can_go_on (self->task))
    return FALSE;

  self->message = take_next_locked (self->task, error);
  return TRUE;
}

static void
next_async (MpResultIterator    *self,
            gdouble              timeout,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data,
            gpointer             source_tag,
            const char          *name)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Next *next = g_new0 (Next, 1);
  GError *error = NULL;

  next->task = self->task != NULL ? mp_task_ref (self->task) : NULL;
  g_task_set_task_data (task, next, next_free);
  g_task_set_name (task, name);
  g_task_set_source_tag (task, source_tag);
  if (!mp_dispatcher_check_origin (self->dispatcher, &error))
    {
      mp_outbox_return_error (task, error);
      return;
    }

  mp_dispatcher_lock (self->dispatcher);
  mp_task_add_waiter (self->task, mp_dispatcher_get_pump (self->dispatcher), task,
                      mp_deadline_from_timeout (timeout), try_next, next);
  mp_dispatcher_unlock (self->dispatcher);
}

static MpMessage *
next_finish (GAsyncResult  *result,
             GError       **error)
{
  Next *next = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;

  return check_take (g_steal_pointer (&next->message), error);
}

/**
 * mp_result_iterator_next_async:
 * @self: an iterator
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the map
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Waits for the next result: see [method@Mp.ResultIterator.next]. Several waits
 * at a time get their results in the order in which they began.
 *
 * Since: 1.0
 */
void
mp_result_iterator_next_async (MpResultIterator    *self,
                               gdouble              timeout,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (MP_IS_RESULT_ITERATOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  next_async (self, timeout, cancellable, callback, user_data, mp_result_iterator_next_async, G_STRFUNC);
}

/**
 * mp_result_iterator_next_finish:
 * @self: an iterator
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.ResultIterator.next_async] began.
 *
 * Returns: (transfer full): the value; errors are those of [method@Mp.ResultIterator.next]
 *
 * Since: 1.0
 */
GVariant *
mp_result_iterator_next_finish (MpResultIterator  *self,
                                GAsyncResult      *result,
                                GError           **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_result_iterator_next_async), NULL);

  return mp_message_open_taken (next_finish (result, error), error);
}

/**
 * mp_result_iterator_next_message_async:
 * @self: an iterator
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the map
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Waits for the next result: see [method@Mp.ResultIterator.next_message].
 *
 * Since: 1.0
 */
void
mp_result_iterator_next_message_async (MpResultIterator    *self,
                                       gdouble              timeout,
                                       GCancellable        *cancellable,
                                       GAsyncReadyCallback  callback,
                                       gpointer             user_data)
{
  g_return_if_fail (MP_IS_RESULT_ITERATOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  next_async (self, timeout, cancellable, callback, user_data, mp_result_iterator_next_message_async, G_STRFUNC);
}

/**
 * mp_result_iterator_next_message_finish:
 * @self: an iterator
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.ResultIterator.next_message_async] began.
 *
 * Returns: (transfer full): the message; errors are those of [method@Mp.ResultIterator.next]
 *
 * Since: 1.0
 */
MpMessage *
mp_result_iterator_next_message_finish (MpResultIterator  *self,
                                        GAsyncResult      *result,
                                        GError           **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_result_iterator_next_message_async), NULL);

  return next_finish (result, error);
}

/**
 * mp_result_iterator_is_exhausted:
 * @self: an iterator
 *
 * Tells the end from an item that failed with the same error.
 *
 * Returns: whether the iterator has said that there are no more results
 *
 * Since: 1.0
 */
gboolean
mp_result_iterator_is_exhausted (MpResultIterator *self)
{
  gboolean exhausted;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), TRUE);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return TRUE;

  mp_dispatcher_lock (self->dispatcher);
  exhausted = self->task->end_was_told;
  mp_dispatcher_unlock (self->dispatcher);
  return exhausted;
}

/**
 * mp_result_iterator_get_report:
 * @self: an iterator
 *
 * Gets what the function said of itself that failed last of those taken: see
 * [method@Mp.PoolResult.get_report].
 *
 * Returns: (transfer full) (nullable): the report, of type `(sissssay)`, or %NULL if the item taken
 *   last did not fail by its function
 *
 * Since: 1.0
 */
GVariant *
mp_result_iterator_get_report (MpResultIterator *self)
{
  GVariant *report = NULL;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), NULL);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return NULL;

  mp_dispatcher_lock (self->dispatcher);
  if (self->task->failure != NULL && self->task->failure->report != NULL)
    report = g_variant_ref (self->task->failure->report);
  mp_dispatcher_unlock (self->dispatcher);
  return report;
}

/* --- giving items ----------------------------------------------------------------------------------------- */

/**
 * mp_result_iterator_push_item:
 * @self: an iterator of a map whose items are pushed
 * @item: the argument of one call. A floating reference is sunk.
 * @error: return location for an error
 *
 * Adds an item. It may be begun at once.
 *
 * Fails with %MP_ERROR_CLOSED when the items have been finished, the map was
 * cancelled or the pool was closed, and with %MP_ERROR_WRONG_CODEC when the items
 * before it have another codec. Nothing was added then.
 *
 * Returns: whether the item was added
 *
 * Since: 1.0
 */
gboolean
mp_result_iterator_push_item (MpResultIterator  *self,
                              GVariant          *item,
                              GError           **error)
{
  g_autoptr (MpMessage) message = NULL;

  g_return_val_if_fail (item != NULL, FALSE);

  message = mp_message_new (item);
  return mp_result_iterator_push_message (self, message, error);
}

/**
 * mp_result_iterator_push_message:
 * @self: an iterator of a map whose items are pushed
 * @item: the argument of one call
 * @error: return location for an error
 *
 * Adds an item of any codec: see [method@Mp.ResultIterator.push_item].
 *
 * Shared objects and descriptors can be attached to it if the map was begun with a chunk
 * size of 1; else it fails with %MP_ERROR_NOT_SHAREABLE.
 *
 * Returns: whether the item was added
 *
 * Since: 1.0
 */
gboolean
mp_result_iterator_push_message (MpResultIterator  *self,
                                 MpMessage         *item,
                                 GError           **error)
{
  gboolean ok;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), FALSE);
  g_return_val_if_fail (MP_IS_MESSAGE (item), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mp_dispatcher_check_origin (self->dispatcher, error) || !mp_message_check_value (item, error))
    return FALSE;

  mp_dispatcher_lock (self->dispatcher);
  ok = mp_dispatcher_append_locked (self->dispatcher, self->task, item, error);
  mp_dispatcher_unlock (self->dispatcher);
  return ok;
}

/**
 * mp_result_iterator_finish_items:
 * @self: an iterator
 *
 * Says that there are no more items: after their results the iteration ends.
 * Without effect for a map that got all its items at once.
 *
 * Since: 1.0
 */
void
mp_result_iterator_finish_items (MpResultIterator *self)
{
  g_return_if_fail (MP_IS_RESULT_ITERATOR (self));

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return;

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_finish_locked (self->dispatcher, self->task);
  mp_dispatcher_unlock (self->dispatcher);
}

/**
 * mp_result_iterator_cancel:
 * @self: an iterator
 *
 * Asks for the end of the map, like [method@Mp.PoolResult.cancel]. Items that are
 * cancelled are handed out as %G_IO_ERROR_CANCELLED.
 *
 * Since: 1.0
 */
void
mp_result_iterator_cancel (MpResultIterator *self)
{
  g_return_if_fail (MP_IS_RESULT_ITERATOR (self));

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return;

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_cancel_locked (self->dispatcher, self->task);
  mp_dispatcher_unlock (self->dispatcher);
}

/**
 * mp_result_iterator_to_string:
 * @self: an iterator
 *
 * Describes the iterator for people. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_result_iterator_to_string (MpResultIterator *self)
{
  guint64 n_taken, n_items;

  g_return_val_if_fail (MP_IS_RESULT_ITERATOR (self), NULL);

  if (self->task == NULL)
    return g_strdup ("<Mp.ResultIterator of no pool>");
  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return g_strdup ("<Mp.ResultIterator of another process>");

  mp_dispatcher_lock (self->dispatcher);
  n_taken = self->task->cursor;
  n_items = self->task->scheduled.n_items;
  mp_dispatcher_unlock (self->dispatcher);
  return g_strdup_printf ("<Mp.ResultIterator %s taken=%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT ">",
                          self->task->name != NULL ? self->task->name : self->task->target, n_taken, n_items);
}
