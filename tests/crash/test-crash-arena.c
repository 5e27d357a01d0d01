/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for memory: arenas and segments, those that others change meanwhile, and
 * those that others made.
 */

#include <sys/mman.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arena-private.h"
#include "mp-crash-family.h"
#include "mp-futex-private.h"
#include "mp-journal-private.h"
#include "mp-memfd-private.h"
#include "mp-owner-lock-private.h"

/* With the other family. */
typedef struct
{
  MpAtomic32 founder_command;   /* 1: count, 2: answered */
  MpAtomic32 founder_ready;
  MpAtomic32 n_objects;
  int        founder_table_fd;
  int        founder_arena_fd;
  MpHandle   handle;
} Shared;

static Shared *shared;
static MpTable *table;
static MpArena *arena;
static MpHold kept;
static guint n_objects_before;

/* Each round looks at what it made itself. */
static void
reset (void)
{
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
prepare_attaching (void)
{
  mp_crash_begin_round (NULL);
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
  { "arena/alloc", prepare_arena, mp_crash_enter, alloc_and_release, .check = check_arena },
  { "arena/grow", prepare_fresh_arena, mp_crash_enter, alloc_and_grow, .check = check_arena },
  { "arena/hold", prepare_arena, mp_crash_enter, hold_kept, .check = check_arena },
  { "arena/release", prepare_arena, setup_holds, release_hold, .check = check_arena },
  { "arena/sweep", prepare_corpse_with_objects, mp_crash_enter, sweep, .check = check_arena },
  { "arena/replay-meanwhile", prepare_journal, NULL, replay, .interfere = change_journal, .check = check_behind },
  { "segment/open-meanwhile", prepare_segment, NULL, open_segment,
    .interfere = change_header, .check = check_segment },
  { "attach", prepare_attaching, NULL, attach_and_detach, .blocked = be_patient, .check = check_founder },
  { "detach", prepare_attaching, setup_attached, detach, .check = check_founder },
};

static void
set_up (void)
{
  static const MpCrashHooks hooks = { .reset = reset, .max_usec = 2 * G_TIME_SPAN_SECOND };
  g_autoptr (GError) error = NULL;

  shared = mp_test_share (sizeof *shared);
  changing = mp_test_share (sizeof *changing);
  table = mp_table_get_default (&error);
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
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  tear_down ();
  return result;
}
