/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-bench.h"
#include "mp-queue-private.h"
#include "../mp-test-process.h"

/* Queues, beside the ring that they stand on:
 *
 *   own.queue.ring     one put and one take of 256 bytes at the queue's ring, in nanoseconds
 *   own.queue.pair     mp_queue_put_data() and mp_queue_get_payload() of 256 bytes, in nanoseconds
 *   own.queue.bytes    mp_queue_put_bytes() and mp_queue_get_bytes()
 *   own.queue.value    mp_queue_put() and mp_queue_get() of a string of 255 characters, which is made
 *   own.queue.many     16 such values at once, for each
 *   own.queue.256      messages of 256 bytes a second from one process to another
 */

#define LENGTH 256
#define BATCH  16

static MpQueue *queue;
static guint8 data[LENGTH];
static guint64 n_messages;

static void
ring_pairs (guint64  n,
            gpointer user_data)
{
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);
  guint8 room[LENGTH];
  guint n_put;

  for (guint64 i = 0; i < n; i++)
    {
      MpRingRecord record = { data, LENGTH, 0 };
      MpRingHaul haul = { room, sizeof room, &record, 1 };

      mp_ring_try_put (ring, me, &record, 1, &n_put, NULL);
      mp_ring_try_take (ring, me, &haul, NULL);
    }
}

static void
put_all (guint64  n,
         gpointer user_data)
{
  for (guint64 i = 0; i < n; i++)
    mp_queue_put_data (queue, data, LENGTH, NULL, -1, NULL, NULL);
}

static void
get_all (guint64  n,
         gpointer user_data)
{
  gsize length;

  for (guint64 i = 0; i < n; i++)
    g_free (mp_queue_get_payload (queue, 0, -1, &length, NULL, NULL));
}

static void
pairs (guint64  n,
       gpointer user_data)
{
  for (guint64 i = 0; i < n; i++)
    {
      put_all (1, NULL);
      get_all (1, NULL);
    }
}

static void
bytes_pairs (guint64  n,
             gpointer user_data)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, LENGTH);

  for (guint64 i = 0; i < n; i++)
    {
      mp_queue_put_bytes (queue, bytes, NULL, -1, NULL, NULL);
      g_bytes_unref (mp_queue_get_bytes (queue, 0, -1, NULL, NULL));
    }
}

static GVariant *
make_value (void)
{
  char text[LENGTH];

  memset (text, 'x', LENGTH - 1);
  text[LENGTH - 1] = '\0';
  return g_variant_new_string (text);
}

static void
value_pairs (guint64  n,
             gpointer user_data)
{
  for (guint64 i = 0; i < n; i++)
    {
      mp_queue_put (queue, make_value (), -1, NULL, NULL);
      g_variant_unref (mp_queue_get (queue, -1, NULL, NULL));
    }
}

static void
batches (guint64  n,
         gpointer user_data)
{
  for (guint64 i = 0; i < n; i += BATCH)
    {
      GVariant *values[BATCH];

      for (guint j = 0; j < BATCH; j++)
        values[j] = g_variant_new_variant (make_value ());
      mp_queue_put_many (queue, g_variant_new_array (G_VARIANT_TYPE_VARIANT, values, BATCH), -1, NULL, NULL);
      g_variant_unref (mp_queue_get_many (queue, BATCH, -1, NULL, NULL));
    }
}

static void
be_putter (gpointer unused)
{
  mp_bench_pin (1);
  put_all (n_messages, NULL);
}

static void
stream (guint64  n,
        gpointer user_data)
{
  pid_t putter;

  n_messages = n;
  putter = mp_test_fork (be_putter, NULL);
  mp_bench_pin (0);
  get_all (n, NULL);
  mp_bench_unpin ();
  mp_test_join (putter);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_bench_init (argc, argv);

  queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 256 * 1024, NULL);

  mp_bench_run ("queue.ring", MP_BENCH_NANOSECONDS, ring_pairs, NULL);
  mp_bench_run ("queue.pair", MP_BENCH_NANOSECONDS, pairs, NULL);
  mp_bench_run ("queue.bytes", MP_BENCH_NANOSECONDS, bytes_pairs, NULL);
  mp_bench_run ("queue.value", MP_BENCH_NANOSECONDS, value_pairs, NULL);
  mp_bench_run ("queue.many", MP_BENCH_NANOSECONDS, batches, NULL);
  mp_bench_run ("queue.256", MP_BENCH_PER_SECOND, stream, NULL);
  g_object_unref (queue);
  return 0;
}
