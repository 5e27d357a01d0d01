/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <sys/wait.h>
#include <unistd.h>

#include "mp-cancel-watch-private.h"
#include "mp-cancellable-source-private.h"
#include "mp-test.h"

#define ROUNDS 300

typedef struct
{
  GMainContext *context;
  GCancellable *cancellable;
  GSource      *source;
  guint         n_calls;
  gint          is_over;  /* atomic: the source is gone */
} Wait;

static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      data)
{
  Wait *wait = data;

  g_assert_true (cancellable == wait->cancellable);
  wait->n_calls++;
  return G_SOURCE_REMOVE;
}

static void
begin (Wait *wait)
{
  *wait = (Wait) { .context = g_main_context_new (), .cancellable = g_cancellable_new () };
  wait->source = mp_cancellable_source_new (wait->cancellable, wait->context);
  g_source_set_callback (wait->source, G_SOURCE_FUNC (on_cancelled), wait, NULL);
  g_source_attach (wait->source, wait->context);
}

/* What the source held is let go of. */
static void
end (Wait *wait)
{
  g_object_add_weak_pointer (G_OBJECT (wait->cancellable), (gpointer *) &wait->cancellable);
  g_object_unref (wait->cancellable);
  g_assert_null (wait->cancellable);
  g_main_context_unref (wait->context);
}

static void
drop_source (Wait *wait)
{
  g_source_destroy (wait->source);
  g_clear_pointer (&wait->source, g_source_unref);
}

static void
test_state (void)
{
  Wait wait;

  begin (&wait);
  g_assert_false (g_main_context_iteration (wait.context, FALSE));
  g_cancellable_cancel (wait.cancellable);
  g_cancellable_reset (wait.cancellable);
  while (g_main_context_iteration (wait.context, FALSE))
    ;
  g_assert_cmpuint (wait.n_calls, ==, 0);
  g_cancellable_cancel (wait.cancellable);
  g_assert_true (g_main_context_iteration (wait.context, FALSE));
  g_assert_cmpuint (wait.n_calls, ==, 1);
  g_assert_true (g_source_is_destroyed (wait.source));
  drop_source (&wait);

  /* Cancelled before there was a source. */
  wait.source = mp_cancellable_source_new (wait.cancellable, wait.context);
  g_source_set_callback (wait.source, G_SOURCE_FUNC (on_cancelled), &wait, NULL);
  g_source_attach (wait.source, wait.context);
  g_assert_true (g_main_context_iteration (wait.context, FALSE));
  g_assert_cmpuint (wait.n_calls, ==, 2);
  drop_source (&wait);
  end (&wait);
}

/* Stays in g_cancellable_cancel() until the source is gone. */
static void
stay (GCancellable *cancellable,
      Wait         *wait)
{
  while (!g_atomic_int_get (&wait->is_over))
    g_thread_yield ();
}

static gpointer
cancel (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return NULL;
}

/* It ends while the thread that cancels is past its handler: the address sanitizer says
 * whether anything stays.
 */
static void
test_ends_meanwhile (void)
{
  for (guint i = 0; i < ROUNDS; i++)
    {
      GThread *thread;
      Wait wait;

      begin (&wait);
      g_signal_connect (wait.cancellable, "cancelled", G_CALLBACK (stay), &wait);
      thread = g_thread_new ("canceller", cancel, wait.cancellable);
      while (wait.n_calls == 0)
        g_main_context_iteration (wait.context, TRUE);
      drop_source (&wait);
      g_atomic_int_set (&wait.is_over, TRUE);
      g_thread_join (thread);
      end (&wait);
    }
}

/* In whatever moment the two meet. */
static void
test_races (void)
{
  for (guint i = 0; i < ROUNDS; i++)
    {
      GThread *thread;
      Wait wait;

      begin (&wait);
      thread = g_thread_new ("canceller", cancel, wait.cancellable);
      for (guint turns = 0; turns < i && wait.n_calls == 0; turns++)
        g_main_context_iteration (wait.context, FALSE);
      drop_source (&wait);
      g_thread_join (thread);
      end (&wait);
    }
}

static gint is_polled; /* atomic: nothing was ready before */

static int
tell_and_poll (GPollFD *fds,
               guint    n_fds,
               int      timeout)
{
  g_atomic_int_set (&is_polled, TRUE);
  return g_poll (fds, n_fds, timeout);
}

static gpointer
run_until_called (gpointer data)
{
  Wait *wait = data;

  while (wait->n_calls == 0)
    g_main_context_iteration (wait->context, TRUE);
  return NULL;
}

static void
join (GCancellable *cancellable,
      GThread     **thread)
{
  g_thread_join (*thread);
}

/* Handlers that were connected before there was a source may wait for what it tells. */
static void
test_before_handlers (void)
{
  Wait wait = { .context = g_main_context_new (), .cancellable = g_cancellable_new () };
  GThread *thread;

  g_cancellable_connect (wait.cancellable, G_CALLBACK (join), &thread, NULL);
  wait.source = mp_cancellable_source_new (wait.cancellable, wait.context);
  g_source_set_callback (wait.source, G_SOURCE_FUNC (on_cancelled), &wait, NULL);
  g_source_attach (wait.source, wait.context);
  g_main_context_set_poll_func (wait.context, tell_and_poll);
  g_atomic_int_set (&is_polled, FALSE);
  thread = g_thread_new ("loop", run_until_called, &wait);
  while (!g_atomic_int_get (&is_polled))
    g_thread_yield ();
  g_cancellable_cancel (wait.cancellable);
  g_assert_cmpuint (wait.n_calls, ==, 1);
  drop_source (&wait);
  end (&wait);
}

/* --- What is below it ----------------------------------------------------- */

static void
count (gpointer n)
{
  *(guint *) n += 1;
}

/* Each is called as long as it is there, in whatever order they go, and no other's. */
static void
test_watches (void)
{
  static const guint orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GCancellable) other = g_cancellable_new ();

  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      MpCancelWatch watches[3];
      guint n_calls[3] = { 0 };

      for (guint j = 0; j < 3; j++)
        mp_cancel_watch_begin (&watches[j], cancellable, count, &n_calls[j]);
      for (guint j = 0; j < 3; j++)
        {
          g_cancellable_cancel (other);
          g_cancellable_reset (other);
          g_cancellable_cancel (cancellable);
          g_cancellable_reset (cancellable);
          g_assert_true (mp_cancel_watch_is_one_of (cancellable));
          mp_cancel_watch_end (&watches[orders[i][j]]);
        }
      for (guint j = 0; j < 3; j++)
        g_assert_cmpuint (n_calls[orders[i][j]], ==, j + 1);
      g_assert_false (mp_cancel_watch_is_one_of (cancellable));
    }
}

/* A forked process has none of its parent's, and its own ones. */
static void
test_fork (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpCancelWatch watch, own;
  guint n_calls = 0, n_own_calls = 0;
  int status;
  pid_t pid;

  mp_cancel_watch_begin (&watch, cancellable, count, &n_calls);
  pid = fork ();
  if (pid == 0)
    {
      mp_cancel_watch_begin (&own, cancellable, count, &n_own_calls);
      g_cancellable_cancel (cancellable);
      mp_cancel_watch_end (&watch);
      mp_cancel_watch_end (&own);
      _exit (n_calls == 0 && n_own_calls == 1 && !mp_cancel_watch_is_one_of (cancellable) ? 0 : 1);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  g_cancellable_cancel (cancellable);
  g_assert_cmpuint (n_calls, ==, 1);
  mp_cancel_watch_end (&watch);
}

static gboolean
on_parent (gpointer data)
{
  *(guint *) data += 1;
  return G_SOURCE_REMOVE;
}

static gboolean
dispatch_parent (GSource     *source,
                 GSourceFunc  callback,
                 gpointer     data)
{
  return callback (data);
}

/* A child without a callback makes its parent ready. */
static void
test_child (void)
{
  static GSourceFuncs funcs = { .dispatch = dispatch_parent };
  GSource *parent = g_source_new (&funcs, sizeof (GSource));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GSource *child = mp_cancellable_source_new (cancellable, NULL);
  guint n_calls = 0;
  GThread *thread;

  g_source_set_callback (parent, on_parent, &n_calls, NULL);
  g_source_add_child_source (parent, child);
  g_source_unref (child);
  g_source_attach (parent, NULL);
  thread = g_thread_new ("canceller", cancel, cancellable);
  while (n_calls == 0)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (thread);
  g_assert_true (g_source_is_destroyed (parent));
  g_source_unref (parent);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/cancellable-source/state", test_state);
  mp_test_add ("/cancellable-source/ends-meanwhile", test_ends_meanwhile);
  mp_test_add ("/cancellable-source/races", test_races);
  mp_test_add ("/cancellable-source/child", test_child);
  mp_test_add ("/cancellable-source/before-handlers", test_before_handlers);
  mp_test_add ("/cancellable-source/watches", test_watches);
  mp_test_add ("/cancellable-source/fork", test_fork);

  return g_test_run ();
}
