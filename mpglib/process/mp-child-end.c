/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-child-base-private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-pidfd-private.h"

/* How long a template that lives may owe the status of a child that is gone, in seconds: one that is merely slow never
 * takes as long, one that hangs or was stopped holds up no join for ever */
#define STATUS_TIMEOUT 30.0
/* How long whoever reaps orphans may take for one, in seconds: there may be nobody who does, such as in a container */
#define ORPHAN_TIMEOUT 0.05
/* How much of what a dead child has said is read: more than a socket holds */
#define MAX_LAST_FRAMES 1024

gboolean
mp_child_send_signal_locked (MpChild  *self,
                             int       number,
                             GError  **error)
{
  if (self->state == MP_CHILD_NEW || self->state == MP_CHILD_STARTING)
    {
      if (self->pending_signal != SIGKILL)
        self->pending_signal = number;
      return TRUE;
    }
  if (self->pidfd < 0 || syscall (SYS_pidfd_send_signal, self->pidfd, number, NULL, 0) == 0 || errno == ESRCH)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "Cannot send signal %d to '%s' (pid %d): %s",
               number, mp_child_get_name (self), self->pid, g_strerror (errno));
  return FALSE;
}

gboolean
mp_child_signal_locked (MpChild  *self,
                        int       number,
                        GError  **error)
{
  self->was_ended = TRUE;
  return mp_child_send_signal_locked (self, number, error);
}

static void
set_failure_locked (MpChild *self)
{
  g_autofree char *end = mp_exit_code_to_string (self->exit_code);

  if (self->failure != NULL || self->state == MP_CHILD_READY || self->was_ended)
    return;
  if (self->exit_code < 0)
    g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED, "'%s' (%s) ended with %s before it was ready",
                 mp_child_get_name (self), self->program, end);
  else if (strcmp (self->language, "native") == 0)
    g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED,
                 "'%s' (%s) ended with %s before it was ready: the program must call mp_init() first thing in main(), "
                 "and nothing before that may end it", mp_child_get_name (self), self->program, end);
  else
    g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED,
                 "'%s' (%s) ended with %s before it was ready; what it wrote to standard error tells more",
                 mp_child_get_name (self), self->program, end);
}

/* Once, whoever comes first */
void
mp_child_end_locked (MpChild *self,
                     int      exit_code)
{
  if (self->state == MP_CHILD_ENDED)
    return;

  /* What it said before it died counts */
  for (int i = 0; i < MAX_LAST_FRAMES && mp_child_read_frame_locked (self); i++)
    ;
  if (self->said_hello)
    mp_child_say_ready_locked (self);
  self->exit_code = exit_code == MP_EXIT_UNKNOWN && self->has_finished ? self->finished_code : exit_code;
  set_failure_locked (self);

  mp_child_close_channel_locked (self);
  g_clear_pointer (&self->transport, mp_transport_free);
  if (self->pidfd_source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->pidfd_source));
  if (self->hello_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->hello_timer));
  if (self->status_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->status_timer));
  if (self->silence_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->silence_timer));
  mp_fd_close (&self->pidfd);

  if (self->request != 0)
    mp_template_forget (self->template_, self, self->request);
  mp_child_set_state_locked (self, MP_CHILD_ENDED);
  mp_child_unref (self);
}

static int
decode_wait_status (int status)
{
  return WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status);
}

/* ECHILD: somebody else reaped it, or the program ignores SIGCHLD */
static int
reap (int pidfd)
{
  siginfo_t info = { 0, };

  if (waitid (P_PIDFD, (id_t) pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
    return MP_EXIT_UNKNOWN;
  return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static void
on_status_timeout (guint32  events,
                   gpointer data)
{
  MpChild *self = data;

  self->status_timer = NULL;
  mp_child_end_locked (self, MP_EXIT_UNKNOWN);
}

static void
set_status_timer_locked (MpChild *self)
{
  double timeout = self->template_is_lost ? ORPHAN_TIMEOUT : STATUS_TIMEOUT;

  if (self->status_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, self->status_timer);
  self->status_timer = mp_pump_add_timer_locked (self->pump, mp_deadline_from_timeout (timeout),
                                                 on_status_timeout, self);
}

/* What can be known of a child that is gone.  One that has lost its template may be this process's to reap, if it is a
 * subreaper */
static gboolean
find_status_locked (MpChild *self,
                    int     *exit_code)
{
  int wait_status;

  if (mp_pidfd_get_status (self->pidfd, &wait_status))
    *exit_code = decode_wait_status (wait_status);
  else if (self->template_is_lost)
    *exit_code = reap (self->pidfd);
  else
    *exit_code = MP_EXIT_UNKNOWN;
  return *exit_code != MP_EXIT_UNKNOWN;
}

/* The template tells it; or the pidfd is heard of again, when the child has been reaped, and may have it (Linux 6.15).
 * Once there is neither a template nor somebody else who will reap, nobody can tell */
static void
await_status_locked (MpChild *self)
{
  int exit_code;

  if (find_status_locked (self, &exit_code) || (self->template_is_lost && self->pidfd_source == NULL))
    mp_child_end_locked (self, exit_code);
  else
    set_status_timer_locked (self);
}

static void
on_pidfd (guint32  events,
          gpointer data)
{
  MpChild *self = data;

  if (self->method == MP_START_METHOD_SPAWN)
    {
      mp_child_end_locked (self, reap (self->pidfd));
      return;
    }
  if (self->pidfd_is_over || (events & EPOLLHUP) != 0) /* reaped: there is nothing more to hear */
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->pidfd_source));
  else
    mp_pump_set_events_locked (self->pump, self->pidfd_source, 0);
  self->pidfd_is_over = TRUE;
  await_status_locked (self);
}

gboolean
mp_child_watch_locked (MpChild  *self,
                       GError  **error)
{
  self->pidfd_source = mp_pump_add_fd_locked (self->pump, self->pidfd, EPOLLIN, on_pidfd, self, error);
  return self->pidfd_source != NULL;
}

void
mp_child_exited_locked (MpChild *self,
                        int      wait_status)
{
  mp_child_end_locked (self, decode_wait_status (wait_status));
}

void
mp_child_lost_template_locked (MpChild *self)
{
  self->template_is_lost = TRUE;
  if (self->pidfd_is_over && self->state != MP_CHILD_ENDED)
    await_status_locked (self);
}
