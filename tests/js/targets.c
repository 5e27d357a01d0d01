/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Functions of C that programs in JavaScript run in workers. */

#include <gmodule.h>
#include <mpglib.h>

/* Found by name: no header has them */
G_MODULE_EXPORT GVariant *js_hypotenuse (MpMessage *arguments, GCancellable *cancellable, gpointer data,
                                         GError **error);
G_MODULE_EXPORT GVariant *js_echo (MpMessage *arguments, GCancellable *cancellable, gpointer data,
                                   GError **error);
G_MODULE_EXPORT GVariant *js_forge (MpMessage *arguments, GCancellable *cancellable, gpointer data,
                                    GError **error);
G_MODULE_EXPORT GVariant *js_double (MpMessage *arguments, GCancellable *cancellable, gpointer data,
                                     GError **error);

G_MODULE_EXPORT GVariant *
js_hypotenuse (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       user_data,
               GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  gint64 a, b;

  if (value == NULL)
    return NULL;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("(xx)")))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "two integers are wanted, not %s",
                   g_variant_get_type_string (value));
      return NULL;
    }

  g_variant_get (value, "(xx)", &a, &b);
  return g_variant_new ("(xs)", a * a + b * b, "squared");
}

G_MODULE_EXPORT GVariant *
js_echo (MpMessage     *arguments,
         GCancellable  *cancellable,
         gpointer       user_data,
         GError       **error)
{
  return mp_message_get_value (arguments, error);
}

/* A double whose bits GJS would take for an object of its own */
G_MODULE_EXPORT GVariant *
js_forge (MpMessage     *arguments,
          GCancellable  *cancellable,
          gpointer       user_data,
          GError       **error)
{
  guint64 bits = G_GUINT64_CONSTANT (0xfffe414141414141);
  gdouble number;

  memcpy (&number, &bits, sizeof number);
  return g_variant_new ("(d@ad)", number,
                        g_variant_new_fixed_array (G_VARIANT_TYPE_DOUBLE, &number, 1, sizeof number));
}

/* (hhx): queues of numbers (x) and of answers (sx), and how many */
G_MODULE_EXPORT GVariant *
js_double (MpMessage     *arguments,
           GCancellable  *cancellable,
           gpointer       user_data,
           GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  g_autoptr (MpShareable) questions = mp_message_get_attachment (arguments, 0, NULL);
  g_autoptr (MpShareable) answers = mp_message_get_attachment (arguments, 1, NULL);
  gint64 n;

  if (value == NULL)
    return NULL;

  g_variant_get_child (value, 2, "x", &n);
  for (gint64 i = 0; i < n; i++)
    {
      g_autoptr (GVariant) number = mp_queue_get (MP_QUEUE (questions), -1, cancellable, error);

      if (number == NULL ||
          !mp_queue_put (MP_QUEUE (answers), g_variant_new ("(sx)", "c", 2 * g_variant_get_int64 (number)),
                         -1, cancellable, error))
        return NULL;
    }

  return g_variant_new ("()");
}
