/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-template-private.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fork-record-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"
#include "mp-pump-private.h"
#include "mp-report-private.h"

/* One child that was asked for, from then until its end is known */
typedef struct {
  guint64 serial;
  MpChild *child;
  int channel;          /* the child's end, until it is forked */
} Request;

struct _MpTemplate {
  gatomicrefcount refs;
  guint32 origin;
  gboolean is_running;  /* atomic: whether there is a process, for who has not the lock */
  MpRecipe *recipe;     /* no context: it would be let go by the engine; guarded by the lock of all recipes */

  /* guarded by the lock of the shared pump */
  MpChild *process;     /* NULL: none */
  gboolean is_given_up; /* that is killed by this process */
  int requests_fd;      /* of the process; -1: it takes none any more */
  MpPumpSource *requests_source;
  GQueue unsent;        /* serials of requests for which there was no room; some may have gone meanwhile */
  GHashTable *requests; /* serial → Request */
  guint64 next_serial;
};

/* A leaf */
static GMutex recipes_lock;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&recipes_lock, NULL);
}

static void request_free (gpointer data);

MpTemplate *
mp_template_new (void)
{
  MpTemplate *self = g_new0 (MpTemplate, 1);

  g_atomic_ref_count_init (&self->refs);
  self->origin = mp_origin_get ();
  self->requests = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, request_free);
  self->next_serial = 1;
  self->requests_fd = -1;
  g_queue_init (&self->unsent);
  return self;
}

MpTemplate *
mp_template_ref (MpTemplate *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_template_unref (MpTemplate *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->recipe, mp_recipe_unref);
  g_clear_pointer (&self->process, mp_child_unref);
  g_hash_table_unref (self->requests);
  mp_fd_close (&self->requests_fd);
  g_queue_clear_full (&self->unsent, g_free);
  g_free (self);
}

gboolean
mp_template_is_own (MpTemplate *self)
{
  return self->origin == mp_origin_get ();
}

gboolean
mp_template_is_running (MpTemplate *self)
{
  return g_atomic_int_get (&self->is_running);
}

void
mp_template_set_recipe (MpTemplate *self,
                        MpRecipe   *recipe)
{
  g_autoptr (MpRecipe) old = NULL;

  g_mutex_lock (&recipes_lock);
  old = self->recipe;
  self->recipe = mp_recipe_ref (recipe);
  g_mutex_unlock (&recipes_lock);
}

static MpRecipe *
ref_recipe (MpTemplate *self)
{
  MpRecipe *recipe;

  g_mutex_lock (&recipes_lock);
  recipe = mp_recipe_ref (self->recipe);
  g_mutex_unlock (&recipes_lock);
  return recipe;
}

static void
request_free (gpointer data)
{
  Request *self = data;

  mp_fd_close (&self->channel);
  mp_child_unref (self->child);
  g_free (self);
}

/* --- what is said about a child, in its own pump ---------------------------------------------------------- */

/* A pool's children live in the pool's pump.  One pump's lock is never taken inside another's: it is posted there, and
 * posts keep their order. */
typedef struct {
  MpChild *child;
  enum { SAY_MADE, SAY_EXITED, SAY_HUNG, SAY_LOST, SAY_AGAIN } what;
  int pid;
  int pidfd;
  int status;          /* EXITED: as wait() gives it; AGAIN: the template's exit code */
  guint64 request;
  GError *error;
} Saying;

static void
say_locked (gpointer data)
{
  Saying *saying = data;

  switch (saying->what)
    {
    case SAY_MADE:
      mp_child_forked_locked (saying->child, saying->request, saying->pid, saying->pidfd, saying->error);
      break;
    case SAY_EXITED:
      mp_child_exited_locked (saying->child, saying->status);
      break;
    case SAY_HUNG:
      mp_child_hung_locked (saying->child, saying->error);
      break;
    case SAY_AGAIN:
      mp_child_ask_again_locked (saying->child, saying->status);
      break;
    case SAY_LOST:
    default:
      mp_child_lost_template_locked (saying->child);
    }
  mp_child_unref (saying->child);
  g_free (saying);
}

static void
say (MpChild *child,
     Saying   saying)
{
  Saying *copy = g_memdup2 (&saying, sizeof saying);

  copy->child = mp_child_ref (child);
  if (mp_child_get_pump (child) == mp_pump_get_shared ())
    say_locked (copy);
  else
    mp_pump_post (mp_child_get_pump (child), say_locked, copy);
}

/* Never at once: the owner may be in the call that started the child */
static void
say_failed (MpChild *child,
            GError  *error)
{
  Saying *saying = g_new0 (Saying, 1);

  saying->child = mp_child_ref (child);
  saying->what = SAY_MADE;
  saying->pidfd = -1;
  saying->error = error;
  mp_pump_post (mp_child_get_pump (child), say_locked, saying);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

/* The request may be gone afterwards: the child ends at once if it cannot be watched.
 * A child whose pidfd was lost cannot be watched, nor ended but by the template */
static void
on_made_locked (MpTemplate *self,
                Request    *request,
                int         pid,
                int         pidfd)
{
  const MpForkRecord unwanted = { .word = MP_FORK_UNWANTED, .serial = request->serial };
  GError *error = NULL;

  if (request->channel < 0) /* it was said already */
    {
      mp_fd_close (&pidfd);
      return;
    }
  if (pidfd < 0)
    {
      g_set_error (&error, MP_ERROR, MP_ERROR_START_FAILED,
                   "'%s' was forked, but this process has no file descriptors left to watch it",
                   mp_child_get_name (request->child));
      mp_fork_record_send (self->requests_fd, &unwanted, -1, NULL);
    }
  mp_fd_close (&request->channel);
  say (request->child, (Saying) { .what = SAY_MADE, .request = request->serial, .pid = pid, .pidfd = pidfd,
                                  .error = error });
}

static void
on_refused_locked (Request *request,
                   MpFrame *frame)
{
  g_autoptr (GVariant) report = mp_frame_dup_value (frame, G_VARIANT_TYPE (MP_REPORT_TYPE), NULL);

  say_failed (request->child,
              report != NULL ? mp_report_to_error (report, FALSE, mp_child_get_name (request->child))
                             : g_error_new (MP_ERROR, MP_ERROR_START_FAILED, "The template process cannot fork"));
}

/* Reports; all else that a template says are records */
static void
on_frame (MpChild  *process,
          MpFrame  *frame,
          gpointer  data)
{
  MpTemplate *self = data;
  Request *request = g_hash_table_lookup (self->requests, &frame->serial);

  if (request == NULL || frame->kind != MP_FRAME_FAILED)
    return;
  g_hash_table_steal (self->requests, &frame->serial);
  on_refused_locked (request, frame);
  request_free (request);
}

static void
on_record_locked (MpTemplate         *self,
                  const MpForkRecord *record,
                  int                 descriptor)
{
  Request *request = g_hash_table_lookup (self->requests, &record->serial);

  if (request != NULL && (record->word == MP_FORK_MADE || (record->word == MP_FORK_LEFT && request->channel >= 0)))
    {
      on_made_locked (self, request, record->number, g_steal_fd (&descriptor));
    }
  else if (request != NULL && record->word == MP_FORK_LEFT)
    {
      g_hash_table_steal (self->requests, &record->serial);
      say (request->child, (Saying) { .what = SAY_LOST });
      request_free (request);
    }
  else if (request != NULL && record->word == MP_FORK_ENDED)
    {
      g_hash_table_steal (self->requests, &record->serial);
      say (request->child, (Saying) { .what = SAY_EXITED, .status = record->number });
      request_free (request);
    }
  mp_fd_close (&descriptor);
}

static void
close_requests_locked (MpTemplate *self)
{
  if (self->requests_source != NULL)
    mp_pump_remove_fd_locked (mp_pump_get_shared (), g_steal_pointer (&self->requests_source));
  mp_fd_close (&self->requests_fd);
  g_queue_clear_full (&self->unsent, g_free);
}

/* Returns whether more may come at once.  The requests of a process that cannot be understood, or has gone, are dealt
 * with at its end */
static gboolean
read_record_locked (MpTemplate *self)
{
  MpForkRecord record;
  int descriptor;

  if (self->requests_fd < 0)
    return FALSE;
  switch (mp_fork_record_receive (self->requests_fd, &record, &descriptor))
    {
    case MP_IO_DONE:
      on_record_locked (self, &record, descriptor);
      return TRUE;
    case MP_IO_AGAIN:
      return FALSE;
    case MP_IO_CLOSED:
    case MP_IO_FAILED:
    default:
      close_requests_locked (self);
      return FALSE;
    }
}

/* --- requests --------------------------------------------------------------------------------------------- */

static void on_state_changed (MpChild *process, gpointer data);

static const MpChildEvents template_events = { on_state_changed, on_frame };

static void on_requests (guint32 events, gpointer data);

static gboolean
open_requests_locked (MpTemplate  *self,
                      int         *other_end,
                      GError     **error)
{
  int ends[2];

  if (!mp_transport_new_pair (ends, error))
    return FALSE;
  self->requests_fd = ends[0];
  *other_end = ends[1];
  self->requests_source = mp_pump_add_fd_locked (mp_pump_get_shared (), ends[0], EPOLLIN, on_requests, self, error);
  return self->requests_source != NULL;
}

static MpChild *
new_process_locked (MpTemplate  *self,
                    GError     **error)
{
  g_autoptr (MpRecipe) recipe = ref_recipe (self);
  g_autofree char *name = g_strdup_printf ("template of %s", recipe->language);
  MpChildSpec spec = { .recipe = recipe, .role = "template", .name = name,
                       .identity = "0" }; /* numbers are for what users start */

  return mp_child_new (mp_pump_get_shared (), &spec, &template_events, self, error);
}

static gboolean
ensure_process_locked (MpTemplate  *self,
                       GError     **error)
{
  int other_end = -1;

  if (self->process != NULL)
    return TRUE;

  if (open_requests_locked (self, &other_end, error))
    self->process = new_process_locked (self, error);
  if (self->process == NULL)
    {
      mp_fd_close (&other_end);
      close_requests_locked (self);
      return FALSE;
    }
  self->is_given_up = FALSE;
  mp_child_take_requests (self->process, other_end);
  mp_template_ref (self); /* until the process has ended */
  g_atomic_int_set (&self->is_running, TRUE);
  mp_child_start_locked (self->process);
  return self->process != NULL; /* if it ended at once, so did the requests */
}

/* One that waits for room keeps those after it waiting, so that all go in their order */
static MpIoStatus
send_request_locked (MpTemplate  *self,
                     Request     *request,
                     GError     **error)
{
  MpForkRecord record = { .word = MP_FORK_WANTED, .serial = request->serial };
  MpIoStatus status = MP_IO_AGAIN;

  if (self->requests_fd < 0)
    return MP_IO_CLOSED;
  if (g_queue_is_empty (&self->unsent))
    status = mp_fork_record_send (self->requests_fd, &record, request->channel, error);
  if (status != MP_IO_AGAIN)
    return status;

  g_queue_push_tail (&self->unsent, g_memdup2 (&request->serial, sizeof request->serial));
  mp_pump_set_events_locked (mp_pump_get_shared (), self->requests_source, EPOLLIN | EPOLLOUT);
  return MP_IO_DONE;
}

static void
give_up_process_locked (MpTemplate *self)
{
  self->is_given_up = TRUE;
  mp_child_signal_locked (self->process, SIGKILL, NULL);
}

static void
fail_request_locked (MpTemplate *self,
                     guint64     serial,
                     GError     *error)
{
  Request *request = g_hash_table_lookup (self->requests, &serial);

  /* A process that ended while it was asked has dealt with its requests already */
  if (request == NULL)
    {
      g_clear_error (&error);
      return;
    }
  g_hash_table_steal (self->requests, &serial);
  say_failed (request->child, error);
  request_free (request);
}

/* Takes the request out of no list: it is not in one, or its owner keeps it there */
static void
submit_locked (MpTemplate *self,
               Request    *request)
{
  guint64 serial = request->serial;
  GError *error = NULL;

  g_hash_table_insert (self->requests, &request->serial, request);
  if (!ensure_process_locked (self, &error))
    {
      fail_request_locked (self, serial, error);
      return;
    }
  switch (send_request_locked (self, request, &error))
    {
    case MP_IO_FAILED:
      fail_request_locked (self, serial, error);
      break;
    case MP_IO_CLOSED: /* it is dying: its end, made sure of, deals with the request */
      give_up_process_locked (self);
      break;
    case MP_IO_DONE:
    case MP_IO_AGAIN:
    default:
      break;
    }
}

static void
send_unsent_locked (MpTemplate *self)
{
  GQueue serials = self->unsent;

  g_queue_init (&self->unsent);
  mp_pump_set_events_locked (mp_pump_get_shared (), self->requests_source, EPOLLIN);
  while (!g_queue_is_empty (&serials))
    {
      g_autofree guint64 *serial = g_queue_pop_head (&serials);
      Request *request = g_hash_table_lookup (self->requests, serial);
      g_autoptr (GError) error = NULL;

      if (request != NULL && send_request_locked (self, request, &error) == MP_IO_FAILED)
        fail_request_locked (self, *serial, g_steal_pointer (&error));
    }
}

static void
on_requests (guint32  events,
             gpointer data)
{
  g_autoptr (MpTemplate) self = mp_template_ref (data);

  for (int i = 0; i < 256 && read_record_locked (self); i++) /* others have their turn */
    ;
  if ((events & EPOLLOUT) != 0 && self->requests_fd >= 0)
    send_unsent_locked (self);
}

/* Why the next one would not be ready either; NULL: it may be, this one was or somebody killed it before */
static const GError *
get_reason (MpChild *process)
{
  const GError *failure = mp_child_get_failure (process);
  gboolean is_by_chance = g_error_matches (failure, MP_ERROR, MP_ERROR_START_FAILED)
                          && !mp_child_has_hung (process)
                          && mp_exit_code_is_from_outside (mp_child_get_exit_code (process));

  return is_by_chance ? NULL : failure;
}

static void
on_state_changed (MpChild  *process,
                  gpointer  data)
{
  g_autoptr (MpTemplate) self = data; /* the process's reference, if this is its end */
  g_autoptr (GList) requests = NULL;
  const GError *failure;
  int exit_code;

  if (mp_child_get_state (process) != MP_CHILD_ENDED)
    {
      g_steal_pointer (&self);
      return;
    }

  failure = get_reason (process);
  exit_code = self->is_given_up ? MP_EXIT_UNKNOWN : mp_child_get_exit_code (process);
  while (read_record_locked (self)) /* what it said before it died counts */
    ;
  close_requests_locked (self);
  self->process = NULL;
  g_atomic_int_set (&self->is_running, FALSE);
  requests = g_hash_table_get_values (self->requests);
  g_hash_table_steal_all (self->requests);
  for (GList *l = requests; l != NULL; l = l->next)
    {
      Request *request = l->data;

      if (request->channel < 0)
        {
          say (request->child, (Saying) { .what = SAY_LOST });
          request_free (request);
        }
      else
        {
          if (failure == NULL)
            say (request->child, (Saying) { .what = SAY_AGAIN, .status = exit_code });
          else
            say_failed (request->child, g_error_copy (failure));
          request_free (request);
        }
    }
  mp_child_forget_locked (process);
  mp_child_unref (process);
}

typedef struct {
  MpTemplate *template_;
  Request *request;
} Submission;

static void
submission_job (gpointer data)
{
  Submission *submission = data;
  MpTemplate *self = submission->template_;

  submission->request->serial = self->next_serial++;
  submit_locked (self, submission->request);
  mp_template_unref (self);
  g_free (submission);
}

void
mp_template_fork (MpTemplate *self,
                  MpChild    *child,
                  int         channel)
{
  Submission *submission = g_new (Submission, 1);

  submission->template_ = mp_template_ref (self);
  submission->request = g_new0 (Request, 1);
  submission->request->child = mp_child_ref (child);
  submission->request->channel = channel;
  if (mp_child_get_pump (child) == mp_pump_get_shared ())
    submission_job (submission);
  else
    mp_pump_post (mp_pump_get_shared (), submission_job, submission);
}

/* --- the end of a child ----------------------------------------------------------------------------------- */

typedef struct {
  MpTemplate *template_;
  guint64 request;
} Forgetting;

static void
forget_job (gpointer data)
{
  g_autofree Forgetting *forgetting = data;
  g_autoptr (MpTemplate) self = forgetting->template_;

  g_hash_table_remove (self->requests, &forgetting->request);
}

void
mp_template_forget (MpTemplate *self,
                    MpChild    *child,
                    guint64     request)
{
  Forgetting *forgetting;

  if (mp_child_get_pump (child) == mp_pump_get_shared ())
    {
      g_hash_table_remove (self->requests, &request);
      return;
    }
  forgetting = g_new (Forgetting, 1);
  *forgetting = (Forgetting) { mp_template_ref (self), request };
  mp_pump_post (mp_pump_get_shared (), forget_job, forgetting);
}

/* --- no answer -------------------------------------------------------------------------------------------- */

static Request *
steal_unanswered_locked (MpTemplate *self,
                         MpChild    *child)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->requests);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Request *request = value;

      if (request->child == child && request->channel >= 0)
        {
          g_hash_table_iter_steal (&iter);
          return request;
        }
    }
  return NULL;
}

static GError *
new_no_answer_error (MpTemplate *self,
                     MpChild    *child)
{
  const char *template_ = mp_child_get_name (self->process);
  int pid = mp_child_get_pid (self->process);

  if (mp_child_get_state (self->process) != MP_CHILD_READY)
    return g_error_new (MP_ERROR, MP_ERROR_START_FAILED,
                        "'%s' could not be forked: the %s (pid %d) did not become ready in time and was killed; "
                        "something hangs while it starts, or takes longer than the context's hello-timeout",
                        mp_child_get_name (child), template_, pid);
  return g_error_new (MP_ERROR, MP_ERROR_START_FAILED,
                      "'%s' could not be forked: the %s (pid %d) did not answer in time and was killed; it was "
                      "stopped, or something that is loaded there keeps it busy. The next start makes a new one; the "
                      "start method spawn does without", mp_child_get_name (child), template_, pid);
}

typedef struct {
  MpTemplate *template_;
  MpChild *child;
} GivingUp;

/* Its death has the other children ask again */
static void
give_up_job (gpointer data)
{
  g_autofree GivingUp *giving_up = data;
  g_autoptr (MpTemplate) self = giving_up->template_;
  g_autoptr (MpChild) child = giving_up->child;
  Request *request = steal_unanswered_locked (self, child);

  if (request == NULL)
    return;
  say (child, (Saying) { .what = SAY_HUNG, .error = new_no_answer_error (self, child) });
  request_free (request);
  give_up_process_locked (self);
}

void
mp_template_give_up (MpTemplate *self,
                     MpChild    *child)
{
  GivingUp *giving_up = g_new (GivingUp, 1);

  giving_up->template_ = mp_template_ref (self);
  giving_up->child = mp_child_ref (child);
  mp_pump_post (mp_pump_get_shared (), give_up_job, giving_up);
}

/* --- the end of its context ------------------------------------------------------------------------------- */

static void
hang_up_job (gpointer data)
{
  g_autoptr (MpTemplate) self = data;

  if (self->process == NULL)
    return;
  close_requests_locked (self);
  mp_child_hang_up_locked (self->process);
}

void
mp_template_hang_up (MpTemplate *self)
{
  if (mp_template_is_own (self))
    mp_pump_post (mp_pump_get_shared (), hang_up_job, mp_template_ref (self));
}
