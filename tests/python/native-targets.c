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
