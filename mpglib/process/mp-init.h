/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */
#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>
#include "mp-version.h"

G_BEGIN_DECLS

MP_AVAILABLE_IN_1_0
void     mp_init            (void);
MP_AVAILABLE_IN_1_0
gboolean mp_shutdown        (gdouble               timeout,
                             GCancellable         *cancellable,
                             GError              **error);
MP_AVAILABLE_IN_1_0
void     mp_shutdown_async  (gdouble               timeout,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean mp_shutdown_finish (GAsyncResult         *result,
                             GError              **error);
MP_AVAILABLE_IN_1_0
guint    mp_get_cpu_count   (void);

G_END_DECLS
