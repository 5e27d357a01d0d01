/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes of native programs, by every start method: how they run and end, and who hears of it. */

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

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

/* --- main ------------------------------------------------------------------------------------------------- */

int
main (int   argc,
      char *argv[])
{
  process_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  add_with_methods ("/process/ends", test_ends);
  add_with_methods ("/process/kill", test_kill);
  add_with_methods ("/process/states", test_states);
  add_with_methods ("/process/sentinel", test_sentinel);
  add_with_methods ("/process/sigchld-ignored", test_sigchld_ignored);
  add_with_methods ("/process/signals", test_signals);
  add_with_methods ("/process/signals-after-join", test_signals_after_join);
  add_with_methods ("/process/without-loop", run_without_loop);
  add_with_methods ("/process/async", test_async);
  mp_test_add ("/process/close-before-start", test_close_before_start);
  mp_test_add ("/process/misuse", test_misuse);
  return g_test_run ();
}
