/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Starting a process, waiting for its end, and bringing it about */

#include "config.h"

#include "mp-process-private.h"

#include <signal.h>
#include <string.h>

#include "mp-auth-key-private.h"
#include "mp-clock-private.h"
#include "mp-context-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-origin-private.h"

/* --- checks ----------------------------------------------------------------------------------------------- */

gboolean
mp_process_check_origin (MpProcess  *self,
              GError    **error)
{
  return mp_origin_check (mp_pump_get_origin (self->pump), "This process object", error);
}

gboolean
mp_process_check_started_locked (MpProcess  *self,
                      GError    **error)
{
  if (self->is_current)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                 "'%s' is this process: it cannot wait for itself or end itself this way", self->name);
  else if (self->is_closed)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' is closed", self->name);
  else if (self->child == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' was not started: start it first", self->name);
  else
    return TRUE;
  return FALSE;
}

/* --- what is waited for ----------------------------------------------------------------------------------- */

static gboolean
is_made (gpointer data)
{
  MpProcess *self = data;

  return mp_child_get_state (self->child) >= MP_CHILD_MADE;
}

/* The failure of a child that never came to run; what its target did is another matter */
static gboolean
check_was_ready_locked (MpProcess  *self,
                        GError    **error)
{
  if (!mp_process_is_over (self) || self->was_ready || mp_child_get_failure (self->child) == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (mp_child_get_failure (self->child)));
  return FALSE;
}

/* Of what start waits for: what happened to the child since it was made is told by others, however soon it was */
static gboolean
check_start_locked (MpProcess  *self,
                    GError    **error)
{
  if (!mp_process_start_failed_locked (self))
    return TRUE;
  g_propagate_error (error, g_error_copy (mp_child_get_failure (self->child)));
  return FALSE;
}

static gboolean
has_begun (gpointer   data,
           GError   **error)
{
  MpProcess *self = data;

  if (!self->was_ready && !mp_process_is_over (self))
    return FALSE;
  check_was_ready_locked (self, error);
  return TRUE;
}

static gboolean
has_ended (gpointer   data,
           GError   **error)
{
  MpProcess *self = data;

  if (!mp_process_is_over (self))
    return FALSE;
  check_was_ready_locked (self, error);
  return TRUE;
}
/* --- starting --------------------------------------------------------------------------------------------- */

static gboolean
check_not_started_locked (MpProcess  *self,
                          GError    **error)
{
  if (self->child == NULL && !self->is_current && !self->is_closed)
    return TRUE;
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' %s: make a new process object", self->name,
               self->is_closed ? "is closed" : "was started already");
  return FALSE;
}

/* The object that keeps the arguments has a reference already, so no language hears of these */
static gboolean
fill_spec_locked (MpProcess    *self,
                  MpChildSpec  *spec,
                  MpAuthKey   **key,
                  GError      **error)
{
  if (!check_not_started_locked (self, error))
    return FALSE;
  spec->name = g_strdup (self->name);
  spec->arguments = self->arguments != NULL ? g_object_ref (self->arguments) : NULL;
  spec->spread = self->spread;
  *key = self->auth_key != NULL ? g_object_ref (self->auth_key) : NULL;
  return TRUE;
}

static MpChild *
new_child_of_spec (MpProcess    *self,
                   MpChildSpec  *spec,
                   MpAuthKey    *key,
                   GError      **error)
{
  MpOwnKey secret = { 0 };
  MpChild *child;

  spec->context = self->context != NULL ? self->context : mp_context_get_for_target (self->target, error);
  if (spec->context == NULL || (key != NULL && !mp_auth_key_to_own (key, &secret, error)))
    return NULL;
  spec->key = key != NULL ? &secret : NULL;
  child = mp_child_new (self->pump, spec, &mp_process_events, self, error);
  explicit_bzero (&secret, sizeof secret);
  return child;
}

/* Without the lock: large arguments take long, and objects of the program's are touched */
static MpChild *
new_child (MpProcess  *self,
           GError    **error)
{
  MpChildSpec spec = { .role = "process", .identity = self->identity, .target = self->target };
  g_autoptr (MpMessage) arguments = NULL;
  g_autoptr (MpAuthKey) key = NULL;
  g_autofree char *name = NULL;
  gboolean may_start;

  mp_pump_lock (self->pump);
  may_start = fill_spec_locked (self, &spec, &key, error);
  mp_pump_unlock (self->pump);
  name = (char *) spec.name;
  arguments = spec.arguments;
  return may_start ? new_child_of_spec (self, &spec, key, error) : NULL;
}

/* Takes the child if nobody else has started the process meanwhile */
static gboolean
start_locked (MpProcess  *self,
              MpChild   **child,
              GError    **error)
{
  if (!check_not_started_locked (self, error))
    return FALSE;
  self->child = g_steal_pointer (child);
  mp_process_begin_locked (self);
  mp_child_start_locked (self->child);
  return TRUE;
}

/* A signal has interrupted it: nothing is undone, since the caller may go on when it knows what the signal meant */
static gboolean
wait_until_made_locked (MpProcess  *self,
                        GError    **error)
{
  g_autoptr (GError) failure = NULL;
  gboolean is_made_now = mp_pump_wait_locked (self->pump, is_made, self, MP_DEADLINE_NEVER, NULL, &failure);

  self->start_was_interrupted = g_error_matches (failure, MP_ERROR, MP_ERROR_INTERRUPTED);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return is_made_now;
}

/* Whether this call goes on with one that was interrupted */
static gboolean
goes_on_with_start (MpProcess *self)
{
  gboolean goes_on;

  mp_pump_lock (self->pump);
  goes_on = self->start_was_interrupted;
  self->start_was_interrupted = FALSE;
  mp_pump_unlock (self->pump);
  return goes_on;
}

/**
 * mp_process_start:
 * @self: a process that was not started
 * @error: return location for an error
 *
 * Starts the process, and returns when the child is made.
 *
 * That takes a few milliseconds, with the first child of a context also the
 * time that its template needs to start; [property@Mp.Context:hello-timeout]
 * bounds it.
 *
 * What goes wrong before the target runs is logged at once, since the program
 * may wait for what the child was to do: as a message of the domain `Mp`, which
 * GLib writes to standard error unless the program has a log writer. It is not
 * logged of a child that the program has ended. [method@Mp.Process.join] tells
 * it too, and [signal@Mp.Process::exited] tells of the end.
 * [method@Mp.Process.start_async] waits for the target, and its caller alone
 * has the error. No signal follows a start that failed;
 * [property@Mp.Process:state] says whether it may be tried again.
 *
 * Errors: %MP_ERROR_START_FAILED, %MP_ERROR_NO_TARGET (as far as it can be known
 * here), %MP_ERROR_NOT_INITIALIZED, %MP_ERROR_NOT_SUPPORTED (the start method),
 * %MP_ERROR_INVALID_STATE (started before), %MP_ERROR_FORKED; and %MP_ERROR_INTERRUPTED
 * (see [func@Mp.thread_set_interruptible]), after which the start goes on: call
 * again to wait for it, or end the process with [method@Mp.Process.kill].
 *
 * Returns: %TRUE if the child exists
 *
 * Since: 1.0
 */
gboolean
mp_process_start (MpProcess  *self,
                  GError    **error)
{
  g_autoptr (MpChild) child = NULL;
  gboolean ok;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!mp_process_check_origin (self, error))
    return FALSE;

  if (!goes_on_with_start (self))
    {
      child = new_child (self, error);
      if (child == NULL)
        return FALSE;
    }

  mp_process_drop_unheard (self->pump);
  g_object_ref (self); /* the only reference may be a language's: that must not hear of another one under the lock */
  mp_pump_lock (self->pump);
  ok = (child == NULL || start_locked (self, &child, error))
       && wait_until_made_locked (self, error)
       && check_start_locked (self, error);
  mp_pump_unlock (self->pump);
  g_object_unref (self);
  return ok;
}

/**
 * mp_process_start_async:
 * @self: a process that was not started
 * @cancellable: (nullable): ends the wait, not the child
 * @callback: called when the child is ready
 * @user_data: for @callback
 *
 * Starts the process, and tells when its target runs. What keeps it from that is
 * the caller's to tell: unlike that of [method@Mp.Process.start] it is not logged.
 *
 * No signal follows a start that failed; [property@Mp.Process:state] says
 * whether it may be tried again. Nor is a process heard of whose wait was
 * cancelled and that did not become ready; [method@Mp.Process.join] tells.
 *
 * Since: 1.0
 */
void
mp_process_start_async (MpProcess           *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (MpChild) child = NULL;
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (MP_IS_PROCESS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_process_start_async);
  if (mp_process_check_origin (self, &error))
    child = new_child (self, &error);
  if (child == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  mp_pump_lock (self->pump);
  if (start_locked (self, &child, &error))
    {
      self->start_takes_readiness = TRUE;
      mp_waiters_add_locked (self->waiters, g_steal_pointer (&task), MP_DEADLINE_NEVER, has_begun, self);
    }
  mp_pump_unlock (self->pump);
  if (error != NULL)
    g_task_return_error (task, error);
}

/**
 * mp_process_start_finish:
 * @self: a process
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.Process.start_async] began.
 *
 * Errors: as [method@Mp.Process.start], %G_IO_ERROR_CANCELLED, and whatever kept
 * the child from becoming ready: %MP_ERROR_NO_TARGET (there is no such function,
 * or its module cannot be loaded), %MP_ERROR_START_FAILED (it ended, or took longer
 * than [property@Mp.Context:hello-timeout]).
 *
 * Returns: %TRUE if the target runs, or has run
 *
 * Since: 1.0
 */
gboolean
mp_process_start_finish (MpProcess     *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- waiting for the end ---------------------------------------------------------------------------------- */

/**
 * mp_process_join:
 * @self: a process that was started
 * @timeout: seconds; negative waits for ever, 0 only looks
 * @cancellable: (nullable): ends the wait
 * @error: return location for an error
 *
 * Waits until the process has ended. It may be joined many times, by many
 * threads.
 *
 * Errors: %MP_ERROR_TIMED_OUT, %MP_ERROR_INVALID_STATE (not started, or this process
 * itself), %MP_ERROR_INTERRUPTED, %MP_ERROR_FORKED, %G_IO_ERROR_CANCELLED; and if the
 * process ended before its target ran, what kept it from running:
 * %MP_ERROR_NO_TARGET (there is no such function, or its module cannot be loaded),
 * %MP_ERROR_START_FAILED (it ended, or took longer than
 * [property@Mp.Context:hello-timeout]). How the target ended is told by
 * [property@Mp.Process:exit-code] and [method@Mp.Process.check].
 *
 * Returns: %TRUE if the process has ended after running its target
 *
 * Since: 1.0
 */
gboolean
mp_process_join (MpProcess     *self,
                 gdouble        timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  gboolean ok;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!mp_process_check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  ok = mp_process_check_started_locked (self, error)
       && mp_pump_wait_locked (self->pump, mp_process_is_over, self, mp_deadline_from_timeout (timeout),
                              cancellable, error)
       && check_was_ready_locked (self, error);
  mp_pump_unlock (self->pump);
  mp_process_drop_unheard (self->pump); /* the caller has a reference to this one */
  return ok;
}

/**
 * mp_process_join_async:
 * @self: a process that was started
 * @timeout: seconds; negative waits for ever, 0 only looks
 * @cancellable: (nullable): ends the wait
 * @callback: called when the process has ended
 * @user_data: for @callback
 *
 * Tells when the process has ended; the asynchronous form of
 * [method@Mp.Process.join].
 *
 * Since: 1.0
 */
void
mp_process_join_async (MpProcess           *self,
                       gdouble              timeout,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (MP_IS_PROCESS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_process_join_async);
  if (!mp_process_check_origin (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  mp_pump_lock (self->pump);
  if (mp_process_check_started_locked (self, &error))
    mp_waiters_add_locked (self->waiters, g_steal_pointer (&task), mp_deadline_from_timeout (timeout),
                           has_ended, self);
  mp_pump_unlock (self->pump);
  if (error != NULL)
    g_task_return_error (task, error);
}

/**
 * mp_process_join_finish:
 * @self: a process
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.Process.join_async] began.
 *
 * Returns: %TRUE if the process has ended after running its target; errors as [method@Mp.Process.join]
 *
 * Since: 1.0
 */
gboolean
mp_process_join_finish (MpProcess     *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- ending it -------------------------------------------------------------------------------------------- */

static gboolean
send_signal (MpProcess  *self,
             int         number,
             GError    **error)
{
  gboolean ok;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!mp_process_check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  ok = mp_process_check_started_locked (self, error) && mp_child_signal_locked (self->child, number, error);
  mp_pump_unlock (self->pump);
  return ok;
}

/**
 * mp_process_terminate:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Asks the process to end, by SIGTERM. One that has ended is no error.
 *
 * Objects that it shares with others stay usable for them.
 *
 * Returns: %TRUE if the signal was sent, or nothing was left to be sent to
 *
 * Since: 1.0
 */
gboolean
mp_process_terminate (MpProcess  *self,
                      GError    **error)
{
  return send_signal (self, SIGTERM, error);
}

/**
 * mp_process_kill:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Ends the process, by SIGKILL. One that has ended is no error.
 *
 * Returns: %TRUE if the signal was sent, or nothing was left to be sent to
 *
 * Since: 1.0
 */
gboolean
mp_process_kill (MpProcess  *self,
                 GError    **error)
{
  return send_signal (self, SIGKILL, error);
}

/**
 * mp_process_interrupt:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Does to the process what Ctrl-C does, by SIGINT. One that has ended is no error.
 *
 * Returns: %TRUE if the signal was sent, or nothing was left to be sent to
 *
 * Since: 1.0
 */
gboolean
mp_process_interrupt (MpProcess  *self,
                      GError    **error)
{
  return send_signal (self, SIGINT, error);
}

/**
 * mp_process_close:
 * @self: a process
 * @error: return location for an error
 *
 * Says that the object is not needed any more. Afterwards it can only be asked
 * for its name, state and exit code.
 *
 * Returns: %TRUE, or %FALSE with %MP_ERROR_INVALID_STATE while the process is alive
 *
 * Since: 1.0
 */
gboolean
mp_process_close (MpProcess  *self,
                  GError    **error)
{
  gboolean ok = TRUE;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!mp_process_check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  if (self->is_current || (self->child != NULL && !mp_process_is_over (self)))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "'%s' is still running: join it, or end it first", self->name);
      ok = FALSE;
    }
  else
    {
      self->is_closed = TRUE;
      mp_fd_close (&self->sentinel);
    }
  mp_pump_unlock (self->pump);
  return ok;
}
