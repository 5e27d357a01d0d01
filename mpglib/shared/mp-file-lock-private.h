/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-mapping-private.h"

G_BEGIN_DECLS

/* Locks on memory that processes find by its name, where they have nothing else in common: those
 * of the kernel (F_OFD_SETLK).  It releases them when who has them ends, however that is.  They ask
 * all others to take them, too, and hinder nobody who does not.
 *
 * A lock belongs to a description of the file that is opened for it, so threads have locks of
 * their own.  A forked child closes its copies: a lock ends with the process that took it.
 *
 * One has it at a time.  The kernel would let readers in by the dozen, but each one that comes before another
 * has gone, too, and where some read without a pause a writer's turn never came.
 *
 * Who has one only copies something, as with mp-short-lock; the patience of who waits is the same.
 */
int  mp_file_lock_acquire (MpMapping  *mapping,
                           GError    **error);
void mp_file_lock_release (int         lock);

G_END_DECLS
