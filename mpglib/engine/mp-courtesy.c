/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-courtesy-private.h"

#include "mp-clock-private.h"
#include "mp-fork-private.h"

/* In microseconds.  A user interface draws every 16 ms or so. */
#define RUN_TIME  (10 * 1000)
#define REST_TIME (20 * 1000)

#define LOWEST G_PRIORITY_LOW

/* With another priority at a time; each costs its context something.  More go on as they are. */
#define MAX_RESTING 64

typedef struct
{
  GSource *source;
  int      priority;   /* that it has otherwise */
  gboolean is_quiet;   /* it has that, but is not ready */
} Resting;

/* One a context, with which it goes, and in which it is used. */
typedef struct
{
  GSource       source;
  GMainContext *context;   /* the key */
  GSource      *limit;     /* of the default priority: ours have rested for long enough */
  GArray       *resting;   /* of Resting; guarded by the lock */
  gboolean      is_due;    /* others are to have a turn */
  guint         n_rests;   /* that are over */
  gint64        begin;     /* of a run of ours; 0: none since others had a turn, or the last rest */
} Courtesy;

static GHashTable *courtesies;
static GMutex courtesies_lock;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&courtesies_lock, NULL);
}

/* --- Resting -------------------------------------------------------------- */

static void
resting_clear (gpointer data)
{
  g_source_unref (((Resting *) data)->source);
}

static GArray *
resting_new (void)
{
  GArray *resting = g_array_new (FALSE, FALSE, sizeof (Resting));

  g_array_set_clear_func (resting, resting_clear);
  return resting;
}

/* Returns: whether there was a place */
static gboolean
begin_rest (Courtesy *self,
            GSource  *source,
            gboolean  is_quiet)
{
  int priority = g_source_get_priority (source);
  guint n_others;
  gboolean rests;

  g_mutex_lock (&courtesies_lock);
  n_others = self->resting->len;
  rests = is_quiet || n_others < MAX_RESTING;
  if (rests)
    g_array_append_val (self->resting, ((Resting) { g_source_ref (source), priority, is_quiet }));
  g_mutex_unlock (&courtesies_lock);

  if (rests && !is_quiet)
    g_source_set_priority (source, LOWEST);
  if (n_others == 0)
    g_source_set_ready_time (self->limit, g_source_get_time (source) + REST_TIME);
  return rests;
}

static void
end_rest_of_locked (const Resting *resting)
{
  if (g_source_is_destroyed (resting->source))
    return;

  if (resting->is_quiet)
    g_source_set_ready_time (resting->source, 0);
  else
    g_source_set_priority (resting->source, resting->priority);
}

static void
end_rest (Courtesy *self)
{
  g_autoptr (GArray) resting = resting_new ();

  self->begin = 0;
  self->n_rests++;
  g_source_set_ready_time (self->limit, -1);

  /* With the lock, since GLib would poll for one that is destroyed meanwhile.  To let go of one may run anything. */
  g_mutex_lock (&courtesies_lock);
  if (self->resting->len > 0)
    {
      GArray *none = g_steal_pointer (&resting);

      resting = self->resting;
      self->resting = none;
    }
  for (guint i = 0; i < resting->len; i++)
    end_rest_of_locked (&g_array_index (resting, Resting, i));
  g_mutex_unlock (&courtesies_lock);
}

static gboolean
on_rested (gpointer data)
{
  end_rest (data);
  return G_SOURCE_CONTINUE;
}

/* --- Turns of others ------------------------------------------------------ */

static gboolean
on_others_had_turn (GSource     *source,
                    GSourceFunc  unused,
                    gpointer     unused_data)
{
  Courtesy *self = (Courtesy *) source;

  g_source_set_ready_time (source, -1);
  self->is_due = FALSE;
  end_rest (self);
  return G_SOURCE_CONTINUE;
}

static void
courtesy_finalize (GSource *source)
{
  Courtesy *self = (Courtesy *) source;

  g_mutex_lock (&courtesies_lock);
  if (g_hash_table_lookup (courtesies, self->context) == self)
    g_hash_table_remove (courtesies, self->context);
  g_mutex_unlock (&courtesies_lock);

  g_array_unref (self->resting);
  g_source_destroy (self->limit);
  g_source_unref (self->limit);
}

static GSourceFuncs courtesy_funcs = {
  .dispatch = on_others_had_turn,
  .finalize = courtesy_finalize,
};

static Courtesy *
courtesy_new (GMainContext *context)
{
  Courtesy *self = (Courtesy *) g_source_new (&courtesy_funcs, sizeof (Courtesy));

  self->context = context;
  self->resting = resting_new ();
  self->is_due = FALSE;
  self->n_rests = 0;
  self->begin = 0;
  self->limit = mp_clock_source_new ("mpglib end of a rest", on_rested, self);
  g_source_set_can_recurse (self->limit, TRUE);
  g_source_attach (self->limit, context);
  g_source_set_static_name (&self->source, "mpglib turn of others");
  g_source_set_priority (&self->source, LOWEST);
  g_source_set_can_recurse (&self->source, TRUE);
  g_source_attach (&self->source, context);
  g_source_unref (&self->source);   /* the context has it */
  return self;
}

static Courtesy *
get_courtesy (GMainContext *context)
{
  Courtesy *self;

  g_mutex_lock (&courtesies_lock);
  if (courtesies == NULL)
    courtesies = g_hash_table_new (NULL, NULL);
  self = g_hash_table_lookup (courtesies, context);
  if (self == NULL)
    {
      self = courtesy_new (context);
      g_hash_table_insert (courtesies, context, self);
    }
  g_mutex_unlock (&courtesies_lock);

  return self;
}

/* Whether it is time for a rest: the same in the whole of a turn of the loop. */
static gboolean
is_time_to_rest (Courtesy *self,
                 GSource  *source)
{
  gint64 now = g_source_get_time (source);

  /* A turn of the loop may take long: whatever that is, ours have one before they rest again. */
  if (self->begin == 0)
    self->begin = now;

  if (now - self->begin < RUN_TIME || g_source_get_priority (source) >= LOWEST)
    return FALSE;

  if (self->is_due)
    return TRUE;

  self->is_due = TRUE;
  self->begin = now;
  g_source_set_ready_time (&self->source, 0);
  return FALSE;
}

/*< private >
 * mp_courtesy_may_run:
 * @source: one that is dispatched, and stays ready if it does nothing
 *
 * For the sources of the library that work off what comes from other processes and threads.
 *
 * Returns: %FALSE if it is to return %G_SOURCE_CONTINUE at once: it will be dispatched when others have had a turn
 */
gboolean
mp_courtesy_may_run (GSource *source)
{
  Courtesy *self = get_courtesy (g_source_get_context (source));

  return !is_time_to_rest (self, source) || !begin_rest (self, source, FALSE);
}

/*< private >
 * mp_courtesy_wants_rest:
 * @source: one that is dispatched
 * @rest: (inout): its last rest; 0 at first
 *
 * As mp_courtesy_may_run(), for sources that are called in the order of their context's list, which the other one
 * would change.
 *
 * Returns: %TRUE if it is not to be ready any more by itself: it will be made so when others have had a turn
 */
gboolean
mp_courtesy_wants_rest (GSource *source,
                        guint   *rest)
{
  Courtesy *self = get_courtesy (g_source_get_context (source));

  if (!is_time_to_rest (self, source))
    return FALSE;

  if (*rest == self->n_rests + 1)
    return TRUE;

  *rest = self->n_rests + 1;
  return begin_rest (self, source, TRUE);
}

/* Returns: (transfer full) (nullable): the reference to it */
static GSource *
forget_locked (Courtesy *self,
               GSource  *source)
{
  for (guint i = 0; i < self->resting->len; i++)
    {
      Resting *resting = &g_array_index (self->resting, Resting, i);

      if (resting->source != source)
        continue;

      g_source_ref (source);
      g_array_remove_index_fast (self->resting, i);
      return source;
    }

  return NULL;
}

/*< private >
 * mp_courtesy_destroy:
 * @context: that of the source
 * @source: one that mp_courtesy_may_run() was asked for
 *
 * As g_source_destroy(), which alone would leave it there until the context runs again, or be crossed by the end of a
 * rest.  In any thread; the source has no callback with a destroy function.
 */
void
mp_courtesy_destroy (GMainContext *context,
                     GSource      *source)
{
  g_autoptr (GSource) rested = NULL;
  Courtesy *self;

  g_mutex_lock (&courtesies_lock);
  g_source_destroy (source);
  self = courtesies != NULL ? g_hash_table_lookup (courtesies, context) : NULL;
  if (self != NULL)
    rested = forget_locked (self, source);
  g_mutex_unlock (&courtesies_lock);
}
