/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Closing what others have sent holds nobody up.  Where it does, the alarm ends the program. */

#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-discard-private.h"
#include "mp-fd-private.h"
#include "mp-test-lingering.h"
#include "mp-test.h"

#define PATIENCE 60 /* s */

/* More than there are threads that may be held up. */
#define N_HELD_UP 70
#define MAX_HELD_UP 64

static const int types[] = { SOCK_SEQPACKET, SOCK_STREAM };

/* A message with what lingers, behind one without anything. */
static void
send_lingering (int  fd,
                int *other)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("bytes", 5);
  int lingering = mp_test_make_lingering (other);

  g_assert_cmpint (send (fd, "x", 1, 0), ==, 1);
  g_assert_true (mp_test_send_with_fd (fd, bytes, lingering));
  mp_fd_close (&lingering);
}

static void
make_pair (int type,
           int *ends)
{
  g_assert_cmpint (socketpair (AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ==, 0);
}

/* --- Sockets that are closed ------------------------------------------------ */

static void
test_socket (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      int ends[2], other;

      make_pair (types[i], ends);
      send_lingering (ends[0], &other);
      mp_discard_socket (&ends[1]);
      g_assert_cmpint (ends[1], ==, -1);
      mp_test_poll (ends[0], POLLHUP);
      mp_fd_close (&ends[0]);
      mp_fd_close (&other);
    }
}

/* What another one has, too, keeps its messages. */
static void
test_shared_socket (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      int ends[2], other, copy;
      char byte;

      make_pair (types[i], ends);
      send_lingering (ends[0], &other);
      copy = mp_fd_duplicate (ends[1], NULL);
      mp_discard_shared_socket (&ends[1]);
      g_assert_cmpint (ends[1], ==, -1);
      g_assert_cmpint (recv (copy, &byte, 1, 0), ==, 1);
      g_assert_cmpint (byte, ==, 'x');
      mp_discard_shared_socket (&copy);
      mp_test_poll (ends[0], POLLHUP);
      mp_fd_close (&ends[0]);
      mp_fd_close (&other);
    }
}

/* --- What was received ------------------------------------------------------ */

/* Itself, and in the messages of a socket. */
static void
test_received_sockets (void)
{
  int ends[2], others[2], fds[2];

  make_pair (SOCK_STREAM, ends);
  fds[0] = mp_test_make_lingering (&others[0]);
  send_lingering (ends[0], &others[1]);
  fds[1] = ends[1];
  mp_fds_discard (fds, 2);
  g_assert_cmpint (fds[0], ==, -1);
  g_assert_cmpint (fds[1], ==, -1);
  mp_test_poll (ends[0], POLLHUP);
  mp_fd_close (&ends[0]);
  mp_fds_close (others, 2);
}

/* In the messages of who knocks at a socket that listens. */
static void
test_received_listener (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t size = sizeof address.sun_family;
  int listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int client = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int other;

  /* The kernel finds a name. */
  g_assert_cmpint (bind (listening, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (listen (listening, 1), ==, 0);
  size = sizeof address;
  g_assert_cmpint (getsockname (listening, (struct sockaddr *) &address, &size), ==, 0);
  g_assert_cmpint (connect (client, (struct sockaddr *) &address, size), ==, 0);
  send_lingering (client, &other);
  mp_fds_discard (&listening, 1);
  mp_test_poll (client, POLLHUP);
  mp_fd_close (&client);
  mp_fd_close (&other);
}

/* What has nothing in it is closed at once. */
static void
test_received_files (void)
{
  int ends[2], fds[3], n_fds = (int) mp_test_count_fds ();

  make_pair (SOCK_SEQPACKET, ends);
  fds[0] = ends[1];
  fds[1] = -1;
  fds[2] = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  mp_fds_discard (fds, 3);
  mp_fd_close (&ends[0]);
  g_assert_cmpint ((int) mp_test_count_fds (), ==, n_fds);
}

/* --- More than there are threads --------------------------------------------- */

static guint
count_closed (const int *ends)
{
  guint n = 0;

  for (guint i = 0; i < N_HELD_UP; i++)
    {
      struct pollfd poll_fd = { ends[i], POLLIN, 0 };

      n += poll (&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLHUP) != 0;
    }
  return n;
}

static void
await_closed (const int *ends,
              guint      n)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);

  while (count_closed (ends) < n)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

#ifndef __SANITIZE_THREAD__
/* The threads of its parent are held up, and not in it. */
static void
discard_in_child (void)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    {
      int ends[2];

      alarm (PATIENCE);
      make_pair (SOCK_SEQPACKET, ends);
      send (ends[0], "x", 1, 0);
      mp_fds_discard (&ends[1], 1);
      mp_test_poll (ends[0], POLLHUP);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}
#endif

/* Those that are held up leave the rest open, and close it when they go on. */
static void
test_many (void)
{
  int ends[N_HELD_UP], others[N_HELD_UP];

  for (guint i = 0; i < N_HELD_UP; i++)
    {
      int pair[2];

      make_pair (SOCK_SEQPACKET, pair);
      send_lingering (pair[0], &others[i]);
      ends[i] = pair[0];
      mp_fds_discard (&pair[1], 1);
    }
  await_closed (ends, MAX_HELD_UP);
  g_assert_cmpuint (count_closed (ends), ==, MAX_HELD_UP);
#ifndef __SANITIZE_THREAD__ /* which has no threads in the child of a process with threads */
  discard_in_child ();
#endif

  mp_fds_close (others, N_HELD_UP);
  await_closed (ends, N_HELD_UP);
  mp_fds_close (ends, N_HELD_UP);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  alarm (PATIENCE);

  mp_test_add ("/discard/socket", test_socket);
  mp_test_add ("/discard/shared-socket", test_shared_socket);
  mp_test_add ("/discard/received-sockets", test_received_sockets);
  mp_test_add ("/discard/received-listener", test_received_listener);
  mp_test_add ("/discard/received-files", test_received_files);
  mp_test_add ("/discard/many", test_many);

  return g_test_run ();
}
