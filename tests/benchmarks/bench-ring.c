/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-bench.h"
#include "mp-participant-private.h"
#include "mp-ring-private.h"
#include "../mp-test-process.h"

/* The ring without what stands on it, beside stream.*, mpmc.* and pingpong.* of the yardsticks:
 *
 *   own.ring.256        messages of 256 bytes a second from one process to another
 *   own.ring.64         of 64 bytes
 *   own.ring.batch      256 bytes, 16 at a time
 *   own.ring.round      round trips of 64 bytes a second by two rings
 *   own.ring.pair       one put and one take without another side, in nanoseconds
 */

#define CAPACITY (256 * 1024)
#define BATCH    16
#define LONGEST  256

#define NEVER MP_WAIT_NEVER_ENDS

static MpTable *table;
static MpRing rings[2];

static guint32 length;
static guint batch;
static guint64 n_messages;

static void
put_all (guint64 n)
{
  static guint8 bytes[LONGEST];
  guint32 me = mp_participant_enter (table, NULL);
  MpRingRecord records[BATCH];
  guint n_put;

  for (guint i = 0; i < BATCH; i++)
    records[i] = (MpRingRecord) { bytes, length, 0 };
  for (guint64 i = 0; i < n; i += n_put)
    mp_ring_put (&rings[0], me, records, (guint) MIN (batch, n - i), &n_put, NEVER, NULL);
}

static void
take_all (guint64 n)
{
  static guint8 bytes[BATCH * LONGEST];
  guint32 me = mp_participant_enter (table, NULL);
  MpRingRecord records[BATCH];

  for (guint64 i = 0; i < n;)
    {
      MpRingHaul haul = { bytes, sizeof bytes, records, batch };

      mp_ring_take (&rings[0], me, &haul, NEVER, NULL);
      i += haul.n_records;
    }
}

static void
be_putter (gpointer unused)
{
  mp_bench_pin (1);
  put_all (n_messages);
}

static void
stream (guint64  n,
        gpointer user_data)
{
  pid_t putter;

  n_messages = n;
  putter = mp_test_fork (be_putter, NULL);
  mp_bench_pin (0);
  take_all (n);
  mp_bench_unpin ();
  mp_test_join (putter);
}

static void
run_stream (const char *name,
            guint32     message,
            guint       at_once)
{
  length = message;
  batch = at_once;
  mp_bench_run (name, MP_BENCH_PER_SECOND, stream, NULL);
}

static void
pass_on (MpRing *from,
         MpRing *to,
         guint32 me)
{
  guint8 bytes[LONGEST];
  MpRingRecord record = { bytes, 64, 0 };
  MpRingHaul haul = { bytes, sizeof bytes, &record, 1 };
  guint n_put;

  if (from != NULL)
    mp_ring_take (from, me, &haul, NEVER, NULL);
  if (to != NULL)
    mp_ring_put (to, me, &record, 1, &n_put, NEVER, NULL);
}

static void
echo (gpointer unused)
{
  guint32 me = mp_participant_enter (table, NULL);

  mp_bench_pin (1);
  for (guint64 i = 0; i < n_messages; i++)
    pass_on (&rings[0], &rings[1], me);
}

static void
round_trips (guint64  n,
             gpointer user_data)
{
  guint32 me = mp_participant_enter (table, NULL);
  pid_t other;

  n_messages = n;
  other = mp_test_fork (echo, NULL);
  mp_bench_pin (0);
  for (guint64 i = 0; i < n; i++)
    {
      pass_on (NULL, &rings[0], me);
      pass_on (&rings[1], NULL, me);
    }
  mp_bench_unpin ();
  mp_test_join (other);
}

static void
pairs (guint64  n,
       gpointer user_data)
{
  guint32 me = mp_participant_enter (table, NULL);

  for (guint64 i = 0; i < n; i++)
    {
      pass_on (NULL, &rings[0], me);
      pass_on (&rings[0], NULL, me);
    }
}

static void
make_ring (MpRing *ring)
{
  MpRingLayout *layout = mp_test_share (sizeof *layout);
  guint64 size = mp_ring_memory_measure (CAPACITY, MP_RING_CHUNK_BITS);
  int fd;
  guint8 *memory = mp_test_share_file (size, mp_ring_measure_file (CAPACITY, MP_RING_CHUNK_BITS), &fd);

  mp_ring_init (layout, CAPACITY, MP_RING_MAX_RECORDS, MP_RING_CHUNK_BITS, 0);
  mp_ring_open (ring, table, layout, memory, size, fd, NULL);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_bench_init (argc, argv);

  table = mp_table_get_default (NULL);
  make_ring (&rings[0]);
  make_ring (&rings[1]);

  mp_bench_run ("ring.pair", MP_BENCH_NANOSECONDS, pairs, NULL);
  run_stream ("ring.64", 64, 1);
  run_stream ("ring.256", 256, 1);
  run_stream ("ring.batch", 256, BATCH);
  mp_bench_run ("ring.round", MP_BENCH_PER_SECOND, round_trips, NULL);
  return 0;
}
