/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-auth-key.h"
#include "mp-digest-private.h"
#include "mp-own-key-private.h"

G_BEGIN_DECLS

/* From here on a key is taken for one that cannot be guessed. */
#define MP_AUTH_KEY_MIN_STRONG 16

gboolean mp_auth_key_check (MpAuthKey      *self,
                            gboolean        is_local,
                            GError        **error);
gboolean mp_auth_key_to_own (MpAuthKey     *self,
                             MpOwnKey      *own,
                             GError       **error);
void     mp_auth_key_hmac  (MpAuthKey      *self,
                            const MpPiece  *pieces,
                            guint           n_pieces,
                            guint8         *digest);

G_END_DECLS
