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

#define MP_TYPE_VALUE (mp_value_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpValue, mp_value, MP, VALUE, GObject)

MP_AVAILABLE_IN_1_0
MpValue      *mp_value_new              (const char    *value_type,
                                         GVariant      *value,
                                         MpLockable    *lock);
MP_AVAILABLE_IN_1_0
MpValue      *mp_value_new_with_format  (const char    *format,
                                         GVariant      *value,
                                         MpLockable    *lock);

MP_AVAILABLE_IN_1_0
const char   *mp_value_get_value_type   (MpValue       *self);
MP_AVAILABLE_IN_1_0
const char   *mp_value_get_format       (MpValue       *self);
MP_AVAILABLE_IN_1_0
gsize         mp_value_get_size         (MpValue       *self);
MP_AVAILABLE_IN_1_0
MpLockable   *mp_value_get_lock         (MpValue       *self);
MP_AVAILABLE_IN_1_0
GMainContext *mp_value_get_main_context (MpValue       *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_value_get_live         (MpValue       *self);
MP_AVAILABLE_IN_1_0
void          mp_value_set_live         (MpValue       *self,
                                         gboolean       live);

MP_AVAILABLE_IN_1_0
GVariant     *mp_value_get_value        (MpValue       *self,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_value_set_value        (MpValue       *self,
                                         GVariant      *value,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gint64        mp_value_get_int64        (MpValue       *self,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_value_set_int64        (MpValue       *self,
                                         gint64         number,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gint64        mp_value_add_int64        (MpValue       *self,
                                         gint64         amount,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
GVariant     *mp_value_add_whole        (MpValue       *self,
                                         gint64         amount,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gdouble       mp_value_get_number       (MpValue       *self,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_value_set_number       (MpValue       *self,
                                         gdouble        number,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gdouble       mp_value_get_double       (MpValue       *self,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_value_set_double       (MpValue       *self,
                                         gdouble        number,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
gdouble       mp_value_add_double       (MpValue       *self,
                                         gdouble        amount,
                                         GError       **error);

MP_AVAILABLE_IN_1_0
guintptr      mp_value_get_address      (MpValue       *self,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
MpValue      *mp_value_copy             (MpValue       *self,
                                         GError       **error);
MP_AVAILABLE_IN_1_0
MpValue      *mp_value_synchronize      (MpValue       *self,
                                         MpLockable    *lock,
                                         GError       **error);

G_END_DECLS
