/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* How a main loop is rung, with a kill possible before every step.  See
 * mpglib/memory/mp-doorbell.c, whose order of steps this follows; how participants
 * hear of deaths is in watching.pml, and here as simple as two of them allow.
 *
 * Memory is sequentially consistent, as all accesses of the library to these words
 * are.  Two slots: 0 waits for an object from its main loop; 1 changes the object
 * and rings, twice; any one is killed.  With THREADS besides, two threads of 1 do so
 * at once: more states than a test has time for.
 *
 * When nothing can go on any more
 *   - nobody is dead and not buried, unless nobody is left;
 *   - the main loop has looked at the object after its last change.
 * A slot is buried once for each death.
 *
 * Defining one of these must make it fail:
 *   NO_BROADCAST   a burial does not wake those who wait for anything
 *   NO_SEQUENCE    a ringer closes a gate that was opened anew
 */

#define N 2
#define KILLS 1

#define FREE  0
#define ALIVE 1
#define DEAD  2

#define IDLE  0
#define ARMED 1
#define RUNG  2

/* --- Shared memory --- */
byte life[N];
/* Words of which only matters whether they changed since they were looked at. */
bool epoch;             /* by mp-watch of slot 0, the only one that sleeps on it */
bool poke[N];
bool bell[N];
bool rung[N];
byte value;
byte waiter;            /* of slot 0, in the object */
bool gate;

/* Sequences, of which only matters whether they are those that a ringer saw. */
bool same_waiter[2];
bool same_gate[2];

/* --- Private memory --- */
bool up[N];             /* not killed yet */
bool registered[N];     /* the kernel will mark the life word */
bool told[N];           /* has poked its watchers */
bool armed;             /* MpDoorbell of slot 0 */
bool event;             /* its eventfd */
byte looked;            /* what the main loop saw last */

/* --- The kernel --- */
bool asleep[N];         /* mp-watch of that slot */
byte watched[N];        /* whose life word it sleeps on; N: nobody's */
byte n_kills;
byte n_deaths[N];
byte n_burials[N];

/* Somebody is there who can bury. */
#define SOMEBODY (up[0] || up[1])

inline wake_watch (who)
{
  asleep[who] = false;
}

inline wake_all_on_life (whose)
{
  for (k : 0 .. N - 1) {
    if
    :: asleep[k] && watched[k] == whose -> wake_watch (k)
    :: else
    fi
  }
  k = 0
}

/* Every step of a process that can be killed: it is still there.  One that is not
 * stays where it was, for ever.
 */
#define STEP(i) atomic { up[i] ->

/* --- mp-watch --- */

proctype watch (byte i)
{
  byte j, n, k;
  bool heard, told_of_death;

  STEP (i) told[i] }
  do
  :: STEP (i) poke[i] = false; watched[i] = N; n = 1;
       if
       :: i == 0 -> told_of_death = epoch; epoch = false
       :: else
       fi
     }
     /* All slots, from its own on; the first living one is the neighbour. */
     do
     :: n < N ->
        STEP (i)
          j = (i + n) % N;
          n++;
          if
          :: life[j] == ALIVE && watched[i] == N -> watched[i] = j
          :: else
          fi
        }
        if
        :: life[j] == DEAD ->
           STEP (i) wake_all_on_life (j) }
#ifndef NO_BROADCAST
           STEP (i) epoch = true }
           STEP (i) wake_watch (0) }
#endif
           STEP (i)
             if
             :: life[j] == DEAD -> life[j] = FREE; n_burials[j]++; assert (n_burials[j] <= n_deaths[j])
             :: else
             fi
           }
        :: else
        fi
     :: else -> break
     od;

     STEP (i) bell[i] = false; j = 0; n = 0 }
     STEP (i) heard = rung[i]; rung[i] = false }
     if
     :: i == 0 && (heard || told_of_death) ->
        STEP (i)
          if
          :: armed && (told_of_death || waiter != ARMED) -> armed = false; event = true
          :: else
          fi
        }
     :: else
     fi;

     /* The kernel compares all words and goes to sleep, or not, in one step. */
     STEP (i)
       heard = false;
       told_of_death = false;
       if
       :: !poke[i] && !bell[i] && (i != 0 || !epoch) && (watched[i] == N || life[watched[i]] == ALIVE) ->
          asleep[i] = true
       :: else
       fi
     }
     !asleep[i]
  od
}

/* --- The main loop of slot 0 --- */

proctype main_loop ()
{
  do
  :: STEP (0) event = false; armed = true }
     STEP (0) waiter = ARMED; same_waiter[0] = false; same_waiter[1] = false }
     STEP (0) gate = true; same_gate[0] = false; same_gate[1] = false }
     if
     :: atomic { up[0] && value != looked -> looked = value }
     :: atomic { up[0] && value == looked -> skip }
        up[0] && event
     fi
  od
}

/* --- Changing and ringing --- */

proctype ringer (byte i; byte thread; byte times)
{
  bool seen_open, mine;

again:

  STEP (i) value++ }
  STEP (i) seen_open = gate; same_gate[thread] = gate }
  if
  :: seen_open ->
     STEP (i) same_waiter[thread] = true; mine = false;
       if
       :: waiter == ARMED -> waiter = RUNG; mine = true
       :: waiter == RUNG -> mine = true
       :: else
       fi
     }
     if
     :: mine ->
        STEP (i) rung[0] = true }
        STEP (i) bell[0] = true; wake_watch (0) }
        STEP (i)
          if
          :: waiter == RUNG && same_waiter[thread] -> waiter = IDLE
          :: else
          fi
        }
     :: else
     fi;
     STEP (i)
       if
#ifdef NO_SEQUENCE
       :: true -> gate = false
#else
       :: same_gate[thread] -> gate = false
       :: else
#endif
       fi;
       same_gate[thread] = false; same_waiter[thread] = false; mine = false; seen_open = false
     }
  :: else
  fi
  times--;
  if
  :: times > 0 -> goto again
  :: else
  fi
}

/* --- Killing --- */

active proctype killer ()
{
  do
  :: n_kills < KILLS ->
     if
     :: atomic { up[0] -> up[0] = false; n_kills++ }
     :: atomic { up[1] -> up[1] = false; n_kills++ }
     :: break
     fi
  :: else -> break
  od
}

/* Some time after, the kernel takes its thread off the words that it slept on,
 * marks what was registered, and wakes one.  Until then a killed thread can be
 * the one that is woken.
 */
proctype kernel (byte i)
{
end:
  !up[i];
  atomic {
    asleep[i] = false;
    if
    :: registered[i] && life[i] == ALIVE ->
       life[i] = DEAD;
       n_deaths[i]++;
       if
       :: asleep[0] && watched[0] == i -> wake_watch (0)
       :: asleep[1] && watched[1] == i -> wake_watch (1)
       :: else
       fi
    :: else
    fi
  }
}

/* --- What must hold when nothing goes on --- */

active proctype judge ()
{
  byte i;

end:
  timeout;
  for (i : 0 .. N - 1) {
    assert (life[i] != DEAD || !told[i] || !SOMEBODY);
    /* Taken by nobody, for ever: not even by the next newcomer. */
    assert (up[i] || life[i] != ALIVE)
  }
  assert (!up[0] || looked == value)
}

init
{
  byte i;

  atomic {
    for (i : 0 .. N - 1) {
      up[i] = true;
      watched[i] = N
    }
    life[0] = ALIVE; registered[0] = true; told[0] = true;
    life[1] = ALIVE; registered[1] = true; told[1] = true;
    run main_loop ();
#ifdef THREADS
    run ringer (1, 0, 1);
    run ringer (1, 1, 1);
#else
    run ringer (1, 0, 2);
#endif
    run kernel (0);
    run kernel (1);
    run watch (0);
    run watch (1)
  }
}
