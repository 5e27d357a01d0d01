/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Listeners and clients with TLS.  The certificates are those of tests/tls.  Those who sit in between, and an end that
 * is none of ours, have test-tls-between.c. */

#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-fd-stream-private.h"
#include "mp-preamble-private.h"
#include "mp-test-listener.h"
#include "mp-test-tls.h"
#include "mp-test.h"
#include "mp-tls-channel-private.h"
#include "mp-transport-private.h"

#define LOOPBACK6 "tcp:[::1]:0"

/* --- Connecting ------------------------------------------------------------------------ */

static void
test_accept (gconstpointer address)
{
  g_autoptr (MpListener) listener = listen_at (address);
  g_autofree char *actual = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (actual);
  g_autoptr (MpConnection) server = accept_one (listener);
  gsize end = address != NULL ? 3000000 : 30000; /* what a socket surely holds while nobody reads */

  g_assert_cmpint (mp_listener_get_wire (listener), ==, MP_WIRE_TLS);
  for (gsize size = 1; size < end; size = size * 3 + 7)
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

/* The sizes around which a record of TLS, or the mark behind it, makes a difference. */
static void
test_sizes (void)
{
  static const gsize edges[] = { 1024, 16384, 32768, 262144 };
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);

  for (guint i = 0; i < G_N_ELEMENTS (edges); i++)
    for (gsize size = edges[i] - 80; size < edges[i] + 80; size++)
      {
        send_bytes (client, size);
        assert_receives_bytes (server, size);
      }
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
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = NULL;
  guint n = 0;

  for (guint i = 0; i < 100; i++)
    send_bytes (client, 10);
  server = accept_one (listener);
  g_signal_connect (server, "message-received", G_CALLBACK (on_message), &n);
  mp_connection_start_reading (server);
  mp_test_run_until (has_all, &n);
  mp_connection_close (server);
}

#define N_MANY 12

static void
test_many (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  GAsyncResult *opened[N_MANY] = { NULL }, *accepted[N_MANY] = { NULL };

  for (guint i = 0; i < N_MANY; i++)
    {
      mp_connection_open_with_tls_async (address, key, MP_WIRE_TLS, NULL, MP_TEST_DEADLINE, NULL,
                                         mp_test_keep_result, &opened[i]);
      mp_listener_accept_async (listener, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &accepted[i]);
    }

  for (guint i = 0; i < N_MANY; i++)
    {
      g_autoptr (MpConnection) client = NULL, server = NULL;
      g_autoptr (GError) error = NULL;

      mp_test_await_result (&opened[i]);
      mp_test_await_result (&accepted[i]);
      client = mp_connection_open_with_tls_finish (opened[i], &error);
      g_assert_no_error (error);
      server = mp_listener_accept_finish (listener, accepted[i], &error);
      g_assert_no_error (error);
      send_bytes (client, 5);
      g_object_unref (opened[i]);
      g_object_unref (accepted[i]);
    }
}

/* A send that is given up has sent nothing, and what comes after it is whole. */
static void
test_taken_back (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
  static const gsize sizes[] = { 100, 1100, 20000, 700000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree guint8 *data = g_malloc0 (sizes[i]);
      g_autoptr (GError) error = NULL;
      guint n_sent = 0;

      while (mp_connection_send_data (client, data, sizes[i], "raw", 0.0, NULL, &error))
        n_sent++;
      g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);

      for (guint j = 0; j < n_sent; j++)
        {
          gsize length;
          g_autofree guint8 *got = mp_connection_receive_data (server, 0, MP_TEST_DEADLINE, &length, NULL, NULL);

          g_assert_cmpuint (length, ==, sizes[i]);
        }
      send_bytes (client, 77);
      assert_receives_bytes (server, 77);
    }
}

/* --- Where TLS is there by itself --------------------------------------------------------- */

static char *
find_own_address (void)
{
  struct ifaddrs *all;
  char *found = NULL;

  if (getifaddrs (&all) != 0)
    return NULL;

  for (struct ifaddrs *one = all; one != NULL && found == NULL; one = one->ifa_next)
    {
      struct sockaddr_in v4;

      if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET)
        continue;
      memcpy (&v4, one->ifa_addr, sizeof v4);
      if (ntohl (v4.sin_addr.s_addr) >> 24 != 127)
        found = g_strdup (inet_ntoa (v4.sin_addr));
    }

  freeifaddrs (all);
  return found;
}

/* Where the client knows to whom it tells the proof. */
static void
assert_short_key_works (const char *host)
{
  g_autoptr (MpTlsSettings) ours = new_settings ("localhost", NULL, NULL);
  g_autoptr (MpTlsSettings) theirs = new_settings (NULL, "authority", "localhost");
  g_autoptr (MpListener) listener = listen_with ("tcp:0.0.0.0:0", short_key, MP_WIRE_DEFAULT, ours);
  g_autofree char *there = g_strdup_printf ("tcp:%s:%u", host, (guint) get_port (listener));
  g_autoptr (GError) error = NULL;
  g_autoptr (MpConnection) client = mp_connection_open_with_tls (there, short_key, MP_WIRE_DEFAULT, theirs,
                                                                 MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  assert_talk (client, listener);
}

static void
test_by_itself (void)
{
  g_autofree char *host = find_own_address ();
  g_autoptr (MpListener) listener = listen_with ("tcp:0.0.0.0:0", key, MP_WIRE_DEFAULT, NULL);
  g_autofree char *here = g_strdup_printf ("tcp:127.0.0.1:%u", (guint) get_port (listener));
  g_autofree char *there = NULL;
  g_autoptr (MpConnection) client = NULL, far_client = NULL;
  g_autoptr (GError) error = NULL;

  /* Who comes by a loopback address is of this machine */
  client = mp_connection_open (here, key, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_talk (client, listener);
  assert_cannot_listen ("tcp:0.0.0.0:0", short_key, MP_WIRE_DEFAULT, NULL, MP_ERROR_REFUSED, "trusts");

  if (host == NULL)
    {
      g_test_skip ("this machine has no address but those of the loopback interface");
      return;
    }

  there = g_strdup_printf ("tcp:%s:%u", host, (guint) get_port (listener));
  far_client = mp_connection_open (there, key, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_talk (far_client, listener);

  assert_cannot_connect (there, other_key, MP_WIRE_DEFAULT, NULL, MP_ERROR_AUTHENTICATION, "refused the key");
  assert_cannot_connect (there, short_key, MP_WIRE_DEFAULT, NULL, MP_ERROR_REFUSED, "16 bytes");
  assert_short_key_works (host);
  /* In plain sight only if both ends want that */
  assert_cannot_connect (there, key, MP_WIRE_INSECURE, NULL, MP_ERROR_REFUSED, "this end has none");
}

/* --- Certificates --------------------------------------------------------------------------- */

typedef struct
{
  const char *listener[3];  /* its certificate, what it trusts, and for which name */
  const char *client[3];
  enum { LONG, SHORT, NONE } keys;
  int code;                 /* of the client's error; -1: it works */
  const char *word;
} Case;

static MpAuthKey *
get_key (const Case *a_case)
{
  return a_case->keys == LONG ? key : a_case->keys == SHORT ? short_key : NULL;
}

static void
test_certificates (gconstpointer data)
{
  const Case *self = data;
  g_autoptr (MpTlsSettings) ours = new_settings (self->listener[0], self->listener[1], self->listener[2]);
  g_autoptr (MpTlsSettings) theirs = new_settings (self->client[0], self->client[1], self->client[2]);
  g_autoptr (MpListener) listener = listen_with (LOOPBACK, get_key (self), MP_WIRE_DEFAULT, ours);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_get_tls (listener) == ours);
  client = mp_connection_open_with_tls (address, get_key (self), MP_WIRE_DEFAULT, theirs, MP_TEST_DEADLINE, NULL,
                                        &error);
  if (self->code < 0)
    {
      g_assert_no_error (error);
      assert_talk (client, listener);
      return;
    }

  g_assert_null (client);
  g_assert_error (error, MP_ERROR, self->code);
  assert_says (error, self->word);
  /* Nobody came */
  g_clear_error (&error);
  g_assert_null (mp_listener_accept (listener, 0.0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static const struct
{
  const char *path;
  Case a_case;
} cases[] = {
  /* The key tells who is there, whatever is shown */
  { "/tls/certificates/none", { { NULL }, { NULL }, LONG, -1, NULL } },
  { "/tls/certificates/nobody-looks", { { "self-signed" }, { NULL }, LONG, -1, NULL } },
  { "/tls/certificates/expired-nobody-looks", { { "expired" }, { NULL }, LONG, -1, NULL } },

  { "/tls/certificates/issued", { { "localhost" }, { NULL, "authority" }, LONG, -1, NULL } },
  { "/tls/certificates/issued/short-key", { { "localhost" }, { NULL, "authority" }, SHORT, -1, NULL } },
  { "/tls/certificates/issued/for-another",
    { { "other-host" }, { NULL, "authority" }, LONG, MP_ERROR_AUTHENTICATION, "another name" } },
  { "/tls/certificates/issued/for-that-one",
    { { "other-host" }, { NULL, "authority", "other.example" }, LONG, -1, NULL } },
  { "/tls/certificates/issued/expired",
    { { "expired" }, { NULL, "authority" }, LONG, MP_ERROR_AUTHENTICATION, "expired" } },
  { "/tls/certificates/issued/by-nobody",
    { { "self-signed" }, { NULL, "authority" }, LONG, MP_ERROR_AUTHENTICATION, "issued" } },
  { "/tls/certificates/issued/built-in",
    { { NULL }, { NULL, "authority" }, LONG, MP_ERROR_AUTHENTICATION, "issued" } },

  { "/tls/certificates/pinned", { { "self-signed" }, { NULL, "self-signed" }, LONG, -1, NULL } },
  { "/tls/certificates/pinned/other-name", { { "other-host" }, { NULL, "other-host" }, SHORT, -1, NULL } },
  { "/tls/certificates/pinned/another",
    { { "stranger" }, { NULL, "self-signed" }, LONG, MP_ERROR_AUTHENTICATION, "issued" } },
  { "/tls/certificates/pinned/built-in",
    { { NULL }, { NULL, "self-signed" }, LONG, MP_ERROR_AUTHENTICATION, "issued" } },
  { "/tls/certificates/pinned/expired",
    { { "expired" }, { NULL, "expired" }, LONG, MP_ERROR_AUTHENTICATION, "expired" } },

  /* No key is needed where each end knows the other one's certificate */
  { "/tls/certificates/both/issued", { { "localhost", "authority" }, { "client", "authority" }, NONE, -1, NULL } },
  { "/tls/certificates/both/pinned",
    { { "self-signed", "stranger" }, { "stranger", "self-signed" }, NONE, -1, NULL } },
  { "/tls/certificates/both/with-key", { { "localhost", "authority" }, { "client", "authority" }, LONG, -1, NULL } },
  { "/tls/certificates/both/another",
    { { "localhost", "client" }, { "stranger", "authority" }, NONE, MP_ERROR_REFUSED, "certificate" } },
  { "/tls/certificates/both/none",
    { { "localhost", "authority" }, { NULL, "authority" }, LONG, MP_ERROR_REFUSED, "certificate" } },
};

static void
test_settings (void)
{
  g_autoptr (GTlsCertificate) certificate = read_certificate ("localhost");
  g_autofree char *pem = NULL;
  g_autoptr (GTlsCertificate) bare = NULL;
  g_autoptr (MpTlsSettings) settings = mp_tls_settings_new (certificate, NULL, "a.example");
  g_autoptr (MpTlsSettings) bare_settings = NULL;
  g_autofree char *text = mp_tls_settings_to_string (settings);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_tls_settings_get_certificate (settings) == certificate);
  g_assert_null (mp_tls_settings_get_trusted (settings));
  g_assert_cmpstr (mp_tls_settings_get_peer_name (settings), ==, "a.example");
  g_assert_cmpstr (text, ==, "<Mp.TlsSettings with a certificate, trusts who has the key>");

  g_object_get (certificate, "certificate-pem", &pem, NULL);
  bare = g_tls_certificate_new_from_pem (pem, -1, &error);
  g_assert_no_error (error);
  bare_settings = mp_tls_settings_new (bare, NULL, NULL);
  assert_cannot_listen (LOOPBACK, key, MP_WIRE_DEFAULT, bare_settings, MP_ERROR_REFUSED, "private key");
  assert_cannot_connect ("tcp:127.0.0.1:9", key, MP_WIRE_DEFAULT, bare_settings, MP_ERROR_REFUSED, "private key");
}

static void
test_wires (void)
{
  g_autoptr (MpTlsSettings) settings = new_settings (NULL, NULL, NULL);

  assert_cannot_listen (LOOPBACK, key, MP_WIRE_TLS | MP_WIRE_INSECURE, NULL, MP_ERROR_REFUSED, "INSECURE");
  assert_cannot_listen (LOOPBACK, key, MP_WIRE_PYTHON, settings, MP_ERROR_REFUSED, "Python");
  assert_cannot_connect ("tcp:127.0.0.1:9", key, MP_WIRE_INSECURE, settings, MP_ERROR_REFUSED, "INSECURE");
  assert_cannot_connect ("tcp:127.0.0.1:9", key, MP_WIRE_TLS | MP_WIRE_PYTHON, NULL, MP_ERROR_REFUSED, "Python");
}

/* In a process of its own, whose GIO has no TLS. */
static void
test_no_backend (void)
{
  if (g_test_subprocess ())
    {
      g_setenv ("GIO_USE_TLS", "dummy", TRUE);
      assert_cannot_listen (LOOPBACK, key, MP_WIRE_TLS, NULL, MP_ERROR_NOT_SUPPORTED, "glib-networking");
      assert_cannot_listen ("tcp:0.0.0.0:0", key, MP_WIRE_DEFAULT, NULL, MP_ERROR_NOT_SUPPORTED, "glib-networking");
      assert_cannot_connect ("tcp:127.0.0.1:9", key, MP_WIRE_TLS, NULL, MP_ERROR_NOT_SUPPORTED, "glib-networking");
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* --- Ends that do not agree ------------------------------------------------------------------ */

static void
test_plain_client (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);

  assert_cannot_connect (address, key, MP_WIRE_DEFAULT, NULL, MP_ERROR_REFUSED, "without");
  assert_works (listener, address);
}

static void
test_plain_listener (void)
{
  g_autoptr (MpListener) listener = listen_with (LOOPBACK, key, MP_WIRE_DEFAULT, NULL);
  g_autofree char *address = mp_listener_get_address (listener);

  assert_cannot_connect (address, key, MP_WIRE_TLS, NULL, MP_ERROR_REFUSED, "do not agree on TLS");
}

static void
test_keys (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);

  assert_cannot_connect (address, other_key, MP_WIRE_TLS, NULL, MP_ERROR_AUTHENTICATION, address);
  assert_cannot_connect (address, NULL, MP_WIRE_TLS, NULL, MP_ERROR_AUTHENTICATION, "No key was given");
  assert_works (listener, address);
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

  g_assert_null (mp_connection_open_with_wire (address, key, MP_WIRE_TLS, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_connection_open_with_tls_async (address, key, MP_WIRE_TLS, NULL, MP_TEST_DEADLINE, cancellable,
                                     mp_test_keep_result, &opened);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&opened);
  g_assert_null (mp_connection_open_with_tls_finish (opened, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  close (fd);
}

/* Returns: how many threads of the library's there are of that name, none of which takes signals */
static guint
count_deaf_threads (const char *name)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint n = 0;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "status", NULL), *status = NULL;
      const char *blocked;

      if (!g_file_get_contents (path, &status, NULL, NULL) || !g_str_has_prefix (status, "Name:\t") ||
          strncmp (status + 6, name, strlen (name)) != 0)
        continue;

      blocked = strstr (status, "SigBlk:");
      g_assert_nonnull (blocked);
      g_assert_cmpuint (g_ascii_strtoull (blocked + 7, NULL, 16) & (1u << (SIGINT - 1)), !=, 0);
      n++;
    }

  return n;
}

/* Signals are for threads of the program's, also where its own thread begins the handshake: by a unix socket. */
static void
test_deaf_thread (void)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  g_autofree char *address = g_strdup_printf ("abstract:mpglib-test-tls-%d", (int) getpid ());
  int fd, listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) opened = NULL;
  g_autoptr (GError) error = NULL;
  socklen_t size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (address) - strlen ("abstract"));

  memcpy (native.sun_path + 1, address + strlen ("abstract:"), strlen (address) - strlen ("abstract:"));
  g_assert_cmpint (bind (listening, (struct sockaddr *) &native, size), ==, 0);
  g_assert_cmpint (listen (listening, 10), ==, 0);
  mp_connection_open_with_tls_async (address, key, MP_WIRE_TLS, NULL, MP_TEST_DEADLINE, cancellable,
                                     mp_test_keep_result, &opened);
  fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  mp_test_poll (fd, POLLIN);
  g_assert_cmpuint (count_deaf_threads ("mp-tls"), ==, 1);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&opened);
  g_assert_null (mp_connection_open_with_tls_finish (opened, &error));
  close (fd);
  close (listening);
}

/* GIO's part of a connection may be amid anything where a stranger forks, with locks of another thread: the child,
 * which drops its copy, leaves it alone.
 */
static void
test_forked (void)
{
  int status, fds[2];
  g_autoptr (GIOStream) base = NULL;
  g_autoptr (GError) error = NULL;
  GIOStream *connection;
  MpTransport *transport;
  pid_t pid;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
  base = mp_fd_stream_new (fds[0], NULL, 0);
  connection = g_tls_client_connection_new (base, NULL, &error);
  g_assert_no_error (error);
  g_object_add_weak_pointer (G_OBJECT (connection), (gpointer *) &connection);
  transport = mp_transport_new_of_form (MP_TRANSPORT_STREAM, fds[0],
                                        mp_tls_channel_new (G_TLS_CONNECTION (connection), base));

  pid = fork ();
  if (pid == 0)
    {
      mp_transport_free (transport);
      _exit (connection != NULL && fcntl (fds[0], F_GETFD) == -1 ? 0 : 1);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  mp_transport_free (transport);
  g_assert_null (connection);
  close (fds[1]);
}

/* Those who say nothing, a part of a hello, or a whole one and then nothing, keep nobody waiting for long. */
static void
test_strangers (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GBytes) hello = record_hello (key);
  const char request[] = "GET / HTTP/1.1\r\n\r\n";
  int fds[60], rubbish;
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      gsize size = g_bytes_get_size (hello), n = i % 6 == 5 ? size : i % 6 == 4 ? size - 1 : i % 6;

      fds[i] = connect_tcp (listener);
      g_assert_cmpint (send (fds[i], g_bytes_get_data (hello, NULL), n, MSG_NOSIGNAL), ==, (gssize) n);
    }
  rubbish = connect_tcp (listener);
  g_assert_cmpint (send (rubbish, request, strlen (request), MSG_NOSIGNAL), ==, (gssize) strlen (request));
  assert_closed (rubbish);

  /* Before the time of the first is over */
  assert_works (listener, address);
  g_assert_cmpint (g_get_monotonic_time () - start, <, (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC));
  mp_fds_close (fds, G_N_ELEMENTS (fds));
}

/* --- The end ------------------------------------------------------------------------------------ */

/* Who closes a listener, or gives up, amid handshakes leaves nothing behind. */
static void
test_given_up (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GBytes) hello = record_hello (key);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *opened[8] = { NULL };
  int fds[8];

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      gssize size = (gssize) g_bytes_get_size (hello);

      fds[i] = connect_tcp (listener);
      g_assert_cmpint (send (fds[i], g_bytes_get_data (hello, NULL), (gsize) size, MSG_NOSIGNAL), ==, size);
      mp_connection_open_with_tls_async (address, key, MP_WIRE_TLS, NULL, MP_TEST_DEADLINE, cancellable,
                                         mp_test_keep_result, &opened[i]);
    }
  /* The first has its turn */
  mp_test_poll (fds[0], POLLIN);
  mp_listener_close (listener);
  g_cancellable_cancel (cancellable);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      mp_test_await_result (&opened[i]);
      g_clear_object (&opened[i]);
      close (fds[i]);
    }
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  tls_init_keys ();

  /* First, since it may not have been used before */
  g_test_add_func ("/tls/no-backend", test_no_backend);
  if (g_test_subprocess ())
    return g_test_run ();

  mp_test_set_warm_up (tls_warm_up);

  mp_test_add_data ("/tls/accept/inet", LOOPBACK, test_accept);
  mp_test_add_data ("/tls/accept/inet6", LOOPBACK6, test_accept);
  mp_test_add_data ("/tls/accept/unix", NULL, test_accept);
  mp_test_add ("/tls/sizes", test_sizes);
  mp_test_add ("/tls/signal", test_signal);
  mp_test_add ("/tls/many", test_many);
  mp_test_add ("/tls/taken-back", test_taken_back);
  mp_test_add ("/tls/by-itself", test_by_itself);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    mp_test_add_data (cases[i].path, &cases[i].a_case, test_certificates);
  mp_test_add ("/tls/settings", test_settings);
  mp_test_add ("/tls/wires", test_wires);

  mp_test_add ("/tls/plain-client", test_plain_client);
  mp_test_add ("/tls/plain-listener", test_plain_listener);
  mp_test_add ("/tls/keys", test_keys);
  mp_test_add ("/tls/silent-listener", test_silent_listener);
  mp_test_add ("/tls/deaf-thread", test_deaf_thread);
  mp_test_add ("/tls/forked", test_forked);
  mp_test_add ("/tls/strangers", test_strangers);

  mp_test_add ("/tls/given-up", test_given_up);

  return g_test_run ();
}
