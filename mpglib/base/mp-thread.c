/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <signal.h>

#include "mp-thread-private.h"

static int
create (MpThreadFunc  func,
        void         *data,
        gsize         stack_size,
        pthread_t    *thread)
{
  pthread_attr_t attributes;
  int failure;

  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  if (stack_size != 0)
    pthread_attr_setstacksize (&attributes, stack_size);
  failure = pthread_create (thread, &attributes, func, data);
  pthread_attr_destroy (&attributes);

  return failure;
}

/*< private >
 * mp_thread_start:
 * @stack_size: bytes, or 0 for the system's default
 * @thread: (out) (optional): the thread, to be named only: it is detached
 *
 * Starts a thread of the library's own, which lives as long as it likes. Signals
 * are for threads of the program's: it has all of them blocked from its first
 * instruction on.
 *
 * Returns: 0, or what `errno` would tell
 */
int
mp_thread_start (MpThreadFunc  func,
                 void         *data,
                 gsize         stack_size,
                 pthread_t    *thread)
{
  pthread_t unnamed;
  sigset_t all, before;
  int failure;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  failure = create (func, data, stack_size, thread != NULL ? thread : &unnamed);
  /* A program with much thread-local storage needs a larger stack than ours */
  if (failure == EINVAL && stack_size != 0)
    failure = create (func, data, 0, thread != NULL ? thread : &unnamed);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  return failure;
}
