/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <unistd.h>

#include <mpglib.h>

#include "mp-counter-private.h"
#include "mp-participant-private.h"
#include "mp-test-crew.h"

#define N_ROUNDS  5000
#define N_PERMITS 2

typedef struct
{
  MpCounterLayout counter;
  MpAtomic32      n_inside;
  MpAtomic32      n_taken;
} Shared;

static MpTable *table;
static Shared *shared;

static void
set_up (guint32 n)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
  mp_counter_init (&shared->counter.word, n);
  mp_participant_enter (table, NULL);
}

static gboolean
take (MpWait wait)
{
  return mp_counter_take (table, &shared->counter.word, wait);
}

static MpCounterGive
give (void)
{
  return mp_counter_give (&shared->counter.word);
}

static void
go_in_and_out (gpointer data)
{
  mp_participant_enter (table, NULL);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_assert_true (take (MP_WAIT_NEVER_ENDS));
      g_assert_cmpuint (atomic_fetch_add (&shared->n_inside, 1), <, N_PERMITS);
      atomic_fetch_sub (&shared->n_inside, 1);
      g_assert_cmpint (give (), !=, MP_COUNTER_FULL);
    }
}

static void
test_processes (void)
{
  set_up (N_PERMITS);
  mp_test_crew_processes (go_in_and_out);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, N_PERMITS);
}

static void
test_threads (void)
{
  set_up (N_PERMITS);
  mp_test_crew_threads (go_in_and_out);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, N_PERMITS);
}

/* Those with an odd number give what the others take. */
static void
give_or_take (gpointer number)
{
  mp_participant_enter (table, NULL);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      if (GPOINTER_TO_UINT (number) % 2 != 0)
        give ();
      else
        g_assert_true (take (MP_WAIT_NEVER_ENDS));
    }
}

static void
test_handed_over (void)
{
  set_up (0);
  mp_test_crew_threads (give_or_take);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, 0);
  mp_test_crew_processes (give_or_take);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, 0);
}

static void
test_timeout (void)
{
  gint64 begin = g_get_monotonic_time ();

  set_up (1);
  g_assert_true (take (MP_WAIT_ENDS_NOW));
  g_assert_false (take (MP_WAIT_ENDS_NOW));
  g_assert_false (take (MP_WAIT_UNTIL (begin + 50 * G_TIME_SPAN_MILLISECOND)));
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);

  /* The mark that is left costs one call, and goes. */
  g_assert_cmpint (give (), ==, MP_COUNTER_GIVEN_AWAITED);
  g_assert_cmpint (give (), ==, MP_COUNTER_GIVEN);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, 2);
}

static void
be_stopped (gpointer data)
{
  g_assert_false (take (mp_test_wait_until_stop ()));
}

static void
test_stop (void)
{
  set_up (0);
  mp_test_assert_stops (be_stopped);
  give ();
  g_assert_true (take (MP_WAIT_ENDS_NOW));
}

static void
test_full (void)
{
  set_up (MP_COUNTER_MAX);
  g_assert_cmpint (give (), ==, MP_COUNTER_FULL);
  g_assert_true (take (MP_WAIT_ENDS_NOW));
  g_assert_cmpint (give (), ==, MP_COUNTER_GIVEN);
  g_assert_cmpint (give (), ==, MP_COUNTER_FULL);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, MP_COUNTER_MAX);

  set_up (G_MAXUINT32);
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, MP_COUNTER_MAX);
}

static void
take_once (gpointer data)
{
  mp_participant_enter (table, NULL);
  mp_test_tell_ready ();
  g_assert_true (take (MP_WAIT_UNTIL (mp_test_deadline ())));
  mp_test_count (&shared->n_taken);
  pause ();
}

/* Each that is given reaches one that sleeps, however it finds the count. */
static void
test_wakes_all (void)
{
  pid_t pids[MP_TEST_CREW_SIZE];

  set_up (0);
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    pids[i] = mp_test_fork_waiter (take_once, NULL);
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    g_assert_cmpint (give (), ==, MP_COUNTER_GIVEN_AWAITED);

  mp_test_wait_count (&shared->n_taken, MP_TEST_CREW_SIZE);
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    mp_test_kill (pids[i]);

  /* What the dead took stays taken. */
  g_assert_cmpuint (mp_counter_get (&shared->counter.word), ==, 0);
}

static void
give_and_ring (gpointer data)
{
  if (give () == MP_COUNTER_GIVEN_AWAITED)
    mp_bell_ring (table, &shared->counter.bell);
}

static void
test_await (void)
{
  MpTestBell bell;

  set_up (1);
  mp_test_bell_init (&bell, table, &shared->counter.bell);
  g_assert_true (mp_counter_take_or_await (&shared->counter.word));

  mp_test_bell_arm (&bell);
  g_assert_false (mp_counter_take_or_await (&shared->counter.word));
  mp_test_join (mp_test_fork (give_and_ring, NULL));
  do
    mp_test_bell_hear (&bell);
  while (!mp_counter_take_or_await (&shared->counter.word));
  mp_test_bell_clear (&bell);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/counter/processes", test_processes);
  g_test_add_func ("/counter/threads", test_threads);
  g_test_add_func ("/counter/handed-over", test_handed_over);
  g_test_add_func ("/counter/timeout", test_timeout);
  g_test_add_func ("/counter/stop", test_stop);
  g_test_add_func ("/counter/full", test_full);
  g_test_add_func ("/counter/wakes-all", test_wakes_all);
  g_test_add_func ("/counter/await", test_await);
  return g_test_run ();
}
