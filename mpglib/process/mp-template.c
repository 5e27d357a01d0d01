/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-template-private.h"

#include <signal.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
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
  int status;
  GError *error;
} Saying;

static void
say_locked (gpointer data)
{
  Saying *saying = data;

  switch (saying->what)
    {
    case SAY_MADE:
      mp_child_made_locked (saying->child, saying->pid, saying->pidfd, saying->error);
      break;
    case SAY_EXITED:
      mp_child_exited_locked (saying->child, saying->status);
      break;
    case SAY_HUNG:
      mp_child_hung_locked (saying->child, saying->error);
      break;
    case SAY_AGAIN:
      mp_child_ask_again_locked (saying->child);
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

static void
on_forked_locked (Request *request,
                  MpFrame *frame)
{
  GError *error = NULL;
  int pidfd = -1;

  if (request->channel < 0) /* it was said already */
    return;
  if (frame->message != NULL)
    pidfd = mp_message_get_attached_fd (frame->message, 0, &error);
  else
    g_set_error (&error, MP_ERROR, MP_ERROR_CORRUPTED, "The template sent no descriptor of the child");
  mp_fd_close (&request->channel);
  say (request->child, (Saying) { .what = SAY_MADE, .pid = (int) frame->index, .pidfd = pidfd, .error = error });
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

static void
on_frame (MpChild  *process,
          MpFrame  *frame,
          gpointer  data)
{
  MpTemplate *self = data;
  Request *request = g_hash_table_lookup (self->requests, &frame->serial);

  if (request == NULL)
    return;
  switch (frame->kind)
    {
    case MP_FRAME_FORKED:
      on_forked_locked (request, frame);
      break;
    case MP_FRAME_FAILED:
      g_hash_table_steal (self->requests, &frame->serial);
      on_refused_locked (request, frame);
      request_free (request);
      break;
    case MP_FRAME_EXITED:
      g_hash_table_steal (self->requests, &frame->serial);
      say (request->child, (Saying) { .what = SAY_EXITED, .status = (int) frame->index });
      request_free (request);
      break;
    default:
      break;
    }
}

/* --- requests --------------------------------------------------------------------------------------------- */

static void on_state_changed (MpChild *process, gpointer data);

static const MpChildEvents template_events = { on_state_changed, on_frame };

static gboolean
ensure_process_locked (MpTemplate  *self,
                       GError     **error)
{
  g_autoptr (MpRecipe) recipe = NULL;
  g_autofree char *name = NULL;
  MpChildSpec spec = { .role = "template", .identity = "0" }; /* numbers are for what users start */

  if (self->process != NULL)
    return TRUE;

  spec.recipe = recipe = ref_recipe (self);
  spec.name = name = g_strdup_printf ("template of %s", recipe->language);
  self->process = mp_child_new (mp_pump_get_shared (), &spec, &template_events, self, error);
  if (self->process == NULL)
    return FALSE;
  mp_template_ref (self); /* until the process has ended */
  g_atomic_int_set (&self->is_running, TRUE);
  mp_child_start_locked (self->process);
  return self->process != NULL; /* if it ended at once, so did the requests */
}

static gboolean
send_request_locked (MpTemplate  *self,
                     Request     *request,
                     GError     **error)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  MpIoStatus status;

  if (!ensure_process_locked (self, error)
      || mp_message_attach_fd (message, request->channel, error) < 0)
    return FALSE;
  status = mp_child_send_locked (self->process,
                                 mp_frame_new (MP_FRAME_FORK, request->serial, 0, NULL, message), error);
  if (status == MP_IO_CLOSED)
    {
      /* It is dying: its end, made sure of, deals with the request */
      g_clear_error (error);
      mp_child_signal_locked (self->process, SIGKILL, NULL);
      return TRUE;
    }
  return status != MP_IO_FAILED;
}

/* Takes the request out of no list: it is not in one, or its owner keeps it there */
static void
submit_locked (MpTemplate *self,
               Request    *request)
{
  guint64 serial = request->serial;
  GError *error = NULL;

  g_hash_table_insert (self->requests, &request->serial, request);
  if (send_request_locked (self, request, &error))
    return;

  /* A process that ended while it was asked has dealt with its requests already */
  if (g_hash_table_steal (self->requests, &serial))
    {
      say_failed (request->child, error);
      request_free (request);
    }
  else
    {
      g_clear_error (&error);
    }
}

static void
on_state_changed (MpChild  *process,
                  gpointer  data)
{
  g_autoptr (MpTemplate) self = data; /* the process's reference, if this is its end */
  g_autoptr (GList) requests = NULL;
  const GError *failure = mp_child_get_failure (process);

  if (mp_child_get_state (process) != MP_CHILD_ENDED)
    {
      g_steal_pointer (&self);
      return;
    }

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
            say (request->child, (Saying) { .what = SAY_AGAIN });
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
  mp_child_signal_locked (self->process, SIGKILL, NULL);
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

  if (self->process != NULL)
    mp_child_hang_up_locked (self->process);
}

void
mp_template_hang_up (MpTemplate *self)
{
  if (mp_template_is_own (self))
    mp_pump_post (mp_pump_get_shared (), hang_up_job, mp_template_ref (self));
}
