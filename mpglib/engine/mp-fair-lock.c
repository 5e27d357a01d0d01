/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-fair-lock-private.h"

void
mp_fair_lock_init (MpFairLock *self)
{
  g_mutex_init (&self->lock);
  g_mutex_init (&self->next);
  self->n_wanting = 0;
}

void
mp_fair_lock_clear (MpFairLock *self)
{
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->next);
}

void
mp_fair_lock_take_turn (MpFairLock *self)
{
  g_mutex_lock (&self->next);
  g_mutex_lock (&self->lock);
  g_mutex_unlock (&self->next);
}

void
mp_fair_lock_acquire (MpFairLock *self)
{
  /* Others that come again and again would have it before the one that was woken for it, as the worker would */
  if (G_LIKELY (g_atomic_int_get (&self->n_wanting) == 0 && g_mutex_trylock (&self->lock)))
    return;
  g_atomic_int_inc (&self->n_wanting);
  mp_fair_lock_take_turn (self);
  g_atomic_int_add (&self->n_wanting, -1);
}

void
mp_fair_lock_release (MpFairLock *self)
{
  g_mutex_unlock (&self->lock);
}

gboolean
mp_fair_lock_is_wanted (MpFairLock *self)
{
  return g_atomic_int_get (&self->n_wanting) > 0;
}

void
mp_fair_lock_before_fork (MpFairLock *self)
{
  g_mutex_lock (&self->next);
  g_mutex_lock (&self->lock);
}

void
mp_fair_lock_after_fork (MpFairLock *self)
{
  g_mutex_unlock (&self->lock);
  g_mutex_unlock (&self->next);
}
