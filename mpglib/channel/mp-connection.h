/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-auth-key.h"
#include "mp-message.h"
#include "mp-tls-settings.h"
#include "mp-version.h"
#include "mp-wire.h"

G_BEGIN_DECLS

/**
 * MpConnectionState:
 * @MP_CONNECTION_OPEN: messages may come and go
 * @MP_CONNECTION_PEER_CLOSED: the other end was closed, or the process there died; what it has
 *   sent before can be received
 * @MP_CONNECTION_CLOSED: this end was closed
 *
 * What has become of a [class@Mp.Connection].
 *
 * Since: 1.0
 */
typedef enum
{
  MP_CONNECTION_OPEN,
  MP_CONNECTION_PEER_CLOSED,
  MP_CONNECTION_CLOSED,
} MpConnectionState;

#define MP_TYPE_CONNECTION (mp_connection_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpConnection, mp_connection, MP, CONNECTION, GObject)

MP_AVAILABLE_IN_1_0
gboolean           mp_connection_new_pair               (gboolean              duplex,
                                                         MpConnection        **first,
                                                         MpConnection        **second,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
MpConnection      *mp_connection_open                   (const char           *address,
                                                         MpAuthKey            *key,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_open_async             (const char           *address,
                                                         MpAuthKey            *key,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpConnection      *mp_connection_open_finish            (GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
MpConnection      *mp_connection_open_with_wire         (const char           *address,
                                                         MpAuthKey            *key,
                                                         MpWireFlags           wire,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_open_with_wire_async   (const char           *address,
                                                         MpAuthKey            *key,
                                                         MpWireFlags           wire,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpConnection      *mp_connection_open_with_wire_finish  (GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
MpConnection      *mp_connection_open_with_tls          (const char           *address,
                                                         MpAuthKey            *key,
                                                         MpWireFlags           wire,
                                                         MpTlsSettings        *tls,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_open_with_tls_async    (const char           *address,
                                                         MpAuthKey            *key,
                                                         MpWireFlags           wire,
                                                         MpTlsSettings        *tls,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpConnection      *mp_connection_open_with_tls_finish   (GAsyncResult         *result,
                                                         GError              **error);

MP_AVAILABLE_IN_1_0
gboolean           mp_connection_deliver_challenge      (MpConnection         *self,
                                                         MpAuthKey            *key,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_deliver_challenge_async (MpConnection        *self,
                                                         MpAuthKey            *key,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_deliver_challenge_finish (MpConnection       *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_answer_challenge       (MpConnection         *self,
                                                         MpAuthKey            *key,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_answer_challenge_async (MpConnection         *self,
                                                         MpAuthKey            *key,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_answer_challenge_finish (MpConnection        *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

MP_AVAILABLE_IN_1_0
gboolean           mp_connection_get_readable           (MpConnection         *self);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_get_writable           (MpConnection         *self);
MP_AVAILABLE_IN_1_0
MpConnectionState  mp_connection_get_state              (MpConnection         *self);
MP_AVAILABLE_IN_1_0
GMainContext      *mp_connection_get_main_context       (MpConnection         *self);
MP_AVAILABLE_IN_1_0
int                mp_connection_get_fd                 (MpConnection         *self,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_close                  (MpConnection         *self);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_is_closed              (MpConnection         *self);

MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send                   (MpConnection         *self,
                                                         GVariant             *value,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_send_async             (MpConnection         *self,
                                                         GVariant             *value,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_finish            (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_data              (MpConnection         *self,
                                                         const guint8         *data,
                                                         gsize                 length,
                                                         const char           *codec,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_send_data_async        (MpConnection         *self,
                                                         const guint8         *data,
                                                         gsize                 length,
                                                         const char           *codec,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_data_finish       (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_bytes             (MpConnection         *self,
                                                         GBytes               *bytes,
                                                         const char           *codec,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_send_bytes_async       (MpConnection         *self,
                                                         GBytes               *bytes,
                                                         const char           *codec,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_bytes_finish      (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_message           (MpConnection         *self,
                                                         MpMessage            *message,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_send_message_async     (MpConnection         *self,
                                                         MpMessage            *message,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_send_message_finish    (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

MP_AVAILABLE_IN_1_0
GVariant          *mp_connection_receive                (MpConnection         *self,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_receive_async          (MpConnection         *self,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant          *mp_connection_receive_finish         (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
guint8            *mp_connection_receive_data           (MpConnection         *self,
                                                         gsize                 max_length,
                                                         gdouble               timeout,
                                                         gsize                *length,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_receive_data_async     (MpConnection         *self,
                                                         gsize                 max_length,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
guint8            *mp_connection_receive_data_finish    (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         gsize                *length,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
GBytes            *mp_connection_receive_bytes          (MpConnection         *self,
                                                         gsize                 max_length,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_receive_bytes_async    (MpConnection         *self,
                                                         gsize                 max_length,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
GBytes            *mp_connection_receive_bytes_finish   (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
gssize             mp_connection_receive_into           (MpConnection         *self,
                                                         guint8               *buffer,
                                                         gsize                 size,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_receive_into_async     (MpConnection         *self,
                                                         guint8               *buffer,
                                                         gsize                 size,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gssize             mp_connection_receive_into_finish    (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
MpMessage         *mp_connection_receive_message        (MpConnection         *self,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_receive_message_async  (MpConnection         *self,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpMessage         *mp_connection_receive_message_finish (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

MP_AVAILABLE_IN_1_0
gboolean           mp_connection_poll                   (MpConnection         *self,
                                                         gdouble               timeout);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_wait_readable          (MpConnection         *self,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GError              **error);
MP_AVAILABLE_IN_1_0
void               mp_connection_wait_readable_async    (MpConnection         *self,
                                                         gdouble               timeout,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean           mp_connection_wait_readable_finish   (MpConnection         *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

MP_AVAILABLE_IN_1_0
void               mp_connection_start_reading          (MpConnection         *self);
MP_AVAILABLE_IN_1_0
void               mp_connection_stop_reading           (MpConnection         *self);

G_END_DECLS
