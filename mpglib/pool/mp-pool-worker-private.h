/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-dispatcher-private.h"
#include "mp-pool-worker.h"

G_BEGIN_DECLS

void mp_pool_worker_list_update (GListStore *list,
                                 GArray     *workers);

G_END_DECLS
