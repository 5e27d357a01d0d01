/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-ring-private.h"

gboolean mp_test_ring_is_sound (MpRing *ring);
