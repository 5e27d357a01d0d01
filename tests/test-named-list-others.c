/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Lists that other processes and threads have found by their name, write, inherit, and are killed with. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-file-lock-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-named-list.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define N_ROUNDS  1000
#define LONG_TEXT 20000

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

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up_lists);

  mp_test_add ("/named-list/descriptor-closed", test_descriptor_closed);
  mp_test_add ("/named-list/processes", test_processes);
  mp_test_add ("/named-list/threads", test_threads);
  mp_test_add ("/named-list/lock/killed", test_killed);
  mp_test_add ("/named-list/lock/forked", test_forked);
  mp_test_add ("/named-list/lock/inherited", test_inherited);
  return g_test_run ();
}
