/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-child-base-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-engine-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-lifeline-private.h"

/* --- the time it has -------------------------------------------------------------------------------------- */

static void
on_hello_timeout (guint32  events,
                  gpointer data)
{
  MpChild *self = data;

  self->hello_timer = NULL;
  /* Nothing was heard of it.  It is the template that hangs, or has been stopped: that one tells, and ends */
  if (self->state == MP_CHILD_STARTING && self->method == MP_START_METHOD_FORKSERVER)
    {
      mp_template_give_up (self->template_, self);
      return;
    }
  if (self->failure == NULL)
    {
      self->has_hung = TRUE;
      g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED,
                   "'%s' (%s, pid %d) did not become ready within %g s and was killed: something hangs while it "
                   "starts, such as a main loop that its module runs when it is loaded; the context's hello-timeout "
                   "sets the time", mp_child_get_name (self), self->program, self->pid, self->hello_timeout);
    }
  mp_child_send_signal_locked (self, SIGKILL, NULL);
}

/* Anew for each step: to be made, which may take the start of a template, and to become ready */
static void
set_hello_timer_locked (MpChild *self)
{
  MpPumpTimer *last = g_steal_pointer (&self->hello_timer);

  if (self->hello_timeout >= 0)
    self->hello_timer = mp_pump_add_timer_locked (self->pump, mp_deadline_from_timeout (self->hello_timeout),
                                                  on_hello_timeout, self);
  if (last != NULL) /* after the new one: so there is one all the time */
    mp_pump_remove_timer_locked (self->pump, last);
}

void
mp_child_say_ready_locked (MpChild *self)
{
  if (self->hello_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->hello_timer));
  mp_child_set_state_locked (self, MP_CHILD_READY);
}

/* --- starting --------------------------------------------------------------------------------------------- */

typedef struct {
  MpChild *child;
  int channel;
  int pid;
  int pidfd;
  GError *error;
} Start;

static void
finish_start_locked (gpointer data)
{
  Start *start = data;

  mp_child_made_locked (start->child, start->pid, start->pidfd, start->error);
  mp_child_unref (start->child);
  g_free (start);
}

/* On the engine's thread, without a lock.  The child is ours and unreaped: its pid cannot have been given to another
 * process when it is tied, and the pidfd is opened. */
static void
execute (gpointer data)
{
  Start *start = data;
  int lifeline = mp_lifeline_open (&start->error);

  start->pid = lifeline < 0 ? -1 : mp_spawn (start->child->recipe->plan, start->channel, lifeline, &start->error);
  if (start->pid > 0)
    mp_lifeline_tie (lifeline, start->pid);
  mp_fd_close (&lifeline);
  close (start->channel);
  if (start->pid > 0)
    {
      start->pidfd = (int) syscall (SYS_pidfd_open, start->pid, 0); /* close-on-exec by definition */
      if (start->pidfd < 0 && errno != ESRCH) /* where SIGCHLD is ignored, it may have come and gone */
        {
          g_set_error (&start->error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot watch process %d: %s",
                       start->pid, g_strerror (errno));
          kill (start->pid, SIGKILL);
          waitpid (start->pid, NULL, 0);
        }
    }
  mp_pump_post (start->child->pump, finish_start_locked, start);
}

/* The child finds its bootstrap in its channel when it is made: nobody waits for anybody */
static gboolean
send_bootstrap_locked (MpChild  *self,
                       GError  **error)
{
  MpIoStatus status = mp_child_send_locked (self, mp_bootstrap_to_frame (self->bootstrap), error);

  mp_fd_close (&self->bootstrap->requests_fd); /* the child's alone from now on */
  if (status >= MP_IO_CLOSED)
    return FALSE;
  if (self->arguments != NULL
      && mp_child_send_locked (self, g_steal_pointer (&self->arguments), error) >= MP_IO_CLOSED)
    {
      g_prefix_error (error, "The arguments of '%s' cannot be sent: ", mp_child_get_name (self));
      return FALSE;
    }
  return TRUE;
}

static Start *
start_new (MpChild *self)
{
  Start *start = g_new0 (Start, 1);

  start->child = mp_child_ref (self);
  start->channel = start->pidfd = -1;
  return start;
}

void
mp_child_start_locked (MpChild *self)
{
  GError *error = NULL;
  int channel = -1;
  Start *start;

  g_assert (self->state == MP_CHILD_NEW);
  mp_child_ref (self); /* until it has ended */
  self->state = MP_CHILD_STARTING;
  set_hello_timer_locked (self);

  if (!mp_child_open_channel_locked (self, &channel, &error) || !send_bootstrap_locked (self, &error))
    {
      /* The owner hears of it like of everything else: later, and not from within its own call */
      mp_fd_close (&channel);
      start = start_new (self);
      start->error = error;
      mp_pump_post (self->pump, finish_start_locked, start);
    }
  else if (self->method == MP_START_METHOD_FORKSERVER)
    {
      mp_template_fork (self->template_, self, channel);
    }
  else
    {
      start = start_new (self);
      start->channel = channel;
      mp_engine_run (execute, start);
    }
}

/* The template died, perhaps after it had given the channel away: so the child gets a new one.  Whoever has the old
 * one finds it closed. */
void
mp_child_ask_again_locked (MpChild *self,
                           int      exit_code)
{
  GError *error = NULL;
  int channel = -1;

  if (self->state != MP_CHILD_STARTING)
    return;
  mp_child_close_channel_locked (self);
  g_clear_pointer (&self->transport, mp_transport_free);
  if (self->silence_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->silence_timer));
  self->said_hello = self->has_finished = FALSE;

  if (self->was_asked_again)
    {
      if (self->failure == NULL)
        g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED,
                     "The template process died twice before it forked '%s'", mp_child_get_name (self));
      mp_child_end_locked (self, exit_code); /* as if it had come as far as its template */
      return;
    }
  self->was_asked_again = TRUE;
  self->arguments = g_steal_pointer (&self->arguments_again);
  if (mp_child_open_channel_locked (self, &channel, &error) && send_bootstrap_locked (self, &error))
    {
      set_hello_timer_locked (self);
      mp_template_fork (self->template_, self, channel);
      return;
    }
  mp_fd_close (&channel);
  mp_child_made_locked (self, 0, -1, error);
}

/* --- what becomes of it ----------------------------------------------------------------------------------- */

/* On the engine's thread, without a lock */
static void
reap_killed (gpointer data)
{
  int pidfd = GPOINTER_TO_INT (data);

  waitid (P_PIDFD, (id_t) pidfd, &(siginfo_t) { 0, }, WEXITED);
  close (pidfd);
}

/* Nobody would hear of its end; takes the error */
static void
give_up_unwatched_locked (MpChild *self,
                          GError  *error)
{
  syscall (SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
  if (self->method == MP_START_METHOD_SPAWN)
    mp_engine_run (reap_killed, GINT_TO_POINTER (self->pidfd));
  else
    close (self->pidfd);
  self->pidfd = -1;
  self->pid = 0;
  g_clear_error (&self->failure);
  self->failure = error;
  mp_child_end_locked (self, MP_EXIT_UNKNOWN);
}

void
mp_child_hung_locked (MpChild *self,
                      GError  *error)
{
  self->has_hung = TRUE;
  mp_child_made_locked (self, 0, -1, error);
}

void
mp_child_made_locked (MpChild *self,
                      int      pid,
                      int      pidfd,
                      GError  *error)
{
  if (self->state != MP_CHILD_STARTING)
    {
      g_clear_error (&error);
      mp_fd_close (&pidfd);
      return;
    }
  g_clear_pointer (&self->arguments_again, mp_frame_free);
  if (error != NULL)
    {
      if (self->failure == NULL)
        self->failure = g_steal_pointer (&error);
      g_clear_error (&error);
      mp_fd_close (&pidfd);
      mp_child_end_locked (self, MP_EXIT_UNKNOWN);
      return;
    }

  g_clear_pointer (&self->recipe, mp_recipe_unref);
  self->pid = pid;
  self->pidfd = pidfd;
  if (pidfd < 0)
    {
      mp_child_set_state_locked (self, MP_CHILD_MADE);
      mp_child_end_locked (self, MP_EXIT_UNKNOWN);
      return;
    }
  if (!mp_child_watch_locked (self, &error))
    {
      give_up_unwatched_locked (self, error);
      return;
    }
  if (self->failure == NULL)
    set_hello_timer_locked (self);
  mp_child_set_state_locked (self, MP_CHILD_MADE);
  if (self->said_hello)
    mp_child_say_ready_locked (self);
  if (self->pending_signal != 0)
    mp_child_send_signal_locked (self, self->pending_signal, NULL);
}

void
mp_child_forked_locked (MpChild *self,
                        guint64  request,
                        int      pid,
                        int      pidfd,
                        GError  *error)
{
  if (self->state == MP_CHILD_STARTING)
    self->request = request;
  else
    mp_template_forget (self->template_, self, request);
  mp_child_made_locked (self, pid, pidfd, error);
}
