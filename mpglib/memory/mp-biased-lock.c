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

_Thread_local char mp_biased_lock_mark;

void
mp_biased_lock_init (MpBiasedLock *self)
{
  *self = (MpBiasedLock) { 0 };
  g_mutex_init (&self->mutex);
  g_cond_init (&self->was_let_go);
}

void
mp_biased_lock_clear (MpBiasedLock *self)
{
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->was_let_go);
}

static void
end_favour_locked (MpBiasedLock *self)
{
  atomic_store (&self->favourite, NULL);
#ifndef MP_FAULT_NO_PROCESS_BARRIER
  mp_process_barrier ();
#endif
  self->n_disturbed = MIN (self->n_disturbed + 1, MAX_DISTURBED);
}

/* Somebody else may have become the favourite while this one slept. */
static void
await_holder_locked (MpBiasedLock *self)
{
  for (;;)
    {
      if (atomic_load (&self->favourite) != NULL)
        end_favour_locked (self);
      if (atomic_load_explicit (&self->holder, memory_order_acquire) == NULL)
        return;

      g_cond_wait (&self->was_let_go, &self->mutex);
    }
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
  g_mutex_lock (&self->mutex);

  /* It was the favourite until just now. */
  if (atomic_load_explicit (&self->holder, memory_order_relaxed) == me)
    {
      atomic_store (&self->holder, NULL);
      g_cond_broadcast (&self->was_let_go);
    }

  await_holder_locked (self);
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
      self->n_in_a_row = 0;
      atomic_store (&self->favourite, me);
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
