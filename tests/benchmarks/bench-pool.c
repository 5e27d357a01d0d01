/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-bench.h"

/* Tasks that do nothing or little, by a pool of two workers, beside the pools of
 * other libraries in the yardsticks: one after another, blocking and in a main
 * loop; 64 under way in a main loop; maps.
 */

#define N_WORKERS 2
#define WINDOW    64

static GVariant *
do_nothing (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       user_data,
            GError       **error)
{
  return NULL;
}

static GVariant *
pow3 (MpMessage     *arguments,
      GCancellable  *cancellable,
      gpointer       user_data,
      GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  gint64 x = g_variant_get_int64 (value);

  return g_variant_new_int64 (x * x * x);
}

static void
apply (guint64  n,
       gpointer pool)
{
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_pool_apply (pool, "nothing", NULL, -1, NULL, &error);

      g_assert_no_error (error);
    }
}

typedef struct
{
  MpPool *pool;
  GMainLoop *loop;
  guint64 n_to_submit;
  guint64 n_to_finish;
} Window;

static void submit_one (Window *window);

static void
on_finished (MpPoolResult *result,
             Window       *window)
{
  g_assert_true (mp_pool_result_is_successful (result));
  if (window->n_to_submit > 0)
    submit_one (window);
  if (--window->n_to_finish == 0)
    g_main_loop_quit (window->loop);
}

static void
submit_one (Window *window)
{
  g_autoptr (MpPoolResult) result = mp_pool_submit (window->pool, "nothing", NULL, NULL);

  g_signal_connect (result, "finished", G_CALLBACK (on_finished), window);
  window->n_to_submit--;
}

static void
submit_in_loop (guint64  n,
                gpointer pool)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Window window = { .pool = pool, .loop = loop, .n_to_submit = n, .n_to_finish = n };

  for (guint i = 0; i < WINDOW && window.n_to_submit > 0; i++)
    submit_one (&window);
  g_main_loop_run (loop);
}

static void
submit_one_in_loop (guint64  n,
                    gpointer pool)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Window window = { .pool = pool, .loop = loop, .n_to_submit = n, .n_to_finish = n };

  submit_one (&window);
  g_main_loop_run (loop);
}

static void
map (guint64     n,
     MpPool     *pool,
     const char *target)
{
  g_autofree gint64 *numbers = g_new (gint64, n);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = NULL;

  for (guint64 i = 0; i < n; i++)
    numbers[i] = (gint64) i;
  values = mp_pool_map (pool, target, g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, n, sizeof (gint64)),
                        0, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (values), ==, n);
}

static void
map_nothing (guint64  n,
             gpointer pool)
{
  map (n, pool, "nothing");
}

static void
map_pow3 (guint64  n,
          gpointer pool)
{
  map (n, pool, "pow3");
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (MpPool) pool = NULL;

  mp_register_target ("nothing", do_nothing, NULL, NULL);
  mp_register_target ("pow3", pow3, NULL, NULL);
  mp_init ();
  mp_bench_init (argc, argv);

  pool = mp_pool_new (N_WORKERS, NULL);
  apply (100, pool);
  mp_bench_run ("pool.latency", MP_BENCH_NANOSECONDS, apply, pool);
  mp_bench_run ("pool.latency.loop", MP_BENCH_NANOSECONDS, submit_one_in_loop, pool);
  mp_bench_run ("pool.async", MP_BENCH_PER_SECOND, submit_in_loop, pool);
  mp_bench_run ("pool.map-noop", MP_BENCH_PER_SECOND, map_nothing, pool);
  mp_bench_run ("pool.map-pow3", MP_BENCH_PER_SECOND, map_pow3, pool);

  return 0;
}
