/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-bench.h"

/* Pairs of acquire and release, alone and with another process at the same lock, and two
 * processes that take turns by a condition: own.lock beside lock.* of the yardsticks,
 * own.condition beside cond.*.
 */

#define FOREVER -1.0

typedef struct
{
  MpLock *lock;
  MpRLock *rlock;
  MpSemaphore *semaphore;
  MpSemaphore *bounded;
  MpEvent *event;

  MpCondition *condition;
  MpSemaphore *turn;         /* its value is whose turn it is */
  MpBarrier *barrier;
  MpConnection *connection;  /* tells the other process what to do, and how often */
} Bench;

static void
pair_of_lock (guint64  n,
              gpointer user_data)
{
  MpLock *lock = ((Bench *) user_data)->lock;

  for (guint64 i = 0; i < n; i++)
    {
      mp_lock_acquire (lock, FOREVER, NULL, NULL);
      mp_lock_release (lock, NULL);
    }
}

static void
pair_of_rlock (guint64  n,
               gpointer user_data)
{
  MpRLock *rlock = ((Bench *) user_data)->rlock;

  for (guint64 i = 0; i < n; i++)
    {
      mp_rlock_acquire (rlock, FOREVER, NULL, NULL);
      mp_rlock_release (rlock, NULL);
    }
}

static void
nested_pair_of_rlock (guint64  n,
                      gpointer user_data)
{
  MpRLock *rlock = ((Bench *) user_data)->rlock;

  mp_rlock_acquire (rlock, FOREVER, NULL, NULL);
  pair_of_rlock (n, user_data);
  mp_rlock_release (rlock, NULL);
}

static void
pair_of (guint64      n,
         MpSemaphore *semaphore)
{
  for (guint64 i = 0; i < n; i++)
    {
      mp_semaphore_acquire (semaphore, FOREVER, NULL, NULL);
      mp_semaphore_release (semaphore, NULL);
    }
}

static void
pair_of_semaphore (guint64  n,
                   gpointer user_data)
{
  pair_of (n, ((Bench *) user_data)->semaphore);
}

static void
pair_of_bounded_semaphore (guint64  n,
                           gpointer user_data)
{
  pair_of (n, ((Bench *) user_data)->bounded);
}

static void
set_and_clear_event (guint64  n,
                     gpointer user_data)
{
  MpEvent *event = ((Bench *) user_data)->event;

  for (guint64 i = 0; i < n; i++)
    {
      mp_event_set (event, NULL);
      mp_event_clear (event, NULL);
    }
}

/* --- Two processes -------------------------------------------------------- */

static void
take_turns (guint64  n,
            Bench   *bench,
            guint    me)
{
  mp_condition_acquire (bench->condition, FOREVER, NULL, NULL);
  for (guint64 i = 0; i < n; i++)
    {
      while (mp_semaphore_get_value (bench->turn) != me)
        mp_condition_wait (bench->condition, FOREVER, NULL, NULL);

      if (me == 0)
        mp_semaphore_release (bench->turn, NULL);
      else
        mp_semaphore_try_acquire (bench->turn);
      mp_condition_notify_one (bench->condition, NULL);
    }
  mp_condition_release (bench->condition, NULL);
}

static gpointer
get_attachment (MpMessage *message,
                guint      index)
{
  g_autoptr (GError) error = NULL;
  gpointer object = mp_message_get_attachment (message, index, &error);

  g_assert_no_error (error);
  return object;
}

static GVariant *
be_other (MpMessage     *arguments,
          GCancellable  *cancellable,
          gpointer       user_data,
          GError       **error)
{
  Bench bench = {
    .connection = get_attachment (arguments, 0),
    .barrier = get_attachment (arguments, 1),
    .lock = get_attachment (arguments, 2),
    .condition = get_attachment (arguments, 3),
    .turn = get_attachment (arguments, 4),
  };
  GVariant *order;

  mp_bench_pin (1);
  while ((order = mp_connection_receive (bench.connection, FOREVER, NULL, NULL)) != NULL)
    {
      gboolean is_lock;
      guint64 n;

      g_variant_get (order, "(bt)", &is_lock, &n);
      g_variant_unref (order);
      mp_barrier_wait (bench.barrier, FOREVER, NULL, NULL);
      if (is_lock)
        pair_of_lock (n, &bench);
      else
        take_turns (n, &bench, 1);
      mp_barrier_wait (bench.barrier, FOREVER, NULL, NULL);
    }

  return NULL;
}

static void
do_together (Bench    *bench,
             gboolean  is_lock,
             guint64   n)
{
  n = MAX (n / 2, 1);
  mp_connection_send (bench->connection, g_variant_new ("(bt)", is_lock, n), FOREVER, NULL, NULL);
  mp_bench_pin (0);
  mp_barrier_wait (bench->barrier, FOREVER, NULL, NULL);
  if (is_lock)
    pair_of_lock (n, bench);
  else
    take_turns (n, bench, 0);
  mp_barrier_wait (bench->barrier, FOREVER, NULL, NULL);
  mp_bench_unpin ();
}

static void
pairs_of_two (guint64  n,
              gpointer user_data)
{
  do_together (user_data, TRUE, n);
}

static void
turns_of_two (guint64  n,
              gpointer user_data)
{
  do_together (user_data, FALSE, n);
}

static MpProcess *
start_other (Bench *bench)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
  g_autoptr (MpConnection) theirs = NULL;
  g_autoptr (GError) error = NULL;
  MpProcess *process = mp_process_new (NULL, "other", NULL);

  mp_connection_new_pair (TRUE, &bench->connection, &theirs, &error);
  g_assert_no_error (error);
  mp_message_attach (message, MP_SHAREABLE (theirs));
  mp_message_attach (message, MP_SHAREABLE (bench->barrier));
  mp_message_attach (message, MP_SHAREABLE (bench->lock));
  mp_message_attach (message, MP_SHAREABLE (bench->condition));
  mp_message_attach (message, MP_SHAREABLE (bench->turn));
  mp_process_set_message (process, message);
  if (!mp_process_start (process, &error))
    g_error ("%s", error->message);

  mp_connection_close (theirs);
  return process;
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (MpLock) guard = NULL;
  g_autoptr (MpProcess) other = NULL;
  Bench bench = { 0 };

  mp_register_target ("other", be_other, NULL, NULL);
  mp_init ();
  mp_bench_init (argc, argv);

  guard = mp_lock_new ();
  bench.lock = mp_lock_new ();
  bench.rlock = mp_rlock_new ();
  bench.semaphore = mp_semaphore_new (1);
  bench.bounded = MP_SEMAPHORE (mp_bounded_semaphore_new (1));
  bench.event = mp_event_new ();
  bench.condition = mp_condition_new (MP_LOCKABLE (guard));
  bench.turn = mp_semaphore_new (0);
  bench.barrier = mp_barrier_new (2);
  other = start_other (&bench);

  mp_bench_run ("lock", MP_BENCH_NANOSECONDS, pair_of_lock, &bench);
  mp_bench_run ("rlock", MP_BENCH_NANOSECONDS, pair_of_rlock, &bench);
  mp_bench_run ("rlock.nested", MP_BENCH_NANOSECONDS, nested_pair_of_rlock, &bench);
  mp_bench_run ("semaphore", MP_BENCH_NANOSECONDS, pair_of_semaphore, &bench);
  mp_bench_run ("bounded-semaphore", MP_BENCH_NANOSECONDS, pair_of_bounded_semaphore, &bench);
  mp_bench_run ("event", MP_BENCH_NANOSECONDS, set_and_clear_event, &bench);
  mp_bench_run ("lock.two", MP_BENCH_PER_SECOND, pairs_of_two, &bench);
  mp_bench_run ("condition", MP_BENCH_PER_SECOND, turns_of_two, &bench);

  mp_connection_close (bench.connection);
  mp_process_join (other, FOREVER, NULL, NULL);
  g_object_unref (bench.connection);
  g_object_unref (bench.lock);
  g_object_unref (bench.rlock);
  g_object_unref (bench.semaphore);
  g_object_unref (bench.bounded);
  g_object_unref (bench.event);
  g_object_unref (bench.condition);
  g_object_unref (bench.turn);
  g_object_unref (bench.barrier);
  return 0;
}
