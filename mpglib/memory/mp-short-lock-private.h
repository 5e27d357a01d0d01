/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-table-private.h"

G_BEGIN_DECLS

/* An owner lock that everybody has for no longer than it takes to copy something.  Who
 * waits for it does not wait for ever, though: its owner may have been stopped in that
 * very moment, or the word may be the rubbish of somebody who never had it.  The wait fails
 * after 10 seconds at most; see mp-patience-private.h.
 */

gboolean mp_short_lock_try          (MpTable     *table,
                                     MpAtomic32  *word,
                                     guint32      me);
gboolean mp_short_lock_acquire      (MpTable     *table,
                                     MpAtomic32  *word,
                                     MpAtomic64  *noting,
                                     guint32      me,
                                     GError     **error);
void     mp_short_lock_release      (MpAtomic32  *word);
void     mp_short_lock_set_patience (gint64       usec);
gint64   mp_short_lock_get_patience (void);
gboolean mp_short_lock_set_held     (GError     **error);

G_END_DECLS
