/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-descriptor.h"

G_BEGIN_DECLS

/* For fork(): the lock of all descriptors, a leaf, and what a child forgets. */
GMutex *mp_descriptor_get_lock     (void);
void    mp_descriptor_forget_waits (void);

G_END_DECLS
