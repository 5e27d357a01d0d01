/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-layout-private.h"
#include "mp-table-private.h"

G_BEGIN_DECLS

/* Whether a long piece of shared memory is as its writers wanted it.
 *
 *   writer   torn   state
 *   0        0      whole
 *   X        0      X writes
 *   D        0      torn: D died while it wrote.  The next writer makes it {X, 1}, in one
 *                   step: a reader who finds a living writer and no note has no dead one
 *                   before it
 *   any      1      torn, until the whole is overwritten, or somebody says that it is mended
 *
 * `writer` is a short lock: those that write several words follow each other.  Who
 * writes one, or through a pointer, asks nobody.
 */

gboolean mp_whole_begin (MpTable  *table,
                         MpWhole  *self,
                         guint32   me,
                         GError  **error);
void     mp_whole_end   (MpWhole  *self,
                         gboolean  is_whole);

gboolean mp_whole_was_abandoned (MpTable *table,
                                 guint64  both);

/*< private >
 * mp_whole_is_torn:
 *
 * One load, unless somebody writes just now, or died writing.
 */
static inline gboolean
mp_whole_is_torn (MpTable *table,
                  MpWhole *self)
{
  guint64 both = atomic_load_explicit (&self->both, memory_order_acquire);

  return G_UNLIKELY (both != 0) && mp_whole_was_abandoned (table, both);
}

G_END_DECLS
