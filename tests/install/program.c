/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 *
 * A user's program, in the language that C and C++ share.
 */

#include <mpglib.h>

int
main (void)
{
  GError *error = g_error_new (MP_ERROR, MP_ERROR_FULL, "no room");

  g_print ("%s: %s %d\n", error->message, g_quark_to_string (error->domain), error->code);
  g_error_free (error);

  return g_type_is_a (MP_TYPE_ERROR, G_TYPE_ENUM) ? 0 : 1;
}
