/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What can be asked of a process */

#include "config.h"

#include "mp-process-private.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include "mp-error.h"

static MpProcessState
get_state_locked (MpProcess *self)
{
  if (self->is_closed)
    return MP_PROCESS_STATE_CLOSED;
  if (self->is_current)
    return MP_PROCESS_STATE_RUNNING;
  if (self->child == NULL)
    return MP_PROCESS_STATE_INITIAL;
  if (mp_process_is_over (self))
    return MP_PROCESS_STATE_STOPPED;
  return self->was_ready ? MP_PROCESS_STATE_RUNNING : MP_PROCESS_STATE_STARTING;
}

/**
 * mp_process_get_state: (get-property state)
 * @self: a process
 *
 * Tells where in its life the process is.
 *
 * Returns: where in its life the process is
 *
 * Since: 1.0
 */
MpProcessState
mp_process_get_state (MpProcess *self)
{
  MpProcessState state;

  g_return_val_if_fail (MP_IS_PROCESS (self), MP_PROCESS_STATE_CLOSED);

  mp_pump_lock (self->pump);
  state = get_state_locked (self);
  mp_pump_unlock (self->pump);
  return state;
}

/**
 * mp_process_is_alive: (get-property alive)
 * @self: a process
 *
 * Tells whether the process was started and has not ended.
 *
 * Returns: whether the process was started and has not ended
 *
 * Since: 1.0
 */
gboolean
mp_process_is_alive (MpProcess *self)
{
  gboolean is_alive;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  mp_pump_lock (self->pump);
  mp_process_look_locked (self);
  is_alive = self->is_current || (self->child != NULL && !mp_process_is_over (self));
  mp_pump_unlock (self->pump);
  return is_alive;
}

/**
 * mp_process_get_pid: (get-property pid)
 * @self: a process
 *
 * Gives the process id, 0 before there is one.
 *
 * Returns: the process id, 0 before there is one
 *
 * Since: 1.0
 */
int
mp_process_get_pid (MpProcess *self)
{
  int pid;

  g_return_val_if_fail (MP_IS_PROCESS (self), 0);

  mp_pump_lock (self->pump);
  pid = self->pid;
  mp_pump_unlock (self->pump);
  return pid;
}

/**
 * mp_process_get_exit_code: (get-property exit-code)
 * @self: a process
 *
 * Gives the exit code, -N if signal N ended it, %MP_EXIT_CODE_UNKNOWN if that
 * is not known.
 *
 * Returns: the exit code, -N if signal N ended it, %MP_EXIT_CODE_UNKNOWN if that is not known; 0 as long as it
 *   has not ended
 *
 * Since: 1.0
 */
int
mp_process_get_exit_code (MpProcess *self)
{
  int exit_code;

  g_return_val_if_fail (MP_IS_PROCESS (self), 0);

  mp_pump_lock (self->pump);
  mp_process_look_locked (self);
  exit_code = self->exit_code;
  mp_pump_unlock (self->pump);
  return exit_code;
}

/* A descriptor of its own: the child's is closed by whoever sees the end, so that another one could be waited for under
 * its number. */
static int
open_sentinel_locked (MpProcess *self)
{
  int pidfd = mp_child_get_pidfd (self->child);

  if (pidfd >= 0)
    return fcntl (pidfd, F_DUPFD_CLOEXEC, 0);
  return mp_process_is_over (self) ? eventfd (1, EFD_CLOEXEC) : -1;
}

/**
 * mp_process_get_sentinel:
 * @self: a process
 *
 * Gives a descriptor that becomes readable when the process ends, to be waited
 * for together with others.
 *
 * It stays readable. It is the object's: do not close it, which
 * [method@Mp.Process.close] does, or the end of the object.
 *
 * Returns: the descriptor, or -1 before the start, after it was closed, or if there
 *   are no more descriptors
 *
 * Since: 1.0
 */
int
mp_process_get_sentinel (MpProcess *self)
{
  int fd;

  g_return_val_if_fail (MP_IS_PROCESS (self), -1);

  mp_pump_lock (self->pump);
  if (self->sentinel < 0 && self->child != NULL && !self->is_closed)
    self->sentinel = open_sentinel_locked (self);
  fd = self->sentinel;
  mp_pump_unlock (self->pump);
  return fd;
}

/**
 * mp_process_dup_name: (get-property name)
 * @self: a process
 *
 * Gives the name.
 *
 * Returns: (transfer full): the name
 *
 * Since: 1.0
 */
char *
mp_process_dup_name (MpProcess *self)
{
  char *name;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  name = g_strdup (self->name);
  mp_pump_unlock (self->pump);
  return name;
}

/**
 * mp_process_set_name: (set-property name)
 * @self: a process
 * @name: a name for people; several processes may have the same
 *
 * Names the process. A child that has been started knows the name that it had
 * then.
 *
 * Since: 1.0
 */
void
mp_process_set_name (MpProcess  *self,
                     const char *name)
{
  g_return_if_fail (MP_IS_PROCESS (self));
  g_return_if_fail (name != NULL);

  if (self->pump != NULL)
    mp_pump_lock (self->pump);
  g_free (self->name);
  self->name = g_strdup (name);
  if (self->pump != NULL)
    mp_pump_unlock (self->pump);
  g_object_notify (G_OBJECT (self), "name");
}

/**
 * mp_process_get_daemon: (get-property daemon)
 * @self: a process
 *
 * Tells whether [func@Mp.shutdown] terminates the process instead of waiting
 * for it.
 *
 * Returns: whether [func@Mp.shutdown] terminates the process instead of waiting for it
 *
 * Since: 1.0
 */
gboolean
mp_process_get_daemon (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  return g_atomic_int_get (&self->is_daemon);
}

/**
 * mp_process_set_daemon: (set-property daemon)
 * @self: a process that was not started
 * @is_daemon: whether [func@Mp.shutdown] terminates the process instead of waiting for it
 *
 * Sets what becomes of the process at the end of the program.
 *
 * Since: 1.0
 */
void
mp_process_set_daemon (MpProcess *self,
                       gboolean   is_daemon)
{
  g_return_if_fail (MP_IS_PROCESS (self));
  g_return_if_fail (self->child == NULL);

  g_atomic_int_set (&self->is_daemon, is_daemon);
  g_object_notify (G_OBJECT (self), "daemon");
}

/**
 * mp_process_check:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Tells as an error what went wrong in a process that has ended.
 *
 * Errors: what kept the target from running; the target's own error with its
 * domain and code if this process knows the domain or it is one of this program's,
 * else %MP_ERROR_REMOTE; %MP_ERROR_FAILED naming the exit code or the signal;
 * %MP_ERROR_INVALID_STATE while it has not ended.
 *
 * Returns: %TRUE if the process has ended with exit code 0
 *
 * Since: 1.0
 */
gboolean
mp_process_check (MpProcess  *self,
                  GError    **error)
{
  gboolean ok = FALSE;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  mp_pump_lock (self->pump);
  mp_process_look_locked (self);
  if (!mp_process_check_started_locked (self, error))
    {
      ;
    }
  else if (!mp_process_is_over (self))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' has not ended", self->name);
    }
  else if (mp_child_get_failure (self->child) != NULL)
    {
      g_propagate_error (error, g_error_copy (mp_child_get_failure (self->child)));
    }
  else if (self->exit_code != 0)
    {
      g_autofree char *end = mp_exit_code_to_string (self->exit_code);

      g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "'%s' ended with %s", self->name, end);
    }
  else
    {
      ok = TRUE;
    }
  mp_pump_unlock (self->pump);
  return ok;
}

/**
 * mp_process_get_report:
 * @self: a process
 *
 * Gives the error that the child reported, with all that its language says of it.
 *
 * Returns: (transfer full) (nullable): (sissssay): error domain, code, message; class and traceback in the
 *   child's language; codec and bytes of the error itself, both empty if there is none. %NULL if nothing was
 *   reported
 *
 * Since: 1.0
 */
GVariant *
mp_process_get_report (MpProcess *self)
{
  GVariant *report;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  report = self->child != NULL ? mp_child_get_report (self->child) : NULL;
  if (report != NULL)
    g_variant_ref (report);
  mp_pump_unlock (self->pump);
  return report;
}

static const char *
state_to_string (MpProcessState state)
{
  static const char *names[] = { "initial", "starting", "started", "stopped", "closed" };

  return names[state];
}

/**
 * mp_process_to_string:
 * @self: a process
 *
 * Describes the object in a line, for people.
 *
 * Returns: (transfer full): `<Mp.Process name='Process-1' pid=4711 started>`, for people
 *
 * Since: 1.0
 */
char *
mp_process_to_string (MpProcess *self)
{
  GString *text = g_string_new (NULL);
  MpProcessState state;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  state = get_state_locked (self);
  g_string_append_printf (text, "<Mp.Process name='%s'", self->name);
  if (self->pid > 0)
    g_string_append_printf (text, " pid=%d", self->pid);
  g_string_append_printf (text, " %s", state_to_string (state));
  if (state == MP_PROCESS_STATE_STOPPED)
    {
      g_autofree char *end = mp_exit_code_to_string (self->exit_code);

      g_string_append_printf (text, " (%s)", end);
    }
  if (self->is_daemon)
    g_string_append (text, " daemon");
  g_string_append_c (text, '>');
  mp_pump_unlock (self->pump);
  return g_string_free (text, FALSE);
}
