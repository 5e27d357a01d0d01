/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings that hold what was taken until it is acknowledged. */

#include <mpglib.h>

#include "mp-ring-private.h"
#include "mp-test-crew.h"
#include "mp-test-one-ring.h"

static void
acknowledge (const MpRingRecord *record)
{
  g_assert_true (mp_ring_acknowledge (&ring, get_me (), &record->extent));
}

/* All of them, of all lengths: what is taken is there until it is acknowledged, once. */
static void
test_hold (void)
{
  g_autofree guint8 *bytes = make_long (3), *taken = g_malloc (LONG);
  MpRingRecord records[10];
  MpRingHaul haul;

  set_up_hands (0);
  g_assert_true (mp_ring_is_done (&ring));
  for (guint i = 0; i < 10; i++)
    {
      MpRingRecord record = { bytes, i % 2 == 0 ? i * 8 : LONG, i };

      g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
    }
  for (guint i = 0; i < 10; i++)
    {
      g_assert_cmpint (take_one (taken, LONG, &records[i], MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpuint (records[i].kind, ==, i);
      g_assert_cmpmem (records[i].data, records[i].length, bytes, i % 2 == 0 ? i * 8 : LONG);
    }
  g_assert_false (mp_ring_is_done (&ring));
  for (guint i = 0; i < 10; i++)
    acknowledge (&records[i]);
  for (guint i = 0; i < 10; i++)
    g_assert_false (mp_ring_acknowledge (&ring, get_me (), &records[i].extent));
  g_assert_true (mp_ring_is_done (&ring));
  g_assert_cmpuint (count_extents (), ==, 0);

  haul = (MpRingHaul) { taken, LONG, records, 1 };
  g_assert_cmpint (mp_ring_take_lost (&ring, get_me (), &haul, NULL), ==, MP_RING_AGAIN);
  tear_down ();
}

/* In their order, before what was not taken yet. */
static void
test_redelivery (void)
{
  MpRingRecord records[2];
  guint8 bytes[8];

  set_up_hands (MP_RING_REDELIVERS);
  make_orphans ();
  g_assert_false (mp_ring_is_done (&ring));
  g_assert_cmpint (take_one (bytes, 2, &records[0], MP_WAIT_ENDS_NOW), ==, MP_RING_NO_ROOM);
  g_assert_cmpuint (records[0].length, ==, 3);
  g_assert_cmpint (take_one (bytes, sizeof bytes, &records[0], MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpmem (records[0].data, records[0].length, "abc", 3);
  g_assert_cmpuint (records[0].kind, ==, 1);
  check_long (7);
  g_assert_cmpint (take_one (bytes, sizeof bytes, &records[1], MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpmem (records[1].data, records[1].length, "defg", 4);
  g_assert_cmpint (take_one (bytes, sizeof bytes, &records[1], MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
  acknowledge (&records[0]);
  g_assert_cmpuint (count_extents (), ==, 2);
  tear_down ();
}

/* Each of them once, to one that asks; the others go on. */
static void
test_lost (void)
{
  g_autofree guint8 *expected = make_long (7), *bytes = g_malloc (LONG);
  MpRingRecord record;
  MpRingHaul haul = { bytes, LONG, &record, 1 };

  set_up_hands (0);
  make_orphans ();
  g_assert_cmpint (take_one (bytes, LONG, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpmem (record.data, record.length, "defg", 4);
  g_assert_false (mp_ring_is_done (&ring));
  acknowledge (&record);
  g_assert_true (mp_ring_is_done (&ring));   /* nobody gets what is lost */

  g_assert_cmpint (mp_ring_take_lost (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpmem (record.data, record.length, "abc", 3);
  acknowledge (&record);
  g_assert_cmpint (mp_ring_take_lost (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpmem (record.data, record.length, expected, LONG);
  acknowledge (&record);
  g_assert_cmpint (mp_ring_take_lost (&ring, get_me (), &haul, NULL), ==, MP_RING_AGAIN);
  g_assert_cmpuint (count_extents (), ==, 0);
  tear_down ();
}

/* As many as there can be in hands, and the reason why there are no more. */
static void
test_full_hands (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree MpRingRecord *records = g_new0 (MpRingRecord, MP_RING_N_EXTENTS + 1);
  guint8 byte, several[10];
  MpRingRecord batch[G_N_ELEMENTS (several)];
  MpRingHaul haul = { &byte, 1, &records[MP_RING_N_EXTENTS], 1 };
  MpRingHaul haul_of_batch = { several, sizeof several, batch, G_N_ELEMENTS (batch) };

  set_up_hands (0);
  for (guint i = 0; i < MP_RING_N_EXTENTS + 1 + G_N_ELEMENTS (batch); i++)
    put_one ("a", 1, i, MP_WAIT_ENDS_NOW);
  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    take_one (&byte, 1, &records[i], MP_WAIT_ENDS_NOW);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, &error), ==, MP_RING_FAILED);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  acknowledge (&records[5]);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (records[MP_RING_N_EXTENTS].kind, ==, MP_RING_N_EXTENTS);

  /* Of a batch those for which there is a hand. */
  for (guint i = 0; i < 3; i++)
    acknowledge (&records[i]);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul_of_batch, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (haul_of_batch.n_records, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (batch[i].kind, ==, MP_RING_N_EXTENTS + 1 + i);
  acknowledge (&batch[1]);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (records[MP_RING_N_EXTENTS].kind, ==, MP_RING_N_EXTENTS + 4);
  tear_down ();
}

static void
wait_done_and_tell (gpointer unused)
{
  mp_test_tell_ready ();
  g_assert_true (mp_ring_wait_done (&ring, MP_WAIT_UNTIL (mp_test_deadline ())));
  mp_test_set_word (&shared->is_done, 1);
}

static void
test_wait_done (void)
{
  MpRingRecord records[2];
  guint8 bytes[2];
  pid_t waiter;

  set_up_hands (0);
  put_one ("a", 1, 0, MP_WAIT_ENDS_NOW);
  put_one ("b", 1, 0, MP_WAIT_ENDS_NOW);
  g_assert_false (mp_ring_wait_done (&ring, MP_WAIT_UNTIL (g_get_monotonic_time () + 1000)));
  waiter = mp_test_fork_waiter (wait_done_and_tell, NULL);
  for (guint i = 0; i < 2; i++)
    take_one (&bytes[i], 1, &records[i], MP_WAIT_ENDS_NOW);
  acknowledge (&records[1]);
  g_assert_cmpuint (atomic_load (&shared->is_done), ==, 0);
  acknowledge (&records[0]);
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (waiter);
  tear_down ();
}

static void
take_and_wait (gpointer unused)
{
  MpRingRecord record;
  guint8 byte;

  g_assert_cmpint (take_one (&byte, 1, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_test_tell_ready ();
  mp_test_wait_word (&shared->is_done, 99);
}

/* Who waits for a record gets that of one that dies, and who waits for all to be done hears of it. */
static void
check_death_wakes (MpRingFlags flags,
                   void      (*wait) (gpointer))
{
  pid_t holder, waiter;

  set_up_hands (flags);
  put_one ("\7", 1, 0, MP_WAIT_ENDS_NOW);
  holder = mp_test_fork_waiter (take_and_wait, NULL);
  waiter = mp_test_fork_waiter (wait, NULL);
  mp_test_kill (holder);
  mp_test_wait_word (&shared->is_done, flags != 0 ? 7 : 1);
  mp_test_join (waiter);
  tear_down ();
}

static void
test_death_wakes (void)
{
  check_death_wakes (MP_RING_REDELIVERS, take_and_tell);
  check_death_wakes (0, wait_done_and_tell);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring/hold", test_hold);
  g_test_add_func ("/ring/redelivery", test_redelivery);
  g_test_add_func ("/ring/lost", test_lost);
  g_test_add_func ("/ring/full-hands", test_full_hands);
  g_test_add_func ("/ring/wait-done", test_wait_done);
  g_test_add_func ("/ring/death-wakes", test_death_wakes);
  return g_test_run ();
}
