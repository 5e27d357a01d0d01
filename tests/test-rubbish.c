/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A peer writes random words all over the memory that it shares, or takes it away,
 * while another one uses everything that lies there.  Whatever that comes to, it must
 * come to an end, and not to a crash.
 *
 *   MP_TEST_SEED=N   as printed
 *   MP_TEST_LONG=1   many more rounds
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arena-private.h"
#include "mp-futex-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"

/* Seconds that everything may take, on a busy machine under a sanitizer. */
#define HANG_SECONDS 60

/* Of each wait. */
#define A_MOMENT 0.001

/* As much of an arena as is used here, with room. */
#define ARENA_WINDOW (256 * 1024)

#define N_USES       4
#define N_WORDS_MOST 64

typedef enum
{
  ARENA = 1 << 0,
  TABLE = 1 << 1,
} Target;

typedef struct
{
  const char *name;
  Target      target;
  gboolean    is_racing;   /* rubbish comes all the time, not between uses */
  gboolean    is_punched;  /* instead: what was there is gone */
  guint       n_rounds;
  guint       n_rounds_long;
} Scenario;

typedef struct
{
  MpLock      *lock;
  MpRLock     *rlock;
  MpSemaphore *semaphore;
  MpSemaphore *bounded;
  MpCondition *condition;
  MpEvent     *event;
  MpBarrier   *barrier;
} Objects;

static guint32 seed;
static gboolean is_long;
static guint n_rounds_of_all;

/* Of a user and its peer. */
static MpTable *table;
static MpArena *arena;
static Objects objects;
static GRand *chance;

/* --- Rubbish -------------------------------------------------------------- */

/* Random bits, or a number that could be that of a slot, a unit or a record.  But no
 * owner that lives: to hold what others wait for is everybody's right.
 */
static guint32
make_rubbish (void)
{
  guint32 value;

  do
    value = g_rand_boolean (chance) ? g_rand_int (chance) : (guint32) g_rand_int_range (chance, 0, 8192);
  while (mp_participant_is_alive (table, value));

  return value;
}

/* Where the words are that all others hang on, more often than elsewhere.  For a moment
 * only, if others use them meanwhile: what was refused is looked at no more.
 */
static void
write_word (MpAtomic32 *words,
            gsize       n_words,
            gboolean    is_racing)
{
  MpAtomic32 *word;
  guint32 before;
  gsize n = g_rand_boolean (chance) ? n_words : MIN (n_words, sizeof (MpArenaLayout) / sizeof *words);

  if (g_rand_int_range (chance, 0, 4) == 0)
    n = offsetof (MpArenaLayout, holds) / sizeof *words;

  word = &words[g_rand_int_range (chance, 0, (gint32) n)];
  before = atomic_exchange (word, make_rubbish ());
  if (is_racing && g_rand_int_range (chance, 0, 1024) != 0)
    atomic_store (word, before);
}

static void
write_rubbish (const Scenario *scenario,
               MpAtomic32     *words_of_arena)
{
  Target target = scenario->target;

  if (target == (ARENA | TABLE))
    target = g_rand_boolean (chance) ? ARENA : TABLE;

  if (target == ARENA)
    write_word (words_of_arena, ARENA_WINDOW / sizeof (MpAtomic32), scenario->is_racing);
  else
    write_word ((MpAtomic32 *) (gpointer) table->layout,
                offsetof (MpTableLayout, slots[16]) / sizeof (MpAtomic32), scenario->is_racing);
}

static void
punch (int fd,
       int size)
{
  g_assert_cmpint (fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), ==, 0);
  g_assert_cmpint (ftruncate (fd, 0), ==, -1);
}

static void
spoil (const Scenario *scenario,
       MpAtomic32     *words_of_arena)
{
  if (!scenario->is_punched)
    for (guint n = (guint) g_rand_int_range (chance, 1, N_WORDS_MOST); n > 0; n--)
      write_rubbish (scenario, words_of_arena);

  if (scenario->is_punched && (scenario->target & ARENA) != 0)
    punch (mp_arena_get_fd (arena), ARENA_WINDOW);
  if (scenario->is_punched && (scenario->target & TABLE) != 0)
    punch (mp_table_get_fd (table), sizeof (MpTableLayout));
}

static MpAtomic32 *
map_arena (void)
{
  gpointer window = mmap (NULL, ARENA_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, mp_arena_get_fd (arena), 0);

  g_assert_true (window != MAP_FAILED);
  return window;
}

static void
be_peer (gpointer scenario)
{
  MpAtomic32 *words_of_arena = map_arena ();

  for (;;)
    spoil (scenario, words_of_arena);
}

static void
spoil_once (gpointer scenario)
{
  spoil (scenario, map_arena ());
}

/* --- Use ------------------------------------------------------------------ */

static void
use_locks (void)
{
  mp_lock_acquire (objects.lock, A_MOMENT, NULL, NULL);
  mp_lock_is_locked (objects.lock);
  mp_lock_release (objects.lock, NULL);
  mp_lock_try_acquire (objects.lock);
  mp_lock_release (objects.lock, NULL);

  mp_rlock_acquire (objects.rlock, A_MOMENT, NULL, NULL);
  mp_rlock_try_acquire (objects.rlock);
  mp_rlock_is_locked (objects.rlock);
  mp_rlock_release (objects.rlock, NULL);
  mp_rlock_release (objects.rlock, NULL);
}

static void
use_semaphore (MpSemaphore *semaphore)
{
  mp_semaphore_acquire (semaphore, A_MOMENT, NULL, NULL);
  mp_semaphore_try_acquire (semaphore);
  mp_semaphore_get_value (semaphore);
  mp_semaphore_release (semaphore, NULL);
  mp_semaphore_release (semaphore, NULL);
}

static void
use_condition (void)
{
  mp_condition_acquire (objects.condition, A_MOMENT, NULL, NULL);
  mp_condition_wait (objects.condition, A_MOMENT, NULL, NULL);
  mp_condition_notify_one (objects.condition, NULL);
  mp_condition_notify_all (objects.condition, NULL);
  mp_condition_release (objects.condition, NULL);
}

static void
use_event (void)
{
  mp_event_wait (objects.event, A_MOMENT, NULL, NULL);
  mp_event_set (objects.event, NULL);
  mp_event_is_set (objects.event);
  mp_event_wait (objects.event, A_MOMENT, NULL, NULL);
  mp_event_clear (objects.event, NULL);
}

static void
use_barrier (void)
{
  mp_barrier_wait (objects.barrier, A_MOMENT, NULL, NULL);
  mp_barrier_get_n_waiting (objects.barrier);
  mp_barrier_is_broken (objects.barrier);
  mp_barrier_reset (objects.barrier, NULL);
  mp_barrier_wait (objects.barrier, A_MOMENT, NULL, NULL);
  mp_barrier_abort (objects.barrier, NULL);
}

static void
count_result (GObject      *source,
              GAsyncResult *result,
              gpointer      n_results)
{
  (*(guint *) n_results)++;
}

static void
use_in_main_loop (void)
{
  guint n_results = 0;

  mp_lock_acquire_async (objects.lock, A_MOMENT, NULL, count_result, &n_results);
  mp_rlock_acquire_async (objects.rlock, A_MOMENT, NULL, count_result, &n_results);
  mp_semaphore_acquire_async (objects.semaphore, A_MOMENT, NULL, count_result, &n_results);
  mp_semaphore_acquire_async (objects.bounded, A_MOMENT, NULL, count_result, &n_results);
  mp_event_wait_async (objects.event, A_MOMENT, NULL, count_result, &n_results);
  mp_barrier_wait_async (objects.barrier, A_MOMENT, NULL, count_result, &n_results);
  while (n_results < 6)
    g_main_context_iteration (NULL, TRUE);

  mp_lock_release (objects.lock, NULL);
  mp_rlock_release (objects.rlock, NULL);
}

static void
make_and_free (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpBarrier) barrier = mp_barrier_new (100);
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (lock));

  mp_lock_try_acquire (lock);
  mp_lock_release (lock, NULL);
  mp_barrier_wait (barrier, A_MOMENT, NULL, NULL);
  mp_arena_sweep (arena, NULL);
}

/* As who receives it. */
static void
hold_again (const MpHandle *handle)
{
  MpHold hold;

  if (mp_arena_hold (arena, handle, MP_OBJECT_RAW, &hold, NULL))
    {
      mp_hold_get_size (&hold);
      mp_hold_release (&hold);
    }
}

static void
use_all (void)
{
  use_locks ();
  use_semaphore (objects.semaphore);
  use_semaphore (objects.bounded);
  use_condition ();
  use_event ();
  use_barrier ();
  use_in_main_loop ();
  make_and_free ();
}

/* One that comes when it has happened already. */
static void
be_newcomer (gpointer data)
{
  use_all ();
}

static void
make_objects (void)
{
  objects = (Objects) {
    mp_lock_new (), mp_rlock_new (), mp_semaphore_new (1), MP_SEMAPHORE (mp_bounded_semaphore_new (1)),
    mp_condition_new (NULL), mp_event_new (), mp_barrier_new (2),
  };
}

static void
free_objects (void)
{
  g_clear_object (&objects.lock);
  g_clear_object (&objects.rlock);
  g_clear_object (&objects.semaphore);
  g_clear_object (&objects.bounded);
  g_clear_object (&objects.condition);
  g_clear_object (&objects.event);
  g_clear_object (&objects.barrier);
}

static void
keep_quiet (const char     *domain,
            GLogLevelFlags  level,
            const char     *text,
            gpointer        data)
{
}

/* A family of its own, made before there is any rubbish. */
static void
be_user (const Scenario *scenario)
{
  MpHold hold = { 0 };
  MpHandle handle;
  pid_t peer = 0;

  table = mp_table_get_default (NULL);
  arena = mp_arena_get_default (NULL);
  mp_short_lock_set_patience (20 * G_TIME_SPAN_MILLISECOND);
  make_objects ();
  use_all ();
  g_assert_true (mp_arena_alloc (arena, 100, MP_OBJECT_RAW, &hold, NULL));
  mp_hold_get_handle (&hold, &handle);

  if (scenario->is_racing)
    peer = mp_test_fork (be_peer, (gpointer) scenario);

  for (guint i = 0; i < N_USES; i++)
    {
      if (!scenario->is_racing)
        mp_test_join (mp_test_fork (spoil_once, (gpointer) scenario));

      use_all ();
      hold_again (&handle);
      mp_test_join (mp_test_fork (be_newcomer, NULL));
      chance = g_rand_new_with_seed (g_rand_int (chance));
    }

  mp_hold_release (&hold);
  free_objects ();
  if (peer != 0)
    mp_test_kill (peer);
}

/* --- Tests ---------------------------------------------------------------- */

static void
run_round (const Scenario *scenario,
           guint32         seed_of_round)
{
  pid_t pid = fork ();
  int status;

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      alarm (HANG_SECONDS);

      /* What cannot be released is warned of. */
      g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
      g_log_set_handler (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, keep_quiet, NULL);
      chance = g_rand_new_with_seed (seed_of_round);
      be_user (scenario);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  n_rounds_of_all++;
  if (status != 0)
    g_error ("MP_TEST_SEED=%u, round %u: %s", seed, seed_of_round - seed,
             !WIFSIGNALED (status) ? "failed" : WTERMSIG (status) == SIGALRM ? "did not end"
                                                                            : g_strsignal (WTERMSIG (status)));
}

static void
test_scenario (gconstpointer data)
{
  const Scenario *scenario = data;
  guint n_rounds = is_long ? scenario->n_rounds_long : scenario->n_rounds;

  for (guint i = 0; i < n_rounds; i++)
    run_round (scenario, seed + i);
}

static void
leave_lock_to_itself (void)
{
  MpAtomic32 *lock;
  MpHold hold;
  g_autoptr (GError) error = NULL;

  table = mp_table_get_default (NULL);
  arena = mp_arena_get_default (NULL);
  mp_short_lock_set_patience (20 * G_TIME_SPAN_MILLISECOND);
  lock = &map_arena ()[offsetof (MpArenaLayout, lock) / sizeof (MpAtomic32)];
  atomic_store (lock, mp_participant_enter (table, NULL));

  g_assert_false (mp_arena_alloc (arena, 100, MP_OBJECT_RAW, &hold, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  atomic_store (lock, 0);
  g_assert_true (mp_arena_alloc (arena, 100, MP_OBJECT_RAW, &hold, NULL));
  mp_hold_release (&hold);
}

static void
be_alone (gpointer data)
{
  alarm (HANG_SECONDS);
  leave_lock_to_itself ();
}

/* Held by somebody that lives and does not know of it. */
static void
test_locked (void)
{
  mp_test_join (mp_test_fork (be_alone, NULL));
}

int
main (int   argc,
      char *argv[])
{
  static const Scenario scenarios[] = {
    { "/rubbish/arena", ARENA, FALSE, FALSE, 20, 2000 },
    { "/rubbish/arena-meanwhile", ARENA, TRUE, FALSE, 10, 500 },
    { "/rubbish/table", TABLE, FALSE, FALSE, 10, 1000 },
    { "/rubbish/table-meanwhile", TABLE, TRUE, FALSE, 5, 500 },
    { "/rubbish/both-meanwhile", ARENA | TABLE, TRUE, FALSE, 5, 500 },
    { "/rubbish/arena-punched", ARENA, FALSE, TRUE, 1, 20 },
    { "/rubbish/table-punched", TABLE, FALSE, TRUE, 1, 20 },
    { "/rubbish/both-punched-meanwhile", ARENA | TABLE, TRUE, TRUE, 2, 100 },
  };
  const char *given_seed = g_getenv ("MP_TEST_SEED");
  int result;

  g_test_init (&argc, &argv, NULL);
  is_long = g_strcmp0 (g_getenv ("MP_TEST_LONG"), "1") == 0;
  seed = given_seed != NULL ? (guint32) g_ascii_strtoull (given_seed, NULL, 10) : g_random_int ();
  g_test_message ("MP_TEST_SEED=%u%s", seed, is_long ? ", long" : "");

  for (guint i = 0; i < G_N_ELEMENTS (scenarios); i++)
    g_test_add_data_func (scenarios[i].name, &scenarios[i], test_scenario);
  g_test_add_func ("/rubbish/locked", test_locked);

  result = g_test_run ();
  g_test_message ("%u rounds", n_rounds_of_all);
  return result;
}
