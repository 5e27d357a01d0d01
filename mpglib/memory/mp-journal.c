/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-journal-private.h"

void
mp_journal_begin (MpJournal     *self,
                  MpArenaLayout *layout)
{
  self->layout = layout;
  self->n = 0;
}

/*< private >
 * mp_journal_get:
 *
 * Returns: the value that @word will have
 */
guint32
mp_journal_get (MpJournal  *self,
                MpAtomic32 *word)
{
  for (guint i = 0; i < self->n; i++)
    if (self->changes[i].word == word)
      return self->changes[i].value;

  return atomic_load_explicit (word, memory_order_relaxed);
}

void
mp_journal_set (MpJournal  *self,
                MpAtomic32 *word,
                guint32     value)
{
  guint i = 0;

  while (i < self->n && self->changes[i].word != word)
    i++;

  g_assert (i < MP_ARENA_JOURNAL_LENGTH);

  self->changes[i].word = word;
  self->changes[i].value = value;
  self->n = MAX (self->n, i + 1);
}

static void
make_changes (MpArenaLayout *layout,
              guint          n)
{
  MpAtomic32 *words = (MpAtomic32 *) (gpointer) layout;

  for (guint i = 0; i < n; i++)
    atomic_store (&words[atomic_load (&layout->journal[i].word)], atomic_load (&layout->journal[i].value));

  atomic_store (&layout->n_entries, 0);
}

void
mp_journal_commit (MpJournal *self)
{
  MpArenaLayout *layout = self->layout;
  MpAtomic32 *words = (MpAtomic32 *) (gpointer) layout;

  for (guint i = 0; i < self->n; i++)
    {
      atomic_store (&layout->journal[i].word, (guint32) (self->changes[i].word - words));
      atomic_store (&layout->journal[i].value, self->changes[i].value);
    }

#ifdef MP_FAULT_NO_JOURNAL
  for (guint i = 0; i < self->n; i++)
    atomic_store (self->changes[i].word, self->changes[i].value);
#else
  /* From here on it has happened. */
  atomic_store (&layout->n_entries, self->n);
  make_changes (layout, self->n);
#endif
}

/*< private >
 * mp_journal_replay:
 * @size: bytes of the arena
 *
 * Finishes what an owner of the lock that died has committed.
 *
 * Returns: %FALSE if the journal holds what nobody wrote
 */
gboolean
mp_journal_replay (MpArenaLayout *layout,
                   guint64        size)
{
  guint32 n = atomic_load (&layout->n_entries);

  if (G_LIKELY (n == 0))
    return TRUE;

  if (n > MP_ARENA_JOURNAL_LENGTH)
    return FALSE;

  for (guint i = 0; i < n; i++)
    {
      guint64 offset = (guint64) atomic_load (&layout->journal[i].word) * sizeof (MpAtomic32);

      if (offset < sizeof (MpSegmentHeader) || offset >= size)
        return FALSE;
    }

  make_changes (layout, n);
  return TRUE;
}
