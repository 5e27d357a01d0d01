/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Transports where descriptors run out: large bodies go in parts. */

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-packet-io-private.h"
#include "mp-test-transport.h"
#include "mp-test.h"
#include "mp-transport-private.h"

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

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

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

  return g_test_run ();
}
