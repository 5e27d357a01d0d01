/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where a thread was in a wait that a signal ended.  It is going to wait again, for
 * languages run their handlers between two waits, and goes on from there: it neither
 * gives up nor misses what comes meanwhile.
 *
 * Each object has a list, NULL at first, as only few are ever interrupted.
 */
typedef struct _MpInterrupted MpInterrupted;

typedef void (*MpInterruptedFunc) (guint32  round,
                                   guint32  index,
                                   gpointer data);

void     mp_interrupted_keep  (MpInterrupted **list,
                               guint32         me,
                               guint32         round,
                               guint32         index);
gboolean mp_interrupted_take  (MpInterrupted **list,
                               guint32         me,
                               guint32        *round,
                               guint32        *index);
void     mp_interrupted_clear (MpInterrupted **list,
                               guint32         me,
                               MpInterruptedFunc func,
                               gpointer        data);

G_END_DECLS
