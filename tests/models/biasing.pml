/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The biased lock, with the store buffers of the processors.  See
 * mpglib/memory/mp-biased-lock-private.h, whose order of steps this follows.
 *
 * A store of the favourite stays in a buffer, in order, until the processor likes to let it out, or has to: for
 * an atomic operation, as the mutex makes, and for the barrier of another thread.  Loads do not wait for that.
 *
 * Scope THREADS: three threads take the lock, the first one most often; who has it with the mutex may become the
 * favourite, or not, and the second one may be in it as that, when the first one comes late.
 *
 * When nothing can go on any more all have been through, and never were two in it.
 *
 * Defining one of these must make it fail:
 *   NO_PROCESS_BARRIER  who ends a favour does not wait for the favourite's stores
 *   NO_SECOND_LOOK      the favourite does not look whether it still is one
 *   NO_TELL             it does not tell those who wait
 *   SHARED_WORD         all favourites have one word for being in
 */

#define N 3
#define NONE N

#define ROUNDS(i) ((i) == 0 -> 3 : ((i) == 1 -> 2 : 1))

#ifdef SHARED_WORD
#define WORD(i) 0
#else
#define WORD(i) i
#endif

byte favourite = NONE;
byte ended = NONE;
byte in[N] = NONE;      /* by word: who has it as the favourite */
bool mutex;
bool waits[N];          /* asleep until something is told */
byte n_inside;
byte n_done;

/* A buffer holds stores to a word of `in`; nothing else needs one. */
chan buffer[N] = [3] of { byte };

proctype drain (byte i)
{
  byte value;

end:
  do
  :: atomic { buffer[i] ? value -> in[WORD (i)] = value }
  od
}

/* Of another one, in one step. */
inline process_barrier ()
{
  d_step {
    k = 0;
    do
    :: k < N && nempty (buffer[k]) -> buffer[k] ? value; in[WORD (k)] = value
    :: k < N && empty (buffer[k]) -> k++
    :: k == N -> break
    od;
    k = 0; value = 0
  }
}

/* An atomic operation: nothing stays in the buffer. */
inline take_mutex (i)
{
  atomic { !mutex && empty (buffer[i]) -> mutex = true }
}

inline wake_all ()
{
  d_step {
    waits[0] = false; waits[1] = false; waits[2] = false
  }
}

/* What it has stored itself it sees, and nobody else stores its name. */
inline look_at_own (i)
{
  d_step {
    is_mine = (in[WORD (i)] == i);
    k = 0;
    do
    :: k < len (buffer[i]) -> buffer[i] ? value; buffer[i] ! value; is_mine = (value == i); k++
    :: else -> break
    od;
    k = 0; value = 0
  }
}

proctype thread (byte i)
{
  byte round, value, k;
  bool is_fast, is_mine;

  do
  :: round < ROUNDS (i) ->
     /* acquire */
     is_fast = false;
     if
     :: favourite == i ->
        buffer[i] ! i;
#ifdef NO_SECOND_LOOK
        is_fast = true
#else
        if
        :: favourite == i -> is_fast = true
        :: else
        fi
#endif
     :: else
     fi;
     if
     :: !is_fast ->
        take_mutex (i);
        look_at_own (i);
        if
        :: is_mine -> in[WORD (i)] = NONE; wake_all ()
        :: else
        fi;
        do
        :: true ->
           if
           :: favourite != NONE ->
              ended = favourite;
              favourite = NONE;
#ifndef NO_PROCESS_BARRIER
              process_barrier ()
#endif
           :: else
           fi;
           if
           :: ended == NONE -> break
           :: ended != NONE && in[WORD (ended)] == NONE -> ended = NONE; break
           :: else -> atomic { waits[i] = true; mutex = false }
              !waits[i];
              take_mutex (i)
           fi
        od
     :: else
     fi;

     n_inside++;
     assert (n_inside == 1);
     n_inside--;

     /* release */
     if
     :: is_fast ->
        buffer[i] ! NONE;
        if
        :: favourite != i ->
#ifndef NO_TELL
           take_mutex (i);
           wake_all ();
           mutex = false
#endif
        :: else
        fi
     :: else ->
        if
        :: favourite = i
        :: true
        fi;
        mutex = false
     fi;
     round++
  :: else -> break
  od;
  n_done++
}

active proctype judge ()
{
end:
  timeout;
  assert (n_done == N)
}

init
{
  atomic {
    run drain (0); run drain (1); run drain (2);
    run thread (0); run thread (1); run thread (2)
  }
}
