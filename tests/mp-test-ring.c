/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <sys/mman.h>

#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-test-process.h"
#include "mp-test-ring.h"

/* The caller takes part in the table from now on. */
void
mp_test_ring_new (MpTestRing   *self,
                  MpRingLayout *layout,
                  guint64       capacity,
                  guint32       most_records,
                  guint32       chunk_bits,
                  MpRingFlags   flags)
{
  g_autoptr (GError) error = NULL;

  self->table = mp_table_get_default (&error);
  g_assert_no_error (error);
  mp_participant_enter (self->table, NULL);
  self->size = mp_ring_memory_measure (capacity, chunk_bits);
  self->memory = mp_test_share_file (self->size, mp_ring_measure_file (capacity, chunk_bits), &self->fd);
  mp_ring_init (layout, capacity, most_records, chunk_bits, flags);
}

void
mp_test_ring_open (MpTestRing   *self,
                   MpRing       *ring,
                   MpRingLayout *layout)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_ring_open (ring, self->table, layout, self->memory, self->size, self->fd, &error));
  g_assert_no_error (error);
}

void
mp_test_ring_free (MpTestRing *self)
{
  munmap (self->memory, self->size);
  mp_memfd_close (&self->fd);
}

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
