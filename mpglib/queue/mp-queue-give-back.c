/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-fork-private.h"
#include "mp-patience-private.h"
#include "mp-pump-private.h"
#include "mp-queue-private.h"

/* What this process lets go of undone, of queues that hold.  Who drops a queue may be a main loop, or the garbage
 * collector of a language: it does not wait for somebody who is stopped amid of taking something.  The pump tries
 * again then, and keeps the shared queue for that.  If this process ends before, its death gives all of it back.
 */

/* Of whoever drops it: an owner that goes on is awaited.  Nobody is while one is known to be stopped, so that
 * a thousand queues cost one moment.
 */
#define MOMENT G_TIME_SPAN_MILLISECOND

/* Between two looks. */
#define FIRST_DELAY G_TIME_SPAN_MILLISECOND
#define LAST_DELAY  G_TIME_SPAN_SECOND

typedef struct
{
  GList        link;    /* in `returns` */
  MpPump      *pump;
  MpQueueStore store;
  GArray      *names;   /* of MpRingExtentName */
  gint64       delay;
} MpReturn;

/* All, for who is forked from this process. */
static GMutex lock;
static GQueue returns;

/* --- Life ----------------------------------------------------------------- */

static MpReturn *
return_new (MpQueueStore *store,
            GArray       *names_taken)
{
  MpReturn *self = g_new0 (MpReturn, 1);

  self->link.data = self;
  self->names = names_taken;
  self->delay = FIRST_DELAY;
  if (mp_queue_store_open_again (store, &self->store, NULL))
    return self;

  /* Nobody can take from it any more. */
  g_array_unref (self->names);
  g_free (self);
  return NULL;
}

static void
return_free (MpReturn *self)
{
  mp_queue_store_clear (&self->store);
  g_array_unref (self->names);
  g_free (self);
}

/* What the parent has got is not the child's to give back. */
static void
forget_parent (void)
{
  GQueue of_parent = returns;

  if (of_parent.head == NULL)
    return;

  g_queue_init (&returns);
  for (GList *link = of_parent.head, *next; link != NULL; link = next)
    {
      next = link->next;
      return_free (link->data);
    }
}

__attribute__ ((constructor))
static void
watch_forks (void)
{
  mp_fork_add_leaf (&lock, forget_parent);
}

/* --- Trying --------------------------------------------------------------- */

/* Returns: %FALSE if somebody is stopped who takes, or is held up for longer than @patience */
static gboolean
try_disown (MpQueueStore *store,
            GArray       *names,
            MpPatience   *patience)
{
  gboolean is_done;
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (store, &me, NULL);

  if (ring == NULL)
    return TRUE;

  mp_patience_begin (patience);
  is_done = mp_ring_disown (ring, me, (MpRingExtentName *) names->data, names->len, NULL);
  mp_patience_end (patience);
  return is_done;
}

/* With the pump's lock held, by whoever serves it. */
static void
try_again (guint32  events,
           gpointer data)
{
  MpReturn *self = data;
  MpPatience none = MP_PATIENCE_SPENT;

  if (!try_disown (&self->store, self->names, &none))
    {
      mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + self->delay, try_again, self);
      self->delay = MIN (2 * self->delay, LAST_DELAY);
      return;
    }

  g_mutex_lock (&lock);
  g_queue_unlink (&returns, &self->link);
  g_mutex_unlock (&lock);
  return_free (self);
}

static void
begin_trying (gpointer data)
{
  try_again (0, data);
}

/* A pump that has no descriptors just now does it as soon as it has some. */
static void
leave_to_pump (MpReturn *self)
{
  self->pump = mp_pump_get_shared ();
  mp_pump_open (self->pump, NULL);

  g_mutex_lock (&lock);
  g_queue_push_tail_link (&returns, &self->link);
  g_mutex_unlock (&lock);
  mp_pump_post (self->pump, begin_trying, self);
}

static MpPatience
get_patience (void)
{
  const MpPatience moment = { .most = MOMENT }, none = MP_PATIENCE_SPENT;
  gboolean has_others;

  g_mutex_lock (&lock);
  has_others = returns.head != NULL;
  g_mutex_unlock (&lock);
  return has_others ? none : moment;
}

/*< private >
 * mp_queue_give_back:
 * @store: of a queue that holds
 * @names_taken: of what this process has got of it, and nobody will acknowledge: MpRingExtentName
 *
 * Leaves it to others, as if this process had died: now or soon, and waits no longer than a moment for that.
 */
void
mp_queue_give_back (MpQueueStore *store,
                    GArray       *names_taken)
{
  MpPatience patience = get_patience ();
  MpReturn *self;

  if (try_disown (store, names_taken, &patience))
    {
      g_array_unref (names_taken);
      return;
    }

  self = return_new (store, names_taken);
  if (self != NULL)
    leave_to_pump (self);
}
