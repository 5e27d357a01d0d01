/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-courtesy-private.h"
#include "mp-dispatcher-private.h"
#include "mp-pool-result.h"

G_BEGIN_DECLS

MpPoolResult *mp_pool_result_new           (MpDispatcher *dispatcher,
                                            MpTask       *task);
gboolean      mp_pool_result_is_watched    (MpPoolResult *self);
gboolean      mp_pool_result_deliver       (MpDispatcher *dispatcher,
                                            MpTask       *task,
                                            MpPortion    *portion,
                                            MpPoolResult **ended);

G_END_DECLS
