/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who waits is not woken until there is something: threads that are blocked, and main
 * loops, for every class.  This program is its own child.
 */

#include <poll.h>
#include <unistd.h>

#include "mpglib.h"

#include "mp-futex-private.h"
#include "mp-test.h"

#define FOREVER -1.0

enum
{
  LOCK,       /* held by the parent */
  RLOCK,      /* held by the child */
  SEMAPHORE,  /* these have no permits */
  BOUNDED,
  EVENT,
  CONDITION,
  BARRIER,
  EMPTY,      /* a queue to get from, which is live, too */
  FULL,       /* one to put into */
  N_OBJECTS
};

static void
make_objects (GObject *objects[N_OBJECTS])
{
  objects[LOCK] = G_OBJECT (mp_lock_new ());
  objects[RLOCK] = G_OBJECT (mp_rlock_new ());
  objects[SEMAPHORE] = G_OBJECT (mp_semaphore_new (0));
  objects[BOUNDED] = G_OBJECT (mp_bounded_semaphore_new (0));
  objects[EVENT] = G_OBJECT (mp_event_new ());
  objects[CONDITION] = G_OBJECT (mp_condition_new (NULL));
  objects[BARRIER] = G_OBJECT (mp_barrier_new (9));
  objects[EMPTY] = G_OBJECT (mp_queue_new (1));
  objects[FULL] = G_OBJECT (mp_queue_new (1));
  g_assert_true (mp_queue_put (MP_QUEUE (objects[FULL]), g_variant_new_int32 (1), 0, NULL, NULL));
}

static void
wait_for_queue (MpQueue *queue)
{
  if (mp_queue_is_full (queue))
    mp_queue_put (queue, g_variant_new_int32 (2), FOREVER, NULL, NULL);
  else
    mp_queue_get (queue, FOREVER, NULL, NULL);
}

static gpointer
be_blocked (gpointer object)
{
  if (MP_IS_EVENT (object))
    mp_event_wait (object, FOREVER, NULL, NULL);
  else if (MP_IS_BARRIER (object))
    mp_barrier_wait (object, FOREVER, NULL, NULL);
  else if (MP_IS_QUEUE (object))
    wait_for_queue (object);
  else
    mp_lockable_enter (object, FOREVER, NULL, NULL);

  if (MP_IS_CONDITION (object))
    mp_condition_wait (object, FOREVER, NULL, NULL);

  return NULL;
}

/* The child: a thread that is blocked for each object, until it is killed. */
static GVariant *
wait_for_all (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       user_data,
              GError       **error)
{
  MpShareable *has_begun = mp_message_get_attachment (arguments, N_OBJECTS, NULL);

  for (guint i = 0; i < N_OBJECTS; i++)
    {
      MpShareable *object = mp_message_get_attachment (arguments, i, NULL);

      if (i == RLOCK)
        g_assert_true (mp_rlock_try_acquire (MP_RLOCK (object)));
      g_thread_unref (g_thread_new ("blocked", be_blocked, object));
    }

  g_assert_true (mp_event_set (MP_EVENT (has_begun), NULL));
  pause ();
  return NULL;
}

static MpProcess *
start_child (GObject *objects[N_OBJECTS])
{
  g_autoptr (MpMessage) arguments = mp_message_new (g_variant_new ("()"));
  g_autoptr (MpEvent) has_begun = mp_event_new ();
  g_autoptr (GError) error = NULL;
  MpProcess *process = mp_process_new (NULL, "wait-for-all", NULL);

  for (guint i = 0; i < N_OBJECTS; i++)
    mp_message_attach (arguments, MP_SHAREABLE (objects[i]));
  mp_message_attach (arguments, MP_SHAREABLE (has_begun));
  mp_process_set_message (process, arguments);
  g_assert_true (mp_process_start (process, &error));
  g_assert_no_error (error);
  g_assert_true (mp_event_wait (has_begun, MP_TEST_DEADLINE, NULL, NULL));
  return process;
}

static void
on_item (MpQueue *queue)
{
  g_assert_not_reached ();
}

static void
begin_waits (GObject       *objects[N_OBJECTS],
             GCancellable  *cancellable,
             GAsyncResult  *results[N_OBJECTS])
{
  for (guint i = 0; i < N_OBJECTS; i++)
    {
      if (i == EVENT)
        mp_event_wait_async (MP_EVENT (objects[i]), FOREVER, cancellable, mp_test_keep_result, &results[i]);
      else if (i == BARRIER)
        mp_barrier_wait_async (MP_BARRIER (objects[i]), FOREVER, cancellable, mp_test_keep_result, &results[i]);
      else if (i == EMPTY)
        mp_queue_get_async (MP_QUEUE (objects[i]), FOREVER, cancellable, mp_test_keep_result, &results[i]);
      else if (i == FULL)
        mp_queue_put_async (MP_QUEUE (objects[i]), g_variant_new_int32 (2), FOREVER, cancellable,
                            mp_test_keep_result, &results[i]);
      else if (i == CONDITION)
        {
          g_assert_true (mp_condition_acquire (MP_CONDITION (objects[i]), MP_TEST_DEADLINE, NULL, NULL));
          mp_condition_wait_async (MP_CONDITION (objects[i]), FOREVER, cancellable, mp_test_keep_result, &results[i]);
        }
      else
        mp_lockable_enter_async (MP_LOCKABLE (objects[i]), FOREVER, cancellable, mp_test_keep_result, &results[i]);
    }

  g_signal_connect (objects[EMPTY], "item-available", G_CALLBACK (on_item), NULL);
  mp_queue_set_live (MP_QUEUE (objects[EMPTY]), TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  for (guint i = 0; i < N_OBJECTS; i++)
    g_assert_null (results[i]);
}

/* No event tells that all threads of another process sleep. */
static void
await_rest (int pid)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_TIME_SPAN_SECOND);
  guint64 before, after = mp_test_count_sleeps (pid);

  do
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      before = after;
      poll (NULL, 0, 200);
      after = mp_test_count_sleeps (pid);
    }
  while (before != after);
}

static void
test_idle (void)
{
  GObject *objects[N_OBJECTS];
  GAsyncResult *results[N_OBJECTS] = { NULL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (MpProcess) child = NULL;
  guint64 own, theirs;

  g_test_summary ("Threads and main loops that wait for shared objects are not woken.");

#ifdef __SANITIZE_THREAD__
  g_test_skip ("The sanitizer has a thread of its own, which is woken all the time");
  return;
#endif
  if (!mp_futex_can_wait_many ())
    {
      g_test_skip ("without futex_waitv a wait sleeps in slices");
      return;
    }

  make_objects (objects);
  g_assert_true (mp_lock_try_acquire (MP_LOCK (objects[LOCK])));
  child = start_child (objects);
  begin_waits (objects, cancellable, results);

  await_rest (mp_process_get_pid (child));
  own = mp_test_count_sleeps (getpid ());
  theirs = mp_test_count_sleeps (mp_process_get_pid (child));
  poll (NULL, 0, 1000); /* only time shows that nothing happens; this thread sleeps once */
  g_assert_cmpuint (mp_test_count_sleeps (mp_process_get_pid (child)) - theirs, ==, 0);
  g_assert_cmpuint (mp_test_count_sleeps (getpid ()) - own, ==, 1);

  g_assert_true (mp_process_kill (child, NULL));
  g_assert_true (mp_process_join (child, MP_TEST_DEADLINE, NULL, NULL));
  g_cancellable_cancel (cancellable);
  for (guint i = 0; i < N_OBJECTS; i++)
    {
      mp_test_await_result (&results[i]);
      g_clear_object (&results[i]);
      g_clear_object (&objects[i]);
    }
}

/* What one process keeps for the next one. */
static void
warm_up (void)
{
  GObject *objects[N_OBJECTS];
  g_autoptr (MpProcess) child = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  make_objects (objects);
  child = start_child (objects);
  mp_lockable_enter_async (MP_LOCKABLE (objects[SEMAPHORE]), 0, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_true (mp_process_kill (child, NULL));
  g_assert_true (mp_process_join (child, MP_TEST_DEADLINE, NULL, NULL));
  for (guint i = 0; i < N_OBJECTS; i++)
    g_clear_object (&objects[i]);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("wait-for-all", wait_for_all, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/idle/waits", test_idle);
  return g_test_run ();
}
