/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A pump that has work without end: its lock is to be had nevertheless, and each of its descriptors has its turn. */

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-fair-lock-private.h"
#include "mp-pump-private.h"
#include "mp-test.h"

/* What a handler has to do, in µs: more than it takes to wake a thread. */
#define WORK 300

static void
work (void)
{
  gint64 end = g_get_monotonic_time () + WORK;

  while (g_get_monotonic_time () < end)
    ;
}

static void
take_all (int fd)
{
  guint64 count;

  mp_test_poll (fd, POLLIN);
  g_assert_cmpint (read (fd, &count, sizeof count), ==, sizeof count);
}

static void
ring (int fd)
{
  guint64 one = 1;

  g_assert_cmpint (write (fd, &one, sizeof one), ==, sizeof one);
}

/* --- One that is ready all the time ----------------------------------------------------- */

typedef struct
{
  MpPump *pump;
  MpPumpSource *source;
  int ready_fd;   /* for ever */
  int ran_fd;     /* tells of each run */
  int n_runs;     /* atomic */
  guint n_pending;     /* posts or timers, with the pump's lock */
  gboolean is_ending;  /* likewise: they do not come again */
} Busy;

static void
on_ready (guint32  events,
          gpointer data)
{
  Busy *self = data;

  g_atomic_int_inc (&self->n_runs);
  ring (self->ran_fd);
  work ();
}

static void
busy_begin (Busy *self)
{
  self->pump = mp_pump_new ("a busy pump");
  self->ready_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK);
  self->ran_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->n_runs = 0;
  self->n_pending = 0;
  self->is_ending = FALSE;
  mp_pump_lock (self->pump);
  self->source = mp_pump_add_fd_locked (self->pump, self->ready_fd, EPOLLIN, on_ready, self, NULL);
  g_assert_nonnull (self->source);
  mp_pump_unlock (self->pump);
}

static void
busy_end (Busy *self)
{
  mp_pump_lock (self->pump);
  mp_pump_remove_fd_locked (self->pump, self->source);
  mp_pump_unlock (self->pump);
  mp_pump_unref (self->pump);
  close (self->ready_fd);
  close (self->ran_fd);
}

static int
compare_ints (const void *a,
              const void *b)
{
  return *(const int *) a - *(const int *) b;
}

#define N_TIMES 41

/* Amid a run, which there is most of the time: how many more begin before it has the lock. */
static int
count_runs_before_lock (Busy *self)
{
  int before, after;

  take_all (self->ran_fd);
  before = g_atomic_int_get (&self->n_runs);
  mp_pump_lock (self->pump);
  after = g_atomic_int_get (&self->n_runs);
  mp_pump_unlock (self->pump);
  return after - before;
}

/* Half of the times, for this thread may be stopped before it says that it wants the lock. */
static void
check_lock_is_had (Busy *self)
{
  int n_more[N_TIMES];

  for (guint i = 0; i < N_TIMES; i++)
    n_more[i] = count_runs_before_lock (self);
  qsort (n_more, N_TIMES, sizeof n_more[0], compare_ints);
  g_test_message ("runs before the lock was had: median %d, most %d", n_more[N_TIMES / 2], n_more[N_TIMES - 1]);
  g_assert_cmpint (n_more[N_TIMES / 2], <=, 3);
}

static void
test_engine (void)
{
  Busy busy;

  busy_begin (&busy);
  check_lock_is_had (&busy);
  busy_end (&busy);
}

static gboolean
is_over (gpointer data)
{
  return *(gboolean *) data;
}

typedef struct
{
  MpPump *pump;
  gboolean is_over;  /* with the pump's lock */
} Led;

static gpointer
lead (gpointer data)
{
  Led *self = data;

  mp_pump_lock (self->pump);
  g_assert_true (mp_pump_wait_locked (self->pump, is_over, &self->is_over, mp_deadline_from_timeout (MP_TEST_DEADLINE),
                                      NULL, NULL));
  mp_pump_unlock (self->pump);
  return NULL;
}

/* Likewise where not the engine serves, but somebody who waits. */
static void
test_leader (void)
{
  Busy busy;
  Led led;
  GThread *leader;

  busy_begin (&busy);
  led = (Led) { busy.pump, FALSE };
  leader = g_thread_new ("leader", lead, &led);
  check_lock_is_had (&busy);
  mp_pump_lock (busy.pump);
  led.is_over = TRUE;
  mp_pump_changed_locked (busy.pump);
  mp_pump_unlock (busy.pump);
  g_thread_join (leader);
  busy_end (&busy);
}

/* --- Posts and timers without end --------------------------------------------------------- */

static gboolean
has_none_pending (gpointer data)
{
  return ((Busy *) data)->n_pending == 0;
}

static void
end_pending (Busy *self)
{
  mp_pump_lock (self->pump);
  self->is_ending = TRUE;
  g_assert_true (mp_pump_wait_locked (self->pump, has_none_pending, self, mp_deadline_from_timeout (MP_TEST_DEADLINE),
                                      NULL, NULL));
  mp_pump_unlock (self->pump);
}

static void
post_again (gpointer data)
{
  Busy *self = data;

  if (self->is_ending)
    {
      self->n_pending--;
      return;
    }

  on_ready (0, self);
  mp_pump_post (self->pump, post_again, self);
}

static void
on_other (guint32  events,
          gpointer data)
{
  ring (*(int *) data);
}

/* Who posts itself again keeps neither those that want the lock, nor descriptors. */
static void
test_posts (void)
{
  int other_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK), done_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  MpPumpSource *other;
  Busy busy;

  busy_begin (&busy);
  mp_pump_lock (busy.pump);
  mp_pump_set_events_locked (busy.pump, busy.source, 0);
  busy.n_pending = 1;
  mp_pump_post (busy.pump, post_again, &busy);
  mp_pump_unlock (busy.pump);
  check_lock_is_had (&busy);

  mp_pump_lock (busy.pump);
  other = mp_pump_add_fd_locked (busy.pump, other_fd, EPOLLIN, on_other, &done_fd, NULL);
  mp_pump_unlock (busy.pump);
  take_all (done_fd);

  mp_pump_lock (busy.pump);
  mp_pump_remove_fd_locked (busy.pump, other);
  mp_pump_unlock (busy.pump);
  end_pending (&busy);
  busy_end (&busy);
  close (other_fd);
  close (done_fd);
}

#define N_TIMERS 200

static void
on_timer (guint32  events,
          gpointer data)
{
  Busy *self = data;

  if (self->is_ending)
    {
      self->n_pending--;
      return;
    }

  on_ready (0, self);
  mp_pump_add_timer_locked (self->pump, g_get_monotonic_time (), on_timer, self);
}

/* Many that are due at the same time. */
static void
test_timers (void)
{
  Busy busy;

  busy_begin (&busy);
  mp_pump_lock (busy.pump);
  mp_pump_set_events_locked (busy.pump, busy.source, 0);
  busy.n_pending = N_TIMERS;
  for (guint i = 0; i < N_TIMERS; i++)
    mp_pump_add_timer_locked (busy.pump, g_get_monotonic_time (), on_timer, &busy);
  mp_pump_unlock (busy.pump);
  check_lock_is_had (&busy);
  end_pending (&busy);
  busy_end (&busy);
}

/* --- Each in turn ------------------------------------------------------------------------- */

#define N_SOURCES 64
#define N_TURNS   3
#define N_WANTING 3

typedef struct
{
  MpPump *pump;
  int done_fd;
  int n_left;        /* that have not had all turns */
  int n_coming;      /* atomic: that want the lock */
  int n_holds;       /* atomic: times that one of those has had it */
  gboolean is_over;  /* atomic */
} Crowd;

typedef struct
{
  Crowd *crowd;
  MpPumpSource *source;
  int fd;            /* ready for ever */
  guint n_turns;
} Member;

static void
on_turn (guint32  events,
         gpointer data)
{
  Member *self = data;

  work ();
  if (++self->n_turns == N_TURNS && --self->crowd->n_left == 0)
    ring (self->crowd->done_fd);
}

static gpointer
want_lock (gpointer data)
{
  Crowd *crowd = data;

  while (!g_atomic_int_get (&crowd->is_over))
    {
      mp_pump_lock (crowd->pump);
      mp_pump_unlock (crowd->pump);
    }
  return NULL;
}

/* Who gives way begins anew with those whose turn it is. */
static void
test_each_in_turn (void)
{
  Crowd crowd = { mp_pump_new ("a pump of many"), eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), N_SOURCES, 0, 0, FALSE };
  GThread *threads[N_WANTING];
  Member members[N_SOURCES];

  mp_pump_lock (crowd.pump);
  for (guint i = 0; i < N_SOURCES; i++)
    {
      members[i] = (Member) { &crowd, NULL, eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK), 0 };
      members[i].source = mp_pump_add_fd_locked (crowd.pump, members[i].fd, EPOLLIN, on_turn, &members[i], NULL);
    }
  mp_pump_unlock (crowd.pump);

  for (guint i = 0; i < N_WANTING; i++)
    threads[i] = g_thread_new ("wants", want_lock, &crowd);
  take_all (crowd.done_fd);
  g_atomic_int_set (&crowd.is_over, TRUE);
  for (guint i = 0; i < N_WANTING; i++)
    g_thread_join (threads[i]);

  mp_pump_lock (crowd.pump);
  for (guint i = 0; i < N_SOURCES; i++)
    mp_pump_remove_fd_locked (crowd.pump, members[i].source);
  mp_pump_unlock (crowd.pump);
  for (guint i = 0; i < N_SOURCES; i++)
    close (members[i].fd);
  mp_pump_unref (crowd.pump);
  close (crowd.done_fd);
}

/* --- One that comes again ----------------------------------------------------------------- */

typedef struct
{
  MpFairLock lock;
  guint n_had;     /* with the lock */
} Line;

static gpointer
want_once (gpointer data)
{
  Line *self = data;

  mp_fair_lock_acquire (&self->lock);
  self->n_had++;
  mp_fair_lock_release (&self->lock);
  return NULL;
}

/* Returns: whether somebody who waits has it before this thread, which had it, has it again. */
static gboolean
is_behind (Line *self)
{
  guint n_before;
  gboolean is_had;
  GThread *other;

  mp_fair_lock_acquire (&self->lock);
  n_before = self->n_had;
  other = g_thread_new ("wants", want_once, self);
  while (!mp_fair_lock_is_wanted (&self->lock))
    g_thread_yield ();
  mp_fair_lock_release (&self->lock);
  mp_fair_lock_acquire (&self->lock);
  is_had = self->n_had > n_before;
  mp_fair_lock_release (&self->lock);
  g_thread_join (other);
  return is_had;
}

/* Not only the worker.  Half of the times, for the other one may be stopped on its way. */
static void
test_comes_again (void)
{
  Line line = { .n_had = 0 };
  guint n_behind = 0;

  mp_fair_lock_init (&line.lock);
  for (guint i = 0; i < N_TIMES; i++)
    n_behind += is_behind (&line) ? 1 : 0;
  g_test_message ("behind the one that waited: %u of %d times", n_behind, N_TIMES);
  g_assert_cmpuint (n_behind, >, N_TIMES / 2);
  mp_fair_lock_clear (&line.lock);
}

/* --- Timers among those that want the lock ------------------------------------------------ */

/* Each lets go when another one wants it: so there is always one. */
static gpointer
hand_on_lock (gpointer data)
{
  Crowd *crowd = data;

  while (!g_atomic_int_get (&crowd->is_over))
    {
      g_atomic_int_inc (&crowd->n_coming);
      mp_pump_lock (crowd->pump);
      g_atomic_int_add (&crowd->n_coming, -1);
      g_atomic_int_inc (&crowd->n_holds);
      work ();
      while (g_atomic_int_get (&crowd->n_coming) == 0 && !g_atomic_int_get (&crowd->is_over))
        g_thread_yield ();
      mp_pump_unlock (crowd->pump);
    }
  return NULL;
}

/* Before a timer, on the average: those that are quicker than the one that serves, and was woken for it */
#define MOST_HOLDS 50

static void
on_due (guint32  events,
        gpointer data)
{
  ring (*(int *) data);
}

/* How often others have the lock before it runs, although it is due. */
static int
count_holds_before_timer (Crowd *crowd)
{
  int before;

  mp_pump_lock (crowd->pump);
  before = g_atomic_int_get (&crowd->n_holds);
  mp_pump_add_timer_locked (crowd->pump, g_get_monotonic_time (), on_due, &crowd->done_fd);
  mp_pump_unlock (crowd->pump);
  take_all (crowd->done_fd);
  return g_atomic_int_get (&crowd->n_holds) - before;
}

/* Somebody wants the lock whenever they are due: they have their turn. */
static void
test_timers_in_turn (void)
{
  Crowd crowd = { mp_pump_new ("a pump that is wanted"), eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), 0, 0, 0, FALSE };
  GThread *threads[N_WANTING];
  int n_holds = 0;

  g_assert_true (mp_pump_open (crowd.pump, NULL));
  for (guint i = 0; i < N_WANTING; i++)
    threads[i] = g_thread_new ("wants", hand_on_lock, &crowd);
  for (guint i = 0; i < N_TIMES; i++)
    n_holds += count_holds_before_timer (&crowd);
  g_atomic_int_set (&crowd.is_over, TRUE);
  for (guint i = 0; i < N_WANTING; i++)
    g_thread_join (threads[i]);

  g_test_message ("others had the lock %d times before %d timers", n_holds, N_TIMES);
  g_assert_cmpint (n_holds, <=, MOST_HOLDS * N_TIMES);
  mp_pump_unref (crowd.pump);
  close (crowd.done_fd);
}

/* --- Forks -------------------------------------------------------------------------------- */

#define N_FORKS 200

typedef struct
{
  MpFairLock lock;
  gboolean is_over;  /* atomic */
} Shared;

static gpointer
use_lock (gpointer data)
{
  Shared *self = data;

  while (!g_atomic_int_get (&self->is_over))
    {
      mp_fair_lock_acquire (&self->lock);
      mp_fair_lock_release (&self->lock);
      mp_fair_lock_take_turn (&self->lock);
      mp_fair_lock_release (&self->lock);
    }
  return NULL;
}

static void
fork_once (Shared *self)
{
  int status;
  pid_t pid;

  mp_fair_lock_before_fork (&self->lock);
  pid = fork ();
  mp_fair_lock_after_fork (&self->lock);
  if (pid == 0)
    {
      alarm ((guint) MP_TEST_DEADLINE);
      mp_fair_lock_take_turn (&self->lock);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

/* The child can have it, whoever was on the way to it. */
static void
test_forks (void)
{
  GThread *threads[N_WANTING];
  Shared shared = { .is_over = FALSE };

  mp_fair_lock_init (&shared.lock);
  for (guint i = 0; i < N_WANTING; i++)
    threads[i] = g_thread_new ("uses", use_lock, &shared);
  for (guint i = 0; i < N_FORKS; i++)
    fork_once (&shared);
  g_atomic_int_set (&shared.is_over, TRUE);
  for (guint i = 0; i < N_WANTING; i++)
    g_thread_join (threads[i]);
  mp_fair_lock_clear (&shared.lock);
}

/* The engine stays. */
static void
warm_up (void)
{
  g_autoptr (MpPump) pump = mp_pump_new ("a test's first pump");

  g_assert_true (mp_pump_open (pump, NULL));
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/pump-fairness/engine", test_engine);
  mp_test_add ("/pump-fairness/leader", test_leader);
  mp_test_add ("/pump-fairness/posts", test_posts);
  mp_test_add ("/pump-fairness/timers", test_timers);
  mp_test_add ("/pump-fairness/each-in-turn", test_each_in_turn);
  mp_test_add ("/pump-fairness/comes-again", test_comes_again);
  mp_test_add ("/pump-fairness/timers-in-turn", test_timers_in_turn);
  mp_test_add ("/pump-fairness/forks", test_forks);

  return g_test_run ();
}
