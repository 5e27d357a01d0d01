/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools in a program with a main loop: signals, notifications, asynchronous
 * calls, and nothing at all when nothing happens.
 */

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

/* --- signals ---------------------------------------------------------------------------------------------- */

/* What a result has told, as text. */
typedef struct
{
  GString *log;
  GThread *thread;
  gboolean is_finished;
} Listener;

static Listener
listener_new (void)
{
  return (Listener) { .log = g_string_new (NULL), .thread = g_thread_self () };
}

static void
listener_clear (Listener *self)
{
  g_string_free (self->log, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listener, listener_clear)

static void
on_item_finished (MpPoolResult *result,
                  guint         index,
                  Listener     *listener)
{
  g_assert_true (g_thread_self () == listener->thread);
  g_assert_false (listener->is_finished);
  g_string_append_printf (listener->log, "item%u ", index);
}

static void
on_progress (MpPoolResult *result,
             gdouble       fraction,
             const char   *text,
             Listener     *listener)
{
  g_assert_true (g_thread_self () == listener->thread);
  g_assert_false (listener->is_finished);
  g_string_append_printf (listener->log, "progress(%g,%s) ", fraction, text);
}

static void
on_state (MpPoolResult *result,
          GParamSpec   *pspec,
          Listener     *listener)
{
  const char *names[] = { "pending", "running", "done", "failed", "cancelled", "timed-out", "worker-lost" };

  g_assert_true (g_thread_self () == listener->thread);
  g_assert_false (listener->is_finished);
  g_string_append_printf (listener->log, "%s ", names[mp_pool_result_get_state (result)]);
}

static void
on_finished (MpPoolResult *result,
             Listener     *listener)
{
  g_assert_true (g_thread_self () == listener->thread);
  g_assert_false (listener->is_finished);
  g_assert_true (mp_pool_result_is_ready (result));
  g_string_append (listener->log, "finished");
  listener->is_finished = TRUE;
}

static void
listen (Listener     *self,
        MpPoolResult *result)
{
  g_signal_connect (result, "item-finished", G_CALLBACK (on_item_finished), self);
  g_signal_connect (result, "progress-changed", G_CALLBACK (on_progress), self);
  g_signal_connect (result, "notify::state", G_CALLBACK (on_state), self);
  g_signal_connect (result, "finished", G_CALLBACK (on_finished), self);
}

static void
test_signals (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_auto (Listener) listener = listener_new ();
  MpPoolResult *blocker = gate_submit (gate, pool, "gate");
  MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);

  g_test_summary ("A result tells how it goes on, in order, to handlers connected after it was made.");

  listen (&listener, result);
  gate_await (gate);
  gate_open (gate);
  g_assert_cmpstr (listener.log->str, ==, ""); /* nothing but a main loop tells */
  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
  g_assert_cmpstr (listener.log->str, ==, "");
  mp_test_run_until_set (&listener.is_finished);

  /* It was running and done before the loop ran: told together */
  g_assert_cmpstr (listener.log->str, ==, "done finished");
  g_assert_finalize_object (result);
  g_assert_finalize_object (blocker);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_signals_of_map (void)
{
  MpPool *pool = pool_new (1);
  g_auto (Listener) listener = listener_new ();
  MpPoolResult *result = mp_pool_submit_map (pool, "square", numbers_new (3), 3, NULL);

  g_test_summary ("A map tells of each of its items once, before its end.");

  listen (&listener, result);
  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
  mp_test_run_until_set (&listener.is_finished);
  g_assert_cmpstr (listener.log->str, ==, "item0 item1 item2 done progress(1,(null)) finished");
  g_assert_finalize_object (result);
  pool_finish (pool);
}

static gboolean
has_said (gpointer data)
{
  return strstr (((Listener *) data)->log->str, "half way") != NULL;
}

static void
test_progress (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_auto (Listener) listener = listener_new ();
  MpPoolResult *result = gate_submit (gate, pool, "report-at-gate");
  g_autofree char *text = NULL;

  g_test_summary ("What a function reports arrives while it runs.");

  listen (&listener, result);
  mp_test_run_until (has_said, &listener);
  g_assert_cmpfloat (mp_pool_result_get_fraction (result), ==, 0.5);
  text = mp_pool_result_get_text (result);
  g_assert_cmpstr (text, ==, "half way");
  gate_await (gate);
  gate_open (gate);
  mp_test_run_until_set (&listener.is_finished);
  g_assert_cmpstr (listener.log->str, ==, "running progress(0.5,half way) done finished");
  g_assert_finalize_object (result);
  gate_free (gate);
  pool_finish (pool);
}

static void
count_progress (MpPoolResult *result,
                gdouble       fraction,
                const char   *text,
                guint        *n)
{
  (*n)++;
}

static void
test_fast_progress (void)
{
  MpPool *pool = pool_new (1);
  g_auto (Listener) listener = listener_new ();
  gint64 begin = g_get_monotonic_time ();
  MpPoolResult *result = mp_pool_submit (pool, "report", g_variant_new_int64 (20000), NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  guint n_told = 0;

  g_test_summary ("Of reports that come too fast most are skipped, but never the last.");

  g_signal_connect (result, "progress-changed", G_CALLBACK (count_progress), &n_told);
  g_signal_connect (result, "finished", G_CALLBACK (on_finished), &listener);
  mp_test_run_until_set (&listener.is_finished);
  text = mp_pool_result_get_text (result);
  g_assert_cmpstr (text, ==, "step 20000");
  /* 50 in a second, the first one and the last one */
  g_assert_cmpuint (n_told, <=, (guint) ((g_get_monotonic_time () - begin) / 20000) + 2);
  g_assert_cmpuint (n_told, >=, 1);
  g_assert_finalize_object (result);
  pool_finish (pool);
}

static void
count_and_cancel (MpPoolResult *result,
                  gdouble       fraction,
                  const char   *text,
                  guint        *n)
{
  (*n)++;
  mp_pool_result_cancel (result);
}

static void
test_cancel_at_progress (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_auto (Listener) listener = listener_new ();
  MpPoolResult *result = gate_submit (gate, pool, "report-at-gate");
  guint n_told = 0;

  g_test_summary ("Who cancels when there is progress does not make news by it.");

  g_signal_connect (result, "progress-changed", G_CALLBACK (count_and_cancel), &n_told);
  g_signal_connect (result, "finished", G_CALLBACK (on_finished), &listener);
  mp_test_run_until_set (&listener.is_finished);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_CANCELLED);
  g_assert_cmpuint (n_told, ==, 1);
  gate_free (gate);
  g_assert_finalize_object (result);
  pool_finish (pool);
}

static void
test_forgotten (void)
{
  MpPool *pool = pool_new (2);
  g_auto (Listener) listener = listener_new ();
  gpointer watched = NULL;
  MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);

  g_test_summary ("A result that is listened to may be forgotten: it lives until it has told its end.");

  g_signal_connect (result, "finished", G_CALLBACK (on_finished), &listener);
  watched = result;
  g_object_add_weak_pointer (watched, &watched);
  g_object_unref (result);
  g_assert_nonnull (watched);
  mp_test_run_until_set (&listener.is_finished);
  g_assert_null (watched);
  pool_finish (pool);
}

static void
on_task_finished (MpPool       *pool,
                  MpPoolResult *result,
                  GString      *log)
{
  const char *name = mp_pool_result_get_name (result);

  g_assert_true (mp_pool_result_is_ready (result));
  g_string_append_printf (log, "%s ", name != NULL ? name : "-");
}

static gboolean
is_complete (gpointer data)
{
  return strlen (((GString *) data)->str) >= strlen ("one two - - ");
}

static void
test_task_finished (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (MpTaskOptions) one = g_object_new (MP_TYPE_TASK_OPTIONS, "name", "one", NULL);
  g_autoptr (MpTaskOptions) two = g_object_new (MP_TYPE_TASK_OPTIONS, "name", "two", NULL);
  g_autoptr (GError) error = NULL;
  gulong handler = g_signal_connect (pool, "task-finished", G_CALLBACK (on_task_finished), log);

  g_test_summary ("The pool tells of all its tasks, those that nobody holds a result of too.");

  g_object_unref (mp_pool_submit (pool, "square", g_variant_new_int64 (4), one));
  g_object_unref (mp_pool_submit_map (pool, "square", numbers_new (10), 0, two));
  g_variant_unref (mp_pool_apply (pool, "square", g_variant_new_int64 (4), DEADLINE, NULL, &error));
  g_variant_unref (mp_pool_map (pool, "square", numbers_new (10), 0, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  mp_test_run_until (is_complete, log);
  g_assert_cmpstr (log->str, ==, "one two - - ");
  g_signal_handler_disconnect (pool, handler);
  pool_finish (pool);
}

/* --- contexts --------------------------------------------------------------------------------------------- */

static gpointer
run_loop (gpointer loop)
{
  g_main_loop_run (loop);
  return NULL;
}

static void
on_finished_elsewhere (MpPoolResult *result,
                       GThread     **thread)
{
  g_atomic_pointer_set (thread, g_thread_self ());
}

static gboolean
is_told (gpointer thread)
{
  return g_atomic_pointer_get ((GThread **) thread) != NULL;
}

static gboolean
wake_up (gpointer data)
{
  g_main_context_wakeup (NULL);
  return G_SOURCE_CONTINUE;
}

static void
test_main_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainContext) kept = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  MpPool *pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "main-context", context, NULL);
  MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);
  g_autoptr (GSource) ticker = g_timeout_source_new (1);
  GThread *thread, *told_on = NULL;

  g_test_summary ("Signals come in the pool's main context and no other, whoever calls.");

  g_object_get (result, "main-context", &kept, NULL);
  g_assert_true (kept == context);
  g_signal_connect (result, "finished", G_CALLBACK (on_finished_elsewhere), &told_on);
  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (told_on);

  thread = g_thread_new ("loop", run_loop, loop);
  g_source_set_callback (ticker, wake_up, NULL, NULL);
  g_source_attach (ticker, context);
  mp_test_run_until (is_told, &told_on);
  g_assert_true (told_on == thread);
  g_source_destroy (ticker);
  g_main_loop_quit (loop);
  g_thread_join (thread);
  g_assert_finalize_object (result);
  pool_finish (pool);
  while (g_main_context_iteration (context, FALSE))
    ;
}

static gboolean
set_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_REMOVE;
}

static void
test_blocking_in_loop (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = NULL;
  gboolean has_run = FALSE;

  g_test_summary ("A blocking call runs nothing of its caller's main context.");

  g_idle_add_full (G_PRIORITY_HIGH, set_flag, &has_run, NULL);
  values = mp_pool_map (pool, "square", numbers_new (100), 0, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_squares (values, 100);
  g_assert_false (has_run);
  mp_test_run_until_set (&has_run);
  pool_finish (pool);
}

/* --- asynchronous calls ----------------------------------------------------------------------------------- */

static void
test_apply_async (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (GAsyncResult) square = NULL, map = NULL, failure = NULL, late = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = NULL;

  g_test_summary ("Asynchronous calls complete in the main loop, never before they return.");

  mp_pool_apply_async (pool, "square", g_variant_new_int64 (4), -1, NULL, mp_test_keep_result, &square);
  mp_pool_map_async (pool, "square", numbers_new (100), 0, -1, NULL, mp_test_keep_result, &map);
  mp_pool_apply_async (pool, "fail", NULL, -1, NULL, mp_test_keep_result, &failure);
  mp_test_await_result (&square);
  mp_test_await_result (&map);
  mp_test_await_result (&failure);
  g_assert_cmpint (take_int64 (mp_pool_apply_finish (pool, square, &error)), ==, 16);
  g_assert_no_error (error);
  values = mp_pool_map_finish (pool, map, &error);
  g_assert_no_error (error);
  assert_squares (values, 100);
  g_assert_null (mp_pool_apply_finish (pool, failure, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  mp_pool_close (pool);
  mp_pool_apply_async (pool, "square", g_variant_new_int64 (4), -1, NULL, mp_test_keep_result, &late);
  g_assert_null (late);
  mp_test_await_result (&late);
  g_assert_null (mp_pool_apply_finish (pool, late, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  g_clear_object (&square);
  g_clear_object (&map);
  g_clear_object (&failure);
  g_clear_object (&late);
  pool_finish (pool);
}

static void
test_async_gives_up (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) cancelled = NULL, timed_out = NULL, square = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Who cancels an asynchronous call or lets its time run out ends its task.");

  mp_pool_apply_async (pool, "gate", g_variant_new_string (gate->path), -1, cancellable,
                       mp_test_keep_result, &cancelled);
  gate_await (gate);
  g_cancellable_cancel (cancellable);
  g_assert_null (cancelled);
  mp_test_await_result (&cancelled);
  g_assert_null (mp_pool_apply_finish (pool, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  gate_await_leave (gate);

  mp_pool_apply_async (pool, "gate", g_variant_new_string (gate->path), 0.001, NULL,
                       mp_test_keep_result, &timed_out);
  gate_await (gate);
  mp_test_await_result (&timed_out);
  g_assert_null (mp_pool_apply_finish (pool, timed_out, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  gate_await_leave (gate);

  mp_pool_apply_async (pool, "square", g_variant_new_int64 (4), -1, NULL, mp_test_keep_result, &square);
  mp_test_await_result (&square);
  g_assert_cmpint (take_int64 (mp_pool_apply_finish (pool, square, &error)), ==, 16);
  g_clear_object (&cancelled);
  g_clear_object (&timed_out);
  g_clear_object (&square);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_result_async (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  MpPoolResult *result = gate_submit (gate, pool, "gate");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) waited = NULL, got = NULL, cancelled = NULL, timed_out = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("A result may be waited for several times; giving up a wait leaves the task alone.");

  mp_pool_result_wait_async (result, -1, NULL, mp_test_keep_result, &waited);
  mp_pool_result_get_async (result, DEADLINE, NULL, mp_test_keep_result, &got);
  mp_pool_result_get_async (result, -1, cancellable, mp_test_keep_result, &cancelled);
  mp_pool_result_wait_async (result, 0, NULL, mp_test_keep_result, &timed_out);
  gate_await (gate);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&cancelled);
  mp_test_await_result (&timed_out);
  g_assert_null (mp_pool_result_get_finish (result, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (mp_pool_result_wait_finish (result, timed_out, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_assert_null (waited);
  gate_open (gate);
  mp_test_await_result (&waited);
  mp_test_await_result (&got);
  g_assert_true (mp_pool_result_wait_finish (result, waited, &error));
  value = mp_pool_result_get_finish (result, got, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");

  mp_pool_result_wait_async (result, 0, NULL, mp_test_keep_result, &again);
  g_assert_null (again);
  mp_test_await_result (&again);
  g_assert_true (mp_pool_result_wait_finish (result, again, &error));

  g_clear_object (&waited);
  g_clear_object (&got);
  g_clear_object (&cancelled);
  g_clear_object (&timed_out);
  g_clear_object (&again);
  g_assert_finalize_object (result);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_next_async (void)
{
  MpPool *pool = pool_new (2);
  MpResultIterator *iterator = mp_pool_imap (pool, "square", NULL, 0, TRUE, NULL);
  GAsyncResult *results[12] = { NULL, };
  g_autoptr (GError) error = NULL;

  g_test_summary ("Several may wait for the next result: each gets one, in their order, and then the end.");

  for (guint i = 0; i < 12; i++)
    mp_result_iterator_next_async (iterator, -1, NULL, mp_test_keep_result, &results[i]);
  for (guint i = 0; i < 10; i++)
    g_assert_true (mp_result_iterator_push_item (iterator, g_variant_new_int64 (i), &error));
  mp_result_iterator_finish_items (iterator);

  for (guint i = 0; i < 12; i++)
    {
      mp_test_await_result (&results[i]);
      if (i < 10)
        g_assert_cmpint (take_int64 (mp_result_iterator_next_finish (iterator, results[i], &error)), ==, i * i);
      else
        {
          g_assert_null (mp_result_iterator_next_finish (iterator, results[i], &error));
          g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
          g_clear_error (&error);
        }
      g_assert_no_error (error);
      g_object_unref (results[i]);
    }
  g_assert_true (mp_result_iterator_is_exhausted (iterator));
  g_assert_finalize_object (iterator);
  pool_finish (pool);
}

static void
test_next_async_cancelled (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, gate->path };
  MpResultIterator *iterator = mp_pool_imap (pool, "gate", g_variant_new_strv (items, 2), 1, TRUE, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) cancelled = NULL, timed_out = NULL, taken = NULL;
  g_autoptr (GVariant) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Whoever gives up waiting for the next result takes none.");

  mp_result_iterator_next_async (iterator, -1, cancellable, mp_test_keep_result, &cancelled);
  mp_result_iterator_next_async (iterator, 0.001, NULL, mp_test_keep_result, &timed_out);
  gate_await (gate);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&cancelled);
  mp_test_await_result (&timed_out);
  g_assert_null (mp_result_iterator_next_finish (iterator, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (mp_result_iterator_next_finish (iterator, timed_out, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_result_iterator_next_async (iterator, -1, NULL, mp_test_keep_result, &taken);
  gate_open (gate);
  mp_test_await_result (&taken);
  first = mp_result_iterator_next_finish (iterator, taken, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (first, NULL), ==, "through");

  gate_await (gate);
  gate_open (gate);
  second = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (second, NULL), ==, "through");
  g_assert_null (mp_result_iterator_next (iterator, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  g_clear_object (&cancelled);
  g_clear_object (&timed_out);
  g_clear_object (&taken);
  g_assert_finalize_object (iterator);
  gate_free (gate);
  pool_finish (pool);
}

static void
on_notify_state (MpPool     *pool,
                 GParamSpec *pspec,
                 GString    *log)
{
  g_autofree char *text = mp_pool_to_string (pool);

  g_string_append (log, text);
}

static void
test_join_async (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (GAsyncResult) too_early = NULL, joined = NULL;
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A pool tells of its end, and can be waited for.");

  g_signal_connect (pool, "notify::state", G_CALLBACK (on_notify_state), log);
  g_object_unref (mp_pool_submit_map (pool, "square", numbers_new (100), 1, NULL));
  mp_pool_join_async (pool, -1, NULL, mp_test_keep_result, &too_early);
  mp_test_await_result (&too_early);
  g_assert_false (mp_pool_join_finish (pool, too_early, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  mp_pool_close (pool);
  mp_pool_join_async (pool, DEADLINE, NULL, mp_test_keep_result, &joined);
  mp_test_await_result (&joined);
  g_assert_true (mp_pool_join_finish (pool, joined, &error));
  g_assert_no_error (error);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_true (g_str_has_suffix (log->str, "<Mp.Pool state=ended workers=2>"));
  g_clear_object (&too_early);
  g_clear_object (&joined);
  g_assert_finalize_object (pool);
}

static void
test_unref_while_async (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (GAsyncResult) square = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("An asynchronous call keeps its pool alive; then nothing does.");

  mp_pool_apply_async (pool, "square", g_variant_new_int64 (4), -1, NULL, mp_test_keep_result, &square);
  g_object_add_weak_pointer (G_OBJECT (pool), (gpointer *) &pool);
  g_object_unref (pool);
  g_assert_nonnull (pool);
  mp_test_await_result (&square);
  g_assert_cmpint (take_int64 (mp_pool_apply_finish (pool, square, &error)), ==, 16);
  g_clear_object (&square);
  g_assert_null (pool);
}

/* --- workers ---------------------------------------------------------------------------------------------- */

static void
on_items_changed (GListModel *workers,
                  guint       position,
                  guint       n_removed,
                  guint       n_added,
                  guint      *n_changes)
{
  (*n_changes)++;
}

static gboolean
has_no_items (gpointer workers)
{
  return g_list_model_get_n_items (workers) == 0;
}

static gboolean
has_two_idle (gpointer workers)
{
  guint n_idle = 0;

  for (guint i = 0; i < g_list_model_get_n_items (workers); i++)
    {
      g_autoptr (MpPoolWorker) worker = g_list_model_get_item (workers, i);

      n_idle += mp_pool_worker_get_state (worker) == MP_POOL_WORKER_STATE_IDLE;
    }
  return n_idle == 2;
}

static void
test_workers (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (GListModel) workers = g_object_ref (mp_pool_get_workers (pool));
  g_autoptr (MpPoolWorker) first = NULL;
  guint n_changes = 0;

  g_test_summary ("The list of workers follows them in the main loop.");

  g_signal_connect (workers, "items-changed", G_CALLBACK (on_items_changed), &n_changes);
  g_object_unref (mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL));
  g_assert_cmpuint (n_changes, ==, 0);
  mp_test_run_until (has_two_idle, workers);
  g_assert_cmpuint (n_changes, >, 0);
  first = g_list_model_get_item (workers, 0);
  g_assert_cmpint (mp_pool_worker_get_pid (first), >, 0);

  mp_pool_close (pool);
  mp_test_run_until (has_no_items, workers);
  g_assert_cmpint (mp_pool_worker_get_state (first), ==, MP_POOL_WORKER_STATE_GONE);
  g_clear_object (&first);
  pool_finish (pool);
}

/* --- idleness --------------------------------------------------------------------------------------------- */

static void
test_idle (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (GError) error = NULL;
  guint64 own, theirs;
  int worker;

  g_test_summary ("A program with an idle pool is not woken, and neither is a worker.");

#ifdef __SANITIZE_THREAD__
  g_object_unref (pool);
  g_test_skip ("The sanitizer has a thread of its own, which is woken all the time");
  return;
#endif

  worker = (int) take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  while (g_main_context_iteration (NULL, FALSE))
    ;

  /* The first pause lets everything come to rest; after the second, this thread has slept once */
  poll (NULL, 0, 200);
  own = mp_test_count_sleeps (getpid ());
  theirs = mp_test_count_sleeps (worker);
  poll (NULL, 0, 1000); /* only time shows that nothing happens */
  g_assert_cmpuint (mp_test_count_sleeps (worker) - theirs, ==, 0);
  g_assert_cmpuint (mp_test_count_sleeps (getpid ()) - own, ==, 1);
  pool_finish (pool);
}

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool-loop/signals", test_signals);
  mp_test_add ("/pool-loop/signals-of-map", test_signals_of_map);
  mp_test_add ("/pool-loop/progress", test_progress);
  mp_test_add ("/pool-loop/fast-progress", test_fast_progress);
  mp_test_add ("/pool-loop/cancel-at-progress", test_cancel_at_progress);
  mp_test_add ("/pool-loop/forgotten", test_forgotten);
  mp_test_add ("/pool-loop/task-finished", test_task_finished);
  mp_test_add ("/pool-loop/main-context", test_main_context);
  mp_test_add ("/pool-loop/blocking-in-loop", test_blocking_in_loop);
  mp_test_add ("/pool-loop/apply-async", test_apply_async);
  mp_test_add ("/pool-loop/async-gives-up", test_async_gives_up);
  mp_test_add ("/pool-loop/result-async", test_result_async);
  mp_test_add ("/pool-loop/next-async", test_next_async);
  mp_test_add ("/pool-loop/next-async-cancelled", test_next_async_cancelled);
  mp_test_add ("/pool-loop/join-async", test_join_async);
  mp_test_add ("/pool-loop/unref-while-async", test_unref_while_async);
  mp_test_add ("/pool-loop/workers", test_workers);
  mp_test_add ("/pool-loop/idle", test_idle);
  return g_test_run ();
}
