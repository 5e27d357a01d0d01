/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-counter-private.h"
#include "mp-crash-family.h"
#include "mp-flag-private.h"
#include "mp-notes-private.h"
#include "mp-owner-rlock-private.h"
#include "mp-permits-private.h"
#include "mp-rendezvous-private.h"

G_BEGIN_DECLS

/* The words that the objects of mpglib/sync are made of, and what the tests do with any of them. */

#define N_PERMITS     2
#define MAX_PARTIES   4

typedef struct
{
  MpLockLayout    lock;       /* also that of the condition */
  MpCounterLayout counter;
  MpFlagLayout    flag;
  MpNotesLayout   notes;
  union
  {
    MpPermitsLayout permits;
    guint8          permits_memory[sizeof (MpPermitsLayout) + N_PERMITS * sizeof (MpAtomic32)];
  };
  union
  {
    MpRendezvousLayout rendezvous;
    guint8             rendezvous_memory[sizeof (MpRendezvousLayout) + MAX_PARTIES * sizeof (MpAtomic64)];
  };
} Objects;

typedef struct
{
  Objects    objects;
  MpAtomic32 n_told;      /* that something was abandoned */
  MpAtomic32 n_wrong;     /* something was not as its owner left it */
  MpAtomic32 n_met;
  MpAtomic32 n_broken;
  MpAtomic32 n_parties;
  MpAtomic32 value;       /* what the condition is about */
  MpAtomic32 stop;        /* of a wait of the victim */
} Shared;

extern Shared *shared;
extern Objects *objects;
extern MpTable *table;
extern guint extra_failure;
extern guint expected_told;
extern gboolean harness_holds;

guint32  get_me                (void);
MpWait   until_stall           (void);
/* Of an operation that gives up while `let_time_pass` runs. */
MpWait   for_a_moment          (void);
void     let_time_pass         (void);
MpWait   until_stop            (void);
void     prepare_to_stop       (void);
guint    check_told            (void);
gboolean all_sleepers_are_done (void);
/* Besides the harness and the sleepers. */
gboolean is_of_no_survivor     (guint32             owner);
void     prepare_free          (void);
/* The whole of main. */
int      run_sync_cases        (int                *argc,
                                char             ***argv,
                                const MpKillCase   *cases,
                                guint               n_cases);

G_END_DECLS
