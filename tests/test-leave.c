/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Leaving families of which nothing is used any more: what is left behind there, and in this
 * process.  Each test makes its families; those who join and leave are children.
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-futex-private.h"
#include "mp-owner-lock-private.h"
#include "mp-test-process.h"
#include "mp-test.h"

/* As many as make the first one be left when they are let go of. */
#define N_TABLES (MP_TABLE_MAX_IDLE + 1)

typedef struct
{
  MpAtomic32 me[N_TABLES];
  MpAtomic32 second;       /* another one in the first table */
  MpAtomic32 third;
  MpAtomic32 is_ready;
  MpAtomic32 may_leave;
  MpAtomic32 may_end;
  MpAtomic32 lock;
} Shared;

static Shared *shared;
static MpTable *tables[N_TABLES];

static MpTable *
new_table (void)
{
  g_autoptr (GError) error = NULL;
  MpTable *table = mp_table_new (&error);

  g_assert_no_error (error);
  return table;
}

static guint32
enter (MpTable *table)
{
  g_autoptr (GError) error = NULL;
  guint32 me = mp_participant_enter (table, &error);

  g_assert_no_error (error);
  return me;
}

static void
set_up (void)
{
  memset ((void *) shared, 0, sizeof *shared);
  for (guint i = 0; i < N_TABLES; i++)
    tables[i] = new_table ();
}

static void
tear_down (void)
{
  for (guint i = 0; i < N_TABLES; i++)
    g_clear_pointer (&tables[i], mp_table_unref);
}

static void
enter_all (void)
{
  for (guint i = 0; i < N_TABLES; i++)
    atomic_store (&shared->me[i], enter (tables[i]));
}

static void
let_go_of_all (void)
{
  for (guint i = 0; i < N_TABLES; i++)
    mp_table_unref (tables[i]);
}

/* --- For the others ------------------------------------------------------- */

static void
leave_with_lock (gpointer parent)
{
  enter_all ();
  g_assert_cmpint (mp_owner_lock_acquire (tables[0], &shared->lock, shared->me[0], MP_WAIT_NEVER_ENDS), ==,
                   MP_OWNER_LOCK_ACQUIRED);
  mp_test_set_word (&shared->is_ready, 1);
  mp_test_wait_asleep (GPOINTER_TO_INT (parent));
  let_go_of_all ();
  mp_test_wait_word (&shared->may_end, 1);
}

/* What it held is abandoned though the process lives; who waits for that hears of it. */
static void
test_told (void)
{
  guint32 epoch, me;
  pid_t pid;

  set_up ();
  me = enter (tables[0]);
  epoch = mp_table_get_epoch (tables[0]);
  pid = mp_test_fork (leave_with_lock, GINT_TO_POINTER (getpid ()));
  mp_test_wait_word (&shared->is_ready, 1);
  g_assert_cmpint (mp_owner_lock_acquire (tables[0], &shared->lock, me, MP_WAIT_NEVER_ENDS), ==,
                   MP_OWNER_LOCK_ABANDONED);
  mp_owner_lock_release (&shared->lock);

  g_assert_cmpint (mp_participant_look (tables[0], shared->me[0]), ==, MP_LIFE_DEAD);
  g_assert_cmpuint (mp_table_get_epoch (tables[0]), !=, epoch);
  for (guint i = 1; i < N_TABLES; i++)
    g_assert_cmpint (mp_participant_look (tables[i], shared->me[i]), ==, MP_LIFE_ALIVE);

  mp_test_set_word (&shared->may_end, 1);
  mp_test_join (pid);
  tear_down ();
}

static void
leave_first (gpointer unused)
{
  enter_all ();
  mp_test_set_word (&shared->is_ready, 1);
  mp_test_wait_word (&shared->may_leave, 1);
  let_go_of_all ();
  mp_test_wait_word (&shared->may_end, 1);
}

static void
leave_last (gpointer unused)
{
  enter_all ();
  mp_test_set_word (&shared->is_ready, 1);
  mp_test_wait_word (&shared->may_leave, 1);
  for (guint i = N_TABLES; i > 0; i--)
    mp_table_unref (tables[i - 1]);
  mp_test_wait_word (&shared->may_end, 1);
}

/* Of those that stay the kernel tells as before: the list of the thread, on which the one that was joined
 * last comes first, is whole.
 */
static void
test_death_afterwards (void)
{
  pid_t pid;

  set_up ();
  for (guint i = 0; i < N_TABLES; i++)
    enter (tables[i]);

  pid = mp_test_fork (leave_last, NULL);
  mp_test_wait_word (&shared->is_ready, 1);
  mp_test_set_word (&shared->may_leave, 1);
  mp_test_wait_dead (tables[N_TABLES - 1], shared->me[N_TABLES - 1]);

  mp_test_kill (pid);
  for (guint i = 0; i < N_TABLES - 1; i++)
    mp_test_wait_dead (tables[i], shared->me[i]);
  tear_down ();
}

static void
enter_first (gpointer word)
{
  mp_test_set_word (word, enter (tables[0]));
  mp_test_wait_word (&shared->may_end, 1);
}

static pid_t
start_neighbour (MpAtomic32 *word)
{
  pid_t pid = mp_test_fork (enter_first, word);

  while (atomic_load (word) == 0)
    g_assert_true (mp_futex_wait (word, 0, mp_test_deadline ()));
  return pid;
}

/* Those who watched the one that left watch the next. */
static void
test_neighbours (void)
{
  pid_t leaver, second, third;
  guint32 me;

  set_up ();
  me = enter (tables[0]);
  leaver = mp_test_fork (leave_first, NULL);
  mp_test_wait_word (&shared->is_ready, 1);
  second = start_neighbour (&shared->second);
  third = start_neighbour (&shared->third);
  mp_test_wait_vigil (tables[0], me, shared->second);
  g_assert_false (mp_test_keeps_vigil (tables[0], me, shared->third));

  mp_test_set_word (&shared->may_leave, 1);
  mp_test_wait_dead (tables[0], shared->me[0]);
  mp_test_wait_vigil (tables[0], me, shared->third);
  g_assert_false (mp_test_keeps_vigil (tables[0], shared->me[0], shared->second));

  mp_test_kill (third);
  mp_test_wait_dead (tables[0], shared->third);
  mp_test_set_word (&shared->may_end, 1);
  mp_test_join (leaver);
  mp_test_join (second);
  tear_down ();
}

/* --- For this process ----------------------------------------------------- */

static void
come_and_go (gpointer unused)
{
  guint n_fds, n_mapped;

  for (guint i = 0; i < MP_TABLE_MAX_IDLE; i++)
    {
      MpTable *table = new_table ();

      enter (table);
      mp_table_unref (table);
    }
  n_fds = mp_test_count_fds ();
  n_mapped = mp_test_count_tables ();

  for (guint i = 0; i < 3 * MP_SELF_MAX_TABLES; i++)
    {
      MpTable *table = new_table ();

      enter (table);
      mp_table_unref (table);
    }
  mp_test_wait_tables (n_mapped);
  g_assert_cmpuint (mp_test_count_fds (), ==, n_fds);
  g_assert_cmpuint (atomic_load (&mp_self_get ()->watches[1].is_started), ==, 0);
}

/* More in its life than there are places, and nothing is left of them but the last. */
static void
test_come_and_go (void)
{
  mp_test_join (mp_test_fork (come_and_go, NULL));
}

static int
duplicate (MpTable *table)
{
  int fd = fcntl (mp_table_get_fd (table), F_DUPFD_CLOEXEC, 3);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
come_back (gpointer unused)
{
  g_autoptr (GError) error = NULL;
  int idle = duplicate (tables[1]), left = duplicate (tables[0]);
  guint32 first = enter (tables[0]), second = enter (tables[1]), again;
  MpTable *table;

  let_go_of_all ();
  g_assert_null (mp_table_open_known (left, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_STALE);
  g_clear_error (&error);

  /* Of the idle one it is a participant still. */
  table = mp_table_open_known (idle, &error);
  g_assert_no_error (error);
  g_assert_true (table == tables[1]);
  g_assert_cmpuint (enter (table), ==, second);

  /* In the other it is another one. */
  table = mp_table_open (left, &error);
  g_assert_no_error (error);
  again = enter (table);
  g_assert_cmpint (mp_participant_look (table, again), ==, MP_LIFE_ALIVE);
  mp_test_wait_dead (table, first);
  g_assert_cmpint (mp_participant_look (table, again), ==, MP_LIFE_ALIVE);
  close (idle);
  close (left);
}

static void
test_come_back (void)
{
  set_up ();
  mp_test_join (mp_test_fork (come_back, NULL));
  tear_down ();
}

/* As if it came from another program. */
static MpTable *
open_strangers (GError **error)
{
  gsize size = mp_segment_get_size (tables[0]->segment);
  g_autoptr (MpSegment) segment = mp_segment_new (MP_SEGMENT_TABLE, NULL, size, size, NULL, NULL);

  return mp_table_open (mp_segment_get_fd (segment), error);
}

/* As many at once as there are places; then those that idle make room. */
static void
fill_places (gpointer unused)
{
  MpTable *taken[MP_SELF_MAX_TABLES], *opened = NULL;
  guint n = 0, n_opened = 0;
  g_autoptr (GError) error = NULL;

  while (mp_table_get_n () < MP_SELF_MAX_TABLES)
    {
      taken[n] = new_table ();
      enter (taken[n++]);
    }
  for (guint i = 0; i < MP_SELF_N_WATCHES; i++)
    g_assert_cmpuint (atomic_load (&mp_self_get ()->watches[i].is_started), ==, 1);

  /* Some are idle since the tests before. */
  while ((opened = open_strangers (&error)) != NULL)
    g_assert_cmpuint (++n_opened, <=, MP_TABLE_MAX_IDLE);
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_clear_error (&error);

  mp_table_unref (taken[n / 2]);
  opened = open_strangers (&error);
  g_assert_no_error (error);
  g_assert_true (opened == taken[n / 2]);
  g_assert_cmpuint (enter (opened), !=, 0);
}

static void
test_places (void)
{
  set_up ();
  mp_test_join (mp_test_fork (fill_places, NULL));
  tear_down ();
}

static void
take_part_in_all (gpointer all)
{
  MpTable **taken = all;

  for (guint i = 0; i < MP_SELF_MAX_TABLES && taken[i] != NULL; i++)
    g_assert_cmpuint (mp_owner_get_slot (enter (taken[i])), ==, 1);
  mp_test_set_word (&shared->is_ready, 1);
  mp_test_wait_word (&shared->may_end, 1);
}

/* Every thread is the life of the process where it watches. */
static void
be_neighbour_in_all (gpointer unused)
{
  MpTable *taken[MP_SELF_MAX_TABLES] = { NULL };
  pid_t pid;

  for (guint n = 0; mp_table_get_n () < MP_SELF_MAX_TABLES; n++)
    {
      taken[n] = new_table ();
      g_assert_cmpuint (mp_owner_get_slot (enter (taken[n])), ==, 0);
    }

  pid = mp_test_fork (take_part_in_all, taken);
  mp_test_wait_word (&shared->is_ready, 1);
  mp_test_kill (pid);
  for (guint i = 0; i < MP_SELF_MAX_TABLES && taken[i] != NULL; i++)
    mp_test_wait_dead (taken[i], mp_owner_new (1, 0));
}

static void
test_all_watches (void)
{
  memset ((void *) shared, 0, sizeof *shared);
  mp_test_join (mp_test_fork (be_neighbour_in_all, NULL));
}

/* --- Forked children ------------------------------------------------------ */

static void
let_go_of_copies (gpointer unused)
{
  guint n_fds = mp_test_count_fds ();

  /* A descriptor each of those that were idle, and of the first with the lock that the parent has on it. */
  let_go_of_all ();
  g_assert_cmpuint (mp_test_count_fds (), ==, n_fds - MP_TABLE_MAX_IDLE - 2);
  g_assert_cmpuint (atomic_load (&mp_self_get ()->watches[0].is_started), ==, 0);
}

/* It leaves nothing of its parent's. */
static void
fork_and_stay (gpointer unused)
{
  for (guint i = 0; i < MP_TABLE_MAX_IDLE; i++)
    mp_table_unref (new_table ());

  enter_all ();
  mp_test_join (mp_test_fork (let_go_of_copies, NULL));
  for (guint i = 0; i < N_TABLES; i++)
    g_assert_cmpint (mp_participant_look (tables[i], shared->me[i]), ==, MP_LIFE_ALIVE);
}

static void
test_fork (void)
{
  set_up ();
  mp_test_join (mp_test_fork (fork_and_stay, NULL));
  tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  shared = mp_test_share (sizeof *shared);
  mp_table_get_default (NULL); /* the others are of strangers */

  g_test_add_func ("/leave/told", test_told);
  g_test_add_func ("/leave/death-afterwards", test_death_afterwards);
  g_test_add_func ("/leave/neighbours", test_neighbours);
  g_test_add_func ("/leave/come-and-go", test_come_and_go);
  g_test_add_func ("/leave/come-back", test_come_back);
  g_test_add_func ("/leave/places", test_places);
  g_test_add_func ("/leave/all-watches", test_all_watches);
  g_test_add_func ("/leave/fork", test_fork);
  return g_test_run ();
}
