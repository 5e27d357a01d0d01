/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-shared-object-private.h"

G_BEGIN_DECLS

/* Tells an object in its main context that what it stands for has changed in shared
 * memory: once for all that changed since the last time.
 *
 *   state      what
 *   begun      the context has not entered it yet
 *   armed      rings when something changes -> told -> armed
 *   ended      nobody is told any more; the context will free it
 *
 * It holds the shared object, not the GObject.
 */
typedef struct _MpChangeWatch MpChangeWatch;

typedef void (*MpChangeFunc) (gpointer object);

MpChangeWatch *mp_change_watch_new (gpointer         object,
                                    MpSharedObject  *shared,
                                    MpBell          *bell,
                                    GMainContext    *context,
                                    MpChangeFunc     func,
                                    GError         **error);
void           mp_change_watch_again (MpChangeWatch *self);
void           mp_change_watch_again_at (MpChangeWatch *self,
                                         gint64      time);
void           mp_change_watch_end (MpChangeWatch   *self);

G_END_DECLS
