/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Locks between threads and processes.  This program is its own child. */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test-started.h"
#include "mp-test.h"

#define FOREVER -1.0

/* --- A child that does as it is told -------------------------------------- */

/* (connection, lock): "acquire", "release", "try" and "end", each answered. */
static GVariant *
obey (MpMessage     *arguments,
      GCancellable  *cancellable,
      gpointer       data,
      GError       **error)
{
  g_autoptr (MpConnection) connection = mp_test_get_attachment (arguments, 0);
  g_autoptr (MpLock) lock = mp_test_get_attachment (arguments, 1);
  g_autofree char *order = NULL;

  while ((order = mp_test_hear (connection, FOREVER)) != NULL)
    {
      gboolean done = g_str_equal (order, "acquire") ? mp_lock_acquire (lock, FOREVER, NULL, NULL)
                      : g_str_equal (order, "try") ? mp_lock_try_acquire (lock)
                                                   : mp_lock_release (lock, NULL);

      mp_test_say (connection, !done ? "no" : mp_lock_is_abandoned (lock) ? "abandoned" : "yes");
      g_clear_pointer (&order, g_free);
    }

  return NULL;
}

static MpTestServant
start_child (MpStartMethod  method,
             MpLock        *lock)
{
  return mp_test_servant_start (method, (gpointer[]) { lock }, 1);
}

/* --- One process ---------------------------------------------------------- */

static void
test_alone (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_false (mp_lock_is_locked (lock));
  g_assert_true (mp_lock_acquire (lock, FOREVER, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mp_lock_is_locked (lock));
  text = mp_shareable_to_string (MP_SHAREABLE (lock));
  g_assert_cmpstr (text, ==, "<Mp.Lock locked>");

  g_assert_false (mp_lock_try_acquire (lock));
  g_assert_false (mp_lock_acquire (lock, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_false (mp_lock_acquire (lock, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_assert_true (mp_lock_release (lock, &error));
  g_assert_no_error (error);
  g_assert_false (mp_lock_release (lock, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

#define N_THREADS 4
#define N_ROUNDS  20000

typedef struct
{
  MpLock *lock;
  guint n;   /* guarded by the lock */
} Counter;

static gpointer
count (gpointer data)
{
  Counter *counter = data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_assert_true (mp_lockable_enter (MP_LOCKABLE (counter->lock), FOREVER, NULL, NULL));
      counter->n++;
      g_assert_true (mp_lockable_leave (MP_LOCKABLE (counter->lock), NULL));
    }

  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  Counter counter = { lock, 0 };
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("count", count, &counter);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (counter.n, ==, N_THREADS * N_ROUNDS);
}

typedef struct
{
  MpLock *lock;
  GCancellable *cancellable;
} Wait;

static gpointer
wait_until_cancelled (gpointer data)
{
  Wait *wait = data;
  GError *error = NULL;

  g_assert_false (mp_lock_acquire (wait->lock, MP_TEST_DEADLINE, wait->cancellable, &error));
  return error;
}

static void
test_cancel (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();

  g_assert_true (mp_lock_try_acquire (lock));
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      Wait wait = { lock, cancellable };
      GThread *thread = g_thread_new ("wait", wait_until_cancelled, &wait);

      g_cancellable_cancel (cancellable);
      error = g_thread_join (thread);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
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

  while (!g_atomic_int_get ((int *) arguments[1]))
    {
      pthread_kill (*(pthread_t *) arguments[0], SIGUSR1);
      g_thread_yield ();
    }

  return NULL;
}

static void
test_interrupt (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GError) error = NULL;
  struct sigaction action = { .sa_handler = on_signal }, saved;
  pthread_t self = pthread_self ();
  int over = FALSE;
  gpointer arguments[] = { &self, &over };
  GThread *thread;

  sigaction (SIGUSR1, &action, &saved);
  thread = g_thread_new ("interrupt", interrupt, arguments);
  g_assert_true (mp_lock_try_acquire (lock));

  g_assert_false (mp_lock_acquire (lock, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_thread_set_interruptible (TRUE);
  g_assert_false (mp_lock_acquire (lock, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
  mp_thread_set_interruptible (FALSE);

  g_atomic_int_set (&over, TRUE);
  g_thread_join (thread);
  sigaction (SIGUSR1, &saved, NULL);
}

static void
test_many (void)
{
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);
  guint n_fds = mp_test_count_fds ();

  for (guint i = 0; i < 100000; i++)
    {
      g_ptr_array_add (locks, mp_lock_new ());
      g_assert_true (mp_lock_try_acquire (g_ptr_array_index (locks, i)));
    }

  g_assert_cmpuint (mp_test_count_fds () - n_fds, <, 16);
}

/* --- Main loops ----------------------------------------------------------- */

static void
finish_acquire (MpLock       *lock,
                GAsyncResult *result,
                GQuark        domain,
                int           code)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_lock_acquire_finish (lock, result, &error), ==, domain == 0);
  if (domain == 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, domain, code);
}

static void
test_async (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GAsyncResult) first = NULL, second = NULL;

  mp_lock_acquire_async (lock, FOREVER, NULL, mp_test_keep_result, &first);
  g_assert_null (first);
  g_assert_false (mp_lock_is_locked (lock));
  mp_test_await_result (&first);
  finish_acquire (lock, first, 0, 0);
  g_assert_true (mp_lock_is_locked (lock));

  mp_lock_acquire_async (lock, FOREVER, NULL, mp_test_keep_result, &second);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (second);
  g_assert_true (mp_lock_release (lock, NULL));
  mp_test_await_result (&second);
  finish_acquire (lock, second, 0, 0);
  g_assert_true (mp_lock_release (lock, NULL));
}

static void
test_async_given_up (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) first = NULL, second = NULL, third = NULL, fourth = NULL;

  g_assert_true (mp_lock_try_acquire (lock));
  mp_lock_acquire_async (lock, 0.01, NULL, mp_test_keep_result, &first);
  mp_lock_acquire_async (lock, 0, NULL, mp_test_keep_result, &second);
  mp_lock_acquire_async (lock, FOREVER, cancellable, mp_test_keep_result, &third);
  mp_test_await_result (&first);
  mp_test_await_result (&second);
  finish_acquire (lock, first, MP_ERROR, MP_ERROR_TIMED_OUT);
  finish_acquire (lock, second, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_null (third);

  g_cancellable_cancel (cancellable);
  mp_test_await_result (&third);
  finish_acquire (lock, third, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mp_lock_acquire_async (lock, FOREVER, cancellable, mp_test_keep_result, &fourth);
  mp_test_await_result (&fourth);
  finish_acquire (lock, fourth, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gboolean
reset (GCancellable *cancellable,
       gpointer      data)
{
  g_cancellable_reset (cancellable);
  return G_SOURCE_REMOVE;
}

/* A cancellation that another source has taken back in the same turn is none: nobody has a lock by it. */
static void
test_async_reset (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSource) source = g_cancellable_source_new (cancellable);
  g_autoptr (GAsyncResult) result = NULL;

  g_source_set_callback (source, G_SOURCE_FUNC (reset), NULL, NULL);
  g_source_attach (source, NULL);
  g_assert_true (mp_lock_try_acquire (lock));
  mp_lock_acquire_async (lock, FOREVER, cancellable, mp_test_keep_result, &result);
  g_cancellable_cancel (cancellable);
  while (g_cancellable_is_cancelled (cancellable))
    g_main_context_iteration (NULL, FALSE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  finish_acquire (lock, result, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

typedef struct
{
  MpLock *lock;
  guint n_left;
} Queue;

static void
on_turn (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Queue *queue = data;

  finish_acquire (queue->lock, result, 0, 0);
  queue->n_left--;
  g_assert_true (mp_lock_release (queue->lock, NULL));
}

static gboolean
none_is_left (gpointer data)
{
  return ((Queue *) data)->n_left == 0;
}

/* However many wait from one loop, more than a bell has places for, all get it. */
static void
test_async_crowd (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  Queue queue = { lock, 500 };

  g_assert_true (mp_lock_try_acquire (lock));
  for (guint i = 0; i < 500; i++)
    mp_lock_acquire_async (lock, FOREVER, NULL, on_turn, &queue);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (queue.n_left, ==, 500);
  g_assert_true (mp_lock_release (lock, NULL));
  mp_test_run_until (none_is_left, &queue);
}

/* --- Processes ------------------------------------------------------------ */

static void
test_processes (gconstpointer method)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  MpTestServant child = start_child (MP_TEST_METHOD (method), lock);

  mp_test_servant_order (&child, "acquire", "yes");
  g_assert_true (mp_lock_is_locked (lock));
  g_assert_false (mp_lock_try_acquire (lock));
  g_assert_false (mp_lock_acquire (lock, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  mp_lock_acquire_async (lock, FOREVER, NULL, mp_test_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  mp_test_servant_order (&child, "release", "yes");
  mp_test_await_result (&result);
  finish_acquire (lock, result, 0, 0);
  mp_test_servant_order (&child, "try", "no");

  /* Anybody may release it. */
  mp_test_servant_order (&child, "release", "yes");
  g_assert_true (mp_lock_acquire (lock, 0, NULL, NULL));
  g_assert_true (mp_lock_release (lock, NULL));
  mp_test_servant_join (&child);
}

static gpointer
acquire_in_thread (gpointer lock)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_lock_acquire (lock, MP_TEST_DEADLINE, NULL, &error));
  return GINT_TO_POINTER (mp_lock_is_abandoned (lock));
}

static void
test_holder_dies (gconstpointer method)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *text = NULL;
  MpTestServant child = start_child (MP_TEST_METHOD (method), lock);
  GThread *thread;

  mp_test_servant_order (&child, "acquire", "yes");
  thread = g_thread_new ("acquire", acquire_in_thread, lock);
  mp_test_servant_kill (&child);
  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
  text = mp_shareable_to_string (MP_SHAREABLE (lock));
  g_assert_cmpstr (text, ==, "<Mp.Lock locked abandoned>");
  g_assert_true (mp_lock_release (lock, NULL));
  g_assert_false (mp_lock_is_abandoned (lock));

  /* The same in a main loop. */
  child = start_child (MP_TEST_METHOD (method), lock);
  mp_test_servant_order (&child, "acquire", "yes");
  mp_lock_acquire_async (lock, FOREVER, NULL, mp_test_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  mp_test_servant_kill (&child);
  mp_test_await_result (&result);
  finish_acquire (lock, result, 0, 0);
  g_assert_true (mp_lock_is_abandoned (lock));
}

/* Two children of one parent have it too, and it outlives the parent's own. */
static void
test_siblings (gconstpointer method)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  MpTestServant first = start_child (MP_TEST_METHOD (method), lock);
  MpTestServant second = start_child (MP_TEST_METHOD (method), lock);

  mp_test_servant_order (&first, "acquire", "yes");
  g_clear_object (&lock);
  mp_test_servant_order (&second, "try", "no");
  mp_test_servant_kill (&first);
  mp_test_servant_order (&second, "acquire", "abandoned");
  mp_test_servant_order (&second, "release", "yes");
  mp_test_servant_order (&second, "acquire", "yes");
  mp_test_servant_join (&second);
}

/* More locks in one message than descriptors could go with it. */
static GVariant *
count_locks (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       data,
             GError       **error)
{
  guint n = mp_message_get_n_attachments (arguments);
  guint n_taken = 0;

  /* From the last one on: each must be found without the first. */
  for (guint i = n; i > 0; i--)
    {
      g_autoptr (MpLock) lock = mp_test_get_attachment (arguments, i - 1);

      n_taken += mp_lock_try_acquire (lock);
    }

  exit (n == 1000 && n_taken == 999 ? 42 : 1);
}

static void
test_many_arguments (gconstpointer method)
{
  g_autoptr (MpContext) context = mp_context_new (MP_TEST_METHOD (method), NULL);
  g_autoptr (MpProcess) process = mp_process_new (context, "count-locks", NULL);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
  g_autoptr (MpLock) last = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 1000; i++)
    {
      g_clear_object (&last);
      last = mp_lock_new ();
      mp_message_attach (message, MP_SHAREABLE (last));
    }

  g_assert_true (mp_lock_try_acquire (last));
  mp_process_set_message (process, message);
  g_assert_true (mp_process_start (process, &error));
  g_assert_true (mp_process_join (process, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 42);
}

static void
join_stranger (pid_t pid)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 42 << 8);
}

/* A process that a stranger forks is another user of its parent's lock. */
static void
test_stranger (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GError) error = NULL;
  pid_t pid;

  g_assert_true (mp_lock_try_acquire (lock));
  pid = fork ();
  if (pid == 0)
    _exit (!mp_lock_try_acquire (lock) && mp_lock_release (lock, NULL) && mp_lock_try_acquire (lock) ? 42 : 1);

  join_stranger (pid);
  g_assert_true (mp_lock_acquire (lock, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mp_lock_is_abandoned (lock));
  g_assert_true (mp_lock_release (lock, NULL));
}

/* That it was abandoned is told to who has it from the dead, and not to its children,
 * nor to itself when it has it from somebody else.
 */
static void
test_stranger_abandoned (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  pid_t pid = fork ();

  if (pid == 0)
    _exit (mp_lock_try_acquire (lock) ? 42 : 1);

  join_stranger (pid);
  g_assert_true (mp_lock_acquire (lock, MP_TEST_DEADLINE, NULL, NULL));
  g_assert_true (mp_lock_is_abandoned (lock));

  pid = fork ();
  if (pid == 0)
    _exit (!mp_lock_is_abandoned (lock) && mp_lock_release (lock, NULL) ? 42 : 1);

  join_stranger (pid);
  g_assert_true (mp_lock_try_acquire_intact (lock));
  g_assert_false (mp_lock_is_abandoned (lock));
  g_assert_true (mp_lock_release (lock, NULL));

  pid = fork ();
  if (pid == 0)
    _exit (mp_lock_try_acquire (lock) ? 42 : 1);

  join_stranger (pid);
  g_assert_false (mp_lock_try_acquire_intact (lock));
  g_assert_true (mp_lock_try_acquire (lock));
  g_assert_true (mp_lock_is_abandoned (lock));
  g_assert_true (mp_lock_release (lock, NULL));
}

/* Two locks in a message, which their sender has no more. */
static GVariant *
take_dropped_locks (MpMessage     *arguments,
                    GCancellable  *cancellable,
                    gpointer       data,
                    GError       **error)
{
  g_autoptr (MpConnection) connection = mp_test_get_attachment (arguments, 0);
  g_autoptr (MpMessage) message = mp_connection_receive_message (connection, FOREVER, NULL, NULL);
  g_autoptr (MpLock) first = NULL, second = NULL;

  gboolean are_there;

  /* When the other has dropped them. */
  g_free (mp_test_hear (connection, FOREVER));
  first = mp_test_get_attachment (message, 0);
  second = mp_test_get_attachment (message, 1);
  are_there = mp_lock_try_acquire (first) && mp_lock_try_acquire (second);

  /* exit() does not free what lies on the stack. */
  g_clear_object (&message);
  g_clear_object (&first);
  g_clear_object (&second);
  g_clear_object (&connection);
  exit (are_there ? 42 : 2);
}

static void
test_dropped_on_the_way (gconstpointer method)
{
  g_autoptr (MpContext) context = mp_context_new (MP_TEST_METHOD (method), NULL);
  g_autoptr (MpProcess) process = mp_process_new (context, "take-dropped-locks", NULL);
  g_autoptr (MpMessage) arguments = mp_message_new (g_variant_new ("()"));
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
  g_autoptr (MpLock) first = mp_lock_new (), second = mp_lock_new ();
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (GError) error = NULL;

  mp_connection_new_pair (TRUE, &ours, &theirs, &error);
  g_assert_no_error (error);
  mp_message_attach (arguments, MP_SHAREABLE (theirs));
  mp_process_set_message (process, arguments);
  g_assert_true (mp_process_start (process, &error));
  mp_connection_close (theirs);

  mp_message_attach (message, MP_SHAREABLE (first));
  mp_message_attach (message, MP_SHAREABLE (second));
  g_assert_true (mp_connection_send_message (ours, message, MP_TEST_DEADLINE, NULL, &error));
  g_clear_object (&message);
  g_clear_object (&first);
  g_clear_object (&second);
  mp_test_say (ours, "dropped");

  g_assert_true (mp_process_join (process, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 42);
  mp_connection_close (ours);
}

/* --- Main ----------------------------------------------------------------- */

static void
warm_up (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GAsyncResult) result = NULL;

  g_assert_true (mp_lock_try_acquire (lock));
  mp_lock_acquire_async (lock, 0, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);

  for (guint i = 0; i < G_N_ELEMENTS (mp_test_methods); i++)
    {
      MpTestServant child = start_child (mp_test_methods[i], lock);

      mp_test_servant_order (&child, "try", "no");
      mp_test_servant_join (&child);
    }
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("obey", obey, NULL, NULL);
  mp_register_target ("count-locks", count_locks, NULL, NULL);
  mp_register_target ("take-dropped-locks", take_dropped_locks, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/lock/alone", test_alone);
  mp_test_add ("/lock/threads", test_threads);
  mp_test_add ("/lock/cancel", test_cancel);
  mp_test_add ("/lock/interrupt", test_interrupt);
  mp_test_add ("/lock/many", test_many);
  mp_test_add ("/lock/async", test_async);
  mp_test_add ("/lock/async/given-up", test_async_given_up);
  mp_test_add ("/lock/async/reset", test_async_reset);
  mp_test_add ("/lock/async/crowd", test_async_crowd);
  mp_test_add ("/lock/stranger", test_stranger);
  mp_test_add ("/lock/stranger/abandoned", test_stranger_abandoned);
  mp_test_add_methods ("/lock/dropped-on-the-way", test_dropped_on_the_way);
  mp_test_add_methods ("/lock/processes", test_processes);
  mp_test_add_methods ("/lock/holder-dies", test_holder_dies);
  mp_test_add_methods ("/lock/siblings", test_siblings);
  mp_test_add_methods ("/lock/many-arguments", test_many_arguments);

  return g_test_run ();
}
