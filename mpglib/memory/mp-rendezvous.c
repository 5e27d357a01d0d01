/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-rendezvous-private.h"
#include "mp-sleep-private.h"

#define BROKEN     1u
#define ROUND_MASK 0x7fffffffu
#define N_OUTCOMES 32

/* --- The number of parties ------------------------------------------------ */

/*< private >
 * mp_rendezvous_init:
 * @n: 1 to %MP_RENDEZVOUS_MAX_PARTIES
 */
void
mp_rendezvous_init (MpRendezvousLayout *rendezvous,
                    guint               n)
{
  atomic_store (&rendezvous->n_parties, n);
}

/*< private >
 * mp_rendezvous_get_size:
 *
 * Returns: the bytes of an object for @n parties
 */
gsize
mp_rendezvous_get_size (guint n)
{
  return sizeof (MpRendezvousLayout) + n * sizeof (MpAtomic64);
}

/*< private >
 * mp_rendezvous_check_n:
 * @size: bytes that the object really has
 *
 * Returns: the number of parties, or 0 if there is no room for so many
 */
guint
mp_rendezvous_check_n (MpRendezvousLayout *rendezvous,
                       gsize               size)
{
  guint n = atomic_load (&rendezvous->n_parties);

  return n <= MP_RENDEZVOUS_MAX_PARTIES && size >= mp_rendezvous_get_size (n) ? n : 0;
}

/* --- State ---------------------------------------------------------------- */

static guint32
get_round (guint64 state)
{
  return (guint32) state >> 1;
}

static gboolean
is_broken (guint64 state)
{
  return (state & BROKEN) != 0;
}

static guint64
end_round (guint64  state,
           gboolean broken)
{
  guint32 outcomes = (guint32) (state >> 32) << 1 | (guint32) broken;
  guint32 round = (get_round (state) + 1) & ROUND_MASK;

  return (guint64) outcomes << 32 | round << 1;
}

/* A party that sleeps through more rounds than are remembered is told that all was well. */
static MpRendezvousResult
get_outcome (guint64 state,
             guint32 round)
{
  guint32 age = (get_round (state) - round) & ROUND_MASK;

  if (age == 0)
    return is_broken (state) ? MP_RENDEZVOUS_BROKEN : MP_RENDEZVOUS_TIMED_OUT;

  if (age > N_OUTCOMES || (state >> 32 >> (age - 1) & 1) == 0)
    return MP_RENDEZVOUS_MET;

  return MP_RENDEZVOUS_BROKEN;
}

static gboolean
change_state (MpRendezvousLayout *rendezvous,
              guint64             seen,
              guint64             next)
{
  if (!atomic_compare_exchange_strong (&rendezvous->state, &seen, next))
    return FALSE;

  mp_futex_wake (&rendezvous->word, MP_FUTEX_WAKE_ALL);
  return TRUE;
}

/* Nothing if the round is over.
 *
 * Returns: what has become of it
 */
static MpRendezvousResult
break_round (MpRendezvousLayout *rendezvous,
             guint32             round)
{
  for (;;)
    {
      guint64 state = atomic_load (&rendezvous->state);
      MpRendezvousResult outcome = get_outcome (state, round);

      if (outcome != MP_RENDEZVOUS_TIMED_OUT)
        return outcome;

      if (change_state (rendezvous, state, state | BROKEN))
        return MP_RENDEZVOUS_BROKEN;
    }
}

/* --- Arrivals ------------------------------------------------------------- */

static guint64
make_arrival (guint32 round,
              guint32 me)
{
  return (guint64) round << 32 | me;
}

/* Returns: who arrived, or 0 */
static guint32
get_party (guint64 arrival,
           guint32 round)
{
  return (guint32) (arrival >> 32) == round ? (guint32) arrival : 0;
}

/* Of a later round: whoever finds one has slept through the end of its own. */
static gboolean
is_newer (guint64 arrival,
          guint32 round)
{
  guint32 age = (round - (guint32) (arrival >> 32)) & ROUND_MASK;

  return (guint32) arrival != 0 && age > ROUND_MASK / 2;
}

/* Returns: FALSE if all are taken, or the round is over */
static gboolean
take_place (MpRendezvousLayout *rendezvous,
            guint32             me,
            MpArrival          *arrival)
{
  for (arrival->index = 0; arrival->index < arrival->n_parties; arrival->index++)
    {
      MpAtomic64 *place = &rendezvous->arrivals[arrival->index];
      guint64 seen = atomic_load (place);

      while (get_party (seen, arrival->round) == 0)
        {
          if (is_newer (seen, arrival->round))
            return FALSE;

          if (atomic_compare_exchange_strong (place, &seen, make_arrival (arrival->round, me)))
            return TRUE;
        }
    }

  return FALSE;
}

/* A party that died waiting will never come. */
static MpLife
look_at_parties (MpTable            *table,
                 MpRendezvousLayout *rendezvous,
                 const MpArrival    *arrival)
{
  MpLife worst = MP_LIFE_ALIVE;

  for (guint i = 0; i < arrival->n_parties; i++)
    {
      guint32 party = get_party (atomic_load (&rendezvous->arrivals[i]), arrival->round);
      MpLife life = party != 0 ? mp_participant_look (table, party) : worst;

      worst = MAX (worst, life);
    }

  return worst;
}

/* --- Parties -------------------------------------------------------------- */

/*< private >
 * mp_rendezvous_arrive:
 * @arrival: (out caller-allocates): the place that this party got
 *
 * Returns: %MP_RENDEZVOUS_MET if it got one; %MP_RENDEZVOUS_TIMED_OUT if all parties
 *   of the round are there already: wait for its end with @arrival, and try again
 */
MpRendezvousResult
mp_rendezvous_arrive (MpTable            *table,
                      MpRendezvousLayout *rendezvous,
                      guint               n,
                      guint32             me,
                      MpArrival          *arrival)
{
  arrival->n_parties = n;
  for (;;)
    {
      guint64 state = atomic_load (&rendezvous->state);
      MpRendezvousResult outcome;
      gboolean has_place;

      arrival->index = n;
      arrival->round = get_round (state);
      if (is_broken (state))
        return MP_RENDEZVOUS_BROKEN;

      has_place = take_place (rendezvous, me, arrival);
      if (!has_place)
        arrival->index = n;

      /* By now the round may be over.  If it ended well it did so with this party, since
       * there was a place; if not, it may have ended before.
       */
      outcome = get_outcome (atomic_load (&rendezvous->state), arrival->round);
      if (has_place && outcome != MP_RENDEZVOUS_BROKEN)
        return MP_RENDEZVOUS_MET;

      /* If it ends while one looks, the next one may have a place. */
      if (!has_place && outcome == MP_RENDEZVOUS_TIMED_OUT &&
          mp_rendezvous_look (table, rendezvous, arrival) == MP_RENDEZVOUS_TIMED_OUT)
        return MP_RENDEZVOUS_TIMED_OUT;
    }
}

gboolean
mp_rendezvous_is_last (const MpArrival *arrival)
{
  return arrival->index + 1 == arrival->n_parties;
}

/*< private >
 * mp_rendezvous_complete:
 *
 * For the party with the last index: all others have come.  Whether they live is for it to look.
 */
MpRendezvousResult
mp_rendezvous_complete (MpRendezvousLayout *rendezvous,
                        const MpArrival    *arrival)
{
  for (;;)
    {
      guint64 state = atomic_load (&rendezvous->state);
      MpRendezvousResult outcome = get_outcome (state, arrival->round);

      if (outcome != MP_RENDEZVOUS_TIMED_OUT)
        return outcome;

      if (change_state (rendezvous, state, end_round (state, FALSE)))
        return MP_RENDEZVOUS_MET;
    }
}

/*< private >
 * mp_rendezvous_look:
 *
 * Breaks the round if a party of it does not live any more.  What a dying one may still do to
 * the state is done by one exchange, and comes before or after.
 *
 * Returns: what has become of the round; %MP_RENDEZVOUS_TIMED_OUT if nothing yet
 */
MpRendezvousResult
mp_rendezvous_look (MpTable            *table,
                    MpRendezvousLayout *rendezvous,
                    const MpArrival    *arrival)
{
  MpRendezvousResult outcome = get_outcome (atomic_load (&rendezvous->state), arrival->round);

  if (outcome == MP_RENDEZVOUS_TIMED_OUT &&
      look_at_parties (table, rendezvous, arrival) != MP_LIFE_ALIVE)
    return break_round (rendezvous, arrival->round);

  return outcome;
}

/*< private >
 * mp_rendezvous_give_up:
 *
 * A party that does not wait for the others breaks the round.
 *
 * Returns: %MP_RENDEZVOUS_MET if the round was completed before; else
 *   %MP_RENDEZVOUS_TIMED_OUT
 */
MpRendezvousResult
mp_rendezvous_give_up (MpRendezvousLayout *rendezvous,
                       const MpArrival    *arrival)
{
  if (arrival->index == arrival->n_parties)
    return MP_RENDEZVOUS_TIMED_OUT;

  return break_round (rendezvous, arrival->round) == MP_RENDEZVOUS_MET ? MP_RENDEZVOUS_MET : MP_RENDEZVOUS_TIMED_OUT;
}

/*< private >
 * mp_rendezvous_await:
 *
 * Returns: %MP_RENDEZVOUS_TIMED_OUT if the wait ended before; then the party waits
 *   again, or gives up
 */
MpRendezvousResult
mp_rendezvous_await (MpTable            *table,
                     MpRendezvousLayout *rendezvous,
                     const MpArrival    *arrival,
                     MpWait              wait)
{
  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);
      gboolean is_over = mp_wait_is_over (wait);
      guint64 state = atomic_load (&rendezvous->state);
      MpRendezvousResult outcome = get_outcome (state, arrival->round);
      MpLife life;

      if (outcome != MP_RENDEZVOUS_TIMED_OUT)
        return outcome;

      life = look_at_parties (table, rendezvous, arrival);
      if (life == MP_LIFE_DEAD)
        return break_round (rendezvous, arrival->round);

      if (is_over)
        return MP_RENDEZVOUS_TIMED_OUT;

      if (life == MP_LIFE_DYING)
        mp_futex_pause (MP_SLEEP_DYING_USEC);
      else
        mp_sleep_on (table, &rendezvous->word, (guint32) state, epoch, 0, wait);
    }
}

/*< private >
 * mp_rendezvous_wait:
 *
 * Returns: %MP_RENDEZVOUS_TIMED_OUT if the wait ended before; then the round is broken,
 *   if this is one of its parties
 */
MpRendezvousResult
mp_rendezvous_wait (MpTable            *table,
                    MpRendezvousLayout *rendezvous,
                    const MpArrival    *arrival,
                    MpWait              wait)
{
  MpRendezvousResult outcome = mp_rendezvous_await (table, rendezvous, arrival, wait);

  return outcome == MP_RENDEZVOUS_TIMED_OUT ? mp_rendezvous_give_up (rendezvous, arrival) : outcome;
}

/* --- Others --------------------------------------------------------------- */

void
mp_rendezvous_abort (MpRendezvousLayout *rendezvous)
{
  mp_futex_set_bits_and_wake_all (&rendezvous->word, BROKEN);
}

void
mp_rendezvous_reset (MpRendezvousLayout *rendezvous)
{
  for (;;)
    {
      guint64 state = atomic_load (&rendezvous->state);

      if (change_state (rendezvous, state, end_round (state, TRUE)))
        return;
    }
}

gboolean
mp_rendezvous_is_broken (MpRendezvousLayout *rendezvous)
{
  return is_broken (atomic_load (&rendezvous->state));
}

/*< private >
 * mp_rendezvous_n_waiting:
 *
 * Returns: how many parties of a round that is not broken are there and alive
 */
guint
mp_rendezvous_n_waiting (MpTable            *table,
                         MpRendezvousLayout *rendezvous,
                         guint               n)
{
  guint64 state = atomic_load (&rendezvous->state);
  guint n_waiting = 0;

  for (guint i = 0; i < n && !is_broken (state); i++)
    {
      guint32 party = get_party (atomic_load (&rendezvous->arrivals[i]), get_round (state));

      n_waiting += party != 0 && mp_participant_is_alive (table, party);
    }

  return n_waiting;
}
