/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Waiting for many, one of which is closed meanwhile. */

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <glib-unix.h>

#include "mp-test-wait-many.h"

static gpointer
send_one (gpointer connection)
{
  mp_test_send_int (connection, 1);
  return NULL;
}

/* Of a pipe to which nobody writes; `other_end` keeps it from its end. */
static MpDescriptor *
new_silent (int *other_end)
{
  g_autoptr (GError) error = NULL;
  MpDescriptor *descriptor;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, &error));
  descriptor = mp_descriptor_duplicate (fds[0], &error);
  g_assert_no_error (error);
  close (fds[0]);
  *other_end = fds[1];
  return descriptor;
}

static void
test_descriptor_closes (void)
{
  MpTestPair pair = mp_test_pair_new ();
  int other_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  MpTestMany many = { { G_OBJECT (pair.b), G_OBJECT (descriptor) } };
  GThread *thread = mp_test_start_many (&many, 1);

  mp_descriptor_close (descriptor);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);
  close (other_end);
  mp_test_pair_free (&pair);
}

static gpointer
close_descriptor (gpointer descriptor)
{
  mp_descriptor_close (descriptor);
  return NULL;
}

/* Before the wait, while it begins, and while it ends because of another. */
static void
test_descriptor_closes_at_any_time (void)
{
  MpTestPair pair = mp_test_pair_new ();

  for (guint i = 0; i < 500; i++)
    {
      int other_end;
      g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
      GObject *objects[] = { G_OBJECT (pair.b), G_OBJECT (descriptor) };
      GThread *closer = g_thread_new ("closer", close_descriptor, descriptor);

      if (i % 2 == 0)
        {
          mp_test_assert_wait_fails (objects, 2, MP_TEST_DEADLINE, MP_ERROR, MP_ERROR_CLOSED);
        }
      else
        {
          GThread *sender = g_thread_new ("sender", send_one, pair.a);
          g_autoptr (GError) error = NULL;

          if (mp_test_wait_for_many (objects, 2, MP_TEST_DEADLINE, pair.b, &error) == 0)
            g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
          g_thread_join (sender);
          g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
        }
      g_thread_join (closer);
      close (other_end);
    }

  mp_test_pair_free (&pair);
}

/* Another file has the number by the time that the loop runs, and nothing to be read. */
static void
test_descriptor_number_is_taken (void)
{
  int other_end, third_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  g_autoptr (MpDescriptor) third = new_silent (&third_end);
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *results[2] = { NULL, NULL };
  int number = mp_descriptor_get_fd (descriptor);

  for (guint i = 0; i < 2; i++)
    mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &results[i]);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_true (results[0] == NULL && results[1] == NULL);

  mp_descriptor_close (descriptor);
  g_assert_cmpint (dup3 (mp_descriptor_get_fd (third), number, O_CLOEXEC), ==, number);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      guint n_ready;

      g_assert_null (mp_test_finish_wait (&results[i], &n_ready, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
    }

  close (number);
  close (other_end);
  close (third_end);
}

/* The other side sees the end when it is closed, and not when the wait has ended. */
static void
test_descriptor_is_let_go (void)
{
  int other_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  mp_descriptor_close (descriptor);
  mp_test_poll (other_end, POLLERR);
  g_assert_null (mp_test_finish_wait (&result, &n_ready, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  close (other_end);
}

/* In a forked child, where nobody goes on with the wait of the parent's. */
static void
close_in_child (MpDescriptor *descriptor)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;

  alarm ((guint) MP_TEST_DEADLINE);
  g_main_context_push_thread_default (context);
  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  mp_descriptor_close (descriptor);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  g_assert_null (mp_wait_many_finish (result, &n_ready, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  _exit (0);
}

static void
test_descriptor_closes_in_a_fork (void)
{
  int other_end;
  g_autoptr (MpDescriptor) descriptor = new_silent (&other_end);
  GObject *objects[] = { G_OBJECT (descriptor) };
  GAsyncResult *result = NULL;
  g_autofree GObject **ready = NULL;
  g_autoptr (GError) error = NULL;
  guint n_ready;
  pid_t pid;

  mp_wait_many_async (objects, 1, -1, NULL, mp_test_keep_result, &result);
  pid = fork ();
  if (pid == 0)
    close_in_child (descriptor);
  g_assert_cmpint (mp_test_wait (pid), ==, 0);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);

  g_assert_cmpint (write (other_end, "a", 1), ==, 1);
  ready = mp_test_finish_wait (&result, &n_ready, &error);
  g_assert_no_error (error);
  g_assert_true (n_ready == 1 && ready[0] == objects[0]);
  close (other_end);
}

static void
test_listener_closes (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpListener) listener = mp_listener_new (NULL, NULL);
  MpTestMany many = { { G_OBJECT (pair.b), G_OBJECT (listener) } };
  GThread *thread;

  g_assert_true (mp_listener_open (listener, NULL));
  thread = mp_test_start_many (&many, 1);
  mp_listener_close (listener);
  mp_test_finish_waiter (thread, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

/* What listeners of all programs share stays, once it is there. */
static void
warm_up (void)
{
  g_type_ensure (G_TYPE_TASK);
  test_listener_closes ();
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/wait-many/descriptor-closes", test_descriptor_closes);
  mp_test_add ("/wait-many/descriptor-closes-at-any-time", test_descriptor_closes_at_any_time);
  mp_test_add ("/wait-many/descriptor-number-is-taken", test_descriptor_number_is_taken);
  mp_test_add ("/wait-many/descriptor-is-let-go", test_descriptor_is_let_go);
  mp_test_add ("/wait-many/descriptor-closes-in-a-fork", test_descriptor_closes_in_a_fork);
  mp_test_add ("/wait-many/listener-closes", test_listener_closes);

  return g_test_run ();
}
