/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-layout-private.h"
#include "mp-table-private.h"

G_BEGIN_DECLS

/* Several words of shared memory that are read and replaced as a whole.  There are two
 * halves, of which the last bit of `turn` tells the one that counts.
 *
 *   writer     turn   the other half
 *   0          t      nobody's
 *   X          t      X writes it, then turn -> t + 1: this commits; then writer -> 0
 *   D          t      whatever D left there when it died; the next writer begins anew
 *
 * So there is nothing to repair.  `writer` is a short lock: writers follow each other.
 *
 * Readers take no lock: what was copied counts if `turn` is still the same, since a
 * writer touches the half that counts no sooner than after the next turn.  Who has
 * copied in vain many times takes its turn among the writers.
 */

typedef struct
{
  MpCell     *head;
  MpAtomic64 *halves;    /* two times n_words */
  gsize       n_words;   /* of one half */
} MpCellPlace;

gboolean mp_cell_read  (MpTable            *table,
                        const MpCellPlace  *place,
                        guint32             me,
                        guint64            *words,
                        gsize               n_words,
                        GError            **error);
gboolean mp_cell_write (MpTable            *table,
                        const MpCellPlace  *place,
                        guint32             me,
                        const guint64      *words,
                        gsize               n_words,
                        GError            **error);

G_END_DECLS
