/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-futex-private.h"
#include "mp-sleep-private.h"
#include "mp-memfd-private.h"
#include "mp-test-process.h"

/* Children of fork here start a thread, their mp-watch.  Weak, for mp-test.c has it too. */
const char *__tsan_default_options (void) __attribute__ ((weak));

const char *
__tsan_default_options (void)
{
  return "die_after_fork=0";
}

gint64
mp_test_deadline (void)
{
  return g_get_monotonic_time () + MP_TEST_PATIENCE;
}

/* Returns in the parent only.  A failed assertion in the child ends it with
 * SIGABRT, which mp_test_join() notices.
 */
pid_t
mp_test_fork (MpTestFunc func,
              gpointer   data)
{
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      /* Not to outlive a test that was killed. */
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      func (data);

      /* An end at which nobody counts what the parent's stack still held. */
      raise (SIGKILL);
    }

  return pid;
}

/* Returns when the child has stopped itself. */
pid_t
mp_test_fork_stopped (MpTestFunc func,
                      gpointer   data)
{
  pid_t pid = mp_test_fork (func, data);
  int status;

  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));
  return pid;
}

/* For the moment between the end of the last thread, which is told, and that thread's being gone from /proc, of which
 * nothing tells.  Who takes the process away meanwhile waits for that, and not asleep: on the same CPU for as long as
 * the scheduler lets it, many times as long as all the rest takes.
 */
void
mp_test_await_end (pid_t pid)
{
  siginfo_t info;

  waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT | __WALL);
  mp_futex_pause (50);
}

void
mp_test_join (pid_t pid)
{
  int status;

  mp_test_await_end (pid);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (status == 0 || (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL));
}

void
mp_test_kill (pid_t pid)
{
  int status;

  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  mp_test_await_end (pid);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
}

/* Memory that children of this process share with it.  Ends with the process. */
gpointer
mp_test_share (gsize size)
{
  gpointer memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  g_assert_true (memory != MAP_FAILED);
  return memory;
}

/* The same in a file of which no byte has memory yet, and which goes on behind it. */
gpointer
mp_test_share_file (gsize    size,
                    guint64  file_size,
                    int     *fd)
{
  gpointer memory;

  *fd = mp_memfd_new ("test", file_size, NULL);
  g_assert_cmpint (*fd, >=, 0);
  memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
  g_assert_true (memory != MAP_FAILED);
  return memory;
}

void
mp_test_set_word (MpAtomic32 *word,
                  guint32     value)
{
  atomic_store (word, value);
  mp_futex_wake (word, MP_FUTEX_WAKE_ALL);
}

void
mp_test_wait_word (MpAtomic32 *word,
                   guint32     value)
{
  gint64 deadline = mp_test_deadline ();
  guint32 seen;

  while ((seen = atomic_load (word)) != value)
    if (!mp_futex_wait (word, seen, deadline))
      g_error ("a word stayed %u instead of %u", seen, value);
}

/* As the library's own waits do: epoch, liveness, sleep. */
void
mp_test_wait_dead (MpTable *table,
                   guint32  owner)
{
  gint64 deadline = mp_test_deadline ();
  MpAtomic32 never = 0;

  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);
      MpLife life = mp_participant_look (table, owner);

      if (life == MP_LIFE_DEAD)
        return;

      if (life == MP_LIFE_DYING)
        sched_yield ();
      else if (!mp_sleep_on (table, &never, 0, epoch, owner, MP_WAIT_UNTIL (deadline)))
        g_error ("nobody noticed the death of %x", owner);
    }
}

/* No event tells that another process has gone to sleep. */
void
mp_test_wait_asleep (pid_t pid)
{
  g_autofree char *name = g_strdup_printf ("/proc/%d/syscall", pid);
  gint64 deadline = mp_test_deadline ();

  for (;;)
    {
      g_autofree char *text = NULL;
      int call;

      if (g_file_get_contents (name, &text, NULL, NULL) && g_ascii_isdigit (text[0]))
        {
          call = atoi (text);
          if (call == SYS_futex || call == 449 /* futex_waitv */ || call == SYS_poll || call == SYS_pause)
            return;
        }

      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      sched_yield ();
    }
}

/* How many are mapped here. */
guint
mp_test_count_tables (void)
{
  g_autofree char *maps = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  for (const char *found = strstr (maps, "mp-table"); found != NULL; found = strstr (found + 1, "mp-table"))
    n++;
  return n;
}

void
mp_test_wait_tables (guint n)
{
  gint64 deadline = mp_test_deadline ();

  while (mp_test_count_tables () != n)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

gboolean
mp_test_keeps_vigil (MpTable *table,
                     guint32  watcher,
                     guint32  watched)
{
  const MpSlot *slot = &table->layout->slots[mp_owner_get_slot (watched)];
  gboolean keeps = FALSE;

  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    keeps |= atomic_load (&slot->vigils[i].watcher) == watcher;
  return keeps;
}

void
mp_test_wait_vigil (MpTable *table,
                    guint32  watcher,
                    guint32  watched)
{
  gint64 deadline = mp_test_deadline ();

  while (!mp_test_keeps_vigil (table, watcher, watched))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}
