/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* Threads that can ever be the favourite of one lock. */
#define MP_BIASED_LOCK_N_FAVOURS 8

/* One thread's, as long as the lock lives, and nobody else ever writes to its `is_in`. */
typedef struct
{
  _Atomic (gpointer)  thread;  /* NULL: nobody's yet; guarded by the mutex */
  MpAtomic32          is_in;   /* the thread has the lock as the favourite, or is about to see that it is none */
} MpFavour;

/* A lock of the threads of one process, which costs next to nothing as long as the same one takes it again and
 * again, as most programs do with a connection: no atomic operation but plain loads and stores.
 *
 *   favourite   is_in of t   state                         who changes it
 *   NULL        0            the mutex is the lock         release: who has it, for itself -> favoured
 *   t           0            favoured, free                acquire: t -> favoured, held
 *                                                          acquire: another, with the mutex -> NULL, ended, barrier
 *   t           1            favoured, held                release: t -> favoured, free
 *                                                          acquire: another, with the mutex -> NULL, ended, barrier
 *   NULL        1, ended     t has it still, or has just   t -> 0, and tells those who wait
 *                            seen that it is no favourite
 *   any         1            t has just seen that it is    t -> 0
 *                            none; nobody looks
 *
 * Whoever is not the favourite has the lock with the mutex, when there is none and the last one is not in.  What
 * makes that right is the order of the favourite's store to `is_in` and its load of `favourite`, against the
 * other's store to `favourite` and load of `is_in`.  Of the first the compiler alone takes care, and
 * mp_process_barrier() between the second does it for the processors.  (D. Dice, H. Huang, M. Yang: "Asymmetric
 * Dekker Synchronization", 2001.)  The model "biasing" looks at all that can happen.
 *
 * A favourite may be stopped between its first look and its store for so long that it comes when the next one is in:
 * so each has a word of its own.
 *
 * With the mutex alone a thread that takes it again at once would have it before the one that was woken for it, and
 * one that does nothing else keeps a main loop waiting for a tenth of a second and more.  So those that do not have
 * the mutex at once sleep at it one after the other, the rest at `next`, and when that has taken a millisecond all
 * others come by `next`, too.  Before that they do not: to change threads each time costs more than what is done with
 * the lock.
 *
 * A thread is known by the address of a variable of its own.  One that ends may leave its place to another one with
 * the same address, which is as good a favourite.  Not for both sides of a fork.
 */
typedef struct
{
  GMutex               mutex;
  GMutex               next;        /* of the one that sleeps at the mutex, or until the favourite has let go */
  _Atomic (gint64)     next_since;  /* when it began to; 0: there is none */
  GCond                was_let_go;
  _Atomic (MpFavour *) favourite;
  MpFavour            *held;        /* by that one; NULL: with the mutex.  Of whoever has the lock */

  /* Guarded by the mutex. */
  MpFavour             favours[MP_BIASED_LOCK_N_FAVOURS];
  MpFavour            *ended;       /* the last favourite, until it was seen not to be in */
  gpointer             last;        /* that had it with the mutex */
  guint                n_in_a_row;
  guint                n_disturbed; /* times that a favourite was in the way */
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
  MpFavour *favour = atomic_load_explicit (&self->favourite, memory_order_relaxed);

  if (G_LIKELY (favour != NULL && atomic_load_explicit (&favour->thread, memory_order_relaxed) == me))
    {
      atomic_store_explicit (&favour->is_in, 1, memory_order_relaxed);
      atomic_signal_fence (memory_order_seq_cst);
      if (G_LIKELY (atomic_load_explicit (&self->favourite, memory_order_acquire) == favour))
        {
          self->held = favour;
          return;
        }
    }

  mp_biased_lock_acquire_slowly (self, me);
}

static inline void
mp_biased_lock_release (MpBiasedLock *self)
{
  MpFavour *favour = self->held;

  if (G_UNLIKELY (favour == NULL))
    {
      mp_biased_lock_release_slowly (self, &mp_biased_lock_mark);
      return;
    }

  atomic_store_explicit (&favour->is_in, 0, memory_order_release);
  atomic_signal_fence (memory_order_seq_cst);
  if (G_UNLIKELY (atomic_load_explicit (&self->favourite, memory_order_relaxed) != favour))
    mp_biased_lock_tell (self);
}

G_END_DECLS
