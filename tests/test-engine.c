/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-courtesy-private.h"
#include "mp-engine-private.h"
#include "mp-error.h"
#include "mp-interruptible.h"
#include "mp-origin-private.h"
#include "mp-outbox-private.h"
#include "mp-waiters-private.h"

/* A wait that fails to end fails the test instead of hanging it */
#define SOON (mp_deadline_from_timeout (20))

typedef struct {
  MpPump *pump;
  MpPumpSource *source;
  int fd;
  int n_events;
  int n_jobs;
  gboolean on_engine;
  GThread *served_by;
} Fixture;

static void
on_event (guint32  events,
          gpointer data)
{
  Fixture *f = data;
  guint64 count;

  g_assert_cmpint (read (f->fd, &count, sizeof count), ==, sizeof count);
  f->n_events++;
  f->on_engine = mp_engine_is_current ();
}

static gboolean
has_event (gpointer data)
{
  return ((Fixture *) data)->n_events > 0;
}

static gboolean
never (gpointer data)
{
  return FALSE;
}

static void
set_up (Fixture       *f,
        gconstpointer  unused)
{
  f->pump = mp_pump_new ("a test's pump");
  f->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  mp_pump_lock (f->pump);
  f->source = mp_pump_add_fd_locked (f->pump, f->fd, EPOLLIN, on_event, f, NULL);
  g_assert_nonnull (f->source);
  mp_pump_unlock (f->pump);
}

static void
tear_down (Fixture       *f,
           gconstpointer  unused)
{
  mp_pump_lock (f->pump);
  mp_pump_remove_fd_locked (f->pump, f->source);
  mp_pump_unlock (f->pump);
  close (f->fd);
  mp_pump_unref (f->pump);
}

static void
ring (Fixture *f)
{
  guint64 one = 1;

  g_assert_cmpint (write (f->fd, &one, sizeof one), ==, sizeof one);
}

static gpointer
ring_thread (gpointer data)
{
  ring (data);
  return NULL;
}

static void
test_leader (Fixture       *f,
             gconstpointer  unused)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A thread that waits serves the pump itself");
  for (int i = 0; i < 100; i++)
    {
      g_autoptr (GThread) thread = NULL;

      mp_pump_lock (f->pump);
      f->n_events = 0;
      thread = g_thread_ref (g_thread_new ("ring", ring_thread, f));
      g_assert_true (mp_pump_wait_locked (f->pump, has_event, f, SOON, NULL, &error));
      g_assert_no_error (error);
      mp_pump_unlock (f->pump);
      g_thread_join (thread);
    }
}

/* Waits for the engine to do something, by the pump's own means but from outside: a second pump leads */
static void
job (gpointer data)
{
  Fixture *f = data;

  f->n_jobs++;
  f->on_engine = mp_engine_is_current ();
}

static void
open_gate (gpointer data)
{
  guint64 one = 1;

  g_assert_cmpint (write (GPOINTER_TO_INT (data), &one, sizeof one), ==, sizeof one);
}

static void
test_engine_serves (Fixture       *f,
                    gconstpointer  unused)
{
  int done = eventfd (0, EFD_CLOEXEC);
  guint64 count;

  g_test_summary ("What nobody waits for is served by mp-engine");
  mp_pump_post (f->pump, job, f);
  mp_pump_post (f->pump, open_gate, GINT_TO_POINTER (done));
  g_assert_cmpint (read (done, &count, sizeof count), ==, sizeof count);
  mp_pump_lock (f->pump);
  g_assert_cmpint (f->n_jobs, ==, 1);
  g_assert_true (f->on_engine);
  mp_pump_unlock (f->pump);
  close (done);
}

static void
test_deadlines (Fixture       *f,
                gconstpointer  unused)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A wait ends with its time, and one look sees what is there");
  mp_pump_lock (f->pump);
  g_assert_false (mp_pump_wait_locked (f->pump, has_event, f, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_false (mp_pump_wait_locked (f->pump, has_event, f, mp_deadline_from_timeout (0.01), NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  ring (f);
  g_assert_true (mp_pump_wait_locked (f->pump, has_event, f, 0, NULL, &error));
  g_assert_no_error (error);
  mp_pump_unlock (f->pump);
}

typedef struct {
  GString *order;
  char name;
} Mark;

static void
on_mark (guint32  events,
         gpointer data)
{
  Mark *mark = data;

  g_string_append_c (mark->order, mark->name);
}

static gboolean
three_marks (gpointer data)
{
  return ((GString *) data)->len == 3;
}

static void
test_timers (Fixture       *f,
             gconstpointer  unused)
{
  g_autoptr (GString) order = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  Mark marks[] = { { order, 'c' }, { order, 'a' }, { order, 'b' }, { order, 'x' } };
  gint64 now = g_get_monotonic_time ();
  MpPumpTimer *removed;

  g_test_summary ("Timers go off in the order of their deadlines, removed ones do not");
  mp_pump_lock (f->pump);
  mp_pump_add_timer_locked (f->pump, now + 6000, on_mark, &marks[0]);
  mp_pump_add_timer_locked (f->pump, now + 2000, on_mark, &marks[1]);
  mp_pump_add_timer_locked (f->pump, now + 4000, on_mark, &marks[2]);
  removed = mp_pump_add_timer_locked (f->pump, now + 1000, on_mark, &marks[3]);
  mp_pump_remove_timer_locked (f->pump, removed);
  g_assert_true (mp_pump_wait_locked (f->pump, three_marks, order, SOON, NULL, &error));
  g_assert_no_error (error);
  mp_pump_unlock (f->pump);
  g_assert_cmpstr (order->str, ==, "abc");
}

static gpointer
wait_cancellable (gpointer data)
{
  gpointer *arguments = data;
  Fixture *f = arguments[0];
  g_autoptr (GError) error = NULL;

  mp_pump_lock (f->pump);
  g_assert_false (mp_pump_wait_locked (f->pump, never, f, SOON, arguments[1], &error));
  mp_pump_unlock (f->pump);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  return NULL;
}

static void
test_cancel (Fixture       *f,
             gconstpointer  unused)
{
  g_test_summary ("Cancelling ends the wait of leader and followers, at any moment");
  for (int i = 0; i < 200; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      gpointer arguments[] = { f, cancellable };
      GThread *threads[3];

      for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
        threads[t] = g_thread_new ("wait", wait_cancellable, arguments);
      g_cancellable_cancel (cancellable);
      for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
        g_thread_join (threads[t]);
    }
}

static gpointer
wait_event (gpointer data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;

  mp_pump_lock (f->pump);
  g_assert_true (mp_pump_wait_locked (f->pump, has_event, f, SOON, NULL, &error));
  g_assert_no_error (error);
  mp_pump_unlock (f->pump);
  return NULL;
}

static void
test_followers (Fixture       *f,
                gconstpointer  unused)
{
  g_test_summary ("However many wait, all see it; the lead is handed on");
  for (int i = 0; i < 200; i++)
    {
      GThread *threads[4];

      f->n_events = 0;
      for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
        threads[t] = g_thread_new ("wait", wait_event, f);
      ring (f);
      for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
        g_thread_join (threads[t]);
    }
}

static void
on_signal (int number)
{
}

static gpointer
interrupt (gpointer data)
{
  gpointer *arguments = data;
  pthread_t victim = *(pthread_t *) arguments[0];

  while (!g_atomic_int_get ((int *) arguments[1]))
    {
      pthread_kill (victim, SIGUSR1);
      g_thread_yield ();
    }
  return NULL;
}

static void
test_interrupted (Fixture       *f,
                  gconstpointer  unused)
{
  struct sigaction action = { .sa_handler = on_signal }, saved;
  pthread_t self = pthread_self ();
  int over = FALSE;
  gpointer arguments[] = { &self, &over };
  g_autoptr (GError) error = NULL;
  GThread *thread;

  g_test_summary ("A signal ends a wait where that was asked for, and nowhere else");
  sigaction (SIGUSR1, &action, &saved);
  thread = g_thread_new ("signal", interrupt, arguments);

  mp_pump_lock (f->pump);
  g_assert_false (mp_pump_wait_locked (f->pump, never, f, mp_deadline_from_timeout (0.05), NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_thread_set_interruptible (TRUE);
  g_assert_false (mp_pump_wait_locked (f->pump, never, f, SOON, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
  mp_thread_set_interruptible (FALSE);
  mp_pump_unlock (f->pump);

  g_atomic_int_set (&over, TRUE);
  g_thread_join (thread);
  sigaction (SIGUSR1, &saved, NULL);
}

static pthread_t handled_on;
static int n_handled;

static void
on_claimed_signal (int number)
{
  handled_on = pthread_self ();
  g_atomic_int_inc (&n_handled);
}

static void
on_claimed_signal_with_info (int        number,
                             siginfo_t *info,
                             void      *context)
{
  g_assert_cmpint (info->si_signo, ==, number);
  on_claimed_signal (number);
}

/* Not for one alone. */
static gboolean
is_pending_for_any_thread (int number)
{
  g_autofree char *status = NULL;
  const char *line;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, "\nShdPnd:");
  g_assert_nonnull (line);
  return (g_ascii_strtoull (line + strlen ("\nShdPnd:\t"), NULL, 16) >> (number - 1)) & 1;
}

static gpointer
stand_by (gpointer lock)
{
  g_mutex_lock (lock);
  g_mutex_unlock (lock);
  return NULL;
}

static void
test_claimed (Fixture       *f,
              gconstpointer  unused)
{
  struct sigaction plain = { .sa_handler = on_claimed_signal };
  struct sigaction with_info = { .sa_sigaction = on_claimed_signal_with_info, .sa_flags = SA_SIGINFO };
  struct sigaction saved, now;
  sigset_t usr1, saved_mask;
  GThread *bystander;
  GMutex lock;

  g_test_summary ("A signal that the kernel gives to another thread ends the wait of the one that claimed it");
#ifdef __SANITIZE_THREAD__
  g_test_skip ("under the thread sanitizer a thread that sleeps in GLib keeps its signals to itself");
  return;
#endif
  sigaction (SIGUSR1, NULL, &saved);
  g_mutex_init (&lock);
  g_mutex_lock (&lock);
  bystander = g_thread_new ("bystander", stand_by, &lock);
  mp_thread_set_interruptible (TRUE);
  sigemptyset (&usr1);
  sigaddset (&usr1, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &usr1, &saved_mask);

  for (int i = 0; i < 100; i++)
    {
      g_autoptr (GError) error = NULL;

      if (i % 10 == 0)
        sigaction (SIGUSR1, i % 20 == 0 ? &plain : &with_info, NULL);
      g_atomic_int_set (&n_handled, 0);
      mp_thread_claim_signals ();
      kill (getpid (), SIGUSR1); /* blocked here: the bystander gets it */
      while (is_pending_for_any_thread (SIGUSR1))
        g_thread_yield ();
      mp_pump_lock (f->pump);
      g_assert_false (mp_pump_wait_locked (f->pump, never, f, SOON, NULL, &error));
      mp_pump_unlock (f->pump);
      g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
      g_assert_cmpint (g_atomic_int_get (&n_handled), ==, 1);
      g_assert_true (pthread_equal (handled_on, pthread_self ()));
      mp_thread_release_signals ();
      sigaction (SIGUSR1, NULL, &now);
      g_assert_true (i / 10 % 2 == 0 ? now.sa_handler == on_claimed_signal
                                     : now.sa_sigaction == on_claimed_signal_with_info);
    }

  mp_thread_claim_signals ();
  sigaction (SIGUSR1, &plain, NULL);
  mp_thread_release_signals ();
  sigaction (SIGUSR1, NULL, &now);
  g_assert_true (now.sa_handler == on_claimed_signal);

  pthread_sigmask (SIG_SETMASK, &saved_mask, NULL);
  mp_thread_set_interruptible (FALSE);
  g_mutex_unlock (&lock);
  g_thread_join (bystander);
  g_mutex_clear (&lock);
  sigaction (SIGUSR1, &saved, NULL);
}

/* --- cancelling by handlers that wait --------------------------------------------------------------------- */

typedef struct {
  Fixture *f;
  GCancellable *cancellable;
  GThread *threads[3];
  GMutex lock;
  GCond look;
  guint n_looks;
} Joined;

/* The first look of a wait is before it knows of the cancellable, the second behind that */
static gboolean
never_but_looked (gpointer data)
{
  Joined *joined = data;

  g_mutex_lock (&joined->lock);
  joined->n_looks++;
  g_cond_signal (&joined->look);
  g_mutex_unlock (&joined->lock);
  return FALSE;
}

static gpointer
wait_to_be_joined (gpointer data)
{
  Joined *joined = data;
  GError *error = NULL;

  mp_pump_lock (joined->f->pump);
  g_assert_false (mp_pump_wait_locked (joined->f->pump, never_but_looked, joined, SOON, joined->cancellable, &error));
  mp_pump_unlock (joined->f->pump);
  return error;
}

static void
join_all (GCancellable *cancellable,
          gpointer      data)
{
  Joined *joined = data;

  mp_pump_lock (joined->f->pump);
  mp_pump_unlock (joined->f->pump);
  for (guint i = 0; i < G_N_ELEMENTS (joined->threads); i++)
    {
      g_autoptr (GError) error = g_thread_join (joined->threads[i]);

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
}

static void
check_joined (Fixture  *f,
              gboolean  is_connected_before)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Joined joined = { f, cancellable };

  g_mutex_init (&joined.lock);
  g_cond_init (&joined.look);
  alarm (20);
  if (is_connected_before)
    g_cancellable_connect (cancellable, G_CALLBACK (join_all), &joined, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (joined.threads); i++)
    joined.threads[i] = g_thread_new ("wait", wait_to_be_joined, &joined);
  g_mutex_lock (&joined.lock);
  while (joined.n_looks < 2 * G_N_ELEMENTS (joined.threads))
    g_cond_wait (&joined.look, &joined.lock);
  g_mutex_unlock (&joined.lock);

  if (!is_connected_before)
    g_cancellable_connect (cancellable, G_CALLBACK (join_all), &joined, NULL);
  g_cancellable_cancel (cancellable);
  alarm (0);
  g_mutex_clear (&joined.lock);
  g_cond_clear (&joined.look);
}

static void
test_joined (Fixture       *f,
             gconstpointer  unused)
{
  g_test_summary ("Who cancels may wait in a handler of its own for the threads whose waits that ends");
  check_joined (f, FALSE);
}

static void
test_joined_before (Fixture       *f,
                    gconstpointer  unused)
{
  g_test_summary ("The same in a handler that was connected before the waits began");
  check_joined (f, TRUE);
}

/* --- waiters ---------------------------------------------------------------------------------------------- */

typedef struct
{
  gboolean is_over;
  int n_ends;
  GError *last;
} Waited;

static gboolean
waited_is_over (gpointer   data,
                GError   **error)
{
  return ((Waited *) data)->is_over;
}

static void
on_waited (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Waited *waited = data;

  g_clear_error (&waited->last);
  waited->n_ends++;
  g_task_propagate_boolean (G_TASK (result), &waited->last);
}

static void
add_waiter (Fixture      *f,
            MpWaiters    *waiters,
            Waited       *waited,
            gint64        deadline,
            GCancellable *cancellable)
{
  mp_pump_lock (f->pump);
  mp_waiters_add_locked (waiters, g_task_new (NULL, cancellable, on_waited, waited), deadline,
                         waited_is_over, waited);
  mp_pump_unlock (f->pump);
}

static void
on_cancelled_wait (GCancellable *cancellable,
                   Fixture      *f)
{
  /* What a user's handler may well do */
  mp_pump_lock (f->pump);
  mp_pump_unlock (f->pump);
}

static void
test_waiters (Fixture       *f,
              gconstpointer  unused)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MpWaiters *waiters = mp_waiters_new (f->pump);
  Waited waited = { 0, };

  g_test_summary ("An asynchronous wait ends once: by what it waits for, by its time, or by cancelling");
  add_waiter (f, waiters, &waited, mp_deadline_from_timeout (0.01), NULL);
  while (waited.n_ends < 1)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (waited.last, MP_ERROR, MP_ERROR_TIMED_OUT);

  g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled_wait), f, NULL);
  add_waiter (f, waiters, &waited, SOON, cancellable);
  g_cancellable_cancel (cancellable);
  while (waited.n_ends < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (waited.last, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  add_waiter (f, waiters, &waited, SOON, cancellable);
  g_assert_cmpint (waited.n_ends, ==, 2); /* cancelled before, but never from within the call */
  while (waited.n_ends < 3)
    g_main_context_iteration (NULL, TRUE);

  add_waiter (f, waiters, &waited, SOON, NULL);
  add_waiter (f, waiters, &waited, SOON, NULL);
  mp_pump_lock (f->pump);
  waited.is_over = TRUE;
  mp_waiters_check_locked (waiters);
  mp_pump_unlock (f->pump);
  while (waited.n_ends < 5)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (waited.last);

  waited.is_over = FALSE;
  add_waiter (f, waiters, &waited, SOON, NULL);
  mp_pump_lock (f->pump);
  mp_waiters_free_locked (waiters);
  mp_pump_unlock (f->pump);
  while (waited.n_ends < 6)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (waited.last, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&waited.last);
}

/* --- outbox ----------------------------------------------------------------------------------------------- */

typedef struct {
  GString *order;
  GMainLoop *loop;
  MpOutbox *outbox;
} Post;

static void
append_b (gpointer data)
{
  g_string_append_c (((Post *) data)->order, 'b');
}

static void
append_c_and_quit (gpointer data)
{
  g_string_append_c (((Post *) data)->order, 'c');
  g_main_loop_quit (((Post *) data)->loop);
}

static void
append_a_and_nest (gpointer data)
{
  Post *post = data;

  g_string_append_c (post->order, 'a');
  g_main_loop_run (post->loop); /* b and c are delivered in here */
  g_string_append_c (post->order, 'd');
}

static gpointer
post_three (gpointer data)
{
  Post *post = data;

  mp_outbox_post (post->outbox, append_a_and_nest, post, NULL);
  mp_outbox_post (post->outbox, append_b, post, NULL);
  mp_outbox_post (post->outbox, append_c_and_quit, post, NULL);
  return NULL;
}

static void
test_outbox_order (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GString) order = g_string_new (NULL);
  g_autoptr (MpOutbox) outbox = mp_outbox_get (context), again = mp_outbox_get (context);
  Post post = { order, loop, outbox };
  GThread *thread;

  g_test_summary ("Posts are delivered in order, in their context, also from a nested loop; one outbox a context");
  g_assert_true (outbox == again);
  thread = g_thread_new ("post", post_three, &post);
  while (order->len < 4)
    g_main_context_iteration (context, TRUE);
  g_thread_join (thread);
  g_assert_cmpstr (order->str, ==, "abcd");
}

static void
on_finished (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (g_task_propagate_pointer (G_TASK (result), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  *(gboolean *) data = TRUE;
}

static void
count (gpointer n)
{
  ++*(guint *) n;
}

static void
test_outbox_portions (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MpOutbox) outbox = mp_outbox_get (context);
  guint n_posted = 10 * MP_PORTION_MOST, n = 0, n_turns = 0;

  g_test_summary ("Many posts take some turns, in which other sources have theirs");
  for (guint i = 0; i < n_posted; i++)
    mp_outbox_post (outbox, count, &n, NULL);

  for (; n < n_posted; n_turns++)
    {
      guint before = n;

      g_assert_true (g_main_context_iteration (context, FALSE));
      g_assert_cmpuint (n - before, <=, MP_PORTION_MOST);
    }
  g_assert_cmpuint (n_turns, >=, 10);

  /* But for the end of a rest, on a slow machine */
  for (guint i = 0; g_main_context_iteration (context, FALSE); i++)
    g_assert_cmpuint (i, <, 3);
  g_assert_cmpuint (n, ==, n_posted);
}

static void
test_outbox_task (void)
{
  gboolean finished = FALSE;
  GTask *task = g_task_new (NULL, NULL, on_finished, &finished);

  g_test_summary ("A task ends in its own context, after the call that made it");
  mp_outbox_return_error (task, g_error_new (MP_ERROR, MP_ERROR_CLOSED, "closed"));
  g_assert_false (finished);
  while (!finished)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_forked (void)
{
  g_autoptr (MpPump) pump = mp_pump_new ("a test's pump");
  pid_t pid;
  int status;

  g_assert_true (mp_pump_open (pump, NULL));
  pid = fork ();

  g_test_summary ("A process forked by a stranger knows whose a pump is, and can drop it without harm");
  if (pid == 0)
    {
      g_autoptr (GError) error = NULL;

      if (mp_origin_check (mp_pump_get_origin (pump), "It", &error)
          || !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (1);
      mp_pump_unref (g_steal_pointer (&pump));
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  /* The parent's is as it was */
  {
    int done = eventfd (0, EFD_CLOEXEC);
    guint64 count;

    mp_pump_post (pump, open_gate, GINT_TO_POINTER (done));
    g_assert_cmpint (read (done, &count, sizeof count), ==, sizeof count);
    close (done);
  }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/pump/leader", test_leader);
  ADD ("/pump/engine", test_engine_serves);
  ADD ("/pump/deadlines", test_deadlines);
  ADD ("/pump/timers", test_timers);
  ADD ("/pump/cancel", test_cancel);
  ADD ("/pump/followers", test_followers);
  ADD ("/pump/interrupted", test_interrupted);
  ADD ("/pump/joined", test_joined);
  ADD ("/pump/joined-before", test_joined_before);
  ADD ("/pump/claimed", test_claimed);
  ADD ("/pump/waiters", test_waiters);
  g_test_add_func ("/outbox/order", test_outbox_order);
  g_test_add_func ("/outbox/portions", test_outbox_portions);
  g_test_add_func ("/outbox/task", test_outbox_task);
  g_test_add_func ("/pump/forked", test_forked);
  return g_test_run ();
}
