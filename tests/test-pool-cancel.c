/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools: who gives up, and what becomes of the task. */

#include "mp-dispatcher-private.h"
#include "mp-pool-private.h"
#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

static void
test_timeout (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  MpPoolResult *result = gate_submit (gate, pool, "gate");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("Giving up a wait leaves the task alone.");

  g_assert_false (mp_pool_result_wait (result, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  gate_await (gate);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_RUNNING);
  g_assert_null (mp_pool_result_get (result, 0.001, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (mp_pool_result_get_message (result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_null (mp_pool_result_get (result, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  gate_open (gate);
  value = mp_pool_result_get (result, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");
  g_assert_finalize_object (result);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_apply_timeout (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, gate->path, gate->path };
  g_autoptr (GError) error = NULL;

  g_test_summary ("Giving up a blocking call cancels it, so that its worker is free again.");

  g_assert_null (mp_pool_apply (pool, "gate", g_variant_new_string (gate->path), 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  assert_works (pool);

  g_assert_null (mp_pool_map (pool, "gate", g_variant_new_strv (items, 3), 0, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_cancel (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "gate");
  g_autoptr (MpPoolResult) pending = mp_pool_submit (pool, "exit", g_variant_new_int64 (1), NULL);
  g_autoptr (MpPoolResult) map = mp_pool_submit_map (pool, "exit", numbers_new (10), 0, NULL);
  gint64 pid;

  g_test_summary ("What is pending is cancelled at once and never runs; what runs is asked to end.");

  gate_await (gate);
  mp_pool_result_cancel (pending);
  g_assert_true (mp_pool_result_is_ready (pending));
  assert_cancelled (pending);
  mp_pool_result_cancel (map);
  g_assert_true (mp_pool_result_is_ready (map));
  assert_cancelled (map);

  g_assert_false (mp_pool_result_is_ready (running));
  g_assert_false (mp_pool_result_is_successful (running));
  mp_pool_result_cancel (running);
  mp_pool_result_cancel (running);
  assert_cancelled (running);
  mp_pool_result_cancel (running);

  pid = take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, NULL));
  g_assert_cmpint (take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, NULL)), ==, pid);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_cancel_stubborn (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "stubborn-gate");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("A function that does not look at its cancellable ends as it ends.");

  gate_await (gate);
  mp_pool_result_cancel (running);
  g_assert_cmpint (mp_pool_result_get_state (running), ==, MP_TASK_STATE_RUNNING);
  gate_open (gate);
  value = mp_pool_result_get (running, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_cancel_handlers (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  MpPoolResult *running = gate_submit (gate, pool, "handle-cancellation");
  g_autoptr (GVariant) thread = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Handlers of a function's cancellable have a stack of the usual size, and keep nobody from working.");

  gate_await (gate);
  mp_pool_result_cancel (running);
  gate_await_leave (gate);
  thread = mp_pool_result_get (running, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (thread, NULL), ==, "mp-cancel");

  g_assert_finalize_object (running);
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_report_amid_complaints (void)
{
  MpPool *pool = pool_new (1);
  MpPump *pump = mp_dispatcher_get_pump (mp_pool_get_dispatcher (pool));
  Gate *first = gate_new ();
  Gate *second = gate_new ();
  MpPoolResult *result = mp_pool_submit (pool, "report-amid-complaints",
                                         g_variant_new ("(ss)", first->path, second->path), NULL);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A thread of a worker's that waits for its parent to listen keeps no other one from reporting.");

  gate_await (first);
  mp_pump_lock (pump); /* nobody listens */
  gate_open (first);
  gate_await (second);
  mp_pump_unlock (pump);
  value = mp_pool_result_get (result, DEADLINE, NULL, &error);
  g_assert_no_error (error);

  g_assert_finalize_object (result);
  gate_free (first);
  gate_free (second);
  pool_finish (pool);
}

static void
test_cancel_chunk (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, "/nonexistent/1", "/nonexistent/2", "/nonexistent/3" };
  g_autoptr (MpPoolResult) map = mp_pool_submit_map (pool, "stubborn-gate", g_variant_new_strv (items, 4), 4, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("Items that were sent and not begun are withdrawn; the one that runs keeps its result.");

  gate_await (gate);
  mp_pool_result_cancel (map);
  gate_open (gate);
  assert_cancelled (map);
  value = mp_pool_result_get_item (map, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");
  for (guint i = 1; i < 4; i++)
    {
      g_assert_null (mp_pool_result_get_item (map, i, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
    }
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

/* Cancels half of what another thread submits. */
typedef struct
{
  GMutex lock;
  GCond has_more;
  MpPoolResult *results[1000];
  guint n_submitted;
} Race;

static MpPoolResult *
await_submitted (Race  *race,
                 guint  index)
{
  MpPoolResult *result;

  g_mutex_lock (&race->lock);
  while (race->n_submitted <= index)
    g_cond_wait (&race->has_more, &race->lock);
  result = race->results[index];
  g_mutex_unlock (&race->lock);
  return result;
}

static gpointer
cancel_some (gpointer data)
{
  Race *race = data;

  for (guint i = 0; i < G_N_ELEMENTS (race->results); i++)
    {
      MpPoolResult *result = await_submitted (race, i);

      if (g_random_boolean ())
        mp_pool_result_cancel (result);
    }
  return NULL;
}

static void
submit_all (Race   *race,
            MpPool *pool)
{
  for (guint i = 0; i < G_N_ELEMENTS (race->results); i++)
    {
      MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (i), NULL);

      g_mutex_lock (&race->lock);
      race->results[race->n_submitted++] = result;
      g_cond_signal (&race->has_more);
      g_mutex_unlock (&race->lock);
    }
}

static void
test_cancel_races (void)
{
  MpPool *pool = pool_new (2);
  Race race = { .n_submitted = 0 };
  GThread *thread = g_thread_new ("canceller", cancel_some, &race);
  guint n_cancelled = 0;

  g_test_summary ("Whenever a task is cancelled, it has one end, and no other task suffers.");

  submit_all (&race, pool);
  for (guint i = 0; i < G_N_ELEMENTS (race.results); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_pool_result_get (race.results[i], DEADLINE, NULL, &error);

      if (value != NULL)
        g_assert_cmpint (g_variant_get_int64 (value), ==, (gint64) i * i);
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      n_cancelled += value == NULL;
    }
  g_thread_join (thread);
  g_test_message ("%u cancelled", n_cancelled);
  for (guint i = 0; i < G_N_ELEMENTS (race.results); i++)
    g_assert_finalize_object (race.results[i]);
  assert_works (pool);
  pool_finish (pool);
}

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool/timeout", test_timeout);
  mp_test_add ("/pool/apply-timeout", test_apply_timeout);
  mp_test_add ("/pool/cancel", test_cancel);
  mp_test_add ("/pool/cancel-stubborn", test_cancel_stubborn);
  mp_test_add ("/pool/cancel-handlers", test_cancel_handlers);
  mp_test_add ("/pool/cancel-chunk", test_cancel_chunk);
  mp_test_add ("/pool/report-amid-complaints", test_report_amid_complaints);
  mp_test_add ("/pool/cancel-races", test_cancel_races);
  return g_test_run ();
}
