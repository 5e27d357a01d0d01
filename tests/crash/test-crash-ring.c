/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for rings: whoever puts or takes is killed at every instruction, and no record is lost,
 * comes twice, out of order or in parts, and nobody waits for ever.
 *
 * Records are numbered in the order in which they are committed, so each says where it belongs.
 */

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-doorbell-private.h"
#include "mp-memfd-private.h"
#include "mp-owner-lock-private.h"
#include "mp-ring-end-private.h"
#include "mp-ring-turn-private.h"
#include "mp-test-ring.h"
#include "mp-test.h"

#define CAPACITY   (62 << CHUNK_BITS)   /* as many chunks as there can be words of the map for */
#define CHUNK_BITS 7
#define LONGEST    120
#define N_EXTENTS  16

typedef struct
{
  MpRingLayout ring;
  MpAtomic32 n_wrong;   /* records that were not what they should be */
} Shared;

static Shared *shared;
static MpTable *table;
static MpRing ring;
static MpTestRing test_ring;

static guint32
get_me (void)
{
  return mp_participant_get_me (table);
}

/* --- Records -------------------------------------------------------------- */

typedef struct
{
  guint64 number;
  guint8  rest[LONGEST];
} Record;

static guint32
get_length (guint64 number)
{
  return (guint32) (sizeof (guint64) + number * 37 % LONGEST);
}

static void
fill (Record  *record,
      guint64  number)
{
  record->number = number;
  memset (record->rest, (int) (number * 11), sizeof record->rest);
}

static guint32
get_n_put (void)
{
  return atomic_load (&ring.layout->put.count) >> 1;
}

static guint32
get_n_taken (void)
{
  return atomic_load (&ring.layout->take.count) >> 1;
}

/* The next ones, in one go. */
static MpRingResult
put_records (guint  n,
             MpWait wait)
{
  guint32 first = get_n_put ();
  MpRingRecord records[5];
  MpRingResult result;
  Record contents[5];
  guint n_put;

  for (guint i = 0; i < n; i++)
    {
      fill (&contents[i], first + i);
      records[i] = (MpRingRecord) { &contents[i], get_length (first + i), 0 };
    }
  for (guint i = 0; i < n; i++)
    mp_ring_prepare (&ring, get_me (), &records[i], NULL);
  result = mp_ring_put (&ring, get_me (), records, n, &n_put, wait, NULL);
  for (guint i = n_put; i < n; i++)
    mp_ring_forget (&ring, get_me (), &records[i]);
  return result;
}

static void
check_record (const MpRingRecord *record,
              guint64             number)
{
  Record expected;

  fill (&expected, number);
  if (record->length != get_length (number) || memcmp (record->data, &expected, record->length) != 0)
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* `number`: of the first, or 0: others take too, and it only has to be whole. */
static MpRingResult
take_records (guint   n,
              MpWait  wait,
              guint64 number)
{
  guint8 bytes[5 * sizeof (Record)];
  MpRingRecord records[5];
  MpRingHaul haul = { bytes, sizeof bytes, records, n };
  MpRingResult result = mp_ring_take (&ring, get_me (), &haul, wait, NULL);

  for (guint i = 0; result == MP_RING_DONE && i < haul.n_records; i++)
    {
      guint64 found;

      memcpy (&found, records[i].data, sizeof found);
      check_record (&records[i], number != 0 ? number + i : found);
    }
  return result;
}

/* All that is there, each at its place. */
static void
drain (void)
{
  while (take_records (1, MP_WAIT_ENDS_NOW, get_n_taken ()) == MP_RING_DONE)
    ;
}

/* --- Rounds --------------------------------------------------------------- */

static guint32 n_put_before, n_taken_before;

static void
begin_round (void)
{
  atomic_store (&shared->n_wrong, 0);
}

/* A round too many numbers than a guint32 has would not fit into a test. */
static void
reset (void)
{
  memset ((void *) shared, 0, sizeof *shared);
  ring.flags = 0;
  ring.long_length = MP_RING_LONG_LENGTH;
  mp_ring_pace_fix (MP_RING_DIRECT);
  ring.pace.n_left = 0;
  mp_memfd_drop (test_ring.fd, 0, test_ring.size);
  mp_ring_init (&shared->ring, CAPACITY, MP_RING_MAX_RECORDS, CHUNK_BITS, 0);
  put_records (1, MP_WAIT_ENDS_NOW);
  drain ();
}

static void
remember (void)
{
  n_put_before = get_n_put ();
  n_taken_before = get_n_taken ();
}

static void
prepare_some (void)
{
  drain ();
  for (guint i = 0; i < 3; i++)
    put_records (1, MP_WAIT_ENDS_NOW);
  remember ();
  mp_crash_begin_round (NULL);
}

static void
prepare_gathered (void)
{
  prepare_some ();
  mp_ring_pace_fix (MP_RING_GATHERED);
  ring.pace.n_left = 0;
}

static void
prepare_empty (void)
{
  drain ();
  remember ();
  mp_crash_begin_round (NULL);
}

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

static void
prepare_full (void)
{
  drain ();
  while (put_records (1, MP_WAIT_ENDS_NOW) == MP_RING_DONE)
    ;
  remember ();
  mp_crash_begin_round (NULL);
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
put_one (void)
{
  put_records (1, MP_WAIT_ENDS_NOW);
}

static void
put_even (void)
{
  put_records (4, MP_WAIT_ENDS_NOW);
}

static void
put_odd (void)
{
  put_records (5, MP_WAIT_ENDS_NOW);
}

static void
take_one (void)
{
  take_records (1, MP_WAIT_ENDS_NOW, 0);
}

static void
take_all (void)
{
  take_records (5, MP_WAIT_ENDS_NOW, 0);
}

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

static void
take_and_acknowledge (void)
{
  Record content;
  MpRingRecord record;
  MpRingHaul haul = { (guint8 *) &content, sizeof content, &record, 1 };

  if (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, NULL) == MP_RING_DONE)
    mp_ring_acknowledge (&ring, get_me (), &record.extent);
}

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

/* As who has left to others what it held. */
static void
wake_taker (void)
{
  mp_ring_wake_taker (&ring, get_me (), NULL);
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

/* All of it or nothing. */
static gboolean
is_one_of (guint32 found,
           guint32 before,
           guint32 n)
{
  return found == before || found == before + n;
}

static guint
check_rest (void)
{
  ring.long_length = MP_RING_LONG_LENGTH;
  drain ();
  put_records (1, MP_WAIT_ENDS_NOW);
  put_records (4, MP_WAIT_ENDS_NOW);
  drain ();
  if (mp_ring_count (&ring) != 0 || atomic_load (&shared->n_wrong) != 0 || !mp_test_ring_is_sound (&ring))
    return mp_crash_finish (TORN);

  return mp_crash_finish (mp_crash_none_is_dead (table) ? 0 : NOT_BURIED);
}

/* What the victim had in its hand, or was about to put, is free once somebody has looked for it. */
static gboolean
are_extents_free (void)
{
  Record content = { 0 };
  MpRingRecord record = { &content, sizeof content, 0 };

  if (!mp_ring_prepare (&ring, get_me (), &record, NULL))
    return FALSE;

  mp_ring_forget (&ring, get_me (), &record);
  for (guint i = 0; i < N_EXTENTS; i++)
    if ((guint32) atomic_load (&ring.memory.extents[i].state) != 0)
      return FALSE;

  return TRUE;
}

static guint
check_long (guint32 n_put,
            guint32 n_taken)
{
  if (!is_one_of (get_n_put (), n_put_before, n_put) || !is_one_of (get_n_taken (), n_taken_before, n_taken))
    return mp_crash_finish (TORN);

  drain ();
  if (!mp_crash_none_is_dead (table))   /* it has been noticed, so it is looked for */
    return mp_crash_finish (NOT_BURIED);

  if (!are_extents_free ())
    return mp_crash_finish (TORN);

  return check_rest ();
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

static guint
check_acknowledged_beyond (void)
{
  for (guint i = 0; i < N_KEPT; i++)
    mp_ring_extents_forget (&ring.extents, get_me (), &kept[i], 1);
  return check_acknowledged ();
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

static guint
check_commits (guint32 n_put,
               guint32 n_taken)
{
  if (!is_one_of (get_n_put (), n_put_before, n_put) || !is_one_of (get_n_taken (), n_taken_before, n_taken))
    return mp_crash_finish (TORN);

  return check_rest ();
}

static guint
check_one (void)
{
  return check_commits (1, 1);
}

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
  { "ring/put", prepare_some, mp_crash_enter, put_one, .check = check_one },
  { "ring/put-even", prepare_some, mp_crash_enter, put_even, .check = check_even },
  { "ring/put-odd", prepare_some, mp_crash_enter, put_odd, .check = check_odd },
  { "ring/put-gathered", prepare_gathered, mp_crash_enter, put_odd, .check = check_odd },
  { "ring/put-from-dead", prepare_corpse, mp_crash_enter, put_one, .check = check_one },
  { "ring/put-sleepers", prepare_takers, mp_crash_enter, put_one, .check = check_takers },
  { "ring/put-stopped", prepare_taker, mp_crash_enter, put_one, .last = expect_taker_woken, .check = check_takers },
  { "ring/put-armed-meanwhile", prepare_some, mp_crash_enter, put_one,
    .interfere = look_for_record, .last = expect_to_hear, .check = check_one },
  { "ring/put-even-sleepers", prepare_takers, mp_crash_enter, put_even, .check = check_takers },
  { "ring/put-past-claim", prepare_claimed, mp_crash_enter, put_one, .check = check_past_claim },
  { "ring/claim", prepare_full, mp_crash_enter, claim, .check = check_rest },
  { "ring/take", prepare_some, mp_crash_enter, take_one, .check = check_one },
  { "ring/take-batch", prepare_some, mp_crash_enter, take_all, .check = check_all },
  { "ring/put-spare", prepare_spare, mp_crash_enter, put_even, .check = check_even },
  { "ring/put-much", prepare_much, mp_crash_enter, put_odd, .check = check_odd },
  { "ring/put-long", prepare_long, mp_crash_enter, put_even, .check = check_put_long },
  { "ring/take-long", prepare_long, mp_crash_enter, take_all, .check = check_take_long },
  { "ring/hold", prepare_hold, mp_crash_enter, take_all, .check = check_hold },
  { "ring/hold-long", prepare_hold_long, mp_crash_enter, take_all, .check = check_hold },
  { "ring/hold-from-dead", prepare_half_held, mp_crash_enter, take_all, .check = check_hold },
  { "ring/inherit", prepare_orphans, mp_crash_enter, take_one, .check = check_hold },
  { "ring/acknowledge", prepare_hold, mp_crash_enter, take_and_acknowledge, .check = check_acknowledged },
  { "ring/acknowledge-beyond", prepare_hold_beyond, mp_crash_enter, take_and_acknowledge,
    .check = check_acknowledged_beyond },
  { "ring/acknowledge-stopped", prepare_joiners, mp_crash_enter, take_and_acknowledge,
    .last = expect_last_one_done_to_wake, .check = check_joiners },
  { "ring/wake-stopped", prepare_taker, mp_crash_enter, wake_taker,
    .last = expect_later_put_to_wake, .check = check_woken_taker },
  { "ring/disown", prepare_hold, mp_crash_enter, take_and_disown, .check = check_hold },
  { "ring/give-back", prepare_much, mp_crash_enter, take_all, .check = check_five },
  { "ring/take-from-dead", prepare_corpse, mp_crash_enter, take_one, .check = check_one },
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
  static const MpCrashHooks hooks = {
    .begin_round = begin_round,
    .reset = reset,
    .max_usec = 600 * G_TIME_SPAN_MILLISECOND,
  };
  int result;

  mp_crash_read_arguments (&argc, &argv);
  shared = mp_test_share (sizeof *shared);
  mp_owner_lock_set_spin (0);
  mp_ring_set_spin (FALSE);

  mp_test_ring_new (&test_ring, &shared->ring, CAPACITY, MP_RING_MAX_RECORDS, CHUNK_BITS, 0);
  table = test_ring.table;
  mp_test_ring_open (&test_ring, &ring, &shared->ring);
  ring.extents.n = N_EXTENTS;
  mp_crash_set_up (&hooks);
  reset ();
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  mp_crash_tear_down ();
  return result;
}
