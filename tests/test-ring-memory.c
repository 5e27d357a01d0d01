/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings: chunks of memory, and extents for long records. */

#include <string.h>

#include <mpglib.h>

#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-ring-private.h"
#include "mp-test-one-ring.h"
#include "mp-test-process.h"
#include "mp-test-ring.h"

/* --- Memory --------------------------------------------------------------- */

static guint64
get_memory (void)
{
  struct stat status;

  g_assert_cmpint (fstat (test_ring.fd, &status), ==, 0);
  return (guint64) status.st_blocks * 512;
}

static void
fill_and_drain (guint64 n_bytes)
{
  g_autofree guint32 *numbers = g_new0 (guint32, 1000);
  guint32 n = (guint32) (n_bytes / mp_ring_measure (4000));
  MpRingRecord record;

  for (guint32 i = 0; i < n; i++)
    {
      numbers[999] = i;
      g_assert_cmpint (put_one (numbers, 4000, 0, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
    }
  g_assert_true (mp_test_ring_is_sound (&ring));
  g_assert_cmpuint (get_memory (), >=, n_bytes - 4096);
  for (guint32 i = 0; i < n; i++)
    {
      g_assert_cmpint (take_one (numbers, 4000, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpuint (numbers[999], ==, i);
    }
  g_assert_true (mp_test_ring_is_sound (&ring));
}

/* What it has grown to is given back; what flows through it lies in a few chunks. */
static void
test_memory (void)
{
  const guint64 kept = (MP_RING_N_KEPT + 1) * (G_GUINT64_CONSTANT (1) << MP_RING_CHUNK_BITS) + 65536;

  set_up_with (64 * MEGABYTE, MP_RING_MAX_RECORDS, MP_RING_CHUNK_BITS);
  g_assert_cmpuint (get_memory (), ==, 0);
  for (guint i = 0; i < 100; i++)
    fill_and_drain (65536);
  g_assert_cmpuint (get_memory (), <=, 4 * 65536);
  for (guint i = 0; i < 3; i++)
    {
      fill_and_drain (40 * MEGABYTE);
      g_assert_cmpuint (get_memory (), <=, kept);
      g_assert_cmpuint (get_memory (), >=, MP_RING_N_KEPT << MP_RING_CHUNK_BITS);
    }
  fill_and_drain (64 * MEGABYTE - 4096);
  g_assert_cmpuint (get_memory (), <=, kept);
  tear_down ();
}

/* Chunks in all states, and through all words of the map. */
static void
test_chunks (void)
{
  guint8 bytes[CAPACITY];
  MpRingRecord record;

  set_up (MP_RING_MAX_RECORDS);
  memset (bytes, 5, sizeof bytes);
  for (guint i = 0; i < 1000; i++)
    {
      put_one (bytes, i * 97 % (CAPACITY - 8), i, MP_WAIT_ENDS_NOW);
      g_assert_true (mp_test_ring_is_sound (&ring));
      if (i % 5 >= 3)
        while (take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW) == MP_RING_DONE)
          g_assert_true (mp_test_ring_is_sound (&ring));
    }
  tear_down ();
}

static void
expect_no_memory (guint n_before)
{
  g_autoptr (GError) error = NULL;
  guint8 bytes[1 << CHUNK_BITS] = { 0 };
  MpRingRecord record = { bytes, sizeof bytes, 0 };
  guint n;

  ring.memory.fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_assert_cmpint (mp_ring_try_put (&ring, get_me (), &record, 1, &n, &error), ==, MP_RING_FAILED);
  g_assert_cmpint (error->domain, ==, G_IO_ERROR);
  g_assert_cmpuint (n, ==, 0);
  g_assert_cmpuint (mp_ring_count (&ring), ==, n_before);
  mp_memfd_close (&ring.memory.fd);
  ring.memory.fd = test_ring.fd;
}

/* Of the map, then of a chunk.  What comes later has its place all the same. */
static void
test_no_memory (void)
{
  MpRingRecord record;
  guint8 bytes[8];

  set_up (10);
  expect_no_memory (0);
  put_one ("abc", 3, 0, MP_WAIT_ENDS_NOW);
  expect_no_memory (1);
  put_one ("defg", 4, 0, MP_WAIT_ENDS_NOW);
  take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW);
  g_assert_cmpmem (record.data, record.length, "abc", 3);
  take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW);
  g_assert_cmpmem (record.data, record.length, "defg", 4);
  tear_down ();
}

/* --- Long records --------------------------------------------------------- */

/* Their bytes count, though they lie elsewhere, and their memory goes with them. */
static void
test_long (void)
{
  g_autofree guint8 *bytes = make_long (0);
  MpRingRecord record = { bytes, LONG, 0 };

  set_up_with (16 * MEGABYTE, MP_RING_MAX_RECORDS, MP_RING_CHUNK_BITS);
  for (guint round = 0; round < 3; round++)
    {
      for (guint32 i = 0; i < 16 * MEGABYTE / (LONG + 8); i++)
        put_long_one (i);
      g_assert_cmpuint (get_memory (), >, 15 * MEGABYTE);
      g_assert_cmpint (put_prepared (&record), ==, MP_RING_AGAIN);
      mp_ring_forget (&ring, get_me (), &record);
      g_assert_cmpuint (count_extents (), ==, mp_ring_count (&ring));

      for (guint32 i = 0; i < 16 * MEGABYTE / (LONG + 8); i++)
        check_long (i);
      g_assert_cmpuint (count_extents (), ==, 0);
      g_assert_cmpuint (get_memory (), <, 3 * MEGABYTE);
    }
  tear_down ();
}

/* Those for which there is no extent are put as the others. */
static void
test_many_long (void)
{
  guint8 bytes[100] = { 1, 2, 3 }, taken[100];
  MpRingRecord record;

  set_up_with (MEGABYTE, MP_RING_MAX_RECORDS, MP_RING_CHUNK_BITS);
  ring.long_length = sizeof bytes;
  for (guint i = 0; i < MP_RING_N_EXTENTS + 5; i++)
    {
      record = (MpRingRecord) { bytes, sizeof bytes, i };
      g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
      g_assert_cmpint (record.extent.place != 0, ==, i < MP_RING_N_EXTENTS / 4 * 3);
    }
  for (guint i = 0; i < MP_RING_N_EXTENTS + 5; i++)
    {
      g_assert_cmpint (take_one (taken, sizeof taken, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpuint (record.kind, ==, i);
      g_assert_cmpmem (taken, sizeof taken, bytes, sizeof bytes);
    }
  g_assert_cmpuint (count_extents (), ==, 0);
  tear_down ();
}

static void
check_pieces (const guint8 *bytes,
              guint32       length,
              guint32       tail_length)
{
  const MpRingPieces pieces = { bytes, bytes + length - tail_length };
  MpRingRecord record = { .data = &pieces, .length = length, .kind = 9, .tail_length = tail_length }, taken;
  g_autofree guint8 *room = g_malloc (length);

  g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
  g_assert_cmpint (take_one (room, length, &taken, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpuint (taken.kind, ==, 9);
  g_assert_cmpmem (taken.data, taken.length, bytes, length);
}

/* A tail that lies elsewhere comes behind the body, wherever a chunk, a part of a copy or an extent begins: also where
 * no extent is free.
 */
static void
test_pieces (void)
{
  static const guint32 lengths[] = { 1, 8, 100, 250, 5000, LONG, MEGABYTE - 1, MEGABYTE, MEGABYTE + 20, 2 * MEGABYTE };
  static const guint32 tails[] = { 1, 8, 37, 256 };
  g_autofree guint8 *bytes = g_malloc (3 * MEGABYTE);
  g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < 3 * MEGABYTE; i++)
    bytes[i] = (guint8) (i * 31 + (i >> 11));

  set_up_with (16 * MEGABYTE, MP_RING_MAX_RECORDS, CHUNK_BITS);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    for (guint j = 0; j < G_N_ELEMENTS (tails); j++)
      check_pieces (bytes, lengths[i] + tails[j], tails[j]);
  g_assert_cmpuint (count_extents (), ==, 0);

  for (;;)
    {
      MpRingRecord *other = g_new0 (MpRingRecord, 1);

      *other = (MpRingRecord) { bytes, LONG, 0 };
      g_ptr_array_add (others, other);
      g_assert_true (mp_ring_prepare (&ring, get_me (), other, NULL));
      if (other->extent.place == 0)
        break;
    }
  check_pieces (bytes, LONG + 37, 37);
  for (guint i = 0; i < others->len; i++)
    mp_ring_forget (&ring, get_me (), g_ptr_array_index (others, i));
  tear_down ();
}

static void
prepare_two_put_one (gpointer unused)
{
  g_autofree guint8 *bytes = make_long (7);
  MpRingRecord record = { bytes, LONG, 7 }, other = record;

  g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
  g_assert_true (mp_ring_prepare (&ring, get_me (), &other, NULL));
}

/* What it has put stays, what it was about to put goes. */
static void
test_long_of_dead (void)
{
  g_autofree guint8 *bytes = make_long (0);
  MpRingRecord record = { bytes, LONG, 0 };

  set_up_with (16 * MEGABYTE, MP_RING_MAX_RECORDS, MP_RING_CHUNK_BITS);
  mp_test_join (mp_test_fork (prepare_two_put_one, NULL));
  g_assert_cmpuint (count_extents (), ==, 2);
  g_assert_cmpint (mp_participant_look (table, (guint32) atomic_load (&ring.memory.extents[0].state)), ==,
                   MP_LIFE_DEAD);
  g_assert_true (mp_ring_prepare (&ring, get_me (), &record, NULL));
  g_assert_cmpuint (count_extents (), ==, 2);
  mp_ring_forget (&ring, get_me (), &record);
  g_assert_cmpuint (count_extents (), ==, 1);
  check_long (7);
  g_assert_cmpuint (count_extents (), ==, 0);
  tear_down ();
}

static void
prepare_one_put_many (gpointer unused)
{
  g_autofree guint8 *bytes = make_long (7);
  MpRingRecord records[3] = { { "a", 1, 1 }, { bytes, LONG, 2 }, { "b", 1, 3 } };
  guint n_put;

  if (!mp_ring_prepare (&ring, get_me (), &records[1], NULL) ||
      mp_ring_try_put (&ring, get_me (), records, 3, &n_put, NULL) != MP_RING_DONE)
    _exit (1);
}

/* Nobody looks at all records for it: those that lie before what was put with it are made rubbish meanwhile. */
static void
test_place_of_dead (void)
{
  g_autofree guint8 *taken = g_malloc0 (LONG);
  MpRingRecord record = { taken, LONG, 0 };
  guint32 *head;

  set_up_with (16 * MEGABYTE, MP_RING_MAX_RECORDS, MP_RING_CHUNK_BITS);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpint (put_one (&i, sizeof i, 0, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_test_join (mp_test_fork (prepare_one_put_many, NULL));

  head = (guint32 *) (gpointer) mp_ring_memory_get_place (&ring.memory, 2 * mp_ring_measure (sizeof (guint)));
  g_assert_cmpuint (head[0], ==, sizeof (guint));
  head[0] = G_MAXUINT32;
  g_assert_true (mp_ring_prepare (&ring, get_me (), &record, NULL));
  mp_ring_forget (&ring, get_me (), &record);
  g_assert_cmpuint (count_extents (), ==, 1);

  head[0] = sizeof (guint);
  for (guint i = 0; i < 13; i++)
    {
      g_assert_cmpint (take_one (taken, LONG, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpuint (record.kind, ==, i < 10 ? 0 : i - 9);
    }
  g_assert_cmpuint (count_extents (), ==, 0);
  tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring-memory/pieces", test_pieces);
  g_test_add_func ("/ring/memory", test_memory);
  g_test_add_func ("/ring/chunks", test_chunks);
  g_test_add_func ("/ring/no-memory", test_no_memory);
  g_test_add_func ("/ring/long", test_long);
  g_test_add_func ("/ring/many-long", test_many_long);
  g_test_add_func ("/ring/long-of-dead", test_long_of_dead);
  g_test_add_func ("/ring/place-of-dead", test_place_of_dead);
  return g_test_run ();
}
