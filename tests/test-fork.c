/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a process can do that a stranger forks from one whose other threads, mp-engine among them, are in the middle of
 * whatever the library does: ask the objects that it finds, and make its own. */

#include <sys/wait.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test.h"

#define N_FORKS 40

static int stop;

static GVariant *
target_nothing (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  return g_variant_new_int32 (1);
}

static gboolean
run (MpContext  *context,
     GError    **error)
{
  g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);

  return mp_process_start (process, error) && mp_process_join (process, MP_TEST_DEADLINE, NULL, error);
}

/* --- the parent's threads --------------------------------------------------------------------------------- */

/* Nothing that takes locks of GLib's own, which a child may find held whatever the library does */
static gpointer
ask (gpointer process)
{
  while (!g_atomic_int_get (&stop))
    {
      g_autofree char *name = mp_process_dup_name (process);

      mp_process_is_alive (process);
      mp_process_get_exit_code (process);
      mp_process_join (process, 0, NULL, NULL);
      mp_launcher_lookup ("python", NULL);
    }
  return NULL;
}

/* --- the child -------------------------------------------------------------------------------------------- */

static gpointer
run_thread (gpointer context)
{
  g_autoptr (GError) error = NULL;

  if (!run (context, &error))
    g_error ("A forked process cannot start a process: %s", error->message);
  return NULL;
}

/* Two at once: each may be who makes what a process has only one of */
static void
make_processes (MpContext *context)
{
  GThread *thread = g_thread_new ("first", run_thread, context);

  run_thread (context);
  g_thread_join (thread);
}

static void
ask_of_parent (MpProcess *process)
{
  g_autofree char *name = mp_process_dup_name (process), *text = mp_process_to_string (process);
  g_autoptr (MpMessage) message = mp_process_ref_message (process);
  g_autoptr (GVariant) report = mp_process_get_report (process);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (name, ==, "Asked");
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 0);
  g_assert_cmpint (mp_process_get_state (process), ==, MP_PROCESS_STATE_STOPPED);
  g_assert_cmpint (mp_process_get_pid (process), >, 0);
  g_assert_cmpint (mp_process_get_sentinel (process), >=, 0); /* it has ended */
  g_assert_false (mp_process_is_alive (process));
  g_assert_false (mp_process_join (process, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FORKED);
}

static void
be_child (MpProcess *process,
          MpContext *context)
{
  g_autoptr (MpConnection) first = NULL, second = NULL;
  g_autoptr (GListModel) children = NULL;

  alarm ((guint) MP_TEST_DEADLINE);
  ask_of_parent (process);
  g_assert_cmpint (mp_process_get_pid (mp_process_get_current ()), ==, getpid ());
  children = mp_process_get_children ();
  g_assert_cmpuint (g_list_model_get_n_items (children), ==, 0);
  g_assert_true (mp_connection_new_pair (TRUE, &first, &second, NULL));
  make_processes (context);
  while (g_main_context_iteration (NULL, FALSE)) /* nothing of the parent's is delivered here */
    ;
  g_object_unref (process);
  _exit (0);
}

/* --- tests ------------------------------------------------------------------------------------------------ */

#define N_STARTED 4

static void
on_exited (MpProcess *process,
           int        exit_code,
           gpointer   pid)
{
  if (getpid () != GPOINTER_TO_INT (pid))
    _exit (3);
}

static MpProcess *
new_heard (MpContext  *context,
           const char *name)
{
  MpProcess *process = mp_process_new (context, "nothing", g_variant_new ("(i)", 1));

  mp_process_set_name (process, name);
  g_signal_connect (process, "exited", G_CALLBACK (on_exited), GINT_TO_POINTER (getpid ()));
  return process;
}

/* Forks while mp-engine is starting processes and hears of their ends */
static void
fork_once (MpContext *context,
           MpProcess *asked)
{
  GAsyncResult *results[N_STARTED] = { NULL, };
  pid_t pid;

  for (guint i = 0; i < N_STARTED; i++)
    {
      g_autoptr (MpProcess) process = new_heard (context, "Started");

      mp_process_start_async (process, NULL, mp_test_keep_result, &results[i]);
    }

  pid = fork ();
  if (pid == 0)
    be_child (asked, context);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
  for (guint i = 0; i < N_STARTED; i++)
    {
      mp_test_await_result (&results[i]);
      g_object_unref (results[i]);
    }
}

static gboolean
has_no_child (gpointer unused)
{
  g_autoptr (GListModel) children = mp_process_get_children ();

  return g_list_model_get_n_items (children) == 0;
}

static void
test_fork (gconstpointer method)
{
  g_autoptr (MpContext) context = mp_context_new ((MpStartMethod) GPOINTER_TO_INT (method), NULL);
  g_autoptr (MpProcess) asked = new_heard (context, "Asked");
  g_autoptr (GError) error = NULL;
  GThread *threads[2];

#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the allocator of the address sanitizer may be locked in a process forked beside threads");
  return;
#endif

  mp_process_start (asked, &error);
  g_assert_no_error (error);
  mp_process_join (asked, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);

  g_atomic_int_set (&stop, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("ask", ask, asked);
  for (int i = 0; i < N_FORKS; i++)
    fork_once (context, asked);
  g_atomic_int_set (&stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  mp_test_run_until (has_no_child, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Not by a template of the default context: that would stay, and might be seen only after the first comparison */
static void
warm_up (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (GError) error = NULL;

  g_type_ensure (G_TYPE_TASK); /* GLib keeps a thread for tasks, and its descriptors, from the first on */
  g_assert_true (run (context, &error));
}

int
main (int    argc,
      char **argv)
{
  mp_register_target ("nothing", target_nothing, NULL, NULL);
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  mp_test_add_data ("/fork/spawn", GINT_TO_POINTER (MP_START_METHOD_SPAWN), test_fork);
  mp_test_add_data ("/fork/forkserver", GINT_TO_POINTER (MP_START_METHOD_FORKSERVER), test_fork);
  return g_test_run ();
}
