/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <unistd.h>

#include <mpglib.h>

#include "mp-participant-private.h"
#include "mp-rendezvous-private.h"
#include "mp-test-crew.h"

#define N_PARTIES 4
#define N_ROUNDS  500

/* Enough for a round to end between the two looks of one that finds no place. */
#define N_SURPLUS_ROUNDS 100000

typedef struct
{
  union
  {
    MpRendezvousLayout rendezvous;
    guint8             memory[sizeof (MpRendezvousLayout) + N_PARTIES * sizeof (MpAtomic64)];
  };
  MpAtomic32 n_met;
  MpAtomic32 n_broken;
  MpAtomic32 n_timed_out;
  MpAtomic32 n_last;
  MpAtomic32 n_inside[2];   /* of even rounds and odd ones */
} Shared;

static MpTable *table;
static Shared *shared;
static guint n_parties;

static guint32
enter (void)
{
  guint32 me = mp_participant_enter (table, NULL);

  g_assert_cmpuint (me, !=, 0);
  return me;
}

static void
set_up (guint n)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
  n_parties = n;
  enter ();
}

static MpRendezvousResult
arrive (MpArrival *arrival)
{
  return mp_rendezvous_arrive (table, &shared->rendezvous, n_parties, enter (), arrival);
}

/* As a barrier waits. */
static MpRendezvousResult
meet (MpArrival *arrival,
      MpWait     wait)
{
  for (;;)
    {
      MpRendezvousResult result = arrive (arrival);

      if (result == MP_RENDEZVOUS_BROKEN)
        return result;

      if (result == MP_RENDEZVOUS_TIMED_OUT)
        {
          result = mp_rendezvous_wait (table, &shared->rendezvous, arrival, wait);
          if (result == MP_RENDEZVOUS_TIMED_OUT)
            return result;
          continue;
        }

      if (mp_rendezvous_is_last (arrival))
        return mp_rendezvous_complete (&shared->rendezvous, arrival);

      return mp_rendezvous_wait (table, &shared->rendezvous, arrival, wait);
    }
}

static MpRendezvousResult
meet_forever (void)
{
  MpArrival arrival;

  return meet (&arrival, MP_WAIT_UNTIL (mp_test_deadline ()));
}

/* --- Rounds --------------------------------------------------------------- */

/* Nobody is a round ahead of another who has not left the one before. */
static void
meet_often (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      MpArrival arrival;

      atomic_fetch_add (&shared->n_inside[i % 2], 1);
      g_assert_cmpint (meet (&arrival, MP_WAIT_NEVER_ENDS), ==, MP_RENDEZVOUS_MET);
      g_assert_cmpuint (atomic_load (&shared->n_inside[i % 2]) % N_PARTIES, ==, 0);
      g_assert_cmpuint (arrival.index, <, N_PARTIES);
      g_assert_cmpint (meet (&arrival, MP_WAIT_NEVER_ENDS), ==, MP_RENDEZVOUS_MET);
      atomic_fetch_add (&shared->n_last, mp_rendezvous_is_last (&arrival));
    }
}

static void
test_processes (void)
{
  set_up (N_PARTIES);
  mp_test_crew_processes (meet_often);
  g_assert_cmpuint (atomic_load (&shared->n_last), ==, N_ROUNDS);
}

static void
test_threads (void)
{
  set_up (N_PARTIES);
  mp_test_crew_threads (meet_often);
  g_assert_cmpuint (atomic_load (&shared->n_last), ==, N_ROUNDS);
}

static void
meet_in_pairs (gpointer data)
{
  MpArrival arrival;

  while (meet (&arrival, MP_WAIT_NEVER_ENDS) == MP_RENDEZVOUS_MET)
    {
      g_assert_cmpuint (arrival.index, <, 2);
      atomic_fetch_add (&shared->n_last, mp_rendezvous_is_last (&arrival));
      if (atomic_fetch_add (&shared->n_met, 1) == 2 * N_SURPLUS_ROUNDS)
        mp_rendezvous_abort (&shared->rendezvous);
    }
}

/* Twice as many as parties: each round has its own two, one of them the last. */
static void
test_surplus (void)
{
  set_up (2);
  mp_test_crew_threads (meet_in_pairs);
  g_assert_cmpuint (atomic_load (&shared->n_met), >=, 2 * N_SURPLUS_ROUNDS);
  g_assert_cmpuint (atomic_load (&shared->n_last), ==, atomic_load (&shared->n_met) / 2);
}

static void
test_alone (void)
{
  set_up (1);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_MET);
}

/* One that slept through the end of its round takes no place from the next. */
static void
test_stale_arrival (void)
{
  MpArrival first, second;

  set_up (2);
  g_assert_cmpint (arrive (&first), ==, MP_RENDEZVOUS_MET);
  g_assert_cmpint (arrive (&second), ==, MP_RENDEZVOUS_MET);
  g_assert_cmpint (mp_rendezvous_complete (&shared->rendezvous, &second), ==, MP_RENDEZVOUS_MET);
  g_assert_cmpint (arrive (&first), ==, MP_RENDEZVOUS_MET);
  g_assert_cmpuint (first.round, ==, 1);
  g_assert_cmpuint (first.index, ==, 0);

  /* As it would have read the state before. */
  atomic_store (&shared->rendezvous.state, 0);
  g_assert_cmpint (arrive (&second), ==, MP_RENDEZVOUS_TIMED_OUT);
  g_assert_cmpuint (second.index, ==, 2);
  g_assert_cmpuint (atomic_load (&shared->rendezvous.arrivals[0]), ==, G_GUINT64_CONSTANT (1) << 32 | enter ());
}

/* --- Breaking ------------------------------------------------------------- */

static void
be_party (gpointer data)
{
  enter ();
  mp_test_tell_ready ();
  switch (meet_forever ())
    {
    case MP_RENDEZVOUS_MET:
      mp_test_count (&shared->n_met);
      break;
    case MP_RENDEZVOUS_BROKEN:
      mp_test_count (&shared->n_broken);
      break;
    default:
      mp_test_count (&shared->n_timed_out);
    }
  for (;;)
    pause ();
}

static void
start_parties (pid_t *pids,
               guint  n)
{
  for (guint i = 0; i < n; i++)
    pids[i] = mp_test_fork_waiter (be_party, NULL);
}

static void
stop_parties (const pid_t *pids,
              guint        n)
{
  for (guint i = 0; i < n; i++)
    mp_test_kill (pids[i]);
}

static void
test_timeout (void)
{
  gint64 begin;
  pid_t pids[2];
  MpArrival arrival;

  set_up (N_PARTIES);
  start_parties (pids, 2);
  g_assert_cmpuint (mp_rendezvous_n_waiting (table, &shared->rendezvous, N_PARTIES), ==, 2);
  begin = g_get_monotonic_time ();
  g_assert_cmpint (meet (&arrival, MP_WAIT_UNTIL (begin + 50 * G_TIME_SPAN_MILLISECOND)), ==,
                   MP_RENDEZVOUS_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);

  mp_test_wait_count (&shared->n_broken, 2);
  g_assert_true (mp_rendezvous_is_broken (&shared->rendezvous));
  g_assert_cmpuint (mp_rendezvous_n_waiting (table, &shared->rendezvous, N_PARTIES), ==, 0);
  g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_BROKEN);
  stop_parties (pids, 2);
}

/* One that found no place breaks nothing when it gives up. */
static void
test_surplus_timeout (void)
{
  MpArrival first, second, surplus;

  set_up (2);
  arrive (&first);
  arrive (&second);
  g_assert_cmpint (meet (&surplus, MP_WAIT_ENDS_NOW), ==, MP_RENDEZVOUS_TIMED_OUT);
  g_assert_false (mp_rendezvous_is_broken (&shared->rendezvous));
  g_assert_cmpint (mp_rendezvous_complete (&shared->rendezvous, &second), ==, MP_RENDEZVOUS_MET);
  g_assert_cmpint (mp_rendezvous_look (table, &shared->rendezvous, &first), ==, MP_RENDEZVOUS_MET);
}

static void
be_stopped (gpointer data)
{
  MpArrival arrival;

  g_assert_cmpint (meet (&arrival, mp_test_wait_until_stop ()), ==, MP_RENDEZVOUS_TIMED_OUT);
}

static void
test_stop (void)
{
  set_up (N_PARTIES);
  mp_test_assert_stops (be_stopped);
  g_assert_true (mp_rendezvous_is_broken (&shared->rendezvous));
}

static void
test_abort (void)
{
  pid_t pids[2];

  set_up (N_PARTIES);
  start_parties (pids, 2);
  mp_rendezvous_abort (&shared->rendezvous);
  mp_test_wait_count (&shared->n_broken, 2);
  g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_BROKEN);
  mp_rendezvous_abort (&shared->rendezvous);
  g_assert_true (mp_rendezvous_is_broken (&shared->rendezvous));
  stop_parties (pids, 2);
}

static void
test_reset (void)
{
  pid_t pids[2], others[N_PARTIES - 1];

  set_up (N_PARTIES);
  start_parties (pids, 2);
  mp_rendezvous_reset (&shared->rendezvous);
  mp_test_wait_count (&shared->n_broken, 2);
  g_assert_false (mp_rendezvous_is_broken (&shared->rendezvous));

  mp_rendezvous_abort (&shared->rendezvous);
  mp_rendezvous_reset (&shared->rendezvous);
  start_parties (others, N_PARTIES - 1);
  g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_MET);
  mp_test_wait_count (&shared->n_met, N_PARTIES - 1);
  stop_parties (pids, 2);
  stop_parties (others, N_PARTIES - 1);
}

static MpRendezvousResult
look (const MpArrival *arrival)
{
  return mp_rendezvous_look (table, &shared->rendezvous, arrival);
}

/* Whoever wakes up late is told of its own round. */
static void
test_late (void)
{
  MpArrival good, broken, arrival;

  set_up (2);
  arrive (&good);
  arrive (&arrival);
  mp_rendezvous_complete (&shared->rendezvous, &arrival);
  arrive (&broken);
  mp_rendezvous_reset (&shared->rendezvous);
  for (guint i = 0; i < 30; i++)
    {
      g_assert_cmpint (look (&good), ==, MP_RENDEZVOUS_MET);
      g_assert_cmpint (look (&broken), ==, MP_RENDEZVOUS_BROKEN);
      g_assert_cmpint (mp_rendezvous_give_up (&shared->rendezvous, &good), ==, MP_RENDEZVOUS_MET);
      arrive (&arrival);
      arrive (&arrival);
      mp_rendezvous_complete (&shared->rendezvous, &arrival);
    }
}

static void
test_party_dies (void)
{
  pid_t pids[3];

  set_up (N_PARTIES);
  start_parties (pids, 3);
  mp_test_kill (pids[0]);
  mp_test_wait_count (&shared->n_broken, 2);
  g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_BROKEN);
  stop_parties (pids + 1, 2);
}

static void
arrive_and_die (gpointer data)
{
  MpArrival arrival;

  g_assert_cmpint (arrive (&arrival), ==, MP_RENDEZVOUS_MET);
}

/* The last one, or the only one: who comes later sees it. */
static void
test_party_died (void)
{
  MpArrival arrival;

  set_up (1);
  mp_test_join (mp_test_fork (arrive_and_die, NULL));
  g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_BROKEN);

  set_up (2);
  mp_test_join (mp_test_fork (arrive_and_die, NULL));
  g_assert_cmpint (arrive (&arrival), ==, MP_RENDEZVOUS_MET);
  arrival.index = 0;
  g_assert_cmpint (mp_rendezvous_wait (table, &shared->rendezvous, &arrival, MP_WAIT_UNTIL (mp_test_deadline ())),
                   ==, MP_RENDEZVOUS_BROKEN);
}

/* --- Main loops ----------------------------------------------------------- */

static void
meet_and_ring (gpointer data)
{
  g_assert_cmpint (meet_forever (), ==, MP_RENDEZVOUS_MET);
  mp_bell_ring (table, &shared->rendezvous.bell);
  for (;;)
    pause ();
}

static void
test_await (void)
{
  MpTestBell bell;
  MpArrival arrival;
  pid_t pid;

  set_up (2);
  mp_test_bell_init (&bell, table, &shared->rendezvous.bell);
  g_assert_cmpint (arrive (&arrival), ==, MP_RENDEZVOUS_MET);
  mp_test_bell_arm (&bell);
  g_assert_cmpint (look (&arrival), ==, MP_RENDEZVOUS_TIMED_OUT);

  pid = mp_test_fork (meet_and_ring, NULL);
  do
    mp_test_bell_hear (&bell);
  while (look (&arrival) == MP_RENDEZVOUS_TIMED_OUT);
  g_assert_cmpint (look (&arrival), ==, MP_RENDEZVOUS_MET);
  mp_test_kill (pid);
  mp_test_bell_clear (&bell);
}

/* --- Bounds --------------------------------------------------------------- */

static void
test_bounds (void)
{
  set_up (N_PARTIES);
  atomic_store (&shared->rendezvous.n_parties, N_PARTIES);
  g_assert_cmpuint (mp_rendezvous_check_n (&shared->rendezvous, mp_rendezvous_get_size (N_PARTIES)), ==, N_PARTIES);
  g_assert_cmpuint (mp_rendezvous_check_n (&shared->rendezvous, mp_rendezvous_get_size (N_PARTIES) - 1), ==, 0);
  atomic_store (&shared->rendezvous.n_parties, G_MAXUINT32);
  g_assert_cmpuint (mp_rendezvous_check_n (&shared->rendezvous, G_MAXSIZE), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rendezvous/processes", test_processes);
  g_test_add_func ("/rendezvous/threads", test_threads);
  g_test_add_func ("/rendezvous/surplus", test_surplus);
  g_test_add_func ("/rendezvous/alone", test_alone);
  g_test_add_func ("/rendezvous/stale-arrival", test_stale_arrival);
  g_test_add_func ("/rendezvous/timeout", test_timeout);
  g_test_add_func ("/rendezvous/surplus-timeout", test_surplus_timeout);
  g_test_add_func ("/rendezvous/stop", test_stop);
  g_test_add_func ("/rendezvous/abort", test_abort);
  g_test_add_func ("/rendezvous/reset", test_reset);
  g_test_add_func ("/rendezvous/late", test_late);
  g_test_add_func ("/rendezvous/party-dies", test_party_dies);
  g_test_add_func ("/rendezvous/party-died", test_party_died);
  g_test_add_func ("/rendezvous/await", test_await);
  g_test_add_func ("/rendezvous/bounds", test_bounds);
  return g_test_run ();
}
