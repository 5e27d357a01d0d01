/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* A barrier.  Parties arrive round by round:
 *
 *   arrival     state in round r          who changes it
 *   {X, r}      X has arrived             nobody, as long as the round lasts
 *   older, 0    free                      a party, by CAS -> {me, r}, the first free one; its
 *                                         place is its index
 *   newer       round r is over           -
 *
 *   state       {round << 1 | BROKEN, outcomes}, always changed by one atomic operation;
 *               then all are woken, who sleep on the low half
 *   BROKEN 0    round r is gathering      the party with the last index: -> r + 1, outcome good;
 *                                         who finds a party dead, or gives up: BROKEN -> 1;
 *                                         abort: BROKEN -> 1 and wake all, in one system call
 *   BROKEN 1    all that arrive fail      reset: -> r + 1, outcome broken
 *
 * `outcomes` tells whether the last 32 rounds were broken (bit 0: the round before this
 * one), for parties that wake up late.
 *
 * Who is stopped between a change and the wake keeps those asleep that wait for it,
 * until it goes on or dies.
 *
 * `n` is the number of parties, as mp_rendezvous_check_n() gave it.  Ring the object's
 * bell after complete, abort and reset, and after what returned BROKEN or TIMED_OUT.
 */

typedef enum
{
  MP_RENDEZVOUS_TIMED_OUT,
  MP_RENDEZVOUS_MET,
  MP_RENDEZVOUS_BROKEN,
} MpRendezvousResult;

typedef struct
{
  guint   n_parties;
  guint   index;    /* n_parties: this one found no place, and breaks nothing when it gives up */
  guint32 round;
} MpArrival;

void               mp_rendezvous_init       (MpRendezvousLayout *rendezvous,
                                             guint               n);
gsize              mp_rendezvous_get_size   (guint               n);
guint              mp_rendezvous_check_n    (MpRendezvousLayout *rendezvous,
                                             gsize               size);
MpRendezvousResult mp_rendezvous_arrive     (MpTable            *table,
                                             MpRendezvousLayout *rendezvous,
                                             guint               n,
                                             guint32             me,
                                             MpArrival          *arrival);
MpRendezvousResult mp_rendezvous_look       (MpTable            *table,
                                             MpRendezvousLayout *rendezvous,
                                             const MpArrival    *arrival);
MpRendezvousResult mp_rendezvous_await      (MpTable            *table,
                                             MpRendezvousLayout *rendezvous,
                                             const MpArrival    *arrival,
                                             MpWait              wait);
MpRendezvousResult mp_rendezvous_wait       (MpTable            *table,
                                             MpRendezvousLayout *rendezvous,
                                             const MpArrival    *arrival,
                                             MpWait              wait);
MpRendezvousResult mp_rendezvous_give_up    (MpRendezvousLayout *rendezvous,
                                             const MpArrival    *arrival);
gboolean           mp_rendezvous_is_last    (const MpArrival    *arrival);
MpRendezvousResult mp_rendezvous_complete   (MpRendezvousLayout *rendezvous,
                                             const MpArrival    *arrival);
void               mp_rendezvous_abort      (MpRendezvousLayout *rendezvous);
void               mp_rendezvous_reset      (MpRendezvousLayout *rendezvous);
gboolean           mp_rendezvous_is_broken  (MpRendezvousLayout *rendezvous);
guint              mp_rendezvous_n_waiting  (MpTable            *table,
                                             MpRendezvousLayout *rendezvous,
                                             guint               n);

G_END_DECLS
