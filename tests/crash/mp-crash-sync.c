/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-clock-private.h"
#include "mp-counter-private.h"
#include "mp-crash-family.h"
#include "mp-crash-sync.h"
#include "mp-futex-private.h"
#include "mp-notes-private.h"
#include "mp-permits-private.h"

Shared *shared;
Objects *objects;
MpTable *table;
guint extra_failure;
guint expected_told;

guint32
get_me (void)
{
  return mp_participant_get_me (table);
}

MpWait
until_stall (void)
{
  return MP_WAIT_UNTIL (g_get_monotonic_time () + MP_CRASH_STALL_USEC);
}

MpWait
for_a_moment (void)
{
  return MP_WAIT_UNTIL (g_get_monotonic_time () + 6 * G_TIME_SPAN_MILLISECOND);
}

void
let_time_pass (void)
{
  mp_futex_pause (8 * G_TIME_SPAN_MILLISECOND);
}

static void
begin_round (void)
{
  extra_failure = 0;
  expected_told = 0;
  atomic_store (&shared->n_told, 0);
  atomic_store (&shared->n_wrong, 0);
  atomic_store (&shared->n_met, 0);
  atomic_store (&shared->n_broken, 0);
  atomic_store (&shared->value, 0);
}

MpWait
until_stop (void)
{
  return (MpWait) { .deadline = MP_DEADLINE_NEVER, .stop = &shared->stop };
}

void
prepare_to_stop (void)
{
  atomic_store (&shared->stop, 0);
}

static void
reset (void)
{
  memset ((void *) objects, 0, sizeof *objects);
}

guint
check_told (void)
{
  guint n_told = atomic_load (&shared->n_told);
  guint failure = atomic_load (&shared->n_wrong) != 0 ? TORN : 0;

  failure |= n_told < expected_told ? NOT_TOLD : 0;
  failure |= n_told > expected_told ? TOLD_TWICE : 0;
  return failure;
}

gboolean
all_sleepers_are_done (void)
{
  return mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS);
}

static gboolean
is_victims (guint32 owner)
{
  return owner != 0 && (owner & MP_OWNER_MASK) == mp_crash_get_victim ();
}

gboolean
is_of_no_survivor (guint32 owner)
{
  return (owner & MP_OWNER_MASK) != 0 && (is_victims (owner) || !mp_participant_is_alive (table, owner));
}

gboolean harness_holds;

void
prepare_free (void)
{
  mp_crash_begin_round (NULL);
}

int
run_sync_cases (int               *argc,
                char            ***argv,
                const MpKillCase  *cases,
                guint              n_cases)
{
  static const MpCrashHooks hooks = { NULL, begin_round, reset, 600 * G_TIME_SPAN_MILLISECOND };
  g_autoptr (GError) error = NULL;
  int result;

  mp_crash_read_arguments (argc, argv);
  shared = mp_test_share (sizeof *shared);
  objects = &shared->objects;
  table = mp_table_get_default (&error);
  g_assert_no_error (error);

  /* What is stepped must be the same each time. */
  mp_owner_lock_set_spin (0);
  mp_counter_set_spin (0);
  mp_permits_set_spin (0);
  mp_notes_set_spin (FALSE);

  mp_crash_set_up (&hooks);
  result = mp_crash_run (cases, n_cases);
  mp_crash_tear_down ();
  return result;
}
