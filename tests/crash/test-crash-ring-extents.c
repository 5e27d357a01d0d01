/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash-ring.c, for records that lie in an extent, beside the ring: long ones, and those that are held until
 * they are done.  Whoever has one is killed at every instruction; no extent is lost, and what was held comes to
 * others.
 */

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-crash-ring.h"
#include "mp-owner-lock-private.h"
#include "mp-ring-end-private.h"
#include "mp-test.h"

/* --- Rounds --------------------------------------------------------------- */

/* All that is put by anybody from now on lies elsewhere. */
static void
prepare_long (void)
{
  drain ();
  ring.long_length = 1;
  for (guint i = 0; i < 3; i++)
    put_records (1, MP_WAIT_ENDS_NOW);
  remember ();
  mp_crash_begin_round (NULL);
}

/* What is taken is held from now on, and what the dead held comes to others. */
static void
prepare_hold (void)
{
  drain ();
  ring.flags = MP_RING_HOLDS | MP_RING_REDELIVERS;
  for (guint i = 0; i < 4; i++)
    put_records (1, MP_WAIT_ENDS_NOW);
  remember ();
  mp_crash_begin_round (NULL);
}

static void
prepare_hold_long (void)
{
  drain ();
  ring.long_length = 1;
  prepare_hold ();
}

/* These keep their memory when they are free; so that of others is looked at, too. */
#define N_KEPT 8

static MpRingExtentName kept[N_KEPT];

static void
prepare_hold_beyond (void)
{
  for (guint i = 0; i < N_KEPT; i++)
    mp_ring_extents_claim (&ring.extents, get_me (), 1, &kept[i], NULL);
  prepare_hold ();
}

static void
die_holding (gpointer unused)
{
  mp_participant_enter (table, NULL);
  take_records (2, MP_WAIT_ENDS_NOW, 0);
}

static void
prepare_orphans (void)
{
  prepare_hold ();
  mp_test_join (mp_test_fork (die_holding, NULL));
}

/* In the middle of what it did with the lock. */
static void
die_about_to_hold (gpointer unused)
{
  guint32 me = mp_participant_enter (table, NULL);
  Record content;
  MpRingRecord record = { &content, sizeof content, 0 };

  mp_owner_lock_acquire (table, &ring.layout->take.lock, me, MP_WAIT_NEVER_ENDS);
  mp_ring_hold_begin_locked (&ring, me, NULL);
  mp_ring_hold_record_locked (&ring, me, &record, mp_ring_end_get_position (&ring.layout->take), NULL);
}

static void
prepare_half_held (void)
{
  prepare_hold ();
  mp_test_join (mp_test_fork (die_about_to_hold, NULL));
}

/* --- Operations ----------------------------------------------------------- */

static void
take_and_disown (void)
{
  guint8 bytes[2 * sizeof (Record)];
  MpRingRecord records[2];
  MpRingHaul haul = { bytes, sizeof bytes, records, 2 };
  MpRingExtentName names[2];

  if (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, NULL) != MP_RING_DONE)
    return;

  for (guint i = 0; i < haul.n_records; i++)
    names[i] = records[i].extent;
  mp_ring_disown (&ring, get_me (), names, haul.n_records, NULL);
}

/* --- Checks --------------------------------------------------------------- */

static guint
check_long (guint32 n_put,
            guint32 n_taken)
{
  if (!are_commits_whole (n_put, n_taken))
    return mp_crash_finish (TORN);

  drain ();
  if (!mp_crash_none_is_dead (table))   /* it has been noticed, so it is looked for */
    return mp_crash_finish (NOT_BURIED);

  if (!are_extents_free ())
    return mp_crash_finish (TORN);

  return check_rest ();
}

static guint
check_put_long (void)
{
  return check_long (4, 0);
}

static guint
check_take_long (void)
{
  return check_long (0, 3);
}

/* All that is there, by whomever it was held: which ones of the numbers after the first. */
static gboolean
take_all_held (guint32 *found)
{
  Record content;
  MpRingRecord record;
  MpRingHaul haul = { (guint8 *) &content, sizeof content, &record, 1 };

  *found = 0;
  while (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, NULL) == MP_RING_DONE)
    {
      guint64 number = content.number - n_taken_before;

      if (number >= 32 || (*found & 1u << number) != 0 ||
          !mp_ring_acknowledge (&ring, get_me (), &record.extent))
        return FALSE;

      check_record (&record, content.number);
      *found |= 1u << number;
    }

  return TRUE;
}

/* Each of the four once, but for those of `done`, which may be done already. */
static guint
check_held (guint32 done)
{
  guint32 found;

  if (!mp_crash_none_is_dead (table))
    return mp_crash_finish (NOT_BURIED);

  if (!take_all_held (&found) || (found | done) != 0xf || !mp_ring_is_done (&ring) || !are_extents_free ())
    return mp_crash_finish (TORN);

  ring.flags = 0;
  return check_rest ();
}

static guint
check_hold (void)
{
  return check_held (0);
}

static guint
check_acknowledged (void)
{
  return check_held (1);
}

static guint
check_acknowledged_beyond (void)
{
  for (guint i = 0; i < N_KEPT; i++)
    mp_ring_extents_forget (&ring.extents, get_me (), &kept[i], 1);
  return check_acknowledged ();
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "ring/put-long", prepare_long, mp_crash_enter, put_even, .check = check_put_long },
  { "ring/take-long", prepare_long, mp_crash_enter, take_all, .check = check_take_long },
  { "ring/hold", prepare_hold, mp_crash_enter, take_all, .check = check_hold },
  { "ring/hold-long", prepare_hold_long, mp_crash_enter, take_all, .check = check_hold },
  { "ring/hold-from-dead", prepare_half_held, mp_crash_enter, take_all, .check = check_hold },
  { "ring/inherit", prepare_orphans, mp_crash_enter, take_one, .check = check_hold },
  { "ring/acknowledge", prepare_hold, mp_crash_enter, take_and_acknowledge, .check = check_acknowledged },
  { "ring/acknowledge-beyond", prepare_hold_beyond, mp_crash_enter, take_and_acknowledge,
    .check = check_acknowledged_beyond },
  { "ring/disown", prepare_hold, mp_crash_enter, take_and_disown, .check = check_hold },
};

int
main (int   argc,
      char *argv[])
{
  return run_ring_cases (&argc, &argv, kill_cases, G_N_ELEMENTS (kill_cases));
}
