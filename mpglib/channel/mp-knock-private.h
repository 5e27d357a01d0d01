/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-address-private.h"
#include "mp-pump-private.h"

G_BEGIN_DECLS

/* Connecting to a unix socket at which too many wait already to be let in.
 *
 * The kernel tells nobody when there is room; but it lets a connect() in that waits for that, in the order in which
 * they came.  So one thread for each address waits in connect(), for the one of this process that has knocked there
 * first, and ends with the last of them.
 */
typedef struct _MpKnock MpKnock;

/* With the pump's lock held; the knock is gone then.  fd: transferred; or -1, and `failed` is EAGAIN after
 * MP_KNOCK_PATIENCE, or what connect() says.
 */
typedef void (*MpKnockDone) (int      fd,
                             int      failed,
                             gpointer data);

/* Seconds */
#define MP_KNOCK_PATIENCE 5.0

/* NULL: no thread can be had. */
MpKnock *mp_knock_start_locked (MpPump          *pump,
                                const MpAddress *address,
                                int              type,
                                MpKnockDone      done,
                                gpointer         data);
void     mp_knock_free_locked  (MpKnock         *self);

G_END_DECLS
