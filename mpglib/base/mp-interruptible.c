/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-interruptible-private.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local gboolean interruptible;
static _Thread_local gboolean has_wait_mask;
static _Thread_local sigset_t wait_mask;

/**
 * mp_thread_set_interruptible:
 * @interruptible: whether a signal ends the waits of this thread
 *
 * Lets signals end the blocking calls of the calling thread.
 *
 * A blocking call of mpglib that a signal handler has interrupted fails with
 * %MP_ERROR_INTERRUPTED, so that the caller can look at what the signal meant
 * and call again with the time that is left. By default it goes on waiting.
 * The Python override switches this on in the main thread: Ctrl-C raises
 * KeyboardInterrupt out of every wait.
 *
 * Waits let in the signals that were not blocked when the thread first asked
 * for this. So who blocks them before the last look whether one has come, and
 * calls then, misses none; but where other threads do not block them, see
 * [func@Mp.thread_claim_signals].
 *
 * Since: 1.0
 */
void
mp_thread_set_interruptible (gboolean is_interruptible)
{
  interruptible = is_interruptible;
  if (is_interruptible && !has_wait_mask)
    has_wait_mask = pthread_sigmask (SIG_SETMASK, NULL, &wait_mask) == 0;
}

const sigset_t *
mp_thread_get_wait_mask (void)
{
  return interruptible && has_wait_mask ? &wait_mask : NULL;
}

/**
 * mp_thread_get_interruptible:
 *
 * Tells whether a signal ends the waits of the calling thread; see
 * [func@Mp.thread_set_interruptible].
 *
 * Returns: %TRUE if blocking calls here can fail with %MP_ERROR_INTERRUPTED
 *
 * Since: 1.0
 */
gboolean
mp_thread_get_interruptible (void)
{
  return interruptible;
}

/* --- claimed signals -------------------------------------------------------------------------------------- */

/* Those that programs handle; the others end or stop the process, or tell of an error in it. */
static const int claimable[] = {
  SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGWINCH,
  SIGCHLD, /* house: no-global-reaping: goes to the program's own handler */
};

static int claimer; /* atomic: the thread */
static _Thread_local int *signal_word; /* used by the claimer's handlers only, where it has been used before */
static _Thread_local guint n_signals;

/* What the claimer found, and puts back */
static struct
{
  gboolean is_claimed;
  struct sigaction action;
} claims[G_N_ELEMENTS (claimable)];

/* The handler in it, for ours, which may still run when a program's next one takes its place */
static gpointer handlers[NSIG]; /* atomic */
static int handlers_with_info[NSIG]; /* atomic */

/* A forked child has no such thread, unless the claimer forked it, which has another number there. */
static gboolean
pass_on (int number)
{
  pid_t thread = g_atomic_int_get (&claimer);

  return thread != (pid_t) syscall (SYS_gettid) && syscall (SYS_tgkill, getpid (), thread, number) == 0;
}

static void
handle_claimed (int        number,
                siginfo_t *info,
                void      *context)
{
  int saved_errno = errno;
  gpointer handler = g_atomic_pointer_get (&handlers[number]);

  if (!pass_on (number))
    {
      if (g_atomic_int_get (&handlers_with_info[number]))
        ((void (*) (int, siginfo_t *, void *)) handler) (number, info, context);
      else
        ((void (*) (int)) handler) (number);

      n_signals++;
      if (signal_word != NULL)
        g_atomic_int_inc (signal_word);
    }
  errno = saved_errno;
}

static gboolean
has_handler (const struct sigaction *action)
{
  if (action->sa_flags & SA_SIGINFO)
    return action->sa_sigaction != handle_claimed;

  return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void
keep_handler (int                     number,
              const struct sigaction *action)
{
  gboolean has_info = (action->sa_flags & SA_SIGINFO) != 0;

  g_atomic_int_set (&handlers_with_info[number], has_info);
  g_atomic_pointer_set (&handlers[number],
                        has_info ? (gpointer) action->sa_sigaction : (gpointer) action->sa_handler);
}

void
mp_thread_watch_signals (int *word)
{
  signal_word = word;
}

guint
mp_thread_get_n_signals (void)
{
  return n_signals;
}

/**
 * mp_thread_claim_signals:
 *
 * Has handlers of signals run on the calling thread, wherever the kernel
 * delivers a signal that was sent to the process, until
 * [func@Mp.thread_release_signals].
 *
 * For languages that note a signal in its handler and do on one thread what it
 * asks for. A thread that blocks its signals before it looks whether one was
 * noted, and then waits with mpglib, is woken by those that come between; but if
 * there is another thread that does not block them, the kernel delivers them
 * there, and the first thread sleeps on. Claimed signals are passed on to it
 * before their handlers run.
 *
 * Covers the signals that programs handle (`SIGINT`, `SIGTERM`, `SIGHUP`,
 * `SIGQUIT`, `SIGALRM`, `SIGUSR1`, `SIGUSR2`, `SIGCHLD`, `SIGWINCH`), those of them
 * that have a handler at the time of the call, which takes a system call for
 * each. One thread at a time can do this.
 *
 * Since: 1.0
 */
void
mp_thread_claim_signals (void)
{
  mp_thread_watch_signals (NULL); /* the memory is there before a handler asks for it */
  g_atomic_int_set (&claimer, (int) syscall (SYS_gettid));
  for (guint i = 0; i < G_N_ELEMENTS (claimable); i++)
    {
      struct sigaction action;

      sigaction (claimable[i], NULL, &action);
      if (!has_handler (&action) || (action.sa_flags & (int) SA_RESETHAND))
        continue;

      claims[i].is_claimed = TRUE;
      claims[i].action = action;
      keep_handler (claimable[i], &action);
      action.sa_sigaction = handle_claimed;
      action.sa_flags |= SA_SIGINFO;
      sigaction (claimable[i], &action, NULL);
    }
}

/**
 * mp_thread_release_signals:
 *
 * Ends what [func@Mp.thread_claim_signals] began, on the thread that did. A
 * handler that was set in between stays.
 *
 * Since: 1.0
 */
void
mp_thread_release_signals (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (claimable); i++)
    {
      struct sigaction last;

      if (!claims[i].is_claimed)
        continue;

      claims[i].is_claimed = FALSE;
      sigaction (claimable[i], &claims[i].action, &last);
      if (last.sa_sigaction != handle_claimed)
        sigaction (claimable[i], &last, NULL);
    }
}
