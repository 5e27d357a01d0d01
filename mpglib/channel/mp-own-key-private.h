/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The key that a program and all processes which it starts have, and nobody else: drawn when somebody
 * first asks for it, or brought by who has started this process.
 */
#define MP_OWN_KEY_SIZE 32

void mp_own_key_get (guint8       *key);
void mp_own_key_set (const guint8 *key);

G_END_DECLS
