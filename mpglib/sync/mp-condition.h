/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-lockable.h"
#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_CONDITION (mp_condition_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpCondition, mp_condition, MP, CONDITION, GObject)

MP_AVAILABLE_IN_1_0
MpCondition *mp_condition_new            (MpLockable           *lock);

MP_AVAILABLE_IN_1_0
MpLockable  *mp_condition_get_lock       (MpCondition          *self);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_try_acquire    (MpCondition          *self);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_acquire        (MpCondition          *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
void         mp_condition_acquire_async  (MpCondition          *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_acquire_finish (MpCondition          *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_release        (MpCondition          *self,
                                          GError              **error);

MP_AVAILABLE_IN_1_0
gboolean     mp_condition_wait           (MpCondition          *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
void         mp_condition_wait_async     (MpCondition          *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_wait_finish    (MpCondition          *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_notify_one     (MpCondition          *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_notify_many    (MpCondition          *self,
                                          guint                 n,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean     mp_condition_notify_all     (MpCondition          *self,
                                          GError              **error);

G_END_DECLS
