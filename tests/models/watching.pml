/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* How participants watch each other, with kills possible before every step.  See
 * mpglib/memory/mp-watch.c and mp-participant.c, whose order of steps this follows.
 *
 * What makes it hard is what the kernel does: of those that sleep on a word that
 * it marks it wakes one, and a thread that was killed, or woken by another word,
 * stays in the queues of all its words until it runs.  So who takes the wake may
 * never use it.
 *
 * Scopes, one of which is defined:
 *
 *   CROWD      four participants, each watching two; all but the first are killed, which
 *              is any one of them, for they are alike
 *   NEWCOMER   three, each watching one, of which the last becomes a participant;
 *              any two are killed
 *   LONG       four, each watching one, of which the last becomes a participant;
 *              any three are killed
 *   LEAVING    four, each watching one, of which the second leaves, or is killed amid that;
 *              any two are killed
 *
 * When nothing can go on any more nobody is dead and not buried, unless it died
 * before it could tell anybody, or nobody is left.
 *
 * Defining one of these must make it fail:
 *   SHARED         watchers do not keep a word for themselves
 *   NO_POKE        a newcomer tells nobody
 *   LATE_REGISTER  the kernel hears of the slot after it was taken
 *   WITHOUT_ID     who leaves marks its words as the kernel does, which leaves them alone then
 *   SILENT         who leaves wakes nobody
 */

#if defined(CROWD)
#define N 4
#define KILLS 3
#define NEWCOMER N
#define TWO
#elif defined(LEAVING)
#define N 4
#define KILLS 2
#define NEWCOMER N
#define LEAVER 1
#elif defined(LONG)
#define N 4
#define KILLS 3
#define NEWCOMER 3
#else
#define N 3
#define KILLS 2
#define NEWCOMER 2
#endif

#define FREE  0
#define ALIVE 1
#define DEAD  2

/* Vigils of a slot, and all of them numbered. */
#define W 2
#define VIGIL(slot, v) ((slot) * W + (v))
#define NONE (N * W)

/* --- Shared memory --- */
byte life[N];
bool named[N];          /* it has told its name: its vigils are with the kernel */
bool poke[N];           /* changed since it was looked at */
byte watcher[NONE];     /* who alone may sleep on that vigil; N: nobody */

/* --- Private memory --- */
bool up[N];             /* not killed yet */
bool registered[N];     /* the kernel will mark its words */
bool has_id[N];     /* marked by itself: the words have its id still, for the kernel */
bool told[N];           /* has poked its watchers */
bool is_leaving[N];

/* --- The kernel --- */
bool asleep[N];
bool queued[N];         /* on all words that it slept on */
byte first[N];          /* vigil that it keeps; NONE: none */
#ifdef TWO
byte second[N];
#endif
byte n_kills;

#ifdef SHARED
#define IS_FREE(v) (true)
#else
#define IS_FREE(v) (watcher[v] == N || life[watcher[v]] != ALIVE)
#endif

#ifdef TWO
#define KEEPS(who, v)     (first[who] == (v) || second[who] == (v))
#define KEEPS_ENOUGH(who) (second[who] != NONE)
#define LIVES(v)          ((v) == NONE || life[(v) / W] == ALIVE)
#define MAY_SLEEP(who)    (LIVES (first[who]) && LIVES (second[who]))
#else
#define KEEPS(who, v)     (first[who] == (v))
#define KEEPS_ENOUGH(who) (first[who] != NONE)
#define LIVES(v)          ((v) == NONE || life[(v) / W] == ALIVE)
#define MAY_SLEEP(who)    (LIVES (first[who]))
#endif

#define QUEUED_ON(who, v) (queued[who] && KEEPS (who, v))

inline let_go (who)
{
  if
  :: first[who] != NONE && watcher[first[who]] == who -> watcher[first[who]] = N
  :: else
  fi;
  first[who] = NONE;
#ifdef TWO
  if
  :: second[who] != NONE && watcher[second[who]] == who -> watcher[second[who]] = N
  :: else
  fi;
  second[who] = NONE
#endif
}

inline keep (who, slot)
{
  v = 0;
  do
  :: v < W && !IS_FREE (VIGIL (slot, v)) -> v++
  :: else -> break
  od;
  if
  :: v == W -> must_look = true
  :: v < W && first[who] == NONE -> watcher[VIGIL (slot, v)] = who; first[who] = VIGIL (slot, v)
#ifdef TWO
  :: v < W && first[who] != NONE -> watcher[VIGIL (slot, v)] = who; second[who] = VIGIL (slot, v)
#endif
  fi;
  v = 0
}

inline wake_all_that_watch (slot)
{
  for (k : 0 .. N - 1) {
    if
    :: queued[k] && (first[k] / W == slot
#ifdef TWO
                     || second[k] / W == slot
#endif
                    ) -> asleep[k] = false
    :: else
    fi
  }
  k = 0
}

/* Whichever it likes. */
inline wake_one_that_keeps (vigil)
{
  if
  :: QUEUED_ON (0, vigil) -> asleep[0] = false
  :: QUEUED_ON (1, vigil) -> asleep[1] = false
  :: QUEUED_ON (2, vigil) -> asleep[2] = false
#if N > 3
  :: QUEUED_ON (3, vigil) -> asleep[3] = false
#endif
  :: else
  fi
}

proctype watch (byte i)
{
  byte n, k, v, n_poked;
  bool must_look;

  {
    if
    :: i == NEWCOMER ->
#ifdef LATE_REGISTER
       life[i] = ALIVE;
       registered[i] = true;
#else
       registered[i] = true;
       life[i] = ALIVE;
#endif
       named[i] = true;
#ifndef NO_POKE
       n = 1;
       do
       :: atomic { n < N && n_poked < 2 ->
            k = (i + N - n) % N;
            n++;
            if
            :: life[k] != FREE -> poke[k] = true; asleep[k] = false
            :: else
            fi;
            if
            :: life[k] == ALIVE && named[k] -> n_poked++
            :: else
            fi;
            k = 0
          }
       :: else -> break
       od;
#endif
       atomic { n = 0; n_poked = 0; told[i] = true }
    :: else
    fi;

    do
#ifdef LEAVER
    /* Step by step, as mp_participant_leave(). */
    :: atomic { i == LEAVER -> queued[i] = false; let_go (i); is_leaving[i] = true }
#ifndef WITHOUT_ID
       atomic { has_id[i] = true; life[i] = DEAD }
#else
       life[i] = DEAD;
#endif
#ifndef SILENT
       atomic { wake_all_that_watch (i) }
#endif
       atomic { registered[i] = false; has_id[i] = false }
       atomic {
         if
         :: life[i] == DEAD -> life[i] = FREE; named[i] = false
         :: else
         fi;
         break
       }
#endif
    :: atomic { queued[i] = false; poke[i] = false; must_look = false; let_go (i); n = 1 }
       /* All slots, from its own on. */
       do
       :: atomic { n < N && life[(i + n) % N] != DEAD ->
            if
            :: life[(i + n) % N] == ALIVE && named[(i + n) % N] && !KEEPS_ENOUGH (i) ->
               keep (i, (i + n) % N)
            :: else
            fi;
            n++
          }
       :: atomic { n < N && life[(i + n) % N] == DEAD -> wake_all_that_watch ((i + n) % N) }
          atomic {
            if
            :: life[(i + n) % N] == DEAD -> life[(i + n) % N] = FREE; named[(i + n) % N] = false
            :: else
            fi;
            n++
          }
       :: n >= N -> break
       od;

       /* The kernel compares all words and puts it to sleep, or not, in one step. */
       atomic {
         n = 0;
         if
         :: !poke[i] && !must_look && MAY_SLEEP (i) -> asleep[i] = true; queued[i] = true
         :: else
         fi
       }
       !asleep[i]
    od
  } unless { !up[i] };

  /* Some time after the kill: the kernel takes the thread off its queues, and marks. */
  atomic {
    n = 0; k = 0; v = 0; n_poked = 0; must_look = false;
    asleep[i] = false; queued[i] = false; poke[i] = false; first[i] = NONE;
#ifdef TWO
    second[i] = NONE;
#endif
    if
    :: registered[i] && (life[i] == ALIVE || has_id[i]) ->
       if
       :: life[i] == ALIVE -> life[i] = DEAD
       :: else
       fi;
       for (v : 0 .. W - 1) {
         wake_one_that_keeps (VIGIL (i, v))
       }
       v = 0
    :: else
    fi
  }
}

active proctype killer ()
{
  do
  :: n_kills = KILLS; break
#ifndef CROWD
  :: atomic { n_kills < KILLS && up[0] -> up[0] = false; n_kills++ }
#endif
  :: atomic { n_kills < KILLS && up[1] -> up[1] = false; n_kills++ }
  :: atomic { n_kills < KILLS && up[2] -> up[2] = false; n_kills++ }
#if N > 3
  :: atomic { n_kills < KILLS && up[3] -> up[3] = false; n_kills++ }
#endif
  od
}

#define CAN_BURY(i) (up[i] && told[i] && !is_leaving[i])
#if N > 3
#define SOMEBODY (CAN_BURY (0) || CAN_BURY (1) || CAN_BURY (2) || CAN_BURY (3))
#else
#define SOMEBODY (CAN_BURY (0) || CAN_BURY (1) || CAN_BURY (2))
#endif

active proctype judge ()
{
  byte i;

end:
  timeout;
  atomic {
    for (i : 0 .. N - 1) {
      assert (life[i] != DEAD || !told[i] || !SOMEBODY);
      /* Taken by nobody, for ever: not even by the next newcomer. */
      assert (up[i] || life[i] != ALIVE)
    }
    i = 0
  }
}

init
{
  byte i;

  atomic {
    for (i : 0 .. NONE - 1) {
      watcher[i] = N
    }
    for (i : 0 .. N - 1) {
      up[i] = true;
      first[i] = NONE;
#ifdef TWO
      second[i] = NONE;
#endif
      if
      :: i != NEWCOMER -> life[i] = ALIVE; named[i] = true; registered[i] = true; told[i] = true
      :: else
      fi
    }
    for (i : 0 .. N - 1) {
      run watch (i)
    }
    i = 0
  }
}
