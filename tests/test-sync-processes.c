/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Recursive locks, semaphores, events, conditions and barriers between processes, and what becomes of them when one
 * of those dies.  This program is its own child.  Locks have test-lock.c, what one process can see test-sync.c.
 */

#include "mpglib.h"

#include "mp-test-started.h"
#include "mp-test.h"

#define FOREVER -1.0

/* What a test and its child share. */
typedef struct
{
  MpRLock *rlock;
  MpSemaphore *semaphore;
  MpSemaphore *bounded;
  MpEvent *event;
  MpCondition *condition;
  MpBarrier *barrier;
} Objects;

static void
objects_init (Objects *objects)
{
  objects->rlock = mp_rlock_new ();
  objects->semaphore = mp_semaphore_new (2);
  objects->bounded = MP_SEMAPHORE (mp_bounded_semaphore_new (2));
  objects->event = mp_event_new ();
  objects->condition = mp_condition_new (NULL);
  objects->barrier = mp_barrier_new (2);
}

static void
objects_clear (Objects *objects)
{
  g_clear_object (&objects->rlock);
  g_clear_object (&objects->semaphore);
  g_clear_object (&objects->bounded);
  g_clear_object (&objects->event);
  g_clear_object (&objects->condition);
  g_clear_object (&objects->barrier);
}

/* --- A child that does as it is told -------------------------------------- */

static gboolean
carry_out (Objects     *objects,
           const char  *order,
           GError     **error)
{
  if (g_str_equal (order, "rlock.acquire"))
    return mp_rlock_acquire (objects->rlock, FOREVER, NULL, error);
  if (g_str_equal (order, "rlock.release"))
    return mp_rlock_release (objects->rlock, error);
  if (g_str_equal (order, "semaphore.try"))
    return mp_semaphore_try_acquire (objects->semaphore);
  if (g_str_equal (order, "semaphore.release"))
    return mp_semaphore_release (objects->semaphore, error);
  if (g_str_equal (order, "bounded.try"))
    return mp_semaphore_try_acquire (objects->bounded);
  if (g_str_equal (order, "bounded.release"))
    return mp_semaphore_release (objects->bounded, error);
  if (g_str_equal (order, "event.set"))
    return mp_event_set (objects->event, error);
  if (g_str_equal (order, "event.pulse"))
    return mp_event_set (objects->event, error) && mp_event_clear (objects->event, error);
  if (g_str_equal (order, "event.wait"))
    return mp_event_wait (objects->event, MP_TEST_DEADLINE, NULL, error);
  if (g_str_equal (order, "condition.acquire"))
    return mp_condition_acquire (objects->condition, FOREVER, NULL, error);
  if (g_str_equal (order, "condition.release"))
    return mp_condition_release (objects->condition, error);
  if (g_str_equal (order, "condition.wait"))
    return mp_condition_wait (objects->condition, FOREVER, NULL, error);
  if (g_str_equal (order, "condition.notify"))
    return mp_condition_notify_one (objects->condition, error);
  if (g_str_equal (order, "barrier.wait"))
    return mp_barrier_wait (objects->barrier, FOREVER, NULL, error) >= 0;

  g_assert_not_reached ();
}

static GVariant *
obey (MpMessage     *arguments,
      GCancellable  *cancellable,
      gpointer       data,
      GError       **error)
{
  g_autoptr (MpConnection) connection = mp_test_get_attachment (arguments, 0);
  g_autofree char *order = NULL;
  Objects objects = {
    .rlock = mp_test_get_attachment (arguments, 1),
    .semaphore = mp_test_get_attachment (arguments, 2),
    .bounded = mp_test_get_attachment (arguments, 3),
    .event = mp_test_get_attachment (arguments, 4),
    .condition = mp_test_get_attachment (arguments, 5),
    .barrier = mp_test_get_attachment (arguments, 6),
  };

  while ((order = mp_test_hear (connection, FOREVER)) != NULL)
    {
      g_autoptr (GError) failure = NULL;
      gboolean done = carry_out (&objects, order, &failure);

      mp_test_say (connection, done ? "yes" : failure != NULL ? failure->message : "no");
      g_clear_pointer (&order, g_free);
    }

  objects_clear (&objects);
  return NULL;
}

static MpTestServant
start_child (MpStartMethod  method,
             Objects       *objects)
{
  gpointer all[] = {
    objects->rlock, objects->semaphore, objects->bounded, objects->event, objects->condition, objects->barrier,
  };

  return mp_test_servant_start (method, all, G_N_ELEMENTS (all));
}

/* --- RLock ---------------------------------------------------------------- */

static gpointer
try_in_thread (gpointer rlock)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_rlock_try_acquire (rlock));
  g_assert_false (mp_rlock_is_mine (rlock));
  g_assert_false (mp_rlock_release (rlock, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  return NULL;
}

static void
test_rlock (gconstpointer method)
{
  g_autoptr (GError) error = NULL;
  Objects objects;
  MpTestServant child;

  objects_init (&objects);
  child = start_child (MP_TEST_METHOD (method), &objects);

  for (guint i = 0; i < 3; i++)
    g_assert_true (mp_rlock_acquire (objects.rlock, 0, NULL, NULL));
  g_assert_true (mp_rlock_is_mine (objects.rlock));
  g_thread_join (g_thread_new ("try", try_in_thread, objects.rlock));
  for (guint i = 0; i < 3; i++)
    g_assert_true (mp_rlock_release (objects.rlock, NULL));
  g_assert_false (mp_rlock_release (objects.rlock, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);

  mp_test_servant_order (&child, "rlock.acquire", "yes");
  mp_test_servant_order (&child, "rlock.acquire", "yes");
  mp_test_servant_order (&child, "rlock.release", "yes");
  g_assert_true (mp_rlock_is_locked (objects.rlock));
  g_assert_false (mp_rlock_try_acquire (objects.rlock));
  mp_test_servant_kill (&child);

  /* Once more than the dead had it. */
  g_assert_false (mp_rlock_try_acquire_intact (objects.rlock));
  g_assert_true (mp_rlock_acquire (objects.rlock, MP_TEST_DEADLINE, NULL, NULL));
  g_assert_true (mp_rlock_is_abandoned (objects.rlock));
  g_assert_false (mp_rlock_try_acquire_intact (objects.rlock));
  g_assert_true (mp_rlock_acquire (objects.rlock, 0, NULL, NULL));
  g_assert_true (mp_rlock_release (objects.rlock, NULL));
  g_assert_true (mp_rlock_is_abandoned (objects.rlock));
  g_assert_true (mp_rlock_release (objects.rlock, NULL));
  g_assert_false (mp_rlock_is_abandoned (objects.rlock));
  g_assert_false (mp_rlock_is_locked (objects.rlock));

  for (guint i = 0; i < 2; i++)
    g_assert_true (mp_rlock_try_acquire_intact (objects.rlock));
  g_assert_true (mp_rlock_is_mine (objects.rlock));
  for (guint i = 0; i < 2; i++)
    g_assert_true (mp_rlock_release (objects.rlock, NULL));
  objects_clear (&objects);
}

/* --- Semaphores ----------------------------------------------------------- */

static void
test_semaphore (gconstpointer method)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *text = NULL;
  Objects objects;
  MpTestServant child;

  objects_init (&objects);
  child = start_child (MP_TEST_METHOD (method), &objects);

  text = mp_shareable_to_string (MP_SHAREABLE (objects.semaphore));
  g_assert_cmpstr (text, ==, "<Mp.Semaphore value=2>");
  g_assert_true (mp_semaphore_try_acquire (objects.semaphore));
  mp_test_servant_order (&child, "semaphore.try", "yes");
  mp_test_servant_order (&child, "semaphore.try", "no");
  g_assert_false (mp_semaphore_acquire (objects.semaphore, 0.01, NULL, NULL));

  mp_semaphore_acquire_async (objects.semaphore, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  g_assert_null (result);
  mp_test_servant_order (&child, "semaphore.release", "yes");
  mp_test_await_result (&result);
  g_assert_true (mp_semaphore_acquire_finish (objects.semaphore, result, NULL));

  /* More than at first, and those of the dead stay away. */
  mp_test_servant_order (&child, "semaphore.release", "yes");
  mp_test_servant_order (&child, "semaphore.release", "yes");
  mp_test_servant_order (&child, "semaphore.release", "yes");
  g_assert_cmpuint (mp_semaphore_get_value (objects.semaphore), ==, 3);
  mp_test_servant_order (&child, "semaphore.try", "yes");
  mp_test_servant_kill (&child);
  g_assert_cmpuint (mp_semaphore_get_value (objects.semaphore), ==, 2);
  objects_clear (&objects);
}

static void
test_bounded_semaphore (gconstpointer method)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  Objects objects;
  MpTestServant child;

  objects_init (&objects);
  child = start_child (MP_TEST_METHOD (method), &objects);

  mp_test_servant_order (&child, "bounded.release",
         "The semaphore was released more often than it was acquired: release it once for each time, "
         "or use an Mp.Semaphore, which has no bound");
  g_assert_false (mp_semaphore_release (objects.bounded, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);

  mp_test_servant_order (&child, "bounded.try", "yes");
  mp_test_servant_order (&child, "bounded.try", "yes");
  mp_test_servant_order (&child, "bounded.try", "no");
  g_assert_cmpuint (mp_semaphore_get_value (objects.bounded), ==, 0);
  g_assert_false (mp_semaphore_acquire (objects.bounded, 0.01, NULL, NULL));
  mp_semaphore_acquire_async (objects.bounded, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  g_assert_null (result);

  mp_test_servant_kill (&child);
  mp_test_await_result (&result);
  g_assert_true (mp_semaphore_acquire_finish (objects.bounded, result, NULL));
  g_assert_true (mp_semaphore_acquire (objects.bounded, MP_TEST_DEADLINE, NULL, NULL));
  g_assert_false (mp_semaphore_try_acquire (objects.bounded));
  g_assert_true (mp_semaphore_release (objects.bounded, NULL));
  g_assert_true (mp_semaphore_release (objects.bounded, NULL));
  g_assert_cmpuint (mp_semaphore_get_value (objects.bounded), ==, 2);
  objects_clear (&objects);
}

/* --- Event ---------------------------------------------------------------- */

static void
test_event (gconstpointer method)
{
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;
  Objects objects;
  MpTestServant child;

  objects_init (&objects);
  child = start_child (MP_TEST_METHOD (method), &objects);

  g_assert_false (mp_event_is_set (objects.event));
  g_assert_false (mp_event_wait (objects.event, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  /* Not missed though it is over before this loop runs. */
  mp_event_wait_async (objects.event, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_servant_order (&child, "event.pulse", "yes");
  g_assert_false (mp_event_is_set (objects.event));
  mp_test_await_result (&first);
  g_assert_true (mp_event_wait_finish (objects.event, first, NULL));

  mp_event_wait_async (objects.event, FOREVER, NULL, mp_test_keep_result, &second);
  mp_test_turn_loop ();
  g_assert_null (second);
  mp_test_servant_order (&child, "event.set", "yes");
  mp_test_await_result (&second);
  g_assert_true (mp_event_wait_finish (objects.event, second, NULL));
  g_assert_true (mp_event_wait (objects.event, 0, NULL, NULL));

  g_assert_true (mp_event_clear (objects.event, NULL));
  mp_test_say (child.connection, "event.wait");
  g_assert_true (mp_event_set (objects.event, NULL));
  mp_test_servant_expect (&child, "yes");
  mp_test_servant_join (&child);
  objects_clear (&objects);
}

/* --- Condition ------------------------------------------------------------ */

static void
test_condition (gconstpointer method)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  Objects objects;
  MpTestServant child;

  objects_init (&objects);
  child = start_child (MP_TEST_METHOD (method), &objects);

  g_assert_false (mp_condition_wait (objects.condition, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  g_clear_error (&error);
  g_assert_false (mp_condition_notify_all (objects.condition, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_OWNER);
  g_clear_error (&error);

  /* The lock is held, as often as before, after a wait in vain. */
  g_assert_true (mp_condition_acquire (objects.condition, 0, NULL, NULL));
  g_assert_true (mp_condition_acquire (objects.condition, 0, NULL, NULL));
  g_assert_false (mp_condition_wait (objects.condition, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_true (mp_condition_release (objects.condition, NULL));
  g_assert_true (mp_rlock_is_mine (MP_RLOCK (mp_condition_get_lock (objects.condition))));

  /* The child waits; as soon as the lock is free it does. */
  mp_test_say (child.connection, "condition.acquire");
  g_assert_true (mp_condition_release (objects.condition, NULL));
  mp_test_servant_expect (&child, "yes");
  mp_test_say (child.connection, "condition.wait");
  g_assert_true (mp_condition_acquire (objects.condition, MP_TEST_DEADLINE, NULL, NULL));
  g_assert_true (mp_condition_notify_one (objects.condition, NULL));
  g_assert_true (mp_condition_release (objects.condition, NULL));
  mp_test_servant_expect (&child, "yes");
  mp_test_servant_order (&child, "condition.notify", "yes");
  mp_test_servant_order (&child, "condition.release", "yes");

  /* In a main loop. */
  g_assert_true (mp_condition_acquire (objects.condition, 0, NULL, NULL));
  mp_condition_wait_async (objects.condition, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_servant_order (&child, "condition.acquire", "yes");
  mp_test_turn_loop ();
  mp_test_servant_order (&child, "condition.notify", "yes");
  mp_test_turn_loop ();
  g_assert_null (result);
  mp_test_servant_order (&child, "condition.release", "yes");
  mp_test_await_result (&result);
  g_assert_true (mp_condition_wait_finish (objects.condition, result, NULL));
  g_assert_true (mp_condition_release (objects.condition, NULL));

  mp_test_servant_join (&child);
  objects_clear (&objects);
}

/* --- Barrier -------------------------------------------------------------- */

static gboolean
never_called (MpBarrier  *barrier,
              gpointer    data,
              GError    **error)
{
  g_assert_not_reached ();
}

static void
test_barrier (gconstpointer method)
{
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;
  Objects objects;
  MpTestServant child;
  int index;

  objects_init (&objects);
  child = start_child (MP_TEST_METHOD (method), &objects);

  for (guint i = 0; i < 20; i++)
    {
      mp_test_say (child.connection, "barrier.wait");
      index = mp_barrier_wait (objects.barrier, MP_TEST_DEADLINE, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (index == 0 || index == 1);
      mp_test_servant_expect (&child, "yes");
    }

  mp_barrier_wait_async (objects.barrier, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_turn_loop ();
  g_assert_cmpuint (mp_barrier_get_n_waiting (objects.barrier), ==, 1);
  mp_test_servant_order (&child, "barrier.wait", "yes");
  mp_test_await_result (&first);
  g_assert_cmpint (mp_barrier_wait_finish (objects.barrier, first, NULL), ==, 0);

  /* Who gives up breaks it for all. */
  g_assert_cmpint (mp_barrier_wait (objects.barrier, 0.01, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_true (mp_barrier_is_broken (objects.barrier));
  mp_test_servant_order (&child, "barrier.wait",
                         "The barrier is broken: a party died, gave up or aborted it, or its action failed");
  g_assert_true (mp_barrier_reset (objects.barrier, NULL));
  g_assert_false (mp_barrier_is_broken (objects.barrier));

  /* Who dies waiting does too. */
  {
    g_autoptr (MpBarrier) wide = g_steal_pointer (&objects.barrier);
    MpTestServant other;

    objects.barrier = mp_barrier_new (3);
    other = start_child (MP_TEST_METHOD (method), &objects);
    mp_test_say (other.connection, "barrier.wait");
    mp_barrier_wait_async (objects.barrier, FOREVER, NULL, mp_test_keep_result, &second);
    while (mp_barrier_get_n_waiting (objects.barrier) < 2)
      g_main_context_iteration (NULL, FALSE);
    mp_test_servant_kill (&other);
    mp_test_await_result (&second);
    g_assert_cmpint (mp_barrier_wait_finish (objects.barrier, second, &error), ==, -1);
    g_assert_error (error, MP_ERROR, MP_ERROR_BROKEN);
    g_clear_error (&error);
  }

  /* And who has died waiting is not met by who comes after that. */
  for (guint with_action = 0; with_action < 2; with_action++)
    {
      g_autoptr (MpBarrier) former = g_steal_pointer (&objects.barrier);
      MpTestServant other;

      objects.barrier = mp_barrier_new (2);
      other = start_child (MP_TEST_METHOD (method), &objects);
      if (with_action)
        mp_barrier_set_action (objects.barrier, never_called, NULL, NULL);
      mp_test_say (other.connection, "barrier.wait");
      while (mp_barrier_get_n_waiting (objects.barrier) < 1)
        g_thread_yield ();
      mp_test_servant_kill (&other);
      g_assert_cmpint (mp_barrier_wait (objects.barrier, FOREVER, NULL, &error), ==, -1);
      g_assert_error (error, MP_ERROR, MP_ERROR_BROKEN);
      g_clear_error (&error);
    }

  mp_test_servant_join (&child);
  objects_clear (&objects);
}

/* --- Main ----------------------------------------------------------------- */

static void
warm_up (void)
{
  Objects objects;

  objects_init (&objects);
  for (guint i = 0; i < G_N_ELEMENTS (mp_test_methods); i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      MpTestServant child = start_child (mp_test_methods[i], &objects);

      mp_test_servant_order (&child, "event.set", "yes");
      mp_event_wait_async (objects.event, FOREVER, NULL, mp_test_keep_result, &result);
      mp_test_await_result (&result);
      mp_test_servant_join (&child);
    }
  objects_clear (&objects);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("obey", obey, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add_methods ("/sync/rlock", test_rlock);
  mp_test_add_methods ("/sync/semaphore", test_semaphore);
  mp_test_add_methods ("/sync/bounded-semaphore", test_bounded_semaphore);
  mp_test_add_methods ("/sync/event", test_event);
  mp_test_add_methods ("/sync/condition", test_condition);
  mp_test_add_methods ("/sync/barrier", test_barrier);
  return g_test_run ();
}
