/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-owner-rlock-private.h"

static MpAtomic32 n_threads;
_Thread_local guint32 mp_owner_rlock_number;

/*< private >
 * mp_owner_rlock_number_thread:
 *
 * Use mp_owner_rlock_get_thread().
 */
guint32
mp_owner_rlock_number_thread (void)
{
  mp_owner_rlock_number = atomic_fetch_add (&n_threads, 1) + 1;
  return mp_owner_rlock_number;
}

static MpOwnerLockResult
begin (MpLockLayout      *lock,
       guint32            me,
       MpOwnerLockResult  result)
{
  if (result != MP_OWNER_LOCK_TIMED_OUT)
    mp_owner_rlock_begin (lock, mp_owner_rlock_get_thread (me));

  return result;
}

MpOwnerLockResult
mp_owner_rlock_acquire (MpTable      *table,
                        MpLockLayout *lock,
                        guint32       me,
                        MpWait        wait)
{
  if (mp_owner_rlock_try_again (lock, mp_owner_rlock_get_thread (me)))
    return MP_OWNER_LOCK_ACQUIRED;

  return begin (lock, me, mp_owner_lock_acquire (table, &lock->word, me, wait));
}

/*< private >
 * mp_owner_rlock_acquire_or_await:
 *
 * As mp_owner_lock_acquire_or_await(), for the calling thread.
 */
MpOwnerLockResult
mp_owner_rlock_acquire_or_await (MpTable      *table,
                                 MpLockLayout *lock,
                                 guint32       me)
{
  if (mp_owner_rlock_try_again (lock, mp_owner_rlock_get_thread (me)))
    return MP_OWNER_LOCK_ACQUIRED;

  return begin (lock, me, mp_owner_lock_acquire_or_await (table, &lock->word, me));
}

/*< private >
 * mp_owner_rlock_release:
 *
 * The caller knows that the lock is its own.
 */
MpOwnerLockRelease
mp_owner_rlock_release (MpLockLayout *lock,
                        guint32       me)
{
  if (mp_owner_rlock_try_leave (lock))
    return MP_OWNER_LOCK_RELEASED;

  return mp_owner_rlock_end (lock, me) ? MP_OWNER_LOCK_RELEASED : mp_owner_lock_release (&lock->word);
}

/*< private >
 * mp_owner_rlock_release_all:
 * @count: (out): what mp_owner_rlock_restore() is to be given when it was acquired again
 *
 * For a wait of a condition: the caller knows that the lock is its own.
 */
MpOwnerLockRelease
mp_owner_rlock_release_all (MpLockLayout *lock,
                            guint32       me,
                            guint32      *count)
{
  *count = mp_owner_rlock_get_count (lock);
  return mp_owner_rlock_end (lock, me) ? MP_OWNER_LOCK_RELEASED : mp_owner_lock_release (&lock->word);
}

/*< private >
 * mp_owner_rlock_restore:
 * @count: from mp_owner_rlock_release_all()
 *
 * After it was acquired again, once: also where the thread had it already, for
 * somebody else in the same main loop.
 */
void
mp_owner_rlock_restore (MpLockLayout *lock,
                        guint32       count)
{
  guint32 present = mp_owner_rlock_get_count (lock);
  guint32 others = present < G_MAXUINT32 ? present - 1 : G_MAXUINT32;

  mp_owner_rlock_set_count (lock, count < G_MAXUINT32 - others ? count + others : G_MAXUINT32);
}
