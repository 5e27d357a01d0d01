/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Rings of which somebody is stopped, not killed, while it waits. */

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-owner-lock-private.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-ring-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-crew.h"
#include "mp-test-ring.h"

#define CAPACITY   4096
#define CHUNK_BITS 8

typedef struct
{
  MpRingLayout ring;
  MpAtomic32   is_done;   /* how many have put, or taken */
  MpAtomic32   may_give_up;
  MpAtomic32   is_there;  /* how many have come so far as they go */
} Shared;

static MpTable *table;
static Shared *shared;
static MpRing ring;
static MpTestRing test_ring;

static guint32
get_me (void)
{
  return mp_participant_enter (table, NULL);
}

static void
set_up_with (MpRingFlags flags)
{
  shared = mp_test_share (sizeof *shared);
  mp_test_ring_new (&test_ring, &shared->ring, CAPACITY, 100, CHUNK_BITS, flags);
  table = test_ring.table;
  mp_test_ring_open (&test_ring, &ring, &shared->ring);
}

static void
set_up (void)
{
  set_up_with (0);
}

static void
tear_down (void)
{
  g_assert_true (mp_test_ring_is_sound (&ring));
  mp_test_ring_free (&test_ring);
  munmap (shared, sizeof *shared);
}

static MpWait
patiently (void)
{
  return MP_WAIT_UNTIL (mp_test_deadline ());
}

static const guint8 bytes[CAPACITY] = { 7 };

/* `parts`: of the capacity's quarters */
static MpRingResult
put (guint  parts,
     MpWait wait)
{
  g_autoptr (GError) error = NULL;
  MpRingRecord record = { bytes, parts * (CAPACITY / 4) - 8, 0 };
  guint n;
  MpRingResult result = mp_ring_put (&ring, get_me (), &record, 1, &n, wait, &error);

  g_assert_no_error (error);
  return result;
}

static MpRingResult
take (MpWait wait)
{
  g_autoptr (GError) error = NULL;
  guint8 taken[CAPACITY];
  MpRingRecord record;
  MpRingHaul haul = { taken, sizeof taken, &record, 1 };
  MpRingResult result = mp_ring_take (&ring, get_me (), &haul, wait, &error);

  g_assert_no_error (error);
  return result;
}

/* Before the end of the wait, at which it looks for the last time. */
static void
put_in_time (void)
{
  gint64 begun = g_get_monotonic_time ();

  g_assert_cmpint (put (1, patiently ()), ==, MP_RING_DONE);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, MP_TEST_PATIENCE / 2);
}

static void
fill (void)
{
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
}

static void
take_all (void)
{
  while (take (MP_WAIT_ENDS_NOW) == MP_RING_DONE)
    ;
}

/* --- Others --------------------------------------------------------------- */

static void
put_patiently (gpointer parts)
{
  get_me ();   /* which may sleep, too */
  mp_test_tell_ready ();
  g_assert_cmpint (put (GPOINTER_TO_UINT (parts), MP_WAIT_NEVER_ENDS), ==, MP_RING_DONE);
  mp_test_count (&shared->is_done);
}

static void
take_patiently (gpointer unused)
{
  get_me ();
  mp_test_tell_ready ();
  g_assert_cmpint (take (MP_WAIT_NEVER_ENDS), ==, MP_RING_DONE);
  mp_test_count (&shared->is_done);
}

static void
stop (pid_t pid)
{
  int status;

  kill (pid, SIGSTOP);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));
}

static void
go_on (pid_t pid)
{
  kill (pid, SIGCONT);
  mp_test_join (pid);
}

static pid_t
fork_and_stop (MpTestFunc func,
               gpointer   data)
{
  pid_t pid = mp_test_fork_waiter (func, data);

  stop (pid);
  return pid;
}

/* Until it looks after who has the turn, without a timer. */
static void
await_vigil (MpRingEnd *other)
{
  gint64 deadline = mp_test_deadline ();

  while ((atomic_load (&other->watched) & 1) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      sched_yield ();
    }
}

/* --- Room ----------------------------------------------------------------- */

/* Who puts and waits has the turn of the one that is stopped. */
static void
test_waiting_put (void)
{
  pid_t stopped;

  set_up ();
  fill ();
  stopped = fork_and_stop (put_patiently, GUINT_TO_POINTER (4));
  take_all ();
  for (guint i = 0; i < 4; i++)
    put_in_time ();

  /* It has not lost more than its place. */
  take_all ();
  go_on (stopped);
  g_assert_cmpuint (atomic_load (&shared->is_done), ==, 1);
  tear_down ();
}

/* Who does not wait finds the room free some time later. */
static void
test_put_that_does_not_wait (void)
{
  gint64 deadline = mp_test_deadline (), begun;
  pid_t stopped;

  set_up ();
  fill ();
  stopped = fork_and_stop (put_patiently, GUINT_TO_POINTER (4));
  take_all ();
  begun = g_get_monotonic_time ();
  while (put (1, MP_WAIT_ENDS_NOW) != MP_RING_DONE)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      sched_yield ();
    }
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, MP_RING_PATIENCE_USEC);
  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);

  take_all ();
  go_on (stopped);
  tear_down ();
}

/* While there is too little for what is claimed, it is claimed, however long that takes. */
static void
test_claim_that_cannot_be_used (void)
{
  pid_t stopped;

  set_up ();
  fill ();
  stopped = fork_and_stop (put_patiently, GUINT_TO_POINTER (2));
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpint (put (1, MP_WAIT_UNTIL (g_get_monotonic_time () + 3 * MP_RING_PATIENCE_USEC)), ==, MP_RING_AGAIN);

  /* And who waits hears when there is more. */
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  put_in_time ();

  take_all ();
  go_on (stopped);
  tear_down ();
}

/* Of a claim that is nobody's, or one's own. */
static void
test_forged_claim (void)
{
  set_up ();
  atomic_store (&ring.layout->put.claimed, G_MAXUINT64);
  atomic_store (&ring.layout->put.claimant, get_me ());
  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
  put_in_time ();
  g_assert_cmpuint (atomic_load (&ring.layout->put.claimant), ==, 0);
  tear_down ();
}

/* Who has claimed room without the turn, as main loops do, and has it left by who has the turn. */
static void
test_claim_without_turn (void)
{
  MpRingRecord record = { bytes, CAPACITY / 2 - 8, 0 };
  gboolean has_claim = FALSE;
  pid_t putter;
  guint n;

  set_up ();
  fill ();
  g_assert_cmpint (mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n, &has_claim, NULL), ==, MP_RING_AGAIN);
  g_assert_true (has_claim);
  putter = mp_test_fork_waiter (put_patiently, GUINT_TO_POINTER (1));
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpint (mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n, &has_claim, NULL), ==, MP_RING_DONE);
  g_assert_false (has_claim);
  g_assert_cmpuint (atomic_load (&shared->is_done), ==, 0);
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (putter);

  /* Likewise if it gives up, or never does anything. */
  for (guint i = 0; i < 2; i++)
    {
      take_all ();
      fill ();
      g_assert_cmpint (mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n, &has_claim, NULL), ==,
                       MP_RING_AGAIN);
      g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      putter = mp_test_fork_waiter (put_patiently, GUINT_TO_POINTER (1));
      if (i == 0)
        mp_ring_give_up_claim (&ring, get_me (), &has_claim);
      else
        g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      mp_test_wait_word (&shared->is_done, 2 + i);
      mp_test_join (putter);
    }
  tear_down ();
}

static void
claim_half (gpointer unused)
{
  MpRingRecord record = { bytes, CAPACITY / 2 - 8, 0 };
  gboolean has_claim = FALSE;
  guint n;

  g_assert_cmpint (mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n, &has_claim, NULL), ==, MP_RING_AGAIN);
  mp_test_tell_ready ();
  for (;;)
    pause ();
}

/* Likewise if that is killed, though nothing is taken any more, and there is less room than it claimed. */
static void
test_claim_of_dead (void)
{
  pid_t claimant, putter;

  set_up ();
  fill ();
  claimant = mp_test_fork_waiter (claim_half, NULL);
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  putter = mp_test_fork_waiter (put_patiently, GUINT_TO_POINTER (1));
  mp_test_kill (claimant);
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (putter);
  tear_down ();
}

static void
claim_all (gpointer gives_up)
{
  MpRingRecord record = { bytes, CAPACITY - 8, 0 };
  gboolean has_claim = FALSE;
  guint n;

  g_assert_cmpint (mp_ring_try_put_claiming (&ring, get_me (), &record, 1, &n, &has_claim, NULL), ==, MP_RING_AGAIN);
  mp_test_tell_ready ();
  if (gives_up != NULL)
    {
      mp_test_wait_word (&shared->may_give_up, 1);
      mp_ring_give_up_claim (&ring, get_me (), &has_claim);
    }
  for (;;)
    pause ();
}

/* Who has claimed lives and does nothing, and who has the turn waits behind that and is stopped. */
static void
test_turn_behind_unused_claim (void)
{
  pid_t claimant, stopped;

  set_up ();
  fill ();
  claimant = mp_test_fork_waiter (claim_all, NULL);
  stopped = fork_and_stop (put_patiently, GUINT_TO_POINTER (1));
  take_all ();
  put_in_time ();

  take_all ();
  mp_test_kill (claimant);
  go_on (stopped);
  tear_down ();
}

/* It gives up, after which there is room for who sleeps behind the one that is stopped, and nothing is taken. */
static void
test_turn_behind_claim_given_up (void)
{
  pid_t claimant, stopped, putter;

  set_up ();
  fill ();
  claimant = mp_test_fork_waiter (claim_all, GUINT_TO_POINTER (TRUE));
  stopped = fork_and_stop (put_patiently, GUINT_TO_POINTER (1));
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  putter = mp_test_fork_waiter (put_patiently, GUINT_TO_POINTER (1));
  await_vigil (&ring.layout->take);
  mp_test_set_word (&shared->may_give_up, 1);
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (putter);

  take_all ();
  mp_test_kill (claimant);
  go_on (stopped);
  tear_down ();
}

/* Whoever was held up by a claim does not hold that against the next one. */
static void
test_next_claim_has_its_time (void)
{
  MpRingRecord record = { bytes, CAPACITY / 2 - 8, 0 };
  MpRing other;
  gboolean has_claim = FALSE;
  guint n;

  set_up ();
  other = ring;   /* each has a time of its own */
  for (guint i = 0; i < 2; i++)
    {
      fill ();
      g_assert_cmpint (mp_ring_try_put_claiming (&other, get_me (), &record, 1, &n, &has_claim, NULL), ==,
                       MP_RING_AGAIN);
      g_assert_true (has_claim);
      for (guint k = 0; k < 2; k++)
        g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
      g_assert_cmpint (mp_ring_get_next_look (&ring), >, g_get_monotonic_time ());
      mp_ring_give_up_claim (&other, get_me (), &has_claim);
      g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      g_assert_cmpint (mp_ring_get_next_look (&ring), ==, MP_DEADLINE_NEVER);
      take_all ();
    }
  tear_down ();
}

/* --- Records -------------------------------------------------------------- */

/* However many are stopped of those that wait for a record, another has it: a short time after they were, and long. */
static void
test_takers (void)
{
  pid_t stopped[3], taker;

  for (guint i = 0; i < 2; i++)
    {
      set_up ();
      for (guint k = 0; k < G_N_ELEMENTS (stopped); k++)
        stopped[k] = mp_test_fork_waiter (take_patiently, NULL);
      taker = mp_test_fork_waiter (take_patiently, NULL);
      if (i == 1)
        await_vigil (&ring.layout->put);
      for (guint k = 0; k < G_N_ELEMENTS (stopped); k++)
        stop (stopped[k]);

      g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      mp_test_wait_word (&shared->is_done, 1);
      mp_test_join (taker);

      for (guint k = 0; k < G_N_ELEMENTS (stopped); k++)
        g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
      for (guint k = 0; k < G_N_ELEMENTS (stopped); k++)
        go_on (stopped[k]);
      g_assert_cmpuint (atomic_load (&shared->is_done), ==, 4);
      tear_down ();
    }
}

/* Who was passed over, and goes on, waits behind the others, and is woken. */
static void
test_passed_over (void)
{
  pid_t first, second;

  set_up ();
  first = fork_and_stop (take_patiently, NULL);
  second = mp_test_fork_waiter (take_patiently, NULL);
  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_test_wait_word (&shared->is_done, 1);
  mp_test_join (second);
  kill (first, SIGCONT);
  second = mp_test_fork_waiter (take_patiently, NULL);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_test_wait_word (&shared->is_done, 3);
  mp_test_join (first);
  mp_test_join (second);
  g_assert_cmpuint (atomic_load (&ring.layout->take.turn) & MP_OWNER_MASK, ==, 0);
  tear_down ();
}

/* --- Hands ---------------------------------------------------------------- */

/* Longer than anybody waits who need not. */
static void
set_patience (gint64 *before,
              gint64  patience)
{
  *before = mp_short_lock_get_patience ();
  mp_short_lock_set_patience (patience);
}

static void
take_one (MpRingRecord *record)
{
  g_autoptr (GError) error = NULL;
  guint8 taken[CAPACITY];
  MpRingHaul haul = { taken, sizeof taken, record, 1 };

  g_assert_cmpint (mp_ring_take (&ring, get_me (), &haul, MP_WAIT_ENDS_NOW, &error), ==, MP_RING_DONE);
  g_assert_no_error (error);
}

static void
stay (void)
{
  mp_test_count (&shared->is_there);
  for (;;)
    pause ();
}

static void
take_two_and_stay (gpointer unused)
{
  MpRingRecord record;

  for (guint i = 0; i < 2; i++)
    take_one (&record);
  stay ();
}

static void
lock_and_stay (gpointer end)
{
  g_assert_true (mp_owner_lock_try (&((MpRingEnd *) end)->lock, get_me ()));
  stay ();
}

static void
be_there_and_stay (gpointer unused)
{
  get_me ();
  stay ();
}

static pid_t
fork_who_stays (MpTestFunc func,
                gpointer   data)
{
  guint32 n = atomic_load (&shared->is_there);
  pid_t pid = mp_test_fork (func, data);

  mp_test_wait_count (&shared->is_there, n + 1);
  return pid;
}

static void
kill_and_notice (pid_t pid)
{
  gint64 deadline = mp_test_deadline ();

  mp_test_kill (pid);
  while (!mp_ring_has_orphans (&ring))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      sched_yield ();
    }
}

/* One who takes is stopped with the lock: who finds nothing has not waited for it. */
static void
test_empty_beside_taker (void)
{
  MpPatience patience = { 0 };
  gint64 before;
  pid_t stopped;

  set_up ();
  set_patience (&before, 10000);
  stopped = fork_who_stays (lock_and_stay, &ring.layout->take);
  stop (stopped);
  mp_patience_begin (&patience);
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_AGAIN);
  mp_patience_end (&patience);
  g_assert_cmpint (patience.spent, ==, 0);

  mp_test_kill (stopped);
  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  g_assert_cmpint (take (MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_short_lock_set_patience (before);
  tear_down ();
}

/* One who takes is stopped with the lock, and others die.  Who looks is not kept waiting, is told that there is nothing
 * as long as there is nothing, and of each of two that somebody held.
 */
static void
test_look_beside_taker (void)
{
  MpPatience patience = { 0 };
  gint64 deadline = mp_test_deadline (), before;
  pid_t holder, stopped, other;

  set_up_with (MP_RING_HOLDS | MP_RING_REDELIVERS);
  set_patience (&before, 10000);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  holder = fork_who_stays (take_two_and_stay, NULL);
  other = fork_who_stays (be_there_and_stay, NULL);
  stopped = fork_who_stays (lock_and_stay, &ring.layout->take);
  stop (stopped);
  mp_patience_begin (&patience);
  kill_and_notice (other);
  g_assert_false (mp_ring_look_for_orphans (&ring, get_me ()));

  kill_and_notice (holder);
  while (!mp_ring_look_for_orphans (&ring, get_me ()))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      sched_yield ();
    }
  mp_patience_end (&patience);
  g_assert_cmpint (patience.spent, ==, 0);

  kill_and_notice (stopped);
  for (guint i = 0; i < 2; i++)
    {
      MpRingRecord record;

      g_assert_true (mp_ring_look_for_orphans (&ring, get_me ()));
      take_one (&record);
    }
  g_assert_false (mp_ring_look_for_orphans (&ring, get_me ()));
  mp_short_lock_set_patience (before);
  tear_down ();
}

/* What is given back while one is stopped that puts, and has nothing more to put, wakes who sleeps. */
static void
test_disown_beside_putter (void)
{
  g_autoptr (GError) error = NULL;
  MpRingRecord record;
  gint64 before;
  pid_t stopped, taker;

  set_up_with (MP_RING_HOLDS | MP_RING_REDELIVERS);
  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  take_one (&record);
  taker = mp_test_fork_waiter (take_patiently, NULL);
  stopped = fork_who_stays (lock_and_stay, &ring.layout->put);
  stop (stopped);

  set_patience (&before, 10000);
  g_assert_true (mp_ring_disown (&ring, get_me (), &record.extent, 1, &error));
  g_assert_no_error (error);
  mp_short_lock_set_patience (before);
  mp_test_wait_count (&shared->is_done, 1);
  mp_test_join (taker);
  mp_test_kill (stopped);
  tear_down ();
}

/* One of its threads is in the kernel still, and stays there. */
static void
take_and_be_dying (gpointer unused)
{
  MpRingRecord record;

  take_one (&record);
  atomic_fetch_or (&table->layout->slots[mp_owner_get_slot (get_me ())].life, MP_LIFE_DIED);
  mp_participant_broadcast (table);
  stay ();
}

/* Nobody can have what it held before it is gone: who waits for that sleeps. */
static void
test_dying_holder (void)
{
  pid_t holder, takers[2];

  set_up_with (MP_RING_HOLDS | MP_RING_REDELIVERS);
  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  holder = fork_who_stays (take_and_be_dying, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (takers); i++)
    takers[i] = mp_test_fork_waiter (take_patiently, NULL);
  for (guint i = 0; i < 10; i++)
    mp_test_wait_asleep (takers[0]);

  g_assert_cmpint (put (1, MP_WAIT_ENDS_NOW), ==, MP_RING_DONE);
  mp_test_wait_count (&shared->is_done, 1);
  mp_test_kill (holder);
  mp_test_wait_count (&shared->is_done, 2);
  for (guint i = 0; i < G_N_ELEMENTS (takers); i++)
    mp_test_join (takers[i]);
  tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring-stopped/waiting-put", test_waiting_put);
  g_test_add_func ("/ring-stopped/put-that-does-not-wait", test_put_that_does_not_wait);
  g_test_add_func ("/ring-stopped/claim-that-cannot-be-used", test_claim_that_cannot_be_used);
  g_test_add_func ("/ring-stopped/forged-claim", test_forged_claim);
  g_test_add_func ("/ring-stopped/claim-without-turn", test_claim_without_turn);
  g_test_add_func ("/ring-stopped/claim-of-dead", test_claim_of_dead);
  g_test_add_func ("/ring-stopped/turn-behind-unused-claim", test_turn_behind_unused_claim);
  g_test_add_func ("/ring-stopped/turn-behind-claim-given-up", test_turn_behind_claim_given_up);
  g_test_add_func ("/ring-stopped/next-claim-has-its-time", test_next_claim_has_its_time);
  g_test_add_func ("/ring-stopped/takers", test_takers);
  g_test_add_func ("/ring-stopped/passed-over", test_passed_over);
  g_test_add_func ("/ring-stopped/empty-beside-taker", test_empty_beside_taker);
  g_test_add_func ("/ring-stopped/look-beside-taker", test_look_beside_taker);
  g_test_add_func ("/ring-stopped/disown-beside-putter", test_disown_beside_putter);
  g_test_add_func ("/ring-stopped/dying-holder", test_dying_holder);
  return g_test_run ();
}
