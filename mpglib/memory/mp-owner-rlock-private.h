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

guint32            mp_owner_rlock_number_thread    (void);
MpOwnerLockResult  mp_owner_rlock_acquire          (MpTable      *table,
                                                    MpLockLayout *lock,
                                                    guint32       me,
                                                    MpWait        wait);
MpOwnerLockResult  mp_owner_rlock_acquire_or_await (MpTable      *table,
                                                    MpLockLayout *lock,
                                                    guint32       me);
MpOwnerLockRelease mp_owner_rlock_release          (MpLockLayout *lock,
                                                    guint32       me);
MpOwnerLockRelease mp_owner_rlock_release_all      (MpLockLayout *lock,
                                                    guint32       me,
                                                    guint32      *count);
void               mp_owner_rlock_restore          (MpLockLayout *lock,
                                                    guint32       count);

/* The number of the calling thread; 0: it has none yet.  At a fixed place from the thread's
 * pointer on, which takes one instruction and not a call; musl has no such places for
 * libraries that are loaded later.
 */
#ifdef __GLIBC__
# define MP_FIXED_PLACE __attribute__ ((tls_model ("initial-exec")))
#else
# define MP_FIXED_PLACE
#endif
extern _Thread_local guint32 mp_owner_rlock_number MP_FIXED_PLACE;

/*< private >
 * mp_owner_rlock_get_thread:
 *
 * Returns: the calling thread, as no other thread of any participant has it
 */
static inline guint64
mp_owner_rlock_get_thread (guint32 me)
{
  guint32 number = mp_owner_rlock_number;

  return (guint64) me << 32 | (number != 0 ? number : mp_owner_rlock_number_thread ());
}

/*< private >
 * mp_owner_rlock_peek_thread:
 *
 * As mp_owner_rlock_get_thread(), but nobody for a thread that had no lock yet.
 */
static inline guint64
mp_owner_rlock_peek_thread (guint32 me)
{
  return (guint64) me << 32 | mp_owner_rlock_number;
}

static inline gboolean
mp_owner_rlock_is_mine (MpLockLayout *lock,
                        guint32       me)
{
  return atomic_load_explicit (&lock->thread, memory_order_relaxed) == mp_owner_rlock_peek_thread (me);
}

/*< private >
 * mp_owner_rlock_get_count:
 *
 * Returns: how often its owner has it, for its owner
 */
static inline guint32
mp_owner_rlock_get_count (MpLockLayout *lock)
{
  return atomic_load_explicit (&lock->count, memory_order_relaxed);
}

/* Only the owner calls this, so there is nobody to race with. */
static inline void
mp_owner_rlock_set_count (MpLockLayout *lock,
                          guint32       count)
{
  atomic_store_explicit (&lock->count, count, memory_order_relaxed);
}

/* A count that has reached its end stays there: such a lock is held until its owner dies.
 * A branch, for who acquires and releases again and again waits for the count each time.
 */
static inline gboolean
mp_owner_rlock_try_again (MpLockLayout *lock,
                          guint64       thread)
{
  guint32 count = mp_owner_rlock_get_count (lock);

  if (atomic_load_explicit (&lock->thread, memory_order_relaxed) != thread)
    return FALSE;

  if (G_LIKELY (count < G_MAXUINT32))
    mp_owner_rlock_set_count (lock, count + 1);
  return TRUE;
}

static inline void
mp_owner_rlock_begin (MpLockLayout *lock,
                      guint64       thread)
{
  mp_owner_rlock_set_count (lock, 1);
  atomic_store_explicit (&lock->thread, thread, memory_order_relaxed);
}

/* If it is free; not for nobody. */
static inline gboolean
mp_owner_rlock_try (MpLockLayout *lock,
                    guint32       me,
                    guint64       thread)
{
  if ((guint32) thread == 0 || !mp_owner_lock_try (&lock->word, me))
    return FALSE;

  mp_owner_rlock_begin (lock, thread);
  return TRUE;
}

/*< private >
 * mp_owner_rlock_end:
 *
 * The last release.
 *
 * Returns: %FALSE if somebody waits, so that mp_owner_lock_release() is to follow
 */
static inline gboolean
mp_owner_rlock_end (MpLockLayout *lock,
                    guint32       me)
{
  atomic_store_explicit (&lock->thread, 0, memory_order_relaxed);
  return mp_owner_lock_try_release (&lock->word, me);
}

/*< private >
 * mp_owner_rlock_try_leave:
 *
 * Returns: %FALSE if this is the last release, for which nothing was done
 */
static inline gboolean
mp_owner_rlock_try_leave (MpLockLayout *lock)
{
  guint32 count = mp_owner_rlock_get_count (lock);

  if (count <= 1)
    return FALSE;

  if (G_LIKELY (count < G_MAXUINT32))
    mp_owner_rlock_set_count (lock, count - 1);
  return TRUE;
}

G_END_DECLS
