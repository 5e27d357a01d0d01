/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-queue.h"

G_BEGIN_DECLS

#define MP_TYPE_SIMPLE_QUEUE (mp_simple_queue_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpSimpleQueue, mp_simple_queue, MP, SIMPLE_QUEUE, MpQueue)

MP_AVAILABLE_IN_1_0
MpSimpleQueue *mp_simple_queue_new (void);

G_END_DECLS
