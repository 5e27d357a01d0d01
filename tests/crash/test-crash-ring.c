/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for rings: whoever puts or takes is killed at every instruction, and no record is lost,
 * comes twice, out of order or in parts.
 *
 * Here all lies in the ring itself, and nobody waits: test-crash-ring-extents.c and test-crash-ring-waits.c.
 */

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-crash-ring.h"
#include "mp-owner-lock-private.h"
#include "mp-ring-end-private.h"
#include "mp-test.h"

/* --- Rounds --------------------------------------------------------------- */

static void
prepare_gathered (void)
{
  prepare_some ();
  mp_ring_pace_fix (MP_RING_GATHERED);
  ring.pace.n_left = 0;
}

/* All the room that there is is claimed by somebody who lives, and has left it for long. */
static void
prepare_claimed (void)
{
  MpRingMark put, take;

  prepare_some ();
  mp_ring_end_look (&ring.layout->put, &put);
  mp_ring_end_look (&ring.layout->take, &take);
  atomic_store (&ring.layout->put.claimed, ring.capacity - (put.weight - take.weight));
  atomic_store (&ring.layout->put.claimant, get_me () | MP_OWNER_WAIT);
  atomic_store (&ring.held_up_since, 1);
}

static guint
get_n_free (void)
{
  guint32 half = atomic_load (&ring.layout->put.count) & 1;
  guint64 position = atomic_load (&ring.layout->take.position[atomic_load (&ring.layout->take.count) & 1]);

  return (guint) ((position >> CHUNK_BITS) - atomic_load (&ring.layout->put.n_reused[half]));
}

static guint32
get_n_spare (void)
{
  return atomic_load (&ring.layout->put.n_spare[atomic_load (&ring.layout->put.count) & 1]);
}

/* There are as many free chunks as may be, so that what the victim takes makes some too many. */
static void
prepare_much (void)
{
  drain ();
  while (put_records (1, MP_WAIT_ENDS_NOW) == MP_RING_DONE)
    ;
  while (get_n_free () < MP_RING_N_KEPT)
    take_records (1, MP_WAIT_ENDS_NOW, get_n_taken ());
  remember ();
  mp_crash_begin_round (NULL);
}

/* Only spare chunks are left to put something into. */
static void
prepare_spare (void)
{
  prepare_full ();
  drain ();
  while (get_n_free () > 0)
    put_records (1, MP_WAIT_ENDS_NOW);
  if (get_n_spare () == 0)
    atomic_fetch_add (&shared->n_wrong, 1);
  remember ();
  mp_crash_begin_round (NULL);
}

static void
die_locking (gpointer unused)
{
  guint32 me = mp_participant_enter (table, NULL);

  mp_owner_lock_acquire (table, &ring.layout->put.lock, me, MP_WAIT_NEVER_ENDS);
  mp_owner_lock_acquire (table, &ring.layout->take.lock, me, MP_WAIT_NEVER_ENDS);
  mp_owner_lock_acquire (table, &ring.layout->put.turn, me, MP_WAIT_NEVER_ENDS);
  mp_owner_lock_acquire (table, &ring.layout->take.turn, me, MP_WAIT_NEVER_ENDS);
  for (guint i = 0; i < 2; i++)
    {
      atomic_store (&ring.layout->put.position[(atomic_load (&ring.layout->put.count) & 1) ^ 1], G_MAXUINT64);
      atomic_store (&ring.layout->take.position[(atomic_load (&ring.layout->take.count) & 1) ^ 1], G_MAXUINT64);
    }
}

static void
prepare_corpse (void)
{
  prepare_some ();
  mp_test_join (mp_test_fork (die_locking, NULL));
}

/* --- Operations ----------------------------------------------------------- */

static void
put_odd (void)
{
  put_records (5, MP_WAIT_ENDS_NOW);
}

/* As a main loop does that waits for room until it is cancelled. */
static void
claim (void)
{
  Record content = { 0 };
  MpRingRecord record = { &content, sizeof content, 0 };
  gboolean has_claim = FALSE;
  guint n_put;

  mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n_put, &has_claim, NULL);
  mp_ring_give_up_claim (&ring, get_me (), &has_claim);
}

/* --- Checks --------------------------------------------------------------- */

static guint
check_even (void)
{
  return check_commits (4, 0);
}

static guint
check_odd (void)
{
  return check_commits (5, 0);
}

static guint
check_all (void)
{
  return check_commits (0, 3);
}

static guint
check_five (void)
{
  return check_commits (0, 5);
}

/* Whoever puts next passes over the claim, if the victim has not. */
static guint
check_past_claim (void)
{
  guint result;

  atomic_store (&ring.layout->put.claimed, ring.capacity);
  result = check_one ();
  return atomic_load (&ring.layout->put.claimant) == 0 ? result : mp_crash_finish (STALL);
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "ring/put", prepare_some, mp_crash_enter, put_one, .check = check_one },
  { "ring/put-even", prepare_some, mp_crash_enter, put_even, .check = check_even },
  { "ring/put-odd", prepare_some, mp_crash_enter, put_odd, .check = check_odd },
  { "ring/put-gathered", prepare_gathered, mp_crash_enter, put_odd, .check = check_odd },
  { "ring/put-from-dead", prepare_corpse, mp_crash_enter, put_one, .check = check_one },
  { "ring/put-past-claim", prepare_claimed, mp_crash_enter, put_one, .check = check_past_claim },
  { "ring/claim", prepare_full, mp_crash_enter, claim, .check = check_rest },
  { "ring/take", prepare_some, mp_crash_enter, take_one, .check = check_one },
  { "ring/take-batch", prepare_some, mp_crash_enter, take_all, .check = check_all },
  { "ring/put-spare", prepare_spare, mp_crash_enter, put_even, .check = check_even },
  { "ring/put-much", prepare_much, mp_crash_enter, put_odd, .check = check_odd },
  { "ring/give-back", prepare_much, mp_crash_enter, take_all, .check = check_five },
  { "ring/take-from-dead", prepare_corpse, mp_crash_enter, take_one, .check = check_one },
};

int
main (int   argc,
      char *argv[])
{
  return run_ring_cases (&argc, &argv, kill_cases, G_N_ELEMENTS (kill_cases));
}
