/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-queue-private.h"
#include "mp-simple-queue.h"

/**
 * MpSimpleQueue:
 *
 * A queue for any number of items, with nothing to set.
 *
 * It is what `multiprocessing.SimpleQueue` is to its `Queue`, for programs that have it from there. That one is simple
 * because it has no bound, no timeouts and no thread; here no queue has a thread, and this one has all that a
 * [class@Mp.Queue] has but a [property@Mp.Queue:max-size]: who puts waits only when the items have
 * [property@Mp.Queue:byte-limit] bytes.
 *
 * ```c
 * g_autoptr (MpSimpleQueue) queue = mp_simple_queue_new ();
 *
 * mp_queue_put (MP_QUEUE (queue), g_variant_new_string ("first"), -1, NULL, &error);
 * ```
 *
 * Since: 1.0
 */
struct _MpSimpleQueue
{
  MpQueue parent_instance;
};

static void mp_simple_queue_shareable_init (MpShareableInterface *iface);

static MpShareableInterface *parent_shareable;

G_DEFINE_FINAL_TYPE_WITH_CODE (MpSimpleQueue, mp_simple_queue, MP_TYPE_QUEUE,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_simple_queue_shareable_init))

static const MpQueueKind simple_kind = { .name = "SimpleQueue" };

static void
mp_simple_queue_constructed (GObject *object)
{
  mp_queue_get_private (MP_QUEUE (object))->store.max_size = 0; /* whatever was asked for */

  G_OBJECT_CLASS (mp_simple_queue_parent_class)->constructed (object);
}

static void
mp_simple_queue_class_init (MpSimpleQueueClass *klass)
{
  MP_QUEUE_CLASS (klass)->kind = &simple_kind;
  G_OBJECT_CLASS (klass)->constructed = mp_simple_queue_constructed;
}

static void
mp_simple_queue_init (MpSimpleQueue *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "simple-queue"

static MpShareable *
mp_simple_queue_unpack (MpUnpacking  *unpacking,
                        GVariant     *description,
                        int          *fds,
                        guint         n_fds,
                        GError      **error)
{
  return mp_queue_unpack_kind (MP_TYPE_SIMPLE_QUEUE, FALSE, unpacking, description, fds, n_fds, error);
}

static GVariant *
mp_simple_queue_pack (MpShareable  *shareable,
                      MpPacking    *packing,
                      GError      **error)
{
  return parent_shareable->pack (shareable, packing, error);
}

static char *
mp_simple_queue_to_string (MpShareable *shareable)
{
  return parent_shareable->to_string (shareable);
}

static void
mp_simple_queue_shareable_init (MpShareableInterface *iface)
{
  parent_shareable = g_type_interface_peek_parent (iface);
  iface->kind = KIND;
  iface->pack = mp_simple_queue_pack;
  iface->to_string = mp_simple_queue_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_simple_queue_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_simple_queue_new:
 *
 * Makes an empty queue.
 *
 * Returns: (transfer full): the queue
 *
 * Since: 1.0
 */
MpSimpleQueue *
mp_simple_queue_new (void)
{
  return g_object_new (MP_TYPE_SIMPLE_QUEUE, NULL);
}
