/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes of native programs, by every start method.  This program is its own child: with `--host MODE` as
 * arguments it is a host that is going to be killed, with `--waiting MODE` and `--ending METHOD` one whose child cannot
 * begin. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test.h"

static const MpStartMethod methods[] = { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER };

/* --- targets ---------------------------------------------------------------------------------------------- */

static GVariant *
target_nothing (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  return NULL;
}

static GVariant *
target_fail (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       data,
             GError       **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no spoon");
  return NULL;
}

/* (i): exit with that code */
static GVariant *
target_exit (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       data,
             GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  int code;

  g_variant_get (value, "(i)", &code);
  exit (code);
}

/* (i): end by that signal */
static GVariant *
target_raise (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  struct rlimit none = { 0, 0 };
  int number;

  setrlimit (RLIMIT_CORE, &none);
  g_variant_get (value, "(i)", &number);
  signal (number, SIG_DFL);
  raise (number);
  return NULL;
}

static GVariant *
target_compute (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  sigset_t all;

  /* All signals blocked but the one to end it with, no system call: what comes, comes from the kernel */
  sigfillset (&all);
  sigdelset (&all, SIGTERM);
  sigprocmask (SIG_SETMASK, &all, NULL);
  for (volatile guint64 i = 0;; i++)
    ;
  return NULL;
}

/* (s): "fine" if the surroundings are what a child is promised; else tells by the exit code what is not */
static GVariant *
target_look_around (MpMessage     *arguments,
                    GCancellable  *cancellable,
                    gpointer       data,
                    GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  struct sigaction action;
  sigset_t mask;
  char byte;

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE ("(s)")))
    exit (10);
  if (read (STDIN_FILENO, &byte, 1) != 0)
    exit (11); /* stdin is not empty */
  sigprocmask (SIG_BLOCK, NULL, &mask);
  if (sigismember (&mask, SIGTERM) || sigismember (&mask, SIGUSR1))
    exit (12);
  sigaction (SIGPIPE, NULL, &action);
  if (action.sa_handler != SIG_DFL)
    exit (13);
  sigaction (SIGCHLD, NULL, &action);
  if (action.sa_handler != SIG_DFL)
    exit (18); /* a template's own affair */
  if (getpgrp () == getpgid (getppid ()) && getpgrp () != getpid ())
    exit (14);
  if (g_getenv ("MPGLIB_CHILD") != NULL)
    exit (15); /* the marker was not consumed */
  /* stdio, the channel, the lifeline, the participant table: what the host had open is not here */
  for (int fd = 3, n = 0; fd < 256; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      {
        if (++n > 3 || (fcntl (fd, F_GETFD) & FD_CLOEXEC) == 0)
          exit (16);
      }
  if (strcmp (mp_worker_get_name (mp_worker_get_current ()), "Looker") != 0)
    exit (17);
  return NULL;
}

/* The connection that is the only argument: say something, and end without closing it */
static GVariant *
target_say (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  MpConnection *connection = MP_CONNECTION (mp_message_get_attachment (arguments, 0, error));

  if (connection != NULL)
    mp_connection_send (connection, g_variant_new_string ("hello"), MP_TEST_DEADLINE, NULL, error);
  return NULL;
}

/* Starts the same again, in its child: generations */
static GVariant *
target_nested (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       data,
               GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  g_autoptr (MpProcess) process = NULL;
  int depth;

  g_variant_get (value, "(i)", &depth);
  if (depth == 0)
    return NULL;
  process = mp_process_new (NULL, "nested", g_variant_new ("(i)", depth - 1));
  if (!mp_process_start (process, error) || !mp_process_join (process, MP_TEST_DEADLINE, NULL, error)
      || !mp_process_check (process, error))
    return NULL;
  return g_variant_new_int32 (depth);
}

static GVariant *
target_sleep (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  for (;;)
    pause ();
  return NULL;
}

/* That it and its own children are named as of their generations */
static GVariant *
target_tell_name (MpMessage     *arguments,
                  GCancellable  *cancellable,
                  gpointer       data,
                  GError       **error)
{
  g_autoptr (MpProcess) child = mp_process_new (NULL, "nothing", NULL);
  g_autofree char *name = mp_process_dup_name (mp_process_get_current ());
  g_autofree char *child_name = mp_process_dup_name (child);
  g_autofree char *expected = g_strdup_printf ("%s:1", name);

  if (strcmp (name, mp_worker_get_name (mp_worker_get_current ())) != 0)
    exit (10);
  if (strcmp (child_name, expected) != 0)
    exit (11);
  if (mp_process_get_pid (mp_process_get_current ()) != getpid ())
    exit (12);
  return NULL;
}

/* That it has the key, and who it starts too */
static GVariant *
target_know_key (MpMessage     *arguments,
                 GCancellable  *cancellable,
                 gpointer       data,
                 GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, NULL);
  g_autoptr (GVariant) secret = g_variant_get_child_value (value, 0);
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (secret);
  g_autoptr (MpAuthKey) expected = mp_auth_key_new (bytes);
  g_autoptr (MpAuthKey) own = mp_process_ref_auth_key (mp_process_get_current ());
  g_autoptr (MpProcess) child = NULL;
  gboolean is_last;

  if (!mp_auth_key_equal (own, expected))
    exit (10);
  g_variant_get_child (value, 1, "b", &is_last);
  if (is_last)
    return NULL;
  child = mp_process_new (NULL, "know-key", g_variant_new ("(@ayb)", secret, TRUE));
  if (mp_process_start (child, error) && mp_process_join (child, MP_TEST_DEADLINE, NULL, error))
    mp_process_check (child, error);
  return NULL;
}

static void
register_targets (void)
{
  mp_register_target ("know-key", target_know_key, NULL, NULL);
  mp_register_target ("nothing", target_nothing, NULL, NULL);
  mp_register_target ("fail", target_fail, NULL, NULL);
  mp_register_target ("exit", target_exit, NULL, NULL);
  mp_register_target ("raise", target_raise, NULL, NULL);
  mp_register_target ("compute", target_compute, NULL, NULL);
  mp_register_target ("look-around", target_look_around, NULL, NULL);
  mp_register_target ("sleep", target_sleep, NULL, NULL);
  mp_register_target ("tell-name", target_tell_name, NULL, NULL);
  mp_register_target ("nested", target_nested, NULL, NULL);
  mp_register_target ("say", target_say, NULL, NULL);
}

/* --- helpers ---------------------------------------------------------------------------------------------- */

typedef void (*MethodTest) (MpContext *context);

/* A template is kept by its context, so every test has contexts of its own: none is left behind. */
static void
run_with_methods (gconstpointer data)
{
  MethodTest test = (MethodTest) data;

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autoptr (MpContext) context = mp_context_new (methods[i], NULL);

      test (context);
      g_assert_finalize_object (g_steal_pointer (&context));
    }
}

static MpProcess *
start (MpContext  *context,
       const char *target,
       GVariant   *arguments)
{
  g_autoptr (MpProcess) process = mp_process_new (context, target, arguments);
  g_autoptr (GError) error = NULL;

  mp_process_start (process, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&process);
}

static void
join (MpProcess *process)
{
  g_autoptr (GError) error = NULL;

  mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

/* --- ends ------------------------------------------------------------------------------------------------- */

static void
test_ends (MpContext *context)
{
  g_autoptr (MpProcess) good = start (context, "nothing", NULL);
  g_autoptr (MpProcess) exits = start (context, "exit", g_variant_new ("(i)", 42));
  g_autoptr (MpProcess) crashes = start (context, "raise", g_variant_new ("(i)", SIGSEGV));
  g_autoptr (MpProcess) fails = start (context, "fail", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) report = NULL;

  join (good);
  g_assert_cmpint (mp_process_get_exit_code (good), ==, 0);
  g_assert_true (mp_process_check (good, &error));
  g_assert_no_error (error);

  join (exits);
  g_assert_cmpint (mp_process_get_exit_code (exits), ==, 42);
  g_assert_false (mp_process_check (exits, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FAILED);
  g_clear_error (&error);

  join (crashes);
  g_assert_cmpint (mp_process_get_exit_code (crashes), ==, -SIGSEGV);
  g_assert_false (mp_process_check (crashes, &error));
  g_assert_nonnull (strstr (error->message, "SIGSEGV"));
  g_clear_error (&error);

  join (fails);
  g_assert_cmpint (mp_process_get_exit_code (fails), ==, 1);
  g_assert_false (mp_process_check (fails, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "there is no spoon"));
  report = mp_process_get_report (fails);
  g_assert_true (g_variant_is_of_type (report, G_VARIANT_TYPE ("(sissssay)")));

  /* Many times */
  join (good);
  g_assert_cmpint (mp_process_get_state (good), ==, MP_PROCESS_STATE_STOPPED);
  g_assert_false (mp_process_is_alive (good));
}

static void
test_kill (MpContext *context)
{
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (MpProcess) process = start (context, "compute", NULL);
      g_autoptr (GError) error = NULL;

      g_assert_true (mp_process_is_alive (process));
      g_assert_false (mp_process_join (process, 0, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
      g_clear_error (&error);
      g_assert_false (mp_process_close (process, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
      g_clear_error (&error);

      mp_process_kill (process, &error);
      g_assert_no_error (error);
      join (process);
      g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGKILL);

      /* Too late is no error */
      g_assert_true (mp_process_terminate (process, &error));
      g_assert_no_error (error);
      g_assert_true (mp_process_close (process, &error));
      g_assert_no_error (error);
      g_assert_false (mp_process_join (process, 0, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
    }
}

static void
test_close_before_start (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, "compute", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_process_close (process, &error));
  g_assert_no_error (error);
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

static gboolean
is_readable (int fd)
{
  struct pollfd entry = { .fd = fd, .events = POLLIN };

  return poll (&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0;
}

static void
assert_text (MpProcess  *process,
             const char *state)
{
  int pid = mp_process_get_pid (process);
  g_autofree char *middle = pid > 0 ? g_strdup_printf (" pid=%d", pid) : g_strdup ("");
  g_autofree char *expected = g_strdup_printf ("<Mp.Process name='worker'%s %s>", middle, state);
  g_autofree char *text = mp_process_to_string (process);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_states (MpContext *context)
{
  g_autoptr (MpProcess) process = mp_process_new (context, "compute", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_message ("What a process can be asked for, and how it prints, from before its start to its end");
  mp_process_set_name (process, "worker");
  g_assert_cmpint (mp_process_get_pid (process), ==, 0);
  g_assert_cmpint (mp_process_get_sentinel (process), ==, -1);
  assert_text (process, "initial");
  mp_process_set_daemon (process, TRUE);
  assert_text (process, "initial daemon");

  mp_process_start_async (process, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_true (mp_process_start_finish (process, result, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_pid (process), >, 0);
  g_assert_cmpint (mp_process_get_state (process), ==, MP_PROCESS_STATE_RUNNING);
  assert_text (process, "started daemon");
  g_assert_false (is_readable (mp_process_get_sentinel (process)));

  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  g_assert_true (mp_process_terminate (process, &error));
  g_assert_no_error (error);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGTERM);
  assert_text (process, "stopped (signal 15 (SIGTERM)) daemon");
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

static void
assert_knows_key (MpContext  *context,
                  MpAuthKey  *key,
                  MpAuthKey  *given)
{
  g_autoptr (GBytes) bytes = mp_auth_key_get_bytes (key);
  GVariant *secret = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
  g_autoptr (MpProcess) process = mp_process_new (context, "know-key", g_variant_new ("(@ayb)", secret, FALSE));
  g_autoptr (MpAuthKey) told = NULL;
  g_autoptr (GError) error = NULL;

  if (given != NULL)
    g_assert_true (mp_process_set_auth_key (process, given, NULL));
  told = mp_process_ref_auth_key (process);
  g_assert_true (mp_auth_key_equal (told, key));
  mp_process_start (process, &error);
  g_assert_no_error (error);
  join (process);
  mp_process_check (process, &error);
  g_assert_no_error (error);
  g_assert_false (mp_process_set_auth_key (process, key, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* One that is its own, or that of who starts it; and so on with those that it starts */
static void
test_auth_key (MpContext *context)
{
  const guint8 secret[65] = { 1, 2, 3 };
  g_autoptr (MpAuthKey) drawn = mp_auth_key_new_own ();
  g_autoptr (MpAuthKey) shortest = mp_auth_key_new_data (secret, 1);
  g_autoptr (MpAuthKey) longest = mp_auth_key_new_data (secret, 64);
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  g_autoptr (MpAuthKey) too_long = mp_auth_key_new_data (secret, 65);
  g_autoptr (MpAuthKey) own = NULL;
  g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);
  g_autoptr (GError) error = NULL;

  assert_knows_key (context, drawn, NULL);
  assert_knows_key (context, shortest, shortest);
  assert_knows_key (context, longest, longest);
  assert_knows_key (context, drawn, NULL);

  g_assert_false (mp_process_set_auth_key (process, empty, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_clear_error (&error);
  g_assert_false (mp_process_set_auth_key (process, too_long, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);

  g_assert_true (mp_process_set_auth_key (mp_process_get_current (), longest, NULL));
  own = mp_auth_key_new_own ();
  g_assert_true (mp_auth_key_equal (own, longest));
  assert_knows_key (context, longest, NULL);
  g_assert_true (mp_auth_key_make_own (drawn, NULL));
}

static void
test_names (MpContext *context)
{
  g_autoptr (MpProcess) first = mp_process_new (context, "tell-name", NULL);
  g_autoptr (MpProcess) second = mp_process_new (context, "tell-name", NULL);
  g_autofree char *first_name = mp_process_dup_name (first);
  g_autofree char *second_name = mp_process_dup_name (second);

  g_test_message ("Names are numbers of each generation, and two processes may have one");
  g_assert_true (g_regex_match_simple ("^Process-[0-9]+$", first_name, 0, 0));
  g_assert_true (g_regex_match_simple ("^Process-[0-9]+$", second_name, 0, 0));
  g_assert_cmpstr (first_name, !=, second_name);
  g_assert_true (mp_process_start (first, NULL));
  join (first);
  g_assert_true (mp_process_check (first, NULL));

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (MpProcess) twin = mp_process_new (context, "nothing", NULL);

      mp_process_set_name (twin, "twin");
      g_assert_true (mp_process_start (twin, NULL));
      join (twin);
      g_assert_true (mp_process_check (twin, NULL));
    }
}

static void
test_no_function (MpContext *context)
{
  g_autoptr (MpProcess) process = start (context, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_test_message ("Without a target nothing runs, and that is no error");
  join (process);
  g_assert_true (mp_process_check (process, &error));
  g_assert_no_error (error);
}

static void
test_program (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);
  const char *argv[] = { path, NULL };
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, launcher);
  g_autoptr (MpProcess) process = start (context, "exit", g_variant_new ("(i)", 6));

  g_test_summary ("A program that is named runs the children");
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 6);
}

static void
test_sentinel (MpContext *context)
{
  g_autoptr (MpProcess) process = start (context, "sleep", NULL);
  g_autoptr (MpProcess) late = start (context, "nothing", NULL);
  int sentinel = mp_process_get_sentinel (process);

  g_test_message ("The sentinel tells the end, here of an interrupt, for as long as the object is not closed");
  g_assert_cmpint (sentinel, >=, 0);
  g_assert_false (is_readable (sentinel));
  g_assert_true (mp_process_interrupt (process, NULL));
  mp_test_poll (sentinel, POLLIN);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGINT);
  g_assert_cmpint (mp_process_get_sentinel (process), ==, sentinel);
  g_assert_true (is_readable (sentinel));
  g_assert_true (mp_process_close (process, NULL));
  g_assert_cmpint (mp_process_get_sentinel (process), ==, -1);

  join (late);
  g_assert_true (is_readable (mp_process_get_sentinel (late)));
}

static void
test_surroundings (MpContext *context)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, saved;
  int leaked = open ("/dev/null", O_RDONLY); /* without CLOEXEC: a careless host's */
  sigset_t usr1, old;
  g_autoptr (GError) error = NULL;

  sigaction (SIGPIPE, &ignore, &saved);
  sigemptyset (&usr1);
  sigaddset (&usr1, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &usr1, &old);

  for (int i = 0; i < 2; i++) /* the second was forked before it was wanted */
    {
      g_autoptr (MpProcess) process = mp_process_new (context, "look-around", g_variant_new ("(s)", "fine"));

      mp_process_set_name (process, "Looker");
      mp_process_start (process, &error);
      g_assert_no_error (error);
      join (process);
      g_assert_cmpint (mp_process_get_exit_code (process), ==, 0);
    }

  pthread_sigmask (SIG_SETMASK, &old, NULL);
  sigaction (SIGPIPE, &saved, NULL);
  close (leaked);
}

static void
test_nested (MpContext *context)
{
  g_autoptr (MpProcess) process = start (context, "nested", g_variant_new ("(i)", 3));
  g_autoptr (GError) error = NULL;

  join (process);
  mp_process_check (process, &error);
  g_assert_no_error (error);
}

static void
test_connection (MpContext *context)
{
  g_autoptr (MpMessage) arguments = mp_message_new (g_variant_new ("(h)", 0));
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GVariant) said = NULL, more = NULL;
  g_autoptr (GError) error = NULL;

  g_test_message ("A connection is an argument like any other; a child's orderly end closes it in order");
  mp_connection_new_pair (TRUE, &ours, &theirs, &error);
  g_assert_no_error (error);
  mp_message_attach (arguments, MP_SHAREABLE (theirs));
  process = mp_process_new_with_message (context, "say", arguments);
  mp_process_start (process, &error);
  g_assert_no_error (error);
  mp_connection_close (theirs);

  said = mp_connection_receive (ours, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (said, NULL), ==, "hello");
  more = mp_connection_receive (ours, MP_TEST_DEADLINE, NULL, &error);
  g_assert_null (more);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  join (process);
}

static void
test_sigchld_ignored (MpContext *context)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, saved;
  g_autoptr (MpProcess) process = NULL;

  g_test_message ("A host that ignores SIGCHLD loses statuses to the kernel; waits end all the same");
  sigaction (SIGCHLD, &ignore, &saved);
  process = start (context, "nothing", NULL);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 0); /* the child told before it ended */
  sigaction (SIGCHLD, &saved, NULL);
}

/* --- signals ---------------------------------------------------------------------------------------------- */

typedef struct
{
  GString *order;
  GThread *thread;
  gboolean over;
} Heard;

static void
on_started (MpProcess *process,
            Heard     *heard)
{
  g_assert_true (g_thread_self () == heard->thread);
  g_assert_cmpint (mp_process_get_pid (process), >, 0);
  g_string_append_c (heard->order, 's');
}

static void
on_exited (MpProcess *process,
           int        exit_code,
           Heard     *heard)
{
  g_assert_true (g_thread_self () == heard->thread);
  g_assert_cmpint (exit_code, ==, 42);
  g_assert_cmpint (mp_process_get_state (process), ==, MP_PROCESS_STATE_STOPPED);
  g_string_append_c (heard->order, 'e');
  heard->over = TRUE;
}

static void
test_signals (MpContext *context)
{
  g_autoptr (GString) order = g_string_new (NULL);
  Heard heard = { order, g_thread_self (), FALSE };
  MpProcess *process = mp_process_new (context, "exit", g_variant_new ("(i)", 42));
  gpointer weak = process;

  g_test_message ("Started and exited, in the object's context, once, also when nobody else holds the object");
  g_object_add_weak_pointer (G_OBJECT (process), &weak);
  g_signal_connect (process, "started", G_CALLBACK (on_started), &heard);
  g_signal_connect (process, "exited", G_CALLBACK (on_exited), &heard);
  g_assert_true (mp_process_start (process, NULL));
  g_object_unref (process);
  g_assert_cmpuint (order->len, ==, 0); /* not from within the call */
  mp_test_run_until_set (&heard.over);
  g_assert_cmpstr (order->str, ==, "se");
  g_assert_null (weak);
}

static void
test_signals_after_join (MpContext *context)
{
  g_autoptr (GString) order = g_string_new (NULL);
  Heard heard = { order, g_thread_self (), FALSE };
  g_autoptr (MpProcess) process = mp_process_new (context, "exit", g_variant_new ("(i)", 42));

  g_signal_connect (process, "exited", G_CALLBACK (on_exited), &heard);
  g_assert_true (mp_process_start (process, NULL));
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 42);
  g_assert_cmpuint (order->len, ==, 0); /* a blocking call does not run the caller's context */
  mp_test_run_until_set (&heard.over);
  g_assert_cmpstr (order->str, ==, "e");
}

static void
test_without_loop (MpContext *context)
{
  MpProcess *process = start (context, "nothing", NULL);

  g_test_message ("In a program that runs no main loop, a joined process is let go");
  join (process);
  g_assert_finalize_object (process);
}

static void
test_async (MpContext *context)
{
  g_autoptr (MpProcess) process = mp_process_new (context, "exit", g_variant_new ("(i)", 7));
  g_autoptr (MpProcess) endless = mp_process_new (context, "compute", NULL);
  g_autoptr (GAsyncResult) started = NULL, joined = NULL, timed_out = NULL, cancelled = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mp_process_start_async (process, NULL, mp_test_keep_result, &started);
  g_assert_null (started);
  mp_process_join_async (process, -1, NULL, mp_test_keep_result, &joined);
  mp_test_await_result (&started);
  g_assert_true (mp_process_start_finish (process, started, &error));
  g_assert_no_error (error);
  mp_test_await_result (&joined);
  g_assert_true (mp_process_join_finish (process, joined, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 7);

  g_assert_true (mp_process_start (endless, NULL));
  mp_process_join_async (endless, 0.01, NULL, mp_test_keep_result, &timed_out);
  mp_process_join_async (endless, -1, cancellable, mp_test_keep_result, &cancelled);
  mp_test_await_result (&timed_out);
  g_assert_false (mp_process_join_finish (endless, timed_out, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&cancelled);
  g_assert_false (mp_process_join_finish (endless, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mp_process_kill (endless, NULL);
  join (endless);
}

/* --- failures that name the thing and the remedy ---------------------------------------------------------- */

static void
assert_start_fails (MpProcess  *process,
                    MpError     code,
                    const char *says)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mp_process_start_async (process, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_false (mp_process_start_finish (process, result, &error));
  g_assert_error (error, MP_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, says));
}

static void
test_no_target (MpContext *context)
{
  g_autoptr (MpProcess) unknown = mp_process_new (context, "nonesuch", NULL);
  g_autoptr (MpProcess) foreign = mp_process_new (context, "python:math:sqrt", NULL);
  g_autoptr (MpProcess) odd = mp_process_new (context, "odd:boom", NULL);
  g_autoptr (MpProcess) no_module = mp_process_new (context, "/nonesuch.so#run", NULL);
  g_autoptr (MpProcess) no_symbol = mp_process_new (context, "libgio-2.0.so.0#mp_nonesuch", NULL);

  assert_start_fails (unknown, MP_ERROR_NO_TARGET, "mp_register_target()");
  assert_start_fails (foreign, MP_ERROR_NO_TARGET, "mp_launcher_lookup (\"python\")");
  assert_start_fails (odd, MP_ERROR_NO_TARGET, "'odd', which is unknown (known are native, python, gjs)");
  assert_start_fails (no_module, MP_ERROR_NO_TARGET, "/nonesuch.so");
  assert_start_fails (no_symbol, MP_ERROR_NO_TARGET, "mp_nonesuch");
}

static void
test_programs (void)
{
  struct { const char *shell; MpError code; const char *says; gdouble hello; } rows[] = {
    { "exit 3", MP_ERROR_START_FAILED, "exit code 3", 20 },
    { "kill -SEGV $$", MP_ERROR_START_FAILED, "SIGSEGV", 20 },
    { "exec tail -f /dev/null", MP_ERROR_START_FAILED, "did not become ready within 0.2 s", 0.2 },
    { "echo rubbish >&3; exec tail -f /dev/null", MP_ERROR_CORRUPTED, "", 20 },
  };

  g_test_summary ("A worker program that ends, crashes, hangs or talks rubbish before it is ready");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *argv[] = { "/bin/sh", "-c", rows[i].shell, NULL };
      g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
      g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, launcher);
      g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);

      mp_context_set_hello_timeout (context, rows[i].hello);
      assert_start_fails (process, rows[i].code, rows[i].says);
      mp_process_join (process, MP_TEST_DEADLINE, NULL, NULL);
    }
}

typedef struct {
  int n_exited;
  gboolean is_told; /* of the end */
} EndHeard;

static void
count_exited (MpProcess *process,
              int        exit_code,
              EndHeard     *heard)
{
  g_assert_cmpint (exit_code, ==, mp_process_get_exit_code (process));
  heard->n_exited++;
}

/* By the same letter, after the signal */
static void
on_alive_notified (MpProcess  *process,
                   GParamSpec *pspec,
                   EndHeard      *heard)
{
  heard->is_told = !mp_process_is_alive (process);
}

static gboolean
start_in_form (MpProcess  *process,
               gboolean    is_async,
               GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!is_async)
    return mp_process_start (process, error);
  mp_process_start_async (process, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  return mp_process_start_finish (process, result, error);
}

static gboolean
has_passed (gpointer unused)
{
  return !g_main_context_pending (NULL);
}

/* One rule, whatever it is that fails: a start that fails tells so itself and emits no "exited" */
static void
assert_tells_once (MpContext  *context,
                   const char *target,
                   gboolean    is_async,
                   MpError     code,
                   gboolean    start_fails,
                   MpProcessState state,
                   int         exit_code)
{
  g_autoptr (MpProcess) process = mp_process_new (context, target, NULL);
  g_autoptr (GError) error = NULL;
  EndHeard heard = { 0, FALSE };

  g_signal_connect (process, "exited", G_CALLBACK (count_exited), &heard);
  g_signal_connect (process, "notify::alive", G_CALLBACK (on_alive_notified), &heard);
  g_assert_true (start_in_form (process, is_async, &error) == !start_fails);
  if (!start_fails)
    g_assert_false (mp_process_join (process, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, (int) code);
  if (state == MP_PROCESS_STATE_STOPPED)
    mp_test_run_until_set (&heard.is_told);
  mp_test_run_until (has_passed, NULL);
  g_assert_cmpint (heard.n_exited, ==, start_fails ? 0 : 1);
  g_assert_cmpint (mp_process_get_state (process), ==, state);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, exit_code);
}

static void
test_failed_starts (gconstpointer is_async)
{
  const gboolean async = GPOINTER_TO_INT (is_async);
  const char *missing_argv[] = { "no-such-interpreter", NULL }, *early_argv[] = { "/bin/sh", "-c", "exit 3", NULL };
  g_autoptr (MpLauncher) missing = mp_launcher_new ("native", missing_argv);
  g_autoptr (MpLauncher) early = mp_launcher_new ("native", early_argv);

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autoptr (MpContext) context = mp_context_new (methods[i], NULL);
      g_autoptr (MpLauncher) template_ = g_object_new (MP_TYPE_LAUNCHER, "argv", missing_argv, "has-template", TRUE,
                                                       NULL);
      g_autoptr (MpContext) without_program = mp_context_new (methods[i], template_);

      assert_tells_once (context, "nonesuch", async, MP_ERROR_NO_TARGET, TRUE, MP_PROCESS_STATE_INITIAL, 0);
      assert_tells_once (context, "/nonesuch.so#run", async, MP_ERROR_NO_TARGET, async, MP_PROCESS_STATE_STOPPED, 1);
      assert_tells_once (without_program, "nothing", async, MP_ERROR_START_FAILED, TRUE, MP_PROCESS_STATE_STOPPED,
                         MP_EXIT_CODE_UNKNOWN);
    }
  {
    g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, missing);
    g_autoptr (MpContext) short_lived = mp_context_new (MP_START_METHOD_SPAWN, early);

    assert_tells_once (context, "nothing", async, MP_ERROR_START_FAILED, TRUE, MP_PROCESS_STATE_STOPPED,
                       MP_EXIT_CODE_UNKNOWN);
    assert_tells_once (short_lived, "nothing", async, MP_ERROR_START_FAILED, async, MP_PROCESS_STATE_STOPPED, 3);
  }
}

static void
test_missing_program (void)
{
  const char *argv[] = { "no-such-interpreter", NULL };
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, launcher);
  g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);
  g_autoptr (MpContext) lost = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpProcess) nowhere = mp_process_new (lost, "nothing", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
  g_assert_nonnull (strstr (error->message, "no-such-interpreter"));
  g_clear_error (&error);

  mp_context_set_working_directory (lost, "/no/such/folder");
  g_assert_false (mp_process_start (nowhere, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
  g_assert_nonnull (strstr (error->message, "/no/such/folder"));
}

static void
test_no_template (void)
{
  const char *argv[] = { "/bin/true", NULL };
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, launcher);
  g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  g_assert_null (mp_launcher_lookup ("cobol", &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
}

static void
test_misuse (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, "nothing", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_process_join (process, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_process_join (mp_process_get_current (), -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_cmpint (mp_process_get_pid (mp_process_get_current ()), ==, getpid ());
}

/* --- the template ----------------------------------------------------------------------------------------- */

static int
get_parent (int pid)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *content = NULL;
  int parent = 0;

  g_assert_true (g_file_get_contents (file, &content, NULL, NULL));
  g_assert_cmpint (sscanf (strrchr (content, ')'), ") %*c %d", &parent), ==, 1);
  return parent;
}

/* After a start: it has said that the child is made, and forks the spare before it rests */
static void
wait_until_rests (int template_)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/stat", template_);
  char state = '\0';

  while (state != 'S')
    {
      g_autofree char *content = NULL;

      g_assert_true (g_file_get_contents (file, &content, NULL, NULL));
      g_assert_cmpint (sscanf (strrchr (content, ')'), ") %c", &state), ==, 1);
      g_thread_yield ();
    }
}

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
end (MpProcess *process)
{
  mp_process_kill (process, NULL);
  join (process);
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
  end (survivor);
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
  end (survivor);
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
      end (child);
      return;
    }
  mp_process_kill (child, NULL);
  g_assert_false (mp_process_join (child, 1.5, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (waitpid (pid, NULL, __WALL), ==, pid);
  join (child);
  g_assert_cmpint (mp_process_get_exit_code (child), ==, -SIGKILL);
}

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
  end (first);
  end (second);
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

      end (processes[i]);
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
  end (first);
}

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

static void
test_host_dies (gconstpointer data)
{
  const char *mode = data;
  const char *argv[] = { "/proc/self/exe", "--host", mode, NULL };
  int pids[N_CHILDREN + 2], pidfds[N_CHILDREN + 1], out;
  g_autoptr (GError) error = NULL;
  GPid host;
  gint64 killed;

  g_test_summary ("SIGKILL of the host ends every child within a second");
  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &host,
                            NULL, &out, NULL, &error);
  g_assert_no_error (error);
  mp_test_poll (out, POLLIN);
  g_assert_cmpint (read (out, pids, sizeof pids), ==, sizeof pids);
  for (int i = 0; i <= N_CHILDREN; i++)
    {
      pidfds[i] = (int) syscall (SYS_pidfd_open, pids[i], 0);
      g_assert_cmpint (pidfds[i], >=, 0);
    }

  killed = g_get_monotonic_time ();
  kill (host, SIGKILL);
  for (int i = 0; i <= N_CHILDREN; i++)
    {
      mp_test_poll (pidfds[i], POLLIN);
      close (pidfds[i]);
    }
  g_test_message ("%s: all children gone after %.1f ms", mode, (double) (g_get_monotonic_time () - killed) / 1000);
  g_assert_cmpint (g_get_monotonic_time () - killed, <, G_USEC_PER_SEC);
  mp_test_wait (host);
  if (pids[N_CHILDREN + 1] != 0)
    kill (pids[N_CHILDREN + 1], SIGKILL);
  close (out);
}

/* --- a child that cannot begin ---------------------------------------------------------------------------- */

#define MISSING "/nonesuch.so#run"
#define RUBBISH "echo rubbish >&3; exec tail -f /dev/null"

/* Who is waited for */
static gpointer
put_at_end_of_input (gpointer data)
{
  char byte;

  while (read (STDIN_FILENO, &byte, 1) > 0)
    ;
  mp_queue_put (data, g_variant_new_string ("over"), MP_TEST_DEADLINE, NULL, NULL);
  return NULL;
}

/* Waits for what a child would have to do that cannot begin; ends when its input does */
static int
waiting_main (const char *mode)
{
  gboolean forkserver = strstr (mode, "forkserver") != NULL;
  g_autoptr (MpContext) context = mp_context_new (forkserver ? MP_START_METHOD_FORKSERVER : MP_START_METHOD_SPAWN,
                                                  NULL);
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", (const char *[]) { "/bin/sh", "-c", RUBBISH, NULL });
  g_autoptr (MpContext) talking = mp_context_new (MP_START_METHOD_SPAWN, launcher);
  g_autoptr (MpProcess) process = strcmp (mode, "rubbish") == 0 ? mp_process_new (talking, "nothing", NULL)
                                                                 : mp_process_new (context, MISSING, NULL);
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;
  GThread *thread;

  if (start_in_form (process, strstr (mode, "async") != NULL, &error) == (strstr (mode, "async") != NULL))
    return 2;
  thread = g_thread_new ("put", put_at_end_of_input, queue);
  item = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, NULL);
  g_thread_join (thread);
  return item != NULL && mp_shutdown (MP_TEST_DEADLINE, NULL, NULL) ? 0 : 1;
}

static char *
read_until (int         fd,
            const char *wanted)
{
  GString *text = g_string_new (NULL);
  char bytes[256];
  ssize_t n;

  do
    {
      mp_test_poll (fd, POLLIN | POLLHUP);
      n = read (fd, bytes, sizeof bytes);
      g_assert_cmpint (n, >=, 0);
      g_string_append_len (text, bytes, n);
    }
  while (n > 0 && (wanted == NULL || strstr (text->str, wanted) == NULL));
  return g_string_free (text, FALSE);
}

static void
test_told_while_waiting (gconstpointer data)
{
  const char *mode = data;
  const char *argv[] = { "/proc/self/exe", "--waiting", mode, NULL };
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (GError) error = NULL;
  int in, err;
  GPid program;

  g_test_summary ("Who waits for what a child was to do that cannot begin is told, once; who waits for its start is "
                  "not, and has the error");
  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &program, &in, NULL,
                            &err, &error);
  g_assert_no_error (error);
  if (strstr (mode, "async") == NULL)
    {
      before = read_until (err, strcmp (mode, "rubbish") == 0 ? ": Process-1: " : "nonesuch.so: ");
      g_assert_nonnull (strstr (before, ": Process-1: "));
    }
  close (in);
  after = read_until (err, NULL);
  g_assert_null (strstr (after, ": Process-1: ")); /* who talks rubbish is told of in other words, too */
  g_assert_cmpint (mp_test_wait (program), ==, 0);
  close (err);
}

static int is_telling, has_told; /* atomic */

/* Is done only when the main thread waits */
static GLogWriterOutput
write_slowly (GLogLevelFlags   level,
              const GLogField *fields,
              gsize            n_fields,
              gpointer         data)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", getpid ());
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);
  int looks = 0;

  g_atomic_int_set (&is_telling, 1);
  while (looks < 50 && g_get_monotonic_time () < deadline)
    {
      g_autofree char *text = NULL;
      const char *state = g_file_get_contents (path, &text, NULL, NULL) ? strrchr (text, ')') : NULL;

      looks = state != NULL && strncmp (state, ") S", 3) == 0 ? looks + 1 : 0;
    }
  g_atomic_int_set (&has_told, 1);
  return G_LOG_WRITER_HANDLED;
}

static int
ending_main (const char *method)
{
  gboolean forkserver = strcmp (method, "forkserver") == 0;
  g_autoptr (MpContext) context = mp_context_new (forkserver ? MP_START_METHOD_FORKSERVER : MP_START_METHOD_SPAWN,
                                                  NULL);
  g_autoptr (MpProcess) process = mp_process_new (context, MISSING, NULL);

  g_log_set_writer_func (write_slowly, NULL, NULL);
  if (!mp_process_start (process, NULL))
    return 2;
  while (!g_atomic_int_get (&is_telling))
    sched_yield ();
  if (!mp_shutdown (MP_TEST_DEADLINE, NULL, NULL))
    return 3;
  return g_atomic_int_get (&has_told) ? 0 : 1;
}

static void
test_told_before_end (gconstpointer method)
{
  const char *argv[] = { "/proc/self/exe", "--ending", method, NULL };
  g_autoptr (GError) error = NULL;
  GPid program;

  g_test_summary ("The end of the program waits until it has been told of a child that could not begin");
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &program, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_wait (program), ==, 0);
}

/* --- main ------------------------------------------------------------------------------------------------- */

static void
warm_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* GLib keeps a thread for tasks, and its descriptors, from the first on */
  run_with_methods (test_without_loop);
}

int
main (int    argc,
      char **argv)
{
  register_targets ();
  mp_init ();
  if (argc == 3 && strcmp (argv[1], "--host") == 0)
    return host_main (argv[2]);
  if (argc == 3 && strcmp (argv[1], "--waiting") == 0)
    return waiting_main (argv[2]);
  if (argc == 3 && strcmp (argv[1], "--ending") == 0)
    return ending_main (argv[2]);
  if (argc == 2 && strcmp (argv[1], "--orphans") == 0)
    return orphans_main ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
#define ADD(path, func) mp_test_add_data (path, func, run_with_methods)
  ADD ("/process/ends", test_ends);
  ADD ("/process/kill", test_kill);
  ADD ("/process/states", test_states);
  ADD ("/process/names", test_names);
  ADD ("/process/auth-key", test_auth_key);
  ADD ("/process/no-function", test_no_function);
  ADD ("/process/sentinel", test_sentinel);
  ADD ("/process/surroundings", test_surroundings);
  ADD ("/process/nested", test_nested);
  ADD ("/process/connection", test_connection);
  ADD ("/process/sigchld-ignored", test_sigchld_ignored);
  ADD ("/process/signals", test_signals);
  ADD ("/process/signals-after-join", test_signals_after_join);
  ADD ("/process/without-loop", test_without_loop);
  ADD ("/process/async", test_async);
  ADD ("/process/no-target", test_no_target);
  ADD ("/process/busy-host", test_busy_host);
  ADD ("/process/children", test_children);
  ADD ("/process/strange-fork", test_strange_fork);
  mp_test_add ("/process/close-before-start", test_close_before_start);
  mp_test_add ("/process/program", test_program);
  mp_test_add ("/process/programs", test_programs);
  mp_test_add ("/process/missing-program", test_missing_program);
  mp_test_add_data ("/process/failed-starts/start", GINT_TO_POINTER (FALSE), test_failed_starts);
  mp_test_add_data ("/process/failed-starts/start-async", GINT_TO_POINTER (TRUE), test_failed_starts);
  mp_test_add ("/process/no-template", test_no_template);
  mp_test_add ("/process/misuse", test_misuse);
  mp_test_add ("/process/template-killed", test_template_killed);
  mp_test_add ("/process/template-without-descriptors", test_template_without_descriptors);
  mp_test_add ("/process/host-without-descriptors", test_host_without_descriptors);
  mp_test_add_data ("/process/template-stopped/start", GINT_TO_POINTER (FALSE), test_template_stopped);
  mp_test_add_data ("/process/template-stopped/start-async", GINT_TO_POINTER (TRUE), test_template_stopped);
  mp_test_add ("/process/template-stopped/end", test_template_does_not_tell);
  mp_test_add ("/process/template-late", test_template_is_late);
  mp_test_add ("/process/orphans/adopted", test_orphans);
  mp_test_add ("/process/orphans/unreaped", test_unreaped_orphans);
  mp_test_add ("/process/template-leaves-none", test_template_leaves_none);
  mp_test_add ("/process/start-interrupted", test_start_interrupted);
  mp_test_add_data ("/process/host/spawn", "spawn", test_host_dies);
  mp_test_add_data ("/process/host/forkserver", "forkserver", test_host_dies);
  mp_test_add_data ("/process/host/spawn-computing", "spawn computing", test_host_dies);
  mp_test_add_data ("/process/host/forkserver-computing", "forkserver computing", test_host_dies);
  mp_test_add_data ("/process/host/spawn-forked", "spawn forked", test_host_dies);
  mp_test_add_data ("/process/host/forkserver-forked", "forkserver forked", test_host_dies);
  mp_test_add_data ("/process/told/spawn", "spawn", test_told_while_waiting);
  mp_test_add_data ("/process/told/forkserver", "forkserver", test_told_while_waiting);
  mp_test_add_data ("/process/told/spawn-async", "spawn async", test_told_while_waiting);
  mp_test_add_data ("/process/told/forkserver-async", "forkserver async", test_told_while_waiting);
  mp_test_add_data ("/process/told/rubbish", "rubbish", test_told_while_waiting);
  mp_test_add_data ("/process/told-before-end/spawn", "spawn", test_told_before_end);
  mp_test_add_data ("/process/told-before-end/forkserver", "forkserver", test_told_before_end);
  return g_test_run ();
}
