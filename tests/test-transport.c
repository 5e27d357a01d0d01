/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-packet-io-private.h"
#include "mp-packet-private.h"
#include "mp-parcel-private.h"
#include "mp-test-payload.h"
#include "mp-test.h"
#include "mp-transport-private.h"

#define MIB ((gsize) 1024 * 1024)

typedef struct
{
  MpTransport *a;
  MpTransport *b;
} Pair;

static Pair
new_pair (void)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_true (mp_transport_new_pair (fds, &error));
  g_assert_no_error (error);
  return (Pair) { mp_transport_new (fds[0]), mp_transport_new (fds[1]) };
}

static void
free_pair (Pair *pair)
{
  g_clear_pointer (&pair->a, mp_transport_free);
  g_clear_pointer (&pair->b, mp_transport_free);
}

/* A message whose bytes tell where they belong. */
static MpFrame *
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

static void
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

/* Sends what needs no answer, calling again as told. */
static void
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

static void
send_new (MpTransport *transport,
          guint64      serial,
          gsize        size)
{
  g_autoptr (MpFrame) frame = new_frame (serial, size);

  send_frame (transport, frame);
}

static MpFrame *
receive_frame (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame = NULL;
  MpIoStatus status = mp_transport_receive (transport, &frame, &error);

  g_assert_no_error (error);
  g_assert_cmpint (status, ==, MP_IO_DONE);
  return frame;
}

static void
assert_receives (MpTransport *transport,
                 guint64      serial,
                 gsize        size)
{
  g_autoptr (MpFrame) frame = receive_frame (transport);

  assert_frame (frame, serial, size);
}

static void
assert_nothing (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame;

  g_assert_cmpint (mp_transport_receive (transport, &frame, &error), ==, MP_IO_AGAIN);
  g_assert_no_error (error);
}

static void
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

static void
assert_send_fails (MpTransport *transport,
                   MpIoStatus   expected_status,
                   MpError      expected_code)
{
  g_autoptr (MpFrame) frame = new_frame (1, 1);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_transport_send (transport, frame, &error), ==, expected_status);
  g_assert_error (error, MP_ERROR, (int) expected_code);
}

/* As many more descriptors as `n_free` can be opened until the limit is reset. */
static struct rlimit
limit_fds (guint n_free)
{
  struct rlimit old, new;
  int next = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (next, >=, 0);
  close (next);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  new = old;
  new.rlim_cur = (rlim_t) next + n_free;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &new), ==, 0);

  return old;
}

/* Valgrind checks the limit itself, which the kernel so never reaches. */
static gboolean
skip_under_valgrind (void)
{
  if (g_getenv ("MP_TEST_VALGRIND") == NULL)
    return FALSE;

  g_test_skip ("valgrind lets descriptors be received beyond the limit");
  return TRUE;
}

static void
unlimit_fds (struct rlimit old)
{
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
}

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

static MpFrame *
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

/* --- Back-pressure --------------------------------------------------------- */

static guint
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

/* Fills a socket with large bodies.  Returns how many went. */
static guint
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

/* --- Ends ------------------------------------------------------------------ */

static void
test_orderly_end (void)
{
  Pair pair = new_pair ();

  send_new (pair.b, 1, 10);
  send_new (pair.a, 2, 10);
  mp_transport_close (pair.a);
  mp_transport_close (pair.a);
  assert_receives (pair.b, 2, 10);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  assert_send_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  assert_send_fails (pair.a, MP_IO_CLOSED, MP_ERROR_CLOSED);
  assert_receive_fails (pair.a, MP_IO_CLOSED, MP_ERROR_CLOSED);

  free_pair (&pair);
}

static void
test_death (void)
{
  Pair pair = new_pair ();

  send_new (pair.b, 1, 10);
  send_new (pair.a, 2, 10);
  g_clear_pointer (&pair.a, mp_transport_free);
  assert_send_fails (pair.b, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  assert_receives (pair.b, 2, 10);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  free_pair (&pair);
}

/* Who only sends still learns how the other end went, and nothing of what came
 * before is lost.
 */
static void
test_sender_learns_end (void)
{
  Pair pair = new_pair ();

  send_new (pair.a, 1, 10);
  send_new (pair.a, 2, 10);
  mp_transport_close (pair.a);
  assert_send_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  assert_receives (pair.b, 1, 10);
  assert_receives (pair.b, 2, 10);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);

  free_pair (&pair);
}

static void
test_bye_through_full_socket (void)
{
  Pair pair = new_pair ();
  guint n = fill_socket (pair.a, 1000);

  mp_transport_close (pair.a);
  for (guint i = 0; i < n; i++)
    assert_receives (pair.b, i, 1000);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);

  free_pair (&pair);
}

/* A process forked by a stranger has the descriptor too and does not keep the
 * end from being seen.
 */
static void
test_end_despite_stranger (void)
{
  Pair pair = new_pair ();
  int strangers = fcntl (mp_transport_get_fd (pair.a), F_DUPFD_CLOEXEC, 0);

  mp_transport_close (pair.a);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);

  close (strangers);
  free_pair (&pair);
}

/* And says nothing when it goes, nor gives back what is not its own. */
static void
test_forked_stranger (void)
{
  Pair pair = new_pair ();
  guint n = fill_socket (pair.a, 1000);
  g_autoptr (GError) error = NULL;
  int status;
  pid_t pid;

  g_assert_cmpint (mp_transport_push (pair.a, new_frame_with_fds (1, 10), &error), ==, MP_IO_AGAIN);
  pid = fork ();
  if (pid == 0)
    {
      mp_transport_close (pair.a);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  for (guint i = 0; i < n; i++)
    assert_receives (pair.b, i, 1000);
  assert_nothing (pair.b);
  g_assert_cmpint (mp_transport_flush (pair.a, &error), ==, MP_IO_DONE);
  assert_receives (pair.b, 1, 10);

  free_pair (&pair);
}

static MpTransport *
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

static void
test_share (void)
{
  Pair pair = new_pair ();
  MpTransport *other = share (pair.a);

  send_new (pair.a, 1, 10);
  send_new (other, 2, MIB);
  mp_transport_close (pair.a);
  assert_receives (pair.b, 1, 10);
  assert_receives (pair.b, 2, MIB);
  assert_nothing (pair.b);

  send_new (pair.b, 3, 10);
  assert_receives (other, 3, 10);
  mp_transport_close (other);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);

  mp_transport_free (other);
  free_pair (&pair);
}

static void
test_share_and_die (void)
{
  Pair pair = new_pair ();
  MpTransport *other = share (pair.a);

  mp_transport_close (pair.a);
  assert_nothing (pair.b);
  mp_transport_free (other);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  free_pair (&pair);
}

/* What the peer has left behind goes on to another holder, and so does how it went. */
static void
test_share_what_is_left (void)
{
  for (guint i = 0; i < 2; i++)
    {
      const int reason = i == 0 ? MP_ERROR_CLOSED : MP_ERROR_PEER_DIED;
      Pair pair = new_pair ();
      MpTransport *other;
      g_autoptr (GError) error = NULL;

      send_new (pair.b, 1, 10);
      send_new (pair.b, 2, MIB);
      if (i == 0)
        mp_transport_close (pair.b);
      else
        g_clear_pointer (&pair.b, mp_transport_free);

      other = share (pair.a);
      mp_transport_close (pair.a);
      assert_receives (other, 1, 10);
      assert_receives (other, 2, MIB);
      assert_receive_fails (other, MP_IO_CLOSED, reason);

      g_assert_cmpint (mp_transport_share (other, &error), ==, -1);
      g_assert_error (error, MP_ERROR, reason);

      mp_transport_free (other);
      free_pair (&pair);
    }
}

/* Two holders of an end use one buffer. */
static void
test_share_postage (void)
{
  gsize size = 8 * MIB;
  Pair pair = new_pair ();
  MpTransport *other = share (pair.a);
  guint n = pile_up (pair.a, size);

  g_assert_cmpuint (pile_up (other, size), ==, 0);
  for (guint i = 0; i < n; i++)
    assert_receives (pair.b, i, size);
  send_new (other, 1, size);
  assert_receives (pair.b, 1, size);

  mp_transport_free (other);
  free_pair (&pair);
}

/* --- Where descriptors run out --------------------------------------------- */

static void
test_parts (void)
{
  Pair pair = new_pair ();
  struct rlimit old = limit_fds (0);
  gsize size = 5 * MIB + 13;
  g_autoptr (MpFrame) frame = new_frame (1, size);
  g_autoptr (GError) error = NULL;
  MpFrame *received = NULL;

  /* More than the socket takes at once: the rest is queued. */
  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_DONE);
  g_assert_cmpuint (mp_transport_get_n_queued (pair.a), ==, 1);
  g_assert_cmpint (mp_transport_push (pair.a, new_frame (2, 2 * MIB), &error), ==, MP_IO_AGAIN);
  g_assert_cmpint (mp_transport_push (pair.a, new_frame (3, 10), &error), ==, MP_IO_AGAIN);

  while (mp_transport_receive (pair.b, &received, &error) == MP_IO_AGAIN)
    mp_transport_flush (pair.a, &error);
  g_assert_no_error (error);
  assert_frame (received, 1, size);
  g_clear_pointer (&received, mp_frame_free);

  while (mp_transport_receive (pair.b, &received, &error) == MP_IO_AGAIN)
    mp_transport_flush (pair.a, &error);
  g_assert_no_error (error);
  assert_frame (received, 2, 2 * MIB);
  g_clear_pointer (&received, mp_frame_free);

  mp_transport_flush (pair.a, &error);
  assert_receives (pair.b, 3, 10);

  unlimit_fds (old);
  free_pair (&pair);
}

/* Parts carry what a whole body carries. */
static void
test_parts_with_fds (void)
{
  Pair pair = new_pair ();
  g_autoptr (MpFrame) frame = new_frame_with_fds (3, 100 * 1024);
  g_autoptr (MpFrame) received = NULL;
  g_autoptr (GError) error = NULL;
  struct rlimit old;

  g_assert_true (mp_transport_prepare (frame, &error));
  old = limit_fds (0);
  send_frame (pair.a, frame);
  unlimit_fds (old);

  received = receive_frame (pair.b);
  assert_frame (received, 1, 100 * 1024);
  g_assert_cmpuint (mp_message_get_n_attachments (received->message), ==, 3);

  free_pair (&pair);
}

static void
test_parts_abandoned (void)
{
  Pair pair = new_pair ();
  struct rlimit old = limit_fds (0);
  g_autoptr (MpFrame) frame = new_frame (1, 5 * MIB);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_DONE);
  mp_transport_abandon (pair.a);
  assert_nothing (pair.b);
  g_assert_cmpint (mp_transport_flush (pair.a, &error), ==, MP_IO_DONE);
  assert_nothing (pair.b);

  unlimit_fds (old);
  send_new (pair.a, 2, MIB);
  assert_receives (pair.b, 2, MIB);

  free_pair (&pair);
}

/* A sender that dies in the middle of a body is reported, the torn body is not
 * delivered.
 */
static void
test_parts_cut_by_death (void)
{
  Pair pair = new_pair ();
  struct rlimit old = limit_fds (0);
  g_autoptr (MpFrame) frame = new_frame (1, 5 * MIB);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_DONE);
  g_clear_pointer (&pair.a, mp_transport_free);
  assert_receive_fails (pair.b, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  unlimit_fds (old);
  free_pair (&pair);
}

/* Two receivers would tear parts apart. */
static void
test_parts_not_among_three (void)
{
  Pair pair = new_pair ();
  MpTransport *other = share (pair.a);
  g_autoptr (MpFrame) frame = new_frame (1, MIB);
  g_autoptr (MpFrame) back = new_frame (2, MIB);
  g_autoptr (GError) error = NULL;
  struct rlimit old;

  assert_nothing (pair.b);
  old = limit_fds (0);
  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_FAILED);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_cmpint (mp_transport_send (pair.b, back, &error), ==, MP_IO_FAILED);
  g_assert_nonnull (error);
  unlimit_fds (old);

  mp_transport_free (other);
  free_pair (&pair);
}

static void
test_not_shared_amid_parts (void)
{
  Pair pair = new_pair ();
  struct rlimit old = limit_fds (0);
  g_autoptr (MpFrame) frame = new_frame (1, 5 * MIB);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_DONE);
  unlimit_fds (old);
  assert_nothing (pair.b);
  g_assert_cmpint (mp_transport_share (pair.b, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);

  free_pair (&pair);
}

/* The kernel lets nobody but root have more descriptors on the way than may be open, and counts those of all processes
 * of a user.  So root becomes one who has no others; anybody else has to look how many there are.
 */
static void
become_somebody_else (void)
{
  uid_t uid = (uid_t) (50000 + getpid () % 10000);

  if (geteuid () == 0)
    g_assert_cmpint (setresuid (uid, uid, 0), ==, 0);
}

static void
become_oneself_again (uid_t uid)
{
  if (uid == 0)
    g_assert_cmpint (setresuid (0, 0, 0), ==, 0);
}

static void
set_soft_limit (rlim_t value)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = value;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

/* Whether one more descriptor can be on the way, with such a limit. */
static gboolean
has_room_in_flight (rlim_t limit)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  int pair[2], failed;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  g_array_append_val (fds, pair[0]);
  set_soft_limit (limit);
  failed = mp_packet_send (pair[0], (const guint8 *) "x", 1, NULL, 0, -1, fds);
  close (pair[0]);
  close (pair[1]);
  return failed == 0;
}

/* As many more can be on the way as `n_free`, or hardly more; if others have not used up what can be. */
static void
limit_in_flight (guint n_free)
{
  struct rlimit old = limit_fds (n_free), ours;
  rlim_t refused = 0, least = old.rlim_max - n_free;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &ours), ==, 0);
  while (least - refused > 1)
    {
      rlim_t middle = refused + (least - refused) / 2;

      set_soft_limit (old.rlim_cur);
      if (has_room_in_flight (middle))
        least = middle;
      else
        refused = middle;
    }
  set_soft_limit (MAX (ours.rlim_cur, least + n_free));
}

static gboolean
can_have_any_in_flight (void)
{
  struct rlimit old;
  gboolean can;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  can = has_room_in_flight (old.rlim_max);
  unlimit_fds (old);
  return can;
}

static guint
send_until_full (Pair  *pair,
                 gsize  size)
{
  guint n;

  for (n = 0; n < 40; n++)
    {
      g_autoptr (MpFrame) frame = new_frame (n, size);

      if (mp_transport_send (pair->a, frame, NULL) != MP_IO_DONE)
        break;
    }
  mp_transport_flush (pair->a, NULL);
  return n;
}

static guint
fill_with_few_in_flight (Pair  *pair,
                         gsize  size)
{
  struct rlimit old;
  uid_t uid = geteuid ();
  guint n;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  become_somebody_else ();
  limit_in_flight (4);
  n = send_until_full (pair, size);
  become_oneself_again (uid);
  unlimit_fds (old);
  return n;
}

static void
assert_receives_all (Pair  *pair,
                     guint  n,
                     gsize  size)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MpFrame) received = NULL;

      while (mp_transport_receive (pair->b, &received, NULL) == MP_IO_AGAIN)
        g_assert_cmpint (mp_transport_flush (pair->a, NULL), !=, MP_IO_CLOSED);
      assert_frame (received, i, size);
    }
}

/* As many as descriptors go in memfds, then parts fill the socket. */
static void
test_in_flight_limit (void)
{
  const gsize size = 100 * 1024;
  guint n = 0;

  /* Others of the user may send some meanwhile */
  for (guint i = 0; i < 20 && n <= 4; i++)
    {
      Pair pair = new_pair ();

      n = fill_with_few_in_flight (&pair, size);
      assert_receives_all (&pair, n, size);
      free_pair (&pair);
    }

  if (n <= 4 && geteuid () != 0 && !can_have_any_in_flight ())
    g_test_skip ("other programs of this user have as many descriptors on the way as it may have");
  else
    g_assert_cmpuint (n, >, 4);
}

static void
test_small_buffer (void)
{
  Pair pair = new_pair ();
  int size = 0;
  struct rlimit old;
  g_autoptr (MpFrame) frame = new_frame (3, 20000);
  g_autoptr (MpFrame) received = NULL;
  g_autoptr (GError) error = NULL;

  setsockopt (mp_transport_get_fd (pair.a), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  send_new (pair.a, 1, 500);
  assert_receives (pair.b, 1, 500);
  send_new (pair.a, 2, 20000);
  assert_receives (pair.b, 2, 20000);

  old = limit_fds (0);
  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_DONE);
  while (mp_transport_receive (pair.b, &received, &error) == MP_IO_AGAIN)
    mp_transport_flush (pair.a, &error);
  g_assert_no_error (error);
  unlimit_fds (old);
  assert_frame (received, 3, 20000);

  free_pair (&pair);
}

/* The receiver has no room for descriptors: that message is lost, once. */
static void
test_receiver_without_fds (void)
{
  Pair pair;
  g_autoptr (MpFrame) with_fds = NULL;
  struct rlimit old;

  if (skip_under_valgrind ())
    return;

  pair = new_pair ();
  with_fds = new_frame_with_fds (5, 10);
  send_frame (pair.a, with_fds);
  send_new (pair.a, 2, MIB);
  send_new (pair.a, 3, 10);

  old = limit_fds (2);
  assert_receive_fails (pair.b, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  unlimit_fds (old);
  old = limit_fds (0);
  assert_receive_fails (pair.b, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  unlimit_fds (old);

  assert_receives (pair.b, 3, 10);
  assert_nothing (pair.b);

  free_pair (&pair);
}

/* Parts whose first one was lost are passed over. */
static void
test_receiver_loses_first_part (void)
{
  Pair pair;
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;
  struct rlimit old;

  if (skip_under_valgrind ())
    return;

  pair = new_pair ();
  frame = new_frame_with_fds (5, 190 * 1024);
  g_assert_true (mp_transport_prepare (frame, &error));
  old = limit_fds (0);
  send_frame (pair.a, frame);
  unlimit_fds (old);

  old = limit_fds (0);
  assert_receive_fails (pair.b, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  unlimit_fds (old);

  while (mp_transport_get_n_queued (pair.a) > 0)
    {
      assert_nothing (pair.b);
      mp_transport_flush (pair.a, &error);
    }
  assert_nothing (pair.b);
  send_new (pair.a, 2, MIB);
  assert_receives (pair.b, 2, MIB);

  free_pair (&pair);
}

/* --- Peers that misbehave -------------------------------------------------- */

typedef struct
{
  MpTransport *transport;
  int fd;
} Raw;

static Raw
new_raw (void)
{
  int fds[2];

  g_assert_true (mp_transport_new_pair (fds, NULL));
  return (Raw) { mp_transport_new (fds[0]), fds[1] };
}

static void
raw_send (Raw         *raw,
          const void  *data,
          gsize        size,
          const int   *fds,
          guint        n_fds)
{
  union
  {
    char bytes[CMSG_SPACE (8 * sizeof (int))];
    struct cmsghdr align;
  } control = { 0 };
  struct iovec piece = { (gpointer) data, size };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

  if (n_fds > 0)
    {
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
      control.align.cmsg_level = SOL_SOCKET;
      control.align.cmsg_type = SCM_RIGHTS;
      control.align.cmsg_len = CMSG_LEN (n_fds * sizeof (int));
      memcpy (CMSG_DATA (&control.align), fds, n_fds * sizeof (int));
    }
  g_assert_cmpint (sendmsg (raw->fd, &message, 0), ==, (gssize) size);
}

static void
raw_send_packet (Raw            *raw,
                 const MpPacket *packet,
                 const int      *fds,
                 guint           n_fds)
{
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &size, NULL);
  g_autoptr (GByteArray) array = g_byte_array_new ();

  g_byte_array_append (array, head, (guint) size);
  if (packet->body_size > 0)
    g_byte_array_append (array, packet->body, (guint) packet->body_size);
  raw_send (raw, array->data, array->len, fds, n_fds);
}

static void
free_raw (Raw *raw)
{
  mp_transport_free (raw->transport);
  close (raw->fd);
}

static void
assert_breaks (const MpPacket *packet,
               const int      *fds,
               guint           n_fds,
               MpError         code)
{
  Raw raw = new_raw ();

  raw_send_packet (&raw, packet, fds, n_fds);
  assert_receive_fails (raw.transport, MP_IO_FAILED, code);

  /* And that is the end of it. */
  raw_send_packet (&raw, &(MpPacket) { .kind = MP_FRAME_STOP }, NULL, 0);
  assert_receive_fails (raw.transport, MP_IO_FAILED, code);
  assert_send_fails (raw.transport, MP_IO_FAILED, code);

  free_raw (&raw);
}

/* Writes until nobody can read any more. */
static gpointer
flood (gpointer data)
{
  int fd = GPOINTER_TO_INT (data);
  const MpPacket packet = { .kind = MP_FRAME_STOP };
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (&packet, &size, NULL);

  for (;;)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

      if (send (fd, head, size, MSG_NOSIGNAL) > 0)
        continue;
      if (errno == EPIPE || errno == ECONNRESET)
        return NULL;
      g_assert_cmpint (errno, ==, EAGAIN);
      g_assert_cmpint (poll (&poll_fd, 1, -1), ==, 1);
    }
}

/* A peer that reads nothing more counts as gone, however much it writes. */
static void
test_flood (void)
{
  Raw raw = new_raw ();
  GThread *threads[3];
  MpFrame *frame;
  guint n = 0;

  g_assert_cmpint (shutdown (raw.fd, SHUT_RD), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("flood", flood, GINT_TO_POINTER (raw.fd));

  assert_send_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  while (mp_transport_receive (raw.transport, &frame, NULL) == MP_IO_DONE)
    {
      mp_frame_free (frame);
      n++;
    }
  g_assert_cmpuint (n, <=, 4096);
  assert_receive_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  mp_transport_free (raw.transport);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  close (raw.fd);
}

static void
test_garbage (void)
{
  Raw raw = new_raw ();
  g_autofree char *long_text = g_strnfill (150 * 1024, 'x');

  raw_send (&raw, "garbage", 7, NULL, 0);
  assert_receive_fails (raw.transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  free_raw (&raw);

  raw = new_raw ();
  raw_send (&raw, long_text, 150 * 1024, NULL, 0);
  assert_receive_fails (raw.transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  free_raw (&raw);
}

static void
test_wrong_fds (void)
{
  g_autoptr (GVariant) attachments = g_variant_ref_sink (g_variant_new_parsed ("[('fd', uint32 1, <()>)]"));
  MpPacket plain = { .kind = MP_FRAME_MESSAGE, .codec = "raw", .codec_length = 3 };
  MpPacket attached = plain;
  int fds[] = { 0, 0, 0 };

  attached.attachments = g_variant_get_data (attachments);
  attached.attachments_length = g_variant_get_size (attachments);
  attached.n_fds = 1;

  assert_breaks (&plain, fds, 1, MP_ERROR_CORRUPTED);
  assert_breaks (&attached, fds, 0, MP_ERROR_CORRUPTED);
  assert_breaks (&attached, fds, 2, MP_ERROR_CORRUPTED);
  attached.n_fds = 2;
  assert_breaks (&attached, fds, 2, MP_ERROR_CORRUPTED);
  attached.n_fds = 1;
  attached.attachments_length--;
  assert_breaks (&attached, fds, 1, MP_ERROR_CORRUPTED);
}

static void
test_fds_without_packet (void)
{
  Raw raw = new_raw ();
  int fds[] = { 0, 0 };

  raw_send (&raw, "", 0, fds, 2);
  assert_receive_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  free_raw (&raw);
}

static void
test_wrong_payload (void)
{
  MpPacket packet = {
    .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_LARGE,
    .codec = "raw", .codec_length = 3, .body_length = 100000,
  };
  g_autofree guint8 *data = g_malloc0 (100000);
  int sealed = mp_test_new_payload (data, 100000);
  int unsealed = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int holes = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int other = open ("/dev/zero", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (write (unsealed, data, 100000), ==, 100000);
  g_assert_cmpint (fcntl (unsealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), ==, 0);
  g_assert_cmpint (ftruncate (holes, 100000), ==, 0);
  g_assert_cmpint (fcntl (holes, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), ==, 0);
  g_assert_cmpint (fcntl (holes, F_ADD_SEALS, F_SEAL_SEAL), ==, 0);

  assert_breaks (&packet, &unsealed, 1, MP_ERROR_REFUSED);
  assert_breaks (&packet, &holes, 1, MP_ERROR_REFUSED);
  assert_breaks (&packet, &other, 1, MP_ERROR_REFUSED);
  packet.body_length = 100001;
  assert_breaks (&packet, &sealed, 1, MP_ERROR_REFUSED);
  packet.body_length = 99999;
  assert_breaks (&packet, &sealed, 1, MP_ERROR_REFUSED);
  packet.body_length = G_MAXUINT64;
  assert_breaks (&packet, &sealed, 1, MP_ERROR_TOO_BIG);

  close (sealed);
  close (unsealed);
  close (holes);
  close (other);
}

static void
test_wrong_parts (void)
{
  const MpPacket first = {
    .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .serial = 1, .codec = "raw", .codec_length = 3,
    .body_length = 10, .body = (const guint8 *) "abcd", .body_size = 4,
  };
  const MpPacket good = {
    .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .serial = 1, .index = 4,
    .body_length = 10, .body = (const guint8 *) "efgh", .body_size = 4,
  };
  MpPacket wrong[5] = { good, good, good, good, first };

  wrong[0].index = 5;
  wrong[1].serial = 2;
  wrong[2].body_length = 11;
  wrong[3].kind = MP_FRAME_RESULT;

  assert_breaks (&good, NULL, 0, MP_ERROR_CORRUPTED);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      Raw raw = new_raw ();

      raw_send_packet (&raw, &first, NULL, 0);
      assert_nothing (raw.transport);
      raw_send_packet (&raw, &wrong[i], NULL, 0);
      assert_receive_fails (raw.transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
      free_raw (&raw);
    }
}

/* Holders that never were. */
static void
test_wrong_counts (void)
{
  Raw raw = new_raw ();

  raw_send_packet (&raw, &(MpPacket) { .kind = MP_FRAME_BYE }, NULL, 0);
  raw_send_packet (&raw, &(MpPacket) { .kind = MP_FRAME_BYE }, NULL, 0);
  assert_nothing (raw.transport);
  shutdown (raw.fd, SHUT_RDWR);
  assert_receive_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_CLOSED);

  free_raw (&raw);
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

  mp_test_add ("/transport/end/orderly", test_orderly_end);
  mp_test_add ("/transport/end/death", test_death);
  mp_test_add ("/transport/end/sender-learns", test_sender_learns_end);
  mp_test_add ("/transport/end/bye-through-full-socket", test_bye_through_full_socket);
  mp_test_add ("/transport/end/despite-stranger", test_end_despite_stranger);
  mp_test_add ("/transport/end/forked-stranger", test_forked_stranger);

  mp_test_add ("/transport/share/close", test_share);
  mp_test_add ("/transport/share/die", test_share_and_die);
  mp_test_add ("/transport/share/what-is-left", test_share_what_is_left);
  mp_test_add ("/transport/share/postage", test_share_postage);

  mp_test_add ("/transport/parts/whole", test_parts);
  mp_test_add ("/transport/parts/with-fds", test_parts_with_fds);
  mp_test_add ("/transport/parts/abandoned", test_parts_abandoned);
  mp_test_add ("/transport/parts/cut-by-death", test_parts_cut_by_death);
  mp_test_add ("/transport/parts/not-among-three", test_parts_not_among_three);
  mp_test_add ("/transport/parts/not-shared-amid", test_not_shared_amid_parts);
  mp_test_add ("/transport/parts/in-flight-limit", test_in_flight_limit);
  mp_test_add ("/transport/parts/small-buffer", test_small_buffer);
  /* valgrind keeps the limit of descriptors to itself; the kernel goes on giving them out. */
  if (g_getenv ("MP_TEST_VALGRIND") == NULL)
    {
      mp_test_add ("/transport/no-fds/message", test_receiver_without_fds);
      mp_test_add ("/transport/no-fds/first-part", test_receiver_loses_first_part);
    }

  mp_test_add ("/transport/peer/flood", test_flood);
  mp_test_add ("/transport/peer/garbage", test_garbage);
  mp_test_add ("/transport/peer/wrong-fds", test_wrong_fds);
  mp_test_add ("/transport/peer/fds-without-packet", test_fds_without_packet);
  mp_test_add ("/transport/peer/wrong-payload", test_wrong_payload);
  mp_test_add ("/transport/peer/wrong-parts", test_wrong_parts);
  mp_test_add ("/transport/peer/wrong-counts", test_wrong_counts);

  return g_test_run ();
}
