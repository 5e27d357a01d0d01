/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-waiters-private.h"

#include "mp-cancellable-source-private.h"
#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-outbox-private.h"

/* Whoever takes a waiter out of the list, with the pump's lock, completes its task: nobody else does. */
typedef struct {
  gatomicrefcount refs;
  MpWaiters *owner; /* NULL once it is out of the list */
  MpPump *pump;
  GTask *task;
  MpPumpTimer *timer;
  MpWaiterDone done;
  gpointer data;
} Waiter;

struct _MpWaiters {
  MpPump *pump;
  GPtrArray *waiters; /* in order of arrival */
};

static Waiter *
waiter_ref (Waiter *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
waiter_unref (Waiter *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  mp_pump_unref (self->pump);
  g_free (self);
}

/* Takes it out of the list and ends its task */
static void
finish_locked (Waiter *self,
               GError *error)
{
  g_ptr_array_remove (self->owner->waiters, self);
  self->owner = NULL;
  if (self->timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->timer));
  if (error != NULL)
    mp_outbox_return_error (g_steal_pointer (&self->task), error);
  else
    mp_outbox_return_boolean (g_steal_pointer (&self->task), TRUE);
  waiter_unref (self);
}

static void
on_time_over (guint32  events,
              gpointer data)
{
  Waiter *self = data;

  self->timer = NULL;
  finish_locked (self, g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT, "The time given to the wait is over"));
}

/* In the task's context.  A handler of "cancelled" would run on any thread, after those of the user's that may wait for
 * the pump's lock. */
static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      data)
{
  Waiter *self = data;

  mp_pump_lock (self->pump);
  if (self->owner != NULL)
    {
      GError *error = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, &error)) /* it may have been reset since */
        finish_locked (self, error);
    }
  mp_pump_unlock (self->pump);
  return G_SOURCE_REMOVE;
}

static void
destroy_source (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* The source goes with the task, where that ends */
static void
watch_cancellable (Waiter *self)
{
  GCancellable *cancellable = g_task_get_cancellable (self->task);
  GSource *source;

  if (cancellable == NULL)
    return;
  source = mp_cancellable_source_new (cancellable, g_task_get_context (self->task));
  g_source_set_static_name (source, "mpglib cancelled wait");
  g_source_set_callback (source, G_SOURCE_FUNC (on_cancelled), waiter_ref (self), (GDestroyNotify) waiter_unref);
  g_source_attach (source, g_task_get_context (self->task));
  g_object_set_data_full (G_OBJECT (self->task), "mp-cancellable-source", source, destroy_source);
}

MpWaiters *
mp_waiters_new (MpPump *pump)
{
  MpWaiters *self = g_new0 (MpWaiters, 1);

  self->pump = mp_pump_ref (pump);
  self->waiters = g_ptr_array_new ();
  return self;
}

void
mp_waiters_free_locked (MpWaiters *self)
{
  while (self->waiters->len > 0)
    finish_locked (g_ptr_array_index (self->waiters, 0),
                   g_error_new (MP_ERROR, MP_ERROR_CLOSED, "The object that was waited for is gone"));
  g_ptr_array_unref (self->waiters);
  mp_pump_unref (self->pump);
  g_free (self);
}

void
mp_waiters_add_locked (MpWaiters    *self,
                       GTask        *task,
                       gint64        deadline,
                       MpWaiterDone  done,
                       gpointer      data)
{
  Waiter *waiter = g_new0 (Waiter, 1);
  GError *error = NULL;

  g_atomic_ref_count_init (&waiter->refs);
  waiter->owner = self;
  waiter->pump = mp_pump_ref (self->pump);
  waiter->task = task;
  waiter->done = done;
  waiter->data = data;
  g_task_set_check_cancellable (task, FALSE); /* what came about before the cancellation counts */
  g_ptr_array_add (self->waiters, waiter);

  if (g_task_get_cancellable (task) != NULL
      && g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &error))
    finish_locked (waiter, error);
  else if (done (data, &error))
    finish_locked (waiter, error);
  else if (deadline != MP_DEADLINE_NEVER && mp_deadline_has_passed (deadline))
    finish_locked (waiter, g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT, "The time given to the wait is over"));
  else
    {
      if (deadline != MP_DEADLINE_NEVER)
        waiter->timer = mp_pump_add_timer_locked (self->pump, deadline, on_time_over, waiter);
      watch_cancellable (waiter);
    }
}

void
mp_waiters_check_locked (MpWaiters *self)
{
  for (guint i = 0; i < self->waiters->len;)
    {
      Waiter *waiter = g_ptr_array_index (self->waiters, i);
      GError *error = NULL;

      if (waiter->done (waiter->data, &error))
        finish_locked (waiter, error); /* the next one has its place now */
      else
        i++;
    }
}
