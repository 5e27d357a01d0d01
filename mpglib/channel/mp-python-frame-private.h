/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The header of a message of Python's multiprocessing on a stream: its length as
 * a signed number of 32 bits; or -1 and its length as one of 64 bits, if it does
 * not fit into 31.  Both are big-endian.
 */
#define MP_PYTHON_HEADER_MAX 12

gsize    mp_python_header_encode (guint64        length,
                                  guint8        *header);
gboolean mp_python_header_decode (const guint8  *data,
                                  gsize          size,
                                  guint64        limit,
                                  gsize         *header_size,
                                  guint64       *length,
                                  GError       **error);

G_END_DECLS
