/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who gives way when too many are not known yet: no sockets, and times are numbers. */

#include "config.h"

#include <string.h>

#include <glib.h>

#include "mp-strangers-private.h"

#define N_MAX MP_PREAMBLE_MAX_STRANGERS
#define N_ONE MP_PREAMBLE_MAX_OF_ONE

/* µs: those who are given so long have all the time there is, or none left. */
#define LONG (10 * G_USEC_PER_SEC)

typedef struct
{
  MpStranger base;
  MpGreetingStanding standing;
  gint64 since;
} Stranger;

typedef struct
{
  MpStrangers strangers;
  Stranger all[2 * N_MAX];
  guint n;
} Fixture;

static const MpWhence me = { AF_UNIX, { 1 }, TRUE };
static const MpWhence other = { AF_UNIX, { 2 }, FALSE };

static MpGreetingStanding
look (MpStranger *stranger,
      gint64     *since)
{
  *since = ((Stranger *) stranger)->since;
  return ((Stranger *) stranger)->standing;
}

static void
set_up (Fixture       *fixture,
        gconstpointer  unused)
{
  fixture->n = 0;
  mp_strangers_init (&fixture->strangers, look);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  unused)
{
  MpStranger *stranger;

  while ((stranger = mp_strangers_peek (&fixture->strangers)) != NULL)
    mp_strangers_remove (&fixture->strangers, stranger);
  g_assert_cmpuint (fixture->strangers.n, ==, 0);
  g_assert_true (g_queue_is_empty (&fixture->strangers.groups));
}

static Stranger *
add (Fixture            *fixture,
     const MpWhence     *whence,
     MpGreetingStanding  standing,
     gint64              since)
{
  Stranger *stranger = &fixture->all[fixture->n++];

  stranger->standing = standing;
  stranger->since = since;
  mp_strangers_add (&fixture->strangers, &stranger->base, whence);
  return stranger;
}

static void
fill (Fixture            *fixture,
      const MpWhence     *whence,
      guint               n,
      MpGreetingStanding  standing,
      gint64              since)
{
  for (guint i = 0; i < n; i++)
    add (fixture, whence, standing, since + i);
}

static Stranger *
find (Fixture        *fixture,
      const MpWhence *whence)
{
  return (Stranger *) mp_strangers_find_loser (&fixture->strangers, whence);
}

static gint64
get_next_time (Fixture *fixture,
               gint64   now)
{
  return mp_strangers_get_next_time (&fixture->strangers, now);
}

static void
test_room (Fixture       *fixture,
           gconstpointer  unused)
{
  fill (fixture, &me, N_MAX - 1, MP_GREETING_SILENT, 0);
  g_assert_cmpint (get_next_time (fixture, 0), ==, 0);
  g_assert_null (find (fixture, &me));
  g_assert_null (find (fixture, &other));
  add (fixture, &me, MP_GREETING_SILENT, 0);
  g_assert_cmpint (get_next_time (fixture, 0), >, 0);
  g_assert_nonnull (find (fixture, &me));
}

/* For the first word there is less time. */
static void
test_time (Fixture       *fixture,
           gconstpointer  unused)
{
  gint64 silent, waiting;

  fill (fixture, &me, N_MAX, MP_GREETING_SILENT, LONG);
  silent = get_next_time (fixture, LONG) - LONG;
  for (guint i = 0; i < N_MAX; i++)
    fixture->all[i].standing = MP_GREETING_WAITS;
  waiting = get_next_time (fixture, LONG) - LONG;
  g_assert_cmpint (silent, >=, 20000);
  g_assert_cmpint (waiting, >=, 2 * silent);
  g_assert_cmpint (get_next_time (fixture, LONG + waiting - 1), ==, LONG + waiting);
  g_assert_cmpint (get_next_time (fixture, LONG + waiting), ==, 0);
}

static void
test_order (Fixture       *fixture,
            gconstpointer  unused)
{
  Stranger *silent, *refused, *oldest;

  oldest = add (fixture, &me, MP_GREETING_WAITS, LONG - 3);
  fill (fixture, &me, N_MAX - 3, MP_GREETING_WAITS, LONG - 2);
  silent = add (fixture, &me, MP_GREETING_SILENT, LONG);
  refused = add (fixture, &me, MP_GREETING_REFUSED, LONG);
  g_assert_cmpint (get_next_time (fixture, LONG), ==, 0);
  g_assert_true (find (fixture, &me) == refused);

  refused->standing = MP_GREETING_UNREAD;
  g_assert_true (find (fixture, &me) == silent);
  silent->standing = MP_GREETING_UNREAD;
  g_assert_true (find (fixture, &me) == oldest);

  /* One whose time is over goes before one who has said nothing, but came just now. */
  silent->standing = MP_GREETING_SILENT;
  oldest->since = 0;
  g_assert_true (find (fixture, &me) == oldest);
}

/* What came is looked at, however long it took. */
static void
test_unread (Fixture       *fixture,
             gconstpointer  unused)
{
  fill (fixture, &me, N_MAX, MP_GREETING_UNREAD, 0);
  g_assert_cmpint (get_next_time (fixture, LONG), >, LONG);
  g_assert_cmpint (get_next_time (fixture, LONG), <, LONG + 5000);
}

/* Honest ones who are slow give all of them time, those who are quick take it. */
static void
test_learning (Fixture       *fixture,
               gconstpointer  unused)
{
  gint64 first, slow, quick;

  fill (fixture, &me, N_MAX, MP_GREETING_WAITS, LONG);
  first = get_next_time (fixture, LONG) - LONG;
  for (guint i = 0; i < 50; i++)
    mp_strangers_learn (&fixture->strangers, first * 9 / 10); /* who has just made it */
  slow = get_next_time (fixture, LONG) - LONG;
  g_assert_cmpint (slow, >, first);
  for (guint i = 0; i < 50; i++)
    mp_strangers_learn (&fixture->strangers, LONG);
  g_assert_cmpint (get_next_time (fixture, LONG) - LONG, ==,
                   (gint64) (MP_PREAMBLE_REFUSAL_DELAY * G_USEC_PER_SEC));
  for (guint i = 0; i < 300; i++)
    mp_strangers_learn (&fixture->strangers, 0);
  quick = get_next_time (fixture, LONG) - LONG;
  g_assert_cmpint (quick, <=, first);
  g_assert_cmpint (quick, >=, 40000);
}

/* Of another user there are never more than so many, and he pushes out nobody but his own. */
static void
test_of_one (Fixture       *fixture,
             gconstpointer  unused)
{
  const MpWhence third = { AF_UNIX, { 3 }, FALSE };

  fill (fixture, &me, 3, MP_GREETING_SILENT, 0);
  fill (fixture, &other, N_ONE, MP_GREETING_WAITS, LONG);
  g_assert_true (find (fixture, &other) == &fixture->all[3]);
  g_assert_null (find (fixture, &me));
  g_assert_null (find (fixture, &third));
}

/* Who floods gives way to those who are fewer, and not the other way round. */
static void
test_groups (Fixture       *fixture,
             gconstpointer  unused)
{
  const MpWhence third = { AF_INET, { 2 }, FALSE };
  Stranger *flooding;

  add (fixture, &other, MP_GREETING_SILENT, 0);
  fill (fixture, &third, N_ONE - 1, MP_GREETING_WAITS, 0);
  flooding = add (fixture, &me, MP_GREETING_WAITS, LONG);
  fill (fixture, &me, N_MAX - N_ONE - 1, MP_GREETING_WAITS, LONG + 1);
  g_assert_true (find (fixture, &me) == flooding);
  g_assert_true (find (fixture, &other) == flooding);
  g_assert_true (find (fixture, &third) == flooding);
  g_assert_cmpint (get_next_time (fixture, LONG), >, LONG);
}

/* Of two groups of that size one is silent, and the word of all of the other has come: whoever is let in, it is a
 * silent one who goes, and the time that is told is his.
 */
static void
test_equal_groups (Fixture       *fixture,
                   gconstpointer  unused)
{
  const MpWhence near = { AF_INET, { 127, 0, 0 }, TRUE }, flooding = { AF_INET, { 127, 0, 1 }, TRUE };

  for (guint i = 0; i < N_MAX / 2; i++)
    {
      add (fixture, &near, MP_GREETING_UNREAD, LONG);
      add (fixture, &flooding, MP_GREETING_SILENT, i);
    }
  g_assert_cmpint (get_next_time (fixture, LONG), ==, 0);
  g_assert_true (find (fixture, &near) == &fixture->all[1]);
  g_assert_true (find (fixture, &flooding) == &fixture->all[1]);
  g_assert_true (find (fixture, &other) == &fixture->all[1]);

  /* Whichever group is the older one. */
  for (guint i = 0; i < N_MAX; i++)
    fixture->all[i].standing = i % 2 == 0 ? MP_GREETING_SILENT : MP_GREETING_UNREAD;
  fixture->all[2].since = 0;
  g_assert_cmpint (get_next_time (fixture, LONG), ==, 0);
  g_assert_true (find (fixture, &flooding) == &fixture->all[2]);

  /* Who is of a larger group still gives way before. */
  mp_strangers_remove (&fixture->strangers, &fixture->all[2].base);
  add (fixture, &flooding, MP_GREETING_UNREAD, LONG);
  g_assert_cmpint (get_next_time (fixture, LONG), >, LONG);
  g_assert_true (((Stranger *) find (fixture, &near))->base.group->whence.bytes[2] == 1);
}

/* As many networks as there are places. */
static void
test_botnet (Fixture       *fixture,
             gconstpointer  unused)
{
  for (guint i = 0; i < N_MAX; i++)
    {
      MpWhence whence = { AF_INET, { (guint8) i, 7 }, FALSE };

      add (fixture, &whence, MP_GREETING_WAITS, 0);
    }
  g_assert_true (find (fixture, &me) == &fixture->all[0]);
  g_assert_true (find (fixture, &(MpWhence) { AF_INET, { 9, 7 }, FALSE }) == &fixture->all[9]);
}

#define ADD(name, func) g_test_add (name, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/strangers/room", test_room);
  ADD ("/strangers/time", test_time);
  ADD ("/strangers/order", test_order);
  ADD ("/strangers/unread", test_unread);
  ADD ("/strangers/learning", test_learning);
  ADD ("/strangers/of-one", test_of_one);
  ADD ("/strangers/groups", test_groups);
  ADD ("/strangers/equal-groups", test_equal_groups);
  ADD ("/strangers/botnet", test_botnet);

  return g_test_run ();
}
