/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Kills participants at every instruction of what they do to shared memory, and
 * looks whether the survivors go on: see mp-killstep.h.  Here are locks, doorbells and the
 * slots of participants.  Memory has test-crash-arena.c, and processes that watch each other
 * test-crash-watchers.c; what is made of it all stands in test-crash-sync.c,
 * test-crash-permits.c and test-crash-waits.c.
 */

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-doorbell-private.h"
#include "mp-futex-private.h"
#include "mp-life-list-private.h"
#include "mp-owner-lock-private.h"
#include "mp-sleep-private.h"

typedef struct
{
  MpAtomic32 lock;
  MpAtomic32 n_told;
  MpBell     bell;
  MpAtomic32 value;
  MpAtomic32 victim_thread;

  /* bystanders of a death, in the other family */
  MpAtomic32 bystander_ready;
  MpAtomic32 bystander_done;
  MpAtomic32 corpse_ready;
  MpAtomic32 corpse;
  MpAtomic32 never;
} Shared;

static Shared *shared;
static MpTable *table;
static MpTable *other_table;     /* the harness takes no part in this one */
static guint extra_failure;

/* --- Sleepers ------------------------------------------------------------- */

static void
sleep_for_lock (guint i)
{
  MpOwnerLockResult result;

  mp_crash_arrive (i);
  result = mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
  if (result == MP_OWNER_LOCK_ABANDONED)
    atomic_fetch_add (&shared->n_told, 1);
  mp_owner_lock_release (&shared->lock);
}

static void
write_eventfd (gpointer user_data)
{
  guint64 one = 1;

  if (write (GPOINTER_TO_INT (user_data), &one, sizeof one) < 0)
    abort ();
}

static void
wait_for_eventfd (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  guint64 n;

  poll (&poll_fd, 1, -1);
  if (read (fd, &n, sizeof n) < 0)
    return;
}

static MpDoorbell *sleepers_doorbell;
static int sleepers_fd;

static void
setup_sleeper (guint i)
{
  sleepers_fd = eventfd (0, EFD_CLOEXEC);
  sleepers_doorbell = mp_doorbell_new (table, &shared->bell, write_eventfd, GINT_TO_POINTER (sleepers_fd), NULL);
}

/* As a main loop: arm, look, sleep. */
static void
sleep_for_bell (guint i)
{
  guint32 seen = atomic_load (&shared->value);

  for (;;)
    {
      mp_doorbell_arm (sleepers_doorbell, NULL);
      mp_crash_arrive (i);
      if (atomic_load (&shared->value) != seen)
        break;
      wait_for_eventfd (sleepers_fd);
    }

  mp_doorbell_disarm (sleepers_doorbell);
}

static void
begin_round (void)
{
  atomic_store (&other_table->layout->next, 0);
  extra_failure = 0;
  atomic_store (&shared->n_told, 0);
}

static void
reset (void)
{
  atomic_store (&shared->lock, 0);
  memset ((void *) &shared->bell, 0, sizeof shared->bell);
}

/* --- A lock --------------------------------------------------------------- */

static gboolean harness_holds;

/* Unless the victim has released it. */
static void
let_go (void)
{
  if (harness_holds && (atomic_load (&shared->lock) & MP_OWNER_MASK) == mp_participant_get_me (table))
    mp_owner_lock_release (&shared->lock);
  harness_holds = FALSE;
}

static void
prepare_free (void)
{
  mp_crash_begin_round (NULL);
}

static void
prepare_held (void)
{
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
  harness_holds = TRUE;
  mp_crash_send_to_sleep (sleep_for_lock);
}

static void
die_with_lock (gpointer data)
{
  mp_crash_enter ();
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
}

static void
prepare_corpse_with_lock (void)
{
  mp_crash_begin_round (NULL);
  mp_test_join (mp_test_fork (die_with_lock, NULL));
}

static void
acquire (void)
{
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
}

static void
acquire_timed (void)
{
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table),
                         MP_WAIT_UNTIL (g_get_monotonic_time () + 6 * G_TIME_SPAN_MILLISECOND));
}

static void
let_time_pass (void)
{
  mp_futex_pause (8 * G_TIME_SPAN_MILLISECOND);
}

static void
setup_holder (void)
{
  mp_crash_enter ();
  acquire ();
  mp_crash_send_to_sleep (sleep_for_lock);
}

static void
release (void)
{
  mp_owner_lock_release (&shared->lock);
}

static guint expected_told;

static void
look_who_holds (void)
{
  guint32 owner = atomic_load (&shared->lock) & MP_OWNER_MASK;

  expected_told = owner != 0 && owner == mp_crash_get_victim ();
}

/* Who has released the lock and goes no further keeps nobody waiting. */
static void
expect_others_go_on (void)
{
  look_who_holds ();
  if (!expected_told && !mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    extra_failure |= STALL;
}

static void
expect_told (void)
{
  expected_told = 1;
}

/* Those that slept have had the lock; so can we; one was told, once, if anybody had to be. */
static guint
check_lock (void)
{
  MpOwnerLockResult result;
  guint failure = 0, n_told;

  let_go ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  result = mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table),
                                  MP_WAIT_UNTIL (g_get_monotonic_time () + MP_CRASH_STALL_USEC));
  if (result == MP_OWNER_LOCK_TIMED_OUT)
    return mp_crash_finish (STALL);

  mp_owner_lock_release (&shared->lock);
  n_told = atomic_load (&shared->n_told) + (result == MP_OWNER_LOCK_ABANDONED);
  failure |= n_told < expected_told ? NOT_TOLD : 0;
  failure |= n_told > expected_told ? TOLD_TWICE : 0;

  if (mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_ENDS_NOW) !=
      MP_OWNER_LOCK_ACQUIRED)
    return mp_crash_finish (failure | TOLD_TWICE);

  mp_owner_lock_release (&shared->lock);
  return mp_crash_finish (failure | extra_failure);
}

/* --- A slot --------------------------------------------------------------- */

static void
claim (void)
{
  guint n_tries = 0;

  mp_life_list_begin (0);
  mp_participant_claim (table, &n_tries);
}

static void
be_newcomer (gpointer data)
{
  mp_participant_enter (table, NULL);
}

static guint
count_alive (void)
{
  guint n = 0;

  for (guint32 i = 0; i < atomic_load (&table->layout->top); i++)
    n += (atomic_load (&table->layout->slots[i].identity) & MP_LIFE_THREAD_MASK) != 0;

  return n;
}

/* One that died before it told anybody is found when the next one comes.  Those
 * who live are the harness and the sleepers.
 */
static guint
check_claim (void)
{
  mp_test_join (mp_test_fork (be_newcomer, NULL));
  if (!mp_crash_none_is_dead (table))
    return NOT_BURIED;

  return count_alive () == 1 + MP_CRASH_N_SLEEPERS ? 0 : LEAKED;
}

/* --- Deaths in a family of which the harness is no part, and leaving it ----- */

static pid_t bystander;
static pid_t corpse;

/* Sleeps as every object does, on a word that nobody changes. */
static void
be_bystander (gpointer data)
{
  guint32 epoch;

  mp_participant_enter (other_table, NULL);
  epoch = mp_table_get_epoch (other_table);
  mp_test_set_word (&shared->bystander_ready, 1);

  while (mp_table_get_epoch (other_table) == epoch)
    mp_sleep_on (other_table, &shared->never, 0, epoch, 0, MP_WAIT_NEVER_ENDS);

  mp_test_set_word (&shared->bystander_done, 1);
  for (;;)
    pause ();
}

static void
be_corpse (gpointer data)
{
  atomic_store (&shared->corpse, mp_participant_enter (other_table, NULL));
  mp_test_set_word (&shared->corpse_ready, 1);
  for (;;)
    pause ();
}

static void
prepare_family (void)
{
  mp_crash_begin_round (NULL);
  atomic_store (&shared->bystander_ready, 0);
  atomic_store (&shared->bystander_done, 0);
  atomic_store (&shared->corpse_ready, 0);
  atomic_store (&shared->victim_thread, 0);

  /* Those of the last point are buried before the bystander counts deaths. */
  corpse = mp_test_fork (be_corpse, NULL);
  mp_test_wait_word (&shared->corpse_ready, 1);
  g_assert_true (mp_crash_none_is_dead (other_table));

  bystander = mp_test_fork (be_bystander, NULL);
  mp_test_wait_word (&shared->bystander_ready, 1);
  mp_test_wait_asleep (bystander);
}

/* The only one that watches is stopped when it happens. */
static void
prepare_unseen_death (void)
{
  prepare_family ();
  mp_crash_stop (bystander);
  mp_test_kill (corpse);
}

static void
bury (void)
{
  guint slot = mp_owner_get_slot (atomic_load (&shared->corpse));
  guint64 identity = atomic_load (&other_table->layout->slots[slot].identity);

  if ((identity & MP_LIFE_DIED) != 0)
    mp_participant_bury (other_table, slot, identity);
}

static void
setup_watcher (void)
{
  mp_participant_enter (other_table, NULL);
  atomic_store (&shared->victim_thread, mp_self_get ()->watches[0].thread);
}

static pid_t
get_watcher (void)
{
  return (pid_t) atomic_load (&shared->victim_thread);
}

/* Hears of it as who waits for a lock. */
static void
be_heir (gpointer data)
{
  guint32 me = mp_participant_enter (other_table, NULL);

  mp_test_set_word (&shared->bystander_ready, 1);
  mp_test_wait_word (&shared->corpse_ready, 1);
  if (mp_owner_lock_acquire (other_table, &shared->lock, me, MP_WAIT_NEVER_ENDS) == MP_OWNER_LOCK_ABANDONED)
    mp_test_set_word (&shared->bystander_done, 1);

  for (;;)
    pause ();
}

static void
prepare_leaver (void)
{
  mp_crash_begin_round (NULL);
  atomic_store (&shared->bystander_ready, 0);
  atomic_store (&shared->bystander_done, 0);
  atomic_store (&shared->corpse_ready, 0);
  atomic_store (&shared->lock, 0);

  bystander = mp_test_fork (be_heir, NULL);
  mp_test_wait_word (&shared->bystander_ready, 1);
  g_assert_true (mp_crash_none_is_dead (other_table));
}

/* Without a thread of its own for it: the victim's life is its only one. */
static void
setup_leaver (void)
{
  guint n_tries = 0;

  mp_life_list_begin (0);
  atomic_store (&shared->corpse, mp_participant_claim (other_table, &n_tries));
  mp_owner_lock_acquire (other_table, &shared->lock, atomic_load (&shared->corpse), MP_WAIT_NEVER_ENDS);
  mp_test_set_word (&shared->corpse_ready, 1);
  mp_test_wait_asleep (bystander);
}

static void
leave (void)
{
  mp_participant_leave (other_table, atomic_load (&shared->corpse));
}

/* Its thread is the only one that can notice. */
static void
kill_neighbour (void)
{
  mp_crash_stop (bystander);
  mp_test_kill (corpse);
}

/* Who gets the slot next would own what the dead did. */
static gboolean
could_be_taken_for (guint32 dead)
{
  const MpSlot *slot = &other_table->layout->slots[mp_owner_get_slot (dead)];

  return (atomic_load (&slot->generation) & MP_OWNER_GENERATION_MASK) == mp_owner_get_generation (dead);
}

/* All who died are buried, and whoever sleeps is told. */
static guint
check_family (void)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  guint failure = 0;

  kill (bystander, SIGCONT);
  while (atomic_load (&shared->bystander_done) == 0 && g_get_monotonic_time () < end)
    mp_futex_pause (20);

  if (atomic_load (&shared->bystander_done) == 0)
    failure |= STALL;
  if (!mp_crash_none_is_dead (other_table))
    failure |= NOT_BURIED;
  if (could_be_taken_for (atomic_load (&shared->corpse)))
    failure |= TORN;

  mp_test_kill (bystander);
  return failure;
}

/* --- Doorbells ------------------------------------------------------------ */

static MpDoorbell *victims_doorbell;
static int victims_fd;
static guint32 value_before;

static void
prepare_bell (void)
{
  mp_crash_send_to_sleep (sleep_for_bell);
  value_before = atomic_load (&shared->value);
}

static void
setup_doorbell (void)
{
  mp_crash_enter ();
  victims_fd = eventfd (0, EFD_CLOEXEC);
  victims_doorbell = mp_doorbell_new (table, &shared->bell, write_eventfd, GINT_TO_POINTER (victims_fd), NULL);
}

static void
arm_and_leave (void)
{
  mp_doorbell_arm (victims_doorbell, NULL);
  mp_doorbell_disarm (victims_doorbell);
  mp_doorbell_arm (victims_doorbell, NULL);
  mp_doorbell_free (victims_doorbell);
}

static void
change_and_ring (void)
{
  atomic_fetch_add (&shared->value, 1);
  mp_bell_ring (table, &shared->bell);
}

static void
setup_listener (void)
{
  setup_doorbell ();
  mp_doorbell_arm (victims_doorbell, NULL);
  atomic_store (&shared->victim_thread, mp_self_get ()->watches[0].thread);
}

/* No place is left with somebody who is dead and armed. */
static gboolean
dead_hold_no_armed_place (void)
{
  for (guint i = 0; i < MP_BELL_N_WAITERS; i++)
    {
      guint64 state = atomic_load (&shared->bell.waiters[i].state);

      if ((state & (MP_BELL_ARMED | MP_BELL_RUNG)) != 0 && !mp_participant_is_alive (table, (guint32) state))
        return FALSE;
    }

  return TRUE;
}

static guint
check_bell (void)
{
  guint failure = extra_failure;

  /* What the victim changed must be heard of without our help. */
  if (atomic_load (&shared->value) == value_before)
    change_and_ring ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    failure |= STALL;

  atomic_fetch_or (&shared->bell.gate, MP_BELL_WAIT);
  mp_bell_ring (table, &shared->bell);
  if (!mp_crash_none_is_dead (table) || !dead_hold_no_armed_place ())
    failure |= NOT_BURIED;

  return mp_crash_finish (failure);
}

/* A ringer that is stopped keeps nobody from hearing the next one. */
static void
ring_beside_stopped (void)
{
  change_and_ring ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    extra_failure = STALL;
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "lock/acquire", prepare_free, mp_crash_enter, acquire, .last = look_who_holds, .check = check_lock },
  { "lock/acquire-contended", prepare_held, mp_crash_enter, acquire,
    .blocked = let_go, .last = look_who_holds, .check = check_lock },
  { "lock/acquire-timed", prepare_held, mp_crash_enter, acquire_timed,
    .blocked = let_time_pass, .last = look_who_holds, .check = check_lock },
  { "lock/acquire-from-dead", prepare_corpse_with_lock, mp_crash_enter, acquire,
    .last = expect_told, .check = check_lock },
  { "lock/release", prepare_free, setup_holder, release, .last = look_who_holds, .check = check_lock },
  { "lock/release-others", prepare_held, mp_crash_enter, release, .last = look_who_holds, .check = check_lock },
  { "lock/release-stopped", prepare_free, setup_holder, release, .last = expect_others_go_on, .check = check_lock },
  { "slot/claim", prepare_free, NULL, claim, .check = check_claim, .n_dense = 250 },
  { "slot/bury", prepare_unseen_death, NULL, bury, .check = check_family },
  { "slot/leave", prepare_leaver, setup_leaver, leave, .check = check_family },
  { "watch/neighbour-dies", prepare_family, setup_watcher, NULL,
    .get_thread = get_watcher, .provoke = kill_neighbour, .check = check_family },
  { "watch/doorbell", prepare_bell, setup_listener, NULL,
    .get_thread = get_watcher, .provoke = change_and_ring, .check = check_bell },
  { "doorbell/arm", prepare_bell, setup_doorbell, arm_and_leave, .check = check_bell },
  { "doorbell/ring", prepare_bell, mp_crash_enter, change_and_ring, .check = check_bell },
  { "doorbell/ring-stopped", prepare_bell, mp_crash_enter, change_and_ring,
    .last = ring_beside_stopped, .check = check_bell },
};

/* --- Main ----------------------------------------------------------------- */

static void
set_up (void)
{
  static const MpCrashHooks hooks = { setup_sleeper, begin_round, reset, 2 * G_TIME_SPAN_SECOND };
  g_autoptr (GError) error = NULL;

  shared = mp_test_share (sizeof *shared);
  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  other_table = mp_table_new (&error);
  g_assert_no_error (error);

  /* What is stepped must be the same each time. */
  mp_owner_lock_set_spin (0);
  mp_crash_set_up (&hooks);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  mp_crash_read_arguments (&argc, &argv);
  set_up ();
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  mp_crash_tear_down ();
  return result;
}
