/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-futex-private.h"
#include "mp-test-crew.h"

/* --- Doing the same ------------------------------------------------------- */

/* Each is given its number. */
void
mp_test_crew_processes (MpTestFunc func)
{
  pid_t pids[MP_TEST_CREW_SIZE];

  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    pids[i] = mp_test_fork (func, GUINT_TO_POINTER (i));
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    mp_test_join (pids[i]);
}

typedef struct
{
  MpTestFunc func;
  gpointer   data;
} Call;

static gpointer
run_call (gpointer data)
{
  Call *call = data;

  call->func (call->data);
  return NULL;
}

void
mp_test_crew_threads (MpTestFunc func)
{
  GThread *threads[MP_TEST_CREW_SIZE];
  Call calls[MP_TEST_CREW_SIZE];

  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    {
      calls[i] = (Call) { func, GUINT_TO_POINTER (i) };
      threads[i] = g_thread_new ("crew", run_call, &calls[i]);
    }
  for (guint i = 0; i < MP_TEST_CREW_SIZE; i++)
    g_thread_join (threads[i]);
}

/* --- Waiting -------------------------------------------------------------- */

static MpAtomic32 *is_ready;

void
mp_test_tell_ready (void)
{
  mp_test_set_word (is_ready, 1);
}

/* Returns when the child sleeps. */
pid_t
mp_test_fork_waiter (MpTestFunc func,
                     gpointer   data)
{
  pid_t pid;

  if (is_ready == NULL)
    is_ready = mp_test_share (sizeof *is_ready);

  atomic_store (is_ready, 0);
  pid = mp_test_fork (func, data);
  mp_test_wait_word (is_ready, 1);
  mp_test_wait_asleep (pid);
  return pid;
}

void
mp_test_count (MpAtomic32 *word)
{
  atomic_fetch_add (word, 1);
  mp_futex_wake (word, MP_FUTEX_WAKE_ALL);
}

/* Until it is at least @n. */
void
mp_test_wait_count (MpAtomic32 *word,
                    guint32     n)
{
  gint64 deadline = mp_test_deadline ();
  guint32 seen;

  while ((seen = atomic_load (word)) < n)
    if (!mp_futex_wait (word, seen, deadline))
      g_error ("a count stayed %u and did not become %u", seen, n);
}

static MpAtomic32 stop;
static MpAtomic32 stopped_thread;

MpWait
mp_test_wait_until_stop (void)
{
  MpWait wait = { .deadline = mp_test_deadline (), .stop = &stop };

  mp_test_set_word (&stopped_thread, (guint32) syscall (SYS_gettid));
  return wait;
}

/* Runs @func in a thread; it waits with mp_test_wait_until_stop(), in vain. */
void
mp_test_assert_stops (MpTestFunc func)
{
  gint64 begin = g_get_monotonic_time ();
  Call call = { func, NULL };
  guint32 seen;
  GThread *thread;

  atomic_store (&stop, 0);
  atomic_store (&stopped_thread, 0);
  thread = g_thread_new ("stopped", run_call, &call);
  while ((seen = atomic_load (&stopped_thread)) == 0)
    mp_futex_wait (&stopped_thread, 0, mp_test_deadline ());

  mp_test_wait_asleep ((pid_t) seen);
  mp_test_set_word (&stop, 1);
  g_thread_join (thread);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, MP_TEST_PATIENCE);
}

/* --- Main loops ----------------------------------------------------------- */

static void
write_eventfd (gpointer user_data)
{
  guint64 one = 1;

  if (write (GPOINTER_TO_INT (user_data), &one, sizeof one) < 0)
    g_assert_not_reached ();
}

void
mp_test_bell_init (MpTestBell *self,
                   MpTable    *table,
                   MpBell     *bell)
{
  g_autoptr (GError) error = NULL;

  self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->doorbell = mp_doorbell_new (table, bell, write_eventfd, GINT_TO_POINTER (self->fd), &error);
  g_assert_no_error (error);
}

void
mp_test_bell_clear (MpTestBell *self)
{
  mp_doorbell_free (self->doorbell);
  close (self->fd);
}

void
mp_test_bell_arm (MpTestBell *self)
{
  g_autoptr (GError) error = NULL;

  mp_doorbell_arm (self->doorbell, &error);
  g_assert_no_error (error);
}

/* And is armed again: it may ring though nothing changed, as it does after a death. */
void
mp_test_bell_hear (MpTestBell *self)
{
  struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN };
  guint64 n = 0;

  g_assert_cmpint (poll (&poll_fd, 1, (int) (MP_TEST_PATIENCE / 1000)), ==, 1);
  g_assert_cmpint (read (self->fd, &n, sizeof n), ==, sizeof n);
  mp_test_bell_arm (self);
}
