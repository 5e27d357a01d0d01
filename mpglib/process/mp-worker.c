/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-worker-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "mp-bootstrap-private.h"
#include "mp-clock-private.h"
#include "mp-connection-private.h"
#include "mp-enums.h"
#include "mp-error.h"
#include "mp-fork-record-private.h"
#include "mp-fork-server-private.h"
#include "mp-identity-private.h"
#include "mp-lifeline-private.h"
#include "mp-marker-private.h"
#include "mp-report-private.h"
#include "mp-table-private.h"
#include "mp-warm-up-private.h"

/**
 * MpWorker:
 *
 * This process, where it is a child: what the runtime of a language needs to
 * run that language's functions for a parent.
 *
 * Programs do not use it, whoever brings a language to mpglib does. In C and
 * Vala [func@Mp.init] does all of it. The worker program of another language
 * goes this way:
 *
 * 1. [func@Mp.Worker.open] consumes the marker that the parent left.
 * 2. If the role is %MP_WORKER_ROLE_TEMPLATE: load what all workers need, then
 *    fork, by the language's own means, whenever [method@Mp.Worker.wait_fork]
 *    returns %TRUE, and tell with [method@Mp.Worker.forked_parent] and
 *    [method@Mp.Worker.forked_child]; the child goes on with the next step, the
 *    parent ends when it returns %FALSE.
 * 3. Do what [method@Mp.Worker.get_preparation] says, in the language's terms.
 * 4. If the role is %MP_WORKER_ROLE_PROCESS: find the target, say
 *    [method@Mp.Worker.ready], run the target with
 *    [method@Mp.Worker.get_arguments], tell with [method@Mp.Worker.report] if it
 *    failed, and with [method@Mp.Worker.finish] what the exit code will be.
 * 5. If the role is %MP_WORKER_ROLE_POOL: say [method@Mp.Worker.ready], then run
 *    one task after another.
 *
 * What fails before step 4's or 5's ready is told by report() and finish() as
 * well: the parent's start fails with it. A worker of a pool that finds later on
 * that it cannot load what a task needs, and had better not go on, reports
 * %MP_ERROR_NO_TARGET and ends likewise: the tasks of that target fail with it.
 *
 * Loading modules is put between [method@Mp.Worker.begin_loading] and
 * [method@Mp.Worker.end_loading].
 *
 * All calls are made on one thread. They block; a worker has nothing else to do.
 *
 * Only [func@Mp.Worker.open] gives a worker. One that is none, made by g_object_new() or left by an
 * open() that failed, fails with %MP_ERROR_INVALID_STATE, and tells nobody anything.
 *
 * Since: 1.0
 */

struct _MpWorker {
  GObject parent_instance;

  MpTransport *transport; /* NULL: made by g_object_new(), or of a child that could not become one */
  MpPump *pump; /* of a role that has its channel served by one */
  MpBootstrap *bootstrap; /* NULL: likewise, or the parent left none */
  MpMessage *arguments;
  MpForkServer *fork_server; /* of a template, from its first wait */
  GBytes *usual_bootstrap;   /* likewise: the body of one such as children get */
  struct
  {
    MpForkServer *fork_server;
    MpTransport *transport;
    MpBootstrap *bootstrap;
  } of_template;             /* of a child that was forked; let alone, see mp_fork_server_become_child() */
  int host_pid;
  gboolean is_ready;
  gboolean has_finished;

  GThread *loading_thread; /* atomic: what loads, if something is loaded */
  MpPumpTimer *loading_timer; /* guarded by the pump, and so are these */
  char *loading_what;
  char *loading_remedy;
};

G_DEFINE_FINAL_TYPE (MpWorker, mp_worker, G_TYPE_OBJECT)

static MpWorker *current; /* for ever, once the process is known to be a child */
static MpRoleFunc role_funcs[MP_WORKER_ROLE_TEMPLATE + 1];

static void
mp_worker_finalize (GObject *object)
{
  MpWorker *self = MP_WORKER (object);

  g_clear_pointer (&self->fork_server, mp_fork_server_free);
  g_clear_pointer (&self->transport, mp_transport_free);
  g_clear_pointer (&self->bootstrap, mp_bootstrap_free);
  g_clear_pointer (&self->usual_bootstrap, g_bytes_unref);
  g_clear_object (&self->arguments);
  g_free (self->loading_what);
  g_free (self->loading_remedy);
  G_OBJECT_CLASS (mp_worker_parent_class)->finalize (object);
}

static void
mp_worker_class_init (MpWorkerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mp_worker_finalize;
}

static void
mp_worker_init (MpWorker *self)
{
}

/* --- the channel, blocking -------------------------------------------------------------------------------- */

static void
wait_for (MpWorker *self,
          short     events)
{
  struct pollfd descriptor = { .fd = mp_transport_get_fd (self->transport), .events = events };

  while (poll (&descriptor, 1, -1) < 0 && errno == EINTR)
    ;
}

static MpFrame *
receive (MpWorker  *self,
         GError   **error)
{
  for (;;)
    {
      MpFrame *frame = NULL;

      switch (mp_transport_receive (self->transport, &frame, error))
        {
        case MP_IO_DONE:
          return frame;
        case MP_IO_AGAIN:
          wait_for (self, mp_transport_get_receive_events (self->transport));
          break;
        case MP_IO_CLOSED:
        case MP_IO_FAILED:
        default:
          return NULL;
        }
    }
}

static void
lock (MpWorker *self)
{
  if (self->pump != NULL)
    mp_pump_lock (self->pump);
}

static void
unlock (MpWorker *self)
{
  if (self->pump != NULL)
    mp_pump_unlock (self->pump);
}

static gboolean
check_worker (MpWorker  *self,
              GError   **error)
{
  if (self->transport != NULL && self->bootstrap != NULL)
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                       "The worker is none of this process: mp_worker_open() gives that");
  return FALSE;
}

/* Waits for the parent to take it, and lets others have the channel meanwhile: a task that reports progress must
 * not wait for that too */
gboolean
mp_worker_send (MpWorker  *self,
                MpFrame   *frame,
                GError   **error)
{
  MpIoStatus status;

  if (self->transport == NULL)
    {
      mp_frame_free (frame);
      return check_worker (self, error);
    }

  lock (self);
  status = mp_transport_push (self->transport, frame, error);
  while (status < MP_IO_CLOSED && mp_transport_get_n_queued (self->transport) > 0)
    {
      unlock (self);
      wait_for (self, POLLOUT);
      lock (self);
      status = mp_transport_flush (self->transport, error);
    }
  unlock (self);
  return status < MP_IO_CLOSED;
}

void
mp_worker_set_pump (MpWorker *self,
                    MpPump   *pump)
{
  self->pump = pump;
}

MpTransport *
mp_worker_get_transport (MpWorker *self)
{
  return self->transport;
}

/* --- becoming a child ------------------------------------------------------------------------------------- */

static gboolean
read_bootstrap (MpWorker  *self,
                GError   **error)
{
  g_autoptr (MpFrame) frame = NULL;

  /* A bootstrap is no message to anybody */
  mp_transport_set_raw (self->transport, TRUE);
  frame = receive (self, error);
  mp_transport_set_raw (self->transport, FALSE);
  if (frame == NULL)
    return FALSE;
  self->bootstrap = mp_bootstrap_from_frame (frame, error);
  return self->bootstrap != NULL;
}

static gboolean
become (MpWorker  *self,
        GError   **error)
{
  mp_identity_set (self->bootstrap->name, self->bootstrap->identity, &self->bootstrap->key);
  mp_table_inherit (&self->bootstrap->family_fd);

  if (self->bootstrap->has_arguments)
    {
      g_autoptr (MpFrame) arguments = receive (self, error);

      if (arguments == NULL)
        return FALSE;
      g_set_object (&self->arguments, mp_frame_get_message (arguments));
    }
  return TRUE;
}

/**
 * mp_worker_open:
 * @error: return location for an error
 *
 * Makes this process the child that its parent started it as.
 *
 * From then on the process dies with the program that it works for.
 *
 * Returns: (transfer none) (nullable): the worker that this process is; %NULL without an error
 *   if it was not started by mpglib; %NULL with %MP_ERROR_START_FAILED or %MP_ERROR_CORRUPTED if
 *   it was, but something is wrong with what its parent left
 *
 * Since: 1.0
 */
MpWorker *
mp_worker_open (GError **error)
{
  MpMarker marker;

  if (current != NULL)
    return current;
  if (!mp_marker_take (&marker, error))
    return NULL;

  current = g_object_new (MP_TYPE_WORKER, NULL);
  current->host_pid = marker.host_pid;
  current->transport = mp_transport_new (MP_MARKER_CHANNEL_FD);
  if (!read_bootstrap (current, error) || !become (current, error))
    return NULL;

  /* A template is not killed with its host, but while it starts: it sees it die, and kills its children before it
   * ends */
  if (current->bootstrap->role != MP_WORKER_ROLE_TEMPLATE)
    {
      mp_lifeline_bind_to_parent (marker.host_pid);
      if (!mp_lifeline_hold (MP_MARKER_LIFELINE_FD, error))
        return NULL;
    }
  return current;
}

/**
 * mp_worker_get_current:
 *
 * Gives the worker that this process is, or %NULL if it is no child of another
 * one (or is not known to be: see [func@Mp.Worker.open]).
 *
 * Returns: (transfer none) (nullable): the worker that this process is, or %NULL if it is no child of
 *   another one (or is not known to be: see [func@Mp.Worker.open])
 *
 * Since: 1.0
 */
MpWorker *
mp_worker_get_current (void)
{
  return current;
}

gboolean
mp_worker_is_starting (void)
{
  if (current == NULL || current->bootstrap == NULL || current->bootstrap->role == MP_WORKER_ROLE_TEMPLATE)
    return FALSE;
  return !current->is_ready || g_atomic_pointer_get (&current->loading_thread) == g_thread_self ();
}

/* --- what it is told -------------------------------------------------------------------------------------- */

/**
 * mp_worker_get_role:
 * @self: the worker
 *
 * Tells what the process was started for.
 *
 * Returns: what the process was started for
 *
 * Since: 1.0
 */
MpWorkerRole
mp_worker_get_role (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), MP_WORKER_ROLE_PROCESS);

  return self->bootstrap != NULL ? self->bootstrap->role : MP_WORKER_ROLE_PROCESS;
}

/**
 * mp_worker_get_name:
 * @self: the worker
 *
 * Gives the name of the process, for people.
 *
 * Returns: the name of the process, for people; empty if the worker is none
 *
 * Since: 1.0
 */
const char *
mp_worker_get_name (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), NULL);

  return self->bootstrap != NULL ? self->bootstrap->name : "";
}

/**
 * mp_worker_get_target:
 * @self: the worker
 *
 * Gives the target to run, %NULL if the role has none.
 *
 * Returns: (nullable): the target to run, %NULL if the role has none
 *
 * Since: 1.0
 */
const char *
mp_worker_get_target (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), NULL);

  return self->bootstrap != NULL ? self->bootstrap->target : NULL;
}

/**
 * mp_worker_get_arguments:
 * @self: the worker
 *
 * Tells what the target is to be called with, %NULL for no arguments.
 *
 * Returns: (transfer none) (nullable): what the target is to be called with, %NULL for no arguments
 *
 * Since: 1.0
 */
MpMessage *
mp_worker_get_arguments (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), NULL);

  return self->arguments;
}

/**
 * mp_worker_get_spread:
 * @self: the worker
 *
 * Tells whether the arguments are a tuple with one member an argument, and not
 * one argument.
 *
 * Returns: whether the arguments are a tuple with one member an argument, and not one argument
 *
 * Since: 1.0
 */
gboolean
mp_worker_get_spread (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), FALSE);

  return self->bootstrap != NULL && self->bootstrap->spread;
}

/**
 * mp_worker_get_preparation:
 * @self: the worker
 *
 * Tells what the parent's launcher says to every worker.
 *
 * Returns: (transfer full) (nullable): what the parent's launcher says to every worker
 *
 * Since: 1.0
 */
GVariant *
mp_worker_get_preparation (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), NULL);

  if (self->bootstrap == NULL || self->bootstrap->preparation == NULL)
    return NULL;
  return g_variant_ref (self->bootstrap->preparation);
}

/**
 * mp_worker_to_string:
 * @self: the worker
 *
 * Describes the object in a line, for people.
 *
 * Returns: (transfer full): `<Mp.Worker process 'Process-1'>`
 *
 * Since: 1.0
 */
char *
mp_worker_to_string (MpWorker *self)
{
  g_return_val_if_fail (MP_IS_WORKER (self), NULL);

  if (self->bootstrap == NULL)
    return g_strdup ("<Mp.Worker of no process>");
  return g_strdup_printf ("<Mp.Worker %s '%s'>", mp_worker_role_to_string (self->bootstrap->role),
                          self->bootstrap->name);
}

/* --- a template ------------------------------------------------------------------------------------------- */

/* What a child does to become one, done here once over a pair of the template's own.  Otherwise each child would be
 * the first: to bind the functions that it calls, to look up types, to make the heap grow. */
static void
rehearse (MpWorker *self)
{
  MpBootstrap bootstrap = *self->bootstrap;
  g_autoptr (MpBootstrap) copy = NULL;
  g_autoptr (MpFrame) frame = NULL;
  MpTransport *host, *child;
  int ends[2];

  if (!mp_transport_new_pair (ends, NULL))
    return;
  bootstrap.role = MP_WORKER_ROLE_PROCESS;
  bootstrap.is_forked = TRUE;
  frame = mp_bootstrap_to_frame (&bootstrap);
  self->usual_bootstrap = g_bytes_ref (mp_frame_get_body (frame));
  host = mp_transport_new (ends[0]);
  child = mp_transport_new (ends[1]);
  mp_transport_set_raw (child, TRUE);
  mp_transport_push (host, g_steal_pointer (&frame), NULL);
  if (mp_transport_receive (child, &frame, NULL) == MP_IO_DONE)
    copy = mp_bootstrap_from_frame (frame, NULL);
  mp_transport_push (child, mp_frame_new (MP_FRAME_HELLO, 0, 0, NULL, NULL), NULL);
  mp_transport_free (child);
  mp_transport_free (host);
}

static MpForkServer *
new_fork_server (MpWorker  *self,
                 GError   **error)
{
  int requests_fd = self->bootstrap->requests_fd;

  self->bootstrap->requests_fd = -1;
  if (requests_fd >= 0)
    return mp_fork_server_new (self->transport, requests_fd, self->host_pid, error);
  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "There was no file descriptor left for the template's requests");
  return NULL;
}

/**
 * mp_worker_wait_fork:
 * @self: the worker of a template process
 *
 * Waits until a child is wanted, and meanwhile tells the host of children that ended.
 *
 * The process must have one thread: a child with locks held by threads that it
 * does not have could hang, so a request to a template with more is refused.
 *
 * Returns: %TRUE if a child is wanted: fork now, then call [method@Mp.Worker.forked_parent] and
 *   [method@Mp.Worker.forked_child]; %FALSE if the template is not needed any more: end
 *
 * Since: 1.0
 */
gboolean
mp_worker_wait_fork (MpWorker *self)
{
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (MP_IS_WORKER (self), FALSE);

  if (!check_worker (self, NULL))
    return FALSE;
  g_return_val_if_fail (self->bootstrap->role == MP_WORKER_ROLE_TEMPLATE, FALSE);

  if (self->fork_server == NULL)
    {
      self->fork_server = new_fork_server (self, &error);
      if (self->fork_server == NULL)
        {
          mp_worker_report_error (self, error);
          return FALSE;
        }
      mp_lifeline_prepare (MP_MARKER_LIFELINE_FD);
      rehearse (self);
      if (!mp_worker_ready (self, NULL))
        return FALSE;
    }
  return mp_fork_server_wait (self->fork_server);
}

/**
 * mp_worker_forked_parent:
 * @self: the worker of a template process
 * @pid: what fork returned: the child's process id, or -1 (errno tells why)
 *
 * Tells the host of the child that it wanted.
 *
 * Since: 1.0
 */
void
mp_worker_forked_parent (MpWorker *self,
                         int       pid)
{
  int failed = errno;

  g_return_if_fail (MP_IS_WORKER (self));

  if (!check_worker (self, NULL))
    return;
  g_return_if_fail (self->fork_server != NULL);

  errno = failed;
  mp_fork_server_made (self->fork_server, pid);
}

/* The template may have no more use for a spare: then that is all there is of it */
static gboolean
wait_wanted (MpWorker  *self,
             int       *channel,
             GError   **error)
{
  MpForkRecord record;
  MpIoStatus status;
  int from_template = *channel;

  if (self->usual_bootstrap != NULL)
    mp_warm_up (self->usual_bootstrap);
  fcntl (from_template, F_SETFL, O_RDWR); /* it has nothing else to wait for */
  status = mp_fork_record_receive (from_template, &record, channel);
  if (status == MP_IO_CLOSED)
    _exit (0);
  close (from_template);
  if (status == MP_IO_DONE && record.word == MP_FORK_WANTED && *channel >= 0)
    return TRUE;
  if (status == MP_IO_DONE && record.word == MP_FORK_WANTED)
    g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "This process has no file descriptors left");
  else
    g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "The template told its spare something that is no request");
  return FALSE;
}

/**
 * mp_worker_forked_child:
 * @self: the worker of a template process, in a child that it has forked
 * @error: return location for an error
 *
 * Makes the child that was forked the one that the host wanted: role, name,
 * target and arguments are now its own.
 *
 * Returns: %TRUE on success; otherwise the child is to end with exit code 1
 *
 * Since: 1.0
 */
gboolean
mp_worker_forked_child (MpWorker  *self,
                        GError   **error)
{
  gboolean is_spare;
  int channel;

  g_return_val_if_fail (MP_IS_WORKER (self), FALSE);

  if (!check_worker (self, error))
    return FALSE;
  g_return_val_if_fail (self->fork_server != NULL, FALSE);

  channel = mp_fork_server_become_child (self->fork_server, &is_spare);
  close (mp_transport_get_fd (self->transport)); /* the template's copy stays open: nobody is told */
  self->of_template.fork_server = g_steal_pointer (&self->fork_server);
  self->of_template.transport = g_steal_pointer (&self->transport);
  self->of_template.bootstrap = self->bootstrap;
  self->is_ready = FALSE;
  setpgid (0, 0); /* like a child that was spawned */
  if (!mp_lifeline_hold (MP_MARKER_LIFELINE_FD, error))
    return FALSE;
  if (is_spare && !wait_wanted (self, &channel, error))
    return FALSE;
  self->transport = mp_transport_new (channel);
  return read_bootstrap (self, error) && become (self, error);
}

/* --- what it tells ---------------------------------------------------------------------------------------- */

/**
 * mp_worker_ready:
 * @self: the worker
 * @error: return location for an error
 *
 * Tells the parent that the work begins: all that was needed was found.
 *
 * Returns: %TRUE, or %FALSE if the parent does not listen any more
 *
 * Since: 1.0
 */
gboolean
mp_worker_ready (MpWorker  *self,
                 GError   **error)
{
  g_return_val_if_fail (MP_IS_WORKER (self), FALSE);

  if (!check_worker (self, error))
    return FALSE;
  self->is_ready = TRUE;
  return mp_worker_send (self, mp_frame_new (MP_FRAME_HELLO, 0, 0, NULL, NULL), error);
}

static void
send_report (MpWorker *self,
             GVariant *report)
{
  g_autoptr (MpMessage) message = mp_message_new (report);

  mp_worker_send (self, mp_frame_new (MP_FRAME_FAILED, 0, 0, NULL, message), NULL);
}

/**
 * mp_worker_report:
 * @self: the worker
 * @code: %MP_ERROR_REMOTE for a target that failed, %MP_ERROR_NO_TARGET for one that there is not, …
 * @type: (nullable): the class of the error in its language: "ValueError"
 * @message: (nullable): its text
 * @traceback: (nullable): where it came from, as the language shows it
 * @codec: (nullable): the codec of @payload, or %NULL for none
 * @payload: (nullable) (array length=length): the error itself in the language's own form, for a parent of the
 *   same language
 * @length: the bytes of @payload
 *
 * Tells the parent that the target failed, or could not even be found. The
 * first report counts.
 *
 * Since: 1.0
 */
void
mp_worker_report (MpWorker     *self,
                  MpError       code,
                  const char   *type,
                  const char   *message,
                  const char   *traceback,
                  const char   *codec,
                  const guint8 *payload,
                  gsize         length)
{
  g_autoptr (GBytes) bytes = g_bytes_new (payload, length);

  g_return_if_fail (MP_IS_WORKER (self));

  send_report (self, mp_report_new_remote (code, type, message, traceback, codec, bytes));
}

void
mp_worker_report_error (MpWorker     *self,
                        const GError *error)
{
  send_report (self, mp_report_new (error));
}

/**
 * mp_worker_finish:
 * @self: the worker
 * @exit_code: the code that the process is about to end with
 *
 * Tells the parent that the process ends in order. Then end it.
 *
 * Connections that are still open here are closed, so that their other ends
 * see an orderly end and not a death.
 *
 * Since: 1.0
 */
void
mp_worker_finish (MpWorker *self,
                  int       exit_code)
{
  g_return_if_fail (MP_IS_WORKER (self));

  if (self->has_finished || self->transport == NULL)
    return;
  self->has_finished = TRUE;
  mp_connection_close_all ();
  mp_worker_send (self, mp_frame_new (MP_FRAME_FINISHED, (guint64) exit_code, 0, NULL, NULL), NULL);
}

gboolean
mp_worker_has_finished (MpWorker *self)
{
  return self->has_finished;
}

/* --- loading ---------------------------------------------------------------------------------------------- */

/* The process is about to end: nobody needs the lock any more */
static void
send_last_word_locked (MpWorker *self,
                       MpFrame  *frame)
{
  MpIoStatus status = mp_transport_push (self->transport, frame, NULL);

  while (status < MP_IO_CLOSED && mp_transport_get_n_queued (self->transport) > 0)
    {
      wait_for (self, POLLOUT);
      status = mp_transport_flush (self->transport, NULL);
    }
}

/* On the engine's thread, with the lock.  Whoever loads would never let the process end in order. */
static void
on_loading_timeout (guint32  events,
                    gpointer data)
{
  MpWorker *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = NULL;

  error = g_error_new (MP_ERROR, MP_ERROR_NO_TARGET,
                       "%s was not loaded within %g s (the context's hello-timeout), so its process was ended: "
                       "something hangs while it is loaded%s%s", self->loading_what, self->bootstrap->hello_timeout,
                       self->loading_remedy != NULL ? "; " : "",
                       self->loading_remedy != NULL ? self->loading_remedy : "");
  message = mp_message_new (mp_report_new (error));
  send_last_word_locked (self, mp_frame_new (MP_FRAME_FAILED, 0, 0, NULL, message));
  _exit (1);
}

static void
forget_loading_locked (MpWorker *self)
{
  if (self->loading_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->loading_timer));
  g_clear_pointer (&self->loading_what, g_free);
  g_clear_pointer (&self->loading_remedy, g_free);
}

/**
 * mp_worker_begin_loading:
 * @self: the worker
 * @what: what is loaded, for people: "The module tasks"
 * @remedy: (nullable): what helps if that hangs, for people, as a part of a sentence
 *
 * Tells that this thread begins to load what the process is to run: user code
 * that may hang, as a main loop does that runs when its module is imported.
 *
 * Until [method@Mp.Worker.end_loading] no children can be started from this
 * thread, since each would load the same and start more. A worker of a pool that
 * takes longer than [property@Mp.Context:hello-timeout] says so and ends; its
 * tasks fail with %MP_ERROR_NO_TARGET. For any other child the parent keeps the
 * time itself. A second call takes the place of the first one, with all of the
 * time before it.
 *
 * Since: 1.0
 */
void
mp_worker_begin_loading (MpWorker   *self,
                         const char *what,
                         const char *remedy)
{
  g_return_if_fail (MP_IS_WORKER (self));
  g_return_if_fail (what != NULL);

  g_atomic_pointer_set (&self->loading_thread, g_thread_self ());
  if (self->pump == NULL || self->bootstrap->hello_timeout < 0)
    return;

  mp_pump_lock (self->pump);
  forget_loading_locked (self);
  self->loading_what = g_strdup (what);
  self->loading_remedy = g_strdup (remedy);
  self->loading_timer = mp_pump_add_timer_locked (self->pump, mp_deadline_from_timeout (self->bootstrap->hello_timeout),
                                                  on_loading_timeout, self);
  mp_pump_unlock (self->pump);
}

/**
 * mp_worker_end_loading:
 * @self: the worker
 *
 * Tells that what was loaded is there, or cannot be had.
 *
 * Since: 1.0
 */
void
mp_worker_end_loading (MpWorker *self)
{
  g_return_if_fail (MP_IS_WORKER (self));

  g_atomic_pointer_set (&self->loading_thread, NULL);
  if (self->pump == NULL)
    return;

  mp_pump_lock (self->pump);
  forget_loading_locked (self);
  mp_pump_unlock (self->pump);
}

/* --- native roles ----------------------------------------------------------------------------------------- */

void
mp_worker_register_role (MpWorkerRole role,
                         MpRoleFunc   func)
{
  role_funcs[role] = func;
}

MpRoleFunc
mp_worker_get_role_func (MpWorkerRole role)
{
  return role_funcs[role];
}
