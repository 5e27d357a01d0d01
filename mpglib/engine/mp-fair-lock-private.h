/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A mutex for one thread that works with it again and again, and others that want it now and then.
 *
 * Whoever lets go of a GMutex and takes it again at once nearly always has it before the thread that was woken for it
 * runs: the others may wait as long as there is work.  So the worker takes its turn, and lets go when somebody wants
 * the lock:
 *
 *     free          whoever asks has it, with one atomic operation, if nobody wants it
 *     held          the next one has `next`, and sleeps at `lock`; more of them sleep at `next`
 *     let go        the one with `next` has it, for the worker comes by `next`, too
 *
 * Whoever it is waits for no more than what the holder does until it lets go, and what those do who were there before.
 * Not recursive. */
typedef struct {
  GMutex lock;
  GMutex next;
  gint n_wanting; /* atomic */
} MpFairLock;

void     mp_fair_lock_init         (MpFairLock *self);
void     mp_fair_lock_clear        (MpFairLock *self);
void     mp_fair_lock_acquire      (MpFairLock *self);
/* Behind all that wait: for the worker */
void     mp_fair_lock_take_turn    (MpFairLock *self);
void     mp_fair_lock_release      (MpFairLock *self);
/* For the worker, which has it: whether others wait */
gboolean mp_fair_lock_is_wanted    (MpFairLock *self);
/* Around a fork: nobody may be on its way to the lock, who would be so for ever in the child */
void     mp_fair_lock_before_fork  (MpFairLock *self);
void     mp_fair_lock_after_fork   (MpFairLock *self);

G_END_DECLS
