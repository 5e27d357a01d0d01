/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Records that are put with one commit, one behind the other.  They are put together in memory of the caller's, and
 * brought into the ring in one go: that spares most of the time which whoever puts would wait for cache lines that the
 * other side has, see mp_ring_run_bring().
 */
typedef struct
{
  guint8 *target;    /* where they are to be */
  gsize   length;    /* so far */
  _Alignas (64) guint8 bytes[8192];
} MpRingRun;

void mp_ring_run_bring (MpRingRun *self);

static inline gboolean
mp_ring_run_has_room (const MpRingRun *self,
                      gsize            length)
{
  return length <= sizeof self->bytes;
}

/*< private >
 * mp_ring_run_add:
 * @target: behind what was added before, unless all of that was brought
 * @length: for which there is room, when what was added before has been brought
 *
 * Returns: where to put it together
 */
static inline guint8 *
mp_ring_run_add (MpRingRun *self,
                 guint8    *target,
                 gsize      length)
{
  if (G_UNLIKELY (length > sizeof self->bytes - self->length))
    mp_ring_run_bring (self);

  if (self->length == 0)
    self->target = target;
  self->length += length;
  return self->bytes + self->length - length;
}

G_END_DECLS
