/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An item of a list as words: first one with a code and a length in bytes, then the
 * content.  They come from memory that others write to: nothing in them is believed.
 */
typedef enum
{
  MP_ITEM_NOTHING = 0,
  MP_ITEM_INTEGER = 1,   /* gint64 */
  MP_ITEM_DOUBLE  = 2,
  MP_ITEM_BOOLEAN = 3,   /* 0 or 1 */
  MP_ITEM_STRING  = 4,   /* UTF-8, without a zero byte */
  MP_ITEM_BYTES   = 5,
} MpItemCode;

/* Of the first word. */
#define MP_ITEM_HEAD(code, length) ((guint64) (code) | (guint64) (length) << 8)
#define MP_ITEM_CODE(head)         ((MpItemCode) ((head) & 0xff))
#define MP_ITEM_LENGTH(head)       ((head) >> 8)

/* Of strings and bytes. */
#define MP_ITEM_MAX_LENGTH 10000000

guint64  *mp_list_item_encode   (GVariant       *value,
                                 gsize          *n_words,
                                 GError        **error);
gsize     mp_list_item_measure  (guint64         head,
                                 gsize           most);
GVariant *mp_list_item_decode   (const guint64  *words,
                                 gsize           n_words);

G_END_DECLS
