/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-crash-family.h"
#include "mp-clock-private.h"
#include "mp-futex-private.h"

/* An operation that has not more points is killed at all of them; of others, as
 * many as fit into the time.  All cases of all programs together have about 2,000,
 * which ones the seed says; and with --long as many as there are instructions.
 */
#define MAX_POINTS 18

/* What root may do hides what others may not: each program runs for somebody else too,
 * at that part of the points.
 */
#define UNPRIVILEGED_SHARE 6
#define NOBODY             65534

#define SYS_FUTEX_WAITV 449

typedef struct
{
  MpAtomic32  round;
  MpCrashTask task;      /* the same code in all */
  MpAtomic32  arrived[MP_CRASH_N_SLEEPERS];
  MpAtomic32  done[MP_CRASH_N_SLEEPERS];
  MpAtomic32  victim;    /* in owner words */
} Shared;

static Shared *shared;
static MpTable *table;
static const MpCrashHooks *hooks;
static pid_t sleepers[MP_CRASH_N_SLEEPERS];
static gboolean is_long;
static gboolean is_unprivileged;
static guint32 seed;
static guint part;
static guint n_parts = 1;
static glong n_points_of_all;

MpTable *
mp_crash_get_table (void)
{
  return table;
}

/* --- Sleepers ------------------------------------------------------------- */

/* In a sleeper. */
void
mp_crash_arrive (guint i)
{
  atomic_store (&shared->arrived[i], atomic_load (&shared->round));
}

static void
be_sleeper (gpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  guint32 round = 0;

  mp_participant_enter (table, NULL);
  if (hooks->setup_sleeper != NULL)
    hooks->setup_sleeper (i);

  for (;;)
    {
      while (atomic_load (&shared->round) == round)
        mp_futex_wait (&shared->round, round, MP_DEADLINE_NEVER);

      round = atomic_load (&shared->round);
      if (shared->task != NULL)
        shared->task (i);

      atomic_store (&shared->done[i], round);
    }
}

static void
start_sleepers (void)
{
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    sleepers[i] = mp_test_fork (be_sleeper, GUINT_TO_POINTER (i));
}

/* After a failure the next point begins with nothing that this one left. */
static void
replace_sleepers (void)
{
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    mp_test_kill (sleepers[i]);

  atomic_store (&shared->round, 0);
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    {
      atomic_store (&shared->arrived[i], 0);
      atomic_store (&shared->done[i], 0);
    }
  hooks->reset ();
  start_sleepers ();
}

guint
mp_crash_finish (guint failure)
{
  if (failure != 0)
    replace_sleepers ();

  return failure;
}

guint
mp_crash_n_sleepers_done (void)
{
  guint n = 0;

  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    n += atomic_load (&shared->done[i]) == atomic_load (&shared->round);

  return n;
}

/* At least so many. */
gboolean
mp_crash_sleepers_are_done (guint n)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;

  while (mp_crash_n_sleepers_done () < n)
    {
      if (g_get_monotonic_time () > end)
        return FALSE;
      mp_futex_pause (20);
    }

  return TRUE;
}

/* Sleeps for an object, or is done. */
gboolean
mp_crash_sleeper_is_asleep (guint i)
{
  g_autofree char *name = g_strdup_printf ("/proc/%d/syscall", sleepers[i]);
  g_autofree char *text = NULL;

  if (atomic_load (&shared->done[i]) == atomic_load (&shared->round))
    return TRUE;

  return g_file_get_contents (name, &text, NULL, NULL) && g_ascii_isdigit (text[0]) &&
         atoi (text) == SYS_FUTEX_WAITV;
}

/* --- Rounds --------------------------------------------------------------- */

/* Victims get the same few slots again and again, so that most instructions are
 * not those of loops over thousands of empty ones.
 */
void
mp_crash_begin_round (MpCrashTask task)
{
  atomic_store (&table->layout->next, 0);
  if (hooks->begin_round != NULL)
    hooks->begin_round ();

  shared->task = task;
  atomic_fetch_add (&shared->round, 1);
  mp_futex_wake (&shared->round, MP_FUTEX_WAKE_ALL);
}

void
mp_crash_send_to_sleep (MpCrashTask task)
{
  mp_crash_begin_round (task);
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    {
      while (atomic_load (&shared->arrived[i]) != atomic_load (&shared->round))
        mp_futex_pause (5);
      mp_test_wait_asleep (sleepers[i]);
    }
}

/* In the victim. */
void
mp_crash_enter (void)
{
  mp_crash_set_victim (mp_participant_enter (table, NULL));
}

/* In owner words. */
void
mp_crash_set_victim (guint32 me)
{
  atomic_store (&shared->victim, me);
}

guint32
mp_crash_get_victim (void)
{
  return atomic_load (&shared->victim);
}

/* --- Death ---------------------------------------------------------------- */

/* Waits until they are buried. */
gboolean
mp_crash_none_is_dead (MpTable *of_table)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  guint32 i = 0;

  while (i < atomic_load (&of_table->layout->top))
    {
      if ((atomic_load (&of_table->layout->slots[i].identity) & MP_LIFE_DIED) == 0)
        i++;
      else if (g_get_monotonic_time () > end)
        return FALSE;
      else
        mp_futex_pause (20);
    }

  return TRUE;
}

void
mp_crash_stop (pid_t pid)
{
  int status;

  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));
}

/* --- Running -------------------------------------------------------------- */

static glong
get_max_points (void)
{
  glong n = hooks->max_points != 0 ? hooks->max_points : MAX_POINTS;

  if (is_long)
    return G_MAXLONG;

  return is_unprivileged ? MAX (n / UNPRIVILEGED_SHARE, 1) : n;
}

static void
test_kill (gconstpointer data)
{
  const MpKillCase *kill_case = data;
  g_autofree char *reason = NULL;
  MpKillWalk walk = { seed, get_max_points (), hooks->max_usec, part % n_parts, n_parts };
  MpKillResult result;

  if (!mp_kill_is_possible (&reason))
    {
      g_test_skip (reason);
      return;
    }

  result = mp_kill_run (kill_case, &walk);
  n_points_of_all += result.n_points;
  g_test_message ("%ld points of %ld instructions in %u traces, %ld as before, %ld stepped, %ld asleep, %ld failed",
                  result.n_points, result.n_instructions, result.n_traces, result.n_as_before, result.n_stepped,
                  result.n_asleep, result.n_failed);
  g_assert_cmpint (result.n_failed, ==, 0);
}

/*
 * mp_crash_get_n_rounds:
 * @n: usually
 * @n_long: with --long
 */
guint
mp_crash_get_n_rounds (guint n,
                       guint n_long)
{
  guint n_rounds = is_long ? n_long : n;

  return is_unprivileged ? MAX (n_rounds / UNPRIVILEGED_SHARE, 1) : n_rounds;
}

guint32
mp_crash_get_seed (void)
{
  return seed;
}

/* Before anything is opened, and with what a process of nobody's is allowed to by itself:
 * to be traced by others of nobody's.
 */
static void
drop_privileges (void)
{
  if (geteuid () != 0)
    {
      printf ("1..0 # SKIP the others run without privileges already\n");
      exit (0);
    }

  if (setgroups (0, NULL) != 0 ||
      setresgid (NOBODY, NOBODY, NOBODY) != 0 ||
      setresuid (NOBODY, NOBODY, NOBODY) != 0 ||
      prctl (PR_SET_DUMPABLE, 1) != 0)
    g_error ("Cannot drop privileges: %s", g_strerror (errno));

  g_assert_cmpint (setuid (0), ==, -1);
}

static gboolean
take_flag (int         *argc,
           char      ***argv,
           const char  *flag)
{
  if (*argc < 2 || strcmp ((*argv)[1], flag) != 0)
    return FALSE;

  (*argv)[1] = (*argv)[0];
  (*argv)++;
  (*argc)--;
  return TRUE;
}

static void
take_part (int    *argc,
           char ***argv)
{
  if (*argc < 2 || !g_str_has_prefix ((*argv)[1], "--part="))
    return;

  if (sscanf ((*argv)[1], "--part=%u/%u", &part, &n_parts) != 2 || part < 1 || part > n_parts)
    g_error ("%s: --part=I/N, of 1 to N", (*argv)[1]);

  part--;
  take_flag (argc, argv, (*argv)[1]);
}

/*
 *   MP_TEST_SEED=N          which points are run, where not all are; printed first
 *   MP_TEST_LONG=1, --long  all points
 *   --part=I/N              with --long: the I-th of N parts of the points, 1/N to N/N; all of them together are all
 *   --unprivileged          as root: for somebody who may nothing, and fewer points
 *
 * Flags come first.
 */
void
mp_crash_read_arguments (int    *argc,
                         char ***argv)
{
  const char *given_seed = g_getenv ("MP_TEST_SEED");

  is_long = take_flag (argc, argv, "--long") || g_strcmp0 (g_getenv ("MP_TEST_LONG"), "1") == 0;
  take_part (argc, argv);
  is_unprivileged = take_flag (argc, argv, "--unprivileged");
  if (is_unprivileged)
    drop_privileges ();

  seed = given_seed != NULL ? (guint32) g_ascii_strtoull (given_seed, NULL, 10) : g_random_int ();
  if (is_unprivileged && is_long)
    {
      part += n_parts * (seed % UNPRIVILEGED_SHARE);
      n_parts *= UNPRIVILEGED_SHARE;
    }

  g_test_init (argc, argv, NULL);
  g_test_message ("MP_TEST_SEED=%u%s%s, part %u of %u", seed, is_long ? ", long" : "",
                  is_unprivileged ? ", unprivileged" : "", part + 1, n_parts);
}

void
mp_crash_set_up (const MpCrashHooks *the_hooks)
{
  g_autoptr (GError) error = NULL;

  hooks = the_hooks;
  shared = mp_test_share (sizeof *shared);
  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  g_assert_cmpuint (mp_participant_enter (table, &error), !=, 0);
  start_sleepers ();
}

/* To what mp_crash_run() runs. */
void
mp_crash_add (const MpKillCase *kill_case)
{
  g_autofree char *path = g_strconcat ("/crash/", kill_case->name, NULL);

  g_test_add_data_func (path, kill_case, test_kill);
}

int
mp_crash_run (const MpKillCase *cases,
              guint             n_cases)
{
  int result;

  for (guint i = 0; i < n_cases; i++)
    mp_crash_add (&cases[i]);

  result = g_test_run ();
  printf ("# kill points: %ld\n", n_points_of_all);
  return result;
}

void
mp_crash_end_sleepers (void)
{
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    mp_test_kill (sleepers[i]);
}

/* Nobody is left that was not reaped. */
void
mp_crash_tear_down (void)
{
  mp_crash_end_sleepers ();
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
}
