/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <sys/mman.h>

#include "mp-file-lock-private.h"
#include "mp-shared-memory-private.h"
#include "mp-test.h"
#include "mp-test-named-list.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"

MpShareableList *shared_list;
MpAtomic32 *progress;

MpShareableList *
make_list (const char *items)
{
  MpShareableList *list = mp_shareable_list_new_named (NULL, g_variant_new_parsed (items));
  g_autoptr (GError) error = NULL;

  mp_shareable_list_open (list, &error);
  g_assert_no_error (error);
  return list;
}

/* As another process opens it. */
MpShareableList *
find_list (MpShareableList *list)
{
  MpShareableList *found = mp_shareable_list_new_existing (mp_shareable_list_get_name (list));
  g_autoptr (GError) error = NULL;

  mp_shareable_list_open (found, &error);
  g_assert_no_error (error);
  return found;
}

void
unlink_list (MpShareableList *list)
{
  g_autoptr (GError) error = NULL;

  mp_shared_memory_unlink (mp_shareable_list_get_memory (list), &error);
  g_assert_no_error (error);
}

void
assert_item (MpShareableList *list,
             guint            index,
             const char      *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *item = mp_shareable_list_get_item (list, index, &error);

  g_assert_no_error (error);
  assert_variant (item, text);
}

void
replace_item (MpShareableList *list,
              guint            index,
              const char      *text)
{
  g_autoptr (GError) error = NULL;

  mp_shareable_list_set_item (list, index, g_variant_new_parsed (text), &error);
  g_assert_no_error (error);
}

void
warm_up_lists (void)
{
  g_autoptr (MpShareableList) list = make_list ("('text', 7)");
  g_autoptr (MpShareableList) nameless = mp_shareable_list_new (g_variant_new ("(s)", "text"));

  mp_shareable_list_open (nameless, NULL);
  unlink_list (list);
}

/* --- A list of Python's --------------------------------------------------- */

const Python python = {
  6, { 0, 8, 16, 24, 32, 40, 48 },
  "abc", 7, { 0 }, { [7] = 1 }, "x", 2.5,
  { "8s", "q", "xxxxxx?x", "xxxxxxx?", "8s", "d" },
  { 1, 0, 3, 0, 2, 0 },
};

MpSharedMemory *
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

MpShareableList *
find_in (MpSharedMemory *memory)
{
  return mp_shareable_list_new_existing (mp_shared_memory_get_name (memory));
}

/* --- Those who have the lock ---------------------------------------------- */

int
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

pid_t
start_holder (void)
{
  pid_t child;

  mp_test_set_word (progress, 0);
  child = mp_test_fork (have_lock, NULL);
  mp_test_wait_word (progress, 1);
  return child;
}

void
set_up_holder (void)
{
  progress = mp_test_share (sizeof *progress);
  shared_list = make_list ("('text', 7)");
}

void
tear_down_holder (void)
{
  unlink_list (shared_list);
  g_clear_object (&shared_list);
  munmap (progress, sizeof *progress);
}

guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

gboolean
has_threads (gpointer data)
{
  g_main_context_wakeup (NULL);
  return count_threads () == GPOINTER_TO_UINT (data);
}

void
expect_timeout (void)
{
  g_autoptr (GError) error = NULL;
  gboolean was_set = mp_shareable_list_set_item (shared_list, 0, g_variant_new_string ("new"), &error);

  mp_test_expect_error (!was_set, &error, MP_ERROR, MP_ERROR_TIMED_OUT);
}
