/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* Looks before a sleep, as many as pay: a success doubles the next budget, a failure
 * halves it, so that spinning costs nothing where it does not help.  Pauses grow, so
 * that those who spin do not keep the word from its owner: from 16 to 512 of the
 * processor's own, 0.4 to 12 us where such a one takes 24 ns.  Shorter ones were measured
 * to cost two processes that take turns by a condition a third of their speed, and two at one
 * lock some hundredths.
 */
typedef struct
{
  MpAtomic32 most;
  MpAtomic32 now;
} MpSpin;

#define MP_SPIN_MOST  24
#define MP_SPIN_FIRST 8
#define MP_SPIN_INIT  { MP_SPIN_MOST, MP_SPIN_FIRST }

static inline guint
mp_spin_begin (MpSpin *self)
{
  guint32 now = atomic_load_explicit (&self->now, memory_order_relaxed);
  guint32 most = atomic_load_explicit (&self->most, memory_order_relaxed);

  return MIN (now, most);
}

static inline void
mp_spin_pause (guint i)
{
  for (guint pause = 16u << MIN (i, 5); pause > 0; pause--)
    mp_cpu_relax ();
}

static inline gboolean
mp_spin_end (MpSpin   *self,
             guint     budget,
             gboolean  success)
{
  guint most = atomic_load_explicit (&self->most, memory_order_relaxed);

  atomic_store_explicit (&self->now, success ? MIN (budget * 2, most) : MAX (budget / 2, 1), memory_order_relaxed);
  return success;
}

static inline void
mp_spin_set_most (MpSpin *self,
                  guint   most)
{
  atomic_store (&self->most, most);
  atomic_store (&self->now, MIN (most, MP_SPIN_FIRST));
}

G_END_DECLS
