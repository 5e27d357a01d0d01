/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-item-private.h"
#include "mp-queue-private.h"

/* What this process has got of a queue whose items are to be acknowledged. */

/* Nobody can work on what is no item, and whoever asked for it gets an error: so it is done. */
static void
drop_rubbish (MpQueuePrivate         *self,
              const MpRingExtentName *name)
{
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&self->store, &me, NULL);

  if (ring != NULL)
    mp_ring_acknowledge (ring, me, name);
}

static gboolean
is_item (const MpRingRecord *record)
{
  MpItemHead head;

  return mp_item_read_head (&head, record, NULL);
}

/*< private >
 * mp_queue_note_held:
 * @records: just got
 */
void
mp_queue_note_held (MpQueuePrivate     *self,
                    const MpRingRecord *records,
                    guint               n)
{
  if (G_LIKELY (n == 0 || records[0].extent.place == 0))
    return;

  mp_queue_lock_own (self);
  if (self->held == NULL)
    self->held = g_array_new (FALSE, FALSE, sizeof (MpRingExtentName));
  for (guint i = 0; i < n; i++)
    if (is_item (&records[i]))
      g_array_append_val (self->held, records[i].extent);
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < n; i++)
    if (!is_item (&records[i]))
      drop_rubbish (self, &records[i].extent);
}

/* Another thread may have said meanwhile that it is done: then that was for the oldest one that is there. */
static guint
find_held (MpQueuePrivate         *self,
           const MpRingExtentName *name)
{
  for (guint i = 0; i < self->held->len; i++)
    {
      const MpRingExtentName *held = &g_array_index (self->held, MpRingExtentName, i);

      if (held->place == name->place && held->ticket == name->ticket)
        return i;
    }

  return 0;
}

/*< private >
 * mp_queue_drop_held:
 * @record: that was got, and whose body is found to be no value
 */
void
mp_queue_drop_held (MpQueuePrivate     *self,
                    const MpRingRecord *record)
{
  MpRingExtentName name = { 0, 0 };
  guint i;

  if (G_LIKELY (record->extent.place == 0))
    return;

  mp_queue_lock_own (self);
  if (self->held != NULL && self->held->len > 0)
    {
      i = find_held (self, &record->extent);
      name = g_array_index (self->held, MpRingExtentName, i);
      g_array_remove_index (self->held, i);
    }
  g_mutex_unlock (&self->lock);

  if (name.place != 0)
    drop_rubbish (self, &name);
}

static gboolean
take_oldest (MpQueuePrivate   *self,
             MpRingExtentName *name)
{
  gboolean is_there;

  mp_queue_lock_own (self);
  is_there = self->held != NULL && self->held->len > 0;
  if (is_there)
    {
      *name = g_array_index (self->held, MpRingExtentName, 0);
      g_array_remove_index (self->held, 0);
    }
  g_mutex_unlock (&self->lock);
  return is_there;
}

/*< private >
 * mp_queue_acknowledge:
 *
 * Acknowledges the oldest item that this process has got, and has not acknowledged.
 */
gboolean
mp_queue_acknowledge (MpQueuePrivate  *self,
                      GError         **error)
{
  MpRingExtentName name;
  guint32 me;
  MpRing *ring = mp_queue_store_get_ring (&self->store, &me, error);

  if (ring == NULL)
    return FALSE;

  if (take_oldest (self, &name) && mp_ring_acknowledge (ring, me, &name))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                       "task_done() was called more often than this process has got items from the queue");
  return FALSE;
}

/*< private >
 * mp_queue_disown:
 *
 * Gives back what this process has got by the object, and has not acknowledged: see mp_queue_give_back().
 */
void
mp_queue_disown (MpQueuePrivate *self)
{
  GArray *held;

  mp_queue_lock_own (self);
  held = g_steal_pointer (&self->held);
  g_mutex_unlock (&self->lock);

  if (held != NULL && held->len > 0)
    mp_queue_give_back (&self->store, held);
  else
    g_clear_pointer (&held, g_array_unref);
}
