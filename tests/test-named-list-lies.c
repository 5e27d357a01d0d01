/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Lists that processes find by their name, and what somebody wrote there who did not make them: lies, rubbish,
 * and a journal of one who was killed. */

#include <string.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-list-plan-private.h"
#include "mp-shared-memory-private.h"
#include "mp-test-named-list.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define N_RUBBISH 300

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

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up_lists);

  mp_test_add ("/named-list/lies/places", test_lies_of_places);
  mp_test_add ("/named-list/lies/sparse", test_sparse);
  mp_test_add ("/named-list/lies/items", test_lies_of_items);
  mp_test_add ("/named-list/lies/tails", test_lies_of_tails);
  mp_test_add ("/named-list/lies/journals", test_lies_of_journals);
  mp_test_add ("/named-list/lies/rubbish", test_rubbish);
  mp_test_add ("/named-list/lies/truncated", test_truncated);
  mp_test_add ("/named-list/journal", test_journal);
  return g_test_run ();
}
