/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a transport carries, and how much at a time. */

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-parcel-private.h"
#include "mp-test-payload.h"
#include "mp-test-transport.h"
#include "mp-test.h"
#include "mp-transport-private.h"

/* --- Frames ---------------------------------------------------------------- */

static void
test_inline (void)
{
  static const gsize sizes[] = { 0, 1, 7, 8, 4096, MP_TRANSPORT_INLINE_MAX - 1, MP_TRANSPORT_INLINE_MAX };
  Pair pair = new_pair ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      send_new (pair.a, i, sizes[i]);
      send_new (pair.b, i + 100, sizes[i]);
      assert_receives (pair.b, i, sizes[i]);
      assert_receives (pair.a, i + 100, sizes[i]);
    }
  assert_nothing (pair.a);

  free_pair (&pair);
}

static void
test_without_message (void)
{
  Pair pair = new_pair ();
  g_autoptr (MpFrame) sent = mp_frame_new (MP_FRAME_CANCEL, 12, 0, NULL, NULL);
  g_autoptr (MpFrame) received = NULL;

  send_frame (pair.a, sent);
  received = receive_frame (pair.b);
  g_assert_cmpuint (received->kind, ==, MP_FRAME_CANCEL);
  g_assert_cmpuint (received->serial, ==, 12);
  g_assert_null (received->message);
  g_assert_null (received->name);

  free_pair (&pair);
}

static void
test_large (void)
{
  static const gsize sizes[] = { MP_TRANSPORT_INLINE_MAX + 1, MIB, MIB + 1, 20 * MIB };
  Pair pair = new_pair ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      send_new (pair.a, i, sizes[i]);
      assert_receives (pair.b, i, sizes[i]);
    }
  assert_nothing (pair.b);

  free_pair (&pair);
}

/* The kernel has a page of it in hand: whoever sends comes again. */
static void
test_large_held (void)
{
  Pair pair = new_pair ();
  g_autoptr (MpFrame) frame = new_frame (3, MIB + 1);
  g_autoptr (GError) error = NULL;
  gpointer hold;

  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_AGAIN);
  hold = mp_test_hold_payload (&frame->parcel->payload);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_AGAIN);
      g_assert_true (mp_transport_can_go_on (pair.a));
      g_assert_cmpint (mp_transport_get_send_events (pair.a), ==, POLLOUT);
    }
  g_assert_cmpint (munmap (hold, MIB), ==, 0);

  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_DONE);
  g_assert_no_error (error);
  g_assert_cmpuint (mp_transport_get_n_queued (pair.a), ==, 0);
  assert_receives (pair.b, 3, MIB + 1);

  free_pair (&pair);
}

/* A GVariant lies aligned in what was received, so that reading it copies nothing. */
static void
test_no_copy (void)
{
  static const gsize sizes[] = { 64, 4 * MIB };
  Pair pair = new_pair ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree double *numbers = g_malloc0 (sizes[i]);
      g_autoptr (MpMessage) message =
        mp_message_new (g_variant_new_fixed_array (G_VARIANT_TYPE_DOUBLE, numbers,
                                                   sizes[i] / sizeof (double), sizeof (double)));
      g_autoptr (MpFrame) frame = mp_frame_new (MP_FRAME_MESSAGE, 1, 0, NULL, message);
      g_autoptr (MpFrame) received = NULL;
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GError) error = NULL;

      send_frame (pair.a, frame);
      received = receive_frame (pair.b);
      value = mp_message_get_value (received->message, &error);
      g_assert_no_error (error);
      g_assert_true (g_variant_get_data (value) ==
                     g_bytes_get_data (mp_message_get_body_bytes (received->message), NULL));
    }

  free_pair (&pair);
}

/* Descriptors that a program would find which this process starts. */
static guint
count_inherited_fds (void)
{
  guint n = 0;

  for (int fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) == 0)
      n++;

  return n;
}

static void
test_fds (void)
{
  static const gsize sizes[] = { 10, MIB };
  guint n_inherited = count_inherited_fds ();
  Pair pair = new_pair ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (MpFrame) sent = new_frame_with_fds (MP_TRANSPORT_MAX_FDS, sizes[i]);
      g_autoptr (MpFrame) received = NULL;
      char byte = 'x';
      int fd;

      send_frame (pair.a, sent);
      received = receive_frame (pair.b);
      assert_frame (received, 1, sizes[i]);
      g_assert_cmpuint (mp_message_get_n_attachments (received->message), ==, MP_TRANSPORT_MAX_FDS);
      g_assert_cmpuint (count_inherited_fds (), ==, n_inherited);

      fd = mp_message_get_attached_fd (received->message, MP_TRANSPORT_MAX_FDS - 1, NULL);
      g_assert_cmpint (read (fd, &byte, 1), ==, 1);
      g_assert_cmpint (byte, ==, 0);
      close (fd);
    }

  free_pair (&pair);
}

static void
test_too_many_fds (void)
{
  Pair pair = new_pair ();
  g_autoptr (MpFrame) frame = new_frame_with_fds (MP_TRANSPORT_MAX_FDS + 1, 10);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_FAILED);
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);

  send_new (pair.a, 5, 5);
  assert_receives (pair.b, 5, 5);

  free_pair (&pair);
}

static void
test_max_body (void)
{
  Pair pair = new_pair ();

  mp_transport_set_max_body (pair.b, 1000);
  send_new (pair.a, 1, 1000);
  send_new (pair.a, 2, MIB);
  assert_receives (pair.b, 1, 1000);
  assert_receive_fails (pair.b, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  assert_receive_fails (pair.b, MP_IO_FAILED, MP_ERROR_TOO_BIG);

  free_pair (&pair);
}

static void
test_low_fds (void)
{
  int copies[3];
  int fds[2];

  for (int i = 0; i < 3; i++)
    {
      copies[i] = fcntl (i, F_DUPFD_CLOEXEC, 3);
      close (i);
    }
  g_assert_true (mp_transport_new_pair (fds, NULL));
  for (int i = 0; i < 3; i++)
    {
      dup2 (copies[i], i);
      close (copies[i]);
    }

  g_assert_cmpint (fds[0], >, 2);
  g_assert_cmpint (fds[1], >, 2);
  mp_fds_close (fds, 2);
}

/* --- Back-pressure --------------------------------------------------------- */

static void
test_full (void)
{
  Pair pair = new_pair ();
  guint n = fill_socket (pair.a, 1000);

  g_assert_cmpuint (n, >, 10);
  g_assert_cmpint (mp_transport_get_send_events (pair.a), ==, POLLOUT);
  g_assert_cmpuint (mp_transport_get_n_queued (pair.a), ==, 0);
  for (guint i = 0; i < n; i++)
    assert_receives (pair.b, i, 1000);
  assert_nothing (pair.b);

  send_new (pair.a, 1, 1000);
  assert_receives (pair.b, 1, 1000);

  free_pair (&pair);
}

static void
test_push (void)
{
  Pair pair = new_pair ();
  guint n = fill_socket (pair.a, 1000);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (mp_transport_push (pair.a, new_frame (n + i, i * MIB), &error), ==, MP_IO_AGAIN);
  g_assert_cmpuint (mp_transport_get_n_queued (pair.a), ==, 3);
  g_assert_cmpint (mp_transport_get_send_events (pair.a), ==, POLLOUT);

  for (guint i = 0; i < n; i++)
    assert_receives (pair.b, i, 1000);

  /* What is queued goes before what is sent now. */
  send_new (pair.a, n + 3, 10);
  g_assert_cmpuint (mp_transport_get_n_queued (pair.a), ==, 0);
  for (guint i = 0; i < 3; i++)
    assert_receives (pair.b, n + i, i * MIB);
  assert_receives (pair.b, n + 3, 10);
  g_assert_cmpint (mp_transport_flush (pair.a, &error), ==, MP_IO_DONE);
  g_assert_cmpint (mp_transport_get_send_events (pair.a), ==, 0);
  g_assert_no_error (error);

  free_pair (&pair);
}

/* What lies outside of the socket's buffer is bounded too. */
static void
test_postage (void)
{
  static const struct
  {
    gsize size;
    guint least, most;
  } rows[] = {
    { 100 * 1024, 64, 640 },
    { MIB, 16, 64 },
    { 8 * MIB, 2, 8 },
    { 64 * MIB, 1, 4 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Pair pair = new_pair ();
      guint n = pile_up (pair.a, rows[i].size);

      g_test_message ("%u bodies of %" G_GSIZE_FORMAT " bytes", n, rows[i].size);
      g_assert_cmpuint (n, >=, rows[i].least);
      g_assert_cmpuint (n, <=, rows[i].most);
      for (guint j = 0; j < n; j++)
        assert_receives (pair.b, j, rows[i].size);
      send_new (pair.a, n, rows[i].size);
      assert_receives (pair.b, n, rows[i].size);

      free_pair (&pair);
    }
}

/* Neither end waits for the other one to receive when both send. */
static void
test_both_ways (void)
{
  gsize size = 2 * MIB;
  Pair pair = new_pair ();
  guint n_from_a = pile_up (pair.a, size);
  guint n_from_b = pile_up (pair.b, size);

  for (guint i = 0; i < n_from_b; i++)
    assert_receives (pair.a, i, size);
  send_new (pair.b, n_from_b, size);
  assert_receives (pair.a, n_from_b, size);
  for (guint i = 0; i < n_from_a; i++)
    assert_receives (pair.b, i, size);

  free_pair (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/transport/inline", test_inline);
  mp_test_add ("/transport/without-message", test_without_message);
  mp_test_add ("/transport/large", test_large);
  mp_test_add ("/transport/large-held", test_large_held);
  mp_test_add ("/transport/no-copy", test_no_copy);
  mp_test_add ("/transport/fds", test_fds);
  mp_test_add ("/transport/too-many-fds", test_too_many_fds);
  mp_test_add ("/transport/max-body", test_max_body);
  mp_test_add ("/transport/low-fds", test_low_fds);

  mp_test_add ("/transport/full", test_full);
  mp_test_add ("/transport/push", test_push);
  mp_test_add ("/transport/postage", test_postage);
  mp_test_add ("/transport/both-ways", test_both_ways);

  return g_test_run ();
}
