/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-ring.h"

static void
note (guint8     *seen,
      MpAtomic32 *word,
      guint32     n_chunks)
{
  guint32 chunk = atomic_load (word);

  if (chunk < n_chunks && seen[chunk] < 2)
    seen[chunk]++;
}

/* Whether each chunk of a ring that nobody uses is in one place, and those that were never used in none. */
gboolean
mp_test_ring_is_sound (MpRing *ring)
{
  MpRingMemory *memory = &ring->memory;
  MpRingEnd *put = &ring->layout->put;
  guint32 half = atomic_load (&put->count) & 1;
  guint64 n_entered = (atomic_load (&put->position[half]) + (1u << memory->chunk_bits) - 1) >> memory->chunk_bits;
  guint64 n_reused = atomic_load (&put->n_reused[half]);
  guint32 n_spare = atomic_load (&put->n_spare[half]);
  g_autofree guint8 *seen = g_malloc0 (memory->n_chunks);

  for (guint64 i = n_reused; i < n_entered; i++)
    note (seen, &memory->map[i % memory->n_words], memory->n_chunks);
  for (guint i = 0; i < n_spare; i++)
    note (seen, &memory->spare[i], memory->n_chunks);
  for (guint i = 0; i < memory->n_chunks; i++)
    if (seen[i] != (i < n_entered - n_reused + n_spare ? 1 : 0))
      return FALSE;

  return TRUE;
}
