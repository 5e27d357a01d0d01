/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The gate that every GVariant of a peer passes.
 *
 * The input is the number of attachments that came with it, the type and a zero, and
 * the value.
 */

#include "config.h"

#include <string.h>

#include <mpglib.h>

#include "mp-variant-private.h"

#include "fuzz.h"

/* Looks at each part, without what the gate itself is made of.  `depth`: of containers around it */
static void
look_into (GVariant *value,
           guint     depth,
           guint     n_handles)
{
  gsize n;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    g_assert_cmpuint ((guint32) g_variant_get_handle (value), <, n_handles);

  if (!g_variant_is_container (value))
    return;

  depth++;
  g_assert_cmpuint (depth, <=, MP_VARIANT_MAX_DEPTH);
  n = g_variant_n_children (value);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      look_into (child, depth, n_handles);
    }
}

static void
look_at_value (GVariant *value,
               GBytes   *body,
               guint     n_handles)
{
  g_autoptr (GBytes) again = mp_variant_to_wire (value);
  g_autoptr (GVariant) doubted = NULL;
  g_autoptr (GVariant) shifted = NULL;
  g_autofree char *text = NULL;

  /* Nothing was mended, and whatever got through is what it seems, also to who does not trust it. */
  g_assert_true (g_bytes_equal (again, body));
  doubted = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), again, FALSE));
  g_assert_true (g_variant_is_normal_form (doubted));
  look_into (value, 0, n_handles);
  text = g_variant_print (value, TRUE);
  g_assert_true (g_utf8_validate (text, -1, NULL));

  shifted = mp_variant_shift_handles (value, 3);
  look_into (shifted, 0, n_handles + 3);
  g_assert_true (g_variant_is_of_type (shifted, g_variant_get_type (value)));
}

static void
take (const char    *type,
      const uint8_t *data,
      size_t         size,
      guint          n_handles)
{
  g_autoptr (GBytes) body = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_variant_from_wire (type, body, n_handles, &error);

  if (value == NULL)
    {
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
      return;
    }

  g_assert_no_error (error);
  look_at_value (value, body, n_handles);
}

/* The same at an address which is no multiple of 8. */
static void
take_shifted (const char    *type,
              const uint8_t *data,
              size_t         size,
              guint          n_handles)
{
  g_autofree guint8 *shifted = g_malloc (size + 1);
  g_autoptr (GBytes) all = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GVariant) value = NULL;

  memcpy (shifted + 1, data, size);
  all = g_bytes_new_static (shifted, size + 1);
  body = g_bytes_new_from_bytes (all, 1, size);
  value = mp_variant_from_wire (type, body, n_handles, NULL);
  if (value != NULL)
    look_at_value (value, body, n_handles);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  const uint8_t *end = size > 1 ? memchr (data + 1, 0, size - 1) : NULL;
  const char *type = (const char *) data + 1;
  size_t left;

  if (end == NULL)
    return 0;

  left = size - (size_t) (end + 1 - data);
  take (type, end + 1, left, data[0] % 4);
  take_shifted (type, end + 1, left, data[0] % 4);

  if (mp_variant_check_type (type, NULL))
    g_assert_true (g_variant_type_string_is_valid (type));
  if (mp_variant_get_fixed_size (type) > 0)
    g_assert_true (mp_variant_check_type (type, NULL));

  return 0;
}

/* Takes the value, which may be floating. */
static void
add_value (GPtrArray *seeds,
           GVariant  *value)
{
  g_autoptr (GVariant) sunk = g_variant_take_ref (value);
  const char *type = g_variant_get_type_string (sunk);
  GByteArray *seed = g_byte_array_new ();

  g_byte_array_append (seed, (const guint8 *) "\3", 1);
  g_byte_array_append (seed, (const guint8 *) type, (guint) strlen (type) + 1);
  g_byte_array_append (seed, g_variant_get_data (sunk), (guint) g_variant_get_size (sunk));
  g_ptr_array_add (seeds, seed);
}

/* A variant in a variant, and so on. */
static GVariant *
nest (guint n)
{
  GVariant *value = g_variant_new_boolean (TRUE);

  while (n-- > 0)
    value = g_variant_new_variant (value);
  return value;
}

/* What is checked by putting it together anew. */
static GVariant *
make_large_tuple (void)
{
  g_autofree guint32 *numbers = g_new0 (guint32, 2000);

  return g_variant_new ("(s@aua{sv})", "name",
                        g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, numbers, 2000, sizeof *numbers), NULL);
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const char * const texts[] = {
    "true", "byte 0x07", "int16 -1", "1.5", "'text'", "objectpath '/a/b'", "signature 'a{sv}'", "handle 2", "()",
    "@mv nothing", "just 'x'", "[1, 2, 3]", "['a', '', 'ccc']", "[true, false]", "@a() [(), ()]", "@ay []",
    "{'a': <1>, 'b': <[<true>, <'text'>, <@mv nothing>]>}",
    "([(1, 'x', [1.5, 2.5])], byte 0x07, {uint16 1: 'y'})",
    "[<handle 0>, <handle 1>, <(handle 2, 'x')>]", "[(byte 0x01, ()), (0x02, ())]",
    "(@mi 1, @mmi nothing, just just 1)", "(@x 1, 'between', @d 2)", "(@mx nothing, just just just handle 1)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      add_value (seeds, g_variant_parse (NULL, texts[i], NULL, NULL, &error));
      g_assert_no_error (error);
    }
  add_value (seeds, nest (MP_VARIANT_MAX_DEPTH));
  add_value (seeds, nest (MP_VARIANT_MAX_DEPTH + 1));
  add_value (seeds, make_large_tuple ());
}

void
fuzz_warm_up (void)
{
}
