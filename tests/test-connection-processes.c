/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-connection-private.h"
#include "mp-exchange-base-private.h"
#include "mp-fd-private.h"
#include "mp-test-connection.h"
#include "mp-test.h"
#include "mp-transport-private.h"

#define MIB ((gsize) 1024 * 1024)

static void
test_peer_exits (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = mp_test_start_peer ("exit", &pid);

  mp_test_assert_greeted (connection);
  mp_test_assert_receive_fails (connection, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_assert_send_fails (connection, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
}

static void
test_peer_dies (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = mp_test_start_peer ("die", &pid);

  mp_test_assert_greeted (connection);
  mp_test_assert_receive_fails (connection, MP_ERROR, MP_ERROR_PEER_DIED);
  mp_test_assert_send_fails (connection, MP_ERROR, MP_ERROR_PEER_DIED);
  g_assert_cmpint (mp_connection_get_state (connection), ==, MP_CONNECTION_PEER_CLOSED);
  g_assert_cmpint (WTERMSIG (mp_test_wait (pid)), ==, SIGKILL);
}

static void
test_peer_is_killed (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = mp_test_start_peer ("wait", &pid);
  MpTestWaiter waiter = { .connection = connection };
  MpTestEvents events;
  MpTestLog log = mp_test_log_new (1);
  GThread *thread;

  events = mp_test_watch (connection, &events);
  mp_test_assert_greeted (connection);
  mp_test_fill (connection);
  thread = mp_test_start_waiter (&waiter);
  mp_connection_send_async (connection, g_variant_new_int32 (0), -1, NULL, mp_test_log_sent, &log);
  kill (pid, SIGKILL);

  /* All who wait learn it, and why. */
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_PEER_DIED);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpint (g_array_index (log.numbers, gint32, 0), ==, -MP_ERROR_PEER_DIED);
  events.n_wanted = 2;
  mp_test_run_until (mp_test_events_are_there, &events);
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
  g_autoptr (MpConnection) connection = mp_test_start_peer ("echo", &pid);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = mp_test_new_bytes (sizes[i]);
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

/* Longer than what 31 bits tell the length of.  Memory that was not written to takes none, but at the receiver. */
static void
test_huge (void)
{
  const gsize size = 2048 * MIB + 5;
  MpTestPair pair;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) received = NULL;
  g_autoptr (GError) error = NULL;
  guint8 *memory;
  const guint8 *got;
  gsize length;

  if (g_getenv ("MP_TEST_LONG") == NULL)
    {
      g_test_skip ("it takes 2 GiB of memory: only with MP_TEST_LONG");
      return;
    }

  memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  g_assert_true (memory != MAP_FAILED);
  memory[0] = 1;
  memory[2048 * MIB - 1] = 2;
  memory[size - 1] = 3;
  bytes = g_bytes_new_static (memory, size);

  pair = mp_test_pair_new ();
  g_assert_true (mp_connection_send_bytes (pair.a, bytes, NULL, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  received = mp_connection_receive_bytes (pair.b, 0, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  got = g_bytes_get_data (received, &length);
  g_assert_cmpuint (length, ==, size);
  g_assert_cmpuint (got[0] + 10 * got[1] + 100 * got[2048 * MIB - 1] + 1000 * got[size - 1], ==, 3201);

  mp_test_pair_free (&pair);
  munmap (memory, size);
}

/* Both send large messages and wait for room: each also receives. */
static void
test_many_large (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = mp_test_start_peer ("echo", &pid);
  g_autoptr (GBytes) bytes = mp_test_new_bytes (4 * MIB);
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

/* Several processes have each end.  Long messages and short ones go to one of those who receive, whole: two of
 * them send back what they get.
 */
static void
test_users (void)
{
  static const gsize sizes[] = { 10, 300000, 70000, 1, 2000000 };
  GPid pids[2];
  g_autoptr (MpConnection) first = mp_test_start_peer ("echo-on-attached", &pids[0]);
  g_autoptr (MpConnection) second = mp_test_start_peer ("echo-on-attached", &pids[1]);
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  guint n_sent = 0, n_received = 0;
  guint counts[G_N_ELEMENTS (sizes)] = { 0 };

  mp_message_attach (message, MP_SHAREABLE (pair.b));
  g_assert_true (mp_connection_send_message (first, message, -1, NULL, NULL));
  g_assert_true (mp_connection_send_message (second, message, -1, NULL, NULL));
  g_clear_object (&message);
  mp_connection_close (pair.b);

  while (n_received < 100)
    {
      g_autoptr (GBytes) received = NULL;
      g_autoptr (GBytes) wanted = NULL;
      guint i;

      for (; n_sent < 100 && n_sent < n_received + 8; n_sent++)
        {
          g_autoptr (GBytes) bytes = mp_test_new_bytes (sizes[n_sent % G_N_ELEMENTS (sizes)]);

          g_assert_true (mp_connection_send_bytes (pair.a, bytes, NULL, MP_TEST_DEADLINE, NULL, NULL));
        }
      received = mp_connection_receive_bytes (pair.a, 0, MP_TEST_DEADLINE, NULL, NULL);
      g_assert_nonnull (received);
      wanted = mp_test_new_bytes (g_bytes_get_size (received));
      g_assert_true (g_bytes_equal (received, wanted));
      for (i = 0; sizes[i] != g_bytes_get_size (received); i++)
        g_assert_cmpuint (i, <, G_N_ELEMENTS (sizes) - 1);
      counts[i]++;
      n_received++;
    }
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    g_assert_cmpuint (counts[i], ==, 100 / G_N_ELEMENTS (sizes));

  for (guint i = 0; i < 2; i++)
    {
      kill (pids[i], SIGKILL);
      mp_test_wait (pids[i]);
    }
  mp_test_pair_free (&pair);
}

static void
test_share (void)
{
  GPid pid;
  g_autoptr (MpConnection) connection = mp_test_start_peer ("echo-on-attached", &pid);
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (pair.b));
  g_assert_true (mp_connection_send_message (connection, message, -1, NULL, &error));
  g_assert_no_error (error);

  /* Ours is closed, the other process has its own. */
  g_clear_object (&message);
  mp_test_pair_free (&(MpTestPair) { NULL, g_steal_pointer (&pair.b) });
  for (gint32 i = 0; i < 10; i++)
    mp_test_send_int (pair.a, i);
  for (gint32 i = 0; i < 10; i++)
    g_assert_cmpint (mp_test_receive_int (pair.a), ==, i);

  mp_connection_close (pair.a);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
  mp_test_assert_receive_fails (connection, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

/* Attached to a message on itself, received and not looked at, or not received. */
static void
test_share_oddly (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestPair carrier = mp_test_pair_new ();
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (MpShareable) again = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (pair.a));
  g_assert_true (mp_connection_send_message (pair.a, message, -1, NULL, &error));
  received = mp_connection_receive_message (pair.b, -1, NULL, &error);
  again = mp_message_get_attachment (received, 0, &error);
  g_assert_no_error (error);
  mp_test_send_int (MP_CONNECTION (again), 6);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 6);
  g_clear_object (&again);
  g_clear_object (&received);

  g_assert_true (mp_connection_send_message (carrier.a, message, -1, NULL, &error));
  received = mp_connection_receive_message (carrier.b, -1, NULL, &error);
  g_clear_object (&received);
  g_assert_no_error (error);

  /* All three that were handed out are gone, in order. */
  g_clear_object (&message);
  mp_connection_close (pair.a);
  mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
  mp_test_pair_free (&carrier);
}

/* With what is too long for a ring. */
static void
fill_socket (MpConnection *connection)
{
  g_autoptr (GBytes) bytes = mp_test_new_bytes (1024 * 1024 + 1);
  g_autoptr (GError) error = NULL;

  while (mp_connection_send_bytes (connection, bytes, NULL, 0, NULL, &error))
    ;
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

/* A send that does not take place gives back what it had packed. */
static void
test_share_and_time_out (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestPair carrier = mp_test_pair_new ();
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GError) error = NULL;

  fill_socket (carrier.a);
  mp_message_attach (message, MP_SHAREABLE (pair.a));
  g_assert_false (mp_connection_send_message (carrier.a, message, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_object (&message);
  mp_connection_close (pair.a);
  mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
  mp_test_pair_free (&carrier);
}

/* What a peer calls a connection is looked at before it is used. */
static void
test_share_wrongly (void)
{
  g_autoptr (GVariant) attachments =
    g_variant_ref_sink (g_variant_new_parsed ("[('connection', uint32 1, <(true, true, <()>)>)]"));
  g_autoptr (GVariant) wrong_type =
    g_variant_ref_sink (g_variant_new_parsed ("[('connection', uint32 1, <(true, 1, <()>)>)]"));
  g_autoptr (GVariant) without_fd =
    g_variant_ref_sink (g_variant_new_parsed ("[('connection', uint32 0, <(true, true, <()>)>)]"));
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
  g_autoptr (MpConnection) connection = mp_test_start_peer ("echo", &pid);
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
  MpTestPair pair = mp_test_pair_new ();
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
      pair = mp_test_pair_new ();
      mp_test_send_int (pair.a, 3);
      _exit (mp_test_receive_int (pair.b) == 3 ? 0 : 3);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  mp_test_send_int (pair.a, 1);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  mp_test_assert_nothing (pair.b);

  mp_test_pair_free (&pair);
}

static void
keep_error (GObject      *source,
            GAsyncResult *result,
            gpointer      error)
{
  g_assert_null (mp_connection_receive_finish (MP_CONNECTION (source), result, error));
}

static void
await_error (GError  **error,
             MpError   code)
{
  while (*error == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (*error, MP_ERROR, (int) code);
}

static void
use_and_drop (MpTestPair  *pair,
              GError     **pending)
{
  GObject *waitable = G_OBJECT (pair->b);
  g_autoptr (GError) error = NULL;
  guint n_ready;
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (pair->a));

  g_assert_cmpstr (text, ==, "<Mp.Connection of another process>");
  g_assert_null (mp_wait_many (&waitable, 1, -1, &n_ready, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FORKED);
  await_error (pending, MP_ERROR_FORKED);
  mp_connection_start_reading (pair->a);
  mp_connection_stop_reading (pair->a);
  mp_connection_close (pair->a);
  g_clear_object (&pair->a);
  g_clear_object (&pair->b);
}

/* Another thread was amid a call: its lock stays locked there. */
static void
test_forked_amid_call (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpExchange *exchanges[] = { pair.a->exchange, pair.b->exchange };
  g_autoptr (GError) pending = NULL;
  int status;
  pid_t pid;

  mp_connection_receive_async (pair.b, 0.01, NULL, keep_error, &pending);
  for (guint i = 0; i < 2; i++)
    mp_exchange_lock (exchanges[i]);
  pid = fork ();
  if (pid == 0)
    {
      mp_connection_close_all ();
      use_and_drop (&pair, &pending);
      _exit (0);
    }
  for (guint i = 2; i > 0; i--)
    mp_exchange_unlock (exchanges[i - 1]);

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  await_error (&pending, MP_ERROR_TIMED_OUT);
  mp_test_pair_free (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_connection_init ();
  mp_test_set_warm_up (test_share);

  mp_test_add ("/connection/process/exits", test_peer_exits);
  mp_test_add ("/connection/process/dies", test_peer_dies);
  mp_test_add ("/connection/process/is-killed", test_peer_is_killed);
  mp_test_add ("/connection/process/payloads", test_payloads);
  mp_test_add ("/connection/process/huge", test_huge);
  mp_test_add ("/connection/process/users", test_users);
  mp_test_add ("/connection/process/many-large", test_many_large);
  mp_test_add ("/connection/process/fds", test_fds);
  mp_test_add ("/connection/process/forked", test_forked);
  mp_test_add ("/connection/process/forked-amid-call", test_forked_amid_call);
  mp_test_add ("/connection/share/process", test_share);
  mp_test_add ("/connection/share/oddly", test_share_oddly);
  mp_test_add ("/connection/share/time-out", test_share_and_time_out);
  mp_test_add ("/connection/share/wrongly", test_share_wrongly);

  return g_test_run ();
}
