/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who arms the bell of a ring and looks, at the same moment as somebody commits, sees that or hears of it.
 *
 * What the processors make of two stores and two loads is in no state table, and no debugger shows it; so the two meet
 * again and again, each a little later than the last time.
 */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-doorbell-private.h"
#include "mp-participant-private.h"
#include "mp-ring-end-private.h"
#include "mp-test.h"
#include "mp-test-process.h"
#include "mp-test-ring.h"

#define CAPACITY   64
#define CHUNK_BITS 7
#define N_DELAYS   61   /* of the one; the other has another number, so that all pairs come */

typedef struct
{
  MpRingLayout ring;
  MpAtomic32   round;   /* that the other process is to do */
} Shared;

static MpTable *table;
static Shared *shared;
static MpRing ring;
static MpTestRing test_ring;

static guint
get_n_rounds (void)
{
  return g_getenv ("MP_TEST_LONG") != NULL ? 1000000 : 20000;
}

static void
relax (guint n)
{
  while (n-- > 0)
    mp_cpu_relax ();
}

/* One record fills it. */
static gboolean
put_one (void)
{
  guint8 bytes[CAPACITY - MP_RING_HEAD] = { 0 };
  MpRingRecord record = { bytes, sizeof bytes, 0 };
  guint n_put;

  return mp_ring_put (&ring, mp_participant_get_me (table), &record, 1, &n_put, MP_WAIT_ENDS_NOW, NULL) == MP_RING_DONE;
}

static gboolean
take_one (void)
{
  guint8 bytes[CAPACITY];
  MpRingRecord record;
  MpRingHaul haul = { bytes, sizeof bytes, &record, 1 };

  return mp_ring_take (&ring, mp_participant_get_me (table), &haul, MP_WAIT_ENDS_NOW, NULL) == MP_RING_DONE;
}

/* --- The other ------------------------------------------------------------ */

typedef gboolean (*Act) (void);

typedef struct
{
  Act        act;     /* of the other */
  gboolean (*is_done) (void);
  Act        answer;
  MpRingEnd *end;     /* of the other */
} Meeting;

static void
await_round (guint32 round)
{
  for (guint n = 1; atomic_load (&shared->round) != round; n++)
    if (n % 64 == 0)
      sched_yield ();
    else
      mp_cpu_relax ();
}

static void
act_when_told (gpointer data)
{
  const Meeting *meeting = data;

  mp_participant_enter (table, NULL);
  for (guint32 i = 1; i <= get_n_rounds (); i++)
    {
      await_round (i);
      relax (i % (N_DELAYS + 2));
      g_assert_true (meeting->act ());
    }
}

/* --- This one ------------------------------------------------------------- */

/* On the thread mp-watch. */
static void
hear (gpointer fd)
{
  guint64 one = 1;

  if (write (GPOINTER_TO_INT (fd), &one, sizeof one) < 0)
    abort ();
}

static void
forget_heard (int fd)
{
  guint64 n;

  g_assert_true (read (fd, &n, sizeof n) == sizeof n || errno == EAGAIN);
}

/* As a main loop.  What it hears may be of the last round, and then it has to look again. */
static void
await_answer (const Meeting *meeting,
              MpDoorbell    *ear,
              int            fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

  for (;;)
    {
      forget_heard (fd);
      g_assert_true (mp_doorbell_arm (ear, NULL));
      if (meeting->is_done ())
        break;

      g_assert_cmpint (poll (&poll_fd, 1, (int) (MP_TEST_DEADLINE * 1000)), ==, 1);
    }

  g_assert_true (meeting->answer ());
}

static gboolean
has_record (void)
{
  return mp_ring_count (&ring) > 0;
}

static gboolean
has_room (void)
{
  return mp_ring_has_room (&ring, CAPACITY);
}

static void
meet (const Meeting *meeting)
{
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  pid_t other = mp_test_fork (act_when_told, (gpointer) meeting);
  MpDoorbell *ear = mp_doorbell_new (table, &meeting->end->bell, hear, GINT_TO_POINTER (fd), NULL);

  for (guint32 i = 1; i <= get_n_rounds (); i++)
    {
      atomic_store (&shared->round, i);
      relax (i % N_DELAYS);
      await_answer (meeting, ear, fd);
    }

  mp_test_join (other);
  mp_doorbell_free (ear);
  close (fd);
}

static void
set_up (void)
{
  shared = mp_test_share (sizeof *shared);
  mp_test_ring_new (&test_ring, &shared->ring, CAPACITY, 100, CHUNK_BITS, 0);
  table = test_ring.table;
  mp_test_ring_open (&test_ring, &ring, &shared->ring);
}

static void
tear_down (void)
{
  g_assert_true (mp_test_ring_is_sound (&ring));
  mp_test_ring_free (&test_ring);
  munmap (shared, sizeof *shared);
}

static void
test_record (void)
{
  set_up ();
  meet (&(Meeting) { put_one, has_record, take_one, &ring.layout->put });
  tear_down ();
}

static void
test_room (void)
{
  set_up ();
  g_assert_true (mp_participant_enter (table, NULL) != 0 && put_one ());
  meet (&(Meeting) { take_one, has_room, put_one, &ring.layout->take });
  tear_down ();
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/ring-bell/record", test_record);
  g_test_add_func ("/ring-bell/room", test_room);
  return g_test_run ();
}
