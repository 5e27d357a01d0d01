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

#define MP_TYPE_TLS_SETTINGS (mp_tls_settings_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpTlsSettings, mp_tls_settings, MP, TLS_SETTINGS, GObject)

MP_AVAILABLE_IN_1_0
MpTlsSettings   *mp_tls_settings_new             (GTlsCertificate *certificate,
                                                  GTlsCertificate *trusted,
                                                  const char      *peer_name);
MP_AVAILABLE_IN_1_0
GTlsCertificate *mp_tls_settings_get_certificate (MpTlsSettings   *self);
MP_AVAILABLE_IN_1_0
GTlsCertificate *mp_tls_settings_get_trusted     (MpTlsSettings   *self);
MP_AVAILABLE_IN_1_0
const char      *mp_tls_settings_get_peer_name   (MpTlsSettings   *self);
MP_AVAILABLE_IN_1_0
char            *mp_tls_settings_to_string       (MpTlsSettings   *self);

G_END_DECLS
