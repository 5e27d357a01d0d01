/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-address-private.h"
#include "mp-pump-private.h"

G_BEGIN_DECLS

/* Connects to a host by TCP: looks its name up, on a thread of its own, and tries the addresses
 * that it has, one after the other.  A pump guards and serves it.
 */
typedef struct _MpDial MpDial;

/* Once, with the pump's lock held: a connected socket, which is the callee's, or -1 and why not.
 * May free the dial.
 */
typedef void (*MpDialDone) (MpDial       *self,
                            int           fd,
                            const GError *error,
                            gpointer      data);

MpDial *mp_dial_start_locked (MpPump           *pump,
                              const MpAddress  *address,
                              gboolean          may_leave,
                              MpDialDone        done,
                              gpointer          data);
void    mp_dial_free_locked  (MpDial           *self);

G_END_DECLS
