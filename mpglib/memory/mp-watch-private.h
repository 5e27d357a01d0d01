/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

guint32 mp_watch_join       (MpTable  *table,
                             GError  **error);
void    mp_watch_look_again (MpSelf   *self);

G_END_DECLS
