/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Lists that processes find by their name. */

#include "mpglib.h"
#include "mp-test-named-list.h"
#include "mp-test-shared.h"
#include "mp-test.h"

/* --- Names ---------------------------------------------------------------- */

static void
test_open (void)
{
  g_autoptr (MpShareableList) list = make_list ("('text', 7)");
  g_autoptr (MpShareableList) same = find_list (list);
  g_autoptr (MpShareableList) again = NULL;
  g_autoptr (MpShareableList) empty = make_list ("@av []");
  g_autoptr (MpShareableList) none = mp_shareable_list_new_existing ("mpglib-test-nobody");
  g_autoptr (MpShareableList) slash = mp_shareable_list_new_named ("a/b", g_variant_new ("()"));
  g_autoptr (MpShareableList) nameless = mp_shareable_list_new (g_variant_new ("(s)", "text"));
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_shareable_list_get_length (same), ==, 2);
  g_assert_cmpuint (mp_shareable_list_get_length (empty), ==, 0);
  assert_variant (mp_shareable_list_get_items (same, NULL), "[<'text'>, <int64 7>]");
  replace_item (same, 0, "'other'");
  assert_item (list, 0, "'other'");

  again = mp_shareable_list_new_named (mp_shareable_list_get_name (list), g_variant_new ("()"));
  mp_test_expect_error (!mp_shareable_list_open (again, &error), &error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  mp_test_expect_error (!mp_shareable_list_open (none, &error), &error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpuint (mp_shareable_list_get_length (none), ==, 0);
  mp_test_expect_error (!mp_shareable_list_open (slash, &error), &error,
                        G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  g_assert_true (mp_shareable_list_open (nameless, &error));
  g_assert_null (mp_shareable_list_get_name (nameless));
  g_assert_null (mp_shareable_list_get_memory (nameless));

  unlink_list (list);
  unlink_list (empty);
  g_assert_true (mp_shareable_list_open (again, &error));
  unlink_list (again);
}

static void
test_close (void)
{
  g_autoptr (MpShareableList) list = make_list ("('text', 7)");
  g_autoptr (MpShareableList) same = find_list (list);
  g_autoptr (MpSharedMemory) memory = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;

  g_object_get (list, "memory", &memory, "name", &name, NULL);
  g_assert_cmpstr (mp_shared_memory_get_name (memory), ==, name);
  mp_shared_memory_close (memory);
  mp_test_expect_error (mp_shareable_list_get_item (list, 0, &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 1, g_variant_new_int32 (1), &error), &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_shareable_list_get_items (list, &error) == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_shareable_list_get_item_size (list, 0, &error) == 0, &error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpuint (mp_shareable_list_get_length (list), ==, 2);

  unlink_list (list);
  assert_item (same, 0, "'text'");
}

/* The memory makes the list, if it comes first. */
static void
test_memory_first (void)
{
  g_autoptr (MpShareableList) list = mp_shareable_list_new_named (NULL, g_variant_new_parsed ("('text',)"));
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_shared_memory_open (mp_shareable_list_get_memory (list), &error));
  assert_item (list, 0, "'text'");
  unlink_list (list);
}

static void
test_received (void)
{
  g_autoptr (MpShareableList) list = make_list ("('text', 7)");
  g_autoptr (MpShareableList) second = NULL;
  g_autoptr (MpShareableList) same = NULL;
  g_autoptr (GError) error = NULL;

  same = mp_test_pass_on (list, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (mp_shareable_list_get_name (same), ==, mp_shareable_list_get_name (list));
  replace_item (same, 1, "int64 8");
  assert_item (list, 1, "8");

  /* It is another's by now. */
  unlink_list (list);
  second = mp_shareable_list_new_named (mp_shareable_list_get_name (list), g_variant_new ("(sx)", "text",
                                                                                          (gint64) 1));
  g_assert_true (mp_shareable_list_open (second, &error));
  mp_test_expect_error (mp_test_pass_on (list, &error) == NULL, &error, MP_ERROR, MP_ERROR_STALE);
  unlink_list (second);
}

/* --- Items ---------------------------------------------------------------- */

static void
test_items (void)
{
  g_autoptr (MpShareableList) list =
    make_list ("('parent', 7, -1.5, true, b'ab', @mv nothing, <uint16 9>, [byte 1, 0, 0], 'ä')");
  g_autoptr (MpShareableList) same = find_list (list);
  g_autoptr (GError) error = NULL;

  assert_variant (mp_shareable_list_get_items (same, NULL),
                  "[<'parent'>, <int64 7>, <-1.5>, <true>, <[byte 0x61, 0x62]>, <@mv nothing>, <int64 9>, "
                  "<[byte 0x01]>, <'ä'>]");

  for (guint i = 0; i < mp_shareable_list_get_length (list); i++)
    {
      replace_item (list, i, "@mv nothing");
      assert_item (same, i, "nothing");
      replace_item (list, i, "false");
      assert_item (same, i, "false");
      replace_item (list, i, "int64 -3");
      assert_item (same, i, "-3");
      replace_item (list, i, "2.5");
      assert_item (same, i, "2.5");
      replace_item (list, i, "''");
      assert_item (same, i, "''");
      replace_item (list, i, "'12345678'");
      assert_item (same, i, "'12345678'");
      replace_item (list, i, "[byte 5]");
      assert_item (same, i, "[0x05]");
    }

  g_assert_cmpuint (mp_shareable_list_get_item_size (list, 0, NULL), ==, 8);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_string ("123456789"), &error), &error,
                        MP_ERROR, MP_ERROR_TOO_BIG);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_parsed ("(1, 2)"), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_shareable_list_get_item (list, 9, &error) == NULL, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  unlink_list (list);
}

static void
refuse_items (GVariant *items,
              int       code)
{
  g_autoptr (MpShareableList) list = mp_shareable_list_new_named (NULL, items);
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (!mp_shareable_list_open (list, &error), &error, MP_ERROR, code);
  mp_test_expect_error (mp_shareable_list_get_items (list, &error) == NULL, &error, MP_ERROR, code);
  g_assert_null (mp_shareable_list_get_memory (list));
}

static void
test_limits (void)
{
  g_autofree char *longest = g_strnfill (9999991, 'x');
  g_autofree char *longer = g_strnfill (9999992, 'x');
  g_autoptr (MpShareableList) list = mp_shareable_list_new_named (NULL, g_variant_new ("(ss)", "first", longest));
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;

  item = mp_shareable_list_get_item (list, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (item, NULL), ==, longest);
  g_assert_true (mp_shareable_list_set_item (list, 1, g_variant_new_string (longer), &error));
  assert_item (list, 0, "'first'");
  unlink_list (list);

  refuse_items (g_variant_new ("(s)", longer), MP_ERROR_TOO_BIG);
  refuse_items (g_variant_new_parsed ("[[1, 2]]"), MP_ERROR_WRONG_TYPE);
  refuse_items (g_variant_new ("(t)", G_MAXUINT64), MP_ERROR_OUT_OF_RANGE);
}

/* --- A list of Python's --------------------------------------------------- */

static void
test_of_python (void)
{
  g_autoptr (MpSharedMemory) memory = make_memory (&python, PYTHON_SIZE, PYTHON_SIZE);
  g_autoptr (MpShareableList) list = find_in (memory);
  g_autoptr (MpShareableList) ours =
    make_list ("('abc', 7, @mv nothing, true, b'x', 2.5)");
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) our_bytes = NULL;

  assert_variant (mp_shareable_list_get_items (list, NULL),
                  "[<'abc'>, <int64 7>, <@mv nothing>, <true>, <[byte 0x78]>, <2.5>]");
  our_bytes = mp_shared_memory_read (mp_shareable_list_get_memory (ours), 0, PYTHON_SIZE, NULL);
  g_assert_cmpmem (g_bytes_get_data (our_bytes, NULL), PYTHON_SIZE, &python, PYTHON_SIZE);
  unlink_list (ours);

  replace_item (list, 0, "'12345678'");
  replace_item (list, 1, "'new'");
  bytes = mp_shared_memory_read (memory, 0, PYTHON_SIZE, NULL);
  g_assert_cmpmem (((const Python *) g_bytes_get_data (bytes, NULL))->abc, 8, "12345678", 8);
  g_assert_cmpmem (((const Python *) g_bytes_get_data (bytes, NULL))->formats[1], 8, "8s\0\0\0\0\0\0", 8);
  assert_variant (mp_shareable_list_get_items (list, NULL),
                  "[<'12345678'>, <'new'>, <@mv nothing>, <true>, <[byte 0x78]>, <2.5>]");
  unlink_list (list);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up_lists);

  mp_test_add ("/named-list/open", test_open);
  mp_test_add ("/named-list/close", test_close);
  mp_test_add ("/named-list/memory-first", test_memory_first);
  mp_test_add ("/named-list/received", test_received);
  mp_test_add ("/named-list/items", test_items);
  mp_test_add ("/named-list/limits", test_limits);
  mp_test_add ("/named-list/of-python", test_of_python);
  return g_test_run ();
}
