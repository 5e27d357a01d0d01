/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

gboolean mp_sleep_on (MpTable    *table,
                      MpAtomic32 *word,
                      guint32     seen,
                      guint32     epoch,
                      gint64      deadline,
                      guint32     owner);

G_END_DECLS
