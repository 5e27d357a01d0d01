/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* Where threads of one process sleep until something may have changed.  Look, check, sleep: a gate opened after
 * the look is not slept at.  Unlike a condition variable it tells when a signal ended the sleep. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  _Atomic guint32 word;
} MpGate;

guint32  mp_gate_look  (MpGate  *self);
/* FALSE if a signal handler ended the sleep.  deadline: monotonic µs, negative for ever */
gboolean mp_gate_sleep (MpGate  *self,
                        guint32  seen,
                        gint64   deadline);
void     mp_gate_open  (MpGate  *self);

/* What who sleeps looks at: adding to it lets none sleep that looked before */
static inline int *
mp_gate_get_word (MpGate *self)
{
  return (int *) &self->word;
}

G_END_DECLS
