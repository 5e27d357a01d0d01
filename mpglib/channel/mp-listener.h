/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-auth-key.h"
#include "mp-connection.h"
#include "mp-tls-settings.h"
#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_LISTENER (mp_listener_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpListener, mp_listener, MP, LISTENER, GObject)

MP_AVAILABLE_IN_1_0
MpListener   *mp_listener_new              (const char           *address,
                                            MpAuthKey            *key);
MP_AVAILABLE_IN_1_0
MpListener   *mp_listener_new_with_wire    (const char           *address,
                                            MpAuthKey            *key,
                                            MpWireFlags           wire);
MP_AVAILABLE_IN_1_0
MpListener   *mp_listener_new_with_tls     (const char           *address,
                                            MpAuthKey            *key,
                                            MpWireFlags           wire,
                                            MpTlsSettings        *tls);
MP_AVAILABLE_IN_1_0
gboolean      mp_listener_open             (MpListener           *self,
                                            GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_listener_close            (MpListener           *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_listener_is_open          (MpListener           *self);

MP_AVAILABLE_IN_1_0
MpConnection *mp_listener_accept           (MpListener           *self,
                                            gdouble               timeout,
                                            GCancellable         *cancellable,
                                            GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_listener_accept_async     (MpListener           *self,
                                            gdouble               timeout,
                                            GCancellable         *cancellable,
                                            GAsyncReadyCallback   callback,
                                            gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpConnection *mp_listener_accept_finish    (MpListener           *self,
                                            GAsyncResult         *result,
                                            GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_listener_start_accepting  (MpListener           *self);
MP_AVAILABLE_IN_1_0
void          mp_listener_stop_accepting   (MpListener           *self);

MP_AVAILABLE_IN_1_0
char         *mp_listener_get_address      (MpListener           *self);
MP_AVAILABLE_IN_1_0
MpAuthKey    *mp_listener_get_key          (MpListener           *self);
MP_AVAILABLE_IN_1_0
MpWireFlags   mp_listener_get_wire         (MpListener           *self);
MP_AVAILABLE_IN_1_0
MpTlsSettings *mp_listener_get_tls         (MpListener           *self);
MP_AVAILABLE_IN_1_0
guint         mp_listener_get_backlog      (MpListener           *self);
MP_AVAILABLE_IN_1_0
char         *mp_listener_get_last_accepted (MpListener          *self);
MP_AVAILABLE_IN_1_0
GMainContext *mp_listener_get_main_context (MpListener           *self);
MP_AVAILABLE_IN_1_0
char         *mp_listener_to_string        (MpListener           *self);

G_END_DECLS
