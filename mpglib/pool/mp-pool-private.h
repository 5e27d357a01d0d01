/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-dispatcher-private.h"
#include "mp-pool.h"

G_BEGIN_DECLS

MpDispatcher *mp_pool_get_dispatcher (MpPool *self);
gboolean      mp_pool_wants_results  (MpPool *self);
void          mp_pool_tidy_up        (MpPool *self);

G_END_DECLS
