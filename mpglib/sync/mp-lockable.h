/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_LOCKABLE (mp_lockable_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_INTERFACE (MpLockable, mp_lockable, MP, LOCKABLE, GObject)

MP_AVAILABLE_IN_1_0
gboolean mp_lockable_try_enter    (MpLockable           *self);
MP_AVAILABLE_IN_1_0
gboolean mp_lockable_enter        (MpLockable           *self,
                                   gdouble               timeout,
                                   GCancellable         *cancellable,
                                   GError              **error);
MP_AVAILABLE_IN_1_0
void     mp_lockable_enter_async  (MpLockable           *self,
                                   gdouble               timeout,
                                   GCancellable         *cancellable,
                                   GAsyncReadyCallback   callback,
                                   gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean mp_lockable_enter_finish (MpLockable           *self,
                                   GAsyncResult         *result,
                                   GError              **error);
MP_AVAILABLE_IN_1_0
gboolean mp_lockable_leave        (MpLockable           *self,
                                   GError              **error);

G_END_DECLS
