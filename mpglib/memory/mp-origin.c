/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-error.h"
#include "mp-origin-private.h"
#include "mp-self-private.h"

/* Not in the page: a forked child has the number of its parent here, and takes the next one.  So it differs from
 * all that it was forked from, where a process id comes back in time, and in a new namespace at once. */
static _Atomic guint32 last_origin;

static guint32
make_origin (MpSelf *self)
{
  guint32 origin = 0, made = atomic_fetch_add (&last_origin, 1) + 1;

  return atomic_compare_exchange_strong (&self->origin, &origin, made) ? made : origin;
}

guint32
mp_origin_get (void)
{
  MpSelf *self = mp_self_get ();
  guint32 origin = atomic_load_explicit (&self->origin, memory_order_relaxed);

  return G_LIKELY (origin != 0) ? origin : make_origin (self);
}

void
mp_origin_begin (void)
{
  make_origin (mp_self_get ());
}

gboolean
mp_origin_check (guint32      origin,
                 const char  *what,
                 GError     **error)
{
  if (G_LIKELY (origin == mp_origin_get ()))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_FORKED,
               "%s belongs to a process that this one was forked from; make a new one here", what);
  return FALSE;
}
