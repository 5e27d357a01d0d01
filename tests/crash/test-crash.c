/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Kills participants at every instruction of what they do to shared memory, and
 * looks whether the survivors go on: see mp-killstep.h.  What is made of it stands in
 * test-crash-sync.c, test-crash-permits.c and test-crash-waits.c.
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arena-private.h"
#include "mp-clock-private.h"
#include "mp-crash-family.h"
#include "mp-doorbell-private.h"
#include "mp-futex-private.h"
#include "mp-journal-private.h"
#include "mp-life-list-private.h"
#include "mp-memfd-private.h"
#include "mp-owner-lock-private.h"
#include "mp-sleep-private.h"

typedef struct
{
  MpAtomic32 lock;
  MpAtomic32 n_told;
  MpBell     bell;
  MpAtomic32 value;
  MpAtomic32 victim_thread;

  /* the other family */
  MpAtomic32 founder_command;   /* 1: count, 2: answered */
  MpAtomic32 founder_ready;
  MpAtomic32 n_objects;
  int        founder_table_fd;
  int        founder_arena_fd;
  MpHandle   handle;

  /* bystanders of a death */
  MpAtomic32 bystander_ready;
  MpAtomic32 bystander_done;
  MpAtomic32 corpse_ready;
  MpAtomic32 corpse;
  MpAtomic32 never;
} Shared;

static Shared *shared;
static MpTable *table;
static MpTable *other_table;     /* the harness takes no part in this one */
static MpArena *arena;
static MpHold kept;
static guint n_objects_before;
static guint extra_failure;

/* --- Sleepers ------------------------------------------------------------- */

static void
sleep_for_lock (guint i)
{
  MpOwnerLockResult result;

  mp_crash_arrive (i);
  result = mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
  if (result == MP_OWNER_LOCK_ABANDONED)
    atomic_fetch_add (&shared->n_told, 1);
  mp_owner_lock_release (&shared->lock);
}

static void
write_eventfd (gpointer user_data)
{
  guint64 one = 1;

  if (write (GPOINTER_TO_INT (user_data), &one, sizeof one) < 0)
    abort ();
}

static void
wait_for_eventfd (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  guint64 n;

  poll (&poll_fd, 1, -1);
  if (read (fd, &n, sizeof n) < 0)
    return;
}

static MpDoorbell *sleepers_doorbell;
static int sleepers_fd;

static void
setup_sleeper (guint i)
{
  sleepers_fd = eventfd (0, EFD_CLOEXEC);
  sleepers_doorbell = mp_doorbell_new (table, &shared->bell, write_eventfd, GINT_TO_POINTER (sleepers_fd), NULL);
}

/* As a main loop: arm, look, sleep. */
static void
sleep_for_bell (guint i)
{
  guint32 seen = atomic_load (&shared->value);

  for (;;)
    {
      mp_doorbell_arm (sleepers_doorbell, NULL);
      mp_crash_arrive (i);
      if (atomic_load (&shared->value) != seen)
        break;
      wait_for_eventfd (sleepers_fd);
    }

  mp_doorbell_disarm (sleepers_doorbell);
}

static void
begin_round (void)
{
  atomic_store (&other_table->layout->next, 0);
  extra_failure = 0;
  atomic_store (&shared->n_told, 0);
}

static void
reset (void)
{
  atomic_store (&shared->lock, 0);
  memset ((void *) &shared->bell, 0, sizeof shared->bell);
}

/* --- A lock --------------------------------------------------------------- */

static gboolean harness_holds;

/* Unless the victim has released it. */
static void
let_go (void)
{
  if (harness_holds && (atomic_load (&shared->lock) & MP_OWNER_MASK) == mp_participant_get_me (table))
    mp_owner_lock_release (&shared->lock);
  harness_holds = FALSE;
}

static void
prepare_free (void)
{
  mp_crash_begin_round (NULL);
}

static void
prepare_held (void)
{
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
  harness_holds = TRUE;
  mp_crash_send_to_sleep (sleep_for_lock);
}

static void
die_with_lock (gpointer data)
{
  mp_crash_enter ();
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
}

static void
prepare_corpse_with_lock (void)
{
  mp_crash_begin_round (NULL);
  mp_test_join (mp_test_fork (die_with_lock, NULL));
}

static void
acquire (void)
{
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_NEVER_ENDS);
}

static void
acquire_timed (void)
{
  mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table),
                         MP_WAIT_UNTIL (g_get_monotonic_time () + 6 * G_TIME_SPAN_MILLISECOND));
}

static void
let_time_pass (void)
{
  mp_futex_pause (8 * G_TIME_SPAN_MILLISECOND);
}

static void
setup_holder (void)
{
  mp_crash_enter ();
  acquire ();
  mp_crash_send_to_sleep (sleep_for_lock);
}

static void
release (void)
{
  mp_owner_lock_release (&shared->lock);
}

static guint expected_told;

static void
look_who_holds (void)
{
  guint32 owner = atomic_load (&shared->lock) & MP_OWNER_MASK;

  expected_told = owner != 0 && owner == mp_crash_get_victim ();
}

/* Who has released the lock and goes no further keeps nobody waiting. */
static void
expect_others_go_on (void)
{
  look_who_holds ();
  if (!expected_told && !mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    extra_failure |= STALL;
}

static void
expect_told (void)
{
  expected_told = 1;
}

/* Those that slept have had the lock; so can we; one was told, once, if anybody had to be. */
static guint
check_lock (void)
{
  MpOwnerLockResult result;
  guint failure = 0, n_told;

  let_go ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  result = mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table),
                                  MP_WAIT_UNTIL (g_get_monotonic_time () + MP_CRASH_STALL_USEC));
  if (result == MP_OWNER_LOCK_TIMED_OUT)
    return mp_crash_finish (STALL);

  mp_owner_lock_release (&shared->lock);
  n_told = atomic_load (&shared->n_told) + (result == MP_OWNER_LOCK_ABANDONED);
  failure |= n_told < expected_told ? NOT_TOLD : 0;
  failure |= n_told > expected_told ? TOLD_TWICE : 0;

  if (mp_owner_lock_acquire (table, &shared->lock, mp_participant_get_me (table), MP_WAIT_ENDS_NOW) !=
      MP_OWNER_LOCK_ACQUIRED)
    return mp_crash_finish (failure | TOLD_TWICE);

  mp_owner_lock_release (&shared->lock);
  return mp_crash_finish (failure | extra_failure);
}

/* --- A slot --------------------------------------------------------------- */

static void
claim (void)
{
  guint n_tries = 0;

  mp_life_list_begin (0);
  mp_participant_claim (table, &n_tries);
}

static void
be_newcomer (gpointer data)
{
  mp_participant_enter (table, NULL);
}

static guint
count_alive (void)
{
  guint n = 0;

  for (guint32 i = 0; i < atomic_load (&table->layout->top); i++)
    n += (atomic_load (&table->layout->slots[i].identity) & MP_LIFE_THREAD_MASK) != 0;

  return n;
}

/* One that died before it told anybody is found when the next one comes.  Those
 * who live are the harness and the sleepers.
 */
static guint
check_claim (void)
{
  mp_test_join (mp_test_fork (be_newcomer, NULL));
  if (!mp_crash_none_is_dead (table))
    return NOT_BURIED;

  return count_alive () == 1 + MP_CRASH_N_SLEEPERS ? 0 : LEAKED;
}

/* --- Deaths in a family of which the harness is no part, and leaving it ----- */

static pid_t bystander;
static pid_t corpse;

/* Sleeps as every object does, on a word that nobody changes. */
static void
be_bystander (gpointer data)
{
  guint32 epoch;

  mp_participant_enter (other_table, NULL);
  epoch = mp_table_get_epoch (other_table);
  mp_test_set_word (&shared->bystander_ready, 1);

  while (mp_table_get_epoch (other_table) == epoch)
    mp_sleep_on (other_table, &shared->never, 0, epoch, 0, MP_WAIT_NEVER_ENDS);

  mp_test_set_word (&shared->bystander_done, 1);
  for (;;)
    pause ();
}

static void
be_corpse (gpointer data)
{
  atomic_store (&shared->corpse, mp_participant_enter (other_table, NULL));
  mp_test_set_word (&shared->corpse_ready, 1);
  for (;;)
    pause ();
}

static void
prepare_family (void)
{
  mp_crash_begin_round (NULL);
  atomic_store (&shared->bystander_ready, 0);
  atomic_store (&shared->bystander_done, 0);
  atomic_store (&shared->corpse_ready, 0);
  atomic_store (&shared->victim_thread, 0);

  /* Those of the last point are buried before the bystander counts deaths. */
  corpse = mp_test_fork (be_corpse, NULL);
  mp_test_wait_word (&shared->corpse_ready, 1);
  g_assert_true (mp_crash_none_is_dead (other_table));

  bystander = mp_test_fork (be_bystander, NULL);
  mp_test_wait_word (&shared->bystander_ready, 1);
  mp_test_wait_asleep (bystander);
}

/* The only one that watches is stopped when it happens. */
static void
prepare_unseen_death (void)
{
  prepare_family ();
  mp_crash_stop (bystander);
  mp_test_kill (corpse);
}

static void
bury (void)
{
  guint slot = mp_owner_get_slot (atomic_load (&shared->corpse));
  guint64 identity = atomic_load (&other_table->layout->slots[slot].identity);

  if ((identity & MP_LIFE_DIED) != 0)
    mp_participant_bury (other_table, slot, identity);
}

static void
setup_watcher (void)
{
  mp_participant_enter (other_table, NULL);
  atomic_store (&shared->victim_thread, mp_self_get ()->watches[0].thread);
}

static pid_t
get_watcher (void)
{
  return (pid_t) atomic_load (&shared->victim_thread);
}

/* Hears of it as who waits for a lock. */
static void
be_heir (gpointer data)
{
  guint32 me = mp_participant_enter (other_table, NULL);

  mp_test_set_word (&shared->bystander_ready, 1);
  mp_test_wait_word (&shared->corpse_ready, 1);
  if (mp_owner_lock_acquire (other_table, &shared->lock, me, MP_WAIT_NEVER_ENDS) == MP_OWNER_LOCK_ABANDONED)
    mp_test_set_word (&shared->bystander_done, 1);

  for (;;)
    pause ();
}

static void
prepare_leaver (void)
{
  mp_crash_begin_round (NULL);
  atomic_store (&shared->bystander_ready, 0);
  atomic_store (&shared->bystander_done, 0);
  atomic_store (&shared->corpse_ready, 0);
  atomic_store (&shared->lock, 0);

  bystander = mp_test_fork (be_heir, NULL);
  mp_test_wait_word (&shared->bystander_ready, 1);
  g_assert_true (mp_crash_none_is_dead (other_table));
}

/* Without a thread of its own for it: the victim's life is its only one. */
static void
setup_leaver (void)
{
  guint n_tries = 0;

  mp_life_list_begin (0);
  atomic_store (&shared->corpse, mp_participant_claim (other_table, &n_tries));
  mp_owner_lock_acquire (other_table, &shared->lock, atomic_load (&shared->corpse), MP_WAIT_NEVER_ENDS);
  mp_test_set_word (&shared->corpse_ready, 1);
  mp_test_wait_asleep (bystander);
}

static void
leave (void)
{
  mp_participant_leave (other_table, atomic_load (&shared->corpse));
}

/* Its thread is the only one that can notice. */
static void
kill_neighbour (void)
{
  mp_crash_stop (bystander);
  mp_test_kill (corpse);
}

/* Who gets the slot next would own what the dead did. */
static gboolean
could_be_taken_for (guint32 dead)
{
  const MpSlot *slot = &other_table->layout->slots[mp_owner_get_slot (dead)];

  return (atomic_load (&slot->generation) & MP_OWNER_GENERATION_MASK) == mp_owner_get_generation (dead);
}

/* All who died are buried, and whoever sleeps is told. */
static guint
check_family (void)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  guint failure = 0;

  kill (bystander, SIGCONT);
  while (atomic_load (&shared->bystander_done) == 0 && g_get_monotonic_time () < end)
    mp_futex_pause (20);

  if (atomic_load (&shared->bystander_done) == 0)
    failure |= STALL;
  if (!mp_crash_none_is_dead (other_table))
    failure |= NOT_BURIED;
  if (could_be_taken_for (atomic_load (&shared->corpse)))
    failure |= TORN;

  mp_test_kill (bystander);
  return failure;
}

/* --- Doorbells ------------------------------------------------------------ */

static MpDoorbell *victims_doorbell;
static int victims_fd;
static guint32 value_before;

static void
prepare_bell (void)
{
  mp_crash_send_to_sleep (sleep_for_bell);
  value_before = atomic_load (&shared->value);
}

static void
setup_doorbell (void)
{
  mp_crash_enter ();
  victims_fd = eventfd (0, EFD_CLOEXEC);
  victims_doorbell = mp_doorbell_new (table, &shared->bell, write_eventfd, GINT_TO_POINTER (victims_fd), NULL);
}

static void
arm_and_leave (void)
{
  mp_doorbell_arm (victims_doorbell, NULL);
  mp_doorbell_disarm (victims_doorbell);
  mp_doorbell_arm (victims_doorbell, NULL);
  mp_doorbell_free (victims_doorbell);
}

static void
change_and_ring (void)
{
  atomic_fetch_add (&shared->value, 1);
  mp_bell_ring (table, &shared->bell);
}

static void
setup_listener (void)
{
  setup_doorbell ();
  mp_doorbell_arm (victims_doorbell, NULL);
  atomic_store (&shared->victim_thread, mp_self_get ()->watches[0].thread);
}

/* No place is left with somebody who is dead and armed. */
static gboolean
dead_hold_no_armed_place (void)
{
  for (guint i = 0; i < MP_BELL_N_WAITERS; i++)
    {
      guint64 state = atomic_load (&shared->bell.waiters[i].state);

      if ((state & (MP_BELL_ARMED | MP_BELL_RUNG)) != 0 && !mp_participant_is_alive (table, (guint32) state))
        return FALSE;
    }

  return TRUE;
}

static guint
check_bell (void)
{
  guint failure = extra_failure;

  /* What the victim changed must be heard of without our help. */
  if (atomic_load (&shared->value) == value_before)
    change_and_ring ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    failure |= STALL;

  atomic_fetch_or (&shared->bell.gate, MP_BELL_WAIT);
  mp_bell_ring (table, &shared->bell);
  if (!mp_crash_none_is_dead (table) || !dead_hold_no_armed_place ())
    failure |= NOT_BURIED;

  return mp_crash_finish (failure);
}

/* A ringer that is stopped keeps nobody from hearing the next one. */
static void
ring_beside_stopped (void)
{
  change_and_ring ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    extra_failure = STALL;
}

/* --- An arena ------------------------------------------------------------- */

static MpHold victims_hold;
static MpArena *fresh_arena;

static MpArena *
peek_arena (void)
{
  return fresh_arena != NULL ? fresh_arena : arena;
}

static void
prepare_arena (void)
{
  mp_crash_begin_round (NULL);
  n_objects_before = mp_arena_get_n_objects (arena);
}

static void
alloc (void)
{
  mp_arena_alloc (arena, 40, MP_OBJECT_RAW, &victims_hold, NULL);
}

static void
alloc_and_release (void)
{
  alloc ();
  mp_hold_release (&victims_hold);
}

static void
setup_holds (void)
{
  mp_crash_enter ();
  for (guint i = 0; i < 3; i++)
    alloc ();
}

static void
release_hold (void)
{
  mp_hold_release (&victims_hold);
}

static void
hold_kept (void)
{
  MpHandle handle;

  mp_hold_get_handle (&kept, &handle);
  mp_arena_hold (arena, &handle, MP_OBJECT_RAW, &victims_hold, NULL);
}

static void
die_with_objects (gpointer data)
{
  setup_holds ();
}

static void
prepare_corpse_with_objects (void)
{
  prepare_arena ();
  mp_test_join (mp_test_fork (die_with_objects, NULL));
}

static void
sweep (void)
{
  mp_arena_sweep (arena, NULL);
}

/* Every piece of memory and every record is newly taken. */
static void
prepare_fresh_arena (void)
{
  mp_crash_begin_round (NULL);
  fresh_arena = mp_arena_new (table, 4 << 20, NULL);
  g_assert_nonnull (fresh_arena);
  n_objects_before = 0;
}

static void
alloc_and_grow (void)
{
  for (guint i = 0; i < 3; i++)
    mp_arena_alloc (fresh_arena, MP_ARENA_MAX_OBJECT, MP_OBJECT_RAW, &victims_hold, NULL);
}

typedef struct
{
  const MpArenaLayout *layout;
  gsize                size;
  GHashTable          *holds;     /* unit -> number of records found */
  gboolean             is_torn;
} Walk;

static const void *
walk_to (Walk    *walk,
         guint32  place,
         gsize    unit)
{
  if ((guint64) place * unit >= walk->size)
    {
      walk->is_torn = TRUE;
      return NULL;
    }

  return (const guint8 *) walk->layout + place * unit;
}

static void
walk_list (Walk             *walk,
           const MpHoldList *list)
{
  guint32 previous = 0;
  guint32 next;

  if (list->owner == 0)
    walk->is_torn |= list->first != 0;

  for (guint32 record = list->first; record != 0 && !walk->is_torn; record = next)
    {
      const MpHoldRecord *found = walk_to (walk, record, MP_ARENA_RECORD);
      gpointer unit;

      if (found == NULL)
        return;

      unit = GUINT_TO_POINTER (found->block);
      walk->is_torn |= found->previous != previous;
      g_hash_table_insert (walk->holds, unit,
                           GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (walk->holds, unit)) + 1));
      previous = record;
      next = found->next;
    }
}

static void
walk_free_blocks (Walk    *walk,
                  guint32  unit)
{
  for (guint n = 0; unit != 0 && !walk->is_torn; n++)
    {
      const MpBlockHead *block = walk_to (walk, unit, MP_ARENA_UNIT);

      if (block == NULL)
        return;

      walk->is_torn |= block->n_holds != 0 || g_hash_table_contains (walk->holds, GUINT_TO_POINTER (unit)) ||
                       n > walk->layout->units_used;
      unit = block->next_free;
    }
}

static gboolean
arena_is_torn (MpArena *which)
{
  Walk walk = { .size = 4 << 20, .holds = g_hash_table_new (NULL, NULL) };
  gpointer view = mmap (NULL, walk.size, PROT_READ, MAP_SHARED, mp_arena_get_fd (which), 0);
  GHashTableIter iter;
  gpointer unit, n;

  g_assert_true (view != MAP_FAILED);
  walk.layout = view;
  walk.is_torn = walk.layout->n_entries != 0 || walk.layout->lock != 0;

  for (guint i = 0; i < MP_TABLE_N_SLOTS; i++)
    walk_list (&walk, &walk.layout->holds[i]);
  for (guint i = 0; i < MP_ARENA_N_CLASSES; i++)
    walk_free_blocks (&walk, walk.layout->free_blocks[i]);

  walk.is_torn |= g_hash_table_size (walk.holds) != walk.layout->n_objects;
  g_hash_table_iter_init (&iter, walk.holds);
  while (!walk.is_torn && g_hash_table_iter_next (&iter, &unit, &n))
    {
      const MpBlockHead *block = walk_to (&walk, GPOINTER_TO_UINT (unit), MP_ARENA_UNIT);

      walk.is_torn |= block == NULL || block->n_holds != GPOINTER_TO_UINT (n);
    }

  g_hash_table_unref (walk.holds);
  munmap (view, walk.size);
  return walk.is_torn;
}

/* What the victim held is gone, nothing else is, and the arena works. */
static guint
check_arena (void)
{
  MpArena *which = peek_arena ();
  guint failure = 0;
  MpHold hold;

  if (!mp_crash_none_is_dead (table))
    failure |= NOT_BURIED;
  if (!mp_arena_sweep (which, NULL) || arena_is_torn (which))
    failure |= TORN;
  if (mp_arena_get_n_objects (which) != n_objects_before)
    failure |= LEAKED;
  if (!mp_arena_alloc (which, 40, MP_OBJECT_RAW, &hold, NULL))
    failure |= TORN;
  mp_hold_release (&hold);

  g_clear_pointer (&fresh_arena, mp_arena_unref);
  return failure;
}

/* --- Memory that others change ---------------------------------------------- */

#define SEGMENT_SIZE (1 << 16)

/* An arena, and what comes behind it. */
typedef struct
{
  MpArenaLayout layout;
  MpAtomic32    behind;
  guint64       size_of_segment;   /* as the victim has it; 0: it was refused */
} Changing;

static Changing *changing;
static MpSegment *segment;

/* Committed, by somebody who died. */
static void
prepare_journal (void)
{
  mp_crash_begin_round (NULL);
  atomic_store (&changing->behind, 0);
  atomic_store (&changing->layout.journal[0].word, offsetof (MpArenaLayout, n_objects) / sizeof (MpAtomic32));
  atomic_store (&changing->layout.journal[0].value, 1);
  atomic_store (&changing->layout.n_entries, 1);
}

static void
replay (void)
{
  mp_journal_replay (&changing->layout, sizeof changing->layout);
}

static void
change_journal (void)
{
  atomic_store (&changing->layout.journal[0].word, offsetof (Changing, behind) / sizeof (MpAtomic32));
}

/* What was checked is what was used. */
static guint
check_behind (void)
{
  return atomic_load (&changing->behind) == 0 ? 0 : TORN;
}

static void
prepare_segment (void)
{
  mp_crash_begin_round (NULL);
  changing->size_of_segment = 0;
  segment = mp_segment_new (MP_SEGMENT_ARENA, mp_table_get_id (table), SEGMENT_SIZE, SEGMENT_SIZE, NULL, NULL);
  g_assert_nonnull (segment);
}

static void
open_segment (void)
{
  MpSegment *opened = mp_segment_open (mp_segment_get_fd (segment), MP_SEGMENT_ARENA, NULL, NULL);

  if (opened != NULL)
    changing->size_of_segment = mp_segment_get_size (opened);
}

static void
change_header (void)
{
  MpSegmentHeader *header = mp_segment_get_data (segment);

  header->size = 2 * SEGMENT_SIZE;
}

static guint
check_segment (void)
{
  mp_segment_unref (segment);
  return changing->size_of_segment == 0 || changing->size_of_segment == SEGMENT_SIZE ? 0 : TORN;
}

/* --- Attaching to what others made ---------------------------------------- */

static pid_t founder;
static int founder_table_fd = -1;
static int founder_arena_fd = -1;

/* Has a table and an arena that the victims have never seen. */
static void
be_founder (gpointer data)
{
  MpTable *own_table = mp_table_new (NULL);
  MpArena *own_arena = mp_arena_new (own_table, 0, NULL);
  MpHold hold;

  g_assert_true (mp_arena_alloc (own_arena, 8, MP_OBJECT_RAW, &hold, NULL));
  mp_hold_get_handle (&hold, &shared->handle);
  shared->founder_table_fd = mp_table_get_fd (own_table);
  shared->founder_arena_fd = mp_arena_get_fd (own_arena);
  mp_test_set_word (&shared->founder_ready, 1);

  for (;;)
    {
      while (atomic_load (&shared->founder_command) != 1)
        mp_futex_wait (&shared->founder_command, atomic_load (&shared->founder_command), MP_DEADLINE_NEVER);

      mp_crash_none_is_dead (own_table);
      mp_arena_sweep (own_arena, NULL);
      atomic_store (&shared->n_objects, mp_arena_get_n_objects (own_arena) + (arena_is_torn (own_arena) ? 100 : 0));
      mp_test_set_word (&shared->founder_command, 2);
    }
}

static int
open_of_founder (int fd)
{
  g_autofree char *name = g_strdup_printf ("/proc/%d/fd/%d", founder, fd);
  int opened = open (name, O_RDWR | O_CLOEXEC);

  g_assert_cmpint (opened, >=, 0);
  return opened;
}

static void
start_founder (void)
{
  founder = mp_test_fork (be_founder, NULL);
  mp_test_wait_word (&shared->founder_ready, 1);
  founder_table_fd = open_of_founder (shared->founder_table_fd);
  founder_arena_fd = open_of_founder (shared->founder_arena_fd);
}

static void
attach_and_detach (void)
{
  MpTable *opened_table = mp_table_open (founder_table_fd, NULL);
  MpArena *opened_arena = mp_arena_open (opened_table, founder_arena_fd, NULL);

  if (mp_arena_hold (opened_arena, &shared->handle, MP_OBJECT_RAW, &victims_hold, NULL))
    mp_hold_release (&victims_hold);
  mp_arena_unref (opened_arena);
}

static void
setup_attached (void)
{
  MpTable *opened_table = mp_table_open (founder_table_fd, NULL);
  MpArena *opened_arena = mp_arena_open (opened_table, founder_arena_fd, NULL);

  mp_arena_hold (opened_arena, &shared->handle, MP_OBJECT_RAW, &victims_hold, NULL);
  mp_arena_unref (opened_arena);
}

static void
detach (void)
{
  mp_hold_release (&victims_hold);
}

/* Its own mp-watch may take a while to be started. */
static void
be_patient (void)
{
  mp_futex_pause (20 * G_TIME_SPAN_MILLISECOND);
}

static guint
check_founder (void)
{
  gint64 end = g_get_monotonic_time () + 2 * MP_CRASH_STALL_USEC;

  mp_test_set_word (&shared->founder_command, 1);
  while (atomic_load (&shared->founder_command) != 2)
    {
      if (g_get_monotonic_time () > end)
        return STALL;
      mp_futex_wait (&shared->founder_command, 1, end);
    }

  return atomic_load (&shared->n_objects) == 1 ? 0 : LEAKED;
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "lock/acquire", prepare_free, mp_crash_enter, acquire, .last = look_who_holds, .check = check_lock },
  { "lock/acquire-contended", prepare_held, mp_crash_enter, acquire,
    .blocked = let_go, .last = look_who_holds, .check = check_lock },
  { "lock/acquire-timed", prepare_held, mp_crash_enter, acquire_timed,
    .blocked = let_time_pass, .last = look_who_holds, .check = check_lock },
  { "lock/acquire-from-dead", prepare_corpse_with_lock, mp_crash_enter, acquire,
    .last = expect_told, .check = check_lock },
  { "lock/release", prepare_free, setup_holder, release, .last = look_who_holds, .check = check_lock },
  { "lock/release-others", prepare_held, mp_crash_enter, release, .last = look_who_holds, .check = check_lock },
  { "lock/release-stopped", prepare_free, setup_holder, release, .last = expect_others_go_on, .check = check_lock },
  { "slot/claim", prepare_free, NULL, claim, .check = check_claim, .n_dense = 250 },
  { "slot/bury", prepare_unseen_death, NULL, bury, .check = check_family },
  { "slot/leave", prepare_leaver, setup_leaver, leave, .check = check_family },
  { "watch/neighbour-dies", prepare_family, setup_watcher, NULL,
    .get_thread = get_watcher, .provoke = kill_neighbour, .check = check_family },
  { "watch/doorbell", prepare_bell, setup_listener, NULL,
    .get_thread = get_watcher, .provoke = change_and_ring, .check = check_bell },
  { "doorbell/arm", prepare_bell, setup_doorbell, arm_and_leave, .check = check_bell },
  { "doorbell/ring", prepare_bell, mp_crash_enter, change_and_ring, .check = check_bell },
  { "doorbell/ring-stopped", prepare_bell, mp_crash_enter, change_and_ring,
    .last = ring_beside_stopped, .check = check_bell },
  { "arena/alloc", prepare_arena, mp_crash_enter, alloc_and_release, .check = check_arena },
  { "arena/grow", prepare_fresh_arena, mp_crash_enter, alloc_and_grow, .check = check_arena },
  { "arena/hold", prepare_arena, mp_crash_enter, hold_kept, .check = check_arena },
  { "arena/release", prepare_arena, setup_holds, release_hold, .check = check_arena },
  { "arena/sweep", prepare_corpse_with_objects, mp_crash_enter, sweep, .check = check_arena },
  { "arena/replay-meanwhile", prepare_journal, NULL, replay, .interfere = change_journal, .check = check_behind },
  { "segment/open-meanwhile", prepare_segment, NULL, open_segment,
    .interfere = change_header, .check = check_segment },
  { "attach", prepare_free, NULL, attach_and_detach, .blocked = be_patient, .check = check_founder },
  { "detach", prepare_free, setup_attached, detach, .check = check_founder },
};

/* --- Whole processes ------------------------------------------------------ */

/* Participants who watch each other: what happens to some, the others must hear of. */
#define RING_LENGTH  4
#define CROWD_LENGTH 12

typedef struct
{
  MpAtomic32 owner[CROWD_LENGTH];
  MpAtomic32 n_ready;
  MpAtomic32 n_woken;
} Ring;

static Ring *ring;

static void
be_member (gpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  guint32 epoch;

  atomic_store (&ring->owner[i], mp_participant_enter (other_table, NULL));
  epoch = mp_table_get_epoch (other_table);
  mp_test_set_word (&ring->n_ready, i + 1);
  while (mp_table_get_epoch (other_table) == epoch)
    mp_sleep_on (other_table, &shared->never, 0, epoch, 0, MP_WAIT_NEVER_ENDS);

  atomic_fetch_add (&ring->n_woken, 1);
  mp_futex_wake (&ring->n_woken, MP_FUTEX_WAKE_ALL);
  for (;;)
    pause ();
}

static void
start_ring (pid_t *pids,
            guint  length)
{
  memset ((void *) ring, 0, sizeof *ring);
  for (guint i = 0; i < length; i++)
    {
      pids[i] = mp_test_fork (be_member, GUINT_TO_POINTER (i));
      mp_test_wait_word (&ring->n_ready, i + 1);
      mp_test_wait_asleep (pids[i]);
      if (i == 0)
        g_assert_true (mp_crash_none_is_dead (other_table));
    }
}

static void
assert_buried (guint i)
{
  gint64 end = g_get_monotonic_time () + MP_CRASH_STALL_USEC;
  guint slot = mp_owner_get_slot (ring->owner[i]);

  while ((atomic_load (&other_table->layout->slots[slot].identity) & MP_LIFE_DIED) != 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      mp_futex_pause (20);
    }
}

/* Those in `mask` die at once; those in `stopped` are stopped while it happens. */
static void
run_ring (guint mask,
          guint stopped)
{
  pid_t pids[RING_LENGTH];

  start_ring (pids, RING_LENGTH);
  for (guint i = 0; i < RING_LENGTH; i++)
    if ((stopped >> i & 1) != 0)
      mp_crash_stop (pids[i]);
  for (guint i = 0; i < RING_LENGTH; i++)
    if ((mask >> i & 1) != 0)
      kill (pids[i], SIGKILL);

  for (guint i = 0; i < RING_LENGTH; i++)
    if ((mask >> i & 1) != 0)
      {
        g_assert_cmpint (waitpid (pids[i], NULL, 0), ==, pids[i]);
        assert_buried (i);
      }

  for (guint i = 0; i < RING_LENGTH; i++)
    if ((mask >> i & 1) == 0)
      {
        kill (pids[i], SIGCONT);
        while (atomic_load (&ring->n_woken) == 0)
          g_assert_true (mp_futex_wait (&ring->n_woken, 0, mp_test_deadline ()));
        mp_test_kill (pids[i]);
      }
}

/* Any one, any two, any three of four. */
static void
test_neighbours_die (void)
{
  for (guint round = 0; round < mp_crash_get_n_rounds (5, 100); round++)
    for (guint mask = 1; mask < 15; mask++)
      run_ring (mask, 0);
}

/* Many at once, in any order, as when a program is ended with all its workers: those
 * that are being torn down must not take with them the word of others' deaths.
 */
static void
test_crowd_dies (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (mp_crash_get_seed ());

  for (guint round = 0; round < mp_crash_get_n_rounds (100, 5000); round++)
    {
      pid_t pids[CROWD_LENGTH];
      guint survivor = (guint) g_rand_int_range (random, 0, CROWD_LENGTH);
      guint first = (guint) g_rand_int_range (random, 0, CROWD_LENGTH);

      start_ring (pids, CROWD_LENGTH);
      for (guint i = first; i < first + CROWD_LENGTH; i++)
        if (i % CROWD_LENGTH != survivor)
          kill (pids[i % CROWD_LENGTH], SIGKILL);
      for (guint i = 0; i < CROWD_LENGTH; i++)
        if (i != survivor)
          {
            g_assert_cmpint (waitpid (pids[i], NULL, 0), ==, pids[i]);
            assert_buried (i);
          }
      mp_test_kill (pids[survivor]);
    }
}

/* The watcher of the dead is stopped: another one notices. */
static void
test_watcher_stopped (void)
{
  for (guint round = 0; round < mp_crash_get_n_rounds (10, 100); round++)
    for (guint i = 0; i < RING_LENGTH; i++)
      run_ring (1u << i, 1u << (i + RING_LENGTH - 1) % RING_LENGTH);
}

static void
hold_in_ring (gpointer data)
{
  atomic_store (&shared->corpse, mp_participant_enter (other_table, NULL));
  mp_owner_lock_acquire (other_table, &shared->lock, atomic_load (&shared->corpse), MP_WAIT_NEVER_ENDS);
  mp_test_set_word (&shared->corpse_ready, 1);
  for (;;)
    pause ();
}

/* Both that watch the holder are stopped: who sleeps for its lock notices. */
static void
test_both_watchers_stopped (void)
{
  for (guint round = 0; round < mp_crash_get_n_rounds (10, 100); round++)
    {
      pid_t pids[RING_LENGTH], holder, waiter;

      start_ring (pids, RING_LENGTH);
      atomic_store (&shared->corpse_ready, 0);
      holder = mp_test_fork (hold_in_ring, NULL);
      mp_test_wait_word (&shared->corpse_ready, 1);
      waiter = mp_test_fork (hold_in_ring, NULL);
      mp_test_wait_asleep (waiter);
      atomic_store (&shared->corpse_ready, 0);

      for (guint i = 0; i < RING_LENGTH; i++)
        mp_crash_stop (pids[i]);
      mp_test_kill (holder);
      mp_test_wait_word (&shared->corpse_ready, 1);

      mp_test_kill (waiter);
      for (guint i = 0; i < RING_LENGTH; i++)
        mp_test_kill (pids[i]);
      atomic_store (&shared->lock, 0);
    }
}

/* --- Main ----------------------------------------------------------------- */

static void
set_up (void)
{
  static const MpCrashHooks hooks = { setup_sleeper, begin_round, reset, 2 * G_TIME_SPAN_SECOND };
  g_autoptr (GError) error = NULL;

  shared = mp_test_share (sizeof *shared);
  ring = mp_test_share (sizeof *ring);
  changing = mp_test_share (sizeof *changing);
  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  other_table = mp_table_new (&error);
  g_assert_no_error (error);
  arena = mp_arena_new (table, 0, &error);
  g_assert_no_error (error);
  g_assert_true (mp_arena_alloc (arena, 8, MP_OBJECT_RAW, &kept, &error));

  /* What is stepped must be the same each time. */
  mp_owner_lock_set_spin (0);
  start_founder ();
  mp_crash_set_up (&hooks);
}

static void
tear_down (void)
{
  mp_test_kill (founder);
  mp_hold_release (&kept);
  mp_arena_unref (arena);
  close (founder_table_fd);
  close (founder_arena_fd);
  mp_crash_tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  int result;

  mp_crash_read_arguments (&argc, &argv);
  set_up ();
  g_test_add_func ("/crash/ring/neighbours-die", test_neighbours_die);
  g_test_add_func ("/crash/ring/crowd-dies", test_crowd_dies);
  g_test_add_func ("/crash/ring/watcher-stopped", test_watcher_stopped);
  g_test_add_func ("/crash/ring/both-watchers-stopped", test_both_watchers_stopped);
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  tear_down ();
  return result;
}
