/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What is longer than a word, with a kill possible before every step.  See
 * mpglib/memory/mp-cell.c and mp-whole.c, whose order of steps this follows.  The lock of
 * the writers is in locking.pml; here one acquires it in one step, of a dead owner too.
 *
 * Memory is sequentially consistent; the fences that stand for that are not modelled.
 *
 * CELL: two processes replace a value of two words, twice each, and one reads it, which
 * looks twice in vain at most; one of the three is killed.  What was read is whole, the
 * value of the turn that was read, and all that live come to their end.
 *
 * WHOLE: one process writes two elements, twice; another writes none, twice, as the
 * writer of a part that does not matter here; one is killed.  At any moment the elements
 * agree, or he who writes them just now lives, or they are known to be torn; and who writes
 * all of them mends that.
 *
 * Defining one of these must make it fail:
 *   ONE_HALF         a writer writes the half that counts
 *   TURN_FIRST       a writer commits before it has written
 *   NO_SECOND_LOOK   a reader does not look whether the turn is the same
 *   NO_LOCK          writers do not wait for each other
 *   FORGET_TORN      who acquires the lock of a dead writer does not note that
 *   NOTE_LATER       who acquires that lock notes it in a step of its own
 *   MEND_PART        who writes a part says that the whole is mended
 */

#define N 4
#define NOBODY N

byte writer = NOBODY;
byte n_kills;
bool up[N] = true;
bool done[N];

/* A cell */
byte turn;
byte halves[4];     /* two of two words */

/* A whole */
byte elements[2];
bool torn;

#define STEP(i) atomic { up[i] ->

active proctype killer ()
{
  do
  :: n_kills < 1 ->
     if
     :: atomic { up[0] && !done[0] -> up[0] = false; n_kills++ }
     :: atomic { up[1] && !done[1] -> up[1] = false; n_kills++ }
     :: atomic { up[2] && !done[2] -> up[2] = false; n_kills++ }
     :: atomic { up[3] && !done[3] -> up[3] = false; n_kills++ }
     :: break
     fi
  :: else -> break
  od
}

#define CAN_ACQUIRE (writer == NOBODY || !up[writer])

#ifdef CELL

inline write (i)
{
#ifndef NO_LOCK
  atomic { up[i] && CAN_ACQUIRE -> writer = i };
#endif
  STEP (i) next = turn + 1 };
#ifdef ONE_HALF
  half = 0;
#else
  half = (next % 2) * 2;
#endif
#ifdef TURN_FIRST
  STEP (i) turn = next };
#endif
  STEP (i) halves[half] = next };
  STEP (i) halves[half + 1] = next };
#ifndef TURN_FIRST
  STEP (i) turn = next };
#endif
#ifndef NO_LOCK
  STEP (i) writer = NOBODY };
#endif
}

proctype replacer (byte i)
{
  byte next, half;

end:
  write (i);
  write (i);
  done[i] = true
}

/* tries: how often it looks before it acquires the lock of the writers */
proctype reader (byte i; byte tries)
{
  byte seen, first, second;

end:
  do
  :: tries > 0 ->
     STEP (i) seen = turn };
     STEP (i) first = halves[(seen % 2) * 2] };
     STEP (i) second = halves[(seen % 2) * 2 + 1] };
#ifdef NO_SECOND_LOOK
     break
#else
     if
     :: atomic { up[i] && turn == seen -> skip }; break
     :: atomic { up[i] && turn != seen -> tries-- }
     fi
#endif
  :: tries == 0 ->
     atomic { up[i] && CAN_ACQUIRE -> writer = i };
     STEP (i) seen = turn };
     STEP (i) first = halves[(seen % 2) * 2] };
     STEP (i) second = halves[(seen % 2) * 2 + 1] };
     STEP (i) writer = NOBODY };
     break
  od;
  assert (first == seen && second == seen);
  done[i] = true
}

init
{
  atomic { run replacer (0); run replacer (1); run reader (2, 2); done[3] = true }
}

/* Who lives comes to its end. */
active proctype judge ()
{
  timeout;
  assert ((done[0] || !up[0]) && (done[1] || !up[1]) && (done[2] || !up[2]) && (done[3] || !up[3]))
}

#endif

#ifdef WHOLE

byte begun = NOBODY;   /* who has written one element and not the other */

inline acquire (i)
{
  atomic {
    up[i] && CAN_ACQUIRE -> was_dead = (writer != NOBODY); writer = i;
#if !defined (FORGET_TORN) && !defined (NOTE_LATER)
    torn = torn || was_dead
#endif
  };
#ifdef NOTE_LATER
  STEP (i) torn = torn || was_dead };
#endif
}

proctype write_all (byte i)
{
  bool was_dead;
  byte n;

end:
  do
  :: n < 2 ->
     n++;
     acquire (i);
     STEP (i) elements[0] = n; begun = i };
     STEP (i) elements[1] = n; begun = NOBODY };
     STEP (i) torn = false };
     STEP (i) writer = NOBODY }
  :: else -> break
  od;
  done[i] = true
}

proctype write_part (byte i)
{
  bool was_dead;
  byte n;

end:
  do
  :: n < 2 ->
     n++;
     acquire (i);
#ifdef MEND_PART
     STEP (i) torn = false };
#endif
     STEP (i) writer = NOBODY }
  :: else -> break
  od;
  done[i] = true
}

init
{
  atomic { run write_all (0); run write_part (1); run write_part (2); done[3] = true }
}

#define IS_TORN (torn || (writer != NOBODY && !up[writer]))
#define IS_WRITTEN (begun != NOBODY && writer == begun && up[begun])

active proctype observer ()
{
  do
  :: atomic { elements[0] != elements[1] && !IS_WRITTEN && !IS_TORN -> assert (false) }
  :: timeout -> break
  od;
  assert ((done[0] || !up[0]) && (done[1] || !up[1]) && (done[2] || !up[2]));
  assert (n_kills > 0 || !torn)
}

#endif
