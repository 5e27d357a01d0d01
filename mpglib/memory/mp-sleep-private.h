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

#define MP_SLEEP_MOST_WORDS 3

gboolean mp_sleep_on     (MpTable           *table,
                          MpAtomic32        *word,
                          guint32            seen,
                          guint32            epoch,
                          guint32            owner,
                          MpWait             wait);
gboolean mp_sleep_on_any (MpTable           *table,
                          const MpFutexWait *words,
                          guint              n_words,
                          guint32            epoch,
                          guint32            owner,
                          MpWait             wait);

G_END_DECLS
