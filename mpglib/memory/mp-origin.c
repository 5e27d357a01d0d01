/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include <unistd.h>

#include "mp-error.h"
#include "mp-origin-private.h"
#include "mp-self-private.h"

guint32
mp_origin_get (void)
{
  MpSelf *self = mp_self_get ();
  guint32 origin = atomic_load_explicit (&self->origin, memory_order_relaxed);

  if (G_UNLIKELY (origin == 0))
    {
      origin = (guint32) getpid ();
      atomic_store_explicit (&self->origin, origin, memory_order_relaxed);
    }

  return origin;
}

gboolean
mp_origin_check (guint32      origin,
                 const char  *what,
                 GError     **error)
{
  if (G_LIKELY (origin == mp_origin_get ()))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_FORKED,
               "%s belongs to process %u, which this process was forked from; make a new one here",
               what, origin);
  return FALSE;
}
