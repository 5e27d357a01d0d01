/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-futex-private.h"
#include "mp-memfd-private.h"
#include "mp-origin-private.h"
#include "mp-procfs-private.h"
#include "mp-test-process.h"

typedef struct
{
  MpAtomic32 me;       /* of the child, once it has entered */
  MpAtomic32 parent;   /* of a child that forks one of its own */
  MpAtomic32 command;  /* 1: end */
  MpAtomic32 other;
  int        keep_alive;    /* end of file ends it */
  int        keep_alive_end;
} Shared;

static MpTable *table;
static Shared *shared;

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  if (shared == NULL)
    shared = mp_test_share (sizeof *shared);
  memset ((void *) shared, 0, sizeof *shared);
}

static guint32
enter (void)
{
  g_autoptr (GError) error = NULL;
  guint32 me = mp_participant_enter (table, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (me, !=, 0);
  return me;
}

static void
wait_for_child (void)
{
  gint64 deadline = mp_test_deadline ();

  while (atomic_load (&shared->me) == 0)
    g_assert_true (mp_futex_wait (&shared->me, 0, deadline));
}

static void
enter_and_wait (gpointer data)
{
  mp_test_set_word (&shared->me, enter ());
  mp_test_wait_word (&shared->command, 1);
}

static void
enter_and_end (gpointer data)
{
  mp_test_set_word (&shared->me, enter ());
}

static gpointer
enter_in_thread (gpointer data)
{
  return GUINT_TO_POINTER (enter ());
}

/* All threads of a process are one participant, whichever came first. */
static void
test_enter (void)
{
  GThread *threads[8];
  guint32 top;

  set_up ();
  top = atomic_load (&table->layout->top);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("enter", enter_in_thread, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (threads[i])), ==, enter ());

  g_assert_cmpuint (atomic_load (&table->layout->top), ==, top + 1);
  g_assert_true (mp_participant_is_alive (table, enter ()));
  g_assert_cmpint (mp_participant_look (table, enter ()), ==, MP_LIFE_ALIVE);
}

static void
test_death (void)
{
  guint32 me, n_buried;
  pid_t pid;

  set_up ();
  me = enter ();
  n_buried = atomic_load (&table->layout->n_buried);

  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  g_assert_cmpuint (shared->me, !=, me);
  g_assert_cmpint (mp_participant_look (table, shared->me), ==, MP_LIFE_ALIVE);

  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);
  while (atomic_load (&table->layout->n_buried) == n_buried) /* counted by whoever buried, right after */
    g_thread_yield ();
  g_assert_cmpuint (atomic_load (&table->layout->n_buried), ==, n_buried + 1);
  g_assert_true (mp_participant_is_alive (table, me));
}

/* Nobody asks: the neighbour's thread hears of it and tells all, by the epoch. */
static void
test_death_is_told (void)
{
  gint64 deadline = mp_test_deadline ();
  guint32 epoch;
  pid_t pid;

  set_up ();
  enter ();
  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  epoch = mp_table_get_epoch (table);

  mp_test_kill (pid);
  while (mp_table_get_epoch (table) == epoch)
    g_assert_true (mp_futex_wait (&table->layout->epoch, epoch, deadline));
}

static void
keep_vigils (guint32 watcher,
             guint32 watched)
{
  MpSlot *slot = &table->layout->slots[mp_owner_get_slot (watched)];

  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    atomic_store (&slot->vigils[i].watcher, watcher);
}

/* Each keeps a vigil for itself alone: of a dead watcher it is free, and where the
 * living have them all a newcomer tries until one is let go.
 */
static void
test_vigils (void)
{
  guint32 me;
  pid_t pid;

  set_up ();
  me = enter ();
  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  mp_test_wait_vigil (table, shared->me, me);
  mp_test_wait_vigil (table, me, shared->me);
  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);

  keep_vigils (shared->me, me);
  atomic_store (&shared->me, 0);
  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  mp_test_wait_vigil (table, shared->me, me);
  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);

  keep_vigils (me, me);
  atomic_store (&shared->me, 0);
  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  mp_test_wait_vigil (table, me, shared->me);
  g_assert_false (mp_test_keeps_vigil (table, shared->me, me));
  keep_vigils (0, me);
  mp_test_wait_vigil (table, shared->me, me);
  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);
}

/* Who comes next into the slot is somebody else. */
static void
test_reuse (void)
{
  guint32 first;
  guint slot;

  set_up ();
  enter ();
  mp_test_join (mp_test_fork (enter_and_end, NULL));
  first = shared->me;
  slot = mp_owner_get_slot (first);
  mp_test_wait_dead (table, first);

  atomic_store (&table->layout->next, slot);
  mp_test_join (mp_test_fork (enter_and_end, NULL));
  g_assert_cmpuint (mp_owner_get_slot (shared->me), ==, slot);
  g_assert_cmpuint (mp_owner_get_generation (shared->me), ==, mp_owner_get_generation (first) + 1);
  g_assert_cmpint (mp_participant_look (table, first), ==, MP_LIFE_DEAD);
  mp_test_wait_dead (table, shared->me);
}

/* When owner words can count no further the slot is given up. */
static void
test_retire (void)
{
  guint slot;
  guint32 n_retired;

  set_up ();
  enter ();
  slot = atomic_load (&table->layout->top);
  n_retired = atomic_load (&table->layout->n_retired);
  atomic_store (&table->layout->slots[slot].identity, (guint64) MP_OWNER_GENERATION_MASK << 32);
  atomic_store (&table->layout->next, slot);

  mp_test_join (mp_test_fork (enter_and_end, NULL));
  g_assert_cmpuint (mp_owner_get_slot (shared->me), ==, slot);
  mp_test_wait_dead (table, shared->me);
  while (atomic_load (&table->layout->n_retired) == n_retired) /* counted by whoever buried, right after */
    g_thread_yield ();
  g_assert_cmpuint (atomic_load (&table->layout->n_retired), ==, n_retired + 1);
  g_assert_cmpint (mp_participant_look (table, shared->me), ==, MP_LIFE_DEAD);

  atomic_store (&table->layout->next, slot);
  mp_test_join (mp_test_fork (enter_and_end, NULL));
  g_assert_cmpuint (mp_owner_get_slot (shared->me), !=, slot);
  mp_test_wait_dead (table, shared->me);
}

static void
enter_and_exec (gpointer data)
{
  enter_and_end (data);
  g_assert_cmpint (dup2 (shared->keep_alive, 0), ==, 0);
  execlp ("cat", "cat", NULL);
}

/* What another program left running holds on to is not the participant. */
static void
fork_enter_and_exec (gpointer data)
{
  enter_and_end (data);
  if (fork () == 0)
    {
      char byte;

      close (shared->keep_alive_end);
      while (read (shared->keep_alive, &byte, 1) > 0)
        ;
      _exit (0);
    }
  g_assert_cmpint (dup2 (shared->keep_alive, 0), ==, 0);
  execlp ("cat", "cat", NULL);
}

/* The process lives on as another program, and owns nothing any more. */
static void
test_exec (gconstpointer func)
{
  int fds[2];
  pid_t pid;

  set_up ();
  enter ();
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  shared->keep_alive = fds[0];
  shared->keep_alive_end = fds[1];

  pid = mp_test_fork ((MpTestFunc) func, NULL);
  wait_for_child ();
  mp_test_wait_dead (table, shared->me);
  g_assert_cmpint (waitpid (pid, NULL, WNOHANG), ==, 0);

  close (fds[0]);
  close (fds[1]);
  mp_test_join (pid);
}

static pid_t
fork_by_library (void)
{
  return fork ();
}

static pid_t
fork_by_system_call (void)
{
#ifdef SYS_fork
  return (pid_t) syscall (SYS_fork);
#else
  return (pid_t) syscall (SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

static pid_t
fork_by_clone (void)
{
  return (pid_t) syscall (SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
check_forked_child (guint32 parent,
                    guint32 parent_origin)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_self_forked ());
  g_assert_false (mp_self_check_forked (&error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FORKED);
  g_assert_cmpuint (mp_origin_get (), !=, parent_origin);
  g_assert_cmpuint (mp_origin_get (), !=, 0);

  g_assert_cmpuint (mp_participant_get_me (table), ==, 0);
  g_assert_cmpuint (enter (), !=, parent);
  g_assert_true (mp_participant_is_alive (table, parent));
  g_assert_true (mp_self_forked ());

  mp_self_renew ();
  g_assert_true (mp_self_is_original ());
}

static void
test_fork (gconstpointer data)
{
  pid_t (*fork_func) (void) = data;
  guint32 me, origin;
  pid_t pid;

#ifdef MP_THREAD_SANITIZER
  if (fork_func != fork_by_library)
    {
      g_test_skip ("the sanitizer takes the parent's threads for the child's, unless fork() made it");
      return;
    }
#endif

  set_up ();
  me = enter ();
  origin = mp_origin_get ();
  g_assert_cmpuint (mp_origin_get (), ==, origin);

  pid = fork_func ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      check_forked_child (me, origin);
      raise (SIGKILL);
    }

  mp_test_join (pid);
  g_assert_true (mp_self_is_original ());
  g_assert_cmpuint (mp_participant_get_me (table), ==, me);
}

/* In a process of its own, whose children are the first of a new namespace each: process 1, as they see it */
static int
fork_first_of_namespace (int (*func) (void))
{
  pid_t pid;
  int status;

  if (unshare (CLONE_NEWPID) != 0)
    return 77;
  pid = fork ();
  if (pid == 0)
    _exit (getpid () != 1 ? 77 : func ());
  if (pid < 0 || waitpid (pid, &status, 0) != pid || !WIFEXITED (status))
    return 1;
  return WEXITSTATUS (status);
}

static guint32 outer_origin;

static int
compare_origins (void)
{
  return mp_origin_get () == outer_origin;
}

static int
nest (void)
{
  outer_origin = mp_origin_get ();
  return fork_first_of_namespace (compare_origins);
}

/* Not even then is a child taken for its parent. */
static void
test_same_pid (void)
{
  pid_t pid;
  int status;

  mp_origin_get ();
  pid = fork ();
  if (pid == 0)
    _exit (unshare (CLONE_NEWUSER) != 0 ? 77 : fork_first_of_namespace (nest));
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (status == 77 << 8)
    g_test_skip ("this kernel or container allows no namespaces");
  else
    g_assert_cmpint (status, ==, 0);
}

static void
fork_and_wait (gpointer data)
{
  mp_test_set_word (&shared->parent, enter ());

  /* Not by mp_test_fork(), whose children die with their parent. */
  if (fork () == 0)
    {
      enter_and_wait (data);
      raise (SIGKILL);
    }
  mp_test_wait_word (&shared->other, 1);
}

/* A forked child has its parent's files and memory, but is no sign of its life. */
static void
test_parent_dies_before_child (void)
{
  guint32 parent;
  pid_t pid;

  set_up ();
  enter ();
  pid = mp_test_fork (fork_and_wait, NULL);
  wait_for_child ();
  parent = shared->parent; /* told before it forked the child that has told now */
  g_assert_cmpuint (parent, !=, shared->me);

  mp_test_kill (pid);
  mp_test_wait_dead (table, parent);
  g_assert_true (mp_participant_is_alive (table, shared->me));
  mp_test_set_word (&shared->command, 1);
  mp_test_wait_dead (table, shared->me);
}

static void
wait_for_end_of_thread (pid_t tid)
{
  MpProcfsStat stat;

  while (mp_procfs_read_stat (getpid (), tid, &stat) && !stat.is_exiting)
    g_thread_yield ();
}

static gpointer
outlive_main_thread (gpointer data)
{
  wait_for_end_of_thread (getpid ());
  mp_test_set_word (&shared->other, 1);
  mp_test_wait_word (&shared->command, 1);
  raise (SIGKILL);
  return NULL;
}

static void
end_main_thread (gpointer data)
{
  enter_and_end (data);
  g_thread_new ("outlive", outlive_main_thread, NULL);
  pthread_exit (NULL);
}

static void
test_end_of_main_thread (void)
{
  pid_t pid;

  set_up ();
  enter ();
  pid = mp_test_fork (end_main_thread, NULL);
  mp_test_wait_word (&shared->other, 1);
  g_assert_cmpint (mp_participant_look (table, shared->me), ==, MP_LIFE_ALIVE);

  mp_test_set_word (&shared->command, 1);
  mp_test_join (pid);
  mp_test_wait_dead (table, shared->me);
}

/* Stopped is not dead. */
static void
test_stopped (void)
{
  pid_t pid;
  int status;

  set_up ();
  enter ();
  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));
  g_assert_cmpint (mp_participant_look (table, shared->me), ==, MP_LIFE_ALIVE);

  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);
}

/* Kernels before 5.16, and filters of system calls: slower, but the same. */
static void
notice_death_in_slices (gpointer data)
{
  pid_t pid;

  mp_futex_forbid_wait_many ();
  g_assert_false (mp_futex_can_wait_many ());
  table = mp_table_new (NULL);
  enter ();
  pid = mp_test_fork (enter_and_wait, NULL);
  wait_for_child ();
  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);
}

static void
test_without_waitv (void)
{
  set_up ();
  mp_test_join (mp_test_fork (notice_death_in_slices, NULL));
}

static void
fill_table (gpointer data)
{
  g_autoptr (GError) error = NULL;
  MpTable *full = mp_table_new (&error);

  g_assert_no_error (error);
  for (guint i = 0; i < MP_TABLE_N_SLOTS; i++)
    atomic_store (&full->layout->slots[i].identity, MP_LIFE_WAITERS | 1);

  g_assert_cmpuint (mp_participant_enter (full, &error), ==, 0);
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
  g_clear_error (&error);

  /* One leaves, and then there is room. */
  atomic_store (&full->layout->slots[77].identity, 0);
  g_assert_cmpuint (mp_owner_get_slot (mp_participant_enter (full, &error)), ==, 77);
}

static void
test_full (void)
{
  set_up ();
  mp_test_join (mp_test_fork (fill_table, NULL));
}

static void
open_tables (gpointer data)
{
  g_autoptr (GError) error = NULL;
  MpTable *opened = table;

  enter ();
  while (mp_table_get_n () < MP_SELF_MAX_TABLES)
    {
      opened = mp_table_new (&error);
      g_assert_no_error (error);
      g_assert_cmpuint (mp_participant_enter (opened, &error), !=, 0);
    }

  /* One that is known is still found. */
  g_assert_true (mp_table_open (mp_table_get_fd (table), &error) == table);
  g_assert_null (mp_table_new (&error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FULL);

  atomic_store (&shared->other, mp_participant_get_me (opened));
  mp_test_set_word (&shared->me, mp_participant_get_me (table));
  mp_test_wait_word (&shared->command, 1);
}

/* One thread is the life of a process in all its tables. */
static void
test_many_tables (void)
{
  pid_t pid;

  set_up ();
  enter ();
  pid = mp_test_fork (open_tables, NULL);
  wait_for_child ();
  mp_test_kill (pid);
  mp_test_wait_dead (table, shared->me);
}

/* A table that came from another process. */
static void
test_open_elsewhere (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpSegment) segment = mp_segment_new (MP_SEGMENT_TABLE, NULL, 1 << 21, 8192, NULL, &error);

  set_up ();
  g_assert_true (mp_table_open (mp_table_get_fd (table), &error) == table);
  g_assert_no_error (error);

  g_assert_null (mp_table_open (mp_segment_get_fd (segment), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
test_words_of_nobody (void)
{
  set_up ();
  g_assert_cmpint (mp_participant_look (table, 0), ==, MP_LIFE_DEAD);
  g_assert_cmpint (mp_participant_look (table, MP_OWNER_SLOT_MASK), ==, MP_LIFE_DEAD);
  g_assert_cmpint (mp_participant_look (table, mp_owner_new (MP_TABLE_N_SLOTS - 1, 5)), ==, MP_LIFE_DEAD);
}

static char *
read_watch_file (const char *file)
{
  g_autofree char *name = g_strdup_printf ("/proc/self/task/%u/%s",
                                           atomic_load (&mp_self_get ()->watches[0].thread), file);
  char *text = NULL;

  g_assert_true (g_file_get_contents (name, &text, NULL, NULL));
  return text;
}

static char *
find_line (const char *text,
           const char *start)
{
  const char *line = strstr (text, start);

  g_assert_nonnull (line);
  return g_strndup (line, strcspn (line, "\n"));
}

static void
assert_blocks_signals (const char *status)
{
  const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD, SIGIO, SIGPROF, SIGWINCH };
  g_autofree char *line = find_line (status, "SigBlk:");
  guint64 mask = g_ascii_strtoull (line + strlen ("SigBlk:\t"), NULL, 16);

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_assert_cmpuint (mask >> (signals[i] - 1) & 1, ==, 1);
}

/* Asleep, it is woken by nothing: not by time, and not by signals. */
static void
test_idle (void)
{
  g_autofree char *name = NULL, *before = NULL, *after = NULL, *switches = NULL, *switches_later = NULL;

  set_up ();
  enter ();
  name = read_watch_file ("comm");
  g_assert_cmpstr (name, ==, "mp-watch\n");

  mp_test_wait_asleep ((pid_t) atomic_load (&mp_self_get ()->watches[0].thread));
  before = read_watch_file ("status");
  assert_blocks_signals (before);
  if (!mp_futex_can_wait_many ())
    {
      g_test_skip ("without futex_waitv it sleeps in slices");
      return;
    }

  /* The only way to see that nothing happens is to let time pass. */
  mp_futex_pause (500 * G_TIME_SPAN_MILLISECOND);
  after = read_watch_file ("status");
  switches = find_line (before, "voluntary_ctxt_switches:");
  switches_later = find_line (after, "voluntary_ctxt_switches:");
  g_assert_cmpstr (switches, ==, switches_later);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/participant/enter", test_enter);
  g_test_add_func ("/participant/idle", test_idle);
  g_test_add_func ("/participant/death", test_death);
  g_test_add_func ("/participant/death-is-told", test_death_is_told);
  g_test_add_func ("/participant/vigils", test_vigils);
  g_test_add_func ("/participant/reuse", test_reuse);
  g_test_add_func ("/participant/retire", test_retire);
  g_test_add_data_func ("/participant/exec", enter_and_exec, test_exec);
  g_test_add_data_func ("/participant/exec-after-fork", fork_enter_and_exec, test_exec);
  g_test_add_data_func ("/participant/fork/library", fork_by_library, test_fork);
  g_test_add_data_func ("/participant/fork/system-call", fork_by_system_call, test_fork);
  g_test_add_data_func ("/participant/fork/clone", fork_by_clone, test_fork);
  g_test_add_func ("/participant/fork/same-pid", test_same_pid);
  g_test_add_func ("/participant/fork/parent-dies", test_parent_dies_before_child);
  g_test_add_func ("/participant/end-of-main-thread", test_end_of_main_thread);
  g_test_add_func ("/participant/stopped", test_stopped);
  g_test_add_func ("/participant/without-waitv", test_without_waitv);
  g_test_add_func ("/participant/full", test_full);
  g_test_add_func ("/participant/many-tables", test_many_tables);
  g_test_add_func ("/participant/open-elsewhere", test_open_elsewhere);
  g_test_add_func ("/participant/words-of-nobody", test_words_of_nobody);
  return g_test_run ();
}
