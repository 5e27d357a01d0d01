/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

static void
test_domain (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (g_quark_to_string (MP_ERROR), ==, "mp-error-quark");

  error = g_error_new (MP_ERROR, MP_ERROR_FULL, "no room for item %d", 7);
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
}

/* The numbers are part of the ABI and travel between processes, so that
 * nothing but appending is allowed.  When you append, raise the last line.
 */
static void
test_numbers (void)
{
  g_assert_cmpint (MP_ERROR_FAILED, ==, 0);
  g_assert_cmpint (MP_ERROR_CLOSED, ==, 3);
  g_assert_cmpint (MP_ERROR_INVALID_STATE, ==, 8);
  g_assert_cmpint (MP_ERROR_STALE, ==, 13);
  g_assert_cmpint (MP_ERROR_NO_TARGET, ==, 18);
  g_assert_cmpint (MP_ERROR_AUTHENTICATION, ==, 23);
  g_assert_cmpint (MP_ERROR_NOT_SUPPORTED, ==, 26);
  g_assert_cmpint (MP_ERROR_WRONG_TYPE, ==, 28);
}

static void
test_enum_type (void)
{
  g_autoptr (GEnumClass) class = g_type_class_ref (mp_error_get_type ());
  const GEnumValue *value;

  g_assert_cmpuint (class->n_values, ==, MP_ERROR_WRONG_TYPE + 1);

  value = g_enum_get_value (class, MP_ERROR_WORKER_LOST);
  g_assert_nonnull (value);
  g_assert_cmpstr (value->value_name, ==, "MP_ERROR_WORKER_LOST");
  g_assert_cmpstr (value->value_nick, ==, "worker-lost");
}

static void
test_version (void)
{
  g_assert_true (MP_CHECK_VERSION (MP_MAJOR_VERSION, MP_MINOR_VERSION, MP_MICRO_VERSION));
  g_assert_true (MP_CHECK_VERSION (0, 0, 0));
  g_assert_false (MP_CHECK_VERSION (MP_MAJOR_VERSION, MP_MINOR_VERSION, MP_MICRO_VERSION + 1));
  g_assert_false (MP_CHECK_VERSION (MP_MAJOR_VERSION, MP_MINOR_VERSION + 1, 0));
  g_assert_false (MP_CHECK_VERSION (MP_MAJOR_VERSION + 1, 0, 0));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/domain", test_domain);
  g_test_add_func ("/error/numbers", test_numbers);
  g_test_add_func ("/error/enum-type", test_enum_type);
  g_test_add_func ("/error/version", test_version);
  return g_test_run ();
}
