/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <mpglib.h>

#include "mp-test.h"

/* The child of a fork by a stranger may start a thread, its mp-watch.  Weak, for
 * mp-test-process.c has it too.
 */
const char *__tsan_default_options (void) __attribute__ ((weak));

const char *
__tsan_default_options (void)
{
  return "die_after_fork=0";
}

/* When a test as a whole counts as hung: more than any one wait of it. */
#define HANG_SECONDS 120

/* What threads of the library still have in hand when a test ends must be gone
 * after this.
 */
#define SETTLE_USEC (2 * G_USEC_PER_SEC)

static char *scratch_dir;
static void (*warm_up) (void);
static const char *current_path;

static void
on_alarm (int signal_number)
{
  static const char text[] = "\nBail out! The test hangs: ";

  if (write (STDERR_FILENO, text, sizeof text - 1) >= 0 && current_path != NULL &&
      write (STDERR_FILENO, current_path, strlen (current_path)) >= 0 &&
      write (STDERR_FILENO, "\n", 1) >= 0)
    abort ();
  abort ();
}

static void
remove_scratch_dir (void)
{
  g_rmdir (scratch_dir);
  g_clear_pointer (&scratch_dir, g_free);
}

/* Of nearly all systems. */
#define NOBODY 65534

/* Before anything is opened.  What a program of a user may have by itself is to be had all the same: its own
 * folder in /proc.
 */
static void
drop_privileges (const char *program)
{
  if (geteuid () != 0)
    return;

  if (setgroups (0, NULL) != 0 || setresgid (NOBODY, NOBODY, NOBODY) != 0 ||
      setresuid (NOBODY, NOBODY, NOBODY) != 0 || prctl (PR_SET_DUMPABLE, 1) != 0)
    g_error ("Cannot drop privileges: %s", g_strerror (errno));

  if (access (program, X_OK) == 0)
    return;

  printf ("1..0 # SKIP others than the owner cannot enter the folder of the build\n");
  exit (0);
}

/* --unprivileged=N: as somebody who is not root, and with N descriptors at most. */
static void
take_unprivileged (int   *argc,
                   char **argv)
{
  static const char option[] = "--unprivileged=";
  struct rlimit limit;

  if (*argc < 2 || !g_str_has_prefix (argv[1], option))
    return;

  limit.rlim_cur = limit.rlim_max = (rlim_t) g_ascii_strtoull (argv[1] + strlen (option), NULL, 10);
  drop_privileges (argv[0]);
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    g_error ("Cannot have few descriptors: %s", g_strerror (errno));

  for (int i = 1; i < *argc; i++)
    argv[i] = argv[i + 1];
  --*argc;
}

void
mp_test_init (int    *argc,
              char ***argv)
{
  g_autoptr (GError) error = NULL;

  take_unprivileged (argc, *argv);
  g_test_init (argc, argv, NULL);

  scratch_dir = g_dir_make_tmp ("mp-test-XXXXXX", &error);
  g_assert_no_error (error);
  g_setenv ("TMPDIR", scratch_dir, TRUE);
  g_setenv ("XDG_RUNTIME_DIR", scratch_dir, TRUE);
  atexit (remove_scratch_dir);

  signal (SIGALRM, on_alarm);
}

void
mp_test_set_warm_up (void (*func) (void))
{
  warm_up = func;
}

/* What a process holds, one line a thing.  A line that is there after a test
 * and was not before is a leak.
 */
typedef GHashTable Holdings;

static void
add_fds (Holdings *holdings)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      /* The descriptor that reads the directory is gone after the loop. */
      if (target != NULL && !(g_str_has_prefix (target, "/proc/") && g_str_has_suffix (target, "/fd")))
        g_hash_table_add (holdings, g_strdup_printf ("descriptor %s: %s", name, target));
    }
}

static void
add_mappings (Holdings *holdings)
{
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  lines = g_strsplit (maps, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (strstr (lines[i], "/memfd:") != NULL || strstr (lines[i], "/dev/shm/") != NULL ||
          strstr (lines[i], "/SYSV") != NULL)
        g_hash_table_add (holdings, g_strdup_printf ("mapping %s", lines[i]));
    }
}

static void
add_children (Holdings *holdings)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;

  g_assert_nonnull (dir);
  while ((task = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "children", NULL);
      g_autofree char *contents = NULL;
      g_auto (GStrv) pids = NULL;

      if (!g_file_get_contents (path, &contents, NULL, NULL))
        continue;

      pids = g_strsplit (g_strstrip (contents), " ", -1);
      for (guint i = 0; pids[i] != NULL; i++)
        {
          g_autofree char *comm_path = g_build_filename ("/proc", pids[i], "comm", NULL);
          g_autofree char *comm = NULL;

          if (g_file_get_contents (comm_path, &comm, NULL, NULL))
            g_hash_table_add (holdings, g_strdup_printf ("child %s: %s", pids[i], g_strstrip (comm)));
        }
    }
}

static void
add_files (Holdings *holdings)
{
  g_autoptr (GDir) dir = g_dir_open (scratch_dir, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (scratch_dir, name, NULL);

      /* The thread sanitizer's own, of a child that was ended while it began. */
      if (g_str_has_prefix (name, "tsan.rodata."))
        g_unlink (path);
      else
        g_hash_table_add (holdings, g_strdup_printf ("file %s", path));
    }
}

static Holdings *
take_holdings (void)
{
  Holdings *holdings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  add_fds (holdings);
  add_mappings (holdings);
  add_children (holdings);
  add_files (holdings);

  return holdings;
}

/* What is in `after` and not in `before`, as text; NULL if nothing is. */
static char *
describe_leaks (Holdings *before,
                Holdings *after)
{
  GString *leaks = g_string_new (NULL);
  GHashTableIter iter;
  gpointer line;

  g_hash_table_iter_init (&iter, after);
  while (g_hash_table_iter_next (&iter, &line, NULL))
    if (!g_hash_table_contains (before, line))
      g_string_append_printf (leaks, "\n  %s", (const char *) line);

  return g_string_free (leaks, leaks->len == 0);
}

/* Other threads may be about to let go of something.  Nothing tells when a
 * descriptor is closed, so this is the one place where the tests look again
 * and again.
 */
static char *
wait_for_no_leaks (Holdings *before)
{
  gint64 give_up = g_get_monotonic_time () + SETTLE_USEC;
  char *leaks;

  for (;;)
    {
      g_autoptr (GHashTable) after = NULL;

      while (g_main_context_iteration (NULL, FALSE))
        ;

      after = take_holdings ();
      leaks = describe_leaks (before, after);
      if (leaks == NULL || g_get_monotonic_time () > give_up)
        return leaks;

      g_free (leaks);
      g_usleep (5000); /* house: no-sleep: /proc tells of no descriptor that closes */
    }
}

typedef struct
{
  char *path;
  void (*func) (void);
  void (*data_func) (gconstpointer data);
  gconstpointer data;
} Test;

static void
test_free (gpointer data)
{
  Test *test = data;

  g_free (test->path);
  g_free (test);
}

static gboolean
is_under_valgrind (void)
{
  return g_getenv ("MP_TEST_VALGRIND") != NULL;
}

static void
wait_once (void)
{
  g_autoptr (MpConnection) first = NULL;
  g_autoptr (MpConnection) second = NULL;
  guint n_fds;

  mp_connection_new_pair (TRUE, &first, &second, NULL);
  n_fds = mp_test_count_fds ();
  /* On a busy machine the time may be over before it came to sleep. */
  for (guint i = 0; i < 50 && mp_test_count_fds () == n_fds; i++)
    g_assert_false (mp_connection_poll (first, is_under_valgrind () ? 0.5 : 0.02));
}

static void
make_lasting_things (void)
{
  static gboolean done;

  if (done)
    return;
  done = TRUE;

  /* The default context has an eventfd for the life of the process, GIO's first
   * task starts a thread of GLib's that has one, and each thread that waited in
   * a blocking call of ours keeps one.
   */
  g_main_context_wakeup (g_main_context_default ());
  g_type_ensure (G_TYPE_TASK);
  wait_once ();
  if (warm_up != NULL)
    warm_up ();
}

static void
run_test (gconstpointer data)
{
  const Test *test = data;
  g_autoptr (GHashTable) before = NULL;
  g_autofree char *leaks = NULL;

  current_path = test->path;
  alarm (HANG_SECONDS);

  make_lasting_things ();
  before = take_holdings ();

  if (test->func != NULL)
    test->func ();
  else
    test->data_func (test->data);

  /* A skipped test has nothing to compare, a failed one leaves what it likes. */
  if (!g_test_failed ())
    leaks = wait_for_no_leaks (before);
  if (leaks != NULL)
    g_error ("%s left behind:%s", test->path, leaks);

  alarm (0);
  current_path = NULL;
}

static void
add_test (Test *test)
{
  g_test_add_data_func_full (test->path, test, run_test, test_free);
}

void
mp_test_add (const char *path,
             void      (*func) (void))
{
  Test *test = g_new0 (Test, 1);

  test->path = g_strdup (path);
  test->func = func;
  add_test (test);
}

void
mp_test_add_data (const char    *path,
                  gconstpointer  data,
                  void         (*func) (gconstpointer data))
{
  Test *test = g_new0 (Test, 1);

  test->path = g_strdup (path);
  test->data_func = func;
  test->data = data;
  add_test (test);
}

static gboolean
on_deadline (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

void
mp_test_run_until_at (const char      *where,
                      const char      *what,
                      MpTestCondition  condition,
                      gpointer         data)
{
  gboolean is_over = FALSE;
  guint source_id = g_timeout_add ((guint) (MP_TEST_DEADLINE * 1000), on_deadline, &is_over);

  while (!condition (data) && !is_over)
    g_main_context_iteration (NULL, TRUE);

  if (is_over)
    g_error ("%s: waited %g seconds in vain for %s", where, MP_TEST_DEADLINE, what);

  g_source_remove (source_id);
}

gboolean
mp_test_is_set (gpointer flag)
{
  return *(gboolean *) flag;
}

guint
mp_test_count_turns (GAsyncResult **location)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);
  guint n = 0;

  while (*location == NULL)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_main_context_iteration (NULL, TRUE);
      n++;
    }

  return n;
}

gboolean
mp_test_has_pointer (gpointer location)
{
  return *(gpointer *) location != NULL;
}

void
mp_test_turn_loop (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
mp_test_keep_result (GObject      *source,
                     GAsyncResult *result,
                     gpointer      location)
{
  GAsyncResult **kept = location;

  g_assert_null (*kept);
  *kept = g_object_ref (result);
}

GPid
mp_test_spawn (const char *program,
               const char *mode,
               const int  *fds)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, program, NULL);
  const char *argv[] = { path, mode, NULL };
  g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GError) error = NULL;
  GPid pid;

  for (int target = 3; fds != NULL && fds[target - 3] >= 0; target++)
    g_array_append_val (targets, target);

  g_spawn_async_with_pipes_and_fds (NULL, argv, NULL,
                                    G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                    -1, -1, -1,
                                    fds, (const int *) targets->data, targets->len,
                                    &pid, NULL, NULL, NULL, &error);
  g_assert_no_error (error);

  return pid;
}

int
mp_test_wait (GPid pid)
{
  int pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  int status;

  /* Valgrind may not know the call: then only the limit of the test as a whole
   * ends the wait.
   */
  g_assert_true (pidfd >= 0 || errno == ENOSYS);
  if (pidfd >= 0)
    {
      mp_test_poll (pidfd, POLLIN);
      close (pidfd);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return status;
}

void
mp_test_poll (int   fd,
              short events)
{
  struct pollfd poll_fd = { .fd = fd, .events = events };
  int n;

  do
    n = poll (&poll_fd, 1, (int) (MP_TEST_DEADLINE * 1000));
  while (n < 0 && errno == EINTR);

  if (n == 0)
    g_error ("Waited %g seconds in vain for events %#x of descriptor %d",
             MP_TEST_DEADLINE, (guint) events, fd);
  g_assert_cmpint (n, ==, 1);
}

guint
mp_test_count_fds (void)
{
  g_autoptr (GHashTable) holdings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  add_fds (holdings);
  return g_hash_table_size (holdings);
}

/* How often threads of a process have gone to sleep, and so have been awake. */
guint64
mp_test_count_sleeps (int pid)
{
  const char key[] = "\nvoluntary_ctxt_switches:";
  g_autofree char *folder = g_strdup_printf ("/proc/%d/task", pid);
  g_autoptr (GDir) tasks = g_dir_open (folder, 0, NULL);
  guint64 n = 0;
  const char *name;

  g_assert_nonnull (tasks);
  while ((name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, "status", NULL);
      g_autofree char *status = NULL;

      g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
      n += g_ascii_strtoull (strstr (status, key) + strlen (key), NULL, 10);
    }
  return n;
}
