/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-cell-private.h"
#include "mp-owner-lock-private.h"

/* In vain, before a reader takes the lock of the writers. */
#define N_TRIES 64

/* Turns count, halves alternate. */
static MpAtomic64 *
get_half (const MpCellPlace *place,
          guint32            turn)
{
#ifdef MP_FAULT_ONE_HALF
  turn = 0;
#endif
  return place->halves + (turn & 1) * place->n_words;
}

static void
copy_out (const MpCellPlace *place,
          guint32            turn,
          guint64           *words,
          gsize              n_words)
{
  MpAtomic64 *half = get_half (place, turn);

  for (gsize i = 0; i < n_words; i++)
    words[i] = atomic_load_explicit (&half[i], memory_order_relaxed);
}

/* The fence is the twin of that in mp_cell_write(): who saw a word of the next writer
 * but one sees the turn before it too.
 */
static gboolean
try_read (const MpCellPlace *place,
          guint64           *words,
          gsize              n_words)
{
  guint32 turn = atomic_load_explicit (&place->head->turn, memory_order_acquire);

  copy_out (place, turn, words, n_words);
  mp_atomic_fence_acquire ();
  return atomic_load_explicit (&place->head->turn, memory_order_relaxed) == turn;
}

/*< private >
 * mp_cell_read:
 * @me: this process, from mp_participant_enter()
 * @words: (out caller-allocates): the first @n_words of the value
 */
void
mp_cell_read (MpTable           *table,
              const MpCellPlace *place,
              guint32            me,
              guint64           *words,
              gsize              n_words)
{
  for (guint i = 0; i < N_TRIES; i++)
    if (try_read (place, words, n_words))
      return;

  mp_owner_lock_acquire (table, &place->head->writer, me, MP_WAIT_NEVER_ENDS);
  copy_out (place, atomic_load (&place->head->turn), words, n_words);
  mp_owner_lock_release (&place->head->writer);
}

/*< private >
 * mp_cell_write:
 * @words: what the first @n_words of the value become; what is in the others then, nobody knows
 */
void
mp_cell_write (MpTable           *table,
               const MpCellPlace *place,
               guint32            me,
               const guint64     *words,
               gsize              n_words)
{
  MpAtomic64 *half;
  guint32 turn;

  /* What a writer that died has left in the other half is overwritten. */
  mp_owner_lock_acquire (table, &place->head->writer, me, MP_WAIT_NEVER_ENDS);

  turn = atomic_load (&place->head->turn) + 1;
  half = get_half (place, turn);
  mp_atomic_fence ();
  for (gsize i = 0; i < n_words; i++)
    atomic_store_explicit (&half[i], words[i], memory_order_relaxed);

  atomic_store (&place->head->turn, turn);
  mp_owner_lock_release (&place->head->writer);
}
