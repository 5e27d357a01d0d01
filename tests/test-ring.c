/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings: records that several put and several take. */

#include <string.h>
#include <sys/mman.h>

#include <mpglib.h>

#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-ring-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-crew.h"
#include "mp-test-ring.h"

/* Of chunks that are far smaller than those of queues, so that records end in all of their places. */
#define CAPACITY   4096
#define CHUNK_BITS 8
#define N_ITEMS  20000
#define LONGEST  300

typedef struct
{
  MpRingLayout ring;
  MpAtomic32 n_taken;
  MpAtomic64 sum;
  MpAtomic32 is_done;
} Shared;

static MpTable *table;
static Shared *shared;
static MpRing ring;
static MpTestRing test_ring;

static guint32
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

static void
set_up_with (guint64 capacity,
             guint32 most_records,
             guint32 chunk_bits)
{
  set_up_flags (capacity, most_records, chunk_bits, 0);
}

static void
set_up (guint32 most_records)
{
  set_up_with (CAPACITY, most_records, CHUNK_BITS);
}

static void
tear_down (void)
{
  mp_test_ring_free (&test_ring);
  munmap (shared, sizeof *shared);
}

static MpRingResult
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

static MpRingResult
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
test_batches (void)
{
  set_up (MP_RING_MAX_RECORDS);
  for (guint round = 0; round < 100; round++)
    for (guint n = 1; n < 6; n++)
      check_batch (n, round * 10);
  check_batch (256, 7);
  check_batch (257, 8);
  tear_down ();
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

/* --- Waits ---------------------------------------------------------------- */

static void
take_and_tell (gpointer unused)
{
  MpRingRecord record;
  guint8 byte;

  mp_test_tell_ready ();
  g_assert_cmpint (take_one (&byte, 1, &record, MP_WAIT_UNTIL (mp_test_deadline ())), ==, MP_RING_DONE);
  mp_test_set_word (&shared->is_done, byte);
}

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

/* --- Memory --------------------------------------------------------------- */

static guint64
get_memory (void)
{
  struct stat status;

  g_assert_cmpint (fstat (test_ring.fd, &status), ==, 0);
  return (guint64) status.st_blocks * 512;
}

#define MEGABYTE (1024 * 1024)

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

#define LONG 200000

static MpRingResult
put_prepared (MpRingRecord *record)
{
  g_autoptr (GError) error = NULL;
  guint n;

  mp_ring_prepare (&ring, get_me (), record, &error);
  g_assert_no_error (error);
  return mp_ring_try_put (&ring, get_me (), record, 1, &n, NULL);
}

static guint
count_extents (void)
{
  guint n = 0;

  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    n += (guint32) atomic_load (&ring.memory.extents[i].state) != 0;
  return n;
}

static guint8 *
make_long (guint32 number)
{
  guint8 *bytes = g_malloc (LONG);

  for (guint i = 0; i < LONG; i++)
    bytes[i] = (guint8) (i * 31 + number);
  return bytes;
}

static void
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

static void
put_long_one (guint32 number)
{
  g_autofree guint8 *bytes = make_long (number);
  MpRingRecord record = { bytes, LONG, number };

  g_assert_cmpint (put_prepared (&record), ==, MP_RING_DONE);
  g_assert_cmpuint (record.extent.place, !=, 0);
}

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

/* --- Hands ---------------------------------------------------------------- */

static void
set_up_hands (MpRingFlags flags)
{
  set_up_flags (16 * MEGABYTE, MP_RING_MAX_RECORDS, CHUNK_BITS, MP_RING_HOLDS | flags);
}

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

static void
take_two_and_die (gpointer unused)
{
  g_autofree guint8 *bytes = g_malloc (LONG);
  MpRingRecord record;

  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (take_one (bytes, LONG, &record, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
}

/* Of three the first two are in the hand of one that died. */
static void
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

/* --- Rubbish -------------------------------------------------------------- */

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

  g_test_add_func ("/ring/lengths", test_lengths);
  g_test_add_func ("/ring/full", test_full);
  g_test_add_func ("/ring/batches", test_batches);
  g_test_add_func ("/ring/between-records", test_between_records);
  g_test_add_func ("/ring/long-batches", test_long_batches);
  g_test_add_func ("/ring/part-of-batch", test_part_of_batch);
  g_test_add_func ("/ring/unwanted", test_unwanted);
  g_test_add_func ("/ring/processes", test_processes);
  g_test_add_func ("/ring/threads", test_threads);
  g_test_add_func ("/ring/sleeping-taker", test_sleeping_taker);
  g_test_add_func ("/ring/sleeping-putter", test_sleeping_putter);
  g_test_add_func ("/ring/turn-of-large", test_turn_of_large);
  g_test_add_func ("/ring/turn-of-dead", test_turn_of_dead);
  g_test_add_func ("/ring/turn-given-up", test_turn_given_up);
  g_test_add_func ("/ring/sleeper-dies", test_sleeper_dies);
  g_test_add_func ("/ring/ends-of-waits", test_ends_of_waits);
  g_test_add_func ("/ring/bell", test_bell);
  g_test_add_func ("/ring/memory", test_memory);
  g_test_add_func ("/ring/chunks", test_chunks);
  g_test_add_func ("/ring/no-memory", test_no_memory);
  g_test_add_func ("/ring/long", test_long);
  g_test_add_func ("/ring/many-long", test_many_long);
  g_test_add_func ("/ring/long-of-dead", test_long_of_dead);
  g_test_add_func ("/ring/place-of-dead", test_place_of_dead);
  g_test_add_func ("/ring/hold", test_hold);
  g_test_add_func ("/ring/redelivery", test_redelivery);
  g_test_add_func ("/ring/lost", test_lost);
  g_test_add_func ("/ring/full-hands", test_full_hands);
  g_test_add_func ("/ring/wait-done", test_wait_done);
  g_test_add_func ("/ring/death-wakes", test_death_wakes);
  g_test_add_func ("/ring/lies", test_lies);
  g_test_add_func ("/ring/lies-about-size", test_lies_about_size);
  g_test_add_func ("/ring/lies-about-extents", test_lies_about_extents);
  g_test_add_func ("/ring/lies-about-length", test_lies_about_length);
  g_test_add_func ("/ring/lies-about-chunks", test_lies_about_chunks);
  return g_test_run ();
}
