/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Listeners and strangers: who says nothing, or anything but what must come, and how much of that there may be. */

#include "config.h"

#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-handshake-private.h"
#include "mp-packet-io-private.h"
#include "mp-test-listener.h"
#include "mp-test-local-listener.h"
#include "mp-test.h"

static MpHandshake *
new_handshake (MpRole role)
{
  MpBinding binding;
  MpHandshakeTerms terms = {
    .role = role, .key = key, .binding = &binding, .features = MP_FEATURE_FDS, .max_frame = 1 << 20,
  };

  mp_binding_init_unix (&binding, geteuid (), geteuid (), NULL);
  return mp_handshake_new (&terms, NULL);
}

/* A hello that a client could send. */
static GBytes *
make_hello (void)
{
  g_autoptr (MpHandshake) handshake = new_handshake (MP_ROLE_CLIENT);

  return mp_handshake_take_output (handshake);
}

/* Says his hello, and then what is no proof. */
static void
say_wrong_proof (int fd)
{
  guint8 proof[MP_PREAMBLE_HEADER + 33] = { 0, 0, 0, 33, 'P' };
  g_autoptr (GBytes) hello = make_hello ();

  say (fd, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello));
  say (fd, proof, sizeof proof);
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

/* --- A listener that lets go --------------------------------------------------------- */

static void
tell (int          fd,
      MpHandshake *handshake)
{
  GBytes *output;

  while ((output = mp_handshake_take_output (handshake)) != NULL)
    {
      say (fd, g_bytes_get_data (output, NULL), g_bytes_get_size (output));
      g_bytes_unref (output);
    }
}

static void
hear (int          fd,
      MpHandshake *handshake)
{
  guint8 packet[4096];
  gssize size = recv (fd, packet, sizeof packet, 0);
  gsize n_taken;

  g_assert_cmpint (size, >, 0);
  g_assert_true (mp_handshake_feed (handshake, packet, (gsize) size, &n_taken, NULL));
}

/* Answers whoever comes. */
typedef struct
{
  int fd;
  guint n_to_let_go;
  guint n_came;
} Host;

static gpointer
be_host (gpointer data)
{
  Host *self = data;
  int fd;

  for (; (fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close (fd))
    {
      g_autoptr (MpHandshake) handshake = new_handshake (MP_ROLE_SERVER);

      do
        {
          hear (fd, handshake);
          tell (fd, handshake);
        }
      while (self->n_came >= self->n_to_let_go && mp_handshake_get_state (handshake) != MP_HANDSHAKE_AGREED);
      self->n_came++;
    }

  return NULL;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  int fd = new_socket ();

  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

/* Returns how often the client came. */
static guint
visit (const char *before_path,
       guint       n_to_let_go,
       GError    **error)
{
  g_autofree char *path = new_path ("letting-go");
  g_autofree char *address = g_strconcat (before_path, path, NULL);
  Host host = { listen_at (path), n_to_let_go, 0 };
  g_autoptr (MpConnection) connection = NULL;
  GThread *thread;

  thread = g_thread_new ("host", be_host, &host);
  connection = mp_connection_open (address, key, MP_TEST_DEADLINE, NULL, error);
  shutdown (host.fd, SHUT_RDWR);
  g_thread_join (thread);
  close (host.fd);
  unlink (path);
  return host.n_came;
}

/* What is sent to one whose proof is wrong: a hello, and that. */
#define REFUSED_SIZE (MP_PREAMBLE_HEADER + MP_HELLO_SERVER_SIZE + MP_PREAMBLE_HEADER + 2)

/* --- Tests -------------------------------------------------------------------------- */

/* Who has gone on waiting for nothing does not go on coming, whoever holds the result. */
static void
test_let_go_late (void)
{
  g_autofree char *path = new_path ("late");
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  int listening = listen_at (path), fd;
  guint8 packet[4096];

  mp_connection_open_async (path, key, 0.01, NULL, mp_test_keep_result, &result);
  fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  mp_test_await_result (&result);
  g_assert_null (mp_connection_open_finish (result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_cmpint (recv (fd, packet, sizeof packet, MSG_DONTWAIT), >, 0);
  g_assert_cmpint (recv (fd, packet, sizeof packet, MSG_DONTWAIT), ==, 0);
  close (fd);
  close (listening);
  unlink (path);
}

/* A listener that ends meanwhile has not refused a key. */
static void
test_let_go_gone (void)
{
  g_autofree char *path = new_path ("gone");
  g_autoptr (MpHandshake) handshake = new_handshake (MP_ROLE_SERVER);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  int listening = listen_at (path), fd;

  mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  unlink (path);
  hear (fd, handshake);
  tell (fd, handshake);
  close (fd);
  mp_test_await_result (&result);
  g_assert_null (mp_connection_open_finish (result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  close (listening);
}

/* An honest one, whom a busy machine has held up, comes again; but not for ever. */
static void
test_let_go (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (visit ("unix:", 0, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpuint (visit ("unix:", 3, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpuint (visit ("unix:", 100, &error), ==, 4);
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_clear_error (&error);

  /* Relative, and meant from the folder of the first time */
  g_assert_cmpuint (visit ("unix:../../../../../../../..", 1, &error), ==, 2);
  g_assert_no_error (error);
}

/* The kernel has no room for what a long relative path means, so it may be another one by now. */
static void
test_let_go_far_away (void)
{
  g_autofree char *path = new_path ("letting-go");
  gsize room = sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1 - strlen (path);
  g_autofree char *slashes = g_strnfill (room % 3, '/');
  g_autoptr (GString) before_path = g_string_new ("unix:");
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < room / 3; i++)
    g_string_append (before_path, "../");
  g_string_append (before_path, slashes);

  g_assert_cmpuint (visit (before_path->str, 1, &error), ==, 1);
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
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

/* Who has been refused goes first, and is told so then: else he would come again. */
static void
test_flood_refused (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  int wrong = connect_raw (listener), fds[MP_PREAMBLE_MAX_STRANGERS];

  say_wrong_proof (wrong);
  for (guint i = 0; i < MP_PREAMBLE_MAX_STRANGERS; i++)
    fds[i] = connect_raw (listener);
  g_assert_cmpuint (read_to_end (wrong), ==, REFUSED_SIZE);
  for (guint i = 0; i < MP_PREAMBLE_MAX_STRANGERS; i++)
    close (fds[i]);
}

/* What a server says in it to one whose response is wrong: a challenge, and #FAILURE#. */
#define PYTHON_REFUSED_SIZE (4 + 59 + 4 + 9)

static int
connect_stream (MpListener *listener)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  connect_socket (fd, listener);
  return fd;
}

/* Likewise in Python's protocol, where there is a stream. */
static void
test_flood_refused_python (void)
{
  g_autoptr (MpListener) listener = mp_listener_new_with_wire (NULL, key, MP_WIRE_PYTHON);
  const guint8 response[4 + 40] = { 0, 0, 0, 40 };
  int wrong, fds[MP_PREAMBLE_MAX_STRANGERS];

  g_assert_true (mp_listener_open (listener, NULL));
  wrong = connect_stream (listener);
  say (wrong, response, sizeof response);
  for (guint i = 0; i < MP_PREAMBLE_MAX_STRANGERS; i++)
    fds[i] = connect_stream (listener);
  g_assert_cmpuint (read_to_end (wrong), ==, PYTHON_REFUSED_SIZE);
  for (guint i = 0; i < MP_PREAMBLE_MAX_STRANGERS; i++)
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
  say_wrong_proof (fd);
  g_assert_cmpuint (read_to_end (fd), ==, REFUSED_SIZE);

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

int
main (int    argc,
      char **argv)
{
  init_local_listeners (&argc, &argv);

  mp_test_add ("/listener/let-go", test_let_go);
  mp_test_add ("/listener/let-go-far-away", test_let_go_far_away);
  mp_test_add ("/listener/let-go-late", test_let_go_late);
  mp_test_add ("/listener/let-go-gone", test_let_go_gone);
  mp_test_add ("/listener/other-user", test_other_user);
  mp_test_add ("/listener/silent", test_silent);
  mp_test_add ("/listener/flood", test_flood);
  mp_test_add ("/listener/flood-refused", test_flood_refused);
  mp_test_add ("/listener/flood-refused-python", test_flood_refused_python);
  mp_test_add ("/listener/deadline", test_deadline);
  mp_test_add ("/listener/rubbish", test_rubbish);
  mp_test_add ("/listener/rubbish-listener", test_rubbish_listener);
  mp_test_add ("/listener/full", test_full);
  mp_test_add ("/listener/full-ends", test_full_ends);
  mp_test_add ("/listener/peer-dies", test_peer_dies);
  mp_test_add ("/listener/no-descriptors", test_no_descriptors);
  mp_test_add ("/listener/no-descriptors/told", test_no_descriptors_is_told);

  return g_test_run ();
}
