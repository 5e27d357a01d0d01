/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-biased-lock-private.h"
#include "mp-process-barrier-private.h"

/* So often in a row one thread takes it before it is the favourite; twice as often after each time that another one
 * had to wait for the barrier, which takes as long as some hundred times of the mutex.
 */
#define FAVOUR_AFTER  64
#define MAX_DISTURBED 16

/* Others may be quicker than one that waits, for so long. */
#define MOST_PASSED (G_TIME_SPAN_MILLISECOND)

_Thread_local char mp_biased_lock_mark;

void
mp_biased_lock_init (MpBiasedLock *self)
{
  *self = (MpBiasedLock) { 0 };
  g_mutex_init (&self->mutex);
  g_mutex_init (&self->next);
  g_cond_init (&self->was_let_go);
}

void
mp_biased_lock_clear (MpBiasedLock *self)
{
  g_mutex_clear (&self->mutex);
  g_mutex_clear (&self->next);
  g_cond_clear (&self->was_let_go);
}

/* The thread's own, or a free one for it; NULL: too many threads had one before. */
static MpFavour *
find_favour_locked (MpBiasedLock *self,
                    gpointer      thread)
{
  for (guint i = 0; i < MP_BIASED_LOCK_N_FAVOURS; i++)
    {
      gpointer owner = atomic_load_explicit (&self->favours[i].thread, memory_order_relaxed);

      if (owner == NULL || owner == thread)
        return &self->favours[i];
    }

  return NULL;
}

static void
end_favour_locked (MpBiasedLock *self,
                   MpFavour     *favour)
{
  self->ended = favour;
  atomic_store (&self->favourite, NULL);
#ifndef MP_FAULT_NO_PROCESS_BARRIER
  mp_process_barrier ();
#endif
  self->n_disturbed = MIN (self->n_disturbed + 1, MAX_DISTURBED);
}

/* It was the favourite until just now. */
static void
let_go_locked (MpBiasedLock *self,
               gpointer      me)
{
  MpFavour *own = find_favour_locked (self, me);

  if (own != NULL && atomic_load_explicit (&own->is_in, memory_order_relaxed) != 0)
    {
      atomic_store (&own->is_in, 0);
      g_cond_broadcast (&self->was_let_go);
    }
}

static gboolean
is_passed_too_long (MpBiasedLock *self)
{
  gint64 since = atomic_load_explicit (&self->next_since, memory_order_relaxed);

  return since != 0 && g_get_monotonic_time () - since > MOST_PASSED;
}

/* Returns: whether it is the next one now; else there is one */
static gboolean
try_next (MpBiasedLock *self)
{
  if (!g_mutex_trylock (&self->next))
    return FALSE;

  atomic_store_explicit (&self->next_since, g_get_monotonic_time (), memory_order_relaxed);
  return TRUE;
}

static void
end_next (MpBiasedLock *self)
{
  atomic_store_explicit (&self->next_since, 0, memory_order_relaxed);
  g_mutex_unlock (&self->next);
}

/* Somebody else may have become the favourite while this one slept.  One that was the favourite has the lock, lets go
 * of it and takes it again as others do, so this one must not be passed by for long here either.
 */
static void
await_favourite_locked (MpBiasedLock *self,
                        gboolean     *is_next)
{
  for (;;)
    {
      MpFavour *favour = atomic_load (&self->favourite);

      if (favour != NULL)
        end_favour_locked (self, favour);
      if (self->ended == NULL || atomic_load_explicit (&self->ended->is_in, memory_order_acquire) == 0)
        break;

      *is_next = *is_next || try_next (self);
      g_cond_wait (&self->was_let_go, &self->mutex);
    }

  self->ended = NULL;
}

/* Whoever is there may wait for this thread, which was the favourite. */
static void
line_up (MpBiasedLock *self,
         gpointer      me)
{
  if (!try_next (self))
    {
      g_mutex_lock (&self->mutex);
      let_go_locked (self, me);
      g_mutex_unlock (&self->mutex);
      g_mutex_lock (&self->next);
      atomic_store_explicit (&self->next_since, g_get_monotonic_time (), memory_order_relaxed);
    }

  g_mutex_lock (&self->mutex);
}

/*< private >
 * mp_biased_lock_acquire_slowly:
 *
 * Use mp_biased_lock_acquire().
 */
void
mp_biased_lock_acquire_slowly (MpBiasedLock *self,
                               gpointer      me)
{
  gboolean is_next = is_passed_too_long (self) || !g_mutex_trylock (&self->mutex);

  if (is_next)
    line_up (self, me);
  let_go_locked (self, me);
  await_favourite_locked (self, &is_next);
  if (is_next)
    end_next (self);

  self->held = NULL;
  self->n_in_a_row = self->last == me ? self->n_in_a_row + 1 : 1;
  self->last = me;
}

/*< private >
 * mp_biased_lock_release_slowly:
 *
 * Use mp_biased_lock_release().
 */
void
mp_biased_lock_release_slowly (MpBiasedLock *self,
                               gpointer      me)
{
  if (self->n_in_a_row >> self->n_disturbed >= FAVOUR_AFTER && mp_process_barrier_is_ready ())
    {
      MpFavour *favour = find_favour_locked (self, me);

      self->n_in_a_row = 0;
      if (favour != NULL)
        {
          atomic_store_explicit (&favour->thread, me, memory_order_relaxed);
          atomic_store (&self->favourite, favour);
        }
    }

  g_mutex_unlock (&self->mutex);
}

/*< private >
 * mp_biased_lock_tell:
 *
 * Whoever ended the favour waits.
 */
void
mp_biased_lock_tell (MpBiasedLock *self)
{
  g_mutex_lock (&self->mutex);
  g_cond_broadcast (&self->was_let_go);
  g_mutex_unlock (&self->mutex);
}
