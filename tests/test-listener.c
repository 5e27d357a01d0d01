/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Listeners and their clients, who know each other. */

#include "config.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-handshake-private.h"
#include "mp-test-listener.h"
#include "mp-test-local-listener.h"
#include "mp-test.h"

static void
test_accept (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  GPid pid = start_peer ("ask", address, NULL);
  g_autoptr (MpConnection) connection = accept_one (listener);

  g_assert_null (mp_listener_get_last_accepted (listener)); /* it has no name */
  g_assert_cmpint (receive_int (connection), ==, 41);
  send_int (connection, 42);
  assert_exited (pid);
  assert_ended (connection, MP_ERROR_CLOSED);
}

/* A long body goes as a descriptor, and the other end may be handed on. */
static void
test_messages (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (MpConnection) client = connect_to (listener, key);
  g_autoptr (MpConnection) server = accept_one (listener);
  g_autofree guint8 *sent = g_malloc0 (1 << 20);
  g_autofree guint8 *received = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  sent[12345] = 67;
  mp_connection_send_data (client, sent, 1 << 20, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  received = mp_connection_receive_data (server, 0, MP_TEST_DEADLINE, &length, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (received, length, sent, 1 << 20);

  mp_listener_close (listener);
  send_int (client, 3);
  g_assert_cmpint (receive_int (server), ==, 3);
}

/* What the client says in its hello that it takes is all that is sent to it. */
static void
test_largest (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  int fd = connect_raw (listener);
  MpBinding binding;
  MpHandshakeTerms terms = {
    .role = MP_ROLE_CLIENT, .key = key, .binding = &binding, .features = MP_FEATURE_FDS,
    .max_frame = MP_HELLO_MIN_FRAME,
  };
  g_autoptr (MpHandshake) handshake = NULL;
  g_autoptr (MpConnection) server = NULL;
  g_autofree guint8 *data = g_malloc0 (MP_HELLO_MIN_FRAME + 1);
  g_autoptr (GError) error = NULL;
  GBytes *message;

  mp_binding_init_unix (&binding, geteuid (), geteuid (), NULL);
  handshake = mp_handshake_new (&terms, NULL);
  while ((message = mp_handshake_take_output (handshake)) != NULL)
    {
      guint8 packet[512];
      gsize n_taken;
      gssize n;

      say (fd, g_bytes_get_data (message, NULL), g_bytes_get_size (message));
      g_bytes_unref (message);
      mp_test_poll (fd, POLLIN);
      n = recv (fd, packet, sizeof packet, 0);
      g_assert_cmpint (n, >, 0);
      mp_handshake_feed (handshake, packet, (gsize) n, &n_taken, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpint (mp_handshake_get_state (handshake), ==, MP_HANDSHAKE_AGREED);

  server = accept_one (listener);
  g_assert_false (mp_connection_send_data (server, data, MP_HELLO_MIN_FRAME + 1, "raw", 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_clear_error (&error);
  mp_connection_send_data (server, data, MP_HELLO_MIN_FRAME, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);

  /* And what is no frame ends the connection. */
  say (fd, "rubbish", 7);
  assert_ended (server, MP_ERROR_CORRUPTED);
  close (fd);
}

#define N_MANY 100

static void
on_opened (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) connection = mp_connection_open_finish (result, &error);

  g_assert_no_error (error);
  send_int (connection, 5);
  ++*(guint *) data;
}

static gboolean
are_many (gpointer n)
{
  return *(guint *) n == N_MANY;
}

static void
on_many_accepted (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  GPtrArray *connections = data;
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_listener_accept_finish (MP_LISTENER (source), result, &error);

  g_assert_no_error (error);
  g_ptr_array_add (connections, connection);
  if (connections->len < N_MANY)
    mp_listener_accept_async (MP_LISTENER (source), MP_TEST_DEADLINE, NULL, on_many_accepted, data);
}

/* More than may be strangers, or wait to be accepted, come at the same moment: nobody is
 * pushed out, they only wait.
 */
static void
test_many (void)
{
  g_autoptr (MpListener) listener = g_object_new (MP_TYPE_LISTENER, "key", key, "backlog", 3, NULL);
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;
  guint n_opened = 0;

  g_assert_true (mp_listener_open (listener, &error));
  address = mp_listener_get_address (listener);
  for (guint i = 0; i < N_MANY; i++)
    mp_connection_open_async (address, key, MP_TEST_DEADLINE, NULL, on_opened, &n_opened);
  mp_listener_accept_async (listener, MP_TEST_DEADLINE, NULL, on_many_accepted, connections);
  mp_test_run_until (are_many, &n_opened);
  mp_test_run_until (are_many, &connections->len);

  for (guint i = 0; i < N_MANY; i++)
    {
      g_assert_cmpint (receive_int (connections->pdata[i]), ==, 5);
      assert_ended (connections->pdata[i], MP_ERROR_CLOSED);
    }
  assert_nobody (listener);
}

/* As many as the number are let in while nobody accepts. */
static void
test_backlog (void)
{
  g_autoptr (MpListener) listener = g_object_new (MP_TYPE_LISTENER, "key", key, "backlog", 2, NULL);
  MpConnection *clients[3];
  g_autoptr (MpConnection) accepted = NULL;
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  address = mp_listener_get_address (listener);
  for (guint i = 0; i < 2; i++)
    clients[i] = connect_to (listener, key);
  g_assert_null (mp_connection_open (address, key, 0.2, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  accepted = accept_one (listener);
  clients[2] = connect_to (listener, key);
  for (guint i = 0; i < 3; i++)
    g_object_unref (clients[i]);
}

#define N_PEERS 6

static void
test_processes (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  GPid pids[N_PEERS];

  for (guint i = 0; i < N_PEERS; i++)
    pids[i] = start_peer ("ask", address, NULL);
  for (guint i = 0; i < N_PEERS; i++)
    {
      g_autoptr (MpConnection) connection = accept_one (listener);

      g_assert_cmpint (receive_int (connection), ==, 41);
      send_int (connection, 42);
      assert_ended (connection, MP_ERROR_CLOSED);
    }
  for (guint i = 0; i < N_PEERS; i++)
    assert_exited (pids[i]);
}

static void
test_wrong_key (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  gint64 start = g_get_monotonic_time ();

  assert_cannot_connect (address, other_key, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, (gint64) (MP_PREAMBLE_REFUSAL_DELAY * G_USEC_PER_SEC));
  assert_cannot_connect (address, NULL, MP_ERROR, MP_ERROR_AUTHENTICATION);
  assert_nobody (listener);
  assert_works (listener);
}

static void
test_no_key (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, NULL);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  g_autoptr (MpConnection) client = connect_to (listener, NULL);
  g_autoptr (MpConnection) server = accept_one (listener);

  send_int (client, 1);
  g_assert_cmpint (receive_int (server), ==, 1);
  assert_cannot_connect (address, key, MP_ERROR, MP_ERROR_AUTHENTICATION);
  assert_cannot_connect (address, empty, MP_ERROR, MP_ERROR_REFUSED);
  assert_cannot_listen (NULL, empty, MP_ERROR, MP_ERROR_REFUSED);
  assert_nobody (listener);
}

static gpointer
accept_in_thread (gpointer listener)
{
  GError *error = NULL;

  g_assert_null (mp_listener_accept (listener, MP_TEST_DEADLINE, NULL, &error));
  return error;
}

static void
test_close (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autofree char *address_after = NULL;
  g_autoptr (MpConnection) unwanted = connect_to (listener, key);
  g_autoptr (MpConnection) taken = accept_one (listener);
  g_autoptr (MpConnection) waiting = connect_to (listener, key);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) thread_error = NULL;
  g_autoptr (GError) late_error = NULL;
  GAsyncResult *result = NULL;
  int silent = connect_raw (listener);
  GThread *thread;

  g_object_unref (accept_one (listener)); /* `waiting` is told that its end was closed */
  assert_ended (waiting, MP_ERROR_CLOSED);

  mp_listener_accept_async (listener, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  thread = g_thread_new ("accepts", accept_in_thread, listener);
  mp_listener_close (listener);
  mp_listener_close (listener);
  mp_test_await_result (&result);
  g_assert_null (mp_listener_accept_finish (listener, result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_object_unref (result);
  thread_error = g_thread_join (thread);
  g_assert_error (thread_error, MP_ERROR, MP_ERROR_CLOSED);

  g_assert_cmpuint (read_to_end (silent), ==, 0);
  g_assert_false (mp_listener_is_open (listener));
  g_assert_false (mp_listener_open (listener, &late_error));
  g_assert_error (late_error, MP_ERROR, MP_ERROR_CLOSED);
  address_after = mp_listener_get_address (listener);
  g_assert_cmpstr (address_after, ==, address);
  assert_cannot_connect (address, key, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  send_int (unwanted, 1);
  g_assert_cmpint (receive_int (taken), ==, 1);
}

/* Nobody has accepted it: its client is told so in order. */
static void
test_never_accepted (void)
{
  MpListener *listener = open_at (NULL, key);
  g_autoptr (MpConnection) client = connect_to (listener, key);

  send_int (client, 1);
  g_object_unref (listener);
  assert_ended (client, MP_ERROR_CLOSED);
}

static void
test_states (void)
{
  g_autoptr (MpListener) listener = mp_listener_new (NULL, NULL);
  g_autofree char *text = NULL;
  g_autofree char *open_text = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  g_assert_null (mp_listener_get_address (listener));
  g_assert_null (mp_listener_get_key (listener));
  g_assert_cmpuint (mp_listener_get_backlog (listener), ==, 64);
  g_assert_false (mp_listener_is_open (listener));
  g_assert_null (mp_listener_accept (listener, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  mp_listener_accept_async (listener, -1, NULL, mp_test_keep_result, &result);
  g_assert_null (result);
  mp_test_await_result (&result);
  g_assert_null (mp_listener_accept_finish (listener, result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_object_unref (result);

  text = mp_listener_to_string (listener);
  g_assert_cmpstr (text, ==, "<Mp.Listener not open>");
  g_assert_true (mp_listener_open (listener, &error));
  g_assert_true (mp_listener_is_open (listener));
  open_text = mp_listener_to_string (listener);
  g_assert_true (g_str_has_prefix (open_text, "<Mp.Listener open at unix:/"));
  g_assert_false (mp_listener_open (listener, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

static void
test_async (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (MpConnection) first = NULL;
  g_autoptr (MpConnection) second = NULL;
  g_autoptr (MpConnection) client = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[4] = { NULL };

  mp_listener_accept_async (listener, -1, cancellable, mp_test_keep_result, &results[0]);
  mp_listener_accept_async (listener, 0, NULL, mp_test_keep_result, &results[1]);
  mp_listener_accept_async (listener, -1, NULL, mp_test_keep_result, &results[2]);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&results[0]);
  g_assert_null (mp_listener_accept_finish (listener, results[0], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  mp_test_await_result (&results[1]);
  g_assert_null (mp_listener_accept_finish (listener, results[1], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_connection_open_async (address, key, -1, NULL, mp_test_keep_result, &results[3]);
  g_assert_null (results[3]);
  mp_test_await_result (&results[3]);
  client = mp_connection_open_finish (results[3], &error);
  g_assert_no_error (error);
  mp_test_await_result (&results[2]);
  first = mp_listener_accept_finish (listener, results[2], &error);
  g_assert_no_error (error);
  send_int (client, 9);
  g_assert_cmpint (receive_int (first), ==, 9);

  /* One that was accepted, and whose result nobody wanted, is closed. */
  g_clear_object (&results[2]);
  g_clear_object (&client);
  client = connect_to (listener, key);
  mp_listener_accept_async (listener, -1, NULL, mp_test_keep_result, &results[2]);
  mp_test_await_result (&results[2]);
  g_clear_object (&results[2]);
  assert_ended (client, MP_ERROR_CLOSED);

  g_clear_object (&results[0]);
  g_clear_object (&results[1]);
  g_clear_object (&results[3]);
}

static void
test_cancelled_open (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (mp_connection_open (address, key, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  mp_connection_open_async (address, key, -1, cancellable, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_null (mp_connection_open_finish (result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_object_unref (result);
  g_clear_error (&error);
  g_assert_null (mp_listener_accept (listener, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
on_incoming (MpListener   *listener,
             MpConnection *connection,
             gpointer      data)
{
  g_assert_true (g_main_context_is_owner (g_main_context_default ()));
  g_assert_true (mp_connection_get_main_context (connection) == g_main_context_default ());
  g_ptr_array_add (data, g_object_ref (connection));
}

static gboolean
are_three (gpointer connections)
{
  return ((GPtrArray *) connections)->len == 3;
}

static void
test_signal (void)
{
  MpListener *listener = open_at (NULL, key);
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (MpConnection) early = connect_to (listener, key);
  g_autoptr (MpConnection) second = NULL;
  g_autoptr (MpConnection) third = NULL;
  g_autoptr (MpConnection) late = NULL;
  g_autoptr (MpConnection) accepted = NULL;
  MpListener *weak = listener;

  g_signal_connect (listener, "incoming", G_CALLBACK (on_incoming), connections);
  g_object_add_weak_pointer (G_OBJECT (listener), (gpointer *) &weak);
  mp_listener_start_accepting (listener);
  mp_listener_start_accepting (listener);
  second = connect_to (listener, key);
  third = connect_to (listener, key);
  g_assert_cmpuint (connections->len, ==, 0);
  mp_test_run_until (are_three, connections);

  mp_listener_stop_accepting (listener);
  late = connect_to (listener, key);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (connections->len, ==, 3);
  accepted = accept_one (listener);

  /* While it accepts it stays, and goes when it is closed. */
  mp_listener_start_accepting (listener);
  g_object_unref (listener);
  g_assert_nonnull (weak);
  mp_listener_close (weak);
  g_assert_null (weak);
}

typedef struct
{
  GPtrArray *connections;
  MpConnection *last;
} Nested;

/* The first one waits in a loop of its own for one that has come, and for one that comes. */
static void
on_first_incoming (MpListener   *listener,
                   MpConnection *connection,
                   gpointer      data)
{
  Nested *self = data;

  g_ptr_array_add (self->connections, g_object_ref (connection));
  if (self->connections->len > 1)
    return;

  self->last = connect_to (listener, key);
  mp_test_run_until (are_three, self->connections);
}

static void
test_signal_recursion (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (MpConnection) first = connect_to (listener, key);
  g_autoptr (MpConnection) second = connect_to (listener, key);
  Nested nested = { connections, NULL };

  g_signal_connect (listener, "incoming", G_CALLBACK (on_first_incoming), &nested);
  mp_listener_start_accepting (listener);
  mp_test_run_until (are_three, connections);
  mp_listener_close (listener);
  g_clear_object (&nested.last);
}

int
main (int    argc,
      char **argv)
{
  init_local_listeners (&argc, &argv);

  mp_test_add ("/listener/accept", test_accept);
  mp_test_add ("/listener/messages", test_messages);
  mp_test_add ("/listener/largest", test_largest);
  mp_test_add ("/listener/many", test_many);
  mp_test_add ("/listener/backlog", test_backlog);
  mp_test_add ("/listener/processes", test_processes);
  mp_test_add ("/listener/wrong-key", test_wrong_key);
  mp_test_add ("/listener/no-key", test_no_key);
  mp_test_add ("/listener/close", test_close);
  mp_test_add ("/listener/never-accepted", test_never_accepted);
  mp_test_add ("/listener/states", test_states);
  mp_test_add ("/listener/async", test_async);
  mp_test_add ("/listener/cancelled-open", test_cancelled_open);
  mp_test_add ("/listener/signal", test_signal);
  mp_test_add ("/listener/signal-recursion", test_signal_recursion);

  return g_test_run ();
}
