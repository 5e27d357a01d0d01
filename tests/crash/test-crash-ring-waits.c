/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash-ring.c, where somebody waits: for a record, for room, for all to be done, or behind one that is
 * stopped.  Nobody waits for ever, at whatever instruction another one is killed or stopped.
 */

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-crash-ring.h"
#include "mp-doorbell-private.h"
#include "mp-owner-lock-private.h"
#include "mp-ring-end-private.h"
#include "mp-ring-turn-private.h"
#include "mp-test.h"

/* --- Rounds --------------------------------------------------------------- */

static void
prepare_empty (void)
{
  drain ();
  remember ();
  mp_crash_begin_round (NULL);
}

static void
take_asleep (guint i)
{
  mp_crash_arrive (i);
  take_records (1, MP_WAIT_NEVER_ENDS, 0);
}

/* Of no content, so that each has room where the other had. */
static void
put_asleep (guint i)
{
  MpRingRecord record = { NULL, 0, 0 };
  guint n_put;

  mp_crash_arrive (i);
  mp_ring_put (&ring, get_me (), &record, 1, &n_put, MP_WAIT_NEVER_ENDS, NULL);
}

static void
prepare_takers (void)
{
  prepare_empty ();
  mp_crash_send_to_sleep (take_asleep);
}

static void
fill_to_the_brim (void)
{
  prepare_full ();
  while (mp_ring_has_room (&ring, mp_ring_measure (0)))
    {
      MpRingRecord record = { NULL, 0, 0 };
      guint n_put;

      mp_ring_try_put (&ring, get_me (), &record, 1, &n_put, NULL);
    }
  remember ();
}

static void
prepare_putters (void)
{
  fill_to_the_brim ();
  mp_crash_send_to_sleep (put_asleep);
}

/* Where there are more, one that is not woken is passed over, as if it were stopped. */
static void
take_asleep_alone (guint i)
{
  mp_crash_arrive (i);
  if (i == 0)
    take_records (1, MP_WAIT_NEVER_ENDS, 0);
}

static void
prepare_taker (void)
{
  prepare_empty ();
  mp_crash_send_to_sleep (take_asleep_alone);
}

static void
put_asleep_alone (guint i)
{
  if (i == 0)
    put_asleep (i);
  else
    mp_crash_arrive (i);
}

static void
prepare_putter (void)
{
  fill_to_the_brim ();
  mp_crash_send_to_sleep (put_asleep_alone);
}

static void
join_asleep (guint i)
{
  mp_crash_arrive (i);
  mp_ring_wait_done (&ring, MP_WAIT_NEVER_ENDS);
}

/* Of two that are in hands, and not done. */
static MpRingExtentName in_hand;

static void
prepare_joiners (void)
{
  Record content;
  MpRingRecord record;
  MpRingHaul haul = { (guint8 *) &content, sizeof content, &record, 1 };

  drain ();
  ring.flags = MP_RING_HOLDS;
  for (guint i = 0; i < 2; i++)
    put_records (1, MP_WAIT_ENDS_NOW);
  mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, NULL);
  in_hand = record.extent;
  remember ();
  mp_crash_send_to_sleep (join_asleep);
}

/* The turn, and what room there will be, belong to somebody who lives and does nothing. */
static void
give_all_to_stopped (void)
{
  mp_owner_lock_acquire (table, &ring.layout->put.turn, get_me (), MP_WAIT_ENDS_NOW);
  atomic_store (&ring.layout->put.claimed, mp_ring_measure (sizeof (Record)));
  atomic_store (&ring.layout->put.claimant, get_me ());
}

static void
prepare_stopped (void)
{
  prepare_full ();
  give_all_to_stopped ();
}

/* Others wait behind it, too. */
static void
prepare_stopped_sleepers (void)
{
  fill_to_the_brim ();
  give_all_to_stopped ();
  mp_crash_send_to_sleep (put_asleep);
}

/* --- Operations ----------------------------------------------------------- */

static void
take_waiting (void)
{
  take_records (1, MP_WAIT_NEVER_ENDS, 0);
}

static void
put_waiting (void)
{
  put_records (1, MP_WAIT_NEVER_ENDS);
}

/* As who has left to others what it held. */
static void
wake_taker (void)
{
  mp_ring_wake_taker (&ring, get_me (), NULL);
}

/* --- Stopped -------------------------------------------------------------- */

/* Whoever was woken by what was committed goes on, though who did it has stopped and not died: no death
 * wakes them a second time.
 */
static void
expect_taker_woken (void)
{
  if (get_n_put () != n_put_before && !mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    atomic_fetch_add (&shared->n_wrong, 1);
}

static void
expect_putter_woken (void)
{
  if (get_n_taken () != n_taken_before && !mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* Whoever puts something later wakes the one that the stopped one was about to wake.  While that has the lock nobody
 * puts.
 */
static void
expect_later_put_to_wake (void)
{
  if ((atomic_load (&ring.layout->put.lock) & MP_OWNER_MASK) == 0 &&
      put_records (1, MP_WAIT_ENDS_NOW) == MP_RING_DONE &&
      !mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* Likewise whoever makes the last one done. */
static void
expect_last_one_done_to_wake (void)
{
  mp_ring_acknowledge (&ring, get_me (), &in_hand);
  if (mp_ring_is_done (&ring) && !mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* --- Armed meanwhile ------------------------------------------------------ */

static MpDoorbell *ear;
static int ear_fd;
static gboolean has_to_hear, has_missed;

/* On the thread mp-watch. */
static void
hear (gpointer unused)
{
  guint64 one = 1;

  if (write (ear_fd, &one, sizeof one) < 0)
    abort ();
}

/* As a main loop does, and without waiting for who is in the middle of it: who sees nothing hears of it. */
static void
arm_and_look (MpRingEnd *end,
              guint32    n_before)
{
  ear_fd = eventfd (0, EFD_CLOEXEC);
  ear = mp_doorbell_new (table, &end->bell, hear, NULL, NULL);
  mp_doorbell_arm (ear, NULL);
  has_to_hear = atomic_load (&end->count) >> 1 == n_before;
}

static void
look_for_record (void)
{
  arm_and_look (&ring.layout->put, n_put_before);
}

static void
look_for_room (void)
{
  arm_and_look (&ring.layout->take, n_taken_before);
}

static void
expect_to_hear (void)
{
  struct pollfd poll_fd = { .fd = ear_fd, .events = POLLIN };

  /* Once is enough to wait so long. */
  has_missed = has_missed || (has_to_hear && poll (&poll_fd, 1, (int) (MP_TEST_DEADLINE * 1000)) != 1);
  if (has_missed)
    atomic_fetch_add (&shared->n_wrong, 1);
  mp_doorbell_free (ear);
  close (ear_fd);
}

/* --- Checks --------------------------------------------------------------- */

static guint
check_woken_taker (void)
{
  put_records (1, MP_WAIT_ENDS_NOW);
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  return check_rest ();
}

/* What the victim held is lost. */
static guint
check_joiners (void)
{
  Record content;
  MpRingRecord record;
  MpRingHaul haul = { (guint8 *) &content, sizeof content, &record, 1 };

  if (!mp_crash_none_is_dead (table))
    return mp_crash_finish (NOT_BURIED);

  while (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, NULL) == MP_RING_DONE ||
         mp_ring_take_lost (&ring, get_me (), &haul, NULL) == MP_RING_DONE)
    mp_ring_acknowledge (&ring, get_me (), &record.extent);
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  if (!mp_ring_is_done (&ring) || !are_extents_free ())
    return mp_crash_finish (TORN);

  ring.flags = 0;
  return check_rest ();
}

/* Each record that was put has woken a taker. */
static guint
check_takers (void)
{
  guint32 n = get_n_put () - n_put_before;

  if (atomic_load (&shared->n_wrong) != 0 || !mp_crash_sleepers_are_done (MIN (n, MP_CRASH_N_SLEEPERS)))
    return mp_crash_finish (STALL);

  while (get_n_put () - n_put_before < MP_CRASH_N_SLEEPERS)
    put_records (1, MP_WAIT_ENDS_NOW);
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  return check_rest ();
}

/* Each has no more to do than to find the room that was made.  What they put has no number. */
static guint
check_putters (void)
{
  guint32 n_room = get_n_taken () - n_taken_before;

  if (atomic_load (&shared->n_wrong) != 0 || !mp_crash_sleepers_are_done (MIN (n_room, MP_CRASH_N_SLEEPERS)))
    return mp_crash_finish (STALL);

  while (get_n_taken () - n_taken_before < MP_CRASH_N_SLEEPERS)
    take_records (1, MP_WAIT_ENDS_NOW, 0);
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  while (take_records (1, MP_WAIT_ENDS_NOW, 0) == MP_RING_DONE)
    ;
  atomic_store (&shared->n_wrong, 0);
  return check_rest ();
}

/* The victim has waited, and died: what it was to have is somebody else's. */
static guint
check_waited (void)
{
  while (get_n_put () - n_put_before < MP_CRASH_N_SLEEPERS)
    put_records (1, MP_WAIT_ENDS_NOW);
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  return check_rest ();
}

/* It goes on, if it has not been passed over. */
static void
let_stopped_go_on (void)
{
  gboolean has_claim = TRUE;

  mp_ring_give_up_claim (&ring, get_me (), &has_claim);
  mp_ring_turn_release (&ring.layout->put, get_me ());
}

static guint
check_stopped (void)
{
  let_stopped_go_on ();
  return check_rest ();
}

static guint
check_stopped_putters (void)
{
  let_stopped_go_on ();
  return check_putters ();
}

/* --- Cases ---------------------------------------------------------------- */

static void
put_for_all (void)
{
  for (guint i = 0; i <= MP_CRASH_N_SLEEPERS; i++)
    put_records (1, MP_WAIT_ENDS_NOW);
}

static void
make_room (void)
{
  take_records (1, MP_WAIT_ENDS_NOW, 0);
}

static void
make_much_room (void)
{
  take_records (5, MP_WAIT_ENDS_NOW, 0);
}

static const MpKillCase kill_cases[] = {
  { "ring/put-sleepers", prepare_takers, mp_crash_enter, put_one, .check = check_takers },
  { "ring/put-stopped", prepare_taker, mp_crash_enter, put_one, .last = expect_taker_woken, .check = check_takers },
  { "ring/put-armed-meanwhile", prepare_some, mp_crash_enter, put_one,
    .interfere = look_for_record, .last = expect_to_hear, .check = check_one },
  { "ring/put-even-sleepers", prepare_takers, mp_crash_enter, put_even, .check = check_takers },
  { "ring/acknowledge-stopped", prepare_joiners, mp_crash_enter, take_and_acknowledge,
    .last = expect_last_one_done_to_wake, .check = check_joiners },
  { "ring/wake-stopped", prepare_taker, mp_crash_enter, wake_taker,
    .last = expect_later_put_to_wake, .check = check_woken_taker },
  { "ring/take-sleepers", prepare_putters, mp_crash_enter, take_one, .check = check_putters },
  { "ring/take-stopped", prepare_putter, mp_crash_enter, take_one,
    .last = expect_putter_woken, .check = check_putters },
  { "ring/take-armed-meanwhile", prepare_full, mp_crash_enter, take_one,
    .interfere = look_for_room, .last = expect_to_hear, .check = check_one },
  { "ring/take-waiting", prepare_empty, mp_crash_enter, take_waiting, .blocked = put_one, .check = check_one },
  { "ring/take-waiting-sleepers", prepare_takers, mp_crash_enter, take_waiting,
    .blocked = put_for_all, .check = check_waited },
  { "ring/put-waiting", prepare_full, mp_crash_enter, put_waiting, .blocked = make_room, .check = check_rest },
  { "ring/put-behind-stopped", prepare_stopped, mp_crash_enter, put_waiting,
    .naps = TRUE, .blocked = make_much_room, .check = check_stopped },
  { "ring/put-behind-stopped-sleepers", prepare_stopped_sleepers, mp_crash_enter, put_waiting,
    .naps = TRUE, .blocked = make_much_room, .check = check_stopped_putters },
};

int
main (int   argc,
      char *argv[])
{
  return run_ring_cases (&argc, &argv, kill_cases, G_N_ELEMENTS (kill_cases));
}
