/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for the words that the objects of mpglib/sync are made of.  Each
 * operation is killed with nobody else there, and with two that sleep.
 */

#include <string.h>

#include <mpglib.h>

#include "mp-clock-private.h"
#include "mp-counter-private.h"
#include "mp-crash-family.h"
#include "mp-flag-private.h"
#include "mp-futex-private.h"
#include "mp-notes-private.h"
#include "mp-owner-rlock-private.h"
#include "mp-permits-private.h"
#include "mp-rendezvous-private.h"

#define N_PERMITS     2
#define MAX_PARTIES   4

typedef struct
{
  MpLockLayout    lock;       /* also that of the condition */
  MpCounterLayout counter;
  MpFlagLayout    flag;
  MpNotesLayout   notes;
  union
  {
    MpPermitsLayout permits;
    guint8          permits_memory[sizeof (MpPermitsLayout) + N_PERMITS * sizeof (MpAtomic32)];
  };
  union
  {
    MpRendezvousLayout rendezvous;
    guint8             rendezvous_memory[sizeof (MpRendezvousLayout) + MAX_PARTIES * sizeof (MpAtomic64)];
  };
} Objects;

typedef struct
{
  Objects    objects;
  MpAtomic32 n_told;      /* that something was abandoned */
  MpAtomic32 n_wrong;     /* something was not as its owner left it */
  MpAtomic32 n_met;
  MpAtomic32 n_broken;
  MpAtomic32 n_parties;
  MpAtomic32 value;       /* what the condition is about */
  MpAtomic32 stop;        /* of a wait of the victim */
} Shared;

static Shared *shared;
static Objects *objects;
static MpTable *table;
static guint extra_failure;
static guint expected_told;

static guint32
get_me (void)
{
  return mp_participant_get_me (table);
}

static MpWait
until_stall (void)
{
  return MP_WAIT_UNTIL (g_get_monotonic_time () + MP_CRASH_STALL_USEC);
}

/* Of an operation that gives up while `let_time_pass` runs. */
static MpWait
for_a_moment (void)
{
  return MP_WAIT_UNTIL (g_get_monotonic_time () + 6 * G_TIME_SPAN_MILLISECOND);
}

static void
let_time_pass (void)
{
  mp_futex_pause (8 * G_TIME_SPAN_MILLISECOND);
}

static void
begin_round (void)
{
  extra_failure = 0;
  expected_told = 0;
  atomic_store (&shared->n_told, 0);
  atomic_store (&shared->n_wrong, 0);
  atomic_store (&shared->n_met, 0);
  atomic_store (&shared->n_broken, 0);
  atomic_store (&shared->value, 0);
}

static MpWait
until_stop (void)
{
  return (MpWait) { .deadline = MP_DEADLINE_NEVER, .stop = &shared->stop };
}

static void
prepare_to_stop (void)
{
  atomic_store (&shared->stop, 0);
}

static void
reset (void)
{
  memset ((void *) objects, 0, sizeof *objects);
}

static guint
check_told (void)
{
  guint n_told = atomic_load (&shared->n_told);
  guint failure = atomic_load (&shared->n_wrong) != 0 ? TORN : 0;

  failure |= n_told < expected_told ? NOT_TOLD : 0;
  failure |= n_told > expected_told ? TOLD_TWICE : 0;
  return failure;
}

static gboolean
all_sleepers_are_done (void)
{
  return mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS);
}

static gboolean
is_victims (guint32 owner)
{
  return owner != 0 && (owner & MP_OWNER_MASK) == mp_crash_get_victim ();
}

/* Besides the harness and the sleepers. */
static gboolean
is_of_no_survivor (guint32 owner)
{
  return (owner & MP_OWNER_MASK) != 0 && (is_victims (owner) || !mp_participant_is_alive (table, owner));
}

/* --- A recursive lock ----------------------------------------------------- */

static gboolean harness_holds;

static gboolean
acquire_rlock (MpWait wait)
{
  MpOwnerLockResult result = mp_owner_rlock_acquire (table, &objects->lock, get_me (), wait);

  if (result == MP_OWNER_LOCK_ABANDONED)
    atomic_fetch_add (&shared->n_told, 1);

  return result != MP_OWNER_LOCK_TIMED_OUT;
}

static void
release_rlock (void)
{
  mp_owner_rlock_release (&objects->lock, get_me ());
}

/* Survivors find it as if it were new. */
static gboolean
use_rlock (MpWait wait)
{
  if (!acquire_rlock (wait))
    return FALSE;

  if (atomic_load (&objects->lock.count) != 1 || !mp_owner_rlock_is_mine (&objects->lock, get_me ()))
    atomic_fetch_add (&shared->n_wrong, 1);
  release_rlock ();
  return TRUE;
}

static void
sleep_for_rlock (guint i)
{
  mp_crash_arrive (i);
  use_rlock (MP_WAIT_NEVER_ENDS);
}

static void
prepare_free (void)
{
  mp_crash_begin_round (NULL);
}

static void
prepare_rlock_held (void)
{
  acquire_rlock (MP_WAIT_NEVER_ENDS);
  harness_holds = TRUE;
  mp_crash_begin_round (NULL);
}

static void
prepare_rlock_sleepers (void)
{
  prepare_rlock_held ();
  mp_crash_send_to_sleep (sleep_for_rlock);
}

static void
let_rlock_go (void)
{
  if (harness_holds)
    release_rlock ();
  harness_holds = FALSE;
}

static void
die_with_rlock (gpointer data)
{
  mp_participant_enter (table, NULL);
  acquire_rlock (MP_WAIT_NEVER_ENDS);
  acquire_rlock (MP_WAIT_NEVER_ENDS);
}

static void
prepare_rlock_corpse (void)
{
  mp_crash_begin_round (NULL);
  mp_test_join (mp_test_fork (die_with_rlock, NULL));
}

static void
nest_rlock (void)
{
  mp_owner_rlock_acquire (table, &objects->lock, get_me (), MP_WAIT_NEVER_ENDS);
  mp_owner_rlock_acquire (table, &objects->lock, get_me (), MP_WAIT_NEVER_ENDS);
  release_rlock ();
  release_rlock ();
}

static void
nest_rlock_timed (void)
{
  if (mp_owner_rlock_acquire (table, &objects->lock, get_me (), for_a_moment ()) != MP_OWNER_LOCK_TIMED_OUT)
    release_rlock ();
}

static void
nest_rlock_until_stop (void)
{
  if (mp_owner_rlock_acquire (table, &objects->lock, get_me (), until_stop ()) != MP_OWNER_LOCK_TIMED_OUT)
    release_rlock ();
}

static void
prepare_rlock_stop (void)
{
  prepare_to_stop ();
  prepare_rlock_held ();
}

/* The wake is the victim's, if it sleeps, but the lock is not. */
static void
steal_rlock_and_stop (void)
{
  mp_crash_send_to_sleep (sleep_for_rlock);
  let_rlock_go ();
  harness_holds = acquire_rlock (MP_WAIT_ENDS_NOW);
  mp_test_set_word (&shared->stop, 1);
}

static void
expect_rlock_wakes (void)
{
  let_rlock_go ();
  if (!all_sleepers_are_done ())
    extra_failure |= STALL;
}

static void
setup_rlock_holder (void)
{
  mp_crash_enter ();
  acquire_rlock (MP_WAIT_NEVER_ENDS);
  acquire_rlock (MP_WAIT_NEVER_ENDS);
}

static void
setup_rlock_holder_sleepers (void)
{
  setup_rlock_holder ();
  mp_crash_send_to_sleep (sleep_for_rlock);
}

static void
release_rlock_twice (void)
{
  release_rlock ();
  release_rlock ();
}

static void
look_who_has_rlock (void)
{
  expected_told = is_of_no_survivor (atomic_load (&objects->lock.word));
}

static guint
check_rlock (void)
{
  let_rlock_go ();
  if (!all_sleepers_are_done () || !use_rlock (until_stall ()))
    return mp_crash_finish (STALL);

  if (!use_rlock (MP_WAIT_ENDS_NOW))
    return mp_crash_finish (TORN);

  return mp_crash_finish (extra_failure | check_told ());
}

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

/* --- Notes ---------------------------------------------------------------- */

/* Whoever finds the lock abandoned should notify all; here only the harness does, so
 * that what is lost is missed.
 */
static void
lock (void)
{
  acquire_rlock (MP_WAIT_NEVER_ENDS);
}

static MpNote own_note;

static void
enter_notes (void)
{
  lock ();
  mp_notes_enter (table, &objects->notes, get_me (), &own_note);
  release_rlock ();
}

static void
wait_for_note_until (MpWait wait)
{
  mp_notes_wait (table, &objects->notes, get_me (), &own_note, wait);
  lock ();
  mp_notes_leave (&objects->notes, &own_note);
  release_rlock ();
}

static void
wait_for_note (void)
{
  wait_for_note_until (MP_WAIT_NEVER_ENDS);
}

static void
wait_for_note_timed (void)
{
  wait_for_note_until (for_a_moment ());
}

static void
enter_and_wait (void)
{
  enter_notes ();
  wait_for_note ();
}

static void
sleep_for_note (guint i)
{
  enter_notes ();
  mp_crash_arrive (i);
  wait_for_note ();
}

static void
prepare_notes_sleepers (void)
{
  mp_crash_send_to_sleep (sleep_for_note);
}

/* The next notification is for the victim. */
static void
setup_first_waiter (void)
{
  mp_crash_enter ();
  enter_notes ();
}

static void
setup_first_waiter_sleepers (void)
{
  setup_first_waiter ();
  mp_crash_send_to_sleep (sleep_for_note);
}

static void
setup_notifier (void)
{
  mp_crash_enter ();
  lock ();
}

static void
notify_one (void)
{
  mp_notes_notify (table, &objects->notes, 1);
}

static void
notify_all (void)
{
  mp_notes_notify (table, &objects->notes, G_MAXUINT);
}

static void
lock_and_notify_one (void)
{
  lock ();
  notify_one ();
  release_rlock ();
}

static void
lock_and_notify_all (void)
{
  lock ();
  notify_all ();
  release_rlock ();
}

static void
die_waiting (gpointer data)
{
  mp_participant_enter (table, NULL);
  enter_notes ();
}

/* Somebody dies with a note that only the victim has not missed yet. */
static void
setup_heir (void)
{
  guint i;

  setup_first_waiter_sleepers ();
  i = (own_note.place + 1 + MP_CRASH_N_SLEEPERS) % MP_NOTES_N_PLACES;
  mp_test_join (mp_test_fork (die_waiting, NULL));
  mp_test_wait_dead (table, atomic_load (&objects->notes.places[i]));
  mp_crash_none_is_dead (table);
  while (!mp_crash_sleeper_is_asleep (0) || !mp_crash_sleeper_is_asleep (1))
    mp_futex_pause (20);
  atomic_fetch_or (&objects->notes.places[i], MP_OWNER_NOTE);
}

static guint n_expected;

/* As many wake up as have notes, and as inherit the note of the victim. */
static void
count_notes (void)
{
  gboolean is_heir = FALSE;

  n_expected = mp_crash_n_sleepers_done ();
  for (guint i = 0; i < MP_NOTES_N_PLACES; i++)
    {
      guint32 seen = atomic_load (&objects->notes.places[i]);

      if ((seen & MP_OWNER_NOTE) == 0)
        continue;

      if (is_of_no_survivor (seen))
        is_heir = TRUE;
      else
        n_expected++;
    }

  n_expected = MIN (n_expected + is_heir, MP_CRASH_N_SLEEPERS);
}

static guint
check_notes (void)
{
  guint failure = extra_failure;

  if (!mp_crash_sleepers_are_done (n_expected))
    return mp_crash_finish (failure | STALL);

  if (!acquire_rlock (until_stall ()))
    return mp_crash_finish (failure | STALL);

  notify_all ();
  release_rlock ();
  if (!all_sleepers_are_done ())
    return mp_crash_finish (failure | STALL);

  for (guint i = 0; i < MP_NOTES_N_PLACES; i++)
    {
      guint32 seen = atomic_load (&objects->notes.places[i]);

      if (seen != 0 && !is_of_no_survivor (seen))
        failure |= TORN;
    }

  memset ((void *) &objects->notes, 0, sizeof objects->notes);
  return mp_crash_finish (failure);
}

static void
wait_for_value (void)
{
  lock ();
  while (atomic_load (&shared->value) == 0)
    {
      mp_notes_enter (table, &objects->notes, get_me (), &own_note);
      release_rlock ();
      mp_notes_wait (table, &objects->notes, get_me (), &own_note, MP_WAIT_NEVER_ENDS);
      lock ();
      mp_notes_leave (&objects->notes, &own_note);
    }
  release_rlock ();
}

static void
change_value (guint i)
{
  if (i != 0)
    return;

  lock ();
  atomic_store (&shared->value, 1);
  notify_one ();
  release_rlock ();
}

/* By a sleeper, since the victim may have the lock. */
static void
begin_to_change_value (void)
{
  mp_crash_begin_round (change_value);
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
  { "rlock/nest", prepare_free, mp_crash_enter, nest_rlock, .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/contended", prepare_rlock_held, mp_crash_enter, nest_rlock,
    .blocked = let_rlock_go, .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/contended-sleepers", prepare_rlock_sleepers, mp_crash_enter, nest_rlock,
    .blocked = let_rlock_go, .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/timed-sleepers", prepare_rlock_sleepers, mp_crash_enter, nest_rlock_timed,
    .blocked = let_time_pass, .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/from-dead", prepare_rlock_corpse, mp_crash_enter, nest_rlock,
    .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/release", prepare_free, setup_rlock_holder, release_rlock_twice,
    .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/release-sleepers", prepare_free, setup_rlock_holder_sleepers, release_rlock_twice,
    .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/released-meanwhile", prepare_rlock_held, mp_crash_enter, nest_rlock,
    .interfere = let_rlock_go, .last = look_who_has_rlock, .check = check_rlock },
  { "rlock/stopped-meanwhile", prepare_rlock_stop, mp_crash_enter, nest_rlock_until_stop,
    .interfere = steal_rlock_and_stop, .last = expect_rlock_wakes, .check = check_rlock },

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

  { "notes/wait", prepare_free, mp_crash_enter, enter_and_wait,
    .blocked = lock_and_notify_one, .last = count_notes, .check = check_notes },
  { "notes/wait-sleepers", prepare_notes_sleepers, mp_crash_enter, enter_and_wait,
    .blocked = lock_and_notify_all, .last = count_notes, .check = check_notes },
  { "notes/first-sleepers", prepare_free, setup_first_waiter_sleepers, wait_for_note,
    .blocked = lock_and_notify_one, .last = count_notes, .check = check_notes },
  { "notes/timed", prepare_free, setup_first_waiter, wait_for_note_timed,
    .blocked = let_time_pass, .last = count_notes, .check = check_notes },
  { "notes/timed-sleepers", prepare_free, setup_first_waiter_sleepers, wait_for_note_timed,
    .blocked = let_time_pass, .last = count_notes, .check = check_notes },
  { "notes/notify-one", prepare_free, setup_notifier, notify_one, .last = count_notes, .check = check_notes },
  { "notes/notify-one-sleepers", prepare_notes_sleepers, setup_notifier, notify_one,
    .last = count_notes, .check = check_notes },
  { "notes/notify-all-sleepers", prepare_notes_sleepers, setup_notifier, notify_all,
    .last = count_notes, .check = check_notes },
  { "notes/inherit-sleepers", prepare_free, setup_heir, wait_for_note, .last = count_notes, .check = check_notes },
  { "notes/notified-meanwhile", prepare_free, mp_crash_enter, wait_for_value,
    .interfere = begin_to_change_value, .last = count_notes, .check = check_notes },

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
  static const MpCrashHooks hooks = { NULL, begin_round, reset, 600 * G_TIME_SPAN_MILLISECOND };
  g_autoptr (GError) error = NULL;
  int result;

  mp_crash_read_arguments (&argc, &argv);
  shared = mp_test_share (sizeof *shared);
  objects = &shared->objects;
  table = mp_table_get_default (&error);
  g_assert_no_error (error);

  /* What is stepped must be the same each time. */
  mp_owner_lock_set_spin (0);
  mp_counter_set_spin (0);
  mp_permits_set_spin (0);
  mp_notes_set_spin (FALSE);

  mp_crash_set_up (&hooks);
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  mp_crash_tear_down ();
  return result;
}
