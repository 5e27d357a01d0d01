/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-message.h"
#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_QUEUE (mp_queue_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MpQueue, mp_queue, MP, QUEUE, GObject)

struct _MpQueueClass
{
  GObjectClass parent_class;

  /*< private >*/
  gconstpointer kind;
  gpointer      reserved[7];
};

MP_AVAILABLE_IN_1_0
MpQueue      *mp_queue_new                (guint                 max_size);

MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put                (MpQueue              *self,
                                           GVariant             *value,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_put_async          (MpQueue              *self,
                                           GVariant             *value,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_finish         (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_data           (MpQueue              *self,
                                           const guint8         *data,
                                           gsize                 length,
                                           const char           *codec,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_try_put_data       (MpQueue              *self,
                                           const guint8         *data,
                                           gsize                 length,
                                           const char           *codec,
                                           gdouble               patience);
MP_AVAILABLE_IN_1_0
void          mp_queue_put_data_async     (MpQueue              *self,
                                           const guint8         *data,
                                           gsize                 length,
                                           const char           *codec,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_data_finish    (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_bytes          (MpQueue              *self,
                                           GBytes               *bytes,
                                           const char           *codec,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_put_bytes_async    (MpQueue              *self,
                                           GBytes               *bytes,
                                           const char           *codec,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_bytes_finish   (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_message        (MpQueue              *self,
                                           MpMessage            *message,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_put_message_async  (MpQueue              *self,
                                           MpMessage            *message,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_put_message_finish (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
guint         mp_queue_put_many           (MpQueue              *self,
                                           GVariant             *values,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_put_many_async     (MpQueue              *self,
                                           GVariant             *values,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
guint         mp_queue_put_many_finish    (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
guint         mp_queue_put_many_data      (MpQueue              *self,
                                           const guint8         *data,
                                           gsize                 length,
                                           const gsize          *lengths,
                                           guint                 n_items,
                                           const char           *codec,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_put_many_data_async (MpQueue             *self,
                                           const guint8         *data,
                                           gsize                 length,
                                           const gsize          *lengths,
                                           guint                 n_items,
                                           const char           *codec,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
guint         mp_queue_put_many_data_finish (MpQueue            *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
GVariant     *mp_queue_get                (MpQueue              *self,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_async          (MpQueue              *self,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant     *mp_queue_get_finish         (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
guint8       *mp_queue_get_payload           (MpQueue              *self,
                                           gsize                 max_length,
                                           gdouble               timeout,
                                           gsize                *length,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_payload_async     (MpQueue              *self,
                                           gsize                 max_length,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
guint8       *mp_queue_get_payload_finish    (MpQueue              *self,
                                           GAsyncResult         *result,
                                           gsize                *length,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
GBytes       *mp_queue_get_bytes          (MpQueue              *self,
                                           gsize                 max_length,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_bytes_async    (MpQueue              *self,
                                           gsize                 max_length,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
GBytes       *mp_queue_get_bytes_finish   (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
gssize        mp_queue_get_into           (MpQueue              *self,
                                           guint8               *buffer,
                                           gsize                 size,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_into_async     (MpQueue              *self,
                                           guint8               *buffer,
                                           gsize                 size,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
gssize        mp_queue_get_into_finish    (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
MpMessage    *mp_queue_get_message        (MpQueue              *self,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_message_async  (MpQueue              *self,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpMessage    *mp_queue_get_message_finish (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
guint8       *mp_queue_get_frame          (MpQueue              *self,
                                           gdouble               timeout,
                                           gsize                *length,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
guint8       *mp_queue_try_get_frame      (MpQueue              *self,
                                           gdouble               patience,
                                           gsize                *length);
MP_AVAILABLE_IN_1_0
guint8       *mp_queue_try_get_value_frame (MpQueue             *self,
                                           gdouble               patience,
                                           gsize                *length);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_frame_async    (MpQueue              *self,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
guint8       *mp_queue_get_frame_finish   (MpQueue              *self,
                                           GAsyncResult         *result,
                                           gsize                *length,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
GVariant     *mp_queue_get_many           (MpQueue              *self,
                                           guint                 max,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_many_async     (MpQueue              *self,
                                           guint                 max,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant     *mp_queue_get_many_finish    (MpQueue              *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
guint         mp_queue_get_many_into      (MpQueue              *self,
                                           guint8               *buffer,
                                           gsize                 size,
                                           gsize                *lengths,
                                           guint                 max,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GError              **error);
MP_AVAILABLE_IN_1_0
void          mp_queue_get_many_into_async (MpQueue             *self,
                                           guint8               *buffer,
                                           gsize                 size,
                                           gsize                *lengths,
                                           guint                 max,
                                           gdouble               timeout,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MP_AVAILABLE_IN_1_0
guint         mp_queue_get_many_into_finish (MpQueue            *self,
                                           GAsyncResult         *result,
                                           GError              **error);

MP_AVAILABLE_IN_1_0
guint         mp_queue_get_max_size       (MpQueue              *self);
MP_AVAILABLE_IN_1_0
guint64       mp_queue_get_byte_limit     (MpQueue              *self);
MP_AVAILABLE_IN_1_0
GMainContext *mp_queue_get_main_context   (MpQueue              *self);
MP_AVAILABLE_IN_1_0
guint         mp_queue_get_length         (MpQueue              *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_is_empty           (MpQueue              *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_is_full            (MpQueue              *self);
MP_AVAILABLE_IN_1_0
void          mp_queue_close              (MpQueue              *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_is_closed          (MpQueue              *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_queue_get_live           (MpQueue              *self);
MP_AVAILABLE_IN_1_0
void          mp_queue_set_live           (MpQueue              *self,
                                           gboolean              live);

G_END_DECLS
