/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-looping.h"

static _Thread_local gboolean looping;

/**
 * mp_thread_set_looping:
 * @is_looping: whether the calling thread runs the callbacks of a main loop
 *
 * Tells the library that the calling thread runs a main loop that is not GLib's, which it does not see by itself:
 * that of asyncio, libuv or Tokio.
 *
 * A call that needs what another process has for a moment only, and was stopped in, waits for it, up to 10 seconds;
 * on a thread that runs a main loop, which has other things to do, 250 ms, and then fails with
 * %MP_ERROR_TIMED_OUT. In callbacks of GLib's main loops that is so without this function. Asynchronous
 * calls of queues and connections do not keep a main loop waiting for that, and fail after 10 seconds.
 *
 * It is each thread's own, and stays until the thread says otherwise. The Python override calls this function where
 * asyncio's loop runs.
 *
 * Since: 1.0
 */
void
mp_thread_set_looping (gboolean is_looping)
{
  looping = is_looping;
}

/**
 * mp_thread_get_looping:
 *
 * Tells whether the calling thread runs a main loop: in a callback of one of GLib's, or since
 * [func@Mp.thread_set_looping] said so.
 *
 * Returns: %TRUE if calls here wait no longer than a main loop can
 *
 * Since: 1.0
 */
gboolean
mp_thread_get_looping (void)
{
  /* The depth is the thread's own: a forked child may ask for it, too. */
  return looping || g_main_depth () > 0;
}
