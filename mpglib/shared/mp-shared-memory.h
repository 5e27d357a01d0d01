/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_SHARED_MEMORY (mp_shared_memory_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpSharedMemory, mp_shared_memory, MP, SHARED_MEMORY, GObject)

MP_AVAILABLE_IN_1_0
MpSharedMemory *mp_shared_memory_new          (gsize            size);
MP_AVAILABLE_IN_1_0
MpSharedMemory *mp_shared_memory_new_named    (const char      *name,
                                               gsize            size);
MP_AVAILABLE_IN_1_0
MpSharedMemory *mp_shared_memory_new_existing (const char      *name);

MP_AVAILABLE_IN_1_0
gboolean        mp_shared_memory_open         (MpSharedMemory  *self,
                                               GError         **error);
MP_AVAILABLE_IN_1_0
void            mp_shared_memory_close        (MpSharedMemory  *self);
MP_AVAILABLE_IN_1_0
gboolean        mp_shared_memory_unlink       (MpSharedMemory  *self,
                                               GError         **error);

MP_AVAILABLE_IN_1_0
const char     *mp_shared_memory_get_name     (MpSharedMemory  *self);
MP_AVAILABLE_IN_1_0
gsize           mp_shared_memory_get_size     (MpSharedMemory  *self);
MP_AVAILABLE_IN_1_0
int             mp_shared_memory_get_fd       (MpSharedMemory  *self,
                                               GError         **error);
MP_AVAILABLE_IN_1_0
guintptr        mp_shared_memory_get_address  (MpSharedMemory  *self,
                                               GError         **error);
MP_AVAILABLE_IN_1_0
GBytes         *mp_shared_memory_get_buffer   (MpSharedMemory  *self,
                                               GError         **error);
MP_AVAILABLE_IN_1_0
GBytes         *mp_shared_memory_read         (MpSharedMemory  *self,
                                               gsize            offset,
                                               gsize            length,
                                               GError         **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_shared_memory_write        (MpSharedMemory  *self,
                                               gsize            offset,
                                               const guint8    *data,
                                               gsize            length,
                                               GError         **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_shared_memory_write_bytes  (MpSharedMemory  *self,
                                               gsize            offset,
                                               GBytes          *bytes,
                                               GError         **error);

G_END_DECLS
