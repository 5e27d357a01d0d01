/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-connection-private.h"
#include "mp-fd-private.h"
#include "mp-test.h"
#include "mp-transport-private.h"

#define MIB ((gsize) 1024 * 1024)

typedef struct
{
  MpConnection *a;
  MpConnection *b;
} Pair;

static Pair
new_pair (void)
{
  g_autoptr (GError) error = NULL;
  Pair pair;

  g_assert_true (mp_connection_new_pair (TRUE, &pair.a, &pair.b, &error));
  g_assert_no_error (error);
  return pair;
}

static void
free_pair (Pair *pair)
{
  if (pair->a != NULL)
    g_assert_finalize_object (g_steal_pointer (&pair->a));
  if (pair->b != NULL)
    g_assert_finalize_object (g_steal_pointer (&pair->b));
}

static void
send_int (MpConnection *connection,
          gint32        number)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_send (connection, g_variant_new_int32 (number), -1, NULL, &error));
  g_assert_no_error (error);
}

static gint32
receive_int (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

static void
assert_receive_fails (MpConnection *connection,
                      GQuark        domain,
                      int           code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, domain, code);
}

static void
assert_send_fails (MpConnection *connection,
                   GQuark        domain,
                   int           code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_connection_send (connection, g_variant_new_int32 (0), MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, domain, code);
}

static void
assert_nothing (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_receive (connection, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

/* Sends until nothing more goes.  Returns how many went. */
static gint32
fill (MpConnection *connection)
{
  for (gint32 n = 0;; n++)
    {
      g_autoptr (GError) error = NULL;

      if (!mp_connection_send (connection, g_variant_new_int32 (n), 0, NULL, &error))
        {
          g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
          return n;
        }
    }
}

static GBytes *
new_bytes (gsize size)
{
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) ((i + (i >> 8) + (i >> 16)) & 0xff);
  return g_bytes_new_take (data, size);
}

/* --- What is sent ----------------------------------------------------------- */

static void
test_value (void)
{
  Pair pair = new_pair ();
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("{'a': <1>, 'b': <'two'>}"));
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_send (pair.a, value, -1, NULL, &error));
  received = mp_connection_receive (pair.b, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (received, value);

  send_int (pair.b, 5);
  g_assert_cmpint (receive_int (pair.a), ==, 5);

  free_pair (&pair);
}

static void
test_data (void)
{
  Pair pair = new_pair ();
  g_autoptr (MpMessage) message = NULL;
  g_autofree guint8 *data = NULL;
  g_autofree guint8 *empty = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (mp_connection_send_data (pair.a, (const guint8 *) "abc", 3, NULL, -1, NULL, &error));
  g_assert_true (mp_connection_send_data (pair.a, NULL, 0, "raw", -1, NULL, &error));
  g_assert_true (mp_connection_send_data (pair.a, (const guint8 *) "{}", 2, "json", -1, NULL, &error));
  g_assert_no_error (error);

  data = mp_connection_receive_data (pair.b, 0, -1, &length, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (data, length, "abc", 3);
  empty = mp_connection_receive_data (pair.b, 0, -1, &length, NULL, &error);
  g_assert_nonnull (empty);
  g_assert_cmpuint (length, ==, 0);
  message = mp_connection_receive_message (pair.b, -1, NULL, &error);
  g_assert_cmpstr (mp_message_get_codec (message), ==, "json");

  free_pair (&pair);
}

static void
test_bytes (void)
{
  static const gsize sizes[] = { 0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB };
  Pair pair = new_pair ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = new_bytes (sizes[i]);
      g_autoptr (GBytes) received = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (mp_connection_send_bytes (pair.a, bytes, NULL, -1, NULL, &error));
      received = mp_connection_receive_bytes (pair.b, sizes[i], -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (received, bytes));
    }

  free_pair (&pair);
}

/* What is not what was asked for is not lost. */
static void
test_stays (void)
{
  Pair pair = new_pair ();
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (mp_connection_send_data (pair.a, (const guint8 *) "abc", 3, "json", -1, NULL, NULL));
  send_int (pair.a, 7);

  g_assert_null (mp_connection_receive (pair.b, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  g_assert_null (mp_connection_receive_data (pair.b, 2, -1, &length, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  g_clear_error (&error);
  bytes = mp_connection_receive_bytes (pair.b, 3, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), 3, "abc", 3);

  g_assert_null (mp_connection_receive_bytes (pair.b, 0, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_assert_cmpint (receive_int (pair.b), ==, 7);

  free_pair (&pair);
}

static void
test_one_way (void)
{
  g_autoptr (MpConnection) reader = NULL;
  g_autoptr (MpConnection) writer = NULL;

  g_assert_true (mp_connection_new_pair (FALSE, &reader, &writer, NULL));
  g_assert_true (mp_connection_get_readable (reader) && !mp_connection_get_writable (reader));
  g_assert_true (!mp_connection_get_readable (writer) && mp_connection_get_writable (writer));
  send_int (writer, 1);
  g_assert_cmpint (receive_int (reader), ==, 1);
  assert_send_fails (reader, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  assert_receive_fails (writer, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_assert_false (mp_connection_poll (writer, 0));
}

static void
test_to_string (void)
{
  g_autoptr (MpConnection) reader = NULL;
  g_autoptr (MpConnection) writer = NULL;
  g_autofree char *open = NULL;
  g_autofree char *closed = NULL;

  g_assert_true (mp_connection_new_pair (FALSE, &reader, &writer, NULL));
  open = mp_shareable_to_string (MP_SHAREABLE (reader));
  g_assert_true (g_regex_match_simple ("^<Mp\\.Connection fd=\\d+ readable>$", open, 0, 0));
  mp_connection_close (reader);
  closed = mp_shareable_to_string (MP_SHAREABLE (reader));
  g_assert_cmpstr (closed, ==, "<Mp.Connection closed>");
}

/* One made by g_object_new() is closed. */
static void
test_bare (void)
{
  g_autoptr (MpConnection) bare = g_object_new (MP_TYPE_CONNECTION, NULL);

  g_assert_true (mp_connection_is_closed (bare));
  assert_receive_fails (bare, MP_ERROR, MP_ERROR_CLOSED);
  assert_send_fails (bare, MP_ERROR, MP_ERROR_CLOSED);
  mp_connection_start_reading (bare);
  mp_connection_close (bare);
}

/* --- Waiting ---------------------------------------------------------------- */

static void
test_timeout (void)
{
  Pair pair = new_pair ();
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  gint32 n;

  g_assert_null (mp_connection_receive (pair.b, 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 20000);

  n = fill (pair.a);
  begin = g_get_monotonic_time ();
  g_assert_false (mp_connection_send (pair.a, g_variant_new_int32 (-1), 0.02, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 20000);

  /* Nothing of it was sent. */
  for (gint32 i = 0; i < n; i++)
    g_assert_cmpint (receive_int (pair.b), ==, i);
  assert_nothing (pair.b);

  free_pair (&pair);
}

/* Nor of one that has begun to go in parts, because no descriptor is left. */
static void
test_timeout_amid_parts (void)
{
  Pair pair = new_pair ();
  g_autoptr (GBytes) bytes = new_bytes (5 * MIB);
  g_autoptr (GError) error = NULL;
  struct rlimit old, none;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  none = (struct rlimit) { 0, old.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  g_assert_false (mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  assert_nothing (pair.b);
  send_int (pair.a, 5);
  g_assert_cmpint (receive_int (pair.b), ==, 5);

  free_pair (&pair);
}

/* Size does not count as time, but room does. */
static void
test_large_without_time (void)
{
  const gsize sizes[] = { 100, 60000, MIB, 5 * MIB / 2, 8 * MIB };
  Pair pair = new_pair ();
  g_autoptr (GError) error = NULL;
  gboolean is_full = FALSE;

  for (guint i = 0; i < 2 * G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = new_bytes (sizes[i / 2]);
      g_autoptr (GBytes) received = NULL;
      g_autoptr (GAsyncResult) result = NULL;

      if (i % 2 == 0)
        mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error);
      else
        {
          mp_connection_send_bytes_async (pair.a, bytes, NULL, 0, NULL, mp_test_keep_result, &result);
          mp_test_await_result (&result);
          mp_connection_send_bytes_finish (pair.a, result, &error);
        }
      g_assert_no_error (error);
      received = mp_connection_receive_bytes (pair.b, 0, 0, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (received, bytes));
    }

  while (!is_full)
    {
      g_autoptr (GBytes) bytes = new_bytes (20 * MIB);

      is_full = !mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error);
    }
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

  free_pair (&pair);
}

/* A send that is copied in slices can still be cancelled, and leaves nothing. */
static void
test_cancel_amid_copying (void)
{
  Pair pair = new_pair ();
  g_autoptr (GBytes) bytes = new_bytes (8 * MIB);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mp_connection_send_bytes_async (pair.a, bytes, NULL, 0, cancellable, mp_test_keep_result, &result);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  g_assert_false (mp_connection_send_bytes_finish (pair.a, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_nothing (pair.b);
  send_int (pair.a, 5);
  g_assert_cmpint (receive_int (pair.b), ==, 5);

  g_clear_object (&result);
  free_pair (&pair);
}

static gpointer
send_soon (gpointer data)
{
  send_int (data, 42);
  return NULL;
}

static void
test_wait_for_message (void)
{
  Pair pair = new_pair ();
  GThread *thread = g_thread_new ("sender", send_soon, pair.a);

  g_assert_cmpint (receive_int (pair.b), ==, 42);
  g_thread_join (thread);

  free_pair (&pair);
}

static gpointer
receive_all (gpointer data)
{
  gint32 n = 0;

  while (receive_int (data) >= 0)
    n++;
  return GINT_TO_POINTER (n);
}

static void
test_wait_for_room (void)
{
  Pair pair = new_pair ();
  gint32 n = fill (pair.a);
  GThread *thread = g_thread_new ("receiver", receive_all, pair.b);

  for (gint32 i = 0; i < 1000; i++)
    send_int (pair.a, i);
  send_int (pair.a, -1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, n + 1000);

  free_pair (&pair);
}

typedef struct
{
  MpConnection *connection;
  GCancellable *cancellable;
  int has_begun;
} Waiter;

/* Announces itself, then waits for a message; tells what came of it. */
static gpointer
wait_in_thread (gpointer data)
{
  Waiter *waiter = data;
  g_autoptr (GVariant) value = NULL;
  GError *error = NULL;

  g_atomic_int_set (&waiter->has_begun, TRUE);
  value = mp_connection_receive (waiter->connection, MP_TEST_DEADLINE, waiter->cancellable, &error);
  g_assert_true ((value == NULL) == (error != NULL));

  return error;
}

/* How many waiters sleep in a system call: no event tells, the kernel does. */
static guint
count_sleepers (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "syscall", NULL);
      g_autofree char *comm_path = g_build_filename ("/proc/self/task", name, "comm", NULL);
      g_autofree char *text = NULL;
      g_autofree char *comm = NULL;

      if (g_file_get_contents (comm_path, &comm, NULL, NULL) && strcmp (comm, "waiter\n") == 0 &&
          g_file_get_contents (path, &text, NULL, NULL) && !g_str_has_prefix (text, "running"))
        n++;
    }

  return n;
}

static void
wait_until_asleep (Waiter *waiter,
                   guint   n_sleepers)
{
  while (!g_atomic_int_get (&waiter->has_begun) || count_sleepers () < n_sleepers)
    g_thread_yield ();
}

static GThread *
start_waiter (Waiter *waiter)
{
  GThread *thread = g_thread_new ("waiter", wait_in_thread, waiter);

  wait_until_asleep (waiter, 1);
  return thread;
}

static void
finish_waiter (GThread *thread,
               GQuark   domain,
               int      code)
{
  g_autoptr (GError) error = g_thread_join (thread);

  g_assert_error (error, domain, code);
}

static void
test_cancel_blocking (void)
{
  Pair pair = new_pair ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Waiter waiter = { .connection = pair.b, .cancellable = cancellable };
  GThread *thread = start_waiter (&waiter);
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  finish_waiter (thread, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* Cancelled before: takes nothing, though something is there. */
  send_int (pair.a, 3);
  g_assert_null (mp_connection_receive (pair.b, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (receive_int (pair.b), ==, 3);

  free_pair (&pair);
}

/* One of several polls; when it goes, another one does. */
static void
test_wait_in_turn (void)
{
  Pair pair = new_pair ();
  Waiter waiters[3] = { { pair.b, NULL, 0 }, { pair.b, NULL, 0 }, { pair.b, NULL, 0 } };
  GThread *threads[3];

  for (guint i = 0; i < 3; i++)
    {
      threads[i] = g_thread_new ("waiter", wait_in_thread, &waiters[i]);
      wait_until_asleep (&waiters[i], i + 1);
    }

  for (guint i = 0; i < 3; i++)
    {
      GError *error;

      send_int (pair.a, 1);
      error = g_thread_join (threads[i]);
      g_assert_no_error (error);
    }

  free_pair (&pair);
}

static void
test_close_while_waiting (void)
{
  Pair pair = new_pair ();
  Waiter waiter = { .connection = pair.b };
  GThread *thread = start_waiter (&waiter);

  mp_connection_close (pair.b);
  finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);
  assert_receive_fails (pair.a, MP_ERROR, MP_ERROR_CLOSED);

  free_pair (&pair);
}

static void
test_peer_closes_while_waiting (void)
{
  Pair pair = new_pair ();
  Waiter waiter = { .connection = pair.b };
  GThread *thread = start_waiter (&waiter);

  mp_connection_close (pair.a);
  finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);

  free_pair (&pair);
}

static int n_signals;

static void
on_signal (int number)
{
  g_atomic_int_inc (&n_signals);
}

typedef struct
{
  Waiter waiter;
  gboolean is_interruptible;
  pthread_t thread;
  int has_returned; /* the first wait */
} Interrupted;

static gpointer
wait_interruptibly (gpointer data)
{
  Interrupted *interrupted = data;
  GError *error;

  interrupted->thread = pthread_self ();
  mp_thread_set_interruptible (interrupted->is_interruptible);
  error = wait_in_thread (&interrupted->waiter);
  g_atomic_int_set (&interrupted->has_returned, TRUE);

  /* And again, as whoever was interrupted does. */
  if (g_error_matches (error, MP_ERROR, MP_ERROR_INTERRUPTED))
    g_assert_cmpint (receive_int (interrupted->waiter.connection), ==, 9);
  return error;
}

static void
test_signal (gconstpointer data)
{
  Pair pair = new_pair ();
  Interrupted interrupted = {
    .waiter = { .connection = pair.b },
    .is_interruptible = GPOINTER_TO_INT (data),
  };
  struct sigaction action = { .sa_handler = on_signal };
  g_autoptr (GError) error = NULL;
  GThread *thread;
  int n = g_atomic_int_get (&n_signals);

  sigaction (SIGUSR1, &action, NULL);
  thread = g_thread_new ("waiter", wait_interruptibly, &interrupted);
  wait_until_asleep (&interrupted.waiter, 1);

  pthread_kill (interrupted.thread, SIGUSR1);
  while (g_atomic_int_get (&n_signals) == n)
    g_thread_yield ();
  /* A message that is there when the signal has been handled would be taken all the same */
  while (interrupted.is_interruptible && !g_atomic_int_get (&interrupted.has_returned))
    g_thread_yield ();
  send_int (pair.a, 9);

  error = g_thread_join (thread);
  if (interrupted.is_interruptible)
    g_assert_error (error, MP_ERROR, MP_ERROR_INTERRUPTED);
  else
    g_assert_no_error (error);

  signal (SIGUSR1, SIG_DFL);
  free_pair (&pair);
}

static void
test_poll (void)
{
  Pair pair = new_pair ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_connection_poll (pair.b, 0));
  g_assert_false (mp_connection_poll (pair.b, 0.001));
  g_assert_false (mp_connection_wait_readable (pair.b, 0.001, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  send_int (pair.a, 1);
  g_assert_true (mp_connection_poll (pair.b, -1));
  g_assert_true (mp_connection_poll (pair.b, 0));
  g_assert_cmpint (receive_int (pair.b), ==, 1);
  g_assert_false (mp_connection_poll (pair.b, 0));

  g_cancellable_cancel (cancellable);
  g_assert_false (mp_connection_wait_readable (pair.b, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* At the end a receive would not wait either. */
  mp_connection_close (pair.a);
  g_assert_true (mp_connection_poll (pair.b, -1));
  assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);

  free_pair (&pair);
}

static gboolean
is_readable (int fd)
{
  struct pollfd poll_fd = { fd, POLLIN, 0 };

  return poll (&poll_fd, 1, 0) == 1;
}

/* The descriptor shows a message wherever it is, and nothing else. */
static void
test_fd (void)
{
  Pair pair = new_pair ();
  g_autoptr (GError) error = NULL;
  int fd = mp_connection_get_fd (pair.b, &error);

  g_assert_no_error (error);
  g_assert_cmpint (mp_connection_get_fd (pair.b, NULL), ==, fd);
  g_assert_false (is_readable (fd));

  send_int (pair.a, 1);
  send_int (pair.a, 2);
  g_assert_true (is_readable (fd));
  g_assert_true (mp_connection_poll (pair.b, 0));
  g_assert_true (is_readable (fd));
  g_assert_cmpint (receive_int (pair.b), ==, 1);
  g_assert_true (is_readable (fd));
  g_assert_null (mp_connection_receive_bytes (pair.b, 0, 0, NULL, NULL));
  g_assert_true (is_readable (fd));
  g_assert_cmpint (receive_int (pair.b), ==, 2);
  g_assert_false (is_readable (fd));

  /* Large bodies, and reading of the other end, show nothing. */
  {
    g_autoptr (GBytes) large = new_bytes (MIB);
    g_autoptr (GBytes) received = NULL;

    mp_connection_send_bytes (pair.b, large, NULL, -1, NULL, NULL);
    received = mp_connection_receive_bytes (pair.a, 0, -1, NULL, NULL);
    g_assert_nonnull (received);
    g_assert_false (is_readable (fd));
  }

  mp_connection_close (pair.a);
  g_assert_true (is_readable (fd));
  mp_connection_close (pair.b);
  g_assert_cmpint (mp_connection_get_fd (pair.b, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  free_pair (&pair);
}

/* --- Asynchronously --------------------------------------------------------- */

/* What completions append to, in order. */
typedef struct
{
  GArray *numbers;
  guint n_wanted;
} Log;

static gboolean
is_complete (gpointer data)
{
  Log *log = data;

  return log->numbers->len >= log->n_wanted;
}

static void
log_received (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  Log *log = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive_finish (MP_CONNECTION (source), result, &error);
  gint32 number = value != NULL ? g_variant_get_int32 (value) : -error->code;

  g_array_append_val (log->numbers, number);
}

static void
log_sent (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  Log *log = data;
  g_autoptr (GError) error = NULL;
  gint32 number = mp_connection_send_finish (MP_CONNECTION (source), result, &error) ? 0 : -error->code;

  g_array_append_val (log->numbers, number);
}

static Log
new_log (guint n_wanted)
{
  return (Log) { g_array_new (FALSE, FALSE, sizeof (gint32)), n_wanted };
}

static void
test_async (void)
{
  Pair pair = new_pair ();
  Log received = new_log (100);
  Log sent = new_log (100);

  for (gint32 i = 0; i < 100; i++)
    {
      mp_connection_receive_async (pair.b, -1, NULL, log_received, &received);
      mp_connection_send_async (pair.a, g_variant_new_int32 (i), -1, NULL, log_sent, &sent);
      g_assert_cmpuint (received.numbers->len, ==, 0);
      g_assert_cmpuint (sent.numbers->len, ==, 0);
    }

  mp_test_run_until (is_complete, &received);
  mp_test_run_until (is_complete, &sent);
  for (gint32 i = 0; i < 100; i++)
    {
      g_assert_cmpint (g_array_index (received.numbers, gint32, i), ==, i);
      g_assert_cmpint (g_array_index (sent.numbers, gint32, i), ==, 0);
    }

  g_array_unref (received.numbers);
  g_array_unref (sent.numbers);
  free_pair (&pair);
}

/* A blocking call does what stands before it, though nobody runs the context. */
static void
test_blocking_behind_async (void)
{
  Pair pair = new_pair ();
  gint32 n = fill (pair.a);
  Log log = new_log (3);
  GThread *thread;

  for (gint32 i = 0; i < 3; i++)
    mp_connection_send_async (pair.a, g_variant_new_int32 (n + i), -1, NULL, log_sent, &log);
  thread = g_thread_new ("receiver", receive_all, pair.b);
  send_int (pair.a, -1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, n + 3);
  g_assert_cmpuint (log.numbers->len, ==, 0);
  mp_test_run_until (is_complete, &log);

  /* And receives in order: the first message is the asynchronous one's. */
  g_array_set_size (log.numbers, 0);
  log.n_wanted = 1;
  mp_connection_receive_async (pair.b, -1, NULL, log_received, &log);
  send_int (pair.a, 1);
  send_int (pair.a, 2);
  g_assert_cmpint (receive_int (pair.b), ==, 2);
  mp_test_run_until (is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  g_array_unref (log.numbers);
  free_pair (&pair);
}

static void
test_async_fails (void)
{
  Pair pair = new_pair ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Log log = new_log (1);

  mp_connection_receive_async (pair.b, 0, NULL, log_received, &log);
  g_assert_cmpuint (log.numbers->len, ==, 0);
  mp_test_run_until (is_complete, &log);
  mp_connection_receive_async (pair.b, 0.005, NULL, log_received, &log);
  log.n_wanted++;
  mp_test_run_until (is_complete, &log);

  mp_connection_receive_async (pair.b, -1, cancellable, log_received, &log);
  g_cancellable_cancel (cancellable);
  log.n_wanted++;
  mp_test_run_until (is_complete, &log);
  mp_connection_receive_async (pair.b, -1, cancellable, log_received, &log);
  g_assert_cmpuint (log.numbers->len, ==, 3);
  log.n_wanted++;
  mp_test_run_until (is_complete, &log);

  /* None of them has taken anything. */
  send_int (pair.a, 8);
  g_assert_cmpint (receive_int (pair.b), ==, 8);

  mp_connection_receive_async (pair.b, -1, NULL, log_received, &log);
  mp_connection_receive_async (pair.b, -1, NULL, log_received, &log);
  mp_connection_close (pair.b);
  g_assert_cmpuint (log.numbers->len, ==, 4);
  log.n_wanted += 2;
  mp_test_run_until (is_complete, &log);
  mp_connection_send_async (pair.b, g_variant_new_int32 (0), -1, NULL, log_sent, &log);
  log.n_wanted++;
  mp_test_run_until (is_complete, &log);

  {
    static const gint32 expected[] = {
      -MP_ERROR_TIMED_OUT, -MP_ERROR_TIMED_OUT, -G_IO_ERROR_CANCELLED, -G_IO_ERROR_CANCELLED,
      -MP_ERROR_CLOSED, -MP_ERROR_CLOSED, -MP_ERROR_CLOSED,
    };

    g_assert_cmpmem (log.numbers->data, log.numbers->len * sizeof (gint32), expected, sizeof expected);
  }

  g_array_unref (log.numbers);
  free_pair (&pair);
}

/* What was received before the cancelling came counts. */
static void
test_cancel_too_late (void)
{
  Pair pair = new_pair ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Log log = new_log (1);

  send_int (pair.a, 5);
  mp_connection_receive_async (pair.b, -1, cancellable, log_received, &log);
  g_cancellable_cancel (cancellable);
  mp_test_run_until (is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 5);

  g_array_unref (log.numbers);
  free_pair (&pair);
}

static void
test_async_forms (void)
{
  Pair pair = new_pair ();
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GBytes) bytes = new_bytes (10);
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[7] = { NULL };
  g_autoptr (GBytes) received_bytes = NULL;
  g_autofree guint8 *received_data = NULL;
  g_autoptr (MpMessage) received_message = NULL;
  gsize length;

  mp_connection_wait_readable_async (pair.b, -1, NULL, mp_test_keep_result, &results[0]);
  mp_connection_receive_bytes_async (pair.b, 10, -1, NULL, mp_test_keep_result, &results[1]);
  mp_connection_receive_data_async (pair.b, 0, -1, NULL, mp_test_keep_result, &results[2]);
  mp_connection_receive_message_async (pair.b, -1, NULL, mp_test_keep_result, &results[3]);
  mp_connection_send_bytes_async (pair.a, bytes, NULL, -1, NULL, mp_test_keep_result, &results[4]);
  mp_connection_send_data_async (pair.a, (const guint8 *) "data", 4, "x", -1, NULL,
                                 mp_test_keep_result, &results[5]);
  mp_connection_send_message_async (pair.a, message, -1, NULL, mp_test_keep_result, &results[6]);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    mp_test_await_result (&results[i]);

  g_assert_true (mp_connection_wait_readable_finish (pair.b, results[0], &error));
  received_bytes = mp_connection_receive_bytes_finish (pair.b, results[1], &error);
  g_assert_true (g_bytes_equal (received_bytes, bytes));
  received_data = mp_connection_receive_data_finish (pair.b, results[2], &length, &error);
  g_assert_cmpmem (received_data, length, "data", 4);
  received_message = mp_connection_receive_message_finish (pair.b, results[3], &error);
  g_assert_cmpstr (mp_message_get_type_string (received_message), ==, "mv");
  g_assert_true (mp_connection_send_bytes_finish (pair.a, results[4], &error));
  g_assert_true (mp_connection_send_data_finish (pair.a, results[5], &error));
  g_assert_true (mp_connection_send_message_finish (pair.a, results[6], &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    g_object_unref (results[i]);
  free_pair (&pair);
}

/* An operation of a context that is not run keeps nobody waiting. */
static void
test_idle_context (void)
{
  Pair pair = new_pair ();
  g_autoptr (GMainContext) context = g_main_context_new ();
  Log log = new_log (1);

  g_main_context_push_thread_default (context);
  mp_connection_receive_async (pair.b, -1, NULL, log_received, &log);
  g_main_context_pop_thread_default (context);

  send_int (pair.a, 1);
  send_int (pair.a, 2);
  g_assert_cmpint (receive_int (pair.b), ==, 2);
  g_assert_cmpuint (log.numbers->len, ==, 0);

  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (log.numbers->len, ==, 1);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  g_array_unref (log.numbers);
  free_pair (&pair);
}

/* --- Reading ---------------------------------------------------------------- */

typedef struct
{
  GMainContext *context;
  GString *text;
  guint n_events;
  guint n_wanted;
  guint stop_after;
} Events;

static gboolean
has_all (gpointer data)
{
  Events *events = data;

  return events->n_events >= events->n_wanted;
}

static void
on_message (MpConnection *connection,
            MpMessage    *message,
            gpointer      data)
{
  Events *events = data;
  g_autoptr (GVariant) value = mp_message_get_value (message, NULL);

  g_assert_true (g_main_context_is_owner (events->context));
  g_string_append_printf (events->text, "%d ", g_variant_get_int32 (value));
  if (++events->n_events == events->stop_after)
    mp_connection_stop_reading (connection);
}

static void
on_closed (MpConnection *connection,
           GError       *reason,
           gpointer      data)
{
  Events *events = data;

  g_assert_true (g_main_context_is_owner (events->context));
  g_string_append_printf (events->text, "end %d ", reason->code);
  events->n_events++;
}

static void
on_state (MpConnection *connection,
          GParamSpec   *pspec,
          gpointer      data)
{
  Events *events = data;

  g_string_append_printf (events->text, "state %d ", mp_connection_get_state (connection));
  events->n_events++;
}

static Events
watch (MpConnection *connection,
       Events       *events)
{
  g_signal_connect (connection, "message-received", G_CALLBACK (on_message), events);
  g_signal_connect (connection, "peer-closed", G_CALLBACK (on_closed), events);
  g_signal_connect (connection, "notify::state", G_CALLBACK (on_state), events);
  return (Events) { mp_connection_get_main_context (connection), g_string_new (NULL), 0, 0, 0 };
}

static void
test_reading (void)
{
  Pair pair = new_pair ();
  Events events;

  events = watch (pair.b, &events);
  for (gint32 i = 0; i < 5; i++)
    send_int (pair.a, i);
  mp_connection_start_reading (pair.b);
  mp_connection_start_reading (pair.b);
  g_assert_cmpuint (events.n_events, ==, 0);
  events.stop_after = 3;
  events.n_wanted = 3;
  mp_test_run_until (has_all, &events);
  g_assert_cmpstr (events.text->str, ==, "0 1 2 ");

  /* Stopped: the next is there for who asks. */
  g_assert_cmpint (receive_int (pair.b), ==, 3);

  mp_connection_start_reading (pair.b);
  send_int (pair.a, 6);
  mp_connection_close (pair.a);
  events.n_wanted = 7;
  mp_test_run_until (has_all, &events);
  g_assert_cmpstr (events.text->str, ==, "0 1 2 4 6 state 1 end 3 ");
  g_assert_cmpint (MP_ERROR_CLOSED, ==, 3);

  g_string_free (events.text, TRUE);
  free_pair (&pair);
}

/* A message that was looked at and left goes to the reader. */
static void
test_reading_what_was_kept (void)
{
  Pair pair = new_pair ();
  Events events;

  events = watch (pair.b, &events);
  mp_connection_start_reading (pair.b);
  send_int (pair.a, 1);
  g_assert_null (mp_connection_receive_bytes (pair.b, 0, -1, NULL, NULL));
  events.n_wanted = 1;
  mp_test_run_until (has_all, &events);
  g_assert_cmpstr (events.text->str, ==, "1 ");

  g_string_free (events.text, TRUE);
  mp_connection_stop_reading (pair.b);
  free_pair (&pair);
}

/* Nobody but its reading refers to the connection; it lives until the end. */
static void
test_reading_keeps_alive (void)
{
  Pair pair = new_pair ();
  Events events;

  events = watch (pair.b, &events);
  mp_connection_start_reading (pair.b);
  g_object_unref (g_steal_pointer (&pair.b));
  send_int (pair.a, 1);
  mp_connection_close (pair.a);
  events.n_wanted = 3;
  mp_test_run_until (has_all, &events);
  g_assert_cmpstr (events.text->str, ==, "1 state 1 end 3 ");

  g_string_free (events.text, TRUE);
  free_pair (&pair);
}

static gpointer
start_reading (gpointer connection)
{
  mp_connection_start_reading (connection);
  return NULL;
}

static void
test_reading_races_with_close (void)
{
  for (guint i = 0; i < 2000; i++)
    {
      Pair pair = new_pair ();
      GThread *thread = g_thread_new ("reader", start_reading, pair.b);

      if (i % 2 == 0)
        g_thread_yield ();
      mp_connection_close (pair.b);
      g_thread_join (thread);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      free_pair (&pair); /* nobody keeps it */
    }
}

static void
test_receive_before_reading (void)
{
  Pair pair = new_pair ();
  Events events;
  Log log = new_log (1);

  events = watch (pair.b, &events);
  mp_connection_start_reading (pair.b);
  mp_connection_receive_async (pair.b, -1, NULL, log_received, &log);
  send_int (pair.a, 1);
  send_int (pair.a, 2);
  events.n_wanted = 1;
  mp_test_run_until (has_all, &events);
  mp_test_run_until (is_complete, &log);
  g_assert_cmpstr (events.text->str, ==, "2 ");
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, 1);

  mp_connection_close (pair.b);
  events.n_wanted = 2;
  mp_test_run_until (has_all, &events);

  g_string_free (events.text, TRUE);
  g_array_unref (log.numbers);
  free_pair (&pair);
}

static void
test_state (void)
{
  Pair pair = new_pair ();
  Events events;

  events = watch (pair.b, &events);
  g_assert_cmpint (mp_connection_get_state (pair.b), ==, MP_CONNECTION_OPEN);
  mp_connection_close (pair.b);
  mp_connection_close (pair.b);
  g_assert_cmpint (mp_connection_get_state (pair.b), ==, MP_CONNECTION_CLOSED);
  g_assert_cmpuint (events.n_events, ==, 0);
  events.n_wanted = 1;
  mp_test_run_until (has_all, &events);
  g_assert_cmpstr (events.text->str, ==, "state 2 ");

  g_string_free (events.text, TRUE);
  free_pair (&pair);
}

/* --- Other processes -------------------------------------------------------- */

static MpConnection *
start_peer (const char *mode,
            GPid       *pid)
{
  int fds[2];
  int inherited[2];

  g_assert_true (mp_transport_new_pair (fds, NULL));
  inherited[0] = fds[1];
  inherited[1] = -1;
  *pid = mp_test_spawn ("connection-peer", mode, inherited);
  close (fds[1]);

  return mp_connection_new_take (fds[0], TRUE, TRUE, FALSE);
}

static void
assert_greeted (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "here");
}

static void
test_peer_exits (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("exit", &pid);

  assert_greeted (connection);
  assert_receive_fails (connection, MP_ERROR, MP_ERROR_CLOSED);
  assert_send_fails (connection, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
}

static void
test_peer_dies (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("die", &pid);

  assert_greeted (connection);
  assert_receive_fails (connection, MP_ERROR, MP_ERROR_PEER_DIED);
  assert_send_fails (connection, MP_ERROR, MP_ERROR_PEER_DIED);
  g_assert_cmpint (mp_connection_get_state (connection), ==, MP_CONNECTION_PEER_CLOSED);
  g_assert_cmpint (WTERMSIG (mp_test_wait (pid)), ==, SIGKILL);
}

static void
test_peer_is_killed (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("wait", &pid);
  Waiter waiter = { .connection = connection };
  Events events;
  Log log = new_log (1);
  GThread *thread;

  events = watch (connection, &events);
  assert_greeted (connection);
  fill (connection);
  thread = start_waiter (&waiter);
  mp_connection_send_async (connection, g_variant_new_int32 (0), -1, NULL, log_sent, &log);
  kill (pid, SIGKILL);

  /* All who wait learn it, and why. */
  finish_waiter (thread, MP_ERROR, MP_ERROR_PEER_DIED);
  mp_test_run_until (is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, -MP_ERROR_PEER_DIED);
  events.n_wanted = 2;
  mp_test_run_until (has_all, &events);
  g_assert_cmpstr (events.text->str, ==, "state 1 end 14 ");
  g_assert_cmpint (MP_ERROR_PEER_DIED, ==, 14);

  g_assert_cmpint (WTERMSIG (mp_test_wait (pid)), ==, SIGKILL);
  g_array_unref (log.numbers);
  g_string_free (events.text, TRUE);
}

static void
test_payloads (void)
{
  static const gsize sizes[] = { 1, 65536, MIB, 10 * MIB + 3, 64 * MIB };
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("echo", &pid);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = new_bytes (sizes[i]);
      g_autoptr (GBytes) received = NULL;
      g_autoptr (GError) error = NULL;
      GAsyncResult *results[2] = { NULL };

      g_assert_true (mp_connection_send_bytes (connection, bytes, NULL, MP_TEST_DEADLINE, NULL, &error));
      received = mp_connection_receive_bytes (connection, 0, MP_TEST_DEADLINE, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (received, bytes));
      g_clear_pointer (&received, g_bytes_unref);

      mp_connection_receive_bytes_async (connection, 0, -1, NULL, mp_test_keep_result, &results[0]);
      mp_connection_send_bytes_async (connection, bytes, NULL, -1, NULL, mp_test_keep_result, &results[1]);
      mp_test_await_result (&results[1]);
      mp_test_await_result (&results[0]);
      received = mp_connection_receive_bytes_finish (connection, results[0], &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (received, bytes));
      g_object_unref (results[0]);
      g_object_unref (results[1]);
    }

  mp_connection_close (connection);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
}

/* Both send large messages and wait for room: each also receives. */
static void
test_many_large (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("echo", &pid);
  g_autoptr (GBytes) bytes = new_bytes (4 * MIB);
  guint n = 40;
  GAsyncResult *results[40] = { NULL };

  for (guint i = 0; i < n; i++)
    mp_connection_send_bytes_async (connection, bytes, NULL, -1, NULL, mp_test_keep_result, &results[i]);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) received = mp_connection_receive_bytes (connection, 0, MP_TEST_DEADLINE, NULL, NULL);

      g_assert_true (g_bytes_equal (received, bytes));
    }
  for (guint i = 0; i < n; i++)
    {
      mp_test_await_result (&results[i]);
      g_object_unref (results[i]);
    }

  mp_connection_close (connection);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
}

static void
test_share (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("echo-on-attached", &pid);
  Pair pair = new_pair ();
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (pair.b));
  g_assert_true (mp_connection_send_message (connection, message, -1, NULL, &error));
  g_assert_no_error (error);

  /* Ours is closed, the other process has its own. */
  g_clear_object (&message);
  free_pair (&(Pair) { NULL, g_steal_pointer (&pair.b) });
  for (gint32 i = 0; i < 10; i++)
    send_int (pair.a, i);
  for (gint32 i = 0; i < 10; i++)
    g_assert_cmpint (receive_int (pair.a), ==, i);

  mp_connection_close (pair.a);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
  assert_receive_fails (connection, MP_ERROR, MP_ERROR_CLOSED);
  free_pair (&pair);
}

/* Attached to a message on itself, received and not looked at, or not received. */
static void
test_share_oddly (void)
{
  Pair pair = new_pair ();
  Pair carrier = new_pair ();
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (MpShareable) again = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (pair.a));
  g_assert_true (mp_connection_send_message (pair.a, message, -1, NULL, &error));
  received = mp_connection_receive_message (pair.b, -1, NULL, &error);
  again = mp_message_get_attachment (received, 0, &error);
  g_assert_no_error (error);
  send_int (MP_CONNECTION (again), 6);
  g_assert_cmpint (receive_int (pair.b), ==, 6);
  g_clear_object (&again);
  g_clear_object (&received);

  g_assert_true (mp_connection_send_message (carrier.a, message, -1, NULL, &error));
  received = mp_connection_receive_message (carrier.b, -1, NULL, &error);
  g_clear_object (&received);
  g_assert_no_error (error);

  /* All three that were handed out are gone, in order. */
  g_clear_object (&message);
  mp_connection_close (pair.a);
  assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);

  free_pair (&pair);
  free_pair (&carrier);
}

/* A send that does not take place gives back what it had packed. */
static void
test_share_and_time_out (void)
{
  Pair pair = new_pair ();
  Pair carrier = new_pair ();
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GError) error = NULL;

  fill (carrier.a);
  mp_message_attach (message, MP_SHAREABLE (pair.a));
  g_assert_false (mp_connection_send_message (carrier.a, message, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_object (&message);
  mp_connection_close (pair.a);
  assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);

  free_pair (&pair);
  free_pair (&carrier);
}

/* What a peer calls a connection is looked at before it is used. */
static void
test_share_wrongly (void)
{
  g_autoptr (GVariant) attachments =
    g_variant_ref_sink (g_variant_new_parsed ("[('connection', uint32 1, <(true, true)>)]"));
  g_autoptr (GVariant) wrong_type =
    g_variant_ref_sink (g_variant_new_parsed ("[('connection', uint32 1, <(true, 1)>)]"));
  g_autoptr (GVariant) without_fd =
    g_variant_ref_sink (g_variant_new_parsed ("[('connection', uint32 0, <(true, true)>)]"));
  g_autoptr (GBytes) body = g_bytes_new (NULL, 0);
  int streams[2];
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams), ==, 0);
  g_assert_true (mp_transport_new_pair (fds, NULL));

  for (guint i = 0; i < 4; i++)
    {
      GVariant *described[] = { attachments, attachments, wrong_type, without_fd };
      int sent[] = { dup (streams[0]), open ("/dev/null", O_RDWR), dup (fds[0]), -1 };
      g_autoptr (MpMessage) message = NULL;
      g_autoptr (MpShareable) object = NULL;
      g_autoptr (GError) error = NULL;

      message = mp_message_new_received ("raw", body, described[i], &sent[i], i < 3 ? 1 : 0, &error);
      g_assert_no_error (error);
      object = mp_message_get_attachment (message, 0, &error);
      g_assert_null (object);
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
      for (guint j = i + 1; j < 4; j++)
        mp_fd_close (&sent[j]);
      for (guint j = 0; j < i; j++)
        mp_fd_close (&sent[j]);
    }

  mp_fds_close (streams, 2);
  mp_fds_close (fds, 2);
}

static void
test_fds (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = start_peer ("echo", &pid);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (GError) error = NULL;
  int pipe_fds[2];
  char text[6] = "";
  int fd;

  g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
  g_assert_cmpint (mp_message_attach_fd (message, pipe_fds[1], NULL), ==, 0);
  close (pipe_fds[1]);
  g_assert_true (mp_connection_send_message (connection, message, -1, NULL, &error));
  received = mp_connection_receive_message (connection, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  fd = mp_message_get_attached_fd (received, 0, &error);
  g_assert_cmpint (write (fd, "hello", 5), ==, 5);
  g_assert_cmpint (read (pipe_fds[0], text, 5), ==, 5);
  g_assert_cmpstr (text, ==, "hello");

  close (fd);
  close (pipe_fds[0]);
  mp_connection_close (connection);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
}

/* A process forked by a stranger can do no harm. */
static void
test_forked (void)
{
  Pair pair = new_pair ();
  int status;
  pid_t pid = fork ();

  if (pid == 0)
    {
      g_autoptr (GError) error = NULL;

      if (mp_connection_send (pair.a, g_variant_new_int32 (1), 0, NULL, &error) ||
          !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (1);
      g_clear_error (&error);
      if (mp_connection_receive (pair.a, 0, NULL, &error) != NULL ||
          !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (2);
      mp_connection_close (pair.a);
      g_object_unref (pair.b);
      mp_connection_close_all ();

      /* Its own ones work. */
      pair = new_pair ();
      send_int (pair.a, 3);
      _exit (receive_int (pair.b) == 3 ? 0 : 3);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  send_int (pair.a, 1);
  g_assert_cmpint (receive_int (pair.b), ==, 1);
  assert_nothing (pair.b);

  free_pair (&pair);
}

/* --- Threads ---------------------------------------------------------------- */

#define N_THREADS 4
#define N_EACH    2000

typedef struct
{
  MpConnection *connection;
  gint32 first;
  int *seen;
} Share;

static gpointer
send_share (gpointer data)
{
  Share *share = data;

  for (gint32 i = 0; i < N_EACH; i++)
    send_int (share->connection, share->first + i);
  return NULL;
}

static gpointer
receive_share (gpointer data)
{
  Share *share = data;

  for (;;)
    {
      gint32 number = receive_int (share->connection);

      if (number < 0)
        return NULL;
      g_atomic_int_inc (&share->seen[number]);
    }
}

/* Each message goes to one of those who wait, whole. */
static void
test_threads (void)
{
  Pair pair = new_pair ();
  g_autofree int *seen = g_new0 (int, N_THREADS * N_EACH);
  Share shares[N_THREADS];
  Share receiving = { pair.b, 0, seen };
  GThread *senders[N_THREADS];
  GThread *receivers[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    {
      shares[i] = (Share) { pair.a, i * N_EACH, seen };
      senders[i] = g_thread_new ("sender", send_share, &shares[i]);
    }
  for (int i = 0; i < N_THREADS; i++)
    receivers[i] = g_thread_new ("receiver", receive_share, &receiving);

  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (senders[i]);
  for (int i = 0; i < N_THREADS; i++)
    send_int (pair.a, -1);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (receivers[i]);

  for (int i = 0; i < N_THREADS * N_EACH; i++)
    g_assert_cmpint (seen[i], ==, 1);

  free_pair (&pair);
}

/* A signal comes in the connection's context, whichever thread runs that. */
static gpointer
run_context (gpointer data)
{
  Events *events = data;

  g_main_context_push_thread_default (events->context);
  while (!has_all (events))
    g_main_context_iteration (events->context, TRUE);
  g_main_context_pop_thread_default (events->context);
  return NULL;
}

static void
test_other_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Pair pair;
  Events events;
  GThread *thread;

  g_main_context_push_thread_default (context);
  pair = new_pair ();
  g_main_context_pop_thread_default (context);
  g_assert_true (mp_connection_get_main_context (pair.b) == context);

  events = watch (pair.b, &events);
  events.n_wanted = 4;
  mp_connection_start_reading (pair.b);
  thread = g_thread_new ("context", run_context, &events);
  send_int (pair.a, 1);
  send_int (pair.a, 2);
  mp_connection_close (pair.a);
  g_thread_join (thread);
  g_assert_cmpstr (events.text->str, ==, "1 2 state 1 end 3 ");

  while (g_main_context_iteration (context, FALSE))
    ;
  g_string_free (events.text, TRUE);
  free_pair (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/connection/value", test_value);
  mp_test_add ("/connection/data", test_data);
  mp_test_add ("/connection/bytes", test_bytes);
  mp_test_add ("/connection/stays", test_stays);
  mp_test_add ("/connection/one-way", test_one_way);
  mp_test_add ("/connection/to-string", test_to_string);
  mp_test_add ("/connection/bare", test_bare);

  mp_test_add ("/connection/wait/timeout", test_timeout);
  mp_test_add ("/connection/wait/timeout-amid-parts", test_timeout_amid_parts);
  mp_test_add ("/connection/wait/large-without-time", test_large_without_time);
  mp_test_add ("/connection/wait/cancel-amid-copying", test_cancel_amid_copying);
  mp_test_add ("/connection/wait/message", test_wait_for_message);
  mp_test_add ("/connection/wait/room", test_wait_for_room);
  mp_test_add ("/connection/wait/cancel", test_cancel_blocking);
  mp_test_add ("/connection/wait/in-turn", test_wait_in_turn);
  mp_test_add ("/connection/wait/close", test_close_while_waiting);
  mp_test_add ("/connection/wait/peer-closes", test_peer_closes_while_waiting);
  mp_test_add_data ("/connection/wait/signal", GINT_TO_POINTER (FALSE), test_signal);
  mp_test_add_data ("/connection/wait/signal-interrupts", GINT_TO_POINTER (TRUE), test_signal);
  mp_test_add ("/connection/wait/poll", test_poll);
  mp_test_add ("/connection/wait/fd", test_fd);

  mp_test_add ("/connection/async/order", test_async);
  mp_test_add ("/connection/async/blocking-behind", test_blocking_behind_async);
  mp_test_add ("/connection/async/fails", test_async_fails);
  mp_test_add ("/connection/async/cancel-too-late", test_cancel_too_late);
  mp_test_add ("/connection/async/forms", test_async_forms);
  mp_test_add ("/connection/async/idle-context", test_idle_context);

  mp_test_add ("/connection/reading/signals", test_reading);
  mp_test_add ("/connection/reading/kept", test_reading_what_was_kept);
  mp_test_add ("/connection/reading/keeps-alive", test_reading_keeps_alive);
  mp_test_add ("/connection/reading/races-with-close", test_reading_races_with_close);
  mp_test_add ("/connection/reading/receive-before", test_receive_before_reading);
  mp_test_add ("/connection/reading/state", test_state);
  mp_test_add ("/connection/reading/other-context", test_other_context);

  mp_test_add ("/connection/process/exits", test_peer_exits);
  mp_test_add ("/connection/process/dies", test_peer_dies);
  mp_test_add ("/connection/process/is-killed", test_peer_is_killed);
  mp_test_add ("/connection/process/payloads", test_payloads);
  mp_test_add ("/connection/process/many-large", test_many_large);
  mp_test_add ("/connection/process/fds", test_fds);
  mp_test_add ("/connection/process/forked", test_forked);

  mp_test_add ("/connection/share/process", test_share);
  mp_test_add ("/connection/share/oddly", test_share_oddly);
  mp_test_add ("/connection/share/time-out", test_share_and_time_out);
  mp_test_add ("/connection/share/wrongly", test_share_wrongly);

  mp_test_add ("/connection/threads", test_threads);

  return g_test_run ();
}
