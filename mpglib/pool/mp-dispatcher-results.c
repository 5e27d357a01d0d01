/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dispatcher-base-private.h"

/* Results, which are looked at when somebody wants them, in his thread. */

/* The result of an item was found to be none. */
static void
spoil (MpDispatcher *self,
       MpTask       *task,
       guint64       index,
       const GError *error,
       gpointer      result)
{
  /* Referenced without the lock: a language may hear of it, and take a lock of its own */
  g_autoptr (GObject) held = result != NULL ? g_object_ref (result) : NULL;

  mp_dispatcher_lock (self);
  if (mp_task_spoil (task, index, error) && self->owner != NULL)
    {
      task->state_is_new = TRUE;
      if (task->result == NULL && mp_dispatcher_state_is_watched (result))
        task->result = g_steal_pointer (&held);
      mp_dispatcher_announce_task_locked (self, task);
    }
  mp_dispatcher_unlock (self);
}

/*< private >
 * mp_dispatcher_dup_item:
 * @index: an item that has ended
 * @result: (nullable): the object for which @task is
 *
 * To be called in a thread of the user's and without the lock: what the worker
 * sent may be looked at for the first time.
 *
 * Returns: (transfer full) (nullable): the result of an item
 */
MpMessage *
mp_dispatcher_dup_item (MpDispatcher  *self,
                        MpTask        *task,
                        guint64        index,
                        gpointer       result,
                        GError       **error)
{
  g_autoptr (GError) flaw = NULL;

  if (mp_task_check_item (task, index, &flaw))
    return mp_task_dup_item (task, index, error);

  spoil (self, task, index, flaw, result);
  g_propagate_error (error, g_steal_pointer (&flaw));
  return NULL;
}

static guint64
count_unfailed (MpDispatcher *self,
                MpTask       *task)
{
  guint64 n;

  mp_dispatcher_lock (self);
  n = mp_task_count_unfailed (task);
  mp_dispatcher_unlock (self);
  return n;
}

static gboolean
copy_failure (MpDispatcher  *self,
              MpTask        *task,
              GError       **error)
{
  gboolean ok;

  mp_dispatcher_lock (self);
  ok = mp_task_copy_failure (task, error);
  mp_dispatcher_unlock (self);
  return ok;
}

/*< private >
 * mp_dispatcher_dup_result:
 * @task: a task that has ended
 * @result: (nullable): the object for which @task is
 *
 * To be called in a thread of the user's and without the lock: what the workers
 * sent may be looked at for the first time.
 *
 * Returns: (transfer full) (nullable): the result of @task; of a map all results in
 *   one message, like items are
 */
MpMessage *
mp_dispatcher_dup_result (MpDispatcher  *self,
                          MpTask        *task,
                          gpointer       result,
                          GError       **error)
{
  g_autoptr (GError) flaw = NULL;
  guint64 n, index;

  /* In a forked process there are only tasks that were refused */
  if (!mp_dispatcher_check_origin (self, NULL))
    {
      mp_task_copy_failure (task, error);
      return NULL;
    }

  n = count_unfailed (self, task);
  for (index = 0; index < n && flaw == NULL; index++)
    mp_task_check_item (task, index, &flaw);
  if (flaw != NULL)
    spoil (self, task, index - 1, flaw, result);

  return copy_failure (self, task, error) ? mp_task_collect_result (task, error) : NULL;
}
