/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A table full of dead, really or as a peer has written it there: what joining it costs. */

#include <unistd.h>

#include <mpglib.h>

#include "mp-futex-private.h"
#include "mp-life-list-private.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-test-process.h"

#define GENERATION 5
#define FREE_SLOT  77

/* Each would be lent 50 ms of a main loop, and all together are not lent more. */
#define N_FAMILIES 40
#define MOST_LENT  (50 * G_TIME_SPAN_MILLISECOND)

/* Marked as dead, and not gone: the process lives. */
static void
fill_with_dead (MpTable *table,
                pid_t    pid)
{
  for (guint i = 0; i < MP_TABLE_N_SLOTS; i++)
    {
      MpSlot *slot = &table->layout->slots[i];

      atomic_store (&slot->name, (guint64) GENERATION << 32 | (guint32) pid);
      atomic_store (&slot->identity, (guint64) GENERATION << 32 | MP_LIFE_WAITERS | MP_LIFE_DIED);
    }
  atomic_store (&table->layout->top, MP_TABLE_N_SLOTS);
}

static MpTable *
new_table (pid_t pid)
{
  g_autoptr (GError) error = NULL;
  MpTable *table = mp_table_new (&error);

  g_assert_no_error (error);
  fill_with_dead (table, pid);
  return table;
}

/* --- A claim --------------------------------------------------------------- */

static void
claim_in_vain (gpointer data)
{
  MpTable *table = data;
  guint n_tries = 0, n_calls = 0;

  mp_life_list_begin (0);
  while (n_tries < MP_PARTICIPANT_MAX_TRIES)
    {
      guint before = n_tries;

      g_assert_cmpuint (mp_participant_claim (table, &n_tries), ==, 0);
      g_assert_cmpuint (n_tries - before, <=, MP_PARTICIPANT_MAX_BURIALS);
      n_calls++;
    }
  g_assert_cmpuint (n_calls, ==, MP_PARTICIPANT_MAX_TRIES / MP_PARTICIPANT_MAX_BURIALS);
}

/* It looks at a few, and goes on when it is called again. */
static void
test_claim (void)
{
  mp_test_join (mp_test_fork (claim_in_vain, new_table (getpid ())));
}

/* --- Joining --------------------------------------------------------------- */

/* Gives the code of the error, or 0. */
static int
join (MpTable    *table,
      MpPatience *patience,
      guint32    *me)
{
  g_autoptr (GError) error = NULL;

  mp_patience_begin (patience);
  *me = mp_participant_enter (table, &error);
  mp_patience_end (patience);
  if (*me != 0)
    return 0;

  g_assert_nonnull (error);
  g_assert_true (error->domain == MP_ERROR);
  return error->code;
}

/* Who has no patience does not wait for all of them; in the end it is known that the table is
 * full, and who finds a place is in.
 */
static void
join_the_dead (gpointer data)
{
  MpTable *table = data;
  MpPatience none = MP_PATIENCE_SPENT, patience = { 0 };
  guint32 me;
  int code = join (table, &none, &me);

  g_assert_true (code == MP_ERROR_TIMED_OUT || code == MP_ERROR_FULL); /* of a quick machine */
  g_assert_cmpint (join (table, &patience, &me), ==, MP_ERROR_FULL);

  atomic_store (&table->layout->slots[FREE_SLOT].identity, (guint64) GENERATION << 32);
  patience = (MpPatience) { 0 };
  g_assert_cmpint (join (table, &patience, &me), ==, 0);
  g_assert_cmpuint (mp_owner_get_slot (me), ==, FREE_SLOT);
}

static void
test_join (void)
{
  mp_test_join (mp_test_fork (join_the_dead, new_table (getpid ())));
}

static void
join_many (gpointer data)
{
  MpTable **tables = data;
  MpPatience patience = { 0 }, of_one;
  guint32 me;

  mp_thread_set_looping (TRUE);
  mp_patience_begin (&patience);
  for (guint i = 0; i < N_FAMILIES; i++)
    {
      of_one = (MpPatience) { 0 };
      g_assert_cmpint (join (tables[i], &of_one, &me), !=, 0);
    }
  mp_patience_end (&patience);
  g_assert_cmpint (patience.lent, >, 0);
  g_assert_cmpint (patience.lent, <=, MOST_LENT);
}

/* Many families in one message cost a main loop no more than one. */
static void
test_families (void)
{
  MpTable *tables[N_FAMILIES];

  for (guint i = 0; i < N_FAMILIES; i++)
    tables[i] = new_table (getpid ());
  mp_test_join (mp_test_fork (join_many, tables));
  for (guint i = 0; i < N_FAMILIES; i++)
    mp_table_unref (tables[i]);
}

/* Let go of while the thread still looks for a place in it. */
static void
lose_patience (gpointer data)
{
  MpSelfWatch *watch = &mp_self_get ()->watches[0];
  MpTable *table = data;
  MpPatience none = MP_PATIENCE_SPENT;
  guint32 me, n_answers;

  g_assert_cmpint (join (table, &none, &me), !=, 0);
  mp_table_unref (table);
  for (guint i = 0; i < MP_TABLE_MAX_IDLE; i++)
    mp_table_unref (mp_table_new (NULL));

  while (n_answers = atomic_load (&watch->n_answers),
         (atomic_load (&watch->farewells) & mp_table_get_bit (table)) != 0)
    g_assert_true (mp_futex_wait (&watch->n_answers, n_answers, mp_test_deadline ()));

  /* The thread lives, and the place is free. */
  table = mp_table_new (NULL);
  g_assert_cmpuint (mp_participant_enter (table, NULL), !=, 0);
}

static void
test_patience (void)
{
  MpTable *table = new_table (getpid ());

  mp_test_join (mp_test_fork (lose_patience, table));
  mp_table_unref (table);
}

static void
end (gpointer data)
{
}

/* Those who are gone are all buried, by the thread of whoever is left. */
static void
bury_the_dead (gpointer data)
{
  gint64 deadline = mp_test_deadline ();
  MpTable *table = data;
  guint32 buried;

  g_assert_cmpuint (mp_participant_enter (table, NULL), !=, 0);
  while ((buried = atomic_load (&table->layout->n_buried)) < MP_TABLE_N_SLOTS)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
  g_assert_cmpuint (buried, ==, MP_TABLE_N_SLOTS);
}

static void
test_bury (void)
{
  pid_t gone = mp_test_fork (end, NULL);

  mp_test_join (gone);
  mp_test_join (mp_test_fork (bury_the_dead, new_table (gone)));
}

/* Among those who cannot be buried, and come first. */
static void
bury_the_last (gpointer data)
{
  gint64 deadline = mp_test_deadline ();
  MpTable *table = data;

  g_assert_cmpuint (mp_participant_enter (table, NULL), !=, 0);
  while (atomic_load (&table->layout->n_buried) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

static void
test_bury_behind (void)
{
  MpTable *table = new_table (getpid ());
  pid_t gone = mp_test_fork (end, NULL);

  mp_test_join (gone);
  atomic_store (&table->layout->slots[FREE_SLOT].identity, (guint64) GENERATION << 32);
  atomic_store (&table->layout->next, FREE_SLOT);
  atomic_store (&table->layout->slots[FREE_SLOT - 1].name, (guint64) GENERATION << 32 | (guint32) gone);
  mp_test_join (mp_test_fork (bury_the_last, table));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  mp_table_get_default (NULL); /* the others are of strangers */
  g_test_add_func ("/many-dead/claim", test_claim);
  g_test_add_func ("/many-dead/join", test_join);
  g_test_add_func ("/many-dead/families", test_families);
  g_test_add_func ("/many-dead/patience", test_patience);
  g_test_add_func ("/many-dead/bury", test_bury);
  g_test_add_func ("/many-dead/bury-behind", test_bury_behind);
  return g_test_run ();
}
