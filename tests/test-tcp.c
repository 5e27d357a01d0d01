/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Listeners and clients over TCP. */

#include "config.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arrival-private.h"
#include "mp-fd-private.h"
#include "mp-test-listener.h"
#include "mp-test.h"

#define KEY       "only for tests, and long enough"
#define LOOPBACK  "tcp:127.0.0.1:0"
#define LOOPBACK6 "tcp:[::1]:0"
#define ALL       "tcp:0.0.0.0:0"

static MpAuthKey *key, *other_key, *short_key;

/* --- Both ends ---------------------------------------------------------------------- */

static MpListener *
open_with_wire (const char  *address,
                MpAuthKey   *a_key,
                MpWireFlags  wire)
{
  MpListener *listener = mp_listener_new_with_wire (address, a_key, wire);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  g_assert_no_error (error);
  return listener;
}

static MpListener *
open_at (const char *address)
{
  return open_with_wire (address, key, MP_WIRE_DEFAULT);
}

static char *
at_port (const char *host,
         MpListener *listener)
{
  return g_strdup_printf ("tcp:%s:%u", host, (guint) get_port (listener));
}

static MpConnection *
connect_to (const char *address)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open (address, key, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static void
assert_cannot_listen (const char  *address,
                      MpAuthKey   *a_key,
                      MpWireFlags  wire,
                      GQuark       domain,
                      int          code,
                      const char  *word)
{
  g_autoptr (MpListener) listener = mp_listener_new_with_wire (address, a_key, wire);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_listener_open (listener, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, word));
  g_assert_false (mp_listener_is_open (listener));
}

static void
assert_cannot_connect (const char  *address,
                       MpAuthKey   *a_key,
                       MpWireFlags  wire,
                       GQuark       domain,
                       int          code,
                       const char  *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open_with_wire (address, a_key, wire, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, word));
}

static void
assert_works (MpListener *listener,
              const char *address)
{
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);

  send_bytes (client, 100);
  assert_receives_bytes (server, 100);
  send_bytes (server, 1000);
  assert_receives_bytes (client, 1000);
}

/* --- Sockets without manners ---------------------------------------------------------- */

/* Returns how many bytes came before the end; closes it. */
static gsize
read_to_end (int fd)
{
  guint8 bytes[1024];
  gsize total = 0;
  gssize n;

  do
    {
      mp_test_poll (fd, POLLIN);
      n = recv (fd, bytes, sizeof bytes, 0);
      total += n > 0 ? (gsize) n : 0;
    }
  while (n > 0);

  close (fd);
  return total;
}

/* --- Connecting ------------------------------------------------------------------------ */

static void
test_accept (gconstpointer address)
{
  g_autoptr (MpListener) listener = open_at (address);
  g_autofree char *actual = mp_listener_get_address (listener);
  g_autofree char *last = NULL;
  g_autoptr (MpConnection) client = connect_to (actual);
  g_autoptr (MpConnection) server = accept_one (listener);

  last = mp_listener_get_last_accepted (listener);
  g_assert_true (g_str_has_prefix (last, strcmp (address, LOOPBACK6) == 0 ? "tcp:[::1]:" : "tcp:127.0.0.1:"));
  g_assert_cmpstr (last, !=, actual);

  for (gsize size = 1; size < 3000000; size = size * 3 + 7)
    {
      send_bytes (client, size);
      assert_receives_bytes (server, size);
      send_bytes (server, size);
      assert_receives_bytes (client, size);
    }

  /* What was sent before the end can be received */
  send_bytes (server, 10);
  mp_connection_close (server);
  assert_receives_bytes (client, 10);
  assert_ended (client, MP_ERROR_CLOSED);
}

static void
test_process (gconstpointer data)
{
  gboolean dies = data != NULL;
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autofree char *mode = g_strdup_printf ("%s %s", dies ? "ask-and-die" : "ask", address);
  GPid pid = mp_test_spawn ("listener-peer", mode, NULL);
  g_autoptr (MpConnection) connection = accept_one (listener);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) question = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);
  int status;

  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (question), ==, 41);
  mp_connection_send (connection, g_variant_new_int32 (42), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  status = mp_test_wait (pid);
  g_assert_cmpint (WIFSIGNALED (status), ==, dies);
  assert_ended (connection, dies ? MP_ERROR_PEER_DIED : MP_ERROR_CLOSED);
}

/* A name has several addresses, and nobody need listen at the first. */
static void
test_name (void)
{
  g_autoptr (MpListener) listener = open_at ("tcp:localhost:0");
  g_autofree char *address = at_port ("localhost", listener);
  g_autofree char *actual = mp_listener_get_address (listener);

  g_assert_true (g_str_has_prefix (actual, "tcp:127.0.0.1:"));
  assert_works (listener, address);
  assert_works (listener, actual);
}

static void
test_no_such_name (void)
{
  assert_cannot_connect ("tcp:there-is-no-such-host.invalid:1", key, MP_WIRE_DEFAULT,
                         G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, "there-is-no-such-host.invalid");
  assert_cannot_listen ("tcp:there-is-no-such-host.invalid:1", key, MP_WIRE_DEFAULT,
                        MP_ERROR, MP_ERROR_NOT_SUPPORTED, "0.0.0.0");
}

/* That of a documentation, which no machine has. */
static void
test_not_ours (void)
{
  assert_cannot_listen ("tcp:192.0.2.1:0", key, MP_WIRE_DEFAULT, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "this machine has no such address");
}

static void
test_async (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = at_port ("localhost", listener);
  g_autoptr (GAsyncResult) opened = NULL, accepted = NULL;
  g_autoptr (MpConnection) client = NULL, server = NULL;
  g_autoptr (GError) error = NULL;

  mp_connection_open_with_wire_async (address, key, MP_WIRE_DEFAULT, MP_TEST_DEADLINE, NULL,
                                      mp_test_keep_result, &opened);
  mp_listener_accept_async (listener, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &accepted);
  mp_test_await_result (&opened);
  mp_test_await_result (&accepted);
  client = mp_connection_open_with_wire_finish (opened, &error);
  g_assert_no_error (error);
  server = mp_listener_accept_finish (listener, accepted, &error);
  g_assert_no_error (error);
  send_bytes (client, 5);
  assert_receives_bytes (server, 5);
}

static void
on_message (MpConnection *connection,
            MpMessage    *message,
            gpointer      n)
{
  ++*(guint *) n;
}

static gboolean
has_all (gpointer n)
{
  return *(guint *) n == 100;
}

/* Many that come in one read are all told of, though the socket is empty after the first. */
static void
test_signal (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
  guint n = 0;

  for (guint i = 0; i < 100; i++)
    send_bytes (client, 10);
  g_signal_connect (server, "message-received", G_CALLBACK (on_message), &n);
  mp_connection_start_reading (server);
  mp_test_run_until (has_all, &n);
  mp_connection_close (server);
}

/* --- Failing ---------------------------------------------------------------------------- */

static void
test_nobody (void)
{
  g_autofree char *address = NULL;
  int fd = listen_tcp (&address);

  close (fd);
  assert_cannot_connect (address, key, MP_WIRE_DEFAULT, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, address);
  assert_cannot_connect (LOOPBACK, key, MP_WIRE_DEFAULT, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no port");
}

/* Who listens and says nothing. */
static void
test_silent_listener (void)
{
  g_autofree char *address = NULL;
  int fd = listen_tcp (&address);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) opened = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open (address, key, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_connection_open_async (address, key, MP_TEST_DEADLINE, cancellable, mp_test_keep_result, &opened);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&opened);
  g_assert_null (mp_connection_open_finish (opened, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  close (fd);
}

static void
test_keys (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autoptr (MpListener) listener_short = open_with_wire (LOOPBACK, short_key, MP_WIRE_DEFAULT);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autofree char *address_short = mp_listener_get_address (listener_short);
  g_autoptr (MpConnection) client = NULL;
  g_autoptr (GError) error = NULL;

  assert_cannot_connect (address, other_key, MP_WIRE_DEFAULT, MP_ERROR, MP_ERROR_AUTHENTICATION, address);
  assert_cannot_connect (address, NULL, MP_WIRE_DEFAULT, MP_ERROR, MP_ERROR_AUTHENTICATION, "No key was given");
  assert_works (listener, address);

  /* Nobody else sees what goes over a loopback address */
  client = mp_connection_open (address_short, short_key, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

/* Where nobody gives a key it is the program's. */
static void
test_own_key (void)
{
  g_autoptr (MpListener) listener = open_with_wire (LOOPBACK, NULL, MP_WIRE_DEFAULT);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpAuthKey) own = mp_auth_key_new_own ();
  g_autoptr (MpAuthKey) again = mp_auth_key_new_own ();
  MpAuthKey *keys[] = { NULL, own };

  g_assert_true (mp_auth_key_equal (own, again));
  g_assert_cmpuint (mp_auth_key_get_length (own), ==, 32);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpConnection) client = mp_connection_open (address, keys[i], MP_TEST_DEADLINE, NULL, &error);
      g_autoptr (MpConnection) server = accept_one (listener);

      g_assert_no_error (error);
      send_bytes (client, 5);
      assert_receives_bytes (server, 5);
    }
  assert_cannot_connect (address, key, MP_WIRE_DEFAULT, MP_ERROR, MP_ERROR_AUTHENTICATION, "another one");
}

static void
test_beyond (void)
{
  assert_cannot_listen (ALL, key, MP_WIRE_PYTHON, MP_ERROR, MP_ERROR_REFUSED, "Python");
  assert_cannot_listen (ALL, short_key, MP_WIRE_DEFAULT, MP_ERROR, MP_ERROR_REFUSED, "16 bytes");
  assert_cannot_listen (ALL, short_key, MP_WIRE_INSECURE, MP_ERROR, MP_ERROR_REFUSED, "16 bytes");
  /* An address that documents may have: nothing is sent there */
  assert_cannot_connect ("tcp:198.51.100.7:9", key, MP_WIRE_PYTHON, MP_ERROR, MP_ERROR_REFUSED, "Python");
}

static void
test_insecure (void)
{
  g_autoptr (MpListener) listener = open_with_wire (ALL, key, MP_WIRE_INSECURE);
  g_autoptr (MpListener) both = open_with_wire ("tcp:[::]:0", key, MP_WIRE_INSECURE);
  g_autofree char *address = at_port ("127.0.0.1", listener);
  g_autofree char *v4 = at_port ("127.0.0.1", both);
  g_autofree char *v6 = at_port ("[::1]", both);

  g_assert_cmpint (mp_listener_get_wire (listener), ==, MP_WIRE_INSECURE);
  assert_works (listener, address);
  assert_works (both, v4);
  assert_works (both, v6);
}

static void
test_in_use (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpListener) next = NULL;

  assert_works (listener, address);
  assert_cannot_listen (address, key, MP_WIRE_DEFAULT, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, address);
  mp_listener_close (listener);
  next = open_at (address);
  assert_works (next, address);
}

static void
test_not_shareable (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_int32 (1));
  g_autoptr (MpMessage) local_message = mp_message_new (g_variant_new_int32 (1));
  g_autoptr (MpConnection) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_new_pair (TRUE, &first, &second, NULL));
  mp_message_attach (message, MP_SHAREABLE (first));
  g_assert_false (mp_connection_send_message (client, message, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_clear_error (&error);

  mp_message_attach (local_message, MP_SHAREABLE (client));
  g_assert_false (mp_connection_send_message (first, local_message, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);

  send_bytes (client, 10);
  assert_receives_bytes (server, 10);
  send_bytes (first, 10);
  assert_receives_bytes (second, 10);
}

/* --- Strangers --------------------------------------------------------------------------- */

static void
test_strangers (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  const char request[] = "GET / HTTP/1.1\r\n\r\n";
  int silent[100], rubbish;

  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    silent[i] = connect_tcp (listener);
  rubbish = connect_tcp (listener);
  g_assert_cmpint (send (rubbish, request, strlen (request), MSG_NOSIGNAL), ==, (gssize) strlen (request));
  g_assert_cmpuint (read_to_end (rubbish), ==, 0);
  assert_works (listener, address);
  mp_fds_close (silent, G_N_ELEMENTS (silent));
}

/* A stream has no messages: each byte may come alone. */
static void
test_bytewise (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  int fd = connect_tcp (listener), yes = 1;
  g_autoptr (MpConnection) server = NULL;
  MpBinding binding;
  g_autoptr (MpHandshake) handshake = NULL;
  g_autoptr (GError) error = NULL;
  MpArrival *arrival;
  GBytes *output;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  g_assert_true (mp_arrival_bind_tcp (&binding, fd, MP_ROLE_CLIENT, &error));
  handshake = mp_arrival_begin_handshake (MP_ROLE_CLIENT, key, &binding, &error);
  g_assert_no_error (error);
  while (mp_handshake_get_state (handshake) != MP_HANDSHAKE_AGREED)
    {
      guint8 byte;
      gsize n;

      while ((output = mp_handshake_take_output (handshake)) != NULL)
        {
          for (gsize i = 0; i < g_bytes_get_size (output); i++)
            g_assert_cmpint (send (fd, (const guint8 *) g_bytes_get_data (output, NULL) + i, 1, MSG_NOSIGNAL), ==, 1);
          g_bytes_unref (output);
        }
      mp_test_poll (fd, POLLIN);
      g_assert_cmpint (recv (fd, &byte, 1, 0), ==, 1);
      g_assert_true (mp_handshake_feed (handshake, &byte, 1, &n, &error));
    }

  server = accept_one (listener);
  arrival = mp_arrival_new ((MpStreamIo) { fd, NULL }, MP_TRANSPORT_STREAM, mp_handshake_get_session (handshake));
  {
    g_autoptr (MpConnection) client = mp_arrival_to_connection (arrival, NULL);

    send_bytes (client, 10);
    assert_receives_bytes (server, 10);
  }
}

typedef struct
{
  int listening;
  MpListener *listener;
} Relay;

/* Passes on, both ways, whatever comes, until either side ends. */
static gpointer
relay (gpointer data)
{
  Relay *self = data;
  struct pollfd fds[2] = { { accept4 (self->listening, NULL, NULL, SOCK_CLOEXEC), POLLIN, 0 },
                           { connect_tcp (self->listener), POLLIN, 0 } };
  gboolean goes_on = TRUE;

  while (goes_on && poll (fds, 2, (int) (MP_TEST_DEADLINE * 1000)) > 0)
    for (guint i = 0; i < 2; i++)
      if (fds[i].revents != 0)
        {
          guint8 bytes[1024];
          gssize n = recv (fds[i].fd, bytes, sizeof bytes, 0);

          goes_on = goes_on && n > 0 && send (fds[1 - i].fd, bytes, (gsize) n, MSG_NOSIGNAL) == n;
        }

  close (fds[0].fd);
  close (fds[1].fd);
  return NULL;
}

/* Who stands in between and passes all on unchanged has other addresses than the ends see. */
static void
test_relay (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = NULL;
  Relay self = { listen_tcp (&address), listener };
  GThread *thread = g_thread_new ("relay", relay, &self);

  assert_cannot_connect (address, key, MP_WIRE_DEFAULT, MP_ERROR, MP_ERROR_AUTHENTICATION, "between");
  g_thread_join (thread);
  close (self.listening);
}

static void
test_rubbish_listener (void)
{
  g_autofree char *address = NULL;
  int listening = listen_tcp (&address), fd;
  g_autoptr (GAsyncResult) opened = NULL;
  g_autoptr (GError) error = NULL;
  const char banner[] = "220 a server of mail\r\n";

  mp_connection_open_async (address, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &opened);
  fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (send (fd, banner, strlen (banner), MSG_NOSIGNAL), ==, (gssize) strlen (banner));
  mp_test_await_result (&opened);
  g_assert_null (mp_connection_open_finish (opened, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
  close (fd);
  close (listening);
}

static void
warm_up (void)
{
  g_autoptr (MpListener) listener = open_at (LOOPBACK);
  g_autofree char *address = at_port ("localhost", listener);

  assert_works (listener, address);
}

/* The example of multiprocessing's manual: objects, bytes, and numbers into a larger array. */
static void
test_example (void)
{
  g_autoptr (MpListener) listener = open_at ("tcp:localhost:0");
  g_autofree char *address = at_port ("localhost", listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("(2.25, @mi nothing, 'junk')"));
  const gint32 numbers[] = { 42, 1729 };
  gint32 room[5] = { 0 };
  g_autoptr (GError) error = NULL;

  mp_connection_send (server, value, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  mp_connection_send_data (server, (const guint8 *) "hello", 5, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  mp_connection_send_data (server, (const guint8 *) numbers, sizeof numbers, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);

  g_autoptr (GVariant) received = mp_connection_receive (client, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (received, value);

  gsize length;
  g_autofree guint8 *data = mp_connection_receive_data (client, 0, MP_TEST_DEADLINE, &length, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (data, length, "hello", 5);

  g_assert_cmpint (mp_connection_receive_into (client, (guint8 *) room, sizeof room, MP_TEST_DEADLINE, NULL, &error),
                   ==, 8);
  g_assert_no_error (error);
  g_assert_cmpint (room[0], ==, 42);
  g_assert_cmpint (room[1], ==, 1729);
  g_assert_cmpint (room[2] | room[3] | room[4], ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_data ((const guint8 *) KEY, strlen (KEY));
  short_key = mp_auth_key_new_data ((const guint8 *) "abc", 3);
  other_key = mp_auth_key_new_random ();

  mp_test_add_data ("/tcp/accept/inet", LOOPBACK, test_accept);
  mp_test_add_data ("/tcp/accept/inet6", LOOPBACK6, test_accept);
  mp_test_add_data ("/tcp/process/ends", NULL, test_process);
  mp_test_add_data ("/tcp/process/dies", GINT_TO_POINTER (1), test_process);
  mp_test_add ("/tcp/name", test_name);
  mp_test_add ("/tcp/no-such-name", test_no_such_name);
  mp_test_add ("/tcp/not-ours", test_not_ours);
  mp_test_add ("/tcp/example", test_example);
  mp_test_add ("/tcp/async", test_async);
  mp_test_add ("/tcp/signal", test_signal);

  mp_test_add ("/tcp/nobody", test_nobody);
  mp_test_add ("/tcp/silent-listener", test_silent_listener);
  mp_test_add ("/tcp/keys", test_keys);
  mp_test_add ("/tcp/own-key", test_own_key);
  mp_test_add ("/tcp/beyond", test_beyond);
  mp_test_add ("/tcp/insecure", test_insecure);
  mp_test_add ("/tcp/in-use", test_in_use);
  mp_test_add ("/tcp/not-shareable", test_not_shareable);

  mp_test_add ("/tcp/strangers", test_strangers);
  mp_test_add ("/tcp/bytewise", test_bytewise);
  mp_test_add ("/tcp/relay", test_relay);
  mp_test_add ("/tcp/rubbish-listener", test_rubbish_listener);

  return g_test_run ();
}
