/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-queue-private.h"

/* Waiting for an item of a queue together with other objects. */

/*< private >
 * mp_queue_has_item:
 * @ring: (nullable): of mp_queue_enter()
 *
 * Returns: whether a get would have something to do: with an item, with what somebody held that died, or to tell of
 *   what is none
 */
gboolean
mp_queue_has_item (MpQueuePrivate *self,
                   MpRing         *ring,
                   guint32         me)
{
  return mp_queue_has_untold (self) ||
         (ring != NULL && (mp_ring_count (ring) > 0 || mp_ring_look_for_orphans (ring, me)));
}

static gboolean
mp_queue_is_ready (MpWaitable  *waitable,
                   GError     **error)
{
  guint32 me;
  MpQueuePrivate *priv = mp_queue_get_private (MP_QUEUE (waitable));
  MpRing *ring = mp_queue_enter (priv, &me, error);

  return ring != NULL && mp_queue_has_item (priv, ring, me);
}

static gboolean
look (gpointer   object,
      gpointer   data,
      GError   **error)
{
  guint32 me;
  MpQueuePrivate *priv = mp_queue_get_private (object);
  MpRing *ring = mp_queue_enter (priv, &me, error);

  return ring == NULL || mp_queue_has_item (priv, ring, me);
}

static gboolean
give_up (gpointer object,
         gpointer data)
{
  return FALSE;
}

static void
mp_queue_await (MpWaitable          *waitable,
                gboolean             blocks,
                GCancellable        *cancellable,
                GAsyncReadyCallback  callback,
                gpointer             user_data)
{
  GTask *task = g_task_new (waitable, cancellable, callback, user_data);
  GError *error = NULL;
  guint32 me;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (MP_QUEUE (waitable)), &me, &error);

  g_task_set_source_tag (task, mp_queue_await);
  if (ring == NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
    }
  else
    {
      mp_async_wait_start (task, ring->table, mp_queue_get_bell (ring, MP_QUEUE_ITEMS), "Nothing was put", -1,
                           look, give_up, NULL, NULL);
    }
}

void
mp_queue_waitable_init (MpWaitableInterface *iface)
{
  iface->is_ready = mp_queue_is_ready;
  iface->await = mp_queue_await;
}
