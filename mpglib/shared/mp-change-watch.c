/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-change-watch-private.h"
#include "mp-clock-private.h"
#include "mp-doorbell-private.h"
#include "mp-log-private.h"
#include "mp-origin-private.h"
#include "mp-outbox-private.h"
#include "mp-porch-private.h"

struct _MpChangeWatch
{
  MpPorchCaller  caller;
  guint32        origin;     /* the process that watches */
  GWeakRef       object;
  MpSharedObject shared;     /* which shares the hold */
  MpBell        *bell;
  MpDoorbell    *doorbell;
  MpOutbox      *outbox;
  MpChangeFunc   func;
  gboolean       has_begun;  /* used in the context only */
  GSource       *clock;      /* likewise; NULL: nobody asked to be told again by a time */
  int            has_ended;  /* atomic */
};

static void
change_watch_free (MpPorchCaller *caller)
{
  MpChangeWatch *self = (MpChangeWatch *) caller;

  g_weak_ref_clear (&self->object);
  mp_shared_object_clear (&self->shared);
  mp_outbox_unref (self->outbox);
  g_free (self);
}

static void
leave (MpChangeWatch *self)
{
  g_clear_pointer (&self->doorbell, mp_doorbell_free);
  if (self->clock != NULL)
    g_source_destroy (self->clock);
  g_clear_pointer (&self->clock, g_source_unref);
  mp_porch_caller_leave (&self->caller);
}

/* Armed before it is told, so that what changes from now on rings again. */
static void
tell (MpPorchCaller *caller)
{
  MpChangeWatch *self = (MpChangeWatch *) caller;
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) object = NULL;

  if (g_atomic_int_get (&self->has_ended))
    return;

  if (!mp_doorbell_arm (self->doorbell, &error))
    {
      g_warning ("mpglib cannot watch a shared object any more: %s", error->message);
      return;
    }

  object = g_weak_ref_get (&self->object);
  if (object != NULL)
    self->func (object);
}

/* On the thread mp-watch. */
static void
on_rung (gpointer data)
{
  MpChangeWatch *self = data;

  mp_porch_caller_ring (&self->caller);
}

/* In the main context, as all of these. */
static void
begin (gpointer data)
{
  MpChangeWatch *self = data;
  g_autoptr (GError) error = NULL;

  self->has_begun = TRUE;
  if (!mp_porch_caller_enter (&self->caller, mp_outbox_get_context (self->outbox), tell, change_watch_free,
                              &error) ||
      (self->doorbell = mp_doorbell_new (self->shared.table, self->bell, on_rung, self, &error)) == NULL)
    {
      g_warning ("mpglib cannot watch a shared object: %s", error->message);
      return;
    }

  /* What changed between the call and now rings nobody. */
  tell (&self->caller);
}

static void
end (gpointer data)
{
  leave (data);
}

/* Whether this thread is where the context runs, or could be. */
static gboolean
end_here (MpChangeWatch *self)
{
  GMainContext *context = mp_outbox_get_context (self->outbox);
  gboolean can_end;

  if (!g_main_context_acquire (context))
    return FALSE;

  can_end = self->has_begun;
  if (can_end)
    {
      g_main_context_ref (context);
      leave (self);
    }
  g_main_context_release (context);
  if (can_end)
    g_main_context_unref (context);
  return can_end;
}

/*< private >
 * mp_change_watch_new:
 * @object: (transfer none): a GObject; it is not kept alive
 * @bell: in the layout of @shared
 * @func: called in @context
 *
 * May be called by any thread.  It tells once at the beginning, too.
 */
MpChangeWatch *
mp_change_watch_new (gpointer         object,
                     MpSharedObject  *shared,
                     MpBell          *bell,
                     GMainContext    *context,
                     MpChangeFunc     func,
                     GError         **error)
{
  MpChangeWatch *self = g_new0 (MpChangeWatch, 1);

  if (!mp_shared_object_open_again (shared, &self->shared, error))
    {
      g_free (self);
      return NULL;
    }

  g_weak_ref_init (&self->object, object);
  self->origin = mp_origin_get ();
  self->bell = bell;
  self->outbox = mp_outbox_get (context);
  self->func = func;
  mp_outbox_post (self->outbox, begin, self, NULL);
  return self;
}

/* The function may have been called by another watch, which this one has replaced meanwhile: that tells at its
 * beginning.
 */
static gboolean
has_begun_well (MpChangeWatch *self)
{
  return self->doorbell != NULL;
}

/*< private >
 * mp_change_watch_again:
 *
 * In a call of the function: it is called once more, in a later turn of the loop, even if nothing changes.
 */
void
mp_change_watch_again (MpChangeWatch *self)
{
  if (has_begun_well (self))
    mp_porch_caller_ring (&self->caller);
}

static gboolean
on_time (gpointer data)
{
  MpChangeWatch *self = data;

  g_source_set_ready_time (self->clock, -1);
  if (self->origin == mp_origin_get ())
    tell (&self->caller);
  return G_SOURCE_CONTINUE;
}

/*< private >
 * mp_change_watch_again_at:
 * @time: of g_get_monotonic_time()
 *
 * In a call of the function: it is called once more then, even if nothing changes.
 */
void
mp_change_watch_again_at (MpChangeWatch *self,
                          gint64         time)
{
  if (!has_begun_well (self))
    return;

  if (self->clock == NULL)
    {
      self->clock = mp_clock_source_new ("mpglib time to look again", on_time, self);
      g_source_attach (self->clock, mp_outbox_get_context (self->outbox));
    }
  g_source_set_ready_time (self->clock, time);
}

/*< private >
 * mp_change_watch_end:
 *
 * May be called by any thread.  If that is the context's, or if no thread runs it,
 * nothing is told afterwards, and all is given back at once; else in the context.  In a
 * forked child the parent's is let be.
 */
void
mp_change_watch_end (MpChangeWatch *self)
{
  if (self->origin != mp_origin_get ())
    return;

  g_atomic_int_set (&self->has_ended, TRUE);
  if (!end_here (self))
    mp_outbox_post (self->outbox, end, self, NULL);
}
