/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What becomes of handles, which are indices of attachments, when the values of
 * several messages become one value.
 */

#include "config.h"

#include <string.h>

#include "mp-variant-private.h"

static GVariant *
rebuild (GVariant  *value,
         GPtrArray *children)
{
  GVariant **parts = (GVariant **) children->pdata;
  const GVariantType *type = g_variant_get_type (value);

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_VARIANT:
      return g_variant_new_variant (parts[0]);

    case G_VARIANT_CLASS_MAYBE:
      return g_variant_new_maybe (g_variant_type_element (type), children->len > 0 ? parts[0] : NULL);

    case G_VARIANT_CLASS_ARRAY:
      return g_variant_new_array (g_variant_type_element (type), parts, children->len);

    case G_VARIANT_CLASS_DICT_ENTRY:
      return g_variant_new_dict_entry (parts[0], parts[1]);

    default:
      return g_variant_new_tuple (parts, children->len);
    }
}

/*< private >
 * mp_variant_shift_handles:
 * @value: of limited depth, as is what mp_variant_from_wire() lets in
 * @shift: what becomes of attachment 0
 *
 * Returns: (transfer full): the same value, but for its handles
 */
GVariant *
mp_variant_shift_handles (GVariant *value,
                          guint     shift)
{
  g_autoptr (GPtrArray) children = NULL;
  gsize n;

  if (shift == 0 || strpbrk (g_variant_get_type_string (value), "hv") == NULL)
    return g_variant_ref (value);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    return g_variant_ref_sink (g_variant_new_handle (g_variant_get_handle (value) + (gint32) shift));

  n = g_variant_n_children (value);
  children = g_ptr_array_new_full ((guint) n, (GDestroyNotify) g_variant_unref);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      g_ptr_array_add (children, mp_variant_shift_handles (child, shift));
    }
  return g_variant_ref_sink (rebuild (value, children));
}
