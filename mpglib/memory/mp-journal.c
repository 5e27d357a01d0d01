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

/* From the copy: what lies in the arena may have been changed by others since it was
 * written or checked.
 */
static void
make_changes (const MpJournal *self)
{
  for (guint i = 0; i < self->n; i++)
    {
#ifdef MP_FAULT_DOUBLE_FETCH
      MpAtomic32 *words = (MpAtomic32 *) (gpointer) self->layout;

      atomic_store (&words[atomic_load (&self->layout->journal[i].word)], self->changes[i].value);
#else
      atomic_store (self->changes[i].word, self->changes[i].value);
#endif
    }

  atomic_store (&self->layout->n_entries, 0);
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
#ifdef MP_FAULT_TWO_WORD_COMMIT
      atomic_store (&layout->n_entries, i + 1);
#endif
    }

#ifdef MP_FAULT_NO_JOURNAL
  for (guint i = 0; i < self->n; i++)
    atomic_store (self->changes[i].word, self->changes[i].value);
#else
  /* From here on it has happened. */
  atomic_store (&layout->n_entries, self->n);
  make_changes (self);
#endif
}

/* Returns: FALSE if the entry names no word that changes */
static gboolean
read_entry (MpJournal *self,
            guint      index,
            guint64    size)
{
  MpJournalEntry *entry = &self->layout->journal[index];
  guint32 word = atomic_load (&entry->word);
  guint64 offset = (guint64) word * sizeof (MpAtomic32);

  if (offset < sizeof (MpSegmentHeader) || offset >= size)
    return FALSE;

  self->changes[index].word = (MpAtomic32 *) (gpointer) self->layout + word;
  self->changes[index].value = atomic_load (&entry->value);
  return TRUE;
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
  MpJournal journal = { .layout = layout, .n = atomic_load (&layout->n_entries) };

  if (G_LIKELY (journal.n == 0))
    return TRUE;

  if (journal.n > MP_ARENA_JOURNAL_LENGTH)
    return FALSE;

  for (guint i = 0; i < journal.n; i++)
    if (!read_entry (&journal, i, size))
      return FALSE;

  make_changes (&journal);
  return TRUE;
}
