/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-message.h"
#include "mp-task-state.h"

G_BEGIN_DECLS

#define MP_TYPE_POOL_RESULT (mp_pool_result_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpPoolResult, mp_pool_result, MP, POOL_RESULT, GObject)

MP_AVAILABLE_IN_1_0
GVariant    *mp_pool_result_get              (MpPoolResult         *self,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
void         mp_pool_result_get_async        (MpPoolResult         *self,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant    *mp_pool_result_get_finish       (MpPoolResult         *self,
                                              GAsyncResult         *result,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
gboolean     mp_pool_result_wait             (MpPoolResult         *self,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
void         mp_pool_result_wait_async       (MpPoolResult         *self,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean     mp_pool_result_wait_finish      (MpPoolResult         *self,
                                              GAsyncResult         *result,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
MpMessage   *mp_pool_result_get_message      (MpPoolResult         *self,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
GVariant    *mp_pool_result_get_item         (MpPoolResult         *self,
                                              guint                 index,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
MpMessage   *mp_pool_result_get_item_message (MpPoolResult         *self,
                                              guint                 index,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
GVariant    *mp_pool_result_get_report       (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
GVariant    *mp_pool_result_get_item_report  (MpPoolResult         *self,
                                              guint                 index);
MP_AVAILABLE_IN_1_0
void         mp_pool_result_cancel           (MpPoolResult         *self);

MP_AVAILABLE_IN_1_0
gboolean     mp_pool_result_is_ready         (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
gboolean     mp_pool_result_is_successful    (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
const char  *mp_pool_result_get_name         (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
MpTaskState  mp_pool_result_get_state        (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
gdouble      mp_pool_result_get_fraction     (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
char        *mp_pool_result_get_text         (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
guint        mp_pool_result_get_n_items      (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
guint        mp_pool_result_get_n_finished   (MpPoolResult         *self);
MP_AVAILABLE_IN_1_0
char        *mp_pool_result_to_string        (MpPoolResult         *self);

G_END_DECLS
