/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-semaphore.h"
#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_BOUNDED_SEMAPHORE (mp_bounded_semaphore_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpBoundedSemaphore, mp_bounded_semaphore, MP, BOUNDED_SEMAPHORE, MpSemaphore)

MP_AVAILABLE_IN_1_0
MpBoundedSemaphore *mp_bounded_semaphore_new (guint value);

G_END_DECLS
