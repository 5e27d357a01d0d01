/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GSource *mp_cancellable_source_new (GCancellable *cancellable,
                                    GMainContext *context);

G_END_DECLS
