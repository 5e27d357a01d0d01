/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-ring-private.h"

G_BEGIN_DECLS

/* Room that who waits for it with the turn to put is left by others, as mp-ring-private.h says.  With the lock of the
 * end put, but for mp_ring_give_up_turn().
 */

void     mp_ring_claim            (MpRing  *self,
                                   guint32  me,
                                   guint64  need);
gboolean mp_ring_claim_end        (MpRing  *self,
                                   guint32  me);
guint64  mp_ring_claim_measure_of (MpRing  *self,
                                   guint32  claimant);

/* Bytes. */
static inline guint64
mp_ring_claim_measure (MpRing *self)
{
  guint32 claimant = atomic_load_explicit (&self->layout->put.claimant, memory_order_relaxed);

  return G_LIKELY (claimant == 0) ? 0 : mp_ring_claim_measure_of (self, claimant);
}

G_END_DECLS
