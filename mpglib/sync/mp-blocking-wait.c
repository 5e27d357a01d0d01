/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-blocking-wait-private.h"
#include "mp-error.h"
#include "mp-interruptible-private.h"

static void
stop_by_cancelling (gpointer stop)
{
  mp_wait_stop (stop, MP_WAIT_CANCELLED);
}

/* A signal that comes from here on stops the wait, also before it sleeps. */
static void
let_signals_in (MpBlockingWait *self)
{
  const sigset_t *mask = mp_thread_get_wait_mask ();

  self->is_unmasked = mask != NULL;
  if (mask == NULL)
    return;

  mp_thread_watch_signals ((int *) &self->stop);
  pthread_sigmask (SIG_SETMASK, mask, &self->mask);
}

/*< private >
 * mp_blocking_wait_begin:
 *
 * Afterwards, unless it failed, mp_blocking_wait_end() is to be called.  No lock of
 * the library's may be held: handlers of signals are let in.
 */
gboolean
mp_blocking_wait_begin (MpBlockingWait  *self,
                        gdouble          timeout,
                        GCancellable    *cancellable,
                        GError         **error)
{
  self->stop = 0;
  self->wait = (MpWait) {
    .deadline = mp_deadline_from_timeout (timeout),
    .stop = &self->stop,
    .ends_on_signal = mp_thread_get_interruptible (),
  };
  self->cancellable = cancellable;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (cancellable != NULL)
    {
      mp_cancel_watch_begin (&self->watch, cancellable, stop_by_cancelling, &self->stop);
      if (g_cancellable_is_cancelled (cancellable))
        stop_by_cancelling (&self->stop);
    }

  let_signals_in (self);
  return TRUE;
}

void
mp_blocking_wait_end (MpBlockingWait *self)
{
  if (self->is_unmasked)
    {
      pthread_sigmask (SIG_SETMASK, &self->mask, NULL);
      mp_thread_watch_signals (NULL);
    }

  if (self->cancellable != NULL)
    mp_cancel_watch_end (&self->watch);
}

/*< private >
 * mp_blocking_wait_fail:
 * @what: what was waited for, as the beginning of a sentence
 *
 * Says why it ended.
 *
 * Returns: whether a signal ended it, so that the thread waits again
 */
gboolean
mp_blocking_wait_fail (MpBlockingWait  *self,
                       const char      *what,
                       GError         **error)
{
  gboolean is_interrupted;

  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return FALSE;

  is_interrupted = mp_wait_was_stopped (self->wait);
  if (is_interrupted)
    g_set_error (error, MP_ERROR, MP_ERROR_INTERRUPTED, "%s: a signal ended the wait", what);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_TIMED_OUT, "%s within the time given", what);

  return is_interrupted;
}
