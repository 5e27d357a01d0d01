/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A pool has much to tell at once: other sources of the main loop have their turns in between.
 */

#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

/* As many as are told in one turn, at the very most; each test has more than three times as many. */
#define PORTION 256
#define N_MANY  1000

/* What is told between two turns of another source of the same priority. */
typedef struct
{
  guint n_told;
  guint n_last; /* in the turn before */
  guint n_most;
  gboolean is_over;
  MpPool *pool;
} Turns;

static gboolean
take_turn (gpointer data)
{
  Turns *turns = data;

  turns->n_most = MAX (turns->n_most, turns->n_told - turns->n_last);
  turns->n_last = turns->n_told;
  return G_SOURCE_CONTINUE;
}

static void
run_with_turns (Turns *turns)
{
  guint id = g_idle_add_full (G_PRIORITY_DEFAULT, take_turn, turns, NULL);

  mp_test_run_until_set (&turns->is_over);
  g_source_remove (id);
  take_turn (turns);
  g_assert_cmpuint (turns->n_most, <=, PORTION);
}

static void
count_finished (MpPoolResult *result,
                Turns        *turns)
{
  g_assert_null (g_object_get_data (G_OBJECT (result), "told"));
  g_object_set_data (G_OBJECT (result), "told", turns);
  if (++turns->n_told == N_MANY)
    turns->is_over = TRUE;
}

/* Nothing is told before the main loop runs. */
static void
submit_many (MpPool    *pool,
             GCallback  handler,
             gpointer   data)
{
  for (guint i = 0; i < N_MANY; i++)
    {
      g_autoptr (MpPoolResult) result = mp_pool_submit (pool, "square", g_variant_new_int64 (i), NULL);

      g_signal_connect (result, "finished", handler, data);
    }
}

static void
await_all (MpPool *pool)
{
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, DEADLINE, NULL, NULL));
}

static void
test_many (void)
{
  MpPool *pool = pool_new (1);
  Turns turns = { 0, };

  g_test_summary ("Other sources have their turns between the ends of many tasks.");

  submit_many (pool, G_CALLBACK (count_finished), &turns);
  await_all (pool);
  run_with_turns (&turns);
  g_assert_cmpuint (turns.n_told, ==, N_MANY);
  g_assert_finalize_object (pool);
}

static void
note_ended (MpPool     *pool,
            GParamSpec *pspec,
            Turns      *turns)
{
  g_assert_cmpuint (turns->n_told, ==, N_MANY);
  g_assert_false (turns->is_over);
  turns->is_over = mp_pool_get_state (pool) == MP_POOL_STATE_ENDED;
}

static void
count_cancelled (MpPoolResult *result,
                 Turns        *turns)
{
  g_assert_cmpint (mp_pool_result_get_state (result), >, MP_TASK_STATE_RUNNING);
  turns->n_told++;
}

static void
test_terminated (void)
{
  MpPool *pool = pool_new (1);
  Turns turns = { 0, };

  g_test_summary ("So have they when a pool with many tasks is terminated, which tells of its own end last.");

  submit_many (pool, G_CALLBACK (count_cancelled), &turns);
  g_signal_connect (pool, "notify::state", G_CALLBACK (note_ended), &turns);
  mp_pool_terminate (pool);
  g_assert_true (mp_pool_join (pool, DEADLINE, NULL, NULL));
  run_with_turns (&turns);
  g_assert_cmpuint (turns.n_told, ==, N_MANY);
  g_assert_finalize_object (pool);
}

static void
count_item (MpPoolResult *result,
            guint         index,
            Turns        *turns)
{
  g_assert_false (turns->is_over);
  g_assert_cmpuint (index, ==, turns->n_told);
  turns->n_told++;
}

static void
note_end_of_map (MpPoolResult *result,
                 Turns        *turns)
{
  g_assert_false (turns->is_over);
  g_assert_cmpuint (turns->n_told, ==, N_MANY);
  turns->is_over = TRUE;
}

static void
test_map (void)
{
  MpPool *pool = pool_new (1);
  MpPoolResult *result = mp_pool_submit_map (pool, "square", numbers_new (N_MANY), 0, NULL);
  Turns turns = { 0, };

  g_test_summary ("Other sources have their turns between the ends of a map's items; that of the map comes last.");

  g_signal_connect (result, "item-finished", G_CALLBACK (count_item), &turns);
  g_signal_connect (result, "finished", G_CALLBACK (note_end_of_map), &turns);
  await_all (pool);
  run_with_turns (&turns);
  g_assert_finalize_object (result);
  g_assert_finalize_object (pool);
}

static void
count_within (MpPoolResult *result,
              Turns        *turns)
{
  if (++turns->n_told == 1)
    mp_test_run_until_set (&turns->is_over);
  else if (turns->n_told == N_MANY)
    turns->is_over = TRUE;
}

static void
count_item_within (MpPoolResult *result,
                   guint         index,
                   Turns        *turns)
{
  count_item (result, index, turns);
  if (index == 0)
    mp_test_run_until_set (&turns->is_over);
}

static void
test_nested_loop (void)
{
  MpPool *pool = pool_new (1);
  MpPoolResult *map;
  Turns turns = { 0, };

  g_test_summary ("In a loop that a handler runs the rest is told, once and in order.");

  submit_many (pool, G_CALLBACK (count_within), &turns);
  await_all (pool);
  mp_test_run_until_set (&turns.is_over);
  g_assert_cmpuint (turns.n_told, ==, N_MANY);
  g_assert_finalize_object (pool);

  turns = (Turns) { 0, };
  pool = pool_new (1);
  map = mp_pool_submit_map (pool, "square", numbers_new (N_MANY), 0, NULL);
  g_signal_connect (map, "item-finished", G_CALLBACK (count_item_within), &turns);
  g_signal_connect (map, "finished", G_CALLBACK (note_end_of_map), &turns);
  await_all (pool);
  mp_test_run_until_set (&turns.is_over);
  g_assert_cmpuint (turns.n_told, ==, N_MANY);
  g_assert_finalize_object (map);
  g_assert_finalize_object (pool);
}

static void
count_and_drop (MpPoolResult *result,
                Turns        *turns)
{
  if (turns->n_told == PORTION / 2)
    g_clear_object (&turns->pool);
  count_finished (result, turns);
}

static void
test_dropped (void)
{
  Turns turns = { .pool = pool_new (1) };

  g_test_summary ("What is left to tell when a handler drops the pool is told all the same.");

  g_object_add_weak_pointer (G_OBJECT (turns.pool), (gpointer *) &turns.pool);
  submit_many (turns.pool, G_CALLBACK (count_and_drop), &turns);
  run_with_turns (&turns);
  g_assert_null (turns.pool);
  g_assert_cmpuint (turns.n_told, ==, N_MANY);
}

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool-turns/many", test_many);
  mp_test_add ("/pool-turns/terminated", test_terminated);
  mp_test_add ("/pool-turns/map", test_map);
  mp_test_add ("/pool-turns/nested-loop", test_nested_loop);
  mp_test_add ("/pool-turns/dropped", test_dropped);
  return g_test_run ();
}
