/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The template that children of the fork server are forked from: killed, stopped, late or without descriptors. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

static guint
count_children (int pid)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/task/%d/children", pid, pid);
  g_autofree char *content = NULL;
  g_auto (GStrv) words = NULL;

  g_assert_true (g_file_get_contents (file, &content, NULL, NULL));
  words = g_strsplit (g_strchomp (content), " ", -1);
  return g_strv_length (words);
}

static void
test_template_killed (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) survivor = start (context, "compute", NULL);
  int template_ = get_parent (mp_process_get_pid (survivor));

  g_test_summary ("A template that is killed harms no running child, and the next start makes a new one");
  g_assert_cmpint (template_, !=, getpid ());
  for (int i = 0; i < 20; i++)
    {
      g_autoptr (MpProcess) next = NULL, after = NULL;

      kill (template_, SIGKILL);
      next = start (context, "exit", g_variant_new ("(i)", 5)); /* maybe asked of the one that is dying */
      join (next);
      g_assert_cmpint (mp_process_get_exit_code (next), ==, 5);
      after = start (context, "compute", NULL);
      template_ = get_parent (mp_process_get_pid (after));
      mp_process_kill (after, NULL);
      join (after);
    }
  g_assert_true (mp_process_is_alive (survivor));
  mp_process_kill (survivor, NULL);
  join (survivor);
}

/* Of a program that is killed before it is ready, the first few times that it is started */
typedef struct {
  MpContext *context;
  char *log;            /* a line for each time */
} Unlucky;

static Unlucky
unlucky_new (const char *signal_,
             guint       n_deaths)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *script = g_strdup_printf ("ulimit -c 0; echo >> \"$0\"; "
                                             "[ $(wc -l < \"$0\") -gt %u ] || kill -%s $$; exec \"$1\"",
                                             n_deaths, signal_);
  Unlucky self = { .log = g_build_filename (g_getenv ("TMPDIR"), "starts", NULL) };
  const char *argv[] = { "/bin/sh", "-c", script, self.log, path, NULL };
  g_autoptr (MpLauncher) launcher = g_object_new (MP_TYPE_LAUNCHER, "language", "native", "argv", argv,
                                                  "has-template", TRUE, NULL);

  self.context = mp_context_new (MP_START_METHOD_FORKSERVER, launcher);
  return self;
}

/* Returns: how often it was started */
static guint
unlucky_finish (Unlucky *self)
{
  g_autofree char *log = NULL;
  gsize n = 0;

  g_assert_true (g_file_get_contents (self->log, &log, &n, NULL));
  unlink (self->log);
  g_free (self->log);
  g_object_unref (self->context);
  return (guint) n;
}

static void
test_template_killed_early (void)
{
  const char *signals[] = { "HUP", "INT", "KILL", "TERM" };

  g_test_summary ("A template that is killed before it is ready is followed by another one, once");
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      Unlucky unlucky = unlucky_new (signals[i], 1);
      g_autoptr (MpProcess) first = start (unlucky.context, "exit", g_variant_new ("(i)", 5));

      join (first);
      g_assert_cmpint (mp_process_get_exit_code (first), ==, 5);
      g_assert_cmpuint (unlucky_finish (&unlucky), ==, 2);
    }
}

static void
test_template_dies_early (void)
{
  const struct { const char *signal_; guint n_starts; const char *says; int exit_code; } rows[] = {
    { "KILL", 2, "died twice", -SIGKILL },
    { "SEGV", 1, "SIGSEGV", MP_EXIT_CODE_UNKNOWN },
  };

  g_test_summary ("A template that dies of itself before it is ready, or always, is the end of the start");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Unlucky unlucky = unlucky_new (rows[i].signal_, G_MAXINT);
      g_autoptr (MpProcess) process = mp_process_new (unlucky.context, "nothing", NULL);
      g_autoptr (GError) error = NULL;

      g_assert_false (mp_process_start (process, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
      g_assert_nonnull (strstr (error->message, rows[i].says));
      g_assert_cmpint (mp_process_get_exit_code (process), ==, rows[i].exit_code);
      g_assert_cmpuint (unlucky_finish (&unlucky), ==, rows[i].n_starts);
    }
}

/* What would have to be opened next is more than it may have */
static void
take_descriptors (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", pid);
  struct rlimit limit;

  prlimit (pid, RLIMIT_NOFILE, NULL, &limit);
  for (limit.rlim_cur = 3;; limit.rlim_cur++)
    {
      g_autofree char *link = g_strdup_printf ("%s/%u", path, (guint) limit.rlim_cur);

      if (!g_file_test (link, G_FILE_TEST_IS_SYMLINK))
        break;
    }
  g_assert_cmpint (prlimit (pid, RLIMIT_NOFILE, &limit, NULL), ==, 0);
}

static void
test_template_without_descriptors (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) survivor = start (context, "compute", NULL);
  int template_ = get_parent (mp_process_get_pid (survivor));
  g_autoptr (MpProcess) last = start (context, "nothing", NULL);
  struct rlimit limit;

  g_test_summary ("A template that cannot take a request says so, and takes the next one");
  join (last);
  wait_until_rests (template_); /* it has its spare, and nothing more to open or close */
  prlimit (template_, RLIMIT_NOFILE, NULL, &limit);
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (MpProcess) refused = mp_process_new (context, "nothing", NULL), next = NULL;
      g_autoptr (GError) error = NULL;

      take_descriptors (template_);
      g_assert_false (mp_process_start (refused, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
      g_assert_nonnull (strstr (error->message, "The template process"));

      g_assert_cmpint (prlimit (template_, RLIMIT_NOFILE, &limit, NULL), ==, 0);
      next = start (context, "compute", NULL);
      g_assert_cmpint (get_parent (mp_process_get_pid (next)), ==, template_);
      mp_process_kill (next, NULL);
      join (next);
      wait_until_rests (template_);
    }
  mp_process_kill (survivor, NULL);
  join (survivor);
}

/* Two descriptors are left, for the channel: none for the child's pidfd */
static void
leave_two_descriptors (void)
{
  struct rlimit limit;
  int first = open ("/dev/null", O_RDONLY | O_CLOEXEC), second = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = (rlim_t) second + 1;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  close (first);
  close (second);
}

static void
test_host_without_descriptors (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpContext) spawn = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpProcess) before = start (context, "compute", NULL), after = NULL;
  g_autoptr (MpProcess) last = start (spawn, "nothing", NULL);
  int template_ = get_parent (mp_process_get_pid (before));
  struct rlimit limit;

  g_test_summary ("A child that the host cannot watch is ended, and the start fails; the template goes on");
  join (last); /* whoever made the template has closed what was for that: it was made before this one */
  getrlimit (RLIMIT_NOFILE, &limit);
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (MpProcess) refused = mp_process_new (context, "compute", NULL);
      g_autoptr (GError) error = NULL;

      leave_two_descriptors ();
      g_assert_false (mp_process_start (refused, &error));
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
      g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
      g_assert_nonnull (strstr (error->message, "no file descriptors left"));
      g_assert_cmpint (mp_process_get_pid (refused), ==, 0);
    }
  after = start (context, "compute", NULL);
  g_assert_cmpint (get_parent (mp_process_get_pid (after)), ==, template_);
  mp_process_kill (before, NULL);
  mp_process_kill (after, NULL);
  join (before);
  join (after); /* then the template ends, unless it has a child that was not ended */
}

static void
on_signal (int number)
{
}

/* The template of a context with a child, stopped; the child is to be ended by the caller */
static MpProcess *
stop_template (MpContext *context,
               int       *template_)
{
  MpProcess *child = start (context, "compute", NULL);

  *template_ = get_parent (mp_process_get_pid (child));
  g_assert_cmpint (*template_, !=, getpid ());
  wait_until_rests (*template_);
  kill (*template_, SIGSTOP);
  return child;
}

static void
assert_no_answer (GError *error)
{
  g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
  g_assert_nonnull (strstr (error->message, "template of native (pid "));
  g_error_free (error);
}

static void
test_template_stopped (gconstpointer is_async)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) survivor = NULL, hangs = NULL, next = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;
  int template_;

  g_test_summary ("A template that does not answer is killed when the time of a child is over, and replaced");
  survivor = stop_template (context, &template_);
  mp_context_set_hello_timeout (context, 0.2);
  hangs = mp_process_new (context, "nothing", NULL);
  if (GPOINTER_TO_INT (is_async))
    {
      mp_process_start_async (hangs, NULL, mp_test_keep_result, &result);
      mp_test_await_result (&result);
      g_assert_false (mp_process_start_finish (hangs, result, &error));
    }
  else
    {
      g_assert_false (mp_process_start (hangs, &error));
    }
  assert_no_answer (error);
  g_assert_cmpint (mp_process_get_state (hangs), ==, MP_PROCESS_STATE_STOPPED);

  mp_context_set_hello_timeout (context, MP_TEST_DEADLINE);
  next = start (context, "exit", g_variant_new ("(i)", 7));
  join (next);
  g_assert_cmpint (mp_process_get_exit_code (next), ==, 7);
  g_assert_true (mp_process_is_alive (survivor));
  end_process (survivor);
}

/* Linux 6.15 */
static gboolean
kernel_keeps_status (void)
{
  struct utsname name;
  guint version, revision;

  g_assert_cmpint (uname (&name), ==, 0);
  g_assert_cmpint (sscanf (name.release, "%u.%u", &version, &revision), ==, 2);
  return version > 6 || (version == 6 && revision >= 15);
}

static void
test_template_does_not_tell (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) child = NULL, next = NULL;
  int template_;

  g_test_summary ("The end of a child is heard of though its template does not tell, and so is its status");
  child = stop_template (context, &template_);
  mp_process_kill (child, NULL);
  if (!kernel_keeps_status ())
    kill (template_, SIGCONT); /* nobody else knows it */
  join (child);
  g_assert_cmpint (mp_process_get_exit_code (child), ==, -SIGKILL);

  kill (template_, SIGCONT);
  next = start (context, "exit", g_variant_new ("(i)", 7));
  join (next);
  g_assert_cmpint (mp_process_get_exit_code (next), ==, 7);
}

static void
test_template_leaves_none (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) survivor = start (context, "compute", NULL);
  int template_ = get_parent (mp_process_get_pid (survivor));

  g_test_summary ("Of children that were joined none is left to their template, however soon they ended");
  for (int i = 0; i < 100; i++)
    {
      g_autoptr (MpProcess) child = start (context, "exit", g_variant_new ("(i)", 3));

      join (child);
      g_assert_cmpint (mp_process_get_exit_code (child), ==, 3);
    }
  wait_until_rests (template_);
  g_assert_cmpuint (count_children (template_), ==, 2); /* and the spare */
  end_process (survivor);
}

/* A process that is traced is reaped by nobody before its tracer has */
static void
test_template_is_late (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) child = start (context, "compute", NULL);
  int pid = mp_process_get_pid (child);
  g_autoptr (GError) error = NULL;

  g_test_summary ("However late the status of a child is, it is waited for while its template lives");
  if (ptrace (PTRACE_SEIZE, pid, NULL, NULL) < 0)
    {
      g_test_skip ("nothing may be traced here");
      end_process (child);
      return;
    }
  mp_process_kill (child, NULL);
  g_assert_false (mp_process_join (child, 1.5, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (waitpid (pid, NULL, __WALL), ==, pid);
  join (child);
  g_assert_cmpint (mp_process_get_exit_code (child), ==, -SIGKILL);
}

static void
test_start_interrupted (void)
{
  struct sigaction action = { .sa_handler = on_signal }, saved;
  struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 }, { 0, 0 } };
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpProcess) first = NULL, process = mp_process_new (context, "exit", g_variant_new ("(i)", 7));
  g_autoptr (GError) error = NULL;
  int template_;

  g_test_summary ("A start can be interrupted, and goes on when it is called again");
  first = stop_template (context, &template_);
  sigaction (SIGALRM, &action, &saved);
  setitimer (ITIMER_REAL, &often, NULL);
  mp_thread_set_interruptible (TRUE);
  for (int i = 0; i < 3; i++)
    {
      g_assert_false (mp_process_start (process, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
      g_clear_error (&error);
    }
  mp_thread_set_interruptible (FALSE);
  setitimer (ITIMER_REAL, &never, NULL);
  sigaction (SIGALRM, &saved, NULL);

  kill (template_, SIGCONT);
  g_assert_true (mp_process_start (process, &error));
  g_assert_no_error (error);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 7);
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  end_process (first);
}

int
main (int   argc,
      char *argv[])
{
  process_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  mp_test_add ("/process/template-killed", test_template_killed);
  mp_test_add ("/process/template-killed-early", test_template_killed_early);
  mp_test_add ("/process/template-dies-early", test_template_dies_early);
  mp_test_add ("/process/template-without-descriptors", test_template_without_descriptors);
  mp_test_add ("/process/host-without-descriptors", test_host_without_descriptors);
  mp_test_add_data ("/process/template-stopped/start", GINT_TO_POINTER (FALSE), test_template_stopped);
  mp_test_add_data ("/process/template-stopped/start-async", GINT_TO_POINTER (TRUE), test_template_stopped);
  mp_test_add ("/process/template-stopped/end", test_template_does_not_tell);
  mp_test_add ("/process/template-late", test_template_is_late);
  mp_test_add ("/process/template-leaves-none", test_template_leaves_none);
  mp_test_add ("/process/start-interrupted", test_start_interrupted);
  return g_test_run ();
}
