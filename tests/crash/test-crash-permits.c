/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash-sync.c, for counters and permits. */

#include <mpglib.h>

#include "mp-counter-private.h"
#include "mp-crash-family.h"
#include "mp-crash-sync.h"
#include "mp-futex-private.h"
#include "mp-permits-private.h"

/* --- A counter ------------------------------------------------------------ */

static gboolean
take_from_counter (MpWait wait)
{
  return mp_counter_take (table, &objects->counter.word, wait);
}

static void
give_to_counter (void)
{
  mp_counter_give (&objects->counter.word);
}

static void
sleep_for_counter (guint i)
{
  mp_crash_arrive (i);
  take_from_counter (MP_WAIT_NEVER_ENDS);
  give_to_counter ();
}

static void
prepare_counter_free (void)
{
  mp_counter_init (&objects->counter.word, 1);
  mp_crash_begin_round (NULL);
}

static void
prepare_counter_none (void)
{
  prepare_counter_free ();
  harness_holds = take_from_counter (MP_WAIT_ENDS_NOW);
}

static void
prepare_counter_sleepers (void)
{
  prepare_counter_none ();
  mp_crash_send_to_sleep (sleep_for_counter);
}

static void
let_counter_go (void)
{
  if (harness_holds)
    give_to_counter ();
  harness_holds = FALSE;
}

static void
take (void)
{
  take_from_counter (MP_WAIT_NEVER_ENDS);
}

static void
take_and_give (void)
{
  take ();
  give_to_counter ();
}

static void
take_timed (void)
{
  if (take_from_counter (for_a_moment ()))
    give_to_counter ();
}

static void
take_until_stop (void)
{
  if (take_from_counter (until_stop ()))
    give_to_counter ();
}

static void
prepare_counter_stop (void)
{
  prepare_to_stop ();
  prepare_counter_none ();
}

static void
steal_and_stop (void)
{
  mp_crash_send_to_sleep (sleep_for_counter);
  let_counter_go ();
  harness_holds = take_from_counter (MP_WAIT_ENDS_NOW);
  mp_test_set_word (&shared->stop, 1);
}

static void
setup_counter_holder (void)
{
  mp_crash_enter ();
  take ();
}

static void
setup_counter_holder_sleepers (void)
{
  setup_counter_holder ();
  mp_crash_send_to_sleep (sleep_for_counter);
}

/* There is a mark, but nobody sleeps. */
static void
setup_counter_marked (void)
{
  setup_counter_holder ();
  mp_counter_take_or_await (&objects->counter.word);
}

/* What is given is taken at once, and others go to sleep for it. */
static void
take_and_send_to_sleep (void)
{
  harness_holds = take_from_counter (MP_WAIT_ENDS_NOW);
  mp_crash_send_to_sleep (sleep_for_counter);
}

static void
expect_counter_wakes (void)
{
  let_counter_go ();
  if (!all_sleepers_are_done ())
    extra_failure |= STALL;
}

static gboolean
all_sleepers_are_asleep (void)
{
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    if (!mp_crash_sleeper_is_asleep (i))
      return FALSE;

  return TRUE;
}

/* Who died with the permit took it into the grave: then nobody can have it.  One that
 * goes from sleeper to sleeper could be missed by a single look.
 */
static gboolean
the_dead_has_it (void)
{
  guint n_done = mp_crash_n_sleepers_done ();

  return all_sleepers_are_asleep () && mp_counter_get (&objects->counter.word) == 0 &&
         all_sleepers_are_asleep () && mp_crash_n_sleepers_done () == n_done;
}

static guint
check_counter (void)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  gboolean was_given = FALSE;

  let_counter_go ();
  if (!mp_crash_none_is_dead (table))
    return mp_crash_finish (NOT_BURIED);

  while (mp_crash_n_sleepers_done () < MP_CRASH_N_SLEEPERS || mp_counter_get (&objects->counter.word) == 0)
    {
      if (g_get_monotonic_time () > end)
        return mp_crash_finish (extra_failure | STALL);

      if (!was_given && the_dead_has_it ())
        {
          give_to_counter ();
          was_given = TRUE;
        }
      mp_futex_pause (20);
    }

  return mp_crash_finish (extra_failure | (mp_counter_get (&objects->counter.word) != 1 ? TORN : 0));
}

/* --- Permits -------------------------------------------------------------- */

static guint n_harness_permits;

static gboolean
take_permit (MpWait wait)
{
  MpPermitsTake result = mp_permits_take (table, &objects->permits, N_PERMITS, get_me (), wait);

  if (result == MP_PERMITS_ABANDONED)
    atomic_fetch_add (&shared->n_told, 1);

  return result != MP_PERMITS_NONE;
}

static void
give_permit (void)
{
  mp_permits_give (&objects->permits, N_PERMITS, get_me ());
}

static void
sleep_for_permit (guint i)
{
  mp_crash_arrive (i);
  take_permit (MP_WAIT_NEVER_ENDS);
  give_permit ();
}

static void
prepare_permits_none (void)
{
  for (n_harness_permits = 0; n_harness_permits < N_PERMITS; n_harness_permits++)
    take_permit (MP_WAIT_NEVER_ENDS);
  mp_crash_begin_round (NULL);
}

static void
prepare_permits_sleepers (void)
{
  prepare_permits_none ();
  mp_crash_send_to_sleep (sleep_for_permit);
}

static void
let_permit_go (void)
{
  if (n_harness_permits > 0)
    {
      give_permit ();
      n_harness_permits--;
    }
}

static void
die_with_permits (gpointer data)
{
  mp_participant_enter (table, NULL);
  for (guint i = 0; i < N_PERMITS; i++)
    take_permit (MP_WAIT_NEVER_ENDS);
}

static void
prepare_permits_corpse (void)
{
  mp_crash_begin_round (NULL);
  mp_test_join (mp_test_fork (die_with_permits, NULL));
}

static void
op_take_permit (void)
{
  mp_permits_take (table, &objects->permits, N_PERMITS, get_me (), MP_WAIT_NEVER_ENDS);
}

static void
take_and_give_permit (void)
{
  op_take_permit ();
  give_permit ();
}

static void
take_permit_timed (void)
{
  if (mp_permits_take (table, &objects->permits, N_PERMITS, get_me (), for_a_moment ()) != MP_PERMITS_NONE)
    give_permit ();
}

static void
take_permit_until_stop (void)
{
  if (mp_permits_take (table, &objects->permits, N_PERMITS, get_me (), until_stop ()) != MP_PERMITS_NONE)
    give_permit ();
}

static void
prepare_permits_stop (void)
{
  prepare_to_stop ();
  prepare_permits_none ();
}

static void
steal_permit_and_stop (void)
{
  mp_crash_send_to_sleep (sleep_for_permit);
  let_permit_go ();
  n_harness_permits += take_permit (MP_WAIT_ENDS_NOW);
  mp_test_set_word (&shared->stop, 1);
}

static void
setup_permits_holder (void)
{
  mp_crash_enter ();
  for (guint i = 0; i < N_PERMITS; i++)
    op_take_permit ();
}

static void
setup_permits_holder_sleepers (void)
{
  setup_permits_holder ();
  mp_crash_send_to_sleep (sleep_for_permit);
}

static void
setup_permits_marked (void)
{
  setup_permits_holder ();
  mp_permits_take_or_await (table, &objects->permits, N_PERMITS, get_me ());
}

static void
take_permit_and_send_to_sleep (void)
{
  n_harness_permits = take_permit (MP_WAIT_ENDS_NOW);
  mp_crash_send_to_sleep (sleep_for_permit);
}

static void
expect_permit_wakes (void)
{
  let_permit_go ();
  if (!all_sleepers_are_done ())
    extra_failure |= STALL;
}

static void
look_who_has_permits (void)
{
  for (guint i = 0; i < N_PERMITS; i++)
    expected_told += is_of_no_survivor (atomic_load (&objects->permits.owners[i]));
}

static void
expect_permit_wakes_and_look (void)
{
  expect_permit_wakes ();
  look_who_has_permits ();
  expected_told += atomic_load (&shared->n_told);
}

static guint
check_permits (void)
{
  while (n_harness_permits > 0)
    let_permit_go ();
  if (!all_sleepers_are_done ())
    return mp_crash_finish (extra_failure | STALL);

  for (guint i = 0; i < N_PERMITS; i++)
    if (!take_permit (until_stall ()))
      return mp_crash_finish (extra_failure | LEAKED);

  if (take_permit (MP_WAIT_ENDS_NOW))
    return mp_crash_finish (extra_failure | TORN);

  for (guint i = 0; i < N_PERMITS; i++)
    give_permit ();

  return mp_crash_finish (extra_failure | check_told ());
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "counter/take", prepare_counter_free, mp_crash_enter, take_and_give, .check = check_counter },
  { "counter/contended", prepare_counter_none, mp_crash_enter, take_and_give,
    .blocked = let_counter_go, .check = check_counter },
  { "counter/contended-sleepers", prepare_counter_sleepers, mp_crash_enter, take_and_give,
    .blocked = let_counter_go, .check = check_counter },
  { "counter/timed-sleepers", prepare_counter_sleepers, mp_crash_enter, take_timed,
    .blocked = let_time_pass, .check = check_counter },
  { "counter/give", prepare_counter_free, setup_counter_holder, give_to_counter, .check = check_counter },
  { "counter/give-marked", prepare_counter_free, setup_counter_marked, give_to_counter, .check = check_counter },
  { "counter/give-sleepers", prepare_counter_free, setup_counter_holder_sleepers, give_to_counter,
    .check = check_counter },
  { "counter/given-meanwhile", prepare_counter_none, mp_crash_enter, take_and_give,
    .interfere = let_counter_go, .check = check_counter },
  { "counter/stopped-meanwhile", prepare_counter_stop, mp_crash_enter, take_until_stop,
    .interfere = steal_and_stop, .last = expect_counter_wakes, .check = check_counter },
  { "counter/asleep-meanwhile", prepare_counter_free, setup_counter_marked, give_to_counter,
    .interfere = take_and_send_to_sleep, .last = expect_counter_wakes, .check = check_counter },

  { "permits/take", prepare_free, mp_crash_enter, take_and_give_permit,
    .last = look_who_has_permits, .check = check_permits },
  { "permits/contended", prepare_permits_none, mp_crash_enter, take_and_give_permit,
    .blocked = let_permit_go, .last = look_who_has_permits, .check = check_permits },
  { "permits/contended-sleepers", prepare_permits_sleepers, mp_crash_enter, take_and_give_permit,
    .blocked = let_permit_go, .last = look_who_has_permits, .check = check_permits },
  { "permits/timed-sleepers", prepare_permits_sleepers, mp_crash_enter, take_permit_timed,
    .blocked = let_time_pass, .last = look_who_has_permits, .check = check_permits },
  { "permits/from-dead", prepare_permits_corpse, mp_crash_enter, take_and_give_permit,
    .last = look_who_has_permits, .check = check_permits },
  { "permits/give", prepare_free, setup_permits_holder, give_permit,
    .last = look_who_has_permits, .check = check_permits },
  { "permits/give-marked", prepare_free, setup_permits_marked, give_permit,
    .last = look_who_has_permits, .check = check_permits },
  { "permits/give-sleepers", prepare_free, setup_permits_holder_sleepers, give_permit,
    .last = look_who_has_permits, .check = check_permits },
  { "permits/given-meanwhile", prepare_permits_none, mp_crash_enter, take_and_give_permit,
    .interfere = let_permit_go, .last = look_who_has_permits, .check = check_permits },
  { "permits/stopped-meanwhile", prepare_permits_stop, mp_crash_enter, take_permit_until_stop,
    .interfere = steal_permit_and_stop, .last = expect_permit_wakes, .check = check_permits },
  { "permits/asleep-meanwhile", prepare_free, setup_permits_marked, give_permit,
    .interfere = take_permit_and_send_to_sleep, .last = expect_permit_wakes_and_look, .check = check_permits },
};

int
main (int   argc,
      char *argv[])
{
  return run_sync_cases (&argc, &argv, kill_cases, G_N_ELEMENTS (kill_cases));
}
