/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings: who waits for a record, for room or its turn, and what ends that. */

#include <mpglib.h>

#include "mp-ring-private.h"
#include "mp-test-crew.h"
#include "mp-test-one-ring.h"

/* --- Waits ---------------------------------------------------------------- */

static void
test_sleeping_taker (void)
{
  pid_t first, second;

  set_up (10);
  first = mp_test_fork_waiter (take_and_tell, NULL);
  second = mp_test_fork_waiter (take_and_tell, NULL);
  put_one ("\7", 1, 0, MP_WAIT_ENDS_NOW);
  mp_test_wait_word (&shared->is_done, 7);
  put_one ("\11", 1, 0, MP_WAIT_ENDS_NOW);
  mp_test_wait_word (&shared->is_done, 9);
  mp_test_join (first);
  mp_test_join (second);
  tear_down ();
}

static void
put_long (gpointer length)
{
  g_autofree guint8 *bytes = g_malloc0 (GPOINTER_TO_UINT (length));

  get_me ();   /* which may sleep, too */
  mp_test_tell_ready ();
  g_assert_cmpint (put_one (bytes, GPOINTER_TO_UINT (length), 9, MP_WAIT_UNTIL (mp_test_deadline ())), ==,
                   MP_RING_DONE);
  mp_test_set_word (&shared->is_done, 1);
}

/* A quarter of what there can be. */
static const guint8 quarter[CAPACITY / 4 - 8];

static MpRingResult
put_quarter (void)
{
  return put_one (quarter, sizeof quarter, 0, MP_WAIT_ENDS_NOW);
}

static void
take_quarter (void)
{
  guint8 bytes[CAPACITY];
  MpRingRecord record;

  g_assert_cmpint (take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpuint (record.length, ==, sizeof quarter);
}

static pid_t
fill_and_wait_for_half (void)
{
  set_up (10);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (put_quarter (), ==, MP_RING_DONE);
  return mp_test_fork_waiter (put_long, GUINT_TO_POINTER (CAPACITY / 2 - 8));
}

/* Whoever waits for much room gets it, though others would have taken it bit by bit. */
static void
test_turn_of_large (void)
{
  pid_t putter = fill_and_wait_for_half ();

  take_quarter ();
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (put_quarter (), ==, MP_RING_AGAIN);
  take_quarter ();
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (putter);

  g_assert_cmpint (put_quarter (), ==, MP_RING_AGAIN);
  take_quarter ();
  g_assert_cmpint (put_quarter (), ==, MP_RING_DONE);
  tear_down ();
}

/* What the dead have waited for is others' room. */
static void
test_turn_of_dead (void)
{
  pid_t putter = fill_and_wait_for_half ();

  take_quarter ();
  g_assert_cmpint (put_quarter (), ==, MP_RING_AGAIN);
  mp_test_kill (putter);
  g_assert_cmpint (put_quarter (), ==, MP_RING_DONE);
  tear_down ();
}

/* So is what somebody has waited for who waits no longer, and main loops hear of that. */
static void
test_turn_given_up (void)
{
  guint n_put;
  static const guint8 half[CAPACITY / 2 - 8];
  MpRingRecord record = { half, sizeof half, 0 };
  gboolean has_claim = FALSE;

  set_up (10);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (put_quarter (), ==, MP_RING_DONE);
  take_quarter ();
  g_assert_cmpint (mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n_put, &has_claim, NULL), ==,
                   MP_RING_AGAIN);
  g_assert_true (has_claim);
  g_assert_cmpint (put_quarter (), ==, MP_RING_AGAIN);
  mp_ring_give_up_claim (&ring, get_me (), &has_claim);
  g_assert_false (has_claim);
  g_assert_cmpint (put_quarter (), ==, MP_RING_DONE);

  g_assert_cmpint (put_one (quarter, sizeof quarter, 0, MP_WAIT_UNTIL (g_get_monotonic_time () + 1000)), ==,
                   MP_RING_AGAIN);
  g_assert_cmpuint (atomic_load (&ring.layout->put.claimant), ==, 0);
  tear_down ();
}

/* It is woken when it has room, though there would be more. */
static void
test_sleeping_putter (void)
{
  guint8 bytes[CAPACITY] = { 0 };
  MpRingRecord record;
  pid_t putter;

  set_up (10);
  for (guint i = 0; i < 8; i++)
    put_one (bytes, CAPACITY / 8 - 8, 0, MP_WAIT_ENDS_NOW);
  putter = mp_test_fork_waiter (put_long, GUINT_TO_POINTER (CAPACITY / 4 - 8));
  for (guint i = 0; i < 2; i++)
    take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW);
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (putter);
  tear_down ();
}

/* Of those that wait the one that sleeps is killed, before and after it was woken: the next one has its turn. */
static void
test_sleeper_dies (void)
{
  pid_t first, second;

  set_up (10);
  first = mp_test_fork_waiter (take_and_tell, NULL);
  second = mp_test_fork_waiter (take_and_tell, NULL);
  mp_test_kill (first);
  put_one ("\7", 1, 0, MP_WAIT_ENDS_NOW);
  mp_test_wait_word (&shared->is_done, 7);
  mp_test_join (second);
  tear_down ();
}

static void
wait_in_vain (gpointer unused)
{
  MpRingRecord record;
  guint8 byte;

  g_assert_cmpint (take_one (&byte, 1, &record, mp_test_wait_until_stop ()), ==, MP_RING_AGAIN);
}

static void
test_ends_of_waits (void)
{
  MpRingRecord record;
  guint8 byte;

  set_up (10);
  g_assert_cmpint (take_one (&byte, 1, &record, MP_WAIT_UNTIL (g_get_monotonic_time () + 2000)), ==, MP_RING_AGAIN);
  mp_test_assert_stops (wait_in_vain);

  /* What was left there by those that gave up does not keep anybody. */
  put_one ("\7", 1, 0, MP_WAIT_ENDS_NOW);
  g_assert_cmpint (take_one (&byte, 1, &record, MP_WAIT_NEVER_ENDS), ==, MP_RING_DONE);
  tear_down ();
}

/* --- Main loops ----------------------------------------------------------- */

static void
put_when_told (gpointer unused)
{
  mp_test_wait_word (&shared->is_done, 1);
  put_one ("\7", 1, 0, MP_WAIT_ENDS_NOW);
}

static void
test_bell (void)
{
  MpRingRecord record;
  MpTestBell bell;
  guint8 byte;
  pid_t putter;

  set_up (10);
  putter = mp_test_fork (put_when_told, NULL);
  mp_test_bell_init (&bell, table, &ring.layout->put.bell);
  mp_test_bell_arm (&bell);
  g_assert_cmpint (take_one (&byte, 1, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
  mp_test_set_word (&shared->is_done, 1);
  while (take_one (&byte, 1, &record, MP_WAIT_ENDS_NOW) == MP_RING_AGAIN)
    mp_test_bell_hear (&bell);

  mp_test_join (putter);
  mp_test_bell_clear (&bell);
  tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring/sleeping-taker", test_sleeping_taker);
  g_test_add_func ("/ring/sleeping-putter", test_sleeping_putter);
  g_test_add_func ("/ring/turn-of-large", test_turn_of_large);
  g_test_add_func ("/ring/turn-of-dead", test_turn_of_dead);
  g_test_add_func ("/ring/turn-given-up", test_turn_given_up);
  g_test_add_func ("/ring/sleeper-dies", test_sleeper_dies);
  g_test_add_func ("/ring/ends-of-waits", test_ends_of_waits);
  g_test_add_func ("/ring/bell", test_bell);
  return g_test_run ();
}
