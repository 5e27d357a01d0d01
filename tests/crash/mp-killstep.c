/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-kill-private.h"
#include "mp-kill-steps.h"
#include "mp-kill-trace.h"
#include "mp-killstep.h"
#include "mp-test-process.h"

/* More of them tell nothing new, and each takes seconds. */
#define ENOUGH_FAILURES 5

/* What an operation does depends on what was there before it.  A walk is through when so many traces in a row had
 * nothing new, or there were so many of them.
 */
#define ENOUGH_SAME   5
#define ENOUGH_TRACES 32

/* Where a way leads depends on it too. */
#define MAX_TRIES 3

/* Set by the victim, shared: `setup` is through. */
static _Atomic guint32 *is_ready;

/* --- The victim ----------------------------------------------------------- */

static void
be_victim (const MpKillCase *kill_case)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (kill_case->setup != NULL)
    kill_case->setup ();

  if (kill_case->get_thread != NULL)
    {
      atomic_store (is_ready, 1);
      for (;;)
        pause ();
    }

  if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) != 0)
    _exit (1);

  raise (SIGSTOP);
  kill_case->op ();
  raise (SIGSTOP);
  _exit (0);
}

static void
stop_thread (pid_t tid)
{
  int status;

  while (!mp_kill_is_sleeping (tid))
    sched_yield ();

  if (ptrace (PTRACE_SEIZE, tid, NULL, NULL) != 0 ||
      ptrace (PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
      waitpid (tid, &status, __WALL) != tid)
    g_error ("ptrace: %s", g_strerror (errno));
}

/* The stepped thread and the harness take turns: on one CPU that is a switch, on
 * two a wake across, which takes many times as long.  What is forked here begins there.
 */
static void
share_cpu (pid_t tid)
{
  cpu_set_t one;

  CPU_ZERO (&one);
  CPU_SET (sched_getcpu (), &one);
  sched_setaffinity (tid, sizeof one, &one);
  sched_setaffinity (0, sizeof one, &one);
}

static void
leave_cpu (const cpu_set_t *before)
{
  sched_setaffinity (0, sizeof *before, before);
}

/* It need not be a child of this process. */
static MpKillVictim
seize_victim (const MpKillCase *kill_case)
{
  pid_t pid = kill_case->start (kill_case);
  int status;

  if (ptrace (PTRACE_SEIZE, pid, NULL, NULL) != 0)
    g_error ("ptrace: %s", g_strerror (errno));

  kill_case->go ();
  if (waitpid (pid, &status, __WALL) != pid || !WIFSTOPPED (status) || WSTOPSIG (status) != SIGSTOP)
    g_error ("%s: the victim did not start", kill_case->name);

  return (MpKillVictim) { .pid = pid, .tid = pid };
}

static MpKillVictim
start_victim (const MpKillCase *kill_case)
{
  MpKillVictim victim = { 0 };
  int status;

  if (kill_case->start != NULL)
    return seize_victim (kill_case);

  atomic_store (is_ready, 0);
  victim.pid = victim.tid = fork ();
  if (victim.pid == 0)
    be_victim (kill_case);

  if (victim.pid < 0)
    g_error ("fork: %s", g_strerror (errno));

  if (kill_case->get_thread == NULL)
    {
      if (waitpid (victim.pid, &status, __WALL) != victim.pid || !WIFSTOPPED (status))
        g_error ("%s: the victim did not start", kill_case->name);
      return victim;
    }

  while (atomic_load (is_ready) == 0)
    {
      if (waitpid (victim.pid, &status, WNOHANG) == victim.pid)
        g_error ("%s: the victim did not start", kill_case->name);
      sched_yield ();
    }

  victim.tid = kill_case->get_thread ();
  stop_thread (victim.tid);
  if (kill_case->provoke != NULL)
    kill_case->provoke ();

  return victim;
}

static void
kill_victim (const MpKillCase   *kill_case,
             const MpKillVictim *victim)
{
  int status;

  kill (victim->pid, SIGKILL);
  if (kill_case->reap != NULL)
    {
      kill_case->reap ();
      return;
    }

  /* A traced thread stays until its tracer has seen its end, and its process too. */
  if (victim->tid != victim->pid)
    while (waitpid (victim->tid, &status, __WALL) == victim->tid && WIFSTOPPED (status))
      ;

  mp_test_await_end (victim->pid);
  while (waitpid (victim->pid, &status, __WALL) == victim->pid && WIFSTOPPED (status))
    ;
}

/* Whom the harness itself has killed does not come to its end, whatever others do. */
static void
judge (const MpKillRun *run,
       MpKillStep       last,
       MpKillResult    *result)
{
  const MpKillCase *kill_case = run->kill_case;
  guint failure = kill_case->check ();

  if (last == MP_KILL_STEP_BROKEN)
    failure |= 1u << 31;
  if (last == MP_KILL_STEP_ASLEEP && kill_case->interfere != NULL)
    failure |= 1u << 30;
  if (last == MP_KILL_STEP_TRAPPED && kill_case->interfere != NULL)
    failure = 0;

  if (failure != 0)
    {
      g_printerr ("# %s: killed after %ld instructions%s: failure %x\n", kill_case->name, run->done,
                  last == MP_KILL_STEP_ASLEEP ? ", asleep" : last == MP_KILL_STEP_ENDED ? ", at the end" : "", failure);
      result->n_failed++;
    }

  result->n_points++;
  result->n_asleep += last == MP_KILL_STEP_ASLEEP;
}

/* After @n_leapt instructions by the ways of @trace it goes on by steps; without one it does so from the beginning, and
 * a @record can be kept.
 *
 * Returns: whether it was killed after so many instructions
 */
static gboolean
run_point (const MpKillCase  *kill_case,
           glong              n_instructions,
           const MpKillTrace *trace,
           glong              n_leapt,
           MpKillTrace       *record,
           MpKillResult      *result)
{
  MpKillRun run = { .kill_case = kill_case, .record = record };
  gboolean is_there;
  cpu_set_t cpus;
  MpKillStep last;

  sched_getaffinity (0, sizeof cpus, &cpus);
  if (kill_case->start == NULL)
    share_cpu (0);
  if (kill_case->prepare != NULL)
    kill_case->prepare ();

  run.victim = start_victim (kill_case);
  share_cpu (run.victim.tid);
  mp_kill_start_ticking ();
  if (record != NULL)
    mp_kill_trace_add (record, mp_kill_where_is (&run));

  last = trace != NULL ? mp_kill_leap_to (&run, trace, n_leapt) : MP_KILL_STEP_DONE;
  if (last == MP_KILL_STEP_DONE)
    last = mp_kill_step_to (&run, n_instructions);
  is_there = last == MP_KILL_STEP_DONE && run.done == n_instructions &&
             (trace == NULL || mp_kill_where_is (&run) == mp_kill_trace_get_address (trace, n_instructions));

  if (kill_case->interfere != NULL)
    {
      kill_case->interfere ();
      if (last != MP_KILL_STEP_ENDED && last != MP_KILL_STEP_TRAPPED)
        last = mp_kill_run_to_end (&run.victim, last);
    }

  mp_kill_stop_ticking ();
  if (kill_case->last != NULL)
    kill_case->last ();

  kill_victim (kill_case, &run.victim);
  leave_cpu (&cpus);
  judge (&run, last, result);
  return is_there;
}

/* --- Choosing points ------------------------------------------------------ */

/* The end of the operation, and how it came there. */
static MpKillTrace *
run_to_trace (const MpKillCase *kill_case,
              MpKillResult     *result)
{
  MpKillTrace *trace = mp_kill_trace_new ();

  run_point (kill_case, G_MAXLONG, NULL, 0, trace, result);
  mp_kill_trace_plan (trace);
  result->n_traces++;
  return trace;
}

/* How far the ways of a trace have led where they should. */
typedef struct
{
  glong    n_there;      /* instructions */
  gboolean has_strayed;  /* since then, so that one try is enough */
} Progress;

/* Where the ways lead elsewhere each time, steps do not: it is killed after so many of them at least, from where the
 * ways have led before.
 */
static void
reach_point (const MpKillCase  *kill_case,
             glong              n_instructions,
             const MpKillTrace *trace,
             Progress          *progress,
             MpKillResult      *result)
{
  gboolean has_ways = mp_kill_has_addresses (kill_case);
  guint n_tries = !has_ways ? 0 : progress->has_strayed ? 1 : MAX_TRIES;

  for (guint i = 0; i < n_tries; i++)
    if (run_point (kill_case, n_instructions, trace, n_instructions, NULL, result))
      {
        *progress = (Progress) { n_instructions, FALSE };
        return;
      }

  progress->has_strayed = TRUE;
  result->n_stepped++;
  run_point (kill_case, n_instructions, has_ways ? trace : NULL, MIN (progress->n_there, n_instructions), NULL,
             result);
}

/* Points that are spread evenly however many of them are run: multiples of the
 * golden section, from a beginning that the seed gives.
 */
static glong
spread_point (glong   index,
              guint32 seed,
              glong   n_points)
{
  gdouble at = (gdouble) seed / G_MAXUINT32 + (gdouble) index * 0.6180339887498949;

  return (glong) ((at - (gdouble) (glong) at) * (gdouble) n_points);
}

/* So many of those below `n_instructions`. */
static void
run_points (const MpKillCase  *kill_case,
            const MpKillTrace *trace,
            guint32            seed,
            glong              n_points,
            glong              n_instructions,
            gint64             end,
            MpKillResult      *result)
{
  for (glong i = 0; i < n_points; i++)
    {
      Progress progress = { 0 };

      if (g_get_monotonic_time () > end || result->n_failed == ENOUGH_FAILURES)
        return;

      reach_point (kill_case, n_points == n_instructions ? i : spread_point (i, seed, n_instructions), trace, &progress,
                   result);
    }
}

static MpKillResult
run_some (const MpKillCase *kill_case,
          const MpKillWalk *walk)
{
  MpKillResult result = { 0 };
  g_autoptr (MpKillTrace) trace = run_to_trace (kill_case, &result);
  gint64 end = g_get_monotonic_time () + walk->max_usec;
  glong length = mp_kill_trace_get_length (trace);
  glong n_dense = MIN (kill_case->n_dense, length);

  result.n_instructions = length;
  if (result.n_instructions <= walk->max_points)
    end = G_MAXINT64;
  else
    run_points (kill_case, trace, walk->seed, MIN (walk->max_points, n_dense), n_dense, G_MAXINT64, &result);

  run_points (kill_case, trace, walk->seed, MIN (walk->max_points, result.n_instructions), result.n_instructions,
              end, &result);
  return result;
}

/* To have died there is to others as to have died one instruction before. */
static gboolean
is_as_before (const MpKillCase  *kill_case,
              const MpKillTrace *trace,
              glong              index)
{
  return index > 0 && mp_kill_has_addresses (kill_case) &&
         mp_kill_is_private (mp_kill_trace_get_address (trace, index - 1));
}

/* Returns: whether there were any */
static gboolean
walk_what_is_new (const MpKillCase  *kill_case,
                  const MpKillWalk  *walk,
                  const MpKillTrace *trace,
                  GHashTable        *seen,
                  MpKillResult      *result)
{
  gboolean is_new = FALSE;
  Progress progress = { 0 };

  for (glong i = 0; i < mp_kill_trace_get_length (trace) && result->n_failed < ENOUGH_FAILURES; i++)
    {
      if (!g_hash_table_add (seen, GSIZE_TO_POINTER (mp_kill_trace_get_key (trace, i))))
        continue;

      is_new = TRUE;
      if (is_as_before (kill_case, trace, i))
        result->n_as_before++;
      else if ((guint) (i % walk->n_parts) == walk->part)
        reach_point (kill_case, i, trace, &progress, result);
    }

  return is_new;
}

/* Each instruction is killed at as often as it comes in any of the traces, unless that would be as one before to
 * others.
 */
static MpKillResult
walk_all (const MpKillCase *kill_case,
          const MpKillWalk *walk)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  MpKillResult result = { 0 };
  guint n_same = 0;

  while (n_same < ENOUGH_SAME && result.n_traces < ENOUGH_TRACES && result.n_failed < ENOUGH_FAILURES)
    {
      g_autoptr (MpKillTrace) trace = run_to_trace (kill_case, &result);
      glong length = mp_kill_trace_get_length (trace);

      result.n_instructions = MAX (result.n_instructions, length);
      n_same = walk_what_is_new (kill_case, walk, trace, seen, &result) ? 0 : n_same + 1;
    }

  return result;
}

/*
 * mp_kill_run:
 *
 * The end of the operation is always one of the points.
 */
MpKillResult
mp_kill_run (const MpKillCase *kill_case,
             const MpKillWalk *walk)
{
  mp_kill_can_leap ();
  if (is_ready == NULL)
    is_ready = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  return walk->max_points == G_MAXLONG ? walk_all (kill_case, walk) : run_some (kill_case, walk);
}

/* --- Is it possible? ------------------------------------------------------ */

/*
 * mp_kill_is_possible:
 * @reason: (out): why not
 */
gboolean
mp_kill_is_possible (char **reason)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    {
      if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit (errno);
      raise (SIGSTOP);
      _exit (0);
    }

  if (pid < 0 || waitpid (pid, &status, __WALL) != pid)
    g_error ("fork: %s", g_strerror (errno));

  if (WIFEXITED (status))
    {
      *reason = g_strdup_printf ("ptrace is not allowed here: %s", g_strerror (WEXITSTATUS (status)));
      return FALSE;
    }

  if (ptrace (PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
    *reason = g_strdup_printf ("single steps are not possible here: %s", g_strerror (errno));

  kill (pid, SIGKILL);
  while (waitpid (pid, &status, __WALL) == pid && WIFSTOPPED (status))
    ;

  return *reason == NULL;
}
