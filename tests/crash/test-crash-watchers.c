/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Participants who watch each other, whole processes: what happens to some, the others must
 * hear of.
 */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-crash-family.h"
#include "mp-futex-private.h"
#include "mp-life-list-private.h"
#include "mp-owner-lock-private.h"
#include "mp-sleep-private.h"

#define RING_LENGTH  4
#define CROWD_LENGTH 12

typedef struct
{
  MpAtomic32 owner[CROWD_LENGTH];
  MpAtomic32 n_ready;
  MpAtomic32 n_woken;
} Ring;

typedef struct
{
  MpAtomic32 lock;
  MpAtomic32 corpse_ready;
  MpAtomic32 corpse;
  MpAtomic32 never;
} Shared;

static Ring *ring;
static Shared *shared;
static MpTable *other_table;     /* the harness takes no part in this one */

static void
be_member (gpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  guint32 epoch;

  atomic_store (&ring->owner[i], mp_participant_enter (other_table, NULL));
  epoch = mp_table_get_epoch (other_table);
  mp_test_set_word (&ring->n_ready, i + 1);
  while (mp_table_get_epoch (other_table) == epoch)
    mp_sleep_on (other_table, &shared->never, 0, epoch, 0, MP_WAIT_NEVER_ENDS);

  atomic_fetch_add (&ring->n_woken, 1);
  mp_futex_wake (&ring->n_woken, MP_FUTEX_WAKE_ALL);
  for (;;)
    pause ();
}

static void
start_ring (pid_t *pids,
            guint  length)
{
  memset ((void *) ring, 0, sizeof *ring);
  for (guint i = 0; i < length; i++)
    {
      pids[i] = mp_test_fork (be_member, GUINT_TO_POINTER (i));
      mp_test_wait_word (&ring->n_ready, i + 1);
      mp_test_wait_asleep (pids[i]);
      if (i == 0)
        g_assert_true (mp_crash_none_is_dead (other_table));
    }
}

static void
assert_buried (guint i)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  guint slot = mp_owner_get_slot (ring->owner[i]);

  while ((atomic_load (&other_table->layout->slots[slot].identity) & MP_LIFE_DIED) != 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      mp_futex_pause (20);
    }
}

/* Those in `mask` die at once; those in `stopped` are stopped while it happens. */
static void
run_ring (guint mask,
          guint stopped)
{
  pid_t pids[RING_LENGTH];

  start_ring (pids, RING_LENGTH);
  for (guint i = 0; i < RING_LENGTH; i++)
    if ((stopped >> i & 1) != 0)
      mp_crash_stop (pids[i]);
  for (guint i = 0; i < RING_LENGTH; i++)
    if ((mask >> i & 1) != 0)
      kill (pids[i], SIGKILL);

  for (guint i = 0; i < RING_LENGTH; i++)
    if ((mask >> i & 1) != 0)
      {
        g_assert_cmpint (waitpid (pids[i], NULL, 0), ==, pids[i]);
        assert_buried (i);
      }

  for (guint i = 0; i < RING_LENGTH; i++)
    if ((mask >> i & 1) == 0)
      {
        kill (pids[i], SIGCONT);
        while (atomic_load (&ring->n_woken) == 0)
          g_assert_true (mp_futex_wait (&ring->n_woken, 0, mp_test_deadline ()));
        mp_test_kill (pids[i]);
      }
}

/* Any one, any two, any three of four. */
static void
test_neighbours_die (void)
{
  for (guint round = 0; round < mp_crash_get_n_rounds (5, 100); round++)
    for (guint mask = 1; mask < 15; mask++)
      run_ring (mask, 0);
}

/* Many at once, in any order, as when a program is ended with all its workers: those
 * that are being torn down must not take with them the word of others' deaths.
 */
static void
test_crowd_dies (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (mp_crash_get_seed ());

  for (guint round = 0; round < mp_crash_get_n_rounds (100, 5000); round++)
    {
      pid_t pids[CROWD_LENGTH];
      guint survivor = (guint) g_rand_int_range (random, 0, CROWD_LENGTH);
      guint first = (guint) g_rand_int_range (random, 0, CROWD_LENGTH);

      start_ring (pids, CROWD_LENGTH);
      for (guint i = first; i < first + CROWD_LENGTH; i++)
        if (i % CROWD_LENGTH != survivor)
          kill (pids[i % CROWD_LENGTH], SIGKILL);
      for (guint i = 0; i < CROWD_LENGTH; i++)
        if (i != survivor)
          {
            g_assert_cmpint (waitpid (pids[i], NULL, 0), ==, pids[i]);
            assert_buried (i);
          }
      mp_test_kill (pids[survivor]);
    }
}

/* The watcher of the dead is stopped: another one notices. */
static void
test_watcher_stopped (void)
{
  for (guint round = 0; round < mp_crash_get_n_rounds (10, 100); round++)
    for (guint i = 0; i < RING_LENGTH; i++)
      run_ring (1u << i, 1u << (i + RING_LENGTH - 1) % RING_LENGTH);
}

static void
hold_in_ring (gpointer data)
{
  atomic_store (&shared->corpse, mp_participant_enter (other_table, NULL));
  mp_owner_lock_acquire (other_table, &shared->lock, atomic_load (&shared->corpse), MP_WAIT_NEVER_ENDS);
  mp_test_set_word (&shared->corpse_ready, 1);
  for (;;)
    pause ();
}

/* Both that watch the holder are stopped: who sleeps for its lock notices. */
static void
test_both_watchers_stopped (void)
{
  for (guint round = 0; round < mp_crash_get_n_rounds (10, 100); round++)
    {
      pid_t pids[RING_LENGTH], holder, waiter;

      start_ring (pids, RING_LENGTH);
      atomic_store (&shared->corpse_ready, 0);
      holder = mp_test_fork (hold_in_ring, NULL);
      mp_test_wait_word (&shared->corpse_ready, 1);
      waiter = mp_test_fork (hold_in_ring, NULL);
      mp_test_wait_asleep (waiter);
      atomic_store (&shared->corpse_ready, 0);

      for (guint i = 0; i < RING_LENGTH; i++)
        mp_crash_stop (pids[i]);
      mp_test_kill (holder);
      mp_test_wait_word (&shared->corpse_ready, 1);

      mp_test_kill (waiter);
      for (guint i = 0; i < RING_LENGTH; i++)
        mp_test_kill (pids[i]);
      atomic_store (&shared->lock, 0);
    }
}

static void
set_up (void)
{
  static const MpCrashHooks hooks = { NULL };
  g_autoptr (GError) error = NULL;

  shared = mp_test_share (sizeof *shared);
  ring = mp_test_share (sizeof *ring);
  /* First the one that processes have anyway: the other order makes a crowd that finds no MP_FAULT_SHARED_VIGIL. */
  mp_table_get_default (&error);
  g_assert_no_error (error);
  other_table = mp_table_new (&error);
  g_assert_no_error (error);
  mp_owner_lock_set_spin (0);
  mp_crash_set_up (&hooks);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  mp_crash_read_arguments (&argc, &argv);
  set_up ();
  g_test_add_func ("/crash/ring/neighbours-die", test_neighbours_die);
  g_test_add_func ("/crash/ring/crowd-dies", test_crowd_dies);
  g_test_add_func ("/crash/ring/watcher-stopped", test_watcher_stopped);
  g_test_add_func ("/crash/ring/both-watchers-stopped", test_both_watchers_stopped);
  result = mp_crash_run (NULL, 0);
  mp_crash_tear_down ();
  return result;
}
