/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings: records that several put and several take. */

#include <string.h>

#include <mpglib.h>

#include "mp-ring-private.h"
#include "mp-test-crew.h"
#include "mp-test-one-ring.h"

#define N_ITEMS  20000
#define LONGEST  300

/* --- Alone ---------------------------------------------------------------- */

/* Of every length, so that each place is once where the memory ends. */
static void
test_lengths (void)
{
  guint8 bytes[LONGEST], taken[LONGEST];
  MpRingRecord record;

  set_up (100);
  for (guint i = 0; i < LONGEST; i++)
    bytes[i] = (guint8) (i * 7);

  for (guint round = 0; round < 20; round++)
    for (guint32 length = 0; length < LONGEST; length++)
      {
        memset (taken, 0, sizeof taken);
        g_assert_cmpint (put_one (bytes, length, length ^ round, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
        g_assert_cmpuint (mp_ring_count (&ring), ==, 1);
        g_assert_cmpint (take_one (taken, length, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
        g_assert_cmpuint (record.kind, ==, length ^ round);
        g_assert_cmpmem (record.data, record.length, bytes, length);
      }

  g_assert_cmpint (take_one (taken, sizeof taken, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
  tear_down ();
}

static void
test_full (void)
{
  guint8 bytes[CAPACITY];
  MpRingRecord record;

  set_up (3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (put_one (&i, sizeof i, 0, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpint (put_one ("", 0, 0, MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (take_one (bytes, sizeof bytes, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpmem (record.data, record.length, &i, sizeof i);
    }

  /* To the last byte, and not one more. */
  memset (bytes, 5, sizeof bytes);
  g_assert_cmpint (put_one (bytes, CAPACITY - 8, 0, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_false (mp_ring_has_room (&ring, mp_ring_measure (0)));
  g_assert_cmpint (put_one ("", 0, 0, MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);

  /* Who has no room for it is told how much it needs, and leaves it there. */
  g_assert_cmpint (take_one (bytes, CAPACITY - 9, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_NO_ROOM);
  g_assert_cmpuint (record.length, ==, CAPACITY - 8);
  g_assert_cmpint (take_one (bytes, CAPACITY - 8, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_true (mp_ring_has_room (&ring, CAPACITY));
  tear_down ();
}

static void
check_batch (guint   n,
             guint32 first)
{
  MpRingRecord records[300], taken[300];
  guint32 numbers[300], received[300];
  MpRingHaul haul = { (guint8 *) received, n * sizeof (guint32), taken, 300 };
  guint n_put;

  for (guint i = 0; i < n; i++)
    {
      numbers[i] = first + i;
      records[i] = (MpRingRecord) { &numbers[i], sizeof (guint32), i };
    }

  g_assert_cmpint (mp_ring_try_put (&ring, get_me (), records, n, &n_put, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (n_put, ==, MIN (n, CAPACITY / 16));
  g_assert_cmpuint (mp_ring_count (&ring), ==, n_put);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (haul.n_records, ==, n_put);
  g_assert_cmpmem (received, n_put * sizeof (guint32), numbers, n_put * sizeof (guint32));
  for (guint i = 0; i < n_put; i++)
    {
      g_assert_true (taken[i].data == received + i);
      g_assert_cmpuint (taken[i].kind, ==, i);
    }
}

/* An even and an odd number of records, after each of both; and more than there is room for. */
static void
check_batches (MpRingManner manner)
{
  mp_ring_pace_fix (manner);
  set_up (MP_RING_MAX_RECORDS);
  for (guint round = 0; round < 100; round++)
    for (guint n = 1; n < 6; n++)
      check_batch (n, round * 10);
  check_batch (256, 7);
  check_batch (257, 8);
  g_assert_cmpint (ring.pace.manner, ==, manner);
  tear_down ();
  mp_ring_pace_fix (MP_RING_N_MANNERS);
}

static void
test_batches (void)
{
  for (guint manner = 0; manner < MP_RING_N_MANNERS; manner++)
    check_batches ((MpRingManner) manner);
}

/* Blocks of batches: in the manner that is faster, and now and then in the other one. */
static void
test_pace (void)
{
  guint n_blocks[MP_RING_N_MANNERS] = { 0 };
  MpRingPace pace = { 0 };

  for (guint i = 0; i < 1000; i++)
    {
      mp_ring_pace_begin (&pace);
      n_blocks[pace.manner]++;
      pace.cost[MP_RING_DIRECT] = i < 500 ? 10 : 1000;
      pace.cost[MP_RING_GATHERED] = i < 500 ? 1000 : 10;
      pace.n_left = 0;
      pace.begun = 0;
      if (i == 499)
        {
          g_assert_cmpuint (n_blocks[MP_RING_DIRECT], >, 480);
          g_assert_cmpuint (n_blocks[MP_RING_GATHERED], >=, 3);
        }
    }
  g_assert_cmpuint (n_blocks[MP_RING_GATHERED], >, 480);
  g_assert_cmpuint (n_blocks[MP_RING_DIRECT], >, 480);
  g_assert_cmpuint (n_blocks[MP_RING_GATHERED], <, 520);
}

/* The other one is known only once it was tried; a block in which somebody waited tells nothing. */
static void
test_pace_measures (void)
{
  MpRingPace pace = { 0 };

  do
    {
      mp_ring_pace_begin (&pace);
      mp_ring_pace_end (&pace, pace.n_left == 7 ? 0 : 1000);
    }
  while (pace.n_left > 0);
  g_assert_cmpint (pace.begun, ==, 0);
  mp_ring_pace_begin (&pace);
  g_assert_cmpuint (pace.cost[MP_RING_DIRECT], ==, 0);

  for (guint i = 0; i < 10000; i++)
    {
      mp_ring_pace_end (&pace, 1000);
      mp_ring_pace_begin (&pace);
    }
  g_assert_cmpuint (pace.cost[MP_RING_DIRECT], >, 0);
  g_assert_cmpuint (pace.cost[MP_RING_GATHERED], >, 0);
}

/* What a function that was here before has left. */
static void G_GNUC_NO_INLINE
soil_stack (void)
{
  guint8 bytes[20000];

  memset (bytes, 0xee, sizeof bytes);
  __asm__ volatile ("" : : "r" (bytes) : "memory");
}

/* Others see what lies between the records, too: it tells nothing of this process's stack. */
static void
test_between_records (void)
{
  static const guint8 zeros[8];
  MpRingRecord records[8];
  guint64 position = 0;
  guint n_put;

  set_up (MP_RING_MAX_RECORDS);
  for (guint i = 0; i < G_N_ELEMENTS (records); i++)
    records[i] = (MpRingRecord) { "1234567", i, 0 };
  get_me ();
  soil_stack ();
  g_assert_cmpint (mp_ring_try_put (&ring, get_me (), records, G_N_ELEMENTS (records), &n_put, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (n_put, ==, G_N_ELEMENTS (records));
  for (guint i = 0; i < n_put; i++)
    {
      gsize padding = -records[i].length % 8;

      position += mp_ring_measure (records[i].length);
      g_assert_cmpmem (mp_ring_memory_get_place (&ring.memory, position - padding), padding, zeros, padding);
    }
  tear_down ();
}

/* More than is put together at a time, with records that end in all places of a chunk, and one that is longer. */
static void
test_long_batches (void)
{
  enum { N = 40, CHUNK = 1 << 13 };
  g_autofree guint8 *bytes = g_malloc (N * CHUNK), *taken = g_malloc (N * CHUNK);
  MpRingRecord records[N], got[N];

  set_up_with (1024 * 1024, 1000, 13);
  for (guint i = 0; i < N * CHUNK; i++)
    bytes[i] = (guint8) (i * 13 + i / 251);

  for (guint round = 0; round < 200; round++)
    {
      MpRingHaul haul = { taken, N * CHUNK, got, N };
      guint8 *next = bytes;
      guint n_put;

      for (guint i = 0; i < N; i++)
        {
          guint32 length = i == round % N ? CHUNK + 8 * round : (round * 31 + i * 97) % 600;

          records[i] = (MpRingRecord) { next, length, i };
          next += length;
        }

      g_assert_cmpint (mp_ring_try_put (&ring, get_me (), records, N, &n_put, NULL), ==, MP_RING_DONE);
      g_assert_cmpuint (n_put, ==, N);
      g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
      g_assert_cmpuint (haul.n_records, ==, N);
      for (guint i = 0; i < N; i++)
        {
          g_assert_cmpuint (got[i].kind, ==, i);
          g_assert_cmpmem (got[i].data, got[i].length, records[i].data, records[i].length);
        }
    }

  tear_down ();
}

/* What does not fit into the haul stays. */
static void
test_part_of_batch (void)
{
  MpRingRecord records[3] = { { "abc", 3, 1 }, { "defgh", 5, 2 }, { "i", 1, 3 } }, taken[3];
  guint8 bytes[8];
  MpRingHaul haul = { bytes, 7, taken, 3 };
  guint n_put;

  set_up (10);
  mp_ring_try_put (&ring, get_me (), records, 3, &n_put, NULL);
  g_assert_cmpuint (n_put, ==, 3);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (haul.n_records, ==, 1);
  haul = (MpRingHaul) { bytes, 8, taken, 3 };
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (haul.n_records, ==, 2);
  g_assert_cmpmem (bytes, 6, "defghi", 6);
  tear_down ();
}

static gboolean
is_kind (const MpRingRecord *record,
         gconstpointer       kind)
{
  return record->kind == GPOINTER_TO_UINT (kind);
}

/* Who wants records of one kind takes those before the first other one, and leaves that. */
static void
test_unwanted (void)
{
  guint8 bytes[CAPACITY];
  MpRingRecord taken[4];
  MpRingHaul haul = { bytes, sizeof bytes, taken, 4, is_kind, GUINT_TO_POINTER (1) };

  set_up (10);
  put_one ("a", 1, 1, MP_WAIT_ENDS_NOW);
  put_one ("b", 1, 1, MP_WAIT_ENDS_NOW);
  put_one ("cc", 2, 2, MP_WAIT_ENDS_NOW);
  g_assert_cmpint (mp_ring_try_take (&ring, get_me (), &haul, NULL), ==, MP_RING_DONE);
  g_assert_cmpuint (haul.n_records, ==, 2);
  g_assert_cmpmem (bytes, 2, "ab", 2);

  haul.n_records = 4;
  g_assert_cmpint (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_NEVER_ENDS, NULL), ==, MP_RING_UNWANTED);
  g_assert_cmpuint (taken[0].kind, ==, 2);
  g_assert_cmpuint (taken[0].length, ==, 2);
  g_assert_cmpuint (mp_ring_count (&ring), ==, 1);
  tear_down ();
}

/* --- Several -------------------------------------------------------------- */

typedef struct
{
  guint32 sender;
  guint32 number;
  guint8  rest[LONGEST];
} Item;

#define ITEM_HEAD (2 * sizeof (guint32))

static guint32
get_item_length (const Item *item)
{
  return (guint32) ITEM_HEAD + (item->sender * 31 + item->number * 17) % LONGEST;
}

static void
fill_item (Item    *item,
           guint32  sender,
           guint32  number)
{
  item->sender = sender;
  item->number = number;
  memset (item->rest, (int) (sender ^ number), get_item_length (item) - ITEM_HEAD);
}

static void
put_items (gpointer number)
{
  Item item;

  for (guint32 i = 0; i < N_ITEMS; i++)
    {
      fill_item (&item, GPOINTER_TO_UINT (number), i);
      g_assert_cmpint (put_one (&item, get_item_length (&item), 0, MP_WAIT_UNTIL (mp_test_deadline ())), ==,
                       MP_RING_DONE);
    }
}

/* Whole, and those of each sender in their order. */
static void
check_item (const MpRingRecord *record,
            gint64             *last)
{
  const Item *item = record->data;
  Item expected;

  g_assert_cmpuint (item->sender, <, MP_TEST_CREW_SIZE);
  g_assert_cmpint (item->number, >, last[item->sender]);
  last[item->sender] = item->number;
  fill_item (&expected, item->sender, item->number);
  g_assert_cmpmem (item, record->length, &expected, get_item_length (&expected));
}

#define N_SIDE (MP_TEST_CREW_SIZE / 2)

/* Whoever takes the last item ends the others that take.
 *
 * Returns: whether this is it
 */
static gboolean
count_taken (void)
{
  if (atomic_fetch_add (&shared->n_taken, 1) + 1 < N_SIDE * N_ITEMS)
    return FALSE;

  for (guint i = 1; i < N_SIDE; i++)
    put_one ("", 0, 1, MP_WAIT_UNTIL (mp_test_deadline ()));
  return TRUE;
}

static void
take_items (gpointer unused)
{
  gint64 last[MP_TEST_CREW_SIZE] = { -1, -1, -1, -1 };
  MpRingRecord record;
  Item item;

  do
    {
      g_assert_cmpint (take_one (&item, sizeof item, &record, MP_WAIT_UNTIL (mp_test_deadline ())), ==, MP_RING_DONE);
      if (record.kind == 1)
        return;

      check_item (&record, last);
      atomic_fetch_add (&shared->sum, item.number);
    }
  while (!count_taken ());
}

static void
put_and_take (gpointer number)
{
  if (GPOINTER_TO_UINT (number) % 2 == 0)
    put_items (number);
  else
    take_items (NULL);
}

/* Half of them put, half of them take. */
static void
check_crowd (void (*run) (MpTestFunc func))
{
  set_up (MP_RING_MAX_RECORDS);
  run (put_and_take);
  g_assert_cmpuint (atomic_load (&shared->n_taken), ==, N_SIDE * N_ITEMS);
  g_assert_cmpuint (atomic_load (&shared->sum), ==, N_SIDE * ((guint64) N_ITEMS * (N_ITEMS - 1) / 2));
  g_assert_cmpuint (mp_ring_count (&ring), ==, 0);
  tear_down ();
}

static void
test_processes (void)
{
  check_crowd (mp_test_crew_processes);
}

static void
test_threads (void)
{
  check_crowd (mp_test_crew_threads);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring/lengths", test_lengths);
  g_test_add_func ("/ring/full", test_full);
  g_test_add_func ("/ring/batches", test_batches);
  g_test_add_func ("/ring/pace", test_pace);
  g_test_add_func ("/ring/pace-measures", test_pace_measures);
  g_test_add_func ("/ring/between-records", test_between_records);
  g_test_add_func ("/ring/long-batches", test_long_batches);
  g_test_add_func ("/ring/part-of-batch", test_part_of_batch);
  g_test_add_func ("/ring/unwanted", test_unwanted);
  g_test_add_func ("/ring/processes", test_processes);
  g_test_add_func ("/ring/threads", test_threads);
  return g_test_run ();
}
