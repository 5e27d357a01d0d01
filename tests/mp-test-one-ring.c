/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <sys/mman.h>

#include <mpglib.h>

#include "mp-participant-private.h"
#include "mp-ring-private.h"
#include "mp-test-crew.h"
#include "mp-test-one-ring.h"
#include "mp-test-ring.h"

MpTable *table;
Shared *shared;
MpRing ring;
MpTestRing test_ring;

guint32
get_me (void)
{
  return mp_participant_enter (table, NULL);
}

static void
open_ring (void)
{
  mp_test_ring_open (&test_ring, &ring, &shared->ring);
}

static void
set_up_flags (guint64     capacity,
              guint32     most_records,
              guint32     chunk_bits,
              MpRingFlags flags)
{
  shared = mp_test_share (sizeof *shared);
  mp_test_ring_new (&test_ring, &shared->ring, capacity, most_records, chunk_bits, flags);
  table = test_ring.table;
  open_ring ();
}

void
set_up_with (guint64 capacity,
             guint32 most_records,
             guint32 chunk_bits)
{
  set_up_flags (capacity, most_records, chunk_bits, 0);
}

void
set_up (guint32 most_records)
{
  set_up_with (CAPACITY, most_records, CHUNK_BITS);
}

void
tear_down (void)
{
  mp_test_ring_free (&test_ring);
  munmap (shared, sizeof *shared);
}

MpRingResult
put_one (gconstpointer data,
         guint32       length,
         guint32       kind,
         MpWait        wait)
{
  g_autoptr (GError) error = NULL;
  MpRingRecord record = { data, length, kind };
  MpRingResult result;
  guint n;

  result = mp_ring_put (&ring, get_me (), &record, 1, &n, wait, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, result == MP_RING_DONE ? 1 : 0);
  return result;
}

MpRingResult
take_one (gpointer      data,
          gsize         room,
          MpRingRecord *record,
          MpWait        wait)
{
  g_autoptr (GError) error = NULL;
  MpRingHaul haul = { data, room, record, 1 };
  MpRingResult result = mp_ring_take (&ring, get_me (), &haul, wait, &error);

  g_assert_no_error (error);
  return result;
}

void
take_and_tell (gpointer unused)
{
  MpRingRecord record;
  guint8 byte;

  mp_test_tell_ready ();
  g_assert_cmpint (take_one (&byte, 1, &record, MP_WAIT_UNTIL (mp_test_deadline ())), ==, MP_RING_DONE);
  mp_test_set_word (&shared->is_done, byte);
}

MpRingResult
put_prepared (MpRingRecord *record)
{
  g_autoptr (GError) error = NULL;
  guint n;

  mp_ring_prepare (&ring, get_me (), record, &error);
  g_assert_no_error (error);
  return mp_ring_try_put (&ring, get_me (), record, 1, &n, NULL);
}

guint
count_extents (void)
{
  guint n = 0;

  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    n += (guint32) atomic_load (&ring.memory.extents[i].state) != 0;
  return n;
}

guint8 *
make_long (guint32 number)
{
  guint8 *bytes = g_malloc (LONG);

  for (guint i = 0; i < LONG; i++)
    bytes[i] = (guint8) (i * 31 + number);
  return bytes;
}

void
check_long (guint32 number)
{
  g_autofree guint8 *expected = make_long (number), *bytes = g_malloc (LONG);
  MpRingRecord record;

  g_assert_cmpint (take_one (bytes, LONG - 1, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_NO_ROOM);
  g_assert_cmpuint (record.length, ==, LONG);
  g_assert_cmpint (take_one (bytes, LONG, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpuint (record.kind, ==, number);
  g_assert_cmpmem (record.data, record.length, expected, LONG);
}

void
put_long_one (guint32 number)
{
  g_autofree guint8 *bytes = make_long (number);
  MpRingRecord record = { bytes, LONG, number };

  g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
  g_assert_cmpuint (record.extent.place, !=, 0);
}

void
set_up_hands (MpRingFlags flags)
{
  set_up_flags (16 * MEGABYTE, MP_RING_MAX_RECORDS, CHUNK_BITS, MP_RING_HOLDS | flags);
}

static void
take_two_and_die (gpointer unused)
{
  g_autofree guint8 *bytes = g_malloc (LONG);
  MpRingRecord record;

  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (take_one (bytes, LONG, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
}

void
make_orphans (void)
{
  g_autofree guint8 *bytes = make_long (7);
  MpRingRecord record = { bytes, LONG, 7 };

  put_one ("abc", 3, 1, MP_WAIT_ENDS_NOW);
  g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
  put_one ("defg", 4, 2, MP_WAIT_ENDS_NOW);
  mp_test_join (mp_test_fork (take_two_and_die, NULL));
  g_assert_cmpuint (mp_ring_count (&ring), ==, 1);
  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    {
      guint32 owner = (guint32) atomic_load (&ring.memory.extents[i].state) & MP_OWNER_MASK;

      if (owner != 0)
        g_assert_cmpint (mp_participant_look (table, owner), ==, MP_LIFE_DEAD);
    }
}
