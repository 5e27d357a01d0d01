/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

/* mp-watch-join.c */
guint32  mp_watch_join           (MpTable      *table,
                                  GError      **error);
void     mp_watch_leave_locked   (MpTable      *table);

/* mp-watch.c */
gboolean mp_watch_start_locked   (MpSelfWatch  *self,
                                  GError      **error);
void     mp_watch_look_again     (MpSelfWatch  *self);
void     mp_watch_look_again_all (MpSelf       *self);

G_END_DECLS
