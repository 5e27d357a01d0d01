/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-owner-lock-private.h"

G_BEGIN_DECLS

/* An owner lock that its owner, a thread, may take again.
 *
 *   word    thread   count   state
 *   0       any      any     free
 *   X       T of X   n       held n times by the thread T of X; at 2^32 - 1 times for ever
 *   X       other    any     X took or releases the word just now
 *
 * `thread` names the participant too, so what a dead owner left there is never taken
 * for somebody else's.  `thread` and `count` are changed by the owner of the word
 * only: set after it is taken, cleared before it is given back.
 */

guint64            mp_owner_rlock_get_thread       (guint32       me);
gboolean           mp_owner_rlock_is_mine          (MpLockLayout *lock,
                                                    guint32       me);
MpOwnerLockResult  mp_owner_rlock_acquire          (MpTable      *table,
                                                    MpLockLayout *lock,
                                                    guint32       me,
                                                    MpWait        wait);
MpOwnerLockResult  mp_owner_rlock_acquire_or_await (MpTable      *table,
                                                    MpLockLayout *lock,
                                                    guint32       me);
guint32            mp_owner_rlock_get_count        (MpLockLayout *lock);
MpOwnerLockRelease mp_owner_rlock_release          (MpLockLayout *lock,
                                                    guint32       me);
MpOwnerLockRelease mp_owner_rlock_release_all      (MpLockLayout *lock,
                                                    guint32       me,
                                                    guint32      *count);
void               mp_owner_rlock_restore          (MpLockLayout *lock,
                                                    guint32       count);

G_END_DECLS
