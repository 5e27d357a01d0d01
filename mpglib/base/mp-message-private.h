/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message.h"
#include "mp-shareable-private.h"

G_BEGIN_DECLS

/* What a transport sends, and what it makes of what it received.
 *
 * The codec in wire form is the codec's name, or `=TYPE` for a GVariant of that
 * type.  A received GVariant is checked when mp_message_get_value() first asks
 * for it, so that who only passes a message on does not pay.
 */
#define MP_MESSAGE_MAX_CODEC_LENGTH 32
#define MP_MESSAGE_PACKED_TYPE      "a(suv)"

gboolean    mp_message_is_codec_name       (const char  *name);
gboolean    mp_message_check_wire_codec    (const char  *wire_codec,
                                            GError     **error);
gboolean    mp_message_check_value         (MpMessage   *self,
                                            GError     **error);
GVariant   *mp_message_open_taken          (MpMessage   *message_taken,
                                            GError     **error);
const char *mp_message_get_wire_codec      (MpMessage   *self);
GBytes     *mp_message_get_body_bytes      (MpMessage   *self);
MpMessage  *mp_message_new_received        (const char  *wire_codec,
                                            GBytes      *body,
                                            GVariant    *attachments,
                                            int         *fds,
                                            guint        n_fds,
                                            GError     **error);
gboolean    mp_message_hold_attachments    (MpMessage   *self);
void        mp_message_share_attachments   (MpMessage   *self,
                                            MpMessage   *other);
void        mp_message_borrow_attachments  (MpMessage   *self,
                                            MpMessage   *other);
void        mp_message_unpack              (MpMessage   *self);
gboolean    mp_message_pack_attachments    (MpMessage   *self,
                                            GVariant   **descriptions,
                                            GArray     **fds,
                                            GError     **error);
void        mp_message_discard_attachments (GVariant    *descriptions,
                                            int         *fds,
                                            guint        n_fds);

G_END_DECLS
