/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <signal.h>

#include "mp-interruptible.h"

G_BEGIN_DECLS

/* The signals that are blocked in a wait of this thread, for ppoll(): those that were when it first asked to be
 * interruptible; NULL as they are, where it did not.  A caller that blocks its signals before it looks for the last
 * time whether one has come misses none: it is delivered in the wait, or before the look. */
const sigset_t *mp_thread_get_wait_mask (void);

/* For sleeps that cannot let signals in by themselves, as ppoll() does: they are let in before, and a claimed signal
 * that is handled on this thread adds one to the word that it is about to sleep on, and to the number. */
void            mp_thread_watch_signals (int *word);
guint           mp_thread_get_n_signals (void);

G_END_DECLS
