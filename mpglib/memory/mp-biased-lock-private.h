/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* A lock of the threads of one process, which costs next to nothing as long as the same one takes it again and
 * again, as most programs do with a connection: no atomic operation but plain loads and stores.
 *
 *   favourite   holder   state                             who changes it
 *   NULL        NULL     the mutex is the lock             release: who has it, for itself -> favoured
 *   t           NULL     favoured, free                    acquire: t -> favoured, held
 *                                                          acquire: another, with the mutex -> NULL, barrier
 *   t           t        favoured, held                    release: t -> favoured, free
 *                                                          acquire: another, with the mutex -> NULL, barrier
 *   NULL        t        t has it still, or has just       t -> NULL, and tells those who wait
 *                        seen that it is no favourite
 *
 * Whoever is not the favourite has the lock with the mutex, when there is none and nobody is the holder.  What
 * makes that right is the order of the favourite's store to `holder` and its load of `favourite`, against the
 * other's store to `favourite` and load of `holder`.  Of the first the compiler alone takes care, and
 * mp_process_barrier() between the second does it for the processors.  (D. Dice, H. Huang, M. Yang: "Asymmetric
 * Dekker Synchronization", 2001.)  The model "biasing" looks at all that can happen.
 *
 * A thread is known by the address of a variable of its own.  One that ends may leave the lock to another one with
 * the same address, which is as good a favourite.  Not for both sides of a fork.
 */
typedef struct
{
  GMutex              mutex;
  GCond               was_let_go;
  _Atomic (gpointer)  favourite;
  _Atomic (gpointer)  holder;      /* while the favourite has it */

  /* Guarded by the mutex. */
  gpointer            last;        /* that had it with the mutex */
  guint               n_in_a_row;
  guint               n_disturbed; /* times that a favourite was in the way */
} MpBiasedLock;

extern _Thread_local char mp_biased_lock_mark;

void mp_biased_lock_init           (MpBiasedLock *self);
void mp_biased_lock_clear          (MpBiasedLock *self);
void mp_biased_lock_acquire_slowly (MpBiasedLock *self,
                                    gpointer      me);
void mp_biased_lock_release_slowly (MpBiasedLock *self,
                                    gpointer      me);
void mp_biased_lock_tell           (MpBiasedLock *self);

static inline void
mp_biased_lock_acquire (MpBiasedLock *self)
{
  gpointer me = &mp_biased_lock_mark;

  if (G_LIKELY (atomic_load_explicit (&self->favourite, memory_order_relaxed) == me))
    {
      atomic_store_explicit (&self->holder, me, memory_order_relaxed);
      atomic_signal_fence (memory_order_seq_cst);
      if (G_LIKELY (atomic_load_explicit (&self->favourite, memory_order_acquire) == me))
        return;
    }

  mp_biased_lock_acquire_slowly (self, me);
}

static inline void
mp_biased_lock_release (MpBiasedLock *self)
{
  gpointer me = &mp_biased_lock_mark;

  if (G_UNLIKELY (atomic_load_explicit (&self->holder, memory_order_relaxed) != me))
    {
      mp_biased_lock_release_slowly (self, me);
      return;
    }

  atomic_store_explicit (&self->holder, NULL, memory_order_release);
  atomic_signal_fence (memory_order_seq_cst);
  if (G_UNLIKELY (atomic_load_explicit (&self->favourite, memory_order_relaxed) != me))
    mp_biased_lock_tell (self);
}

G_END_DECLS
