/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* Sleeping on words and waking who sleeps on them.  All words may be shared
 * between processes.  Nothing here allocates, locks or touches more than its
 * arguments, so that the thread mp-watch and a child between fork and exec may
 * call it.
 *
 * Every sleep may end for no reason: the caller looks at its words again.
 */

/* One word of a sleep: goes on sleeping as long as *word is `seen`. */
typedef struct
{
  MpAtomic32 *word;
  guint32     seen;
} MpFutexWait;

/* More cannot be waited for in one call of the kernel. */
#define MP_FUTEX_MAX_WAITS 128

#define MP_FUTEX_WAKE_ALL G_MAXINT

/* How long a sleep lasts at most where the kernel cannot wait for several
 * words at once (before 5.16, or forbidden by a filter of system calls).
 */
#define MP_FUTEX_SLICE_USEC (50 * G_TIME_SPAN_MILLISECOND)

guint    mp_futex_wake                  (MpAtomic32        *word,
                                         int                n_sleepers);
guint    mp_futex_add_and_wake          (MpAtomic32        *word,
                                         guint32            addend);
guint    mp_futex_add_and_wake_all      (MpAtomic32        *word,
                                         guint32            addend);
void     mp_futex_set_and_wake          (MpAtomic32        *word,
                                         guint32            value);
void     mp_futex_set_bits_and_wake_all (MpAtomic32        *word,
                                         guint32            bits);
void     mp_futex_clear_and_wake_all    (MpAtomic32        *word,
                                         guint32            bits);
gboolean mp_futex_wait                  (MpAtomic32        *word,
                                         guint32            seen,
                                         gint64             deadline);
gboolean mp_futex_wait_many             (const MpFutexWait *waits,
                                         guint              n_waits,
                                         gint64             deadline);
gboolean mp_futex_can_wait_many         (void);
void     mp_futex_forbid_wait_many      (void);
void     mp_futex_pause                 (gint64             usec);

G_END_DECLS
