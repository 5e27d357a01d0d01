/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Locks and conditions, with a kill possible before every step.  See
 * mpglib/memory/mp-owner-lock.c and mp-notes.c, whose order of steps this follows; how
 * participants hear of deaths is in watching.pml, and here it is enough that some time
 * after a death all are told, and woken.
 *
 * Memory is sequentially consistent, as all accesses of the library to these words are.
 *
 * LOCK: three processes acquire a lock and release it, one of them twice; another may
 * give up.  One may be killed.  When nothing can go on any more, all who live have come to
 * their end.  Only one has the lock.
 *
 * CONDITION: two processes wait for tokens of a third one, which notifies one of them
 * for each; one is killed.  When nothing can go on any more, whoever waits waits
 * rightly: there are no tokens, or somebody died with the lock, who may have left
 * everything half done.
 *
 * Defining one of these must make it fail:
 *   WAKE_AFTER       a release stores, and then wakes; and no death tells anybody
 *   NO_PASS_ON       who gives up and was woken does not set the mark again
 *   NO_INHERITANCE   a note dies with its receiver
 *   EARLY_LEAVE      a waiter takes the note before it has the lock again
 *   NO_SECOND_LOOK   a notifier does not look again whether the receiver lives
 */

#define N 3             /* in CONDITION the last one notifies */
#define KILLS 1

#define NOBODY N

/* --- Shared memory --- */
byte owner = NOBODY;    /* of the lock */
bool mark;              /* WAIT */
bool dead[N];           /* and gone: others may take what it had */
byte tokens;

#define EMPTY   0
#define WAITING 1
#define NOTED   2
byte place[N];          /* that of each waiter */

/* --- Private memory --- */
bool up[N];             /* not killed yet */
bool done[N];
bool news[N];           /* somebody died since it looked: the epoch is another */
byte n_inside;          /* living holders */

/* --- The kernel --- */
bool asleep[N];
byte n_kills;

#define STEP(i) atomic { up[i] ->

#define IS_DEAD(who) (who != NOBODY && dead[who])

/* Any one of them; perhaps one that is killed already, and takes the wake with it. */
inline wake_one ()
{
  if
  :: asleep[0] -> asleep[0] = false
  :: asleep[1] -> asleep[1] = false
  :: asleep[2] -> asleep[2] = false
  :: !asleep[0] && !asleep[1] && !asleep[2] -> skip
  fi
}

proctype kernel (byte i)
{
end:
  !up[i];
  if
  :: atomic { owner == i && n_inside > 0 -> n_inside = n_inside - 1 }
  :: owner != i
  fi;
  atomic { asleep[i] = false; dead[i] = true }
#ifndef WAKE_AFTER
  atomic {
    news[0] = true; news[1] = true; news[2] = true;
    asleep[0] = false; asleep[1] = false; asleep[2] = false
  }
#endif
}

active proctype killer ()
{
  do
  :: n_kills < KILLS ->
     if
     :: atomic { up[0] && !done[0] -> up[0] = false; n_kills++ }
     :: atomic { up[1] && !done[1] -> up[1] = false; n_kills++ }
#ifdef LOCK
     :: atomic { up[2] && !done[2] -> up[2] = false; n_kills++ }
#endif
     :: break
     fi
  :: else -> break
  od
}

#ifdef LOCK

/* The first one gives up whenever it has slept. */
proctype user (byte i; byte times)
{
  byte seen_owner;
  bool seen_mark, slept, over, has_lock;

again:

  do
  :: STEP (i) news[i] = false }
     STEP (i) seen_owner = owner; seen_mark = mark }
     if
     :: seen_owner == NOBODY ->
        STEP (i)
          if
          :: owner == NOBODY && mark == seen_mark ->
             owner = i; mark = seen_mark || slept; n_inside++; assert (n_inside == 1); has_lock = true
          :: else
          fi
        }
     :: seen_owner != NOBODY && IS_DEAD (seen_owner) ->
        STEP (i)
          if
          :: owner == seen_owner && mark == seen_mark ->
             owner = i; mark = true; n_inside++; assert (n_inside == 1); has_lock = true
          :: else
          fi
        }
     :: else ->
        if
#ifdef NO_PASS_ON
        :: !seen_mark && !over ->
#else
        :: !seen_mark && (slept || !over) ->
#endif
           STEP (i)
             if
             :: owner == seen_owner && mark == seen_mark -> mark = true; seen_mark = true
             :: else -> seen_mark = false; seen_owner = NOBODY
             fi
           }
        :: else
        fi;
        if
        :: seen_owner == NOBODY
        :: seen_owner != NOBODY && over -> break
        :: seen_owner != NOBODY && !over ->
           STEP (i)
             slept = true;
             if
             :: owner == seen_owner && mark == seen_mark && !news[i] && !IS_DEAD (seen_owner) -> asleep[i] = true
             :: else
             fi
           }
           if
           :: atomic { up[i] && !asleep[i] -> skip }
           :: atomic { up[i] && i == 0 -> asleep[i] = false; over = true }
           fi
        fi
     fi;
     if
     :: has_lock ->
        STEP (i) n_inside = n_inside - 1; seen_mark = mark;
          if
          :: !seen_mark -> owner = NOBODY
#ifndef WAKE_AFTER
          :: seen_mark -> owner = NOBODY; mark = false; wake_one ()
#else
          :: seen_mark -> owner = NOBODY; mark = false
#endif
          fi
        }
#ifdef WAKE_AFTER
        STEP (i)
          if
          :: seen_mark -> wake_one ()
          :: else
          fi
        }
#endif
        break
     :: else
     fi
  od;

  STEP (i) has_lock = false; slept = false; seen_mark = false; seen_owner = 0; times-- }
  if
  :: times > 0 -> goto again
  :: else
  fi;
  STEP (i) done[i] = true }
}

#else

/* The lock, as above, in short: who waits for it gets it when it can be had. */
inline lock (i)
{
  atomic { up[i] && (owner == NOBODY || IS_DEAD (owner)) -> owner = i; n_inside++ }
}

inline unlock (i)
{
  STEP (i) owner = NOBODY; n_inside = n_inside - 1 }
}

proctype waiter (byte i; byte other)
{
  bool noted;

  lock (i);
  do
  :: STEP (i) if :: tokens > 0 -> tokens--; noted = true :: else -> noted = false fi }
     if
     :: noted -> break
     :: else
     fi;
     STEP (i) news[i] = false; place[i] = WAITING }
     unlock (i);

     do
     :: STEP (i) noted = place[i] == NOTED }
        if
        :: noted -> break
        :: else
        fi;
#ifndef NO_INHERITANCE
        if
        :: news[i] ->
           STEP (i) news[i] = false; noted = place[other] == NOTED && dead[other] }
           if
           :: noted ->
              /* First note oneself, then clear the dead one's. */
              STEP (i) place[i] = NOTED }
              STEP (i) place[other] = EMPTY }
              break
           :: else
           fi
        :: else
        fi;
        STEP (i)
          if
          :: place[i] == WAITING && !news[i] -> asleep[i] = true
          :: else
          fi
        }
#else
        STEP (i)
          if
          :: place[i] == WAITING -> asleep[i] = true
          :: else
          fi
        }
#endif
        atomic { up[i] && !asleep[i] -> skip }
     od;

#ifdef EARLY_LEAVE
     STEP (i) place[i] = EMPTY }
     lock (i)
#else
     lock (i);
     STEP (i) place[i] = EMPTY }
#endif
  od;

  unlock (i);
  STEP (i) done[i] = true }
}

/* One token or two, and for each one is notified. */
proctype notifier (byte i)
{
  byte n, j;
  bool lives, was_noted;

  do
  :: n < 2 ->
     lock (i);
     STEP (i) tokens++; j = 0; was_noted = false }
     do
     :: j < 2 && !was_noted ->
        STEP (i) lives = place[j] == WAITING && !dead[j] }
        if
        :: lives ->
           STEP (i)
             if
             :: place[j] == WAITING -> place[j] = NOTED; was_noted = true
             :: else
             fi
           }
           if
           :: was_noted ->
#ifndef NO_SECOND_LOOK
              STEP (i)
                if
                :: dead[j] -> was_noted = false;
                   if
                   :: place[j] == NOTED -> place[j] = WAITING
                   :: else
                   fi
                :: else
                fi
              }
#endif
              STEP (i)
                if
                :: was_noted -> asleep[j] = false
                :: else
                fi
              }
           :: else
           fi
        :: else
        fi;
        STEP (i) j++ }
     :: else -> break
     od;
     unlock (i);
     STEP (i) n++ }
  :: n > 0 -> break
  od;
  STEP (i) done[i] = true }
}

#endif

/* --- What must hold when nothing goes on --- */

active proctype judge ()
{
  byte i;

end:
  timeout;
  for (i : 0 .. N - 1) {
#ifdef LOCK
    assert (!up[i] || done[i])
#else
    assert (!up[i] || done[i] || tokens == 0 || IS_DEAD (owner))
#endif
  }
}

init
{
  byte i;

  atomic {
    for (i : 0 .. N - 1) {
      up[i] = true
    }
    run kernel (0);
    run kernel (1);
#ifdef LOCK
    run kernel (2);
    run user (0, 1);
    run user (1, 1);
    run user (2, 2)
#else
    run waiter (0, 1);
    run waiter (1, 0);
    run notifier (2)
#endif
  }
}
