/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Cells: values of many words, read and replaced as a whole; and long pieces that a
 * writer may leave half written.
 */

#include <signal.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-cell-private.h"
#include "mp-owner-lock-private.h"
#include "mp-participant-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-crew.h"
#include "mp-whole-private.h"

#define N_WORDS  40
#define N_ROUNDS 5000

typedef struct
{
  MpCell     cell;
  MpAtomic64 halves[2 * N_WORDS];
  MpWhole    whole;
  MpAtomic32 n_writers;   /* that are done */
} Shared;

static MpTable *table;
static Shared *shared;

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  shared = mp_test_share (sizeof *shared);
  mp_participant_enter (table, NULL);
}

static void
write_number (guint64 number)
{
  MpCellPlace place = { &shared->cell, shared->halves, N_WORDS };
  guint64 words[N_WORDS];

  for (guint i = 0; i < N_WORDS; i++)
    words[i] = number;
  g_assert_true (mp_cell_write (table, &place, mp_participant_enter (table, NULL), words, N_WORDS, NULL));
}

/* All words are of one writing. */
static guint64
read_number (void)
{
  MpCellPlace place = { &shared->cell, shared->halves, N_WORDS };
  guint64 words[N_WORDS];

  g_assert_true (mp_cell_read (table, &place, mp_participant_enter (table, NULL), words, N_WORDS, NULL));
  for (guint i = 1; i < N_WORDS; i++)
    g_assert_cmpuint (words[i], ==, words[0]);
  return words[0];
}

static void
test_alone (void)
{
  MpCellPlace place;
  guint64 word;

  set_up ();
  g_assert_cmpuint (read_number (), ==, 0);
  for (guint i = 1; i < 5; i++)
    {
      write_number (i);
      g_assert_cmpuint (read_number (), ==, i);
    }

  place = (MpCellPlace) { &shared->cell, shared->halves, N_WORDS };
  word = 9;
  mp_cell_write (table, &place, mp_participant_enter (table, NULL), &word, 1, NULL);
  mp_cell_read (table, &place, mp_participant_enter (table, NULL), &word, 1, NULL);
  g_assert_cmpuint (word, ==, 9);
}

static void
write_many (gpointer unused)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    write_number ((guint64) getpid () << 32 | i);
  mp_test_count (&shared->n_writers);
}

/* While the others write. */
static void
read_many (void)
{
  while (atomic_load (&shared->n_writers) < MP_TEST_CREW_SIZE)
    read_number ();
}

static void
read_and_write_many (gpointer unused)
{
  write_many (NULL);
  read_many ();
}

static void
test_processes (void)
{
  set_up ();
  mp_test_crew_processes (read_and_write_many);
  read_number ();
}

static void
test_threads (void)
{
  set_up ();
  mp_test_crew_threads (read_and_write_many);
  read_number ();
}

/* Has the writers' lock for ever, in the midst of a writing. */
static void
stop_midway (gpointer unused)
{
  guint32 me = mp_participant_enter (table, NULL);

  mp_owner_lock_acquire (table, &shared->cell.writer, me, MP_WAIT_NEVER_ENDS);
  atomic_store (&shared->halves[N_WORDS], 77);
  mp_test_count (&shared->n_writers);
  pause ();
}

static void
test_death (void)
{
  MpCellPlace place;
  g_autoptr (GError) error = NULL;
  guint64 number = 3;
  pid_t pid;

  set_up ();
  place = (MpCellPlace) { &shared->cell, shared->halves, N_WORDS };
  pid = mp_test_fork (stop_midway, NULL);
  mp_test_wait_count (&shared->n_writers, 1);

  /* A reader waits for nobody, and a writer not for ever. */
  g_assert_cmpuint (read_number (), ==, 0);
  mp_short_lock_set_patience (50 * G_TIME_SPAN_MILLISECOND);
  g_assert_false (mp_cell_write (table, &place, mp_participant_enter (table, NULL), &number, 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  mp_short_lock_set_patience (MP_TEST_PATIENCE);
  mp_test_kill (pid);
  write_number (5);
  g_assert_cmpuint (read_number (), ==, 5);
}

/* --- Wholes --------------------------------------------------------------- */

static void
die_midway (gpointer unused)
{
  mp_whole_begin (table, &shared->whole, mp_participant_enter (table, NULL), NULL);
  kill (getpid (), SIGKILL);
}

static void
write_whole (gboolean all)
{
  mp_whole_begin (table, &shared->whole, mp_participant_enter (table, NULL), NULL);
  mp_whole_end (&shared->whole, all);
}

static void
test_torn (void)
{
  pid_t pid;

  set_up ();
  g_assert_false (mp_whole_is_torn (table, &shared->whole));
  mp_whole_begin (table, &shared->whole, mp_participant_enter (table, NULL), NULL);
  g_assert_false (mp_whole_is_torn (table, &shared->whole));
  mp_whole_end (&shared->whole, FALSE);

  pid = mp_test_fork (die_midway, NULL);
  mp_test_join (pid);
  g_assert_true (mp_whole_is_torn (table, &shared->whole));

  /* A part does not mend it, the whole does. */
  write_whole (FALSE);
  g_assert_true (mp_whole_is_torn (table, &shared->whole));
  write_whole (TRUE);
  g_assert_false (mp_whole_is_torn (table, &shared->whole));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cell/alone", test_alone);
  g_test_add_func ("/cell/processes", test_processes);
  g_test_add_func ("/cell/threads", test_threads);
  g_test_add_func ("/cell/death", test_death);
  g_test_add_func ("/cell/torn", test_torn);
  return g_test_run ();
}
