/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A large message body in memory that nobody can change any more, neither the
 * sender nor another receiver: so it may be parsed where it lies.
 */

int     mp_payload_begin  (gsize      size,
                           guint8   **data,
                           GError   **error);
gboolean mp_payload_finish (int        fd,
                            guint8    *data,
                            gsize      size,
                            GError   **error);
int     mp_payload_new    (const guint8 *bytes,
                           gsize         size,
                           GError      **error);
GBytes *mp_payload_open   (int        fd,
                           gsize      size,
                           GError   **error);

G_END_DECLS
