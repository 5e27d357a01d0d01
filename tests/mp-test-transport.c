/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-test-transport.h"
#include "mp-test.h"
#include "mp-transport-private.h"

Pair
new_pair (void)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_true (mp_transport_new_pair (fds, &error));
  g_assert_no_error (error);
  return (Pair) { mp_transport_new (fds[0]), mp_transport_new (fds[1]) };
}

void
free_pair (Pair *pair)
{
  g_clear_pointer (&pair->a, mp_transport_free);
  g_clear_pointer (&pair->b, mp_transport_free);
}

MpFrame *
new_frame (guint64 serial,
           gsize   size)
{
  guint8 *data = g_malloc (size);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (MpMessage) message = NULL;

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) ((serial + i + (i >> 8) + (i >> 16)) & 0xff);
  bytes = g_bytes_new_take (data, size);
  message = mp_message_new_bytes (bytes, "raw");

  return mp_frame_new (MP_FRAME_MESSAGE, serial, 7, "name", message);
}

void
assert_frame (MpFrame *frame,
              guint64  serial,
              gsize    size)
{
  g_autoptr (MpFrame) expected = new_frame (serial, size);

  g_assert_cmpuint (frame->kind, ==, MP_FRAME_MESSAGE);
  g_assert_cmpuint (frame->serial, ==, serial);
  g_assert_cmpuint (frame->index, ==, 7);
  g_assert_cmpuint (frame->flags, ==, 0);
  g_assert_cmpstr (frame->name, ==, "name");
  g_assert_true (g_bytes_equal (mp_message_get_body_bytes (frame->message),
                                mp_message_get_body_bytes (expected->message)));
}

void
send_frame (MpTransport *transport,
            MpFrame     *frame)
{
  g_autoptr (GError) error = NULL;
  MpIoStatus status;

  while ((status = mp_transport_send (transport, frame, &error)) == MP_IO_AGAIN)
    {
      g_assert_cmpint (mp_transport_get_send_events (transport), ==, POLLOUT);
      mp_test_poll (mp_transport_get_fd (transport), POLLOUT);
    }
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, MP_IO_DONE);
}

void
send_new (MpTransport *transport,
          guint64      serial,
          gsize        size)
{
  g_autoptr (MpFrame) frame = new_frame (serial, size);

  send_frame (transport, frame);
}

MpFrame *
receive_frame (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame = NULL;
  MpIoStatus status = mp_transport_receive (transport, &frame, &error);

  g_assert_no_error (error);
  g_assert_cmpint (status, ==, MP_IO_DONE);
  return frame;
}

void
assert_receives (MpTransport *transport,
                 guint64      serial,
                 gsize        size)
{
  g_autoptr (MpFrame) frame = receive_frame (transport);

  assert_frame (frame, serial, size);
}

void
assert_nothing (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame;

  g_assert_cmpint (mp_transport_receive (transport, &frame, &error), ==, MP_IO_AGAIN);
  g_assert_no_error (error);
}

void
assert_receive_fails (MpTransport *transport,
                      MpIoStatus   expected_status,
                      MpError      expected_code)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame;

  g_assert_cmpint (mp_transport_receive (transport, &frame, &error), ==, expected_status);
  g_assert_error (error, MP_ERROR, (int) expected_code);
  g_assert_null (frame);
}

void
assert_send_fails (MpTransport *transport,
                   MpIoStatus   expected_status,
                   MpError      expected_code)
{
  g_autoptr (MpFrame) frame = new_frame (1, 1);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_transport_send (transport, frame, &error), ==, expected_status);
  g_assert_error (error, MP_ERROR, (int) expected_code);
}

MpFrame *
new_frame_with_fds (guint n_fds,
                    gsize size)
{
  MpFrame *frame = new_frame (1, size);
  int fd = open ("/dev/zero", O_RDONLY | O_CLOEXEC);

  for (guint i = 0; i < n_fds; i++)
    g_assert_cmpint (mp_message_attach_fd (frame->message, fd, NULL), ==, (int) i);
  close (fd);

  return frame;
}

guint
fill_socket (MpTransport *transport,
             gsize        size)
{
  guint n = 0;

  for (;;)
    {
      g_autoptr (MpFrame) frame = new_frame (n, size);
      g_autoptr (GError) error = NULL;
      MpIoStatus status = mp_transport_send (transport, frame, &error);

      g_assert_no_error (error);
      if (status == MP_IO_AGAIN)
        return n;

      g_assert_cmpint (status, ==, MP_IO_DONE);
      n++;
    }
}

guint
pile_up (MpTransport *transport,
         gsize        size)
{
  for (guint n = 0;; n++)
    {
      g_autoptr (MpFrame) frame = new_frame (n, size);
      struct pollfd poll_fd = { mp_transport_get_fd (transport), POLLOUT, 0 };
      MpIoStatus status;

      /* AGAIN also asks to be called again; when the socket is not writable
       * either it is full.
       */
      do
        status = mp_transport_send (transport, frame, NULL);
      while (status == MP_IO_AGAIN && poll (&poll_fd, 1, 0) == 1);

      if (status == MP_IO_AGAIN)
        return n;
      g_assert_cmpint (status, ==, MP_IO_DONE);
    }
}

MpTransport *
share (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;
  int fd = mp_transport_share (transport, &error);
  MpTransport *other;

  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  other = mp_transport_new (fd);
  mp_transport_set_shared (other);
  return other;
}
