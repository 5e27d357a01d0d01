/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "mp-kill-steps.h"

/* Not to have come back from an instruction for so long, and to be in a sleep of
 * the kernel's, is to be blocked.  Time alone says nothing on a busy machine.
 */
#define BLOCKED_USEC 3000

/* A sleep with a time limit that takes longer may have been cut into pieces: it is one, after all. */
#define NAP_USEC G_TIME_SPAN_SECOND

/* A step that takes longer means that the harness itself is broken. */
#define LOST_USEC (30 * G_TIME_SPAN_SECOND)

/* --- Waiting for a stepped thread ----------------------------------------- */

gboolean
mp_kill_is_sleeping (pid_t tid)
{
  g_autofree char *name = g_strdup_printf ("/proc/%d/stat", tid);
  g_autofree char *text = NULL;
  const char *end;

  if (!g_file_get_contents (name, &text, NULL, NULL))
    return FALSE;

  end = strrchr (text, ')');
  return end != NULL && end[2] == 'S';
}

/* Both of the kernel's sleeps on words have the address of the time limit for their fourth argument. */
static gboolean
is_napping (pid_t tid)
{
  g_autofree char *name = g_strdup_printf ("/proc/%d/syscall", tid);
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  gint64 number;

  if (!g_file_get_contents (name, &text, NULL, NULL))
    return FALSE;

  words = g_strsplit (text, " ", -1);
  number = g_ascii_strtoll (words[0], NULL, 10);
  return (number == SYS_futex || number == SYS_futex_waitv) && g_strv_length (words) > 4 &&
         g_ascii_strtoull (words[4], NULL, 16) != 0;
}

static void
on_tick (int signal_number)
{
}

/* From now on a wait is interrupted every now and then, to see whether it waits
 * for somebody who sleeps.
 */
void
mp_kill_start_ticking (void)
{
  struct sigaction action = { .sa_handler = on_tick };
  struct itimerval interval = {
    .it_interval.tv_usec = BLOCKED_USEC,
    .it_value.tv_usec = BLOCKED_USEC,
  };

  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &interval, NULL);
}

void
mp_kill_stop_ticking (void)
{
  struct itimerval never = { 0 };

  setitimer (ITIMER_REAL, &never, NULL);
}

/* Returns: FALSE if it went to sleep, of which a nap is none if it @naps */
static gboolean
wait_for_stop (pid_t     tid,
               gboolean  naps,
               int      *status)
{
  gint64 begin = 0;

  for (;;)
    {
      if (waitpid (tid, status, __WALL) >= 0 || errno != EINTR)
        return TRUE;

      if (begin == 0)
        begin = g_get_monotonic_time ();
      else if (mp_kill_is_sleeping (tid) &&
               !(naps && is_napping (tid) && g_get_monotonic_time () < begin + NAP_USEC))
        return FALSE;
      else if (g_get_monotonic_time () > begin + LOST_USEC)
        g_error ("a stepped thread neither stopped nor slept");
    }
}

/* At an instruction in which it slept before: no time has to tell.
 *
 * Returns: FALSE if it went to sleep
 */
static gboolean
wait_for_stop_or_sleep (pid_t tid,
                        int  *status)
{
  while (waitpid (tid, status, __WALL | WNOHANG) == 0)
    if (mp_kill_is_sleeping (tid))
      return FALSE;
    else
      sched_yield ();

  return TRUE;
}

static gboolean
is_trapped (const MpKillVictim *victim,
            int                 status)
{
  return victim->aim.is_deadly && WIFSIGNALED (status) && WTERMSIG (status) == SIGTRAP;
}

/* After a request to a thread that is not there, as errno says. */
static MpKillStep
expect_trapped (const MpKillVictim *victim)
{
  int error = errno, status;

  if (error != ESRCH || waitpid (victim->tid, &status, __WALL) != victim->tid || !is_trapped (victim, status))
    g_error ("ptrace: %s", g_strerror (error));

  return MP_KILL_STEP_TRAPPED;
}

static MpKillStep
resume (MpKillRun            *run,
        enum __ptrace_request request,
        gboolean              is_to_sleep)
{
  int status = 0;

  if (ptrace (request, run->victim.tid, NULL, NULL) != 0)
    return expect_trapped (&run->victim);

  while (is_to_sleep ? !wait_for_stop_or_sleep (run->victim.tid, &status)
                     : !wait_for_stop (run->victim.tid, run->kill_case->naps, &status))
    {
      if (run->was_blocked || run->kill_case->blocked == NULL)
        return MP_KILL_STEP_ASLEEP;

      if (run->record != NULL)
        mp_kill_trace_slept (run->record);
      run->was_blocked = TRUE;
      is_to_sleep = FALSE;
      run->kill_case->blocked ();
    }

  if (WIFSTOPPED (status) && WSTOPSIG (status) == SIGTRAP)
    return MP_KILL_STEP_DONE;

  if (is_trapped (&run->victim, status))
    return MP_KILL_STEP_TRAPPED;

  return WIFSTOPPED (status) && WSTOPSIG (status) == SIGSTOP ? MP_KILL_STEP_ENDED : MP_KILL_STEP_BROKEN;
}

/* --- Addresses ------------------------------------------------------------ */

/* What is started by itself lies elsewhere each time. */
gboolean
mp_kill_has_addresses (const MpKillCase *kill_case)
{
  return mp_kill_can_leap () && kill_case->start == NULL;
}

/* Without addresses each instruction is another one. */
guint64
mp_kill_where_is (const MpKillRun *run)
{
  return mp_kill_has_addresses (run->kill_case) ? mp_kill_get_address (run->victim.tid) : (guint64) run->done;
}

/* --- Getting there -------------------------------------------------------- */

static MpKillStep
step (MpKillRun *run,
      gboolean   is_to_sleep)
{
  MpKillStep last = resume (run, PTRACE_SINGLESTEP, is_to_sleep);

  if (last != MP_KILL_STEP_DONE)
    return last;

  run->done++;
  if (run->record != NULL)
    mp_kill_trace_add (run->record, mp_kill_where_is (run));
  return MP_KILL_STEP_DONE;
}

MpKillStep
mp_kill_step_to (MpKillRun *run,
                 glong      n_instructions)
{
  MpKillStep last = MP_KILL_STEP_DONE;

  while (run->done < n_instructions && last == MP_KILL_STEP_DONE)
    last = step (run, FALSE);

  return last;
}

/* Of an address at which it is already, the next time is meant. */
static MpKillStep
leap (MpKillRun *run,
      guint64    address)
{
  MpKillStep last = MP_KILL_STEP_DONE;

  if (mp_kill_get_address (run->victim.tid) == address)
    last = resume (run, PTRACE_SINGLESTEP, FALSE);

  if (last != MP_KILL_STEP_DONE)
    return last;

  if (!mp_kill_aim (&run->victim.aim, run->victim.tid, address))
    return expect_trapped (&run->victim);

  last = resume (run, PTRACE_CONT, FALSE);
  if (last != MP_KILL_STEP_ASLEEP)
    mp_kill_land (&run->victim.aim, run->victim.tid);
  return last;
}

MpKillStep
mp_kill_leap_to (MpKillRun         *run,
                 const MpKillTrace *trace,
                 glong              n_instructions)
{
  g_autoptr (GArray) way = mp_kill_trace_get_way (trace, n_instructions);
  MpKillStep last = MP_KILL_STEP_DONE;

  for (guint i = way->len; i > 0 && last == MP_KILL_STEP_DONE; i--)
    {
      glong stop = g_array_index (way, glong, i - 1);

      last = mp_kill_trace_is_stepped (trace, stop) ? step (run, stop - 1 == trace->sleep)
                                                    : leap (run, mp_kill_trace_get_address (trace, stop));
      if (last == MP_KILL_STEP_DONE)
        run->done = stop;
    }

  return last;
}

/* A wake that is lost is lost for ever, so a busy machine may have its time. */
#define STALL_USEC (5 * G_TIME_SPAN_SECOND)

/* Not stepped any more. */
MpKillStep
mp_kill_run_to_end (MpKillVictim *victim,
                    MpKillStep    last)
{
  gint64 end = g_get_monotonic_time () + STALL_USEC;
  int status;

  if (last != MP_KILL_STEP_ASLEEP && ptrace (PTRACE_CONT, victim->tid, NULL, NULL) != 0)
    return expect_trapped (victim);

  for (;;)
    {
      if (!wait_for_stop (victim->tid, FALSE, &status))
        {
          if (g_get_monotonic_time () > end)
            return MP_KILL_STEP_ASLEEP;
        }
      else if (WIFSTOPPED (status) && WSTOPSIG (status) == SIGSTOP)
        return MP_KILL_STEP_ENDED;
      else if (!WIFSTOPPED (status) || WSTOPSIG (status) != SIGTRAP)
        return is_trapped (victim, status) ? MP_KILL_STEP_TRAPPED : MP_KILL_STEP_BROKEN;
      else
        {
          mp_kill_land (&victim->aim, victim->tid);
          ptrace (PTRACE_CONT, victim->tid, NULL, NULL);
        }
    }
}
