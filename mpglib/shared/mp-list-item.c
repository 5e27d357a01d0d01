/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-element-private.h"
#include "mp-error.h"
#include "mp-list-item-private.h"

#define WORD sizeof (guint64)

static guint64 *
make_words (MpItemCode     code,
            gconstpointer  bytes,
            gsize          length,
            gsize         *n_words)
{
  guint64 *words;

  *n_words = 1 + (length + WORD - 1) / WORD;
  words = g_new0 (guint64, *n_words);
  words[0] = MP_ITEM_HEAD (code, length);
  if (length > 0)
    memcpy (&words[1], bytes, length);
  return words;
}

static guint64 *
make_integer (gint64  number,
              gsize  *n_words)
{
  return make_words (MP_ITEM_INTEGER, &number, sizeof number, n_words);
}

static gboolean
check_length (gsize    length,
              GError **error)
{
  if (length <= MP_ITEM_MAX_LENGTH)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "An item of %" G_GSIZE_FORMAT " bytes is too long: a shareable list takes up to %d",
               length, MP_ITEM_MAX_LENGTH);
  return FALSE;
}

static guint64 *
encode_string (GVariant  *value,
               gsize     *n_words,
               GError   **error)
{
  gsize length;
  const char *string = g_variant_get_string (value, &length);

  return check_length (length, error) ? make_words (MP_ITEM_STRING, string, length, n_words) : NULL;
}

static guint64 *
encode_bytes (GVariant  *value,
              gsize     *n_words,
              GError   **error)
{
  gsize length;
  gconstpointer bytes = g_variant_get_fixed_array (value, &length, 1);

  return check_length (length, error) ? make_words (MP_ITEM_BYTES, bytes, length, n_words) : NULL;
}

static guint64 *
encode_large (GVariant  *value,
              gsize     *n_words,
              GError   **error)
{
  guint64 number = g_variant_get_uint64 (value);

  if (number <= G_MAXINT64)
    return make_integer ((gint64) number, n_words);

  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "%" G_GUINT64_FORMAT " is too large for a shareable list", number);
  return NULL;
}

static guint64 *
encode_boxed (GVariant  *value,
              gsize     *n_words,
              GError   **error)
{
  g_autoptr (GVariant) inner = g_variant_get_variant (value);

  return mp_list_item_encode (inner, n_words, error);
}

/*< private >
 * mp_list_item_encode:
 * @value: y, n, q, i, u, x, t; d; b; s; ay; or nothing of whatever type; or one of these in
 *   a variant
 *
 * Returns: (transfer full) (nullable): @n_words words
 */
guint64 *
mp_list_item_encode (GVariant  *value,
                     gsize     *n_words,
                     GError   **error)
{
  gdouble number;
  guint64 boolean;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      return make_integer (g_variant_get_byte (value), n_words);
    case G_VARIANT_CLASS_INT16:
      return make_integer (g_variant_get_int16 (value), n_words);
    case G_VARIANT_CLASS_UINT16:
      return make_integer (g_variant_get_uint16 (value), n_words);
    case G_VARIANT_CLASS_INT32:
      return make_integer (g_variant_get_int32 (value), n_words);
    case G_VARIANT_CLASS_UINT32:
      return make_integer (g_variant_get_uint32 (value), n_words);
    case G_VARIANT_CLASS_INT64:
      return make_integer (g_variant_get_int64 (value), n_words);
    case G_VARIANT_CLASS_UINT64:
      return encode_large (value, n_words, error);
    case G_VARIANT_CLASS_DOUBLE:
      number = g_variant_get_double (value);
      return make_words (MP_ITEM_DOUBLE, &number, sizeof number, n_words);
    case G_VARIANT_CLASS_BOOLEAN:
      boolean = g_variant_get_boolean (value);
      return make_words (MP_ITEM_BOOLEAN, &boolean, sizeof boolean, n_words);
    case G_VARIANT_CLASS_STRING:
      return encode_string (value, n_words, error);
    case G_VARIANT_CLASS_VARIANT:
      return encode_boxed (value, n_words, error);
    case G_VARIANT_CLASS_MAYBE:
      if (g_variant_n_children (value) == 0)
        return make_words (MP_ITEM_NOTHING, NULL, 0, n_words);
      break;
    case G_VARIANT_CLASS_ARRAY:
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
        return encode_bytes (value, n_words, error);
      break;
    default:
      break;
    }

  g_set_error (error, MP_ERROR, MP_ERROR_WRONG_TYPE,
               "A shareable list takes whole numbers, doubles, booleans, strings, bytes and nothing, "
               "not values of the type \"%.300s\"", g_variant_get_type_string (value));
  return NULL;
}

/*< private >
 * mp_list_item_measure:
 * @head: the first word
 * @most: words that there can be
 *
 * Returns: how many words it says there are, but no more than @most
 */
gsize
mp_list_item_measure (guint64 head,
                      gsize   most)
{
  guint64 length = MP_ITEM_LENGTH (head);

  return 1 + MIN ((length + WORD - 1) / WORD, most - 1);
}

static GVariant *
decode_string (const char *bytes,
               gsize       length)
{
  g_autofree char *string = g_strndup (bytes, length);

  return g_utf8_validate (string, -1, NULL) ? g_variant_new_string (string) : NULL;
}

static GVariant *
decode_number (MpItemCode code,
               guint64    word)
{
  gdouble number;

  if (code == MP_ITEM_INTEGER)
    return g_variant_new_int64 ((gint64) word);

  if (code == MP_ITEM_BOOLEAN)
    return g_variant_new_boolean (word != 0);

  memcpy (&number, &word, sizeof number);
  return g_variant_new_double (mp_double_forget_bits (number));
}

static GVariant *
decode (const guint64 *words,
        gsize          n_words)
{
  MpItemCode code = MP_ITEM_CODE (words[0]);
  gsize length = MIN (MP_ITEM_LENGTH (words[0]), (n_words - 1) * WORD);

  switch (code)
    {
    case MP_ITEM_NOTHING:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    case MP_ITEM_INTEGER:
    case MP_ITEM_DOUBLE:
    case MP_ITEM_BOOLEAN:
      return n_words > 1 ? decode_number (code, words[1]) : NULL;
    case MP_ITEM_STRING:
      return decode_string ((const char *) &words[1], length);
    case MP_ITEM_BYTES:
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, &words[1], length, 1);
    default:
      return NULL;
    }
}

/*< private >
 * mp_list_item_decode:
 * @words: nobody else's; at least one
 *
 * Returns: (transfer full) (nullable): the value, or %NULL if it is none
 */
GVariant *
mp_list_item_decode (const guint64 *words,
                     gsize          n_words)
{
  GVariant *value = decode (words, n_words);

  return value != NULL ? g_variant_ref_sink (value) : NULL;
}
