/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings in which others have written rubbish. */

#include <string.h>

#include <mpglib.h>

#include "mp-ring-private.h"
#include "mp-test-one-ring.h"

static void
expect_corrupted (gboolean   is_put)
{
  g_autoptr (GError) error = NULL;
  MpRingRecord record = { "a", 1, 0 };
  guint8 bytes[CAPACITY];
  MpRingHaul haul = { bytes, sizeof bytes, &record, 1 };
  guint n;

  if (is_put)
    g_assert_cmpint (mp_ring_try_put (&ring, get_me (), &record, 1, &n, &error), ==, MP_RING_FAILED);
  else
    g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, &error), ==, MP_RING_FAILED);
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
test_lies (void)
{
  /* A record that is longer than all there is. */
  set_up (10);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);
  memset (mp_ring_memory_get_place (&ring.memory, 0), 0xff, 4);
  expect_corrupted (FALSE);

  /* More records than bytes. */
  atomic_store (&ring.layout->put.count, 2 * 7 + 1);
  memset (ring.memory.chunks, 0, CAPACITY);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);
  tear_down ();

  set_up (10);
  atomic_store (&ring.layout->put.count, 2 * 7);
  expect_corrupted (FALSE);

  /* One end before, and far behind, the other. */
  atomic_store (&ring.layout->take.weight[0], 8);
  atomic_store (&ring.layout->put.other_weight, 8);
  expect_corrupted (TRUE);
  atomic_store (&ring.layout->take.weight[0], 0);
  atomic_store (&ring.layout->put.other_weight, 0);
  atomic_store (&ring.layout->put.position[0], G_MAXUINT64 / 2 + 1);
  atomic_store (&ring.layout->put.weight[0], G_MAXUINT64 / 2 + 1);
  expect_corrupted (FALSE);
  tear_down ();

  /* What was left to who puts next. */
  set_up (10);
  atomic_store (&ring.layout->put.last_position, G_MAXUINT64 / 2 + 1);
  atomic_store (&ring.layout->put.last_weight, G_MAXUINT64 / 2 + 1);
  expect_corrupted (TRUE);
  atomic_store (&ring.layout->put.last_weight, 0);
  atomic_store (&ring.layout->put.last_position, 4);
  expect_corrupted (TRUE);
  atomic_store (&ring.layout->put.last_position, CAPACITY * 16);
  expect_corrupted (TRUE);
  atomic_store (&ring.layout->put.last_position, 0);
  atomic_store (&ring.layout->put.last_n_reused, 5);
  atomic_store (&ring.layout->put.last_n_spare, 5);
  expect_corrupted (TRUE);
  tear_down ();
}

static void
expect_impossible (guint64 capacity,
                   guint32 most_records,
                   guint32 chunk_bits)
{
  g_autoptr (GError) error = NULL;
  MpRing again;

  mp_ring_init (ring.layout, capacity, most_records, chunk_bits, 0);
  g_assert_false (mp_ring_open (&again, table, ring.layout, test_ring.memory, test_ring.size, test_ring.fd, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
test_lies_about_size (void)
{
  set_up (10);
  expect_impossible (CAPACITY * 4, 10, CHUNK_BITS);
  expect_impossible (CAPACITY - 4, 10, CHUNK_BITS);
  expect_impossible (0, 10, CHUNK_BITS);
  expect_impossible (G_MAXUINT64 - 7, 10, CHUNK_BITS);
  expect_impossible (CAPACITY, 0, CHUNK_BITS);
  expect_impossible (CAPACITY, MP_RING_MAX_RECORDS + 1, CHUNK_BITS);
  expect_impossible (CAPACITY, 10, 0);
  expect_impossible (CAPACITY, 10, 255);
  tear_down ();
}

/* A record for which a chunk is needed. */
static void
expect_too_much (void)
{
  g_autoptr (GError) error = NULL;
  guint8 bytes[1 << CHUNK_BITS] = { 0 };
  MpRingRecord record = { bytes, sizeof bytes, 0 };
  guint n;

  g_assert_cmpint (mp_ring_try_put (&ring, get_me (), &record, 1, &n, &error), ==, MP_RING_FAILED);
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
expect_lie_about_extent (guint32 place,
                         guint32 ticket,
                         guint32 length)
{
  guint32 lie[] = { place, ticket, length };

  set_up_with (16 * MEGABYTE, 10, MP_RING_CHUNK_BITS);
  put_long_one (0);
  memcpy (mp_ring_memory_get_place (&ring.memory, 8), lie, sizeof lie);
  expect_corrupted (FALSE);
  tear_down ();
}

/* As much as the words tell that there is, and more than there can be: nobody makes room for it. */
static void
test_lies_about_length (void)
{
  const guint32 lie = 1u << 30;

  set_up_with (16 * MEGABYTE, 10, MP_RING_CHUNK_BITS);
  put_long_one (0);
  memcpy (mp_ring_memory_get_place (&ring.memory, 16), &lie, sizeof lie);
  atomic_fetch_add (&ring.layout->put.weight[atomic_load (&ring.layout->put.count) & 1], lie);
  expect_corrupted (FALSE);
  tear_down ();

  set_up_hands (MP_RING_REDELIVERS);
  make_orphans ();
  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    atomic_store (&ring.memory.extents[i].length, lie);
  expect_corrupted (FALSE);
  tear_down ();
}

static void
test_lies_about_extents (void)
{
  MpRingRecord record;
  guint8 bytes[8];
  guint32 kind = MP_RING_MAX_KIND + 1;

  expect_lie_about_extent (0, 1, 100);
  expect_lie_about_extent (MP_RING_N_EXTENTS + 1, 1, 100);
  expect_lie_about_extent (G_MAXUINT32, 1, 100);
  expect_lie_about_extent (2, 1, 100);
  expect_lie_about_extent (1, 2, 100);
  expect_lie_about_extent (1, 1, LONG + 8);
  expect_lie_about_extent (1, 1, G_MAXUINT32);

  /* Not a name, or no place for one. */
  set_up_with (16 * MEGABYTE, 10, MP_RING_CHUNK_BITS);
  put_long_one (0);
  memset (mp_ring_memory_get_place (&ring.memory, 0), 8, 1);
  expect_corrupted (FALSE);
  tear_down ();

  set_up (10);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);
  memcpy (mp_ring_memory_get_place (&ring.memory, 4), &kind, sizeof kind);
  expect_corrupted (FALSE);
  kind = 0;
  memcpy (mp_ring_memory_get_place (&ring.memory, 4), &kind, sizeof kind);
  g_assert_cmpint (take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  tear_down ();
}

static void
expect_lie_about_chunks (guint64 n_reused,
                         guint32 n_spare)
{
  set_up (10);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);
  for (guint i = 0; i < 2; i++)
    {
      atomic_store (&ring.layout->put.n_reused[i], n_reused);
      atomic_store (&ring.layout->put.n_spare[i], n_spare);
    }
  atomic_store (&ring.layout->put.last_n_reused, n_reused);
  atomic_store (&ring.layout->put.last_n_spare, n_spare);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);   /* there is room in the chunk */
  expect_too_much ();
  tear_down ();
}

static void
test_lies_about_chunks (void)
{
  MpRingRecord record;
  guint8 bytes[8];

  expect_lie_about_chunks (1, 0);
  expect_lie_about_chunks (G_MAXUINT64, 0);
  expect_lie_about_chunks (0, G_MAXUINT32);

  /* Chunks that there are not: some other ones are meant, and nobody leaves the memory. */
  set_up (10);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);
  for (guint i = 0; i < ring.memory.n_words; i++)
    atomic_store (&ring.memory.map[i], G_MAXUINT32 - i);
  g_assert_cmpint (take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpuint (record.length, ==, 0);
  tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring/lies", test_lies);
  g_test_add_func ("/ring/lies-about-size", test_lies_about_size);
  g_test_add_func ("/ring/lies-about-extents", test_lies_about_extents);
  g_test_add_func ("/ring/lies-about-length", test_lies_about_length);
  g_test_add_func ("/ring/lies-about-chunks", test_lies_about_chunks);
  return g_test_run ();
}
