/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

/* Where the tables of this process lie, and which of them stay; for mp-table.c, which makes and
 * opens them.
 */

MpTable  *mp_table_find_locked       (const guint8  *id);
MpTable  *mp_table_take_place_locked (GError       **error);
gpointer  mp_table_get_address       (MpTable       *place);
MpTable  *mp_table_fill_locked       (MpTable       *place,
                                      MpSegment     *segment_taken);
gboolean  mp_table_await_place       (void);

G_END_DECLS
