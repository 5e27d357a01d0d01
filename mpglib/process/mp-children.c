/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The processes of the program: this one, its children, and their end */

#include "config.h"

#include "mp-init.h"

#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-identity-private.h"
#include "mp-origin-private.h"
#include "mp-process-private.h"

/**
 * mp_process_get_current:
 *
 * Gives the object of the process that calls: its name is `MainProcess` in the
 * program that the user started, and what the parent called it in a child.
 *
 * Returns: (transfer none): this process
 *
 * Since: 1.0
 */
MpProcess *
mp_process_get_current (void)
{
  static MpProcess *current;

  for (;;)
    {
      MpProcess *process = g_atomic_pointer_get (&current);
      g_autoptr (MpProcess) made = NULL;

      if (process != NULL && mp_pump_get_origin (process->pump) == mp_origin_get ())
        return process;
      made = g_object_new (MP_TYPE_PROCESS, "name", mp_identity_get_name (), NULL);
      made->is_current = TRUE;
      made->pid = getpid ();
      if (g_atomic_pointer_compare_and_exchange (&current, process, made))
        return g_steal_pointer (&made);
    }
}

/**
 * mp_process_get_children:
 *
 * Lists the processes that this one has started as [class@Mp.Process] and that
 * have not ended.
 *
 * Returns: (transfer full): a list of [class@Mp.Process], as it is now: it does not change any more
 *
 * Since: 1.0
 */
GListModel *
mp_process_get_children (void)
{
  g_autoptr (GPtrArray) processes = mp_process_ref_living ();
  GListStore *list = g_list_store_new (MP_TYPE_PROCESS);

  g_list_store_splice (list, 0, 0, processes->pdata, processes->len);
  return G_LIST_MODEL (list);
}

/* --- the end of the program ------------------------------------------------------------------------------- */

static GPtrArray *
begin_shutdown (void)
{
  GPtrArray *processes = mp_process_ref_living ();

  for (guint i = 0; i < processes->len; i++)
    if (mp_process_get_daemon (g_ptr_array_index (processes, i)))
      mp_process_terminate (g_ptr_array_index (processes, i), NULL);
  return processes;
}

/* A process that has ended is all that is wanted, however it did */
static gboolean
check_ended (MpProcess  *process,
             GError     *failure,
             GError    **error)
{
  if (failure == NULL || mp_process_get_state (process) == MP_PROCESS_STATE_STOPPED)
    {
      g_clear_error (&failure);
      return TRUE;
    }
  g_propagate_prefixed_error (error, failure, "Process '%s' has not ended: ", process->name);
  return FALSE;
}

/**
 * mp_shutdown:
 * @timeout: seconds to wait for all together; negative waits for ever
 * @cancellable: (nullable): ends the wait
 * @error: return location for an error
 *
 * Ends the program's children in order: terminates those that are daemons,
 * waits for all others.
 *
 * Call it at the end of the main function. Children that still run when the
 * program ends are killed.
 *
 * Errors: %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED, %G_IO_ERROR_CANCELLED.
 *
 * Returns: %TRUE if all have ended
 *
 * Since: 1.0
 */
gboolean
mp_shutdown (gdouble        timeout,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr (GPtrArray) processes = begin_shutdown ();
  gint64 deadline = mp_deadline_from_timeout (timeout);

  for (guint i = 0; i < processes->len; i++)
    {
      MpProcess *process = g_ptr_array_index (processes, i);
      GError *failure = NULL;

      mp_process_join (process, mp_deadline_to_timeout (deadline), cancellable, &failure);
      if (!check_ended (process, failure, error))
        return FALSE;
    }
  mp_process_wait_told (deadline, cancellable);
  return TRUE;
}

typedef struct
{
  GPtrArray *processes; /* the last is waited for next */
  gint64 deadline;
} Shutdown;

static void
shutdown_free (gpointer data)
{
  Shutdown *self = data;

  g_ptr_array_unref (self->processes);
  g_free (self);
}

static void join_next (GTask *task);

static void
on_joined (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (GTask) task = data;
  Shutdown *shutdown = g_task_get_task_data (task);
  GError *failure = NULL, *error = NULL;

  mp_process_join_finish (MP_PROCESS (source), result, &failure);
  if (!check_ended (MP_PROCESS (source), failure, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_ptr_array_set_size (shutdown->processes, (int) shutdown->processes->len - 1);
  join_next (g_steal_pointer (&task));
}

static void
join_next (GTask *task)
{
  Shutdown *shutdown = g_task_get_task_data (task);

  if (shutdown->processes->len == 0)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }
  mp_process_join_async (g_ptr_array_index (shutdown->processes, shutdown->processes->len - 1),
                         mp_deadline_to_timeout (shutdown->deadline), g_task_get_cancellable (task),
                         on_joined, task);
}

/**
 * mp_shutdown_async:
 * @timeout: seconds to wait for all together; negative waits for ever
 * @cancellable: (nullable): ends the wait
 * @callback: called when all have ended
 * @user_data: for @callback
 *
 * Ends the program's children in order; the asynchronous form of
 * [func@Mp.shutdown].
 *
 * Since: 1.0
 */
void
mp_shutdown_async (gdouble              timeout,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Shutdown *shutdown = g_new (Shutdown, 1);

  g_task_set_source_tag (task, mp_shutdown_async);
  shutdown->processes = begin_shutdown ();
  shutdown->deadline = mp_deadline_from_timeout (timeout);
  g_task_set_task_data (task, shutdown, shutdown_free);
  join_next (task);
}

/**
 * mp_shutdown_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [func@Mp.shutdown_async] began.
 *
 * Returns: %TRUE if all have ended; errors as [func@Mp.shutdown]
 *
 * Since: 1.0
 */
gboolean
mp_shutdown_finish (GAsyncResult  *result,
                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
