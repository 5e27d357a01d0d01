/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-killstep.h"

/* Not to have come back from an instruction for so long, and to be in a sleep of
 * the kernel's, is to be blocked.  Time alone says nothing on a busy machine.
 */
#define BLOCKED_USEC 3000

/* More of them tell nothing new, and each takes seconds. */
#define ENOUGH_FAILURES 5

/* A step that takes longer means that the harness itself is broken. */
#define LOST_USEC (30 * G_TIME_SPAN_SECOND)

typedef enum
{
  STEP_DONE,
  STEP_ASLEEP,
  STEP_ENDED,
  STEP_BROKEN,   /* a signal that nobody sent */
} Step;

typedef struct
{
  pid_t pid;
  pid_t tid;     /* the thread that is stepped */
} Victim;

/* Set by the victim, shared: `setup` is through. */
static _Atomic guint32 *is_ready;

/* --- Waiting for a stepped thread ----------------------------------------- */

static gboolean
is_sleeping (pid_t tid)
{
  g_autofree char *name = g_strdup_printf ("/proc/%d/stat", tid);
  g_autofree char *text = NULL;
  const char *end;

  if (!g_file_get_contents (name, &text, NULL, NULL))
    return FALSE;

  end = strrchr (text, ')');
  return end != NULL && end[2] == 'S';
}

static void
on_tick (int signal_number)
{
}

/* From now on a wait is interrupted every now and then, to see whether it waits
 * for somebody who sleeps.
 */
static void
start_ticking (void)
{
  struct sigaction action = { .sa_handler = on_tick };
  struct itimerval interval = {
    .it_interval.tv_usec = BLOCKED_USEC,
    .it_value.tv_usec = BLOCKED_USEC,
  };

  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &interval, NULL);
}

static void
stop_ticking (void)
{
  struct itimerval never = { 0 };

  setitimer (ITIMER_REAL, &never, NULL);
}

/* Returns: FALSE if it went to sleep */
static gboolean
wait_for_stop (pid_t  tid,
               int   *status)
{
  gint64 begin = 0;

  for (;;)
    {
      if (waitpid (tid, status, __WALL) >= 0 || errno != EINTR)
        return TRUE;

      if (begin == 0)
        begin = g_get_monotonic_time ();
      else if (is_sleeping (tid))
        return FALSE;
      else if (g_get_monotonic_time () > begin + LOST_USEC)
        g_error ("a stepped thread neither stopped nor slept");
    }
}

static Step
step (const Victim     *victim,
      const MpKillCase *kill_case,
      gboolean         *was_blocked)
{
  int status = 0;

  if (ptrace (PTRACE_SINGLESTEP, victim->tid, NULL, NULL) != 0)
    g_error ("ptrace: %s", g_strerror (errno));

  while (!wait_for_stop (victim->tid, &status))
    {
      if (*was_blocked || kill_case->blocked == NULL)
        return STEP_ASLEEP;

      *was_blocked = TRUE;
      kill_case->blocked ();
    }

  if (WIFSTOPPED (status) && WSTOPSIG (status) == SIGTRAP)
    return STEP_DONE;

  return WIFSTOPPED (status) && WSTOPSIG (status) == SIGSTOP ? STEP_ENDED : STEP_BROKEN;
}

/* A wake that is lost is lost for ever, so a busy machine may have its time. */
#define STALL_USEC (5 * G_TIME_SPAN_SECOND)

/* Not stepped any more. */
static Step
run_to_end (const Victim *victim,
            Step          last)
{
  gint64 end = g_get_monotonic_time () + STALL_USEC;
  int status;

  if (last != STEP_ASLEEP && ptrace (PTRACE_CONT, victim->tid, NULL, NULL) != 0)
    g_error ("ptrace: %s", g_strerror (errno));

  for (;;)
    {
      if (!wait_for_stop (victim->tid, &status))
        {
          if (g_get_monotonic_time () > end)
            return STEP_ASLEEP;
        }
      else if (WIFSTOPPED (status) && WSTOPSIG (status) == SIGSTOP)
        return STEP_ENDED;
      else if (!WIFSTOPPED (status) || WSTOPSIG (status) != SIGTRAP)
        return STEP_BROKEN;
      else
        ptrace (PTRACE_CONT, victim->tid, NULL, NULL);
    }
}

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

  while (!is_sleeping (tid))
    sched_yield ();

  if (ptrace (PTRACE_SEIZE, tid, NULL, NULL) != 0 ||
      ptrace (PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
      waitpid (tid, &status, __WALL) != tid)
    g_error ("ptrace: %s", g_strerror (errno));
}

/* The stepped thread and the harness take turns: on one CPU that is a switch, on
 * two a wake across, which takes many times as long.
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
static Victim
seize_victim (const MpKillCase *kill_case)
{
  pid_t pid = kill_case->start (kill_case);
  int status;

  if (ptrace (PTRACE_SEIZE, pid, NULL, NULL) != 0)
    g_error ("ptrace: %s", g_strerror (errno));

  kill_case->go ();
  if (waitpid (pid, &status, __WALL) != pid || !WIFSTOPPED (status) || WSTOPSIG (status) != SIGSTOP)
    g_error ("%s: the victim did not start", kill_case->name);

  return (Victim) { pid, pid };
}

static Victim
start_victim (const MpKillCase *kill_case)
{
  Victim victim;
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
kill_victim (const MpKillCase *kill_case,
             const Victim     *victim)
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

  while (waitpid (victim->pid, &status, __WALL) == victim->pid && WIFSTOPPED (status))
    ;
}

/* Returns: instructions that were run */
static glong
run_point (const MpKillCase *kill_case,
           glong             n_instructions,
           MpKillResult     *result)
{
  gboolean was_blocked = FALSE;
  Step last = STEP_DONE;
  cpu_set_t cpus;
  Victim victim;
  glong done = 0;
  guint failure;

  if (kill_case->prepare != NULL)
    kill_case->prepare ();

  victim = start_victim (kill_case);
  sched_getaffinity (0, sizeof cpus, &cpus);
  share_cpu (victim.tid);
  start_ticking ();
  while (done < n_instructions && last == STEP_DONE)
    {
      last = step (&victim, kill_case, &was_blocked);
      if (last == STEP_DONE)
        done++;
    }

  if (kill_case->interfere != NULL)
    {
      kill_case->interfere ();
      if (last != STEP_ENDED)
        last = run_to_end (&victim, last);
    }

  stop_ticking ();
  leave_cpu (&cpus);
  if (kill_case->last != NULL)
    kill_case->last ();

  kill_victim (kill_case, &victim);
  failure = kill_case->check ();

  if (last == STEP_BROKEN)
    failure |= 1u << 31;
  if (last == STEP_ASLEEP && kill_case->interfere != NULL)
    failure |= 1u << 30;

  if (failure != 0)
    {
      g_printerr ("# %s: killed after %ld instructions%s: failure %x\n", kill_case->name, done,
                  last == STEP_ASLEEP ? ", asleep" : last == STEP_ENDED ? ", at the end" : "", failure);
      result->n_failed++;
    }

  result->n_points++;
  result->n_asleep += last == STEP_ASLEEP;
  return done;
}

/* --- Choosing points ------------------------------------------------------ */

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
run_points (const MpKillCase *kill_case,
            guint32           seed,
            glong             n_points,
            glong             n_instructions,
            gint64            end,
            MpKillResult     *result)
{
  for (glong i = 0; i < n_points; i++)
    {
      if (g_get_monotonic_time () > end || result->n_failed == ENOUGH_FAILURES)
        return;

      run_point (kill_case, n_points == n_instructions ? i : spread_point (i, seed, n_instructions), result);
    }
}

/*
 * mp_kill_run:
 * @max_points: all, if the operation has not more
 * @max_usec: time after which no further point is begun, if not all are run
 *
 * The end of the operation is always one of the points.
 */
MpKillResult
mp_kill_run (const MpKillCase *kill_case,
             guint32           seed,
             glong             max_points,
             gint64            max_usec)
{
  gint64 end = g_get_monotonic_time () + max_usec;
  MpKillResult result = { 0 };
  gboolean all;

  if (is_ready == NULL)
    is_ready = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  result.n_instructions = run_point (kill_case, G_MAXLONG, &result);
  all = result.n_instructions <= max_points;

  if (!all)
    run_points (kill_case, seed, MIN (max_points, kill_case->n_dense), kill_case->n_dense, G_MAXINT64, &result);

  run_points (kill_case, seed, MIN (max_points, result.n_instructions), result.n_instructions,
              all ? G_MAXINT64 : end, &result);
  return result;
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
