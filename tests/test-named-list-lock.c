/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Lists that processes find by their name, while others have the lock: who waits, and for how long. */

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-fd-private.h"
#include "mp-file-lock-private.h"
#include "mp-patience-private.h"
#include "mp-shared-memory-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-named-list.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define N_TIMES 5

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

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up_lists);

  mp_test_add ("/named-list/lock/stopped", test_stopped);
  mp_test_add ("/named-list/lock/readers", test_readers);
  mp_test_add ("/named-list/lock/all-items", test_all_items);
  mp_test_add ("/named-list/lock/patience", test_patience);
  mp_test_add ("/named-list/lock/of-another", test_of_another);
  mp_test_add ("/named-list/lock/released", test_released);
  return g_test_run ();
}
