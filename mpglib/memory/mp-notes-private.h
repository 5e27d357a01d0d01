/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* Who waits for a condition.  All but the sleep is done with the lock of the
 * condition held: enter, release the lock, wait, acquire it, leave.
 *
 *   place    state             who changes it
 *   0        free              a waiter -> me
 *   X        X waits           a notifier -> X|NOTE, and wakes it; X leaves: -> 0
 *   X|NOTE   X was notified    X leaves: -> 0
 *   D        D died waiting    a waiter -> me; a notifier -> 0
 *   D|NOTE   D died with the   a waiter Y in another place: that one -> Y|NOTE, then this one -> 0;
 *            note in its hand  a waiter Y of the crowd, which takes the place: -> Y|NOTE;
 *                              a newcomer: notifies another, if any waits, then -> me,
 *                              and rings the object's bell
 *
 * A note lies in its place until the lock is held again.  So a note whose receiver was
 * killed before it could act is inherited by one that waited too.  Two that inherit the
 * same one, or one that is killed between the two steps, wake somebody for nothing,
 * but no note is lost: who notifies meanwhile takes a noted waiter for one that wakes.
 *
 * A notifier looks whether X lives after it has noted it, and takes the note back if
 * not: those that heard of the death may have looked for its note before it was there.
 *
 *   crowd    sequence << 1 | WAIT
 *            for those that found no place: they set WAIT and sleep.  A notification for
 *            which there is no waiter left in the places adds to the sequence, takes
 *            WAIT off, and wakes all of them
 */

typedef struct
{
  guint   place;    /* MP_NOTES_N_PLACES: in the crowd */
  guint32 crowd;
  guint32 epoch;    /* of the table: what who died since had in its hand may be inherited */
} MpNote;

gboolean mp_notes_enter    (MpTable       *table,
                            MpNotesLayout *notes,
                            guint32        me,
                            MpNote        *note);
gboolean mp_notes_look     (MpTable       *table,
                            MpNotesLayout *notes,
                            guint32        me,
                            MpNote        *note);
gboolean mp_notes_wait     (MpTable       *table,
                            MpNotesLayout *notes,
                            guint32        me,
                            MpNote        *note,
                            MpWait         wait);
gboolean mp_notes_leave    (MpNotesLayout *notes,
                            const MpNote  *note);
guint    mp_notes_notify   (MpTable       *table,
                            MpNotesLayout *notes,
                            guint          n);
void     mp_notes_set_spin (gboolean       spin);

G_END_DECLS
