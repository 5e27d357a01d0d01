/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A large message body in memory that nobody can change any more, neither the
 * sender nor another receiver: so it may be parsed where it lies.
 */

/* One that is being made. */
typedef struct
{
  int      fd;         /* -1: not begun */
  gsize    n_written;  /* bytes */
  guint    n_refused;  /* attempts to seal it */
  gboolean is_sealed;
} MpPayload;

#define MP_PAYLOAD_INIT { .fd = -1 }

gboolean mp_payload_fill  (MpPayload     *self,
                           const guint8  *bytes,
                           gsize          size,
                           GError       **error);
void     mp_payload_clear (MpPayload     *self);
GBytes  *mp_payload_open  (int            fd,
                           gsize          size,
                           GError       **error);

G_END_DECLS
