/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-ring-private.h"

G_BEGIN_DECLS

/* Room that somebody who waits for it is left by others, as mp-ring-private.h says.  With the lock of the end put, but
 * for mp_ring_give_up_claim().
 */

void     mp_ring_claim            (MpRing   *self,
                                   guint32   me,
                                   guint64   need,
                                   gboolean *has_claim);
void     mp_ring_claim_end        (MpRing   *self,
                                   guint32   me,
                                   gboolean *has_claim);
gboolean mp_ring_claim_pass_over  (MpRing   *self,
                                   guint64   claimed);
guint64  mp_ring_claim_measure_of (MpRing   *self,
                                   guint32   claimant);

/* What others have claimed, in bytes. */
static inline guint64
mp_ring_claim_measure (MpRing   *self,
                       guint32   me,
                       gboolean  has_claim)
{
  guint32 claimant = atomic_load_explicit (&self->layout->put.claimant, memory_order_relaxed);

  if (G_LIKELY (claimant == 0) || (has_claim && (claimant & MP_OWNER_MASK) == me))
    return 0;

  return mp_ring_claim_measure_of (self, claimant);
}

/* Whoever was held up by a claim, and finds none, has not been held up by the next one yet.  What is put beside a claim
 * says nothing: that is left unused all the same.
 */
static inline void
mp_ring_claim_note (MpRing  *self,
                    guint64  claimed)
{
  if (G_UNLIKELY (atomic_load_explicit (&self->held_up_since, memory_order_relaxed) != 0) && claimed == 0)
    atomic_store_explicit (&self->held_up_since, 0, memory_order_relaxed);
}

G_END_DECLS
