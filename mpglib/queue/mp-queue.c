/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-queue-private.h"

/**
 * MpQueue:
 *
 * Items that processes put and get, in the order in which they were put.
 *
 * Any number of processes and threads put, and any number get; each item goes to one of
 * them. An item is a value ([struct@GLib.Variant]) that every language reads, or bytes with
 * the name of their codec. What one thread puts is got in its order; between several, who
 * was first counts.
 *
 * An item is in shared memory as soon as it is put: nobody has to wait for a process that
 * has put something, and it stays if that process ends or is killed. Who is killed while it
 * puts or gets leaves the queue as if it had not begun, or had finished. The items are gone
 * when nobody has the queue any more.
 *
 * At most [property@Mp.Queue:max-size] items and [property@Mp.Queue:byte-limit] bytes are in
 * it at a time: who puts more waits, which is how a fast producer is held back by a slow
 * consumer. In a main loop use the asynchronous forms, or
 * [signal@Mp.Queue::item-available].
 *
 * What is attached to a message does not go through a queue: connections, locks and the
 * like are handed over by a [class@Mp.Connection], or as arguments of a process.
 *
 * A queue is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of handing
 * over and of forks holds here. It takes a descriptor in every process that has it.
 *
 * A queue may be used by all threads.
 *
 * Since: 1.0
 */

static void mp_queue_shareable_init (MpShareableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (MpQueue, mp_queue, G_TYPE_OBJECT,
                         G_ADD_PRIVATE (MpQueue)
                         G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_queue_shareable_init)
                         G_IMPLEMENT_INTERFACE (MP_TYPE_WAITABLE, mp_queue_waitable_init))

enum
{
  PROP_0,
  PROP_MAX_SIZE,
  PROP_BYTE_LIMIT,
  PROP_MAIN_CONTEXT,
  PROP_LIVE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

gpointer mp_queue_class;

static const MpQueueKind queue_kind = { .name = "Queue" };

MpQueuePrivate *
mp_queue_get_private (MpQueue *self)
{
  return mp_queue_get_instance_private (self);
}

/* --- Life ----------------------------------------------------------------- */

static void
mp_queue_constructed (GObject *object)
{
  MpQueuePrivate *priv = mp_queue_get_private (MP_QUEUE (object));

  G_OBJECT_CLASS (mp_queue_parent_class)->constructed (object);

  if (priv->main_context == NULL && !mp_contents_is_receiving ())
    priv->main_context = g_main_context_ref_thread_default ();
  mp_queue_store_init (&priv->store, MP_OBJECT_QUEUE, priv->store.max_size, priv->store.byte_limit, priv->flags);
}

static void
mp_queue_finalize (GObject *object)
{
  MpQueuePrivate *priv = mp_queue_get_private (MP_QUEUE (object));

  mp_queue_end_watches (priv);
  mp_queue_disown (priv);
  g_mutex_clear (&priv->lock);
  mp_queue_store_clear (&priv->store);
  g_clear_pointer (&priv->main_context, g_main_context_unref);

  G_OBJECT_CLASS (mp_queue_parent_class)->finalize (object);
}

static void
mp_queue_get_property (GObject    *object,
                       guint       prop_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpQueue *self = MP_QUEUE (object);

  switch (prop_id)
    {
    case PROP_MAX_SIZE:
      g_value_set_uint (value, mp_queue_get_max_size (self));
      break;

    case PROP_BYTE_LIMIT:
      g_value_set_uint64 (value, mp_queue_get_byte_limit (self));
      break;

    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, mp_queue_get_main_context (self));
      break;

    case PROP_LIVE:
      g_value_set_boolean (value, mp_queue_get_live (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_queue_set_property (GObject      *object,
                       guint         prop_id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  MpQueuePrivate *priv = mp_queue_get_private (MP_QUEUE (object));

  switch (prop_id)
    {
    case PROP_MAX_SIZE:
      priv->store.max_size = g_value_get_uint (value);
      break;

    case PROP_BYTE_LIMIT:
      priv->store.byte_limit = g_value_get_uint64 (value);
      break;

    case PROP_MAIN_CONTEXT:
      priv->main_context = g_value_dup_boxed (value);
      break;

    case PROP_LIVE:
      mp_queue_set_live (MP_QUEUE (object), g_value_get_boolean (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_queue_class_init (MpQueueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  mp_queue_class = klass;
  klass->kind = &queue_kind;
  object_class->constructed = mp_queue_constructed;
  object_class->finalize = mp_queue_finalize;
  object_class->get_property = mp_queue_get_property;
  object_class->set_property = mp_queue_set_property;

  /**
   * MpQueue:max-size:
   *
   * How many items there can be at a time; 0, and more than 1073741822, for any number.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_SIZE] =
    g_param_spec_uint ("max-size", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpQueue:byte-limit:
   *
   * How many bytes the items can have at a time, and so each of them. An item takes its
   * length, 8 to 15 bytes, and for some codecs and types their names; none is longer
   * than 4 GiB.
   *
   * It is made a multiple of 8 from 64 to 1 TiB; by default it is 1 GiB. That much memory is
   * never taken at once: a queue has what its items need, and gives it back.
   *
   * Who waits for room in a blocking call is left as much as it needs by those who put
   * something later, so that smaller items do not overtake a large one for ever; to them the
   * queue may be full before.
   *
   * Since: 1.0
   */
  properties[PROP_BYTE_LIMIT] =
    g_param_spec_uint64 ("byte-limit", NULL, NULL,
                         1, G_MAXUINT64, MP_QUEUE_DEFAULT_BYTE_LIMIT,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpQueue:main-context:
   *
   * Where signals are emitted: by default the thread-default main context of whoever made
   * the queue. If it was received, that of whoever is the first to ask for it, or to say
   * [property@Mp.Queue:live].
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL,
                        G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpQueue:live:
   *
   * Whether [signal@Mp.Queue::item-available] and [signal@Mp.Queue::space-available] are
   * emitted. See [method@Mp.Queue.set_live].
   *
   * Since: 1.0
   */
  properties[PROP_LIVE] =
    g_param_spec_boolean ("live", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
  mp_queue_install_signals (klass);
}

static void
mp_queue_init (MpQueue *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "queue"

static GVariant *
mp_queue_pack (MpShareable  *shareable,
               MpPacking    *packing,
               GError      **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (MP_QUEUE (shareable));

  if (mp_queue_is_closed (MP_QUEUE (shareable)))
    {
      mp_queue_set_closed (error);
      return NULL;
    }

  return mp_queue_store_pack (&priv->store, packing, error);
}

/*< private >
 * mp_queue_unpack_kind:
 *
 * @holds: whether its items are to be acknowledged
 *
 * The makers of all kinds.
 */
MpShareable *
mp_queue_unpack_kind (GType         type,
                      gboolean      holds,
                      MpUnpacking  *unpacking,
                      GVariant     *description,
                      int          *fds,
                      guint         n_fds,
                      GError      **error)
{
  MpQueueStore opened;

  if (!mp_queue_store_open (&opened, unpacking, MP_OBJECT_QUEUE, description, fds, n_fds, error))
    return NULL;

  if (((opened.ring.flags & MP_RING_HOLDS) != 0) != holds)
    {
      mp_queue_store_clear (&opened);
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a queue of another kind than it says");
      return NULL;
    }

  return mp_queue_store_new_received (type, &opened);
}

static MpShareable *
mp_queue_unpack (MpUnpacking  *unpacking,
                 GVariant     *description,
                 int          *fds,
                 guint         n_fds,
                 GError      **error)
{
  return mp_queue_unpack_kind (MP_TYPE_QUEUE, FALSE, unpacking, description, fds, n_fds, error);
}

static char *
mp_queue_to_string (MpShareable *shareable)
{
  MpQueue *self = MP_QUEUE (shareable);
  const MpQueueKind *kind = MP_QUEUE_GET_CLASS (self)->kind;
  guint length = mp_queue_get_length (self);
  guint max_size = mp_queue_get_max_size (self);

  if (mp_queue_is_closed (self))
    return g_strdup_printf ("<Mp.%s closed>", kind->name);

  if (max_size > 0)
    return g_strdup_printf ("<Mp.%s %u of %u items>", kind->name, length, max_size);

  return g_strdup_printf ("<Mp.%s %u %s>", kind->name, length, length == 1 ? "item" : "items");
}

static void
mp_queue_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_queue_pack;
  iface->to_string = mp_queue_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_queue_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_queue_new:
 * @max_size: how many items there can be at a time; 0 for any number
 *
 * Makes an empty queue.
 *
 * Where that is not possible, for want of memory, all calls tell why.
 *
 * Returns: (transfer full): the queue
 *
 * Since: 1.0
 */
MpQueue *
mp_queue_new (guint max_size)
{
  return g_object_new (MP_TYPE_QUEUE, "max-size", max_size, NULL);
}

/**
 * mp_queue_get_max_size:
 * @self: a queue
 *
 * Gets [property@Mp.Queue:max-size].
 *
 * Returns: how many items there can be at a time; 0: any number
 *
 * Since: 1.0
 */
guint
mp_queue_get_max_size (MpQueue *self)
{
  g_return_val_if_fail (MP_IS_QUEUE (self), 0);

  return mp_queue_get_private (self)->store.max_size;
}

/**
 * mp_queue_get_byte_limit:
 * @self: a queue
 *
 * Gets [property@Mp.Queue:byte-limit].
 *
 * Returns: how many bytes the items can have at a time
 *
 * Since: 1.0
 */
guint64
mp_queue_get_byte_limit (MpQueue *self)
{
  g_return_val_if_fail (MP_IS_QUEUE (self), 0);

  return mp_queue_get_private (self)->store.byte_limit;
}

/**
 * mp_queue_get_main_context:
 * @self: a queue
 *
 * Gets [property@Mp.Queue:main-context].
 *
 * Returns: (transfer none): where signals are emitted
 *
 * Since: 1.0
 */
GMainContext *
mp_queue_get_main_context (MpQueue *self)
{
  MpQueuePrivate *priv;
  GMainContext *context;

  g_return_val_if_fail (MP_IS_QUEUE (self), NULL);

  priv = mp_queue_get_private (self);
  context = g_atomic_pointer_get (&priv->main_context);
  if (context != NULL)
    return context;

  context = g_main_context_ref_thread_default ();
  if (!g_atomic_pointer_compare_and_exchange (&priv->main_context, NULL, context))
    g_main_context_unref (context);

  return g_atomic_pointer_get (&priv->main_context);
}

/**
 * mp_queue_get_length:
 * @self: a queue
 *
 * Tells how many items there are. By the time it returns that may have changed.
 *
 * May be called from any thread.
 *
 * Returns: the number; 0 where there was no memory for the queue
 *
 * Since: 1.0
 */
guint
mp_queue_get_length (MpQueue *self)
{
  guint32 me;
  MpRing *ring;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), 0);

  ring = mp_queue_store_get_ring (&mp_queue_get_private (self)->store, &me, NULL);
  return ring != NULL ? mp_ring_count (ring) : 0;
}

/**
 * mp_queue_is_empty:
 * @self: a queue
 *
 * Tells whether there is no item, and nothing that is none to be told of. By the time it returns that may have
 * changed.
 *
 * What a process held that died counts as an item where others get it, with
 * [property@Mp.JoinableQueue:redelivery]; [method@Mp.Queue.get_length] does not count it. Where they do not, it is
 * for [method@Mp.JoinableQueue.take_lost], and the queue is empty without it.
 *
 * It never waits, whatever others are doing with the queue.
 *
 * May be called from any thread.
 *
 * Returns: whether it is empty
 *
 * Since: 1.0
 */
gboolean
mp_queue_is_empty (MpQueue *self)
{
  MpQueuePrivate *priv;
  MpRing *ring;
  guint32 me;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), TRUE);

  priv = mp_queue_get_private (self);
  ring = mp_queue_store_get_ring (&priv->store, &me, NULL);
  return !mp_queue_has_item (priv, ring, me);
}

/**
 * mp_queue_is_full:
 * @self: a queue
 *
 * Tells whether there is no room for any item, by their number or by their bytes. By the
 * time it returns that may have changed.
 *
 * May be called from any thread.
 *
 * Returns: whether it is full
 *
 * Since: 1.0
 */
gboolean
mp_queue_is_full (MpQueue *self)
{
  guint32 me;
  MpRing *ring;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), FALSE);

  ring = mp_queue_store_get_ring (&mp_queue_get_private (self)->store, &me, NULL);
  return ring != NULL && !mp_ring_has_room (ring, mp_ring_measure (1));
}

/**
 * mp_queue_close:
 * @self: a queue
 *
 * Puts and gets no more by this object: all further puts and gets fail with %MP_ERROR_CLOSED, and so
 * do those that wait just now, in threads and main loops. Others that have the queue go on;
 * what is in it stays, and [method@Mp.JoinableQueue.join] still waits until it is done.
 *
 * There is nothing to wait for, before or after: what was put is put. It need not be
 * called. May be called from any thread, and again.
 *
 * Since: 1.0
 */
void
mp_queue_close (MpQueue *self)
{
  MpQueuePrivate *priv;

  g_return_if_fail (MP_IS_QUEUE (self));

  priv = mp_queue_get_private (self);
  if (!g_atomic_int_compare_and_exchange (&priv->is_closed, FALSE, TRUE))
    return;

  mp_queue_end_waits (priv);
  mp_queue_set_live (self, FALSE);
}

/**
 * mp_queue_is_closed:
 * @self: a queue
 *
 * Tells whether [method@Mp.Queue.close] was called.
 *
 * May be called from any thread.
 *
 * Returns: whether this object is closed
 *
 * Since: 1.0
 */
gboolean
mp_queue_is_closed (MpQueue *self)
{
  g_return_val_if_fail (MP_IS_QUEUE (self), TRUE);

  return g_atomic_int_get (&mp_queue_get_private (self)->is_closed);
}
