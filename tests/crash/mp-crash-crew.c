/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-clock-private.h"
#include "mp-crash-crew.h"
#include "mp-futex-private.h"

/* The most that a worker lives on while another one begins, in microseconds. */
#define MOST_USEC 700

typedef struct
{
  MpAtomic32 me;
  MpAtomic32 n_done;
} Worker;

static const MpCrashCrew *crew;
static Worker *workers; /* shared */
static pid_t pids[MP_CRASH_N_WORKERS];

static void
be_worker (gpointer data)
{
  guint i = GPOINTER_TO_UINT (data);

  mp_test_set_word (&workers[i].me, crew->begin (i));
  for (;;)
    {
      crew->work ();
      atomic_fetch_add (&workers[i].n_done, 1);
    }
}

static void
start_worker (guint i)
{
  atomic_store (&workers[i].me, 0);
  pids[i] = mp_test_fork (be_worker, GUINT_TO_POINTER (i));
}

static void
wait_for_worker (guint i)
{
  while (atomic_load (&workers[i].me) == 0)
    mp_futex_wait (&workers[i].me, 0, MP_DEADLINE_NEVER);
}

/* No survivor waits for ever. */
static void
assert_survivors_go_on (guint victim)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  guint32 n_done[MP_CRASH_N_WORKERS];

  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    n_done[i] = atomic_load (&workers[i].n_done);

  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    while (i != victim && atomic_load (&workers[i].n_done) == n_done[i])
      {
        if (g_get_monotonic_time () >= end)
          crew->stalled (i);
        mp_futex_pause (50);
      }
}

static void
kill_one (GRand *random)
{
  guint i = (guint) g_rand_int_range (random, 0, MP_CRASH_N_WORKERS);

  wait_for_worker (i);
  mp_futex_pause (g_rand_int_range (random, 0, MOST_USEC));
  mp_crash_stop (pids[i]);
  crew->look (i);
  mp_test_kill (pids[i]);
  assert_survivors_go_on (i);
  if (crew->killed != NULL)
    crew->killed ();
  start_worker (i);
}

static void
kill_all (void)
{
  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    {
      wait_for_worker (i);
      mp_crash_stop (pids[i]);
    }
  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    crew->look (i);
  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    mp_test_kill (pids[i]);
}

static guint
count_done (void)
{
  guint n = 0;

  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    n += atomic_load (&workers[i].n_done);

  return n;
}

/*
 * mp_crash_crew_run:
 *
 * Returns when so many were killed, and then the rest.
 */
void
mp_crash_crew_run (const MpCrashCrew *the_crew,
                   guint              n_kills)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (mp_crash_get_seed ());

  crew = the_crew;
  workers = mp_test_share (MP_CRASH_N_WORKERS * sizeof *workers);
  for (guint i = 0; i < MP_CRASH_N_WORKERS; i++)
    start_worker (i);

  for (guint i = 0; i < n_kills; i++)
    kill_one (random);

  kill_all ();
  g_test_message ("%u kills, %u operations", n_kills, count_done ());
}

/*
 * mp_crash_crew_get_me:
 *
 * Returns: the worker at that place, in owner words
 */
guint32
mp_crash_crew_get_me (guint i)
{
  return atomic_load (&workers[i].me);
}
