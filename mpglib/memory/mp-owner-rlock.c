/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-owner-rlock-private.h"

static MpAtomic32 n_threads;
static _Thread_local guint32 own_serial;

/*< private >
 * mp_owner_rlock_get_thread:
 *
 * Returns: the calling thread, as no other thread of any participant has it
 */
guint64
mp_owner_rlock_get_thread (guint32 me)
{
  if (G_UNLIKELY (own_serial == 0))
    own_serial = atomic_fetch_add (&n_threads, 1) + 1;

  return (guint64) me << 32 | own_serial;
}

gboolean
mp_owner_rlock_is_mine (MpLockLayout *lock,
                        guint32       me)
{
  return atomic_load_explicit (&lock->thread, memory_order_relaxed) == mp_owner_rlock_get_thread (me);
}

/* Only the owner calls this, so there is nobody to race with. */
static void
set_count (MpLockLayout *lock,
           guint32       count)
{
  atomic_store_explicit (&lock->count, count, memory_order_relaxed);
}

/*< private >
 * mp_owner_rlock_get_count:
 *
 * Returns: how often its owner has it, for its owner
 */
guint32
mp_owner_rlock_get_count (MpLockLayout *lock)
{
  return atomic_load_explicit (&lock->count, memory_order_relaxed);
}

/* A count that has reached its end stays there: such a lock is held until its owner dies. */
static gboolean
acquire_again (MpLockLayout *lock,
               guint32       me)
{
  guint32 count = mp_owner_rlock_get_count (lock);

  if (!mp_owner_rlock_is_mine (lock, me))
    return FALSE;

  set_count (lock, count < G_MAXUINT32 ? count + 1 : G_MAXUINT32);
  return TRUE;
}

static MpOwnerLockResult
begin (MpLockLayout      *lock,
       guint32            me,
       MpOwnerLockResult  result)
{
  if (result != MP_OWNER_LOCK_TIMED_OUT)
    {
      set_count (lock, 1);
      atomic_store_explicit (&lock->thread, mp_owner_rlock_get_thread (me), memory_order_relaxed);
    }

  return result;
}

MpOwnerLockResult
mp_owner_rlock_acquire (MpTable      *table,
                        MpLockLayout *lock,
                        guint32       me,
                        MpWait        wait)
{
  if (acquire_again (lock, me))
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
  if (acquire_again (lock, me))
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
  guint32 count = mp_owner_rlock_get_count (lock);

  if (count > 1)
    {
      set_count (lock, count < G_MAXUINT32 ? count - 1 : G_MAXUINT32);
      return MP_OWNER_LOCK_RELEASED;
    }

  atomic_store_explicit (&lock->thread, 0, memory_order_relaxed);
  return mp_owner_lock_release (&lock->word);
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
  atomic_store_explicit (&lock->thread, 0, memory_order_relaxed);
  return mp_owner_lock_release (&lock->word);
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

  set_count (lock, count < G_MAXUINT32 - others ? count + others : G_MAXUINT32);
}
