/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* How a transport ends, with one holder of an end or several. */

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-test-transport.h"
#include "mp-test.h"
#include "mp-transport-private.h"

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

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

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

  return g_test_run ();
}
