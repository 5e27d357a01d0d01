/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

/* tests/js/testGarbage.js shows what the function is for. */
static void
test_gjs_without_javascript (void)
{
  g_test_summary ("A process without GJS is told so, and nothing is loaded into it");

  g_assert_false (mp_gjs_disable_incremental_gc ());
  g_assert_false (mp_gjs_disable_incremental_gc ());
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gjs/without-javascript", test_gjs_without_javascript);

  return g_test_run ();
}
