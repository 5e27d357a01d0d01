/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where an operation went, instruction by instruction, and the shortest way to each of them for who comes again.
 *
 * To step to the k-th instruction takes k stops, so that to step to each takes a number of them that grows with the
 * square.  A way is made of leaps instead: to where the thread comes to an address next, however many instructions
 * that takes.  In a straight line one leap leads anywhere; into the m-th round of a loop lead at most m, or fewer
 * where what the loop calls, or the loop around it, leads there sooner.
 */
typedef struct
{
  GArray *addresses;  /* guint64: of the instruction after so many of them */
  GArray *keys;       /* guint64: of an address and the number of times it had come there */
  GArray *origins;    /* glong: from where the last leap to it starts */
  GArray *is_stepped; /* gboolean: it is reached by a step */
  glong   sleep;      /* of the instruction in which it slept, or -1 */
} MpKillTrace;

MpKillTrace *mp_kill_trace_new         (void);
void         mp_kill_trace_free        (MpKillTrace       *trace);
void         mp_kill_trace_add         (MpKillTrace       *trace,
                                        guint64            address);
void         mp_kill_trace_slept       (MpKillTrace       *trace);
void         mp_kill_trace_plan        (MpKillTrace       *trace);
glong        mp_kill_trace_get_length  (const MpKillTrace *trace);
guint64      mp_kill_trace_get_address (const MpKillTrace *trace,
                                        glong              index);
guint64      mp_kill_trace_get_key     (const MpKillTrace *trace,
                                        glong              index);
gboolean     mp_kill_trace_is_stepped  (const MpKillTrace *trace,
                                        glong              index);
GArray      *mp_kill_trace_get_way     (const MpKillTrace *trace,
                                        glong              index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpKillTrace, mp_kill_trace_free)

G_END_DECLS
