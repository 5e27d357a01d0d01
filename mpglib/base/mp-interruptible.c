/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-interruptible-private.h"

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
 * calls then, misses none.
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
