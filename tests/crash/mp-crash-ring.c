/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-crash-ring.h"
#include "mp-memfd-private.h"
#include "mp-owner-lock-private.h"
#include "mp-test-ring.h"

#define CAPACITY  (62 << CHUNK_BITS)   /* as many chunks as there can be words of the map for */
#define N_EXTENTS 16

Shared *shared;
MpTable *table;
MpRing ring;
static MpTestRing test_ring;

guint32
get_me (void)
{
  return mp_participant_get_me (table);
}

/* --- Records -------------------------------------------------------------- */

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

guint32
get_n_put (void)
{
  return atomic_load (&ring.layout->put.count) >> 1;
}

guint32
get_n_taken (void)
{
  return atomic_load (&ring.layout->take.count) >> 1;
}

MpRingResult
put_records (guint  n,
             MpWait wait)
{
  guint32 first = get_n_put ();
  MpRingRecord records[5] = { 0 };
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

void
check_record (const MpRingRecord *record,
              guint64             number)
{
  Record expected;

  fill (&expected, number);
  if (record->length != get_length (number) || memcmp (record->data, &expected, record->length) != 0)
    atomic_fetch_add (&shared->n_wrong, 1);
}

MpRingResult
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

void
drain (void)
{
  while (take_records (1, MP_WAIT_ENDS_NOW, get_n_taken ()) == MP_RING_DONE)
    ;
}

/* --- Rounds --------------------------------------------------------------- */

guint32 n_put_before, n_taken_before;

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

void
remember (void)
{
  n_put_before = get_n_put ();
  n_taken_before = get_n_taken ();
}

void
prepare_some (void)
{
  drain ();
  for (guint i = 0; i < 3; i++)
    put_records (1, MP_WAIT_ENDS_NOW);
  remember ();
  mp_crash_begin_round (NULL);
}

void
prepare_full (void)
{
  drain ();
  while (put_records (1, MP_WAIT_ENDS_NOW) == MP_RING_DONE)
    ;
  remember ();
  mp_crash_begin_round (NULL);
}

/* --- Operations ----------------------------------------------------------- */

void
put_one (void)
{
  put_records (1, MP_WAIT_ENDS_NOW);
}

void
put_even (void)
{
  put_records (4, MP_WAIT_ENDS_NOW);
}

void
take_one (void)
{
  take_records (1, MP_WAIT_ENDS_NOW, 0);
}

void
take_all (void)
{
  take_records (5, MP_WAIT_ENDS_NOW, 0);
}

void
take_and_acknowledge (void)
{
  Record content;
  MpRingRecord record;
  MpRingHaul haul = { (guint8 *) &content, sizeof content, &record, 1 };

  if (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, NULL) == MP_RING_DONE)
    mp_ring_acknowledge (&ring, get_me (), &record.extent);
}

/* --- Checks --------------------------------------------------------------- */

static gboolean
is_one_of (guint32 found,
           guint32 before,
           guint32 n)
{
  return found == before || found == before + n;
}

gboolean
are_commits_whole (guint32 n_put,
                   guint32 n_taken)
{
  return is_one_of (get_n_put (), n_put_before, n_put) && is_one_of (get_n_taken (), n_taken_before, n_taken);
}

guint
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

gboolean
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

guint
check_commits (guint32 n_put,
               guint32 n_taken)
{
  if (!are_commits_whole (n_put, n_taken))
    return mp_crash_finish (TORN);

  return check_rest ();
}

guint
check_one (void)
{
  return check_commits (1, 1);
}

/* --- Running -------------------------------------------------------------- */

int
run_ring_cases (int               *argc,
                char            ***argv,
                const MpKillCase  *cases,
                guint              n_cases)
{
  static const MpCrashHooks hooks = {
    .begin_round = begin_round,
    .reset = reset,
    .max_usec = 600 * G_TIME_SPAN_MILLISECOND,
  };
  int result;

  mp_crash_read_arguments (argc, argv);
  shared = mp_test_share (sizeof *shared);
  mp_owner_lock_set_spin (0);
  mp_ring_set_spin (FALSE);

  mp_test_ring_new (&test_ring, &shared->ring, CAPACITY, MP_RING_MAX_RECORDS, CHUNK_BITS, 0);
  table = test_ring.table;
  mp_test_ring_open (&test_ring, &ring, &shared->ring);
  ring.extents.n = N_EXTENTS;
  mp_crash_set_up (&hooks);
  reset ();
  result = mp_crash_run (cases, n_cases);
  mp_crash_tear_down ();
  return result;
}
