/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The gate that every GVariant from a peer passes before anybody looks into
 * it.  GVariant itself never reads out of bounds, but it answers questions
 * about malformed data with defaults, and slowly; here malformed data is
 * refused, cheap checks first.
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-variant-private.h"

/* Smaller ones are walked through faster than copied. */
#define LARGE_TUPLE 4096

static void
set_refused (GError     **error,
             const char  *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a value from the peer: %s", what);
}

/* How deep values of a type nest, a variant in it counted as empty. */
static guint
get_type_depth (const GVariantType *type)
{
  guint deepest = 0;

  if (!g_variant_type_is_container (type))
    return 0;

  if (g_variant_type_is_variant (type))
    return 1;

  if (g_variant_type_is_array (type) || g_variant_type_is_maybe (type))
    return 1 + get_type_depth (g_variant_type_element (type));

  for (const GVariantType *item = g_variant_type_first (type);
       item != NULL;
       item = g_variant_type_next (item))
    {
      guint depth = get_type_depth (item);

      deepest = MAX (deepest, depth);
    }

  return 1 + deepest;
}

/*< private >
 * mp_variant_check_type:
 * @type_string: anything
 *
 * Returns: whether values of that type may travel; else %MP_ERROR_CORRUPTED
 */
gboolean
mp_variant_check_type (const char  *type_string,
                       GError     **error)
{
  if (strnlen (type_string, MP_VARIANT_MAX_TYPE_LENGTH + 1) > MP_VARIANT_MAX_TYPE_LENGTH)
    {
      set_refused (error, "its type string is too long");
      return FALSE;
    }

  if (!g_variant_type_string_is_valid (type_string) ||
      !g_variant_type_is_definite (G_VARIANT_TYPE (type_string)))
    {
      set_refused (error, "its type string is not one");
      return FALSE;
    }

  if (get_type_depth (G_VARIANT_TYPE (type_string)) > MP_VARIANT_MAX_DEPTH)
    {
      set_refused (error, "its type is nested too deeply");
      return FALSE;
    }

  return TRUE;
}

/*< private >
 * mp_variant_is_plain:
 * @type_string: a definite type
 * @size: length of the serialised value in bytes
 *
 * Tells arrays whose elements consist of numbers of one width: each sequence
 * of bytes of the right length is in normal form, without padding that had to
 * be zero.  GVariant would walk through them at 30 MB/s or less.
 *
 * Returns: whether a value of that type and size needs no walk
 */
gboolean
mp_variant_is_plain (const char *type_string,
                     gsize       size)
{
  gsize unit = 0;
  char number = '\0';

  if (type_string[0] != 'a')
    return FALSE;

  for (const char *c = type_string + 1; *c != '\0'; c++)
    {
      if (c[0] == '(' && c[1] == ')') /* the unit is one byte, and that is zero */
        return FALSE;

      if (strchr ("(){}", *c) != NULL)
        continue;

      if (number == '\0')
        number = *c;
      else if (*c != number)
        return FALSE;

      if (*c == 'y')
        unit += 1;
      else if (*c == 'n' || *c == 'q')
        unit += 2;
      else if (*c == 'i' || *c == 'u' || *c == 'h')
        unit += 4;
      else if (*c == 'x' || *c == 't' || *c == 'd')
        unit += 8;
      else
        return FALSE;
    }

  return unit > 0 && size % unit == 0;
}

/*< private >
 * mp_variant_get_fixed_size:
 * @type_string: anything
 *
 * Returns: the bytes of every value of that type, or 0 if they differ in length, the
 *   type is none, or its values mean nothing without a message around them
 */
gsize
mp_variant_get_fixed_size (const char *type_string)
{
  g_autoptr (GVariant) zero = NULL;

  if (!mp_variant_check_type (type_string, NULL) || strchr (type_string, 'h') != NULL)
    return 0;

  /* GVariant makes up what is missing of a value of fixed size, and of no other. */
  zero = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (type_string), "", 0, TRUE, NULL, NULL));
  return g_variant_get_size (zero);
}

static gboolean check_variant (GVariant  *value,
                               guint      depth,
                               guint      n_handles,
                               GError   **error);

/* Looks for what the type alone does not tell: handles that must have an
 * attachment, and the types inside variants.
 */
static gboolean
check_contents (GVariant  *value,
                guint      depth,
                guint      n_handles,
                GError   **error)
{
  gsize n_children;

  if (strpbrk (g_variant_get_type_string (value), "vh") == NULL)
    return TRUE;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    {
      gint32 handle = g_variant_get_handle (value);

      if (handle >= 0 && (guint) handle < n_handles)
        return TRUE;

      set_refused (error, "it names an attachment that is not there");
      return FALSE;
    }

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);

      return check_variant (inner, depth + 1, n_handles, error);
    }

  n_children = g_variant_n_children (value);
  for (gsize i = 0; i < n_children; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (!check_contents (child, depth + 1, n_handles, error))
        return FALSE;
    }

  return TRUE;
}

/* depth: how many containers are around it */
static gboolean
check_variant (GVariant  *value,
               guint      depth,
               guint      n_handles,
               GError   **error)
{
  if (depth + get_type_depth (g_variant_get_type (value)) > MP_VARIANT_MAX_DEPTH)
    {
      set_refused (error, "it is nested too deeply");
      return FALSE;
    }

  return check_contents (value, depth, n_handles, error);
}

/*< private >
 * mp_variant_ref_trusted:
 * @value: a value in normal form
 *
 * GVariant remembers that a value is in normal form, but not what it learnt of
 * the framing offsets on the way: each g_variant_get_child_value() looks again
 * at all those before the child, so that a walk costs the square of the length.
 * Of a value that was made as a trusted one it looks at the child's alone.
 *
 * Returns: (transfer full): the same value, to be walked through
 */
GVariant *
mp_variant_ref_trusted (GVariant *value)
{
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (value);

  return g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, TRUE));
}

/*< private >
 * mp_variant_ref_sound:
 * @value: a program's own; sunk if it is floating
 *
 * What a program has serialised itself and got wrong counts as GVariant reads
 * it, so that no receiver has to refuse it.
 *
 * Returns: (transfer full): the value, in normal form
 */
GVariant *
mp_variant_ref_sound (GVariant *value)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);

  if (mp_variant_is_plain (g_variant_get_type_string (sunk), g_variant_get_size (sunk)))
    return g_steal_pointer (&sunk);

  return g_variant_get_normal_form (sunk);
}

/*< private >
 * mp_variant_to_wire:
 *
 * Returns: (transfer full): the value serialised, little-endian.  What GVariant
 *   holds already serialised is not copied.
 */
GBytes *
mp_variant_to_wire (GVariant *value)
{
#if G_BYTE_ORDER == G_BIG_ENDIAN
  g_autoptr (GVariant) swapped = g_variant_byteswap (value);

  return g_variant_get_data_as_bytes (swapped);
#else
  return g_variant_get_data_as_bytes (value);
#endif
}

static gboolean
is_plain (GVariant *value)
{
  return mp_variant_is_plain (g_variant_get_type_string (value), g_variant_get_size (value));
}

static gboolean
has_plain_member (const GVariantType *tuple)
{
  for (const GVariantType *item = g_variant_type_first (tuple); item != NULL; item = g_variant_type_next (item))
    {
      g_autofree char *type_string = g_variant_type_dup_string (item);

      if (mp_variant_is_plain (type_string, 0))
        return TRUE;
    }

  return FALSE;
}

/* Whether the members are in normal form, and give the same bytes when they are
 * put together anew: that costs a copy, but no walk through arrays of numbers.
 */
static gboolean
is_normal_tuple (GVariant *value)
{
  g_autoptr (GPtrArray) members = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr (GVariant) anew = NULL;
  gsize n = g_variant_n_children (value);

  for (gsize i = 0; i < n; i++)
    {
      GVariant *member = g_variant_get_child_value (value, i);

      g_ptr_array_add (members, member);
      if (!is_plain (member) && !g_variant_is_normal_form (member))
        return FALSE;
    }

  anew = g_variant_ref_sink (g_variant_new_tuple ((GVariant **) members->pdata, n));
  return g_variant_get_size (anew) == g_variant_get_size (value) &&
         memcmp (g_variant_get_data (anew), g_variant_get_data (value), g_variant_get_size (value)) == 0;
}

/* What g_variant_is_normal_form() says, for arguments and reports of errors with
 * large arrays in them faster.
 */
static gboolean
is_normal (GVariant *value)
{
  const GVariantType *type = g_variant_get_type (value);

  if (g_variant_get_size (value) >= LARGE_TUPLE && g_variant_type_is_tuple (type) && has_plain_member (type))
    return is_normal_tuple (value);

  return g_variant_is_normal_form (value);
}

/* GVariant copies what is not aligned as its type wants it, but leaves a value alone that is shorter than that
 * alignment; and then ends the program when it comes to a child of it that is not.
 */
static GBytes *
ref_aligned (GBytes *body)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (body, &size);

  return (guintptr) data % 8 == 0 ? g_bytes_ref (body) : g_bytes_new (data, size);
}

static GVariant *
new_trusted (const GVariantType  *type,
             GBytes              *body,
             GError             **error)
{
  gboolean needs_no_walk = mp_variant_is_plain (g_variant_type_peek_string (type), g_bytes_get_size (body));
  g_autoptr (GBytes) aligned = ref_aligned (body);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_from_bytes (type, aligned, needs_no_walk));

  if (needs_no_walk)
    return g_steal_pointer (&value);

  if (is_normal (value))
    return g_variant_type_is_container (type) ? mp_variant_ref_trusted (value) : g_steal_pointer (&value);

  set_refused (error, "it is not in normal form");
  return NULL;
}

/*< private >
 * mp_variant_from_wire:
 * @type_string: what the peer says it is
 * @body: what the peer sent; must not change any more. Aligned to 8 bytes it is
 *   not copied.
 * @n_handles: attachments that came with it
 *
 * Returns: (transfer full) (nullable): the value, in normal form and trusted,
 *   or %NULL with %MP_ERROR_CORRUPTED: nothing is ever fixed up
 */
GVariant *
mp_variant_from_wire (const char  *type_string,
                      GBytes      *body,
                      guint        n_handles,
                      GError     **error)
{
  g_autoptr (GVariant) value = NULL;

  if (!mp_variant_check_type (type_string, error))
    return NULL;

  value = new_trusted (G_VARIANT_TYPE (type_string), body, error);
  if (value == NULL)
    return NULL;

#if G_BYTE_ORDER == G_BIG_ENDIAN
  {
    g_autoptr (GVariant) received = g_steal_pointer (&value);

    value = g_variant_byteswap (received);
  }
#endif

  if (!check_variant (value, 0, n_handles, error))
    return NULL;

  return g_steal_pointer (&value);
}
