/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Values between processes.  This program is its own child. */

#include <math.h>

#include "mpglib.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test.h"
#include "shared-targets.h"

static void
test_value_types (void)
{
  static const struct
  {
    const char *type, *format, *first, *then;
    gsize size;
  } rows[] = {
    { "b", NULL, "true", "false", 1 },
    { "y", NULL, "0x07", "0xff", 1 },
    { "n", NULL, "-7", "32767", 2 },
    { "q", NULL, "7", "65535", 2 },
    { "i", NULL, "-7", "2147483647", 4 },
    { "u", NULL, "7", "4294967295", 4 },
    { "x", NULL, "-7", "9223372036854775807", 8 },
    { "t", NULL, "7", "18446744073709551615", 8 },
    { "d", NULL, "-7.5", "1048576.0", 8 },
    { "n", "b", "-128", "127", 1 },
    { "d", "f", "-7.5", "0.25", 4 },
    { "y", "c", "0x41", "0x42", 1 },
    { "u", "u", "65", "128512", 4 },
    { "(dd)", NULL, "(1.0, 2.0)", "(-3.0, 4.5)", 16 },
    { "(ybd)", NULL, "(0x01, true, 2.0)", "(0xff, false, 4.5)", 16 },
    { "(yyy)", NULL, "(0x01, 0x02, 0x03)", "(0xff, 0xfe, 0xfd)", 3 },
    { "(x(yq)i)", NULL, "(1, (0x02, 3), 4)", "(-1, (0x05, 6), -7)", 16 },
    { "()", NULL, "()", "()", 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) first = g_variant_parse (G_VARIANT_TYPE (rows[i].type), rows[i].first, NULL, NULL, NULL);
      g_autoptr (GVariant) then = g_variant_parse (G_VARIANT_TYPE (rows[i].type), rows[i].then, NULL, NULL, NULL);
      g_autoptr (MpValue) value = rows[i].format != NULL ? mp_value_new_with_format (rows[i].format, first, NULL)
                                                         : mp_value_new (rows[i].type, first, NULL);
      g_autoptr (MpValue) same = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (mp_value_get_size (value), ==, rows[i].size);
      g_assert_cmpstr (mp_value_get_value_type (value), ==, rows[i].type);
      assert_variant (mp_value_get_value (value, NULL), rows[i].first);
      same = mp_test_pass_on (value, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (mp_value_get_value_type (same), ==, rows[i].type);
      g_assert_cmpstr (mp_value_get_format (same), ==, rows[i].format);
      g_assert_true (mp_value_set_value (same, then, &error));
      assert_variant (mp_value_get_value (value, NULL), rows[i].then);
    }
}

static void
test_value_refuses (void)
{
  static const char * const types[] = { "s", "as", "ai", "mi", "v", "h", "(dh)", "", "x?", "ii", "a{si}" };
  g_autoptr (MpValue) small = mp_value_new_with_format ("b", NULL, NULL);
  g_autoptr (MpValue) integer = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpValue) wrong = mp_value_new ("i", g_variant_new_string ("one"), NULL);
  g_autoptr (MpValue) formless = mp_value_new_with_format ("z", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(dd)", NULL, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (MpValue) value = mp_value_new (types[i], NULL, NULL);
      g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (value));

      mp_test_expect_error (mp_value_get_value (value, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
      mp_test_expect_error (!mp_value_set_value (value, g_variant_new_int32 (1), &error), &error,
                            MP_ERROR, MP_ERROR_NOT_SUPPORTED);
      mp_value_add_int64 (value, 1, &error);
      mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
    }

  mp_test_expect_error (mp_value_get_value (wrong, &error) == NULL, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_value_get_value (formless, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (!mp_value_set_value (integer, g_variant_new_double (1), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (!mp_value_set_value (small, g_variant_new_int16 (128), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_value_set_int64 (integer, G_GINT64_CONSTANT (1) << 31, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_value_set_double (integer, 1, &error), &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_value_get_int64 (pair, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_value_get_address (pair, &error) == 0, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  assert_variant (mp_value_get_value (integer, NULL), "0");
}

static void
test_value_wraps (void)
{
  g_autoptr (MpValue) byte = mp_value_new ("y", g_variant_new_byte (250), NULL);
  g_autoptr (MpValue) real = mp_value_new ("d", g_variant_new_double (0.5), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_value_add_int64 (byte, 10, NULL), ==, 4);
  g_assert_cmpint (mp_value_add_int64 (byte, -5, NULL), ==, 255);
  mp_value_add_int64 (byte, 256, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_value_add_int64 (byte, -256, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (mp_value_get_int64 (byte, NULL), ==, 255);
  g_assert_cmpfloat (mp_value_add_double (real, 1.25, NULL), ==, 1.75);
  g_assert_cmpfloat (*(gdouble *) mp_value_get_address (real, NULL), ==, 1.75);
}

/* Whatever their type is. */
static void
test_value_numbers (void)
{
  const struct
  {
    const char *type;
    const char *format;
    gdouble     number;
  }
  rows[] = {
    { "y", NULL, 255 }, { "n", NULL, -32768 }, { "q", NULL, 65535 }, { "i", NULL, -5 }, { "u", NULL, 4294967295.0 },
    { "x", NULL, -9007199254740991.0 }, { "t", NULL, 9007199254740991.0 }, { NULL, "b", -128 },
  };
  g_autoptr (MpValue) real = mp_value_new ("d", g_variant_new_double (0.5), NULL);
  g_autoptr (MpValue) flag = mp_value_new ("b", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(bb)", NULL, NULL);
  g_autoptr (MpValue) largest = mp_value_new ("t", g_variant_new_uint64 (G_MAXUINT64 - 2), NULL);
  g_autoptr (MpArray) array = mp_array_new ("t", 2, NULL);
  g_autoptr (GVariant) sum = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = rows[i].format != NULL ? mp_value_new_with_format (rows[i].format, NULL, NULL)
                                                         : mp_value_new (rows[i].type, NULL, NULL);

      g_assert_true (mp_value_set_int64 (value, (gint64) rows[i].number, NULL));
      g_assert_cmpfloat (mp_value_get_number (value, NULL), ==, rows[i].number);
    }

  g_assert_cmpfloat (mp_value_get_number (real, NULL), ==, 0.5);
  g_assert_cmpfloat (mp_value_get_number (flag, NULL), ==, 0);
  mp_value_set_value (flag, g_variant_new_boolean (TRUE), NULL);
  g_assert_cmpfloat (mp_value_get_number (flag, NULL), ==, 1);
  *(guint8 *) mp_value_get_address (flag, NULL) = 7;
  g_assert_cmpfloat (mp_value_get_number (flag, NULL), ==, 1);
  g_assert_cmpfloat (mp_value_get_number (pair, &error), ==, 0);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);

  g_assert_cmpfloat (mp_value_get_number (largest, NULL), ==, 18446744073709551615.0);
  sum = mp_value_add_whole (largest, 1, NULL);
  g_assert_cmpuint (g_variant_get_uint64 (sum), ==, G_MAXUINT64 - 1);
  g_assert_null (mp_value_add_whole (real, 1, &error));
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);

  mp_array_set_int64 (array, 1, -1, NULL);
  g_assert_cmpfloat (mp_array_get_number (array, 1, NULL), ==, 18446744073709551615.0);
  mp_array_get_number (array, 2, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
}

/* Both numbers are the same whenever somebody looks. */
static GVariant *
replace_pair (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GVariant) pair = NULL;
      gint64 first, second;

      if (!mp_value_set_value (value, g_variant_new ("(xx)", (gint64) i, (gint64) i), error))
        return NULL;
      pair = mp_value_get_value (value, error);
      if (pair == NULL)
        return NULL;
      g_variant_get (pair, "(xx)", &first, &second);
      g_assert_cmpint (first, ==, second);
    }

  return NULL;
}

static void
test_value_whole (void)
{
  g_autoptr (MpValue) value = mp_value_new ("(xx)", NULL, NULL);
  MpProcess *children[N_CHILDREN];

  for (guint i = 0; i < N_CHILDREN; i++)
    children[i] = start_child (MP_START_METHOD_FORKSERVER, "replace_pair", value);
  for (guint i = 0; i < N_CHILDREN; i++)
    mp_test_join_process (children[i]);
}

/* With the lock that came along. */
static GVariant *
raise_in_steps (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);
  MpLockable *lock = mp_value_get_lock (value);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      gdouble number;

      if (!mp_lockable_enter (lock, MP_TEST_DEADLINE, NULL, error))
        return NULL;
      number = mp_value_get_double (value, error);
      mp_value_set_double (value, number + 1, error);
      if (!mp_lockable_leave (lock, error))
        return NULL;
    }

  return NULL;
}

static void
test_value_lock (void)
{
  g_autoptr (MpRLock) lock = mp_rlock_new ();
  g_autoptr (MpValue) value = mp_value_new ("d", NULL, MP_LOCKABLE (lock));
  g_autoptr (MpValue) raw = mp_value_new ("d", NULL, NULL);
  g_autoptr (MpValue) guarded = mp_value_synchronize (raw, NULL, NULL);
  g_autoptr (MpValue) copy = NULL;
  MpProcess *children[2 * N_CHILDREN];

  g_assert_true (mp_value_get_lock (value) == MP_LOCKABLE (lock));
  g_assert_true (MP_IS_RLOCK (mp_value_get_lock (guarded)));
  for (guint i = 0; i < 2 * N_CHILDREN; i++)
    children[i] = start_child (mp_test_methods[i % 2], "raise_in_steps", i < N_CHILDREN ? value : guarded);
  for (guint i = 0; i < 2 * N_CHILDREN; i++)
    mp_test_join_process (children[i]);

  g_assert_cmpfloat (mp_value_get_double (value, NULL), ==, N_CHILDREN * N_ROUNDS);
  g_assert_cmpfloat (mp_value_get_double (raw, NULL), ==, N_CHILDREN * N_ROUNDS);

  copy = mp_value_copy (value, NULL);
  g_assert_null (mp_value_get_lock (copy));
  mp_value_set_double (value, 0, NULL);
  g_assert_cmpfloat (mp_value_get_double (copy, NULL), ==, N_CHILDREN * N_ROUNDS);
}

static void
test_value_any_number (void)
{
  static const struct
  {
    const char *type;
    gdouble     number;
    gdouble     kept;     /* NaN: it does not fit */
  } rows[] = {
    { "d", 1.25, 1.25 }, { "d", -INFINITY, -INFINITY }, { "b", 0.5, 1 }, { "b", 0, 0 },
    { "y", 254.5, 255 }, { "y", 255.5, NAN }, { "y", -0.6, NAN }, { "n", -32768, -32768 }, { "n", 32768, NAN },
    { "q", 65535, 65535 }, { "i", -2.5, -3 }, { "i", 0x1p31, NAN }, { "u", 0x1p32, NAN }, { "u", -1, NAN },
    { "x", -0x1p63, -0x1p63 }, { "x", 0x1p63, NAN }, { "x", 0x1p53, 0x1p53 }, { "x", NAN, NAN },
    { "t", 0x1p63, 0x1p63 }, { "t", 0x1p64, NAN }, { "t", -1, NAN }, { "i", INFINITY, NAN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = mp_value_new (rows[i].type, NULL, NULL);
      g_autoptr (GError) error = NULL;
      gdouble number;

      g_assert_cmpint (mp_value_set_number (value, rows[i].number, &error), ==, !isnan (rows[i].kept));
      if (isnan (rows[i].kept))
        g_assert_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
      g_object_get (value, "number", &number, NULL);
      g_assert_true (number == (isnan (rows[i].kept) ? 0 : rows[i].kept));
    }
}

/* Those that ask for all properties hear no warning. */
static void
test_value_no_number (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (MpValue) value = mp_value_new (i == 0 ? "(dd)" : "s", NULL, NULL);
      g_autoptr (GError) error = NULL;
      gdouble number = 0;

      g_object_get (value, "number", &number, NULL);
      g_assert_true (isnan (number));
      g_assert_false (mp_value_set_number (value, 1, &error));
      g_assert_true (g_error_matches (error, MP_ERROR, i == 0 ? MP_ERROR_WRONG_TYPE : MP_ERROR_NOT_SUPPORTED));
      g_test_expect_message ("Mp", G_LOG_LEVEL_WARNING, "The shared value could not be set:*");
      g_object_set (value, "number", 1.0, NULL);
      g_test_assert_expected_messages ();
    }
}

static void
test_value_property (void)
{
  g_autoptr (MpValue) value = g_object_new (MP_TYPE_VALUE, "value", g_variant_new_int32 (4), "value-type", "i", NULL);
  g_autoptr (GVariant) got = NULL;
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (value));

  g_assert_cmpstr (text, ==, "<Mp.Value i 4>");
  g_object_set (value, "value", g_variant_new_int32 (9), NULL);
  g_object_get (value, "value", &got, NULL);
  g_assert_cmpint (g_variant_get_int32 (got), ==, 9);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("replace_pair", replace_pair, NULL, NULL);
  mp_register_target ("raise_in_steps", raise_in_steps, NULL, NULL);
  shared_targets_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (count_with_children);
  mp_test_add ("/value/types", test_value_types);
  mp_test_add ("/value/refuses", test_value_refuses);
  mp_test_add ("/value/counts", count_with_children);
  mp_test_add ("/value/wraps", test_value_wraps);
  mp_test_add ("/value/numbers", test_value_numbers);
  mp_test_add ("/value/any-number", test_value_any_number);
  mp_test_add ("/value/no-number", test_value_no_number);
  mp_test_add ("/value/whole", test_value_whole);
  mp_test_add ("/value/lock", test_value_lock);
  mp_test_add ("/value/property", test_value_property);
  return g_test_run ();
}
