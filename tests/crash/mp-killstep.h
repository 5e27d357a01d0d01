/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* Kills a process at every instruction of an operation.
 *
 * Kills at random moments prove little: most of them hit nothing.  Here a victim
 * is forked, its operation runs for k instructions, and it is killed; then the case
 * looks at the survivors; then k + 1.  A system call counts as one instruction.
 * Nothing here knows what is tested.
 *
 * The first time it runs under PTRACE_SINGLESTEP, and where it goes is written down:
 * mp-kill-trace.h.  After that it leaps, as far as it goes the same way.
 *
 * Only one thread of the victim is stepped: the one that calls `op`, or the one
 * that `get_thread` names, which must be asleep and is woken by `provoke`.
 *
 * A case that starts its victims itself has no `setup` and `op`: what it starts raises
 * SIGSTOP before and after the operation, from when `go` was called.
 *
 * A case that interferes is not about deaths: whatever others do between any two
 * instructions, the victim must get to the end of its operation by itself.  `last`
 * looks at the others then, before a death wakes all.
 */
typedef struct _MpKillCase MpKillCase;
struct _MpKillCase
{
  const char *name;
  void      (*prepare)    (void);          /* harness, before the victim is forked */
  void      (*setup)      (void);          /* victim, not stepped */
  void      (*op)         (void);          /* victim, stepped */
  pid_t     (*get_thread) (void);          /* harness, after setup */
  void      (*provoke)    (void);          /* harness, with that thread stopped */
  void      (*blocked)    (void);          /* harness, when the victim sleeps: do what lets it go on */
  gboolean    naps;                        /* a sleep with a time limit is waited for: it is none */
  void      (*interfere)  (void);          /* harness, victim stopped or asleep: it must come to the end after */
  void      (*last)       (void);          /* harness, just before the kill, victim stopped or asleep */
  guint     (*check)      (void);          /* harness, victim dead and reaped: bits of what failed */
  glong       n_dense;                     /* first instructions, which have points of their own */

  pid_t     (*start)      (const MpKillCase *self);  /* harness, instead of the fork */
  void      (*go)         (void);          /* harness, of what was started */
  void      (*reap)       (void);          /* harness, when that was killed */
};

typedef struct
{
  guint32 seed;
  glong   max_points;    /* all, if the operation has not more; G_MAXLONG: all that any trace has */
  gint64  max_usec;      /* time after which no further point is begun, if not all are run */
  guint   part, n_parts; /* of all that any trace has: every n-th, from that one on */
} MpKillWalk;

typedef struct
{
  glong n_instructions;  /* of the whole operation, the longest time */
  guint n_traces;
  glong n_points;
  glong n_stepped;       /* points to which only steps led */
  glong n_asleep;        /* points at which it was asleep */
  glong n_as_before;     /* that were left out, since nobody could tell them from others: mp-kill-private.h */
  glong n_failed;
} MpKillResult;

gboolean     mp_kill_is_possible (char             **reason);
MpKillResult mp_kill_run         (const MpKillCase  *kill_case,
                                  const MpKillWalk  *walk);

G_END_DECLS
