/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <glib.h>

#include "mp-version.h"

G_BEGIN_DECLS

MP_AVAILABLE_IN_1_0
void     mp_thread_set_looping (gboolean is_looping);
MP_AVAILABLE_IN_1_0
gboolean mp_thread_get_looping (void);

G_END_DECLS
