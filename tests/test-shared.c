/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Lists and memory between processes, and how few descriptors shared objects have.  This program is its own child. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test.h"
#include "shared-targets.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* --- Lists ---------------------------------------------------------------- */

static GVariant *
replace_items (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       data,
               GError       **error)
{
  g_autoptr (MpShareableList) list = mp_test_get_attachment (arguments, 0);

  mp_shareable_list_set_item (list, 0, g_variant_new_string ("child"), error);
  mp_shareable_list_set_item (list, 1, g_variant_new_parsed ("@mx nothing"), error);
  return NULL;
}

static void
test_list (void)
{
  g_autoptr (MpShareableList) list = NULL;
  g_autoptr (GError) error = NULL;

  list = mp_shareable_list_new (g_variant_new_parsed ("('parent', 7, -1.5, true, b'ab', @mv nothing, <uint16 9>)"));
  assert_variant (mp_shareable_list_get_items (list, &error),
                  "[<'parent'>, <int64 7>, <-1.5>, <true>, <b'ab'>, <@mv nothing>, <int64 9>]");
  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      mp_shareable_list_set_item (list, 0, g_variant_new_string (""), &error);
      run_child (mp_test_methods[method], "replace_items", list);
      assert_variant (mp_shareable_list_get_item (list, 0, &error), "'child'");
      assert_variant (mp_shareable_list_get_item (list, 1, &error), "nothing");
    }
  g_assert_no_error (error);

  g_assert_cmpuint (mp_shareable_list_get_item_size (list, 0, NULL), ==, 8);
  g_assert_true (mp_shareable_list_set_item (list, 0, g_variant_new_string ("12345678"), &error));
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_string ("123456789"), &error), &error,
                        MP_ERROR, MP_ERROR_TOO_BIG);
  assert_variant (mp_shareable_list_get_item (list, 0, &error), "'12345678'");
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_parsed ("(1, 2)"), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_uint64 (G_MAXUINT64), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_shareable_list_get_item (list, 7, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
}

static void
test_list_large (void)
{
  g_autofree char *text = g_strnfill (1000000, 'x');
  g_autoptr (MpShareableList) list = mp_shareable_list_new (g_variant_new ("(sis)", text, 1, text));
  g_autoptr (MpShareableList) empty = mp_shareable_list_new (g_variant_new ("()"));
  g_autoptr (MpShareableList) wrong = mp_shareable_list_new (g_variant_new_parsed ("[[1, 2]]"));
  g_autofree char *too_long = g_strnfill (10000001, 'x');
  g_autoptr (MpShareableList) too_large = mp_shareable_list_new (g_variant_new ("(s)", too_long));
  g_autoptr (MpShareableList) same = NULL;
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;

  same = mp_test_pass_on (list, &error);
  g_assert_no_error (error);
  item = mp_shareable_list_get_item (same, 2, NULL);
  g_assert_cmpstr (g_variant_get_string (item, NULL), ==, text);
  assert_variant (mp_shareable_list_get_items (empty, NULL), "[]");
  mp_test_expect_error (mp_shareable_list_get_items (wrong, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_shareable_list_get_items (too_large, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_TOO_BIG);
}

/* --- Memory --------------------------------------------------------------- */

static GVariant *
write_memory (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (MpSharedMemory) memory = mp_test_get_attachment (arguments, 0);

  mp_shared_memory_write (memory, 4, (const guint8 *) "child", 5, error);
  return NULL;
}

static void
assert_bytes (MpSharedMemory *memory,
              gsize           offset,
              const char     *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = mp_shared_memory_read (memory, offset, strlen (text), &error);
  gsize length;
  gconstpointer data;

  g_assert_no_error (error);
  data = g_bytes_get_data (bytes, &length);
  g_assert_cmpmem (data, length, text, strlen (text));
}

static void
test_memory (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new (10000);
  g_autoptr (MpSharedMemory) none = mp_shared_memory_new (0);
  g_autoptr (MpSharedMemory) endless = mp_shared_memory_new (G_MAXSIZE);
  g_autoptr (GBytes) buffer = NULL;
  g_autoptr (GError) error = NULL;

  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      memset ((gpointer) mp_shared_memory_get_address (memory, NULL), 0, 10000);
      run_child (mp_test_methods[method], "write_memory", memory);
      assert_bytes (memory, 4, "child");
    }

  g_assert_cmpint (fcntl (mp_shared_memory_get_fd (memory, NULL), F_GET_SEALS) & SEALS, ==, SEALS);
  g_assert_cmpint (ftruncate (mp_shared_memory_get_fd (memory, NULL), 0), <, 0);
  mp_test_expect_error (mp_shared_memory_read (memory, 9999, 2, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_shared_memory_read (memory, G_MAXSIZE, 2, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_shared_memory_write (memory, 9999, (const guint8 *) "ab", 2, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_shared_memory_unlink (memory, &error), &error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_test_expect_error (!mp_shared_memory_open (none, &error), &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_shared_memory_open (endless, &error), &error, MP_ERROR, MP_ERROR_TOO_BIG);

  buffer = mp_shared_memory_get_buffer (memory, NULL);
  mp_shared_memory_close (memory);
  mp_shared_memory_close (memory);
  mp_test_expect_error (mp_shared_memory_get_fd (memory, &error) < 0, &error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpint (((const char *) g_bytes_get_data (buffer, NULL))[4], ==, 'c');
}

static void
test_memory_named (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (NULL, 100);
  g_autoptr (MpSharedMemory) again = NULL;
  g_autoptr (MpSharedMemory) other = NULL;
  g_autoptr (MpSharedMemory) slash = mp_shared_memory_new_named ("a/b", 100);
  g_autoptr (MpSharedMemory) dots = mp_shared_memory_new_existing ("..");
  g_autoptr (GError) error = NULL;
  const char *name = mp_shared_memory_get_name (memory);

  g_assert_true (mp_shared_memory_open (memory, &error));
  g_assert_no_error (error);
  again = mp_shared_memory_new_named (name, 100);
  other = mp_shared_memory_new_existing (name);
  mp_test_expect_error (!mp_shared_memory_open (again, &error), &error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_assert_true (mp_shared_memory_open (other, &error));
  g_assert_cmpuint (mp_shared_memory_get_size (other), ==, 100);
  mp_shared_memory_write (other, 0, (const guint8 *) "other", 5, &error);
  g_assert_no_error (error);
  assert_bytes (memory, 0, "other");
  run_child (MP_START_METHOD_SPAWN, "write_memory", memory);
  assert_bytes (other, 4, "child");

  mp_test_expect_error (!mp_shared_memory_open (slash, &error), &error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  mp_test_expect_error (!mp_shared_memory_open (dots, &error), &error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  mp_shared_memory_close (memory);
  g_assert_true (mp_shared_memory_unlink (memory, &error));
  mp_test_expect_error (!mp_shared_memory_unlink (other, &error), &error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_bytes (other, 4, "child");
}

/* By calls it is an error, not a SIGBUS. */
static void
test_memory_truncated (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (NULL, 10000);
  g_autoptr (MpSharedMemory) same = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_shared_memory_open (memory, NULL));
  same = mp_test_pass_on (memory, &error);
  g_assert_no_error (error);
  g_assert_cmpint (ftruncate (mp_shared_memory_get_fd (same, NULL), 4000), ==, 0);
  mp_test_expect_error (mp_shared_memory_read (memory, 5000, 2, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (!mp_shared_memory_write (memory, 5000, (const guint8 *) "ab", 2, &error), &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  g_clear_object (&same);
  same = mp_test_pass_on (memory, &error);
  mp_test_expect_error (same == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_true (mp_shared_memory_unlink (memory, &error));
}

/* --- Descriptors ---------------------------------------------------------- */

static void
test_many (void)
{
  enum { N = 1000 };
  g_autoptr (GPtrArray) objects = g_ptr_array_new_with_free_func (g_object_unref);
  guint n_fds = mp_test_count_fds ();

  for (guint i = 0; i < N; i++)
    {
      g_ptr_array_add (objects, mp_value_new ("d", NULL, NULL));
      g_ptr_array_add (objects, mp_array_new ("d", 100, NULL));
      g_ptr_array_add (objects, mp_shareable_list_new (g_variant_new ("(si)", "text", 1)));
    }

  g_assert_cmpuint (mp_test_count_fds (), <=, n_fds + 4);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("replace_items", replace_items, NULL, NULL);
  mp_register_target ("write_memory", write_memory, NULL, NULL);
  shared_targets_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (count_with_children);
  mp_test_add ("/list/items", test_list);
  mp_test_add ("/list/large", test_list_large);
  mp_test_add ("/memory/anonymous", test_memory);
  mp_test_add ("/memory/named", test_memory_named);
  mp_test_add ("/memory/truncated", test_memory_truncated);
  mp_test_add ("/shared/many", test_many);
  return g_test_run ();
}
