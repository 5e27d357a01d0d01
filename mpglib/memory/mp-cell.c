/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-cell-private.h"
#include "mp-short-lock-private.h"

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
 *
 * Fails with %MP_ERROR_TIMED_OUT if the value changes again and again and then does not
 * any more, with somebody just changing it.
 */
gboolean
mp_cell_read (MpTable            *table,
              const MpCellPlace  *place,
              guint32             me,
              guint64            *words,
              gsize               n_words,
              GError            **error)
{
  for (guint i = 0; i < N_TRIES; i++)
    if (try_read (place, words, n_words))
      return TRUE;

  if (!mp_short_lock_acquire (table, &place->head->writer, NULL, me, error))
    return FALSE;

  copy_out (place, atomic_load (&place->head->turn), words, n_words);
  mp_short_lock_release (&place->head->writer);
  return TRUE;
}

/*< private >
 * mp_cell_write:
 * @words: what the first @n_words of the value become; what is in the others then, nobody knows
 *
 * Fails with %MP_ERROR_TIMED_OUT if another writer does not come to its end.
 */
gboolean
mp_cell_write (MpTable            *table,
               const MpCellPlace  *place,
               guint32             me,
               const guint64      *words,
               gsize               n_words,
               GError            **error)
{
  MpAtomic64 *half;
  guint32 turn;

  /* What a writer that died has left in the other half is overwritten. */
  if (!mp_short_lock_acquire (table, &place->head->writer, NULL, me, error))
    return FALSE;

  turn = atomic_load (&place->head->turn) + 1;
  half = get_half (place, turn);
  mp_atomic_fence ();
  for (gsize i = 0; i < n_words; i++)
    atomic_store_explicit (&half[i], words[i], memory_order_relaxed);

  atomic_store (&place->head->turn, turn);
  mp_short_lock_release (&place->head->writer);
  return TRUE;
}
