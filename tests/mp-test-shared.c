/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <unistd.h>

#include "mp-shareable-private.h"
#include "mp-test-shared.h"

void
mp_test_expect_error (gboolean   failed,
                      GError   **error,
                      GQuark     domain,
                      int        code)
{
  g_assert_true (failed);
  g_assert_error (*error, domain, code);
  g_clear_error (error);
}

void
assert_variant (GVariant   *value_taken,
                const char *text)
{
  g_autoptr (GVariant) value = value_taken;
  g_autofree char *printed = NULL;

  g_assert_nonnull (value);
  printed = g_variant_print (value, FALSE);
  g_assert_cmpstr (printed, ==, text);
}

/* What a peer would make of it. */
gpointer
mp_test_pass_on (gpointer   shared,
                 GError   **error)
{
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GVariant) description = NULL;
  MpPacking packing;
  const char *kind;
  gpointer object;
  guint n_fds;

  mp_packing_init (&packing);
  packed = mp_shareable_pack (shared, &packing, error);
  if (packed == NULL)
    {
      mp_packing_clear (&packing);
      return NULL;
    }

  g_variant_ref_sink (packed);
  g_variant_get (packed, "(&suv)", &kind, &n_fds, &description);
  object = mp_shareable_unpack (unpacking, kind, description, &g_array_index (packing.fds, int, 0), n_fds, error);
  for (guint i = 0; i < n_fds; i++)
    if (g_array_index (packing.fds, int, i) >= 0)
      close (g_array_index (packing.fds, int, i));
  mp_packing_clear (&packing);
  return object;
}
