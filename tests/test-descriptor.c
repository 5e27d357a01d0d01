/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-message-private.h"
#include "mp-test-connection.h"
#include "mp-test.h"

/* Makes a pair of sockets, of which one end is an object. */
static MpDescriptor *
new_socket (int *other)
{
  g_autoptr (GError) error = NULL;
  MpDescriptor *descriptor;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  descriptor = mp_descriptor_duplicate (fds[0], &error);
  g_assert_no_error (error);
  close (fds[0]);
  *other = fds[1];
  return descriptor;
}

static void
assert_reads (int         fd,
              const char *wanted)
{
  char text[16];
  gssize length;

  mp_test_poll (fd, POLLIN);
  length = read (fd, text, sizeof text);
  g_assert_cmpmem (text, length, wanted, strlen (wanted));
}

/* Through another process, which knows nothing of it. */
static void
test_passed_on (void)
{
  GPid pid;
  int other;
  g_autoptr (MpConnection) connection = mp_test_start_peer ("echo", &pid);
  g_autoptr (MpDescriptor) descriptor = new_socket (&other);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (MpShareable) again = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (descriptor));
  g_assert_true (mp_connection_send_message (connection, message, -1, NULL, &error));
  received = mp_connection_receive_message (connection, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  again = mp_message_get_attachment (received, 0, &error);
  g_assert_no_error (error);
  g_assert_true (MP_IS_DESCRIPTOR (again) && again != MP_SHAREABLE (descriptor));

  socket = mp_descriptor_open_socket (MP_DESCRIPTOR (again), &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_socket_send (socket, "hello", 5, NULL, &error), ==, 5);
  assert_reads (other, "hello");
  g_assert_cmpint (write (mp_descriptor_get_fd (descriptor), "us", 2), ==, 2);
  assert_reads (other, "us");

  /* The end comes when all have closed it. */
  g_clear_object (&message);
  g_clear_object (&received);
  g_clear_object (&again);
  g_clear_object (&descriptor);
  mp_connection_close (connection);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
  g_socket_close (socket, NULL);
  assert_reads (other, "");
  close (other);
}

static void
test_life (void)
{
  int other;
  MpDescriptor *descriptor = new_socket (&other);
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (descriptor));
  g_autofree char *wanted = g_strdup_printf ("<Mp.Descriptor fd=%d>", mp_descriptor_get_fd (descriptor));
  g_autoptr (GError) error = NULL;
  int fd = mp_descriptor_dup_fd (descriptor, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, wanted);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (mp_descriptor_get_fd (descriptor), F_GETFD), ==, FD_CLOEXEC);
  g_assert_finalize_object (descriptor);
  g_assert_cmpint (write (fd, "left", 4), ==, 4);
  assert_reads (other, "left");
  close (fd);
  assert_reads (other, "");
  close (other);
}

/* The object stays, and what was made of it. */
static void
test_closed (void)
{
  int other;
  g_autoptr (MpDescriptor) descriptor = new_socket (&other);
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GError) error = NULL;
  MpTestPair pair = mp_test_pair_new ();
  g_autofree char *text = NULL;
  GObject *object = G_OBJECT (descriptor);
  guint n_ready;
  int fd = mp_descriptor_dup_fd (descriptor, &error);

  g_assert_no_error (error);
  mp_message_attach (message, MP_SHAREABLE (descriptor));
  mp_descriptor_close (descriptor);
  mp_descriptor_close (descriptor);
  g_assert_cmpint (write (fd, "left", 4), ==, 4);
  assert_reads (other, "left");
  close (fd);
  assert_reads (other, "");
  close (other);

  g_assert_cmpint (mp_descriptor_get_fd (descriptor), ==, -1);
  text = mp_shareable_to_string (MP_SHAREABLE (descriptor));
  g_assert_cmpstr (text, ==, "<Mp.Descriptor closed>");
  g_assert_cmpint (mp_descriptor_dup_fd (descriptor, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (mp_descriptor_open_socket (descriptor, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (mp_connection_send_message (pair.a, message, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_assert_nonnull (strstr (error->message, text));
  g_clear_error (&error);
  g_assert_null (mp_wait_many (&object, 1, 0, &n_ready, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

static void
test_wrong (void)
{
  g_autoptr (MpDescriptor) bare = g_object_new (MP_TYPE_DESCRIPTOR, NULL);
  g_autoptr (MpDescriptor) file = NULL;
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);
  g_autoptr (GError) error = NULL;
  MpTestPair pair = mp_test_pair_new ();
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  g_assert_null (mp_descriptor_duplicate (-1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FAILED);
  g_clear_error (&error);
  g_socket_close (socket, NULL);
  g_assert_null (mp_descriptor_duplicate_socket (socket, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);

  file = mp_descriptor_duplicate (null, &error);
  close (null);
  g_assert_no_error (error);
  g_assert_null (mp_descriptor_open_socket (file, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  g_assert_cmpint (mp_descriptor_get_fd (bare), ==, -1);
  g_assert_cmpint (mp_descriptor_dup_fd (bare, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  mp_message_attach (message, MP_SHAREABLE (bare));
  g_assert_false (mp_connection_send_message (pair.a, message, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_test_pair_free (&pair);
}

/* What a peer calls a descriptor. */
static void
test_hostile (void)
{
  static const char * const described[] = {
    "[('descriptor', uint32 0, <()>)]",
    "[('descriptor', uint32 2, <()>)]",
    "[('descriptor', uint32 1, <(1,)>)]",
    "[('descriptor', uint32 1, <'text'>)]",
  };
  static const guint n_fds[] = { 0, 2, 1, 1 };

  for (guint i = 0; i < G_N_ELEMENTS (described); i++)
    {
      g_autoptr (GVariant) attachments = g_variant_ref_sink (g_variant_new_parsed (described[i]));
      g_autoptr (GBytes) body = g_bytes_new (NULL, 0);
      g_autoptr (MpMessage) message = NULL;
      g_autoptr (MpShareable) object = NULL;
      g_autoptr (GError) error = NULL;
      int fds[2] = { open ("/dev/null", O_RDWR | O_CLOEXEC), open ("/dev/null", O_RDWR | O_CLOEXEC) };

      message = mp_message_new_received ("raw", body, attachments, fds, n_fds[i], &error);
      g_assert_no_error (error);
      object = mp_message_get_attachment (message, 0, &error);
      g_assert_null (object);
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
      for (guint j = n_fds[i]; j < 2; j++)
        mp_fd_close (&fds[j]);
    }
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (mp_test_pair_warm_up);

  mp_test_add ("/descriptor/passed-on", test_passed_on);
  mp_test_add ("/descriptor/life", test_life);
  mp_test_add ("/descriptor/closed", test_closed);
  mp_test_add ("/descriptor/wrong", test_wrong);
  mp_test_add ("/descriptor/hostile", test_hostile);

  return g_test_run ();
}
