/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Workers that die, lie or never come, and what becomes of their pool. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mp-test.h"
#include "mp-worker-private.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

/* What a death or a failure to start may take until it is known, on a machine as busy as it may be:
 * less than all that it could have waited for.
 */
#define AT_ONCE (10 * G_USEC_PER_SEC)

/* --- workers that lie ------------------------------------------------------------------------------------- */

/* Bytes that are no packet. */
static GVariant *
target_babble (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       user_data,
               GError       **error)
{
  MpTransport *transport = mp_worker_get_transport (mp_worker_get_current ());

  g_assert_cmpint (send (mp_transport_get_fd (transport), "babble", 6, 0), ==, 6);
  raise (SIGSTOP); /* until it is killed */
  return NULL;
}

/* (uu): a frame of that kind, about the task whose number is so much too high */
static GVariant *
target_lie (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       user_data,
            GError       **error)
{
  MpTransport *transport = mp_worker_get_transport (mp_worker_get_current ());
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_string ("lie"));
  guint kind, excess;

  g_variant_get (value, "(uu)", &kind, &excess);
  mp_transport_push (transport, mp_frame_new (kind, 1 + excess, 0, NULL, message), NULL);
  raise (SIGSTOP); /* until it is killed */
  return NULL;
}

/* Answers its task, the first one, and then returns. */
static GVariant *
target_answer_twice (MpMessage     *arguments,
                     GCancellable  *cancellable,
                     gpointer       user_data,
                     GError       **error)
{
  MpTransport *transport = mp_worker_get_transport (mp_worker_get_current ());

  mp_transport_push (transport, mp_frame_new (MP_FRAME_RESULT, 1, 0, NULL, NULL), NULL);
  return NULL;
}

static void
keep_message (MpPool      *pool,
              int          pid,
              int          exit_code,
              const char  *message,
              char       **location)
{
  *location = g_strdup (message);
}

static void
test_answer_twice (void)
{
  MpPool *pool = pool_new (1);
  g_autofree char *message = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  gulong handler = g_signal_connect (pool, "worker-lost", G_CALLBACK (keep_message), &message);

  g_test_summary ("A worker that lies while it has nothing to do is replaced, too.");

  value = mp_pool_apply (pool, "answer-twice", NULL, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  mp_test_run_until (mp_test_has_pointer, &message);
  g_assert_cmpstr (message, ==, "killed, because it answered what it was not asked");
  g_signal_handler_disconnect (pool, handler);
  assert_works (pool);
  pool_finish (pool);
}

static void
test_lies (void)
{
  const struct {
    MpFrameKind kind;
    guint excess;
  } lies[] = {
    { MP_FRAME_RESULT, 1 },       /* a task that it does not have */
    { MP_FRAME_ERROR, 0 },        /* no report */
    { MP_FRAME_PROGRESS, 0 },     /* no progress */
    { MP_FRAME_WITHDRAWN, 0 },    /* nobody has cancelled anything */
    { MP_FRAME_TASK, 0 },         /* not a worker's to say */
  };

  g_test_summary ("A worker that does not keep to the protocol is killed; only its task is lost, with the reason.");

  for (guint i = 0; i <= G_N_ELEMENTS (lies); i++)
    {
      MpPool *pool = pool_new (1);
      g_autoptr (GError) error = NULL;

      if (i == G_N_ELEMENTS (lies))
        g_assert_null (mp_pool_apply (pool, "babble", NULL, DEADLINE, NULL, &error));
      else
        g_assert_null (mp_pool_apply (pool, "lie", g_variant_new ("(uu)", lies[i].kind, lies[i].excess),
                                      DEADLINE, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_LOST);
      assert_works (pool);
      pool_finish (pool);
    }
}

/* --- workers that die ------------------------------------------------------------------------------------- */

static void
assert_lost (MpPool     *pool,
             const char *target,
             gint64      argument,
             const char *how)
{
  g_autoptr (GError) error = NULL;
  gint64 begin;

  /* There is a worker, so that only its end takes time */
  assert_works (pool);

  begin = g_get_monotonic_time ();
  g_assert_null (mp_pool_apply (pool, target, g_variant_new_int64 (argument), DEADLINE, NULL, &error));
  g_assert_cmpint (g_get_monotonic_time () - begin, <, AT_ONCE);
  g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_LOST);
  g_assert_nonnull (strstr (error->message, how));
  g_assert_nonnull (strstr (error->message, target));
  g_assert_nonnull (strstr (error->message, "PoolWorker-"));
}

static void
test_deaths (void)
{
  const MpStartMethod methods[] = { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER };

  g_test_summary ("Whoever waits for a worker that dies learns how it died, at once.");

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autoptr (MpContext) context = mp_context_new (methods[i], NULL);
      MpPool *pool = mp_pool_new (1, context);

      assert_lost (pool, "raise", SIGKILL, "signal 9 (SIGKILL)");
      assert_lost (pool, "raise", SIGSEGV, "signal 11 (SIGSEGV)");
      assert_lost (pool, "exit", 3, "exit code 3");
      assert_lost (pool, "exit", 0, "exit code 0");
      pool_finish (pool);
    }
}

static void
test_one_deadly_item (void)
{
  g_test_summary ("A deadly item of a map fails alone, wherever it is in its chunk.");

  for (guint chunk_size = 0; chunk_size <= 12; chunk_size += 4)
    {
      MpPool *pool = pool_new (2);
      MpPoolResult *result = mp_pool_submit_map (pool, "square-but-seven", numbers_new (20), chunk_size, NULL);
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_pool_result_get (result, DEADLINE, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_LOST);
      g_assert_true (g_str_has_prefix (error->message, "Item 7: "));
      g_assert_nonnull (strstr (error->message, "signal 9 (SIGKILL)"));
      g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_WORKER_LOST);
      for (guint i = 0; i < 20; i++)
        {
          g_clear_error (&error);
          if (i != 7)
            g_assert_cmpint (take_int64 (mp_pool_result_get_item (result, i, &error)), ==, i * i);
          else
            g_assert_null (mp_pool_result_get_item (result, i, &error));
        }
      g_assert_finalize_object (result);
      pool_finish (pool);
    }
}

static void
assert_gone_on (MpPoolResult *result,
                guint         index)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_pool_result_get_item (result, index, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "gone on");
}

static void
test_killed_during_map (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { "", "", gate->path, "", "", "", "" };
  MpPoolResult *result = mp_pool_submit_map (pool, "gate-or-go", g_variant_new_strv (items, 7), 5, NULL);
  g_autoptr (GError) error = NULL;
  gint64 begin;

  g_test_summary ("A worker killed from outside takes one item with it, and that is known within a second.");

  g_assert_cmpint (kill (gate_await (gate), SIGKILL), ==, 0);
  begin = g_get_monotonic_time ();
  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, &error));
  g_assert_cmpint (g_get_monotonic_time () - begin, <, AT_ONCE);

  for (guint i = 0; i < 7; i++)
    if (i != 2)
      assert_gone_on (result, i);
  g_assert_null (mp_pool_result_get_item (result, 2, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_LOST);
  g_assert_finalize_object (result);
  gate_free (gate);
  pool_finish (pool);
}

static void
on_worker_lost (MpPool     *pool,
                int         pid,
                int         exit_code,
                const char *message,
                int        *lost_pid)
{
  g_assert_cmpint (exit_code, ==, -SIGKILL);
  g_assert_cmpstr (message, ==, "signal 9 (SIGKILL)");
  *lost_pid = pid;
}

static gboolean
is_set (gpointer pid)
{
  return *(int *) pid != 0;
}

static void
test_killed_idle (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A worker killed while it has nothing to do is told of and replaced.");

  for (guint i = 0; i < 3; i++)
    {
      int pid = (int) take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, &error));
      int lost_pid = 0;
      gulong handler = g_signal_connect (pool, "worker-lost", G_CALLBACK (on_worker_lost), &lost_pid);

      g_assert_no_error (error);
      g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
      mp_test_run_until (is_set, &lost_pid);
      g_assert_cmpint (lost_pid, ==, pid);
      g_signal_handler_disconnect (pool, handler);
    }
  pool_finish (pool);
}

/* --- the storm -------------------------------------------------------------------------------------------- */

#define N_ITEMS 1000

typedef struct
{
  MpPool *pool;
  guint n_ends[N_ITEMS];
  guint n_finished;
  guint n_kills;
  GHashTable *killed; /* processes whose end was not told of yet */
} Storm;

static void
kill_one (Storm *storm)
{
  GListModel *workers = mp_pool_get_workers (storm->pool);
  guint n = g_list_model_get_n_items (workers);
  g_autoptr (MpPoolWorker) worker = NULL;
  int pid;

  if (n == 0)
    return;

  worker = g_list_model_get_item (workers, (guint) g_test_rand_int_range (0, (gint32) n));
  pid = mp_pool_worker_get_pid (worker);
  if (pid > 0 && kill (pid, SIGKILL) == 0 && g_hash_table_add (storm->killed, GINT_TO_POINTER (pid)))
    storm->n_kills++;
}

static void
on_killed_worker_lost (MpPool     *pool,
                       int         pid,
                       int         exit_code,
                       const char *message,
                       Storm      *storm)
{
  g_assert_cmpint (exit_code, ==, -SIGKILL);
  g_assert_true (g_hash_table_remove (storm->killed, GINT_TO_POINTER (pid)));
}

static void
on_item_finished (MpPoolResult *result,
                  guint         index,
                  Storm        *storm)
{
  storm->n_ends[index]++;
  storm->n_finished++;
  if (g_test_rand_int_range (0, 12) == 0)
    kill_one (storm);
}

static void
audit (Storm        *storm,
       MpPoolResult *result)
{
  guint n_lost = 0;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_pool_result_get_item (result, i, &error);

      g_assert_cmpuint (storm->n_ends[i], ==, 1);
      if (value != NULL)
        g_assert_cmpint (g_variant_get_int64 (value), ==, (gint64) i * i);
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_WORKER_LOST);
      n_lost += value == NULL;
    }

  g_assert_cmpuint (storm->n_kills, >, 0);
  g_assert_cmpuint (n_lost, <=, storm->n_kills);
  g_test_message ("%u kills, %u items lost", storm->n_kills, n_lost);
}

static gboolean
is_over (gpointer data)
{
  Storm *storm = data;

  return storm->n_finished == N_ITEMS && g_hash_table_size (storm->killed) == 0;
}

static void
test_storm (gconstpointer data)
{
  const MpStartMethod *method = data;
  g_autoptr (MpContext) context = mp_context_new (*method, NULL);
  g_autofree Storm *storm = g_new0 (Storm, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = NULL;
  MpPoolResult *result;
  gulong handler;

  g_test_summary ("Whatever workers are killed during a map: each item ends once, with its value or as lost.");

  storm->killed = g_hash_table_new (NULL, NULL);
  storm->pool = mp_pool_new (3, context);
  handler = g_signal_connect (storm->pool, "worker-lost", G_CALLBACK (on_killed_worker_lost), storm);
  result = mp_pool_submit_map (storm->pool, "square-slowly", numbers_new (N_ITEMS), 0, NULL);
  g_signal_connect (result, "item-finished", G_CALLBACK (on_item_finished), storm);
  mp_test_run_until (is_over, storm);
  audit (storm, result);

  /* And the pool is as good as new */
  values = mp_pool_map (storm->pool, "square", numbers_new (100), 0, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_squares (values, 100);
  g_assert_finalize_object (result);
  g_signal_handler_disconnect (storm->pool, handler);
  g_hash_table_unref (storm->killed);
  pool_finish (storm->pool);
}

/* --- workers that cannot load what they are to run -------------------------------------------------------- */

static GVariant *
target_give_up (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       user_data,
                GError       **error)
{
  mp_worker_report (mp_worker_get_current (), MP_ERROR_NO_TARGET, NULL, "it is not for workers", "the place", NULL,
                    NULL, 0);
  _exit (1);
}

static GVariant *
target_hang_loading (MpMessage     *arguments,
                     GCancellable  *cancellable,
                     gpointer       user_data,
                     GError       **error)
{
  mp_worker_begin_loading (mp_worker_get_current (), "Something", "it helps to wake it");
  pause ();
  return NULL;
}

/* What the worker that it would start shows is that none may be started. */
static GVariant *
target_load (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       user_data,
             GError       **error)
{
  MpWorker *worker = mp_worker_get_current ();
  g_autoptr (MpProcess) process = mp_process_new (NULL, "square", NULL);
  g_autoptr (GError) refusal = NULL;

  mp_worker_begin_loading (worker, "Something", NULL);
  mp_worker_begin_loading (worker, "Something in it", NULL);
  g_assert_false (mp_process_start (process, &refusal));
  g_assert_error (refusal, MP_ERROR, MP_ERROR_START_FAILED);
  mp_worker_end_loading (worker);
  raise (SIGSTOP); /* longer than it may load */
  return NULL;
}

static void
assert_has_no_target (MpPoolResult *result,
                      guint         n_items,
                      const char   *reason)
{
  for (guint i = 0; i < n_items; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_pool_result_get_item (result, i, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_TARGET);
      g_assert_nonnull (strstr (error->message, reason));
    }
}

static void
test_unloadable (void)
{
  const struct {
    const char *target;
    const char *reason;
  } rows[] = {
    { "give-up", "it is not for workers" },
    { "hang-loading", "Something was not loaded within 1 s (the context's hello-timeout), so its process was ended: "
                      "something hangs while it is loaded; it helps to wake it" },
  };

  g_test_summary ("A target that cannot be loaded ends what waits for it, with the reason; other tasks are done.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    for (guint chunk_size = 0; chunk_size <= 30; chunk_size += 15)
      {
        g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
        g_autoptr (MpPoolResult) map = NULL;
        g_autoptr (MpPoolResult) other = NULL;
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) report = NULL;
        MpPool *pool;

        mp_context_set_hello_timeout (context, 1);
        pool = mp_pool_new (2, context);
        map = mp_pool_submit_map (pool, rows[i].target, numbers_new (30), chunk_size, NULL);
        other = mp_pool_submit (pool, rows[i].target, NULL, NULL);
        g_assert_false (mp_pool_result_wait (map, DEADLINE, NULL, NULL) && mp_pool_result_is_successful (map));
        g_assert_cmpint (mp_pool_result_get_state (map), ==, MP_TASK_STATE_FAILED);
        assert_has_no_target (map, 30, rows[i].reason);
        report = mp_pool_result_get_report (map);
        g_assert_nonnull (report);
        g_assert_null (mp_pool_result_get (other, DEADLINE, NULL, &error));
        g_assert_error (error, MP_ERROR, MP_ERROR_NO_TARGET);
        assert_works (pool);
        pool_finish (pool);
      }
}

static void
test_loaded (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  g_autoptr (MpPoolResult) result = NULL;
  g_autoptr (GError) error = NULL;
  MpPool *pool;

  g_test_summary ("What was loaded in time may take its time, and no process is started while something is loaded.");

  mp_context_set_hello_timeout (context, 1);
  pool = mp_pool_new (1, context);
  result = mp_pool_submit (pool, "load", NULL, NULL);
  g_assert_null (mp_pool_result_get (result, 1.5, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_RUNNING);
  mp_pool_terminate (pool);
  pool_finish (pool);
}

/* --- workers that never come ------------------------------------------------------------------------------ */

static MpPool *
new_pool_of (const char * const *argv)
{
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, launcher);

  mp_context_set_hello_timeout (context, 0.3);
  return mp_pool_new (2, context);
}

/* All of them */
static void
keep_messages (MpPool      *pool,
               int          pid,
               int          exit_code,
               const char  *message,
               GPtrArray   *messages)
{
  g_ptr_array_add (messages, g_strdup (message));
}

static gboolean
has_some (gpointer messages)
{
  return ((GPtrArray *) messages)->len > 0;
}

static void
assert_all_say (GPtrArray  *messages,
                const char *expected)
{
  mp_test_run_until (has_some, messages);
  for (guint i = 0; i < messages->len; i++)
    g_assert_nonnull (strstr (g_ptr_array_index (messages, i), expected));
}

static void
test_no_start (void)
{
  const struct {
    const char *argv[4];
    const char *expected;
    MpError code;
  } workers[] = {
    { { "/nonexistent/worker" }, "/nonexistent/worker", MP_ERROR_START_FAILED },
    { { "/bin/false" }, "exit code 1", MP_ERROR_START_FAILED },
    { { "/bin/true" }, "exit code 0", MP_ERROR_START_FAILED },
    { { "/bin/sh", "-c", "ulimit -c 0; kill -SEGV $$" }, "signal 11 (SIGSEGV)", MP_ERROR_START_FAILED },
    { { "/bin/sh", "-c", "kill -KILL $$" }, "signal 9 (SIGKILL)", MP_ERROR_START_FAILED },
    { { "/bin/sleep", "1000" }, "0.3 s", MP_ERROR_START_FAILED },
  };

  g_test_summary ("When workers do not start, tasks fail with the reason, at once; new tasks try again.");

  for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
    {
      MpPool *pool = new_pool_of (workers[i].argv);
      g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func (g_free);
      gulong handler = g_signal_connect (pool, "worker-lost", G_CALLBACK (keep_messages), messages);

      for (guint j = 0; j < 2; j++)
        {
          g_autoptr (MpPoolResult) map = mp_pool_submit_map (pool, "square", numbers_new (50), 0, NULL);
          g_autoptr (GError) error = NULL;
          gint64 begin = g_get_monotonic_time ();

          g_assert_null (mp_pool_apply (pool, "square", g_variant_new_int64 (4), DEADLINE, NULL, &error));
          g_assert_error (error, MP_ERROR, (int) workers[i].code);
          g_assert_nonnull (strstr (error->message, workers[i].expected));
          g_clear_error (&error);
          g_assert_null (mp_pool_result_get (map, 0, NULL, &error));
          g_assert_error (error, MP_ERROR, (int) workers[i].code);
          g_assert_cmpint (g_get_monotonic_time () - begin, <, AT_ONCE);
        }
      assert_all_say (messages, workers[i].expected);
      g_signal_handler_disconnect (pool, handler);
      pool_finish (pool);
    }
}

static void
test_template_killed_early (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *log = g_build_filename (g_getenv ("TMPDIR"), "starts", NULL);
  const char *script = "echo >> \"$0\"; [ $(wc -l < \"$0\") -gt 3 ] || kill -KILL $$; exec \"$1\"";
  const char *argv[] = { "/bin/sh", "-c", script, log, path, NULL };
  g_autoptr (MpLauncher) launcher = g_object_new (MP_TYPE_LAUNCHER, "language", "native", "argv", argv,
                                                  "has-template", TRUE, NULL);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, launcher);
  MpPool *pool = mp_pool_new (2, context);
  g_autoptr (GVariant) squares = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A fork server that is killed before it is ready, three times in a row, fails no task.");

  squares = mp_pool_map (pool, "square", numbers_new (50), 0, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_squares (squares, 50);
  pool_finish (pool);
  unlink (log);
}

/* A program that did not call mp_init(), as another process. */
static int
run_without_init (void)
{
  MpPool *pool = mp_pool_new (2, NULL);
  g_autoptr (GError) error = NULL;

  if (mp_pool_apply (pool, "square", g_variant_new_int64 (4), DEADLINE, NULL, &error) != NULL)
    return 2;
  if (!g_error_matches (error, MP_ERROR, MP_ERROR_NOT_INITIALIZED) || strstr (error->message, "mp_init") == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 3;
    }
  g_object_unref (pool);
  return 0;
}

static void
test_without_init (void)
{
  GPid pid = mp_test_spawn ("test-pool-loss", "--without-init", (const int[]) { -1 });

  g_test_summary ("A pool of a program that did not call mp_init() says so.");

  g_assert_cmpint (mp_test_wait (pid), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  static const MpStartMethod spawn = MP_START_METHOD_SPAWN, forkserver = MP_START_METHOD_FORKSERVER;

  if (argc > 1 && strcmp (argv[1], "--without-init") == 0)
    return run_without_init ();

  mp_register_target ("babble", target_babble, NULL, NULL);
  mp_register_target ("lie", target_lie, NULL, NULL);
  mp_register_target ("answer-twice", target_answer_twice, NULL, NULL);
  mp_register_target ("give-up", target_give_up, NULL, NULL);
  mp_register_target ("hang-loading", target_hang_loading, NULL, NULL);
  mp_register_target ("load", target_load, NULL, NULL);
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool-loss/lies", test_lies);
  mp_test_add ("/pool-loss/answer-twice", test_answer_twice);
  mp_test_add ("/pool-loss/deaths", test_deaths);
  mp_test_add ("/pool-loss/one-deadly-item", test_one_deadly_item);
  mp_test_add ("/pool-loss/killed-during-map", test_killed_during_map);
  mp_test_add ("/pool-loss/killed-idle", test_killed_idle);
  mp_test_add ("/pool-loss/unloadable", test_unloadable);
  mp_test_add ("/pool-loss/loaded", test_loaded);
  mp_test_add_data ("/pool-loss/storm/spawn", &spawn, test_storm);
  mp_test_add_data ("/pool-loss/storm/forkserver", &forkserver, test_storm);
  mp_test_add ("/pool-loss/no-start", test_no_start);
  mp_test_add ("/pool-loss/template-killed-early", test_template_killed_early);
  mp_test_add ("/pool-loss/without-init", test_without_init);
  return g_test_run ();
}
