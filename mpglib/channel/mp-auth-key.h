/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_AUTH_KEY (mp_auth_key_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpAuthKey, mp_auth_key, MP, AUTH_KEY, GObject)

MP_AVAILABLE_IN_1_0
MpAuthKey *mp_auth_key_new        (GBytes       *secret);
MP_AVAILABLE_IN_1_0
MpAuthKey *mp_auth_key_new_data   (const guint8 *data,
                                   gsize         length);
MP_AVAILABLE_IN_1_0
MpAuthKey *mp_auth_key_new_random (void);
MP_AVAILABLE_IN_1_0
MpAuthKey *mp_auth_key_new_own    (void);
MP_AVAILABLE_IN_1_0
gboolean   mp_auth_key_make_own   (MpAuthKey    *self,
                                   GError      **error);
MP_AVAILABLE_IN_1_0
gsize      mp_auth_key_get_length (MpAuthKey    *self);
MP_AVAILABLE_IN_1_0
GBytes    *mp_auth_key_get_bytes  (MpAuthKey    *self);
MP_AVAILABLE_IN_1_0
gboolean   mp_auth_key_equal      (MpAuthKey    *self,
                                   MpAuthKey    *other);
MP_AVAILABLE_IN_1_0
char      *mp_auth_key_to_string  (MpAuthKey    *self);

G_END_DECLS
