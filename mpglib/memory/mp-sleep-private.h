/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-futex-private.h"
#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* While somebody that the kernel is tearing down may still run. */
#define MP_SLEEP_DYING_USEC 50

gboolean mp_sleep_on        (MpTable     *table,
                             MpAtomic32  *word,
                             guint32      seen,
                             guint32      epoch,
                             guint32      owner,
                             MpWait       wait);
gboolean mp_sleep_on_either (MpTable     *table,
                             MpFutexWait  one,
                             MpFutexWait  other,
                             guint32      epoch,
                             guint32      owner,
                             MpWait       wait);

G_END_DECLS
