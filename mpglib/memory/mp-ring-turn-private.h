/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-ring-end-private.h"

G_BEGIN_DECLS

/* The turn of one side of a ring, as mp-ring-private.h says: for mp-ring-wait.c. */

MpRingResult mp_ring_turn_get     (MpRing     *self,
                                   guint64     need,
                                   guint32     me,
                                   MpWait      wait,
                                   GError    **error);
void         mp_ring_turn_release (MpRingEnd  *own,
                                   guint32     me);

/* Whether nobody has passed over this process meanwhile. */
static inline gboolean
mp_ring_turn_is_mine (MpRingEnd *own,
                      guint32    me)
{
  return (atomic_load_explicit (&own->turn, memory_order_relaxed) & MP_OWNER_MASK) == me;
}

G_END_DECLS
