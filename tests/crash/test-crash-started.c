/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash-sync.c, for the objects themselves, and victims that were started as
 * programs start them: by spawn and by a fork server, with the objects as arguments.
 * This program is its own child.
 */

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-clock-private.h"
#include "mp-counter-private.h"
#include "mp-crash-family.h"
#include "mp-layout-private.h"
#include "mp-lockable-private.h"
#include "mp-notes-private.h"
#include "mp-owner-lock-private.h"
#include "mp-permits-private.h"
#include "mp-test-process.h"

#define FOREVER -1.0
#define STALLED ((gdouble) MP_CRASH_STALL_USEC / G_TIME_SPAN_SECOND)

/* Points a case: starting a process takes longer than what it is started for. */
#define N_POINTS 3

/* Besides the victim: the sleepers, and the harness where it comes too. */
#define ALL_PARTIES (2 + MP_CRASH_N_SLEEPERS)

typedef struct
{
  MpLock      *lock;
  MpSemaphore *semaphore;
  MpSemaphore *bounded;
  MpCondition *condition;
  MpEvent     *event;
  MpBarrier   *barrier;       /* all */
  MpBarrier   *others;        /* all but the harness */
} Objects;

typedef struct
{
  MpAtomic32 n_told;          /* that something was abandoned */
  MpAtomic32 n_met;
  MpAtomic32 n_broken;
} Shared;

typedef struct
{
  const char *name;
  void      (*prepare)  (void);   /* harness */
  void      (*setup)    (void);   /* victim */
  void      (*started)  (void);   /* harness, after setup */
  void      (*op)       (void);   /* victim, stepped */
  void      (*blocked)  (void);
  void      (*last)     (void);
  guint     (*check)    (void);
} Operation;

typedef struct
{
  MpKillCase    base;
  MpStartMethod method;
  guint         operation;
} StartedCase;

static Objects objects;
static Shared *shared;
static gboolean harness_holds;
static guint expected_told;

static void
begin_round (void)
{
  expected_told = 0;
  atomic_store (&shared->n_told, 0);
  atomic_store (&shared->n_met, 0);
  atomic_store (&shared->n_broken, 0);
}

static void
begin (void)
{
  mp_crash_begin_round (NULL);
}

static gboolean
all_sleepers_are_done (void)
{
  return mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS);
}

static guint
check_told (void)
{
  guint n_told = atomic_load (&shared->n_told);

  return (n_told < expected_told ? NOT_TOLD : 0) | (n_told > expected_told ? TOLD_TWICE : 0);
}

/* What its sleepers sleep on. */
static gpointer
get_layout (gpointer lockable)
{
  MpTable *table;
  MpBell *bell = MP_LOCKABLE_GET_IFACE (lockable)->get_bell (lockable, &table, NULL);

  return (guint8 *) bell - G_STRUCT_OFFSET (MpLockLayout, bell);
}

static gboolean
is_victims (guint32 owner)
{
  return (owner & MP_OWNER_MASK) != 0 && (owner & MP_OWNER_MASK) == mp_crash_get_victim ();
}

/* --- A lock --------------------------------------------------------------- */

static gboolean
acquire_within (gdouble timeout)
{
  if (!mp_lock_acquire (objects.lock, timeout, NULL, NULL))
    return FALSE;

  if (mp_lock_is_abandoned (objects.lock))
    atomic_fetch_add (&shared->n_told, 1);
  return TRUE;
}

static void
acquire (void)
{
  mp_lock_acquire (objects.lock, FOREVER, NULL, NULL);
}

static void
release (void)
{
  mp_lock_release (objects.lock, NULL);
}

static void
acquire_and_release (void)
{
  acquire ();
  release ();
}

static void
sleep_for_lock (guint i)
{
  mp_crash_arrive (i);
  acquire_within (FOREVER);
  release ();
}

static void
prepare_held (void)
{
  acquire ();
  harness_holds = TRUE;
  mp_crash_send_to_sleep (sleep_for_lock);
}

static void
send_to_sleep_for_lock (void)
{
  mp_crash_send_to_sleep (sleep_for_lock);
}

static void
let_go (void)
{
  if (harness_holds)
    release ();
  harness_holds = FALSE;
}

static void
look_who_holds (void)
{
  expected_told = is_victims (atomic_load (&((MpLockLayout *) get_layout (objects.lock))->word));
}

static guint
check_lock (void)
{
  let_go ();
  if (!all_sleepers_are_done () || !acquire_within (STALLED))
    return mp_crash_finish (STALL);

  release ();
  return mp_crash_finish (check_told ());
}

/* --- Semaphores ----------------------------------------------------------- */

static gboolean
take_within (MpSemaphore *semaphore,
             gdouble      timeout)
{
  return mp_semaphore_acquire (semaphore, timeout, NULL, NULL);
}

static void
take (void)
{
  take_within (objects.semaphore, FOREVER);
}

static void
give (void)
{
  mp_semaphore_release (objects.semaphore, NULL);
}

static void
sleep_for_semaphore (guint i)
{
  mp_crash_arrive (i);
  take ();
  give ();
}

static void
send_to_sleep_for_semaphore (void)
{
  mp_crash_send_to_sleep (sleep_for_semaphore);
}

static guint n_permits;

static void
look_at_permits (void)
{
  n_permits = mp_semaphore_get_value (objects.semaphore) + mp_crash_n_sleepers_done ();
  for (guint i = 0; i < MP_CRASH_N_SLEEPERS; i++)
    n_permits += !mp_crash_sleeper_is_asleep (i);
}

/* Nobody owned the permit.  If the victim had not given it before it died, it is lost. */
static guint
check_semaphore (void)
{
  if (n_permits == 0 && mp_crash_n_sleepers_done () == 0 && mp_semaphore_get_value (objects.semaphore) == 0)
    give ();

  if (!all_sleepers_are_done () || !take_within (objects.semaphore, STALLED))
    return mp_crash_finish (STALL);

  if (mp_semaphore_try_acquire (objects.semaphore))
    return mp_crash_finish (TORN);

  give ();
  return mp_crash_finish (0);
}

static void
take_bounded (void)
{
  take_within (objects.bounded, FOREVER);
}

static void
give_bounded (void)
{
  mp_semaphore_release (objects.bounded, NULL);
}

static void
take_and_give_bounded (void)
{
  take_bounded ();
  give_bounded ();
}

static void
sleep_for_bounded (guint i)
{
  mp_crash_arrive (i);
  take_and_give_bounded ();
}

static void
prepare_bounded (void)
{
  take_bounded ();
  harness_holds = TRUE;
  mp_crash_send_to_sleep (sleep_for_bounded);
}

static void
send_to_sleep_for_bounded (void)
{
  mp_crash_send_to_sleep (sleep_for_bounded);
}

static void
let_bounded_go (void)
{
  if (harness_holds)
    give_bounded ();
  harness_holds = FALSE;
}

/* The permit of the dead comes back, and there is one still. */
static guint
check_bounded (void)
{
  let_bounded_go ();
  if (!all_sleepers_are_done () || !take_within (objects.bounded, STALLED))
    return mp_crash_finish (STALL);

  if (mp_semaphore_try_acquire (objects.bounded))
    return mp_crash_finish (TORN);

  give_bounded ();
  return mp_crash_finish (0);
}

/* --- A condition ---------------------------------------------------------- */

static void
wait_for_note (void)
{
  mp_condition_acquire (objects.condition, FOREVER, NULL, NULL);
  mp_condition_wait (objects.condition, FOREVER, NULL, NULL);
  mp_condition_release (objects.condition, NULL);
}

static void
sleep_for_note (guint i)
{
  mp_condition_acquire (objects.condition, FOREVER, NULL, NULL);
  mp_crash_arrive (i);
  mp_condition_wait (objects.condition, FOREVER, NULL, NULL);
  mp_condition_release (objects.condition, NULL);
}

static void
prepare_waiters (void)
{
  mp_crash_send_to_sleep (sleep_for_note);
}

static gboolean
notify_all_within (gdouble timeout)
{
  if (!mp_condition_acquire (objects.condition, timeout, NULL, NULL))
    return FALSE;

  mp_condition_notify_all (objects.condition, NULL);
  mp_condition_release (objects.condition, NULL);
  return TRUE;
}

static void
notify_all (void)
{
  notify_all_within (STALLED);
}

static void
notify_one (void)
{
  mp_condition_acquire (objects.condition, FOREVER, NULL, NULL);
  mp_condition_notify_one (objects.condition, NULL);
  mp_condition_release (objects.condition, NULL);
}

static guint
check_condition (void)
{
  if (!notify_all_within (STALLED) || !all_sleepers_are_done ())
    return mp_crash_finish (STALL);

  return mp_crash_finish (0);
}

/* --- An event ------------------------------------------------------------- */

static void
set_event (void)
{
  mp_event_set (objects.event, NULL);
}

static void
await_event (void)
{
  mp_event_wait (objects.event, FOREVER, NULL, NULL);
}

static void
sleep_for_event (guint i)
{
  mp_crash_arrive (i);
  await_event ();
}

static void
prepare_event (void)
{
  mp_event_clear (objects.event, NULL);
  mp_crash_send_to_sleep (sleep_for_event);
}

static guint
check_event (void)
{
  if (!mp_event_is_set (objects.event))
    set_event ();

  return mp_crash_finish (all_sleepers_are_done () && mp_event_is_set (objects.event) ? 0 : STALL);
}

/* --- Barriers ------------------------------------------------------------- */

static MpBarrier *barrier;   /* of this case */
static gboolean has_not_come;

static void
meet_at (MpBarrier *where)
{
  gboolean has_met = mp_barrier_wait (where, FOREVER, NULL, NULL) >= 0;

  atomic_fetch_add (has_met ? &shared->n_met : &shared->n_broken, 1);
}

static void
sleep_for_all (guint i)
{
  mp_crash_arrive (i);
  meet_at (objects.barrier);
}

static void
sleep_for_others (guint i)
{
  mp_crash_arrive (i);
  meet_at (objects.others);
}

static void
prepare_all (void)
{
  barrier = objects.barrier;
  mp_barrier_reset (barrier, NULL);
  mp_crash_send_to_sleep (sleep_for_all);
}

static void
prepare_others (void)
{
  barrier = objects.others;
  mp_barrier_reset (barrier, NULL);
  mp_crash_send_to_sleep (sleep_for_others);
}

static void
meet_all (void)
{
  mp_barrier_wait (objects.barrier, FOREVER, NULL, NULL);
}

static void
meet_others (void)
{
  mp_barrier_wait (objects.others, FOREVER, NULL, NULL);
}

/* The harness is the last one. */
static void
come (void)
{
  mp_barrier_wait (barrier, STALLED, NULL, NULL);
}

static void
look_who_came (void)
{
  has_not_come = mp_barrier_get_n_waiting (barrier) == MP_CRASH_N_SLEEPERS;
}

/* Unless all met, the death of one that had come broke it; all are told the same. */
static guint
check_barrier (void)
{
  if (has_not_come)
    mp_barrier_abort (barrier, NULL);
  if (!all_sleepers_are_done ())
    return mp_crash_finish (STALL);

  return mp_crash_finish (atomic_load (&shared->n_met) != 0 && atomic_load (&shared->n_broken) != 0 ? TORN : 0);
}

/* --- Operations ----------------------------------------------------------- */

static const Operation operations[] = {
  { "lock/acquire", prepare_held, NULL, NULL, acquire_and_release, let_go, look_who_holds, check_lock },
  { "lock/release", begin, acquire, send_to_sleep_for_lock, release, NULL, look_who_holds, check_lock },
  { "semaphore/release", begin, take, send_to_sleep_for_semaphore, give, NULL, look_at_permits, check_semaphore },
  { "bounded/acquire", prepare_bounded, NULL, NULL, take_and_give_bounded, let_bounded_go, NULL, check_bounded },
  { "bounded/release", begin, take_bounded, send_to_sleep_for_bounded, give_bounded, NULL, NULL, check_bounded },
  { "condition/wait", prepare_waiters, NULL, NULL, wait_for_note, notify_all, NULL, check_condition },
  { "condition/notify", prepare_waiters, NULL, NULL, notify_one, NULL, NULL, check_condition },
  { "event/set", prepare_event, NULL, NULL, set_event, NULL, NULL, check_event },
  { "event/wait", prepare_event, NULL, NULL, await_event, set_event, NULL, check_event },
  { "barrier/wait", prepare_all, NULL, NULL, meet_all, come, look_who_came, check_barrier },
  { "barrier/last", prepare_others, NULL, NULL, meet_others, NULL, look_who_came, check_barrier },
};

static const MpStartMethod methods[] = { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER };

static StartedCase cases[G_N_ELEMENTS (operations) * G_N_ELEMENTS (methods)];

/* --- Victims -------------------------------------------------------------- */

/* What is stepped must be the same each time. */
static void
do_not_spin (void)
{
  mp_owner_lock_set_spin (0);
  mp_counter_set_spin (0);
  mp_permits_set_spin (0);
  mp_notes_set_spin (FALSE);
}

static gpointer
get_attachment (MpMessage *message,
                guint      index)
{
  g_autoptr (GError) error = NULL;
  gpointer object = mp_message_get_attachment (message, index, &error);

  g_assert_no_error (error);
  return object;
}

/* Tells who it is, and waits until somebody watches its steps. */
static GVariant *
be_victim (MpMessage     *arguments,
           GCancellable  *cancellable,
           gpointer       data,
           GError       **error)
{
  g_autoptr (MpConnection) connection = get_attachment (arguments, 0);
  g_autoptr (GVariant) value = mp_message_get_value (arguments, NULL);
  g_autoptr (GVariant) go = NULL;
  const Operation *operation;
  guint32 index;

  g_variant_get_child (value, 0, "u", &index);
  operation = &operations[index];
  objects = (Objects) {
    get_attachment (arguments, 1), get_attachment (arguments, 2), get_attachment (arguments, 3),
    get_attachment (arguments, 4), get_attachment (arguments, 5), get_attachment (arguments, 6),
    get_attachment (arguments, 7),
  };

  do_not_spin ();
  if (operation->setup != NULL)
    operation->setup ();

  mp_connection_send (connection,
                      g_variant_new ("(uu)", (guint32) syscall (SYS_gettid),
                                     mp_participant_enter (mp_table_get_default (NULL), NULL)),
                      FOREVER, NULL, NULL);
  go = mp_connection_receive (connection, FOREVER, NULL, NULL);

  raise (SIGSTOP);
  operation->op ();
  raise (SIGSTOP);
  return NULL;
}

static MpProcess *victim;
static MpConnection *connection_to_victim;
static pid_t victims_pid;
static MpStartMethod victims_method;

static MpMessage *
make_arguments (guint         operation,
                MpConnection *theirs)
{
  gpointer attachments[] = {
    theirs, objects.lock, objects.semaphore, objects.bounded, objects.condition, objects.event,
    objects.barrier, objects.others,
  };
  MpMessage *message = mp_message_new (g_variant_new ("(uhhhhhhhh)", operation, 0, 1, 2, 3, 4, 5, 6, 7));

  for (guint i = 0; i < G_N_ELEMENTS (attachments); i++)
    mp_message_attach (message, attachments[i]);

  return message;
}

static pid_t
start_victim (const MpKillCase *kill_case)
{
  const StartedCase *started_case = (const StartedCase *) (gconstpointer) kill_case;
  const Operation *operation = &operations[started_case->operation];
  g_autoptr (MpContext) context = mp_context_new (started_case->method, NULL);
  g_autoptr (MpConnection) theirs = NULL;
  g_autoptr (MpMessage) arguments = NULL;
  g_autoptr (GVariant) names = NULL;
  g_autoptr (GError) error = NULL;
  guint32 tid, me;

  mp_connection_new_pair (TRUE, &connection_to_victim, &theirs, &error);
  g_assert_no_error (error);
  arguments = make_arguments (started_case->operation, theirs);
  victim = mp_process_new (context, "be-victim", NULL);
  mp_process_set_message (victim, arguments);
  mp_process_start (victim, &error);
  g_assert_no_error (error);
  mp_connection_close (theirs);

  names = mp_connection_receive (connection_to_victim, FOREVER, NULL, &error);
  g_assert_no_error (error);
  g_variant_get (names, "(uu)", &tid, &me);
  victims_pid = (pid_t) mp_process_get_pid (victim);
  victims_method = started_case->method;
  g_assert_cmpuint (tid, ==, victims_pid);
  mp_crash_set_victim (me);
  if (operation->started != NULL)
    operation->started ();

  return victims_pid;
}

static void
let_victim_go (void)
{
  g_autoptr (GError) error = NULL;

  mp_connection_send (connection_to_victim, g_variant_new_string ("go"), STALLED, NULL, &error);
  g_assert_no_error (error);
}

/* The tracer of somebody else's child must see its end before its parent can. */
static void
reap_victim (void)
{
  g_autoptr (GError) error = NULL;
  int status;

  if (victims_method != MP_START_METHOD_SPAWN)
    while (waitpid (victims_pid, &status, __WALL) == victims_pid && WIFSTOPPED (status))
      ;

  mp_process_join (victim, FOREVER, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (victim), ==, -SIGKILL);
  mp_connection_close (connection_to_victim);
  g_clear_object (&connection_to_victim);
  g_clear_object (&victim);
}

/* --- Main ----------------------------------------------------------------- */

static void
set_up_case (StartedCase   *started_case,
             MpStartMethod  method,
             guint          index)
{
  const Operation *operation = &operations[index];
  const char *name = method == MP_START_METHOD_SPAWN ? "spawn" : "forkserver";

  *started_case = (StartedCase) {
    .base = {
      .name = g_strdup_printf ("%s/%s", operation->name, name),
      .prepare = operation->prepare,
      .blocked = operation->blocked,
      .last = operation->last,
      .check = operation->check,
      .start = start_victim,
      .go = let_victim_go,
      .reap = reap_victim,
    },
    .method = method,
    .operation = index,
  };
  mp_crash_add (&started_case->base);
}

static void
make_objects (void)
{
  objects = (Objects) {
    .lock = mp_lock_new (),
    .semaphore = mp_semaphore_new (1),
    .bounded = MP_SEMAPHORE (mp_bounded_semaphore_new (1)),
    .condition = mp_condition_new (NULL),
    .event = mp_event_new (),
    .barrier = mp_barrier_new (ALL_PARTIES),
    .others = mp_barrier_new (ALL_PARTIES - 1),
  };
}

/* After a failure: the sleepers are dead, the objects new ones. */
static void
renew_objects (void)
{
  make_objects ();
  harness_holds = FALSE;
}

int
main (int   argc,
      char *argv[])
{
  static const MpCrashHooks hooks = {
    NULL, begin_round, renew_objects, 5 * G_TIME_SPAN_SECOND, N_POINTS,
  };
  int result;

  /* Symbols that are looked for at their first use would be most of the steps. */
  g_setenv ("LD_BIND_NOW", "1", TRUE);
  mp_register_target ("be-victim", be_victim, NULL, NULL);
  mp_init ();

  mp_crash_read_arguments (&argc, &argv);
  shared = mp_test_share (sizeof *shared);
  do_not_spin ();
  make_objects ();
  mp_crash_set_up (&hooks);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    set_up_case (&cases[i], methods[i % G_N_ELEMENTS (methods)], i / G_N_ELEMENTS (methods));

  result = mp_crash_run (NULL, 0);

  /* Victims were joined one by one; what the fork server forks from ends with this process. */
  mp_crash_end_sleepers ();
  return result;
}
