/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-blocking-wait-private.h"
#include "mp-error.h"
#include "mp-lockable-private.h"
#include "mp-outbox-private.h"

/**
 * MpLockable:
 *
 * Whatever guards a block of code: locks, semaphores, and conditions by their lock.
 *
 * Each class has calls of its own with the names that people know, such as
 * [method@Mp.Lock.acquire]; these are the same for all of them, for code that takes
 * any.
 *
 * The interface's structure is private: only classes of mpglib implement it.
 *
 * Since: 1.0
 */

G_DEFINE_INTERFACE (MpLockable, mp_lockable, G_TYPE_OBJECT)

static void
mp_lockable_default_init (MpLockableInterface *iface)
{
}

/**
 * mp_lockable_try_enter:
 * @self: a lock or the like
 *
 * Enters if that is possible at once.
 *
 * May be called from any thread.
 *
 * Returns: whether it was entered: then [method@Mp.Lockable.leave] is due
 *
 * Since: 1.0
 */
gboolean
mp_lockable_try_enter (MpLockable *self)
{
  g_autoptr (GError) error = NULL;
  MpLockableResult result;

  g_return_val_if_fail (MP_IS_LOCKABLE (self), FALSE);

  result = MP_LOCKABLE_GET_IFACE (self)->enter (self, MP_WAIT_ENDS_NOW, &error);
  if (error != NULL)
    g_warning ("%s: %s", MP_LOCKABLE_GET_IFACE (self)->what, error->message);

  return result == MP_LOCKABLE_ENTERED;
}

/**
 * mp_lockable_enter:
 * @self: a lock or the like
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits until it can be entered.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED.
 *
 * May be called from any thread.
 *
 * Returns: whether it was entered: then [method@Mp.Lockable.leave] is due
 *
 * Since: 1.0
 */
gboolean
mp_lockable_enter (MpLockable    *self,
                   gdouble        timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  MpLockableResult result;

  g_return_val_if_fail (MP_IS_LOCKABLE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  result = MP_LOCKABLE_GET_IFACE (self)->enter (self, MP_WAIT_ENDS_NOW, error);
  if (result == MP_LOCKABLE_NOT_YET)
    return mp_lockable_wait (self, timeout, cancellable, error);

  return result == MP_LOCKABLE_ENTERED;
}

gboolean
mp_lockable_wait (MpLockable    *self,
                  gdouble        timeout,
                  GCancellable  *cancellable,
                  GError       **error)
{
  MpLockableInterface *iface = MP_LOCKABLE_GET_IFACE (self);
  MpLockableResult result;
  MpBlockingWait wait;

  if (!mp_blocking_wait_begin (&wait, timeout, cancellable, error))
    return FALSE;

  result = iface->enter (self, wait.wait, error);
  mp_blocking_wait_end (&wait);
  if (result == MP_LOCKABLE_NOT_YET)
    mp_blocking_wait_fail (&wait, iface->what, error);

  return result == MP_LOCKABLE_ENTERED;
}

static gboolean
look (gpointer   object,
      gpointer   data,
      GError   **error)
{
  return MP_LOCKABLE_GET_IFACE (object)->enter_or_await (object, error) != MP_LOCKABLE_NOT_YET;
}

/**
 * mp_lockable_enter_async:
 * @self: a lock or the like
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Enters when that is possible, without blocking.
 *
 * It is entered in the caller's thread-default main context, just before @callback is
 * called there, never before this call returned; who knows its owner by the thread
 * takes the one that runs this context. An idle wait costs nothing.
 *
 * May be called from any thread.
 *
 * Since: 1.0
 */
void
mp_lockable_enter_async (MpLockable          *self,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  MpLockableInterface *iface;
  GError *error = NULL;
  MpTable *table;
  MpBell *bell;
  GTask *task;

  g_return_if_fail (MP_IS_LOCKABLE (self));

  iface = MP_LOCKABLE_GET_IFACE (self);
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_lockable_enter_async);

  bell = iface->get_bell (self, &table, &error);
  if (bell == NULL)
    mp_outbox_return_error (task, error);
  else
    mp_async_wait_start (task, table, bell, iface->what, timeout, look, NULL, NULL, NULL);
}

/**
 * mp_lockable_enter_finish:
 * @self: a lock or the like
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Lockable.enter_async], and fails as [method@Mp.Lockable.enter] does.
 *
 * Returns: whether it was entered: then [method@Mp.Lockable.leave] is due
 *
 * Since: 1.0
 */
gboolean
mp_lockable_enter_finish (MpLockable    *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mp_lockable_leave:
 * @self: a lock or the like
 * @error: return location for an error
 *
 * Leaves what was entered. It does not wait.
 *
 * Fails with %MP_ERROR_INVALID_STATE if nobody has entered it, and with
 * %MP_ERROR_NOT_OWNER if it knows its owner and that is somebody else.
 *
 * May be called from any thread.
 *
 * Returns: whether it was left
 *
 * Since: 1.0
 */
gboolean
mp_lockable_leave (MpLockable  *self,
                   GError     **error)
{
  g_return_val_if_fail (MP_IS_LOCKABLE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return MP_LOCKABLE_GET_IFACE (self)->leave (self, error);
}
