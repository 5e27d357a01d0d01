/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-permits-private.h"
#include "mp-sleep-private.h"
#include "mp-spin-private.h"

#define WAIT     MP_PERMITS_WAIT
#define SEQUENCE 2u

/* From {s, WAIT} to {s + 1, 0}. */
#define CLOSE (SEQUENCE - WAIT)

/* A permit that moves behind the look is not seen, so one look may find all there
 * though one is always taken.
 */
#define N_LOOKS 8

static MpSpin spin = MP_SPIN_INIT;

void
mp_permits_set_spin (guint n_tries)
{
  mp_spin_set_most (&spin, n_tries);
}

/* --- The number of them --------------------------------------------------- */

/*< private >
 * mp_permits_init:
 * @n: 0 to %MP_PERMITS_MAX
 */
void
mp_permits_init (MpPermitsLayout *permits,
                 guint32          n)
{
  atomic_store (&permits->n_permits, n);
}

/*< private >
 * mp_permits_get_size:
 *
 * Returns: the bytes of an object with @n permits
 */
gsize
mp_permits_get_size (guint32 n)
{
  return sizeof (MpPermitsLayout) + n * sizeof (MpAtomic32);
}

/*< private >
 * mp_permits_check_n:
 * @size: bytes that the object really has
 *
 * Returns: the number of permits, or 0 if there is no room for so many
 */
guint32
mp_permits_check_n (MpPermitsLayout *permits,
                    gsize            size)
{
  guint32 n = atomic_load (&permits->n_permits);

  return n <= MP_PERMITS_MAX && size >= mp_permits_get_size (n) ? n : 0;
}

static gboolean
change_owner (MpAtomic32 *owner,
              guint32     seen,
              guint32     next)
{
  return atomic_compare_exchange_strong (owner, &seen, next);
}

/* --- Taking --------------------------------------------------------------- */

/* All of them, from the hint on. */
static MpPermitsTake
look_at_all (MpTable         *table,
             MpPermitsLayout *permits,
             guint32          n,
             guint32          me,
             gboolean        *somebody_is_dying)
{
  guint32 hint = mp_permits_get_hint (permits, n);

  *somebody_is_dying = FALSE;
  for (guint32 i = 0; i < n; i++)
    {
      MpAtomic32 *owner = &permits->owners[(hint + i) % n];
      guint32 seen = atomic_load (owner);
      MpLife life;

      if (seen == 0 && change_owner (owner, 0, me))
        return MP_PERMITS_TAKEN;

      life = seen != 0 ? mp_participant_look (table, seen) : MP_LIFE_ALIVE;
      if (life == MP_LIFE_DEAD && change_owner (owner, seen, me))
        return MP_PERMITS_ABANDONED;

      *somebody_is_dying |= life == MP_LIFE_DYING;
    }

  return MP_PERMITS_NONE;
}

static void
mark_gate (MpPermitsLayout *permits)
{
  guint32 gate = atomic_load (&permits->gate);

  while ((gate & WAIT) == 0 && !atomic_compare_exchange_strong (&permits->gate, &gate, gate | WAIT))
    ;
}

static MpPermitsTake
take_slowly (MpTable         *table,
             MpPermitsLayout *permits,
             guint32          n,
             guint32          me,
             MpWait           wait)
{
  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);
      gboolean is_over = mp_wait_is_over (wait);
      gboolean somebody_is_dying;
      MpPermitsTake result;
      guint32 gate;

      if (!is_over)
        mark_gate (permits);

      gate = atomic_load (&permits->gate);
      result = look_at_all (table, permits, n, me, &somebody_is_dying);
      if (result != MP_PERMITS_NONE || is_over)
        return result;

      if (somebody_is_dying)
        mp_futex_pause (MP_SLEEP_DYING_USEC);
      else if ((gate & WAIT) != 0)
        mp_sleep_on (table, &permits->gate, gate, epoch, 0, wait);
    }
}

static gboolean
take_with_spin (MpPermitsLayout *permits,
                guint32          n,
                guint32          me)
{
  guint tries = mp_spin_begin (&spin);

  for (guint i = 0; i < tries; i++)
    {
      MpAtomic32 *owner = &permits->owners[mp_permits_get_hint (permits, n)];

      mp_spin_pause (i);
      if (atomic_load_explicit (owner, memory_order_relaxed) == 0 && change_owner (owner, 0, me))
        return mp_spin_end (&spin, tries, TRUE);
    }

  return mp_spin_end (&spin, tries, FALSE);
}

/*< private >
 * mp_permits_take:
 * @me: this process, from mp_participant_enter()
 */
MpPermitsTake
mp_permits_take (MpTable         *table,
                 MpPermitsLayout *permits,
                 guint32          n,
                 guint32          me,
                 MpWait           wait)
{
  gboolean somebody_is_dying;
  MpPermitsTake result;

  /* There will be none, but one waits for that as for others. */
  if (G_UNLIKELY (n == 0))
    return wait.deadline == MP_DEADLINE_NOW ? MP_PERMITS_NONE : take_slowly (table, permits, n, me, wait);

  if (G_LIKELY (mp_permits_try_take (permits, n, me)))
    return MP_PERMITS_TAKEN;

  result = look_at_all (table, permits, n, me, &somebody_is_dying);
  if (result != MP_PERMITS_NONE || wait.deadline == MP_DEADLINE_NOW)
    return result;

  return take_with_spin (permits, n, me) ? MP_PERMITS_TAKEN : take_slowly (table, permits, n, me, wait);
}

/*< private >
 * mp_permits_take_or_await:
 *
 * For who waits for the object's bell, which whoever gives a permit rings after this
 * failed.
 */
MpPermitsTake
mp_permits_take_or_await (MpTable         *table,
                          MpPermitsLayout *permits,
                          guint32          n,
                          guint32          me)
{
  gboolean somebody_is_dying;

  mark_gate (permits);
  return look_at_all (table, permits, n, me, &somebody_is_dying);
}

/* --- Giving --------------------------------------------------------------- */

static gboolean
give_one (MpPermitsLayout *permits,
          guint32          n,
          guint32          me,
          gboolean         anybodys)
{
  guint32 hint = mp_permits_get_hint (permits, n);

  for (guint32 i = 0; i < n; i++)
    {
      guint32 index = (hint + i) % n;
      guint32 seen = atomic_load_explicit (&permits->owners[index], memory_order_relaxed);

      if (seen == 0 || (seen != me && !anybodys) || !change_owner (&permits->owners[index], seen, 0))
        continue;

      if (index != hint)
        atomic_store_explicit (&permits->hint, index, memory_order_relaxed);
      return TRUE;
    }

  return FALSE;
}

static gboolean
give_anybodys (MpPermitsLayout *permits,
               guint32          n,
               guint32          me)
{
  for (guint i = 0; i < N_LOOKS; i++)
    if (give_one (permits, n, me, TRUE))
      return TRUE;

  return FALSE;
}

/*< private >
 * mp_permits_wake:
 *
 * Use mp_permits_tell().
 */
void
mp_permits_wake (MpPermitsLayout *permits)
{
  if (mp_futex_add_and_wake (&permits->gate, SEQUENCE) != 0)
    return;

#ifdef MP_FAULT_CLEAR_ALONE
  atomic_fetch_and (&permits->gate, ~WAIT);
#else
  /* Where another did so just now WAIT comes back, which costs the next one a call. */
  mp_futex_add_and_wake_all (&permits->gate, CLOSE);
#endif
}

MpPermitsGive
mp_permits_give (MpPermitsLayout *permits,
                 guint32          n,
                 guint32          me)
{
  if (!give_one (permits, n, me, FALSE) && !give_anybodys (permits, n, me))
    return MP_PERMITS_ALL_THERE;

  return mp_permits_tell (permits);
}

/*< private >
 * mp_permits_get:
 *
 * Returns: how many can be had, those of the dead among them
 */
guint32
mp_permits_get (MpTable         *table,
                MpPermitsLayout *permits,
                guint32          n)
{
  guint32 n_there = 0;

  for (guint32 i = 0; i < n; i++)
    {
      guint32 seen = atomic_load (&permits->owners[i]);

      n_there += seen == 0 || !mp_participant_is_alive (table, seen);
    }

  return n_there;
}
