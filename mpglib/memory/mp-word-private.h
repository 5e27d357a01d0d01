/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <string.h>

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* Elements of shared memory.  Those of 1, 2, 4 or 8 bytes, which lie at a multiple of
 * their size, are read and written in one access; longer ones byte by byte.
 */

static inline void
mp_word_load (gconstpointer element,
              gsize         size,
              gpointer      copy)
{
  if (size == 8)
    *(guint64 *) copy = atomic_load_explicit ((MpAtomic64 *) element, memory_order_acquire);
  else if (size == 4)
    *(guint32 *) copy = atomic_load_explicit ((MpAtomic32 *) element, memory_order_acquire);
  else if (size == 2)
    *(guint16 *) copy = atomic_load_explicit ((_Atomic guint16 *) element, memory_order_acquire);
  else if (size == 1)
    *(guint8 *) copy = atomic_load_explicit ((_Atomic guint8 *) element, memory_order_acquire);
  else
    memcpy (copy, element, size);
}

static inline void
mp_word_store (gpointer      element,
               gsize         size,
               gconstpointer copy)
{
  if (size == 8)
    atomic_store_explicit ((MpAtomic64 *) element, *(const guint64 *) copy, memory_order_release);
  else if (size == 4)
    atomic_store_explicit ((MpAtomic32 *) element, *(const guint32 *) copy, memory_order_release);
  else if (size == 2)
    atomic_store_explicit ((_Atomic guint16 *) element, *(const guint16 *) copy, memory_order_release);
  else if (size == 1)
    atomic_store_explicit ((_Atomic guint8 *) element, *(const guint8 *) copy, memory_order_release);
  else
    memcpy (element, copy, size);
}

/* A value of up to 8 bytes, alone in its word. */

static inline guint64
mp_word_get (MpAtomic64 *word)
{
  return atomic_load_explicit (word, memory_order_acquire);
}

/* In the order of all such changes: see mp_bell_ring_after_exchange(). */
static inline void
mp_word_set (MpAtomic64 *word,
             guint64     value)
{
  atomic_exchange (word, value);
}

static inline gboolean
mp_word_replace (MpAtomic64 *word,
                 guint64    *seen,
                 guint64     value)
{
  return atomic_compare_exchange_strong (word, seen, value);
}

G_END_DECLS
