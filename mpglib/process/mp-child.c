/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-child-private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-bootstrap-private.h"
#include "mp-clock-private.h"
#include "mp-context-private.h"
#include "mp-engine-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-identity-private.h"
#include "mp-launcher-private.h"
#include "mp-lifeline-private.h"
#include "mp-log-private.h"
#include "mp-marker-private.h"
#include "mp-pidfd-private.h"
#include "mp-report-private.h"
#include "mp-worker-private.h"

/* How long a template that lives may owe the status of a child that is gone, in seconds: one that is merely slow never
 * takes as long, one that hangs or was stopped holds up no join for ever */
#define STATUS_TIMEOUT 30.0
/* How long whoever reaps orphans may take for one, in seconds: there may be nobody who does, such as in a container */
#define ORPHAN_TIMEOUT 0.05
/* How long a child may live on without a channel where it is of no use without one, in seconds */
#define SILENCE_TIMEOUT 2.0
/* How much of what a dead child has said is read: more than a socket holds */
#define MAX_LAST_FRAMES 1024

struct _MpChild {
  gatomicrefcount refs;
  MpPump *pump;
  MpStartMethod method;
  MpTemplate *template_;   /* forkserver: until the child has ended */
  MpRecipe *recipe;        /* spawn: until it is executed */
  MpBootstrap *bootstrap;
  MpFrame *arguments;      /* until it is sent; nullable */
  MpFrame *arguments_again; /* forkserver: for a second template, until the child is made; nullable */
  char *program;           /* for messages */
  char *language;
  gboolean is_own;         /* this very program is what runs there */
  gdouble hello_timeout;

  /* guarded by the pump's lock */
  const MpChildEvents *events;
  gpointer data;
  MpChildState state;
  gboolean said_hello;     /* maybe before the starter told that it is made */
  gboolean has_finished;   /* it told the code it is going to exit with */
  int finished_code;
  guint64 request;         /* of the template, once it has made the child */
  gboolean template_is_lost;
  gboolean pidfd_is_over;  /* the process is gone, its status is awaited */
  gboolean was_asked_again; /* its first template died before it had answered */
  gboolean has_hung;       /* it was killed because it was not ready in time */
  gboolean was_ended;      /* its owner sent it a signal: that it ended is no failure */
  int pending_signal;
  int pid;
  int pidfd;
  int exit_code;
  GError *failure;
  GVariant *report;

  MpTransport *transport;
  MpPumpSource *channel_source;
  guint32 channel_events;
  MpPumpSource *pidfd_source;
  MpPumpTimer *hello_timer;
  MpPumpTimer *status_timer;
  MpPumpTimer *silence_timer;
};

static void end_locked (MpChild *self, int exit_code);

/* --- life ------------------------------------------------------------------------------------------------- */

static MpBootstrap *
new_bootstrap (const MpChildSpec *spec,
               const MpRecipe    *recipe,
               MpStartMethod      method)
{
  MpBootstrap *bootstrap = g_new0 (MpBootstrap, 1);

  mp_worker_role_from_string (spec->role, &bootstrap->role);
  bootstrap->name = g_strdup (spec->name);
  bootstrap->identity = spec->identity != NULL ? g_strdup (spec->identity) : mp_identity_new_child ();
  bootstrap->is_forked = method == MP_START_METHOD_FORKSERVER;
  bootstrap->target = g_strdup (spec->target);
  bootstrap->spread = spec->spread;
  bootstrap->has_arguments = spec->arguments != NULL;
  bootstrap->generation = mp_marker_get_generation () + 1;
  bootstrap->hello_timeout = recipe->hello_timeout;
  bootstrap->family_fd = bootstrap->requests_fd = -1;
  bootstrap->preparation = recipe->preparation != NULL ? g_variant_ref (recipe->preparation) : NULL;
  if (spec->key != NULL)
    bootstrap->key = *spec->key;
  else
    mp_own_key_get (&bootstrap->key);
  return bootstrap;
}

/* Programs that start themselves without end are stopped here: while their main module is being loaded, and by
 * their number of generations */
static gboolean
check_may_start (const MpChildSpec  *spec,
                 GError            **error)
{
  if (mp_worker_is_starting ())
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "'%s' cannot be started while this process itself is being started: its main module starts "
                   "processes when it is loaded. Put the program's own work under `if __name__ == '__main__':`, or "
                   "where loading the module does not run it", spec->name);
      return FALSE;
    }
  if (mp_marker_get_generation () >= MP_MARKER_GENERATIONS)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "'%s' would be process of generation %u: a program seems to start itself without end",
                   spec->name, mp_marker_get_generation () + 1);
      return FALSE;
    }
  return TRUE;
}

/* Without the message: the engine may be who lets the frame go, and a language may know the message */
static MpFrame *
prepare_arguments (const MpChildSpec  *spec,
                   GError            **error)
{
  g_autoptr (MpFrame) frame = mp_frame_new (MP_FRAME_MESSAGE, 0, 0, NULL, spec->arguments);

  if (!mp_transport_prepare (frame, error))
    {
      g_prefix_error (error, "The arguments of '%s' cannot be sent: ", spec->name);
      return NULL;
    }
  g_clear_object (&frame->message);
  return g_steal_pointer (&frame);
}

static gboolean
set_arguments (MpChild            *self,
               const MpChildSpec  *spec,
               GError            **error)
{
  if (spec->arguments == NULL)
    return TRUE;
  mp_message_unpack (spec->arguments);
  self->arguments = prepare_arguments (spec, error);
  if (self->arguments == NULL)
    return FALSE;
  if (self->method == MP_START_METHOD_FORKSERVER)
    self->arguments_again = prepare_arguments (spec, error);
  return self->method == MP_START_METHOD_SPAWN || self->arguments_again != NULL;
}

MpChild *
mp_child_new (MpPump               *pump,
              const MpChildSpec    *spec,
              const MpChildEvents  *events,
              gpointer              data,
              GError              **error)
{
  MpStartMethod method = MP_START_METHOD_SPAWN;
  g_autoptr (MpRecipe) recipe = NULL;
  g_autoptr (MpChild) self = NULL;

  if (!check_may_start (spec, error))
    return NULL;
  if (spec->context != NULL
      && (!mp_context_check_target (spec->context, spec->target, error)
          || !mp_context_resolve_method (spec->context, &method, error)))
    return NULL;

  if (!mp_pump_open (pump, error)
      || (method == MP_START_METHOD_FORKSERVER && !mp_pump_open (mp_pump_get_shared (), error)))
    return NULL;
  recipe = spec->context != NULL ? mp_context_new_recipe (spec->context, method) : mp_recipe_ref (spec->recipe);
  self = g_new0 (MpChild, 1);
  g_atomic_ref_count_init (&self->refs);
  self->pump = mp_pump_ref (pump);
  self->method = method;
  self->pidfd = -1;
  self->bootstrap = new_bootstrap (spec, recipe, method);
  self->program = g_strdup (recipe->plan->argv[0]);
  self->language = g_strdup (recipe->language);
  self->is_own = spec->context != NULL && mp_launcher_is_own (mp_context_get_launcher (spec->context));
  self->hello_timeout = recipe->hello_timeout;
  self->events = events;
  self->data = data;
  if (method == MP_START_METHOD_FORKSERVER)
    self->template_ = mp_context_ref_template (spec->context, recipe);
  else
    self->recipe = g_steal_pointer (&recipe);
  return set_arguments (self, spec, error) ? g_steal_pointer (&self) : NULL;
}

void
mp_child_take_requests (MpChild *self,
                        int      fd)
{
  self->bootstrap->requests_fd = fd;
}

MpChild *
mp_child_ref (MpChild *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_child_unref (MpChild *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_clear_pointer (&self->transport, mp_transport_free);
  g_clear_pointer (&self->template_, mp_template_unref);
  g_clear_pointer (&self->recipe, mp_recipe_unref);
  g_clear_pointer (&self->bootstrap, mp_bootstrap_free);
  g_clear_pointer (&self->arguments, mp_frame_free);
  g_clear_pointer (&self->arguments_again, mp_frame_free);
  g_clear_error (&self->failure);
  g_clear_pointer (&self->report, g_variant_unref);
  mp_fd_close (&self->pidfd);
  g_free (self->program);
  g_free (self->language);
  mp_pump_unref (self->pump);
  g_free (self);
}

void
mp_child_forget_locked (MpChild *self)
{
  self->events = NULL;
  self->data = NULL;
}

static void
set_state_locked (MpChild      *self,
                  MpChildState  state)
{
  if (self->state >= state)
    return;
  self->state = state;
  if (self->events != NULL && state >= MP_CHILD_MADE)
    self->events->state_changed (self, self->data);
  mp_pump_changed_locked (self->pump);
}

/* --- the channel ------------------------------------------------------------------------------------------ */

static const char *
get_name (MpChild *self)
{
  return self->bootstrap->name;
}

static gboolean
send_signal_locked (MpChild  *self,
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
               number, get_name (self), self->pid, g_strerror (errno));
  return FALSE;
}

static void
close_channel_locked (MpChild *self)
{
  if (self->channel_source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->channel_source));
}

static void
update_channel_events_locked (MpChild *self)
{
  guint32 events;

  if (self->channel_source == NULL)
    return;
  events = EPOLLIN | (guint32) mp_transport_get_receive_events (self->transport);
  if (mp_transport_get_n_queued (self->transport) > 0)
    events |= (guint32) mp_transport_get_send_events (self->transport); /* poll's bits are epoll's */
  if (events != self->channel_events)
    mp_pump_set_events_locked (self->pump, self->channel_source, events);
  self->channel_events = events;
}

static void
say_ready_locked (MpChild *self)
{
  if (self->hello_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->hello_timer));
  set_state_locked (self, MP_CHILD_READY);
}

static void
keep_report_locked (MpChild *self,
                    MpFrame *frame)
{
  g_autoptr (GVariant) report = NULL;

  if (self->failure != NULL)
    return;
  report = mp_frame_dup_value (frame, G_VARIANT_TYPE (MP_REPORT_TYPE), NULL);
  if (report == NULL)
    return;
  self->report = g_steal_pointer (&report);
  self->failure = mp_report_to_error (self->report, self->is_own, get_name (self));
  if (self->events != NULL && self->events->failed != NULL)
    self->events->failed (self, self->data);
}

static void
handle_frame_locked (MpChild *self,
                     MpFrame *frame)
{
  switch (frame->kind)
    {
    case MP_FRAME_HELLO:
      self->said_hello = TRUE;
      if (self->state == MP_CHILD_MADE)
        say_ready_locked (self);
      break;
    case MP_FRAME_FINISHED:
      self->has_finished = TRUE;
      self->finished_code = (int) (gint64) frame->serial;
      if (self->bootstrap->role == MP_WORKER_ROLE_PROCESS && self->state == MP_CHILD_READY)
        close_channel_locked (self); /* nothing follows but its end, which the pidfd tells */
      break;
    case MP_FRAME_FAILED:
      if (frame->serial == 0)
        {
          keep_report_locked (self, frame);
          break;
        }
      /* a template's answer to a request */
      G_GNUC_FALLTHROUGH;
    default:
      if (self->events != NULL)
        self->events->frame (self, frame, self->data);
    }
}

/* A child whose frames make no sense is not to be trusted with anything any more */
static void
condemn_locked (MpChild      *self,
                const GError *error)
{
  mp_log_subwarning ("'%s' (pid %d) is killed, its channel is broken: %s", get_name (self), self->pid,
                     error != NULL ? error->message : "a frame cannot be sent");
  if (self->failure == NULL && error != NULL)
    self->failure = g_error_copy (error);
  close_channel_locked (self);
  send_signal_locked (self, SIGKILL, NULL);
}

static void
on_silence_timeout (guint32  events,
                    gpointer data)
{
  MpChild *self = data;

  self->silence_timer = NULL;
  send_signal_locked (self, SIGKILL, NULL);
}

/* A process may close its channel and go on with its target; a worker, or one that still starts, is nothing without */
static void
lose_channel_locked (MpChild *self)
{
  close_channel_locked (self);
  if (self->bootstrap->role == MP_WORKER_ROLE_PROCESS && self->state == MP_CHILD_READY)
    return;
  if (self->silence_timer == NULL)
    self->silence_timer = mp_pump_add_timer_locked (self->pump, mp_deadline_from_timeout (SILENCE_TIMEOUT),
                                                    on_silence_timeout, self);
}

/* Returns whether more may come at once */
static gboolean
read_frame_locked (MpChild *self)
{
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;

  if (self->channel_source == NULL)
    return FALSE;
  switch (mp_transport_receive (self->transport, &frame, &error))
    {
    case MP_IO_DONE:
      handle_frame_locked (self, frame);
      return TRUE;
    case MP_IO_AGAIN:
      return FALSE;
    case MP_IO_CLOSED:
      lose_channel_locked (self);
      return FALSE;
    case MP_IO_FAILED:
    default:
      condemn_locked (self, error);
      return FALSE;
    }
}

static void
on_channel (guint32  events,
            gpointer data)
{
  g_autoptr (MpChild) self = mp_child_ref (data);
  g_autoptr (GError) error = NULL;

  /* A frame that cannot be sent at all is one that nobody will ever answer; a channel that is closed shows when it is
   * read */
  if (self->channel_source != NULL && mp_transport_get_n_queued (self->transport) > 0
      && mp_transport_flush (self->transport, &error) == MP_IO_FAILED)
    condemn_locked (self, error);
  for (int i = 0; i < 256 && read_frame_locked (self); i++) /* others have their turn */
    ;
  update_channel_events_locked (self);
}

MpIoStatus
mp_child_send_locked (MpChild  *self,
                      MpFrame  *frame,
                      GError  **error)
{
  gboolean was_queued;
  MpIoStatus status;

  if (self->channel_source == NULL)
    {
      mp_frame_free (frame);
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "'%s' is at its end", get_name (self));
      return MP_IO_CLOSED;
    }
  was_queued = mp_transport_get_n_queued (self->transport) > 0;
  status = mp_transport_push (self->transport, frame, error);
  /* It may be one before it that cannot be sent, whose owner would wait for ever */
  if (status == MP_IO_FAILED && was_queued)
    condemn_locked (self, error != NULL ? *error : NULL);
  update_channel_events_locked (self);
  return status;
}

guint
mp_child_get_n_unsent_locked (MpChild *self)
{
  return self->channel_source != NULL ? mp_transport_get_n_queued (self->transport) : 0;
}

void
mp_child_hang_up_locked (MpChild *self)
{
  close_channel_locked (self);
  g_clear_pointer (&self->transport, mp_transport_free);
}

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
                   "sets the time", get_name (self), self->program, self->pid, self->hello_timeout);
    }
  send_signal_locked (self, SIGKILL, NULL);
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
 * process when the pidfd is opened. */
static void
execute (gpointer data)
{
  Start *start = data;
  int lifeline = mp_lifeline_get_fd (&start->error);

  start->pid = lifeline < 0 ? -1 : mp_spawn (start->child->recipe->plan, start->channel, lifeline, &start->error);
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

static gboolean
open_channel_locked (MpChild  *self,
                     int      *channel,
                     GError  **error)
{
  int ends[2];

  if (!mp_transport_new_pair (ends, error))
    return FALSE;
  self->transport = mp_transport_new (ends[0]);
  *channel = ends[1];
  self->channel_events = EPOLLIN;
  self->channel_source = mp_pump_add_fd_locked (self->pump, ends[0], EPOLLIN, on_channel, self, error);
  return self->channel_source != NULL;
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
      g_prefix_error (error, "The arguments of '%s' cannot be sent: ", get_name (self));
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

  if (!open_channel_locked (self, &channel, &error) || !send_bootstrap_locked (self, &error))
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
mp_child_ask_again_locked (MpChild *self)
{
  GError *error = NULL;
  int channel = -1;

  if (self->state != MP_CHILD_STARTING)
    return;
  close_channel_locked (self);
  g_clear_pointer (&self->transport, mp_transport_free);
  if (self->silence_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->silence_timer));
  self->said_hello = self->has_finished = FALSE;

  if (self->was_asked_again)
    g_set_error (&error, MP_ERROR, MP_ERROR_START_FAILED, "The template process died twice before it forked '%s'",
                 get_name (self));
  self->was_asked_again = TRUE;
  self->arguments = g_steal_pointer (&self->arguments_again);
  if (error == NULL && open_channel_locked (self, &channel, &error) && send_bootstrap_locked (self, &error))
    {
      set_hello_timer_locked (self);
      mp_template_fork (self->template_, self, channel);
      return;
    }
  mp_fd_close (&channel);
  mp_child_made_locked (self, 0, -1, error);
}

/* --- ending ----------------------------------------------------------------------------------------------- */

static void
set_failure_locked (MpChild *self)
{
  g_autofree char *end = mp_exit_code_to_string (self->exit_code);

  if (self->failure != NULL || self->state == MP_CHILD_READY || self->was_ended)
    return;
  if (self->exit_code < 0)
    g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED, "'%s' (%s) ended with %s before it was ready",
                 get_name (self), self->program, end);
  else if (strcmp (self->language, "native") == 0)
    g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED,
                 "'%s' (%s) ended with %s before it was ready: the program must call mp_init() first thing in main(), "
                 "and nothing before that may end it", get_name (self), self->program, end);
  else
    g_set_error (&self->failure, MP_ERROR, MP_ERROR_START_FAILED,
                 "'%s' (%s) ended with %s before it was ready; what it wrote to standard error tells more",
                 get_name (self), self->program, end);
}

/* Once, whoever comes first */
static void
end_locked (MpChild *self,
            int      exit_code)
{
  if (self->state == MP_CHILD_ENDED)
    return;

  for (int i = 0; i < MAX_LAST_FRAMES && read_frame_locked (self); i++) /* what it said before it died counts */
    ;
  if (self->said_hello)
    say_ready_locked (self);
  self->exit_code = exit_code == MP_EXIT_UNKNOWN && self->has_finished ? self->finished_code : exit_code;
  set_failure_locked (self);

  close_channel_locked (self);
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
  set_state_locked (self, MP_CHILD_ENDED);
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
  end_locked (self, MP_EXIT_UNKNOWN);
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
    end_locked (self, exit_code);
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
      end_locked (self, reap (self->pidfd));
      return;
    }
  if (self->pidfd_is_over || (events & EPOLLHUP) != 0) /* reaped: there is nothing more to hear */
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->pidfd_source));
  else
    mp_pump_set_events_locked (self->pump, self->pidfd_source, 0);
  self->pidfd_is_over = TRUE;
  await_status_locked (self);
}

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
  end_locked (self, MP_EXIT_UNKNOWN);
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
      end_locked (self, MP_EXIT_UNKNOWN);
      return;
    }

  g_clear_pointer (&self->recipe, mp_recipe_unref);
  self->pid = pid;
  self->pidfd = pidfd;
  if (pidfd < 0)
    {
      set_state_locked (self, MP_CHILD_MADE);
      end_locked (self, MP_EXIT_UNKNOWN);
      return;
    }
  self->pidfd_source = mp_pump_add_fd_locked (self->pump, pidfd, EPOLLIN, on_pidfd, self, &error);
  if (self->pidfd_source == NULL)
    {
      give_up_unwatched_locked (self, error);
      return;
    }
  if (self->failure == NULL)
    set_hello_timer_locked (self);
  set_state_locked (self, MP_CHILD_MADE);
  if (self->said_hello)
    say_ready_locked (self);
  if (self->pending_signal != 0)
    send_signal_locked (self, self->pending_signal, NULL);
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

void
mp_child_exited_locked (MpChild *self,
                        int      wait_status)
{
  end_locked (self, decode_wait_status (wait_status));
}

void
mp_child_lost_template_locked (MpChild *self)
{
  self->template_is_lost = TRUE;
  if (self->pidfd_is_over && self->state != MP_CHILD_ENDED)
    await_status_locked (self);
}

gboolean
mp_child_signal_locked (MpChild  *self,
                        int       number,
                        GError  **error)
{
  self->was_ended = TRUE;
  return send_signal_locked (self, number, error);
}

/* --- accessors -------------------------------------------------------------------------------------------- */

MpPump *
mp_child_get_pump (MpChild *self)
{
  return self->pump;
}

MpChildState
mp_child_get_state (MpChild *self)
{
  return self->state;
}

const char *
mp_child_get_name (MpChild *self)
{
  return get_name (self);
}

int
mp_child_get_pid (MpChild *self)
{
  return self->pid;
}

int
mp_child_get_pidfd (MpChild *self)
{
  return self->pidfd;
}

int
mp_child_get_exit_code (MpChild *self)
{
  return self->exit_code;
}

const GError *
mp_child_get_failure (MpChild *self)
{
  return self->failure;
}

gboolean
mp_child_cannot_begin (MpChild *self)
{
  return self->failure != NULL && self->state >= MP_CHILD_MADE && self->pid != 0
         && !self->said_hello && !self->was_ended;
}

gboolean
mp_child_has_hung (MpChild *self)
{
  return self->has_hung;
}

GVariant *
mp_child_get_report (MpChild *self)
{
  return self->report;
}

char *
mp_exit_code_to_string (int exit_code)
{
  const char *name;

  if (exit_code == MP_EXIT_UNKNOWN)
    return g_strdup ("an unknown status");
  if (exit_code >= 0)
    return g_strdup_printf ("exit code %d", exit_code);
  name = sigabbrev_np (-exit_code);
  return name != NULL ? g_strdup_printf ("signal %d (SIG%s)", -exit_code, name)
                      : g_strdup_printf ("signal %d", -exit_code);
}
