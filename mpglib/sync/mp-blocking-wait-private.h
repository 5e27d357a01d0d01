/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <signal.h>

#include <gio/gio.h>

#include "mp-cancel-watch-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* A wait of the calling thread, in its stack: ends with its time, with a cancellable,
 * and, in a thread that asked for it, with a signal.
 */
typedef struct
{
  MpWait        wait;
  MpAtomic32    stop;
  GCancellable *cancellable;
  MpCancelWatch watch;
  gboolean      is_unmasked;
  sigset_t      mask;         /* of the thread, before */
} MpBlockingWait;

gboolean mp_blocking_wait_begin (MpBlockingWait  *self,
                                 gdouble          timeout,
                                 GCancellable    *cancellable,
                                 GError         **error);
void     mp_blocking_wait_end   (MpBlockingWait  *self);
gboolean mp_blocking_wait_fail  (MpBlockingWait  *self,
                                 const char      *what,
                                 GError         **error);

G_END_DECLS
