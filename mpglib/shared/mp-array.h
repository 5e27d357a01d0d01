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

#define MP_TYPE_ARRAY (mp_array_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpArray, mp_array, MP, ARRAY, GObject)

MP_AVAILABLE_IN_1_0
MpArray    *mp_array_new               (const char    *element_type,
                                        gsize          length,
                                        MpLockable    *lock);
MP_AVAILABLE_IN_1_0
MpArray    *mp_array_new_with_format   (const char    *format,
                                        gsize          length,
                                        MpLockable    *lock);
MP_AVAILABLE_IN_1_0
MpArray    *mp_array_new_from_elements (GVariant      *elements,
                                        MpLockable    *lock);

MP_AVAILABLE_IN_1_0
const char *mp_array_get_element_type  (MpArray       *self);
MP_AVAILABLE_IN_1_0
const char *mp_array_get_format        (MpArray       *self);
MP_AVAILABLE_IN_1_0
gsize       mp_array_get_element_size  (MpArray       *self);
MP_AVAILABLE_IN_1_0
gsize       mp_array_get_length        (MpArray       *self);
MP_AVAILABLE_IN_1_0
MpLockable *mp_array_get_lock          (MpArray       *self);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_is_consistent     (MpArray       *self);
MP_AVAILABLE_IN_1_0
guintptr    mp_array_get_state_address (MpArray       *self,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_mark_consistent   (MpArray       *self,
                                        GError       **error);

MP_AVAILABLE_IN_1_0
GVariant   *mp_array_get_element       (MpArray       *self,
                                        gsize          index,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_set_element       (MpArray       *self,
                                        gsize          index,
                                        GVariant      *value,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
GVariant   *mp_array_get_slice         (MpArray       *self,
                                        gsize          begin,
                                        gsize          length,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_set_slice         (MpArray       *self,
                                        gsize          begin,
                                        GVariant      *values,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_write             (MpArray       *self,
                                        gsize          begin,
                                        const guint8  *data,
                                        gsize          length,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gint64      mp_array_get_int64         (MpArray       *self,
                                        gsize          index,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_set_int64         (MpArray       *self,
                                        gsize          index,
                                        gint64         number,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gdouble     mp_array_get_number        (MpArray       *self,
                                        gsize          index,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gdouble     mp_array_get_double        (MpArray       *self,
                                        gsize          index,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
gboolean    mp_array_set_double        (MpArray       *self,
                                        gsize          index,
                                        gdouble        number,
                                        GError       **error);

MP_AVAILABLE_IN_1_0
guintptr    mp_array_get_address       (MpArray       *self,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
GBytes     *mp_array_get_buffer        (MpArray       *self,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
MpArray    *mp_array_copy              (MpArray       *self,
                                        GError       **error);
MP_AVAILABLE_IN_1_0
MpArray    *mp_array_synchronize       (MpArray       *self,
                                        MpLockable    *lock,
                                        GError       **error);

G_END_DECLS
