/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* How a task ended: waiting for that, and what came of it. */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-message-private.h"
#include "mp-pool-result-base-private.h"

/* --- waiting ---------------------------------------------------------------------------------------------- */

/* The end has been seen by who wanted to see it: the delivery is spared if
 * nobody else listens.  Returns the task's reference, for the caller to drop.
 */
static MpPoolResult *
spare_delivery_locked (MpPoolResult *self)
{
  if (!mp_task_has_ended (self->task) || self->task->result == NULL || mp_pool_result_is_watched (self))
    return NULL;

  mp_dispatcher_take_task_news_locked (self->dispatcher, self->task);
  return g_steal_pointer (&self->task->result);
}

static gboolean
has_ended (gpointer task)
{
  return mp_task_has_ended (task);
}

/**
 * mp_pool_result_wait:
 * @self: a result
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the task
 * @error: return location for an error
 *
 * Waits until the task has ended, well or not, blocking the calling thread. The
 * thread's main context is not run meanwhile.
 *
 * Fails with %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED, %G_IO_ERROR_CANCELLED
 * and, in a process forked from the one that made the pool, %MP_ERROR_FORKED.
 *
 * Returns: %TRUE when the task has ended
 *
 * Since: 1.0
 */
gboolean
mp_pool_result_wait (MpPoolResult  *self,
                     gdouble        timeout,
                     GCancellable  *cancellable,
                     GError       **error)
{
  g_autoptr (MpPoolResult) spared = NULL;
  gboolean ok;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mp_dispatcher_check_origin (self->dispatcher, error))
    return FALSE;

  mp_dispatcher_lock (self->dispatcher);
  ok = mp_pump_wait_locked (mp_dispatcher_get_pump (self->dispatcher), has_ended, self->task,
                            mp_deadline_from_timeout (timeout), cancellable, error);
  spared = spare_delivery_locked (self);
  mp_dispatcher_unlock (self->dispatcher);
  return ok;
}

static gboolean
is_over (gpointer   task,
         GError   **error)
{
  return mp_task_has_ended (task);
}

static void
wait_async (MpPoolResult        *self,
            gdouble              timeout,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data,
            gpointer             source_tag,
            const char          *name)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_name (task, name);
  g_task_set_source_tag (task, source_tag);
  if (!mp_dispatcher_check_origin (self->dispatcher, &error))
    {
      mp_outbox_return_error (task, error);
      return;
    }

  mp_dispatcher_lock (self->dispatcher);
  mp_task_add_waiter (self->task, mp_dispatcher_get_pump (self->dispatcher), task,
                      mp_deadline_from_timeout (timeout), is_over, self->task);
  mp_dispatcher_unlock (self->dispatcher);
}

/**
 * mp_pool_result_wait_async:
 * @self: a result
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the task
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Waits until the task has ended, well or not: see [method@Mp.PoolResult.wait].
 *
 * Since: 1.0
 */
void
mp_pool_result_wait_async (MpPoolResult        *self,
                           gdouble              timeout,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (MP_IS_POOL_RESULT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  wait_async (self, timeout, cancellable, callback, user_data, mp_pool_result_wait_async, G_STRFUNC);
}

/**
 * mp_pool_result_wait_finish:
 * @self: a result
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.PoolResult.wait_async] began.
 *
 * Returns: %TRUE when the task has ended; errors are those of [method@Mp.PoolResult.wait]
 *
 * Since: 1.0
 */
gboolean
mp_pool_result_wait_finish (MpPoolResult  *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_pool_result_wait_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- what came of it -------------------------------------------------------------------------------------- */

/**
 * mp_pool_result_get:
 * @self: a result
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the task
 * @error: return location for an error
 *
 * Waits until the task has ended, as [method@Mp.PoolResult.wait] does, and gets
 * what it returned: of a single call the function's value, of a map an array of
 * variants (`av`) with the value of each item, in the order of the items. A handle in
 * it belongs to [method@Mp.PoolResult.get_message].
 *
 * With %MP_ERROR_TIMED_OUT the time of the wait has run out. The task goes on, and
 * can be waited for again; [method@Mp.PoolResult.cancel] asks for its end.
 *
 * Besides the errors of the wait, fails with that of the function (in its own
 * domain if it is known here or is one of this program's, else %MP_ERROR_REMOTE;
 * [method@Mp.PoolResult.get_report] has more), with %MP_ERROR_WORKER_LOST when
 * the worker died that ran it, with
 * %G_IO_ERROR_CANCELLED when it was cancelled, %MP_ERROR_CLOSED when the pool
 * took no more tasks, and when no worker could be started with the reason of
 * that. A map fails with the error of its first item (by index) that failed.
 * With %MP_ERROR_CORRUPTED the worker sent what is not a value: the task has
 * failed then, though [property@Mp.PoolResult:state] may not have said so before.
 * With %MP_ERROR_WRONG_CODEC the task ended well, but returned what is no
 * GVariant: take it with [method@Mp.PoolResult.get_message].
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_pool_result_get (MpPoolResult  *self,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  if (!mp_pool_result_wait (self, timeout, cancellable, error))
    return NULL;

  return mp_message_open_taken (mp_dispatcher_dup_result (self->dispatcher, self->task, self, error), error);
}

/**
 * mp_pool_result_get_async:
 * @self: a result
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait, not the task
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Waits until the task has ended: see [method@Mp.PoolResult.get]. When the time runs
 * out only the wait has ended, and the task goes on.
 *
 * Since: 1.0
 */
void
mp_pool_result_get_async (MpPoolResult        *self,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_return_if_fail (MP_IS_POOL_RESULT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  wait_async (self, timeout, cancellable, callback, user_data, mp_pool_result_get_async, G_STRFUNC);
}

/**
 * mp_pool_result_get_finish:
 * @self: a result
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.PoolResult.get_async] began.
 *
 * Returns: (transfer full): the value, as [method@Mp.PoolResult.get] returns it; errors are that
 *   method's too
 *
 * Since: 1.0
 */
GVariant *
mp_pool_result_get_finish (MpPoolResult  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_pool_result_get_async), NULL);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;

  return mp_message_open_taken (mp_dispatcher_dup_result (self->dispatcher, self->task, self, error), error);
}

/* What has ended does not change, and is looked at without the lock. */
static gboolean
check_ended (MpPoolResult  *self,
             guint          index,
             GError       **error)
{
  gboolean has_item, has_item_ended;

  if (!mp_dispatcher_check_origin (self->dispatcher, error))
    return FALSE;

  mp_dispatcher_lock (self->dispatcher);
  has_item = index < self->task->scheduled.n_items;
  has_item_ended = has_item && mp_task_has_item_ended (self->task, index);
  mp_dispatcher_unlock (self->dispatcher);

  if (!has_item)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The task has no item %u", index);
  else if (!has_item_ended)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "Item %u of the task has not ended", index);
  return has_item_ended;
}

/**
 * mp_pool_result_get_message:
 * @self: a result
 * @error: return location for an error
 *
 * Gets what the task returned, whatever its codec, with what is attached to it.
 * Does not wait: fails with %MP_ERROR_INVALID_STATE while the task has not
 * ended, and otherwise as [method@Mp.PoolResult.get] does.
 *
 * Of a map it is made of the items' results: an array of variants (`av`), to
 * which all is attached that is attached to one of them, and whose handles say
 * so; or, when they have all the same other codec, bytes in that codec that are
 * a serialised GVariant of type `aay`, each element the bytes of one result: what
 * is attached to those is to be had with
 * [method@Mp.PoolResult.get_item_message] only. When they have several codecs it
 * fails with %MP_ERROR_WRONG_CODEC.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_pool_result_get_message (MpPoolResult  *self,
                            GError       **error)
{
  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_dispatcher_check_origin (self->dispatcher, error))
    return NULL;

  if (!mp_pool_result_is_ready (self))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The task has not ended");
      return NULL;
    }

  return mp_dispatcher_dup_result (self->dispatcher, self->task, self, error);
}

/**
 * mp_pool_result_get_item:
 * @self: the result of a map
 * @index: an item
 * @error: return location for an error
 *
 * Gets the value that one item of a map has, which need not have ended as a
 * whole. Does not wait.
 *
 * Fails with %MP_ERROR_INVALID_STATE when the item has not ended or there is no
 * such item, and otherwise as [method@Mp.PoolResult.get] does.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_pool_result_get_item (MpPoolResult  *self,
                         guint          index,
                         GError       **error)
{
  return mp_message_open_taken (mp_pool_result_get_item_message (self, index, error), error);
}

/**
 * mp_pool_result_get_item_message:
 * @self: the result of a map
 * @index: an item
 * @error: return location for an error
 *
 * Gets what one item of a map returned, whatever its codec, with what is attached
 * to it: see [method@Mp.PoolResult.get_item].
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_pool_result_get_item_message (MpPoolResult  *self,
                                 guint          index,
                                 GError       **error)
{
  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_ended (self, index, error))
    return NULL;

  return mp_dispatcher_dup_item (self->dispatcher, self->task, index, self, error);
}

/**
 * mp_pool_result_get_report:
 * @self: a result
 *
 * Gets what a function that failed said of itself, for those who make an
 * exception of it again: a GVariant of type `(sissssay)` with the domain, the
 * code and the message of its error, the name of its type and the traceback in
 * its own language, the codec and the bytes of the error in the language's own
 * form. What there is not is empty.
 *
 * Returns: (transfer full) (nullable): the report, or %NULL if no function failed
 *
 * Since: 1.0
 */
GVariant *
mp_pool_result_get_report (MpPoolResult *self)
{
  GVariant *report = NULL;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return NULL;

  mp_dispatcher_lock (self->dispatcher);
  if (self->task->failure != NULL && self->task->failure->report != NULL)
    report = g_variant_ref (self->task->failure->report);
  mp_dispatcher_unlock (self->dispatcher);
  return report;
}

/**
 * mp_pool_result_get_item_report:
 * @self: the result of a map
 * @index: an item
 *
 * Gets what the function said of itself that failed with one item of a map: see
 * [method@Mp.PoolResult.get_report].
 *
 * Returns: (transfer full) (nullable): the report, or %NULL if no function failed with it, it has not
 *   ended, or there is no such item
 *
 * Since: 1.0
 */
GVariant *
mp_pool_result_get_item_report (MpPoolResult *self,
                                guint         index)
{
  GVariant *report = NULL;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);

  if (!check_ended (self, index, NULL))
    return NULL;

  mp_dispatcher_lock (self->dispatcher);
  report = mp_task_dup_item_report (self->task, index);
  mp_dispatcher_unlock (self->dispatcher);
  return report;
}
