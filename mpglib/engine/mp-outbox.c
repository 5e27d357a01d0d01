/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-outbox-private.h"

#include "mp-courtesy-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"

typedef struct {
  MpOutboxFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Letter;

struct _MpOutbox {
  gatomicrefcount refs;
  guint32 origin;
  GMainContext *context;
  GSource *source;
  GQueue letters; /* guarded by the lock of all outboxes */
};

typedef struct {
  GSource source;
  MpOutbox *outbox; /* weak: NULL when the outbox goes; guarded likewise */
} OutboxSource;

/* One outbox a context, so that a context with a thousand objects has one source more and not a thousand */
static GHashTable *outboxes;
/* One for all: so a fork finds no outbox half changed, nor GLib's lock of a context held for one.  A leaf but for
 * that. */
static GMutex outboxes_lock;

/* What is in the parent's is delivered there */
static void
forget_outboxes (void)
{
  if (outboxes != NULL)
    outboxes = NULL;
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&outboxes_lock, forget_outboxes);
}

static gboolean
is_foreign (MpOutbox *self)
{
  return self->origin != mp_origin_get ();
}

static void
letter_free (Letter *letter)
{
  if (letter->destroy != NULL)
    letter->destroy (letter->data);
  g_free (letter);
}

/* The source is ready as long as there are letters, also while one is being delivered: if that runs a loop of its
 * own, the rest is delivered there, in order. */
static Letter *
take (MpOutbox *self)
{
  Letter *letter;

  g_mutex_lock (&outboxes_lock);
  letter = g_queue_pop_head (&self->letters);
  if (g_queue_is_empty (&self->letters))
    g_source_set_ready_time (self->source, -1);
  g_mutex_unlock (&outboxes_lock);
  return letter;
}

static gboolean
deliver (GSource     *source,
         GSourceFunc  unused,
         gpointer     unused_data)
{
  g_autoptr (MpOutbox) self = NULL;
  MpPortion portion = mp_portion_begin ();
  guint n = 0;

  /* Its last user may be letting go of it at this moment, on another thread */
  g_mutex_lock (&outboxes_lock);
  self = ((OutboxSource *) source)->outbox;
  if (self != NULL && is_foreign (self))
    self = NULL;
  if (self != NULL)
    {
      mp_outbox_ref (self);
      n = g_queue_get_length (&self->letters);
    }
  g_mutex_unlock (&outboxes_lock);
  if (self == NULL)
    return G_SOURCE_REMOVE;
  if (!mp_courtesy_may_run (source))
    return G_SOURCE_CONTINUE;

  /* What comes meanwhile waits for the next turn, so that other sources have theirs */
  do
    {
      Letter *letter = take (self);

      if (letter == NULL)
        break;
      letter->func (letter->data);
      letter_free (letter);
    }
  while (--n > 0 && mp_portion_goes_on (&portion));
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs outbox_source_funcs = { .dispatch = deliver };

static MpOutbox *
outbox_new (GMainContext *context)
{
  MpOutbox *self = g_new0 (MpOutbox, 1);

  g_atomic_ref_count_init (&self->refs);
  self->origin = mp_origin_get ();
  self->context = g_main_context_ref (context);
  g_queue_init (&self->letters);
  self->source = g_source_new (&outbox_source_funcs, sizeof (OutboxSource));
  ((OutboxSource *) self->source)->outbox = self;
  g_source_set_name (self->source, "mpglib results");
  g_source_set_can_recurse (self->source, TRUE);
  g_source_attach (self->source, context);
  return self;
}

MpOutbox *
mp_outbox_get (GMainContext *context)
{
  MpOutbox *self;

  if (context == NULL)
    context = g_main_context_get_thread_default ();
  if (context == NULL)
    context = g_main_context_default ();

  g_mutex_lock (&outboxes_lock);
  if (outboxes == NULL)
    outboxes = g_hash_table_new (NULL, NULL);
  self = g_hash_table_lookup (outboxes, context);
  if (self != NULL)
    {
      mp_outbox_ref (self);
    }
  else
    {
      self = outbox_new (context);
      g_hash_table_insert (outboxes, context, self);
    }
  g_mutex_unlock (&outboxes_lock);
  return self;
}

MpOutbox *
mp_outbox_ref (MpOutbox *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_outbox_unref (MpOutbox *self)
{
  gboolean last;

  g_mutex_lock (&outboxes_lock);
  last = g_atomic_ref_count_dec (&self->refs);
  if (last)
    {
      if (!is_foreign (self))
        g_hash_table_remove (outboxes, self->context);
      ((OutboxSource *) self->source)->outbox = NULL;
    }
  g_mutex_unlock (&outboxes_lock);
  if (!last)
    return;

  mp_courtesy_destroy (self->context, self->source);
  g_source_unref (self->source);
  if (!is_foreign (self)) /* else they are about the parent's objects */
    g_queue_clear_full (&self->letters, (GDestroyNotify) letter_free);
  g_main_context_unref (self->context);
  g_free (self);
}

GMainContext *
mp_outbox_get_context (MpOutbox *self)
{
  return self->context;
}

void
mp_outbox_post (MpOutbox       *self,
                MpOutboxFunc    func,
                gpointer        data,
                GDestroyNotify  destroy)
{
  Letter *letter = g_new (Letter, 1);

  letter->func = func;
  letter->data = data;
  letter->destroy = destroy;

  g_mutex_lock (&outboxes_lock);
  g_queue_push_tail (&self->letters, letter);
  if (g_queue_get_length (&self->letters) == 1)
    g_source_set_ready_time (self->source, 0);
  g_mutex_unlock (&outboxes_lock);
}

static void
nothing (gpointer data)
{
}

void
mp_outbox_drop_object (MpOutbox *self,
                       gpointer  object)
{
  mp_outbox_post (self, nothing, object, g_object_unref);
}

/* --- the ends of tasks ------------------------------------------------------------------------------------ */

typedef struct {
  GTask *task;
  MpOutbox *outbox;
  GError *error;
  gpointer value;
  GDestroyNotify destroy;
  gboolean is_pointer;
} TaskEnd;

static void
return_task (gpointer data)
{
  TaskEnd *end = data;

  if (end->error != NULL)
    g_task_return_error (end->task, g_steal_pointer (&end->error));
  else if (end->is_pointer)
    g_task_return_pointer (end->task, g_steal_pointer (&end->value), end->destroy);
  else
    g_task_return_boolean (end->task, GPOINTER_TO_INT (end->value));
}

static void
task_end_free (gpointer data)
{
  TaskEnd *end = data;

  g_object_unref (end->task);
  mp_outbox_unref (end->outbox);
  g_free (end);
}

static void
post_end (TaskEnd *end)
{
  end->outbox = mp_outbox_get (g_task_get_context (end->task));
  mp_outbox_post (end->outbox, return_task, end, task_end_free);
}

void
mp_outbox_return_pointer (GTask          *task,
                          gpointer        value,
                          GDestroyNotify  destroy)
{
  TaskEnd *end = g_new0 (TaskEnd, 1);

  end->task = task;
  end->value = value;
  end->destroy = destroy;
  end->is_pointer = TRUE;
  post_end (end);
}

void
mp_outbox_return_boolean (GTask    *task,
                          gboolean  value)
{
  TaskEnd *end = g_new0 (TaskEnd, 1);

  end->task = task;
  end->value = GINT_TO_POINTER (value);
  post_end (end);
}

void
mp_outbox_return_error (GTask  *task,
                        GError *error)
{
  TaskEnd *end = g_new0 (TaskEnd, 1);

  end->task = task;
  end->error = error;
  post_end (end);
}
