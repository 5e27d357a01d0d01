/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <unistd.h>

#include <mpglib.h>

#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-permits-private.h"
#include "mp-test-crew.h"

#define N_ROUNDS  5000
#define N_PERMITS 3

typedef struct
{
  union
  {
    MpPermitsLayout permits;
    guint8          memory[sizeof (MpPermitsLayout) + N_PERMITS * sizeof (MpAtomic32)];
  };
  MpAtomic32 n_inside;
  MpAtomic32 n_taken;
  MpAtomic32 n_abandoned;
} Shared;

static MpTable *table;
static Shared *shared;

static guint32
enter (void)
{
  guint32 me = mp_participant_enter (table, NULL);

  g_assert_cmpuint (me, !=, 0);
  return me;
}

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
  enter ();
}

static MpPermitsTake
take (MpWait wait)
{
  return mp_permits_take (table, &shared->permits, N_PERMITS, enter (), wait);
}

static MpPermitsGive
give (void)
{
  return mp_permits_give (&shared->permits, N_PERMITS, enter ());
}

static guint
get (void)
{
  return mp_permits_get (table, &shared->permits, N_PERMITS);
}

static void
take_all (void)
{
  for (guint i = 0; i < N_PERMITS; i++)
    g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_PERMITS_TAKEN);
}

static void
go_in_and_out (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_assert_cmpint (take (MP_WAIT_NEVER_ENDS), ==, MP_PERMITS_TAKEN);
      g_assert_cmpuint (atomic_fetch_add (&shared->n_inside, 1), <, N_PERMITS);
      atomic_fetch_sub (&shared->n_inside, 1);
      g_assert_cmpint (give (), !=, MP_PERMITS_ALL_THERE);
    }
}

static void
test_processes (void)
{
  set_up ();
  mp_test_crew_processes (go_in_and_out);
  g_assert_cmpuint (get (), ==, N_PERMITS);
}

static void
test_threads (void)
{
  set_up ();
  mp_test_crew_threads (go_in_and_out);
  g_assert_cmpuint (get (), ==, N_PERMITS);
}

/* Those with an odd number give what the others take, and must never hear that all
 * are there while one is taken for them.
 */
static void
give_or_take (gpointer number)
{
  enter ();
  for (guint i = 0; i < N_ROUNDS; i++)
    if (GPOINTER_TO_UINT (number) % 2 == 0)
      {
        g_assert_cmpint (take (MP_WAIT_NEVER_ENDS), ==, MP_PERMITS_TAKEN);
        mp_test_count (&shared->n_taken);
      }
    else
      {
        guint32 n;

        while ((n = atomic_load (&shared->n_taken)) == 0 ||
               !atomic_compare_exchange_strong (&shared->n_taken, &n, n - 1))
          if (n == 0)
            g_assert_true (mp_futex_wait (&shared->n_taken, 0, mp_test_deadline ()));
        g_assert_cmpint (give (), !=, MP_PERMITS_ALL_THERE);
      }
}

static void
test_handed_over (void)
{
  set_up ();
  mp_test_crew_threads (give_or_take);
  g_assert_cmpuint (get (), ==, N_PERMITS);
}

static void
test_timeout (void)
{
  gint64 begin = g_get_monotonic_time ();

  set_up ();
  take_all ();
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_PERMITS_NONE);
  g_assert_cmpint (take (MP_WAIT_UNTIL (begin + 50 * G_TIME_SPAN_MILLISECOND)), ==, MP_PERMITS_NONE);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);

  /* The mark that is left costs one call, and goes. */
  g_assert_cmpint (give (), ==, MP_PERMITS_GIVEN_AWAITED);
  g_assert_cmpint (give (), ==, MP_PERMITS_GIVEN);
  g_assert_cmpint (give (), ==, MP_PERMITS_GIVEN);
  g_assert_cmpint (give (), ==, MP_PERMITS_ALL_THERE);
}

static void
be_stopped (gpointer data)
{
  g_assert_cmpint (take (mp_test_wait_until_stop ()), ==, MP_PERMITS_NONE);
}

static void
test_stop (void)
{
  set_up ();
  take_all ();
  mp_test_assert_stops (be_stopped);
  give ();
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_PERMITS_TAKEN);
}

static void
give_all (gpointer data)
{
  for (guint i = 0; i < N_PERMITS; i++)
    g_assert_cmpint (give (), ==, MP_PERMITS_GIVEN);
}

/* One's own first, else anybody's. */
static void
test_anybodys (void)
{
  set_up ();
  take_all ();
  mp_test_join (mp_test_fork (give_all, NULL));
  g_assert_cmpuint (get (), ==, N_PERMITS);
  g_assert_cmpint (give (), ==, MP_PERMITS_ALL_THERE);
}

static void
take_once (gpointer data)
{
  MpPermitsTake result;

  enter ();
  mp_test_tell_ready ();
  result = take (MP_WAIT_UNTIL (mp_test_deadline ()));
  g_assert_cmpint (result, !=, MP_PERMITS_NONE);
  if (result == MP_PERMITS_ABANDONED)
    atomic_fetch_add (&shared->n_abandoned, 1);
  mp_test_count (&shared->n_taken);
  pause ();
}

/* Each that is given reaches one that sleeps. */
static void
test_wakes_all (void)
{
  pid_t pids[N_PERMITS];

  set_up ();
  take_all ();
  for (guint i = 0; i < N_PERMITS; i++)
    pids[i] = mp_test_fork_waiter (take_once, NULL);
  for (guint i = 0; i < N_PERMITS; i++)
    g_assert_cmpint (give (), ==, MP_PERMITS_GIVEN_AWAITED);

  mp_test_wait_count (&shared->n_taken, N_PERMITS);
  g_assert_cmpuint (get (), ==, 0);
  for (guint i = 0; i < N_PERMITS; i++)
    mp_test_kill (pids[i]);
}

static void
take_all_and_wait (gpointer data)
{
  take_all ();
  mp_test_tell_ready ();
  pause ();
}

/* All that the dead had reach those that sleep, each of whom is told. */
static void
test_abandoned (void)
{
  pid_t holder, pids[N_PERMITS];

  set_up ();
  holder = mp_test_fork_waiter (take_all_and_wait, NULL);
  for (guint i = 0; i < N_PERMITS; i++)
    pids[i] = mp_test_fork_waiter (take_once, NULL);

  mp_test_kill (holder);
  mp_test_wait_count (&shared->n_taken, N_PERMITS);
  g_assert_cmpuint (atomic_load (&shared->n_abandoned), ==, N_PERMITS);
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_PERMITS_NONE);
  for (guint i = 0; i < N_PERMITS; i++)
    mp_test_kill (pids[i]);
}

static void
give_and_ring (gpointer data)
{
  if (give () == MP_PERMITS_GIVEN_AWAITED)
    mp_bell_ring (table, &shared->permits.bell);
  pause ();
}

static MpPermitsTake
take_or_await (void)
{
  return mp_permits_take_or_await (table, &shared->permits, N_PERMITS, enter ());
}

static void
test_await (void)
{
  MpTestBell bell;
  pid_t pid;

  set_up ();
  mp_test_bell_init (&bell, table, &shared->permits.bell);
  for (guint i = 0; i < N_PERMITS; i++)
    g_assert_cmpint (take_or_await (), ==, MP_PERMITS_TAKEN);

  mp_test_bell_arm (&bell);
  g_assert_cmpint (take_or_await (), ==, MP_PERMITS_NONE);
  pid = mp_test_fork (give_and_ring, NULL);
  do
    mp_test_bell_hear (&bell);
  while (take_or_await () == MP_PERMITS_NONE);

  mp_test_kill (pid);
  mp_test_bell_clear (&bell);
}

/* A death rings too. */
static void
test_await_abandoned (void)
{
  MpTestBell bell;
  pid_t holder;

  set_up ();
  holder = mp_test_fork_waiter (take_all_and_wait, NULL);
  mp_test_bell_init (&bell, table, &shared->permits.bell);
  mp_test_bell_arm (&bell);
  g_assert_cmpint (take_or_await (), ==, MP_PERMITS_NONE);

  mp_test_kill (holder);
  do
    mp_test_bell_hear (&bell);
  while (take_or_await () != MP_PERMITS_ABANDONED);
  mp_test_bell_clear (&bell);
}

/* A number that others wrote leads nowhere outside the object. */
static void
test_bounds (void)
{
  set_up ();
  atomic_store (&shared->permits.n_permits, N_PERMITS);
  g_assert_cmpuint (mp_permits_check_n (&shared->permits, mp_permits_get_size (N_PERMITS)), ==, N_PERMITS);
  g_assert_cmpuint (mp_permits_check_n (&shared->permits, mp_permits_get_size (N_PERMITS) - 1), ==, 0);
  atomic_store (&shared->permits.n_permits, G_MAXUINT32);
  g_assert_cmpuint (mp_permits_check_n (&shared->permits, G_MAXSIZE), ==, 0);

  atomic_store (&shared->permits.hint, 100 * 1000 * 1000);
  take_all ();
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_PERMITS_NONE);
  atomic_store (&shared->permits.hint, G_MAXUINT32);
  give_all (NULL);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/permits/processes", test_processes);
  g_test_add_func ("/permits/threads", test_threads);
  g_test_add_func ("/permits/handed-over", test_handed_over);
  g_test_add_func ("/permits/timeout", test_timeout);
  g_test_add_func ("/permits/stop", test_stop);
  g_test_add_func ("/permits/anybodys", test_anybodys);
  g_test_add_func ("/permits/wakes-all", test_wakes_all);
  g_test_add_func ("/permits/abandoned", test_abandoned);
  g_test_add_func ("/permits/await", test_await);
  g_test_add_func ("/permits/await-abandoned", test_await_abandoned);
  g_test_add_func ("/permits/bounds", test_bounds);
  return g_test_run ();
}
