/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"

G_BEGIN_DECLS

/* Changes to an arena that happen wholly or not at all, whoever is killed.
 *
 * The owner of the arena's lock collects them in private memory, reading what it
 * has set so far; commits, which writes them to the arena and then their number;
 * and makes them.  If it dies before the number is written nothing happened; if
 * after, the next owner of the lock makes them, as often as it takes.
 */
typedef struct
{
  MpArenaLayout *layout;
  guint          n;
  struct
  {
    MpAtomic32  *word;
    guint32      value;
  } changes[MP_ARENA_JOURNAL_LENGTH];
} MpJournal;

void     mp_journal_begin  (MpJournal     *self,
                            MpArenaLayout *layout);
guint32  mp_journal_get    (MpJournal     *self,
                            MpAtomic32    *word);
void     mp_journal_set    (MpJournal     *self,
                            MpAtomic32    *word,
                            guint32        value);
void     mp_journal_commit (MpJournal     *self);
gboolean mp_journal_replay (MpArenaLayout *layout,
                            guint64        size);

G_END_DECLS
