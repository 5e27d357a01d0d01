/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools: how they end, and what is left of them then. */

#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

static void
test_close (void)
{
  MpPool *pool = pool_new (2);
  MpPoolResult *result = mp_pool_submit_map (pool, "square", numbers_new (100), 1, NULL);
  MpPoolResult *late, *late_map;
  MpResultIterator *iterator;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = NULL;

  g_test_summary ("A closed pool does what it has, refuses what comes, and ends.");

  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_RUNNING);
  g_assert_false (mp_pool_join (pool, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  iterator = mp_pool_imap (pool, "square", NULL, 0, TRUE, NULL);
  mp_pool_close (pool);
  mp_pool_close (pool);
  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_CLOSING);
  late = mp_pool_submit (pool, "square", g_variant_new_int64 (1), NULL);
  late_map = mp_pool_submit_map (pool, "square", numbers_new (0), 0, NULL);
  g_assert_true (mp_pool_result_is_ready (late));
  g_assert_true (mp_pool_result_is_ready (late_map));
  g_assert_null (mp_pool_result_get (late, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (mp_pool_result_get (late_map, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (mp_result_iterator_push_item (iterator, g_variant_new_int64 (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  assert_exhausted (iterator);

  g_assert_true (mp_pool_join (pool, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_ENDED);
  g_assert_true (mp_pool_join (pool, 0, NULL, &error));
  values = mp_pool_result_get (result, 0, NULL, &error);
  g_assert_no_error (error);
  assert_squares (values, 100);

  g_assert_finalize_object (result);
  g_assert_finalize_object (late);
  g_assert_finalize_object (late_map);
  g_assert_finalize_object (iterator);
  g_assert_finalize_object (pool);
}

static void
test_close_unused (void)
{
  MpPool *pool = pool_new (4);
  g_autofree char *text = mp_pool_to_string (pool);

  g_test_summary ("A pool that had no task starts no worker and ends at once.");

  g_assert_cmpstr (text, ==, "<Mp.Pool state=running workers=4>");
  g_assert_cmpuint (g_list_model_get_n_items (mp_pool_get_workers (pool)), ==, 0);
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, 0, NULL, NULL));
  g_assert_finalize_object (pool);

  pool = pool_new (0);
  g_assert_cmpuint (mp_pool_get_n_workers (pool), ==, mp_get_cpu_count ());
  mp_pool_terminate (pool);
  g_assert_true (mp_pool_join (pool, 0, NULL, NULL));
  g_assert_finalize_object (pool);
}

static void
test_terminate (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "stubborn-gate");
  g_autoptr (MpPoolResult) pending = mp_pool_submit (pool, "square", g_variant_new_int64 (1), NULL);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "square", numbers_new (3), 0, TRUE, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A terminated pool cancels everything at once and kills its workers.");

  gate_await (gate);
  mp_pool_terminate (pool);
  g_assert_true (mp_pool_result_is_ready (running));
  assert_cancelled (running);
  assert_cancelled (pending);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_null (mp_result_iterator_next (iterator, 0, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
    }
  assert_exhausted (iterator);

  g_assert_true (mp_pool_join (pool, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_ENDED);
  gate_free (gate);
  g_assert_finalize_object (pool);
}

static void
test_last_unref (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "stubborn-gate");
  g_autoptr (MpPoolResult) pending = mp_pool_submit_map (pool, "square", numbers_new (100), 1, NULL);

  g_test_summary ("Dropping a pool terminates it, without waiting; no process is left.");

  gate_await (gate);
  g_assert_finalize_object (pool);
  g_assert_true (mp_pool_result_is_ready (running));
  g_assert_true (mp_pool_result_is_ready (pending));
  assert_cancelled (running);
  assert_cancelled (pending);
  gate_free (gate);
}

static void
test_drop_starting (void)
{
  g_test_summary ("A pool may be dropped while its workers start.");

  for (guint i = 0; i < 20; i++)
    {
      MpPool *pool = pool_new (3);

      g_object_unref (mp_pool_submit (pool, "square", g_variant_new_int64 (1), NULL));
      g_object_unref (pool);
    }
}

static void
test_forgotten_results (void)
{
  MpPool *pool = pool_new (2);
  MpPoolResult *last = NULL;
  gpointer watched = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A program without a main loop piles up no results that nobody holds.");

  for (guint i = 0; i < 2000; i++)
    {
      g_clear_object (&last);
      last = mp_pool_submit (pool, "square", g_variant_new_int64 (i), NULL);
      if (i == 1) /* which nobody waits for */
        {
          watched = last;
          g_object_add_weak_pointer (watched, &watched);
        }
      if (i % 100 == 0)
        g_assert_true (mp_pool_result_wait (last, DEADLINE, NULL, &error));
    }
  g_assert_true (mp_pool_result_wait (last, DEADLINE, NULL, &error));
  g_assert_null (watched);
  g_assert_finalize_object (last);
  pool_finish (pool);
}

static void
test_context_that_never_runs (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  MpPool *pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "main-context", context, NULL);
  MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);
  MpPoolResult *other = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);

  g_test_summary ("A pool that could never tell anything goes with all it has when it is dropped.");

  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
  mp_pool_close (pool);
  g_assert_finalize_object (pool);
  g_assert_finalize_object (result);
  g_assert_finalize_object (other);
}

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool/close", test_close);
  mp_test_add ("/pool/close-unused", test_close_unused);
  mp_test_add ("/pool/terminate", test_terminate);
  mp_test_add ("/pool/last-unref", test_last_unref);
  mp_test_add ("/pool/drop-starting", test_drop_starting);
  mp_test_add ("/pool/forgotten-results", test_forgotten_results);
  mp_test_add ("/pool/context-that-never-runs", test_context_that_never_runs);
  return g_test_run ();
}
