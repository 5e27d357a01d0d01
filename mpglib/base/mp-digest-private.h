/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* SHA-256 and HMAC-SHA-256, of pieces that follow each other. */
#define MP_DIGEST_SIZE 32

typedef struct
{
  gconstpointer data;
  gsize         size;
} MpPiece;

/* Of a text without its end, and of an array. */
#define MP_PIECE_TEXT(text)   { (text), sizeof (text) - 1 }
#define MP_PIECE_ARRAY(array) { (array), sizeof (array) }

void     mp_digest_sha256   (const MpPiece *pieces,
                             guint          n_pieces,
                             guint8        *digest);
void     mp_digest_hmac     (const guint8  *key,
                             gsize          key_size,
                             const MpPiece *pieces,
                             guint          n_pieces,
                             guint8        *digest);
gboolean mp_digest_is_equal (const guint8  *first,
                             const guint8  *second,
                             gsize          size);

G_END_DECLS
