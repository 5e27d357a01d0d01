/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void mp_random_fill (gpointer to,
                     gsize    size);

G_END_DECLS
