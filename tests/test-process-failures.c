/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes that cannot start: failures that name the thing and the remedy. */

#include <string.h>

#include "mp-test.h"
#include "process-targets.h"

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

int
main (int   argc,
      char *argv[])
{
  process_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  add_with_methods ("/process/no-target", test_no_target);
  mp_test_add ("/process/programs", test_programs);
  mp_test_add ("/process/missing-program", test_missing_program);
  mp_test_add_data ("/process/failed-starts/start", GINT_TO_POINTER (FALSE), test_failed_starts);
  mp_test_add_data ("/process/failed-starts/start-async", GINT_TO_POINTER (TRUE), test_failed_starts);
  mp_test_add ("/process/no-template", test_no_template);
  return g_test_run ();
}
