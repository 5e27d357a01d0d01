/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-bench.h"
#include "mp-notes-private.h"
#include "mp-owner-lock-private.h"
#include "mp-self-private.h"
#include "../mp-test-process.h"

/* Waits that sleep: two processes that take turns by a condition without spinning, as
 * cond.* of the yardsticks do; from the death of a lock's holder to its next owner; and
 * from a release in another process to the callback in a main loop,
 *
 *   own.async.lock      by the object's bell, as mp_lock_acquire_async() does it
 *   own.async.thread    by a thread that is blocked in mp_lock_acquire() for each wait
 *   own.crowd.lock      by either, when CROWD wait for the same lock: callbacks a second,
 *   own.crowd.thread    each of which releases the lock for the next one
 *
 * beside own.async.waitv and own.async.eventfd of the yardstick `ownlock`.
 */

#define FOREVER -1.0
#define CROWD   64

/* What the processes share beside the lock. */
typedef struct
{
  MpAtomic32       turn;      /* guarded by the condition's lock */
  MpAtomic32       order;     /* the other process takes the lock when it changes, */
  MpAtomic32       is_held;   /* makes this the same, */
  MpAtomic32       go;        /* and releases it when this is the same and the parent sleeps */
  _Atomic (gint64) time;      /* just before what begins a measurement */
} Shared;

typedef void (*AcquireFunc) (MpLock              *lock,
                             gdouble              timeout,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data);

typedef struct
{
  Shared      *shared;
  MpLock      *lock;
  MpCondition *condition;
  AcquireFunc  acquire;
  pid_t        parent;
  pid_t        holder;
  guint32      n;             /* the last order */
  guint        n_called;
  gint64       time;          /* of the last callback */
  MpAtomic32   thread;        /* thread id of what waits, for own.async.thread */
} Bench;

static void
stamp (Bench *bench)
{
  atomic_store (&bench->shared->time, mp_bench_get_time ());
}

/* --- Conditions ----------------------------------------------------------- */

static void
take_turns (guint64  n,
            Bench   *bench,
            guint32  me)
{
  mp_condition_acquire (bench->condition, FOREVER, NULL, NULL);
  for (guint64 i = 0; i < n; i++)
    {
      while (atomic_load (&bench->shared->turn) != me)
        mp_condition_wait (bench->condition, FOREVER, NULL, NULL);

      atomic_store (&bench->shared->turn, 1 - me);
      mp_condition_notify_one (bench->condition, NULL);
    }
  mp_condition_release (bench->condition, NULL);
}

typedef struct
{
  Bench   *bench;
  guint64  n;
} Turns;

static void
be_second (gpointer data)
{
  Turns *turns = data;

  mp_bench_pin (1);
  take_turns (turns->n, turns->bench, 1);
}

static void
turns_of_two (guint64  n,
              gpointer user_data)
{
  Turns turns = { user_data, MAX (n / 2, 1) };
  pid_t other = mp_test_fork (be_second, &turns);

  mp_bench_pin (0);
  take_turns (turns.n, user_data, 0);
  mp_bench_unpin ();
  mp_test_join (other);
}

/* --- Deaths --------------------------------------------------------------- */

static void
hold (gpointer data)
{
  Bench *bench = data;

  mp_lock_acquire (bench->lock, FOREVER, NULL, NULL);
  mp_test_set_word (&bench->shared->is_held, 1);
  for (;;)
    pause ();
}

static void
kill_holder (gpointer data)
{
  Bench *bench = data;

  mp_test_wait_asleep (bench->parent);
  stamp (bench);
  kill (bench->holder, SIGKILL);
}

static gint64
inherit (gpointer user_data)
{
  Bench *bench = user_data;
  gint64 time;
  pid_t killer;

  atomic_store (&bench->shared->is_held, 0);
  bench->holder = mp_test_fork (hold, bench);
  mp_test_wait_word (&bench->shared->is_held, 1);
  killer = mp_test_fork (kill_holder, bench);

  mp_lock_acquire (bench->lock, FOREVER, NULL, NULL);
  time = mp_bench_get_time () - atomic_load (&bench->shared->time);
  g_assert_true (mp_lock_is_abandoned (bench->lock));
  mp_lock_release (bench->lock, NULL);

  mp_test_join (bench->holder);
  mp_test_join (killer);
  return time;
}

/* --- Main loops ----------------------------------------------------------- */

typedef struct
{
  Bench *bench;
  GTask *task;
} Blocked;

static gpointer
be_blocked (gpointer data)
{
  Blocked *self = data;

  atomic_store (&self->bench->thread, (guint32) syscall (SYS_gettid));
  mp_lock_acquire (self->bench->lock, FOREVER, NULL, NULL);
  g_task_return_boolean (self->task, TRUE);
  g_object_unref (self->task);
  g_free (self);
  return NULL;
}

static void
acquire_by_thread (MpLock              *lock,
                   gdouble              timeout,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  Blocked *self = g_new (Blocked, 1);
  Bench *bench = user_data;

  self->bench = bench;
  self->task = g_task_new (lock, cancellable, callback, user_data);
  atomic_store (&bench->thread, 0);
  g_thread_unref (g_thread_new ("blocked", be_blocked, self));
  while (atomic_load (&bench->thread) == 0)
    g_thread_yield ();
  mp_test_wait_asleep ((pid_t) atomic_load (&bench->thread));
}

static void
on_acquired (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Bench *bench = user_data;

  bench->time = mp_bench_get_time ();
  bench->n_called++;
  g_assert_true (g_task_propagate_boolean (G_TASK (result), NULL));
  mp_lock_release (bench->lock, NULL);
}

/* The other process: never asleep when the parent is to be called. */
static void
obey (gpointer data)
{
  Bench *bench = data;

  mp_bench_pin (1);
  for (guint32 i = 1;; i++)
    {
      mp_test_wait_word (&bench->shared->order, i);
      mp_lock_acquire (bench->lock, FOREVER, NULL, NULL);
      mp_test_set_word (&bench->shared->is_held, i);
      mp_test_wait_word (&bench->shared->go, i);
      mp_test_wait_asleep (bench->parent);
      stamp (bench);
      mp_lock_release (bench->lock, NULL);
    }
}

static gint64
await_release (gpointer user_data)
{
  Bench *bench = user_data;
  guint32 n = ++bench->n;

  mp_test_set_word (&bench->shared->order, n);
  mp_test_wait_word (&bench->shared->is_held, n);
  bench->n_called = 0;
  bench->acquire (bench->lock, FOREVER, NULL, on_acquired, bench);
  while (g_main_context_iteration (NULL, FALSE))
    ;

  mp_test_set_word (&bench->shared->go, n);
  while (bench->n_called == 0)
    g_main_context_iteration (NULL, TRUE);

  return bench->time - atomic_load (&bench->shared->time);
}

static gint64
call_crowd (gpointer user_data)
{
  Bench *bench = user_data;
  gint64 start;

  mp_lock_acquire (bench->lock, FOREVER, NULL, NULL);
  bench->n_called = 0;
  for (guint i = 0; i < CROWD; i++)
    bench->acquire (bench->lock, FOREVER, NULL, on_acquired, bench);
  while (g_main_context_iteration (NULL, FALSE))
    ;

  start = mp_bench_get_time ();
  mp_lock_release (bench->lock, NULL);
  while (bench->n_called < CROWD)
    g_main_context_iteration (NULL, TRUE);

  return (mp_bench_get_time () - start) / CROWD;
}

static void
run_waits (Bench      *bench,
           const char *name,
           AcquireFunc acquire)
{
  g_autofree char *async = g_strconcat ("async.", name, NULL);
  g_autofree char *crowd = g_strconcat ("crowd.", name, NULL);

  bench->acquire = acquire;
  mp_bench_run_once (async, MP_BENCH_MICROSECONDS, await_release, bench);
  mp_bench_run_once (crowd, MP_BENCH_PER_SECOND, call_crowd, bench);
}

/* In a process of its own, whose threads are all on one CPU: the scheduler for real-time would
 * have those that are not make room for the one that is, which takes longer than all else here.
 */
static void
wait_in_loop (gpointer data)
{
  Bench *bench = data;
  pid_t other;

  mp_bench_pin (0);
  bench->parent = getpid ();
  atomic_store (&bench->shared->is_held, 0);
  other = mp_test_fork (obey, bench);
  run_waits (bench, "lock", mp_lock_acquire_async);
  run_waits (bench, "thread", acquire_by_thread);
  mp_test_kill (other);
  fflush (stdout);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (MpLock) lock = NULL, guard = NULL;
  g_autoptr (MpCondition) condition = NULL;
  Bench bench = { 0 };

  mp_init ();
  mp_bench_init (argc, argv);

  lock = mp_lock_new ();
  guard = mp_lock_new ();
  condition = mp_condition_new (MP_LOCKABLE (guard));
  bench.shared = mp_test_share (sizeof (Shared));
  bench.lock = lock;
  bench.condition = condition;
  bench.parent = getpid ();

  mp_bench_run_once ("death", MP_BENCH_MICROSECONDS, inherit, &bench);
  fflush (stdout);
  mp_test_join (mp_test_fork (wait_in_loop, &bench));

  mp_notes_set_spin (FALSE);
  mp_owner_lock_set_spin (0);
  mp_bench_run ("condition.sleeps", MP_BENCH_PER_SECOND, turns_of_two, &bench);
  return 0;
}
