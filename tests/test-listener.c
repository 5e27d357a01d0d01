/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <mpglib.h>

#include "mp-handshake-private.h"
#include "mp-packet-io-private.h"
#include "mp-test-listener.h"
#include "mp-test.h"

#define KEY "only for tests, and long enough"

static MpAuthKey *key, *other_key;

/* --- Both ends ---------------------------------------------------------------------- */

static MpListener *
open_at (const char *address,
         MpAuthKey  *a_key)
{
  MpListener *listener = mp_listener_new (address, a_key);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  g_assert_no_error (error);

  return listener;
}

static void
assert_nobody (MpListener *listener)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_listener_accept (listener, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static MpConnection *
connect_to (MpListener *listener,
            MpAuthKey  *a_key)
{
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open (address, a_key, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static void
assert_cannot_connect (const char *address,
                       MpAuthKey  *a_key,
                       GQuark      domain,
                       int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open (address, a_key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, domain, code);
  if (code != (int) G_IO_ERROR_INVALID_ARGUMENT)
    g_assert_nonnull (strstr (error->message, address));
}

static void
assert_cannot_listen (const char *address,
                      MpAuthKey  *a_key,
                      GQuark      domain,
                      int         code)
{
  g_autoptr (MpListener) listener = mp_listener_new (address, a_key);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_listener_open (listener, &error));
  g_assert_error (error, domain, code);
  g_assert_false (mp_listener_is_open (listener));
}

static void
send_int (MpConnection *connection,
          gint32        number)
{
  g_autoptr (GError) error = NULL;

  mp_connection_send (connection, g_variant_new_int32 (number), MP_TEST_DEADLINE, NULL, &error);
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

/* An honest one gets in. */
static void
assert_works (MpListener *listener)
{
  g_autoptr (MpConnection) client = connect_to (listener, key);
  g_autoptr (MpConnection) server = accept_one (listener);

  send_int (client, 1);
  g_assert_cmpint (receive_int (server), ==, 1);
  send_int (server, 2);
  g_assert_cmpint (receive_int (client), ==, 2);
}

static GPid
start_peer (const char *what,
            const char *address,
            const int  *fds)
{
  g_autofree char *mode = g_strdup_printf ("%s %s", what, address);

  return mp_test_spawn ("listener-peer", mode, fds);
}

static void
assert_exited (GPid pid)
{
  int status = mp_test_wait (pid);

  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static char *
new_path (const char *name)
{
  return g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), name, NULL);
}

/* --- Strangers ---------------------------------------------------------------------- */

static int
new_socket (void)
{
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

/* Waits, if the listener's queue is full. */
static void
connect_socket (int         fd,
                MpListener *listener)
{
  g_autofree char *address = mp_listener_get_address (listener);
  struct sockaddr_un native = { .sun_family = AF_UNIX };

  g_assert_true (g_str_has_prefix (address, "unix:"));
  g_strlcpy (native.sun_path, address + strlen ("unix:"), sizeof native.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
}

static int
connect_raw (MpListener *listener)
{
  int fd = new_socket ();

  connect_socket (fd, listener);
  return fd;
}

/* A hello that a client could send. */
static GBytes *
make_hello (void)
{
  MpBinding binding;
  MpHandshakeTerms terms = {
    .role = MP_ROLE_CLIENT, .key = key, .binding = &binding, .features = MP_FEATURE_FDS, .max_frame = 1 << 20,
  };
  g_autoptr (MpHandshake) handshake = NULL;

  mp_binding_init_unix (&binding, geteuid (), geteuid (), NULL);
  handshake = mp_handshake_new (&terms, NULL);
  return mp_handshake_take_output (handshake);
}

static void
say (int           fd,
     gconstpointer data,
     gsize         size)
{
  g_assert_cmpint (send (fd, data, size, MSG_NOSIGNAL), ==, (gssize) size);
}

/* Takes what comes; returns how many bytes, and closes it. */
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
      g_assert_true (n >= 0 || errno == ECONNRESET);
      total += n > 0 ? (gsize) n : 0;
    }
  while (n > 0);

  close (fd);
  return total;
}

/* How many of them the listener has let go. */
static guint
count_dropped (const int *fds,
               guint      n)
{
  guint n_dropped = 0;

  for (guint i = 0; i < n; i++)
    {
      struct pollfd descriptor = { .fd = fds[i], .events = POLLIN };

      n_dropped += poll (&descriptor, 1, 0) == 1;
    }

  return n_dropped;
}

/* --- Tests -------------------------------------------------------------------------- */

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

/* A process of another user, which only root can start here. */
static void
test_other_user (void)
{
  g_autoptr (MpListener) listener = NULL;
  g_autofree char *path = NULL;
  g_autofree char *abstract = g_strdup_printf ("abstract:mp-test-user-%d", (int) getpid ());
  g_autoptr (MpListener) abstract_listener = NULL;
  pid_t pid;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can be another user");
      return;
    }

  path = new_path ("of-root");
  listener = open_at (path, NULL);
  abstract_listener = open_at (abstract, key);
  g_assert_cmpint (chmod (g_getenv ("XDG_RUNTIME_DIR"), 0711), ==, 0);
  g_assert_cmpint (chmod (path, 0666), ==, 0);

  pid = fork ();
  if (pid == 0)
    {
      g_autoptr (GError) error = NULL;

      if (setuid (12345) != 0)
        _exit (1);
      if (mp_connection_open (path, NULL, 10, NULL, &error) != NULL ||
          !g_error_matches (error, MP_ERROR, MP_ERROR_REFUSED) || strstr (error->message, "user 12345") == NULL)
        _exit (2);
      g_clear_error (&error);
      if (mp_connection_open (abstract, key, 10, NULL, &error) != NULL ||
          !g_error_matches (error, MP_ERROR, MP_ERROR_REFUSED) || strstr (error->message, "user 12345") == NULL)
        _exit (3);
      _exit (0);
    }
  assert_exited (pid);

  /* Who says nothing, too, is let go by the listener at once. */
  pid = fork ();
  if (pid == 0)
    {
      gint64 start = g_get_monotonic_time ();
      int fd;

      if (setuid (12345) != 0)
        _exit (1);
      fd = connect_raw (listener);
      if (read_to_end (fd) != 0)
        _exit (2);
      _exit (g_get_monotonic_time () - start < 2 * G_USEC_PER_SEC ? 0 : 3);
    }
  assert_nobody (listener);
  assert_exited (pid);
  assert_nobody (abstract_listener);
}

#define N_SILENT 100

static void
test_silent (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  gint64 start = g_get_monotonic_time ();
  int fds[N_SILENT];

  for (guint i = 0; i < N_SILENT; i++)
    fds[i] = connect_raw (listener);
  assert_works (listener);
  g_assert_cmpint (g_get_monotonic_time () - start, <, (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC));
  assert_nobody (listener);
  for (guint i = 0; i < N_SILENT; i++)
    close (fds[i]);
}

#define N_FLOOD (MP_PREAMBLE_MAX_STRANGERS + 100)

/* Of who says nothing nobody is pushed out before so many microseconds. */
#define LEAST_PATIENCE 20000

/* There are never more strangers than the number, and the oldest go first, but not before they had
 * some time.
 */
static void
test_flood (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  guint n_fds = mp_test_count_fds ();
  gint64 start = g_get_monotonic_time ();
  int fds[N_FLOOD];

  for (guint i = 0; i < N_FLOOD; i++)
    fds[i] = connect_raw (listener);
  mp_test_poll (fds[0], POLLIN);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, LEAST_PATIENCE);
  for (guint i = 0; i < N_FLOOD - MP_PREAMBLE_MAX_STRANGERS; i++)
    mp_test_poll (fds[i], POLLIN);
  g_assert_cmpuint (count_dropped (fds, N_FLOOD), ==, N_FLOOD - MP_PREAMBLE_MAX_STRANGERS);
  g_assert_cmpuint (mp_test_count_fds (), <=, n_fds + N_FLOOD + MP_PREAMBLE_MAX_STRANGERS + 1);
  assert_works (listener);
  for (guint i = 0; i < N_FLOOD; i++)
    close (fds[i]);
}

/* Nobody waits for anything, and the listener notices by itself. */
static void
test_deadline (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (GBytes) hello = make_hello ();
  gint64 start = g_get_monotonic_time ();
  int silent = connect_raw (listener);
  int slow = connect_raw (listener);

  say (slow, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello));
  g_assert_cmpuint (read_to_end (silent), ==, 0);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC));
  g_assert_cmpuint (read_to_end (slow), ==, MP_PREAMBLE_HEADER + MP_HELLO_SERVER_SIZE);
  assert_nobody (listener);
}

/* Nothing is said to whoever says anything but what must come. */
static void
test_rubbish (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (GBytes) hello = make_hello ();
  const guint8 *bytes = g_bytes_get_data (hello, NULL);
  gsize size = g_bytes_get_size (hello);
  g_autofree guint8 *long_one = g_malloc0 (70000);
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  int fd;

  for (gsize n = 1; n < size; n += n < 8 ? 1 : 13)
    {
      fd = connect_raw (listener);
      say (fd, bytes, n); /* torn: the rest must not come in another packet */
      g_assert_cmpuint (read_to_end (fd), ==, 0);
    }

  memcpy (long_one, bytes, size);
  for (gsize n = size + 1; n <= 70000; n = n * 2 < 70000 || n == 70000 ? n * 2 : 70000)
    {
      fd = connect_raw (listener);
      say (fd, long_one, n);
      g_assert_cmpuint (read_to_end (fd), ==, 0);
    }

  for (gsize i = 0; i < MP_PREAMBLE_HEADER + 6; i++)
    {
      g_autofree guint8 *wrong = g_memdup2 (bytes, size);

      wrong[i] ^= 0x55;
      fd = connect_raw (listener);
      say (fd, wrong, size);
      g_assert_cmpuint (read_to_end (fd), ==, 0);
    }

  /* A right hello, but with a descriptor. */
  fd = connect_raw (listener);
  g_array_append_val (fds, fd);
  g_assert_cmpint (mp_packet_send (fd, bytes, size, NULL, 0, -1, fds), ==, 0);
  g_assert_cmpuint (read_to_end (fd), ==, 0);

  /* A right hello, and then something else than a proof. */
  fd = connect_raw (listener);
  say (fd, bytes, size);
  say (fd, bytes, size);
  g_assert_cmpuint (read_to_end (fd), ==, MP_PREAMBLE_HEADER + MP_HELLO_SERVER_SIZE);

  /* A wrong proof is told so, and nothing else. */
  fd = connect_raw (listener);
  say (fd, bytes, size);
  memset (long_one, 0, 4 + 33);
  long_one[3] = 33;
  long_one[4] = 'P';
  say (fd, long_one, 4 + 33);
  g_assert_cmpuint (read_to_end (fd), ==, MP_PREAMBLE_HEADER + MP_HELLO_SERVER_SIZE + MP_PREAMBLE_HEADER + 2);

  assert_nobody (listener);
  assert_works (listener);
}

/* What listens and is no listener of the library's. */
static void
test_rubbish_listener (void)
{
  g_autofree char *path = new_path ("rubbish");
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  const guint8 *answers[] = { (const guint8 *) "", (const guint8 *) "hello", (const guint8 *) "\0\0\0\064rubbish" };
  const gsize sizes[] = { 0, 5, 11 };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      int expected = sizes[i] == 0 ? MP_ERROR_REFUSED : MP_ERROR_CORRUPTED;
      GAsyncResult *result = NULL;
      g_autoptr (GError) error = NULL;
      int peer;

      mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
      peer = accept (fd, NULL, NULL);
      say (peer, answers[i], sizes[i]);
      if (sizes[i] == 0)
        close (peer);
      mp_test_await_result (&result);
      g_assert_null (mp_connection_open_finish (result, &error));
      g_assert_error (error, MP_ERROR, expected);
      g_assert_nonnull (strstr (error->message, path));
      if (sizes[i] > 0)
        close (peer);
      g_object_unref (result);
    }

  /* It says nothing at all; when its queue is full one waits for nothing, and for 5 seconds. */
  {
    g_autoptr (GError) error = NULL;
    GAsyncResult *results[2] = { NULL };

    g_assert_null (mp_connection_open (path, key, 0.05, NULL, &error));
    g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
    g_assert_nonnull (strstr (error->message, path));
    g_clear_error (&error);

    mp_connection_open_async (path, key, 0.05, NULL, mp_test_keep_result, &results[0]);
    mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &results[1]);
    mp_test_await_result (&results[0]);
    g_assert_null (mp_connection_open_finish (results[0], &error));
    g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
    g_clear_error (&error);
    mp_test_await_result (&results[1]);
    g_assert_null (mp_connection_open_finish (results[1], &error));
    g_assert_error (error, MP_ERROR, MP_ERROR_FULL);
    g_object_unref (results[0]);
    g_object_unref (results[1]);
  }

  close (fd);
  assert_cannot_connect (path, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  unlink (path);
}

/* A listener that is stopped: so many have connected that the kernel takes no more. */
static int
listen_full (const char *path,
             int        *waiting)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (fd, 0), ==, 0);
  *waiting = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (*waiting, (struct sockaddr *) &native, sizeof native), ==, 0);
  return fd;
}

/* Who comes when too many wait comes in when there is room, in order; or gives up. */
static void
test_full (void)
{
  g_autofree char *path = new_path ("full");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[4] = { NULL };
  int waiting, fd = listen_full (path, &waiting);

  mp_connection_open_async (path, key, -1, cancellable, mp_test_keep_result, &results[0]);
  for (guint i = 1; i < G_N_ELEMENTS (results); i++)
    mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &results[i]);
  g_assert_null (mp_connection_open (path, key, 0.05, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&results[0]);
  g_assert_null (mp_connection_open_finish (results[0], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&results[0]);

  close (accept (fd, NULL, NULL));
  for (guint i = 1; i <= 2; i++)
    {
      int peer;

      mp_test_poll (fd, POLLIN);
      peer = accept (fd, NULL, NULL);
      mp_test_poll (peer, POLLIN); /* its hello */
      close (peer);
      mp_test_await_result (&results[i]);
      g_assert_null (mp_connection_open_finish (results[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
      g_clear_error (&error);
    }

  mp_test_poll (fd, POLLIN); /* the last one takes the place, and nobody is there any more */
  close (fd);
  mp_test_await_result (&results[3]);
  g_assert_null (mp_connection_open_finish (results[3], &error));
  for (guint i = 1; i < G_N_ELEMENTS (results); i++)
    g_object_unref (results[i]);
  close (waiting);
  unlink (path);
}

/* Who waits when the listener ends learns it at once. */
static void
test_full_ends (void)
{
  g_autofree char *path = new_path ("full");
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;
  int waiting, fd = listen_full (path, &waiting);

  mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  close (fd);
  mp_test_await_result (&result);
  g_assert_null (mp_connection_open_finish (result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_object_unref (result);
  close (waiting);
  unlink (path);
}

static void
test_peer_dies (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GBytes) hello = make_hello ();
  g_autoptr (MpConnection) connection = NULL;
  int fd = connect_raw (listener);
  GPid pid;

  close (fd);
  fd = connect_raw (listener);
  say (fd, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello));
  close (fd);

  pid = start_peer ("ask-and-die", address, NULL);
  connection = accept_one (listener);
  g_assert_cmpint (receive_int (connection), ==, 41);
  send_int (connection, 42);
  assert_ended (connection, MP_ERROR_PEER_DIED);
  g_assert_true (WIFSIGNALED (mp_test_wait (pid)));
  assert_works (listener);
}

static void
set_max_fds (rlim_t n)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = n;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

/* A stranger comes when so many descriptors are left. */
static void
turn_away_for_want (MpListener *listener,
                    guint       n_left)
{
  struct rlimit limit;
  gint64 start = g_get_monotonic_time ();
  int fd = new_socket (), first_free;

  first_free = dup (0);
  close (first_free);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  set_max_fds ((rlim_t) first_free + n_left);
  connect_socket (fd, listener);
  g_assert_cmpuint (read_to_end (fd), ==, 0);
  g_assert_cmpint (g_get_monotonic_time () - start, <, (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC));
  set_max_fds (limit.rlim_cur);
}

static void
assert_turned_away (MpListener *listener,
                    guint       n_left)
{
  /* Under its lock: who was turned away before has the end of it, and the listener its descriptor again. */
  g_assert_null (mp_listener_accept (listener, 0, NULL, NULL));
  turn_away_for_want (listener, n_left);
}

/* Descriptors run out: who comes is turned away, and the listener goes on. */
static void
test_no_descriptors (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);

  assert_turned_away (listener, 2);
  assert_turned_away (listener, 0);
  assert_turned_away (listener, 0);
  assert_works (listener);
}

static void
on_refused_for_want (MpListener *listener,
                     const char *who,
                     GError     *error,
                     guint      *n_refused)
{
  g_assert_nonnull (strstr (who, "of user"));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  ++*n_refused;
}

static gboolean
are_two (gpointer n_refused)
{
  return *(guint *) n_refused >= 2;
}

/* It is told, whether some are left for the program or none. */
static void
test_no_descriptors_is_told (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  guint n_refused = 0;

  g_signal_connect (listener, "refused", G_CALLBACK (on_refused_for_want), &n_refused);
  mp_listener_start_accepting (listener);
  turn_away_for_want (listener, 2);
  turn_away_for_want (listener, 0);
  mp_test_run_until (are_two, &n_refused);
  g_assert_cmpuint (n_refused, ==, 2);
  mp_listener_close (listener);
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

/* --- Places ------------------------------------------------------------------------- */

static void
assert_mode (const char *path,
             guint       mode)
{
  struct stat status;

  g_assert_cmpint (lstat (path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, mode);
  g_assert_cmpuint (status.st_uid, ==, geteuid ());
}

static void
test_private (void)
{
  mode_t old_mask = umask (0);
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (MpListener) other = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autofree char *other_address = mp_listener_get_address (other);
  g_autofree char *folder = g_path_get_dirname (address + strlen ("unix:"));

  umask (old_mask);
  g_assert_true (g_str_has_prefix (address + strlen ("unix:"), g_getenv ("XDG_RUNTIME_DIR")));
  g_assert_cmpstr (address, !=, other_address);
  assert_mode (folder, 0700);
  assert_mode (address + strlen ("unix:"), 0600);
  assert_works (listener);
  mp_listener_close (listener);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
  assert_works (other);
}

/* Each byte that the kernel has room for. */
static void
test_long_path (void)
{
  gsize room = 107 - strlen (g_getenv ("XDG_RUNTIME_DIR")) - 1;
  g_autofree char *name = g_strnfill (room, 'x');
  g_autofree char *path = new_path (name);
  g_autoptr (MpListener) listener = open_at (path, key);

  g_assert_cmpuint (strlen (path), ==, 107);
  assert_mode (path, 0600);
  assert_works (listener);
}

static void
test_named (void)
{
  g_autofree char *path = new_path ("named");
  g_autofree char *address = g_strconcat ("unix:", path, NULL);
  g_autofree char *in_use = NULL;
  g_autoptr (MpListener) listener = open_at (path, key);

  in_use = mp_listener_get_address (listener);
  g_assert_cmpstr (in_use, ==, address);
  assert_mode (path, 0600);
  assert_cannot_listen (address, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  assert_works (listener);

  /* Another one has taken the place: its file stays. */
  g_assert_cmpint (unlink (path), ==, 0);
  {
    g_autoptr (MpListener) other = open_at (path, key);

    mp_listener_close (listener);
    assert_works (other);
  }
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_stale (void)
{
  g_autofree char *path = new_path ("stale");
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (MpListener) listener = NULL;
  GPid pid = start_peer ("listen-and-die", path, NULL);
  int fd;

  g_assert_true (WIFSIGNALED (mp_test_wait (pid)));
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  assert_cannot_connect (path, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);

  /* Not while somebody else may be doing the same. */
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  assert_cannot_listen (path, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  close (fd);

  listener = open_at (path, key);
  assert_works (listener);
}

/* What is no socket, and what listens and is not ours, is never removed. */
static void
test_not_ours (void)
{
  g_autofree char *path = new_path ("file");
  g_autofree char *link = new_path ("link");
  g_autofree char *contents = NULL;
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  int fd;

  g_assert_true (g_file_set_contents (path, "precious", -1, NULL));
  assert_cannot_listen (path, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_cannot_listen (link, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, "precious");
  unlink (link);
  unlink (path);

  /* A socket of another type, behind which somebody listens. */
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  assert_cannot_listen (path, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  assert_cannot_connect (path, key, MP_ERROR, MP_ERROR_REFUSED);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  close (fd);
  unlink (path);
}

static void
test_abstract (void)
{
  g_autofree char *address = g_strdup_printf ("abstract:mp-test-%d", (int) getpid ());
  g_autoptr (MpListener) listener = open_at (address, key);
  g_autoptr (MpListener) again = NULL;

  assert_works (listener);
  assert_cannot_connect (address, NULL, MP_ERROR, MP_ERROR_REFUSED);
  assert_cannot_connect (address, other_key, MP_ERROR, MP_ERROR_AUTHENTICATION);
  assert_cannot_listen (address, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  mp_listener_close (listener);
  assert_cannot_connect (address, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  assert_cannot_listen (address, NULL, MP_ERROR, MP_ERROR_REFUSED);
  again = open_at (address, key);
}

static gpointer
open_in_thread (gpointer listener)
{
  g_autoptr (GError) error = NULL;

  mp_listener_open (listener, &error);
  g_assert_no_error (error);
  return NULL;
}

static void
on_address (MpListener *listener,
            GParamSpec *pspec,
            gpointer    data)
{
  gpointer *heard = data;

  heard[0] = g_thread_self ();
  heard[1] = mp_listener_get_address (listener);
}

/* What was chosen is notified in the listener's main context, whoever opened it. */
static void
test_address_is_told (void)
{
  g_autofree char *path = new_path ("chosen");
  g_autofree char *given = g_strconcat ("unix:", path, NULL);
  const struct
  {
    const char *wish;
    gboolean is_told;
  } rows[] = { { NULL, TRUE }, { "tcp:127.0.0.1:0", TRUE }, { given, FALSE } };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (rows); i++)
    {
      gboolean goes_before = i >= G_N_ELEMENTS (rows);
      MpListener *listener = mp_listener_new_with_wire (rows[i % G_N_ELEMENTS (rows)].wish, key, MP_WIRE_INSECURE);
      gboolean is_told = rows[i % G_N_ELEMENTS (rows)].is_told && !goes_before;
      g_autofree char *address = NULL;
      gpointer heard[2] = { NULL, NULL };

      g_signal_connect (listener, "notify::address", G_CALLBACK (on_address), heard);
      g_thread_join (g_thread_new ("opener", open_in_thread, listener));
      g_assert_null (heard[0]);
      address = mp_listener_get_address (listener);
      if (goes_before)
        g_assert_finalize_object (listener);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_assert_true (heard[0] == (is_told ? g_thread_self () : NULL));
      g_assert_cmpstr (heard[1], ==, is_told ? address : NULL);
      g_free (heard[1]);
      if (!goes_before)
        g_assert_finalize_object (listener);
    }
}

static void
test_addresses (void)
{
  g_autofree char *missing = new_path ("no/folder");

  assert_cannot_listen ("nonsense", key, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  assert_cannot_connect ("nonsense", key, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  assert_cannot_listen (missing, key, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_cannot_connect (missing, key, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* --- Other processes ---------------------------------------------------------------- */

/* A process that ends with an open listener leaves no file. */
static void
test_end (void)
{
  g_autofree char *path = new_path ("end");

  assert_exited (start_peer ("listen-and-end", path, NULL));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static int
use_as_stranger (MpListener *listener)
{
  g_autoptr (GError) error = NULL;

  if (mp_listener_is_open (listener))
    return 1;
  if (mp_listener_accept (listener, 0, NULL, &error) != NULL || !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
    return 2;
  mp_listener_close (listener);
  g_object_unref (listener);

  /* Its own ones work. */
  listener = open_at (NULL, key);
  assert_works (listener);
  g_object_unref (listener);
  return 0;
}

static void
test_forked (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (MpConnection) waiting = connect_to (listener, key);
  g_autoptr (MpConnection) accepted = NULL;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (use_as_stranger (listener));

  assert_exited (pid);
  accepted = accept_one (listener);
  send_int (waiting, 4);
  g_assert_cmpint (receive_int (accepted), ==, 4);
  assert_works (listener);
}

/* The child of a killed listener's process does not keep its address in use. */
static void
test_killed_with_child (void)
{
  g_autofree char *path = new_path ("killed");
  int ready[2], end[2];
  int fds[3];
  g_autoptr (MpListener) listener = NULL;
  char byte;
  GPid pid;

  g_assert_cmpint (pipe2 (ready, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (end, O_CLOEXEC), ==, 0);
  fds[0] = ready[1];
  fds[1] = end[0];
  fds[2] = -1;
  pid = start_peer ("listen-fork-and-die", path, fds);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  g_assert_true (WIFSIGNALED (mp_test_wait (pid)));

  assert_cannot_connect (path, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  listener = open_at (path, key);
  assert_works (listener);

  /* The child ends when nobody holds this any more, and then nobody writes there */
  close (end[1]);
  close (ready[1]);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 0);
  close (ready[0]);
  close (end[0]);
}

/* The shared pump and the engine stay for the life of a process. */
static void
warm_up (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);

  assert_works (listener);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_data ((const guint8 *) KEY, strlen (KEY));
  other_key = mp_auth_key_new_random ();

  mp_test_add ("/listener/accept", test_accept);
  mp_test_add ("/listener/messages", test_messages);
  mp_test_add ("/listener/largest", test_largest);
  mp_test_add ("/listener/many", test_many);
  mp_test_add ("/listener/backlog", test_backlog);
  mp_test_add ("/listener/processes", test_processes);
  mp_test_add ("/listener/wrong-key", test_wrong_key);
  mp_test_add ("/listener/no-key", test_no_key);
  mp_test_add ("/listener/other-user", test_other_user);
  mp_test_add ("/listener/silent", test_silent);
  mp_test_add ("/listener/flood", test_flood);
  mp_test_add ("/listener/deadline", test_deadline);
  mp_test_add ("/listener/rubbish", test_rubbish);
  mp_test_add ("/listener/rubbish-listener", test_rubbish_listener);
  mp_test_add ("/listener/full", test_full);
  mp_test_add ("/listener/full-ends", test_full_ends);
  mp_test_add ("/listener/peer-dies", test_peer_dies);
  mp_test_add ("/listener/no-descriptors", test_no_descriptors);
  mp_test_add ("/listener/no-descriptors/told", test_no_descriptors_is_told);
  mp_test_add ("/listener/close", test_close);
  mp_test_add ("/listener/never-accepted", test_never_accepted);
  mp_test_add ("/listener/states", test_states);
  mp_test_add ("/listener/async", test_async);
  mp_test_add ("/listener/cancelled-open", test_cancelled_open);
  mp_test_add ("/listener/signal", test_signal);
  mp_test_add ("/listener/private", test_private);
  mp_test_add ("/listener/long-path", test_long_path);
  mp_test_add ("/listener/named", test_named);
  mp_test_add ("/listener/stale", test_stale);
  mp_test_add ("/listener/not-ours", test_not_ours);
  mp_test_add ("/listener/abstract", test_abstract);
  mp_test_add ("/listener/address-is-told", test_address_is_told);
  mp_test_add ("/listener/addresses", test_addresses);
  mp_test_add ("/listener/end", test_end);
  mp_test_add ("/listener/forked", test_forked);
  mp_test_add ("/listener/killed-with-child", test_killed_with_child);

  return g_test_run ();
}
