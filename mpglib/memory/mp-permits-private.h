/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* A semaphore that knows who has its permits, and so takes them from the dead.
 *
 *   owner   state of a permit   take                            give
 *   0       to be had           -> me                           -
 *   X       taken by X          X alive: the next one           -> 0, one's own first, else anybody's
 *   D       its owner died      -> me; told: one CAS            -> 0
 *
 *   gate    state               who finds none                  who gave one
 *   s       nobody sleeps       WAIT -> 1, looks once more      -
 *   s|WAIT  somebody may        sleeps, if it was so before     s + 1 and wake one, in one system
 *           sleep               the look                        call; if nobody was there, s + 1,
 *                                                               WAIT -> 0 and wake all, in another
 *
 * WAIT goes only with all who sleep, and never comes back with the same s: so while
 * somebody sleeps there is WAIT, and each permit that is given wakes one.  Who was
 * woken looks once more even if its time is over, so it leaves no permit behind.
 *
 * Who is stopped between giving a permit and the wake keeps those asleep that wait for
 * it, until it goes on or dies, or another one is given.
 *
 * Ring the object's bell after every permit, if somebody waits for it: who took WAIT off
 * may be stopped before.
 *
 * `n` is the number of permits, as mp_permits_check_n() gave it.
 */

/* In the gate. */
#define MP_PERMITS_WAIT 1u

typedef enum
{
  MP_PERMITS_NONE,
  MP_PERMITS_TAKEN,
  MP_PERMITS_ABANDONED,      /* taken too, from one that died with it */
} MpPermitsTake;

typedef enum
{
  MP_PERMITS_ALL_THERE,      /* nothing was done: none is taken */
  MP_PERMITS_GIVEN,
  MP_PERMITS_GIVEN_AWAITED,  /* with a system call, which is no fence for the bell */
} MpPermitsGive;

void          mp_permits_init          (MpPermitsLayout *permits,
                                        guint32          n);
gsize         mp_permits_get_size      (guint32          n);
guint32       mp_permits_check_n       (MpPermitsLayout *permits,
                                        gsize            size);
MpPermitsTake mp_permits_take          (MpTable         *table,
                                        MpPermitsLayout *permits,
                                        guint32          n,
                                        guint32          me,
                                        MpWait           wait);
MpPermitsTake mp_permits_take_or_await (MpTable         *table,
                                        MpPermitsLayout *permits,
                                        guint32          n,
                                        guint32          me);
void          mp_permits_wake          (MpPermitsLayout *permits);
MpPermitsGive mp_permits_give          (MpPermitsLayout *permits,
                                        guint32          n,
                                        guint32          me);
guint32       mp_permits_get           (MpTable         *table,
                                        MpPermitsLayout *permits,
                                        guint32          n);
void          mp_permits_set_spin      (guint            n_tries);

static inline guint32
mp_permits_get_hint (MpPermitsLayout *permits,
                     guint32          n)
{
  guint32 hint = atomic_load_explicit (&permits->hint, memory_order_relaxed);

  return hint < n ? hint : 0;
}

/* What nearly everybody finds who takes: the one that was given last. */
static inline gboolean
mp_permits_try_take (MpPermitsLayout *permits,
                     guint32          n,
                     guint32          me)
{
  guint32 seen = 0;

  return n != 0 && atomic_compare_exchange_strong (&permits->owners[mp_permits_get_hint (permits, n)], &seen, me);
}

/*< private >
 * mp_permits_tell:
 *
 * Wakes after a permit was given, if somebody sleeps.
 */
static inline MpPermitsGive
mp_permits_tell (MpPermitsLayout *permits)
{
  if (G_LIKELY ((atomic_load (&permits->gate) & MP_PERMITS_WAIT) == 0))
    return MP_PERMITS_GIVEN;

  mp_permits_wake (permits);
  return MP_PERMITS_GIVEN_AWAITED;
}

/*< private >
 * mp_permits_try_give:
 *
 * Gives the one that was taken last, if it is one's own: mp_permits_tell() is to follow.
 * Otherwise nothing was done.
 */
static inline gboolean
mp_permits_try_give (MpPermitsLayout *permits,
                     guint32          n,
                     guint32          me)
{
  return n != 0 && atomic_compare_exchange_strong (&permits->owners[mp_permits_get_hint (permits, n)], &me, 0);
}

G_END_DECLS
