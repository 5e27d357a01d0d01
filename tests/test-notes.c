/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-notes-private.h"
#include "mp-owner-rlock-private.h"
#include "mp-participant-private.h"
#include "mp-test-crew.h"

#define N_TOKENS 2000

typedef struct
{
  MpLockLayout  lock;
  MpNotesLayout notes;
  MpAtomic32    n_notified;
  MpAtomic32    n_in_vain;
  guint32       n_tokens;   /* guarded by the lock */
  guint32       n_taken;
} Shared;

static MpTable *table;
static Shared *shared;

static guint32
enter (void)
{
  guint32 me = mp_participant_enter (table, NULL);

  g_assert_cmpuint (me, !=, 0);
  return me;
}

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
  enter ();
}

static void
lock (void)
{
  g_assert_cmpint (mp_owner_rlock_acquire (table, &shared->lock, enter (), MP_WAIT_UNTIL (mp_test_deadline ())),
                   !=, MP_OWNER_LOCK_TIMED_OUT);
}

static void
unlock (void)
{
  mp_owner_rlock_release (&shared->lock, enter ());
}

/* As a condition waits: with the lock held. */
static gboolean
wait_for_note (MpWait wait)
{
  MpNote note;

  mp_notes_enter (table, &shared->notes, enter (), &note);
  unlock ();
  mp_notes_wait (table, &shared->notes, enter (), &note, wait);
  lock ();
  return mp_notes_leave (&shared->notes, &note);
}

static guint
notify (guint n)
{
  guint n_notified;

  lock ();
  n_notified = mp_notes_notify (table, &shared->notes, n);
  unlock ();
  return n_notified;
}

static guint
count_places (guint32 flag)
{
  guint n = 0;

  for (guint i = 0; i < MP_NOTES_N_PLACES; i++)
    n += (atomic_load (&shared->notes.places[i]) & flag) != 0;

  return n;
}

static void
be_waiter (gpointer data)
{
  enter ();
  lock ();
  mp_test_tell_ready ();
  if (wait_for_note (MP_WAIT_UNTIL (mp_test_deadline ())))
    mp_test_count (&shared->n_notified);
  else
    mp_test_count (&shared->n_in_vain);
  unlock ();
  for (;;)
    pause ();
}

static void
start_waiters (pid_t *pids,
               guint  n)
{
  for (guint i = 0; i < n; i++)
    pids[i] = mp_test_fork_waiter (be_waiter, NULL);
}

static void
stop_waiters (const pid_t *pids,
              guint        n)
{
  for (guint i = 0; i < n; i++)
    mp_test_kill (pids[i]);
}

/* --- Notifying ------------------------------------------------------------ */

static void
test_one_many_all (void)
{
  pid_t pids[6];

  set_up ();
  start_waiters (pids, G_N_ELEMENTS (pids));
  g_assert_cmpuint (notify (1), ==, 1);
  mp_test_wait_count (&shared->n_notified, 1);
  g_assert_cmpuint (notify (2), ==, 2);
  mp_test_wait_count (&shared->n_notified, 3);
  g_assert_cmpuint (notify (G_MAXUINT), ==, 3);
  mp_test_wait_count (&shared->n_notified, 6);

  g_assert_cmpuint (notify (1), ==, 0);
  lock ();
  unlock ();
  g_assert_cmpuint (count_places (G_MAXUINT32), ==, 0);
  g_assert_cmpuint (atomic_load (&shared->n_in_vain), ==, 0);
  stop_waiters (pids, G_N_ELEMENTS (pids));
}

/* A notification after the lock is released and before the sleep is not missed. */
static void
test_early (void)
{
  MpNote note;

  set_up ();
  lock ();
  mp_notes_enter (table, &shared->notes, enter (), &note);
  unlock ();
  g_assert_cmpuint (notify (1), ==, 1);
  g_assert_true (mp_notes_wait (table, &shared->notes, enter (), &note, MP_WAIT_NEVER_ENDS));
  lock ();
  g_assert_true (mp_notes_leave (&shared->notes, &note));
  unlock ();
}

/* Nor is one that comes when the time is over. */
static void
test_late (void)
{
  MpNote note;

  set_up ();
  lock ();
  mp_notes_enter (table, &shared->notes, enter (), &note);
  unlock ();
  g_assert_false (mp_notes_wait (table, &shared->notes, enter (), &note, MP_WAIT_ENDS_NOW));
  g_assert_cmpuint (notify (1), ==, 1);
  lock ();
  g_assert_true (mp_notes_leave (&shared->notes, &note));
  unlock ();
  g_assert_cmpuint (notify (1), ==, 0);
}

static void
test_timeout (void)
{
  gint64 begin = g_get_monotonic_time ();

  set_up ();
  lock ();
  g_assert_false (wait_for_note (MP_WAIT_UNTIL (begin + 50 * G_TIME_SPAN_MILLISECOND)));
  unlock ();
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpuint (count_places (G_MAXUINT32), ==, 0);
}

static void
be_stopped (gpointer data)
{
  lock ();
  g_assert_false (wait_for_note (mp_test_wait_until_stop ()));
  unlock ();
}

static void
test_stop (void)
{
  set_up ();
  mp_test_assert_stops (be_stopped);
  g_assert_cmpuint (count_places (G_MAXUINT32), ==, 0);
}

/* Takers wait with no time limit: one lost notification and this stands still. */
static void
put_or_take (gpointer number)
{
  for (guint i = 0; i < N_TOKENS; i++)
    {
      lock ();
      if (GPOINTER_TO_UINT (number) % 2 != 0)
        {
          shared->n_tokens++;
          mp_notes_notify (table, &shared->notes, 1);
        }
      else
        {
          while (shared->n_tokens == 0)
            wait_for_note (MP_WAIT_NEVER_ENDS);
          shared->n_tokens--;
          shared->n_taken++;
        }
      unlock ();
    }
}

static void
test_tokens (void)
{
  set_up ();
  mp_test_crew_processes (put_or_take);
  mp_test_crew_threads (put_or_take);
  g_assert_cmpuint (shared->n_tokens, ==, 0);
  g_assert_cmpuint (shared->n_taken, ==, MP_TEST_CREW_SIZE * N_TOKENS);
  g_assert_cmpuint (count_places (G_MAXUINT32), ==, 0);
}

/* --- More waiters than places --------------------------------------------- */

/* Takes all places but those of others. */
static guint
fill_places (MpNote *filler)
{
  guint n = 0;

  lock ();
  while (count_places (G_MAXUINT32) < MP_NOTES_N_PLACES)
    mp_notes_enter (table, &shared->notes, enter (), &filler[n++]);
  unlock ();
  return n;
}

static void
clear_places (const MpNote *filler,
              guint         n)
{
  lock ();
  for (guint i = 0; i < n; i++)
    mp_notes_leave (&shared->notes, &filler[i]);
  unlock ();
}

static void
test_crowd (void)
{
  MpNote filler[MP_NOTES_N_PLACES];
  pid_t pids[3];
  guint n;

  set_up ();
  n = fill_places (filler);
  g_assert_cmpuint (n, ==, MP_NOTES_N_PLACES);
  start_waiters (pids, G_N_ELEMENTS (pids));

  /* As long as there are others it is their turn. */
  g_assert_cmpuint (notify (MP_NOTES_N_PLACES), ==, MP_NOTES_N_PLACES);
  g_assert_cmpuint (atomic_load (&shared->n_notified), ==, 0);
  g_assert_cmpuint (notify (1), ==, 1);
  mp_test_wait_count (&shared->n_notified, G_N_ELEMENTS (pids));
  g_assert_cmpuint (notify (1), ==, 0);

  clear_places (filler, n);
  stop_waiters (pids, G_N_ELEMENTS (pids));
}

static void
test_crowd_all (void)
{
  MpNote filler[MP_NOTES_N_PLACES];
  pid_t pids[3];
  guint n;

  set_up ();
  n = fill_places (filler);
  start_waiters (pids, G_N_ELEMENTS (pids));
  g_assert_cmpuint (notify (G_MAXUINT), ==, MP_NOTES_N_PLACES + 1);
  mp_test_wait_count (&shared->n_notified, G_N_ELEMENTS (pids));
  clear_places (filler, n);
  stop_waiters (pids, G_N_ELEMENTS (pids));
}

static void
test_crowd_timeout (void)
{
  MpNote filler[MP_NOTES_N_PLACES];
  guint n;

  set_up ();
  n = fill_places (filler);
  lock ();
  g_assert_false (wait_for_note (MP_WAIT_UNTIL (g_get_monotonic_time () + 1000)));
  unlock ();
  mp_test_assert_stops (be_stopped);
  clear_places (filler, n);
}

/* --- Deaths --------------------------------------------------------------- */

static void
stop (pid_t pid)
{
  int status;

  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
}

/* Is notified, and dies before it can do anything. */
static void
notify_and_kill (pid_t pid)
{
  stop (pid);
  g_assert_cmpuint (notify (1), ==, 1);
  g_assert_cmpuint (count_places (MP_OWNER_NOTE), ==, 1);
  mp_test_kill (pid);
}

static void
test_inherited (void)
{
  pid_t pids[3];

  set_up ();
  start_waiters (pids, G_N_ELEMENTS (pids));
  notify_and_kill (pids[0]);
  mp_test_wait_count (&shared->n_notified, 1);

  g_assert_cmpuint (notify (G_MAXUINT), <=, 1);
  mp_test_wait_count (&shared->n_notified, 2);
  lock ();
  unlock ();
  g_assert_cmpuint (count_places (G_MAXUINT32), ==, 0);
  stop_waiters (pids + 1, 2);
}

/* The crowd inherits too, with the place. */
static void
test_inherited_by_crowd (void)
{
  MpNote filler[MP_NOTES_N_PLACES];
  pid_t pids[2];
  guint n;

  set_up ();
  start_waiters (pids, 1);
  n = fill_places (filler);
  g_assert_cmpuint (n, ==, MP_NOTES_N_PLACES - 1);
  start_waiters (pids + 1, 1);
  notify_and_kill (pids[0]);
  mp_test_wait_count (&shared->n_notified, 1);

  lock ();
  unlock ();
  g_assert_cmpuint (count_places (MP_OWNER_NOTE), ==, 0);
  g_assert_cmpuint (count_places (G_MAXUINT32), ==, n);
  clear_places (filler, n);
  stop_waiters (pids + 1, 1);
}

/* It got the note, but never the lock. */
static void
test_inherited_before_lock (void)
{
  pid_t pids[2];

  set_up ();
  start_waiters (pids, 2);
  lock ();
  g_assert_cmpuint (mp_notes_notify (table, &shared->notes, 1), ==, 1);
  mp_test_wait_asleep (pids[0]);
  mp_test_kill (pids[0]);
  unlock ();
  mp_test_wait_count (&shared->n_notified, 1);
  stop_waiters (pids + 1, 1);
}

/* Those that died waiting are no receivers. */
static void
test_dead_are_passed_over (void)
{
  pid_t pids[2];
  guint32 first;

  set_up ();
  start_waiters (pids, 2);
  first = atomic_load (&shared->notes.places[0]);
  mp_test_kill (pids[0]);
  mp_test_wait_dead (table, first);
  g_assert_cmpuint (notify (1), ==, 1);
  mp_test_wait_count (&shared->n_notified, 1);
  g_assert_cmpuint (atomic_load (&shared->notes.places[0]), ==, 0);
  stop_waiters (pids + 1, 1);
}

/* A newcomer in the place of one that died with a note hands that on. */
static void
test_newcomer_hands_on (void)
{
  MpNote note;
  pid_t pids[2];
  guint32 first;

  set_up ();
  start_waiters (pids, 2);
  first = atomic_load (&shared->notes.places[0]);
  stop (pids[1]);
  notify_and_kill (pids[0]);
  mp_test_wait_dead (table, first);

  lock ();
  atomic_store (&shared->notes.turn, 0);
  g_assert_true (mp_notes_enter (table, &shared->notes, enter (), &note));
  unlock ();
  g_assert_cmpuint (note.place, ==, 0);
  g_assert_cmpuint (atomic_load (&shared->notes.places[0]), ==, enter ());
  g_assert_cmpuint (atomic_load (&shared->notes.places[1]) & MP_OWNER_NOTE, !=, 0);

  kill (pids[1], SIGCONT);
  mp_test_wait_count (&shared->n_notified, 1);
  lock ();
  g_assert_false (mp_notes_leave (&shared->notes, &note));
  unlock ();
  stop_waiters (pids + 1, 1);
}

/* --- Main loops ----------------------------------------------------------- */

static void
notify_and_ring (gpointer data)
{
  if (notify (1) > 0)
    mp_bell_ring (table, &shared->notes.bell);
  for (;;)
    pause ();
}

static void
test_await (void)
{
  MpTestBell bell;
  MpNote note;
  pid_t pid;

  set_up ();
  mp_test_bell_init (&bell, table, &shared->notes.bell);
  lock ();
  mp_notes_enter (table, &shared->notes, enter (), &note);
  unlock ();
  mp_test_bell_arm (&bell);
  g_assert_false (mp_notes_look (table, &shared->notes, enter (), &note));

  pid = mp_test_fork (notify_and_ring, NULL);
  do
    mp_test_bell_hear (&bell);
  while (!mp_notes_look (table, &shared->notes, enter (), &note));
  lock ();
  g_assert_true (mp_notes_leave (&shared->notes, &note));
  unlock ();
  mp_test_kill (pid);
  mp_test_bell_clear (&bell);
}

static void
test_await_inherited (void)
{
  MpTestBell bell;
  MpNote note;
  pid_t pid;

  set_up ();
  mp_test_bell_init (&bell, table, &shared->notes.bell);
  pid = mp_test_fork_waiter (be_waiter, NULL);
  lock ();
  mp_notes_enter (table, &shared->notes, enter (), &note);
  unlock ();
  mp_test_bell_arm (&bell);
  g_assert_false (mp_notes_look (table, &shared->notes, enter (), &note));

  notify_and_kill (pid);
  do
    mp_test_bell_hear (&bell);
  while (!mp_notes_look (table, &shared->notes, enter (), &note));

  lock ();
  g_assert_true (mp_notes_leave (&shared->notes, &note));
  unlock ();
  mp_test_bell_clear (&bell);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/notes/one-many-all", test_one_many_all);
  g_test_add_func ("/notes/early", test_early);
  g_test_add_func ("/notes/late", test_late);
  g_test_add_func ("/notes/timeout", test_timeout);
  g_test_add_func ("/notes/stop", test_stop);
  g_test_add_func ("/notes/tokens", test_tokens);
  g_test_add_func ("/notes/crowd", test_crowd);
  g_test_add_func ("/notes/crowd-all", test_crowd_all);
  g_test_add_func ("/notes/crowd-timeout", test_crowd_timeout);
  g_test_add_func ("/notes/inherited", test_inherited);
  g_test_add_func ("/notes/inherited-by-crowd", test_inherited_by_crowd);
  g_test_add_func ("/notes/inherited-before-lock", test_inherited_before_lock);
  g_test_add_func ("/notes/dead-are-passed-over", test_dead_are_passed_over);
  g_test_add_func ("/notes/newcomer-hands-on", test_newcomer_hands_on);
  g_test_add_func ("/notes/await", test_await);
  g_test_add_func ("/notes/await-inherited", test_await_inherited);
  return g_test_run ();
}
