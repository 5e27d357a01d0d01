/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-origin-private.h"
#include "mp-outbox-private.h"
#include "mp-queue-private.h"
#include "mp-short-lock-private.h"

/* How one waits for a queue: in a thread, and in a main loop. */

/* --- What is this process's own ------------------------------------------- */

#define RENEWING (1u << 31)

/* In a forked child the lock may be that of a thread which is not there, and nobody waits. */
static void
renew_own (MpQueuePrivate *self,
           guint           origin)
{
  guint renewing = origin | RENEWING;
  guint seen = (guint) g_atomic_int_get (&self->origin);

  while (seen != origin)
    {
      if (seen != renewing && g_atomic_int_compare_and_exchange (&self->origin, seen, renewing))
        {
          g_mutex_init (&self->lock);
          g_queue_init (&self->waits);
          memset (self->watches, 0, sizeof self->watches);
          self->held = NULL;   /* those are the parent's */
          g_atomic_int_set (&self->n_untold, 0);
          g_atomic_int_set (&self->is_live, FALSE);
          g_atomic_int_set (&self->origin, origin);
        }
      seen = (guint) g_atomic_int_get (&self->origin);
    }
}

/*< private >
 * mp_queue_lock_own:
 *
 * Unlock `lock`.
 */
void
mp_queue_lock_own (MpQueuePrivate *self)
{
  guint origin = mp_origin_get ();

  if (G_UNLIKELY ((guint) g_atomic_int_get (&self->origin) != origin))
    renew_own (self, origin);

  g_mutex_lock (&self->lock);
}

/* --- Errors --------------------------------------------------------------- */

gboolean
mp_queue_set_closed (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "The queue is closed");
  return FALSE;
}

void
mp_queue_set_not_yet (MpQueueSide   side,
                      GError      **error)
{
  if (side == MP_QUEUE_ITEMS)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_EMPTY, "The queue is empty");
  else
    g_set_error_literal (error, MP_ERROR, MP_ERROR_FULL, "The queue is full");
}

/* --- In a thread ---------------------------------------------------------- */

/*< private >
 * mp_queue_wait_begin:
 *
 * Fails at once if the time is over already.  Otherwise mp_queue_wait_end() is to be called.
 */
gboolean
mp_queue_wait_begin (MpQueuePrivate  *self,
                     MpQueueWait     *wait,
                     MpQueueSide      side,
                     gdouble          timeout,
                     GCancellable    *cancellable,
                     GError         **error)
{
  gboolean is_open;

  if (mp_deadline_from_timeout (timeout) == MP_DEADLINE_NOW)
    {
      if (!g_cancellable_set_error_if_cancelled (cancellable, error))
        mp_queue_set_not_yet (side, error);
      return FALSE;
    }

  if (!mp_blocking_wait_begin (&wait->blocking, timeout, cancellable, error))
    return FALSE;

  wait->link = (GList) { .data = wait };
  mp_queue_lock_own (self);
  is_open = !g_atomic_int_get (&self->is_closed);
  if (is_open)
    g_queue_push_tail_link (&self->waits, &wait->link);
  g_mutex_unlock (&self->lock);
  if (is_open)
    return TRUE;

  mp_blocking_wait_end (&wait->blocking);
  return mp_queue_set_closed (error);
}

void
mp_queue_wait_end (MpQueuePrivate *self,
                   MpQueueWait    *wait)
{
  mp_queue_lock_own (self);
  g_queue_unlink (&self->waits, &wait->link);
  g_mutex_unlock (&self->lock);
  mp_blocking_wait_end (&wait->blocking);
}

/*< private >
 * mp_queue_wait_fail:
 *
 * Says why it ended.
 */
void
mp_queue_wait_fail (MpQueuePrivate  *self,
                    MpQueueWait     *wait,
                    MpQueueSide      side,
                    GError         **error)
{
  g_autoptr (GError) reason = NULL;

  if (g_atomic_int_get (&self->is_closed))
    {
      mp_queue_set_closed (error);
      return;
    }

  mp_blocking_wait_fail (&wait->blocking, side == MP_QUEUE_ITEMS ? "Nothing was got" : "Nothing was put", &reason);
  if (g_error_matches (reason, MP_ERROR, MP_ERROR_TIMED_OUT))
    mp_queue_set_not_yet (side, error);
  else
    g_propagate_error (error, g_steal_pointer (&reason));
}

/*< private >
 * mp_queue_end_waits:
 *
 * Of threads and main loops of this process, once the queue is closed.
 */
void
mp_queue_end_waits (MpQueuePrivate *self)
{
  guint32 me;
  MpRing *ring;

  mp_queue_lock_own (self);
  for (GList *link = self->waits.head; link != NULL; link = link->next)
    mp_wait_stop (&((MpQueueWait *) link->data)->blocking.stop, MP_WAIT_CANCELLED);
  g_mutex_unlock (&self->lock);

  /* Others look, and wait on. */
  ring = mp_queue_store_get_ring (&self->store, &me, NULL);
  for (guint side = 0; ring != NULL && side < MP_QUEUE_N_SIDES; side++)
    mp_bell_ring (ring->table, mp_queue_get_bell (ring, side));
}

/* --- In a main loop ------------------------------------------------------- */

MpBell *
mp_queue_get_bell (MpRing      *ring,
                   MpQueueSide  side)
{
  return side == MP_QUEUE_ITEMS ? &ring->layout->put.bell : &ring->layout->take.bell;
}

/* What is long, in parts: it has been taken, and so is got, whatever becomes of the queue. */
static gboolean
is_reading (const MpQueueErrand *errand)
{
  return errand->side == MP_QUEUE_ITEMS && errand->goes_on;
}

/*< private >
 * mp_queue_hold_on:
 * @result: of something that has done nothing if it failed with %MP_ERROR_TIMED_OUT
 *
 * For an errand: who has what it needed may be stopped.
 *
 * Returns: the result; or %MP_RING_AGAIN without the error, while a thread would wait for that one, too
 */
MpRingResult
mp_queue_hold_on (MpQueueErrand  *errand,
                  MpRingResult    result,
                  GError        **error)
{
  return mp_hold_up_note (&errand->hold_up, result == MP_RING_FAILED, error) ? MP_RING_AGAIN : result;
}

static MpRingResult
try_for_a_moment (MpQueueErrand   *errand,
                  MpQueuePrivate  *priv,
                  MpRing          *ring,
                  guint32          me,
                  GError         **error)
{
  MpPatience patience;
  MpRingResult result;

  mp_hold_up_begin_look (&errand->hold_up, &patience);
  result = errand->try_once (errand, priv, ring, me, error);
  mp_patience_end (&patience);
  return result;
}

static gboolean
look (gpointer   object,
      gpointer   data,
      GError   **error)
{
  MpQueuePrivate *priv = mp_queue_get_private (object);
  MpQueueErrand *errand = data;
  guint32 me;
  MpRing *ring = is_reading (errand) ? mp_queue_store_get_ring (&priv->store, &me, error)
                                     : mp_queue_enter (priv, &me, error);
  gboolean is_over = ring == NULL || try_for_a_moment (errand, priv, ring, me, error) != MP_RING_AGAIN;

  if (is_over)
    mp_queue_unclaim (priv, errand);
  return is_over;
}

static gint64
get_next_look (gpointer object,
               gpointer data)
{
  MpQueuePrivate *priv = mp_queue_get_private (object);
  const MpQueueErrand *errand = data;
  guint32 me;
  MpRing *ring = mp_queue_enter (priv, &me, NULL);

  if (errand->hold_up.next_try != 0)
    return mp_hold_up_is_new (&errand->hold_up) ? MP_ASYNC_NEXT_IN_ANY_CASE (errand->hold_up.next_try)
                                                : errand->hold_up.next_try;

  if (errand->goes_on)
    return is_reading (errand) ? MP_ASYNC_NEXT_HAD : MP_ASYNC_NEXT_NOW;

  if (errand->side == MP_QUEUE_ITEMS || ring == NULL)
    return MP_DEADLINE_NEVER;

  return mp_ring_get_next_look (ring);
}

/*< private >
 * mp_queue_unclaim:
 *
 * What it did not put others need not leave room for.
 */
void
mp_queue_unclaim (MpQueuePrivate *self,
                  MpQueueErrand  *errand)
{
  guint32 me;
  MpRing *ring;

  if (!errand->has_claim)
    return;

  ring = mp_queue_store_get_ring (&self->store, &me, NULL);
  if (ring != NULL)
    mp_ring_give_up_claim (ring, me, &errand->has_claim);
}

static gboolean
give_up (gpointer object,
         gpointer data)
{
  MpQueueErrand *errand = data;

  errand->has_given_up = TRUE;
  errand->was_held_up = mp_hold_up_is_on (&errand->hold_up);
  mp_queue_unclaim (mp_queue_get_private (object), errand);
  return FALSE;
}

/*< private >
 * mp_queue_start_async:
 * @task_taken: its data begins with an #MpQueueErrand
 */
void
mp_queue_start_async (GTask   *task_taken,
                      gdouble  timeout)
{
  MpQueuePrivate *self = mp_queue_get_private (g_task_get_source_object (task_taken));
  MpQueueErrand *errand = g_task_get_task_data (task_taken);
  GError *error = NULL;
  guint32 me;
  MpRing *ring = mp_queue_enter (self, &me, &error);

  mp_hold_up_begin (&errand->hold_up, &self->lines[errand->side]);
  if (ring == NULL)
    mp_outbox_return_error (task_taken, error);
  else
    mp_async_wait_start_in_line (task_taken, ring->table, mp_queue_get_bell (ring, errand->side),
                                 &self->lines[errand->side],
                                 errand->side == MP_QUEUE_ITEMS ? "Nothing was got" : "Nothing was put",
                                 timeout, look, get_next_look, give_up, errand, NULL);
}

/*< private >
 * mp_queue_finish:
 * @tag: the function that started it
 *
 * Returns: (nullable): the task's data, also if the error is set
 */
gpointer
mp_queue_finish (MpQueue       *self,
                 GAsyncResult  *result,
                 gpointer       tag,
                 GError       **error)
{
  g_autoptr (GError) reason = NULL;
  MpQueueErrand *errand;

  g_return_val_if_fail (MP_QUEUE_IS_ONE (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  errand = g_task_get_task_data (G_TASK (result));
  if (g_task_propagate_boolean (G_TASK (result), &reason))
    return errand;

  if (!errand->has_given_up || !g_error_matches (reason, MP_ERROR, MP_ERROR_TIMED_OUT))
    g_propagate_error (error, g_steal_pointer (&reason));
  else if (errand->was_held_up)
    mp_short_lock_set_held (error);
  else
    mp_queue_set_not_yet (errand->side, error);
  return errand;
}
