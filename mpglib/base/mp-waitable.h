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

#define MP_TYPE_WAITABLE (mp_waitable_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_INTERFACE (MpWaitable, mp_waitable, MP, WAITABLE, GObject)

MP_AVAILABLE_IN_1_0
GObject **mp_wait_many        (GObject * const      *objects,
                               guint                 n_objects,
                               gdouble               timeout,
                               guint                *n_ready,
                               GCancellable         *cancellable,
                               GError              **error);
MP_AVAILABLE_IN_1_0
void      mp_wait_many_async  (GObject * const      *objects,
                               guint                 n_objects,
                               gdouble               timeout,
                               GCancellable         *cancellable,
                               GAsyncReadyCallback   callback,
                               gpointer              user_data);
MP_AVAILABLE_IN_1_0
GObject **mp_wait_many_finish (GAsyncResult         *result,
                               guint                *n_ready,
                               GError              **error);

G_END_DECLS
