/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-async-wait-private.h"
#include "mp-cancellable-source-private.h"
#include "mp-clock-private.h"
#include "mp-courtesy-private.h"
#include "mp-error.h"
#include "mp-origin-private.h"
#include "mp-outbox-private.h"
#include "mp-porch-private.h"

/* How a main loop waits for an object in shared memory.  All of it happens in the
 * main context of the task: the first look too, so nothing completes before the call
 * returned.  The thread mp-watch only puts the wait on the porch of that context.
 *
 *   look: arm the doorbell, look; not yet: return to the loop
 *   rung, or the look said that it is to be looked again by then: look again
 *   time is over: look a last time, and give up, unless that said that it is to be looked again at once, or in any
 *   case, or so did that of whoever is first in line: then after the first look that does not, and the clock is
 *   silent, for it would be ready each turn, and other sources of the loop have none
 *   cancelled: give up, unless the look said that it has come
 *
 * Waits in line are looked at one after the other, in each context: who is not the first does not even
 * arm, for it is rung when it is; or when the first one has looked and waits on, if its time was over before.
 *
 * A forked child has copies of the context and of the wait, which is its parent's: it
 * lets both be.
 */
typedef struct
{
  MpPorchCaller  caller;
  guint32        origin;        /* the process that waits */
  gconstpointer  place;         /* the line in which it stands; NULL: none */
  GTask         *task;
  MpOutbox      *outbox;        /* of the task's context: it brings the beginning */
  MpTable       *table;
  MpBell        *bell;
  MpDoorbell    *doorbell;
  const char    *what;
  gint64         deadline;
  gboolean       is_late;       /* that has passed, and it was not given up */
  gboolean       has_late;      /* the first in line: maybe somebody behind it is, who waits for its looks */
  GSource       *clock;         /* goes off at the deadline */
  GSource       *alarm;         /* goes off when it is to be looked again; NULL: it never was */
  GSource       *cancellation;
  MpAsyncLook    look;
  MpAsyncNext    next;          /* nullable */
  MpAsyncGiveUp  give_up;
  gpointer       data;
  GDestroyNotify destroy;
} AsyncWait;

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
clear_alarm (AsyncWait *self)
{
  if (self->alarm != NULL)
    mp_courtesy_destroy (g_task_get_context (self->task), self->alarm);
  g_clear_pointer (&self->alarm, g_source_unref);
}

static void
async_wait_free (MpPorchCaller *caller)
{
  AsyncWait *self = (AsyncWait *) caller;

  if (self->destroy != NULL)
    self->destroy (self->data);
  g_object_unref (self->task);
  mp_outbox_unref (self->outbox);
  g_free (self);
}

static AsyncWait *
get_first (AsyncWait *self)
{
  return (AsyncWait *) mp_porch_caller_get_first (&self->caller);
}

/* Who is the first from now on has them behind it. */
static void
bequeath_late (AsyncWait *self)
{
  if (self->has_late && self->caller.link.next != NULL)
    ((AsyncWait *) self->caller.link.next->data)->has_late = TRUE;
}

/* Takes it off everything that could call it. */
static void
leave (AsyncWait *self)
{
  bequeath_late (self);
  g_clear_pointer (&self->doorbell, mp_doorbell_free);
  clear_source (&self->clock);
  clear_alarm (self);
  clear_source (&self->cancellation);
  mp_porch_caller_leave (&self->caller);
}

static void
finish (AsyncWait *self,
        GError    *error_taken)
{
  g_autoptr (GTask) task = g_object_ref (self->task);

  leave (self);
  if (error_taken != NULL)
    g_task_return_error (task, error_taken);
  else
    g_task_return_boolean (task, TRUE);
}

static void
give_up (AsyncWait *self,
         GError    *error_taken)
{
  if (self->give_up != NULL && self->give_up (g_task_get_source_object (self->task), self->data))
    g_clear_error (&error_taken);
  finish (self, error_taken);
}

static gint64
get_next (AsyncWait *self)
{
  return self->next != NULL ? self->next (g_task_get_source_object (self->task), self->data) : MP_DEADLINE_NEVER;
}

static GSource *
add_clock (AsyncWait   *self,
           const char  *name,
           gint64       time,
           GSourceFunc  func)
{
  GSource *clock = mp_clock_source_new (name, func, self);

  g_source_set_priority (clock, g_task_get_priority (self->task));
  g_source_set_ready_time (clock, time);
  g_source_attach (clock, g_task_get_context (self->task));
  return clock;
}

static gboolean
is_in_any_case (gint64 next)
{
  return next < MP_DEADLINE_NEVER;
}

static gboolean on_alarm (gpointer data);

/* Made when it is first needed: by who waits in line that is when it has become the first, if ever, so that a context
 * does not look at the clock of everybody behind it each turn.  The time of a source is -1 for never, too.
 */
static void
set_alarm (AsyncWait *self)
{
  gint64 next = get_next (self);

  if (is_in_any_case (next))
    next = MP_ASYNC_NEXT_IN_ANY_CASE (next);

  if (self->alarm != NULL)
    g_source_set_ready_time (self->alarm, next);
  else if (next != MP_DEADLINE_NEVER)
    self->alarm = add_clock (self, "mpglib next look of a wait", next, on_alarm);
}

/* Who is first has found what it waited for, and is not through with it: the time is for waiting.  Or it could not
 * look.
 */
static gboolean
goes_on (AsyncWait *self)
{
  gint64 next = get_next (get_first (self));

  return next == MP_ASYNC_NEXT_NOW || next == MP_ASYNC_NEXT_HAD || is_in_any_case (next);
}

static void
end_in_time (AsyncWait *self)
{
  give_up (self, g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT, "%s within the time given", self->what));
}

static void
end_in_time_or_later (AsyncWait *self)
{
  if (goes_on (self))
    {
      self->is_late = TRUE;
      get_first (self)->has_late = TRUE;
    }
  else
    end_in_time (self);
}

/* Each is called by the loop. */
static void
ring_late (AsyncWait *self)
{
  self->has_late = FALSE;
  for (GList *link = self->caller.link.next; link != NULL; link = link->next)
    if (((AsyncWait *) link->data)->is_late)
      mp_porch_caller_ring (link->data);
}

static void
look_again (MpPorchCaller *caller)
{
  AsyncWait *self = (AsyncWait *) caller;
  GError *error = NULL;

  if (!mp_porch_caller_is_first (caller))
    {
      if (self->is_late)
        end_in_time_or_later (self);
      return;
    }

  if (!mp_doorbell_arm (self->doorbell, &error))
    {
      finish (self, error);
      return;
    }

  if (self->look (g_task_get_source_object (self->task), self->data, &error))
    finish (self, error);
  else if (self->is_late && !goes_on (self))
    end_in_time (self);
  else
    {
      set_alarm (self);
      if (self->has_late && !goes_on (self))
        ring_late (self);
    }
}

static gboolean
is_foreign (AsyncWait *self)
{
  return self->origin != mp_origin_get ();
}

/* On the thread mp-watch. */
static void
on_rung (gpointer data)
{
  AsyncWait *self = data;

  mp_porch_caller_ring (&self->caller);
}

static gboolean
on_time_over (gpointer data)
{
  AsyncWait *self = data;
  GError *error = NULL;

  if (is_foreign (self))
    return G_SOURCE_REMOVE;

  /* What came in time may not have been looked at: the loop was busy, or who changed it
   * was stopped before it rang.
   */
  if (mp_porch_caller_is_first (&self->caller) &&
      self->look (g_task_get_source_object (self->task), self->data, &error))
    finish (self, error);
  else
    end_in_time_or_later (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_alarm (gpointer data)
{
  AsyncWait *self = data;

  if (!mp_courtesy_may_run (self->alarm))
    return G_SOURCE_CONTINUE;

  g_source_set_ready_time (self->alarm, MP_DEADLINE_NEVER);
  if (!is_foreign (self))
    look_again (&self->caller);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      data)
{
  AsyncWait *self = data;
  GError *error = NULL;

  if (is_foreign (self) || get_next (self) == MP_ASYNC_NEXT_HAD)
    return G_SOURCE_REMOVE;

  /* It may have been reset since. */
  if (!g_cancellable_set_error_if_cancelled (cancellable, &error))
    return G_SOURCE_CONTINUE;

  give_up (self, error);
  return G_SOURCE_REMOVE;
}

static void
add_cancellation (AsyncWait    *self,
                  GMainContext *context)
{
  GCancellable *cancellable = g_task_get_cancellable (self->task);

  if (cancellable == NULL)
    return;

  self->cancellation = mp_cancellable_source_new (cancellable, context);
  g_source_set_static_name (self->cancellation, "mpglib cancelling of a wait");
  g_source_set_priority (self->cancellation, g_task_get_priority (self->task));
  g_source_set_callback (self->cancellation, G_SOURCE_FUNC (on_cancelled), self, NULL);
  g_source_attach (self->cancellation, context);
}

/* In the task's main context. */
static void
begin (gpointer data)
{
  AsyncWait *self = data;
  GMainContext *context = g_task_get_context (self->task);
  GError *error = NULL;

  if (!mp_porch_caller_enter (&self->caller, context, look_again, async_wait_free, &error) ||
      (self->doorbell = mp_doorbell_new (self->table, self->bell, on_rung, self, &error)) == NULL)
    {
      finish (self, error);
      return;
    }

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (self->task), &error))
    {
      finish (self, error);
      return;
    }

  if (self->place != NULL)
    mp_porch_caller_line_up (&self->caller, self->place);

  if (self->deadline != MP_DEADLINE_NEVER)
    self->clock = add_clock (self, "mpglib time of a wait", self->deadline, on_time_over);
  add_cancellation (self, context);
  look_again (&self->caller);
}

static AsyncWait *
async_wait_new (GTask          *task_taken,
                MpTable        *table,
                MpBell         *bell,
                const char     *what,
                gdouble         timeout,
                MpAsyncLook     look,
                MpAsyncNext     next,
                MpAsyncGiveUp   give_up_func,
                gpointer        data,
                GDestroyNotify  destroy)
{
  AsyncWait *self = g_new0 (AsyncWait, 1);

  /* What was acquired must not be taken for cancelled. */
  g_task_set_check_cancellable (task_taken, FALSE);

  self->origin = mp_origin_get ();
  self->task = task_taken;
  self->outbox = mp_outbox_get (g_task_get_context (task_taken));
  self->table = table;
  self->bell = bell;
  self->what = what;
  self->deadline = mp_deadline_from_timeout (timeout);
  self->look = look;
  self->next = next;
  self->give_up = give_up_func;
  self->data = data;
  self->destroy = destroy;
  return self;
}

/*< private >
 * mp_async_wait_start:
 * @task_taken: ends with %TRUE or an error; its source object is what @look gets
 * @what: what is waited for, as the beginning of a sentence; a static string
 * @data: lives until the wait is over
 *
 * May be called by any thread.
 */
void
mp_async_wait_start (GTask          *task_taken,
                     MpTable        *table,
                     MpBell         *bell,
                     const char     *what,
                     gdouble         timeout,
                     MpAsyncLook     look,
                     MpAsyncGiveUp   give_up_func,
                     gpointer        data,
                     GDestroyNotify  destroy)
{
  AsyncWait *self = async_wait_new (task_taken, table, bell, what, timeout, look, NULL, give_up_func, data, destroy);

  mp_outbox_post (self->outbox, begin, self, NULL);
}

/*< private >
 * mp_async_wait_start_in_line:
 * @place: the same for those that stand in one line; in the task's source object, which lives as long
 * @next: (nullable): called after each look that found nothing
 *
 * As mp_async_wait_start(), for waits that are to end in the order in which they began: those of one
 * place in one main context.  Nobody waits for a loop that does not run, nor for another object, which may be closed
 * or wait for what does not come.
 */
void
mp_async_wait_start_in_line (GTask          *task_taken,
                             MpTable        *table,
                             MpBell         *bell,
                             gconstpointer   place,
                             const char     *what,
                             gdouble         timeout,
                             MpAsyncLook     look,
                             MpAsyncNext     next,
                             MpAsyncGiveUp   give_up_func,
                             gpointer        data,
                             GDestroyNotify  destroy)
{
  AsyncWait *self = async_wait_new (task_taken, table, bell, what, timeout, look, next, give_up_func, data, destroy);

  self->place = place;
  mp_outbox_post (self->outbox, begin, self, NULL);
}
