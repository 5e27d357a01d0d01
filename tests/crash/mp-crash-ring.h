/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-crash-family.h"
#include "mp-doorbell-private.h"   /* before `table` is a variable, which its parameters would shadow */
#include "mp-participant-private.h"
#include "mp-ring-private.h"

G_BEGIN_DECLS

/* What the programs that kill whoever puts into a ring or takes share: the ring, its records, and what is looked at
 * after each death.
 *
 * Records are numbered in the order in which they are committed, so each says where it belongs.
 */

#define CHUNK_BITS 7
#define LONGEST    120

typedef struct
{
  MpRingLayout ring;
  MpAtomic32 n_wrong;   /* records that were not what they should be */
} Shared;

typedef struct
{
  guint64 number;
  guint8  rest[LONGEST];
} Record;

extern Shared *shared;
extern MpTable *table;
extern MpRing ring;
extern guint32 n_put_before, n_taken_before;

guint32      get_me               (void);
guint32      get_n_put            (void);
guint32      get_n_taken          (void);
/* The next ones, in one go. */
MpRingResult put_records          (guint                n,
                                   MpWait               wait);
/* `number`: of the first, or 0: others take too, and it only has to be whole. */
MpRingResult take_records         (guint                n,
                                   MpWait               wait,
                                   guint64              number);
void         check_record         (const MpRingRecord  *record,
                                   guint64              number);
/* All that is there, each at its place. */
void         drain                (void);

/* What a victim does, if more than one program kills it. */
void         put_one              (void);
void         put_even             (void);
void         take_one             (void);
void         take_all             (void);
void         take_and_acknowledge (void);

/* What was committed before the victim comes. */
void         remember             (void);
void         prepare_some         (void);
void         prepare_full         (void);

/* All of it or nothing. */
gboolean     are_commits_whole    (guint32              n_put,
                                   guint32              n_taken);
/* What the victim had in its hand, or was about to put, is free once somebody has looked for it. */
gboolean     are_extents_free     (void);
guint        check_rest           (void);
guint        check_commits        (guint32              n_put,
                                   guint32              n_taken);
guint        check_one            (void);
/* The whole of main. */
int          run_ring_cases       (int                 *argc,
                                   char              ***argv,
                                   const MpKillCase    *cases,
                                   guint                n_cases);

G_END_DECLS
