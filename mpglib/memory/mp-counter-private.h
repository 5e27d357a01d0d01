/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* A counting semaphore whose permits belong to nobody: who takes one need not be the
 * one who gives it back, so what the dead took stays taken.
 *
 *   n     WAIT   state                          take                give
 *   > 0   0      n permits                      -> n - 1            -> n + 1
 *   > 0   1      and somebody may sleep         -> n - 1            -> n + 1 and wake one, in one
 *                                                                   system call; if nobody was
 *                                                                   there, WAIT -> 0 and wake
 *                                                                   all, in another
 *   0     0      none                           WAIT -> 1, sleep    -> 1
 *   0     1      none, and somebody may sleep   sleep               as above
 *
 * One goes to sleep at {0, WAIT} only, and WAIT goes only with all who sleep: so while
 * somebody sleeps there is WAIT, and each permit that is given wakes one.  Who was
 * woken looks once more even if its time is over, so it leaves no permit behind.
 *
 * Ring the object's bell after every permit, if somebody waits for it: who took WAIT off
 * may be stopped before.
 */

#define MP_COUNTER_MAX  ((1u << 30) - 1)
#define MP_COUNTER_WAIT 1u
#define MP_COUNTER_ONE  2u

typedef enum
{
  MP_COUNTER_FULL,           /* nothing was done */
  MP_COUNTER_GIVEN,
  MP_COUNTER_GIVEN_AWAITED,  /* with a system call, which is no fence for the bell */
} MpCounterGive;

void          mp_counter_init          (MpAtomic32 *word,
                                        guint32     n);
gboolean      mp_counter_take          (MpTable    *table,
                                        MpAtomic32 *word,
                                        MpWait      wait);
gboolean      mp_counter_take_or_await (MpAtomic32 *word);
MpCounterGive mp_counter_give          (MpAtomic32 *word);
guint32       mp_counter_get           (MpAtomic32 *word);
void          mp_counter_set_spin      (guint       n_tries);

/* What nearly everybody finds who takes: there is one. */
static inline gboolean
mp_counter_try_take (MpAtomic32 *word)
{
  guint32 seen = atomic_load_explicit (word, memory_order_relaxed);

  while (seen >= MP_COUNTER_ONE)
    if (atomic_compare_exchange_weak (word, &seen, seen - MP_COUNTER_ONE))
      return TRUE;

  return FALSE;
}

/* And nearly everybody who gives: nobody waits.  Otherwise nothing was done. */
static inline gboolean
mp_counter_try_give (MpAtomic32 *word)
{
  guint32 seen = atomic_load_explicit (word, memory_order_relaxed);

  return (seen & MP_COUNTER_WAIT) == 0 && seen / MP_COUNTER_ONE < MP_COUNTER_MAX &&
         atomic_compare_exchange_strong (word, &seen, seen + MP_COUNTER_ONE);
}

G_END_DECLS
