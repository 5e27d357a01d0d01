/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-report-private.h"
#include "mp-worker-loop-private.h"
#include "mp-worker-private.h"
#include "mp-worker-task.h"

/**
 * MpWorkerTask:
 *
 * One call that a pool wants its worker to make: for those who bring a language
 * to mpglib, see [class@Mp.Worker].
 *
 * Whatever becomes of the call is told by one of the functions
 * `mp_worker_task_return_…`, once. A task that is dropped, or left behind when the
 * next one is taken, fails. With one that is not answered when
 * [method@Mp.Worker.finish] is called the worker is lost.
 *
 * A task that was made by g_object_new() has no call: what is told of it nobody hears.
 *
 * Since: 1.0
 */
struct _MpWorkerTask
{
  GObject parent_instance;

  MpWorkerLoop *loop;
  MpCall *call; /* NULL: made by g_object_new() */
};

G_DEFINE_FINAL_TYPE (MpWorkerTask, mp_worker_task, G_TYPE_OBJECT)

static void
mp_worker_task_dispose (GObject *object)
{
  MpWorkerTask *self = MP_WORKER_TASK (object);

  /* In a process that ends all objects are dropped: its end is the answer */
  if (self->call != NULL && !mp_worker_has_finished (mp_worker_get_current ()))
    {
      g_autoptr (GError) error = NULL;

      error = g_error_new_literal (MP_ERROR, MP_ERROR_FAILED, "The call was dropped without an answer");
      mp_worker_loop_fail (self->loop, self->call, mp_report_new (error));
    }

  G_OBJECT_CLASS (mp_worker_task_parent_class)->dispose (object);
}

static void
mp_worker_task_finalize (GObject *object)
{
  MpWorkerTask *self = MP_WORKER_TASK (object);

  g_clear_pointer (&self->call, mp_call_free);

  G_OBJECT_CLASS (mp_worker_task_parent_class)->finalize (object);
}

static void
mp_worker_task_class_init (MpWorkerTaskClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mp_worker_task_dispose;
  object_class->finalize = mp_worker_task_finalize;
}

static void
mp_worker_task_init (MpWorkerTask *self)
{
}

/**
 * mp_worker_next_task:
 * @self: this process, the worker of a pool, after [method@Mp.Worker.ready]
 * @error: return location for an error
 *
 * Waits for the next call to make. The items of a chunk of a map come one by one.
 *
 * Fails with %MP_ERROR_CLOSED when there is nothing more to do:
 * [method@Mp.Worker.finish] and the end of the process are to follow. With
 * %MP_ERROR_INTERRUPTED a signal ended the wait of a thread that had asked for
 * it; wait again. With %MP_ERROR_CORRUPTED the channel to the pool broke; end with
 * an exit code other than 0. With %MP_ERROR_INVALID_STATE @self is no worker of a pool.
 *
 * Returns: (transfer full): the task
 *
 * Since: 1.0
 */
MpWorkerTask *
mp_worker_next_task (MpWorker  *self,
                     GError   **error)
{
  MpWorkerLoop *loop;
  MpWorkerTask *task;
  MpCall *call;

  g_return_val_if_fail (MP_IS_WORKER (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (mp_worker_get_role (self) != MP_WORKER_ROLE_POOL)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The worker is none of a pool");
      return NULL;
    }

  loop = mp_worker_loop_get (self);
  call = mp_worker_loop_next (loop, error);
  if (call == NULL)
    return NULL;

  task = g_object_new (MP_TYPE_WORKER_TASK, NULL);
  task->loop = loop;
  task->call = call;
  return task;
}

/**
 * mp_worker_task_get_target:
 * @self: a task
 *
 * Gets the name of the function to call.
 *
 * Returns: the target; empty if the task has no call
 *
 * Since: 1.0
 */
const char *
mp_worker_task_get_target (MpWorkerTask *self)
{
  g_return_val_if_fail (MP_IS_WORKER_TASK (self), NULL);

  return self->call != NULL ? self->call->target : "";
}

/**
 * mp_worker_task_get_message:
 * @self: a task
 *
 * Gets what to call the function with.
 *
 * Returns: (transfer none) (nullable): the arguments; %NULL if the task has no call
 *
 * Since: 1.0
 */
MpMessage *
mp_worker_task_get_message (MpWorkerTask *self)
{
  g_return_val_if_fail (MP_IS_WORKER_TASK (self), NULL);

  return self->call != NULL ? self->call->arguments : NULL;
}

/**
 * mp_worker_task_get_spread:
 * @self: a task
 *
 * Tells how to read the message.
 *
 * Returns: whether it is a tuple (or, in another codec, a sequence) with one member an argument, and
 *   not one argument
 *
 * Since: 1.0
 */
gboolean
mp_worker_task_get_spread (MpWorkerTask *self)
{
  g_return_val_if_fail (MP_IS_WORKER_TASK (self), FALSE);

  return self->call != NULL && self->call->spread;
}

/**
 * mp_worker_task_get_cancellable:
 * @self: a task
 *
 * Gets what is cancelled when the pool's user cancels the task. Handlers of
 * [signal@Gio.Cancellable::cancelled] run on a thread that the library starts for
 * that, while the function goes on in its own: they may take their time and use
 * as much stack as on any thread, but what they share with the function needs a
 * lock, and signals of the process are blocked in them. In a language that runs
 * no functions on threads that it does not know (GJS) connect none, and look at
 * [method@Mp.WorkerTask.is_cancelled] now and then.
 *
 * Returns: (transfer none) (nullable): the cancellable; %NULL if the task has no call
 *
 * Since: 1.0
 */
GCancellable *
mp_worker_task_get_cancellable (MpWorkerTask *self)
{
  g_return_val_if_fail (MP_IS_WORKER_TASK (self), NULL);

  return self->call != NULL ? self->call->cancellable : NULL;
}

/**
 * mp_worker_task_is_cancelled:
 * @self: a task
 *
 * For functions that look now and then.
 *
 * Returns: whether the pool's user has cancelled the task
 *
 * Since: 1.0
 */
gboolean
mp_worker_task_is_cancelled (MpWorkerTask *self)
{
  g_return_val_if_fail (MP_IS_WORKER_TASK (self), FALSE);

  return self->call != NULL && g_cancellable_is_cancelled (self->call->cancellable);
}

/**
 * mp_worker_task_return_value:
 * @self: a task
 * @value: (nullable): what the function returned; %NULL is the empty maybe (`mv`). A floating
 *   reference is sunk.
 *
 * Ends the task well: see [method@Mp.WorkerTask.return_message].
 *
 * Since: 1.0
 */
void
mp_worker_task_return_value (MpWorkerTask *self,
                             GVariant     *value)
{
  g_autoptr (MpMessage) message = mp_message_new (value);

  mp_worker_task_return_message (self, message);
}

/**
 * mp_worker_task_return_message:
 * @self: a task
 * @message: what the function returned, in whatever codec
 *
 * Ends the task well. What cannot be sent becomes the error that the task fails
 * with. Blocks while the pool has not taken what it was sent.
 *
 * Since: 1.0
 */
void
mp_worker_task_return_message (MpWorkerTask *self,
                               MpMessage    *message)
{
  g_return_if_fail (MP_IS_WORKER_TASK (self));
  g_return_if_fail (MP_IS_MESSAGE (message));

  if (self->call != NULL)
    mp_worker_loop_answer (self->loop, self->call, message);
}

/**
 * mp_worker_task_return_error:
 * @self: a task
 * @error: why the function failed
 *
 * Ends the task with an error.
 *
 * Since: 1.0
 */
void
mp_worker_task_return_error (MpWorkerTask *self,
                             const GError *error)
{
  g_return_if_fail (MP_IS_WORKER_TASK (self));
  g_return_if_fail (error != NULL);

  if (self->call != NULL)
    mp_worker_loop_fail (self->loop, self->call, mp_report_new (error));
}

/**
 * mp_worker_task_return_failure:
 * @self: a task
 * @code: %MP_ERROR_REMOTE for a function that failed, %MP_ERROR_NO_TARGET for one that there is not, …
 * @type: (nullable): the class of the error in its language: "ValueError"
 * @message: (nullable): its text
 * @traceback: (nullable): where it came from, as the language shows it
 * @codec: (nullable): the codec of @payload, or %NULL for none
 * @payload: (nullable) (array length=length): the error itself in the language's own form, for a pool of
 *   the same language
 * @length: the bytes of @payload
 *
 * Ends the task with the error of another language. Whoever gets the result gets
 * it with @code, and all of it by [method@Mp.PoolResult.get_report].
 *
 * Since: 1.0
 */
void
mp_worker_task_return_failure (MpWorkerTask *self,
                               MpError       code,
                               const char   *type,
                               const char   *message,
                               const char   *traceback,
                               const char   *codec,
                               const guint8 *payload,
                               gsize         length)
{
  g_autoptr (GBytes) bytes = NULL;

  g_return_if_fail (MP_IS_WORKER_TASK (self));
  g_return_if_fail (payload != NULL || length == 0);

  if (self->call == NULL)
    return;
  bytes = g_bytes_new (payload, length);
  mp_worker_loop_fail (self->loop, self->call, mp_report_new_remote (code, type, message, traceback, codec, bytes));
}

/**
 * mp_worker_task_to_string:
 * @self: a task
 *
 * Describes the task for people. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_worker_task_to_string (MpWorkerTask *self)
{
  g_return_val_if_fail (MP_IS_WORKER_TASK (self), NULL);

  if (self->call == NULL)
    return g_strdup ("<Mp.WorkerTask without a call>");
  return g_strdup_printf ("<Mp.WorkerTask %s task=%" G_GUINT64_FORMAT " item=%" G_GUINT64_FORMAT ">",
                          self->call->target, self->call->serial, self->call->index);
}

/**
 * mp_progress_report:
 * @fraction: how much is done, from 0 to 1
 * @message: (nullable): what is being done, for people
 *
 * Tells, in a function that a worker of a pool runs, how far it is: the result's
 * [property@Mp.PoolResult:fraction] and [property@Mp.PoolResult:text] follow.
 *
 * May be called from any thread and as often as one likes: what comes too often
 * is skipped, the last one never. Does nothing in a process that is no worker, so
 * that functions may be called directly, too.
 *
 * Since: 1.0
 */
void
mp_progress_report (gdouble     fraction,
                    const char *message)
{
  g_return_if_fail (fraction >= 0 && fraction <= 1);

  mp_worker_loop_report (fraction, message);
}
