/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <unistd.h>

#include <mpglib.h>

#include "mp-flag-private.h"
#include "mp-participant-private.h"
#include "mp-test-crew.h"

#define N_PULSES 200

typedef struct
{
  MpFlagLayout flag;
  MpAtomic32   n_seen;
  MpAtomic32   n_waiting;
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
  mp_participant_enter (table, NULL);
}

static gboolean
wait_for_it (MpWait wait)
{
  return mp_flag_wait (table, &shared->flag.word, mp_flag_get_round (&shared->flag.word), wait);
}

static gboolean
set (void)
{
  return mp_flag_set (&shared->flag.word);
}

static gboolean
clear (void)
{
  return mp_flag_clear (&shared->flag.word);
}

static void
test_states (void)
{
  set_up ();
  g_assert_false (mp_flag_is_set (&shared->flag.word));
  g_assert_false (wait_for_it (MP_WAIT_ENDS_NOW));
  g_assert_false (set ());
  g_assert_false (set ());
  g_assert_true (mp_flag_is_set (&shared->flag.word));
  g_assert_true (wait_for_it (MP_WAIT_ENDS_NOW));
  g_assert_false (clear ());
  g_assert_false (clear ());
  g_assert_false (mp_flag_is_set (&shared->flag.word));
  g_assert_false (wait_for_it (MP_WAIT_ENDS_NOW));
}

static void
test_timeout (void)
{
  gint64 begin = g_get_monotonic_time ();

  set_up ();
  g_assert_false (wait_for_it (MP_WAIT_UNTIL (begin + 50 * G_TIME_SPAN_MILLISECOND)));
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);

  /* The mark that is left goes with the clearing.  Whoever meets it rings. */
  g_assert_true (set ());
  g_assert_true (set ());
  g_assert_true (clear ());
  g_assert_false (set ());
}

static void
be_stopped (gpointer data)
{
  g_assert_false (wait_for_it (mp_test_wait_until_stop ()));
}

static void
test_stop (void)
{
  set_up ();
  mp_test_assert_stops (be_stopped);
}

static void
see_once (gpointer data)
{
  mp_participant_enter (table, NULL);
  mp_test_tell_ready ();
  g_assert_true (wait_for_it (MP_WAIT_UNTIL (mp_test_deadline ())));
  mp_test_count (&shared->n_seen);
  pause ();
}

static void
run_sleepers (gboolean is_pulse)
{
  pid_t pids[MP_TEST_CREW_SIZE];

  set_up ();
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    pids[i] = mp_test_fork_waiter (see_once, NULL);

  g_assert_true (set ());
  if (is_pulse)
    clear ();
  mp_test_wait_count (&shared->n_seen, MP_TEST_CREW_SIZE);
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    mp_test_kill (pids[i]);
}

static void
test_wakes_all (void)
{
  run_sleepers (FALSE);
}

static void
test_pulse (void)
{
  run_sleepers (TRUE);
}

/* Begins to wait as mp_flag_wait() does. */
static void
see_pulses (gpointer data)
{
  mp_participant_enter (table, NULL);
  for (guint i = 1; i <= N_PULSES; i++)
    {
      guint32 round = mp_flag_get_round (&shared->flag.word);

      mp_test_count (&shared->n_waiting);
      mp_flag_look_or_await (&shared->flag.word, round);
      mp_test_wait_count (&shared->n_seen, i);
      g_assert_true (mp_flag_look_or_await (&shared->flag.word, round));
    }
}

static void
pulse (void)
{
  for (guint i = 1; i <= N_PULSES; i++)
    {
      mp_test_wait_count (&shared->n_waiting, i * MP_TEST_CREW_SIZE);
      set ();
      clear ();
      mp_test_count (&shared->n_seen);
    }
}

static gpointer
run_pulses (gpointer data)
{
  pulse ();
  return NULL;
}

/* However soon it is cleared, whoever has begun to wait sees that it was set. */
static void
test_pulses_are_seen (void)
{
  GThread *thread;

  set_up ();
  thread = g_thread_new ("pulse", run_pulses, NULL);
  mp_test_crew_threads (see_pulses);
  g_thread_join (thread);
}

static void
set_and_ring (gpointer data)
{
  if (set ())
    mp_bell_ring (table, &shared->flag.bell);
  if (clear ())
    mp_bell_ring (table, &shared->flag.bell);
  pause ();
}

static void
test_await (void)
{
  MpTestBell bell;
  guint32 round;
  pid_t pid;

  set_up ();
  mp_test_bell_init (&bell, table, &shared->flag.bell);
  round = mp_flag_get_round (&shared->flag.word);
  mp_test_bell_arm (&bell);
  g_assert_false (mp_flag_look_or_await (&shared->flag.word, round));

  pid = mp_test_fork (set_and_ring, NULL);
  do
    mp_test_bell_hear (&bell);
  while (!mp_flag_look_or_await (&shared->flag.word, round));
  mp_test_kill (pid);
  mp_test_bell_clear (&bell);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flag/states", test_states);
  g_test_add_func ("/flag/timeout", test_timeout);
  g_test_add_func ("/flag/stop", test_stop);
  g_test_add_func ("/flag/wakes-all", test_wakes_all);
  g_test_add_func ("/flag/pulse", test_pulse);
  g_test_add_func ("/flag/pulses-are-seen", test_pulses_are_seen);
  g_test_add_func ("/flag/await", test_await);
  return g_test_run ();
}
