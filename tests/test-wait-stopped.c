/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Looking at many objects of which another process is stopped amid of a change.  What counts is the time that was
 * waited for it, which a patience of the test counts too, not what a busy machine took.
 */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-connection-private.h"
#include "mp-owner-lock-private.h"
#include "mp-patience-private.h"
#include "mp-queue-private.h"
#include "mp-ring-link-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-connection.h"
#include "mp-test-crew.h"
#include "mp-test.h"
#include "mp-waitable-private.h"

#define N 8

typedef struct
{
  MpRing *rings[N];
} Stopped;

static MpAtomic32 *n_there;

static void
stay (void)
{
  mp_test_count (n_there);
  for (;;)
    pause ();
}

static guint32
enter (void)
{
  return mp_participant_enter (mp_table_get_default (NULL), NULL);
}

/* As if each of its threads were amid of a change. */
static void
lock_and_stay (gpointer data)
{
  Stopped *stopped = data;
  guint32 me = enter ();

  for (guint i = 0; i < N; i++)
    g_assert_true (mp_owner_lock_try (&stopped->rings[i]->layout->take.lock, me));
  stay ();
}

static void
be_there_and_stay (gpointer unused)
{
  enter ();
  stay ();
}

static void
get_and_stay (gpointer queue)
{
  g_autoptr (GVariant) item = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, NULL);

  g_assert_nonnull (item);
  stay ();
}

static pid_t
fork_who_stays (MpTestFunc func,
                gpointer   data)
{
  guint32 n;
  pid_t pid;

  if (n_there == NULL)
    n_there = mp_test_share (sizeof *n_there);
  n = atomic_load (n_there);
  pid = mp_test_fork (func, data);
  mp_test_wait_count (n_there, n + 1);
  return pid;
}

static pid_t
fork_and_stop (Stopped *stopped)
{
  pid_t pid = fork_who_stays (lock_and_stay, stopped);
  int status;

  kill (pid, SIGSTOP);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));
  return pid;
}

/* The death of one who has nothing, of which all hear. */
static void
let_one_die (void)
{
  mp_test_kill (fork_who_stays (be_there_and_stay, NULL));
}

static void
assert_none_is_ready (GObject **objects)
{
  g_autoptr (GError) error = NULL;
  guint n_ready;

  g_assert_null (mp_wait_many (objects, N, 0, &n_ready, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static void
assert_is_ready (GAsyncResult **result,
                 gpointer       object)
{
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  mp_test_await_result (result);
  ready = mp_wait_many_finish (*result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_ready, ==, 1);
  g_assert_true (ready[0] == object);
  g_clear_object (result);
}

/* --- Queues --------------------------------------------------------------- */

static void
make_queues (MpQueue **queues,
             Stopped  *stopped)
{
  guint32 me;

  for (guint i = 0; i < N; i++)
    {
      queues[i] = g_object_new (MP_TYPE_JOINABLE_QUEUE, "redelivery", TRUE, NULL);
      stopped->rings[i] = mp_queue_enter (mp_queue_get_private (queues[i]), &me, NULL);
      g_assert_nonnull (stopped->rings[i]);
    }
}

static void
free_queues (MpQueue **queues)
{
  for (guint i = 0; i < N; i++)
    g_object_unref (queues[i]);
}

/* Somebody is stopped who gets of each of them, and another dies.  None of them is ready, and nobody waits to be told
 * so; what one holds that dies is heard of all the same.
 */
static void
test_queues (void)
{
  MpPatience patience = { 0 };
  Stopped stopped;
  MpQueue *queues[N];
  GAsyncResult *result = NULL;
  pid_t holder, pid;

  make_queues (queues, &stopped);
  g_assert_true (mp_queue_put (queues[3], g_variant_new_int32 (1), 0, NULL, NULL));
  holder = fork_who_stays (get_and_stay, queues[3]);
  pid = fork_and_stop (&stopped);
  let_one_die ();

  mp_patience_begin (&patience);
  assert_none_is_ready ((GObject **) queues);
  for (guint i = 0; i < N; i++)
    g_assert_true (mp_queue_is_empty (queues[i]));
  mp_wait_many_async ((GObject **) queues, N, -1, NULL, mp_test_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);
  mp_test_kill (holder);
  assert_is_ready (&result, queues[3]);
  g_assert_false (mp_queue_is_empty (queues[3]));
  mp_patience_end (&patience);
  g_assert_cmpint (patience.spent, ==, 0);

  mp_test_kill (pid);
  free_queues (queues);
}

/* --- Connections ---------------------------------------------------------- */

/* Likewise where an end is shared with one that is stopped while it receives.  A message is told of, and not lost. */
static void
test_connections (void)
{
  MpPatience patience = { 0 };
  Stopped stopped;
  MpTestPair pairs[N];
  GObject *objects[N];
  GAsyncResult *result = NULL;
  pid_t pid;

  for (guint i = 0; i < N; i++)
    {
      pairs[i] = mp_test_pair_new ();
      objects[i] = G_OBJECT (pairs[i].b);
      mp_test_send_int (pairs[i].a, 1);
      g_assert_cmpint (mp_test_receive_int (pairs[i].b), ==, 1);
      stopped.rings[i] = &mp_exchange_get_link (pairs[i].b->exchange)->ways[MP_RING_LINK_IN].store.ring;
    }
  pid = fork_and_stop (&stopped);

  mp_patience_begin (&patience);
  assert_none_is_ready (objects);
  mp_wait_many_async (objects, N, -1, NULL, mp_test_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);
  mp_test_send_int (pairs[3].a, 2);
  assert_is_ready (&result, objects[3]);
  mp_patience_end (&patience);
  g_assert_cmpint (patience.spent, ==, 0);

  mp_test_kill (pid);
  g_assert_cmpint (mp_test_receive_int (pairs[3].b), ==, 2);
  for (guint i = 0; i < N; i++)
    mp_test_pair_free (&pairs[i]);
}

/* --- Any ------------------------------------------------------------------ */

/* One that waits as long as it may, without taking the time, and is never ready. */
typedef struct
{
  GObject parent;
  guint n_waited;
} Slow;

typedef GObjectClass SlowClass;

GType slow_get_type (void);
static void slow_waitable_init (MpWaitableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (Slow, slow, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (MP_TYPE_WAITABLE, slow_waitable_init))

static void
slow_init (Slow *self)
{
}

static void
slow_class_init (SlowClass *klass)
{
}

static void
slow_wait (gpointer self)
{
  gint64 remaining = mp_patience_get_remaining (mp_short_lock_get_patience ());

  if (remaining > 0)
    ((Slow *) self)->n_waited++;
  mp_patience_spend (remaining);
}

static gboolean
slow_is_ready (MpWaitable  *waitable,
               GError     **error)
{
  slow_wait (waitable);
  return FALSE;
}

static void
slow_await (MpWaitable          *waitable,
            gboolean             blocks,
            GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (waitable, cancellable, callback, user_data);

  slow_wait (waitable);
  g_task_return_boolean (task, FALSE);
}

static void
slow_waitable_init (MpWaitableInterface *iface)
{
  iface->is_ready = slow_is_ready;
  iface->await = slow_await;
}

/* However many of them there are, they are waited for as long as one. */
static void
test_shared_patience (void)
{
  GObject *objects[N];
  GAsyncResult *result = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint n_waited = 0;

  for (guint i = 0; i < N; i++)
    objects[i] = g_object_new (slow_get_type (), NULL);

  assert_none_is_ready (objects);
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (((Slow *) objects[i])->n_waited, ==, i == 0 ? 1 : 0);

  mp_wait_many_async (objects, N, -1, cancellable, mp_test_keep_result, &result);
  for (guint i = 0; i < N; i++)
    n_waited += ((Slow *) objects[i])->n_waited;
  g_assert_cmpuint (n_waited, ==, 2);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  g_object_unref (result);
  for (guint i = 0; i < N; i++)
    g_object_unref (objects[i]);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/wait-stopped/queues", test_queues);
  g_test_add_func ("/wait-stopped/connections", test_connections);
  g_test_add_func ("/wait-stopped/shared-patience", test_shared_patience);
  return g_test_run ();
}
