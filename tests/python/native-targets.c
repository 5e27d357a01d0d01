/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Functions of a module, for a program in Python whose workers are native */

#include <string.h>
#include <unistd.h>

#include <gmodule.h>
#include <mpglib.h>

#define TARGET(name) \
  G_MODULE_EXPORT GVariant *name (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, \
                                  GError **error)

TARGET (measure);
TARGET (describe);
TARGET (scale);
TARGET (count_attached);
TARGET (make_values);

/* s -> x: a string's length */
GVariant *
measure (MpMessage     *arguments,
         GCancellable  *cancellable,
         gpointer       user_data,
         GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);

  if (value == NULL)
    return NULL;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s is not a string",
                   g_variant_get_type_string (value));
      return NULL;
    }
  return g_variant_new_int64 ((gint64) strlen (g_variant_get_string (value, NULL)));
}

/* anything -> (si): its type, and in which process */
GVariant *
describe (MpMessage     *arguments,
          GCancellable  *cancellable,
          gpointer       user_data,
          GError       **error)
{
  mp_progress_report (0.5, "half way");
  return g_variant_new ("(si)", mp_message_get_type_string (arguments), (int) getpid ());
}

/* (hh): an array and a value, both of doubles -> d: multiplies all elements by the value, which
 * becomes their sum
 */
GVariant *
scale (MpMessage     *arguments,
       GCancellable  *cancellable,
       gpointer       user_data,
       GError       **error)
{
  g_autoptr (MpShareable) array = mp_message_get_attachment (arguments, 0, error);
  g_autoptr (MpShareable) value = array != NULL ? mp_message_get_attachment (arguments, 1, error) : NULL;
  gdouble factor, sum = 0;
  gdouble *elements;

  if (value == NULL || (elements = (gdouble *) mp_array_get_address (MP_ARRAY (array), error)) == NULL)
    return NULL;

  factor = mp_value_get_double (MP_VALUE (value), NULL);
  for (gsize i = 0; i < mp_array_get_length (MP_ARRAY (array)); i++)
    sum += elements[i] *= factor;
  mp_value_set_double (MP_VALUE (value), sum, NULL);
  return g_variant_new_double (sum);
}

/* anything -> u: how much came with it */
GVariant *
count_attached (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       user_data,
                GError       **error)
{
  return g_variant_new_uint32 (mp_message_get_n_attachments (arguments));
}

/* x -> (sv): that many values in a variant, each of which says the number */
GVariant *
make_values (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       user_data,
             GError       **error)
{
  g_autoptr (GVariant) number = mp_message_get_value (arguments, error);
  GVariantBuilder builder;

  if (number == NULL)
    return NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ah"));
  for (gint64 i = 0; i < g_variant_get_int64 (number); i++)
    {
      g_autoptr (MpValue) value = mp_value_new ("x", number, NULL);

      g_variant_builder_add (&builder, "h", mp_result_attach (MP_SHAREABLE (value), NULL));
    }
  return g_variant_new ("(sv)", "values", g_variant_builder_end (&builder));
}
