/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-bench.h"
#include "mp-queue-private.h"
#include "../mp-test-process.h"

/* Queues, beside the ring that they stand on, and beside stream.*, mpmc.* and pingpong.* of the yardsticks.
 *
 * In one process, in nanoseconds:
 *
 *   own.queue.ring          one put and one take of 256 bytes at the queue's ring
 *   own.queue.pair          mp_queue_put_data() and mp_queue_get_into() of 256 bytes
 *   own.queue.pair.payload  mp_queue_put_data() and mp_queue_get_payload()
 *   own.queue.pair.bytes    mp_queue_put_bytes() and mp_queue_get_bytes()
 *   own.queue.pair.value    mp_queue_put() and mp_queue_get() of a string of 255 characters, which is made
 *   own.queue.pair.many     16 such values at once, for each
 *
 * Messages of 256 bytes a second, from one process to another:
 *
 *   own.queue.1p1c.256      mp_queue_put_data() and mp_queue_get_into()
 *   own.queue.sleeps.256    the same without a spin
 *   own.queue.payload.256   mp_queue_put_data() and mp_queue_get_payload()
 *   own.queue.bytes.256     mp_queue_put_bytes() and mp_queue_get_bytes()
 *   own.queue.value.256     mp_queue_put() and mp_queue_get()
 *   own.queue.many.256      mp_queue_put_many_data() and mp_queue_get_many_into() of 16
 *   own.queue.4p4c          as 1p1c, from four to four
 *
 * Round trips by two queues, in nanoseconds:
 *
 *   own.queue.pingpong
 *   own.queue.pingpong-sleeps  without a spin
 */

#define LENGTH  256
#define BATCH   16
#define N_PROCS 4

static MpQueue *queue, *back;
static guint8 data[BATCH * LENGTH];
static gsize lengths[BATCH];
static guint64 n_messages;

/* --- Ways ----------------------------------------------------------------- */

typedef void (*WayFunc) (guint64 n);

static void
put_data (guint64 n)
{
  for (guint64 i = 0; i < n; i++)
    mp_queue_put_data (queue, data, LENGTH, NULL, -1, NULL, NULL);
}

static void
get_into (guint64 n)
{
  guint8 buffer[LENGTH];

  for (guint64 i = 0; i < n; i++)
    mp_queue_get_into (queue, buffer, sizeof buffer, -1, NULL, NULL);
}

static void
get_payload (guint64 n)
{
  gsize length;

  for (guint64 i = 0; i < n; i++)
    g_free (mp_queue_get_payload (queue, 0, -1, &length, NULL, NULL));
}

static void
put_bytes (guint64 n)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, LENGTH);

  for (guint64 i = 0; i < n; i++)
    mp_queue_put_bytes (queue, bytes, NULL, -1, NULL, NULL);
}

static void
get_bytes (guint64 n)
{
  for (guint64 i = 0; i < n; i++)
    g_bytes_unref (mp_queue_get_bytes (queue, 0, -1, NULL, NULL));
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
put_values (guint64 n)
{
  for (guint64 i = 0; i < n; i++)
    mp_queue_put (queue, make_value (), -1, NULL, NULL);
}

static void
get_values (guint64 n)
{
  for (guint64 i = 0; i < n; i++)
    g_variant_unref (mp_queue_get (queue, -1, NULL, NULL));
}

static void
put_many_data (guint64 n)
{
  for (guint64 i = 0; i < n;)
    {
      guint more = (guint) MIN (BATCH, n - i);

      i += mp_queue_put_many_data (queue, data, more * LENGTH, lengths, more, NULL, -1, NULL, NULL);
    }
}

static void
get_many_into (guint64 n)
{
  guint8 buffer[BATCH * LENGTH];
  gsize got[BATCH];

  for (guint64 i = 0; i < n;)
    i += mp_queue_get_many_into (queue, buffer, sizeof buffer, got, BATCH, -1, NULL, NULL);
}

static void
put_many_values (guint64 n)
{
  for (guint64 i = 0; i < n; i += BATCH)
    {
      GVariant *values[BATCH];

      for (guint j = 0; j < BATCH; j++)
        values[j] = g_variant_new_variant (make_value ());
      mp_queue_put_many (queue, g_variant_new_array (G_VARIANT_TYPE_VARIANT, values, BATCH), -1, NULL, NULL);
    }
}

static void
get_many_values (guint64 n)
{
  for (guint64 i = 0; i < n; i += BATCH)
    g_variant_unref (mp_queue_get_many (queue, BATCH, -1, NULL, NULL));
}

typedef struct
{
  WayFunc put;
  WayFunc get;
  guint   at_once;
} Way;

static Way by_data = { put_data, get_into, 1 };
static Way by_payload = { put_data, get_payload, 1 };
static Way by_bytes = { put_bytes, get_bytes, 1 };
static Way by_value = { put_values, get_values, 1 };
static Way by_many_data = { put_many_data, get_many_into, BATCH };
static Way by_many_values = { put_many_values, get_many_values, BATCH };

/* --- One process ---------------------------------------------------------- */

static void
ring_pairs (guint64  n,
            gpointer unused)
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
pairs (guint64  n,
       gpointer way)
{
  Way *self = way;

  for (guint64 i = 0; i < n; i += self->at_once)
    {
      self->put (self->at_once);
      self->get (self->at_once);
    }
}

/* --- Two ------------------------------------------------------------------ */

static void
be_putter (gpointer way)
{
  mp_bench_pin (1);
  ((Way *) way)->put (n_messages);
}

static void
stream (guint64  n,
        gpointer way)
{
  pid_t putter;

  n_messages = n;
  putter = mp_test_fork (be_putter, way);
  mp_bench_pin (0);
  ((Way *) way)->get (n);
  mp_bench_unpin ();
  mp_test_join (putter);
}

static void
pass_on (MpQueue *from,
         MpQueue *to)
{
  guint8 buffer[LENGTH];

  if (from != NULL)
    mp_queue_get_into (from, buffer, sizeof buffer, -1, NULL, NULL);
  if (to != NULL)
    mp_queue_put_data (to, data, LENGTH, NULL, -1, NULL, NULL);
}

static void
echo (gpointer unused)
{
  mp_bench_pin (1);
  for (guint64 i = 0; i < n_messages; i++)
    pass_on (queue, back);
}

static void
round_trips (guint64  n,
             gpointer unused)
{
  pid_t other;

  n_messages = n;
  other = mp_test_fork (echo, NULL);
  mp_bench_pin (0);
  for (guint64 i = 0; i < n; i++)
    {
      pass_on (NULL, queue);
      pass_on (back, NULL);
    }
  mp_bench_unpin ();
  mp_test_join (other);
}

/* --- Many ----------------------------------------------------------------- */

typedef struct
{
  gint64  end;               /* of putting */
  guint64 n_got[N_PROCS];
  gint64  ended[N_PROCS];
} Crowd;

static Crowd *crowd;

/* Side by side as those of the yardsticks, so that both CPUs have putters and getters. */
static void
be_one_of_putters (gpointer place)
{
  mp_bench_pin (GPOINTER_TO_UINT (place) + 1);
  while (mp_bench_get_time () < crowd->end)
    put_data (64);
}

static void
be_one_of_getters (gpointer place)
{
  guint me = GPOINTER_TO_UINT (place);
  guint8 buffer[LENGTH];
  guint64 n = 0;

  mp_bench_pin (me);
  while (mp_queue_get_into (queue, buffer, sizeof buffer, -1, NULL, NULL) == LENGTH)
    n++;
  crowd->n_got[me] = n;
  crowd->ended[me] = mp_bench_get_time ();
}

static gdouble
be_crowd (gint64   nsec,
          gpointer unused)
{
  pid_t putters[N_PROCS], getters[N_PROCS];
  gint64 begun = mp_bench_get_time (), ended = 0;
  guint64 n = 0;

  crowd->end = begun + nsec;
  for (guint i = 0; i < N_PROCS; i++)
    {
      putters[i] = mp_test_fork (be_one_of_putters, GUINT_TO_POINTER (i));
      getters[i] = mp_test_fork (be_one_of_getters, GUINT_TO_POINTER (i));
    }

  for (guint i = 0; i < N_PROCS; i++)
    mp_test_join (putters[i]);
  for (guint i = 0; i < N_PROCS; i++)
    mp_queue_put_data (queue, data, 1, NULL, -1, NULL, NULL);
  for (guint i = 0; i < N_PROCS; i++)
    mp_test_join (getters[i]);

  for (guint i = 0; i < N_PROCS; i++)
    {
      n += crowd->n_got[i];
      ended = MAX (ended, crowd->ended[i]);
    }
  return (gdouble) n * 1e9 / (gdouble) (ended - begun);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_bench_init (argc, argv);

  queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 256 * 1024, NULL);
  back = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 256 * 1024, NULL);
  crowd = mp_test_share (sizeof *crowd);
  for (guint i = 0; i < BATCH; i++)
    lengths[i] = LENGTH;

  mp_bench_run ("queue.ring", MP_BENCH_NANOSECONDS, ring_pairs, NULL);
  mp_bench_run ("queue.pair", MP_BENCH_NANOSECONDS, pairs, &by_data);
  mp_bench_run ("queue.pair.payload", MP_BENCH_NANOSECONDS, pairs, &by_payload);
  mp_bench_run ("queue.pair.bytes", MP_BENCH_NANOSECONDS, pairs, &by_bytes);
  mp_bench_run ("queue.pair.value", MP_BENCH_NANOSECONDS, pairs, &by_value);
  mp_bench_run ("queue.pair.many", MP_BENCH_NANOSECONDS, pairs, &by_many_values);

  mp_bench_run ("queue.1p1c.256", MP_BENCH_PER_SECOND, stream, &by_data);
  mp_bench_run ("queue.payload.256", MP_BENCH_PER_SECOND, stream, &by_payload);
  mp_bench_run ("queue.bytes.256", MP_BENCH_PER_SECOND, stream, &by_bytes);
  mp_bench_run ("queue.value.256", MP_BENCH_PER_SECOND, stream, &by_value);
  mp_bench_run ("queue.many.256", MP_BENCH_PER_SECOND, stream, &by_many_data);
  mp_bench_run_rate ("queue.4p4c", be_crowd, NULL);
  mp_bench_run ("queue.pingpong", MP_BENCH_NANOSECONDS, round_trips, NULL);

  mp_ring_set_spin (FALSE);
  mp_bench_run ("queue.sleeps.256", MP_BENCH_PER_SECOND, stream, &by_data);
  mp_bench_run ("queue.pingpong-sleeps", MP_BENCH_NANOSECONDS, round_trips, NULL);

  g_object_unref (queue);
  g_object_unref (back);
  return 0;
}
