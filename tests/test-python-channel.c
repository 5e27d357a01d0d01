/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Listeners and clients that speak the protocol of Python's multiprocessing. */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-test.h"
#include "mp-transport-private.h"

/* How python-channel-peer.py ends. */
#define AUTHENTICATED 0
#define REFUSED       3

#define NO_MODERN_PYTHON "there is no Python 3.12 or later here; the model written after the protocol is tried anyway"

#define MIB (1024 * 1024)

typedef struct
{
  const char *python;  /* the variable that names it */
  const char *implementation;
  gboolean is_tcp;
} Peer;

static MpAuthKey *key, *other_key;

/* --- Both ends ----------------------------------------------------------------------- */

static gboolean
has_python (const Peer *peer)
{
  const char *python = g_getenv (peer->python);

  if (python != NULL && *python != '\0')
    return TRUE;

  g_test_skip (NO_MODERN_PYTHON);
  return FALSE;
}

static GPid
spawn_python (const Peer *peer,
              const char *role,
              const char *address,
              int        *output)
{
  g_autofree char *script = g_test_build_filename (G_TEST_DIST, "python-channel-peer.py", NULL);
  const char *argv[] = {
    g_getenv (peer->python), script, role, peer->implementation, address, "616272616361646162726100", NULL,
  };
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                    -1, -1, -1, NULL, NULL, 0, &pid, NULL, output, NULL, &error);
  g_assert_no_error (error);
  return pid;
}

static void
assert_exit (GPid pid,
             int  code)
{
  int status = mp_test_wait (pid);

  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, code);
}

static MpListener *
open_listener (gboolean   is_tcp,
               MpAuthKey *a_key)
{
  MpListener *listener = mp_listener_new_with_wire (is_tcp ? "tcp:127.0.0.1:0" : NULL, a_key, MP_WIRE_PYTHON);
  g_autoptr (GError) error = NULL;

  mp_listener_open (listener, &error);
  g_assert_no_error (error);
  return listener;
}

static MpConnection *
accept_one (MpListener *listener)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_listener_accept (listener, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static MpConnection *
connect_to (const char *address)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open_with_wire (address, key, MP_WIRE_PYTHON, MP_TEST_DEADLINE, NULL,
                                                           &error);

  g_assert_no_error (error);
  return connection;
}

/* Gives back what comes until the other end is closed; returns how much there was. */
static guint
give_back (MpConnection *connection)
{
  for (guint n = 0;; n++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpMessage) message = mp_connection_receive_message (connection, MP_TEST_DEADLINE, NULL, &error);

      if (message == NULL)
        {
          g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
          return n;
        }
      g_assert_cmpstr (mp_message_get_codec (message), ==, "raw");
      mp_connection_send_message (connection, message, MP_TEST_DEADLINE, NULL, &error);
      g_assert_no_error (error);
    }
}

static void
want_back (MpConnection *connection,
           gsize         size)
{
  g_autofree guint8 *data = g_malloc0 (size + 1);
  g_autofree guint8 *received = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i ^ (i >> 8));
  mp_connection_send_data (connection, data, size, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  received = mp_connection_receive_data (connection, 0, MP_TEST_DEADLINE, &length, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (received, length, data, size);
}

/* The form that a program in Python has for it */
static char *
get_python_address (MpListener *listener)
{
  g_autofree char *address = mp_listener_get_address (listener);

  return g_strdup (strchr (address, ':') + 1);
}

/* --- With Python ------------------------------------------------------------------------ */

static void
test_python_connects (gconstpointer data)
{
  const Peer *peer = data;
  g_autoptr (MpListener) listener = NULL;
  g_autoptr (MpConnection) connection = NULL;
  g_autofree char *address = NULL;
  gboolean is_model = g_str_equal (peer->implementation, "model");
  GPid pid;

  if (!has_python (peer))
    return;

  listener = open_listener (peer->is_tcp, key);
  address = get_python_address (listener);
  pid = spawn_python (peer, "client", address, NULL);
  connection = accept_one (listener);
  g_assert_cmpuint (give_back (connection), ==, is_model ? 4 : 5);
  assert_exit (pid, AUTHENTICATED);
}

static char *
read_line (int fd)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte;

  while (read (fd, &byte, 1) == 1 && byte != '\n')
    g_string_append_c (line, byte);
  return g_string_free (g_steal_pointer (&line), FALSE);
}

/* Starts a listener of Python's; returns where it listens. */
static char *
start_listener (const Peer *peer,
                GPid       *pid)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "python", NULL);
  g_autofree char *line = NULL;
  int output;

  *pid = spawn_python (peer, "listener", peer->is_tcp ? "127.0.0.1:0" : path, &output);
  line = read_line (output);
  close (output);
  return g_strconcat (peer->is_tcp ? "tcp:" : "unix:", line, NULL);
}

static void
remove_file (const char *address)
{
  if (g_str_has_prefix (address, "unix:"))
    unlink (address + strlen ("unix:"));
}

static void
test_python_listens (gconstpointer data)
{
  const Peer *peer = data;
  g_autoptr (MpConnection) connection = NULL;
  g_autofree char *address = NULL;
  GPid pid;

  if (!has_python (peer))
    return;

  address = start_listener (peer, &pid);
  connection = connect_to (address);
  want_back (connection, 0);
  want_back (connection, 1);
  want_back (connection, 70000);
  want_back (connection, 5 * MIB);
  mp_connection_close (connection);
  assert_exit (pid, AUTHENTICATED);
  remove_file (address);
}

static void
test_other_key (gconstpointer data)
{
  const Peer *peer = data;
  g_autoptr (MpListener) listener = NULL;
  g_autofree char *own_address = NULL, *address = NULL;
  g_autoptr (GError) error = NULL;
  GPid pid;

  if (!has_python (peer))
    return;

  listener = open_listener (peer->is_tcp, other_key);
  own_address = get_python_address (listener);
  pid = spawn_python (peer, "client", own_address, NULL);
  assert_exit (pid, REFUSED);
  g_assert_null (mp_listener_accept (listener, 0, NULL, NULL));

  address = start_listener (peer, &pid);
  g_assert_null (mp_connection_open_with_wire (address, other_key, MP_WIRE_PYTHON, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  assert_exit (pid, REFUSED);
  remove_file (address);
}

/* --- Without Python ----------------------------------------------------------------------- */

static void
test_both (gconstpointer is_tcp)
{
  g_autoptr (MpListener) listener = open_listener (is_tcp != NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
  g_autoptr (GError) error = NULL;

  mp_connection_send_data (client, (const guint8 *) "abc", 3, "raw", MP_TEST_DEADLINE, NULL, NULL);
  mp_connection_send_data (client, (const guint8 *) "", 0, "other", MP_TEST_DEADLINE, NULL, NULL);
  mp_connection_close (client);
  for (guint i = 0; i < 2; i++)
    {
      gsize length;
      g_autofree guint8 *data = mp_connection_receive_data (server, 0, MP_TEST_DEADLINE, &length, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (length, ==, i == 0 ? 3 : 0);
    }
  g_assert_null (mp_connection_receive (server, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
}

static void
test_bytes_alone (void)
{
  g_autoptr (MpListener) listener = open_listener (FALSE, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
  g_autoptr (MpMessage) message = mp_message_new_data ((const guint8 *) "x", 1, "raw");
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_connection_send (client, g_variant_new_int32 (1), MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  g_assert_cmpint (mp_message_attach_fd (message, STDIN_FILENO, NULL), >=, 0);
  g_assert_false (mp_connection_send_message (client, message, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
}

static void
assert_cannot_open (const char  *address,
                    MpAuthKey   *a_key,
                    MpWireFlags  wire,
                    MpError      code,
                    const char  *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open_with_wire (address, a_key, wire, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, word));
}

/* Neither protocol is found out from what comes. */
static void
test_other_wire (void)
{
  g_autoptr (MpListener) tcp = open_listener (TRUE, key);
  g_autoptr (MpListener) local = open_listener (FALSE, key);
  g_autofree char *tcp_address = mp_listener_get_address (tcp);
  g_autofree char *local_address = mp_listener_get_address (local);

  assert_cannot_open (tcp_address, key, MP_WIRE_DEFAULT, MP_ERROR_CORRUPTED, "Python's multiprocessing");
  assert_cannot_open (local_address, key, MP_WIRE_DEFAULT, MP_ERROR_REFUSED, "wire");
  assert_cannot_open (local_address, NULL, MP_WIRE_PYTHON, MP_ERROR_AUTHENTICATION, "key");
}

static void
test_beyond (void)
{
  g_autoptr (MpListener) listener =
    mp_listener_new_with_wire ("tcp:0.0.0.0:0", other_key, MP_WIRE_PYTHON | MP_WIRE_INSECURE);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_listener_open (listener, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
}

/* --- Messages ------------------------------------------------------------------------------- */

static void
assert_ends (const guint8 *bytes,
             gsize         size,
             MpIoStatus    expected_status,
             MpError       expected_code)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame;
  MpTransport *transport;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  transport = mp_transport_new_of_form (MP_TRANSPORT_PYTHON, fds[0], NULL);
  mp_transport_set_max_body (transport, MIB);
  g_assert_cmpint (write (fds[1], bytes, size), ==, (gssize) size);
  mp_fd_close (&fds[1]);
  g_assert_cmpint (mp_transport_receive (transport, &frame, &error), ==, expected_status);
  g_assert_error (error, MP_ERROR, (int) expected_code);
  mp_transport_free (transport);
}

static void
test_refused_messages (void)
{
  const guint8 negative[] = { 0xff, 0xff, 0xff, 0xfe };
  const guint8 too_long[] = { 0, 0x10, 0, 1 };
  const guint8 huge[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 0, 0 };
  const guint8 needless[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 5 };
  const guint8 cut_header[] = { 0, 0 };
  const guint8 cut_body[] = { 0, 0, 0, 5, 'a', 'b' };

  assert_ends (negative, sizeof negative, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  assert_ends (needless, sizeof needless, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  assert_ends (too_long, sizeof too_long, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  assert_ends (huge, sizeof huge, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  assert_ends (cut_header, sizeof cut_header, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  assert_ends (cut_body, sizeof cut_body, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
}

static void
warm_up (void)
{
  g_autoptr (MpListener) listener = open_listener (TRUE, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);
}

int
main (int   argc,
      char *argv[])
{
  static const Peer peers[] = {
    { "MP_TEST_PYTHON", "model", FALSE },
    { "MP_TEST_PYTHON", "model", TRUE },
    { "MP_TEST_MODERN_PYTHON", "multiprocessing", FALSE },
    { "MP_TEST_MODERN_PYTHON", "multiprocessing", TRUE },
  };

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_data ((const guint8 *) "abracadabra", 12);
  other_key = mp_auth_key_new_random ();

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      const char *family = peers[i].is_tcp ? "tcp" : "unix";
      g_autofree char *connects = g_strdup_printf ("/python-channel/connects/%s/%s", peers[i].implementation, family);
      g_autofree char *listens = g_strdup_printf ("/python-channel/listens/%s/%s", peers[i].implementation, family);
      g_autofree char *other = g_strdup_printf ("/python-channel/other-key/%s/%s", peers[i].implementation, family);

      mp_test_add_data (connects, &peers[i], test_python_connects);
      mp_test_add_data (listens, &peers[i], test_python_listens);
      mp_test_add_data (other, &peers[i], test_other_key);
    }
  mp_test_add_data ("/python-channel/both/unix", NULL, test_both);
  mp_test_add_data ("/python-channel/both/tcp", GINT_TO_POINTER (1), test_both);
  mp_test_add ("/python-channel/bytes-alone", test_bytes_alone);
  mp_test_add ("/python-channel/other-wire", test_other_wire);
  mp_test_add ("/python-channel/beyond", test_beyond);
  mp_test_add ("/python-channel/refused-messages", test_refused_messages);

  return g_test_run ();
}
