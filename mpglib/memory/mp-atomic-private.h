/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

G_BEGIN_DECLS

/* Words that other threads or other processes change meanwhile.  They are read
 * and written through <stdatomic.h> and nothing else: one load into a local,
 * which is then checked and used.
 */
typedef _Atomic guint32 MpAtomic32;
typedef _Atomic guint64 MpAtomic64;

/* Two processes share these words, perhaps of two builds, so that a hidden
 * lock table of the compiler's library would protect nothing.
 */
G_STATIC_ASSERT (ATOMIC_INT_LOCK_FREE == 2);
G_STATIC_ASSERT (ATOMIC_LLONG_LOCK_FREE == 2);
G_STATIC_ASSERT (sizeof (MpAtomic32) == 4);
G_STATIC_ASSERT (sizeof (MpAtomic64) == 8);

#if defined (__SANITIZE_THREAD__)
# define MP_THREAD_SANITIZER 1
#elif defined (__has_feature)
# if __has_feature (thread_sanitizer)
#  define MP_THREAD_SANITIZER 1
# endif
#endif

#ifdef MP_THREAD_SANITIZER
extern MpAtomic32 mp_atomic_fence_word;
#endif

/* Every store before it is seen by whoever has a load after its own fence:
 * "I have changed it; does somebody wait?" against "I wait; has it changed?".
 */
static inline void
mp_atomic_fence (void)
{
#ifdef MP_THREAD_SANITIZER
  /* The sanitizer does not follow fences, but does follow this. */
  atomic_fetch_add (&mp_atomic_fence_word, 1);
#else
  atomic_thread_fence (memory_order_seq_cst);
#endif
}

/* Loads after it see no less than those before it. */
static inline void
mp_atomic_fence_acquire (void)
{
#ifdef MP_THREAD_SANITIZER
  mp_atomic_fence ();
#else
  atomic_thread_fence (memory_order_acquire);
#endif
}

/* Stores after it are seen by nobody who does not see those before it. */
static inline void
mp_atomic_fence_release (void)
{
#ifdef MP_THREAD_SANITIZER
  mp_atomic_fence ();
#else
  atomic_thread_fence (memory_order_release);
#endif
}

/* In a loop that looks at a word until another CPU changes it. */
static inline void
mp_cpu_relax (void)
{
#if defined (__x86_64__) || defined (__i386__)
  __builtin_ia32_pause ();
#elif defined (__aarch64__) || defined (__arm__)
  __asm__ volatile ("yield" ::: "memory");
#else
  __asm__ volatile ("" ::: "memory");
#endif
}

G_END_DECLS
