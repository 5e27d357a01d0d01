/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

#include "mp-killstep.h"
#include "mp-participant-private.h"
#include "mp-test-process.h"

G_BEGIN_DECLS

/* Those that survive the victims of mp-killstep.h: the harness, and two processes
 * that sleep for what the victim has, or do nothing.
 */
#define MP_CRASH_N_SLEEPERS 2

/* A wake that is lost is lost for ever, so a busy machine may have its time. */
#define MP_CRASH_STALL_USEC (5 * G_TIME_SPAN_SECOND)

/* Bits of a failure. */
enum
{
  STALL = 1 << 0,       /* a survivor waits for ever */
  NOT_TOLD = 1 << 1,    /* nobody learnt that something was abandoned */
  TOLD_TWICE = 1 << 2,
  NOT_BURIED = 1 << 3,  /* the dead keep a slot or a place */
  LEAKED = 1 << 4,      /* an object outlives its holders, or not its holder */
  TORN = 1 << 5,        /* what belongs together does not agree */
};

/* What a sleeper does in a round.  It calls mp_crash_arrive() when all that is left is
 * to go to sleep.
 */
typedef void (*MpCrashTask) (guint i);

typedef struct
{
  void (*setup_sleeper) (guint i);  /* in the sleeper, once */
  void (*begin_round)   (void);     /* in the harness or the victim */
  void (*reset)         (void);     /* after a failure, with no sleeper alive */
  gint64 max_usec;                  /* a case, where not all points fit into it */
  glong  max_points;                /* 0: as many as usual */
} MpCrashHooks;

void     mp_crash_read_arguments    (int                *argc,
                                     char             ***argv);
guint    mp_crash_get_n_rounds      (guint               n,
                                     guint               n_long);
guint32  mp_crash_get_seed          (void);
void     mp_crash_set_up            (const MpCrashHooks *hooks);
void     mp_crash_add               (const MpKillCase   *kill_case);
int      mp_crash_run               (const MpKillCase   *cases,
                                     guint               n_cases);
void     mp_crash_end_sleepers      (void);
void     mp_crash_tear_down         (void);

MpTable *mp_crash_get_table         (void);
guint32  mp_crash_get_victim        (void);
void     mp_crash_set_victim        (guint32             me);
void     mp_crash_enter             (void);

void     mp_crash_begin_round       (MpCrashTask         task);
void     mp_crash_send_to_sleep     (MpCrashTask         task);
void     mp_crash_arrive            (guint               i);
guint    mp_crash_n_sleepers_done   (void);
gboolean mp_crash_sleepers_are_done (guint               n);
gboolean mp_crash_sleeper_is_asleep (guint               i);
guint    mp_crash_finish            (guint               failure);

gboolean mp_crash_none_is_dead      (MpTable            *table);
void     mp_crash_stop              (pid_t               pid);

G_END_DECLS
