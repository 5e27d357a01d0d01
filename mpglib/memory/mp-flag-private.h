/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* An event: unset or set.
 *
 *   word             state       set                              clear            wait
 *   n, unset         unset       set it                           -                WAIT, sleep
 *   n, unset, WAIT   awaited     set it and wake all, in one      -                sleep
 *                                system call
 *   n, set, any      set         -                                n + 1, unset     done
 *
 * Who waits and finds another n missed a set that is over already, and is done too: no
 * set is missed, however soon it is cleared.  WAIT goes with the clearing, for all that
 * slept were woken by then.
 *
 * Whoever finds WAIT beside the set rings the object's bell, be it to set or to clear
 * the event: who set it may be stopped before it rang.
 */

gboolean mp_flag_is_set        (MpAtomic32 *word);
gboolean mp_flag_set           (MpAtomic32 *word);
gboolean mp_flag_clear         (MpAtomic32 *word);
gboolean mp_flag_wait          (MpTable    *table,
                                MpAtomic32 *word,
                                guint32     round,
                                MpWait      wait);
guint32  mp_flag_get_round     (MpAtomic32 *word);
gboolean mp_flag_look_or_await (MpAtomic32 *word,
                                guint32     round);

G_END_DECLS
