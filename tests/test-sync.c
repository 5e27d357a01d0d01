/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Semaphores, events, conditions and barriers of one process, in threads and in main loops.  Between processes they
 * have test-sync-processes.c, and locks have test-lock.c.
 */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpglib.h"

#include "mp-layout-private.h"
#include "mp-lockable-private.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define FOREVER -1.0

/* --- Event ---------------------------------------------------------------- */

typedef struct
{
  GAsyncResult *second;
  gboolean is_over;
} Nested;

static void
wait_for_second (GObject      *event,
                 GAsyncResult *result,
                 gpointer      data)
{
  Nested *nested = data;

  g_assert_true (mp_event_wait_finish (MP_EVENT (event), result, NULL));
  mp_test_await_result (&nested->second);
  nested->is_over = TRUE;
}

/* Two that one set ends, and the first has a loop of its own for the second. */
static void
test_event_nested_loop (void)
{
  g_autoptr (MpEvent) event = mp_event_new ();
  Nested nested = { NULL, FALSE };

  mp_event_wait_async (event, FOREVER, NULL, wait_for_second, &nested);
  mp_event_wait_async (event, FOREVER, NULL, mp_test_keep_result, &nested.second);
  mp_test_turn_loop ();
  g_assert_true (mp_event_set (event, NULL));
  mp_test_run_until_set (&nested.is_over);
  g_assert_true (mp_event_wait_finish (event, nested.second, NULL));
  g_object_unref (nested.second);
}

/* --- Condition ------------------------------------------------------------ */

static void
test_condition_given_up (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpCondition) condition = mp_condition_new (MP_LOCKABLE (lock));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (condition));

  g_assert_cmpstr (text, ==, "<Mp.Condition lock=<Mp.Lock unlocked>>");
  g_assert_true (mp_lock_try_acquire (lock));
  mp_condition_wait_async (condition, 0.01, NULL, mp_test_keep_result, &first);
  g_assert_false (mp_lock_is_locked (lock));
  mp_test_await_result (&first);
  g_assert_false (mp_condition_wait_finish (condition, first, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_true (mp_lock_is_locked (lock));

  mp_condition_wait_async (condition, FOREVER, cancellable, mp_test_keep_result, &second);
  mp_test_turn_loop ();
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&second);
  g_assert_false (mp_condition_wait_finish (condition, second, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (mp_lock_release (lock, NULL));
}

/* The first of two waits keeps the lock: the second has it once more, and no less. */
static void
test_condition_twice (void)
{
  g_autoptr (MpCondition) condition = mp_condition_new (NULL);
  MpRLock *lock = MP_RLOCK (mp_condition_get_lock (condition));
  g_autoptr (GAsyncResult) first = NULL, second = NULL;

  g_assert_true (mp_condition_acquire (condition, 0, NULL, NULL));
  mp_condition_wait_async (condition, FOREVER, NULL, mp_test_keep_result, &first);
  g_assert_true (mp_condition_acquire (condition, 0, NULL, NULL));
  g_assert_true (mp_condition_acquire (condition, 0, NULL, NULL));
  mp_condition_wait_async (condition, FOREVER, NULL, mp_test_keep_result, &second);
  g_assert_false (mp_rlock_is_locked (lock));

  g_assert_true (mp_condition_acquire (condition, 0, NULL, NULL));
  g_assert_true (mp_condition_notify_all (condition, NULL));
  g_assert_true (mp_condition_release (condition, NULL));
  mp_test_await_result (&first);
  mp_test_await_result (&second);
  g_assert_true (mp_condition_wait_finish (condition, first, NULL));
  g_assert_true (mp_condition_wait_finish (condition, second, NULL));

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (mp_rlock_is_mine (lock));
      g_assert_true (mp_condition_release (condition, NULL));
    }
  g_assert_false (mp_rlock_is_locked (lock));
}

/* All of it in the context in which it began, though that is the default no more. */
static void
test_condition_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MpCondition) condition = mp_condition_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;

  g_assert_true (mp_condition_acquire (condition, 0, NULL, NULL));
  g_main_context_push_thread_default (context);
  mp_condition_wait_async (condition, FOREVER, NULL, mp_test_keep_result, &result);
  g_main_context_pop_thread_default (context);

  g_assert_true (mp_condition_acquire (condition, 0, NULL, NULL));
  g_assert_true (mp_condition_notify_one (condition, NULL));
  g_assert_true (mp_condition_release (condition, NULL));
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  g_assert_true (mp_condition_wait_finish (condition, result, NULL));
  g_assert_true (mp_condition_release (condition, NULL));
}

/* --- Barrier -------------------------------------------------------------- */

static gpointer
meet (gpointer barrier)
{
  g_assert_cmpint (mp_barrier_wait (barrier, MP_TEST_DEADLINE, NULL, NULL), ==, 1);
  return NULL;
}

/* All have come before it is cancelled, which may be seen first. */
static void
meet_and_cancel (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mp_barrier_wait_async (barrier, FOREVER, cancellable, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  g_thread_join (g_thread_new ("meet", meet, barrier));
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, result, &error), ==, 0);
  g_assert_no_error (error);
  g_assert_false (mp_barrier_is_broken (barrier));
}

static void
test_barrier_met_and_cancelled (void)
{
  for (guint i = 0; i < 200; i++)
    meet_and_cancel ();
}

typedef struct
{
  guint    n_calls;
  gboolean fails;
  gboolean is_silent;
} Deed;

static gboolean
do_deed (MpBarrier  *barrier,
         gpointer    user_data,
         GError    **error)
{
  Deed *deed = user_data;

  /* Nobody goes on before. */
  g_assert_cmpuint (mp_barrier_get_n_waiting (barrier), ==, mp_barrier_get_parties (barrier));
  deed->n_calls++;
  if (deed->fails && !deed->is_silent)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "The deed failed");

  return !deed->fails;
}

static void
count_notification (gpointer data)
{
  ((Deed *) data)->n_calls += 100;
}

/* The first waits in a main loop, the second is the last to come. */
static void
test_action (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2);
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GError) error = NULL;
  Deed deed = { 0 };

  mp_barrier_set_action (barrier, do_deed, &deed, count_notification);
  mp_barrier_wait_async (barrier, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_turn_loop ();
  g_assert_cmpint (mp_barrier_wait (barrier, FOREVER, NULL, NULL), ==, 1);
  g_assert_cmpuint (deed.n_calls, ==, 1);
  mp_test_await_result (&first);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, first, NULL), ==, 0);
  g_clear_object (&first);

  deed.fails = TRUE;
  mp_barrier_wait_async (barrier, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_turn_loop ();
  g_assert_cmpint (mp_barrier_wait (barrier, FOREVER, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  mp_test_await_result (&first);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, first, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_BROKEN);
  g_assert_true (mp_barrier_is_broken (barrier));
  g_clear_error (&error);

  /* It need not say why. */
  g_assert_true (mp_barrier_reset (barrier, NULL));
  deed.is_silent = TRUE;
  g_clear_object (&first);
  mp_barrier_wait_async (barrier, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_turn_loop ();
  g_assert_cmpint (mp_barrier_wait (barrier, FOREVER, NULL, NULL), ==, -1);
  mp_test_await_result (&first);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, first, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_BROKEN);
  g_clear_error (&error);
  g_assert_true (mp_barrier_reset (barrier, NULL));
  g_clear_object (&first);
  mp_barrier_wait_async (barrier, FOREVER, NULL, mp_test_keep_result, &first);
  mp_test_turn_loop ();
  g_assert_cmpint (mp_barrier_wait (barrier, FOREVER, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_BROKEN);
  g_assert_cmpstr (error->message, ==, "The barrier is broken: its action failed");
  mp_test_await_result (&first);

  g_clear_object (&first);
  g_clear_object (&barrier);
  g_assert_cmpuint (deed.n_calls, ==, 104);
}

/* The time is over while the loop is busy, and so is the wait: it came first. */
static void
test_late_loop (void)
{
  g_autoptr (MpEvent) event = mp_event_new (), other = mp_event_new ();
  g_autoptr (MpSemaphore) semaphore = mp_semaphore_new (0);
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  mp_event_wait_async (event, 0.01, NULL, mp_test_keep_result, &first);
  mp_semaphore_acquire_async (semaphore, 0.01, NULL, mp_test_keep_result, &second);
  mp_test_turn_loop ();
  g_assert_true (mp_event_set (event, NULL));
  g_assert_true (mp_semaphore_release (semaphore, NULL));
  g_assert_false (mp_event_wait (other, 0.02, NULL, NULL));
  mp_test_await_result (&first);
  mp_test_await_result (&second);
  g_assert_true (mp_event_wait_finish (event, first, &error));
  g_assert_no_error (error);
  g_assert_true (mp_semaphore_acquire_finish (semaphore, second, &error));
  g_assert_no_error (error);
}

/* --- Bounds --------------------------------------------------------------- */

static void
refuse_barrier (guint parties,
                int   code)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (parties);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_barrier_get_parties (barrier), ==, parties);
  g_assert_cmpint (mp_barrier_wait (barrier, MP_TEST_DEADLINE, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, code);
  g_clear_error (&error);
  mp_barrier_wait_async (barrier, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, result, &error), ==, -1);
  g_assert_error (error, MP_ERROR, code);
}

static void
refuse_semaphore (MpSemaphore *semaphore_taken)
{
  g_autoptr (MpSemaphore) semaphore = semaphore_taken;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_semaphore_get_value (semaphore), ==, 0);
  g_assert_false (mp_semaphore_acquire (semaphore, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
}

static void
test_refused (void)
{
  refuse_barrier (0, MP_ERROR_INVALID_STATE);
  refuse_barrier (8001, MP_ERROR_TOO_BIG);
  refuse_barrier (G_MAXUINT, MP_ERROR_TOO_BIG);
  refuse_semaphore (mp_semaphore_new (G_MAXUINT));
  refuse_semaphore (MP_SEMAPHORE (mp_bounded_semaphore_new (16001)));
}

static void
test_no_permits (void)
{
  g_autoptr (MpSemaphore) semaphore = MP_SEMAPHORE (mp_bounded_semaphore_new (0));
  gint64 begin = g_get_monotonic_time ();

  g_assert_false (mp_semaphore_acquire (semaphore, 0.02, NULL, NULL));
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 20 * G_TIME_SPAN_MILLISECOND);
}

/* --- Bells ---------------------------------------------------------------- */

static gpointer
hold_until_told (gpointer data)
{
  gpointer *arguments = data;

  g_assert_true (mp_lockable_try_enter (arguments[0]));
  g_assert_true (mp_event_set (arguments[1], NULL));
  g_assert_true (mp_event_wait (arguments[2], MP_TEST_DEADLINE, NULL, NULL));
  g_assert_true (mp_lockable_leave (arguments[0], NULL));
  return NULL;
}

/* One that takes the mark of those that wait off, and is stopped before it rings: the
 * next one that leaves rings in its place.
 */
static void
leave_without_mark (MpLockable *lockable_taken,
                    guint32     mark)
{
  g_autoptr (MpLockable) lockable = lockable_taken;
  g_autoptr (MpEvent) is_held = mp_event_new (), go_on = mp_event_new ();
  gpointer arguments[] = { lockable, is_held, go_on };
  GThread *thread = g_thread_new ("hold", hold_until_told, arguments);
  g_autoptr (GAsyncResult) result = NULL;
  MpTable *table;
  MpBell *bell;

  g_assert_true (mp_event_wait (is_held, MP_TEST_DEADLINE, NULL, NULL));
  mp_lockable_enter_async (lockable, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  g_assert_null (result);

  bell = MP_LOCKABLE_GET_IFACE (lockable)->get_bell (lockable, &table, NULL);
  atomic_fetch_and ((MpAtomic32 *) (gpointer) ((guint8 *) bell - G_STRUCT_OFFSET (MpLockLayout, bell)), ~mark);
  g_assert_true (mp_event_set (go_on, NULL));
  mp_test_await_result (&result);
  g_assert_true (mp_lockable_enter_finish (lockable, result, NULL));
  g_thread_join (thread);
}

static void
test_ringer_is_stopped (void)
{
  G_STATIC_ASSERT (G_STRUCT_OFFSET (MpCounterLayout, bell) == G_STRUCT_OFFSET (MpLockLayout, bell));
  G_STATIC_ASSERT (G_STRUCT_OFFSET (MpPermitsLayout, bell) == G_STRUCT_OFFSET (MpLockLayout, bell));

  leave_without_mark (MP_LOCKABLE (mp_lock_new ()), MP_OWNER_WAIT);
  leave_without_mark (MP_LOCKABLE (mp_rlock_new ()), MP_OWNER_WAIT);
  leave_without_mark (MP_LOCKABLE (mp_semaphore_new (1)), 1);
  leave_without_mark (MP_LOCKABLE (mp_bounded_semaphore_new (1)), 1);
}

/* --- Signals -------------------------------------------------------------- */

typedef gboolean (*WaitFunc) (gpointer   object,
                              gdouble    timeout,
                              GError   **error);

typedef struct
{
  pthread_t thread;
  int is_over;   /* atomic */
} Target;

static void
on_signal (int number)
{
}

static gpointer
send_signals (gpointer data)
{
  Target *target = data;

  while (!g_atomic_int_get (&target->is_over))
    {
      pthread_kill (target->thread, SIGUSR1);
      g_thread_yield ();
    }

  return NULL;
}

static gboolean
wait_for_event (gpointer   object,
                gdouble    timeout,
                GError   **error)
{
  return mp_event_wait (object, timeout, NULL, error);
}

static gboolean
wait_for_parties (gpointer   object,
                  gdouble    timeout,
                  GError   **error)
{
  return mp_barrier_wait (object, timeout, NULL, error) == 0;
}

static void
wait_and_be_interrupted (WaitFunc func,
                         gpointer object)
{
  struct sigaction action = { .sa_handler = on_signal }, saved;
  Target target = { pthread_self (), FALSE };
  g_autoptr (GError) error = NULL;
  GThread *thread;

  sigaction (SIGUSR1, &action, &saved);
  mp_thread_set_interruptible (TRUE);
  thread = g_thread_new ("signals", send_signals, &target);
  g_assert_false (func (object, MP_TEST_DEADLINE, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
  g_atomic_int_set (&target.is_over, TRUE);
  g_thread_join (thread);
  mp_thread_set_interruptible (FALSE);
  sigaction (SIGUSR1, &saved, NULL);
}

/* It waits on: nobody is told otherwise, and nothing is missed. */
static void
test_event_interrupted (void)
{
  g_autoptr (MpEvent) event = mp_event_new ();

  wait_and_be_interrupted (wait_for_event, event);
  g_assert_true (mp_event_set (event, NULL));
  g_assert_true (mp_event_clear (event, NULL));
  g_assert_true (mp_event_wait (event, MP_TEST_DEADLINE, NULL, NULL));
  g_assert_false (mp_event_wait (event, 0, NULL, NULL));
}

static void
test_barrier_interrupted (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2);
  g_autoptr (GError) error = NULL;

  wait_and_be_interrupted (wait_for_parties, barrier);
  wait_and_be_interrupted (wait_for_parties, barrier);
  g_assert_false (mp_barrier_is_broken (barrier));
  g_assert_cmpuint (mp_barrier_get_n_waiting (barrier), ==, 1);
  g_thread_join (g_thread_new ("meet", meet, barrier));
  g_assert_true (wait_for_parties (barrier, MP_TEST_DEADLINE, NULL));

  /* In the end it gives up. */
  wait_and_be_interrupted (wait_for_parties, barrier);
  g_assert_false (wait_for_parties (barrier, 0, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_true (mp_barrier_is_broken (barrier));
}

/* Who was interrupted and drops the barrier does not come back. */
static void
test_barrier_interrupted_and_dropped (void)
{
  MpBarrier *barrier = mp_barrier_new (2);
  g_autoptr (MpBarrier) same = mp_test_pass_on (barrier, NULL);

  wait_and_be_interrupted (wait_for_parties, barrier);
  g_assert_false (mp_barrier_is_broken (same));
  g_assert_finalize_object (barrier);
  g_assert_true (mp_barrier_is_broken (same));
}

static void
test_barrier_met_and_dropped (void)
{
  MpBarrier *barrier = mp_barrier_new (2);
  g_autoptr (MpBarrier) same = mp_test_pass_on (barrier, NULL);

  wait_and_be_interrupted (wait_for_parties, barrier);
  g_thread_join (g_thread_new ("meet", meet, same));
  g_assert_finalize_object (barrier);
  g_assert_false (mp_barrier_is_broken (same));
}

/* --- Forks of strangers --------------------------------------------------- */

static void
join_stranger (pid_t pid)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 42 << 8);
}

/* A child that runs the loop it was forked with takes no word from its parent, and can
 * wait in that loop itself.
 */
static void
test_stranger_hears_nothing (void)
{
  g_autoptr (MpEvent) event = mp_event_new (), other = mp_event_new ();
  g_autoptr (GAsyncResult) result = NULL;
  pid_t pid;

  mp_event_wait_async (event, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  pid = fork ();
  if (pid == 0)
    {
      g_autoptr (GAsyncResult) own = NULL;

      mp_event_set (event, NULL);
      while (!g_main_context_iteration (NULL, TRUE))
        ;
      mp_event_wait_async (other, FOREVER, NULL, mp_test_keep_result, &own);
      mp_test_turn_loop ();
      mp_event_set (other, NULL);
      while (own == NULL)
        g_main_context_iteration (NULL, TRUE);
      _exit (result == NULL && mp_event_wait_finish (other, own, NULL) ? 42 : 1);
    }

  join_stranger (pid);
  mp_test_await_result (&result);
  g_assert_true (mp_event_wait_finish (event, result, NULL));
}

/* Nor does it give up what its parent waits for. */
static void
test_stranger_gives_nothing_up (void)
{
  g_autoptr (MpBarrier) barrier = mp_barrier_new (2);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  pid_t pid;

  mp_barrier_wait_async (barrier, FOREVER, cancellable, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  pid = fork ();
  if (pid == 0)
    {
      g_cancellable_cancel (cancellable);
      mp_test_turn_loop ();
      _exit (result == NULL ? 42 : 1);
    }

  join_stranger (pid);
  g_assert_false (mp_barrier_is_broken (barrier));
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  g_assert_cmpint (mp_barrier_wait_finish (barrier, result, NULL), ==, -1);
}

/* --- Main ----------------------------------------------------------------- */

static void
warm_up (void)
{
  g_autoptr (MpEvent) event = mp_event_new (), same = mp_test_pass_on (event, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  mp_event_wait_async (same, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_turn_loop ();
  g_assert_true (mp_event_set (event, NULL));
  mp_test_await_result (&result);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/sync/event/nested-loop", test_event_nested_loop);
  mp_test_add ("/sync/barrier/met-and-cancelled", test_barrier_met_and_cancelled);
  mp_test_add ("/sync/late-loop", test_late_loop);
  mp_test_add ("/sync/stranger/hears-nothing", test_stranger_hears_nothing);
  mp_test_add ("/sync/stranger/gives-nothing-up", test_stranger_gives_nothing_up);
  mp_test_add ("/sync/event/interrupted", test_event_interrupted);
  mp_test_add ("/sync/barrier/interrupted", test_barrier_interrupted);
  mp_test_add ("/sync/barrier/interrupted-and-dropped", test_barrier_interrupted_and_dropped);
  mp_test_add ("/sync/barrier/met-and-dropped", test_barrier_met_and_dropped);
  mp_test_add ("/sync/bounds/refused", test_refused);
  mp_test_add ("/sync/bounds/no-permits", test_no_permits);
  mp_test_add ("/sync/barrier/action", test_action);
  mp_test_add ("/sync/condition/given-up", test_condition_given_up);
  mp_test_add ("/sync/condition/context", test_condition_context);
  mp_test_add ("/sync/ringer-is-stopped", test_ringer_is_stopped);
  mp_test_add ("/sync/condition/twice", test_condition_twice);
  return g_test_run ();
}
