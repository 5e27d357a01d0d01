/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash-sync.c, for flags and rendezvous, at which processes wait for each other. */

#include <string.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-crash-sync.h"
#include "mp-flag-private.h"
#include "mp-rendezvous-private.h"

/* --- A flag --------------------------------------------------------------- */

static gboolean
wait_for_flag (MpWait wait)
{
  return mp_flag_wait (table, &objects->flag.word, mp_flag_get_round (&objects->flag.word), wait);
}

static void
set_flag (void)
{
  mp_flag_set (&objects->flag.word);
}

static void
clear_flag (void)
{
  mp_flag_clear (&objects->flag.word);
}

static void
sleep_for_flag (guint i)
{
  mp_crash_arrive (i);
  wait_for_flag (MP_WAIT_NEVER_ENDS);
}

static guint32 round_before;

static void
prepare_flag (void)
{
  clear_flag ();
  round_before = mp_flag_get_round (&objects->flag.word);
  mp_crash_begin_round (NULL);
}

static void
prepare_flag_sleepers (void)
{
  prepare_flag ();
  mp_crash_send_to_sleep (sleep_for_flag);
}

static void
pulse_flag (void)
{
  set_flag ();
  clear_flag ();
}

static void
await_flag (void)
{
  wait_for_flag (MP_WAIT_NEVER_ENDS);
}

static void
await_flag_timed (void)
{
  wait_for_flag (for_a_moment ());
}

/* Who slept when it was set is awake, without our help. */
static guint
check_flag (void)
{
  if (!mp_flag_is_set (&objects->flag.word) && mp_flag_get_round (&objects->flag.word) == round_before)
    set_flag ();
  if (!all_sleepers_are_done ())
    return mp_crash_finish (STALL);

  clear_flag ();
  if (wait_for_flag (MP_WAIT_ENDS_NOW))
    return mp_crash_finish (TORN);

  set_flag ();
  return mp_crash_finish (wait_for_flag (MP_WAIT_ENDS_NOW) ? extra_failure : TORN);
}

/* --- A rendezvous --------------------------------------------------------- */

static MpRendezvousResult
arrive (MpArrival *arrival)
{
  return mp_rendezvous_arrive (table, &objects->rendezvous, atomic_load (&shared->n_parties), get_me (), arrival);
}

static MpRendezvousResult
meet_until (const MpArrival *arrival,
            MpWait           wait)
{
  if (mp_rendezvous_is_last (arrival))
    return mp_rendezvous_complete (&objects->rendezvous, arrival);

  return mp_rendezvous_wait (table, &objects->rendezvous, arrival, wait);
}

static void
count_outcome (MpRendezvousResult result)
{
  atomic_fetch_add (result == MP_RENDEZVOUS_MET ? &shared->n_met : &shared->n_broken, 1);
}

static void
sleep_for_parties (guint i)
{
  MpArrival arrival;

  arrive (&arrival);
  mp_crash_arrive (i);
  count_outcome (meet_until (&arrival, MP_WAIT_NEVER_ENDS));
}

static void
prepare_parties (guint       n,
                 MpCrashTask task)
{
  memset ((void *) objects->rendezvous_memory, 0, sizeof objects->rendezvous_memory);
  atomic_store (&shared->n_parties, n);
  if (task != NULL)
    mp_crash_send_to_sleep (task);
  else
    mp_crash_begin_round (NULL);
}

static void
prepare_one_party (void)
{
  prepare_parties (1, NULL);
}

static void
prepare_two_parties (void)
{
  prepare_parties (2, NULL);
}

static void
prepare_last_party (void)
{
  prepare_parties (1 + MP_CRASH_N_SLEEPERS, sleep_for_parties);
}

static void
prepare_parties_sleepers (void)
{
  prepare_parties (2 + MP_CRASH_N_SLEEPERS, sleep_for_parties);
}

static void
arrive_and_die (gpointer data)
{
  MpArrival arrival;

  mp_participant_enter (table, NULL);
  arrive (&arrival);
}

static void
prepare_dead_party (void)
{
  prepare_parties (3, NULL);
  mp_test_join (mp_test_fork (arrive_and_die, NULL));
}

static void
meet (void)
{
  MpArrival arrival;

  if (arrive (&arrival) == MP_RENDEZVOUS_MET)
    meet_until (&arrival, MP_WAIT_NEVER_ENDS);
}

static void
meet_timed (void)
{
  MpArrival arrival;

  if (arrive (&arrival) == MP_RENDEZVOUS_MET)
    meet_until (&arrival, for_a_moment ());
}

/* For those who wait: the harness is the last party. */
static void
complete (void)
{
  MpArrival arrival;

  if (arrive (&arrival) == MP_RENDEZVOUS_MET && mp_rendezvous_is_last (&arrival))
    mp_rendezvous_complete (&objects->rendezvous, &arrival);
}

static void
reset_parties (void)
{
  mp_rendezvous_reset (&objects->rendezvous);
}

static void
abort_parties (void)
{
  mp_rendezvous_abort (&objects->rendezvous);
}

static gboolean round_ends;

/* It is over, or the victim's death breaks it. */
static void
look_at_round (void)
{
  round_ends = mp_rendezvous_is_broken (&objects->rendezvous) || (guint32) objects->rendezvous.state >> 1 != 0;
  for (guint i = 0; i < atomic_load (&shared->n_parties); i++)
    round_ends |= is_of_no_survivor ((guint32) atomic_load (&objects->rendezvous.arrivals[i]));
}

/* All who met are told the same; and the next round is like the first. */
static guint
check_parties (void)
{
  guint failure = extra_failure;
  MpArrival arrival;

  if (!round_ends)
    abort_parties ();
  if (!all_sleepers_are_done ())
    return mp_crash_finish (failure | STALL);

  if (atomic_load (&shared->n_met) != 0 && atomic_load (&shared->n_broken) != 0)
    failure |= TORN;

  reset_parties ();
  for (guint i = 0; i < atomic_load (&shared->n_parties); i++)
    if (arrive (&arrival) != MP_RENDEZVOUS_MET || arrival.index != i)
      failure |= TORN;

  if (mp_rendezvous_complete (&objects->rendezvous, &arrival) != MP_RENDEZVOUS_MET)
    failure |= TORN;

  return mp_crash_finish (failure);
}

static MpArrival next_arrival;
static gboolean is_next_round;

/* Two others meet beside one that has not arrived yet, and one of them comes again. */
static void
meet_beside (void)
{
  MpArrival arrival;

  is_next_round = FALSE;
  if (arrive (&arrival) != MP_RENDEZVOUS_MET || mp_rendezvous_is_last (&arrival))
    {
      if (arrival.index == 1)
        mp_rendezvous_complete (&objects->rendezvous, &arrival);
      return;
    }

  arrive (&arrival);
  mp_rendezvous_complete (&objects->rendezvous, &arrival);
  arrive (&next_arrival);
  is_next_round = TRUE;
}

static void
expect_next_met (void)
{
  if (is_next_round &&
      mp_rendezvous_look (table, &objects->rendezvous, &next_arrival) != MP_RENDEZVOUS_MET)
    extra_failure |= TORN;

  round_ends = TRUE;
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "flag/set", prepare_flag, mp_crash_enter, set_flag, .check = check_flag },
  { "flag/set-sleepers", prepare_flag_sleepers, mp_crash_enter, set_flag, .check = check_flag },
  { "flag/pulse", prepare_flag, mp_crash_enter, pulse_flag, .check = check_flag },
  { "flag/pulse-sleepers", prepare_flag_sleepers, mp_crash_enter, pulse_flag, .check = check_flag },
  { "flag/wait", prepare_flag, mp_crash_enter, await_flag, .blocked = set_flag, .check = check_flag },
  { "flag/wait-sleepers", prepare_flag_sleepers, mp_crash_enter, await_flag,
    .blocked = set_flag, .check = check_flag },
  { "flag/timed-sleepers", prepare_flag_sleepers, mp_crash_enter, await_flag_timed,
    .blocked = let_time_pass, .check = check_flag },
  { "flag/set-meanwhile", prepare_flag, mp_crash_enter, await_flag, .interfere = set_flag, .check = check_flag },

  { "rendezvous/complete", prepare_one_party, mp_crash_enter, meet, .last = look_at_round, .check = check_parties },
  { "rendezvous/complete-sleepers", prepare_last_party, mp_crash_enter, meet,
    .last = look_at_round, .check = check_parties },
  { "rendezvous/wait", prepare_two_parties, mp_crash_enter, meet,
    .blocked = complete, .last = look_at_round, .check = check_parties },
  { "rendezvous/wait-sleepers", prepare_parties_sleepers, mp_crash_enter, meet,
    .blocked = complete, .last = look_at_round, .check = check_parties },
  { "rendezvous/timed", prepare_two_parties, mp_crash_enter, meet_timed,
    .blocked = let_time_pass, .last = look_at_round, .check = check_parties },
  { "rendezvous/timed-sleepers", prepare_parties_sleepers, mp_crash_enter, meet_timed,
    .blocked = let_time_pass, .last = look_at_round, .check = check_parties },
  { "rendezvous/find-dead", prepare_dead_party, mp_crash_enter, meet,
    .last = look_at_round, .check = check_parties },
  { "rendezvous/reset", prepare_two_parties, mp_crash_enter, reset_parties,
    .last = look_at_round, .check = check_parties },
  { "rendezvous/reset-sleepers", prepare_parties_sleepers, mp_crash_enter, reset_parties,
    .last = look_at_round, .check = check_parties },
  { "rendezvous/abort-sleepers", prepare_parties_sleepers, mp_crash_enter, abort_parties,
    .last = look_at_round, .check = check_parties },
  { "rendezvous/met-meanwhile", prepare_two_parties, mp_crash_enter, meet,
    .interfere = meet_beside, .last = expect_next_met, .check = check_parties },
};

int
main (int   argc,
      char *argv[])
{
  return run_sync_cases (&argc, &argv, kill_cases, G_N_ELEMENTS (kill_cases));
}
