/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-doorbell-private.h"
#include "mp-futex-private.h"
#include "mp-test-process.h"

#define N_OBJECTS   1000
#define N_PROCESSES (MP_BELL_N_WAITERS + 3)
#define N_RECORDS   20000

typedef struct
{
  MpBell     bell;
  MpAtomic32 value;
} Object;

typedef struct
{
  Object     objects[N_OBJECTS];
  MpAtomic32 n_armed;
  MpAtomic32 n_heard;
  MpAtomic32 command;
} Shared;

/* One that waits as a GSource would. */
typedef struct
{
  int         fd;
  MpDoorbell *doorbell;
} Waiter;

static MpTable *table;
static Shared *shared;

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  g_assert_cmpuint (mp_participant_enter (table, &error), !=, 0);
  shared = mp_test_share (sizeof *shared);
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

static void
write_eventfd (gpointer user_data)
{
  guint64 one = 1;

  if (write (GPOINTER_TO_INT (user_data), &one, sizeof one) < 0)
    g_assert_not_reached ();
}

static Waiter
waiter_new (Object *object)
{
  g_autoptr (GError) error = NULL;
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  MpDoorbell *doorbell = mp_doorbell_new (table, &object->bell, write_eventfd, GINT_TO_POINTER (fd), &error);

  g_assert_no_error (error);
  return (Waiter) { fd, doorbell };
}

static void
waiter_clear (Waiter *waiter)
{
  mp_doorbell_free (waiter->doorbell);
  close (waiter->fd);
}

static void
waiter_arm (Waiter *waiter)
{
  g_autoptr (GError) error = NULL;

  mp_doorbell_arm (waiter->doorbell, &error);
  g_assert_no_error (error);
}

/* Returns: how often it rang since the last time */
static guint64
waiter_hear (Waiter *waiter)
{
  struct pollfd poll_fd = { .fd = waiter->fd, .events = POLLIN };
  guint64 n = 0;

  g_assert_cmpint (poll (&poll_fd, 1, (int) (MP_TEST_PATIENCE / 1000)), ==, 1);
  g_assert_cmpint (read (waiter->fd, &n, sizeof n), ==, sizeof n);
  return n;
}

static gboolean
waiter_has_rung (Waiter *waiter)
{
  struct pollfd poll_fd = { .fd = waiter->fd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) > 0;
}

static void
change (Object *object)
{
  atomic_fetch_add (&object->value, 1);
  mp_bell_ring (table, &object->bell);
}

static void
change_often (gpointer object)
{
  for (guint i = 0; i < 100; i++)
    change (object);
}

/* Once for many changes, and again only when armed again. */
static void
test_once_an_idle_period (void)
{
  Object *object;
  Waiter waiter;
  guint fds = count_fds ();

  set_up ();
  object = &shared->objects[0];
  waiter = waiter_new (object);
  change (object);
  g_assert_cmpuint (atomic_load (&object->bell.gate) & (MP_BELL_WAIT | MP_BELL_MANY), ==, 0);

  waiter_arm (&waiter);
  mp_test_join (mp_test_fork (change_often, object));
  g_assert_cmpuint (waiter_hear (&waiter), ==, 1);
  change (object);
  g_assert_false (waiter_has_rung (&waiter));

  waiter_arm (&waiter);
  change (object);
  g_assert_cmpuint (waiter_hear (&waiter), ==, 1);

  waiter_arm (&waiter);
  mp_doorbell_disarm (waiter.doorbell);
  change (object);
  g_assert_cmpuint (atomic_load (&object->bell.waiters[0].state) & (MP_BELL_ARMED | MP_BELL_RUNG), ==, 0);

  waiter_clear (&waiter);
  g_assert_cmpuint (atomic_load (&object->bell.waiters[0].state) & MP_OWNER_MASK, ==, 0);
  g_assert_cmpuint (count_fds (), <=, fds + 3);  /* those of the table */
}

static void
arm_and_hear (gpointer data)
{
  Waiter waiter = waiter_new (&shared->objects[0]);

  waiter_arm (&waiter);
  atomic_fetch_add (&shared->n_armed, 1);
  mp_futex_wake (&shared->n_armed, MP_FUTEX_WAKE_ALL);
  waiter_hear (&waiter);
  atomic_fetch_add (&shared->n_heard, 1);
  mp_test_wait_word (&shared->command, 1);
  waiter_clear (&waiter);
}

/* More processes than an object has places for. */
static void
test_many_processes (void)
{
  pid_t pids[N_PROCESSES];

  set_up ();
  for (guint i = 0; i < N_PROCESSES; i++)
    pids[i] = mp_test_fork (arm_and_hear, NULL);
  mp_test_wait_word (&shared->n_armed, N_PROCESSES);
  g_assert_true ((atomic_load (&shared->objects[0].bell.gate) & MP_BELL_MANY) != 0);

  change (&shared->objects[0]);
  mp_test_set_word (&shared->command, 1);
  for (guint i = 0; i < N_PROCESSES; i++)
    mp_test_join (pids[i]);

  g_assert_cmpuint (atomic_load (&shared->n_heard), ==, N_PROCESSES);
  g_assert_cmpuint (atomic_load (&shared->objects[0].bell.gate) & (MP_BELL_WAIT | MP_BELL_MANY), ==, 0);
}

/* Channels are fewer than objects, yet only who was meant hears. */
static void
test_many_objects (void)
{
  g_autofree Waiter *waiters = g_new0 (Waiter, N_OBJECTS);

  /* In the family of the other tests a death may still be told, which rings all. */
  set_up ();
  table = mp_table_new (NULL);
  for (guint i = 0; i < N_OBJECTS; i++)
    {
      waiters[i] = waiter_new (&shared->objects[i]);
      waiter_arm (&waiters[i]);
    }

  for (guint i = 0; i < N_OBJECTS; i += 7)
    {
      change (&shared->objects[i]);
      g_assert_cmpuint (waiter_hear (&waiters[i]), ==, 1);
    }

  for (guint i = 0; i < N_OBJECTS; i++)
    {
      g_assert_false (waiter_has_rung (&waiters[i]));
      waiter_clear (&waiters[i]);
    }
}

static void
enter_and_wait (gpointer data)
{
  mp_test_set_word (&shared->n_armed, mp_participant_enter (table, NULL));
  mp_test_wait_word (&shared->command, 1);
}

/* It may have been about to ring. */
static void
test_death_rings (void)
{
  Waiter waiter;
  pid_t pid;

  set_up ();
  waiter = waiter_new (&shared->objects[0]);
  pid = mp_test_fork (enter_and_wait, NULL);
  while (atomic_load (&shared->n_armed) == 0)
    g_assert_true (mp_futex_wait (&shared->n_armed, 0, mp_test_deadline ()));

  waiter_arm (&waiter);
  mp_test_kill (pid);
  g_assert_cmpuint (waiter_hear (&waiter), ==, 1);
  waiter_clear (&waiter);
}

static void
arm_and_end (gpointer data)
{
  for (guint i = 0; i < MP_BELL_N_WAITERS; i++)
    {
      Waiter waiter = waiter_new (&shared->objects[0]);

      waiter_arm (&waiter);
    }
}

/* The dead do not keep the places. */
static void
test_dead_waiters (void)
{
  Waiter waiter;

  set_up ();
  mp_test_join (mp_test_fork (arm_and_end, NULL));
  waiter = waiter_new (&shared->objects[0]);
  waiter_arm (&waiter);
  g_assert_cmpuint (atomic_load (&shared->objects[0].bell.gate) & MP_BELL_MANY, ==, 0);
  change (&shared->objects[0]);
  waiter_hear (&waiter);
  waiter_clear (&waiter);
}

static void
use_parents_doorbell (gpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_doorbell_arm (data, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FORKED);
  mp_doorbell_disarm (data);
  mp_doorbell_free (data);
  arm_and_hear (NULL);
}

static void
test_forked (void)
{
  Waiter waiter;
  pid_t pid;

  set_up ();
  waiter = waiter_new (&shared->objects[0]);
  waiter_arm (&waiter);
  pid = mp_test_fork (use_parents_doorbell, waiter.doorbell);
  mp_test_wait_word (&shared->n_armed, 1);
  change (&shared->objects[0]);
  waiter_hear (&waiter);
  mp_test_set_word (&shared->command, 1);
  mp_test_join (pid);
  waiter_clear (&waiter);
}

static void
produce (gpointer data)
{
  for (guint i = 0; i < N_RECORDS; i++)
    change (data);
}

static gpointer
produce_in_thread (gpointer data)
{
  produce (data);
  return NULL;
}

/* Arms, looks, sleeps, as fast as it can beside producers: nothing is missed. */
static void
test_race (void)
{
  Object *object;
  Waiter waiter;
  GThread *threads[2];
  pid_t pid;
  guint64 n_rings = 0;

  set_up ();
  object = &shared->objects[0];
  waiter = waiter_new (object);
  pid = mp_test_fork (produce, object);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("produce", produce_in_thread, object);

  for (guint32 seen = 0; seen < 3 * N_RECORDS; seen = atomic_load (&object->value))
    {
      waiter_arm (&waiter);
      if (atomic_load (&object->value) == seen)
        n_rings += waiter_hear (&waiter);
    }

  mp_test_join (pid);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  waiter_clear (&waiter);
  g_test_message ("%" G_GUINT64_FORMAT " rings", n_rings);
}

static void
ignore (gpointer unused)
{
}

static void
arm_for (MpTable *other)
{
  MpDoorbell *doorbell = mp_doorbell_new (other, &shared->objects[1].bell, ignore, NULL, NULL);

  g_assert_nonnull (doorbell);
  g_assert_true (mp_doorbell_arm (doorbell, NULL));
  mp_participant_broadcast (table);
  mp_doorbell_free (doorbell);
}

/* One that belonged to a table that another thread mp-watch looks after is used again while this one looks at all. */
static void
test_other_watch (void)
{
  MpTable *others[MP_SELF_TABLES_A_WATCH];
  Waiter waiter;

  set_up ();
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    others[i] = mp_table_new (NULL);
  waiter = waiter_new (&shared->objects[0]);

  for (guint i = 0; i < 1000; i++)
    {
      waiter_arm (&waiter);
      arm_for (others[G_N_ELEMENTS (others) - 1 - i % 2]);
      waiter_hear (&waiter);
    }

  waiter_clear (&waiter);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    mp_table_unref (others[i]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doorbell/once-an-idle-period", test_once_an_idle_period);
  g_test_add_func ("/doorbell/many-processes", test_many_processes);
  g_test_add_func ("/doorbell/many-objects", test_many_objects);
  g_test_add_func ("/doorbell/death-rings", test_death_rings);
  g_test_add_func ("/doorbell/dead-waiters", test_dead_waiters);
  g_test_add_func ("/doorbell/forked", test_forked);
  g_test_add_func ("/doorbell/race", test_race);
  g_test_add_func ("/doorbell/other-watch", test_other_watch);
  return g_test_run ();
}
