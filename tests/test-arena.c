/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-arena-private.h"
#include "mp-patience-private.h"
#include "mp-test-process.h"

#define N_OBJECTS   100000
#define N_PROCESSES 4
#define N_ROUNDS    2000

typedef struct
{
  MpHandle   handle;
  MpAtomic32 ready;
  MpAtomic32 me;
} Shared;

static MpTable *table;
static Shared *shared;

static MpArena *
new_arena (void)
{
  g_autoptr (GError) error = NULL;
  MpArena *arena;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);

  arena = mp_arena_new (table, 0, &error);
  g_assert_no_error (error);
  return arena;
}

static MpHold
alloc (MpArena *arena,
       gsize    size)
{
  g_autoptr (GError) error = NULL;
  MpHold hold;

  mp_arena_alloc (arena, size, MP_OBJECT_RAW, &hold, &error);
  g_assert_no_error (error);
  return hold;
}

static void
assert_cannot_hold (MpArena        *arena,
                    const MpHandle *handle,
                    MpObjectType    type,
                    int             code)
{
  g_autoptr (GError) error = NULL;
  MpHold hold;

  g_assert_false (mp_arena_hold (arena, handle, type, &hold, &error));
  g_assert_error (error, MP_ERROR, code);
  g_assert_null (hold.arena);
}

static void
sweep (MpArena *arena)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_arena_sweep (arena, &error));
  g_assert_no_error (error);
}

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

/* Zeroed also where another object was; the handle of that one is stale. */
static void
test_reuse (void)
{
  static const guint8 zero[100];
  g_autoptr (MpArena) arena = new_arena ();
  MpHold first = alloc (arena, 100), second;
  MpHandle handle;

  g_assert_cmpmem (first.data, 100, zero, 100);
  memset (first.data, 0xff, 100);
  mp_hold_get_handle (&first, &handle);
  mp_hold_release (&first);
  g_assert_null (first.arena);
  assert_cannot_hold (arena, &handle, MP_OBJECT_RAW, MP_ERROR_STALE);

  second = alloc (arena, 90);
  g_assert_cmpuint (second.unit, ==, handle.unit);
  g_assert_cmpuint (second.generation, ==, handle.generation + 1);
  g_assert_cmpmem (second.data, 90, zero, 90);
  assert_cannot_hold (arena, &handle, MP_OBJECT_RAW, MP_ERROR_STALE);
  mp_hold_release (&second);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

static void
test_sizes (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold holds[64];
  guint n = 0;

  for (gsize size = 1; size <= MP_ARENA_MAX_OBJECT; size = size * 5 / 4 + 1, n++)
    {
      holds[n] = alloc (arena, size);
      g_assert_cmpuint ((guintptr) holds[n].data % 64, ==, MP_ARENA_LINE_OFFSET);
      memset (holds[n].data, (int) n, size);
    }
  holds[n++] = alloc (arena, MP_ARENA_MAX_OBJECT);

  for (guint i = 0; i + 1 < n; i++)
    {
      g_assert_cmpuint (*(guint8 *) holds[i].data, ==, i);
      mp_hold_release (&holds[i]);
    }
  mp_hold_release (&holds[n - 1]);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

/* Alive as long as one hold is left, whoever made it. */
static void
test_holds (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  g_autoptr (GError) error = NULL;
  MpHold first = alloc (arena, 8), second, third;
  MpHandle handle;

  mp_hold_get_handle (&first, &handle);
  g_assert_true (mp_arena_hold (arena, &handle, MP_OBJECT_RAW, &second, &error));
  g_assert_true (mp_arena_hold (arena, &handle, MP_OBJECT_RAW, &third, &error));
  g_assert_true (first.data == second.data);

  mp_hold_release (&second);
  mp_hold_release (&first);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);
  mp_hold_release (&third);
  mp_hold_release (&third);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

static void
test_wrong_handles (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  g_autoptr (MpArena) other = new_arena ();
  MpHold hold = alloc (arena, 8);
  MpHandle handle, changed;

  mp_hold_get_handle (&hold, &handle);
  assert_cannot_hold (other, &handle, MP_OBJECT_RAW, MP_ERROR_CORRUPTED);
  assert_cannot_hold (arena, &handle, MP_OBJECT_LOCK, MP_ERROR_CORRUPTED);

  changed = handle;
  changed.generation++;
  assert_cannot_hold (arena, &changed, MP_OBJECT_RAW, MP_ERROR_STALE);
  changed = handle;
  changed.unit = 0;
  assert_cannot_hold (arena, &changed, MP_OBJECT_RAW, MP_ERROR_CORRUPTED);
  changed.unit = G_MAXUINT32;
  assert_cannot_hold (arena, &changed, MP_OBJECT_RAW, MP_ERROR_CORRUPTED);
  mp_hold_release (&hold);
}

static void
test_many (void)
{
  guint n_fds = count_fds ();
  g_autoptr (MpArena) arena = new_arena ();
  g_autofree MpHold *holds = g_new0 (MpHold, N_OBJECTS);

  for (guint i = 0; i < N_OBJECTS; i++)
    holds[i] = alloc (arena, 8);

  g_assert_cmpuint (count_fds (), <=, n_fds + 3);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, N_OBJECTS);

  for (guint i = 0; i < N_OBJECTS; i++)
    mp_hold_release (&holds[(i * 7919) % N_OBJECTS]);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

static void
test_full (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpArena) arena = NULL;
  MpHold holds[64];
  guint n = 0;

  mp_arena_unref (new_arena ());
  arena = mp_arena_new (table, 1 << 20, &error);
  g_assert_no_error (error);
  while (mp_arena_alloc (arena, MP_ARENA_MAX_OBJECT, MP_OBJECT_RAW, &holds[n], &error))
    n++;
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_assert_cmpuint (n, >=, 14);

  mp_hold_release (&holds[0]);
  holds[0] = alloc (arena, MP_ARENA_MAX_OBJECT);
  for (guint i = 0; i < n; i++)
    mp_hold_release (&holds[i]);
}

/* What came twice from others is one arena; of another family, none. */
static void
test_open (void)
{
  g_autoptr (GError) error = NULL;
  MpArena *arena = new_arena ();
  g_autoptr (MpArena) again = mp_arena_open (table, mp_arena_get_fd (arena), &error);
  g_autoptr (MpArena) found = NULL;
  MpTable *other = mp_table_new (&error);
  MpHold hold = alloc (arena, 8);
  MpHandle handle;

  g_assert_no_error (error);
  g_assert_true (again == arena);
  mp_hold_get_handle (&hold, &handle);
  found = mp_arena_find (handle.arena_id);
  g_assert_true (found == arena);
  handle.arena_id[0] ^= 1;
  g_assert_null (mp_arena_find (handle.arena_id));

  g_assert_null (mp_arena_open (other, mp_arena_get_fd (arena), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);

  mp_arena_unref (arena);
  mp_hold_release (&hold);
}

static void
hold_and_wait (gpointer arena)
{
  MpHold hold;

  g_assert_true (mp_arena_hold (arena, &shared->handle, MP_OBJECT_RAW, &hold, NULL));
  for (guint i = 0; i < 10; i++)
    alloc (arena, 8);
  atomic_store (&shared->me, hold.owner);
  mp_test_set_word (&shared->ready, 1);
  mp_test_wait_word (&shared->ready, 2);
}

static pid_t
fork_holder (MpArena *arena)
{
  pid_t pid;

  atomic_store (&shared->ready, 0);
  pid = mp_test_fork (hold_and_wait, arena);
  mp_test_wait_word (&shared->ready, 1);
  return pid;
}

/* What the dead held is released, and nothing else. */
static void
test_death (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold hold = alloc (arena, 8);
  pid_t pid;

  mp_hold_get_handle (&hold, &shared->handle);
  pid = fork_holder (arena);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 11);
  sweep (arena);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 11);

  mp_test_kill (pid);
  mp_test_wait_dead (table, atomic_load (&shared->me));
  sweep (arena);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);

  mp_hold_release (&hold);
  assert_cannot_hold (arena, &shared->handle, MP_OBJECT_RAW, MP_ERROR_STALE);
}

/* Who gets the slot next does not inherit, even if nobody swept between. */
static void
test_slot_reuse (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold hold = alloc (arena, 8);
  guint32 first;
  pid_t pid;

  mp_hold_get_handle (&hold, &shared->handle);
  pid = fork_holder (arena);
  first = atomic_load (&shared->me);
  mp_test_kill (pid);
  mp_test_wait_dead (table, first);

  atomic_store (&table->layout->next, mp_owner_get_slot (first));
  pid = fork_holder (arena);
  g_assert_cmpuint (mp_owner_get_slot (atomic_load (&shared->me)), ==, mp_owner_get_slot (first));
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 11);
  mp_test_kill (pid);
  mp_test_wait_dead (table, atomic_load (&shared->me));
  mp_hold_release (&hold);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

#define N_HELD 5000

static void
hold_many_and_wait (gpointer arena)
{
  for (guint i = 0; i < N_HELD; i++)
    atomic_store (&shared->me, alloc (arena, 8).owner);
  mp_test_set_word (&shared->ready, 1);
  mp_test_wait_word (&shared->ready, 2);
}

static void
let_holder_of_many_die (MpArena *arena)
{
  pid_t pid;

  atomic_store (&shared->ready, 0);
  pid = mp_test_fork (hold_many_and_wait, arena);
  mp_test_wait_word (&shared->ready, 1);
  mp_test_kill (pid);
  mp_test_wait_dead (table, atomic_load (&shared->me));
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, N_HELD);
}

/* However much the dead held, nobody releases all of it in one go. */
static void
test_death_of_many (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  guint left = N_HELD;

  let_holder_of_many_die (arena);
  while (left > 0)
    {
      guint before = left;

      sweep (arena);
      left = mp_arena_get_n_objects (arena);
      g_assert_cmpuint (before, >, left);
      g_assert_cmpuint (before - left, <=, N_HELD / 4);
    }
}

/* Who is in a hurry is told to come again; others come to the end of it. */
static void
alloc_behind_the_dead (gpointer arena)
{
  MpPatience none = MP_PATIENCE_SPENT;
  g_autoptr (GError) error = NULL;
  MpHold hold;

  mp_patience_begin (&none);
  g_assert_false (mp_arena_alloc (arena, 8, MP_OBJECT_RAW, &hold, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  mp_patience_end (&none);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), >=, N_HELD / 2);

  hold = alloc (arena, 8);
  g_assert_cmpuint (mp_owner_get_slot (hold.owner), ==, mp_owner_get_slot (atomic_load (&shared->me)));
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);
  mp_hold_release (&hold);
}

static void
test_slot_of_many (void)
{
  g_autoptr (MpArena) arena = new_arena ();

  let_holder_of_many_die (arena);
  atomic_store (&table->layout->next, mp_owner_get_slot (atomic_load (&shared->me)));
  mp_test_join (mp_test_fork (alloc_behind_the_dead, arena));
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

static void
use_parents_hold (gpointer data)
{
  MpHold *hold = data;
  MpHold copy = *hold;

  /* It is the parent's, and stays so. */
  mp_arena_ref (copy.arena);
  mp_hold_release (&copy);

  g_assert_true (mp_hold_ensure (hold, NULL));
  g_assert_cmpuint (hold->owner, ==, mp_participant_get_me (table));
  mp_test_set_word (&shared->ready, 1);
  mp_test_wait_word (&shared->ready, 2);
  g_assert_cmpuint (*(guint32 *) hold->data, ==, 42);
  mp_hold_release (hold);
}

static void
test_forked (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold hold = alloc (arena, 8);
  pid_t pid;

  *(guint32 *) hold.data = 42;
  pid = mp_test_fork (use_parents_hold, &hold);
  mp_test_wait_word (&shared->ready, 1);
  mp_hold_release (&hold);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);

  mp_test_set_word (&shared->ready, 2);
  mp_test_join (pid);
  sweep (arena);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

/* One record for all of a process, which the last of them removes. */
static void
test_sharers (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold first = alloc (arena, 8), second, third;

  mp_hold_share (&first, &second);
  mp_hold_share (&second, &third);
  g_assert_true (third.data == first.data);
  g_assert_cmpuint (third.record, ==, first.record);

  mp_hold_release (&first);
  g_assert_null (first.arena);
  g_assert_true (mp_hold_try_release (&third, NULL));
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);
  mp_hold_release (&second);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

/* What is the parent's stays so, however many of a child's were its sharers. */
static void
use_parents_sharers (gpointer data)
{
  MpHold *holds = data;

  g_assert_true (mp_hold_ensure (&holds[0], NULL));
  mp_hold_release (&holds[1]);
  g_assert_cmpuint (mp_arena_get_n_objects (holds[0].arena), ==, 1);
  mp_hold_share (&holds[0], &holds[1]);
  mp_hold_release (&holds[0]);
  *(guint32 *) holds[1].data = 43;
  mp_hold_release (&holds[1]);
}

static void
test_forked_sharers (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold holds[2];

  holds[0] = alloc (arena, 8);
  mp_hold_share (&holds[0], &holds[1]);
  mp_test_join (mp_test_fork (use_parents_sharers, holds));
  sweep (arena);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);
  g_assert_cmpuint (*(guint32 *) holds[0].data, ==, 43);

  mp_hold_release (&holds[1]);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);
  mp_hold_release (&holds[0]);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

static gpointer
share_and_release (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      MpHold another;

      mp_hold_share (data, &another);
      mp_hold_release (&another);
    }
  return NULL;
}

static void
test_concurrent_sharers (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  MpHold hold = alloc (arena, 8);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("sharer", share_and_release, &hold);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 1);
  mp_hold_release (&hold);
  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

static void
alloc_and_release (gpointer arena)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32) getpid ());
  MpHold holds[16] = { 0 };

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      MpHold *hold = &holds[g_rand_int_range (rand, 0, G_N_ELEMENTS (holds))];

      if (hold->arena != NULL)
        g_assert_cmpuint (*(guint32 *) hold->data, ==, (guint32) getpid ());
      mp_hold_release (hold);
      *hold = alloc (arena, (gsize) g_rand_int_range (rand, 4, 700));
      *(guint32 *) hold->data = (guint32) getpid ();
    }

  for (guint i = 0; i < G_N_ELEMENTS (holds); i++)
    mp_hold_release (&holds[i]);
}

static gpointer
alloc_and_release_in_thread (gpointer arena)
{
  alloc_and_release (arena);
  return NULL;
}

static void
test_concurrent (void)
{
  g_autoptr (MpArena) arena = new_arena ();
  pid_t pids[N_PROCESSES];
  GThread *threads[2];

  for (guint i = 0; i < N_PROCESSES; i++)
    pids[i] = mp_test_fork (alloc_and_release, arena);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("alloc", alloc_and_release_in_thread, arena);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < N_PROCESSES; i++)
    mp_test_join (pids[i]);

  g_assert_cmpuint (mp_arena_get_n_objects (arena), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/arena/reuse", test_reuse);
  g_test_add_func ("/arena/sizes", test_sizes);
  g_test_add_func ("/arena/holds", test_holds);
  g_test_add_func ("/arena/wrong-handles", test_wrong_handles);
  g_test_add_func ("/arena/many", test_many);
  g_test_add_func ("/arena/full", test_full);
  g_test_add_func ("/arena/open", test_open);
  g_test_add_func ("/arena/death", test_death);
  g_test_add_func ("/arena/slot-reuse", test_slot_reuse);
  g_test_add_func ("/arena/death-of-many", test_death_of_many);
  g_test_add_func ("/arena/slot-of-many", test_slot_of_many);
  g_test_add_func ("/arena/forked", test_forked);
  g_test_add_func ("/arena/sharers", test_sharers);
  g_test_add_func ("/arena/forked-sharers", test_forked_sharers);
  g_test_add_func ("/arena/concurrent-sharers", test_concurrent_sharers);
  g_test_add_func ("/arena/concurrent", test_concurrent);
  return g_test_run ();
}
