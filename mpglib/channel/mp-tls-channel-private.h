/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* TLS on a socket, after its handshake: bytes are read and written, and nobody waits.  No lock of its own: who reads
 * or writes serialises the calls.  The descriptor stays the caller's.
 *
 * Each read takes whole records, so that, where there is room for one, what is left to read is in the
 * socket, and poll() tells.
 */
typedef struct _MpTlsChannel MpTlsChannel;

#define MP_TLS_RECORD_MAX 16384

MpTlsChannel *mp_tls_channel_new          (GTlsConnection *connection,
                                           GIOStream      *base);
void          mp_tls_channel_free         (MpTlsChannel   *self);
int           mp_tls_channel_read         (MpTlsChannel   *self,
                                           guint8         *data,
                                           gsize           size,
                                           gsize          *n_read);
int           mp_tls_channel_write        (MpTlsChannel   *self,
                                           const guint8   *data,
                                           gsize           size,
                                           gsize          *n_written);
void          mp_tls_channel_end          (MpTlsChannel   *self);
GByteArray   *mp_tls_channel_get_exporter (MpTlsChannel   *self,
                                           GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTlsChannel, mp_tls_channel_free)

G_END_DECLS
