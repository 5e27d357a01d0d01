/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <unistd.h>

#include <mpglib.h>

#include "mp-owner-rlock-private.h"
#include "mp-participant-private.h"
#include "mp-test-crew.h"

#define N_ROUNDS 5000

typedef struct
{
  MpLockLayout lock;
  guint32      counter;   /* guarded by the lock */
  MpAtomic32   n_abandoned;
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
acquire (MpWait wait)
{
  return mp_owner_rlock_acquire (table, &shared->lock, enter (), wait);
}

static void
acquire_now (void)
{
  g_assert_cmpint (acquire (MP_WAIT_ENDS_NOW), ==, MP_OWNER_LOCK_ACQUIRED);
}

static MpOwnerLockRelease
release (void)
{
  return mp_owner_rlock_release (&shared->lock, enter ());
}

static gboolean
is_mine (void)
{
  return mp_owner_rlock_is_mine (&shared->lock, enter ());
}

static void
count (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_assert_cmpint (acquire (MP_WAIT_NEVER_ENDS), ==, MP_OWNER_LOCK_ACQUIRED);
      acquire_now ();
      shared->counter++;
      release ();
      g_assert_true (is_mine ());
      shared->counter++;
      release ();
      g_assert_false (is_mine ());
    }
}

static void
test_exclusion (void)
{
  set_up ();
  mp_test_crew_processes (count);
  g_assert_cmpuint (shared->counter, ==, MP_TEST_CREW_SIZE * N_ROUNDS * 2);
  g_assert_cmpuint (atomic_load (&shared->lock.word), ==, 0);
}

static void
test_threads (void)
{
  set_up ();
  mp_test_crew_threads (count);
  g_assert_cmpuint (shared->counter, ==, MP_TEST_CREW_SIZE * N_ROUNDS * 2);
  g_assert_cmpuint (atomic_load (&shared->lock.word), ==, 0);
}

static void
fail_to_acquire (gpointer data)
{
  g_assert_false (is_mine ());
  g_assert_cmpint (acquire (MP_WAIT_ENDS_NOW), ==, MP_OWNER_LOCK_TIMED_OUT);
  g_assert_cmpint (acquire (MP_WAIT_UNTIL (g_get_monotonic_time () + 1000)), ==, MP_OWNER_LOCK_TIMED_OUT);
}

/* The owner is one thread of one process. */
static void
test_others (void)
{
  set_up ();
  acquire_now ();
  acquire_now ();
  mp_test_crew_threads (fail_to_acquire);
  mp_test_crew_processes (fail_to_acquire);
  release ();
  mp_test_crew_threads (fail_to_acquire);
  g_assert_cmpint (release (), ==, MP_OWNER_LOCK_RELEASED_AWAITED);
}

static void
test_all_at_once (void)
{
  guint32 n;

  set_up ();
  for (guint i = 0; i < 3; i++)
    acquire_now ();

  mp_owner_rlock_release_all (&shared->lock, enter (), &n);
  g_assert_false (is_mine ());
  g_assert_cmpuint (atomic_load (&shared->lock.word), ==, 0);

  acquire_now ();
  mp_owner_rlock_restore (&shared->lock, n);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (is_mine ());
      release ();
    }
  g_assert_false (is_mine ());
}

/* Too often to count: exclusion stays. */
static void
test_overflow (void)
{
  set_up ();
  acquire_now ();
  mp_owner_rlock_restore (&shared->lock, G_MAXUINT32 - 1);
  acquire_now ();
  acquire_now ();
  for (guint i = 0; i < 5; i++)
    release ();

  g_assert_true (is_mine ());
  mp_test_crew_threads (fail_to_acquire);
}

static void
be_stopped (gpointer data)
{
  g_assert_cmpint (acquire (mp_test_wait_until_stop ()), ==, MP_OWNER_LOCK_TIMED_OUT);
}

static void
test_stop (void)
{
  set_up ();
  acquire_now ();
  mp_test_assert_stops (be_stopped);
  release ();
  acquire_now ();
}

static void
die_with_lock (gpointer data)
{
  acquire_now ();
  acquire_now ();
}

static void
acquire_from_dead (gpointer data)
{
  if (acquire (MP_WAIT_UNTIL (mp_test_deadline ())) == MP_OWNER_LOCK_ABANDONED)
    atomic_fetch_add (&shared->n_abandoned, 1);
  g_assert_true (is_mine ());
  release ();
  g_assert_false (is_mine ());
}

/* One is told, and has it once. */
static void
test_abandoned (void)
{
  set_up ();
  enter ();
  mp_test_join (mp_test_fork (die_with_lock, NULL));
  mp_test_crew_processes (acquire_from_dead);
  g_assert_cmpuint (atomic_load (&shared->n_abandoned), ==, 1);
}

static void
hold_until_told (gpointer data)
{
  acquire_now ();
  acquire_now ();
  mp_test_tell_ready ();
  mp_test_wait_word (&shared->n_abandoned, 1);

  g_assert_cmpint (release (), ==, MP_OWNER_LOCK_RELEASED);
  if (release () == MP_OWNER_LOCK_RELEASED_AWAITED)
    mp_bell_ring (table, &shared->lock.bell);
  pause ();
}

static void
test_await (void)
{
  MpTestBell bell;
  pid_t holder;

  set_up ();
  enter ();
  holder = mp_test_fork_waiter (hold_until_told, NULL);
  mp_test_bell_init (&bell, table, &shared->lock.bell);

  mp_test_bell_arm (&bell);
  g_assert_cmpint (mp_owner_rlock_acquire_or_await (table, &shared->lock, enter ()), ==, MP_OWNER_LOCK_TIMED_OUT);
  mp_test_set_word (&shared->n_abandoned, 1);
  do
    mp_test_bell_hear (&bell);
  while (mp_owner_rlock_acquire_or_await (table, &shared->lock, enter ()) == MP_OWNER_LOCK_TIMED_OUT);
  g_assert_cmpint (mp_owner_rlock_acquire_or_await (table, &shared->lock, enter ()), ==, MP_OWNER_LOCK_ACQUIRED);
  release ();
  g_assert_true (is_mine ());
  release ();

  mp_test_bell_clear (&bell);
  mp_test_kill (holder);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/owner-rlock/exclusion", test_exclusion);
  g_test_add_func ("/owner-rlock/threads", test_threads);
  g_test_add_func ("/owner-rlock/others", test_others);
  g_test_add_func ("/owner-rlock/all-at-once", test_all_at_once);
  g_test_add_func ("/owner-rlock/overflow", test_overflow);
  g_test_add_func ("/owner-rlock/stop", test_stop);
  g_test_add_func ("/owner-rlock/abandoned", test_abandoned);
  g_test_add_func ("/owner-rlock/await", test_await);
  return g_test_run ();
}
