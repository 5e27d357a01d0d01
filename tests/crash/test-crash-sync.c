/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for the words of recursive locks and conditions.  Each operation is killed with nobody else
 * there, and with two that sleep.
 */

#include <string.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-crash-sync.h"
#include "mp-futex-private.h"
#include "mp-notes-private.h"
#include "mp-owner-rlock-private.h"

/* --- A recursive lock ----------------------------------------------------- */

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
};

int
main (int   argc,
      char *argv[])
{
  return run_sync_cases (&argc, &argv, kill_cases, G_N_ELEMENTS (kill_cases));
}
