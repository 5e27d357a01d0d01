/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The key that a program and all processes which it starts have, and nobody else: drawn when somebody
 * first asks for it, or brought by who has started this process.
 */
#define MP_OWN_KEY_SIZE 32 /* of one that nobody has chosen */
#define MP_OWN_KEY_MAX  64 /* what HMAC takes as it is */

typedef struct
{
  guint32 size; /* from 1 on */
  guint8  bytes[MP_OWN_KEY_MAX]; /* zero behind it */
} MpOwnKey;

void mp_own_key_get (MpOwnKey       *key);
void mp_own_key_set (const MpOwnKey *key);

G_END_DECLS
