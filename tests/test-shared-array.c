/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Arrays between processes, and the numbers in them.  This program is its own child. */

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "mpglib.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test.h"
#include "shared-targets.h"

#define LARGE 100000

static GVariant *
square (MpMessage     *arguments,
        GCancellable  *cancellable,
        gpointer       data,
        GError       **error)
{
  g_autoptr (MpArray) array = mp_test_get_attachment (arguments, 0);
  gdouble *numbers = (gdouble *) mp_array_get_address (array, error);

  for (gsize i = 0; numbers != NULL && i < mp_array_get_length (array); i++)
    numbers[i] *= numbers[i];
  return NULL;
}

static void
check_squares (gsize length)
{
  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      g_autoptr (MpArray) array = mp_array_new ("d", length, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (MpArray) copy = NULL;

      for (gsize i = 0; i < length; i++)
        mp_array_set_double (array, i, (gdouble) i, &error);
      g_assert_no_error (error);
      copy = mp_array_copy (array, &error);
      run_child (mp_test_methods[method], "square", array);
      for (gsize i = 0; i < length; i++)
        {
          g_assert_cmpfloat (mp_array_get_double (array, i, &error), ==, (gdouble) i * (gdouble) i);
          g_assert_cmpfloat (mp_array_get_double (copy, i, &error), ==, (gdouble) i);
        }
      g_assert_no_error (error);
    }
}

static void
test_array_small (void)
{
  check_squares (10);
}

static void
test_array_large (void)
{
  check_squares (LARGE);
}

static void
test_array_elements (void)
{
  g_autoptr (MpArray) points = mp_array_new ("(dd)", 3, NULL);
  g_autoptr (MpArray) floats = mp_array_new_with_format ("f", 3, NULL);
  g_autoptr (MpArray) small = mp_array_new_with_format ("b", 3, NULL);
  g_autoptr (MpArray) none = mp_array_new ("i", 0, NULL);
  g_autoptr (MpArray) given = mp_array_new_from_elements (g_variant_new_parsed ("[1, 2, 3]"), NULL);
  g_autoptr (MpArray) same = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (given));

  g_assert_cmpstr (text, ==, "<Mp.Array i length=3>");
  g_assert_true (mp_array_set_element (points, 1, g_variant_new ("(dd)", 1.5, 2.5), &error));
  assert_variant (mp_array_get_slice (points, 0, 3, NULL), "[(0.0, 0.0), (1.5, 2.5), (0.0, 0.0)]");
  assert_variant (mp_array_get_element (points, 1, NULL), "(1.5, 2.5)");
  g_assert_true (mp_array_set_slice (floats, 1, g_variant_new_parsed ("[0.5, 1.5]"), &error));
  assert_variant (mp_array_get_slice (floats, 0, 3, NULL), "[0.0, 0.5, 1.5]");
  g_assert_cmpfloat (((float *) mp_array_get_address (floats, NULL))[2], ==, 1.5);
  g_assert_true (mp_array_set_slice (small, 0, g_variant_new_parsed ("@an [-128, 0, 127]"), &error));
  assert_variant (mp_array_get_slice (small, 0, 3, NULL), "[-128, 0, 127]");
  assert_variant (mp_array_get_slice (none, 0, 0, NULL), "[]");

  same = mp_test_pass_on (small, &error);
  g_assert_cmpint (mp_array_get_int64 (same, 0, &error), ==, -128);
  g_assert_no_error (error);

  g_assert_true (mp_array_write (given, 1, (const guint8 *) "\7\0\0\0\10\0\0\0", 8, &error));
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
  assert_variant (mp_array_get_slice (given, 0, 3, NULL), "[1, 7, 8]");
#endif
  mp_test_expect_error (!mp_array_write (given, 0, (const guint8 *) "12345", 5, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_write (given, 3, (const guint8 *) "1234", 4, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_set_slice (small, 0, g_variant_new_parsed ("@an [1, 128]"), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (mp_array_get_int64 (small, 0, NULL), ==, -128);
  mp_test_expect_error (mp_array_get_element (given, 3, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_array_get_element (none, 0, &error) == NULL, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_array_get_slice (given, 2, G_MAXSIZE, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_set_slice (given, 2, g_variant_new_parsed ("[1, 2]"), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_set_slice (given, 0, g_variant_new_parsed ("[1.0]"), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_array_get_double (given, 0, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
}

static void
test_array_refuses (void)
{
  g_autoptr (MpArray) wrong = mp_array_new ("s", 3, NULL);
  g_autoptr (MpArray) endless = mp_array_new ("d", G_MAXSIZE / 4, NULL);
  g_autoptr (MpArray) strings = mp_array_new_from_elements (g_variant_new_parsed ("['a']"), NULL);
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (mp_array_get_slice (wrong, 0, 1, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (!mp_array_set_int64 (wrong, 0, 1, &error), &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_get_buffer (wrong, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_copy (wrong, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_synchronize (wrong, NULL, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_get_address (endless, &error) == 0, &error, MP_ERROR, MP_ERROR_TOO_BIG);
  mp_test_expect_error (mp_array_get_address (strings, &error) == 0, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_assert_false (mp_array_is_consistent (wrong));
}

static guint64
get_bits (gdouble number)
{
  guint64 bits;

  memcpy (&bits, &number, sizeof bits);
  return bits;
}

/* All that GVariants have of numbers, as one who reads their bytes finds it. */
static void
assert_usual (GVariant *value_taken)
{
  g_autoptr (GVariant) value = value_taken;
  const guint8 *bytes = g_variant_get_data (value);
  guint64 bits;

  g_assert_cmpuint (g_variant_get_size (value), >=, sizeof bits);
  memcpy (&bits, bytes + g_variant_get_size (value) - sizeof bits, sizeof bits);
  g_assert_cmphex (bits, ==, get_bits (NAN));
}

/* A peer chose the bits of the NaNs: a runtime might take them for what they are not. */
static void
test_foreign_nan (void)
{
  g_autoptr (MpArray) array = mp_array_new ("d", 1, NULL);
  g_autoptr (MpArray) floats = mp_array_new_with_format ("f", 1, NULL);
  g_autoptr (MpArray) pairs = mp_array_new ("(b(yd))", 2, NULL);
  g_autoptr (MpValue) value = mp_value_new ("d", NULL, NULL);
  const guint64 bits = G_GUINT64_CONSTANT (0xfffe414141414141);
  const guint32 float_bits = 0xfff14141;
  const guint64 usual = get_bits (NAN);
  gdouble foreign;
  g_autoptr (MpShareableList) list = NULL;

  memcpy (&foreign, &bits, sizeof bits);
  list = mp_shareable_list_new (g_variant_new ("(d)", foreign));
  memcpy ((gpointer) mp_array_get_address (array, NULL), &bits, sizeof bits);
  memcpy ((gpointer) mp_array_get_address (floats, NULL), &float_bits, sizeof float_bits);
  memcpy ((gpointer) (mp_array_get_address (pairs, NULL) + 2 * 24 - sizeof bits), &bits, sizeof bits);
  memcpy ((gpointer) mp_value_get_address (value, NULL), &bits, sizeof bits);

  g_assert_cmphex (get_bits (mp_array_get_double (array, 0, NULL)), ==, usual);
  g_assert_cmphex (get_bits (mp_array_get_double (floats, 0, NULL)), ==, usual);
  g_assert_cmphex (get_bits (mp_value_get_double (value, NULL)), ==, usual);
  assert_usual (mp_array_get_element (array, 0, NULL));
  assert_usual (mp_array_get_slice (array, 0, 1, NULL));
  assert_usual (mp_array_get_element (floats, 0, NULL));
  assert_usual (mp_array_get_slice (floats, 0, 1, NULL));
  assert_usual (mp_array_get_element (pairs, 1, NULL));
  assert_usual (mp_array_get_slice (pairs, 0, 2, NULL));
  assert_usual (mp_value_get_value (value, NULL));
  assert_usual (mp_shareable_list_get_item (list, 0, NULL));
  g_assert_cmphex (get_bits (mp_value_add_double (value, 1, NULL)), ==, usual);
}

static void
test_array_buffer (void)
{
  static const gsize lengths[] = { 5, LARGE };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      MpArray *array = mp_array_new ("i", lengths[i], NULL);
      MpArray *twin = mp_array_synchronize (array, NULL, NULL);
      g_autoptr (GBytes) bytes = mp_array_get_buffer (array, NULL);
      const gint32 *numbers;
      gsize size;

      numbers = g_bytes_get_data (bytes, &size);
      g_assert_cmpuint (size, ==, lengths[i] * sizeof (gint32));
      g_assert_cmpuint ((guintptr) numbers % 64, ==, 0);
      mp_array_set_int64 (twin, lengths[i] - 1, 7, NULL);
      g_object_add_weak_pointer (G_OBJECT (array), (gpointer *) &array);
      g_object_unref (array);
      g_assert_null (array);    /* the bytes do without it */
      g_object_unref (twin);
      g_assert_cmpint (numbers[lengths[i] - 1], ==, 7);
    }
}

/* The child dies in the midst of its slice: the pages behind are not there for it. */
static GVariant *
die_while_writing (MpMessage     *arguments,
                   GCancellable  *cancellable,
                   gpointer       data,
                   GError       **error)
{
  g_autoptr (MpArray) array = mp_test_get_attachment (arguments, 0);
  guintptr address = mp_array_get_address (array, error);
  g_autofree gint32 *numbers = g_new (gint32, LARGE);

  for (guint i = 0; i < LARGE; i++)
    numbers[i] = 1;
  mprotect ((gpointer) (address + 4096 * 8), 4096, PROT_READ);
  mp_array_set_slice (array, 0, g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, numbers, LARGE, sizeof *numbers),
                      error);
  return NULL;
}

static void
test_array_torn (void)
{
  g_autoptr (MpArray) array = mp_array_new ("i", LARGE, NULL);
  g_autoptr (MpProcess) child = start_child (MP_START_METHOD_FORKSERVER, "die_while_writing", array);
  g_autofree gint32 *zero = g_new0 (gint32, LARGE);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  mp_process_join (child, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (child), <, 0);

  g_assert_false (mp_array_is_consistent (array));
  text = mp_shareable_to_string (MP_SHAREABLE (array));
  g_assert_nonnull (strstr (text, "torn"));
  mp_array_get_int64 (array, 0, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_ABANDONED);
  mp_test_expect_error (mp_array_get_slice (array, 0, 1, &error) == NULL, &error, MP_ERROR, MP_ERROR_ABANDONED);

  /* A part is not all; a look at all is. */
  g_assert_true (mp_array_set_slice (array, 0, g_variant_new_parsed ("[5]"), &error));
  g_assert_false (mp_array_is_consistent (array));
  g_assert_true (mp_array_mark_consistent (array, &error));
  g_assert_cmpint (mp_array_get_int64 (array, 0, &error), ==, 5);
  g_assert_no_error (error);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("square", square, NULL, NULL);
  mp_register_target ("die_while_writing", die_while_writing, NULL, NULL);
  shared_targets_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (count_with_children);
  mp_test_add ("/array/small", test_array_small);
  mp_test_add ("/array/large", test_array_large);
  mp_test_add ("/array/elements", test_array_elements);
  mp_test_add ("/array/refuses", test_array_refuses);
  mp_test_add ("/array/buffer", test_array_buffer);
  mp_test_add ("/array/foreign-nan", test_foreign_nan);
  mp_test_add ("/array/torn", test_array_torn);
  return g_test_run ();
}
