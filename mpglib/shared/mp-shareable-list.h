/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-shared-memory.h"
#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_SHAREABLE_LIST (mp_shareable_list_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpShareableList, mp_shareable_list, MP, SHAREABLE_LIST, GObject)

MP_AVAILABLE_IN_1_0
MpShareableList *mp_shareable_list_new           (GVariant         *items);
MP_AVAILABLE_IN_1_0
MpShareableList *mp_shareable_list_new_named     (const char       *name,
                                                  GVariant         *items);
MP_AVAILABLE_IN_1_0
MpShareableList *mp_shareable_list_new_existing  (const char       *name);

MP_AVAILABLE_IN_1_0
gboolean         mp_shareable_list_open          (MpShareableList  *self,
                                                  GError          **error);
MP_AVAILABLE_IN_1_0
MpSharedMemory  *mp_shareable_list_get_memory    (MpShareableList  *self);
MP_AVAILABLE_IN_1_0
const char      *mp_shareable_list_get_name      (MpShareableList  *self);
MP_AVAILABLE_IN_1_0
guint            mp_shareable_list_get_length    (MpShareableList  *self);
MP_AVAILABLE_IN_1_0
gsize            mp_shareable_list_get_item_size (MpShareableList  *self,
                                                  guint             index,
                                                  GError          **error);
MP_AVAILABLE_IN_1_0
GVariant        *mp_shareable_list_get_item      (MpShareableList  *self,
                                                  guint             index,
                                                  GError          **error);
MP_AVAILABLE_IN_1_0
gboolean         mp_shareable_list_set_item      (MpShareableList  *self,
                                                  guint             index,
                                                  GVariant         *value,
                                                  GError          **error);
MP_AVAILABLE_IN_1_0
GVariant        *mp_shareable_list_get_items     (MpShareableList  *self,
                                                  GError          **error);

G_END_DECLS
