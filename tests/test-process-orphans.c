/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a killed template leaves behind.  This program is its own child: with `--orphans` as an argument it is a host
 * whose orphans are adopted by others. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

#define N_ORPHANS 3

/* The spare of a template that rests */
static int
get_last_child (int template_)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/task/%d/children", template_, template_);
  g_autofree char *content = NULL;
  const char *last;

  g_assert_true (g_file_get_contents (file, &content, NULL, NULL));
  last = strrchr (g_strchomp (content), ' ');
  return (int) g_ascii_strtoll (last != NULL ? last : content, NULL, 10);
}

/* A spare, which ends with its template: that one may have been still there, and had it reaped */
static void
wait_spare (int pid)
{
  g_assert_true (waitpid (pid, NULL, 0) == pid || errno == ECHILD);
}

static void
kill_template (int template_)
{
  int pidfd = (int) syscall (SYS_pidfd_open, template_, 0);

  g_assert_cmpint (pidfd, >=, 0);
  kill (template_, SIGKILL);
  mp_test_poll (pidfd, POLLIN);
  close (pidfd);
}

static void
test_orphans (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) first = start (context, "compute", NULL), second = start (context, "compute", NULL);
  int template_ = get_parent (mp_process_get_pid (first)), spare;

  g_test_summary ("A host that adopts what a killed template leaves behind reaps it, and so has its status");
  wait_until_rests (template_);
  spare = get_last_child (template_);
  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  kill_template (template_);
  end_process (first);
  end_process (second);
  g_assert_cmpint (mp_process_get_exit_code (first), ==, -SIGKILL);
  g_assert_cmpint (mp_process_get_exit_code (second), ==, -SIGKILL);
  wait_spare (spare);
  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 0), ==, 0);
}

/* In a process whose orphans are adopted by who does not reap them; writes who they are */
static int
orphans_main (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  MpProcess *processes[N_ORPHANS];
  int pids[N_ORPHANS + 1], template_;

  for (int i = 0; i < N_ORPHANS; i++)
    {
      processes[i] = start (context, "compute", NULL);
      pids[i] = mp_process_get_pid (processes[i]);
    }
  template_ = get_parent (pids[0]);
  wait_until_rests (template_);
  pids[N_ORPHANS] = get_last_child (template_);
  kill_template (template_);
  for (int i = 0; i < N_ORPHANS; i++)
    {
      gint64 killed = g_get_monotonic_time ();

      end_process (processes[i]);
      g_assert_cmpint (g_get_monotonic_time () - killed, <, G_USEC_PER_SEC);
      g_assert_cmpint (mp_process_get_exit_code (processes[i]), ==, MP_EXIT_CODE_UNKNOWN);
      g_object_unref (processes[i]);
    }
  return write (STDOUT_FILENO, pids, sizeof pids) == sizeof pids ? 0 : 1;
}

static void
test_unreaped_orphans (void)
{
  const char *argv[] = { "/proc/self/exe", "--orphans", NULL };
  int pids[N_ORPHANS + 1], out;
  g_autoptr (GError) error = NULL;
  GPid host;

  g_test_summary ("Where nobody reaps what a killed template leaves behind, its children are joined at once");
  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &host,
                            NULL, &out, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_wait (host), ==, 0);
  g_assert_cmpint (read (out, pids, sizeof pids), ==, sizeof pids);
  close (out);
  for (int i = 0; i < N_ORPHANS; i++)
    g_assert_cmpint (mp_test_wait (pids[i]), ==, SIGKILL);
  wait_spare (pids[N_ORPHANS]);
  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 0), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  process_targets_init ();
  if (argc == 2 && strcmp (argv[1], "--orphans") == 0)
    return orphans_main ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  mp_test_add ("/process/orphans/adopted", test_orphans);
  mp_test_add ("/process/orphans/unreaped", test_unreaped_orphans);
  return g_test_run ();
}
