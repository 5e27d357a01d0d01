/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-preamble-private.h"
#include "mp-tls-settings.h"

G_BEGIN_DECLS

/* What the library's threads need of MpTlsSettings, in objects of its own that no language knows.  Read-only. */
typedef struct _MpTlsTerms MpTlsTerms;

gboolean    mp_tls_check_backend       (GError           **error);
MpTlsTerms *mp_tls_terms_new           (MpTlsSettings     *settings,
                                        MpRole             role,
                                        const char        *host,
                                        GError           **error);
MpTlsTerms *mp_tls_terms_ref           (MpTlsTerms        *self);
void        mp_tls_terms_unref         (MpTlsTerms        *self);
MpRole      mp_tls_terms_get_role      (MpTlsTerms        *self);
gboolean    mp_tls_terms_need_no_key   (MpTlsTerms        *self);
gboolean    mp_tls_terms_hide_proofs   (MpTlsTerms        *self);
GTlsConnection *mp_tls_terms_begin     (MpTlsTerms        *self,
                                        GIOStream         *base,
                                        GError           **error);
gboolean    mp_tls_terms_accept        (MpTlsTerms        *self,
                                        GTlsCertificate   *peer,
                                        GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTlsTerms, mp_tls_terms_unref)

G_END_DECLS
