/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-clock-private.h"
#include "mp-futex-private.h"
#include "mp-owner-lock-private.h"
#include "mp-test-process.h"

#define N_PROCESSES 4
#define N_ROUNDS    20000

typedef struct
{
  _Alignas (64) MpAtomic32 lock;
  guint32                  counter;   /* guarded by the lock */
  _Alignas (64) MpAtomic32 ready;
  MpAtomic32               n_abandoned;
} Shared;

static MpTable *table;
static Shared *shared;

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
}

static guint32
enter (void)
{
  guint32 me = mp_participant_enter (table, NULL);

  g_assert_cmpuint (me, !=, 0);
  return me;
}

static MpOwnerLockResult
acquire (gint64 deadline)
{
  return mp_owner_lock_acquire (table, &shared->lock, enter (), MP_WAIT_UNTIL (deadline));
}

static void
count (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_assert_cmpint (acquire (MP_DEADLINE_NEVER), ==, MP_OWNER_LOCK_ACQUIRED);
      shared->counter++;
      g_assert_cmpint (mp_owner_lock_release (&shared->lock), !=, MP_OWNER_LOCK_WAS_FREE);
    }
}

static gpointer
count_in_thread (gpointer data)
{
  count (NULL);
  return NULL;
}

static void
test_exclusion (void)
{
  pid_t pids[N_PROCESSES];

  set_up ();
  for (guint i = 0; i < N_PROCESSES; i++)
    pids[i] = mp_test_fork (count, NULL);
  for (guint i = 0; i < N_PROCESSES; i++)
    mp_test_join (pids[i]);

  g_assert_cmpuint (shared->counter, ==, N_PROCESSES * N_ROUNDS);
  g_assert_cmpuint (atomic_load (&shared->lock), ==, 0);
}

static void
test_threads (void)
{
  GThread *threads[N_PROCESSES];

  set_up ();
  for (guint i = 0; i < N_PROCESSES; i++)
    threads[i] = g_thread_new ("count", count_in_thread, NULL);
  for (guint i = 0; i < N_PROCESSES; i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (shared->counter, ==, N_PROCESSES * N_ROUNDS);
}

static void
acquire_and_wait (gpointer data)
{
  g_assert_cmpint (acquire (MP_DEADLINE_NEVER), ==, MP_OWNER_LOCK_ACQUIRED);
  mp_test_set_word (&shared->ready, 1);
  mp_test_wait_word (&shared->ready, 2);
}

static void
test_timeout (void)
{
  gint64 begin;
  pid_t pid;

  set_up ();
  pid = mp_test_fork (acquire_and_wait, NULL);
  mp_test_wait_word (&shared->ready, 1);

  g_assert_cmpint (acquire (MP_DEADLINE_NOW), ==, MP_OWNER_LOCK_TIMED_OUT);
  begin = g_get_monotonic_time ();
  g_assert_cmpint (acquire (mp_deadline_from_timeout (0.05)), ==, MP_OWNER_LOCK_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);

  /* Anybody may release. */
  g_assert_cmpint (mp_owner_lock_release (&shared->lock), !=, MP_OWNER_LOCK_WAS_FREE);
  g_assert_cmpint (mp_owner_lock_release (&shared->lock), ==, MP_OWNER_LOCK_WAS_FREE);
  g_assert_cmpint (acquire (MP_DEADLINE_NOW), ==, MP_OWNER_LOCK_ACQUIRED);
  g_assert_cmpint (mp_owner_lock_release (&shared->lock), !=, MP_OWNER_LOCK_WAS_FREE);

  mp_test_set_word (&shared->ready, 2);
  mp_test_join (pid);
}

static void
acquire_from_dead (gpointer data)
{
  MpOwnerLockResult result = acquire (mp_test_deadline ());

  g_assert_cmpint (result, !=, MP_OWNER_LOCK_TIMED_OUT);
  if (result == MP_OWNER_LOCK_ABANDONED)
    atomic_fetch_add (&shared->n_abandoned, 1);
  g_assert_cmpint (mp_owner_lock_release (&shared->lock), !=, MP_OWNER_LOCK_WAS_FREE);
}

/* All who wait get the lock, and one of them is told. */
static void
test_abandoned (void)
{
  pid_t holder, waiters[N_PROCESSES];

  set_up ();
  enter ();
  holder = mp_test_fork (acquire_and_wait, NULL);
  mp_test_wait_word (&shared->ready, 1);
  for (guint i = 0; i < N_PROCESSES; i++)
    waiters[i] = mp_test_fork (acquire_from_dead, NULL);
  for (guint i = 0; i < N_PROCESSES; i++)
    mp_test_wait_asleep (waiters[i]);

  mp_test_kill (holder);
  for (guint i = 0; i < N_PROCESSES; i++)
    mp_test_join (waiters[i]);
  g_assert_cmpuint (atomic_load (&shared->n_abandoned), ==, 1);
}

static MpAtomic32 sleeper_threads[3];

static gpointer
sleep_once (gpointer index)
{
  mp_test_set_word (&sleeper_threads[GPOINTER_TO_UINT (index)], (guint32) syscall (SYS_gettid));
  g_assert_true (mp_futex_wait (&shared->ready, 1, mp_test_deadline ()));
  return NULL;
}

/* A release wakes one of many, not two, of which one would find nothing. */
static void
test_wakes_one (void)
{
  GThread *threads[3];

  set_up ();
  atomic_store (&shared->ready, 1);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      threads[i] = g_thread_new ("sleep", sleep_once, GUINT_TO_POINTER (i));
      while (atomic_load (&sleeper_threads[i]) == 0)
        mp_futex_wait (&sleeper_threads[i], 0, mp_test_deadline ());
      mp_test_wait_asleep ((pid_t) atomic_load (&sleeper_threads[i]));
    }

  g_assert_cmpuint (mp_futex_add_and_wake (&shared->ready, 1), ==, 1);
  mp_futex_set_and_wake (&shared->ready, 1);
  g_assert_cmpuint (mp_futex_wake (&shared->ready, MP_FUTEX_WAKE_ALL), ==, 1);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/owner-lock/exclusion", test_exclusion);
  g_test_add_func ("/owner-lock/threads", test_threads);
  g_test_add_func ("/owner-lock/timeout", test_timeout);
  g_test_add_func ("/owner-lock/abandoned", test_abandoned);
  g_test_add_func ("/owner-lock/wakes-one", test_wakes_one);
  return g_test_run ();
}
