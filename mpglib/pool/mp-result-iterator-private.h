/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-dispatcher-private.h"
#include "mp-result-iterator.h"

G_BEGIN_DECLS

MpResultIterator *mp_result_iterator_new (MpDispatcher *dispatcher,
                                          MpTask       *task);

G_END_DECLS
