/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-frame-private.h"

G_BEGIN_DECLS

/* As who received it: takes everything out of it. */
void look_at_frame (MpFrame *frame);

G_END_DECLS
