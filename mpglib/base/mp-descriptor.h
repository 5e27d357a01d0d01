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

#define MP_TYPE_DESCRIPTOR (mp_descriptor_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpDescriptor, mp_descriptor, MP, DESCRIPTOR, GObject)

MP_AVAILABLE_IN_1_0
MpDescriptor *mp_descriptor_duplicate        (int            fd,
                                              GError       **error);
MP_AVAILABLE_IN_1_0
MpDescriptor *mp_descriptor_duplicate_socket (GSocket       *socket,
                                              GError       **error);
MP_AVAILABLE_IN_1_0
int           mp_descriptor_get_fd           (MpDescriptor  *self);
MP_AVAILABLE_IN_1_0
int           mp_descriptor_dup_fd           (MpDescriptor  *self,
                                              GError       **error);
MP_AVAILABLE_IN_1_0
GSocket      *mp_descriptor_open_socket      (MpDescriptor  *self,
                                              GError       **error);

MP_AVAILABLE_IN_1_0
void          mp_descriptor_close            (MpDescriptor  *self);

G_END_DECLS
