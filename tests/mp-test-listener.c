/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mp-test-listener.h"
#include "mp-test.h"

MpConnection *
accept_one (MpListener *listener)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_listener_accept (listener, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

guint16
get_port (MpListener *listener)
{
  g_autofree char *address = mp_listener_get_address (listener);
  guint port = (guint) g_ascii_strtoull (strrchr (address, ':') + 1, NULL, 10);

  g_assert_cmpuint (port, >, 0);
  return (guint16) port;
}

static guint8
get_byte (gsize i,
          gsize size)
{
  return (guint8) (i ^ (i >> 8) ^ size);
}

void
send_bytes (MpConnection *connection,
            gsize         size)
{
  g_autofree guint8 *data = g_malloc (size);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < size; i++)
    data[i] = get_byte (i, size);
  mp_connection_send_data (connection, data, size, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

void
assert_receives_bytes (MpConnection *connection,
                       gsize         size)
{
  g_autoptr (GError) error = NULL;
  gsize length;
  g_autofree guint8 *data = mp_connection_receive_data (connection, 0, MP_TEST_DEADLINE, &length, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (length, ==, size);
  for (gsize i = 0; i < size; i++)
    g_assert_cmpuint (data[i], ==, get_byte (i, size));
}

void
assert_ended (MpConnection *connection,
              MpError       code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, (int) code);
}

int
connect_tcp (MpListener *listener)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) }, .sin_port = htons (get_port (listener)),
  };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

int
listen_tcp (char **address)
{
  struct sockaddr_in native = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  socklen_t size = sizeof native;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, size), ==, 0);
  g_assert_cmpint (listen (fd, 10), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &native, &size), ==, 0);
  *address = g_strdup_printf ("tcp:127.0.0.1:%u", (guint) ntohs (native.sin_port));
  return fd;
}

void
assert_closed (int fd)
{
  char byte;

  mp_test_poll (fd, POLLIN);
  g_assert_cmpint (recv (fd, &byte, 1, 0), <=, 0);
  close (fd);
}

GBytes *
record_hello (MpAuthKey *key)
{
  g_autofree char *address = NULL;
  int listening = listen_tcp (&address), fd;
  guint8 hello[4096];
  gssize size;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) opened = NULL;

  mp_connection_open_with_tls_async (address, key, MP_WIRE_TLS, NULL, MP_TEST_DEADLINE, cancellable,
                                     mp_test_keep_result, &opened);
  fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  mp_test_poll (fd, POLLIN);
  size = recv (fd, hello, sizeof hello, 0);
  g_assert_cmpint (size, >, 5);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&opened);
  close (fd);
  close (listening);
  return g_bytes_new (hello, (gsize) size);
}
