/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-refusals-private.h"

void
mp_refusal_free (MpRefusal *self)
{
  g_error_free (self->error);
  g_free (self->name);
  g_free (self);
}

void
mp_refusals_add (MpRefusals   *self,
                 const char   *name,
                 const GError *error)
{
  MpRefusal *refusal;

  if (!self->are_wanted)
    return;

  refusal = g_new (MpRefusal, 1);
  refusal->name = g_strdup (name);
  refusal->error = g_error_copy (error);
  g_queue_push_tail (&self->queue, refusal);
  if (g_queue_get_length (&self->queue) > MP_REFUSALS_MAX)
    mp_refusal_free (g_queue_pop_head (&self->queue));
}

/*< private >
 * mp_refusals_take:
 *
 * Returns: (transfer full) (nullable): the oldest
 */
MpRefusal *
mp_refusals_take (MpRefusals *self)
{
  return g_queue_pop_head (&self->queue);
}

void
mp_refusals_clear (MpRefusals *self)
{
  g_queue_clear_full (&self->queue, (GDestroyNotify) mp_refusal_free);
}
