/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes that use objects of all kinds at once, and are killed at random moments.
 * A victim is stopped, what it holds is read, and it is killed: what it held others
 * must get, and be told.
 */

#include <mpglib.h>

#include "mp-clock-private.h"
#include "mp-counter-private.h"
#include "mp-crash-crew.h"
#include "mp-flag-private.h"
#include "mp-futex-private.h"
#include "mp-notes-private.h"
#include "mp-owner-rlock-private.h"
#include "mp-permits-private.h"
#include "mp-rendezvous-private.h"

#define N_LOCKS      2
#define N_PERMITS    3
#define N_PARTIES    2
#define N_KILLS      300
#define N_KILLS_LONG 10000

/* Waits for what may never come. */
#define A_MOMENT_USEC 2000

typedef struct
{
  MpAtomic32 has_lock[N_LOCKS];  /* and whoever left it so was accounted for */
  MpAtomic32 has_permit;
} Worker;

typedef struct
{
  MpLockLayout    locks[N_LOCKS];
  MpAtomic32      inside[N_LOCKS];
  MpCounterLayout counter;
  MpFlagLayout    flag;
  MpNotesLayout   notes;
  union
  {
    MpPermitsLayout permits;
    guint8          permits_memory[sizeof (MpPermitsLayout) + N_PERMITS * sizeof (MpAtomic32)];
  };
  union
  {
    MpRendezvousLayout rendezvous;
    guint8             rendezvous_memory[sizeof (MpRendezvousLayout) + N_PARTIES * sizeof (MpAtomic64)];
  };
  MpAtomic32 n_tokens;        /* guarded by the first lock */
  MpAtomic32 n_wrong;
  MpAtomic32 n_locks_told;
  MpAtomic32 n_permits_told;
  Worker     workers[MP_CRASH_N_WORKERS];
} Shared;

/* What victims had, and of that what they had not said yet: of those they may have
 * been told that they were abandoned, and told nobody.
 */
typedef struct
{
  guint n_held;
  guint n_unsure;
} Losses;

static Shared *shared;
static MpTable *table;
static Worker *self;
static guint32 me;
static GRand *chance;
static Losses lost_locks, lost_permits;

/* --- What the workers do -------------------------------------------------- */

static MpWait
a_moment (void)
{
  return MP_WAIT_UNTIL (g_get_monotonic_time () + A_MOMENT_USEC);
}

static void
linger (void)
{
  for (gint n = g_rand_int_range (chance, 0, 200); n > 0; n--)
    mp_cpu_relax ();
  if (g_rand_int_range (chance, 0, 32) == 0)
    mp_futex_pause (20);
}

static gboolean
go_in (guint  i,
       MpWait wait)
{
  MpOwnerLockResult result = mp_owner_rlock_acquire (table, &shared->locks[i], me, wait);

  if (result == MP_OWNER_LOCK_TIMED_OUT)
    return FALSE;

  if (result == MP_OWNER_LOCK_ABANDONED)
    {
      atomic_store (&shared->inside[i], 0);
      atomic_fetch_add (&shared->n_locks_told, 1);
    }
  atomic_store (&self->has_lock[i], 1);

  if (i == 0 && result == MP_OWNER_LOCK_ABANDONED)
    mp_notes_notify (table, &shared->notes, G_MAXUINT);
  if (atomic_exchange (&shared->inside[i], me) != 0)
    atomic_fetch_add (&shared->n_wrong, 1);
  return TRUE;
}

/* Before the lock is let go. */
static void
go_out (guint i)
{
  guint32 expected = me;

  if (!atomic_compare_exchange_strong (&shared->inside[i], &expected, 0))
    atomic_fetch_add (&shared->n_wrong, 1);
  atomic_store (&self->has_lock[i], 0);
}

static void
use_lock (void)
{
  guint i = (guint) g_rand_int_range (chance, 0, N_LOCKS);

  if (!go_in (i, g_rand_boolean (chance) ? MP_WAIT_NEVER_ENDS : a_moment ()))
    return;

  if (mp_owner_rlock_acquire (table, &shared->locks[i], me, MP_WAIT_ENDS_NOW) != MP_OWNER_LOCK_ACQUIRED ||
      atomic_load (&shared->locks[i].count) != 2)
    atomic_fetch_add (&shared->n_wrong, 1);
  linger ();
  mp_owner_rlock_release (&shared->locks[i], me);
  go_out (i);
  mp_owner_rlock_release (&shared->locks[i], me);
}

static void
use_permit (void)
{
  MpPermitsTake result = mp_permits_take (table, &shared->permits, N_PERMITS, me,
                                          g_rand_boolean (chance) ? MP_WAIT_NEVER_ENDS : a_moment ());

  if (result == MP_PERMITS_NONE)
    return;

  if (result == MP_PERMITS_ABANDONED)
    atomic_fetch_add (&shared->n_permits_told, 1);
  atomic_store (&self->has_permit, 1);
  linger ();
  atomic_store (&self->has_permit, 0);
  if (mp_permits_give (&shared->permits, N_PERMITS, me) == MP_PERMITS_ALL_THERE)
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* Whoever takes one has given one: somebody always can. */
static void
use_counter (void)
{
  mp_counter_give (&shared->counter.word);
  linger ();
  mp_counter_take (table, &shared->counter.word, MP_WAIT_NEVER_ENDS);
}

static void
use_flag (void)
{
  switch (g_rand_int_range (chance, 0, 3))
    {
    case 0:
      mp_flag_set (&shared->flag.word);
      break;
    case 1:
      mp_flag_clear (&shared->flag.word);
      break;
    default:
      mp_flag_wait (table, &shared->flag.word, mp_flag_get_round (&shared->flag.word), a_moment ());
    }
}

static void
wait_for_token (MpWait wait)
{
  MpNote note;

  mp_notes_enter (table, &shared->notes, me, &note);
  go_out (0);
  mp_owner_rlock_release (&shared->locks[0], me);
  mp_notes_wait (table, &shared->notes, me, &note, wait);
  go_in (0, MP_WAIT_NEVER_ENDS);
  mp_notes_leave (&shared->notes, &note);
}

static void
use_tokens (void)
{
  MpWait wait = a_moment ();

  go_in (0, MP_WAIT_NEVER_ENDS);
  if (g_rand_boolean (chance))
    {
      atomic_fetch_add (&shared->n_tokens, 1);
      mp_notes_notify (table, &shared->notes, 1);
    }
  else
    {
      while (atomic_load (&shared->n_tokens) == 0 && !mp_wait_is_over (wait))
        wait_for_token (wait);
      if (atomic_load (&shared->n_tokens) != 0)
        atomic_fetch_sub (&shared->n_tokens, 1);
    }
  go_out (0);
  mp_owner_rlock_release (&shared->locks[0], me);
}

static void
use_rendezvous (void)
{
  MpArrival arrival;
  MpRendezvousResult result = mp_rendezvous_arrive (table, &shared->rendezvous, N_PARTIES, me, &arrival);

  if (result == MP_RENDEZVOUS_MET)
    result = mp_rendezvous_is_last (&arrival) ? mp_rendezvous_complete (&shared->rendezvous, &arrival)
                                              : mp_rendezvous_wait (table, &shared->rendezvous, &arrival, a_moment ());
  if (result == MP_RENDEZVOUS_BROKEN)
    mp_rendezvous_reset (&shared->rendezvous);
}

static void
use_any (void)
{
  static void (*const uses[]) (void) = {
    use_lock, use_permit, use_counter, use_flag, use_tokens, use_rendezvous,
  };

  uses[g_rand_int_range (chance, 0, G_N_ELEMENTS (uses))] ();
}

static guint32
begin_to_work (guint i)
{
  self = &shared->workers[i];
  me = mp_participant_enter (table, NULL);
  chance = g_rand_new ();
  for (guint j = 0; j < N_LOCKS; j++)
    atomic_store (&self->has_lock[j], 0);
  atomic_store (&self->has_permit, 0);
  return me;
}

/* --- What is lost and found ----------------------------------------------- */

static void
count_loss (Losses   *losses,
            guint32   word,
            guint32   victim,
            gboolean  is_sure)
{
  if ((word & MP_OWNER_MASK) != victim)
    return;

  losses->n_held++;
  losses->n_unsure += !is_sure;
}

static void
look_what_it_holds (guint which)
{
  const Worker *worker = &shared->workers[which];
  guint32 victim = mp_crash_crew_get_me (which);

  for (guint i = 0; i < N_LOCKS; i++)
    count_loss (&lost_locks, atomic_load (&shared->locks[i].word), victim,
                atomic_load (&worker->has_lock[i]) != 0);
  for (guint i = 0; i < N_PERMITS; i++)
    count_loss (&lost_permits, atomic_load (&shared->permits.owners[i]), victim,
                atomic_load (&worker->has_permit) != 0);
}

static void
fail_stalled (guint i)
{
  g_error ("worker %u stalls", i);
}

/* All can be had again, by one that waits for it. */
static void
take_everything (void)
{
  MpWait wait = MP_WAIT_UNTIL (mp_test_deadline ());

  for (guint i = 0; i < N_LOCKS; i++)
    {
      MpOwnerLockResult result = mp_owner_rlock_acquire (table, &shared->locks[i], me, wait);

      g_assert_cmpint (result, !=, MP_OWNER_LOCK_TIMED_OUT);
      atomic_fetch_add (&shared->n_locks_told, result == MP_OWNER_LOCK_ABANDONED);
      mp_owner_rlock_release (&shared->locks[i], me);
    }

  for (guint i = 0; i < N_PERMITS; i++)
    {
      MpPermitsTake result = mp_permits_take (table, &shared->permits, N_PERMITS, me, wait);

      g_assert_cmpint (result, !=, MP_PERMITS_NONE);
      atomic_fetch_add (&shared->n_permits_told, result == MP_PERMITS_ABANDONED);
    }
  g_assert_cmpint (mp_permits_take (table, &shared->permits, N_PERMITS, me, MP_WAIT_ENDS_NOW), ==, MP_PERMITS_NONE);
}

static void
assert_told (const Losses *losses,
             guint         n_told)
{
  g_assert_cmpuint (n_told, <=, losses->n_held);
  g_assert_cmpuint (n_told + losses->n_unsure, >=, losses->n_held);
}

static void
test_storm (void)
{
  static const MpCrashCrew crew = {
    .begin = begin_to_work, .work = use_any, .look = look_what_it_holds, .stalled = fail_stalled,
  };
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
  me = mp_participant_enter (table, NULL);
  mp_crash_crew_run (&crew, mp_crash_get_n_rounds (N_KILLS, N_KILLS_LONG));
  take_everything ();
  g_test_message ("locks: %u held, %u unsure, %u told; permits: %u held, %u unsure, %u told",
                  lost_locks.n_held, lost_locks.n_unsure, atomic_load (&shared->n_locks_told),
                  lost_permits.n_held, lost_permits.n_unsure, atomic_load (&shared->n_permits_told));
  g_assert_cmpuint (atomic_load (&shared->n_wrong), ==, 0);
  assert_told (&lost_locks, atomic_load (&shared->n_locks_told));
  assert_told (&lost_permits, atomic_load (&shared->n_permits_told));
}

int
main (int   argc,
      char *argv[])
{
  mp_crash_read_arguments (&argc, &argv);
  g_test_add_func ("/crash/storm", test_storm);
  return g_test_run ();
}
