/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-queue-private.h"

/* The signals: a standing watch for each that somebody listens to. */

static guint signals[MP_QUEUE_N_WATCHES];

void
mp_queue_install_signals (MpQueueClass *klass)
{
  /**
   * MpQueue::item-available:
   * @self: the queue
   *
   * There are items, while the queue is [property@Mp.Queue:live].
   *
   * Is emitted in [property@Mp.Queue:main-context], once when items come, however many. Get
   * them without waiting: if the handler gets some and there are more, it is called again.
   * If it gets none it is called again when more come. Another process may have been
   * faster, so there may be none.
   *
   * Since: 1.0
   */
  signals[MP_QUEUE_ITEMS] =
    g_signal_new ("item-available",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);

  /**
   * MpQueue::space-available:
   * @self: the queue
   *
   * There is room, while the queue is [property@Mp.Queue:live].
   *
   * Is emitted in [property@Mp.Queue:main-context] at the beginning, and once when items
   * were got, however many. Put without waiting: if the handler puts some and there is room
   * for more, it is called again. If it puts none it is called again when more were got.
   *
   * Since: 1.0
   */
  signals[MP_QUEUE_SPACE] =
    g_signal_new ("space-available",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);
}

/*< private >
 * mp_queue_watch_lost:
 * @signal: of the kind that has it
 */
void
mp_queue_watch_lost (guint signal)
{
  signals[MP_QUEUE_LOST] = signal;
}

/* --- Telling -------------------------------------------------------------- */

/* The bell is armed.  It rings for more than items and room: for a death, too. */
static gboolean
is_ready (MpQueuePrivate *priv,
          MpQueueSide     side)
{
  guint32 me;
  MpRing *ring = mp_queue_enter (priv, &me, NULL);

  if (ring == NULL)
    return FALSE;

  return side == MP_QUEUE_ITEMS ? mp_queue_has_item (priv, ring, me) : mp_ring_has_room (ring, mp_ring_measure (1));
}

/* Of who has done nothing: when it is to be told again all the same, since what was there was claimed. */
static gint64
get_next_look (MpQueuePrivate *priv,
               MpQueueSide     side)
{
  guint32 me;
  MpRing *ring = side == MP_QUEUE_SPACE ? mp_queue_enter (priv, &me, NULL) : NULL;
  gint64 time = ring != NULL ? mp_ring_get_next_look (ring) : MP_DEADLINE_NEVER;

  /* One that is over is that of a look long ago. */
  return time > g_get_monotonic_time () ? time : MP_DEADLINE_NEVER;
}

static void
tell_again (MpQueuePrivate *priv,
            guint           what,
            gint64          time)
{
  mp_queue_lock_own (priv);
  if (priv->watches[what] != NULL && time == MP_DEADLINE_NOW)
    mp_change_watch_again (priv->watches[what]);
  else if (priv->watches[what] != NULL && time != MP_DEADLINE_NEVER)
    mp_change_watch_again_at (priv->watches[what], time);
  g_mutex_unlock (&priv->lock);
}

/* Who has done something gets on with it, and is told again; else not, so that a loop does not spin. */
static void
tell (MpQueue     *self,
      MpQueueSide  side)
{
  MpQueuePrivate *priv = mp_queue_get_private (self);
  gint64 time = MP_DEADLINE_NOW;

  if (!is_ready (priv, side))
    return;

  g_atomic_int_set (&priv->has_done[side], FALSE);
  g_signal_emit (self, signals[side], 0);
  if (!g_atomic_int_get (&priv->has_done[side]))
    time = get_next_look (priv, side);
  tell_again (priv, side, time);
}

static void
tell_of_items (gpointer object)
{
  tell (object, MP_QUEUE_ITEMS);
}

static void
tell_of_space (gpointer object)
{
  tell (object, MP_QUEUE_SPACE);
}

/* A death rings all bells.  What is lost belongs to whoever asks first, so all of it is told, but one after the other:
 * a thousand long ones would take a main loop seconds.
 */
static void
tell_of_lost (gpointer object)
{
  const MpQueueKind *kind = MP_QUEUE_GET_CLASS (object)->kind;
  g_autoptr (MpQueue) self = g_object_ref (object);

  if (mp_queue_get_live (self))
    tell_again (mp_queue_get_private (self), MP_QUEUE_LOST, kind->tell_lost (self));
}

/* --- Watching ------------------------------------------------------------- */

static const MpChangeFunc tellers[] = { tell_of_items, tell_of_space, tell_of_lost };

/* What is lost and what is done, and who dies, rings that of those that take. */
static MpBell *
get_bell (MpRing *ring,
          guint   what)
{
  return mp_queue_get_bell (ring, what == MP_QUEUE_LOST ? MP_QUEUE_SPACE : what);
}

static gboolean
is_listened_to (MpQueue *self,
                MpRing  *ring,
                guint    what)
{
  if (what == MP_QUEUE_LOST && (ring->flags & (MP_RING_HOLDS | MP_RING_REDELIVERS)) != MP_RING_HOLDS)
    return FALSE;

  return g_signal_has_handler_pending (self, signals[what], 0, FALSE);
}

/* Those that somebody listens to: who only gets should not be woken by each get. */
static void
watch_locked (MpQueue         *self,
              MpQueuePrivate  *priv,
              MpRing          *ring,
              GError         **error)
{
  for (guint what = 0; what < MP_QUEUE_N_WATCHES && *error == NULL; what++)
    if (priv->watches[what] == NULL && is_listened_to (self, ring, what))
      priv->watches[what] = mp_change_watch_new (self, &priv->store.contents.shared, get_bell (ring, what),
                                                 mp_queue_get_main_context (self), tellers[what], error);
}

static void
end_watches_locked (MpQueuePrivate *priv)
{
  for (guint what = 0; what < MP_QUEUE_N_WATCHES; what++)
    g_clear_pointer (&priv->watches[what], mp_change_watch_end);
}

void
mp_queue_end_watches (MpQueuePrivate *priv)
{
  mp_queue_lock_own (priv);
  end_watches_locked (priv);
  g_mutex_unlock (&priv->lock);
}

/**
 * mp_queue_get_live:
 * @self: a queue
 *
 * Gets [property@Mp.Queue:live].
 *
 * Returns: whether the signals are emitted
 *
 * Since: 1.0
 */
gboolean
mp_queue_get_live (MpQueue *self)
{
  MpQueuePrivate *priv;
  gboolean live;

  g_return_val_if_fail (MP_IS_QUEUE (self), FALSE);

  priv = mp_queue_get_private (self);
  mp_queue_lock_own (priv);
  live = g_atomic_int_get (&priv->is_live);
  g_mutex_unlock (&priv->lock);

  return live;
}

/* Returns: whether that is a change */
static gboolean
set_live_locked (MpQueue   *self,
                 gboolean   live,
                 GError   **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (self);
  gboolean was_live = g_atomic_int_get (&priv->is_live);
  guint32 me;
  MpRing *ring = live ? mp_queue_enter (priv, &me, error) : NULL;

  if (live && ring == NULL)
    return FALSE;

  g_atomic_int_set (&priv->is_live, live);
  if (live)
    watch_locked (self, priv, ring, error);
  else
    end_watches_locked (priv);

  return !live != !was_live;
}

/**
 * mp_queue_set_live:
 * @self: a queue
 * @live: whether the signals are emitted
 *
 * Sets [property@Mp.Queue:live]. Connect to the signals first: those that nobody is
 * connected to are not watched, and cost nothing. Who connects to another later says it
 * again.
 *
 * A closed queue is not live. In a process that is forked no queue is until this one says
 * so there.
 *
 * Since: 1.0
 */
void
mp_queue_set_live (MpQueue  *self,
                   gboolean  live)
{
  g_autoptr (GError) error = NULL;
  MpQueuePrivate *priv;
  gboolean changes;

  g_return_if_fail (MP_IS_QUEUE (self));

  priv = mp_queue_get_private (self);
  mp_queue_lock_own (priv);
  changes = set_live_locked (self, live, &error);
  g_mutex_unlock (&priv->lock);

  /* Whoever hears it may ask the queue. */
  if (error != NULL)
    g_warning ("The queue cannot be watched: %s", error->message);
  if (changes)
    g_object_notify (G_OBJECT (self), "live");
}
