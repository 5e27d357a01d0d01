/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-shareable.h"
#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_MESSAGE (mp_message_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpMessage, mp_message, MP, MESSAGE, GObject)

MP_AVAILABLE_IN_1_0
MpMessage    *mp_message_new               (GVariant     *value);
MP_AVAILABLE_IN_1_0
MpMessage    *mp_message_new_data          (const guint8 *data,
                                            gsize         length,
                                            const char   *codec);
MP_AVAILABLE_IN_1_0
MpMessage    *mp_message_new_bytes         (GBytes       *bytes,
                                            const char   *codec);
MP_AVAILABLE_IN_1_0
guint         mp_message_attach            (MpMessage    *self,
                                            MpShareable  *object);
MP_AVAILABLE_IN_1_0
int           mp_message_attach_fd         (MpMessage    *self,
                                            int           fd,
                                            GError      **error);
MP_AVAILABLE_IN_1_0
guint         mp_message_get_n_attachments (MpMessage    *self);
MP_AVAILABLE_IN_1_0
MpShareable  *mp_message_get_attachment    (MpMessage    *self,
                                            guint         index,
                                            GError      **error);
MP_AVAILABLE_IN_1_0
int           mp_message_get_attached_fd   (MpMessage    *self,
                                            guint         index,
                                            GError      **error);
MP_AVAILABLE_IN_1_0
GVariant     *mp_message_get_value         (MpMessage    *self,
                                            GError      **error);
MP_AVAILABLE_IN_1_0
const char   *mp_message_get_type_string   (MpMessage    *self);
MP_AVAILABLE_IN_1_0
const guint8 *mp_message_get_payload       (MpMessage    *self,
                                            gsize        *length);
MP_AVAILABLE_IN_1_0
GBytes       *mp_message_get_payload_bytes (MpMessage    *self);
MP_AVAILABLE_IN_1_0
const char   *mp_message_get_codec         (MpMessage    *self);
MP_AVAILABLE_IN_1_0
char         *mp_message_to_string         (MpMessage    *self);

G_END_DECLS
