/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Hosts that are busy, shut down, fork or die.  This program is its own child: with `--host MODE` as arguments it is
 * one that is going to be killed. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

/* --- many ------------------------------------------------------------------------------------------------- */

static int stop_threads;

static gpointer
busy (gpointer data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  /* The locks that a careless fork would take to its grave: memory, quarks, types, contexts.  Few quarks: GLib
   * leaks their table whenever it grows. */
  while (!g_atomic_int_get (&stop_threads))
    {
      g_autofree char *name = g_strdup_printf ("mp-test-%p-%d", data, g_random_int_range (0, 50));
      g_autoptr (GObject) object = g_object_new (G_TYPE_CANCELLABLE, NULL);

      g_quark_from_string (name);
      g_free (g_malloc (100000));
      g_main_context_iteration (context, FALSE);
    }
  return NULL;
}

/* 200 of a sanitizer's took more than two minutes, beside other programs, on two processors that the busy had. */
#if defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
#define N_STARTS 40
#else
#define N_STARTS 200
#endif

static void
test_busy_host (MpContext *context)
{
  GThread *threads[8];
  int n = g_getenv ("MP_TEST_LONG") != NULL ? 1000 : N_STARTS;

  g_test_message ("A host with 8 busy GLib threads starts %d processes", n);
  g_atomic_int_set (&stop_threads, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("busy", busy, GUINT_TO_POINTER (i));
  for (int i = 0; i < n; i++)
    {
      g_autoptr (MpProcess) process = start (context, "exit", g_variant_new ("(i)", i % 100));

      join (process);
      g_assert_cmpint (mp_process_get_exit_code (process), ==, i % 100);
    }
  g_atomic_int_set (&stop_threads, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static void
test_children (MpContext *context)
{
  g_autoptr (MpProcess) waited_for = mp_process_new (context, "nothing", NULL);
  g_autoptr (MpProcess) ended = mp_process_new (context, "compute", NULL);
  g_autoptr (MpProcess) late = mp_process_new (context, "compute", NULL);
  g_autoptr (GListModel) children = NULL, none = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_message ("A shutdown waits for children, and ends those that are daemons");
  mp_process_set_daemon (ended, TRUE);
  g_assert_true (mp_process_start (ended, NULL));
  g_assert_true (mp_process_start (late, NULL));
  children = mp_process_get_children ();
  g_assert_cmpuint (g_list_model_get_n_items (children), ==, 2);

  g_assert_false (mp_shutdown (0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  mp_process_kill (late, NULL);
  g_assert_true (mp_process_start (waited_for, NULL));
  mp_shutdown_async (MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_true (mp_shutdown_finish (result, &error));
  g_assert_no_error (error);
  g_assert_true (mp_process_check (waited_for, &error));
  g_assert_no_error (error);
  none = mp_process_get_children ();
  g_assert_cmpuint (g_list_model_get_n_items (none), ==, 0);
}

/* --- forked by a stranger --------------------------------------------------------------------------------- */

static void
test_strange_fork (MpContext *context)
{
  g_autoptr (MpProcess) process = start (context, "compute", NULL);
  pid_t stranger = fork ();

  if (stranger == 0)
    {
      g_autoptr (GError) error = NULL;

      if (mp_process_join (process, -1, NULL, &error) || !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (1);
      g_clear_error (&error);
      if (mp_process_kill (process, &error) || !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (2);
      g_object_unref (process); /* leaves the parent's child alone */
      _exit (0);
    }
  g_assert_cmpint (mp_test_wait (stranger), ==, 0);
  g_assert_true (mp_process_is_alive (process));
  mp_process_kill (process, NULL);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGKILL);
}

/* --- a host that dies ------------------------------------------------------------------------------------- */

#define N_CHILDREN 3

/* Writes the pids of its children, then computes for ever, or sleeps */
static int
host_main (const char *mode)
{
  gboolean forkserver = strstr (mode, "forkserver") != NULL;
  g_autoptr (MpContext) context = mp_context_new (forkserver ? MP_START_METHOD_FORKSERVER : MP_START_METHOD_SPAWN,
                                                  NULL);
  MpProcess *processes[N_CHILDREN];
  int pids[N_CHILDREN + 2] = { 0, };

  for (int i = 0; i < N_CHILDREN; i++)
    {
      g_autoptr (GAsyncResult) result = NULL;

      processes[i] = mp_process_new (context, "compute", NULL);
      mp_process_start_async (processes[i], NULL, mp_test_keep_result, &result);
      mp_test_await_result (&result);
      pids[i] = mp_process_get_pid (processes[i]);
    }
  pids[N_CHILDREN] = forkserver ? get_parent (pids[0]) : pids[0];
  if (strstr (mode, "forked") != NULL)
    {
      pids[N_CHILDREN + 1] = fork ();
      if (pids[N_CHILDREN + 1] == 0) /* a stranger, who keeps the host's descriptors open */
        for (;;)
          pause ();
    }
  if (write (STDOUT_FILENO, pids, sizeof pids) != sizeof pids)
    return 1;
  for (volatile guint64 i = 0; strstr (mode, "computing") != NULL; i++)
    ;
  for (;;)
    pause ();
}

static GPid
start_host (const char *mode,
            int        *out)
{
  const char *argv[] = { "/proc/self/exe", "--host", mode, NULL };
  g_autoptr (GError) error = NULL;
  GPid host;

  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &host,
                            NULL, out, NULL, &error);
  g_assert_no_error (error);
  return host;
}

static void
kill_host (GPid       host,
           const int *pids,
           guint      n_pids)
{
  g_autofree int *pidfds = g_new (int, n_pids);
  gint64 killed;

  for (guint i = 0; i < n_pids; i++)
    {
      pidfds[i] = (int) syscall (SYS_pidfd_open, pids[i], 0);
      g_assert_cmpint (pidfds[i], >=, 0);
    }

  killed = g_get_monotonic_time ();
  kill (host, SIGKILL);
  for (guint i = 0; i < n_pids; i++)
    {
      mp_test_poll (pidfds[i], POLLIN);
      close (pidfds[i]);
    }
  g_test_message ("All children gone after %.1f ms", (double) (g_get_monotonic_time () - killed) / 1000);
  g_assert_cmpint (g_get_monotonic_time () - killed, <, G_USEC_PER_SEC);
  mp_test_wait (host);
}

static void
test_host_dies (gconstpointer data)
{
  int pids[N_CHILDREN + 2], out;
  GPid host = start_host (data, &out);

  g_test_summary ("SIGKILL of the host ends every child within a second");
  mp_test_poll (out, POLLIN);
  g_assert_cmpint (read (out, pids, sizeof pids), ==, sizeof pids);
  kill_host (host, pids, N_CHILDREN + 1);
  if (pids[N_CHILDREN + 1] != 0)
    kill (pids[N_CHILDREN + 1], SIGKILL);
  close (out);
}

/* --- a host that dies while its children start ------------------------------------------------------------ */

#define EARLY "MP_TEST_EARLY"

/* A child, or a template, that does not come to mp_init().  It ends with the test, if not with its host */
static int
early_main (void)
{
  struct pollfd reader = { .fd = STDOUT_FILENO };
  int pid = getpid ();

  if (write (STDOUT_FILENO, &pid, sizeof pid) != sizeof pid)
    return 1;
  poll (&reader, 1, -1);
  return 1;
}

/* N_CHILDREN of them in all: they tell their pids, and then the host its own */
static int
early_host_main (const char *mode)
{
  g_autoptr (MpContext) spawn = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpContext) forkserver = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  MpProcess *processes[N_CHILDREN];
  int n = 0, pid = getpid ();

  g_setenv (EARLY, "1", TRUE);
  if (strstr (mode, "forkserver") != NULL)
    {
      processes[n] = mp_process_new (forkserver, "compute", NULL);
      mp_process_start_async (processes[n++], NULL, NULL, NULL);
    }
  /* The engine executes one after the other: when these have been made, the template has, too */
  for (; n < N_CHILDREN; n++)
    processes[n] = start (spawn, "compute", NULL);
  if (write (STDOUT_FILENO, &pid, sizeof pid) != sizeof pid)
    return 1;
  for (;;)
    pause ();
}

static void
test_host_dies_early (gconstpointer data)
{
  int pids[N_CHILDREN], pid, n = 0, out;
  gboolean host_has_told = FALSE;
  GPid host = start_host (data, &out);

  g_test_summary ("SIGKILL of the host ends children that have not come to mp_init(), and a starting template");
  while (n < N_CHILDREN || !host_has_told)
    {
      mp_test_poll (out, POLLIN);
      g_assert_cmpint (read (out, &pid, sizeof pid), ==, sizeof pid);
      if (pid == host)
        host_has_told = TRUE;
      else
        pids[n++] = pid;
    }
  kill_host (host, pids, N_CHILDREN);
  close (out);
}

static void
test_template_watches (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) process = start (context, "compute", NULL);
  g_autofree char *file = g_strdup_printf ("/proc/%d/fdinfo/4", get_parent (mp_process_get_pid (process)));
  g_autofree char *lifeline = NULL;
  g_autoptr (GError) error = NULL;
  guint flags;

  g_test_summary ("A template that watches its host is not killed with it: it has its children to end");
  g_file_get_contents (file, &lifeline, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sscanf (lifeline, "pos: %*u flags: %o", &flags), ==, 1);
  g_assert_cmpuint (flags & O_ASYNC, ==, 0);
  end_process (process);
}

/* --- main ------------------------------------------------------------------------------------------------- */

int
main (int   argc,
      char *argv[])
{
  if (g_getenv (EARLY) != NULL)
    return early_main ();

  process_targets_init ();
  if (argc == 3 && strcmp (argv[1], "--host") == 0)
    return strstr (argv[2], "early") != NULL ? early_host_main (argv[2]) : host_main (argv[2]);

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  add_with_methods ("/process/busy-host", test_busy_host);
  add_with_methods ("/process/children", test_children);
  add_with_methods ("/process/strange-fork", test_strange_fork);
  mp_test_add_data ("/process/host/spawn", "spawn", test_host_dies);
  mp_test_add_data ("/process/host/forkserver", "forkserver", test_host_dies);
  mp_test_add_data ("/process/host/spawn-computing", "spawn computing", test_host_dies);
  mp_test_add_data ("/process/host/forkserver-computing", "forkserver computing", test_host_dies);
  mp_test_add_data ("/process/host/spawn-forked", "spawn forked", test_host_dies);
  mp_test_add_data ("/process/host/forkserver-forked", "forkserver forked", test_host_dies);
  mp_test_add_data ("/process/host/spawn-early", "spawn early", test_host_dies_early);
  mp_test_add_data ("/process/host/template-early", "forkserver early", test_host_dies_early);
  mp_test_add ("/process/host/template-watches", test_template_watches);
  return g_test_run ();
}
