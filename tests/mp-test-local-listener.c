/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-test-listener.h"
#include "mp-test-local-listener.h"
#include "mp-test.h"

#define KEY "only for tests, and long enough"

MpAuthKey *key, *other_key;

MpListener *
open_at (const char *address,
         MpAuthKey  *a_key)
{
  MpListener *listener = mp_listener_new (address, a_key);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  g_assert_no_error (error);

  return listener;
}

void
assert_nobody (MpListener *listener)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_listener_accept (listener, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

MpConnection *
connect_to (MpListener *listener,
            MpAuthKey  *a_key)
{
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open (address, a_key, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

void
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

void
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

void
send_int (MpConnection *connection,
          gint32        number)
{
  g_autoptr (GError) error = NULL;

  mp_connection_send (connection, g_variant_new_int32 (number), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

gint32
receive_int (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

void
assert_works (MpListener *listener)
{
  g_autoptr (MpConnection) client = connect_to (listener, key);
  g_autoptr (MpConnection) server = accept_one (listener);

  send_int (client, 1);
  g_assert_cmpint (receive_int (server), ==, 1);
  send_int (server, 2);
  g_assert_cmpint (receive_int (client), ==, 2);
}

GPid
start_peer (const char *what,
            const char *address,
            const int  *fds)
{
  g_autofree char *mode = g_strdup_printf ("%s %s", what, address);

  return mp_test_spawn ("listener-peer", mode, fds);
}

void
assert_exited (GPid pid)
{
  int status = mp_test_wait (pid);

  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

char *
new_path (const char *name)
{
  return g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), name, NULL);
}

int
new_socket (void)
{
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

void
connect_socket (int         fd,
                MpListener *listener)
{
  g_autofree char *address = mp_listener_get_address (listener);
  struct sockaddr_un native = { .sun_family = AF_UNIX };

  g_assert_true (g_str_has_prefix (address, "unix:"));
  g_strlcpy (native.sun_path, address + strlen ("unix:"), sizeof native.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
}

int
connect_raw (MpListener *listener)
{
  int fd = new_socket ();

  connect_socket (fd, listener);
  return fd;
}

void
say (int           fd,
     gconstpointer data,
     gsize         size)
{
  g_assert_cmpint (send (fd, data, size, MSG_NOSIGNAL), ==, (gssize) size);
}

gsize
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

/* The shared pump and the engine stay for the life of a process. */
static void
warm_up (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);

  assert_works (listener);
}

void
init_local_listeners (int    *argc,
                      char ***argv)
{
  mp_test_init (argc, argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_data ((const guint8 *) KEY, strlen (KEY));
  other_key = mp_auth_key_new_random ();
}
