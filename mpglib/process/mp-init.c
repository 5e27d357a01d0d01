/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-init.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-launcher-private.h"
#include "mp-target-private.h"
#include "mp-worker-private.h"

/* --- native children -------------------------------------------------------------------------------------- */

static int
fail (MpWorker *worker,
      GError   *error)
{
  if (worker != NULL)
    mp_worker_report_error (worker, error);
  else
    g_printerr ("mpglib: %s\n", error->message);
  return 1;
}

/* The arguments of who is given none.  A template has them made before it forks. */
static MpMessage *
get_no_arguments (void)
{
  static MpMessage *nothing;

  if (nothing == NULL)
    nothing = mp_message_new (g_variant_new ("()"));
  return nothing;
}

static int
run_process (MpWorker *worker)
{
  const char *target = mp_worker_get_target (worker);
  MpMessage *arguments = mp_worker_get_arguments (worker);
  g_autoptr (GError) error = NULL;
  gpointer user_data;
  MpFunc func;

  if (target == NULL)
    return mp_worker_ready (worker, &error) ? 0 : 1;
  if (!mp_target_find (target, &func, &user_data, &error))
    return fail (worker, error);
  if (!mp_worker_ready (worker, NULL))
    return 1;

  if (mp_target_run (target, arguments != NULL ? arguments : get_no_arguments (), &error))
    return 0;
  g_printerr ("%s: target '%s' failed: %s\n", mp_worker_get_name (worker), target, error->message);
  return fail (worker, error);
}

static int
run_child (MpWorker *worker)
{
  MpRoleFunc func = mp_worker_get_role_func (mp_worker_get_role (worker));
  int code;

  if (mp_worker_get_role (worker) == MP_WORKER_ROLE_PROCESS)
    code = run_process (worker);
  else if (func != NULL)
    code = func (worker);
  else
    code = fail (worker, g_error_new (MP_ERROR, MP_ERROR_NOT_SUPPORTED, "This build cannot be that kind of worker"));

  mp_worker_finish (worker, code);
  return code;
}

/* A child that was forked has its template's exit handlers, which are the template's affair */
G_NORETURN static void
end_forked (int code)
{
  fflush (NULL);
  _exit (code);
}

/* Never returns: the children that it forks end in here too */
G_NORETURN static void
run_template (MpWorker *worker)
{
  get_no_arguments ();
  while (mp_worker_wait_fork (worker))
    {
      pid_t pid = fork ();

      if (pid == 0)
        {
          g_autoptr (GError) error = NULL;

          if (!mp_worker_forked_child (worker, &error))
            end_forked (fail (NULL, error));
          end_forked (run_child (worker));
        }
      mp_worker_forked_parent (worker, pid);
    }
  _exit (0);
}

/**
 * mp_init:
 *
 * Lets this program be its own children.
 *
 * Call it first thing in the main function, right after registering the
 * targets with [func@Mp.register_target]. In the program that the user starts
 * it returns at once. In a child, which is the same program executed again, it
 * runs the target and does not return: it ends the process, with what
 * was given to atexit() if the child was made by exec, without if it was forked.
 *
 * ```c
 * int
 * main (int argc, char **argv)
 * {
 *   mp_register_target ("square", square, NULL, NULL);
 *   mp_init ();
 *   …
 * ```
 *
 * Programs whose main function is not theirs, such as scripts, do without: the
 * library brings a worker program for each of their languages.
 *
 * Since: 1.0
 */
void
mp_init (void)
{
  g_autoptr (GError) error = NULL;
  MpWorker *worker = mp_worker_open (&error);

  mp_launcher_set_initialized ();
  if (error != NULL)
    exit (fail (mp_worker_get_current (), error));
  if (worker == NULL)
    return;

  if (mp_worker_get_role (worker) == MP_WORKER_ROLE_TEMPLATE)
    run_template (worker);
  exit (run_child (worker));
}

/* --- processors ------------------------------------------------------------------------------------------- */

/* "max 100000" or "200000 100000": microseconds of processor time in each period; cgroup v2 */
static guint
read_quota (const char *file)
{
  g_autofree char *content = NULL;
  gint64 quota, period;

  if (!g_file_get_contents (file, &content, NULL, NULL)
      || sscanf (content, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, &quota, &period) != 2
      || quota <= 0 || period <= 0)
    return G_MAXUINT;
  return (guint) CLAMP ((quota + period - 1) / period, 1, G_MAXINT);
}

/* The limit of every group from the process's own to the root counts */
static guint
get_cgroup_count (void)
{
  g_autofree char *membership = NULL, *path = NULL;
  const char *group;
  guint count = G_MAXUINT;

  if (!g_file_get_contents ("/proc/self/cgroup", &membership, NULL, NULL))
    return count;
  group = strstr (membership, "0::/");
  if (group == NULL)
    return count;
  path = g_strndup (group + strlen ("0::"), strcspn (group + strlen ("0::"), "\n"));

  for (;;)
    {
      g_autofree char *file = g_build_filename ("/sys/fs/cgroup", path, "cpu.max", NULL);
      char *slash = strrchr (path, '/');
      guint quota = read_quota (file);

      count = MIN (count, quota);
      if (slash == NULL)
        return count;
      *slash = '\0';
    }
}

/**
 * mp_get_cpu_count:
 *
 * Counts the processors that this process can use at once: those its affinity
 * allows, and no more than its control group has time for.
 *
 * Returns: the number of processors, at least 1
 *
 * Since: 1.0
 */
guint
mp_get_cpu_count (void)
{
  cpu_set_t set;
  guint count = g_get_num_processors ();
  guint quota = get_cgroup_count ();

  if (sched_getaffinity (0, sizeof set, &set) == 0)
    count = (guint) CPU_COUNT (&set);
  count = MIN (count, quota);
  return MAX (1, count);
}
