/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Lists that processes find by their name. */

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-fd-private.h"
#include "mp-file-lock-private.h"
#include "mp-list-plan-private.h"
#include "mp-patience-private.h"
#include "mp-shared-memory-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define N_ROUNDS  1000
#define LONG_TEXT 20000
#define N_RUBBISH 300
#define N_TIMES   5

static MpShareableList *
make_list (const char *items)
{
  MpShareableList *list = mp_shareable_list_new_named (NULL, g_variant_new_parsed (items));
  g_autoptr (GError) error = NULL;

  mp_shareable_list_open (list, &error);
  g_assert_no_error (error);
  return list;
}

/* As another process opens it. */
static MpShareableList *
find_list (MpShareableList *list)
{
  MpShareableList *found = mp_shareable_list_new_existing (mp_shareable_list_get_name (list));
  g_autoptr (GError) error = NULL;

  mp_shareable_list_open (found, &error);
  g_assert_no_error (error);
  return found;
}

static void
unlink_list (MpShareableList *list)
{
  g_autoptr (GError) error = NULL;

  mp_shared_memory_unlink (mp_shareable_list_get_memory (list), &error);
  g_assert_no_error (error);
}

static void
assert_item (MpShareableList *list,
             guint            index,
             const char      *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *item = mp_shareable_list_get_item (list, index, &error);

  g_assert_no_error (error);
  assert_variant (item, text);
}

static void
replace_item (MpShareableList *list,
              guint            index,
              const char      *text)
{
  g_autoptr (GError) error = NULL;

  mp_shareable_list_set_item (list, index, g_variant_new_parsed (text), &error);
  g_assert_no_error (error);
}

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

/* ['abc', 7, None, True, b'x', 2.5] */
typedef struct
{
  gint64 n_items;
  gint64 places[7];
  char   abc[8];
  gint64 seven;
  guint8 none[8];
  guint8 yes[8];
  char   x[8];
  double half;
  char   formats[6][8];
  gint8  codes[6];
} Python;

#define PYTHON_SIZE (offsetof (Python, codes) + sizeof python.codes)

static const Python python = {
  6, { 0, 8, 16, 24, 32, 40, 48 },
  "abc", 7, { 0 }, { [7] = 1 }, "x", 2.5,
  { "8s", "q", "xxxxxx?x", "xxxxxxx?", "8s", "d" },
  { 1, 0, 3, 0, 2, 0 },
};

static MpSharedMemory *
make_memory (gconstpointer bytes,
             gsize         length,
             gsize         size)
{
  MpSharedMemory *memory = mp_shared_memory_new_named (NULL, size);
  g_autoptr (GError) error = NULL;

  mp_shared_memory_write (memory, 0, bytes, length, &error);
  g_assert_no_error (error);
  return memory;
}

static MpShareableList *
find_in (MpSharedMemory *memory)
{
  return mp_shareable_list_new_existing (mp_shared_memory_get_name (memory));
}

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

/* --- Lies ----------------------------------------------------------------- */

static void
refuse_memory (gconstpointer bytes,
               gsize         length,
               gsize         size)
{
  g_autoptr (MpSharedMemory) memory = make_memory (bytes, length, size);
  g_autoptr (MpShareableList) list = find_in (memory);
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (!mp_shareable_list_open (list, &error), &error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_true (mp_shared_memory_unlink (memory, &error));
}

static void
refuse_places (gint64        n_items,
               const gint64 *places)
{
  Python lie = python;

  lie.n_items = n_items;
  memcpy (lie.places, places, sizeof lie.places);
  refuse_memory (&lie, PYTHON_SIZE, PYTHON_SIZE);
}

/* There is as much memory, but no item has so much. */
static void
refuse_large_room (void)
{
  Python lie = python;

  for (guint i = 1; i < G_N_ELEMENTS (lie.places); i++)
    lie.places[i] = 10000000 + 8 * (gint64) i;
  refuse_memory (&lie, PYTHON_SIZE, 10001000);
}

static void
test_lies_of_places (void)
{
  refuse_places (-1, python.places);
  refuse_places (7, python.places);
  refuse_places (G_MAXINT64, python.places);
  refuse_places ((gint64) 1 << 31, python.places);
  refuse_places (0, python.places);
  refuse_places (6, (const gint64[7]) { 8, 16, 24, 32, 40, 48, 56 });
  refuse_places (6, (const gint64[7]) { 0, 8, 16, 16, 32, 40, 48 });
  refuse_places (6, (const gint64[7]) { 0, 8, 16, 12, 32, 40, 48 });
  refuse_places (6, (const gint64[7]) { 0, 8, 17, 24, 32, 40, 48 });
  refuse_places (6, (const gint64[7]) { 0, 8, 16, 24, 32, 40, 56 });
  refuse_places (6, (const gint64[7]) { 0, 8, -16, 24, 32, 40, 48 });
  refuse_places (6, (const gint64[7]) { 0, 8, 16, 24, 32, 40, G_MAXINT64 - 7 });
  refuse_places (6, (const gint64[7]) { 0, 10000000, 10000008, 10000016, 10000024, 10000032, 10000040 });
  refuse_large_room ();
  refuse_memory ("", 1, 1);
  refuse_memory (&python, 15, 15);
}

/* As many items as there is room for, and nothing there: it takes no memory to say so. */
static void
test_sparse (void)
{
  g_autoptr (MpSharedMemory) memory = make_memory ("", 1, 100);
  g_autoptr (MpShareableList) list = find_in (memory);
  g_autoptr (GError) error = NULL;
  const gint64 n_items = G_MAXINT32;

  g_assert_cmpint (ftruncate (mp_shared_memory_get_fd (memory, NULL), (off_t) 1 << 40), ==, 0);
  g_assert_true (mp_shared_memory_write (memory, 0, (const guint8 *) &n_items, sizeof n_items, NULL));
  mp_test_expect_error (!mp_shareable_list_open (list, &error), &error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_true (mp_shared_memory_unlink (memory, NULL));
}

static void
refuse_item (const char *format,
             gint8       code,
             const char *content)
{
  Python lie = python;
  g_autoptr (MpSharedMemory) memory = NULL;
  g_autoptr (MpShareableList) list = NULL;
  g_autoptr (GError) error = NULL;

  memset (lie.formats[0], 0, sizeof lie.formats[0]);
  memcpy (lie.formats[0], format, strlen (format));
  memcpy (lie.abc, content, sizeof lie.abc);
  lie.codes[0] = code;
  memory = make_memory (&lie, PYTHON_SIZE, PYTHON_SIZE);
  list = find_in (memory);
  g_assert_true (mp_shareable_list_open (list, &error));
  mp_test_expect_error (mp_shareable_list_get_item (list, 0, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  assert_item (list, 1, "7");

  /* It is sound again when it is replaced. */
  replace_item (list, 0, "'new'");
  assert_item (list, 0, "'new'");
  unlink_list (list);
}

static void
test_lies_of_items (void)
{
  refuse_item ("8s", 0, "abc\0\0\0\0");
  refuse_item ("8s", 3, "abc\0\0\0\0");
  refuse_item ("8s", 4, "abc\0\0\0\0");
  refuse_item ("8s", -1, "abc\0\0\0\0");
  refuse_item ("16s", 1, "abc\0\0\0\0");
  refuse_item ("9999999s", 1, "abc\0\0\0\0");
  refuse_item ("99999999", 1, "abc\0\0\0\0");
  refuse_item ("0s", 1, "abc\0\0\0\0");
  refuse_item ("s", 1, "abc\0\0\0\0");
  refuse_item ("-8s", 1, "abc\0\0\0\0");
  refuse_item ("8s8s", 1, "abc\0\0\0\0");
  refuse_item ("", 1, "abc\0\0\0\0");
  refuse_item ("q", 1, "abc\0\0\0\0");
  refuse_item ("q", 3, "abc\0\0\0\0");
  refuse_item ("Q", 0, "abc\0\0\0\0");
  refuse_item ("xxxxxx?x", 0, "abc\0\0\0\0");
  refuse_item ("8s", 1, "\xff\xfe" "abcde");
  refuse_item ("8s", 1, "ab\0cdef");
}

static gsize
get_tail (MpSharedMemory *memory)
{
  g_autoptr (MpMapping) mapping = mp_shared_memory_ref_mapping (memory, NULL);
  g_autoptr (MpListPlan) plan = mp_list_plan_read (mapping, NULL);

  g_assert_nonnull (plan);
  return plan->tail;
}

static void
write_tail (MpSharedMemory *memory,
            gsize           offset,
            gconstpointer   bytes,
            gsize           length)
{
  g_autoptr (GError) error = NULL;

  mp_shared_memory_write (memory, get_tail (memory) + offset, bytes, length, &error);
  g_assert_no_error (error);
}

static void
refuse_tail (gsize         offset,
             gconstpointer bytes,
             gsize         length)
{
  g_autoptr (MpShareableList) list = make_list ("('text', 7)");
  g_autoptr (MpShareableList) same =
    mp_shareable_list_new_existing (mp_shareable_list_get_name (list));
  g_autoptr (GError) error = NULL;

  write_tail (mp_shareable_list_get_memory (list), offset, bytes, length);
  mp_test_expect_error (!mp_shareable_list_open (same, &error), &error, MP_ERROR, MP_ERROR_CORRUPTED);
  unlink_list (list);
}

static void
test_lies_of_tails (void)
{
  refuse_tail (offsetof (MpListTail, version), &(guint32) { 2 }, sizeof (guint32));
  refuse_tail (offsetof (MpListTail, capacity), &(guint64) { 0 }, sizeof (guint64));
  refuse_tail (offsetof (MpListTail, capacity), &(guint64) { 9 }, sizeof (guint64));
  refuse_tail (offsetof (MpListTail, capacity), &(guint64) { G_MAXUINT64 }, sizeof (guint64));
}

/* --- The journal ---------------------------------------------------------- */

/* What one leaves who is killed before it has begun with the item. */
static void
write_journal (MpShareableList    *list,
               const MpListRecord *record,
               const char         *content,
               gsize               length)
{
  MpSharedMemory *memory = mp_shareable_list_get_memory (list);

  write_tail (memory, sizeof (MpListTail), content, length);
  write_tail (memory, offsetof (MpListTail, record), record, sizeof *record);
  write_tail (memory, offsetof (MpListTail, is_valid), "\1", 1);
}

static guint8
read_mark (MpShareableList *list)
{
  MpSharedMemory *memory = mp_shareable_list_get_memory (list);
  g_autoptr (GBytes) mark = mp_shared_memory_read (memory, get_tail (memory) + offsetof (MpListTail, is_valid), 1,
                                                   NULL);

  return *(const guint8 *) g_bytes_get_data (mark, NULL);
}

static const MpListRecord journal = { .index = 1, .length = 8, .format = "8s", .code = 1 };

static void
test_journal (void)
{
  g_autoptr (MpShareableList) list = make_list ("('first', 7, 'last')");
  g_autoptr (MpShareableList) same = find_list (list);

  write_journal (list, &journal, "new\0\0\0\0", 8);
  assert_item (same, 0, "'first'");
  g_assert_cmpuint (read_mark (list), ==, 0);
  assert_item (list, 1, "'new'");

  write_journal (list, &journal, "newer\0\0", 8);
  replace_item (same, 0, "'1st'");
  g_assert_cmpuint (read_mark (list), ==, 0);
  assert_variant (mp_shareable_list_get_items (list, NULL), "[<'1st'>, <'newer'>, <'last'>]");
  unlink_list (list);
}

static void
refuse_journal (const MpListRecord *record)
{
  g_autoptr (MpShareableList) list = make_list ("('first', 7, 'last')");
  g_autoptr (GError) error = NULL;

  write_journal (list, record, "new\0\0\0\0", 8);
  mp_test_expect_error (mp_shareable_list_get_item (list, 0, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_int32 (1), &error), &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  unlink_list (list);
}

static void
test_lies_of_journals (void)
{
  MpListRecord record = journal;

  record.index = 3;
  refuse_journal (&record);
  record.index = ((guint64) 1 << 32) + 1;
  refuse_journal (&record);
  record = journal;
  record.length = 16;
  refuse_journal (&record);
  record.length = 0;
  refuse_journal (&record);
  record = journal;
  record.code = 0;
  refuse_journal (&record);
  record = journal;
  record.format[0] = '9';
  refuse_journal (&record);
}

static void
test_rubbish (void)
{
  g_autoptr (MpShareableList) list = make_list ("('first', 7, 'last', 2.5)");
  MpSharedMemory *memory = mp_shareable_list_get_memory (list);
  gsize size = mp_shared_memory_get_size (memory);

  for (guint i = 0; i < N_RUBBISH; i++)
    {
      g_autoptr (MpShareableList) other = NULL;
      g_autoptr (GVariant) all = NULL;
      g_autoptr (GVariant) all_of_other = NULL;
      gint8 number = (gint8) g_test_rand_int ();

      mp_shared_memory_write (memory, (gsize) g_test_rand_int_range (0, (gint32) size), (const guint8 *) &number, 1,
                              NULL);
      other = find_in (memory);
      all_of_other = mp_shareable_list_get_items (other, NULL);
      all = mp_shareable_list_get_items (list, NULL);
      mp_shareable_list_set_item (list, 1, g_variant_new_string ("new"), NULL);
      mp_shareable_list_set_item (other, 2, g_variant_new_double (1.5), NULL);
    }
  unlink_list (list);
}

static void
test_truncated (void)
{
  g_autoptr (MpShareableList) list = make_list ("('first', 7, 'last')");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ftruncate (mp_shared_memory_get_fd (mp_shareable_list_get_memory (list), NULL), 20), ==, 0);
  mp_test_expect_error (mp_shareable_list_get_item (list, 0, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_int32 (1), &error), &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  unlink_list (list);
}

/* --- Others --------------------------------------------------------------- */

static MpShareableList *shared_list;
static MpAtomic32 *progress;

static GVariant *
make_text (char letter)
{
  g_autofree char *text = g_strnfill (LONG_TEXT, letter);

  return g_variant_new_string (text);
}

static void
write_often (gpointer data)
{
  g_autoptr (MpShareableList) list = find_list (shared_list);
  g_autoptr (GError) error = NULL;
  char letter = (char) GPOINTER_TO_INT (data);

  mp_test_wait_word (progress, 1);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      mp_shareable_list_set_item (list, 0, i % 3 == 0 ? g_variant_new_int32 (letter) : make_text (letter), &error);
      g_assert_no_error (error);
    }
}

static void
read_once (MpShareableList *list)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) item = mp_shareable_list_get_item (list, 0, &error);
  const char *text;

  g_assert_no_error (error);
  if (!g_variant_is_of_type (item, G_VARIANT_TYPE_STRING))
    return;

  text = g_variant_get_string (item, NULL);
  g_assert_cmpuint (strlen (text), ==, LONG_TEXT);
  g_assert_cmpuint (strspn (text, (const char[2]) { text[0], '\0' }), ==, LONG_TEXT);
}

static void
read_often (gpointer data)
{
  g_autoptr (MpShareableList) list = find_list (shared_list);

  mp_test_wait_word (progress, 1);
  for (guint i = 0; i < N_ROUNDS; i++)
    read_once (list);
}

static void
test_processes (void)
{
  g_autoptr (MpShareableList) list = mp_shareable_list_new_named (NULL, g_variant_new ("(@s)", make_text ('a')));
  pid_t children[3];

  mp_shareable_list_open (list, NULL);
  shared_list = list;
  progress = mp_test_share (sizeof *progress);
  children[0] = mp_test_fork (write_often, GINT_TO_POINTER ('x'));
  children[1] = mp_test_fork (write_often, GINT_TO_POINTER ('y'));
  children[2] = mp_test_fork (read_often, NULL);
  mp_test_set_word (progress, 1);
  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    mp_test_join (children[i]);
  unlink_list (list);
  munmap (progress, sizeof *progress);
}

static gpointer
run_thread (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS / 4; i++)
    {
      mp_shareable_list_set_item (shared_list, 0, make_text ((char) GPOINTER_TO_INT (data)), NULL);
      read_once (shared_list);
    }

  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (MpShareableList) list = mp_shareable_list_new_named (NULL, g_variant_new ("(@s)", make_text ('a')));
  GThread *threads[3];

  shared_list = list;
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("test", run_thread, GINT_TO_POINTER ('a' + (int) i));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  unlink_list (list);
}

/* --- Those who have the lock ---------------------------------------------- */

static int
reopen_list (MpShareableList *list)
{
  g_autoptr (MpMapping) mapping = mp_shared_memory_ref_mapping (mp_shareable_list_get_memory (list), NULL);
  g_autoptr (GError) error = NULL;
  int fd = mp_mapping_reopen (mapping, &error);

  g_assert_no_error (error);
  return fd;
}

static int
lock_list (void)
{
  g_autoptr (MpMapping) mapping = mp_shared_memory_ref_mapping (mp_shareable_list_get_memory (shared_list), NULL);
  g_autoptr (GError) error = NULL;
  int lock = mp_file_lock_acquire (mapping, &error);

  g_assert_no_error (error);
  return lock;
}

static void
have_lock (gpointer data)
{
  int lock = lock_list ();

  mp_test_set_word (progress, 1);
  mp_test_wait_word (progress, 2);
  mp_file_lock_release (lock);
}

static pid_t
start_holder (void)
{
  pid_t child;

  mp_test_set_word (progress, 0);
  child = mp_test_fork (have_lock, NULL);
  mp_test_wait_word (progress, 1);
  return child;
}

static void
set_up_holder (void)
{
  progress = mp_test_share (sizeof *progress);
  shared_list = make_list ("('text', 7)");
}

static void
tear_down_holder (void)
{
  unlink_list (shared_list);
  g_clear_object (&shared_list);
  munmap (progress, sizeof *progress);
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static gboolean
has_threads (gpointer data)
{
  g_main_context_wakeup (NULL);
  return count_threads () == GPOINTER_TO_UINT (data);
}

static void
expect_timeout (void)
{
  g_autoptr (GError) error = NULL;
  gboolean was_set = mp_shareable_list_set_item (shared_list, 0, g_variant_new_string ("new"), &error);

  mp_test_expect_error (!was_set, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static void
expect_timeout_of_reader (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) item = mp_shareable_list_get_item (shared_list, 0, &error);

  mp_test_expect_error (item == NULL, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static gboolean
on_idle (gpointer data)
{
  gboolean *was_called = data;
  gint64 begin = g_get_monotonic_time ();

  expect_timeout ();
  g_assert_cmpint (g_get_monotonic_time () - begin, <, MP_TEST_PATIENCE / 4);
  *was_called = TRUE;
  return G_SOURCE_REMOVE;
}

/* Whoever waits gives up, and leaves one thread that waits until the other goes on. */
static void
test_stopped (void)
{
  guint n_threads = count_threads ();
  gboolean was_called = FALSE;
  pid_t child;

  set_up_holder ();
  child = start_holder ();
  g_assert_cmpint (kill (child, SIGSTOP), ==, 0);

  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  for (guint i = 0; i < N_TIMES; i++)
    {
      expect_timeout ();
      expect_timeout_of_reader ();
    }
  g_assert_cmpuint (count_threads (), ==, n_threads + 1);
  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);

  g_idle_add (on_idle, &was_called);
  mp_test_run_until_set (&was_called);
  g_assert_cmpuint (count_threads (), ==, n_threads + 1);

  mp_test_set_word (progress, 2);
  g_assert_cmpint (kill (child, SIGCONT), ==, 0);
  mp_test_join (child);
  mp_test_run_until (has_threads, GUINT_TO_POINTER (n_threads));
  replace_item (shared_list, 0, "'new'");
  tear_down_holder ();
}

/* Readers do not share the lock either: where they come one after the other without a pause, somebody would have
 * it always, and who writes never.
 */
static void
test_readers (void)
{
  const struct flock shared = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
  int fd;

  set_up_holder ();
  fd = reopen_list (shared_list);
  g_assert_cmpint (fcntl (fd, F_OFD_SETLK, &shared), ==, 0);
  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  expect_timeout_of_reader ();
  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);

  mp_fd_close (&fd);
  assert_item (shared_list, 0, "'text'");
  tear_down_holder ();
}

/* A wait that somebody gave up is taken over by those who want that list, and nobody else. */
static void
test_of_another (void)
{
  guint n_threads = count_threads ();
  MpShareableList *first;
  int lock, other_lock;

  set_up_holder ();
  lock = lock_list ();
  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  expect_timeout ();
  g_assert_cmpuint (count_threads (), ==, n_threads + 1);

  first = g_steal_pointer (&shared_list);
  shared_list = make_list ("('other', 7)");
  other_lock = lock_list ();
  expect_timeout ();
  g_assert_cmpuint (count_threads (), ==, n_threads + 2);

  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  mp_file_lock_release (other_lock);
  mp_file_lock_release (lock);
  mp_test_run_until (has_threads, GUINT_TO_POINTER (n_threads));
  unlink_list (first);
  g_object_unref (first);
  tear_down_holder ();
}

/* What is forked by others has a copy of the description until it is another program. */
static void
test_released (void)
{
  int lock, copy;

  set_up_holder ();
  lock = lock_list ();
  copy = dup (lock);
  g_assert_cmpint (copy, >=, 0);
  mp_file_lock_release (lock);

  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  replace_item (shared_list, 0, "'new'");
  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  close (copy);
  tear_down_holder ();
}

/* In a process that closes all that is open, and then opens other files. */
static void
close_and_use (gpointer data)
{
  MpSharedMemory *memory = mp_shareable_list_get_memory (shared_list);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) item = NULL;
  char content[4096] = { 0 };
  int fd = mp_shared_memory_get_fd (memory, NULL);
  int other = memfd_create ("other", MFD_CLOEXEC);

  g_assert_cmpint (ftruncate (other, sizeof content), ==, 0);
  g_assert_cmpint (dup2 (other, fd), ==, fd);

  item = mp_shareable_list_get_item (shared_list, 0, &error);
  mp_test_expect_error (item == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (!mp_shareable_list_set_item (shared_list, 0, g_variant_new_string ("new"), &error), &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  bytes = mp_shared_memory_read (memory, 0, 8, &error);
  mp_test_expect_error (bytes == NULL, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (!mp_shared_memory_write (memory, 0, (const guint8 *) "new", 3, &error), &error,
                        MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_shared_memory_get_address (memory, &error) == 0, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_shared_memory_get_fd (memory, &error) < 0, &error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_expect_error (mp_test_pass_on (memory, &error) == NULL, &error, MP_ERROR, MP_ERROR_INVALID_STATE);

  g_assert_cmpint (read (other, content, sizeof content), ==, sizeof content);
  for (guint i = 0; i < sizeof content; i++)
    g_assert_cmpint (content[i], ==, 0);

  /* It is not ours to be closed. */
  mp_shared_memory_close (memory);
  g_assert_cmpint (fcntl (fd, F_GETFD), !=, -1);
}

static void
test_descriptor_closed (void)
{
  set_up_holder ();
  mp_test_join (mp_test_fork (close_and_use, NULL));
  assert_item (shared_list, 0, "'text'");
  tear_down_holder ();
}

/* --- One patience --------------------------------------------------------- */

#define LONG_HOLD (200 * G_TIME_SPAN_MILLISECOND)
#define PATIENCE  (300 * G_TIME_SPAN_MILLISECOND)
#define N_MANY    100

static void
wait_until_taken (int fd)
{
  struct flock other;

  do
    {
      other = (struct flock) { .l_type = F_WRLCK, .l_whence = SEEK_SET };
      g_assert_cmpint (fcntl (fd, F_OFD_GETLK, &other), ==, 0);
    }
  while (other.l_type == F_UNLCK && atomic_load (progress) == 1);
}

/* An owner without haste, which never has it for longer than others are patient, and lets each have it in turn. */
static void
have_lock_often (gpointer data)
{
  int fd = reopen_list (shared_list);

  mp_test_set_word (progress, 1);
  while (atomic_load (progress) == 1)
    {
      int lock = lock_list ();

      g_usleep (LONG_HOLD); /* house: no-sleep: what this owner does with it, which nobody waits for */
      mp_file_lock_release (lock);
      wait_until_taken (fd);
    }
  close (fd);
}

/* All items together have the patience of one, so two waits are too long. */
static void
test_all_items (void)
{
  const gint64 numbers[N_MANY] = { 0 };
  gint64 deadline = mp_test_deadline ();
  g_autoptr (GVariant) items = NULL;
  g_autoptr (GError) error = NULL;
  pid_t child;

  progress = mp_test_share (sizeof *progress);
  items = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, N_MANY, sizeof *numbers));
  shared_list = mp_shareable_list_new_named (NULL, items);
  g_clear_pointer (&items, g_variant_unref);
  g_assert_true (mp_shareable_list_open (shared_list, NULL));
  child = mp_test_fork (have_lock_often, NULL);
  mp_test_wait_word (progress, 1);
  mp_short_lock_set_patience (PATIENCE);
  while ((items = mp_shareable_list_get_items (shared_list, &error)) != NULL)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_clear_pointer (&items, g_variant_unref);
    }
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  mp_test_set_word (progress, 2);
  mp_test_join (child);
  assert_item (shared_list, 0, "0");
  tear_down_holder ();
}

/* What a wait for the lock takes is spent. */
static void
test_patience (void)
{
  MpPatience patience = { 0 };
  pid_t child;

  set_up_holder ();
  child = start_holder ();
  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  mp_patience_begin (&patience);
  expect_timeout ();
  g_assert_cmpint (mp_patience_get_remaining (50 * G_TIME_SPAN_MILLISECOND), ==, 0);
  mp_patience_end (&patience);
  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);

  mp_test_set_word (progress, 2);
  mp_test_join (child);
  assert_item (shared_list, 0, "'text'");
  tear_down_holder ();
}

static gpointer
wait_and_write (gpointer data)
{
  replace_item (shared_list, 0, "'new'");
  return NULL;
}

static gboolean
has_thread_asleep (gpointer data)
{
  return count_threads () >= GPOINTER_TO_UINT (data);
}

/* Who waits has the lock when its owner is killed. */
static void
test_killed (void)
{
  guint n_threads = count_threads ();
  GThread *thread;
  pid_t child;

  set_up_holder ();
  child = start_holder ();
  thread = g_thread_new ("test", wait_and_write, NULL);
  while (!has_thread_asleep (GUINT_TO_POINTER (n_threads + 2)))
    g_thread_yield ();
  mp_test_kill (child);
  g_thread_join (thread);
  assert_item (shared_list, 0, "'new'");
  mp_test_run_until (has_threads, GUINT_TO_POINTER (n_threads));
  tear_down_holder ();
}

static void
outlive (void)
{
  mp_test_set_word (progress, 1);
  mp_test_wait_word (progress, 2);
  mp_test_set_word (progress, 3);
  raise (SIGKILL);
}

/* What a stranger forks while this process has the lock lives longer. */
static void
fork_with_lock (gpointer data)
{
  lock_list ();
  if (fork () == 0)
    outlive ();
  mp_test_wait_word (progress, 4);
}

static void
test_forked (void)
{
  pid_t child;

  set_up_holder ();
  child = mp_test_fork (fork_with_lock, NULL);
  mp_test_wait_word (progress, 1);
  mp_test_kill (child);

  replace_item (shared_list, 0, "'new'");
  assert_item (shared_list, 0, "'new'");
  mp_test_set_word (progress, 2);
  mp_test_wait_word (progress, 3);
  tear_down_holder ();
}

/* A child has its own locks, of the list that it was forked with. */
static void
write_inherited (gpointer data)
{
  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  expect_timeout ();
  mp_test_set_word (progress, 1);
  mp_test_wait_word (progress, 2);
  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  replace_item (shared_list, 0, "'child'");
}

static void
test_inherited (void)
{
  pid_t child;
  int lock;

  set_up_holder ();
  lock = lock_list ();
  child = mp_test_fork (write_inherited, NULL);
  mp_test_wait_word (progress, 1);
  mp_file_lock_release (lock);
  mp_test_set_word (progress, 2);
  mp_test_join (child);
  assert_item (shared_list, 0, "'child'");
  tear_down_holder ();
}

static void
warm_up (void)
{
  g_autoptr (MpShareableList) list = make_list ("('text', 7)");
  g_autoptr (MpShareableList) nameless = mp_shareable_list_new (g_variant_new ("(s)", "text"));

  mp_shareable_list_open (nameless, NULL);
  unlink_list (list);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/named-list/open", test_open);
  mp_test_add ("/named-list/close", test_close);
  mp_test_add ("/named-list/memory-first", test_memory_first);
  mp_test_add ("/named-list/received", test_received);
  mp_test_add ("/named-list/items", test_items);
  mp_test_add ("/named-list/limits", test_limits);
  mp_test_add ("/named-list/of-python", test_of_python);
  mp_test_add ("/named-list/lies/places", test_lies_of_places);
  mp_test_add ("/named-list/lies/sparse", test_sparse);
  mp_test_add ("/named-list/lies/items", test_lies_of_items);
  mp_test_add ("/named-list/lies/tails", test_lies_of_tails);
  mp_test_add ("/named-list/lies/journals", test_lies_of_journals);
  mp_test_add ("/named-list/lies/rubbish", test_rubbish);
  mp_test_add ("/named-list/lies/truncated", test_truncated);
  mp_test_add ("/named-list/journal", test_journal);
  mp_test_add ("/named-list/descriptor-closed", test_descriptor_closed);
  mp_test_add ("/named-list/processes", test_processes);
  mp_test_add ("/named-list/threads", test_threads);
  mp_test_add ("/named-list/lock/stopped", test_stopped);
  mp_test_add ("/named-list/lock/readers", test_readers);
  mp_test_add ("/named-list/lock/all-items", test_all_items);
  mp_test_add ("/named-list/lock/patience", test_patience);
  mp_test_add ("/named-list/lock/of-another", test_of_another);
  mp_test_add ("/named-list/lock/released", test_released);
  mp_test_add ("/named-list/lock/killed", test_killed);
  mp_test_add ("/named-list/lock/forked", test_forked);
  mp_test_add ("/named-list/lock/inherited", test_inherited);
  return g_test_run ();
}
