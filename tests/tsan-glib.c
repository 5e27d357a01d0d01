/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <dlfcn.h>

#include <glib-object.h>
#include <sanitizer/tsan_interface.h>

/* Tells the thread sanitizer what GLib's locks do.
 *
 * GLib is not compiled with the sanitizer, so that it would take everything
 * that a GMutex guards for a race.  In a build with the sanitizer the test
 * programs hold these functions, which the dynamic linker finds before GLib's
 * own: each calls GLib's and says what has happened.
 */
static gpointer
find_real (const char *name)
{
  gpointer function = dlsym (RTLD_NEXT, name);

  if (function == NULL)
    g_error ("GLib has no %s", name);

  return function;
}

/* The address of GLib's function, looked up once.  Two threads that do it at
 * the same time find the same.
 */
#define REAL(name) \
  ({ \
    static gpointer function; \
    if (g_atomic_pointer_get (&function) == NULL) \
      g_atomic_pointer_set (&function, find_real (#name)); \
    (__typeof__ (&name)) g_atomic_pointer_get (&function); \
  })

/* A lock may lie in static memory and never be initialized. */
#define LOCK_FLAGS __tsan_mutex_linker_init

void
g_mutex_clear (GMutex *mutex)
{
  __tsan_mutex_destroy (mutex, LOCK_FLAGS);
  REAL (g_mutex_clear) (mutex);
}

void
g_mutex_lock (GMutex *mutex)
{
  __tsan_mutex_pre_lock (mutex, LOCK_FLAGS);
  REAL (g_mutex_lock) (mutex);
  __tsan_mutex_post_lock (mutex, LOCK_FLAGS, 0);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean locked;

  __tsan_mutex_pre_lock (mutex, LOCK_FLAGS | __tsan_mutex_try_lock);
  locked = REAL (g_mutex_trylock) (mutex);
  __tsan_mutex_post_lock (mutex,
                          LOCK_FLAGS | __tsan_mutex_try_lock | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);

  return locked;
}

void
g_mutex_unlock (GMutex *mutex)
{
  __tsan_mutex_pre_unlock (mutex, 0);
  REAL (g_mutex_unlock) (mutex);
  __tsan_mutex_post_unlock (mutex, 0);
}

void
g_rec_mutex_clear (GRecMutex *mutex)
{
  __tsan_mutex_destroy (mutex, LOCK_FLAGS);
  REAL (g_rec_mutex_clear) (mutex);
}

void
g_rec_mutex_lock (GRecMutex *mutex)
{
  __tsan_mutex_pre_lock (mutex, LOCK_FLAGS | __tsan_mutex_write_reentrant);
  REAL (g_rec_mutex_lock) (mutex);
  __tsan_mutex_post_lock (mutex, LOCK_FLAGS | __tsan_mutex_write_reentrant, 1);
}

void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  __tsan_mutex_pre_unlock (mutex, 0);
  REAL (g_rec_mutex_unlock) (mutex);
  __tsan_mutex_post_unlock (mutex, 0);
}

void
g_rw_lock_clear (GRWLock *lock)
{
  __tsan_mutex_destroy (lock, LOCK_FLAGS);
  REAL (g_rw_lock_clear) (lock);
}

void
g_rw_lock_reader_lock (GRWLock *lock)
{
  __tsan_mutex_pre_lock (lock, LOCK_FLAGS | __tsan_mutex_read_lock);
  REAL (g_rw_lock_reader_lock) (lock);
  __tsan_mutex_post_lock (lock, LOCK_FLAGS | __tsan_mutex_read_lock, 0);
}

void
g_rw_lock_reader_unlock (GRWLock *lock)
{
  __tsan_mutex_pre_unlock (lock, __tsan_mutex_read_lock);
  REAL (g_rw_lock_reader_unlock) (lock);
  __tsan_mutex_post_unlock (lock, __tsan_mutex_read_lock);
}

void
g_rw_lock_writer_lock (GRWLock *lock)
{
  __tsan_mutex_pre_lock (lock, LOCK_FLAGS);
  REAL (g_rw_lock_writer_lock) (lock);
  __tsan_mutex_post_lock (lock, LOCK_FLAGS, 0);
}

void
g_rw_lock_writer_unlock (GRWLock *lock)
{
  __tsan_mutex_pre_unlock (lock, 0);
  REAL (g_rw_lock_writer_unlock) (lock);
  __tsan_mutex_post_unlock (lock, 0);
}

/* GLib gives the mutex up and takes it again without the functions above. */
void
g_cond_wait (GCond  *cond,
             GMutex *mutex)
{
  __tsan_mutex_pre_unlock (mutex, 0);
  __tsan_mutex_post_unlock (mutex, 0);
  REAL (g_cond_wait) (cond, mutex);
  __tsan_mutex_pre_lock (mutex, LOCK_FLAGS);
  __tsan_mutex_post_lock (mutex, LOCK_FLAGS, 0);
}

gboolean
g_cond_wait_until (GCond  *cond,
                   GMutex *mutex,
                   gint64  end_time)
{
  gboolean signalled;

  __tsan_mutex_pre_unlock (mutex, 0);
  __tsan_mutex_post_unlock (mutex, 0);
  signalled = REAL (g_cond_wait_until) (cond, mutex, end_time);
  __tsan_mutex_pre_lock (mutex, LOCK_FLAGS);
  __tsan_mutex_post_lock (mutex, LOCK_FLAGS, 0);

  return signalled;
}

gboolean
(g_atomic_ref_count_dec) (gatomicrefcount *count)
{
  gboolean last;

  __tsan_release (count);
  last = (REAL (g_atomic_ref_count_dec)) (count);
  if (last)
    __tsan_acquire (count);

  return last;
}

/* Who drops the last reference sees what all others did before they dropped
 * theirs.  Which is the last is known inside GLib only, so each is taken for it.
 */
#define DEFINE_UNREF(name, type) \
  void \
  name (type object) \
  { \
    if (object != NULL) \
      { \
        __tsan_acquire (object); \
        __tsan_release (object); \
      } \
    REAL (name) (object); \
  }

DEFINE_UNREF (g_object_unref, gpointer)
DEFINE_UNREF (g_bytes_unref, GBytes *)
DEFINE_UNREF (g_hash_table_unref, GHashTable *)
DEFINE_UNREF (g_ptr_array_unref, GPtrArray *)
DEFINE_UNREF (g_variant_unref, GVariant *)
