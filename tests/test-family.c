/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* To which family of shared objects a process belongs.  Each test is a child, since a
 * process has one in its life; this one never has any.
 */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-ring-link-private.h"
#include "mp-table-private.h"
#include "mp-test-process.h"
#include "mp-test.h"
#include "mp-transport-private.h"

/* Both found a family each, for the tests to find. */
typedef struct
{
  MpAtomic32 fd;  /* 0: not yet */
  pid_t      pid;
} Founder;

static Founder *founders;

static void
found (gpointer data)
{
  Founder *self = data;

  mp_test_set_word (&self->fd, (guint32) mp_table_get_fd (mp_table_new (NULL)));
  pause ();
}

static int
open_family (const Founder *founder)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd/%u", founder->pid, atomic_load (&founder->fd));
  int fd = open (path, O_RDWR | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
run (MpTestFunc func)
{
  founders = mp_test_share (2 * sizeof (Founder));
  for (guint i = 0; i < 2; i++)
    {
      founders[i].pid = mp_test_fork (found, &founders[i]);
      while (atomic_load (&founders[i].fd) == 0)
        g_thread_yield ();
    }

  mp_test_join (mp_test_fork (func, NULL));

  for (guint i = 0; i < 2; i++)
    mp_test_kill (founders[i].pid);
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static gboolean
is_same_file (int one,
              int other)
{
  struct stat first, second;

  g_assert_cmpint (fstat (one, &first), ==, 0);
  g_assert_cmpint (fstat (other, &second), ==, 0);
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* --- Tests ---------------------------------------------------------------- */

static void
join_stranger (gpointer data)
{
  MpTable *strangers = mp_table_open (open_family (&founders[0]), NULL);

  g_assert_nonnull (strangers);
  g_assert_true (mp_table_get_default (NULL) != strangers);
  g_assert_true (mp_table_get_default (NULL) == mp_table_peek (0));
  g_assert_cmpuint (mp_table_get_n (), ==, 2);
}

/* What a program makes afterwards does not belong to whom it got something from. */
static void
test_stranger (void)
{
  run (join_stranger);
}

static void
inherit (gpointer data)
{
  int fd = open_family (&founders[0]), own = open_family (&founders[0]);

  mp_table_inherit (&fd);
  g_assert_cmpint (fd, ==, -1);
  g_assert_nonnull (mp_table_open (open_family (&founders[1]), NULL));
  g_assert_true (is_same_file (mp_table_get_fd (mp_table_get_default (NULL)), own));
}

static void
test_inherited (void)
{
  run (inherit);
}

/* Puts another family's where the parent's was, as after closefrom(). */
static int
inherit_and_replace (void)
{
  int fd = open_family (&founders[0]), other = open_family (&founders[1]);
  int number = fd;

  mp_table_inherit (&fd);
  g_assert_cmpint (dup3 (other, number, O_CLOEXEC), ==, number);
  return number;
}

static void
found_after_replacement (gpointer data)
{
  int number = inherit_and_replace ();

  g_assert_false (is_same_file (mp_table_get_fd (mp_table_get_default (NULL)), number));
  g_assert_true (is_open (number));
}

static void
test_replaced (void)
{
  run (found_after_replacement);
}

static void
give_after_replacement (gpointer data)
{
  int number = inherit_and_replace ();
  int given = mp_table_dup_family_fd (NULL);

  g_assert_false (is_same_file (given, number));
  g_assert_true (is_same_file (given, mp_table_get_fd (mp_table_get_default (NULL))));
  g_assert_true (is_open (number));
}

static void
test_given (void)
{
  run (give_after_replacement);
}

static void
found_after_closing (gpointer data)
{
  int number = inherit_and_replace ();

  close (number);
  g_assert_nonnull (mp_table_get_default (NULL));
  g_assert_cmpint (mp_table_get_n (), ==, 1);
}

static void
test_closed (void)
{
  run (found_after_closing);
}

/* --- What nobody asks for -------------------------------------------------- */

static int ends[2];

static void
send_locks (int   fd,
            guint n)
{
  MpTransport *transport = mp_transport_new (fd);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MpLock) lock = mp_lock_new ();
      g_autoptr (MpMessage) message = mp_message_new (g_variant_new_string ("a lock"));
      g_autoptr (MpFrame) frame = NULL;

      mp_message_attach (message, MP_SHAREABLE (lock));
      frame = mp_frame_new (MP_FRAME_MESSAGE, 1, 0, NULL, message);
      g_assert_cmpint (mp_transport_send (transport, frame, NULL), ==, MP_IO_DONE);
    }
  pause ();
}

static void
send_two_locks (gpointer unused)
{
  send_locks (ends[0], 2);
}

static MpFrame *
receive_frame (MpTransport *transport)
{
  MpFrame *frame = NULL;

  while (mp_transport_receive (transport, &frame, NULL) == MP_IO_AGAIN)
    mp_test_poll (mp_transport_get_fd (transport), POLLIN);
  g_assert_nonnull (frame);
  return frame;
}

static void
drop_and_ask (gpointer unused)
{
  MpTransport *transport = mp_transport_new (ends[1]);
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (mp_table_get_default (NULL));
  mp_frame_free (receive_frame (transport));
  g_assert_cmpuint (mp_table_get_n (), ==, 1);

  frame = receive_frame (transport);
  g_assert_nonnull (mp_message_get_attachment (frame->message, 0, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mp_table_get_n (), ==, 2);
}

/* There are few places for families, and strangers do not take them up by what they send. */
static void
test_unasked (void)
{
  pid_t sender;

  g_assert_true (mp_transport_new_pair (ends, NULL));
  sender = mp_test_fork (send_two_locks, NULL);
  mp_test_join (mp_test_fork (drop_and_ask, NULL));
  mp_test_kill (sender);
  mp_fds_close (ends, 2);
}

/* --- Many ----------------------------------------------------------------- */

#define N_CLIENTS 40

static int ends_of_clients[N_CLIENTS][2];

static void
send_one_lock (gpointer number)
{
  send_locks (ends_of_clients[GPOINTER_TO_UINT (number)][0], 1);
}

static void
serve_many (gpointer unused)
{
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < N_CLIENTS; i++)
    {
      MpTransport *transport = mp_transport_new (ends_of_clients[i][1]);
      g_autoptr (MpFrame) frame = receive_frame (transport);
      g_autoptr (GError) error = NULL;
      MpShareable *lock = mp_message_get_attachment (frame->message, 0, &error);

      g_assert_no_error (error);
      g_ptr_array_add (locks, lock);
      g_assert_true (mp_lock_acquire (MP_LOCK (lock), -1, NULL, &error));
      g_assert_no_error (error);
      mp_transport_free (transport);
    }
  g_assert_cmpuint (mp_test_count_tables (), ==, 1 + N_CLIENTS);

  /* Nothing is left of them but those that may come back. */
  g_ptr_array_set_size (locks, 0);
  mp_test_wait_tables (1 + MP_TABLE_MAX_IDLE);
}

/* A service with something of many programs at once, each with a family of its own. */
static void
test_many (void)
{
  pid_t clients[N_CLIENTS];

  for (guint i = 0; i < N_CLIENTS; i++)
    {
      g_assert_true (mp_transport_new_pair (ends_of_clients[i], NULL));
      clients[i] = mp_test_fork (send_one_lock, GUINT_TO_POINTER (i));
    }
  mp_test_join (mp_test_fork (serve_many, NULL));

  for (guint i = 0; i < N_CLIENTS; i++)
    {
      mp_test_kill (clients[i]);
      mp_fds_close (ends_of_clients[i], 2);
    }
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  /* The tests begin without a family, and what comes before each makes a pair. */
  mp_ring_link_set_used (FALSE);

  mp_test_add ("/family/stranger", test_stranger);
  mp_test_add ("/family/inherited", test_inherited);
  mp_test_add ("/family/replaced", test_replaced);
  mp_test_add ("/family/given", test_given);
  mp_test_add ("/family/closed", test_closed);
  mp_test_add ("/family/unasked", test_unasked);
  mp_test_add ("/family/many", test_many);
  return g_test_run ();
}
