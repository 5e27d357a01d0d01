/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-atomic-private.h"
#include "mp-clock-private.h"

G_BEGIN_DECLS

/* How long somebody waits: until the deadline, or until somebody else makes
 * `stop` another value than 0 and wakes on it, as the handler of a cancellable does.
 */
typedef struct
{
  gint64      deadline;
  MpAtomic32 *stop;       /* memory of this process; NULL: nobody will */
} MpWait;

#define MP_WAIT_NEVER_ENDS ((MpWait) { MP_DEADLINE_NEVER, NULL })

/* One look. */
#define MP_WAIT_ENDS_NOW   ((MpWait) { MP_DEADLINE_NOW, NULL })

#define MP_WAIT_UNTIL(time) ((MpWait) { (time), NULL })

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

G_END_DECLS
