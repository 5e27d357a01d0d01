/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-atomic-private.h"
#include "mp-clock-private.h"
#include "mp-futex-private.h"

G_BEGIN_DECLS

/* How long somebody waits: until the deadline, or until somebody else makes
 * `stop` another value than 0 and wakes on it, as the handler of a cancellable does.
 */
typedef struct
{
  gint64      deadline;
  MpAtomic32 *stop;            /* memory of this process; NULL: nobody will */
  gboolean    ends_on_signal;  /* a handler that runs during a sleep stops the wait */
} MpWait;

/* What `stop` becomes; a handler that runs before the sleep adds one. */
#define MP_WAIT_INTERRUPTED 1
#define MP_WAIT_CANCELLED   2

#define MP_WAIT_NEVER_ENDS ((MpWait) { MP_DEADLINE_NEVER, NULL, FALSE })

/* One look. */
#define MP_WAIT_ENDS_NOW   ((MpWait) { MP_DEADLINE_NOW, NULL, FALSE })

#define MP_WAIT_UNTIL(time) ((MpWait) { (time), NULL, FALSE })

static inline gboolean
mp_wait_was_stopped (MpWait wait)
{
  return wait.stop != NULL && atomic_load (wait.stop) != 0;
}

static inline gboolean
mp_wait_is_over (MpWait wait)
{
  return mp_wait_was_stopped (wait) || mp_deadline_has_passed (wait.deadline);
}

/* Ends the wait, from another thread. */
static inline void
mp_wait_stop (MpAtomic32 *stop,
              guint32     reason)
{
  atomic_store (stop, reason);
  mp_futex_wake (stop, MP_FUTEX_WAKE_ALL);
}

G_END_DECLS
