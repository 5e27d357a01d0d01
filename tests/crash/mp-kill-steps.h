/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include "mp-kill-leap.h"
#include "mp-kill-trace.h"
#include "mp-killstep.h"

G_BEGIN_DECLS

/* How a thread that is traced gets to an instruction: by steps, or by leaps.
 */
typedef enum
{
  MP_KILL_STEP_DONE,
  MP_KILL_STEP_ASLEEP,
  MP_KILL_STEP_ENDED,
  MP_KILL_STEP_TRAPPED,  /* it died, since another of its threads came where the leap led */
  MP_KILL_STEP_BROKEN,   /* a signal that nobody sent */
} MpKillStep;

typedef struct
{
  pid_t     pid;
  pid_t     tid;    /* the thread that is stepped */
  MpKillAim aim;    /* where its leap leads */
} MpKillVictim;

typedef struct
{
  const MpKillCase *kill_case;
  MpKillVictim      victim;
  gboolean          was_blocked;
  MpKillTrace      *record;       /* of what it does, or NULL */
  glong             done;         /* instructions */
} MpKillRun;

gboolean   mp_kill_is_sleeping   (pid_t              tid);
void       mp_kill_start_ticking (void);
void       mp_kill_stop_ticking  (void);
gboolean   mp_kill_has_addresses (const MpKillCase  *kill_case);
guint64    mp_kill_where_is      (const MpKillRun   *run);
MpKillStep mp_kill_step_to       (MpKillRun         *run,
                                  glong              n_instructions);
MpKillStep mp_kill_leap_to       (MpKillRun         *run,
                                  const MpKillTrace *trace,
                                  glong              n_instructions);
MpKillStep mp_kill_run_to_end    (MpKillVictim      *victim,
                                  MpKillStep         last);

G_END_DECLS
